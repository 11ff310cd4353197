"""Laws that every grammar of Canon's elements obeys, and what a cut or a changed byte does."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.model import Kind, Layout, View
from phantom_canon import backwards, icon, protocol_xml, registration, reversed_sets, table
from phantom_identities import IDENTITIES
from tests.canon.samples import PROTOCOL, RECORDS, REVERSED, TABLE, cleaned, laid_out
from tests.siemens.layout_laws import assert_covers

PHANTOMS: Final = {
    "study": (REVERSED, reversed_sets()[0]),
    "series": (REVERSED, reversed_sets()[1]),
    "image": (REVERSED, reversed_sets()[2]),
    "records": (RECORDS, registration(rest=b"BEHIND^NUL")),
    "protocol": (PROTOCOL, protocol_xml()),
    "protocol-unknown": (PROTOCOL, protocol_xml(more=b"<DOE ROE='1'>12</DOE>")),
    "table": (TABLE, table("remark", rest="BEHIND".encode("utf-16-le"))),
    "icon": ("(E401,TOSHIBA_MEC_MR3^10,13)", icon()),
}
phantoms = pytest.mark.parametrize(("selector", "value"), PHANTOMS.values(), ids=PHANTOMS)
POLICIES: Final = ("dead-space", "converter-safe", "strict")


def laid_out_or_refused(value: bytes, selector: str) -> Layout | None:
    """Lay a value out; None if it is refused, in one of the ways that are allowed."""
    try:
        layout = laid_out(value, selector)
    except (MalformedValue, LimitExceeded):
        return None
    return None if layout.is_foreign else layout


def assert_rows_cover(layout: Layout, size: int) -> None:
    """Check that spans follow each other up to the end, in rows that views show too."""
    assert_covers(layout, size)
    for field in layout.fields:
        if isinstance(field, View):
            assert isinstance(field.layout, Layout)
            assert_rows_cover(field.layout, len(field.inner))


def rows(layout: Layout) -> list[tuple[int, Kind, str, str]]:
    """Return end, kind, path and selector of every span, of the rows inside too."""
    found = []
    for span in layout:
        found.append((span.stop, span.kind, span.path, span.select))
        if span.view is not None and isinstance(span.view.layout, Layout):
            found += rows(span.view.layout)
    return found


@phantoms
def test_every_byte_belongs_to_one_span(selector: str, value: bytes) -> None:
    assert_rows_cover(laid_out(value, selector), len(value))


@pytest.mark.parametrize("policy", POLICIES)
@phantoms
def test_a_cleaned_value_is_laid_out_as_before(selector: str, value: bytes, policy: str) -> None:
    new = cleaned(value, selector, policy).new
    assert rows(laid_out(new, selector)) == rows(laid_out(value, selector))


@pytest.mark.parametrize("policy", POLICIES)
@phantoms
def test_cleaning_twice_is_cleaning_once(selector: str, value: bytes, policy: str) -> None:
    once = cleaned(value, selector, policy).new
    assert cleaned(once, selector, policy).new == once


@phantoms
def test_a_value_is_laid_out_or_refused_wherever_it_is_cut(selector: str, value: bytes) -> None:
    step = max(1, len(value) // 300)
    for cut in range(0, len(value), step):
        for part in (value[:cut], value[cut:]):
            layout = laid_out_or_refused(part, selector)
            if layout is not None:
                assert_rows_cover(layout, len(part))


@phantoms
def test_a_value_with_a_changed_byte_is_laid_out_and_cleaned_or_refused(selector: str, value: bytes) -> None:
    step = max(1, len(value) // 200)
    for at in range(0, len(value), step):
        for bit in (0x01, 0x80):
            changed = value[:at] + bytes((value[at] ^ bit,)) + value[at + 1 :]
            layout = laid_out_or_refused(changed, selector)
            if layout is not None:
                assert_rows_cover(layout, len(changed))
                new = cleaned(changed, selector).new
                assert rows(laid_out(new, selector)) == rows(layout)


@given(st.sampled_from(sorted({selector for selector, _ in PHANTOMS.values()})), st.binary(max_size=300))
def test_any_bytes_are_laid_out_or_refused(selector: str, value: bytes) -> None:
    layout = laid_out_or_refused(value, selector)
    if layout is not None:
        assert_rows_cover(layout, len(value))


@given(st.data())
def test_a_changed_count_or_length_of_records_is_noticed_or_laid_out(data: st.DataObject) -> None:
    value = bytearray(registration())
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    layout = laid_out_or_refused(bytes(value), RECORDS)
    if layout is not None:
        assert_covers(layout, len(value))


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize("text", IDENTITIES[::7])
def test_anybody_is_gone_from_records_and_sets(text: str, policy: str) -> None:
    spelt = text.encode("utf-8")[:48]
    records = cleaned(
        registration(number=spelt, name=spelt, date_time=spelt, uid=spelt, rest=spelt), RECORDS, policy
    )
    assert spelt not in records.new
    study = cleaned(
        reversed_sets(text[:48].encode("latin-1", "replace").decode("latin-1"))[0], REVERSED, policy
    )
    assert text[:48].encode("latin-1", "replace") not in backwards(study.new)


@phantoms
def test_no_message_holds_a_byte_of_the_value(selector: str, value: bytes) -> None:
    told = []
    for cut in range(0, len(value), 97):
        try:
            laid_out(value[cut:], selector)
        except (MalformedValue, LimitExceeded) as error:
            told.append(str(error))
    assert not any(secret in text for text in told for secret in ("PHANTOM", "PHN7001", "phantom", "2001"))
