"""Elements put into a data set at top level: the only edits that change a length, and the way back.

A `Splice` says which bytes stand where, in offsets of the original, and which length fields grow with them. Everything
that is true of the original can be asked of the result through `Restored`, which looks as if nothing had been put in.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from csaclean.dicom.elements import (
    HEADER_SIZE,
    ITEM,
    ITEM_STARTS,
    LONG_VRS,
    SEQUENCE_END,
    UNDEFINED,
    Element,
    Shape,
    Walk,
    tag_text,
)
from csaclean.dicom.source import Source
from csaclean.dicom.syntax import Syntax
from csaclean.dicom.walk import walk, walk_roots
from csaclean.errors import LimitExceeded, MalformedFile, ProofFailed, Unsupported
from csaclean.model import Patch

__all__ = [
    "Insertion",
    "Item",
    "Length",
    "Piece",
    "Restored",
    "Splice",
    "Spliced",
    "plan_splice",
    "prove_splice",
]

_LONGEST_SHORT: Final = 0xFFFE
"""Longest value whose length has 16 bits (PS3.5 section 7.1.2): values have an even length."""
_GROUP_LENGTH_SIZE: Final = 4
_CHUNK: Final = 1 << 20

Item = tuple["Piece", ...]
"""The elements of one item, in ascending order."""


class Piece(NamedTuple):
    """An element that shall be there.

    Attributes
    ----------
    tag, vr
        Tag and VR. ``LO`` (of several values) and ``SQ`` at top level, below also ``CS``, ``SH`` and ``US``.
    text, numbers, items
        What it holds, the one that goes with the VR. Text is ASCII without padding.
    key
        Of a sequence: the tags by which two items are the same.
    """

    tag: int
    vr: str
    text: bytes = b""
    numbers: tuple[int, ...] = ()
    items: tuple[Item, ...] = ()
    key: frozenset[int] = frozenset()


class Insertion(NamedTuple):
    """Bytes that are put before the byte at `offset`.

    Attributes
    ----------
    offset
        In the original.
    new
        The bytes.
    tag
        The element at top level that they make or continue.
    whole
        Whether they are an element of their own.
    """

    offset: int
    new: bytes
    tag: int
    whole: bool

    def __repr__(self) -> str:
        """Return offset and length, never bytes."""
        return f"<Insertion of {len(self.new)} bytes at {self.offset}>"


class Length(NamedTuple):
    """A length field that grows with what is put in behind it."""

    offset: int
    old: bytes
    new: bytes

    def __repr__(self) -> str:
        """Return the offset, never bytes."""
        return f"<Length at {self.offset}>"


class Splice(NamedTuple):
    """What is put into a data set; both in ascending order of their offsets."""

    insertions: tuple[Insertion, ...] = ()
    lengths: tuple[Length, ...] = ()

    @property
    def size(self) -> int:
        """By how much the data set grows, in bytes."""
        return sum(len(insertion.new) for insertion in self.insertions)

    def patches(self) -> tuple[Patch, ...]:
        """Return the new values of the length fields."""
        return tuple(Patch(one.offset, one.offset + len(one.new), one.new) for one in self.lengths)

    def before(self, offset: int) -> int:
        """Return how many bytes are put in before the original's byte at `offset`."""
        return sum(len(insertion.new) for insertion in self.insertions if insertion.offset <= offset)


def _overlaid(chunk: bytes, start: int, fields: Sequence[tuple[int, bytes]]) -> bytes:
    """Return a chunk that begins at `start` with the fields, each given with its offset, written over it."""
    out = bytearray(chunk)
    for offset, field in fields:
        low, high = max(offset, start), min(offset + len(field), start + len(chunk))
        if low < high:
            out[low - start : high - start] = field[low - offset : high - offset]
    return bytes(out)


