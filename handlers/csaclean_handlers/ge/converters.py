"""What dcm2niix and its peers read from GE's private elements, found as they find it.

Most elements are read as a whole (`csaclean.converter_table.ElementTable`). Of the protocol data block a few keys are, by first
substring of the inflated text (rordenlab/dcm2niix ``console/nii_dicom_batch.cpp`` ``geProtocolBlock``), and of the raw data header
a few numbers (``console/nii_dicom.cpp`` lines 7322-7412). The keys stand in ``converters.toml``. Nothing here shares code with the
grammars.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from tomllib import loads
from typing import Final, NamedTuple

from csaclean.converter_table import ElementTable, read_elements
from csaclean.handler import ConverterElement

__all__ = ["GeConverters", "read_keys", "searched"]

_BLOCK: Final = "(0025,GEMS_SERS_01,1B)"
_HEADER: Final = "(0043,GEMS_PARM_01,2A)"
_PARSED: Final = (_BLOCK, _HEADER)
_READERS: Final = ("dn", "xl")
_NUMBERS: Final = ("rev", "dacq_ctrl", "data_format", "kydir")
_LARGEST: Final = 1 << 20


class _Key(NamedTuple):
    """A key of the protocol: what is looked for in the text, and the sidecar's keys that are made of it."""

    find: bytes
    output: tuple[str, ...]


@cache
def _read_keys() -> Mapping[str, _Key]:
    table = loads(files("csaclean_handlers.ge").joinpath("converters.toml").read_text("utf-8"))
    return {
        row["name"]: _Key(row.get("find", row["name"]).encode("ascii"), tuple(row.get("output", ())))
        for row in table["key"]
    }


def read_keys() -> frozenset[bytes]:
    """Return the keys of the protocol that a converter reads."""
    return frozenset(name.encode("ascii") for name in _read_keys())


def searched() -> Mapping[str, bytes]:
    """Return what a converter searches the protocol for, by key: it takes the first hit, wherever that stands."""
    return {name: key.find for name, key in _read_keys().items()}


@lru_cache(maxsize=8)
def _protocol(value: bytes) -> bytes:
    """Return the text of a block as dcm2niix inflates it: the length from the last four bytes, no checksum."""
    if len(value) < 24 or value[4:7] != b"\x1f\x8b\x08":
        return b""
    stop = 4 + int.from_bytes(value[:4], "little")
    at = 14
    for flag in (8, 16):
        if value[7] & flag:
            at = value.find(b"\0", at) + 1
    size = int.from_bytes(value[stop - 4 : stop], "little")
    if not at or stop > len(value) or size > _LARGEST:
        return b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(value[at : stop - 8], max(size, 1))
    except zlib.error:
        return b""


def _keys(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each key of the protocol with the rest of its line."""
    text = _protocol(value)
    for name, key in _read_keys().items():
        start = text.find(key.find)
        if start >= 0:
            yield name, text[start + len(key.find) :].split(b"\n", 1)[0]


def _numbers(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the numbers of the raw data header that are read."""
    if len(value) < 916:
        return
    (at,) = struct.unpack_from("<H", value, 24)
    if at + 918 > len(value):
        return
    (revision,) = struct.unpack_from("<f", value, at)
    if not 5.0 <= revision <= 40.0:
        return
    shifted = revision >= 25.002 - 1e-4
    yield "rev", value[at : at + 4]
    first = at + 0x4C * shifted
    for name, place in (
        ("dacq_ctrl", first + 0x30),
        ("data_format", first + 0x3A),
        ("kydir", first + 0x308 if shifted else at + 0x394),
    ):
        yield name, value[place : place + 2]


class GeConverters(ElementTable):
    """The converter table of GE's private elements."""

    def __init__(self) -> None:
        super().__init__((row for row in read_elements() if row.vendor == "GE"), _PARSED)
        self._parsed_tags = {row.tag: row.selector for row in read_elements() if row.selector in _PARSED}

    def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
        """Return who reads an element, or a field of it."""
        if path and selector == _BLOCK:
            keys = path.removeprefix("PDB/").removeprefix("XML/").split("+")
            return _READERS if any(key in _read_keys() for key in keys) else ()
        if path and selector == _HEADER:
            return _READERS if path.removeprefix("raw/") in _NUMBERS else ()
        return super().consumers(selector, path)

    def _selector(self, element: ConverterElement) -> str:
        """Return which of the elements that are read in part this one is to dcm2niix: by number, or by its creator."""
        found = self._parsed_tags.get(element.tag, "")
        if not found and element.creator is not None:
            offset = element.tag & 0xFF
            for selector, creator in zip(_PARSED, ("gems_sers_01", "gems_parm_01"), strict=True):
                if (
                    creator in element.creator
                    and selector == f"({element.tag >> 16:04X},{creator.upper()},{offset:02X})"
                ):
                    found = selector
        return found

    def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
        """Return the elements of the table by ``n/SELECTOR``, and what is read of the others by ``n/SELECTOR/NAME``."""
        found = dict(super().fields(elements))
        place = 0
        for element in elements:
            selector = self._selector(element)
            parts = (
                _keys(element.value) if selector == _BLOCK else _numbers(element.value) if selector else ()
            )
            for name, value in parts:
                found[f"{place}/{selector}/{name}"] = value
            place += bool(selector)
        return found

    def outputs(
        self, before: Mapping[str, bytes], after: Mapping[str, bytes], standard: Mapping[int, bytes], /
    ) -> tuple[str, ...]:
        """Return the keys of dcm2niix's sidecar that are made of what changes."""
        changed = (key.rpartition("/")[2] for key, value in before.items() if after.get(key) != value)
        read = _read_keys()
        keys = (key for name in changed if name in read for key in read[name].output)
        return tuple(dict.fromkeys((*super().outputs(before, after, standard), *keys)))

    def is_field(self, key: str, selector: str, path: str, /) -> bool:
        """Tell whether a key of `fields` is what a field of an element looks like to a converter."""
        _, _, name = key.partition("/")
        if path and selector in _PARSED:
            return name in {f"{selector}/{key}" for key in path.rpartition("/")[2].split("+")}
        return name == selector
