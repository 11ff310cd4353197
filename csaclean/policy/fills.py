"""Same-length fills: what a redacted field holds afterwards, for each form.

A fill depends on the field's length and on its shape at most, so that redacting twice is redacting once and no link
between equal values is left. Each is accepted by every reader of the rewrite matrix (no NUL inside text, no empty
string, digits where digits stood, no leading zero that a reader would choke on).
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

__all__ = ["FORMS", "NUMBER", "STANDING_FORMS", "UID", "UNKNOWN_FORMS", "fill", "is_registered"]

NUMBER = re.compile(rb" *[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? *")
"""A decimal number as DS, IS and the texts of Siemens write it."""

_ZERO_DIGITS = bytes(ord("0") if chr(i).isdigit() and i < 128 else i for i in range(256))
_ONE_DIGITS = bytes(ord("1") if chr(i).isdigit() and i < 128 else i for i in range(256))
_FIRST_DAY = b"19000101"
_DATETIME = re.compile(rb"\d{4}(?:\d\d){0,5}(?:\.\d{1,6})?(?:[+-]\d{4})?")
_LEADING_DIGITS = re.compile(rb"\d+")
_SLASHED_DATE = re.compile(rb"\d\d/\d\d/\d{2,4}")
_TIME = re.compile(rb"\d\d(?::?\d\d){0,2}(?:\.\d{1,6})?")
_AGE = re.compile(rb"\d{3}[DWMY]")
UID = re.compile(rb"\d+(?:\.\d+){0,31}")
"""A unique identifier as UI writes it (PS3.5 section 9.1), without its padding; 64 characters have room for 32 components."""
_ROOT = b"1.2.840.10008."
_CONTEXT_GROUP = re.compile(rb"1\.2\.840\.10008\.6\.1\.[1-9]\d{0,3}")
"""UIDs of context groups (PS3.6 Table A-3): new ones come with each edition."""
_HEX_DIGITS = bytes(ord("0") if chr(i) in "0123456789abcdefABCDEF" else i for i in range(256))
_NAME = bytes(ord("X") if chr(i).isalnum() or i > 126 or i < 33 else i for i in range(256))
_HEXADECIMAL = re.compile(rb"0[xX][0-9a-fA-F]+")
_CODE = re.compile(rb"\d{1,3}")
_NO_CODES = re.compile(rb"[^\d,\s]")
_TEXT_STAYS = frozenset(b"\\\r\n\t")
_TEXT = bytes(i if i in _TEXT_STAYS else ord("X") for i in range(256))


@cache
def _registered() -> frozenset[bytes]:
    text = files("csaclean.policy").joinpath("standard_uids.txt").read_bytes()
    return frozenset(_ROOT + line for line in text.split(b"\n") if line and not line.startswith(b"#"))


def is_registered(uid: bytes, /) -> bool:
    """Tell whether the standard registers a UID (PS3.6 annex A): SOP classes and transfer syntaxes identify no person.

    What begins as those do and isn't registered may hold anybody's number.

    Examples
    --------
    >>> is_registered(b"1.2.840.10008.1.2"), is_registered(b"1.2.840.10008.6.1.29"), is_registered(b"1.2.840.10008.99.7712")
    (True, True, False)
    """
    return uid.startswith(_ROOT) and (uid in _registered() or _CONTEXT_GROUP.fullmatch(uid) is not None)


def _text(old: bytes) -> bytes:
    return old.translate(_TEXT)


def _record(old: bytes) -> bytes:
    return b";".join(map(_text, old.split(b";")))


def _number(old: bytes) -> bytes:
    if _HEXADECIMAL.fullmatch(old):
        return old[:2] + b"0" * (len(old) - 2)
    return _other(old)


def _other(old: bytes) -> bytes:
    """Return the fill of a value that is not written in its form: of a number a number, else of a text."""
    return old.translate(_ZERO_DIGITS) if NUMBER.fullmatch(old) else _text(old)


def _integer(old: bytes) -> bytes:
    return b"0".ljust(len(old), b" ")[: len(old)]


def _letter_code(old: bytes) -> bytes:
    return _other(old) if NUMBER.fullmatch(old) else b"O" * len(old)


def _date(old: bytes) -> bytes:
    return _FIRST_DAY if len(old) == len(_FIRST_DAY) else _number(old)


def _datetime(old: bytes) -> bytes:
    if not _DATETIME.fullmatch(old):
        return _other(old)
    digits = _LEADING_DIGITS.match(old)
    day = min(len(_FIRST_DAY), digits.end() if digits is not None else 0)
    return _FIRST_DAY[:day] + old[day:].translate(_ZERO_DIGITS)


def _slashed_date(old: bytes) -> bytes:
    """Replace month/day/year by the first day of 1900; a year of two or three digits counts from there."""
    month_and_day, _, year = old.rpartition(b"/")
    first = b"01/01/" + (b"1900" if len(year) == 4 else b"0" * len(year))
    return first if _SLASHED_DATE.fullmatch(month_and_day + b"/" + year) else _other(old)


def _time(old: bytes) -> bytes:
    return old.translate(_ZERO_DIGITS) if _TIME.fullmatch(old) else _other(old)


def _age(old: bytes) -> bytes:
    return old.translate(_ZERO_DIGITS) if _AGE.fullmatch(old) else _other(old)


def _uid(old: bytes) -> bytes:
    if is_registered(old):
        return old
    return old.translate(_ONE_DIGITS) if UID.fullmatch(old) else _other(old)


def _opaque(old: bytes) -> bytes:
    return bytes(len(old))


def _blank(old: bytes) -> bytes:
    return b" " * len(old)


def _codes(old: bytes) -> bytes:
    """Replace each decimal character code by one as wide, of a letter where there is one: 0, 88 or 120."""
    if _NO_CODES.search(old):
        return _text(old)
    return _CODE.sub(lambda code: (b"0", b"88", b"120")[len(code[0]) - 1], old)


def _utf16(old: bytes) -> bytes:
    """Replace each code unit of UTF-16LE but NUL, CR, LF and TAB by X; an odd last byte by NUL."""
    units = len(old) // 2
    new = bytearray(b"X\0" * units + bytes(len(old) % 2))
    for at in range(0, 2 * units, 2):
        if not old[at + 1] and old[at] in b"\0\t\n\r":
            new[at] = old[at]
    return bytes(new)


def _name(old: bytes) -> bytes:
    return old.translate(_NAME)


def _hex(old: bytes) -> bytes:
    zeros = old.translate(_HEX_DIGITS)
    return zeros if not zeros.strip(b"0-{}") else _other(old)


def _binary_number(old: bytes) -> bytes:
    return bytes(len(old))


def _each(single: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Return the fill of a value that may have several parts between backslashes."""
    return lambda old: b"\\".join(map(single, old.split(b"\\")))


