"""Elements that a rule names and no grammar takes apart: laid out by their VR."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.model import Field, Kind, Layout
from csaclean.policy.fills import fill
from csaclean.vr_layout import layout_by_vr

TEXT = ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
NUMBERS = ["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"]
BINARY = ["OB", "OD", "OF", "OL", "OV", "OW", "UN", "SQ", "", "XX"]
_VALUES = (
    st.binary(max_size=24)
    | st.text("0123456789.+-eE \\", max_size=16).map(str.encode)
    | st.text("Abc^ \r\n\\=\0", max_size=16).map(str.encode)
    | st.integers(-(10**9), 10**9).map(lambda number: b"%d" % number)
)


def spans(layout: Layout) -> list[tuple[int, str, str]]:
    return [(span.stop, span.kind.name, span.form) for span in layout]


def filled(value: bytes, layout: Layout, form: str = "") -> bytes:
    """Return the value with every field redacted."""
    return b"".join(
        fill(form or span.form, value[span.start : span.stop])
        if span.kind is Kind.VALUE
        else value[span.start : span.stop]
        for span in layout
    )


@pytest.mark.parametrize("vr", TEXT + NUMBERS + BINARY)
@given(value=_VALUES)
def test_every_byte_is_in_one_span(vr: str, value: bytes) -> None:
    stops = [span.stop for span in layout_by_vr(vr, value)]
    assert stops == sorted(set(stops))
    assert (stops[-1] if stops else 0) == len(value)


@pytest.mark.parametrize("vr", TEXT + NUMBERS)
@given(value=_VALUES)
def test_a_redacted_value_is_laid_out_as_before(vr: str, value: bytes) -> None:
    """Else the proof of rows throws the file away."""
    layout = layout_by_vr(vr, value)
    again = layout_by_vr(vr, filled(value, layout))
    assert (again.stops, again.kinds) == (layout.stops, layout.kinds)


@pytest.mark.parametrize("value", [b"72", b"072 ", b"-5", b"+120", b"100000"])
def test_a_redacted_integer_is_laid_out_as_before(value: bytes) -> None:
    layout = layout_by_vr("IS", value)
    again = layout_by_vr("IS", filled(value, layout))
    assert spans(again) == spans(layout)


@pytest.mark.parametrize(
    ("vr", "value", "form"),
    [
        ("LO", b"NUMARIS/4", "text"),
        ("IS", b"-12", "integer"),
        ("IS", b"1\\2", "integer"),
        ("IS", b"twelve", "text"),
        ("DS", b"7.5e1", "number"),
        ("DS", b"1\\2", "number"),
        ("DA", b"20010203", "date"),
        ("UI", b"2.25.1", "uid"),
        ("PN", b"PHANTOM^SYNTHETIC", "text"),
    ],
)
def test_the_form_of_a_text_follows_from_its_vr_and_what_it_is(vr: str, value: bytes, form: str) -> None:
    assert spans(layout_by_vr(vr, value)) == [(len(value), "VALUE", form)]


@pytest.mark.parametrize("vr", ["DS", "IS"])
def test_a_text_in_place_of_a_number_is_cut_as_the_number_that_fills_it(vr: str) -> None:
    assert spans(layout_by_vr(vr, b"abc \0"))[0] == (*spans(layout_by_vr(vr, b"0   \0"))[0][:2], "text")


@pytest.mark.parametrize("padding", [b" ", b"\0", b"    ", b"\0\0"])
@pytest.mark.parametrize("vr", [vr for vr in TEXT if vr not in ("DS", "IS")])
def test_the_padding_of_a_text_is_structure(vr: str, padding: bytes) -> None:
    layout = layout_by_vr(vr, b"abc" + padding)
    assert [(stop, kind) for stop, kind, _ in spans(layout)] == [
        (3, "VALUE"),
        (3 + len(padding), "STRUCTURE"),
    ]


@pytest.mark.parametrize("vr", NUMBERS)
def test_binary_numbers_are_one_field(vr: str) -> None:
    assert spans(layout_by_vr(vr, b"\1\2\3\4\0\0\0\0")) == [(8, "VALUE", "binary-number")]


@pytest.mark.parametrize("vr", BINARY)
def test_bytes_without_a_form_are_opaque(vr: str) -> None:
    assert spans(layout_by_vr(vr, b"SYNTHETIC")) == [(9, "OPAQUE", "")]


@pytest.mark.parametrize("vr", TEXT)
@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0"])
def test_a_blank_value_has_no_field(vr: str, value: bytes) -> None:
    assert not [span for span in layout_by_vr(vr, value) if span.kind is Kind.VALUE]


def test_the_field_is_the_element_itself() -> None:
    assert layout_by_vr("LO", b"abc").fields == [Field("", "text")]


@pytest.mark.parametrize(
    ("vr", "value"),
    [("DT", b"20010203081500.000000"), ("TM", b"081500.000000"), ("AS", b"034Y"), ("AE", b"STATION_1")],
)
def test_a_redacted_value_is_valid_for_its_vr(vr: str, value: bytes) -> None:
    """Fills are valid for form and VR."""
    from pydicom.config import RAISE
    from pydicom.valuerep import validate_value

    validate_value(vr, value.decode(), RAISE)
    validate_value(vr, filled(value, layout_by_vr(vr, value)).decode(), RAISE)
