"""Specific Character Set (0008,0005): text of a data set, decoded without ever failing.

Sources: PS3.3 section C.12.1.1.2 (defined terms).
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["codecs_of", "decode_text"]

_CODECS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "6": "ascii",
        "13": "shift_jis",
        "58": "gb2312",
        "87": "iso2022_jp",
        "100": "latin-1",
        "101": "iso8859_2",
        "109": "iso8859_3",
        "110": "iso8859_4",
        "126": "iso8859_7",
        "127": "iso8859_6",
        "138": "iso8859_8",
        "144": "iso8859_5",
        "148": "iso8859_9",
        "149": "euc_kr",
        "159": "iso2022_jp_2",
        "166": "iso8859_11",
        "192": "utf-8",
        "203": "iso8859_15",
        "GB18030": "gb18030",
        "GBK": "gbk",
    }
)
"""Python's codecs by the number in a defined term (``ISO_IR 100``, ``ISO 2022 IR 100``), or by the term."""
_TERM: Final = re.compile(r"(?:ISO.*IR.?)?(\d+|GB\w+)")


def codecs_of(charsets: Iterable[str]) -> tuple[str, ...]:
    """Return the codecs in which a file may write text: UTF-8, latin-1, and those of its Specific Character Set.

    A defined term that nobody knows adds none.
    """
    codecs = {"utf-8": None, "latin-1": None}
    for term in charsets:
        match = _TERM.fullmatch(term.strip(" \t\r\n\0").upper())
        codec = _CODECS.get(match[1]) if match else None
        if codec is not None and codec != "ascii":
            codecs[codec] = None
    return tuple(codecs)


def decode_text(value: bytes, charsets: Iterable[str], /) -> str:
    """Return a text without outer padding: by the last codec of its character set that can decode it, else by UTF-8."""
    always, own = codecs_of(charsets)[:1], codecs_of(charsets)[2:]
    for codec in (*reversed(own), *always):
        try:
            return value.decode(codec).strip(" \0")
        except UnicodeDecodeError:
            continue
    return value.decode("latin-1").strip(" \0")
