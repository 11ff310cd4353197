"""The header of the raw data file: its fields in every revision, texts and numbers that no layout names."""

import struct

import pytest

from csaclean.model import Kind
from csaclean_handlers.ge.raw_header import revision_of
from phantom_ge import RUN, SCAN_DATE, SCAN_TIME, raw_header
from tests.ge.samples import HEADER, fields, layout

REVISIONS = (9.0, 14.0, 20.006, 24.0, 25.001, 25.002, 26.002, 30.0)
TAIL = b"PHANTOM^TAIL behind"


def found(value: bytes) -> dict[str, tuple[str, bytes]]:
    """Return form and bytes of the named fields."""
    return {
        path: (form, old)
        for path, form, old in fields(value, layout(HEADER, value))
        if not path.endswith(("/numbers", "/text"))
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_date_time_and_run_are_fields_in_every_revision(revision: float) -> None:
    named = found(raw_header(revision))
    assert named["raw/scan_date"] == ("slashed-date", SCAN_DATE)
    assert named["raw/scan_time"] == ("time", SCAN_TIME)
    assert named["raw/run_char"] == ("text", b"%d" % RUN)
    assert named["raw/run_int"] == ("binary-number", struct.pack("<i", RUN))
    assert named["raw/logo"] == ("code", b"GE_MED_NMR")


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_converters_read_stands_where_they_look(revision: float) -> None:
    named = found(raw_header(revision))
    assert named["raw/dacq_ctrl"] == ("binary-number", b"\4\0")
    assert named["raw/data_format"] == ("binary-number", b"\x40\x08")
    assert named["raw/kydir"] == ("binary-number", b"\1\0")


def test_the_fields_move_at_revision_25_002() -> None:
    assert revision_of(25.001).places[1].at == 4
    assert revision_of(struct.unpack("<f", struct.pack("<f", 25.002))[0]).places[1].at == 80


def test_numbers_of_the_first_scanners_are_big_endian() -> None:
    assert found(raw_header(9.0, order=">"))["raw/run_int"] == ("binary-number", struct.pack(">i", RUN))


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_follows_the_end_of_a_text_is_dead(revision: float) -> None:
    value = raw_header(revision, tail=TAIL)
    dead = b"".join(value[s.start : s.stop] for s in layout(HEADER, value) if s.kind is Kind.DEAD)
    assert dead.count(TAIL) == 3  # the two files of spectra, and which prescan was used
    named = fields(value, layout(HEADER, value))
    assert not any(TAIL[-8:] in old for _, _, old in named)


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_no_layout_names_is_one_field_that_is_blanked(revision: float) -> None:
    value = raw_header(revision, free=b"EX421 ")
    (unknown,) = (old for path, form, old in fields(value, layout(HEADER, value)) if path == "raw/unknown")
    assert b"EX421 " in unknown


def test_a_name_among_published_numbers_is_text() -> None:
    value = bytearray(raw_header())
    value[3232 + 2600 : 3232 + 2617] = b"PHANTOM^SYNTHETIC"
    assert ("raw/text", "text", b"PHANTOM^SYNTHETIC") in fields(bytes(value), layout(HEADER, bytes(value)))


@pytest.mark.parametrize("revision", REVISIONS)
def test_everything_else_is_numbers(revision: float) -> None:
    forms = {
        form
        for path, form, _ in fields(raw_header(revision), layout(HEADER, raw_header(revision)))
        if path.endswith("/numbers")
    }
    assert forms == {"binary-number"}


def test_without_a_table_of_sections_the_header_is_found_at_its_place() -> None:
    value = raw_header() + b"Doe^J "
    named = found(value)
    assert named["raw/scan_date"] == ("slashed-date", SCAN_DATE)
    (unknown,) = (old for path, _, old in fields(value, layout(HEADER, value)) if path == "raw/unknown")
    assert unknown.endswith(b"Doe^J ")


@pytest.mark.parametrize("value", [b"]u\xd7" * 2446, raw_header(3.0), raw_header(99.0)])
def test_a_long_value_without_a_header_is_foreign(value: bytes) -> None:
    assert layout(HEADER, value).is_foreign


@pytest.mark.parametrize("value", [bytes(918), bytes(7336)])
def test_a_long_value_of_nulls_holds_nothing(value: bytes) -> None:
    assert [span.kind for span in layout(HEADER, value)] == [Kind.DEAD]


def test_a_short_value_is_the_strings_that_ct_writes() -> None:
    value = b"CT01\0\0\0PHANTOM CT/i\0" + bytes(20)
    assert fields(value, layout(HEADER, value)) == [
        ("string", "text", b"CT01"),
        ("string", "text", b"PHANTOM CT/i"),
    ]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_run_of_numbers_begins_where_numbers_of_32_bits_stand(revision: float) -> None:
    value = raw_header(revision)
    start = value.index(struct.pack("<f", revision))
    runs = [
        span
        for span in layout(HEADER, value)
        if span.path == "raw/numbers" and span.stop - span.start >= 2 * 4
    ]
    assert runs
    assert {(span.start - start) % 4 for span in runs} == {0}
