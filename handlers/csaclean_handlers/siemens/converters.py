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

__all__ = ["SiemensConverters", "read_tags", "searched_keys"]

_CREATOR = "siemens csa header"
_IMAGE, _SERIES = 0x10, 0x20
_CANONICAL_BLOCK = 0x10
_HEADERS = frozenset(("(0029,SIEMENS CSA HEADER,10)", "(0029,SIEMENS CSA HEADER,20)"))
_PROTOCOL = "(0021,SIEMENS MR SDS 01,19)"
_PROTOCOLS = _HEADERS | {_PROTOCOL}
_PARSED = _PROTOCOLS | {"(7FE1,SIEMENS CSA NON-IMAGE,10)"}
"""Elements that are compared field by field: of the whole, policies redact what nobody reads."""
_PROTOCOL_TAGS = frozenset(("MrPhoenixProtocol", "MrProtocol"))
_UNREAD_PARTS = ("XProtocol", "other", "ASCCONV")
"""Parts of a protocol in which no reader reads a key; what stands behind one has a path of its own."""
_PROTOCOL_TAG = (0x0021, 0x19)
_PROTOCOL_CREATOR = "siemens mr sds 01"
_REMAPPED = ("siemens mr sds 01", "siemens mr sdi 02")
"""Creators whose elements dcm2niix looks for in whatever block they reserve (``console/nii_dicom.cpp`` lines 5206-5325)."""
_BEGIN, _END = b"### ASCCONV BEGIN", b"### ASCCONV END"


@cache
def _tables() -> dict[str, Any]:
    return loads(files("csaclean_handlers.siemens").joinpath("converters.toml").read_text("utf-8"))


def read_tags() -> frozenset[bytes]:
    """Return the names of the CSA tags that a converter reads, as text whatever their VR."""
    return frozenset(name.encode("ascii") for name in _csa_consumers())


@cache
def _csa_consumers() -> Mapping[str, tuple[str, ...]]:
    return {row["tag"]: tuple(row["consumers"]) for row in _tables()["csa"]}


@cache
def _elements() -> Mapping[str, tuple[Mapping[str, Any], ...]]:
    """Return the rows of whole elements by selector: one for each block that readers have built in."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in _tables()["element"]:
        found.setdefault(f"({row['group']},{row['creator']},{row['offset']})", []).append(row)
    return {selector: tuple(rows) for selector, rows in found.items()}


@cache
def _whole_elements() -> Mapping[int, tuple[tuple[str, str, frozenset[int]], ...]]:
    """Return (selector, folded creator, absolute tags) of the elements that are compared whole, by group and offset."""
    found: dict[int, list[tuple[str, str, frozenset[int]]]] = {}
    for selector, rows in _elements().items():
        if selector not in _PARSED:
            group, offset = int(rows[0]["group"], 16), int(rows[0]["offset"], 16)
            tags = frozenset(group << 16 | int(row["block"], 16) << 8 | offset for row in rows)
            found.setdefault(group << 8 | offset, []).append((selector, rows[0]["creator"].casefold(), tags))
    return {key: tuple(entries) for key, entries in found.items()}


@cache
def _ascconv_rows() -> tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]:
    return tuple(
        (re.compile(re.escape(row["key"]).replace(r"\[\*\]", r"\[\d+\]")), row)
        for row in _tables()["ascconv"]
    )


@cache
def searched_keys() -> re.Pattern[bytes]:
    """Return what matches a key of the protocol that is searched for, its indices with it: the first hit of each is read."""
    keys = sorted((key.pattern for key, _ in _ascconv_rows()), key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(keys)})(?:\[\d{{1,5}}\]){{0,4}}".encode("ascii"))


_UNREAD = {"int": re.compile(rb"[^0-9]+"), "float": re.compile(rb"[^0-9.-]+")}
"""What dcm2niix passes over on the line of a number (``readKey``, ``readKeyFloat``): a remark, as long as it has no digits."""


@cache
def _ascconv_keys() -> tuple[tuple[re.Pattern[bytes], re.Pattern[bytes] | None], ...]:
    """Return the pattern of each key with the rest of its line, and what of that is not read."""
    return tuple(
        (
            re.compile(rb"(" + key.pattern.encode("ascii") + rb"(?:\[\d{1,5}\]){0,4})[^\n]*"),
            _UNREAD.get(row["kind"]),
        )
        for key, row in _ascconv_rows()
    )


def _read_part(line: bytes, unread: re.Pattern[bytes] | None) -> bytes:
    key, equals, rest = line.partition(b"=")
    return line if unread is None else key + equals + unread.sub(b"", rest)


def _rows(selector: str, path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that speak of a field, or with an empty path of a whole element.

    A key of a protocol is found as dcm2niix finds it: as part of a longer one too.
    """
    if not path:
        yield from _elements().get(selector, ())
        return
    _, protocol, key = path.rpartition("ASCCONV/")
    if protocol:
        if selector in _PROTOCOLS:
            yield from (row for pattern, row in _ascconv_rows() if pattern.search(key))
    elif selector in _HEADERS:
        name, _, inside = path.partition("/")
        if not (name in _PROTOCOL_TAGS and inside.startswith(_UNREAD_PARTS)):
            yield from (row for row in _tables()["csa"] if row["tag"] == name)


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
    """Return the keys of the table that a protocol holds, each with what is read of the rest of its line.

    The text is the same before and after cleaning, and in all files of a series: it is searched once.
    """
    return tuple(
        (hit[1].decode("latin-1"), _read_part(hit[0], unread))
        for key, unread in _ascconv_keys()
        for hit in key.finditer(protocol)
    )


