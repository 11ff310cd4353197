"""A search for an identity in bytes, that knows nothing of how csaclean searches: slow, plain, and in every encoding.

It looks for the pieces of an identity: what is left where separators and quotes have cut it. Each is looked for in each
spelling in the bytes as they are, and in what they may stand for: decimal character codes, base64, words of the other
byte order, XML with its entities resolved, strings with their quotes doubled.
"""

import base64
import html
import re
import struct
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Final

from phantom_identities import CODECS
from phantom_persons import Person, days, numbers, pairs, plain

__all__ = ["counts_out", "gives_away", "pieces_of", "places", "readings"]

_CUTS: Final = re.compile(r"[\^\\\"'=,;|/.:<>{}()\[\]&#*%@+\-\s_]+")
_SHORTEST: Final = 5
_SHORTEST_NUMBER: Final = 6
"""Fewer digits are an offset or a length as well."""
_SHORTEST_FOREIGN: Final = 2
"""Letters of scripts that no constant is written in."""
_DIGITS: Final = re.compile(rb"\d{1,3}(?:\s*,\s*\d{1,3}){3,}")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
_QUOTES: Final = re.compile(rb'"{2,}')
_ENTITY: Final = re.compile(rb"&(?:#x?[0-9A-Fa-f]+|[a-z]+);")
_CHANCE: Final = frozenset(("Frau", "Oktober", "October", "hospital", "example", "Angle", "Brace", "Comma", "Equal", "Slash", "Quoted", "Paren", "Percent", "Semicolon", "1967"))  # fmt: skip
"""Pieces that words of the vendor's may hold."""


@cache
def pieces_of(text: str) -> tuple[str, ...]:
    """Return the parts of an identity that by themselves give it away, and the whole."""
    parts = [text, *_CUTS.split(text)]
    return tuple(
        dict.fromkeys(
            part
            for part in parts
            if part not in _CHANCE
            and len(part)
            >= (_SHORTEST_NUMBER if part.isdecimal() else _SHORTEST if part.isascii() else _SHORTEST_FOREIGN)
        )
    )


@cache
def _needles(text: str) -> tuple[bytes, ...]:
    """Return the pieces of an identity as bytes: in each case, codec, and in UTF-16 of both orders."""
    found: dict[bytes, None] = {}
    for piece in pieces_of(text):
        for spelt in dict.fromkeys((piece, piece.lower(), piece.upper(), piece.casefold())):
            for codec in (*CODECS, "utf-16-le", "utf-16-be"):
                try:
                    encoded = spelt.encode(codec)
                except UnicodeEncodeError:
                    continue
                bare = re.sub(rb"\A(?:\x1b[$()]+[@-Z])+|(?:\x1b[$()]+[@-Z])+\Z", b"", encoded)
                if len(bare) >= 4:
                    found[bare] = None
    return tuple(found)


def _codes(data: bytes) -> bytes:
    """Return what lists of decimal character codes spell."""
    return b"\n".join(
        bytes(code if code < 256 else 0 for code in map(int, found[0].split(b",")))
        for found in _DIGITS.finditer(data)
    )


def _base64(data: bytes) -> bytes:
    """Return what runs of base64 symbols stand for, whichever of four symbols they begin with."""
    parts = []
    for found in _BASE64.finditer(data):
        run = found[0].rstrip(b"=")
        for phase in range(4):
            rest = run[phase:]
            parts.append(base64.b64decode(rest + b"A" * (-len(rest) % 4)))
    return b"\n".join(parts)


