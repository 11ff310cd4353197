"""Real files of Philips: each private element is claimed, answered for, and converts as before."""

import json
import struct
from pathlib import Path

import pytest

import csaclean
from csaclean.context import Context
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.locate import locate
from csaclean.registry import installed
from phantom_file import Phantom, file_bytes
from phantoms import philips_image
from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.conversion import convert, differences

pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

FILES = pytest.mark.parametrize("file", real_files("philips_*"))
PACKED_TIME = "(2005,Philips MR Imaging DD 001,2A)"
EXPECTED = {
    "(2001,Philips Imaging DD 001,0B)",
    "(2001,Philips Imaging DD 001,5F)",
    "(2005,Philips MR Imaging DD 001,0E)",
    "(2005,Philips MR Imaging DD 004,91)",
    "(2005,Philips MR Imaging DD 005,0F)",
    PACKED_TIME,
}
"""Elements that every file has."""


def values(data: bytes) -> dict[str, list[bytes]]:
    """Return the values of the claimed elements of a file by selector."""
    source = BytesSource(data)
    start = find_start(source)
    found = walk(source, start.syntax, start.offset)
    context = Context(found.elements, found.datasets, source)
    location = locate(found.elements, found.datasets, context.load, installed())
    by_selector: dict[str, list[bytes]] = {}
    for one in location.located:
        by_selector.setdefault(one.claimed.selector, []).append(context.load(one.element))
    return by_selector


def moment(packed: int) -> tuple[int, int, int, int]:
    """Return year, month, day and hour of a packed time: seconds of a calendar whose months have 31 days, from 2000 on."""
    hours, days = packed // 3600, packed // 86400
    return 2000 + days // 372, days // 31 % 12, days % 31, hours % 24


@FILES
def test_every_private_element_is_claimed_and_answered_for(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    assert done.report.status == "cleaned"
    assert done.report.unclaimed == ()
    assert sum(group.count for group in done.report.elements) > 270
    assert [group.selector for group in done.report.elements if not group.vouched] == []
    assert done.report.vouched


@FILES
def test_the_elements_that_every_scanner_writes_are_there(file: RealFile) -> None:
    found = values(file.path.read_bytes())
    sequences = {"(2001,Philips Imaging DD 001,5F)", "(2005,Philips MR Imaging DD 005,0F)"}
    assert found.keys() >= EXPECTED - sequences


@FILES
def test_the_time_that_an_integer_hides_is_the_examinations_and_is_gone(file: RealFile, clean: Clean) -> None:
    import pydicom

    done = clean(file, "converter-safe")
    (before,), (after,) = (values(part)[PACKED_TIME] for part in (done.before, done.after))
    study = pydicom.dcmread(file.path, stop_before_pixels=True)
    year, month, day, hour = moment(int(before))
    assert f"{year}{month:02}{day:02}" == study.StudyDate
    assert abs(hour - int(study.StudyTime[:2])) <= 2
    assert after.strip() == b"0"


@FILES
@pytest.mark.parametrize("policy", ["dead-space", "converter-safe"])
def test_a_file_converts_as_before(file: RealFile, policy: str, clean: Clean, tmp_path: Path) -> None:
    done = clean(file, policy)
    before = convert(file.path, tmp_path / "old")
    assert {Path(name).suffix for name in before.files} == {".json", ".nii"}
    assert differences(before, convert(done.path, tmp_path / "new")) == []


@FILES
def test_strict_changes_nothing_that_it_does_not_declare(
    file: RealFile, clean: Clean, tmp_path: Path
) -> None:
    # A sequence of a frame repeats what stands outside; of which of the two a key is made, no table says.
    done = clean(file, "strict")
    found = differences(convert(file.path, tmp_path / "old"), convert(done.path, tmp_path / "new"))
    assert {one.lstrip("+-") for one in found} <= set(done.report.declared)


def test_a_phantom_with_blobs_converts_as_before_and_the_comparison_sees_a_lost_scale(tmp_path: Path) -> None:
    data = file_bytes(Phantom(philips_image()))
    slope = struct.pack("<f", 0.125)
    assert data.count(slope) == 1
    parts = {"old": data, "damaged": data.replace(slope, struct.pack("<f", 0.25))}
    for name, content in parts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "in.dcm").write_bytes(content)
    (tmp_path / "new").mkdir()
    csaclean.clean_file(tmp_path / "old" / "in.dcm", tmp_path / "new" / "in.dcm")
    made = {name: convert(tmp_path / name, tmp_path / f"{name}-made") for name in ("old", "new", "damaged")}
    sidecar = next(content for name, content in made["old"].files.items() if name.endswith(".json"))
    assert json.loads(sidecar)["Manufacturer"] == "Philips"
    assert differences(made["old"], made["new"]) == []
    assert differences(made["old"], made["damaged"]) != []