class Spliced:
    """A source with a splice in it.

    Parameters
    ----------
    source
        The original.
    splice
        What is put in.
    """

    def __init__(self, source: Source, splice: Splice, /) -> None:
        self._source = source
        self._splice = splice
        self._fields = [(one.offset, one.new) for one in splice.lengths]
        self.size = source.size + splice.size
        self.stored = source.stored

    def read(self, start: int, stop: int, /) -> bytes:
        """Return the bytes ``[start, stop)``, fewer only at the end."""
        parts: list[bytes] = []
        shift = position = 0
        for offset, new in [
            *((one.offset, one.new) for one in self._splice.insertions),
            (self._source.size, b""),
        ]:
            low, high = max(start - shift, position), min(stop - shift, offset)
            if low < high:
                parts.append(_overlaid(self._source.read(low, high), low, self._fields))
            at = offset + shift
            parts.append(new[max(start - at, 0) : max(stop - at, 0)])
            shift += len(new)
            position = offset
        return b"".join(parts)


class Restored:
    """A spliced source as if nothing had been put in: insertions left out, length fields as they were.

    Parameters
    ----------
    source
        The result.
    splice
        What was put in, in offsets of the original.
    """

    def __init__(self, source: Source, splice: Splice, /) -> None:
        self._source = source
        self._splice = splice
        self._fields = [(one.offset, one.old) for one in splice.lengths]
        self.size = source.size - splice.size
        self.stored = source.stored

    def read(self, start: int, stop: int, /) -> bytes:
        """Return the bytes ``[start, stop)``, fewer only at the end."""
        parts: list[bytes] = []
        shift = position = 0
        for offset, new in [*((one.offset, one.new) for one in self._splice.insertions), (self.size, b"")]:
            low, high = max(start, position), min(stop, offset)
            if low < high:
                parts.append(self._source.read(low + shift, high + shift))
            shift += len(new)
            position = offset
        return _overlaid(b"".join(parts), start, self._fields)


def _value(piece: Piece, syntax: Syntax) -> bytes:
    if piece.vr == "SQ":
        return b"".join(_encoded_item(item, syntax) for item in piece.items)
    if piece.vr == "US":
        return struct.pack(f"{syntax.order}{len(piece.numbers)}H", *piece.numbers)
    return piece.text + b" " * (len(piece.text) % 2)


def _encoded(piece: Piece, syntax: Syntax) -> bytes:
    """Return the bytes of an element (PS3.5 section 7.1), sequences of defined length.

    Raises
    ------
    LimitExceeded
        If a value is too long for its VR.
    """
    value = _value(piece, syntax)
    group, number = piece.tag >> 16, piece.tag & 0xFFFF
    if syntax.implicit:
        return struct.pack(syntax.order + "HHI", group, number, len(value)) + value
    vr = piece.vr.encode("ascii")
    if vr in LONG_VRS:
        return struct.pack(syntax.order + "HH2sHI", group, number, vr, 0, len(value)) + value
    if len(value) > _LONGEST_SHORT:
        raise LimitExceeded(f"{len(value)} bytes are too long for a 16-bit length", tag_text(piece.tag))
    return struct.pack(syntax.order + "HH2sH", group, number, vr, len(value)) + value


def _encoded_item(item: Item, syntax: Syntax) -> bytes:
    content = b"".join(_encoded(piece, syntax) for piece in item)
    return _delimiter(ITEM, len(content), syntax) + content


def _delimiter(tag: int, length: int, syntax: Syntax) -> bytes:
    return struct.pack(syntax.order + "HHI", tag >> 16, tag & 0xFFFF, length)


