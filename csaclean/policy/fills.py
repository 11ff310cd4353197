"""Same-length fills: what a redacted field holds afterwards, for each form.

A fill depends on the field's length and on its shape at most, so that redacting twice is redacting once and no link
between equal values is left. Each is accepted by every reader of the rewrite matrix (no NUL inside text, no empty
string, digits where digits stood, no leading zero that a reader would choke on).
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

__all__ = ["FORMS", "NUMBER", "fill"]

NUMBER = re.compile(rb" *[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? *")
"""A decimal number as DS, IS and the texts of Siemens write it."""

_ZERO_DIGITS = bytes(ord("0") if chr(i).isdigit() and i < 128 else i for i in range(256))
_TEXT_STAYS = frozenset(b"\\\r\n\t")
_TEXT = bytes(i if i in _TEXT_STAYS else ord("X") for i in range(256))


def _text(old: bytes) -> bytes:
    return old.translate(_TEXT)


def _number(old: bytes) -> bytes:
    return old.translate(_ZERO_DIGITS) if NUMBER.fullmatch(old) else _text(old)


def _integer(old: bytes) -> bytes:
    return b"0".ljust(len(old), b" ")


def _letter_code(old: bytes) -> bytes:
    return b"0" * len(old) if old.isdigit() else b"O" * len(old)


def _date(old: bytes) -> bytes:
    return b"19000101" if len(old) == len(b"YYYYMMDD") else _number(old)


FORMS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "text": _text,
        "number": _number,
        "integer": _integer,
        "letter-code": _letter_code,
        "date": _date,
    }
)
"""Fill by form: ``text`` (X; separators and line ends stay), ``number`` (digits become 0, width, sign and point stay),
``integer`` (0, then spaces), ``letter-code`` (one digit or letter that stands for something), ``date`` (YYYYMMDD)."""


def fill(form: str, old: bytes) -> bytes:
    r"""Return the replacement of a field: as long as `old`, the same for every value of that shape.

    A form without a fill of its own is filled as text.

    Examples
    --------
    >>> fill("number", b"-72.50"), fill("integer", b"72      "), fill("date", b"20240131")
    (b'-00.00', b'0       ', b'19000101')
    >>> fill("text", b"Doe^J\\Roe")
    b'XXXXX\\XXX'
    """
    return FORMS.get(form, _text)(old)
