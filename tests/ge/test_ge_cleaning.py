"""Whole GE files: nothing of the examination is left, wherever the blocks stand and however the file is written."""

import gzip
import io
import struct
from pathlib import Path

import pydicom
import pytest

import csaclean
from csaclean.errors import MalformedValue
from phantom_file import Phantom, file_bytes
from phantom_ge import (
    EPOCH,
    EXAM,
    EXAM_NAME,
    KEYS,
    RUN,
    SCAN_DATE,
    STUDY,
    ge_elements,
    protocol_block,
    raw_header,
    xml_protocol,
)
from phantom_writer import ENCODINGS, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding, private_block
from phantoms import plain_image
from tests.ge.samples import cleaned

IDENTITIES = (
    b"PHANTOM",
    b"PH-0001",
    b"PHSU",
    b"PHMOB",
    b"PHHOST",
    b"PHANTOMCOILSERIAL",
    b"phantom",
    b"%d" % EXAM,
    EXAM_NAME,
    SCAN_DATE,
    STUDY,
    b"%d" % EPOCH,
    b"08:16",
)
"""What stands in private elements of the phantom, in the value or in the protocol that it hides."""


DESCRIPTION = 0x00400255
"""A standard element of the private sequence (0023,xx80)."""


def private_values(data: bytes) -> dict[tuple[int, str, int], bytes]:
    """Return the bytes of every private element by group, creator and offset, those of sequences' items with them."""
    found: dict[tuple[int, str, int], bytes] = {}

    def descend(dataset: pydicom.Dataset) -> None:
        for tag in sorted(dataset.keys()):
            raw: bytes | None = dataset.get_item(tag).value
            element = dataset[tag]
            if isinstance(element.value, pydicom.Sequence):
                for item in element.value:
                    descend(item)
            elif tag.group % 2 and tag.element > 0xFF:
                creator = dataset[tag.group, tag.element >> 8].value
                found[tag.group, creator, tag.element & 0xFF] = raw or b""
            elif tag == DESCRIPTION:
                found[tag.group, "", tag.element] = raw or b""

    descend(pydicom.dcmread(io.BytesIO(data)))
    return found


def protocol(block: bytes) -> bytes:
    """Return the text of a protocol data block, as Python's own reader inflates it."""
    (size,) = struct.unpack_from("<I", block)
    return gzip.decompress(block[4 : 4 + size])


def everything(data: bytes) -> bytes:
    """Return the private values one behind the other, and the protocol behind them."""
    values = private_values(data)
    return b"\n".join(values.values()) + protocol(values[0x25, "GEMS_SERS_01", 0x1B])


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
@pytest.mark.parametrize("place", [0x10, 0x42, 0xFF])
def test_nothing_of_the_examination_is_left(tmp_path: Path, encoding: Encoding, place: int) -> None:
    after, report = cleaned(tmp_path, ge_elements(place=place), encoding=encoding)
    assert report.vouched
    assert [one for one in IDENTITIES if one in everything(after)] == []


def test_all_of_it_is_there_before(tmp_path: Path) -> None:
    cleaned(tmp_path)
    before = everything((tmp_path / "in.dcm").read_bytes())
    assert [one for one in IDENTITIES if one not in before] == []


@pytest.mark.parametrize("order", ["<", ">"])
def test_no_number_of_the_examination_is_left_in_any_byte_order(tmp_path: Path, order: str) -> None:
    after, _ = cleaned(tmp_path)
    before = everything((tmp_path / "in.dcm").read_bytes())
    numbers = [struct.pack(f"{order}I", number) for number in (EPOCH, EPOCH + 1)]
    assert [number for number in numbers if number in everything(after)] == []
    if order == "<":
        assert numbers[0] in before


def test_the_number_of_the_run_is_left_only_where_converters_read_it(tmp_path: Path) -> None:
    after, _ = cleaned(tmp_path)
    number = struct.pack("<I", RUN)
    places = [place for place, value in private_values(after).items() if number in value]
    assert places == [(0x19, "GEMS_ACQU_01", 0xA2)]


