"""The records of (700D,xx08) "Original Data": numbered, typed values in groups, among them the patient's registration.

The element holds the scanner's own database entry of the image. Its layout is known from GDCM alone (malaterre/GDCM
``Utilities/gdcmext/mec_mr3.c``, ``mec_mr3_io.c`` and ``mec_mr3_dict.c``); all numbers are little-endian::

    group     u32 count of records (1 to 511), then the records
    record    u32 key (below 0x100000), u32 type, u32 length, u32[5] separator, `length` bytes
              type: lowest byte 00, highest 00 or FF; separator: 0, any, 12, 0, any
    value     groups; u32 count of the remaining groups; these groups; nothing or one NUL

Where the count of remaining groups stands is not certain. One of GDCM's readers takes the first count that is at most 5 for
it, the other what follows the fifth group. A value is accepted if both readings are one, or only one of them comes to
the last byte.
"""

import re
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from csaclean.errors import MalformedValue
from csaclean.model import Builder, Layout
from csaclean.slots import slot
from csaclean.vr_layout import reads_as_text

__all__ = ["layout_records"]

_COUNT: Final = struct.Struct("<I")
_HEADER: Final = struct.Struct("<8I")
_SEPARATOR: Final = 20
_COUNTS: Final = range(1, 512)
_KEYS: Final = range(0x100000)
_SIGNS: Final = (0x00, 0xFF)
_REMAINING_GROUPS: Final = 5
"""The largest count that is one of groups, by one reading; the groups before that count, by the other."""


class _Record(NamedTuple):
    key: int
    type: int
    start: int
    """Where its value begins."""
    stop: int


_Groups = tuple[tuple[_Record, ...], ...]


def _header(row: bytes, position: int) -> tuple[int, int, int] | None:
    """Return key, type and length if the header of a record stands at a position."""
    if position + _HEADER.size > len(row):
        return None
    key, kind, length, zero, _, twelve, also_zero, _ = _HEADER.unpack_from(row, position)
    known = key in _KEYS and not kind & 0xFF and kind >> 24 in _SIGNS
    return (key, kind, length) if known and (zero, twelve, also_zero) == (0, 12, 0) else None


def _begins_group(row: bytes, position: int) -> bool:
    """Tell whether the count of a group stands at a position, with the header of its first record."""
    return (
        position + _COUNT.size <= len(row)
        and _COUNT.unpack_from(row, position)[0] in _COUNTS
        and _header(row, position + _COUNT.size) is not None
    )


def _read(row: bytes, counts_groups: Callable[[int, int], bool]) -> _Groups | None:
    """Return the groups of a value; None if they don't come to its end.

    Parameters
    ----------
    row
        The value.
    counts_groups
        Says of a count, after so many groups, whether it is that of the remaining groups.
    """
    groups: list[tuple[_Record, ...]] = []
    position, remaining = 0, -1
    while remaining:
        if position + _COUNT.size > len(row):
            return None
        (count,) = _COUNT.unpack_from(row, position)
        position += _COUNT.size
        if count not in _COUNTS:
            return None
        if remaining < 0 and counts_groups(len(groups), count):
            remaining = count
            continue
        records = []
        for _ in range(count):
            header = _header(row, position)
            if header is None:
                return None
            key, kind, length = header
            start = position + _HEADER.size
            position = start + length
            if position > len(row):
                return None
            records.append(_Record(key, kind, start, position))
        groups.append(tuple(records))
        remaining -= remaining > 0
    return tuple(groups) if row[position:] in (b"", b"\0") else None


def _words(builder: Builder, row: bytes, stop: int, path: str) -> None:
    """Account for numbers of four bytes each."""
    _numbers(builder, row, stop, path, 4)


def _long_words(builder: Builder, row: bytes, stop: int, path: str) -> None:
    """Account for numbers of eight bytes each."""
    _numbers(builder, row, stop, path, 8)


def _numbers(builder: Builder, row: bytes, stop: int, path: str, size: int) -> None:
    value = row[builder.position : stop]
    if len(value) % size:
        _bytes(builder, row, stop, path)
    else:
        builder.value(stop, path, "text" if reads_as_text(value) else "binary-number")


def _bytes(builder: Builder, row: bytes, stop: int, path: str) -> None:
    """Account for what is not written as its type says, or is of a type that no source explains."""
    builder.value(stop, f"{path}/bytes", "opaque")


_NAMED_MAGIC: Final = b"\xdf\xff\x79"
_NAMED: Final = range(19, 260)
"""Lengths of a text with a header: its own and that of the text in it have one byte each."""


def _text(builder: Builder, row: bytes, stop: int, path: str) -> None:
    """Account for a text with what stands behind its NUL.

    It may have a header: magic, how long the rest is, the name of a character set, how long the text is. What follows is
    Shift-JIS, whatever the name says.
    """
    start = builder.position
    if row.startswith(_NAMED_MAGIC, start, stop):
        size = stop - start
        rest, length = bytes((size - 4 & 0xFF,)), bytes((size - 19 & 0xFF,))
        header = _NAMED_MAGIC + rest + b"\1\x09\0ISO8859-1\2" + length + b"\0"
        if size not in _NAMED or not row.startswith(header, start):
            raise MalformedValue("a text with the header of an unknown character set", "", start)
        builder.structure(start + len(header))
    slot(builder, row, stop, path)


_DATE_TIME: Final = re.compile(rb"\d\d/\d\d/\d{4},\d\d:\d\d:\d\d(?:\0|\Z)")


