"""Identifiers that are numbers are found in any notation and width, and no other number is."""

import struct

import pytest

from csaclean.proof.numbers import Numbers

_NUMBER = 77120311
_NUMBERS = Numbers(((str(_NUMBER), "patient"), ("19670203", "patient"), ("600000", "people")))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"1\\77120311", b"77120311"),
        (b"-0077120311.000 ", b"0077120311.000"),
        (b"7.7120311e+07", b"7.7120311e+07"),
        (b".77120311E8", b".77120311E8"),
        (b"6e5", b"6e5"),
        (b"0x498c337\n", b"0x498c337"),
        (b"a = 0X0498C337", b"0X0498C337"),
        (b"0x77120311", b"0x77120311"),
        (b"0x927c0", b"0x927c0"),
    ],
)
def test_a_number_of_a_text_is_found_in_any_notation(text: bytes, found: bytes) -> None:
    start = text.index(found)
    assert [hit[:2] for hit in _NUMBERS.in_text(text)] == [(start, start + len(found))]
    assert _NUMBERS.may_stand(text)


@pytest.mark.parametrize(
    "text",
    [
        b"177120311",
        b"77120311.5",
        b"1.77120311",
        b"a77120311",
        b"0x1498c337",
        b"0x498c337a",
        b".77120311",
        b"0x",
    ],
)
def test_another_number_of_a_text_is_none(text: bytes) -> None:
    assert list(_NUMBERS.in_text(text)) == []


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("code", "number"),
    [
        *[("I", _NUMBER), ("i", -_NUMBER), ("Q", _NUMBER), ("q", -_NUMBER), ("d", _NUMBER), ("d", -_NUMBER)],
        *[("f", 600_000), ("f", -600_000), ("f", 19670203), ("f", _NUMBER)],
    ],
)
def test_a_binary_number_is_found_in_any_width_of_either_sign(order: str, code: str, number: int) -> None:
    size = struct.calcsize(code)
    value = struct.pack(f"{order}3{code}", 7, number, 9)
    hits = [hit[:2] for hit in _NUMBERS.in_binary(value)]
    assert (size, 2 * size) in hits
    assert all(size <= start and stop <= 2 * size for start, stop in hits)  # a half may be the number too
    assert _NUMBERS.may_stand(value)


def test_a_number_is_found_as_a_tag() -> None:
    assert [hit[:2] for hit in _NUMBERS.in_binary(struct.pack("<HH", _NUMBER >> 16, _NUMBER & 0xFFFF))] == [
        (0, 4)
    ]


def test_a_binary_number_between_two_is_none() -> None:
    assert list(_NUMBERS.in_binary(b"\0\0" + struct.pack("<I", _NUMBER) + b"\0\0")) == []


def test_a_number_of_64_bits_may_stand_as_structures_of_32_bits_align_it() -> None:
    assert (4, 12) in [hit[:2] for hit in _NUMBERS.in_binary(bytes(4) + struct.pack("<d", _NUMBER))]
