"""Identifiers that are numbers, found in numbers: as decimal text in any notation, and as binary numbers of any width.

A number is compared canonically: without sign, leading zeros, a fraction of zeros, or exponent. ``77120311``,
``-0077120311.000``, ``7.7120311e7`` and ``0x498c337`` are one number. A hexadecimal number is an identifier too if its
digits spell one.

Sources: DICOM PS3.5 6.2 (DS, IS, and the binary numbers).
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from csaclean.budget import HITS
from csaclean.proof.patterns import Patterns, Spend, free

__all__ = ["SHORTEST_NUMBER", "Numbers", "canonical"]

SHORTEST_NUMBER: Final = 6
"""Significant digits of a number that is no chance if it is an identifier."""
_LONGEST: Final = 64
"""Digits of a canonical number at most: an LO has 64 characters (PS3.5 6.2)."""
_NUMBER: Final = re.compile(
    rb"0[xX](?P<hex>[0-9A-Fa-f]+)|(?:\d+(?:\.\d*)?|(?<!\d)\.\d+)(?:[eE][+-]?\d{1,4}(?!\d))?"
)
"""A number in text, without its sign."""
_BESIDE: Final = re.compile(rb"[A-Za-z_.]")
"""What stands before digits that are part of a name or of a longer number."""
_LARGEST: Final = {"I": 1 << 32, "Q": 1 << 64, "f": 1 << 127, "d": 1 << 1023}
"""Binary numbers of 32 and 64 bits, as `struct` calls them, each with a number that none of an identifier may reach. 16 bits
hold no number of six digits."""
_SIGNED: Final = {"i": 1 << 31, "q": 1 << 63, "f": 1 << 127, "d": 1 << 1023}
"""Those that may be negative."""
_ALIGNED: Final = 4
"""Bytes of which a binary number stands at a multiple: in structures of 32-bit systems those of 64 bits do, too."""
_LOWER: Final = bytes(range(256)).lower()
_MOMENT: Final = re.compile(
    r"((?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?:[01]\d|2[0-3])(?:[0-5]\d){1,2}(?:\.\d*)?"
)
"""A day and a time of it, written as one number: the day is an identifier if it is somebody's birth date."""
_CHUNK: Final = 1 << 20
_BESIDE_CHUNK: Final = 256
"""Bytes of a long value that are searched at once, and how many beside them tell where a number begins and ends; multiples
of every width."""

Hit = tuple[int, int, str]


