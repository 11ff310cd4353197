"""Blobs of parameters (IEEE_PDF): every byte is told, residue of memory is dead, contradictions are refused."""

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.errors import MalformedValue
from csaclean.model import Kind
from csaclean_handlers.philips.parameters import layout_parameters
from phantom_philips import PARAMETERS, RECORD, Parameter, parameters
from tests.siemens.layout_laws import (
    assert_covers,
    assert_laid_out_alike,
    fields,
    filled,
    laid_out_or_refused,
    texts_left,
)

HEADER = 32
RECORD_SIZE = 50
BLOB, DEAD = parameters()

NAMES = st.from_regex(r"[A-Z]{2,4}(_[a-z0-9]{1,6}){1,3}", fullmatch=True)
TEXTS = st.binary(max_size=80).map(lambda raw: raw.replace(b"\0", b" "))
NUMBERS = st.integers(-(2**31), 2**31 - 1)


@st.composite
def parameter(draw: st.DrawFn) -> Parameter:
    kind = draw(st.sampled_from(["float", "int", "string", "enum"]))
    values: dict[str, st.SearchStrategy[Any]] = {
        "float": st.lists(st.floats(width=32, allow_nan=False), max_size=4),
        "string": st.lists(TEXTS, max_size=3),
    }
    drawn: Sequence[float | bytes] = draw(values.get(kind, st.lists(NUMBERS, max_size=4)))
    return Parameter(
        draw(NAMES), kind, tuple(drawn), draw(st.integers(0, 255)), draw(st.integers(0, 2**32 - 1))
    )


def word(blob: bytes, at: int, value: int) -> bytes:
    """Return a blob with another number at a place."""
    return blob[:at] + struct.pack("<i", value) + blob[at + 4 :]


def record(number: int, field: int) -> int:
    """Return where a field of a record stands."""
    return HEADER + RECORD_SIZE * number + field


def dead_offsets(blob: bytes) -> set[int]:
    return {
        at
        for span in layout_parameters(blob)
        if span.kind is Kind.DEAD
        for at in range(span.start, span.stop)
    }


# What is dead


def test_the_dead_bytes_are_those_that_the_writer_left_to_chance() -> None:
    assert dead_offsets(BLOB) == {at for start, stop in DEAD for at in range(start, stop)}
    assert sum(BLOB[start:stop] != bytes(stop - start) for start, stop in DEAD) > len(PARAMETERS)


def test_nothing_of_the_residue_is_left_once_the_dead_bytes_are_null() -> None:
    layout = layout_parameters(BLOB)
    cleaned = filled(BLOB, layout, ())
    assert not any(cleaned[at] for at in dead_offsets(BLOB))
    words = {piece for piece in RECORD.split() if b"=" in piece}
    assert [piece for piece in words if piece in BLOB]
    assert [piece for piece in words if piece in cleaned] == []


@pytest.mark.parametrize("size", [0, 1, 31, 32])
def test_the_tail_of_a_name_is_dead_whatever_its_length(size: int) -> None:
    blob, dead = parameters((Parameter("A" * size, "enum", (1,)),))
    assert dead_offsets(blob) == {at for start, stop in dead for at in range(start, stop)}


def test_a_slot_that_its_text_fills_has_nothing_dead() -> None:
    blob, _ = parameters((Parameter("EX_name", "string", (b"x" * 80,)),))
    whole = blob[:-2] + b"x" + blob[-1:]  # in place of the NUL, before the pad
    assert ("string", "text", b"x" * 81) in fields(whole, layout_parameters(whole))


def test_bytes_of_a_pool_that_no_record_names_are_dead() -> None:
    blob, _ = parameters((Parameter("EX_a", "int", (1, 2, 3)), Parameter("EX_b", "string", (b"one", b"two"))))
    shorter = word(word(blob, record(0, 38), 1), record(1, 38), 1)  # fewer values than there are
    first = HEADER + 2 * RECORD_SIZE
    strings = first + 12
    assert {*range(first + 4, first + 12), *range(strings + 81, strings + 162)} <= dead_offsets(shorter)


def test_bytes_that_lie_in_no_pool_are_a_field_that_nobody_can_read() -> None:
    blob, _ = parameters((Parameter("EX_name", "string", (b"x",)),))
    longer = blob[:-1] + b"DOE^JANE."
    assert fields(longer, layout_parameters(longer))[-1] == ("rest", "opaque", b"DOE^JANE.")


def test_the_byte_that_makes_the_length_even_is_dead() -> None:
    blob, _ = parameters((Parameter("EX_name", "string", (b"x",)),))
    assert len(blob) - 1 in dead_offsets(blob[:-1] + b"J")


# What is a field


def test_values_are_fields_by_their_kind() -> None:
    found = fields(BLOB, layout_parameters(BLOB))
    assert [(path, form, len(value)) for path, form, value in found if path not in ("name", "flag")] == [
        ("offset", "binary-number", 4),
        ("enum", "binary-number", 4),
        ("int", "binary-number", 16),
        ("patient/float", "binary-number", 4),
        ("float", "binary-number", 12),
        ("string", "text", 16),
        ("string", "text", 9),
        ("string", "text", 9),
    ]


