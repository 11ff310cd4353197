"""Readers of files and CSA headers that share nothing with csaclean: pydicom, and forty lines of their own.

They say what csaclean should have found and what should have become of it. The policy is written down here a second
time: which bytes of a CSA header are dead, and what the fields of rules hold afterwards.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

__all__ = [
    "CsaElement",
    "CsaTag",
    "CsaWalk",
    "body",
    "claimed_elements",
    "expected_field",
    "expected_file",
    "expected_value",
    "flat",
    "private_values",
    "read",
    "walk_csa2",
]

CREATOR: Final = "siemens csa header"
OFFSETS: Final = (0x08, 0x09, 0x10, 0x18, 0x19, 0x20)
HEADERS: Final = (0x10, 0x20)
DATES: Final = (0x09, 0x19)
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
TEXT_UN: Final = ("MrPhoenixProtocol", "MrProtocol", "MrEvaProtocol", "PhoenixZIP", "SrMsgBuffer")


# CSA headers


class CsaTag(NamedTuple):
    """A tag: its name, VR, and where the value of each filled item lies, without the NUL and what follows it."""

    name: str
    vr: str
    values: tuple[tuple[int, int], ...]


class CsaWalk(NamedTuple):
    """A CSA2 header: its dead ranges and its tags."""

    dead: tuple[tuple[int, int], ...]
    tags: tuple[CsaTag, ...]

    def dead_bytes(self, blob: bytes) -> tuple[int, int]:
        """Return how many bytes are dead, and how many of them are not null."""
        size = sum(stop - start for start, stop in self.dead)
        return size, size - sum(blob.count(0, start, stop) for start, stop in self.dead)


def walk_csa2(blob: bytes) -> CsaWalk:
    """Walk a CSA2 header by the length in each item's second word, as GDCM, nibabel and dcm2niix do."""
    assert blob[:4] == b"SV10"
    count, check = struct.unpack_from("<2I", blob, 8)
    assert check == 77
    dead: list[tuple[int, int]] = []
    tags: list[CsaTag] = []
    position = 16
    for _ in range(count):
        record = blob[position : position + 84]
        name = record[:64].split(b"\0")[0].decode("ascii")
        vr = record[68:70].decode("ascii")
        (items,) = struct.unpack_from("<i", record, 76)
        dead += [(position + len(name) + 1, position + 64), (position + 71, position + 72)]
        position += 84
        values = []
        for _ in range(items):
            (size,) = struct.unpack_from("<i", blob, position + 4)
            start, stop = position + 16, position + 16 + size
            position = start + (size + 3) // 4 * 4
            if size:
                end = blob.find(b"\0", start, stop)
                end = stop if end < 0 else end
                binary = vr == "UN" and name not in TEXT_UN and any(blob[end:stop])
                values.append((start, stop if binary else end))
                if not binary:
                    dead.append((min(end + 1, stop), stop))
            dead.append((stop, position))
        tags.append(CsaTag(name, vr, tuple(values)))
    dead.append((position, len(blob)))
    assert position + 4 <= len(blob)
    return CsaWalk(tuple((start, stop) for start, stop in dead if stop > start), tuple(tags))


# What the rules of converter-safe make of fields


def _zeros(text: bytes) -> bytes:
    return bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in text)


def _patient_record(old: bytes) -> bytes:
    """Zero weight, age, sex and the number of the examination: fields 3, 4, 5 and 8 of eight."""
    fields = old.split(b";")
    assert len(fields) == 8
    for index in (2, 3, 4, 7):
        fields[index] = b"O" * len(fields[index]) if fields[index].isalpha() else _zeros(fields[index])
    return b";".join(fields)


RULED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "UsedPatientWeight": lambda old: b"0".ljust(len(old)),
    "PatReinPattern": _patient_record,
}
"""CSA tags that converter-safe redacts, and how."""


def expected_field(name: str, old: bytes, policy: str) -> bytes:
    """Return what the value of a CSA tag should hold after cleaning."""
    rule = RULED.get(name)
    return rule(old) if rule and policy == "converter-safe" else old


def _expected_date(old: bytes) -> bytes:
    if len(old.rstrip()) == 8 and old.rstrip().isdigit():
        return b"19000101".ljust(len(old))
    return b"X" * len(old.rstrip()) + old[len(old.rstrip()) :]


