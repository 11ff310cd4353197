r"""Grammars of United Imaging's private elements: the coefficients of the gradients, and the model of absorbed power.

All else of this vendor is laid out by its VR. Measured: public files of a uMR 770, R002; names are those of
rordenlab/dcm2niix issue 225.
"""

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from csaclean.model import Builder, Layout

__all__ = ["GRAMMARS", "layout_coefficients", "layout_sar_model"]

_NUMBER: Final = rb"[+-]?\d{1,6}(?:\.\d{1,20})?"
_NUMBERS: Final = re.compile(_NUMBER)
_SIGNATURE: Final = re.compile(rb"\d{1,3}//")
_SEPARATOR: Final = re.compile(rb"(?:\r|\n|//)+")
_KNOWN: Final = re.compile(
    rb"\d{1,3}|CUBIC"
    rb"|R[xyz0] ?= ?NUMBER ?m"
    rb"|[AB]\( ?\d{1,2}, {0,2}\d{1,2}\) +NUMBER +[xyz]"
    rb"|(?:Ndc\d{1,3}mm)?Range\*X\*NUMBER\*Y\*NUMBER\*Z\*NUMBER".replace(b"NUMBER", _NUMBER)
)
"""Lines that are known: a flag, the shape of the region, its radii, a coefficient of an order and degree, a range in mm."""
_SAR_MODEL: Final = re.compile(
    rb"(?P<mode>[A-Za-z]+(?: [A-Za-z]+)*) ?: ?(?P<model>[A-Za-z]+)(?: ?: ?(?P<power>\d{1,3}(?:\.\d{1,6})?))?"
)


def layout_coefficients(value: bytes) -> Layout:
    r"""Return the layout of MRDiscoParameter (0065,xx36): lines between ``//`` and line ends.

    The numbers of known lines are fields ``number``, what stands around them is structure. Any other line is a field
    ``other``, of text. Content that doesn't begin with a flag and ``//`` is foreign.

    Examples
    --------
    >>> value = b"0//CUBIC//Rz = 0.25m\r\n//A( 3,  1)   -0.5   x//by nobody\0"
    >>> [(span.path, value[span.start : span.stop]) for span in layout_coefficients(value) if span.path][2:]
    [('number', b'3'), ('number', b'1'), ('number', b'-0.5'), ('other', b'by nobody')]
    """
    if _SIGNATURE.match(value) is None:
        return Layout.foreign("no-coefficients")
    builder = Builder()
    end = len(value.rstrip(b"\0 "))
    start = 0
    while start < end:
        separator = _SEPARATOR.search(value, start, end)
        stop = separator.start() if separator is not None else end
        if _KNOWN.fullmatch(value, start, stop):
            for number in _NUMBERS.finditer(value, start, stop):
                builder.structure(number.start())
                builder.value(number.end(), "number", "number")
            builder.structure(stop)
        else:
            builder.value(stop, "other", "text")
        start = separator.end() if separator is not None else end
        builder.structure(start)
    builder.structure(len(value))
    return builder.done(len(value))


def layout_sar_model(value: bytes) -> Layout:
    r"""Return the layout of SAR Model (0065,xx17): ``mode : model : power``, the power in W/kg not always there.

    Paths are ``mode``, ``model`` and ``power``; a text of another shape is one field, ``other``.

    Examples
    --------
    >>> [(span.path, span.form) for span in layout_sar_model(b"Normal : HEAD : 0.5 ") if span.path]
    [('mode', 'text'), ('model', 'text'), ('power', 'number')]
    """
    builder = Builder()
    text = value.rstrip(b"\0 ")
    match = _SAR_MODEL.fullmatch(text)
    if match is None:
        builder.value(len(text), "other", "text")
    else:
        for path, form in (("mode", "text"), ("model", "text"), ("power", "number")):
            if match[path] is not None:
                builder.structure(match.start(path))
                builder.value(match.end(path), path, form)
    builder.structure(len(value))
    return builder.done(len(value))


GRAMMARS: Final = MappingProxyType[str, Callable[[bytes], Layout]](
    {
        "(0065,Image Private Header,17)": layout_sar_model,
        "(0065,Image Private Header,36)": layout_coefficients,
    }
)
"""What takes the value of an element apart, by selector."""
