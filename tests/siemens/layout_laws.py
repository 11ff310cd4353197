"""What holds for every grammar: the checks, and fills that owe nothing to the program's own."""

import re
from collections.abc import Callable, Collection

from csaclean.errors import MalformedValue
from csaclean.model import Kind, Layout
from csaclean.registry import layout_fault

__all__ = [
    "assert_covers",
    "assert_laid_out_alike",
    "fields",
    "filled",
    "laid_out_or_refused",
    "texts_left",
]

Grammar = Callable[[bytes], Layout]

_WIDTHS = (b"0", b"88", b"120")
_FIXED = frozenset(("code", "assignments", "number", "integer", "binary-number"))


def _text(old: bytes) -> bytes:
    return re.sub(rb"[^\\\r\n\t]", b"X", old)


def _fill(form: str, old: bytes) -> bytes:
    """Return what a redaction may put in place of a field, as long as it was."""
    if form == "date" and len(old) == 8:
        return b"19000101"
    if form in {"number", "date", "time", "assignments"}:
        return re.sub(rb"\d", b"0", old)
    if form == "hex":
        return re.sub(rb"[0-9A-Fa-f]", b"0", old)
    if form == "uid":
        return re.sub(rb"\d", b"1", old)
    if form == "codes":
        return re.sub(rb"\d+", lambda code: _WIDTHS[len(code[0]) - 1], old)
    if form == "utf16":
        return b"X\0" * (len(old) // 2) + b"X" * (len(old) % 2)
    if form == "binary-number":
        return bytes(len(old))
    if form == "name":
        return re.sub(rb"[A-Za-z0-9]", b"X", old)
    return old if form == "code" else _text(old)


def fields(value: bytes, layout: Layout) -> list[tuple[str, str, bytes]]:
    """Return path, form and bytes of every field."""
    return [
        (span.path, span.form, value[span.start : span.stop]) for span in layout if span.kind is Kind.VALUE
    ]


def filled(
    value: bytes, layout: Layout, chosen: Collection[str] | None = None, *, standing: bool = True
) -> bytes:
    """Return a value with dead bytes nulled and the fields of these paths filled, or all.

    Parameters
    ----------
    standing
        Whether forms that stand without a rule are filled too.
    """
    new = bytearray(value)
    for span in layout:
        old = value[span.start : span.stop]
        if span.kind is Kind.DEAD:
            new[span.start : span.stop] = bytes(len(old))
        elif span.kind is Kind.VALUE and (chosen is None or span.path in chosen):
            stays = span.form in _FIXED and not standing
            new[span.start : span.stop] = old if stays else _fill(span.form, old)
    return bytes(new)


def texts_left(value: bytes, layout: Layout) -> bytes:
    """Return what is left of a value once every field that doesn't stand is filled."""
    return filled(value, layout, standing=False)


def assert_covers(layout: Layout, size: int) -> None:
    """Check that spans follow each other up to the end of the value."""
    assert not layout.is_foreign
    assert not layout_fault(layout, size)


def assert_laid_out_alike(one: Layout, other: Layout) -> None:
    """Check that cuts, kinds, paths and notes are the same, as the proof of rows asks."""
    assert one.stops == other.stops
    assert one.kinds == other.kinds
    assert [span.path for span in one] == [span.path for span in other]
    assert one.notes == other.notes


def laid_out_or_refused(grammar: Grammar, value: bytes) -> Layout | None:
    """Lay a value out; None if it is refused, in the one way that is allowed."""
    try:
        layout = grammar(value)
    except MalformedValue:
        return None
    if not layout.is_foreign:
        assert_covers(layout, len(value))
    return layout