def test_moved_blocks_get_the_same_edits(tmp_path: Path) -> None:
    here = private_values(cleaned(tmp_path)[0])
    there = private_values(cleaned(tmp_path, ge_elements(place=0x42))[0])
    assert here == there


def test_the_same_edits_are_made_in_every_encoding(tmp_path: Path) -> None:
    explicit = private_values(cleaned(tmp_path, encoding=EXPLICIT_LITTLE)[0])
    implicit = private_values(cleaned(tmp_path, encoding=IMPLICIT_LITTLE)[0])
    # pydicom takes the private sequence for bytes where nothing says its VR.
    assert explicit.items() - implicit.items() == {((0x40, "", 0x255), explicit[0x40, "", 0x255])}
    big = private_values(cleaned(tmp_path, encoding=EXPLICIT_BIG)[0])
    for place in ((0x25, "GEMS_SERS_01", 0x1B), (0x43, "GEMS_PARM_01", 0x2A), (0x43, "GEMS_PARM_01", 0x28)):
        assert big[place] == explicit[place]


@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
def test_cleaning_twice_is_cleaning_once(tmp_path: Path, policy: str) -> None:
    cleaned(tmp_path, policy=policy)
    report = csaclean.clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm", policy=policy)
    assert report.status == "unchanged"


@pytest.mark.parametrize("revision", [14.0, 24.0, 26.002])
def test_tails_of_the_raw_header_are_nulled(tmp_path: Path, revision: float) -> None:
    header = raw_header(revision, tail=b"PHANTOM^SYNTHETIC PH-0001")
    after, _ = cleaned(tmp_path, ge_elements(header=header))
    new = private_values(after)[0x43, "GEMS_PARM_01", 0x2A]
    assert len(new) == len(header)
    assert b"PHANTOM" not in new


@pytest.mark.parametrize(
    "options", [{"pad": b"\0"}, {"level": None}, {"level": 9}, {"level": 1}, {"name": b""}]
)
def test_the_member_is_as_long_as_it_was(tmp_path: Path, options: dict[str, object]) -> None:
    block = protocol_block(**options)  # type: ignore[arg-type]  # of every kind
    after, _ = cleaned(tmp_path, ge_elements(block))
    new = private_values(after)[0x25, "GEMS_SERS_01", 0x1B]
    padded = block + bytes(len(block) % 2)
    assert new[:8] == padded[:8]
    assert len(new) == len(padded)
    assert len(protocol(new)) == len(protocol(padded))


def test_what_converters_read_of_the_protocol_stands(tmp_path: Path) -> None:
    after, _ = cleaned(tmp_path)
    text = protocol(private_values(after)[0x25, "GEMS_SERS_01", 0x1B])
    for key, value in KEYS:
        if key in {"SLICEORDER", "VIEWORDER", "NOSLC", "DELACQ", "DELACQNOAV", "PSEQ", "IOPT"}:
            assert f'{key} "{value}"\n'.encode() in text


def test_xml_keeps_what_converters_read_and_loses_the_rest(tmp_path: Path) -> None:
    after, report = cleaned(tmp_path, ge_elements(protocol_block(xml_protocol())))
    text = protocol(private_values(after)[0x25, "GEMS_SERS_01", 0x1B])
    assert b"<SLICEORDER>1</SLICEORDER>" in text
    assert b"PHANTOM" not in text
    assert not report.vouched  # nobody knows its names


def test_a_key_hidden_in_a_description_is_what_a_converter_reads(tmp_path: Path) -> None:
    """dcm2niix takes the first place where a key stands: what stands there stays, and is listed."""
    keys = b'SEDESC "Doe NOSLC 7 Roe"\n' + b'NOSLC "4"\n'
    after, report = cleaned(tmp_path, ge_elements(protocol_block(keys)))
    assert (
        protocol(private_values(after)[0x25, "GEMS_SERS_01", 0x1B])
        == b'SEDESC "XXXXNOSLC 7 Roe"\nNOSLC "4"\n'
    )
    assert not report.vouched
    assert [one.read_by for one in report.kept if one.field.endswith("PDB/NOSLC")] != []


