"""What converters read of GE, found as they find it: by number or creator, keys by first place in the inflated text."""

import struct
from collections.abc import Mapping

import pytest

from csaclean.handler import ConverterElement
from csaclean_handlers.ge.converters import GeConverters
from phantom_ge import protocol_block, raw_header, xml_protocol
from tests.ge.samples import BLOCK, HEADER

TABLE = GeConverters()


def found(tag: int, value: bytes, creator: str | None = None) -> Mapping[str, bytes]:
    """Return what is read of one element, by the last part of its name."""
    fields = TABLE.fields([ConverterElement(tag, creator, value)])
    return {key.rpartition("/")[2]: read for key, read in fields.items()}


def test_keys_of_the_protocol_are_found_with_the_rest_of_their_line() -> None:
    keys = found(0x0025101B, protocol_block())
    assert keys["SLICEORDER"] == b' "1"'
    assert keys["PSEQ"] == b' "Gradient Echo"'
    assert keys["IOPT"] == b' "EPI, FMRI"'
    assert "SEDESC" not in keys


def test_a_key_counts_where_it_stands_first() -> None:
    block = protocol_block(b'SEDESC "NOSLC 77"\nNOSLC "4"\n')
    assert found(0x0025101B, block)["NOSLC"] == b' 77"'


def test_slice_order_needs_a_line_in_front_of_it() -> None:
    assert found(0x0025101B, protocol_block(b'SLICEORDER "1"\n')) == {}


def test_keys_are_found_in_xml_too() -> None:
    assert found(0x0025101B, protocol_block(xml_protocol()))["NOSLC"] == b">4</NOSLC>"


@pytest.mark.parametrize(
    ("tag", "creator", "read"),
    [
        (0x0025101B, None, True),
        (0x0025101B, "somebody", True),
        (0x0025421B, "gems_sers_01", True),
        (0x0025421B, "somebody", False),
        (0x0025101C, "gems_sers_01", False),
    ],
)
def test_a_block_is_found_by_number_or_by_creator(tag: int, creator: str | None, read: bool) -> None:
    assert bool(found(tag, protocol_block(), creator)) is read


@pytest.mark.parametrize("broken", [b"", bytes(40), protocol_block()[:60], protocol_block(word=False)])
def test_of_a_broken_block_nothing_is_read(broken: bytes) -> None:
    assert found(0x0025101B, broken) == {}


def test_the_length_is_taken_from_the_last_bytes_as_converters_do() -> None:
    block = protocol_block()
    assert found(0x0025101B, block[:-4] + struct.pack("<I", 20)).keys() < found(0x0025101B, block).keys()


@pytest.mark.parametrize("revision", [9.0, 24.0, 25.002, 26.002])
def test_numbers_of_the_raw_header_are_found_where_the_revision_has_them(revision: float) -> None:
    numbers = found(0x0043102A, raw_header(revision))
    assert numbers["dacq_ctrl"] == b"\4\0"
    assert numbers["data_format"] == b"\x40\x08"
    assert numbers["kydir"] == b"\1\0"
    assert struct.unpack("<f", numbers["rev"])[0] == pytest.approx(revision)


@pytest.mark.parametrize("value", [b"", bytes(40), bytes(7336), raw_header(99.0), raw_header(9.0, order=">")])
def test_of_what_is_no_raw_header_nothing_is_read(value: bytes) -> None:
    assert found(0x0043102A, value) == {}


def test_fields_are_known_by_their_keys() -> None:
    fields = TABLE.fields([ConverterElement(0x0025101B, None, protocol_block())])
    (key,) = (key for key in fields if key.endswith("/NOSLC"))
    assert TABLE.is_field(key, BLOCK, "PDB/NOSLC")
    assert not TABLE.is_field(key, BLOCK, "PDB/SLICEORDER")
    assert not TABLE.is_field(key, HEADER, "raw/kydir")


def test_consumers_are_those_of_the_field() -> None:
    assert TABLE.consumers(BLOCK, "PDB/SLICEORDER")
    assert not TABLE.consumers(BLOCK, "PDB/SEDESC")
    assert not TABLE.consumers(BLOCK, "gzip/mtime")
    assert TABLE.consumers(HEADER, "raw/kydir")
    assert not TABLE.consumers(HEADER, "raw/scan_date")
    assert TABLE.consumers("(0043,GEMS_PARM_01,39)", "")


def test_the_sidecar_changes_with_what_is_read() -> None:
    elements = [
        ConverterElement(0x0025101B, None, protocol_block()),
        ConverterElement(0x0019109C, None, b"epiRT"),
    ]
    before = TABLE.fields(elements)
    after = {
        key: value.replace(b"Gradient", b"XXXXXXXX").replace(b"epi", b"XXX") for key, value in before.items()
    }
    assert set(TABLE.outputs(before, after, {})) == {"ProcedureStepDescription", "SequenceName"}
    assert TABLE.outputs(before, before, {}) == ()