def _is_protocol(element: ConverterElement) -> bool:
    """Tell whether dcm2niix takes the element for the protocol of an XA scanner."""
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if (group, number & 0xFF) != _PROTOCOL_TAG:
        return False
    by_creator = element.creator is not None and _PROTOCOL_CREATOR in element.creator
    return by_creator or number >> 8 == _CANONICAL_BLOCK


def _whole(element: ConverterElement) -> Iterator[str]:
    """Yield the selectors of the elements that dcm2niix takes this one for, and that are compared whole.

    A creator that dcm2niix knows counts, and the number doesn't: XA scanners put SDI 02 into block 10 of an item too.
    """
    named = element.creator is not None and any(name in element.creator for name in _REMAPPED)
    for selector, creator, tags in _whole_elements().get(element.tag >> 16 << 8 | element.tag & 0xFF, ()):
        by_number = element.tag in tags and not (named and creator in _REMAPPED)
        if by_number or (element.creator is not None and creator in element.creator):
            yield selector


def _found(element: ConverterElement) -> int:
    """Return 0x10 or 0x20 if dcm2niix takes the element for an image or series header, else 0."""
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if group != 0x0029 or number & 0xFF not in (_IMAGE, _SERIES):  # the CSA group
        return 0
    by_number = number >> 8 == _CANONICAL_BLOCK
    by_creator = element.creator is not None and _CREATOR in element.creator
    return number & 0xFF if by_number or by_creator else 0


