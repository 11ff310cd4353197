"""Blobs of raw data objects: told by their neighbour and by their content, each by its grammar or blanked as a whole."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.errors import MalformedValue
from csaclean.model import Kind, Layout, View
from phantom_philips import RECORD, exam_card, parameters, responses
from tests.philips.samples import lay_out
from tests.siemens.layout_laws import (
    assert_covers,
    assert_laid_out_alike,
    fields,
    filled,
    laid_out_or_refused,
)

EXAM_CARD_SIZE = 4 << 20


def view_of(layout: Layout) -> View:
    """Return the one view of a layout."""
    (view,) = (field for field in layout.fields if isinstance(field, View))
    return view


def inner_layout(view: View) -> Layout:
    assert isinstance(view.layout, Layout)
    return view.layout


def swapped(value: bytes) -> bytes:
    new = bytearray(value)
    new[0::2], new[1::2] = value[1::2], value[0::2]
    return bytes(new)


# What is what


def test_parameters_are_told_by_their_neighbour() -> None:
    blob, _ = parameters()
    assert {"name", "flag", "string"} <= {path for path, _, _ in fields(blob, lay_out(blob))}
    assert fields(blob, lay_out(blob, b"BINARY")) == [("other", "opaque", blob)]


@pytest.mark.parametrize("kind", [b"IEEE_PDF", b"IEEE_PDF ", b"IEEE_PDF\0"])
def test_the_padding_of_the_neighbour_is_no_part_of_it(kind: bytes) -> None:
    assert len(lay_out(parameters()[0], kind)) > 10


@pytest.mark.parametrize("kind", [None, b"", b"BINARY", b"ASCII", b"PHANTOM"])
@pytest.mark.parametrize(
    "value", [b"\1\2\3\4" * 20, b"DOE^JANE", bytes(58), b"\0line\0line\0", b"<a>", b"{'a'}"]
)
def test_what_nobody_can_read_is_one_field(value: bytes, kind: bytes | None) -> None:
    assert fields(value, lay_out(value, kind)) == [("other", "opaque", value)]


@pytest.mark.parametrize("value", [b"DOE^JANE" * 8, b"<a>", b"\2" + bytes(40), b"short"])
def test_what_is_called_parameters_and_has_no_header_of_theirs_is_one_field(value: bytes) -> None:
    assert fields(value, lay_out(value)) == [("other", "opaque", value)]


def test_what_has_the_header_of_parameters_and_breaks_their_grammar_is_refused() -> None:
    with pytest.raises(MalformedValue):
        lay_out(parameters()[0][:-90])


def test_a_list_of_strings_under_the_name_of_parameters_is_one_field_before_and_after_it_is_blanked() -> None:
    value = b"\1\0\0\0\1\0\0\0\4\0\0\0name\1\0\0\0\4\0\0\0Jane"
    for content in (value, bytes(len(value))):
        assert fields(content, lay_out(content)) == [("other", "opaque", content)]


def test_json_is_read_whatever_its_neighbour_says() -> None:
    for kind in (b"IEEE_PDF", b"", None):
        assert {path for path, _, _ in fields(responses(), lay_out(responses(), kind))} == {
            "json/key",
            "json/string",
            "json/number",
            "json/long-number",
        }


@pytest.mark.parametrize("value", [parameters()[0], responses() + b" " * (len(responses()) % 2), exam_card()])
def test_words_that_are_swapped_are_a_view_of_the_same_row(value: bytes) -> None:
    straight, other_way = lay_out(value), lay_out(swapped(value))
    view = view_of(other_way)
    assert (view.codec.name, view.inner) == ("swap16", value)
    assert_laid_out_alike(inner_layout(view), straight)


# Exam cards


def test_an_exam_card_is_laid_out_by_its_elements() -> None:
    value = exam_card("my card", uid="1.2.3", time="2001-02-03T08:15:00Z")
    assert [found for found in fields(value, lay_out(value, b"")) if found[1] != "name"] == [
        ("xml/ExamCard/xmlns", "code", b"http://tempuri.org/XMLSchema.xsd"),
        ("xml/Name", "text", b"my card"),
        ("xml/Name", "text", b"my card"),
        ("xml/State", "code", b"Completed"),
        ("xml/SeriesUids", "text", b"1.2.3"),
        ("xml/AcquisitionEndTime", "text", b"2001-02-03T08:15:00Z"),
    ]


def test_what_stands_for_soap_in_an_exam_card_is_a_view_whose_texts_are_fields() -> None:
    value = exam_card(soap={"patientWeight": "72.5", "name": "DOE"}, record=RECORD)
    view = view_of(lay_out(value, b""))
    found = fields(view.inner, inner_layout(view))
    assert view.codec.name == "base64"
    assert [content for path, form, content in found if (path, form) == ("soap/?", "text")] == [
        b"72.5",
        b"DOE",
    ]
    assert {path for path, _, _ in found if not path.startswith("soap/")} == set()


def test_behind_the_nul_of_an_exam_card_and_of_its_soap_all_is_dead() -> None:
    value = exam_card(record=RECORD)
    layout = lay_out(value, b"")
    view = view_of(layout)
    for row, spans in ((value, layout), (view.inner, inner_layout(view))):
        dead = b"".join(row[span.start : span.stop] for span in spans if span.kind is Kind.DEAD)
        assert dead.rstrip(b"\0") == RECORD
        assert row.endswith(dead)


@pytest.mark.parametrize("width", [76, 64])
def test_base64_in_lines_is_a_view_too(width: int) -> None:
    inner = b"<item>" + b"x" * 200 + b"</item>"
    text = b64encode(inner)
    lines = b"\r\n".join(text[at : at + width] for at in range(0, len(text), width))
    value = b"<ExamCard><ExamCardBlob>" + lines + b"</ExamCardBlob></ExamCard>"
    assert view_of(lay_out(value, b"")).inner == inner


@pytest.mark.parametrize(
    "text", [b"XXXX", b"AB", b"!!!!", b64encode(b"no XML"), b64encode(b"<item>"), b"PGl0ZW0v Pg==", b"DOE"]
)
def test_what_stands_for_no_soap_is_a_text(text: bytes) -> None:
    value = b"<ExamCard><ExamCardBlob>" + text + b"</ExamCardBlob></ExamCard>"
    assert fields(value, lay_out(value, b"")) == [("xml/ExamCardBlob", "text", text)]


def test_an_exam_card_of_the_real_size_is_laid_out() -> None:
    members = {f"member{at}": "DOE^JANE" * 40 for at in range(6000)}
    value = exam_card(soap=members, size=EXAM_CARD_SIZE)
    assert len(value) == EXAM_CARD_SIZE
    layout = lay_out(value, b"")
    assert_covers(layout, len(value))
    assert len(view_of(layout).inner) > 2_000_000


# Laws


@pytest.mark.parametrize("value", [exam_card(), responses(), parameters()[0], b"\1\2\3\4"])
@pytest.mark.parametrize("kind", [b"IEEE_PDF", b""])
def test_nulling_and_filling_changes_no_cut(value: bytes, kind: bytes) -> None:
    layout = laid_out_or_refused(lambda row: lay_out(row, kind), value)
    if layout is not None:
        once = filled(value, layout, standing=False)
        assert_laid_out_alike(lay_out(once, kind), layout)


@given(st.binary(max_size=120), st.sampled_from([None, b"", b"IEEE_PDF", b"BINARY"]))
def test_anything_is_laid_out_to_its_end_or_refused(value: bytes, kind: bytes | None) -> None:
    laid_out_or_refused(lambda row: lay_out(row, kind), value)


@given(
    st.integers(0, 8000), st.sampled_from([exam_card(size=0, record=b"x"), responses()]), st.integers(0, 255)
)
def test_a_damaged_text_is_laid_out_to_its_end(at: int, value: bytes, byte: int) -> None:
    at %= len(value)
    damaged = value[:at] + bytes((byte,)) + value[at + 1 :]
    layout = lay_out(damaged, b"")
    assert_covers(layout, len(damaged))
