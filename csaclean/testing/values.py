"""Values that are not what they ought to be: cut, changed, and with words in them that no message may repeat."""

import re
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from csaclean.errors import DoesNotFit
from csaclean.model import Kind, Layout
from csaclean.testing.bench import Row, chosen, rows, spans_of

__all__ = ["canaries", "changed_values", "cuts", "told"]

_EXTREMES: Final = (0, 1, 0x7F, 0x80, 0xFF)
_WIDTHS: Final = (1, 2, 4, 8)
_LONGEST_BLOCK: Final = 64
_WORDS: Final = re.compile(rb"[0-9A-Za-z_]{4,}")

LETTERS: Final = b"QZXJKVWGQ"
"""No word of any language holds four of these letters in this order: a text that does has them from the value."""
DIGITS: Final = b"7391846250"
_TOLD_LETTERS: Final = 4
_TOLD_DIGITS: Final = 6
"""Fewer digits may be an offset or a length."""


def cuts(value: bytes, layout: Layout, most: int) -> list[int]:
    """Return at how many bytes to cut a value: every length if they are at most `most` times four, else borders first."""
    if len(value) <= 4 * most:
        return list(range(len(value)))
    borders = (place for stop in layout.stops for place in (stop - 1, stop, stop + 1))
    return chosen(range(len(value)), most, borders)


def _changed(value: bytes, random: Random) -> bytes:
    """Return a value with one change."""
    new = bytearray(value)
    size = len(value)
    at = random.randrange(size) if size else 0
    length = random.randint(1, _LONGEST_BLOCK)
    match random.randrange(8):
        case 0 if size:
            new[at] ^= 1 << random.randrange(8)
        case 1 if size:
            new[at] = random.choice((*_EXTREMES, random.randrange(256)))
        case 2:
            new[at:at] = random.randbytes(length)
        case 3:
            del new[at : at + length]
        case 4:  # a block repeated
            new[at:at] = value[at : at + length]
        case 5:  # two blocks in each other's place
            to = random.randrange(size) if size else 0
            one, other = sorted((at, to))
            length = min(length, other - one, size - other)
            new[one : one + length], new[other : other + length] = (
                value[other : other + length],
                value[one : one + length],
            )
        case _:  # a number of any width, at its end or beyond its sign
            width = random.choice(_WIDTHS)
            order: str = random.choice(("little", "big"))
            number = random.choice((0, 1, (1 << 8 * width - 1) - 1, 1 << 8 * width - 1, (1 << 8 * width) - 1))
            at -= at % width
            new[at : at + width] = number.to_bytes(width, order)[: max(size - at, 0)]  # type: ignore[arg-type]  # one of two words
    return bytes(new)


def changed_values(value: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield changed values: the same ones for the same value, count and seed.

    One to four changes each: bits flipped, bytes set, blocks put in, taken out, repeated or swapped, numbers of 1 to 8
    bytes in both byte orders set to their ends.
    """
    random = Random(seed)  # noqa: S311  # to be repeated, not to be secret
    for _ in range(count):
        new = value
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            new = _changed(new, random)
        yield new


def _cycled(word: bytes, size: int) -> bytes:
    return (word * (size // len(word) + 1))[:size]


class _Place(NamedTuple):
    start: int
    stop: int
    is_field: bool


def _places(row: Row, most: int) -> Iterator[_Place]:
    """Yield where in a row something could stand that must not be told: fields, unread bytes, words of structure."""
    for start, stop in spans_of(row.layout, Kind.VALUE, Kind.OPAQUE, Kind.DEAD):
        yield _Place(start, stop, is_field=True)
    for start, stop in spans_of(row.layout, Kind.STRUCTURE):
        for word in _WORDS.finditer(row.content, start, stop):
            yield _Place(word.start(), word.end(), is_field=False)
    for start in chosen(range(len(row.content)), most // 4):
        yield _Place(start, min(start + 8, len(row.content)), is_field=False)


def _words(place: _Place) -> Iterator[bytes]:
    size = place.stop - place.start
    yield _cycled(LETTERS, size)
    if place.is_field:
        yield _cycled(DIGITS, size)
        yield _cycled(b"".join(bytes((letter, 0)) for letter in LETTERS), size)


def canaries(value: bytes, layout: Layout, most: int) -> Iterator[bytes]:
    """Yield values in which words stand that `told` knows: one in each place, in every field at once, and those cut."""
    for row in rows(value, layout):
        places = list(_places(row, most))
        for place in [places[number] for number in chosen(range(len(places)), most)]:
            for word in _words(place):
                new = row.content[: place.start] + word + row.content[place.stop :]
                yield from _rebuilt(row, new)
        everywhere = bytearray(row.content)
        for place in places:
            if place.is_field:
                everywhere[place.start : place.stop] = _cycled(LETTERS, place.stop - place.start)
        for full in _rebuilt(row, bytes(everywhere)):
            yield full
            for cut in chosen(range(len(full)), most, layout.stops):
                yield full[:cut]


def _rebuilt(row: Row, new: bytes) -> Iterator[bytes]:
    try:
        yield row.rebuilt(new)
    except DoesNotFit:
        return


def _windows(word: bytes, size: int) -> Iterator[str]:
    """Yield every part of a repeated word that gives it away: as text, and as hexadecimal digits."""
    for at in range(len(word)):
        part = (word * 2)[at : at + size]
        yield part.decode("ascii").casefold()
        yield part.hex()


_TOLD: Final = frozenset((*_windows(LETTERS, _TOLD_LETTERS), *_windows(DIGITS, _TOLD_DIGITS)))


def told(text: str) -> bool:
    """Tell whether a text holds a part of a word that `canaries` puts into values.

    Examples
    --------
    >>> told("a name that is no name: 'VWGQ'"), told("the number 739184 of a patient"), told("a tag at byte 7391")
    (True, True, False)
    """
    folded = text.casefold()
    return any(window in folded for window in _TOLD)
