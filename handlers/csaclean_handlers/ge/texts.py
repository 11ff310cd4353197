"""Texts of GE in values of bytes."""

import re
from typing import Final

from csaclean.model import Builder, Layout

__all__ = ["layout_strings"]

_STRING: Final = re.compile(rb"[^\0]+")


def layout_strings(value: bytes, /) -> Layout:
    r"""Return the layout of C strings in a row, each a field ``string``; the NULs between and behind them are structure.

    Examples
    --------
    >>> [(span.start, span.stop, span.path) for span in layout_strings(b"MR 1/7/4\0\0x\0")]
    [(0, 8, 'string'), (8, 10, ''), (10, 11, 'string'), (11, 12, '')]
    """
    builder = Builder()
    for found in _STRING.finditer(value):
        builder.structure(found.start())
        builder.value(found.end(), "string", "text")
    builder.structure(len(value))
    return builder.done(len(value))
