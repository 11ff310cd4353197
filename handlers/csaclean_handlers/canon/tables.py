"""Parameter tables of Toshiba's diffusion software, (0019,xx76) and (0019,xx8F): named blocks inside named blocks (measured).

All numbers are little-endian, names are UTF-16LE::

    block     u32 length of what follows, char16 name[32], u32 size of the content, content
    content   blocks; or a number of four or eight bytes; or a text in UTF-16LE

The table is a row of such blocks.
"""

import re
from typing import Final

from csaclean.model import Builder, Layout
from csaclean_handlers.canon.vocabulary import vocabulary

__all__ = ["layout_table"]

_WORD: Final = 4
_NAME: Final = 64
_HEAD: Final = _WORD + _NAME + _WORD
_DEPTH: Final = 4
"""Blocks inside each other; two are known."""
_NUMBER_SIZES: Final = (4, 8)
_UNKNOWN: Final = "?"
_DIGITS: Final = re.compile(r"\d{1,2}")


def _word(row: bytes, position: int) -> int:
    return int.from_bytes(row[position : position + _WORD], "little")


def _are_blocks(row: bytes, start: int, stop: int) -> bool:
    """Tell whether a range is blocks from its beginning to its end."""
    while start < stop:
        size = _word(row, start + _WORD + _NAME)
        if start + _HEAD + size > stop or _word(row, start) != _NAME + _WORD + size:
            return False
        start += _HEAD + size
    return True


def _name(builder: Builder, row: bytes) -> str:
    """Account for the name of a block, and return what it is called in a path."""
    start = builder.position
    stop = start + _NAME
    end = next((at for at in range(start, stop, 2) if row[at : at + 2] == b"\0\0"), stop)
    name = _DIGITS.sub("#", row[start:end].decode("utf-16-le", "replace"))
    if name in vocabulary().parameters | vocabulary().parameter_texts:
        builder.structure(end)
    else:
        name = _UNKNOWN
        builder.value(end, name, "utf16")
    builder.structure(min(end + 2, stop))
    builder.dead(stop)
    return name


def _blocks(builder: Builder, row: bytes, stop: int, path: str, depth: int) -> None:
    """Account for the blocks of a range."""
    while builder.position < stop:
        builder.structure(builder.position + _WORD)
        name = _name(builder, row)
        size = _word(row, builder.position)
        builder.structure(builder.position + _WORD)
        start, end = builder.position, builder.position + size
        inner = f"{path}/{name}".removeprefix("/")
        if name in vocabulary().parameter_texts and not size % 2:
            text = row[start:end]
            live = next((at for at in range(0, size, 2) if text[at : at + 2] == b"\0\0"), size)
            builder.value(start + live, inner, "utf16")
            builder.structure(min(start + live + 2, end))
            builder.dead(end)
        elif size >= _HEAD and depth < _DEPTH and _are_blocks(row, start, end):
            _blocks(builder, row, end, inner, depth + 1)
        elif size in _NUMBER_SIZES and name != _UNKNOWN:
            builder.value(end, inner, "binary-number")
        else:
            builder.value(end, f"{inner}/content", "opaque")


def layout_table(value: bytes) -> Layout:
    """Return what each byte of a table is.

    Returns
    -------
    Layout
        Paths are the names of blocks, ``/`` between them, ``#`` for a number of one or two digits; ``?`` stands for a name
        that isn't listed, ``/content`` behind a name for what is neither a number, a text nor blocks. What isn't a table is
        one field, ``other``.
    """
    builder = Builder()
    if _are_blocks(value, 0, len(value)):
        _blocks(builder, value, len(value), "", 1)
    else:
        builder.value(len(value), "other", "opaque")
    return builder.done(len(value))
