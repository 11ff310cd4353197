"""The reversed codec and its laws."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.codecs.reversed import Reversed
from csaclean.errors import DoesNotFit, LimitExceeded

CODEC = Reversed()


def test_the_last_byte_comes_first() -> None:
    assert CODEC.decode(b"MCID", 4) == b"DICM"


@given(st.binary(max_size=200))
def test_encoding_what_was_decoded_gives_the_same_bytes(outer: bytes) -> None:
    assert CODEC.encode(CODEC.decode(outer, len(outer)), outer) == outer


@given(st.binary(max_size=200))
def test_decoding_twice_gives_the_same_bytes(outer: bytes) -> None:
    assert CODEC.decode(CODEC.decode(outer, len(outer)), len(outer)) == outer


@given(st.binary(max_size=200), st.data())
def test_an_edited_row_comes_back_edited_and_as_long(outer: bytes, data: st.DataObject) -> None:
    inner = data.draw(st.binary(min_size=len(outer), max_size=len(outer)))
    encoded = CODEC.encode(inner, outer)
    assert len(encoded) == len(outer)
    assert CODEC.decode(encoded, len(outer)) == inner


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_changed_byte_changes_the_one_opposite(outer: bytes, data: st.DataObject) -> None:
    inner = bytearray(CODEC.decode(outer, len(outer)))
    place = data.draw(st.integers(0, len(inner) - 1))
    inner[place] ^= 1
    encoded = CODEC.encode(bytes(inner), outer)
    changed = [at for at, (a, b) in enumerate(zip(encoded, outer, strict=True)) if a != b]
    assert changed == [len(outer) - 1 - place]


def test_a_row_longer_than_the_cap_is_refused() -> None:
    assert CODEC.decode(b"1234", 4) == b"4321"
    with pytest.raises(LimitExceeded):
        CODEC.decode(b"1234", 3)


@pytest.mark.parametrize("inner", [b"", b"123", b"12345"])
def test_a_row_of_another_length_does_not_fit(inner: bytes) -> None:
    with pytest.raises(DoesNotFit):
        CODEC.encode(inner, b"1234")
