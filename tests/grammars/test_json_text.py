"""JSON in private elements: what is structure and what a field; a filled text is JSON of the same shape."""

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.grammars.json_text import read_json
from csaclean.model import Kind, Layout
from csaclean.policy.fills import fill

VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS: Final = st.lists(VALUES, max_size=4) | st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
STYLES: Final = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 2])})


def fields(text: bytes) -> list[tuple[str, str, bytes]]:
    layout = read_json(text)
    assert layout is not None
    return [
        (span.path, span.form, text[span.start : span.stop]) for span in layout if span.kind is Kind.VALUE
    ]


def filled(text: bytes, layout: Layout) -> bytes:
    new = bytearray(text)
    for span in layout:
        if span.kind is Kind.VALUE:
            new[span.start : span.stop] = fill(span.form, text[span.start : span.stop])
    return bytes(new)


def shape(value: Any) -> object:
    """Return what is left of a value when its texts and its numbers are all one."""
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def pairs(text: bytes) -> object:
    """Return a document with its objects as lists of pairs: filled keys may be equal."""
    return json.loads(text, object_pairs_hook=lambda found: [[key, value] for key, value in found])


def test_keys_strings_and_numbers_are_fields() -> None:
    assert fields(b'{"Name": ["Doe", -1.5e3, 7], "t": true}') == [
        ("key", "name", b"Name"),
        ("string", "text", b"Doe"),
        ("number", "integer", b"-1.5e3"),
        ("number", "integer", b"7"),
        ("key", "name", b"t"),
    ]


def test_a_number_that_could_be_a_date_or_a_register_number_has_a_path_of_its_own() -> None:
    assert [path for path, _, _ in fields(b"[1234567, 12345678, 1.234567, 9     ]")] == [
        "number",
        "long-number",
        "long-number",
        "number",
    ]


def test_the_digits_of_an_escape_are_a_field_and_a_short_escape_is_structure() -> None:
    assert fields(rb'["a\"b\u00e9c"]') == [
        ("string", "text", b"a"),
        ("string", "text", b"b"),
        ("string/escape", "hex", b"00e9"),
        ("string", "text", b"c"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"1",
        b'"Doe"',
        b"{",
        b"[1,]",
        b'{"a"}',
        b'{"a":1,}',
        b"{1:2}",
        b"[01]",
        b"[1 2]",
        b"[1]]",
        b"[1}",
        b"[nan]",
        b'["\\x"]',
        b'["a\nb"]',
        b'["a]',
        b"[-]",
        b"[1.]",
    ],
)
def test_what_is_no_whole_object_or_array_is_none(text: bytes) -> None:
    assert read_json(text) is None


def test_a_text_nested_deeper_than_any_stack_is_read() -> None:
    assert read_json(b"[" * 100_000 + b"]" * 100_000) is not None


@given(DOCUMENTS, STYLES)
def test_every_document_is_laid_out_to_its_end(document: object, style: dict[str, Any]) -> None:
    text = json.dumps(document, **style).encode("utf-8", "surrogatepass")
    layout = read_json(text)
    assert layout is not None
    assert layout.stops[-1] == len(text)


@given(DOCUMENTS, STYLES)
def test_a_filled_document_has_the_same_cuts_and_the_same_shape(
    document: object, style: dict[str, Any]
) -> None:
    text = json.dumps(document, **style).encode("utf-8", "surrogatepass")
    layout = read_json(text)
    assert layout is not None
    once = filled(text, layout)
    again = read_json(once)
    assert again is not None
    assert again.stops == layout.stops
    assert [span.path for span in again] == [span.path for span in layout]
    assert filled(once, again) == once
    assert shape(pairs(once)) == shape(pairs(text))


@given(st.text('[]{}",:01ntrue-. \\u', max_size=24).map(str.encode))
def test_what_is_read_is_json(text: bytes) -> None:
    if read_json(text) is not None:
        json.loads(text)
