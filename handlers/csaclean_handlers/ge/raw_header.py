"""User defined data, (0043,GEMS_PARM_01,2A): the header of the raw data file (P-file) that an MR image was made of.

The value begins with a table of sections; the words at byte 24 say where the header of the raw data stands, which is all that
readers look at (rordenlab/dcm2niix ``console/nii_dicom.cpp`` lines 7322-7412). Another section is the header of the prescan.
Numbers are little endian, whatever the data set's byte order; those of the first scanners big endian.

Where fields stand is in ``raw_header.toml``. What it doesn't name is a binary number, unless it is printable for so long that it
must be a text.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from tomllib import loads
from typing import Final, NamedTuple

from csaclean.model import Builder, Layout
from csaclean.slots import slot
from csaclean_handlers.ge.texts import layout_strings

__all__ = ["RAW_HEADER", "Revision", "layout_raw_header", "revision_of"]

RAW_HEADER: Final = "(0043,GEMS_PARM_01,2A)"
SHORTEST: Final = 918
"""Bytes of a header that dcm2niix reads: up to the direction of ky, where old revisions have it."""
_PLACE: Final = 24
"""Where the offset of the header stands."""
_REVISION: Final = "rev"
"""The field that tells the layout: checked to be one of `_REVISIONS`."""
_REVISIONS: Final = (5.0, 40.0)
_TABLE_HEAD: Final = 8
_ENTRY: Final = 12
_RAW, _PRESCAN = 1, 2
_SECTIONS: Final = {_RAW: "raw", _PRESCAN: "prescan", 3: "tail"}
_WORD: Final = 4
"""Bytes that numbers of a header stand at multiples of, but for those of 16 bits."""
_TEXT: Final = re.compile(rb"[\x20-\x7e]{12,}")
"""A text among numbers: longer than three of them, though a published layout says that they are numbers."""


class Place(NamedTuple):
    """A field of a header: where it stands, and if it is a C string, of what form."""

    name: str
    at: int
    size: int
    text: str = ""


class Revision(NamedTuple):
    """The layout of a header.

    Attributes
    ----------
    first
        The first revision that has it; of a prescan header, its size.
    known
        Up to where it is published.
    places
        Its fields, in order.
    """

    first: float
    known: int
    places: tuple[Place, ...]


@cache
def _tables() -> tuple[tuple[Revision, ...], tuple[Revision, ...]]:
    text = files("csaclean_handlers.ge").joinpath("raw_header.toml").read_text("utf-8")
    tables = loads(text)
    raw, prescan = (
        tuple(
            Revision(row[first], row["known"], tuple(Place(**field) for field in row["field"]))
            for row in tables[name]
        )
        for name, first in (("revision", "from"), ("prescan", "size"))
    )
    return raw, prescan


def revision_of(number: float, /) -> Revision:
    """Return the layout of the raw data header of a revision."""
    return max((one for one in _tables()[0] if one.first <= round(number, 3)), key=lambda one: one.first)


def _numbers(builder: Builder, row: bytes, stop: int, path: str, origin: int) -> None:
    """Account for binary numbers, and for texts that stand among them.

    Numbers of 32 bits stand at multiples of four from the header's `origin`: a field of several begins at one.
    """

    def run(end: int) -> None:
        odd = (origin - builder.position) % _WORD
        builder.value(min(builder.position + odd, end), f"{path}/numbers", "binary-number")
        builder.value(end, f"{path}/numbers", "binary-number")

    for found in _TEXT.finditer(row, builder.position, stop):
        run(found.start())
        builder.value(found.end(), f"{path}/text", "text")
    run(stop)


def _unknown(builder: Builder, stop: int, path: str) -> None:
    """Account for what nobody published: it may be numbers or text."""
    builder.value(stop, f"{path}/unknown", "opaque")


def _header(builder: Builder, row: bytes, stop: int, path: str, layout: Revision) -> None:
    """Account for a header up to `stop`."""
    start = builder.position
    for place in layout.places:
        end = start + place.at + place.size
        if end > stop:
            break
        _numbers(builder, row, start + place.at, path, start)
        if place.name == _REVISION:
            builder.structure(end)
        elif place.text:
            slot(builder, row, end, f"{path}/{place.name}", place.text)
        else:
            builder.value(end, f"{path}/{place.name}", "binary-number")
    _numbers(builder, row, max(builder.position, min(stop, start + layout.known)), path, start)
    _unknown(builder, stop, path)


def _sections(value: bytes, order: str) -> Sequence[tuple[int, int, int]] | None:
    """Return kind, start and end of the sections, None if there is no table that accounts for the whole value."""
    (size,) = struct.unpack_from(f"{order}I", value, 4)
    count, rest = divmod(size - _TABLE_HEAD, _ENTRY)
    if rest or not 0 < count <= len(_SECTIONS) or size > len(value):
        return None
    found = []
    position = size
    for at in range(_TABLE_HEAD, size, _ENTRY):
        zero, kind, start, length = struct.unpack_from(f"{order}HHII", value, at)
        if zero or kind not in _SECTIONS or start != position:
            return None
        position += length
        found.append((kind, start, position))
    return found if position == len(value) else None


def _found(value: bytes) -> Iterator[tuple[str, int, float]]:
    """Yield byte order, offset and revision of the header, if there is one."""
    for order in "<>":
        (at,) = struct.unpack_from(f"{order}{'H' if order == '<' else 'xxH'}", value, _PLACE)
        if at >= _PLACE + 4 and at + SHORTEST <= len(value):
            (number,) = struct.unpack_from(f"{order}f", value, at)
            if _REVISIONS[0] <= number <= _REVISIONS[1]:
                yield order, at, number


def layout_raw_header(value: bytes, /) -> Layout:
    """Return what each byte of the element is.

    Returns
    -------
    Layout
        Paths are ``raw/FIELD`` and ``prescan/FIELD`` for the fields of ``raw_header.toml``; ``…/numbers`` and ``…/text`` for
        what stands between them, ``…/unknown`` for what nobody published, of the sections ``raw``, ``prescan``, ``tail`` and,
        where no table of sections holds, ``other``.
        A value too short for a header, as CT scanners write it, is strings (`csaclean_handlers.ge.texts.layout_strings`).
        Foreign if there is no header at its place.
    """
    if len(value) < SHORTEST:
        return layout_strings(value)
    order, at, number = next(_found(value), ("", 0, 0.0))
    if not order:
        return Layout.foreign("no-raw-header")
    builder = Builder()
    raw, prescan = revision_of(number), {int(one.first): one for one in _tables()[1]}
    sections = _sections(value, order)
    if sections is None or (_RAW, at) not in {(kind, start) for kind, start, _ in sections}:
        first = _PLACE if order == "<" else _PLACE + 2
        _unknown(builder, first, "other")
        builder.structure(first + 2)
        _unknown(builder, at, "other")
        _header(builder, value, len(value), "raw", raw)
        return builder.done(len(value))
    builder.value(4, "mark", "binary-number")
    builder.structure(sections[0][1])
    for kind, start, end in sections:
        if kind == _RAW:
            _header(builder, value, end, "raw", raw)
        elif kind == _PRESCAN and end - start in prescan:
            _header(builder, value, end, "prescan", prescan[end - start])
        else:
            _unknown(builder, end, _SECTIONS[kind])
    return builder.done(len(value))