def expected_value(offset: int, old: bytes, policy: str) -> bytes:
    """Return what an element of the CSA block should hold after cleaning.

    Parameters
    ----------
    offset
        The low byte of the element's number.
    old
        Its value; a CSA2 header for 0x10 and 0x20.
    policy
        ``dead-space`` or ``converter-safe``.
    """
    if offset in DATES:
        return _expected_date(old) if policy == "converter-safe" else old
    if offset not in HEADERS:
        return old
    found = walk_csa2(old)
    new = bytearray(old)
    for start, stop in found.dead:
        new[start:stop] = bytes(stop - start)
    for tag in found.tags:
        for start, stop in tag.values:
            new[start:stop] = expected_field(tag.name, old[start:stop], policy)
    return bytes(new)


# Files


def body(data: bytes) -> bytes:
    """Return what a file says: its bytes, or those of the inflated data set."""
    if data[128:132] != b"DICM":
        return data
    (length,) = struct.unpack_from("<I", data, 140)
    start = 144 + length
    meta = data[132:start]
    if DEFLATED.encode("ascii") not in meta:
        return data
    return zlib.decompress(data[start:], -zlib.MAX_WBITS)


def read(data: bytes) -> Dataset:
    """Read a file with pydicom, which warns of much that is not csaclean's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(data))


def _datasets(dataset: Dataset) -> Iterator[Dataset]:
    """Yield a data set and those of all items in it, at any depth, each before its elements are converted."""
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _datasets(item)


def flat(dataset: Dataset) -> list[tuple[str, str, object]]:
    """Return place, VR and value of every element of a file, File Meta Information included."""
    found: list[tuple[str, str, object]] = []

    def descend(place: str, inner: Dataset) -> None:
        for element in inner:
            where = f"{place}/{element.tag}"
            if element.VR == "SQ":
                found.append((where, "SQ", len(element.value)))
                for number, item in enumerate(element.value):
                    descend(f"{where}[{number}]", item)
            else:
                found.append((where, element.VR, element.value))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        descend("meta", dataset.file_meta)
        descend("", dataset)
    return found


class CsaElement(NamedTuple):
    """An element of a CSA block, or an orphan.

    Attributes
    ----------
    tag, offset
        The whole tag, and the low byte of its number.
    creator
        As it is spelt in the file; None for an orphan.
    start
        Where the value begins in the file.
    value
        All of it, padding included.
    """

    tag: int
    offset: int
    creator: str | None
    start: int
    value: bytes


def _creator(dataset: Dataset, tag: int) -> str | None:
    place = (tag >> 16, tag >> 8 & 0xFF)
    value: object = dataset.get_item(place).value if place in dataset else None
    return value.decode("latin-1") if isinstance(value, bytes) else str(value or "") or None


def claimed_elements(data: bytes) -> list[CsaElement]:
    """Return every element that is csaclean's to clean: by creator, in any item, and CSA2 headers without one.

    Offsets are pydicom's where the bytes at them are the value, otherwise those of the value's only occurrence.
    """
    found: list[CsaElement] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw_values = [(dataset, tag, e) for dataset in _datasets(read(data)) for tag, e in _raw(dataset)]
        for dataset, tag, element in raw_values:
            if not tag & 0x10000 or tag & 0xFFFF < 0x1000 or not isinstance(element.value, bytes):
                continue
            creator = _creator(dataset, tag)
            folded = creator.strip(" \0").casefold() if creator else None
            by_creator = tag >> 16 == 0x0029 and folded == CREATOR and tag & 0xFF in OFFSETS
            if by_creator and tag & 0xFF in HEADERS and not element.value.startswith(b"SV10"):
                continue
            if not by_creator and not element.value.startswith(b"SV10"):
                continue
            start = element.value_tell
            if data[start : start + len(element.value)] != element.value:
                assert data.count(element.value) == 1
                start = data.find(element.value)
            found.append(CsaElement(tag, tag & 0xFF, creator if by_creator else None, start, element.value))
    return sorted(found, key=lambda one: one.start)


def _raw(dataset: Dataset) -> list[tuple[int, RawDataElement]]:
    return [(int(tag), item) for tag, item in dataset.items() if isinstance(item, RawDataElement)]


def private_values(data: bytes) -> list[bytes]:
    """Return the raw values of all private elements, in any item."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            element.value
            for dataset in _datasets(read(data))
            for tag, element in _raw(dataset)
            if tag & 0x10000 and isinstance(element.value, bytes)
        ]


def expected_file(data: bytes, policy: str) -> bytes:
    """Return the bytes that a file should have after cleaning: nothing else may differ from `data`."""
    new = bytearray(data)
    for element in claimed_elements(data):
        stop = element.start + len(element.value)
        new[element.start : stop] = expected_value(element.offset, element.value, policy)
    if data[128:132] == b"DICM" and data[:4] not in (b"II*\0", b"MM\0*"):
        new[:128] = bytes(128)
    return bytes(new)
