"""The layout of an element that a rule names and no grammar takes apart: by its VR."""

import re
from collections.abc import Callable
from typing import Final

from csaclean.model import Builder, Layout
from csaclean.policy.fills import NUMBER

__all__ = [
    "DECIMAL_VRS",
    "FIELD_VRS",
    "NUMBER_VRS",
    "OPAQUE_VRS",
    "TEXT_VRS",
    "UNTYPED",
    "WRITTEN_VRS",
    "are_decimal_numbers",
    "layout_by_vr",
    "layout_nothing",
    "reads_as_text",
]

OPAQUE_VRS: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
"""VRs (PS3.5 section 6.2) of bytes that the VR says nothing about."""
UNTYPED: Final = OPAQUE_VRS
"""VRs under which a rewriter may have put anything: the rule's VR counts instead."""

_SPECIAL_FORMS: Final = {
    "AS": "age",
    "DA": "date",
    "DS": "number",
    "DT": "datetime",
    "IS": "integer",
    "TM": "time",
    "UI": "uid",
}
_TEXT_FORMS: Final = {
    vr: _SPECIAL_FORMS.get(vr, "text")
    for vr in [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "UT",
    ]
}
_NUMERIC_FORMS: Final = frozenset(("integer", "number"))
_WIDTHS: Final = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
NUMBER_VRS: Final = frozenset(_WIDTHS)
"""VRs of binary numbers."""
TEXT_VRS: Final = frozenset(vr for vr, form in _TEXT_FORMS.items() if form == "text")
"""VRs of free or coded text."""
WRITTEN_VRS: Final = frozenset(_TEXT_FORMS)
"""VRs of which a value is written in characters: text, numbers, dates and UIDs."""
DECIMAL_VRS: Final = frozenset(("DS", "IS"))
"""VRs of numbers that are written in characters."""
FIELD_VRS: Final = frozenset(_TEXT_FORMS) | NUMBER_VRS
"""VRs (PS3.5 section 6.2) of which a value is laid out as a field; any other is opaque."""


_SHORTEST_TEXT: Final = 5
"""Fewer bytes may be one number of any size that happens to consist of letters."""
_SHORT: Final = 8
"""Up to so many bytes may be one number of ordinary size that is printable: then only letters, digits and what stands in
names make a text (the last byte of such a number is ``?`` or ``@``)."""
_OF_NAMES: Final = re.compile(rb"[A-Za-z0-9 ^_.,'-]+")
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\f\r\x1b")) + b"\x7f"
_PRINTABLE: Final = bytes(range(32, 127))


def layout_nothing(value: bytes) -> Layout | None:
    r"""Return the layout of a value that holds nothing: no byte, or NULs only, which are dead. None of any other value.

    Examples
    --------
    >>> layout = layout_nothing(bytes(4))
    >>> layout is not None and [(span.stop, span.kind.name) for span in layout]
    [(4, 'DEAD')]
    >>> layout_nothing(b"\0x") is None
    True
    """
    if value.count(0) < len(value):
        return None
    builder = Builder()
    builder.dead(len(value))
    return builder.done(len(value))


def are_decimal_numbers(value: bytes) -> bool:
    r"""Tell whether a value is decimal numbers between backslashes, as DS and IS write them.

    Examples
    --------
    >>> are_decimal_numbers(b"12.50\\-3 "), are_decimal_numbers(b"12 mm"), are_decimal_numbers(b"")
    (True, False, False)
    """
    return all(NUMBER.fullmatch(part) for part in value.rstrip(b"\0").split(b"\\"))


def reads_as_text(value: bytes) -> bool:
    r"""Tell whether bytes that ought to be binary numbers are text: UTF-8, or letters of ASCII for the most part.

    Examples
    --------
    >>> reads_as_text(b"DOE^JANE"), reads_as_text(bytes(8)), reads_as_text(b"\x00\x00\x00\x00\x00@\x8f@")
    (True, False, False)
    """
    text = value.rstrip(b"\0 ")
    if len(text) < _SHORTEST_TEXT or len(text.translate(None, _CONTROL)) < len(text):
        return False
    if len(text) <= _SHORT and text.isascii():
        return _OF_NAMES.fullmatch(text) is not None
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return 4 * len(text.translate(None, _PRINTABLE)) <= len(text)
    return True


def layout_by_vr(
    vr: str,
    value: bytes,
    select: str = "",
    *,
    form_of: Callable[[bytes, str], str] | None = None,
    form: str = "",
) -> Layout:
    r"""Return a layout of one field with an empty path; the padding of text is structure.

    Binary numbers whose bytes are no multiple of the VR's width (PS3.5 Table 6.2-1) are none: such a value is opaque.

    Parameters
    ----------
    vr, value
        The value representation, and the raw bytes.
    select
        The field's own selector, if it belongs to a nested data set.
    form_of
        Says as which form a text counts, see `csaclean.policy.rules.RuleSet.form`.
    form
        As what a value of bytes (``OB`` and the like) is one field; without it such a value is opaque.

    Examples
    --------
    >>> [(span.stop, span.kind.name, span.form) for span in layout_by_vr("LO", b"abc ")]
    [(3, 'VALUE', 'text'), (4, 'STRUCTURE', '')]
    """
    builder = Builder()
    size = len(value)
    if vr in _TEXT_FORMS:
        text_form = _TEXT_FORMS[vr]
        # The fill of a number ends in spaces, so they belong to it, and to what stands in its place.
        text = value.rstrip(b"\0" if text_form in _NUMERIC_FORMS else b"\0 ")
        if text_form in _NUMERIC_FORMS and not are_decimal_numbers(text):
            text_form = "text"
            text = text if text.strip() else b""
        if form_of is not None:
            text_form = form_of(text, text_form)
        builder.value(len(text), "", text_form, select)
        builder.structure(size)
    elif vr in NUMBER_VRS and not size % _WIDTHS[vr]:
        builder.value(size, "", "binary-number", select)
    elif form and vr not in NUMBER_VRS:
        builder.value(size, "", form, select)
    else:
        builder.opaque(size)
    return builder.done(size)
