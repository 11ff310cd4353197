"""The base64 codec and its laws."""

import base64

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from csaclean.codecs.base64 import Base64
from csaclean.errors import DoesNotFit, LimitExceeded, MalformedValue

CODEC = Base64()
CAP = 1 << 16
LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def _texts(draw: st.DrawFn) -> bytes:
    """Return base64 as encoders write it: on one line, or wrapped."""
    text = base64.b64encode(draw(st.binary(max_size=120)))
    width = draw(st.sampled_from([0, 1, 4, 60, 76]))
    if not width or not text:
        return text
    line_end = draw(LINE_ENDS)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return line_end.join(lines) + draw(st.sampled_from([b"", line_end]))


def test_text_is_decoded() -> None:
    assert CODEC.decode(b"QUJD", CAP) == b"ABC"


@pytest.mark.parametrize("outer", [b"QUJDRA==", b"QUJD\nRA==", b"QUJDRA==\r\n", b"QUJ\r\nDRA\r\n==\r\n", b""])
def test_text_on_one_line_or_wrapped_at_one_width_is_canonical(outer: bytes) -> None:
    assert CODEC.decode(outer, CAP) in (b"ABCD", b"")


@given(_texts())
def test_encoding_what_was_decoded_gives_the_same_bytes(outer: bytes) -> None:
    assert CODEC.encode(CODEC.decode(outer, CAP), outer) == outer


@given(_texts(), st.data())
def test_an_edited_row_comes_back_edited_and_as_long(outer: bytes, data: st.DataObject) -> None:
    size = len(CODEC.decode(outer, CAP))
    inner = data.draw(st.binary(min_size=size, max_size=size))
    encoded = CODEC.encode(inner, outer)
    assert len(encoded) == len(outer)
    assert CODEC.decode(encoded, CAP) == inner


@given(st.binary(max_size=80) | st.text("QUJDRA=+/ \r\n-_").map(lambda text: text.encode("ascii")))
def test_any_bytes_are_decoded_lawfully_or_refused(outer: bytes) -> None:
    try:
        inner = CODEC.decode(outer, CAP)
    except MalformedValue:
        return
    assert CODEC.encode(inner, outer) == outer


@given(_texts(), st.data())
def test_no_other_text_stands_for_the_same_bytes_in_the_same_wrapping(
    outer: bytes, data: st.DataObject
) -> None:
    assume(outer)
    changed = bytearray(outer)
    at = data.draw(st.integers(0, len(outer) - 1))
    changed[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != outer[at]))
    try:
        inner = CODEC.decode(bytes(changed), CAP)
    except MalformedValue:
        return
    assert inner != CODEC.decode(outer, CAP)


@pytest.mark.parametrize(
    "outer",
    [
        pytest.param(b"QUJ", id="cut"),
        pytest.param(b"QUJDRA=", id="padding cut"),
        pytest.param(b"QUJDRB==", id="unused bits set"),
        pytest.param(b"QUJD====", id="padding too long"),
        pytest.param(b"RA==QUJD", id="padding within"),
        pytest.param(b"QU JD", id="space within"),
        pytest.param(b"QUJD\0", id="NUL behind"),
        pytest.param(b"QU-_", id="URL alphabet"),
        pytest.param(b"QUJD\nRA\n==", id="lines of two widths"),
        pytest.param(b"QU\nJD\r\n", id="two line ends"),
        pytest.param(b"\nQUJD", id="line end in front"),
        pytest.param(b"\n", id="line end alone"),
        pytest.param(b"QUJD\n\n", id="empty line"),
    ],
)
def test_what_no_encoder_writes_is_malformed(outer: bytes) -> None:
    with pytest.raises(MalformedValue):
        CODEC.decode(outer, CAP)


def test_a_text_that_stands_for_more_than_the_cap_is_refused() -> None:
    assert CODEC.decode(b"QUJDRA==", 4)
    with pytest.raises(LimitExceeded):
        CODEC.decode(b"QUJDRA==", 3)


def test_the_cap_is_enforced_before_anything_is_decoded() -> None:
    with pytest.raises(LimitExceeded):
        CODEC.decode(b"!" * 400, 30)


@pytest.mark.parametrize("inner", [b"", b"AB", b"ABCDEFG"])
def test_a_row_of_another_length_does_not_fit(inner: bytes) -> None:
    with pytest.raises(DoesNotFit):
        CODEC.encode(inner, b"QUJDRA==")
