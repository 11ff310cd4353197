"""A block number is only reserved: a file whose blocks stand elsewhere is edited at the same places, in the same way."""

import io
import struct
import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

import csaclean
from csaclean.dicom.creators import is_creator, resolve_creators
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from tests.conftest import RealFile, real_files

BY = 0x40
"""How many blocks further the others stand."""


def relocated(data: bytes) -> bytes:
    """Return a file in which every reserved block of every data set and item stands `BY` blocks further."""
    source = BytesSource(data)
    start = find_start(source)
    assert not start.syntax.deflated
    found = walk(source, start.syntax, start.offset)
    reserved = resolve_creators(found.elements, lambda element: data[element.start : element.stop])
    new = bytearray(data)
    for element in found.elements:
        group, number = element.tag >> 16, element.tag & 0xFFFF
        if not group & 1:
            continue
        if is_creator(element.tag) and (element.owner, group, number) in reserved:
            moved = number + BY
        elif (element.owner, group, number >> 8) in reserved:
            moved = number + (BY << 8)
        else:
            continue
        assert moved <= 0xFFFF
        struct.pack_into(f"{element.order}H", new, element.header + 2, moved)
    return bytes(new)


def shape(data: bytes) -> list[tuple[int, str | None, int, str]]:
    """Return group, creator, low byte and VR of each private element as pydicom finds them, of items too."""
    found: list[tuple[int, str | None, int, str]] = []

    def descend(dataset: Dataset) -> None:
        for element in dataset:
            tag = element.tag
            if tag.is_private and not tag.is_private_creator:
                place = (tag.group, tag.element >> 8)
                name = str(dataset[place].value) if place in dataset else None
                found.append((tag.group, name, tag.element & 0xFF, element.VR))
            if element.VR == "SQ":
                for item in element.value:
                    descend(item)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        descend(pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True))
    return found


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_moving_blocks_loses_no_element(file: RealFile) -> None:
    data = file.path.read_bytes()
    moved = relocated(data)
    assert sorted(map(str, shape(moved))) == sorted(map(str, shape(data)))
    assert (moved != data) == any(creator for _, creator, _, _ in shape(data))


@pytest.mark.parametrize("policy", ["dead-space", "converter-safe"])
@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_moved_and_cleaned_is_cleaned_and_moved(file: RealFile, policy: str, tmp_path: Path) -> None:
    data = file.path.read_bytes()
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(relocated(data))
    csaclean.clean_file(source, target, policy)
    moved_first = target.read_bytes()
    csaclean.clean_file(file.path, target, policy, overwrite=True)
    assert moved_first == relocated(target.read_bytes())
