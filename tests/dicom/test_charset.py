"""Specific Character Set: what text of a data set says."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.dicom.charset import codecs_of, decode_text


@pytest.mark.parametrize(
    ("terms", "value", "text"),
    [
        ((), b"Doe^Jane ", "Doe^Jane"),
        (("ISO_IR 100",), b"M\xfcller\0", "M\u00fcller"),
        (("ISO_IR 192",), "M\u00fcller".encode(), "M\u00fcller"),
        (("ISO_IR 144",), "\u041b\u044e\u043a".encode("iso8859_5"), "\u041b\u044e\u043a"),
        (("", "ISO 2022 IR 87"), "\u5c71\u7530".encode("iso2022_jp"), "\u5c71\u7530"),
        (("ISO 2022 IR 100",), b"\xe9", "\u00e9"),
        (("ISO_IR 192",), b"M\xfcller", "M\u00fcller"),
        (("a term of nobody",), b"M\xfcller", "M\u00fcller"),
    ],
)
def test_text_is_decoded_by_its_terms(terms: tuple[str, ...], value: bytes, text: str) -> None:
    assert decode_text(value, terms) == text


@given(st.binary(max_size=40), st.lists(st.sampled_from(["ISO_IR 192", "ISO_IR 13", "GB18030", "", "x"])))
def test_nothing_fails(value: bytes, terms: list[str]) -> None:
    assert isinstance(decode_text(value, terms), str)


def test_utf_8_and_latin_1_are_always_among_the_codecs() -> None:
    assert codecs_of(()) == ("utf-8", "latin-1")
    assert codecs_of(("ISO_IR 144",)) == ("utf-8", "latin-1", "iso8859_5")
