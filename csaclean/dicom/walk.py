"""The structural walk: every data element of a data set with its absolute offsets, no value interpreted.

The walk is iterative, reads headers only and never copies pixel data. What it returns is what the rest of csaclean may
touch or needs to know: private elements and whatever lies below private sequences, plus a few standard elements. All
else is only checked: every element must end inside the item, sequence and file around it.

A value without a VR (implicit VR), or of VR ``UN``, that parses exactly as a sequence of items is one: private
sequences have no other mark there (PS3.5 section 6.2.2). Inside ``UN`` the content is implicit VR little endian, or
explicit where a writer copied it unchanged. One that starts as a sequence and doesn't parse is a value, and reported.

Data sets are read as they declare first. Only where that fails, `csaclean.dicom.readings` looks for the one other
reading that walks to the end: elements in another VR form, without a VR, of a wrong length. Where no element is
concerned but only delimiters, that are missing or superfluous, the walk itself takes the liberty. Every liberty is a
fact.
"""

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from csaclean.dicom.elements import (
    HEADER_SIZE,
    ITEM,
    ITEM_END,
    ITEM_STARTS,
    LONG_VRS,
    SEQUENCE_END,
    SHORT_VRS,
    SPECIFIC_CHARACTER_SET,
    UNDEFINED,
    VRS,
    DataSet,
    Element,
    Shape,
    Slack,
    Walk,
    is_group_length,
    tag_text,
)
from csaclean.dicom.identifying import CODES, IDENTIFIERS
from csaclean.dicom.source import HEAD_SIZE, Source
from csaclean.dicom.syntax import EXPLICIT_LITTLE, IMPLICIT_LITTLE, ByteOrder, Syntax
from csaclean.errors import LimitExceeded, MalformedFile

__all__ = [
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "STANDARD",
    "Budget",
    "Frame",
    "Reading",
    "Walker",
    "walk",
    "walk_group",
    "walk_roots",
]

MAX_DEPTH: Final = 64
"""Data sets inside each other, the cap that DCMTK has too (``DCMTK_MAX_SEQUENCE_NESTING``)."""

ROWS: Final = 0x00280010
_COLUMNS: Final = 0x00280011
_BITS: Final = 0x00280100
_SAMPLES: Final = 0x00280002
_FRAMES: Final = 0x00280008
_IMAGE: Final = frozenset((ROWS, _COLUMNS, _BITS, _SAMPLES, _FRAMES))
"""What tells how many bytes an image takes (PS3.3 section C.7.6.3)."""
PIXELS: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
PADDING: Final = 0xFFFCFFFC
SIGNATURES: Final = 0xFFFAFFFA
STANDARD: Final = frozenset(
    (
        SPECIFIC_CHARACTER_SET,
        0x00080008,
        0x00080016,
        0x00080020,
        0x00120062,
        0x00120063,
        0x00181030,
        *CODES,
        *IDENTIFIERS,
    )
)
"""Standard elements that a walk returns unless told otherwise: the character set, what identifies, Study Date, Patient
Identity Removed and De-identification Method, and what converters' outputs hang on beside private elements: Image Type,
SOP Class UID, Protocol Name."""

MAX_ELEMENTS: Final = 1_000_000
"""Private elements, or items, of one file: what has to be kept in memory."""
CHECKS: Final = 250_000
"""Headers that may be read to find out whether values are sequences, whatever the file's size ..."""
_BYTES_PER_CHECK: Final = 8
"""... and how many bytes of the file allow one more: no header is shorter, and to find out, each is read once."""
HEADERS: Final = 1 << 19
_BYTES_PER_HEADER: Final = 4
"""Headers, of elements, items and delimiters, that a walk may read, and how many bytes of the file allow one more: a file that
isn't deflated has no more, each end of an item or sequence being one too."""
_CHECKS_PER_VALUE: Final = 8
"""What it costs to begin: as much as some headers."""
DELIMITERS: Final = 0xFFFE
_JUMP_SIZE: Final = 4 << 10
_BACK_SIZE: Final = 64 << 10
"""How much is read at once where a header is looked for out of order, and before it where the way leads back."""
PLAIN: Final = {order: struct.Struct(f"{order}HHI") for order in "<>"}
"""Group, element number and length of a header without VR, by byte order (PS3.5 section 7.1)."""
WITH_VR: Final = {order: struct.Struct(f"{order}HH2sHI") for order in "<>"}
"""Group, element number, VR, and both lengths that may follow: of 16 bits, or of 32 behind two reserved bytes."""
LONG_HEADER_SIZE: Final = 12

_STARTS: Final = {"<": ITEM_STARTS[0], ">": ITEM_STARTS[1]}
"""How an item's tag is written, by byte order ..."""
_SWAPPED: Final = {"<": _STARTS[">"], ">": _STARTS["<"]}
"""... and in the other one."""
_PADDING_STARTS: Final = {"<": b"\xfc\xff\xfc\xff", ">": b"\xff\xfc\xff\xfc"}
"""How the tag of padding is written, by byte order."""
_ENDS: Final = {"<": b"\xfe\xff\xdd\xe0", ">": SEQUENCE_END.to_bytes(4, "big")}
"""How the tag of a sequence delimiter is written, by byte order ..."""
_SWAPPED_END: Final = {"<": _ENDS[">"], ">": _ENDS["<"]}
"""... and in the other one."""