class _Items:
    """The items of a sequence that is there already.

    Parameters
    ----------
    source, syntax
        Where it stands and how it is encoded.
    start, stop
        Where its header begins and where the next element's does.
    """

    def __init__(self, source: Source, syntax: Syntax, start: int, stop: int) -> None:
        self._source = source
        found = walk(source, syntax, start, stop, wanted=None)
        self._elements: dict[int, dict[int, Element]] = {}
        for element in found.elements:
            self._elements.setdefault(element.owner, {})[element.tag] = element
        self._children: dict[tuple[int, int], list[int]] = {}
        for number, dataset in enumerate(found.datasets):
            self._children.setdefault((dataset.parent, dataset.tag), []).append(number)

    def hold(self, item: Item, sequence: Piece) -> bool:
        """Tell whether one of the items is the same."""
        return any(
            self._same(item, number, sequence.key) for number in self._children.get((0, sequence.tag), ())
        )

    def _same(self, item: Item, owner: int, key: frozenset[int]) -> bool:
        elements = self._elements.get(owner, {})
        wanted = {piece.tag: piece for piece in item if piece.tag in key}
        if wanted.keys() != elements.keys() & key:
            return False
        return all(self._equal(piece, elements[tag], owner, key) for tag, piece in wanted.items())

    def _equal(self, piece: Piece, element: Element, owner: int, key: frozenset[int]) -> bool:
        if piece.vr == "SQ":
            children = self._children.get((owner, piece.tag), [])
            return len(children) == len(piece.items) and all(
                self._same(item, number, key) for item, number in zip(piece.items, children, strict=True)
            )
        size = element.stop - element.start
        if element.shape is not Shape.VALUE or size > _LONGEST_SHORT:
            return False
        value = self._source.read(element.start, element.stop)
        if piece.vr == "US":
            return value == struct.pack(f"{element.order}{len(piece.numbers)}H", *piece.numbers)
        return value.strip(b" \0") == piece.text


class _Planner:
    def __init__(self, source: Source, syntax: Syntax, roots: Sequence[Element], end: int) -> None:
        self._source = source
        self._syntax = syntax
        self._roots = roots
        self._end = end
        self.insertions: list[Insertion] = []
        self.lengths: list[Length] = []

    def _next(self, index: int) -> int:
        """Return where the element at top level after that of `index` begins, or the data set ends."""
        return self._roots[index + 1].header if index + 1 < len(self._roots) else self._end

    def _find(self, tag: int) -> int | None:
        """Return which element at top level has a tag.

        Raises
        ------
        MalformedFile
            If there are two.
        """
        found = [index for index, element in enumerate(self._roots) if element.tag == tag]
        if len(found) > 1:
            raise MalformedFile(
                "stands twice, so it can't be marked", tag_text(tag), self._roots[found[1]].header
            )
        return found[0] if found else None

    def add(self, piece: Piece) -> None:
        """Plan what makes an element be there, or hold what it shall."""
        index = self._find(piece.tag)
        if index is None:
            self.insertions.append(
                Insertion(self._place(piece.tag), _encoded(piece, self._syntax), piece.tag, whole=True)
            )
        elif piece.vr == "SQ":
            self._add_items(piece, index)
        else:
            self._add_text(piece, index)

    def _place(self, tag: int) -> int:
        """Return where a new element goes: before the first with a higher tag.

        Raises
        ------
        MalformedFile
            If one with a lower tag follows that: then no place is the right one.
        """
        higher = next((index for index, one in enumerate(self._roots) if one.tag > tag), None)
        if higher is None:
            return self._end
        for element in self._roots[higher:]:
            if element.tag < tag:
                raise MalformedFile(
                    "elements out of order leave no certain place for it", tag_text(tag), element.header
                )
        return self._roots[higher].header

    def _add_items(self, piece: Piece, index: int) -> None:
        element, after = self._roots[index], self._next(index)
        there = _Items(self._source, self._syntax, element.header, after)
        missing = [item for item in piece.items if not there.hold(item, piece)]
        if not missing:
            return
        sequence = element.vr == "SQ" or (element.vr is None and self._syntax.implicit)
        if not sequence or (element.shape is not Shape.SEQUENCE and element.stop > element.start):
            raise Unsupported("is there and not encoded as a sequence", tag_text(piece.tag), element.header)
        new = b"".join(_encoded_item(item, self._syntax) for item in missing)
        (length,) = struct.unpack(
            self._syntax.order + "I", self._source.read(element.start - 4, element.start)
        )
        if length != UNDEFINED:
            self._grow(piece.tag, element.start - 4, 4, len(new), UNDEFINED - 1)
            self.insertions.append(Insertion(element.stop, new, piece.tag, whole=False))
            return
        end = after - HEADER_SIZE
        if self._source.read(end, after) != _delimiter(SEQUENCE_END, 0, self._syntax):
            raise MalformedFile("no delimiter where the sequence ends", tag_text(piece.tag), end)
        self.insertions.append(Insertion(end, new, piece.tag, whole=False))

    def _add_text(self, piece: Piece, index: int) -> None:
        element = self._roots[index]
        if element.vr not in (piece.vr, "UN", None) or element.shape is not Shape.VALUE:
            raise Unsupported(f"is there and not of VR {piece.vr}", tag_text(piece.tag), element.header)
        if element.stop - element.start > _LONGEST_SHORT:
            raise LimitExceeded("is there and too long to be added to", tag_text(piece.tag), element.header)
        value = self._source.read(element.start, element.stop)
        if piece.text in [part.strip(b" \0") for part in value.split(b"\\")]:
            return
        text = value.rstrip(b" \0")
        new = b"\\" * bool(text) + piece.text
        new += b" " * ((len(value) + len(new)) % 2)
        width = 2 if element.vr == piece.vr else 4
        most = _LONGEST_SHORT if width == 2 else UNDEFINED - 1
        self._grow(piece.tag, element.start - width, width, len(new), most)
        self.insertions.append(Insertion(element.start + len(text), new, piece.tag, whole=False))

    def _grow(self, tag: int, offset: int, width: int, by: int, most: int) -> None:
        """Plan a longer length.

        Raises
        ------
        LimitExceeded
            If the field can't hold it.
        """
        letter = self._syntax.order + ("H" if width == 2 else "I")
        old = self._source.read(offset, offset + width)
        length = struct.unpack(letter, old)[0] + by
        if length > most:
            raise LimitExceeded(f"would be too long for its {8 * width}-bit length", tag_text(tag), offset)
        self.lengths.append(Length(offset, old, struct.pack(letter, length)))

    def grow_groups(self) -> None:
        """Plan the group lengths (gggg,0000) that are there: longer by what is put into the group."""
        growth: dict[int, int] = {}
        for insertion in self.insertions:
            group = insertion.tag >> 16
            growth[group] = growth.get(group, 0) + len(insertion.new)
        for group, by in growth.items():
            index = self._find(group << 16)
            if index is None:
                continue
            element = self._roots[index]
            if element.stop - element.start != _GROUP_LENGTH_SIZE:
                raise MalformedFile("a group length that is none", tag_text(element.tag), element.header)
            self._grow(element.tag, element.start, _GROUP_LENGTH_SIZE, by, UNDEFINED - 1)


