"""The swap16 codec and its laws."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.codecs.swap16 import Swap16
from csaclean.errors import DoesNotFit, LimitExceeded, MalformedValue

_ROWS = st.binary(max_size=200).map(lambda value: value[: len(value) // 2 * 2])
CODEC = Swap16()


def test_bytes_are_exchanged_in_pairs() -> None:
    assert CODEC.decode(b"VS01", 4) == b"SV10"


@given(_ROWS)
def test_encoding_what_was_decoded_gives_the_same_bytes(outer: bytes) -> None:
    assert CODEC.encode(CODEC.decode(outer, len(outer)), outer) == outer


@given(_ROWS, st.data())
def test_an_edited_row_comes_back_edited_and_as_long(outer: bytes, data: st.DataObject) -> None:
    inner = data.draw(st.binary(min_size=len(outer), max_size=len(outer)))
    encoded = CODEC.encode(inner, outer)
    assert len(encoded) == len(outer)
    assert CODEC.decode(encoded, len(outer)) == inner


@given(_ROWS.filter(bool), st.data())
def test_one_changed_byte_changes_one_byte(outer: bytes, data: st.DataObject) -> None:
    inner = bytearray(CODEC.decode(outer, len(outer)))
    inner[data.draw(st.integers(0, len(inner) - 1))] ^= 1
    encoded = CODEC.encode(bytes(inner), outer)
    assert sum(a != b for a, b in zip(encoded, outer, strict=True)) == 1


@pytest.mark.parametrize("outer", [b"1", b"123"])
def test_an_odd_length_is_malformed(outer: bytes) -> None:
    with pytest.raises(MalformedValue):
        CODEC.decode(outer, 10)


def test_a_row_longer_than_the_cap_is_refused() -> None:
    assert CODEC.decode(b"1234", 4)
    with pytest.raises(LimitExceeded):
        CODEC.decode(b"1234", 3)


@pytest.mark.parametrize("inner", [b"", b"12", b"123456"])
def test_a_row_of_another_length_does_not_fit(inner: bytes) -> None:
    with pytest.raises(DoesNotFit):
        CODEC.encode(inner, b"1234")
