r"""The Siemens CSA header: a reader and a writer of CSA1 and CSA2 that lose nothing.

``decode`` gives named parts, ``encode`` puts them together again, ``encode(decode(blob)) == blob``; changing one part
without changing its length changes only its bytes. `scan` is the one parser; `decode` and the layout of the handler
(`csaclean_handlers.siemens.csa_layout`) are both made from what it finds.

All integers are 32-bit little-endian, in every transfer syntax and on every host. ::

    CSA2    0 "SV10"   4 04 03 02 01   8 u32 tags  12 u32 77   16 tags...   then a trailer of 4 bytes
    CSA1    0 u32 tags   4 u32 77   8 tags...   then a trailer of 112 bytes

    tag     0 char name[64]  64 i32 VM  68 char VR[4]  72 i32 SyngoDT  76 i32 items  80 i32 77 or 205   84 items...
    item    0 i32 L   4 i32 L   8 i32 77, or 205 if L = 0   12 i32 L   16 value[L]   padding to a multiple of 4

In CSA1 two length rules are on record. GDCM (``gdcmCSAHeader.cxx``) reads it like CSA2. SPM (``spm_dicom_header.m``)
takes the first word less the item count of the first tag for the length, pads by one to four bytes, and ends a tag at
its first item of negative length.

Examples
--------
>>> blob = encode(CsaHeader.build([CsaTag.build("B_value", "IS", [b"1000    "], vm=1)]))
>>> header = decode(blob)
>>> header.tags[0].name, header.tags[0].items[0].value, encode(header) == blob
(b'B_value', b'1000    \x00', True)
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Self

from csaclean.errors import MalformedValue

__all__ = [
    "CHECK_WORD",
    "MAX_ITEMS",
    "MAX_TAGS",
    "SYNGO_DT",
    "CsaHeader",
    "CsaItem",
    "CsaTag",
    "Variant",
    "decode",
    "encode",
    "is_csa1",
    "is_csa2",
    "scan",
]

MAX_TAGS = 1000
"""As many tags as nibabel reads (``csareader.py``, MAX_CSA_ITEMS); real headers hold 1 to 101."""
MAX_ITEMS = 10_000
"""Items of one tag; real headers hold at most 84."""
CHECK_WORD = 77
NAME_SIZE = 64
WORD_FILLED = 77
WORD_EMPTY = 205
CSA1_TRAILER_SIZE = 112
CSA1_MAX_TAGS = 128
"""As many tags as dcm2niix and AFNI read (``nii_dicom.cpp`` line 1459, ``siemens_dicom_csa.c``)."""
CSA2_TRAILER_SIZE = 4

SYNGO_DT = {
    "UN": 0,
    "DS": 3,
    "FD": 4,
    "FL": 5,
    "IS": 6,
    "SL": 7,
    "SS": 8,
    "UL": 9,
    "US": 10,
    "CS": 16,
    "LO": 19,
    "LT": 20,
    "SH": 22,
    "ST": 23,
    "UI": 25,
    "UT": 27,
}
"""Siemens' type number of each VR (malaterre/GDCM ``gdcmCSAHeader.cxx`` line 890)."""

_TAG = struct.Struct("<64si3scIII")
_ITEM = struct.Struct("<4i")
_TAG_SIZE = _TAG.size
_ITEM_SIZE = _ITEM.size


class Variant(Enum):
    """The forms that a CSA header takes."""

    CSA2 = "CSA2"
    CSA1 = "CSA1"
    """CSA1 by GDCM's length rule."""
    CSA1_SPM = "CSA1-SPM"
    """CSA1 by SPM's length rule."""


class ScannedItem(NamedTuple):
    """Where an item lies: its four words, its value and where its padding ends."""

    words: tuple[int, int, int, int]
    start: int
    stop: int
    end: int


class ScannedTag(NamedTuple):
    """Where a tag record lies and what its 84 bytes say."""

    start: int
    name: bytes
    """All 64 bytes."""
    vm: int
    vr: bytes
    """Three bytes: two letters and a NUL."""
    vr_tail: bytes
    """The fourth byte of the VR field."""
    syngo_dt: int
    n_items: int
    mark: int
    items: list[ScannedItem]


class Scan(NamedTuple):
    """A header's variant, its tags, and where the trailer begins."""

    variant: Variant
    tags: list[ScannedTag]
    trailer: int