def plan_splice(
    source: Source, syntax: Syntax, roots: Sequence[Element], end: int, pieces: Sequence[Piece]
) -> Splice:
    """Return what has to be put into a data set so that elements are there.

    What is there already is kept: a sequence gets the items that it lacks, a text the value that it lacks.

    Parameters
    ----------
    source, syntax
        The data set and how it is encoded.
    roots, end
        Its elements at top level, in file order, and where it ends.
    pieces
        What shall be there, in ascending order.

    Raises
    ------
    MalformedFile
        If one of the elements stands twice, or elements out of order leave no certain place for it.
    LimitExceeded
        If a length would be too large for its field.
    Unsupported
        If one of the elements is there with another VR.
    """
    planner = _Planner(source, syntax, roots, end)
    for piece in pieces:
        planner.add(piece)
    planner.grow_groups()
    insertions = sorted(planner.insertions, key=lambda one: (one.offset, one.tag))
    return Splice(tuple(insertions), tuple(sorted(planner.lengths)))


def _shifted(element: Element, splice: Splice) -> Element:
    """Return an element as it must stand after the splice."""
    by = splice.before(element.header)
    grows = any(one.offset + len(one.new) == element.start for one in splice.lengths)
    own = [one.new for one in splice.insertions if one.tag == element.tag and not one.whole] if grows else []
    empty = element.vr is None and element.start == element.stop
    filled = empty and any(new.startswith(ITEM_STARTS) for new in own)
    return element._replace(
        header=element.header + by,
        start=element.start + by,
        stop=element.stop + by + sum(map(len, own)),
        shape=Shape.SEQUENCE if filled else element.shape,  # without a VR, only items make a sequence
    )


