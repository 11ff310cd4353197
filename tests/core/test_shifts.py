"""Whose dates are shifted: those of the patient of the data set itself."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import csaclean
from csaclean.errors import FileError
from phantom_file import Phantom, file_bytes
from phantom_writer import DataSet, sequence, text
from phantoms import PATIENT_ID, STUDY_DATE, csa_block, plain_image

SHIFTS: Mapping[str, int] = {PATIENT_ID: 1, "OTHER-9": 100}


def shifted(tmp_path: Path, *extra: DataSet, without_id: bool = False) -> bytes:
    dataset = plain_image(csa_block(), *extra)
    if without_id:
        dataset = tuple(element for element in dataset if element.tag != 0x00100020)
    source = tmp_path / "in.dcm"
    source.write_bytes(file_bytes(Phantom(dataset)))
    csaclean.clean_file(source, tmp_path / "out.dcm", shift_days=SHIFTS)
    return (tmp_path / "out.dcm").read_bytes()


def test_the_patient_of_the_data_set_itself_counts_and_not_one_of_an_item(tmp_path: Path) -> None:
    item = (sequence(0x00081140, (text(0x00100020, "LO", "OTHER-9"),)),)
    after = shifted(tmp_path, item)
    assert after.count(f"{int(STUDY_DATE) + 1}".encode("ascii")) == 2


def test_two_patients_in_one_data_set_fail_it(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="more than one PatientID"):
        shifted(tmp_path, (text(0x00100020, "LO", "OTHER-9"),))


def test_no_patient_fails_it(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="PatientID"):
        shifted(tmp_path, without_id=True)