def _by_name(fields: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return what `SiemensConverters.fields` found by name alone, of each name what dcm2niix finds first."""
    found: dict[str, bytes] = {}
    for key, value in fields.items():
        found.setdefault(key.partition("/")[2].removeprefix("ASCCONV/"), value)
    return found


def _rows_of(name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that a name of `_by_name` is found by."""
    if name.startswith("("):
        yield from _elements().get(name, ())
    else:
        yield from (row for row in _tables()["csa"] if row["tag"] == name)
        yield from (row for pattern, row in _ascconv_rows() if pattern.fullmatch(name))


def _matches(wanted: Mapping[str, str], standard: Mapping[int, bytes]) -> Iterator[bool]:
    """Yield for each standard element, its tag written ``(gggg,eeee)``, whether its text matches; none has an empty one."""
    for tag, pattern in wanted.items():
        value = standard.get(int(tag[1:5] + tag[6:10], 16), b"")
        yield re.search(pattern, value.decode("latin-1").strip(" \0")) is not None


def _conditional(
    row: Mapping[str, Any], value: bytes, fields: Mapping[str, bytes], standard: Mapping[int, bytes]
) -> Iterator[str]:
    """Yield the keys that a row's field changes under conditions that hold."""
    for one in row.get("depends", ()):
        if (
            re.search(one.get("value", ""), value.decode("latin-1"))
            and all(fields.get(name, b"").strip(b"\0 ") for name in one.get("with", ()))
            and not any(fields.get(name, b"").strip(b"\0 ") for name in one.get("without", ()))
            and all(_matches(one.get("if", {}), standard))
            and not any(_matches(one.get("unless", {}), standard))
        ):
            yield from one["output"]


def _shown(row: Mapping[str, Any], fields: Mapping[str, bytes]) -> str:
    """Return what dcm2niix shows of a field: nothing where another says the same."""
    text, other = (_string(fields.get(row[name], b"")) for name in ("of", "unless_equal"))
    return "" if text == other else text


def _string(value: bytes) -> str:
    """Return the text of an element, or between the quotes of a protocol's line."""
    quoted = re.search(rb'"+([^"]*)', value)
    return (quoted[1] if quoted else value).decode("latin-1").strip(" \0")


class SiemensConverters:
    """The converter table of Siemens' private elements."""

    def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
        """Return who reads a field, or a whole element if `path` is empty."""
        return tuple(dict.fromkeys(reader for row in _rows(selector, path) for reader in row["consumers"]))

    def branches(self, selector: str, path: str, /) -> bool:
        """Tell whether dcm2niix decides by the text of a field how it reads the rest, or makes no key of it."""
        return any(
            row.get("branches", not (row.get("output") or row.get("depends")))
            for row in _rows(selector, path)
        )

    def outputs(
        self, before: Mapping[str, bytes], after: Mapping[str, bytes], standard: Mapping[int, bytes], /
    ) -> tuple[str, ...]:
        """Return the keys of dcm2niix's sidecar that change, in order of the table."""
        if any(_matches(_tables()["silent"], standard)):
            return ()
        old, new = (_by_name(side) for side in (before, after))
        changed = [(name, value) for name, value in old.items() if new.get(name) != value]
        keys = [
            key
            for name, value in changed
            for row in _rows_of(name)
            for key in (*row.get("output", ()), *_conditional(row, value, old, standard))
        ]
        keys += [
            row["key"]
            for row in _tables()["shown"]
            if _shown(row, old) != _shown(row, new) and all(_matches(row.get("if", {}), standard))
        ]
        return tuple(dict.fromkeys(keys))

    def is_field(self, key: str, selector: str, path: str, /) -> bool:
        """Tell whether a key of `fields` is what a field of an element, or the element itself, looks like to dcm2niix."""
        _, _, name = key.partition("/")
        if name.startswith("("):
            return name == selector
        _, protocol, wanted = name.rpartition("ASCCONV/")
        if protocol:
            _, inside, edited = path.rpartition("ASCCONV/")
            return bool(inside) and wanted in edited
        return path.partition("/")[0] == name

    def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
        """Return every tag, protocol key and element of the table that the elements hold.

        The keys are ``n/TAG``, ``n/ASCCONV/KEY`` and ``n/(gggg,CREATOR,ee)``, n the place of the element among those that
        dcm2niix would read. Of a protocol text the keys are compared, not the whole.
        """
        found: dict[str, bytes] = {}
        wanted = _csa_consumers().keys() - _PROTOCOL_TAGS
        place = 0
        for element in elements:
            header = _found(element)
            if header:
                for name, value in _tags(element.value):
                    if name in wanted:
                        found.setdefault(f"{place}/{name}", value)
            if header == _SERIES or _is_protocol(element):
                for name, line in _keys(_protocol(element.value)):
                    found.setdefault(f"{place}/ASCCONV/{name}", line)
            selectors = tuple(_whole(element))
            for selector in selectors:
                found.setdefault(f"{place}/{selector}", element.value)
            place += bool(header or selectors or _is_protocol(element))
        return found