def _swapped(data: bytes) -> bytes:
    even = bytearray(data[: len(data) // 2 * 2])
    even[::2], even[1::2] = even[1::2], even[::2]
    return bytes(even)


def _unescaped(data: bytes) -> bytes:
    """Return XML without its entities; a character reference stands for a byte here, as the phantoms write it."""
    if not _ENTITY.search(data):
        return b""
    return _ENTITY.sub(
        lambda found: html.unescape(found[0].decode("ascii")).encode("latin-1", "replace"), data
    )


def readings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the bytes, and what else they may be read as."""
    yield "as it is", data
    yield "character codes", _codes(data)
    inner = _base64(data)
    yield "base64", inner
    yield "base64, swapped", _swapped(inner)
    for phase in range(2):
        swapped = _swapped(data[phase:])
        yield "swapped", swapped
        yield "swapped, base64", _base64(swapped)
        yield "swapped, unquoted", _QUOTES.sub(b'"', swapped)
    yield "XML", _unescaped(data)
    yield "unquoted", _QUOTES.sub(b'"', data)


def places(data: bytes, text: str) -> list[tuple[str, int]]:
    """Return where an identity stands: how it was read, and the offset in what was read."""
    found = []
    for reading, row in readings(data):
        lowered = row.lower()
        for needle in _needles(text):
            for where in (row, lowered):
                at = where.find(needle)
                while at >= 0:
                    found.append((reading, at))
                    at = where.find(needle, at + 1)
    return sorted(set(found))


# A person, by all that the header says


_BORDER: Final = b"\n\xff\x00\n"
_LINES: Final = re.compile(rb"(?:\r\n|\r|\n|\\r\\n|\\n)[ \t]*")
_ESCAPED: Final = re.compile(
    rb"&(?:#(\d+)|#[xX]([0-9A-Fa-f]+)|([A-Za-z]+));|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|%([0-9A-Fa-f]{2})"
)
_OF_URLS: Final = bytes.maketrans(b"-_", b"+/")
_NUMBER: Final = re.compile(rb"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")


@cache
def _words_of(person: Person) -> tuple[bytes, ...]:
    """Return what gives a person away: pieces of the names and numbers, and the birth date, as bytes in lower case."""
    texts: dict[str, None] = {}
    for name in (person.name, person.physician, person.operator):
        for piece in (*pieces_of(name), *pieces_of(plain(name))):
            texts[piece] = None
        texts.update(dict.fromkeys(pairs(name)))
    texts.update(dict.fromkeys(text for _, text in (*numbers(person.number), ("", person.digits))))
    texts.update(dict.fromkeys(text for _, text in days(person.born)))
    found: dict[bytes, None] = {}
    for text in texts:
        for spelt in dict.fromkeys((text, text.lower(), text.upper(), unicodedata.normalize("NFD", text))):
            for codec in (*CODECS, "big5", "euc_jp", "utf-16-le", "utf-16-be"):
                try:
                    encoded = spelt.encode(codec)
                except UnicodeEncodeError:
                    continue
                bare = re.sub(rb"\A(?:\x1b[$()]+[@-Z])+|(?:\x1b[$()]+[@-Z])+\Z", b"", encoded).lower()
                if len(bare) >= 4:
                    found[bare] = None
    return tuple(found)


def _character(found: re.Match[bytes]) -> bytes:
    """Return what an escape stands for."""
    decimal, hexadecimal, name, unit, code, byte = found.groups()
    if byte or code:
        return bytes.fromhex((byte or code).decode())
    if name:
        return html.unescape(found[0].decode()).encode()
    number = int(decimal) if decimal else int(hexadecimal or unit, 16)
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else found[0]


def _all_readings(row: bytes) -> bytes:
    """Return a row and all that it may be read as, in lower case, with borders between."""
    inner = _base64(row)
    unfolded = _base64(_LINES.sub(b"", row).translate(_OF_URLS))
    unescaped = _ESCAPED.sub(_character, row)
    parts = [
        row,
        _codes(row),
        inner,
        _swapped(inner),
        unfolded,
        unescaped,
        _ESCAPED.sub(_character, unescaped),
    ]
    for phase in range(2):
        swapped = _swapped(row[phase:])
        parts += [swapped, _base64(swapped)]
    parts += [_QUOTES.sub(b'"', part) for part in tuple(parts) if b'""' in part]
    backwards = row[::-1]
    parts += [backwards, _ESCAPED.sub(_character, backwards), _base64(backwards)]
    return _BORDER.join(dict.fromkeys(parts)).lower()


def gives_away(row: bytes, person: Person) -> bool:
    """Tell whether a word of a person stands in a row, in any reading."""
    read = _all_readings(row)
    return any(word in read for word in _words_of(person))


def counts_out(row: bytes, digits: str) -> bool:
    """Tell whether a number stands in a row: in decimal text of any notation, or in binary numbers of any width."""
    value = int(digits)
    if digits.rstrip("0").encode() in row.replace(b".", b"") and any(
        Decimal(found[0].decode()) == value for found in _NUMBER.finditer(row)
    ):
        return True
    packed = [struct.pack(f"<{code}", value) for code in "Qd"]
    packed += [struct.pack("<I", value)] if value < 1 << 32 else []
    packed += [struct.pack("<f", value)] if value < 1 << 24 else []
    return any(one in row for one in packed)
