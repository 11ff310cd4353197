"""IEEE_PDF: parameters of an examination, as Philips' Raw Data Storage objects hold them.

All numbers are little-endian, offsets count from the field that holds them::

    0    8 x i32  ofsInts nInts ofsFloats nFloats ofsStrings stringBytes 8 nRecords
    32   nRecords records of 50 bytes:
         0   name[33], NUL-terminated
         33  u8   flag, 0 or 1
         34  i32  type: 0 float, 1 int, 2 string, 4 enum (its values are ints)
         38  u32  number of values
         42  u32  an address in the memory of the scanner
         46  i32  offset of the values
    ..   ints (4 bytes each), floats (4 bytes each), strings (slots of 81 bytes, NUL-terminated), one 00 if that is odd

The bytes behind the NUL of a name or a string are what the memory held before: texts of the patient's record, parameters of
other scans.

Sources: malaterre/GDCM ``Examples/Cxx/DumpExamCard.cxx``; measured on 16 of these in 2 files.
"""

import re
from itertools import pairwise
from struct import Struct
from typing import Final, NamedTuple

from csaclean.errors import MalformedValue
from csaclean.model import Builder, Layout
from csaclean.slots import slot

__all__ = ["RECORD", "layout_parameters"]

_HEADER: Final = Struct("<8i")
RECORD: Final = Struct("<33sBiIIi")
"""A record: name, flag, type, number of values, address, offset of the values."""
_NAME_SIZE: Final = 33
_FLAG, _TYPE, _ADDRESS, _OFFSET = 33, 34, 42, 46
_SLOT: Final = 81
_FIRST_RECORD: Final = 8
"""What the header says of the records: they follow the next field."""

_NAME: Final = re.compile(rb"[A-Z][A-Z0-9]{1,4}(?:_[A-Za-z0-9]+)+")
"""How parameters are called: short capitals for the group that they are of, and words between underscores. A scanner writes
there what its software holds, in each file the same."""
_OF_PATIENT: Final = re.compile(rb"(?i)patient|birth|gender|pregnan|weight(?!ed|ing)")


class _Pool(NamedTuple):
    """Values of one kind."""

    name: str
    start: int
    stop: int
    width: int


class _Values(NamedTuple):
    """The values of a record."""

    start: int
    stop: int
    path: str
    is_text: bool


_POOL_OF: Final = {0: ("float", 1), 1: ("int", 0), 2: ("string", 2), 4: ("enum", 0)}
"""By type: what the values are called, and in which pool they stand."""


def _pools(row: bytes) -> tuple[tuple[_Pool, ...], int]:
    """Return the pools of ints, floats and strings, and how many records there are.

    Raises
    ------
    MalformedValue
        If the header names anything outside the row, or pools that overlap.
    """
    if len(row) < _HEADER.size:
        raise MalformedValue("a header of fewer than 32 bytes", "", len(row))
    ints, n_ints, floats, n_floats, strings, string_bytes, records, n_records = _HEADER.unpack_from(row)
    if records != _FIRST_RECORD:
        raise MalformedValue("a header whose records don't follow it", "", 24)
    first = _HEADER.size + n_records * RECORD.size
    if n_records < 0 or first > len(row):
        raise MalformedValue("records behind the end", "", 28)
    pools = (
        _Pool("ints", ints, ints + 4 * n_ints, 4),
        _Pool("floats", 8 + floats, 8 + floats + 4 * n_floats, 4),
        _Pool("strings", 16 + strings, 16 + strings + string_bytes, _SLOT),
    )
    for number, pool in enumerate(pools):
        lowest = first if pool.stop != pool.start else 0
        if not lowest <= pool.start <= pool.stop <= len(row):
            raise MalformedValue(f"{pool.name} outside the value", "", 8 * number)
    if string_bytes % _SLOT:
        raise MalformedValue("strings that are no row of slots", "", 20)
    filled = sorted((pool.start, pool.stop) for pool in pools if pool.stop > pool.start)
    if any(one[1] > other[0] for one, other in pairwise(filled)):
        raise MalformedValue("pools that overlap", "", 0)
    return pools, n_records


def _record(builder: Builder, row: bytes, pools: tuple[_Pool, ...]) -> _Values | None:
    """Account for the record at the builder's place, and return where its values stand; None if it has none.

    Raises
    ------
    MalformedValue
        If its type is unknown, or its values stand outside their pool.
    """
    at = builder.position
    _, flag, kind, count, _, offset = RECORD.unpack_from(row, at)
    end = row.find(b"\0", at, at + _NAME_SIZE)
    name = row[at : end if end >= 0 else at + _NAME_SIZE]
    is_known = _NAME.fullmatch(name) is not None
    if kind not in _POOL_OF:
        raise MalformedValue("a parameter of unknown type", "", at + _TYPE)
    what, number = _POOL_OF[kind]
    pool = pools[number]
    start = at + _OFFSET + offset
    stop = start + count * pool.width
    if count and not pool.start <= start < stop <= pool.stop:
        raise MalformedValue("values outside their pool", "", at + _OFFSET)

    slot(builder, row, at + _NAME_SIZE, "name", "code" if is_known else "text")
    builder.value(at + _TYPE, "flag", "binary-number" if flag in {0, 1} else "trash")
    builder.structure(at + _ADDRESS)
    builder.dead(at + _OFFSET)  # nobody can follow an address of another machine's memory
    if not count:
        builder.value(at + RECORD.size, "offset", "binary-number")
        return None
    builder.structure(at + RECORD.size)
    of_patient = is_known and _OF_PATIENT.search(name) is not None
    return _Values(start, stop, f"patient/{what}" if of_patient else what, kind == 2)


def _between(builder: Builder, pools: tuple[_Pool, ...], stop: int) -> None:
    """Account for bytes that no record names: dead inside a pool, where a reader gets to values by records only."""
    while builder.position < stop:
        at = builder.position
        inside = next((pool for pool in pools if pool.start <= at < pool.stop), None)
        if inside is not None:
            builder.dead(min(stop, inside.stop))
        else:
            ahead = (pool.start for pool in pools if at < pool.start < pool.stop)
            builder.value(min(stop, *ahead, stop), "rest", "opaque")


def layout_parameters(row: bytes) -> Layout:
    """Return what each byte of an IEEE_PDF blob is.

    Returns
    -------
    Layout
        Paths are ``name``, ``flag``, ``int``, ``float``, ``enum``, ``string`` (one field for each slot), those of parameters
        that speak of the patient below ``patient/``; ``offset`` of a parameter without values, and ``rest`` for bytes that
        lie in no pool.

    Raises
    ------
    MalformedValue
        If header, records or pools contradict each other.
    """
    pools, n_records = _pools(row)
    builder = Builder()
    builder.structure(_HEADER.size)
    values = [found for _ in range(n_records) if (found := _record(builder, row, pools)) is not None]
    for start, stop, path, is_text in sorted(values):
        if start < builder.position:
            raise MalformedValue("values of two parameters overlap", "", start)
        _between(builder, pools, start)
        if not is_text:
            builder.value(stop, path, "binary-number")
            continue
        for end in range(start + _SLOT, stop + 1, _SLOT):
            slot(builder, row, end, path)
    last = len(row) - (len(row) - 1 in {builder.position, *(pool.stop for pool in pools)})
    _between(builder, pools, last)
    builder.dead(len(row))  # what makes an odd length even
    return builder.done(len(row))
