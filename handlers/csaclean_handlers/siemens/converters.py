"""What dcm2niix and its peers read from Siemens' private elements, found as they find it.

Nothing here shares code with the CSA reader of this package: dcm2niix looks elements up by absolute number or by a
creator that contains a known text, tags by name, ASCCONV keys by first substring (rordenlab/dcm2niix
``console/nii_dicom.cpp`` and ``nii_dicom_batch.cpp``). The tables stand in ``converters.toml``.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from tomllib import loads
from typing import Any

from csaclean.handler import ConverterElement

__all__ = ["SiemensConverters"]

_CREATOR = "siemens csa header"
_IMAGE, _SERIES = 0x10, 0x20
_CANONICAL_BLOCK = 0x10
_BEGIN, _END = b"### ASCCONV BEGIN", b"### ASCCONV END"


@cache
def _tables() -> dict[str, Any]:
    return loads(files("csaclean_handlers.siemens").joinpath("converters.toml").read_text("utf-8"))


@cache
def _csa_consumers() -> Mapping[str, tuple[str, ...]]:
    return {row["tag"]: tuple(row["consumers"]) for row in _tables()["csa"]}


@cache
def _element_consumers() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for row in _tables()["element"]:
        key = f"({row['group']},{row['creator']},{row['offset']})"
        found.setdefault(key, {}).update(dict.fromkeys(row["consumers"]))
    return {key: tuple(consumers) for key, consumers in found.items()}


@cache
def _ascconv_keys() -> tuple[re.Pattern[bytes], ...]:
    keys = [re.escape(row["key"].encode("ascii")) for row in _tables()["ascconv"]]
    return tuple(re.compile(key.replace(rb"\[\*\]", rb"\[\d+\]") + rb"[^\n]*") for key in keys)


def _tags(blob: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and values of each tag of a CSA2 header as dcm2niix walks it (``readCSAHeader``)."""
    if not blob.startswith(b"SV10") or len(blob) < 16 or blob[12] != 77:  # the check word's first byte
        return
    (count,) = struct.unpack_from("<I", blob, 8)
    position = 16
    for _ in range(count):
        if position + 84 > len(blob):
            return
        name = blob[position : position + 64].split(b"\0", 1)[0]
        (items,) = struct.unpack_from("<i", blob, position + 76)
        position += 84
        values = []
        for _ in range(items):
            if position + 16 > len(blob):
                return
            (length,) = struct.unpack_from("<i", blob, position + 4)
            values.append(blob[position + 16 : position + 16 + max(length, 0)].split(b"\0", 1)[0])
            position += 16 + ((max(length, 0) + 3) & ~3)
        yield name.decode("latin-1"), b"\0".join(values)


def _protocol(blob: bytes) -> bytes:
    begin = blob.find(_BEGIN)
    end = blob.find(_END, begin) if begin >= 0 else -1
    return blob[begin:end] if end >= 0 else b""


@lru_cache(maxsize=4)
def _keys(protocol: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return the keys of the table that a protocol holds, each with the rest of its line.

    The text is the same before and after cleaning, and in all files of a series: it is searched once.
    """
    return tuple(
        (hit[0].partition(b"=")[0].strip().decode("latin-1"), hit[0])
        for key in _ascconv_keys()
        for hit in key.finditer(protocol)
    )


def _found(element: ConverterElement) -> int:
    """Return 0x10 or 0x20 if dcm2niix takes the element for an image or series header, else 0."""
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if group != 0x0029 or number & 0xFF not in (_IMAGE, _SERIES):  # the CSA group
        return 0
    by_number = number >> 8 == _CANONICAL_BLOCK
    by_creator = element.creator is not None and _CREATOR in element.creator
    return number & 0xFF if by_number or by_creator else 0


class SiemensConverters:
    """The converter table of Siemens' private elements."""

    def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
        """Return who reads a CSA tag, or a whole element if `path` is empty."""
        if not path:
            return _element_consumers().get(selector, ())
        if not selector.startswith("(0029,SIEMENS CSA HEADER,"):
            return ()
        return _csa_consumers().get(path.partition("/")[0], ())

    def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
        """Return every tag and protocol key of the table that the elements hold.

        The keys are ``n/TAG`` and ``n/ASCCONV/KEY``, n the place of the element among those that dcm2niix would read.
        """
        found: dict[str, bytes] = {}
        wanted = _csa_consumers()
        for place, element in enumerate(element for element in elements if _found(element)):
            for name, value in _tags(element.value):
                if name in wanted:
                    found.setdefault(f"{place}/{name}", value)
            for name, line in _keys(_protocol(element.value)):
                found.setdefault(f"{place}/ASCCONV/{name}", line)
        return found