_NO_LENGTH: Final = b"\0\0\0\0"
"""What stands in the length word of a delimiter (PS3.5 section 7.5)."""
_NULLS: Final = bytes(HEADER_SIZE)
_NO_RESERVED: Final = b"\0\0"
"""What stands behind the VR in a header of twelve bytes (PS3.5 section 7.1.2)."""
_ASTRAY: Final = 8
"""By how many bytes the length of a fragment may be wrong."""
_OFFSET_SIZE: Final = 4
NO_GROUP: Final = 0xFFFF
"""A group number that no element has (PS3.5 section 7.1)."""
_FRAGMENT_VRS: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW"))


class Reading(NamedTuple):
    """How an element's header is read where it isn't read as declared.

    Attributes
    ----------
    code
        The fact that the report tells.
    implicit
        Whether the header has no VR: what a sequence in it is encoded as, too.
    vr
        As written; ``UN`` for an invalid VR; None in implicit VR.
    start, length
        Where the value starts, in bytes from the start of the source, and its length.
    """

    code: str
    implicit: bool
    vr: str | None
    start: int
    length: int


class Frame:
    """One open data set (`items` False) or sequence (`items` True) of the walk."""

    __slots__ = (
        "bound",
        "count",
        "implicit",
        "items",
        "last",
        "lengths",
        "liberal",
        "order",
        "owner",
        "private",
        "stop",
        "tag",
    )

    def __init__(
        self,
        *,
        items: bool,
        stop: int,
        bound: int,
        implicit: bool,
        order: ByteOrder,
        owner: int,
        tag: int,
        private: bool,
        liberal: bool = False,
    ) -> None:
        self.items = items
        self.stop = stop  # -1: until a delimiter
        self.bound = bound  # no part may end past this
        self.implicit = implicit
        self.order = order
        self.owner = owner
        self.tag = tag
        self.private = private
        self.liberal = liberal  # whether delimiters may be missing, or too many
        self.last = -1
        self.count = 0
        self.lengths: list[tuple[int, int]] = []  # of the group that is being read

    def copy(self) -> "Frame":
        """Return a frame that changes by itself."""
        new = Frame(
            items=self.items,
            stop=self.stop,
            bound=self.bound,
            implicit=self.implicit,
            order=self.order,
            owner=self.owner,
            tag=self.tag,
            private=self.private,
            liberal=self.liberal,
        )
        new.last, new.count = self.last, self.count
        return new