def test_what_is_named_as_parameters_are_is_a_code_and_anything_else_a_text() -> None:
    blob, _ = parameters((Parameter("EX_a", "int", (1,)), Parameter("DOE^JANE", "int", (1,))))
    names = [(form, value) for path, form, value in fields(blob, layout_parameters(blob)) if path == "name"]
    assert names == [("code", b"EX_a"), ("text", b"DOE^JANE")]


@pytest.mark.parametrize(
    ("flag", "form"), [(0, "binary-number"), (1, "binary-number"), (2, "trash"), (255, "trash")]
)
def test_a_flag_that_is_neither_0_nor_1_is_trash(flag: int, form: str) -> None:
    blob, _ = parameters((Parameter("EX_a", "int", (1,), flag),))
    assert [found for path, found, _ in fields(blob, layout_parameters(blob)) if path == "flag"] == [form]


@pytest.mark.parametrize(
    "name", ["SP_patient_weight", "EX_birth_date", "EX_PATIENT_size", "EX_pregnancy", "SP_weight"]
)
def test_parameters_that_are_named_after_the_patient_are_told_apart(name: str) -> None:
    blob, _ = parameters((Parameter(name, "float", (72.5,)),))
    assert "patient/float" in [path for path, _, _ in fields(blob, layout_parameters(blob))]


def test_a_weighting_of_images_is_not_the_patients() -> None:
    blob, _ = parameters((Parameter("EX_T1_weighted", "float", (1.0,)),))
    assert "float" in [path for path, _, _ in fields(blob, layout_parameters(blob))]


# What is refused


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, -5),
        (0, len(BLOB)),
        (0, HEADER),
        (4, -1),
        (4, 2**30),
        (8, 2**31 - 1),
        (12, 2**30),
        (16, -17),
        (20, 82),
        (20, 81 * 1000),
        (24, 9),
        (28, -1),
        (28, 1000),
    ],
)
def test_a_header_that_names_what_is_not_there_is_refused(at: int, value: int) -> None:
    with pytest.raises(MalformedValue):
        layout_parameters(word(BLOB, at, value))


@pytest.mark.parametrize("kind", [3, 5, -1, 0x7FFFFFFF])
def test_a_parameter_of_unknown_type_is_refused(kind: int) -> None:
    with pytest.raises(MalformedValue) as caught:
        layout_parameters(word(BLOB, record(0, 34), kind))
    assert caught.value.offset == record(0, 34)


@pytest.mark.parametrize("offset", [0, -46, -2000, 2**31 - 1, -(2**31)])
def test_values_outside_their_pool_are_refused(offset: int) -> None:
    with pytest.raises(MalformedValue):
        layout_parameters(word(BLOB, record(1, 46), offset))


@pytest.mark.parametrize("count", [0x7FFFFFFF, -1, 100])
def test_more_values_than_the_pool_has_are_refused(count: int) -> None:
    with pytest.raises(MalformedValue):
        layout_parameters(word(BLOB, record(1, 38), count))


def test_values_of_two_parameters_that_overlap_are_refused() -> None:
    blob, _ = parameters((Parameter("EX_a", "int", (1,)), Parameter("EX_b", "int", (2,))))
    with pytest.raises(MalformedValue):
        layout_parameters(word(blob, record(1, 46), struct.unpack_from("<i", blob, record(0, 46))[0] - 50))


@pytest.mark.parametrize("size", range(len(BLOB)))
def test_a_blob_that_is_cut_is_refused(size: int) -> None:
    with pytest.raises(MalformedValue):
        layout_parameters(BLOB[:size])


@pytest.mark.parametrize("at", [0, 24, 28, record(0, 34), record(0, 38), record(0, 46)])
def test_no_message_holds_a_byte_of_the_value(at: int) -> None:
    blob, _ = parameters((Parameter("DOE_JANE", "int", (1,)),))
    with pytest.raises(MalformedValue) as caught:
        layout_parameters(word(blob, at, 0x45464748))
    assert not {"DOE", "JANE", "HGFE", "EFGH"} & set(
        f"{caught.value} {caught.value!r}".replace("_", " ").split()
    )


# Laws


@given(st.lists(parameter(), max_size=6))
def test_a_blob_is_laid_out_to_its_end_and_its_dead_bytes_are_the_writers(described: list[Parameter]) -> None:
    blob, dead = parameters(tuple(described))
    layout = layout_parameters(blob)
    assert_covers(layout, len(blob))
    assert dead_offsets(blob) == {at for start, stop in dead for at in range(start, stop)}


@given(st.lists(parameter(), min_size=1, max_size=5))
def test_a_redaction_changes_no_cut_and_a_second_one_nothing(described: list[Parameter]) -> None:
    blob, _ = parameters(tuple(described))
    layout = layout_parameters(blob)
    once = texts_left(blob, layout)
    again = layout_parameters(once)
    assert_laid_out_alike(again, layout)
    assert texts_left(once, again) == once


@given(st.lists(st.tuples(st.integers(0, len(BLOB) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_blob_is_laid_out_or_refused(damage: list[tuple[int, int]]) -> None:
    blob = bytearray(BLOB)
    for at, byte in damage:
        blob[at] = byte
    laid_out_or_refused(layout_parameters, bytes(blob))


@given(st.binary(max_size=200))
def test_anything_else_is_laid_out_or_refused(value: bytes) -> None:
    laid_out_or_refused(layout_parameters, value)