def _same_structure(before: Walk, after: Walk, splice: Splice) -> bool:
    """Tell whether the walk after a splice found the same, at the shifted places, beside what is new."""
    items: dict[int, int] = {}
    for dataset in before.datasets:
        if dataset.parent == 0:
            items[dataset.tag] = max(items.get(dataset.tag, 0), dataset.item + 1)
    touched = {one.tag for one in splice.insertions}
    numbers: dict[int, int] = {}
    added: set[int] = set()
    for number, dataset in enumerate(after.datasets):
        new = dataset.parent == 0 and dataset.tag in touched and dataset.item >= items.get(dataset.tag, 0)
        if new or dataset.parent in added:
            added.add(number)
        else:
            numbers[number] = len(numbers)
    datasets = [
        dataset._replace(parent=numbers[dataset.parent] if number else -1)
        for number, dataset in enumerate(after.datasets)
        if number in numbers
    ]
    whole = {one.tag for one in splice.insertions if one.whole}
    elements = [
        one._replace(owner=numbers[one.owner])
        for one in after.elements
        if one.owner in numbers and not (one.owner == 0 and one.tag in whole)
    ]
    return (
        datasets == before.datasets
        and elements == [_shifted(one, splice) for one in before.elements]
        and after.facts == before.facts
        and after.end == before.end + splice.size
    )


def _same_roots(
    before: Sequence[Element], after: Sequence[Element], splice: Splice, pieces: Sequence[Piece]
) -> bool:
    """Tell whether the elements at top level are the same beside the new ones, and those as they should be."""
    new = {one.tag for one in splice.insertions if one.whole}
    vrs = {piece.tag: piece.vr for piece in pieces}
    made = [one for one in after if one.tag in new]
    return (
        [one for one in after if one.tag not in new] == [_shifted(one, splice) for one in before]
        and [one.tag for one in made] == sorted(new)
        and all(one.vr in (vrs[one.tag], None) for one in made)
    )


def prove_splice(
    source: Source,
    start: int,
    syntax: Syntax,
    found: tuple[Walk, Sequence[Element]],
    plan: tuple[Splice, Sequence[Piece]],
) -> None:
    """Prove that a splice puts in what it says and changes nothing else, before anything is written.

    Without the splice, the result is the original byte for byte up to behind the last insertion (nothing moves after
    that); walked again, it has the same data sets, elements and facts; and nothing is left to be put in.

    Parameters
    ----------
    source, start, syntax
        The data set.
    found
        Its walk, and its elements at top level.
    plan
        The splice, and what it is for.

    Raises
    ------
    ProofFailed
        If one of that does not hold.
    """
    before, roots = found
    splice, pieces = plan
    result = Spliced(source, splice)
    restored = Restored(result, splice)
    if restored.size != source.size:
        raise ProofFailed("mark", "what is left without the mark has another length")
    behind = max((one.offset for one in splice.insertions), default=0) + HEADER_SIZE
    for position in range(0, min(behind, source.size), _CHUNK):
        stop = min(position + _CHUNK, behind)
        if restored.read(position, stop) != source.read(position, stop):
            raise ProofFailed("mark", "what is left without the mark is not the original", "", position)
    try:
        again = walk(result, syntax, start)
        again_roots = walk_roots(result, syntax, start)
    except MalformedFile:
        raise ProofFailed("mark", "the marked data set can't be walked") from None
    if not _same_structure(before, again, splice) or not _same_roots(roots, again_roots, splice, pieces):
        raise ProofFailed("mark", "the marked data set has other elements")
    if plan_splice(result, syntax, again_roots, again.end, pieces) != Splice():
        raise ProofFailed("mark", "the mark can't be read back")
