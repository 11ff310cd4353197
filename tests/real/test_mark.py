"""Real series that are marked: dcm2niix makes the same of them, pydicom reads the marks, and they can be taken out."""

from pathlib import Path

import pydicom
import pytest

import csaclean
from tests.conftest import NO_REAL_DATA, RealFile, manifest, real_files
from tests.real.conversion import convert, differences


def series_names() -> list[object]:
    """Return the names of the real series as parameters; one that skips where there are none."""
    names = sorted({file.name.split("/")[1] for file in manifest() if file.name.startswith("series/")})
    return list(names) or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=NO_REAL_DATA))]


@pytest.mark.parametrize("name", series_names())
def test_a_marked_series_converts_to_the_same(name: str, real_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    source = real_data / "series" / name
    summary = csaclean.clean_tree(source, tmp_path / "marked" / name, mark=True).wait()
    assert summary.files["failed"] == 0
    before = convert(source, tmp_path / "old")
    assert before.status == 0
    assert differences(before, convert(tmp_path / "marked" / name, tmp_path / "new")) == []


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
    named = {group.selector.rpartition("/")[2] for group in report.elements if not group.orphans}
    claimed = {(int(step[1:5], 16), step[6:-4]) for step in named}
    marked = {
        (item.PrivateGroupReference, item.PrivateCreatorReference)
        for item in dataset.get("PrivateDataElementCharacteristicsSequence", [])
    }
    assert marked >= {(group, creator) for group, creator in claimed if group & 1}
