"""Real files of Toshiba and Canon: what they hide backwards is cleaned, and reads as before."""

import io
import shutil
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pydicom
import pytest

import csaclean
from tests.canon.hidden_sets import read as read_hidden
from tests.canon.hidden_sets import shape
from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.conversion import convert, differences

toshiba = pytest.mark.parametrize("file", real_files("toshiba_*.dcm"))
both = pytest.mark.parametrize("file", real_files("toshiba_*.dcm", "canon_*.dcm"))
policies = pytest.mark.parametrize("policy", ["converter-safe", "strict"])

SETS = 7
"""Reversed data sets in a file of V5.0."""


def read(data: bytes) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(data))


def hidden(dataset: pydicom.Dataset) -> Iterator[bytes]:
    """Yield the values of (0029,xx90), in items."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from hidden(item)
        elif (
            element.tag.group == 0x0029 and element.tag.element & 0xFF == 0x90 and element.tag.element > 0xFFF
        ):
            yield element.value


def leaves(dataset: pydicom.Dataset) -> Iterator[pydicom.DataElement]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from leaves(item)
        else:
            yield element


@cache
def secrets(file: RealFile) -> tuple[bytes, ...]:
    """Return what must not be left: serial numbers, paths, physicians, UIDs and the times of day in the reversed sets."""
    dataset = read(file.path.read_bytes())
    found = {str(dataset.get("DeviceSerialNumber", ""))}
    for value in hidden(dataset):
        for element in leaves(read_hidden(value)):
            tag = element.tag
            serial = (tag.group, tag.element & 0xFF) == (0x0009, 0x02)
            path = tag.group == 0x0029 and tag.element & 0xFF in range(0x50, 0x55)
            if not tag.is_private_creator and (serial or path or element.VR in ("UI", "PN", "TM")):
                found.add(str(element.value or ""))
    return tuple(text.encode("ascii") for text in sorted(found) if len(text) > 5)


@toshiba
def test_every_file_hides_seven_sets(file: RealFile) -> None:
    assert len(list(hidden(read(file.path.read_bytes())))) == SETS


@policies
@toshiba
def test_the_sets_read_to_the_last_byte_with_the_same_elements(
    file: RealFile, policy: str, clean: Clean
) -> None:
    done = clean(file, policy)
    old, new = (list(hidden(read(data))) for data in (done.before, done.after))
    assert len(old) == len(new) == SETS
    for before, after in zip(old, new, strict=True):
        assert len(before) == len(after)
        assert shape(read_hidden(before)) == shape(read_hidden(after))


@policies
@toshiba
def test_serials_paths_names_times_and_uids_are_in_no_set_any_more(
    file: RealFile, policy: str, clean: Clean
) -> None:
    old, new = (
        b"\n".join(hidden(read(data))) for data in (clean(file, policy).before, clean(file, policy).after)
    )
    found = [secret for secret in secrets(file) if secret in old[::-1]]
    assert len(found) > 5
    assert not any(secret in new or secret in new[::-1] for secret in found)


@policies
@toshiba
def test_the_serial_number_is_in_no_private_text_any_more(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    serial = str(read(done.before).DeviceSerialNumber).encode("ascii")
    counts = []
    for data in (done.before, done.after):
        texts = [
            str(element.value)
            for value in hidden(read(data))
            for element in leaves(read_hidden(value))
            if element.VR in ("LO", "SH", "UI", "LT") and not element.tag.is_private_creator
        ]
        counts.append(sum(serial.decode("ascii") in text for text in texts))
    assert counts[0] > 3
    assert counts[1] == 0


@both
def test_every_private_element_is_vouched_for(file: RealFile, clean: Clean) -> None:
    report = clean(file, "converter-safe").report
    assert report.vouched
    assert [group.selector for group in report.elements if not group.vouched] == []
    assert report.unclaimed == ()


@policies
@toshiba
def test_gradients_of_the_protocol_stay(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)

    def gradients(data: bytes) -> list[bytes]:
        texts = [element.value for element in leaves(read(data)) if int(element.tag) == 0x700D1019]
        return [text[text.index(b"<VG>") : text.index(b"</VG>")] for text in texts]

    assert gradients(done.before) == gradients(done.after) != []


@both
@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_dcm2niix_makes_the_same_of_it(file: RealFile, policy: str, clean: Clean, tmp_path: Path) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    done = clean(file, policy)
    for name, source in (("before", file.path), ("after", done.path)):
        (tmp_path / name).mkdir()
        shutil.copyfile(source, tmp_path / name / "1.dcm")
    old, new = (convert(tmp_path / name, tmp_path / f"nifti-{name}") for name in ("before", "after"))
    assert old.files
    assert differences(old, new) == []


@both
def test_cleaning_twice_is_cleaning_once(file: RealFile, clean: Clean, tmp_path: Path) -> None:
    once = clean(file, "converter-safe")
    report = csaclean.clean_file(once.path, tmp_path / "twice.dcm", "converter-safe")
    assert (tmp_path / "twice.dcm").read_bytes() == once.after
    assert report.status == "unchanged"
