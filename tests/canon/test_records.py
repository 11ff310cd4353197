"""(700D,xx08): records of the patient's registration, in groups that two readers find in two ways."""

import struct

import pytest

from csaclean.errors import MalformedValue
from csaclean.model import Kind
from csaclean_handlers.canon.records import layout_records
from phantom_canon import (
    BYTES,
    DATE_TIME,
    DOUBLE,
    FLOATS,
    INTEGERS,
    ITEMS,
    KANJI,
    NAMES,
    PERFORMED,
    REFERENCE,
    SCHEDULED,
    TEXT,
    UNICODE,
    items,
    named_text,
    names,
    performed,
    record,
    records,
    reference,
    registration,
    scheduled,
)
from tests.canon.samples import RECORDS, cleaned, parts

UID = b"2.25.20010203081500000000"


def only(kind: int, value: bytes, key: int = 0x1234) -> bytes:
    """Return a value with one record."""
    return records([[record(key, kind, value)]])


def found(kind: int, value: bytes) -> list[tuple[str, str, bytes]]:
    """Return the fields of one record, by their paths below it."""
    row = only(kind, value)
    return [(p.removeprefix("Records/1/1234"), f, part) for p, f, part in parts(row, layout_records(row))]


# What a record holds


@pytest.mark.parametrize("kind", [TEXT, UNICODE])
def test_a_text_ends_at_its_nul_and_what_follows_is_dead(kind: int) -> None:
    row = only(kind, b"DOE^JANE\0ROE")
    layout = layout_records(row)
    assert parts(row, layout) == [("Records/1/1234", "text", b"DOE^JANE")]
    assert [row[s.start : s.stop] for s in layout if s.kind is Kind.DEAD][-1] == b"ROE"


def test_a_text_may_name_a_character_set() -> None:
    assert found(TEXT, named_text(KANJI)) == [("", "text", KANJI)]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(named_text(b"DOE").replace(b"-1", b"-2"), id="another name"),
        pytest.param(named_text(b"DOE") + b"!", id="longer than it says"),
        pytest.param(named_text(b"DOE")[:-1], id="shorter than it says"),
        pytest.param(b"\xdf\xff\x79", id="nothing else"),
        pytest.param(b"\xdf\xff\x79" + bytes(300), id="too long"),
    ],
)
def test_a_header_of_a_character_set_is_checked(value: bytes) -> None:
    with pytest.raises(MalformedValue):
        layout_records(only(TEXT, value))


@pytest.mark.parametrize("end", [b"", b"\0"])
def test_a_moment_is_a_date_and_a_time(end: bytes) -> None:
    assert found(DATE_TIME, b"02/03/2001,08:15:00" + end) == [
        ("/date", "slashed-date", b"02/03/2001"),
        ("/time", "time", b"08:15:00"),
    ]


def test_what_is_no_moment_is_text() -> None:
    assert found(DATE_TIME, b"2001-02-03T08:15:00") == [("", "text", b"2001-02-03T08:15:00")]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (INTEGERS, struct.pack("<3i", 1, -2, 3)),
        (FLOATS, struct.pack("<f", 72.5)),
        (DOUBLE, struct.pack("<d", 123.25)),
        (0x00000600, struct.pack("<3f", 1, 0, 0)),
        (0xFF002A00, struct.pack("<I", 1)),
    ],
)
def test_numbers_stand_as_numbers(kind: int, value: bytes) -> None:
    assert found(kind, value) == [("", "binary-number", value)]


def test_a_text_among_numbers_is_text() -> None:
    assert found(INTEGERS, b"DOE^JANE") == [("", "text", b"DOE^JANE")]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (INTEGERS, b"12345"),
        (DOUBLE, bytes(12)),
        (NAMES, bytes(324)),
        (SCHEDULED, bytes(436)),
        (BYTES, b"DOE"),
    ],
)
def test_what_is_not_written_as_its_type_says_is_opaque(kind: int, value: bytes) -> None:
    assert found(kind, value) == [("/bytes", "opaque", value)]


def test_items_have_a_number_and_seven_texts() -> None:
    assert found(ITEMS, items(b"A", b"B") + items(index=2)) == [
        ("/index", "binary-number", struct.pack("<I", 1)),
        ("/text/1", "text", b"A"),
        ("/text/2", "text", b"B"),
        ("/index", "binary-number", struct.pack("<I", 2)),
    ]


def test_a_reference_holds_uids() -> None:
    uids = [(path, value) for path, form, value in found(REFERENCE, reference(UID)) if form == "uid"]
    assert uids == [("/class", b"1.2.840.10008.3.1.2.3.1"), ("/instance", UID)]


def test_structures_hold_names_dates_and_uids_where_gdcm_finds_them() -> None:
    made = {path: value for path, _, value in found(PERFORMED, performed(b"DOE", b"ROE", note=b"N"))}
    assert made["/name"] == b"DOE"
    assert (made["/date"], made["/time"], made["/modality"]) == (b"20010203", b"081500.000000", b"MR")
    planned = {path: value for path, _, value in found(SCHEDULED, scheduled(b"DOE", UID, b"ROE"))}
    assert (planned["/name"], planned["/study"]) == (b"DOE", UID)
    assert [value for *_, value in found(NAMES, names(b"DOE", b"ROE"))] == [b"DOE", b"ROE"]