def canonical(number: str) -> str:
    """Return the decimal digits of a number without sign, exponent and outer zeros, empty if the text is none, or too long.

    Examples
    --------
    >>> canonical("0077120311.000"), canonical("7.7120311E7"), canonical("-12.50"), canonical("1e9999"), canonical("1e-")
    ('77120311', '77120311', '12.5', '', '')
    """
    mantissa, _, exponent = number.strip().lstrip("+-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent or "0") if re.fullmatch(r"(?:[+-]?\d{1,4})?", exponent) else _LONGEST + 1
    digits = whole + fraction
    if not (digits.isascii() and digits.isdecimal()) or abs(shift) > _LONGEST:
        return ""
    point = len(whole) + shift
    digits = digits.ljust(point, "0") if point > 0 else digits
    before, after = (digits[:point], digits[point:]) if point > 0 else ("", "0" * -point + digits)
    before, after = before.lstrip("0"), after.rstrip("0")
    return f"{before}.{after}".rstrip(".") if len(before + after) <= _LONGEST else ""


@dataclass(frozen=True, slots=True, repr=False)
class Numbers:
    """Identifiers that are numbers.

    Attributes
    ----------
    groups
        The canonical digits of each, `SHORTEST_NUMBER` at least, and whose it is.
    spend
        Told what a search costs.
    """

    groups: tuple[tuple[str, str], ...] = ()
    spend: Spend = free

    def __repr__(self) -> str:
        """Return a count."""
        return f"Numbers({len(self.groups)})"

    def __bool__(self) -> bool:
        """Tell whether there is a number to look for."""
        return bool(self.groups)

    def may_stand(self, row: bytes) -> bool:
        """Tell, quickly, whether a number can stand in a row, in any way."""
        return self.may_be_written(row) or self.may_be_binary(row)

    def may_be_written(self, text: bytes) -> bool:
        """Tell, quickly, whether a number can stand in a text."""
        if not self.groups:
            return False
        digits = text.translate(_LOWER, b".")
        return next(_cores(self.groups).standing(digits, self.spend), None) is not None

    def may_be_binary(self, value: bytes) -> bool:
        """Tell, quickly, whether a number can stand in a value as a binary one."""
        if not self.groups:
            return False
        return next(_binary(self.groups)[0].standing(value, self.spend), None) is not None

    def in_text(self, text: bytes) -> Iterator[Hit]:
        """Yield where a number of a text is an identifier: start, stop, and whose it is.

        Parameters
        ----------
        text
            Numbers with anything between them: backslashes, line ends, keys of assignments. Digits of a name
            (``asCoil12``) are no number.
        """
        if not self.may_be_written(text):
            return
        groups = _by_digits(self.groups)
        for match in _NUMBER.finditer(text):
            start, stop = match.span()
            if stop - start < SHORTEST_NUMBER and b"e" not in match[0].lower():
                continue
            if start and _BESIDE.match(text, start - 1):
                continue
            group = next((groups[digits] for digits in _readings(match) if digits in groups), None)
            if group is not None:
                yield start, stop, group

    def in_binary(self, value: bytes) -> Iterator[Hit]:
        """Yield where a binary number is an identifier: start, stop, and whose it is.

        Parameters
        ----------
        value
            Numbers of either byte order: whole numbers and floating-point numbers of 32 and 64 bits, each at a multiple of
            four bytes.
        """
        patterns, packed_groups = _binary(self.groups)
        for number in patterns.standing(value, self.spend):
            packed, group = packed_groups[number]
            at = value.find(packed)
            while at >= 0:
                self.spend(HITS, 1)
                if at % _ALIGNED == 0:
                    yield at, at + len(packed), group
                at = value.find(packed, at + 1)

    def find_in_chunks(self, read: Callable[[int, int], bytes], start: int, stop: int) -> frozenset[str]:
        """Return whose the numbers are that a value of any bytes holds, as decimal text or binary.

        Parameters
        ----------
        read
            Gives the bytes from one offset to another.
        start, stop
            Where the value lies.
        """
        found: set[str] = set()
        if not self.groups:
            return frozenset()
        for low in range(start, stop, _CHUNK):
            first = max(start, low - _BESIDE_CHUNK)
            piece = read(first, min(stop, low + _CHUNK + _BESIDE_CHUNK))
            if self.may_stand(piece):
                hits = (*self.in_text(piece), *self.in_binary(piece))
                found.update(group for at, _, group in hits if low <= first + at < low + _CHUNK)
        return frozenset(found)


@lru_cache(maxsize=8)
def _by_digits(numbers: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(numbers)


@lru_cache(maxsize=8)
def _cores(numbers: tuple[tuple[str, str], ...]) -> Patterns:
    """Return the digits that a text holds, in lower case and whatever its notation, if the number stands in it."""
    cores = [number.replace(".", "").strip("0") for number, _ in numbers]
    cores += [f"{int(number):x}" for number, _ in numbers if "." not in number]
    return Patterns(dict.fromkeys(core.encode("ascii") for core in cores))


def _readings(number: re.Match[bytes]) -> Iterator[str]:
    """Yield the decimal digits that a number of a text stands for; of a hexadecimal one also those that it spells.

    Of a day with a time behind it the day too.
    """
    digits = number["hex"]
    if digits is None:
        read = canonical(number[0].decode("ascii"))
        yield read
        moment = _MOMENT.fullmatch(read)
        if moment is not None:
            yield moment[1]
    elif len(digits) <= _LONGEST:
        yield str(int(digits, 16))
        yield digits.decode("ascii").lstrip("0")


@lru_cache(maxsize=8)
def _binary(numbers: tuple[tuple[str, str], ...]) -> tuple[Patterns, tuple[tuple[bytes, str], ...]]:
    """Return the numbers as binary numbers, of either sign, in both byte orders: as patterns, and with whose they are.

    Floating-point numbers hold a long one rounded; of one with a fraction only those of 64 bits keep the digits. The
    little-endian tag that a number makes (AT) is two words, the high one first.
    """
    found: dict[bytes, str] = {}
    for number, group in numbers:
        if "." in number:
            packed = (struct.pack(order + "d", sign * float(number)) for order in "<>" for sign in (1, -1))
            found.update(dict.fromkeys(packed, group))
            continue
        for value, largest in ((int(number), _LARGEST), (-int(number), _SIGNED)):
            for code in (code for code, end in largest.items() if abs(value) < end):
                for order in "<>":
                    found.setdefault(struct.pack(order + code, value), group)
        if int(number) < _LARGEST["I"]:
            found.setdefault(struct.pack("<HH", *divmod(int(number), 1 << 16)), group)
    return Patterns(found), tuple(found.items())