def _date_time(builder: Builder, row: bytes, stop: int, path: str) -> None:
    """Account for month/day/year,hour:minute:second with its NUL; anything else is a text."""
    start = builder.position
    if _DATE_TIME.match(row, start, stop) is None:
        slot(builder, row, stop, path)
        return
    builder.value(start + 10, f"{path}/date", "slashed-date")
    builder.structure(start + 11)
    builder.value(start + 19, f"{path}/time", "time")
    builder.structure(min(start + 20, stop))
    builder.dead(stop)


class _Part(NamedTuple):
    """A part of a fixed structure; `form` is ``dead`` for padding."""

    size: int
    name: str
    form: str = "text"


def _number(name: str) -> _Part:
    return _Part(4, name, "binary-number")


_ITEMS: Final = (_number("index"), *(_Part(48, f"text/{number}") for number in range(1, 8)))
_REFERENCE: Final = (
    _number("first"),
    _Part(65, "class", "uid"),
    _Part(65, "instance", "uid"),
    _Part(2, "last", "binary-number"),
)
_PERFORMED: Final = (
    _number("first"),
    _Part(17, "version"),
    _Part(9, "date", "date"),
    _Part(14, "time", "time"),
    _Part(29, "text/1"),
    _Part(256, "name"),
    _Part(65, "text/2"),
    _Part(17, "text/3"),
    _Part(3, "modality"),
    _Part(18, "text/4"),
    _number("last"),
)
_SCHEDULED: Final = (
    _Part(65, "text/1"),
    _Part(21, "text/2"),
    _Part(256, "name"),
    _Part(17, "text/3"),
    _Part(65, "study", "uid"),
    _Part(65, "text/4"),
    _Part(3, "", "dead"),
    *(_number(f"flag/{number}") for number in range(1, 7)),
)
_NAMES: Final = tuple(_Part(65, f"name/{number}") for number in range(1, 6))


def _structures(
    parts: tuple[_Part, ...], *, repeated: bool = False
) -> Callable[[Builder, bytes, int, str], None]:
    """Return what accounts for a structure, or for a row of them."""
    size = sum(part.size for part in parts)

    def layout(builder: Builder, row: bytes, stop: int, path: str) -> None:
        length = stop - builder.position
        if length % size or (length != size and not repeated):
            _bytes(builder, row, stop, path)
            return
        while builder.position < stop:
            for part in parts:
                end = builder.position + part.size
                if part.form == "dead":
                    builder.dead(end)
                elif part.form == "binary-number":
                    builder.value(end, f"{path}/{part.name}", part.form)
                else:
                    slot(builder, row, end, f"{path}/{part.name}", part.form)

    return layout


_TYPES: Final[Mapping[int, Callable[[Builder, bytes, int, str], None]]] = MappingProxyType(
    {
        0x00000300: _text,
        0xFF002C00: _text,
        0x00000E00: _date_time,
        0x001F4000: _structures(_ITEMS, repeated=True),
        0x001F4100: _structures(_REFERENCE),
        0x001F4300: _structures(_PERFORMED),
        0x001F4400: _structures(_SCHEDULED),
        0x001F4600: _structures(_NAMES),
        0x00000500: _words,
        0x00000600: _words,
        0xFF000400: _words,
        0xFF000800: _words,
        0xFF002400: _words,
        0xFF002800: _words,
        0xFF002900: _long_words,
        0xFF002A00: _words,
    }
)
"""What accounts for a value, by type. Whole numbers, truth values and floating-point numbers of four bytes are cut alike."""


def layout_records(value: bytes) -> Layout:
    """Return what each byte of a value of records is.

    Returns
    -------
    Layout
        Paths are ``Records/<group>/<key>``, with the group's number from 1 on and the key in at least four hexadecimal
        digits. Parts of a structure have a name behind that, as ``/name``; what is not written as its type says, and values
        of unexplained types, ``/bytes``. An empty record has a field ``/type``. The second and fifth word of a separator are nobody's: they look like addresses, and
        GDCM skips them. Foreign is what doesn't begin as a group does.

    Raises
    ------
    MalformedValue
        If a value that begins as a group does comes to its end in neither reading, or in two that differ; or if a text has
        the header of a character set that is none.
    """
    if not value:
        return Builder().done(0)
    if not _begins_group(value, 0) and not _begins_group(value, _COUNT.size):
        return Layout.foreign("not-records")
    by_count = _read(value, lambda _, count: count <= _REMAINING_GROUPS)
    by_place = _read(value, lambda groups, _: groups == _REMAINING_GROUPS)
    found = by_count or by_place
    if found is None or (by_count is not None and by_place is not None and by_count != by_place):
        raise MalformedValue("records that don't come to the end of the value in one way", "", 0)
    return _layout(value, found)


def _layout(value: bytes, groups: _Groups) -> Layout:
    builder = Builder()
    for number, records in enumerate(groups, 1):
        for record in records:
            path = f"Records/{number}/{record.key:04x}"
            header, separator = record.start - _HEADER.size, record.start - _SEPARATOR
            if record.start == record.stop:  # nothing says whether its type is right
                builder.structure(header + 4)
                builder.value(header + 8, f"{path}/type", "binary-number")
            builder.structure(separator + 4)
            builder.dead(separator + 8)
            builder.structure(separator + 16)
            builder.dead(record.start)
            _TYPES.get(record.type, _bytes)(builder, value, record.stop, path)
    builder.structure(len(value))
    return builder.done(len(value))