class Budget:
    """How many headers may still be read to find out how a file is to be read, and what was found out.

    Parameters
    ----------
    checks
        The number of headers.
    plan
        How the elements are read that aren't read as declared, by the offset of their headers.
    """

    def __init__(self, checks: int, plan: Mapping[int, Reading] | None = None) -> None:
        self._left = checks
        self.plan = dict(plan or {})
        self.decided: dict[tuple[int, int, int, bool, ByteOrder], Syntax | None] = {}

    @classmethod
    def of(cls, source: Source, plan: Mapping[int, Reading] | None = None) -> "Budget":
        """Return the budget of a source: in proportion to its bytes."""
        return cls(CHECKS + source.stored // _BYTES_PER_CHECK, plan)

    def spend(self, tag: int, checks: int = 1) -> None:
        """Count headers that are read.

        Raises
        ------
        LimitExceeded
            If there were too many: values inside values that may all be sequences.
        """
        self._left -= checks
        if self._left < 0:
            raise LimitExceeded("too many values that may be sequences", tag_text(tag))


class Walker:
    """A walk in progress.

    Parameters
    ----------
    source
        Where the bytes are.
    wanted
        Standard elements to keep; None for all.
    checking
        Whether it is only to be found out that something can be walked: nothing is kept then.
    budget
        What may be spent on finding out, and how elements are read that aren't read as declared.
    """

    def __init__(
        self,
        source: Source,
        wanted: frozenset[int] | None,
        *,
        checking: bool,
        budget: Budget | None = None,
    ) -> None:
        self.source = source
        self._wanted = wanted
        self._checking = checking
        self.budget = budget or Budget.of(source)
        self._liberal: set[int] = set()  # where sequences start in which delimiters are wrong
        self.whole = not checking  # whether what stands behind a data set is looked at
        self._most_headers = HEADERS + source.stored // _BYTES_PER_HEADER
        self._nulls = -1  # where the NULs at the end of all bytes start; negative if that isn't known
        self.closed = -1  # where the last sequence of defined length ended
        self._image: dict[int, int] = {}  # what tells of what size the image is
        self._fragmented = False  # whether the last pixel data is in fragments
        self._window = b""
        self._base = 0
        self._safe = -1  # the last offset in the window with a whole header behind it, or the file's end
        self.found = Walk()

    def look_through(self, other: "Walker") -> None:
        """Read from the bytes that another walk of the same source has in memory."""
        self._window, self._base, self._safe = other._window, other._base, other._safe

    def header_bytes(self, position: int) -> tuple[bytes, int]:
        """Return a buffer and where `position` is in it, with at least a long header's length behind."""
        offset = position - self._base
        if 0 <= offset <= self._safe:
            return self._window, offset
        size = HEAD_SIZE if 0 <= offset <= self._safe + _JUMP_SIZE else _JUMP_SIZE
        start = position if offset >= 0 else max(position - _BACK_SIZE, 0)
        window = self.source.read(start, position + size)
        at_end = start + len(window) >= self.source.size
        self._safe = len(window) if at_end else len(window) - LONG_HEADER_SIZE
        self._window = window + b"\0" * LONG_HEADER_SIZE
        self._base = start
        return self._window, position - start

    def open_dataset(
        self, parent: Frame | None, stop: int, bound: int, syntax: Syntax, *, liberal: bool = False
    ) -> Frame:
        """Open the root, or the next item of a sequence, and return its frame."""
        datasets = self.found.datasets
        owner = -1
        if parent is None:
            depth, private = 0, False
            owner = 0
            datasets.append(DataSet(-1, 0, 0, private=False, depth=0))
        else:
            depth, private = datasets[parent.owner].depth + 1, parent.private
            if depth > MAX_DEPTH:
                raise LimitExceeded(f"sequences nested deeper than {MAX_DEPTH}", tag_text(parent.tag))
            owner = len(datasets)
            if owner > MAX_ELEMENTS:
                raise LimitExceeded(f"more than {MAX_ELEMENTS} items", tag_text(parent.tag))
            datasets.append(DataSet(parent.owner, parent.tag, parent.count, private, depth))
            parent.count += 1
        return Frame(
            items=False,
            stop=stop,
            bound=bound,
            implicit=syntax.implicit,
            order=syntax.order,
            owner=owner,
            tag=0 if parent is None else parent.tag,
            private=private,
            liberal=liberal,
        )

    def run(self, start: int, stop: int, syntax: Syntax, *, group: int = -1, liberal: bool = False) -> int:
        """Walk the data set ``[start, stop)`` and return where it ended: before an element of another `group`, if one
        is given, or before what is left behind the data set.
        """  # noqa: D205
        return self.loop([self.open_dataset(None, stop, stop, syntax, liberal=liberal)], start, group)

    def open_items(
        self, stop: int, bound: int, syntax: Syntax, place: tuple[int, int], *, liberal: bool = False
    ) -> Frame:
        """Return the frame of a sequence's items, to the delimiter if `stop` is negative; `place` is the depth and the
        tag of the sequence.
        """  # noqa: D205  # one sentence
        depth, tag = place
        self.found.datasets.append(DataSet(-1, 0, 0, private=False, depth=depth))
        return Frame(
            items=True,
            stop=stop,
            bound=bound,
            implicit=syntax.implicit,
            order=syntax.order,
            owner=0,
            tag=tag,
            private=False,
            liberal=liberal,
        )

    def loop(self, stack: list[Frame], position: int, group: int) -> int:
        """Walk until the outermost frame ends and return where that is; see `run` for `group`."""
        plan: Mapping[int, Reading] = {} if self._checking else self.budget.plan
        left = self._most_headers
        while stack:
            frame = stack[-1]
            if self._checking:
                self.budget.spend(frame.tag)
            left -= 1
            if left < 0:
                raise LimitExceeded("more headers than a file of its size may have", tag_text(frame.tag))
            if position == frame.stop:
                self._end_group(frame, position)
                stack.pop()
                if frame.items:
                    self.closed = position
            elif frame.items:
                position = self._item(stack, frame, position)
            else:
                if group >= 0 and frame.owner == 0:
                    window, offset = self.header_bytes(position)
                    if PLAIN[frame.order].unpack_from(window, offset)[0] != group:
                        break
                after = self.element(stack, frame, position, plan.get(position) if plan else None)
                if after < 0:
                    self._end_group(frame, position)
                    break
                position = after
        return position

    def _item(self, stack: list[Frame], frame: Frame, position: int) -> int:
        """Open the next item of a sequence, or close the sequence."""
        if position + HEADER_SIZE > frame.bound:
            if self._is_open_at_end(stack, frame, position):
                return self._unclosed_at_end(stack, position)
            raise MalformedFile("a sequence is cut inside an item", tag_text(frame.tag), position)
        window, offset = self.header_bytes(position)
        group, element, length = PLAIN[frame.order].unpack_from(window, offset)
        tag = group << 16 | element
        position += HEADER_SIZE
        if tag == SEQUENCE_END and frame.stop in (
            -1,
            position,
        ):  # some writers close a defined length as well
            self._delimited(position - HEADER_SIZE, private=frame.private)
            stack.pop()
            return position
        if tag != ITEM:
            if frame.liberal:
                return self._stray_in_sequence(stack, frame, tag, position - HEADER_SIZE)
            raise MalformedFile(
                "a sequence holds something other than items", tag_text(frame.tag), position - HEADER_SIZE
            )
        stop = -1 if length == UNDEFINED else position + length
        if stop > frame.bound:
            raise MalformedFile(
                "an item ends past what is around it", tag_text(frame.tag), position - HEADER_SIZE
            )
        syntax = Syntax("", frame.implicit, frame.order)
        bound = frame.bound if stop < 0 else stop
        stack.append(self.open_dataset(frame, stop, bound, syntax, liberal=frame.liberal))
        return position

    def _fact(self, code: str) -> None:
        if not self._checking:
            self.found.facts[code] += 1

    def _is_open_at_end(self, stack: list[Frame], frame: Frame, position: int) -> bool:
        """Tell whether an item or a sequence without its delimiter ends here, because something around it or the file does.

        At the end of the file dcm2niix reads what stands in it, if there are pixels; pydicom and GDCM read no part of such a
        file, and without pixels it is cut. An item of a private sequence may hold no standard element there that may as
        well be the data set's own.
        """
        if not (frame.liberal and frame.stop < 0 and position == frame.bound):
            return False
        if any(one.stop >= 0 for one in stack if one.items or one.owner):
            return True
        if frame.private and frame.last > frame.tag and not frame.last & 0x10000:
            return False
        return bool(self.found.pixels) or any(one.last >= min(PIXELS) for one in stack)

    def _unclosed_at_end(self, stack: list[Frame], position: int) -> int:
        """Close an item or a sequence that ends where something around it or the file does."""
        last = stack[-1].last
        position = self._unclosed(stack, position)
        stack[-1].last = max(stack[-1].last, last)
        return position

    def _unclosed(self, stack: list[Frame], position: int) -> int:
        """Close an item or a sequence that ends without its delimiter."""
        self._fact("missing-delimiter")
        self._end_group(stack[-1], position)
        stack.pop()
        return position

    def _stray_in_sequence(self, stack: list[Frame], frame: Frame, tag: int, position: int) -> int:
        """Read an element where an item is expected."""
        window, offset = self.header_bytes(position)
        if window[offset : offset + HEADER_SIZE] == _NULLS:
            after = self._behind_nulls(frame, position)
            if after > position:
                return after
        if window[offset : offset + 4] in (_SWAPPED[frame.order], _SWAPPED_END[frame.order]):
            self._fact("other-byte-order")
            frame.order = ">" if frame.order == "<" else "<"
            return position
        if tag in (ITEM_END, SEQUENCE_END):
            self._fact("superfluous-delimiter")
            self._delimited(position, private=frame.private)
            return position + HEADER_SIZE
        if frame.stop < 0 and tag > frame.tag:
            return self._unclosed(stack, position)
        raise MalformedFile("a sequence holds something other than items", tag_text(frame.tag), position)

    def _stray(self, stack: list[Frame], frame: Frame, tag: int, position: int) -> int:
        """Read a delimiter that stands where an element is expected, and ends no item."""
        open_item = frame.owner and frame.stop < 0
        if open_item and (tag == ITEM or (tag == SEQUENCE_END and self.closed != position)):
            return self._unclosed(stack, position)
        if tag in (ITEM_END, SEQUENCE_END):
            self._fact("superfluous-delimiter")
            self._delimited(position, private=frame.private)
            return position + HEADER_SIZE
        return self._broken("a delimiter where no item ends", frame, tag, position)

    def _behind_nulls(self, frame: Frame, position: int) -> int:
        """Return where NULs end of which readers make headers without a value; `position` if they end the data set.

        Items and elements stand between them at multiples of eight bytes: pydicom takes NULs for items, or for elements, of
        no length.
        """
        stop, size = position, _JUMP_SIZE
        while stop < frame.bound:
            piece = self.source.read(stop, min(stop + size, frame.bound))
            rest = len(piece.lstrip(b"\0"))
            stop += len(piece) - rest
            if rest or not piece:
                break
            size = HEAD_SIZE
        headers = (stop - position) // HEADER_SIZE
        if self._checking:
            self.budget.spend(frame.tag, headers)
        if not headers or (not frame.items and frame.owner == 0 and stop == frame.bound):
            return position
        self._fact("null-padding")
        return position + headers * HEADER_SIZE

    def _group_at(self, frame: Frame, position: int) -> int:
        """Return the group of the element at a position; -1 at the end of what is around it."""
        if position + HEADER_SIZE > frame.bound:
            return -1
        window, offset = self.header_bytes(position)
        return int(PLAIN[frame.order].unpack_from(window, offset)[0])

    def _delimited(self, position: int, *, private: bool) -> None:
        """Note the length word of a delimiter in private matter, unless it is null."""
        if self._checking or not (private or self._wanted is None):
            return
        window, offset = self.header_bytes(position)
        start = position + HEADER_SIZE - len(_NO_LENGTH)
        if self._wanted is None or window[offset + start - position : offset + HEADER_SIZE] != _NO_LENGTH:
            self.found.slack.append(Slack(start, position + HEADER_SIZE, "delimiter", _NO_LENGTH))

    def _end_group(self, frame: Frame, position: int) -> None:
        """Note the group lengths that aren't true of the group that ends here."""
        lengths, frame.lengths = frame.lengths, []
        for start, stop in lengths:
            true = min(position - stop, UNDEFINED).to_bytes(4, "little" if frame.order == "<" else "big")
            if self.source.read(start, stop) != true:
                self.found.slack.append(Slack(start, stop, "group-length", true))

    def element(self, stack: list[Frame], frame: Frame, position: int, reading: Reading | None = None) -> int:
        """Read one element of a data set, or the delimiter of its item; -1 at the end of a root without bound."""
        root = frame.owner == 0
        if position + HEADER_SIZE > frame.bound:
            if self._is_open_at_end(stack, frame, position):
                return self._unclosed_at_end(stack, position)
            return self._cut(frame, position)
        window, offset = self.header_bytes(position)
        if frame.liberal and window[offset : offset + HEADER_SIZE] == _NULLS:
            after = self._behind_nulls(frame, position)
            if after > position:
                if frame.lengths and self._group_at(frame, after) != frame.last >> 16:
                    self._end_group(frame, position)
                return after
        group, number, vr_bytes, short, length = WITH_VR[frame.order].unpack_from(window, offset)
        tag = group << 16 | number
        vr: str | None = None
        start = position + HEADER_SIZE
        if group == DELIMITERS:
            if tag == ITEM_END and frame.stop in (-1, start) and frame.owner:
                self._delimited(position, private=frame.private)
                self._end_group(frame, position)
                stack.pop()
                return start
            if frame.liberal:
                return self._stray(stack, frame, tag, position)
            return self._broken("a delimiter where no item ends", frame, tag, position)
        implicit = frame.implicit
        if reading is not None:
            code, implicit, vr, start, length = reading
            self._fact(code)
        elif implicit:
            _, _, length = PLAIN[frame.order].unpack_from(window, offset)
        elif (vr := SHORT_VRS.get(vr_bytes)) is not None:
            length = short
        elif (vr := LONG_VRS.get(vr_bytes)) is not None:
            start = position + LONG_HEADER_SIZE
        else:
            return self._broken("no VR where one must stand", frame, tag, position)
        if group in (0, NO_GROUP):
            return self._broken(
                "an element of a command group, or none, inside a data set", frame, tag, position
            )
        undefined = length == UNDEFINED and (vr is None or start == position + LONG_HEADER_SIZE)
        if root and tag == PADDING and (undefined or vr == "SQ"):
            return self._broken("padding that has no length", frame, tag, position)
        if not undefined and start + length > frame.bound and self._is_whole_image(frame, tag, start):
            self._fact("wrong-length")
            length = frame.bound - start
        if start + (0 if undefined else length) > frame.bound:
            return self._broken("the length of an element goes past what is around it", frame, tag, position)
        if frame.lengths and group != frame.last >> 16:
            self._end_group(frame, position)
        if not self._checking:
            self._report(frame, tag, length)
        frame.last = tag
        if start - position == LONG_HEADER_SIZE and (short or self._wanted is None):
            self._reserved(frame, tag, position)
        if undefined:
            return self._undefined(stack, frame, tag, (implicit, vr), position, start)
        stop: int = start + length
        content = self._sequence_syntax(frame, tag, (implicit, vr), start, stop)
        if content is not None:
            self._keep(frame, tag, vr, position, start, stop, Shape.SEQUENCE)
            if self._checking and vr != "SQ":
                return stop  # to decide that it is a sequence, it was walked to this very end
            if vr is None and not content.implicit:
                self._fact("other-encoding")
            self._open_sequence(stack, frame, tag, content, start=start, stop=stop)
            return start
        self._keep(frame, tag, vr, position, start, stop, Shape.VALUE)
        if not number and is_group_length(tag, vr, length) and self._is_private(frame, tag):
            frame.lengths.append((start, stop))
        if start in self.found.broken and not self._checking:
            self.found.facts["broken-sequence"] += 1
        if root and tag == PADDING and self.whole:
            self.found.padding.append((start, stop))
        return stop

    def _report(self, frame: Frame, tag: int, length: int) -> None:
        facts = self.found.facts
        if tag <= frame.last:
            facts["duplicate-tag" if tag == frame.last else "order-break"] += 1
        if length % 2 and length != UNDEFINED:
            facts["odd-length"] += 1
        if frame.owner == 0:
            if tag == ROWS:
                facts["rows"] += 1
            elif tag in PIXELS:
                facts["pixels"] += 1
        if tag == SIGNATURES:
            facts["digital-signature"] += 1

    def _reserved(self, frame: Frame, tag: int, position: int) -> None:
        """Note the reserved bytes of a header of twelve bytes, if it belongs to private matter."""
        if self._is_private(frame, tag):
            start = position + HEADER_SIZE - len(_NO_RESERVED)
            self.found.slack.append(Slack(start, position + HEADER_SIZE, "reserved", _NO_RESERVED))

    def _is_private(self, frame: Frame, tag: int) -> bool:
        """Tell whether a header belongs to private matter, or to a data set that is private as a whole."""
        return not self._checking and bool(tag & 0x10000 or frame.private or self._wanted is None)

    def _keep(
        self, frame: Frame, tag: int, vr: str | None, header: int, start: int, stop: int, shape: Shape
    ) -> None:
        if frame.owner == 0:
            if tag in PIXELS and shape is not Shape.SEQUENCE:
                self.found.pixels.append((start, stop))
                self._fragmented = shape is Shape.FRAGMENTS
            elif tag in _IMAGE:
                self._image[tag] = self._number(frame, tag, start, stop)
        if not self._checking and (
            tag & 0x10000
            or frame.private
            or self._wanted is None
            or tag in self._wanted
            or start in self.found.broken
        ):
            if len(self.found.elements) >= MAX_ELEMENTS:
                raise LimitExceeded(f"more than {MAX_ELEMENTS} private elements", "", header)
            self.found.elements.append(Element(frame.owner, tag, vr, header, start, stop, shape, frame.order))

    def _open_sequence(
        self, stack: list[Frame], frame: Frame, tag: int, content: Syntax, *, start: int, stop: int
    ) -> None:
        stack.append(
            Frame(
                items=True,
                stop=stop,
                bound=frame.bound if stop < 0 else stop,
                implicit=content.implicit,
                order=content.order,
                owner=frame.owner,
                tag=tag,
                private=frame.private or bool(tag & 0x10000),
                liberal=frame.liberal or start in self._liberal,
            )
        )

    def _undefined(
        self,
        stack: list[Frame],
        frame: Frame,
        tag: int,
        form: tuple[bool, str | None],
        header: int,
        start: int,
    ) -> int:
        """Enter a value of undefined length: a sequence, or the fragments of encapsulated data."""
        implicit, vr = form
        own = Syntax("", implicit, frame.order)
        if vr in _FRAGMENT_VRS or (vr in (None, "UN") and tag in PIXELS):
            stop, after = self._fragments(frame, tag, start)
            self._keep(frame, tag, vr, header, start, stop, Shape.FRAGMENTS)
            return after
        if vr in (None, "SQ"):
            content = own
        elif vr == "UN":
            content = self._content_syntax(frame, tag, implicit, start, -1) or own
        else:
            raise MalformedFile("a value of undefined length whose VR has none", tag_text(tag), header)
        self._keep(frame, tag, vr, header, start, start, Shape.SEQUENCE)
        self._open_sequence(stack, frame, tag, content, start=start, stop=-1)
        return start

    def _fragments(self, frame: Frame, tag: int, position: int) -> tuple[int, int]:
        """Return where the last fragment ends, and where the delimiter behind it does."""
        unpack = PLAIN[frame.order].unpack_from
        first = position
        count = 0
        looked = -1  # the fragment whose end was looked for
        pixels = False  # whether a fragment was there beside the offset table, a number for each frame
        while True:
            if frame.liberal and pixels and self._fragments_end(frame, tag, position):
                self._fact("missing-delimiter")
                return position, max(position, self._half_delimiter(frame, position))
            if position + HEADER_SIZE > frame.bound:
                raise MalformedFile("encapsulated data without its delimiter", tag_text(tag), position)
            window, offset = self.header_bytes(position)
            group, element, length = unpack(window, offset)
            part: int = group << 16 | element
            if part == SEQUENCE_END:
                self._delimited(position, private=self._is_private(frame, tag))
                return position, position + HEADER_SIZE
            if frame.liberal and part == ITEM_END:
                self._fact("superfluous-delimiter")
                self._delimited(position, private=self._is_private(frame, tag))
                position += HEADER_SIZE
                continue
            if part != ITEM or length == UNDEFINED:
                if frame.liberal and not count and tag in PIXELS and frame.owner == 0:
                    return self._unfragmented(frame, tag, position)
                position = self._astray(frame, first, position) if count and first != looked else -1
                looked = first
                if position < 0:
                    raise MalformedFile(
                        "encapsulated data with something other than fragments", tag_text(tag), first
                    )
                continue
            first = position + HEADER_SIZE
            position = first + length
            count += 1
            pixels = count > 1 or length > _OFFSET_SIZE * self._image.get(_FRAMES, 1)
            if count > self._most_headers:
                raise LimitExceeded("more fragments than a file of its size may have", tag_text(tag))
            if self._checking:
                self.budget.spend(tag)
            if position > frame.bound:
                raise MalformedFile("a fragment ends past what is around it", tag_text(tag), first)

    def _half_delimiter(self, frame: Frame, position: int) -> int:
        """Return where the first bytes of a delimiter end, after which all bytes end; -1 if there are none."""
        rest = self.source.read(position, min(position + HEADER_SIZE, frame.bound))
        cut = 0 < len(rest) < HEADER_SIZE and (_ENDS[frame.order] + _NO_LENGTH).startswith(rest)
        return frame.bound if cut and frame.owner == 0 else -1

    def _astray(self, frame: Frame, first: int, position: int) -> int:
        """Return where a fragment that starts at `first` ends whose length leads to `position`, close by; -1 if nowhere."""
        if not frame.liberal:
            return -1
        low = max(first, position - _ASTRAY)
        near = self.source.read(low, min(position + _ASTRAY + HEADER_SIZE, frame.bound))
        found = [near.find(end) for end in (_ENDS[frame.order] + _NO_LENGTH, _STARTS[frame.order])]
        nearest = min((at for at in found if at >= 0), default=-1)
        if nearest < 0:
            return -1
        self._fact("wrong-length")
        return low + nearest

    def _unfragmented(self, frame: Frame, tag: int, start: int) -> tuple[int, int]:
        """Return where pixel data of undefined length ends that isn't in fragments, and where its delimiter does.

        It takes as many bytes as the image, and one more if that makes the number even.
        """
        size = self._image_size()
        stop = start + size + size % 2
        if size and stop <= frame.bound:
            if stop == frame.bound:
                self._fact("unfragmented-pixel-data")
                self._fact("missing-delimiter")
                return stop, stop
            if self.source.read(stop, stop + HEADER_SIZE) == _ENDS[frame.order] + _NO_LENGTH:
                self._fact("unfragmented-pixel-data")
                return stop, stop + HEADER_SIZE
        raise MalformedFile("encapsulated data with something other than fragments", tag_text(tag), start)

    def _number(self, frame: Frame, tag: int, start: int, stop: int) -> int:
        """Return the value of an element that tells of the size of the image; 0 if it is none."""
        value = self.source.read(start, min(stop, start + 16))
        if tag == _FRAMES:
            text = value.strip(b" \0")
            return int(text) if text.isdigit() else 0
        return int.from_bytes(value, "little" if frame.order == "<" else "big") if len(value) == 2 else 0

    def _image_size(self) -> int:
        """Return how many bytes the image takes, by the elements that tell of it; 0 if they don't."""
        one = self._image.get(ROWS, 0) * self._image.get(_COLUMNS, 0) * self._image.get(_BITS, 0)
        return (one * self._image.get(_SAMPLES, 1) * self._image.get(_FRAMES, 1) + 7) // 8

    def _is_whole_image(self, frame: Frame, tag: int, start: int) -> bool:
        """Tell whether pixel data that announces more than all bytes is as long as the image: nothing is cut then."""
        if not (frame.liberal and frame.owner == 0 and tag in PIXELS and frame.bound == self.source.size):
            return False
        size = self._image_size()
        return size > 0 and frame.bound - start in (size, size + 1)

    def image_end(self, end: int, bound: int) -> int:
        """Return where a data set ends whose last element is pixel data, announced shorter than the image is.

        dcm2niix reads as many bytes as the image takes, whatever the announced length. `bound` is where all bytes end.
        """
        if end >= bound or not self.found.pixels or self._fragmented:
            return end
        start, stop = self.found.pixels[-1]
        if stop != end or stop - start >= self._image_size():
            return end
        self._fact("wrong-length")
        return min(start + self._image_size(), bound)

    def _fragments_end(self, frame: Frame, tag: int, position: int) -> bool:
        """Tell whether fragments end without a delimiter: all is over, there are only NULs, or a later element follows.

        Anything else can be the rest of a fragment whose length is wrong.
        """
        if position == frame.bound or self._half_delimiter(frame, position) > 0:
            return True
        window, offset = self.header_bytes(position)
        group, number, vr, _, _ = WITH_VR[frame.order].unpack_from(window, offset)
        if not group:
            return frame.owner == 0 and self._is_null(position)
        return group != DELIMITERS and vr in VRS and group << 16 | number > tag

    def _sequence_syntax(
        self, frame: Frame, tag: int, form: tuple[bool, str | None], start: int, stop: int
    ) -> Syntax | None:
        """Return how the content of a sequence of defined length is encoded; None for a plain value."""
        implicit, vr = form
        if vr == "SQ":
            return Syntax("", implicit, frame.order)
        if vr not in (None, "UN") or stop - start < HEADER_SIZE or tag in PIXELS or tag == PADDING:
            return None
        window, offset = self.header_bytes(start)
        if window[offset : offset + 4] not in ITEM_STARTS:
            return None
        content = self._content_syntax(frame, tag, implicit, start, stop)
        if content is None and not self._checking:
            content = self._liberal_content(frame, tag, implicit, start, stop)
        if content is None:
            self.found.broken.add(start)
        return content

    def _liberal_content(
        self, frame: Frame, tag: int, implicit: bool, start: int, stop: int
    ) -> Syntax | None:
        """Return how the content of a sequence is encoded that walks with liberties only; None if it doesn't."""
        from csaclean.dicom.readings import content_readings  # noqa: PLC0415  # rare, and built on this module

        place = self.found.datasets[frame.owner].depth, tag
        for content in _contents(implicit, frame.order):
            plan = content_readings(self, content, start, stop, place)
            if plan is not None:
                self.budget.plan.update(plan)
                self._liberal.add(start)
                return content
        return None

    def _content_syntax(self, frame: Frame, tag: int, implicit: bool, start: int, stop: int) -> Syntax | None:
        """Return the one encoding in which items parse from `start` exactly to `stop`, or to their delimiter if it is
        negative; None if they do in none.
        """  # noqa: D205  # one sentence
        key = (start, stop, frame.bound, implicit, frame.order)
        if key not in self.budget.decided:
            self.budget.spend(tag, _CHECKS_PER_VALUE)
            self.budget.decided[key] = self._decide(frame, tag, implicit, start, stop)
        return self.budget.decided[key]

    def _decide(self, frame: Frame, tag: int, implicit: bool, start: int, stop: int) -> Syntax | None:
        for content in _contents(implicit, frame.order):
            inner = Walker(self.source, frozenset(), checking=True, budget=self.budget)
            inner.look_through(self)
            depth = self.found.datasets[frame.owner].depth
            try:
                bound = frame.bound if stop < 0 else stop
                end = inner.loop([inner.open_items(stop, bound, content, (depth, tag))], start, -1)
            except MalformedFile:
                continue
            if stop < 0 or end == stop:
                return content
        return None

    def _cut(self, frame: Frame, position: int) -> int:
        """Decide about fewer than eight bytes at the end of a data set."""
        if frame.owner == 0 and self.whole and frame.stop >= 0 and self._ends_here(frame, position):
            return -1
        raise MalformedFile("the data set is cut inside an element's header", "", position)

    def _broken(self, reason: str, frame: Frame, tag: int, position: int) -> int:
        """Refuse an element, unless the data set is over and this is what was left behind it."""
        if frame.owner == 0 and self.whole and self._ends_here(frame, position):
            return -1
        raise MalformedFile(reason, tag_text(tag), position)

    def _ends_here(self, frame: Frame, position: int) -> bool:
        """Tell whether what follows the data set can't be an element, whole or damaged.

        NULs to the end of the file can't: no group is 0000. Else pixel data or padding must stand before it, and it must
        not start like an element of a later group, nor like one with a VR. Where liberties are taken, only private
        elements are looked for behind pixel data, and padding whose length is wrong is the rest of the file.
        """
        head = self.source.read(position, position + 6)
        if frame.liberal and head.startswith(_PADDING_STARTS[frame.order]):
            return True
        zeros = head.count(0) == len(head) > 1 and self._is_null(position)
        if zeros or not (self.found.facts["pixels"] or self.found.pixels or self.found.padding):
            return zeros
        if len(head) < 2:  # not even a group number
            return True
        if not frame.implicit and head[4:6] in VRS:
            return False
        group = int.from_bytes(head[:2], "little" if frame.order == "<" else "big")
        if frame.liberal and (group % 2 == 0 or group == NO_GROUP):
            return True
        return group < frame.last >> 16

    def _is_null(self, position: int) -> bool:
        """Tell whether there are only NULs from `position` on."""
        if self._nulls < 0:
            self._nulls = self.source.size
            while self._nulls:
                start = max(self._nulls - HEAD_SIZE, 0)
                kept = len(self.source.read(start, self._nulls).rstrip(b"\0"))
                self._nulls = start + kept
                if kept:
                    break
        return position >= self._nulls


def _contents(implicit: bool, order: ByteOrder) -> tuple[Syntax, ...]:
    """Return how the content of a value without VR, or of VR ``UN``, may be encoded, the likeliest first."""
    if implicit:
        return IMPLICIT_LITTLE, EXPLICIT_LITTLE
    return IMPLICIT_LITTLE, Syntax("", implicit=False, order=order), EXPLICIT_LITTLE


class _RootWalker(Walker):
    """Keeps the elements at top level, all of them, and nothing else."""

    def _keep(
        self, frame: Frame, tag: int, vr: str | None, header: int, start: int, stop: int, shape: Shape
    ) -> None:
        if frame.owner == 0 and not self._checking:
            if len(self.found.elements) >= MAX_ELEMENTS:
                raise LimitExceeded(f"more than {MAX_ELEMENTS} elements", "", header)
            self.found.elements.append(Element(0, tag, vr, header, start, stop, shape, frame.order))


def walk(
    source: Source,
    syntax: Syntax,
    start: int = 0,
    stop: int | None = None,
    *,
    wanted: frozenset[int] | None = STANDARD,
    liberties: bool = True,
) -> Walk:
    """Walk a data set.

    Parameters
    ----------
    source
        Where the bytes are; inflated if the syntax is a deflated one.
    syntax
        How they are encoded.
    start, stop
        The data set's range; by default all.
    wanted
        Standard elements to return besides private matter; None for all elements.
    liberties
        Whether another reading than the declared one may be looked for where that fails.

    Returns
    -------
    Walk
        Elements, data sets and facts. Bytes behind the data set (only after pixel data or padding can there be any)
        begin at `Walk.end`.

    Raises
    ------
    MalformedFile
        If an element, item, sequence or fragment is cut or ends past what is around it, or has no known VR, and no
        reading walks to the end.
    UncertainReading
        If more than one does, but not the declared one.
    LimitExceeded
        If data sets are nested deeper than `MAX_DEPTH`, or too many headers had to be read.
    """
    found = _walked(Walker, source, wanted, (start, source.size if stop is None else stop), syntax, liberties)
    rows, pixels = found.facts.pop("rows", 0), found.facts.pop("pixels", 0)
    if rows and not pixels:
        found.facts["no-pixel-data"] += 1
    return found


def _walked(
    kind: type[Walker],
    source: Source,
    wanted: frozenset[int] | None,
    extent: tuple[int, int],
    syntax: Syntax,
    liberties: bool,
) -> Walk:
    """Walk a data set as it declares, and with the one set of liberties that reach its end where that fails."""
    walker = kind(source, wanted, checking=False)
    try:
        walker.found.end = walker.image_end(walker.run(*extent, syntax), extent[1])
    except MalformedFile as error:
        if not liberties:
            raise
        from csaclean.dicom.readings import readings  # noqa: PLC0415  # rare, and built on this module

        budget = Budget.of(source, readings(source, syntax, *extent, error))
        walker = kind(source, wanted, checking=False, budget=budget)
        walker.found.end = walker.image_end(walker.run(*extent, syntax, liberal=True), extent[1])
    return walker.found


def walk_group(source: Source, syntax: Syntax, start: int, group: int) -> Walk:
    """Walk the elements of one group at the start of a data set, all of them returned.

    Raises
    ------
    MalformedFile
        As `walk` does.
    """
    walker = Walker(source, None, checking=False)
    walker.found.end = walker.run(start, source.size, syntax, group=group)
    return walker.found


def walk_roots(source: Source, syntax: Syntax, start: int) -> list[Element]:
    """Return every element of a data set at top level, in file order.

    Raises
    ------
    MalformedFile, LimitExceeded
        As `walk` does.
    """
    return _walked(_RootWalker, source, None, (start, source.size), syntax, liberties=True).elements
