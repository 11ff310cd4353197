"""Readers of files and of private elements that share nothing with csaclean: pydicom, and a few small ones of their own.

They say what csaclean should have found and what should have become of it. The policy is written down here a second
time: which bytes of a CSA header are dead, which fields of private elements identify, and what these hold afterwards.
"""

import base64
import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import pydicom
from pydicom.dataset import Dataset

__all__ = [
    "BLANKED",
    "CREATOR",
    "HEADERS",
    "NAMED",
    "OFFSETS",
    "PROTOCOLS",
    "RULED",
    "CsaElement",
    "CsaTag",
    "CsaWalk",
    "Element",
    "Identifying",
    "body",
    "claimed_elements",
    "elements",
    "encapsulated_dead",
    "expected_field",
    "expected_value",
    "flat",
    "identifying",
    "private_values",
    "protocol_text",
    "read",
    "siemens_elements",
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


def _filled(old: bytes) -> bytes:
    return bytes(byte if byte in b"\\\r\n\t" else 0x58 for byte in old)


def _uid(old: bytes) -> bytes:
    if old.startswith(b"1.2.840.10008."):
        return old
    return bytes(0x31 if 0x30 <= byte <= 0x39 else byte for byte in old)


def _date_time(old: bytes) -> bytes:
    return b"19000101" + _zeros(old[8:])


def _encapsulated(old: bytes) -> bytes:
    """Fill the texts that describe an ASL technique in the data set (explicit, little-endian) that base64 text stands for."""
    data = bytearray(base64.b64decode(old))
    for head in (b"\x18\0\x52\x92LO", b"\x18\0\x5e\x92LO"):
        if (at := data.find(head)) >= 0:
            size = int.from_bytes(data[at + 6 : at + 8], "little")
            data[at + 8 : at + 8 + size] = b"X" * size
    letters = iter(base64.b64encode(data))
    return bytes(byte if byte in b"\r\n \0" else next(letters) for byte in old)


def encapsulated_dead(text: bytes) -> int:
    """Return how many bytes of a data set in base64 nobody reads: reserved bytes of sequences, length words of delimiters."""
    data = base64.b64decode(text)
    delimiters = (b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0")
    return 2 * data.count(b"SQ\0\0") + 4 * sum(map(data.count, delimiters))


RULED: Final[dict[str, Callable[[bytes], bytes]]] = {
    "UsedPatientWeight": lambda old: b"0".ljust(len(old)),
    "PatReinPattern": _patient_record,
    "CoilString": _filled,
    "ReferencedImageSequence": _uid,
    "MR_ASL": _encapsulated,
}
"""CSA tags that converter-safe redacts wherever they are filled, and how."""
BLANKED: Final = frozenset(("PhoenixZIP", "SrMsgBuffer"))
"""CSA tags of structured reports: a protocol and a message, of which nothing has to stay."""
PROTOCOLS: Final = frozenset(("MrPhoenixProtocol", "MrProtocol"))
NAMED: Final = frozenset((*RULED, *BLANKED, *PROTOCOLS))
"""CSA tags in which converter-safe changes something."""


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


class Element(NamedTuple):
    """An element of a data set or item.

    Attributes
    ----------
    tag, vr
        The whole tag; the VR, empty where the file doesn't tell.
    creator
        Of its block, folded; None where there is none, or in an even group.
    start
        Where the value begins in the file.
    value
        All of it, padding included.
    inside
        Whether a private sequence is around it.
    """

    tag: int
    vr: bytes
    creator: str | None
    start: int
    value: bytes
    inside: bool = False

    @property
    def offset(self) -> int:
        """The low byte of the number."""
        return self.tag & 0xFF

    @property
    def place(self) -> tuple[int, str | None, int]:
        """Group, creator and low byte: what an archive that moves blocks leaves as it is."""
        return self.tag >> 16, self.creator, self.offset


_LONG_VRS: Final = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_UNDEFINED: Final = 0xFFFFFFFF


def elements(data: bytes) -> list[Element]:
    """Return all elements of a file that is not deflated, those in items too, in file order, sequences left out."""
    position, syntax = 0, ""
    if data[128:132] == b"DICM":
        position = 144 + int(struct.unpack_from("<I", data, 140)[0])
        found = re.search(rb"\x02\0\x10\0UI(..)([0-9.]+)", data[132:position], re.DOTALL)
        assert found
        syntax = found[2].decode("ascii")
    assert syntax != DEFLATED
    implicit = syntax == "1.2.840.10008.1.2" if syntax else not data[4:6].isalpha()
    order = ">" if syntax.endswith(".1.2.2") else "<"
    all_found: list[Element] = []
    _read_dataset(data, position, len(data), implicit, order, all_found)
    return all_found


def _read_dataset(
    data: bytes,
    position: int,
    end: int,
    implicit: bool,
    order: str,
    found: list[Element],
    inside: bool = False,
) -> int:
    """Read a data set or item up to its end or delimiter; return where what follows begins."""
    creators: dict[int, str] = {}
    while position < end:
        group, number = struct.unpack_from(order + "HH", data, position)
        if (group, number) == (0xFFFE, 0xE00D):
            return position + 8
        vr = b"" if implicit else data[position + 4 : position + 6]
        if implicit or vr in _LONG_VRS:
            start = position + (8 if implicit else 12)
            (size,) = struct.unpack_from(order + "I", data, start - 4)
        else:
            start = position + 8
            (size,) = struct.unpack_from(order + "H", data, position + 6)
        stop = end if size == _UNDEFINED else start + size
        items = struct.pack(order + "HH", 0xFFFE, 0xE000)
        if (group, number) == (0x7FE0, 0x0010) and size == _UNDEFINED:
            position = _skip_fragments(data, start, order)
        elif vr == b"SQ" or size == _UNDEFINED or (vr in (b"", b"UN") and data[start : start + 4] == items):
            below = inside or bool(group & 1)
            position = _read_sequence(data, start, stop, implicit, order, found, below)
        else:
            value = data[start:stop]
            if group & 1 and 0x10 <= number <= 0xFF:
                creators.setdefault(group << 8 | number, value.decode("latin-1").strip(" \0").casefold())
            creator = creators.get(group << 8 | number >> 8) if group & 1 else None
            found.append(Element(group << 16 | number, vr, creator or None, start, value, inside))
            position = stop
    return position


def _read_sequence(
    data: bytes, position: int, stop: int, implicit: bool, order: str, found: list[Element], inside: bool
) -> int:
    while position < stop:
        _, number, size = struct.unpack_from(order + "HHI", data, position)
        position += 8
        if number == 0xE0DD:
            break
        assert number == 0xE000
        inner = stop if size == _UNDEFINED else position + size
        position = _read_dataset(data, position, inner, implicit, order, found, inside)
    return position


def _skip_fragments(data: bytes, position: int, order: str) -> int:
    number = 0
    while number != 0xE0DD:
        _, number, size = struct.unpack_from(order + "HHI", data, position)
        position += 8 + size
    return position


def siemens_elements(data: bytes) -> list[Element]:
    """Return the elements of Siemens' blocks, by creator, and CSA2 headers without one."""
    return [
        one
        for one in elements(data)
        if one.tag & 0x10000
        and one.tag & 0xFFFF >= 0x1000
        and ((one.creator or "").startswith("siemens ") or one.value.startswith(b"SV10"))
    ]


def private_matter(data: bytes) -> list[Element]:
    """Return the private elements, and what private sequences hold."""
    return [one for one in elements(data) if one.inside or (one.tag & 0x10000 and one.tag & 0xFFFF >= 0x1000)]


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


def claimed_elements(data: bytes) -> list[CsaElement]:
    """Return the elements of CSA blocks, by creator, in any item, and CSA2 headers without one."""
    found = []
    for one in siemens_elements(data):
        headers = one.value.startswith(b"SV10")
        by_creator = one.place[:2] == (0x0029, CREATOR) and one.offset in OFFSETS
        if headers or (by_creator and one.offset not in HEADERS):
            creator = one.creator if by_creator else None
            found.append(CsaElement(one.tag, one.offset, creator, one.start, one.value))
    return found


def private_values(data: bytes) -> list[bytes]:
    """Return the raw values of all private elements, in any item."""
    return [one.value for one in elements(body(data)) if one.tag & 0x10000]


# What identifies in an element


class Identifying(NamedTuple):
    """A range of a value that may differ after cleaning, and what it holds then; None where that isn't said here."""

    start: int
    stop: int
    new: bytes | None


_KEYS: Final = re.compile(
    rb"t(?:ReferenceImage\d|(?:default|current)EVAProt)"
    rb"|.*\.(?:sCoilElementID\.t(?:Element|CoilClass)|tCoilManufacturer|\w*UUID|UIConfigurator|sWiPMemBlock\.tFree)"
    rb"|sSpecPara\.lFinalMatrixSize(?:Phase|Read|Slice)"
)
"""Keys of the ASCCONV text that identify and that no converter reads."""
_UNREAD_KEYS: Final = re.compile(
    rb"t(?:SequenceFileName|ProtocolName)|.*\.(?:sCoilElementID\.tCoilID|sCoilStringForConversion)"
)
"""Those that one does read, where it reads the text at all: not in a structured report."""
_LINE: Final = re.compile(rb"^([\w.\[\]]+)[ \t]*=[ \t]*(.*)$", re.MULTILINE)
_PARAMETER: Final = re.compile(rb'<Param(?:String\.|Bool\."+WorkingMan").*?(?=<Param|\Z)', re.DOTALL)
"""A parameter that is text, with all that stands before the next one."""
_NOT_TAGS: Final = re.compile(rb"[^<>]+(?=<|\Z)")
_BEGIN, _END = b"### ASCCONV BEGIN", b"### ASCCONV END"
_TYPES: Final = frozenset((b"IMAGE NUM 4", b"NONIMAGE NUM 4", b"SPEC NUM 4", b"MR"))


def protocol_text(value: bytes) -> bytes:
    """Return a protocol's text: what stands before the first NUL."""
    return value.split(b"\0", 1)[0]


def _of_protocol(value: bytes, base: int, *, read: bool) -> Iterator[Identifying]:
    """Yield the identifying fields of a protocol that begins at `base`."""
    text = protocol_text(value)
    yield Identifying(base + len(text), base + len(value), bytes(len(value) - len(text)))
    begin = text.find(_BEGIN)
    end = text.find(_END, begin)
    for line in _LINE.finditer(text, begin, end):
        if _KEYS.fullmatch(line[1]) or (not read and _UNREAD_KEYS.fullmatch(line[1])):
            old = line[2]
            quotes = re.fullmatch(rb'("*)([^"]*)"*[ \t]*', old)
            new = None
            if quotes and line[1].endswith(b"EVAProt"):
                new = quotes[1] + _filled(quotes[2]) + old[quotes.end(2) :]
            if quotes and line[1].startswith(b"tReferenceImage") and b";" not in old:
                new = quotes[1] + _uid(quotes[2]) + old[quotes.end(2) :]
            yield Identifying(base + line.start(2), base + line.end(2), new)
    for start, stop in ((0, begin), (end, len(text))):
        for parameter in _PARAMETER.finditer(text, start, stop):
            for told in _NOT_TAGS.finditer(text, *parameter.span()):
                yield Identifying(base + told.start(), base + told.end(), None)


def _of_csa2(value: bytes, policy: str) -> Iterator[Identifying]:
    walked = walk_csa2(value)
    yield from (Identifying(start, stop, bytes(stop - start)) for start, stop in walked.dead)
    if policy == "dead-space":
        return
    for tag in walked.tags:
        for start, stop in tag.values:
            old = value[start:stop]
            if tag.name in RULED:
                yield Identifying(start, stop, RULED[tag.name](old))
            elif tag.name in BLANKED:
                yield Identifying(start, stop, None)
            elif tag.name in PROTOCOLS:
                yield from _of_protocol(old, start, read=True)


WHOLE: Final[dict[tuple[int, str | None, int], Callable[[bytes], bytes | None]]] = {
    (0x0029, CREATOR, 0x09): _expected_date,
    (0x0029, CREATOR, 0x19): _expected_date,
    (0x0029, "siemens csa report", 0x17): lambda old: _uid(old.rstrip(b"\0")).ljust(len(old), b"\0"),
    (0x0029, "siemens medcom header", 0x31): lambda old: None,
    (0x0029, "siemens medcom oog", 0x10): lambda old: None,
    (0x0021, "siemens mr sdi 02", 0x77): lambda old: None,
    (0x0021, "siemens mr sds 01", 0x01): lambda old: b"0".ljust(len(old)),
    (0x0021, "siemens mr sds 01", 0x2B): _patient_record,
    (0x0021, "siemens mr sds 01", 0x3F): lambda old: None,
    (0x0021, "siemens mr sds 01", 0x43): lambda old: None,
    (0x0021, "siemens mr sds 01", 0x60): _date_time,
    (0x7FE1, "siemens csa non-image", 0x10): lambda old: None if b".log\0" in old[:1024] else old,
}
"""Elements that hold nothing else than what identifies: what they hold afterwards, None where that isn't said here."""


def identifying(element: Element, policy: str) -> list[Identifying]:
    """Return which bytes of an element of Siemens may differ after cleaning, and what of them is known beforehand."""
    value = element.value
    if value.startswith(b"SV10"):
        return list(_of_csa2(value, policy))
    if policy == "dead-space":
        dead = {"siemens medcom oog", "siemens csa non-image"}
        return [Identifying(0, len(value), None)] if element.creator in dead else []
    if element.place == (0x0021, "siemens mr sds 01", 0x19):
        return list(_of_protocol(value, 0, read=True))
    if element.place == (0x0021, "siemens mr sdi phoenixzip", 0x01):
        return list(_of_protocol(value, 0, read=False))
    if (
        element.place[:2] == (0x0029, CREATOR)
        and element.offset in (0x08, 0x18)
        and value.strip() not in _TYPES
    ):
        return [Identifying(0, len(value), _filled(value))]
    if element.place in WHOLE:
        return [Identifying(0, len(value), WHOLE[element.place](value))]
    return []