FORMS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType(
    {
        "text": _text,
        "record": _record,
        "number": _each(_number),
        "integer": _each(_integer),
        "loose-number": _integer,
        "letter-code": _each(_letter_code),
        "date": _each(_date),
        "datetime": _each(_datetime),
        "slashed-date": _slashed_date,
        "time": _each(_time),
        "age": _each(_age),
        "uid": _each(_uid),
        "binary-number": _binary_number,
        "trash": _binary_number,
        "hex": _hex,
        "codes": _codes,
        "utf16": _utf16,
        "opaque": _opaque,
        "blank": _blank,
        "name": _name,
        "code": _text,
        "assignments": _each(_number),
    }
)
"""Fill by form.

``text`` becomes X, its separators and line ends stay; so do the semicolons of a ``record``. ``number`` keeps width, sign and point, its digits become 0.
``integer`` becomes 0 and spaces, as does a ``loose-number`` (written as no VR allows, though some reader takes it for a
number), ``letter-code`` (one digit or letter that stands for something) 0 or O. ``date``,
``datetime``, ``time`` and ``age`` become the first day of 1900, midnight, no age; so does a ``slashed-date``
(month/day/year). ``uid`` keeps its dots, its digits
become 1: no component has a leading zero; UIDs that the standard registers stay. ``binary-number`` becomes zero, as does
``trash`` (a binary number of a few values that holds none of them, which somebody's memory left there), ``hex`` (digits
of a UUID) zeros. ``codes`` (decimal character codes between commas) keep their widths, ``utf16`` is text in UTF-16LE.
``opaque`` becomes NULs, ``blank`` spaces, a ``name`` that the grammar does not know X where letters and digits stood. ``code``
(a machine constant by construct) and ``assignments`` (a verified run of ``key = number`` lines) stand, unless a rule says
otherwise. What is not written in its form is filled as a number if it is one, else as text.
"""

STANDING_FORMS = frozenset(("integer", "number", "binary-number", "code", "assignments"))
"""Forms that stand without a rule: numbers that are written as numbers, and machine constants by construct."""
UNKNOWN_FORMS = frozenset(("opaque", "name"))
"""Forms of what no grammar accounts for: kept or blanked as a policy says of opaque content, never vouched if kept."""


def fill(form: str, old: bytes) -> bytes:
    r"""Return the replacement of a field: as long as `old`, the same for every value of that shape.

    A form without a fill of its own is filled as text.

    Examples
    --------
    >>> fill("number", b"-72.50"), fill("integer", b"72      "), fill("date", b"20240131")
    (b'-00.00', b'0       ', b'19000101')
    >>> fill("text", b"Doe^J\\Roe")
    b'XXXXX\\XXX'
    >>> fill("slashed-date", b"12/24/124")
    b'01/01/000'
    """
    return FORMS.get(form, _text)(old)
