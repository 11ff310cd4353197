"""Specific Character Set (0008,0005): text of a data set, decoded without ever failing.

Sources: PS3.3 section C.12.1.1.2 (defined terms).
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["codecs_of", "decode_text", "decodings"]

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


_DESIGNATED: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"(B": "",
        b"(J": "shift_jis",
        b")I": "shift_jis",
        b"$B": "iso2022_jp",
        b"$(D": "iso2022_jp_2",
        b"$)C": "euc_kr",
        b"$)A": "gb2312",
        b"-A": "latin-1",
        b"-B": "iso8859_2",
        b"-C": "iso8859_3",
        b"-D": "iso8859_4",
        b"-F": "iso8859_7",
        b"-G": "iso8859_6",
        b"-H": "iso8859_8",
        b"-L": "iso8859_5",
        b"-M": "iso8859_9",
        b"-T": "iso8859_11",
        b"-b": "iso8859_15",
    }
)
"""Python's codecs by the bytes that follow an escape in ISO 2022 (PS3.3 tables C.12-3 and C.12-4)."""
_DESIGNATION: Final = re.compile(rb"\x1b(\$[()]?[@-Z]|[()-][@-Zb])")
_RESETS: Final = re.compile(rb"([\t\n\f\r^=\\]+)")
"""Characters at which the first character set is in force again (PS3.5 6.1.2.5.3)."""


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


def _decode_escaped(value: bytes, first: str) -> str | None:
    """Return a text of ISO 2022 with its escapes resolved; None if a designated character set can't decode it."""
    text = []
    for piece in _RESETS.split(value):
        parts = _DESIGNATION.split(piece)
        designated = codec = first
        for escape, part in zip((b"", *parts[1::2]), parts[::2], strict=True):
            if escape:
                codec = _DESIGNATED.get(escape, first)
                if escape[0] != 0x28:  # what is designated to G1 stays there
                    designated = codec
            shown = b"\x1b" + escape + part if codec.startswith("iso2022") else part
            for trial in (codec or first, designated or first):
                try:
                    text.append(shown.decode(trial))
                    break
                except UnicodeDecodeError:
                    continue
            else:
                return None
    return "".join(text)


def decodings(value: bytes, charsets: Iterable[str], /) -> tuple[str, ...]:
    """Return what a text may be: by its escapes, else by each codec of its character set that can decode it, and by UTF-8.

    The likeliest comes first: the last codec of the character set. There is one at least; latin-1 decodes anything.
    """
    own = codecs_of(charsets)[2:]
    if b"\x1b" in value:
        text = _decode_escaped(value, own[0] if own and not own[0].startswith("iso2022") else "latin-1")
        if text is not None:
            return (text.strip(" \0"),)
    found: dict[str, None] = {}
    for codec in (*reversed(own), "utf-8"):
        try:
            found[value.decode(codec).strip(" \0")] = None
        except UnicodeDecodeError:
            continue
    return tuple(found) or (value.decode("latin-1").strip(" \0"),)


def decode_text(value: bytes, charsets: Iterable[str], /) -> str:
    """Return a text without outer padding, as the first of its `decodings`."""
    return decodings(value, charsets)[0]
