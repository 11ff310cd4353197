"""Archives pack private blocks anew, from 10 upward: what is cleaned before is cleaned then, under every policy."""

import struct
from pathlib import Path

import pytest

import csaclean
from csaclean.dicom.creators import is_creator, resolve_creators
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.errors import CsacleanError
from tests.conftest import RealFile, real_files

_FIRST = 0x10


def packed(data: bytes, *, turned: bool = False) -> bytes:
    """Return a file in which the reserved blocks of every data set and item follow each other, as dcm4che writes them.

    If they are `turned`, the last block becomes the first.
    """
    source = BytesSource(data)
    start = find_start(source)
    assert not start.syntax.deflated
    found = walk(source, start.syntax, start.offset)
    reserved = resolve_creators(found.elements, lambda element: data[element.start : element.stop])
    blocks: dict[tuple[int, int], dict[int, int]] = {}
    for owner, group, block in reserved:
        blocks.setdefault((owner, group), {})[block] = 0
    for moved in blocks.values():
        moved.update({block: _FIRST + place for place, block in enumerate(sorted(moved, reverse=turned))})
    new = bytearray(data)
    for element in found.elements:
        group, number = element.tag >> 16, element.tag & 0xFFFF
        moved = blocks.get((element.owner, group), {})
        if is_creator(element.tag):
            number = moved.get(number, number)
        elif group & 1:
            number = moved.get(number >> 8, number >> 8) << 8 | number & 0xFF
        struct.pack_into(f"{element.order}H", new, element.header + 2, number)
    return bytes(new)


def failure(path: Path, target: Path, policy: str) -> str:
    """Return the code of the error with which cleaning a file ends; empty if it ends well."""
    try:
        csaclean.clean_file(path, target, policy, overwrite=True)
    except CsacleanError as error:
        return error.code
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_a_file_with_blocks_packed_anew_is_cleaned_too(
    file: RealFile, turned: bool, policy: str, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(packed(file.path.read_bytes(), turned=turned))
    told = failure(source, target, policy)
    assert not told or told == failure(file.path, target, policy)