def test_what_stands_behind_the_nul_of_a_slot_is_dead() -> None:
    row = only(PERFORMED, performed(b"DOE", b"ROE^JOHN"))
    dead = b"".join(row[s.start : s.stop] for s in layout_records(row) if s.kind is Kind.DEAD)
    assert b"ROE^JOHN" in dead


def test_the_free_words_of_a_separator_are_dead() -> None:
    row = records([[record(1, INTEGERS, bytes(4), (0, 0xAAAAAAAA, 12, 0, 0xBBBBBBBB))]])
    dead = [row[s.start : s.stop] for s in layout_records(row) if s.kind is Kind.DEAD]
    assert dead == [b"\xaa" * 4, b"\xbb" * 4]


def test_an_empty_record_has_its_type_for_a_field() -> None:
    assert found(UNICODE, b"") == [("/type", "binary-number", struct.pack("<I", UNICODE))]


# Groups

PLAIN = [record(key, INTEGERS, bytes(4)) for key in range(1, 8)]


@pytest.mark.parametrize("at", range(6))
def test_a_small_count_is_that_of_the_remaining_groups(at: int) -> None:
    row = records([PLAIN] * (at + 3), at=at)
    assert {path.split("/")[1] for path, *_ in parts(row, layout_records(row))} == {
        str(number) for number in range(1, at + 4)
    }


def test_after_five_groups_any_count_is_that_of_the_remaining_groups() -> None:
    row = records([PLAIN] * 12, at=5)
    assert max(int(path.split("/")[1]) for path, *_ in parts(row, layout_records(row))) == 12


def test_a_small_group_is_known_by_its_place() -> None:
    row = records([PLAIN, PLAIN[:2], PLAIN, PLAIN, PLAIN, PLAIN], at=5)
    assert [path for path, *_ in parts(row, layout_records(row))].count("Records/2/0001") == 1
    assert not any(path.startswith("Records/2/0003") for path, *_ in parts(row, layout_records(row)))


@pytest.mark.parametrize("tail", [b"", b"\0"])
def test_a_nul_may_fill_the_value_to_even_length(tail: bytes) -> None:
    row = records([PLAIN], tail=tail)
    assert layout_records(row).stops[-1] == len(row)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(records([PLAIN], tail=b"\0\0"), id="two bytes behind"),
        pytest.param(records([PLAIN], tail=b"D"), id="a letter behind"),
        pytest.param(records([PLAIN])[:-1], id="cut"),
        pytest.param(records([PLAIN], remaining=2), id="a group too few"),
        pytest.param(records([PLAIN, PLAIN], remaining=1, at=0), id="a group too many"),
        pytest.param(records([PLAIN], at=9), id="no count of groups"),
        pytest.param(records([PLAIN, [record(0x100000, INTEGERS, b"")]]), id="a key too large"),
        pytest.param(records([PLAIN, [record(1, 0x00000301, b"")]]), id="a type with a low byte"),
        pytest.param(records([PLAIN, [record(1, 0x01000300, b"")]]), id="a type of another sign"),
        pytest.param(records([PLAIN, [record(1, TEXT, b"", (0, 0, 13, 0, 0))]]), id="another separator"),
    ],
)
def test_records_that_do_not_come_to_the_end_are_malformed(row: bytes) -> None:
    with pytest.raises(MalformedValue):
        layout_records(row)


@pytest.mark.parametrize(
    "row", [b"DOE^JANE", bytes(64), b"\1\0", struct.pack("<I", 512) + record(1, TEXT, b""), b"II*\0" * 20]
)
def test_what_does_not_begin_as_records_is_foreign(row: bytes) -> None:
    assert layout_records(row).is_foreign


def test_nothing_is_nothing() -> None:
    assert len(layout_records(b"")) == 0


# What becomes of them

PERSONAL = [
    b"PH-0001",
    b"PHANTOM^SYNTHETIC",
    KANJI,
    b"REFERRER",
    b"OPERATOR",
    b"REQUESTER",
    b"READER",
    b"Hospital",
]


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_nobody_is_left_and_the_numbers_stay(policy: str) -> None:
    row = registration(rest=b"BEHIND^NUL")
    result = cleaned(row, RECORDS, policy)
    for text in [*PERSONAL, b"BEHIND", b"2001", b"phantom_protocol", struct.pack("<f", 72.5)]:
        assert text in row
        assert text not in result.new
    assert struct.pack("<3i", 1, -2, 3) in result.new
    assert struct.pack("<d", 123.25) in result.new
    assert len(result.new) == len(row)
    assert result.vouched


def test_dates_become_the_first_day_and_uids_keep_their_shape() -> None:
    new = cleaned(registration(), RECORDS).new
    assert b"01/01/1900,00:00:00" in new
    assert b"1.11.11111111111111111111" in new
    assert b"1.2.840.10008.3.1.2.3.1" in new


def test_constants_of_the_format_stay() -> None:
    new = cleaned(registration(), RECORDS).new
    assert b"TM_MR_DCM_V1.0\0" in new
    assert b"\0MR\0" in new


def test_a_text_of_a_key_that_nobody_knows_is_redacted() -> None:
    row = only(UNICODE, b"DOE^JANE", key=0xABCDE)
    assert b"DOE" not in cleaned(row, RECORDS).new


def test_dead_bytes_go_and_texts_stay_where_only_dead_space_is_cleaned() -> None:
    new = cleaned(registration(rest=b"BEHIND^NUL"), RECORDS, "dead-space").new
    assert b"BEHIND" not in new
    assert b"PHANTOM^SYNTHETIC" in new
