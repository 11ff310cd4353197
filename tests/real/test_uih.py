"""A real series of United Imaging: 17 volumes that convert as before, wherever their blocks stand."""

import io
import struct
import warnings
from collections import Counter
from pathlib import Path

import pydicom
import pytest

import csaclean
from csaclean.report.model import Report
from tests.conftest import NO_REAL_DATA, RealFile, manifest, real_files
from tests.real.conftest import Clean
from tests.real.conversion import Conversion, convert, differences
from tests.real.test_relocation import relocated

pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

every_file = pytest.mark.parametrize("file", real_files("*uih_*.dcm"))
policies = pytest.mark.parametrize("policy", ["converter-safe", "strict"])
DAYS = 100
SLICES = 20
KINDS = {".bval", ".bvec", ".json", ".nii"}
EDITS = {"dates": 1, "descriptors": 2, "device": 2, "institution": 1}
"""What converter-safe redacts in a file: epoch; protocol and a word; coil and version; sequence."""


def folder() -> Path:
    if not manifest():
        pytest.skip(NO_REAL_DATA)
    return next(file.path.parent for file in manifest() if "/uih_r002_dwi/" in file.name)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Conversion:
    """Return what dcm2niix makes of the series."""
    made = convert(folder(), tmp_path_factory.mktemp("uih") / "nifti")
    assert {Path(name).suffix for name in made.files} == KINDS
    assert any(b"SliceTiming" in content for content in made.files.values())
    return made


def cleaned_series(tmp_path: Path, policy: str, days: int | None = None) -> tuple[Conversion, list[Report]]:
    reports = list(csaclean.clean_tree(folder(), tmp_path / "cleaned", policy, shift_days=days))
    assert {report.status for report in reports} == {"cleaned"}
    return convert(tmp_path / "cleaned", tmp_path / "nifti"), reports


def read(data: bytes) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(data))


def test_converter_safe_changes_nothing_that_dcm2niix_makes(original: Conversion, tmp_path: Path) -> None:
    made, reports = cleaned_series(tmp_path, "converter-safe")
    assert differences(original, made) == []
    assert {report.declared for report in reports} == {()}


@pytest.mark.parametrize("days", [None, DAYS])
def test_strict_changes_the_date_and_nothing_else(
    original: Conversion, days: int | None, tmp_path: Path
) -> None:
    made, reports = cleaned_series(tmp_path, "strict", days)
    assert differences(original, made) == ["AcquisitionDateTime"]
    assert all("AcquisitionDateTime" in report.declared for report in reports)


@policies
@every_file
def test_every_private_element_is_vouched_for(file: RealFile, policy: str, clean: Clean) -> None:
    report = clean(file, policy).report
    assert report.vouched
    assert report.unclaimed == ()


@every_file
def test_these_fields_are_redacted_and_no_others(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    found: Counter[str] = Counter()
    for element in done.report.elements:
        found.update(element.edits)
    assert found == EDITS
    old, new = read(done.before), read(done.after)
    changed = [int(e.tag) for e in old if e.tag.is_private and e.value != new[e.tag].value]
    assert changed == [0x00651000, 0x00651003, 0x00651007, 0x0065102D, 0x00651040, 0x00651041]
    assert new[0x00651000].value == 0
    assert not any(new[0x00651007].value)


@policies
@every_file
def test_frames_keep_their_times_of_day_and_all_that_has_no_creator(
    file: RealFile, policy: str, clean: Clean
) -> None:
    done = clean(file, policy)
    old, new = (read(data)[0x00651051].value for data in (done.before, done.after))
    assert len(old) == len(new) == SLICES
    for before, after in zip(old, new, strict=True):
        changed = {int(element.tag) for element in before if element.value != after[element.tag].value}
        assert changed == ({0x00080022, 0x0008002A} if policy == "strict" else set())
        assert before.AcquisitionTime == after.AcquisitionTime


@every_file
def test_shifted_dates_move_by_days_alone(file: RealFile, tmp_path: Path) -> None:
    csaclean.clean_file(file.path, tmp_path / "out.dcm", "strict", shift_days=DAYS)
    old, new = (read(path.read_bytes())[0x00651051].value for path in (file.path, tmp_path / "out.dcm"))
    for before, after in zip(old, new, strict=True):
        assert after.AcquisitionDateTime[8:] == before.AcquisitionDateTime[8:]
        assert after.AcquisitionDate == after.AcquisitionDateTime[:8] != before.AcquisitionDate


@policies
@every_file
def test_blocks_that_stand_elsewhere_get_the_same_edits(file: RealFile, policy: str, tmp_path: Path) -> None:
    data = file.path.read_bytes()
    (tmp_path / "in.dcm").write_bytes(relocated(data))
    csaclean.clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm", policy)
    csaclean.clean_file(file.path, tmp_path / "straight.dcm", policy)
    assert (tmp_path / "out.dcm").read_bytes() == relocated((tmp_path / "straight.dcm").read_bytes())


@every_file
def test_the_epoch_of_the_scan_is_nowhere_any_more(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    epoch = struct.pack("<I", read(done.before)[0x00651000].value)
    assert epoch in done.before
    assert epoch not in done.after