def test_a_key_behind_the_one_that_is_read_is_text(tmp_path: Path) -> None:
    keys = b'NOSLC "4"\n' + b'SEDESC "Doe NOSLC 77"\n'
    after, _ = cleaned(tmp_path, ge_elements(protocol_block(keys)))
    assert (
        protocol(private_values(after)[0x25, "GEMS_SERS_01", 0x1B]) == b'NOSLC "4"\nSEDESC "XXXXXXXXXXXX"\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        b'<?xml version="1.0"?><GE><SEDESC>LINCOLN</GE>',
        b'<?xml version="1.0"?><GE><SEDESC>LINCOLN',
        b'<?xml version="1.0"?>\n<GE a=LINCOLN></GE>',
        b'<?xml version="1.0"?>\nTE "1" LINCOLN\nSEDESC "LINCOLN"',
        b'<?xml "q"\nx?> "<"\n<a/> "LINCOLN"\n',
    ],
)
@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_xml_that_is_not_whole_is_text(tmp_path: Path, text: bytes, policy: str) -> None:
    after, _ = cleaned(tmp_path, ge_elements(protocol_block(text)), policy=policy)
    left = protocol(private_values(after)[0x25, "GEMS_SERS_01", 0x1B])
    assert len(left) == len(text)
    assert b"LINCOLN" not in left


def test_a_broken_member_fails_the_file(tmp_path: Path) -> None:
    block = protocol_block()
    with pytest.raises(MalformedValue):
        cleaned(tmp_path, ge_elements(block[:-6] + bytes(6)))


def test_numbers_in_the_preamble_are_nulled_and_reported(tmp_path: Path) -> None:
    preamble = struct.pack("<IIH", EXAM, 1, 1) + bytes(118)
    after, report = cleaned(tmp_path, preamble=preamble)
    assert after[:128] == bytes(128)
    assert [(one.region, one.action) for one in report.regions] == [("preamble", "null")]


def test_a_tiff_in_the_preamble_stays_and_is_reported(tmp_path: Path) -> None:
    preamble = b"II*\0" + struct.pack("<I", EXAM) + bytes(120)
    after, report = cleaned(tmp_path, preamble=preamble)
    assert after[:128] == preamble
    assert [(one.region, one.action) for one in report.regions] == [("preamble", "keep")]


def test_strict_zeroes_the_numbers_of_the_raw_header_that_nobody_reads(tmp_path: Path) -> None:
    after, _ = cleaned(tmp_path, policy="strict")
    new = private_values(after)[0x43, "GEMS_PARM_01", 0x2A]
    (at,) = struct.unpack_from("<H", new, 24)
    assert struct.unpack_from("<f", new, at)[0] == pytest.approx(26.002)
    assert struct.unpack_from("<h", new, at + 0x7C) == (4,)
    noise = 44 + 332
    assert not any(new[noise : noise + 1024])


def test_only_the_text_of_the_kept_protocol_is_what_it_was(tmp_path: Path) -> None:
    """Retaining all that is redacted but one text leaves a member that hardly changes: it fits all the same."""
    cleaned(tmp_path)
    source = tmp_path / "in.dcm"
    for retained in (["descriptors", "device"], ["uids", "device"], ["uids", "descriptors"]):
        report = csaclean.clean_file(source, tmp_path / "few.dcm", retain=retained, overwrite=True)
        assert report.status == "cleaned"


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_coils_are_redacted_as_text_where_they_stand_under_a_vr_of_numbers(
    policy: str, tmp_path: Path
) -> None:
    """(0043,GEMS_PARM_01,80) was met as DS with names and serial numbers of coils in it."""
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    block = private_block(0x0043, 0x10, b"GEMS_PARM_01", {0x80: ("DS", b"COILNAME\\SERIAL12345 ")})
    source.write_bytes(file_bytes(Phantom(plain_image(block))))
    report = csaclean.clean_file(source, target, policy)
    assert report.vouched
    assert b"COILNAME" not in target.read_bytes()
    assert b"SERIAL12345" not in target.read_bytes()