@dataclass(frozen=True, slots=True)
class CsaItem:
    """One item of a tag.

    Attributes
    ----------
    words
        The four 32-bit words before the value.
    value
        All bytes of the value, its NUL and what stands after that included.
    padding
        The bytes between the value and the next item.
    """

    words: tuple[int, int, int, int] = (0, 0, WORD_EMPTY, 0)
    value: bytes = b""
    padding: bytes = b""

    def __repr__(self) -> str:
        """Return lengths."""
        return f"<CsaItem {len(self.value)}+{len(self.padding)} bytes>"

    @classmethod
    def build(cls, value: bytes, fill: bytes = b"\0") -> Self:
        """Return a CSA2 item that holds `value` as it stands, padded with copies of the byte `fill`."""
        size = len(value)
        return cls(
            (size, size, WORD_FILLED if size else WORD_EMPTY, size),
            value,
            fill * (-size % 4),
        )


@dataclass(frozen=True, slots=True)
class CsaTag:
    """One tag with its items.

    Attributes
    ----------
    name, name_tail
        The name, and what follows its NUL up to 64 bytes; a name of 64 bytes has no NUL and no tail.
    vm
        Value multiplicity; 0 for "any number".
    vr, vr_tail
        Three bytes (two letters and a NUL), and the fourth.
    syngo_dt
        Siemens' type number, see `SYNGO_DT`.
    n_items
        The item count of the record. `items` holds as many, but where SPM's rule ends a tag early.
    mark
        77, or 205 where there are no items.
    items
        The items.
    """

    name: bytes
    name_tail: bytes
    vm: int
    vr: bytes
    vr_tail: bytes
    syngo_dt: int
    n_items: int
    mark: int
    items: tuple[CsaItem, ...] = ()

    def __repr__(self) -> str:
        """Return counts: a name may be no name that Siemens gave."""
        return f"<CsaTag {len(self.name)} bytes of name, {len(self.items)} items>"

    @classmethod
    def build(
        cls,
        name: str,
        vr: str,
        values: Sequence[bytes] = (),
        *,
        vm: int = 1,
        n_items: int | None = None,
        fill: bytes = b"\0",
    ) -> Self:
        """Return a CSA2 tag as a scanner writes it.

        Parameters
        ----------
        name, vr
            Name and two-letter VR.
        values
            Texts without their NUL, which is added.
        vm
            Value multiplicity.
        n_items
            Item count; by default the number of values rounded up to a multiple of six.
        fill
            The byte that all dead bytes of the tag hold.
        """
        count = -(-len(values) // 6) * 6 if n_items is None else n_items
        items = [CsaItem.build(value + b"\0", fill) for value in values]
        items += [CsaItem.build(b"")] * (count - len(items))
        raw = name.encode("ascii")
        return cls(
            raw,
            fill * (NAME_SIZE - len(raw) - 1),
            vm,
            vr.encode("ascii") + b"\0",
            fill,
            SYNGO_DT[vr],
            count,
            WORD_FILLED if count else WORD_EMPTY,
            tuple(items),
        )


@dataclass(frozen=True, slots=True)
class CsaHeader:
    """A whole CSA header in named parts.

    Attributes
    ----------
    variant
        CSA2, or CSA1 by one of two length rules.
    tags
        In file order.
    magic
        The second magic word of CSA2: ``04 03 02 01``, or zeros in rewritten headers; empty in CSA1.
    check_word
        Always 77.
    trailer
        What follows the last tag.
    """

    variant: Variant
    tags: tuple[CsaTag, ...]
    magic: bytes = b"\4\3\2\1"
    check_word: int = CHECK_WORD
    trailer: bytes = b"\0" * CSA2_TRAILER_SIZE

    def __repr__(self) -> str:
        """Return counts."""
        return (
            f"<CsaHeader {self.variant.value}, {len(self.tags)} tags, {len(self.trailer)} bytes of trailer>"
        )

    @classmethod
    def build(cls, tags: Iterable[CsaTag], *, variant: Variant = Variant.CSA2, fill: bytes = b"\0") -> Self:
        """Return a header with the trailer that its variant has, filled with the byte `fill`.

        Under `Variant.CSA1_SPM` lengths and padding of the items, given by GDCM's rule, are made anew.
        """
        tags = tuple(tags)
        if variant is Variant.CSA2:
            return cls(variant, tags, trailer=fill * CSA2_TRAILER_SIZE)
        if variant is Variant.CSA1_SPM:
            shift = tags[0].n_items if tags else 0
            tags = tuple(_respell_for_spm(tag, shift, fill) for tag in tags)
        return cls(variant, tags, b"", trailer=fill * CSA1_TRAILER_SIZE)


def _respell_for_spm(tag: CsaTag, shift: int, fill: bytes) -> CsaTag:
    items: list[CsaItem] = []
    for item in tag.items:
        size = len(item.value)
        if not size:
            items.append(CsaItem((0, 0, WORD_EMPTY, 0)))
            if shift:
                break
            items[-1] = CsaItem((0, 0, WORD_EMPTY, 0), b"", fill * 4)
        else:
            word = size + shift
            items.append(CsaItem((word, word, WORD_FILLED, word), item.value, fill * (4 - size % 4)))
    return CsaTag(
        tag.name,
        tag.name_tail,
        tag.vm,
        tag.vr,
        tag.vr_tail,
        tag.syngo_dt,
        tag.n_items,
        tag.mark,
        tuple(items),
    )


def _scan_tags(blob: bytes, position: int, count: int, variant: Variant) -> Scan:
    """Walk `count` tag records from `position`.

    Raises
    ------
    MalformedValue
        If a record, an item or a value ends past the blob, or a count is out of range.
    """
    size = len(blob)
    tags: list[ScannedTag] = []
    shift = 0
    spm = variant is Variant.CSA1_SPM
    unpack_tag, unpack_item = _TAG.unpack_from, _ITEM.unpack_from
    for number in range(count):
        if position + _TAG_SIZE > size:
            raise MalformedValue(
                f"CSA tag {number + 1} of {count}: {size - position} bytes left for a record of {_TAG_SIZE}",
                "",
                position,
            )
        name, vm, vr, vr_tail, syngo_dt, n_items, mark = unpack_tag(blob, position)
        if n_items > MAX_ITEMS:
            raise MalformedValue(
                f"CSA tag {number + 1} of {count}: item count out of range", "", position + 76
            )
        if spm and not number:
            shift = n_items
        tag = ScannedTag(position, name, vm, vr, vr_tail, syngo_dt, n_items, mark, [])
        tags.append(tag)
        position += _TAG_SIZE
        add = tag.items.append
        for _ in range(n_items):
            start = position + _ITEM_SIZE
            if start > size:
                raise MalformedValue(
                    f"CSA tag {number + 1} of {count}: the items end past the value", "", position
                )
            words = unpack_item(blob, position)
            length = words[0] - shift if spm else words[1]
            if length < 0 and spm:
                add(ScannedItem(words, start, start, start))
                position = start
                break
            stop = start + length
            position = stop + 4 - length % 4 if spm else stop + (-length % 4)
            if length < 0 or position > size:
                raise MalformedValue(
                    f"CSA tag {number + 1} of {count}: an item ends past the value or has a negative length",
                    "",
                    start - _ITEM_SIZE,
                )
            if not spm and not words[0] == length == words[3]:
                raise MalformedValue(
                    f"CSA tag {number + 1} of {count}: the length words of an item differ",
                    "",
                    start - _ITEM_SIZE,
                )
            add(ScannedItem(words, start, stop, position))
    return Scan(variant, tags, position)


def is_csa2(blob: bytes) -> bool:
    """Tell whether `blob` has the signature of CSA2."""
    return blob.startswith(b"SV10")


def is_csa1(blob: bytes) -> bool:
    """Tell whether `blob` starts as CSA1 does: counts, check word, and a whole and credible first tag record."""
    if len(blob) < 8 + _TAG_SIZE:
        return False
    count, check = struct.unpack_from("<2I", blob)
    name, _, vr, _, _, _, mark = _TAG.unpack_from(blob, 8)
    first = name.split(b"\0", 1)[0]
    return (
        check == CHECK_WORD
        and 1 <= count <= CSA1_MAX_TAGS
        and bool(first)
        and all(32 < byte < 127 for byte in first)
        and vr[:2].isalpha()
        and vr[2] == 0
        and mark in (WORD_FILLED, WORD_EMPTY)
    )


def _is_clean(found: Scan) -> bool:
    marks = (WORD_FILLED, WORD_EMPTY)
    return all(
        tag.mark in marks
        and tag.vr[2] == 0
        and tag.vr[:2].isalpha()
        and all(
            item.words[2] in marks and item.words[0] == item.words[1] == item.words[3] for item in tag.items
        )
        for tag in found.tags
    )


def scan(blob: bytes) -> Scan:
    """Find every tag and item of a CSA header.

    Parameters
    ----------
    blob
        The element's value.

    Returns
    -------
    Scan
        Offsets in `blob`. Whether constants hold is for the caller to check, but for what tells CSA1's rules apart.

    Raises
    ------
    MalformedValue
        If `blob` has no signature of a CSA header, or a record or item ends past it; for CSA1, if neither length rule
        walks it cleanly.
    """
    size = len(blob)
    if is_csa2(blob):
        if size < 16:
            raise MalformedValue(f"a CSA2 header of {size} bytes", "", size)
        count, check = struct.unpack_from("<2I", blob, 8)
        if check != CHECK_WORD:
            raise MalformedValue("the check word of a CSA2 header is wrong", "", 12)
        if not 0 < count <= MAX_TAGS:
            raise MalformedValue(f"a CSA2 header with more than {MAX_TAGS} tags or none", "", 8)
        return _scan_tags(blob, 16, count, Variant.CSA2)
    if not is_csa1(blob):
        raise MalformedValue("no signature of a CSA header", "", 0)
    (count,) = struct.unpack_from("<I", blob)
    candidates: list[Scan] = []
    failure: MalformedValue | None = None
    for variant in (Variant.CSA1, Variant.CSA1_SPM):
        try:
            found = _scan_tags(blob, 8, count, variant)
        except MalformedValue as error:
            failure = failure or error
            continue
        if _is_clean(found):
            if size - found.trailer == CSA1_TRAILER_SIZE:
                return found
            candidates.append(found)
    if candidates:
        return candidates[0]
    raise failure or MalformedValue("no length rule of CSA1 walks this header cleanly", "", 8)


def decode(blob: bytes) -> CsaHeader:
    """Return the named parts of a CSA header.

    Raises
    ------
    MalformedValue
        As `scan` does.
    """
    found = scan(blob)
    tags = []
    for tag in found.tags:
        name, nul, tail = tag.name.partition(b"\0")
        items = tuple(
            CsaItem(item.words, blob[item.start : item.stop], blob[item.stop : item.end])
            for item in tag.items
        )
        tags.append(
            CsaTag(
                name,
                tail if nul else b"",
                tag.vm,
                tag.vr,
                tag.vr_tail,
                tag.syngo_dt,
                tag.n_items,
                tag.mark,
                items,
            )
        )
    magic = blob[4:8] if found.variant is Variant.CSA2 else b""
    return CsaHeader(found.variant, tuple(tags), magic, trailer=blob[found.trailer :])


def encode(header: CsaHeader) -> bytes:
    """Return the bytes of a CSA header: the inverse of `decode`.

    Raises
    ------
    ValueError
        If a part does not have the length that its neighbours say: a name and its tail that don't fill 64 bytes, a
        value or padding that contradicts the item's words.
    """
    csa2 = header.variant is Variant.CSA2
    parts = [b"SV10" + header.magic if csa2 else b"", struct.pack("<2I", len(header.tags), header.check_word)]
    shift = header.tags[0].n_items if header.variant is Variant.CSA1_SPM and header.tags else None
    for number, tag in enumerate(header.tags):
        name = tag.name if len(tag.name) == NAME_SIZE else tag.name + b"\0" + tag.name_tail
        if len(name) != NAME_SIZE or len(tag.vr) != 3 or len(tag.vr_tail) != 1:
            raise ValueError(f"tag {number + 1}: name or VR does not fill its field")
        parts.append(_TAG.pack(name, tag.vm, tag.vr, tag.vr_tail, tag.syngo_dt, tag.n_items, tag.mark))
        for item in tag.items:
            size = len(item.value)
            if shift is None:
                fits = item.words[1] == size and len(item.padding) == -size % 4
            elif item.words[0] < shift:
                fits = not size and not item.padding
            else:
                fits = item.words[0] - shift == size and len(item.padding) == 4 - size % 4
            if not fits:
                raise ValueError(f"tag {number + 1}: value or padding contradicts the item's length")
            parts += (_ITEM.pack(*item.words), item.value, item.padding)
    parts.append(header.trailer)
    return b"".join(parts)
