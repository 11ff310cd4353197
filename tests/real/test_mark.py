"""Real series that are marked: dcm2niix makes the same of them and says so, pydicom reads the marks, and they can be taken
out.
"""  # noqa: D205  # one sentence

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest

import csaclean
from csaclean.mark import CODE_MEANINGS, method_text
from csaclean.selector import parse_selector
from phantom_file import Phantom, file_bytes
from phantoms import base_image
from tests.conftest import NO_REAL_DATA, RealFile, manifest, real_files
from tests.real.conversion import Conversion, convert, differences


def series_names() -> list[object]:
    """Return the names of the real series as parameters; one that skips where there are none."""
    names = sorted({file.name.split("/")[1] for file in manifest() if file.name.startswith("series/")})
    return list(names) or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=NO_REAL_DATA))]


def sidecars_of(conversion: Conversion) -> list[dict[str, Any]]:
    """Return the sidecars, one of each image."""
    return [json.loads(content) for name, content in conversion.files.items() if name.endswith(".json")]


def converted(source: Path, scratch: Path, policy: str = "converter-safe") -> tuple[list[str], Conversion]:
    """Return what dcm2niix makes otherwise of a marked folder than of the cleaned one, and what of the marked one."""
    for mark in (False, True):
        target = scratch / ("marked" if mark else "cleaned") / source.name
        assert csaclean.clean_tree(source, target, policy, mark=mark).wait().files["failed"] == 0
    before = convert(scratch / "cleaned" / source.name, scratch / "old")
    after = convert(scratch / "marked" / source.name, scratch / "new")
    assert before.status == after.status == 0
    return differences(before, after), after


@pytest.mark.parametrize("name", series_names())
def test_a_marked_series_converts_to_the_same_but_for_the_word_of_it(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    found, after = converted(real_data / "series" / name, tmp_path)
    assert set(found) <= {"+DeidentificationMethod", "+DeidentificationMethodCodeSequence"}
    if found:
        words = [sidecar["DeidentificationMethod"] for sidecar in sidecars_of(after)]
        assert words == [[method_text("converter-safe")]] * len(words)


def test_a_marked_phantom_with_codes_converts_to_the_same_but_for_the_word_of_it(tmp_path: Path) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    source = tmp_path / "phantom"
    source.mkdir()
    for number in (1, 2, 3):
        (source / f"{number}.dcm").write_bytes(file_bytes(Phantom(base_image(instance=number))))
    found, after = converted(source, tmp_path, "dead-space")
    assert found == ["+DeidentificationMethod", "+DeidentificationMethodCodeSequence"]
    (sidecar,) = sidecars_of(after)
    codes = [item["CodeValue"] for item in sidecar["DeidentificationMethodCodeSequence"]]
    assert {"113106", "113108"} <= set(codes) <= CODE_MEANINGS.keys()


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_a_marked_file_is_the_cleaned_one_and_its_marks(file: RealFile, tmp_path: Path) -> None:
    csaclean.clean_file(file.path, tmp_path / "cleaned.dcm")
    report = csaclean.clean_file(file.path, tmp_path / "marked.dcm", mark=True)
    cleaned, marked = (tmp_path / "cleaned.dcm").read_bytes(), (tmp_path / "marked.dcm").read_bytes()
    inserted = [region for region in report.regions if region.action == "insert"]
    assert bool(inserted) == bool(report.elements)
    if report.encoding.startswith("deflated"):
        return
    rest, position = bytearray(), 0
    for region in inserted:
        size = region.offset - len(rest)
        rest += marked[position : position + size]
        position += size + region.bytes
    rest += marked[position:]
    for region in report.regions:
        if region.action == "lengthen":
            stop = region.offset + region.bytes
            rest[region.offset : stop] = cleaned[region.offset : stop]
    assert rest == cleaned


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_marking_a_real_file_twice_is_marking_it_once(file: RealFile, tmp_path: Path) -> None:
    csaclean.clean_file(file.path, tmp_path / "once.dcm", mark=True)
    assert csaclean.clean_file(tmp_path / "once.dcm", tmp_path / "twice.dcm", mark=True).status == "unchanged"


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_pydicom_finds_the_blocks_that_are_marked(file: RealFile, tmp_path: Path) -> None:
    report = csaclean.clean_file(file.path, tmp_path / "marked.dcm", mark=True)
    dataset = pydicom.dcmread(tmp_path / "marked.dcm", stop_before_pixels=True, force=True)
    steps = (parse_selector(group.selector)[-1] for group in report.elements if not group.orphans)
    claimed = {(step.group, step.creator) for step in steps if step.creator}
    marked = {
        (item.PrivateGroupReference, item.PrivateCreatorReference)
        for item in dataset.get("PrivateDataElementCharacteristicsSequence", [])
    }
    assert marked >= claimed
