"""XML in private elements: what is structure and what a field, in whichever encoding, and before as after a cleaning."""

import re
import string
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.codecs.base64 import Base64
from csaclean.grammars.xml_text import Vocabulary, layout_xml
from csaclean.model import Builder, Kind, Layout, View
from csaclean.policy.fills import fill

KNOWN: Final = Vocabulary(
    elements=frozenset((b"Card", b"Name", b"Blob")),
    attributes=frozenset((b"id",)),
    codes={"Card/id": re.compile(rb"c\d")},
)
NAMES: Final = st.sampled_from(["Card", "Name", "Blob", "Other", "a:b"])
TEXTS: Final = st.text(string.ascii_letters + string.digits + " .,;-\\|\néß", max_size=20)


@st.composite
def documents(draw: st.DrawFn, depth: int = 3) -> str:
    name = draw(NAMES)
    attribute = f' {draw(st.sampled_from(["id", "what"]))}="{draw(TEXTS)}"' if draw(st.booleans()) else ""
    inner = draw(TEXTS)
    if depth:
        inner += "".join(draw(st.lists(documents(depth - 1), max_size=2)))
    return f"<{name}{attribute}>{inner}</{name}>"


def fields(text: bytes, vocabulary: Vocabulary = KNOWN) -> list[tuple[str, str, bytes]]:
    return [
        (span.path, span.form, text[span.start : span.stop])
        for span in layout_xml(text, vocabulary)
        if span.kind is Kind.VALUE
    ]


def redacted(text: bytes, layout: Layout) -> bytes:
    new = bytearray(text)
    for span in layout:
        if span.kind is Kind.VALUE and span.form not in {"code", "number"}:
            new[span.start : span.stop] = fill(span.form, text[span.start : span.stop])
    return bytes(new)


def test_names_of_the_vocabulary_are_structure_and_contents_fields() -> None:
    assert fields(b"<Card id='c1'>\n <Name>DOE </Name></Card>") == [
        ("Card/id", "code", b"c1"),
        ("Name", "text", b"DOE"),
    ]


def test_an_unknown_name_is_a_field_and_not_a_path() -> None:
    assert fields(b'<Card><DOE JANE="1">x</DOE></Card>') == [
        ("?", "name", b"DOE"),
        ("?", "name", b"JANE"),
        ("?/?", "text", b"1"),
        ("?", "text", b"x"),
        ("?", "name", b"DOE"),
    ]


@pytest.mark.parametrize("encoding", ["UTF-8", "utf-8", "Shift_JIS", "shift-jis", "EUC-JP", "ISO-8859-15"])
def test_a_prolog_that_names_an_encoding_with_the_mark_up_of_ascii_is_structure(encoding: str) -> None:
    text = f"<?xml version='1.0' encoding='{encoding}'?><Card></Card>".encode("ascii")
    assert fields(text) == []


def test_a_prolog_that_names_anything_else_is_a_field() -> None:
    assert [path for path, _, _ in fields(b"<?xml version='1.0' encoding='DOE'?><Card/>")] == ["instruction"]


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "euc_jp"])
def test_the_same_fields_are_found_in_every_encoding(encoding: str) -> None:
    # Of the second bytes of these characters in Shift-JIS, one is a backslash, one a vertical bar, one a bracket.
    document = "<Card id='表'><Name>ソ能</Name>\n<!--ポ]]--></Card>"
    assert [
        (path, form, value.decode(encoding)) for path, form, value in fields(document.encode(encoding))
    ] == [
        ("Card/id", "text", "表"),
        ("Name", "text", "ソ能"),
        ("comment", "text", "ポ]]"),
    ]


def test_a_content_with_a_grammar_is_laid_out_by_it() -> None:
    codec = Base64()

    def grammar(text: bytes) -> Layout:
        inner = codec.decode(text, 100)
        inside, builder = Builder(), Builder()
        inside.value(len(inner), "inside", "text")
        builder.view(len(text), View("base64", codec, inner, inside.done(len(inner))))
        return builder.done(len(text))

    vocabulary = KNOWN._replace(grammars={"Blob": grammar})
    spans = [span for span in layout_xml(b"<Blob> RE9F </Blob>", vocabulary) if span.view is not None]
    assert [(span.start, span.stop, span.path, span.view and span.view.inner) for span in spans] == [
        (7, 11, "Blob/base64", b"DOE")
    ]


def test_a_content_that_its_grammar_disowns_is_a_text() -> None:
    vocabulary = KNOWN._replace(grammars={"Blob": lambda _: None})
    assert fields(b"<Blob>DOE</Blob>", vocabulary) == [("Blob", "text", b"DOE")]


@pytest.mark.parametrize(
    "text", [b"<Card>", b"<Card></Name>", b"</Card>", b"<Card id=c1/>", b"DOE", b"<Card/", b"<!-- x -->"]
)
def test_what_is_no_whole_document_is_one_field(text: bytes) -> None:
    assert fields(text) == [("other", "text", text)]


@given(documents(), st.sampled_from(["utf-8", "latin-1"]))
def test_redaction_keeps_the_cuts_and_leaves_nothing_to_redact(document: str, encoding: str) -> None:
    text = document.encode(encoding)
    layout = layout_xml(text, KNOWN)
    once = redacted(text, layout)
    again = layout_xml(once, KNOWN)
    assert (again.stops, bytes(again.kinds)) == (layout.stops, bytes(layout.kinds))
    assert [span.path for span in again] == [span.path for span in layout]
    assert redacted(once, again) == once
