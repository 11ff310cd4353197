"""Laws of the protocol grammars, for any text: nothing is left out, filling changes nothing else, no text breaks them."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csaclean.errors import MalformedValue
from csaclean.model import Kind, Layout, Span
from csaclean_handlers.siemens.protocol import UNKNOWN_TEXT, layout_protocol
from phantom_protocol import as_value, phoenix
from tests.siemens.protocol_samples import FILLED_FORMS, filled, is_text_in_part, protocols


def cuts(layout: Layout) -> list[tuple[int, int, Kind, str]]:
    """Return all that a proof compares: where spans are, of what kind, under which path."""
    return [(span.start, span.stop, span.kind, span.path) for span in layout]


def laid_out(value: bytes, *, fine: bool = False) -> Layout | None:
    """Return the layout of a text, or None if it is refused as malformed."""
    try:
        return layout_protocol(value, fine=fine)
    except MalformedValue:
        return None


def redactable(span: Span) -> bool:
    return span.form in FILLED_FORMS


def unknown_name(span: Span) -> bool:
    return span.form == "name"


def listed(span: Span) -> bool:
    """Whether a rule might name the number: it has a path of its own in both layouts."""
    return span.form == "number" and span.path.startswith("ASCCONV/s")


class TestAnyProtocol:
    @pytest.mark.parametrize("fine", [False, True])
    @given(value=protocols())
    def test_has_each_byte_in_one_span(self, value: bytes, fine: bool) -> None:
        layout = laid_out(value, fine=fine)
        if layout is not None:
            assert layout.stops[-1] == len(value)
            assert layout.stops == sorted(set(layout.stops))

    @given(value=protocols())
    def test_has_nothing_opaque_and_is_never_unknown(self, value: bytes) -> None:
        layout = laid_out(value)
        if layout is not None:
            assert Kind.OPAQUE not in layout.kinds
            assert UNKNOWN_TEXT not in layout.notes

    @pytest.mark.parametrize("fine", [False, True])
    @pytest.mark.parametrize("wanted", [redactable, unknown_name, lambda span: True])
    @given(value=protocols())
    def test_is_laid_out_as_before_once_its_fields_are_filled(
        self, value: bytes, wanted: Callable[[Span], bool], fine: bool
    ) -> None:
        def chosen(span: Span) -> bool:
            return span.form not in ("code", "assignments") and wanted(span)

        layout = laid_out(value, fine=fine)
        if layout is not None:
            after = filled(value, layout, chosen, "text")
            assert cuts(layout_protocol(after, fine=fine)) == cuts(layout)

    @given(value=protocols())
    def test_is_laid_out_as_before_once_each_field_is_filled_by_its_form(self, value: bytes) -> None:
        layout = laid_out(value)
        if layout is not None:
            after = filled(value, layout, lambda span: span.form not in ("code", "assignments", "number"))
            again = layout_protocol(after)
            assert cuts(again) == cuts(layout)
            assert filled(after, again, redactable) == after

    @given(value=protocols())
    def test_keeps_quotes_line_ends_and_markers_when_filled(self, value: bytes) -> None:
        layout = laid_out(value)
        if layout is not None:
            after = filled(value, layout, redactable, "text")
            for byte in b'"\r\n':
                assert [i for i, old in enumerate(value) if old == byte and after[i] != byte] == [
                    i
                    for span in layout
                    if span.kind is Kind.DEAD
                    for i in range(span.start, span.stop)
                    if value[i] == byte and after[i] != byte
                ]
            for marker in (b"### ASCCONV BEGIN", b"### ASCCONV END ###"):
                assert after.count(marker) == value.count(marker)

    @given(value=protocols())
    def test_has_the_same_strings_coarse_and_fine(self, value: bytes) -> None:
        coarse, fine = laid_out(value), laid_out(value, fine=True)
        assert (coarse is None) == (fine is None)
        if coarse is not None and fine is not None:

            def strings(layout: Layout) -> list[Span]:
                return [
                    span
                    for span in layout
                    if span.kind is Kind.VALUE and span.form not in ("assignments", "number")
                ]

            assert strings(coarse) == strings(fine)

    @given(value=protocols())
    def test_has_coarse_numbers_wherever_it_has_fine_ones(self, value: bytes) -> None:
        coarse, fine = laid_out(value), laid_out(value, fine=True)
        if coarse is not None and fine is not None:
            covered = {i for span in coarse if span.kind is Kind.VALUE for i in range(span.start, span.stop)}
            assert all(
                covered.issuperset(range(span.start, span.stop)) for span in fine if span.kind is Kind.VALUE
            )

    @given(value=protocols())
    def test_is_redacted_alike_coarse_and_fine_by_rules_for_listed_numbers(self, value: bytes) -> None:
        coarse = laid_out(value)
        if coarse is not None:
            named = {span.path for span in coarse if span.form == "number"}
            by_coarse = filled(value, coarse, lambda span: span.path in named, "number")
            by_fine = filled(
                value, layout_protocol(value, fine=True), lambda span: span.path in named, "number"
            )
            assert by_coarse == by_fine


class TestADamagedProtocol:
    @given(value=protocols(), data=st.data())
    def test_is_malformed_or_laid_out_when_cut(self, value: bytes, data: st.DataObject) -> None:
        cut = value[: data.draw(st.integers(0, len(value)))]
        layout = laid_out(cut)
        assert layout is None or (layout.stops[-1] if layout.stops else 0) == len(cut)

    @settings(max_examples=300)
    @given(value=protocols(), data=st.data())
    def test_is_malformed_or_laid_out_when_bytes_change(self, value: bytes, data: st.DataObject) -> None:
        changed = bytearray(value)
        for _ in range(data.draw(st.integers(1, 4))):
            changed[data.draw(st.integers(0, len(value) - 1))] = data.draw(
                st.one_of(st.sampled_from(b'"{}<>#=\n\0 X0;.['), st.integers(0, 255))
            )
        layout = laid_out(bytes(changed))
        if layout is not None:
            assert layout.stops[-1] == len(value)
            after = filled(bytes(changed), layout, redactable, "text")
            assert cuts(layout_protocol(after)) == cuts(layout)

    def test_is_text_wherever_a_whole_one_is_cut(self) -> None:
        value = as_value(phoenix(), b"").rstrip()
        signature = len(b"<XProtocol>")
        assert all(is_text_in_part(value[:size]) for size in range(signature, len(value), 7))

    @given(st.binary(max_size=60))
    def test_of_any_bytes_is_laid_out_or_malformed(self, value: bytes) -> None:
        layout = laid_out(value)
        assert layout is None or (layout.stops[-1] if layout.stops else 0) == len(value)
