"""What a walk returns: data elements, the data sets that hold them, and what was remarkable about them."""

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, NamedTuple

from csaclean.dicom.syntax import ByteOrder

__all__ = [
    "HEADER_SIZE",
    "ITEM",
    "ITEM_END",
    "ITEM_STARTS",
    "LONG_VRS",
    "SEQUENCE_END",
    "SHORT_VRS",
    "SPECIFIC_CHARACTER_SET",
    "UNDEFINED",
    "VRS",
    "DataSet",
    "Element",
    "Shape",
    "Slack",
    "Walk",
    "is_group_length",
    "tag_text",
]

SPECIFIC_CHARACTER_SET: Final = 0x00080005
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
"""What items and sequences are delimited by (PS3.5 section 7.5) ..."""
ITEM_STARTS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""... and how an item's tag is written, little endian and big endian."""
UNDEFINED: Final = 0xFFFFFFFF
"""The length of what ends at a delimiter instead."""
HEADER_SIZE: Final = 8
"""Of a delimiter, and of an element's header with a length of 16 bits or without VR, in bytes."""

LONG_VRS: Final = {
    vr.encode(): vr for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
}
_SHORT = (
    "AE",
    "AS",
    "AT",
    "CS",
    "DA",
    "DS",
    "DT",
    "FD",
    "FL",
    "IS",
    "LO",
    "LT",
    "PN",
    "SH",
    "SL",
    "SS",
    "ST",
    "TM",
)
SHORT_VRS: Final = {vr.encode(): vr for vr in (*_SHORT, "UI", "UL", "US")}
"""Value representations (PS3.5 table 6.2-1) by the bytes that stand for them: with a length of 32 bits, or of 16."""
VRS: Final = frozenset((*LONG_VRS, *SHORT_VRS))
"""All value representations, as they are written."""


_GROUP_LENGTH_SIZE: Final = 4


class Shape(IntEnum):
    """What stands between an element's header and its end."""

    VALUE = 0
    SEQUENCE = 1
    FRAGMENTS = 2


class Element(NamedTuple):
    """A data element; offsets are absolute in the source.

    Attributes
    ----------
    owner
        Number of the data set that holds it, an index of `Walk.datasets`.
    tag
        Group and element number as one 32-bit number.
    vr
        As written; None in implicit VR.
    header, start, stop
        Where the header and the value begin and where the value ends, without a delimiter. A sequence of undefined
        length has `stop` equal to `start`.
    shape
        Value, sequence or fragments.
    order
        Byte order of its header and its numbers.
    """

    owner: int
    tag: int
    vr: str | None
    header: int
    start: int
    stop: int
    shape: Shape
    order: ByteOrder


class DataSet(NamedTuple):
    """A data set: the root, or one item of a sequence.

    Attributes
    ----------
    parent
        Number of the enclosing data set; -1 for the root.
    tag, item
        The sequence, and which item of it this is, from 0.
    private
        Whether a private sequence is around it: all of its elements are private matter.
    depth
        0 for the root.
    """

    parent: int
    tag: int
    item: int
    private: bool
    depth: int


class Slack(NamedTuple):
    """Bytes of private matter's headers that readers ignore, and that may be filled in by their definition.

    Attributes
    ----------
    start, stop
        Where they are.
    kind
        ``reserved``: behind the VR in a header of twelve bytes; ``delimiter``: the length word of a delimiter;
        ``group-length``: the value of a group length element that isn't the length of its group.
    true
        What has to stand there (PS3.5 sections 7.1.2, 7.2 and 7.5).
    """

    start: int
    stop: int
    kind: Literal["reserved", "delimiter", "group-length"]
    true: bytes

    def __repr__(self) -> str:
        """Return kind and offset."""
        return f"<Slack {self.kind} at {self.start}>"


@dataclass(slots=True)
class Walk:
    """What a walk found.

    Attributes
    ----------
    elements
        In file order.
    datasets
        The root first.
    facts
        How often something remarkable was met, by code: ``duplicate-tag``, ``order-break``, ``odd-length``,
        ``digital-signature``, ``no-pixel-data``, ``broken-sequence``; and what was read though it isn't as it should
        be: ``implicit-element``, ``explicit-element``, ``other-encoding``, ``other-byte-order``, ``unknown-vr``,
        ``wrong-length``, ``missing-delimiter``, ``superfluous-delimiter``, ``unfragmented-pixel-data``.
    broken
        Where the values start that begin as a sequence does and don't parse as one: without a VR, or of VR ``UN``. They
        may hide elements, so they are returned whatever their tag.
    padding, pixels
        Values of (FFFC,FFFC) elements and of pixel data at top level, as offsets.
    slack
        Bytes in headers of private matter that don't hold their true value. A walk that returns all standard elements
        lists the reserved bytes and the delimiters of every header, true ones too.
    end
        Where the data set ends; what follows is not DICOM.
    """

    elements: list[Element] = field(default_factory=list)
    datasets: list[DataSet] = field(default_factory=list)
    facts: Counter[str] = field(default_factory=Counter)
    broken: set[int] = field(default_factory=set)
    padding: list[tuple[int, int]] = field(default_factory=list)
    pixels: list[tuple[int, int]] = field(default_factory=list)
    slack: list[Slack] = field(default_factory=list)
    end: int = 0


def is_group_length(tag: int, vr: str | None, size: int) -> bool:
    """Tell whether an element is the length of its group (PS3.5 section 7.2), by its tag, VR and length in bytes."""
    return not tag & 0xFFFF and vr in (None, "UL", "UN") and size == _GROUP_LENGTH_SIZE


def tag_text(tag: int) -> str:
    """Return a tag as documents write it.

    Examples
    --------
    >>> tag_text(0x7FE00010)
    '(7FE0,0010)'
    """
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
