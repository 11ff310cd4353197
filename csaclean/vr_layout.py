"""The layout of an element that a rule names and no grammar takes apart: by its VR."""

from typing import Final

from csaclean.model import Builder, Layout
from csaclean.policy.fills import NUMBER

__all__ = ["FIELD_VRS", "TEXT_VRS", "UNTYPED", "layout_by_vr"]

UNTYPED: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
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
_NUMBERS: Final = frozenset(["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])
TEXT_VRS: Final = frozenset(vr for vr, form in _TEXT_FORMS.items() if form == "text")
"""VRs of free or coded text."""
FIELD_VRS: Final = frozenset(_TEXT_FORMS) | _NUMBERS
"""VRs (PS3.5 section 6.2) of which a value is laid out as a field; any other is opaque."""


def layout_by_vr(vr: str, value: bytes, constants: frozenset[bytes] = frozenset()) -> Layout:
    r"""Return a layout of one field with an empty path; the padding of text is structure, bytes without VR opaque.

    A text that is one of the `constants` has the form ``code``.

    Examples
    --------
    >>> [(span.stop, span.kind.name, span.form) for span in layout_by_vr("LO", b"abc ")]
    [(3, 'VALUE', 'text'), (4, 'STRUCTURE', '')]
    """
    builder = Builder()
    size = len(value)
    if vr in _TEXT_FORMS:
        form = _TEXT_FORMS[vr]
        # The fill of a number ends in spaces, so they belong to it.
        text = value.rstrip(b"\0" if form in _NUMERIC_FORMS else b"\0 ")
        if form in _NUMERIC_FORMS and not all(NUMBER.fullmatch(part) for part in text.split(b"\\")):
            form = "text"
            text = value.rstrip(b"\0 ")
        if text in constants:
            form = "code"
        builder.value(len(text), "", form)
        builder.structure(size)
    elif vr in _NUMBERS:
        builder.value(size, "", "binary-number")
    else:
        builder.opaque(size)
    return builder.done(size)
