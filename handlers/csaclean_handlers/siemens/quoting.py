"""Strings of Siemens protocol texts, at any depth of quoting.

A text inside a string has its quote characters doubled, so at depth *d* one delimiter is ``2**d`` quotes. Inside a string
a run of two delimiters is a literal quote; which of the two a run is, is decided from where the string began.
"""

import re
from typing import Final

from csaclean.model import Builder

__all__ = ["MAX_DEPTH", "UID", "delimiter", "string_pattern", "text_field"]

MAX_DEPTH: Final = 16
"""Real texts are quoted once; 16 times is a delimiter of 65,536 quotes."""

UID: Final = re.compile(rb"[0-2](?:\.\d+){3,31}")
"""A UID of at least four components; 64 characters (PS3.5 9.1) have room for 32."""

_MOST_STEPS: Final = (1 << 16) - 1
"""Steps over literal quotes in one string; the protocols of real scanners take some 1,500. Bounds the memory of a match."""
_STRIDES: Final = (4096, 64, 2)
"""Delimiters in a step. A long run, as of a text that is quoted many times, takes few steps; as each is the longest that
fits, a run can be cut in one way only."""
_KEPT: Final = re.compile(rb'"+|### ASCCONV (?:BEGIN|END)')
_MARKER: Final = b"### ASCCONV"


def delimiter(depth: int) -> str:
    """Return the source of a pattern for one delimiter at `depth`."""
    return f'"{{{1 << depth}}}'


def string_pattern(depth: int, *, lines: bool) -> str:
    """Return the source of a pattern for a string at `depth`, with two groups.

    Parameters
    ----------
    depth
        0 for a text that isn't inside a string.
    lines
        Whether the string may hold line ends.

    Returns
    -------
    str
        Group 1 is the content if no quote is in it, group 2 if there are literal quotes. A run of quotes that is no
        multiple of the delimiter does not match. Linear: a string can be cut in one way only, as a plain stretch ends at
        quotes and a run of quotes is taken whole; nothing is tried twice but the first plain stretch.
    """
    quote = delimiter(depth)
    plain = '[^"]' if lines else '[^"\r\n]'
    size = 1 << depth
    steps = [f'"{{{stride * size}}}' for stride in _STRIDES]
    longer = ["", *(f"(?!{step})" for step in steps)]
    step = "|".join(map("".join, zip(longer, steps, strict=False)))
    literal = f"{plain}*(?:(?:{step}){plain}*){{0,{_MOST_STEPS}}}"
    return rf'{quote}(?:({plain}*){quote}(?!")|({literal}){quote}(?!"))'


def text_field(builder: Builder, row: bytes, start: int, stop: int, path: str, form: str) -> None:
    """Account for the content of a string: literal quotes are structure, what stands between them is the field.

    So are the markers of a section. Whatever fills the field, no delimiter and no marker can appear or go.
    """
    if row.find(b'"', start, stop) < 0 and row.find(_MARKER, start, stop) < 0:
        builder.structure(start)
        builder.value(stop, path, form)
        return
    builder.structure(start)
    for kept in _KEPT.finditer(row, start, stop):
        builder.value(kept.start(), path, form)
        builder.structure(kept.end())
    builder.value(stop, path, form)
