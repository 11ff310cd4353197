"""Specific Character Set (0008,0005): text of a data set, decoded without ever failing."""

from collections.abc import Sequence
from typing import Final

__all__ = ["codecs_of", "decode_text"]

_CODECS: Final = {
    "": "latin-1",
    "ISO_IR 6": "latin-1",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 203": "iso8859_15",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 166": "tis_620",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gbk",
    "ISO 2022 IR 13": "iso2022_jp_2",
    "ISO 2022 IR 87": "iso2022_jp_2",
    "ISO 2022 IR 159": "iso2022_jp_2",
    "ISO 2022 IR 149": "iso2022_kr",
    "ISO 2022 IR 58": "iso2022_jp_2",
}
"""Python's codec by defined term (PS3.3 section C.12.1.1.2)."""


def codecs_of(terms: Sequence[str], /) -> tuple[str, ...]:
    """Return Python's codecs for the terms of a data set, in order; latin-1 for what has none.

    Examples
    --------
    >>> codecs_of(("ISO_IR 192",)), codecs_of(("", "ISO 2022 IR 87"))
    (('utf_8',), ('latin-1', 'iso2022_jp_2'))
    """
    plain = (term.strip().upper() for term in terms or ("",))
    return tuple(
        _CODECS.get(term) or _CODECS.get(term.replace("ISO 2022 IR", "ISO_IR"), "latin-1") for term in plain
    )


def decode_text(value: bytes, terms: Sequence[str], /) -> str:
    """Return a text, by the last codec that can decode it, else as latin-1, without outer padding."""
    for codec in reversed(codecs_of(terms)):
        try:
            return value.decode(codec).strip(" \0")
        except (UnicodeDecodeError, LookupError):
            continue
    return value.decode("latin-1").strip(" \0")
