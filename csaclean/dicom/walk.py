"""The structural walk: every data element of a data set with its absolute offsets, no value interpreted.

The walk is iterative, reads headers only and never copies pixel data. What it returns is what the rest of csaclean may
touch or needs to know: private elements and whatever lies below private sequences, plus a few standard elements. All
else is only checked: every element must end inside the item, sequence and file around it.

A value without a VR (implicit VR), or of VR ``UN``, that parses exactly as a sequence of items is one: private
sequences have no other mark there (PS3.5 section 6.2.2). Inside ``UN`` the content is implicit VR little endian, or
explicit where a writer copied it unchanged. One that starts as a sequence and doesn't parse is a value, and reported.
"""

import struct
from typing import Final

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
    Walk,
    tag_text,
)
from csaclean.dicom.identifying import CODES, IDENTIFIERS
from csaclean.dicom.source import HEAD_SIZE, Source
from csaclean.dicom.syntax import EXPLICIT_LITTLE, IMPLICIT_LITTLE, ByteOrder, Syntax
from csaclean.errors import LimitExceeded, MalformedFile

__all__ = ["MAX_DEPTH", "MAX_ELEMENTS", "STANDARD", "walk", "walk_group", "walk_roots"]

MAX_DEPTH: Final = 64
"""Data sets inside each other, the cap that DCMTK has too (``DCMTK_MAX_SEQUENCE_NESTING``)."""

ROWS: Final = 0x00280010
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
CHECKS: Final = 500_000
"""Headers that may be read to find out whether values are sequences, whatever the file's size ..."""
_BYTES_PER_CHECK: Final = 2
"""... and how many bytes of the file allow one more."""
_CHECKS_PER_VALUE: Final = 8
"""What it costs to begin: as much as some headers."""
_DELIMITERS: Final = 0xFFFE
_JUMP_SIZE: Final = 4 << 10
_PLAIN: Final = {order: struct.Struct(f"{order}HHI") for order in "<>"}
"""Group, element number and length of a header without VR, by byte order (PS3.5 section 7.1)."""
_WITH_VR: Final = {order: struct.Struct(f"{order}HH2sHI") for order in "<>"}
"""Group, element number, VR, and both lengths that may follow: of 16 bits, or of 32 behind two reserved bytes."""
_LONG_HEADER_SIZE: Final = 12

_FRAGMENT_VRS: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW"))


class _Frame:
    """One open data set (`items` False) or sequence (`items` True) of the walk."""

    __slots__ = ("bound", "count", "implicit", "items", "last", "order", "owner", "private", "stop", "tag")

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
    ) -> None:
        self.items = items
        self.stop = stop  # -1: until a delimiter
        self.bound = bound  # no part may end past this
        self.implicit = implicit
        self.order = order
        self.owner = owner
        self.tag = tag
        self.private = private
        self.last = -1
        self.count = 0


class _Budget:
    """How many headers may still be read to find out whether values are sequences, and what was found out."""

    def __init__(self, checks: int) -> None:
        self._left = checks
        self.decided: dict[tuple[int, int, int, bool, ByteOrder], Syntax | None] = {}

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


class _Walker:
    def __init__(
        self,
        source: Source,
        wanted: frozenset[int] | None,
        *,
        checking: bool,
        budget: "_Budget | None" = None,
    ) -> None:
        self._source = source
        self._wanted = wanted
        self._checking = checking
        self._budget = budget or _Budget(CHECKS + source.size // _BYTES_PER_CHECK)
        self._window = b""
        self._base = 0
        self._safe = -1  # the last offset in the window with a whole header behind it, or the file's end
        self.found = Walk()

    def _header_bytes(self, position: int) -> tuple[bytes, int]:
        """Return a buffer and where `position` is in it, with at least a long header's length behind."""
        offset = position - self._base
        if 0 <= offset <= self._safe:
            return self._window, offset
        size = HEAD_SIZE if 0 <= offset <= self._safe + _JUMP_SIZE else _JUMP_SIZE
        window = self._source.read(position, position + size)
        at_end = position + len(window) >= self._source.size
        self._safe = len(window) if at_end else len(window) - _LONG_HEADER_SIZE
        self._window = window + b"\0" * _LONG_HEADER_SIZE
        self._base = position
        return self._window, 0

    def _open_dataset(self, parent: _Frame | None, stop: int, bound: int, syntax: Syntax) -> _Frame:
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
        return _Frame(
            items=False,
            stop=stop,
            bound=bound,
            implicit=syntax.implicit,
            order=syntax.order,
            owner=owner,
            tag=0 if parent is None else parent.tag,
            private=private,
        )

    def run(self, start: int, stop: int, syntax: Syntax, *, group: int = -1) -> int:
        """Walk the data set ``[start, stop)`` and return where it ended: before an element of another `group`, if one
        is given, or before what is left behind the data set.
        """  # noqa: D205
        return self._loop([self._open_dataset(None, stop, stop, syntax)], start, group)

    def run_items(self, start: int, stop: int, bound: int, syntax: Syntax, place: tuple[int, int]) -> int:
        """Walk a sequence's items, to the delimiter if `stop` is negative, and return where they ended; `place` is the
        depth and the tag of the sequence.
        """  # noqa: D205  # one sentence
        depth, tag = place
        self.found.datasets.append(DataSet(-1, 0, 0, private=False, depth=depth))
        frame = _Frame(
            items=True,
            stop=stop,
            bound=bound,
            implicit=syntax.implicit,
            order=syntax.order,
            owner=0,
            tag=tag,
            private=False,
        )
        return self._loop([frame], start, -1)

    def _loop(self, stack: list[_Frame], position: int, group: int) -> int:
        while stack:
            frame = stack[-1]
            if self._checking:
                self._budget.spend(frame.tag)
            if position == frame.stop:
                stack.pop()
            elif frame.items:
                position = self._item(stack, frame, position)
            else:
                if group >= 0 and frame.owner == 0:
                    window, offset = self._header_bytes(position)
                    if int.from_bytes(window[offset : offset + 2], "little") != group:
                        break
                after = self._element(stack, frame, position)
                if after < 0:
                    break
                position = after
        return position

    def _item(self, stack: list[_Frame], frame: _Frame, position: int) -> int:
        """Open the next item of a sequence, or close the sequence."""
        if position + HEADER_SIZE > frame.bound:
            raise MalformedFile("a sequence is cut inside an item", tag_text(frame.tag), position)
        window, offset = self._header_bytes(position)
        group, element, length = _PLAIN[frame.order].unpack_from(window, offset)
        tag = group << 16 | element
        position += HEADER_SIZE
        if tag == SEQUENCE_END and frame.stop in (
            -1,
            position,
        ):  # some writers close a defined length as well
            stack.pop()
            return position
        if tag != ITEM:
            raise MalformedFile(
                "a sequence holds something other than items", tag_text(frame.tag), position - HEADER_SIZE
            )
        stop = -1 if length == UNDEFINED else position + length
        if stop > frame.bound:
            raise MalformedFile(
                "an item ends past what is around it", tag_text(frame.tag), position - HEADER_SIZE
            )
        syntax = Syntax("", frame.implicit, frame.order)
        stack.append(self._open_dataset(frame, stop, frame.bound if stop < 0 else stop, syntax))
        return position

    def _element(self, stack: list[_Frame], frame: _Frame, position: int) -> int:
        """Read one element of a data set, or the delimiter of its item; -1 at the end of a root without bound."""
        root = frame.owner == 0
        if position + HEADER_SIZE > frame.bound:
            return self._cut(frame, position)
        window, offset = self._header_bytes(position)
        group, number, vr_bytes, short, length = _WITH_VR[frame.order].unpack_from(window, offset)
        tag = group << 16 | number
        vr: str | None = None
        start = position + HEADER_SIZE
        if group == _DELIMITERS:
            if tag == ITEM_END and frame.stop in (-1, start) and frame.owner:
                stack.pop()
                return start
            return self._broken("a delimiter where no item ends", frame, tag, position)
        if frame.implicit:
            _, _, length = _PLAIN[frame.order].unpack_from(window, offset)
        elif (vr := SHORT_VRS.get(vr_bytes)) is not None:
            length = short
        elif (vr := LONG_VRS.get(vr_bytes)) is not None:
            start = position + _LONG_HEADER_SIZE
        else:
            return self._broken("no VR where one must stand", frame, tag, position)
        if not group:
            return self._broken("a command group element inside a data set", frame, tag, position)
        undefined = length == UNDEFINED and (vr is None or start == position + _LONG_HEADER_SIZE)
        if start + (0 if undefined else length) > frame.bound:
            return self._broken("the length of an element goes past what is around it", frame, tag, position)
        if not self._checking:
            self._report(frame, tag, length)
        frame.last = tag
        if undefined:
            return self._undefined(stack, frame, tag, vr, position, start)
        stop: int = start + length
        content = self._sequence_syntax(frame, tag, vr, start, stop)
        if content is not None:
            self._keep(frame, tag, vr, position, start, stop, Shape.SEQUENCE)
            if self._checking and vr != "SQ":
                return stop  # to decide that it is a sequence, it was walked to this very end
            self._open_sequence(stack, frame, tag, stop, content)
            return start
        self._keep(frame, tag, vr, position, start, stop, Shape.VALUE)
        if start in self.found.broken and not self._checking:
            self.found.facts["broken-sequence"] += 1
        if root and tag == PADDING and not self._checking:
            self.found.padding.append((start, stop))
        return stop

    def _report(self, frame: _Frame, tag: int, length: int) -> None:
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

    def _keep(
        self, frame: _Frame, tag: int, vr: str | None, header: int, start: int, stop: int, shape: Shape
    ) -> None:
        if tag in PIXELS and frame.owner == 0 and shape is not Shape.SEQUENCE:
            self.found.pixels.append((start, stop))
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
        self, stack: list[_Frame], frame: _Frame, tag: int, stop: int, content: Syntax
    ) -> None:
        stack.append(
            _Frame(
                items=True,
                stop=stop,
                bound=frame.bound if stop < 0 else stop,
                implicit=content.implicit,
                order=content.order,
                owner=frame.owner,
                tag=tag,
                private=frame.private or bool(tag & 0x10000),
            )
        )

    def _undefined(
        self, stack: list[_Frame], frame: _Frame, tag: int, vr: str | None, header: int, start: int
    ) -> int:
        """Enter a value of undefined length: a sequence, or the fragments of encapsulated data."""
        own = Syntax("", frame.implicit, frame.order)
        if tag == PADDING and frame.owner == 0:
            raise MalformedFile("padding of undefined length", tag_text(tag), header)
        if vr in _FRAGMENT_VRS or (vr is None and tag in PIXELS):
            stop = self._fragments(frame, tag, start)
            self._keep(frame, tag, vr, header, start, stop, Shape.FRAGMENTS)
            return stop + HEADER_SIZE
        if vr in (None, "SQ"):
            content = own
        elif vr == "UN":
            content = self._content_syntax(frame, tag, start, -1) or own
        else:
            raise MalformedFile("a value of undefined length whose VR has none", tag_text(tag), header)
        self._keep(frame, tag, vr, header, start, start, Shape.SEQUENCE)
        self._open_sequence(stack, frame, tag, -1, content)
        return start

    def _fragments(self, frame: _Frame, tag: int, position: int) -> int:
        """Return where the delimiter after the last fragment stands."""
        unpack = _PLAIN[frame.order].unpack_from
        while True:
            if position + HEADER_SIZE > frame.bound:
                raise MalformedFile("encapsulated data without its delimiter", tag_text(tag), position)
            window, offset = self._header_bytes(position)
            group, element, length = unpack(window, offset)
            part: int = group << 16 | element
            if part == SEQUENCE_END:
                return position
            if part != ITEM or length == UNDEFINED:
                raise MalformedFile(
                    "encapsulated data with something other than fragments", tag_text(tag), position
                )
            position += HEADER_SIZE + length
            if position > frame.bound:
                raise MalformedFile(
                    "a fragment ends past what is around it", tag_text(tag), position - length
                )

    def _sequence_syntax(
        self, frame: _Frame, tag: int, vr: str | None, start: int, stop: int
    ) -> Syntax | None:
        """Return how the content of a sequence of defined length is encoded; None for a plain value."""
        if vr == "SQ":
            if tag == PADDING and frame.owner == 0:
                raise MalformedFile("padding that is a sequence", tag_text(tag), start)
            return Syntax("", frame.implicit, frame.order)
        if vr not in (None, "UN") or stop - start < HEADER_SIZE or tag in PIXELS or tag == PADDING:
            return None
        window, offset = self._header_bytes(start)
        if window[offset : offset + 4] not in ITEM_STARTS:
            return None
        content = self._content_syntax(frame, tag, start, stop)
        if content is None:
            self.found.broken.add(start)
        return content

    def _content_syntax(self, frame: _Frame, tag: int, start: int, stop: int) -> Syntax | None:
        """Return the one encoding in which items parse from `start` exactly to `stop`, or to their delimiter if it is
        negative; None if they do in none.
        """  # noqa: D205  # one sentence
        key = (start, stop, frame.bound, frame.implicit, frame.order)
        if key not in self._budget.decided:
            self._budget.spend(tag, _CHECKS_PER_VALUE)
            self._budget.decided[key] = self._decide(frame, tag, start, stop)
        return self._budget.decided[key]

    def _decide(self, frame: _Frame, tag: int, start: int, stop: int) -> Syntax | None:
        candidates = [IMPLICIT_LITTLE]
        if not frame.implicit:
            candidates += [Syntax("", implicit=False, order=frame.order), EXPLICIT_LITTLE]
        for content in candidates:
            inner = _Walker(self._source, frozenset(), checking=True, budget=self._budget)
            inner._window, inner._base, inner._safe = self._window, self._base, self._safe
            depth = self.found.datasets[frame.owner].depth
            try:
                end = inner.run_items(start, stop, frame.bound if stop < 0 else stop, content, (depth, tag))
            except MalformedFile:
                continue
            if stop < 0 or end == stop:
                return content
        return None

    def _cut(self, frame: _Frame, position: int) -> int:
        """Decide about fewer than eight bytes at the end of a data set."""
        if frame.owner == 0 and not self._checking and frame.stop >= 0 and self._ends_here(frame, position):
            return -1
        raise MalformedFile("the data set is cut inside an element's header", "", position)

    def _broken(self, reason: str, frame: _Frame, tag: int, position: int) -> int:
        """Refuse an element, unless the data set is over and this is what was left behind it."""
        if frame.owner == 0 and not self._checking and self._ends_here(frame, position):
            return -1
        raise MalformedFile(reason, tag_text(tag), position)

    def _ends_here(self, frame: _Frame, position: int) -> bool:
        """Tell whether what follows the data set can't be an element, whole or damaged.

        NULs to the end of the file can't: no group is 0000. Else pixel data or padding must stand before it, and it must
        not start like an element of a later group, nor like one with a VR.
        """
        head = self._source.read(position, position + 6)
        zeros = head.count(0) == len(head) > 1 and self._is_null(position)
        if zeros or not (self.found.facts["pixels"] or self.found.padding):
            return zeros
        if len(head) < 2:  # not even a group number
            return True
        if not frame.implicit and head[4:6] in VRS:
            return False
        return int.from_bytes(head[:2], "little" if frame.order == "<" else "big") < frame.last >> 16

    def _is_null(self, position: int) -> bool:
        """Tell whether there are only NULs from `position` on."""
        while chunk := self._source.read(position, position + HEAD_SIZE):
            if chunk.count(0) != len(chunk):
                return False
            position += len(chunk)
        return True


class _RootWalker(_Walker):
    """Keeps the elements at top level, all of them, and nothing else."""

    def _keep(
        self, frame: _Frame, tag: int, vr: str | None, header: int, start: int, stop: int, shape: Shape
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

    Returns
    -------
    Walk
        Elements, data sets and facts. Bytes behind the data set (only after pixel data or padding can there be any)
        begin at `Walk.end`.

    Raises
    ------
    MalformedFile
        If an element, item, sequence or fragment is cut or ends past what is around it, or has no known VR.
    LimitExceeded
        If data sets are nested deeper than `MAX_DEPTH`.
    """
    walker = _Walker(source, wanted, checking=False)
    found = walker.found
    found.end = walker.run(start, source.size if stop is None else stop, syntax)
    rows, pixels = found.facts.pop("rows", 0), found.facts.pop("pixels", 0)
    if rows and not pixels:
        found.facts["no-pixel-data"] += 1
    return found


def walk_group(source: Source, syntax: Syntax, start: int, group: int) -> Walk:
    """Walk the elements of one group at the start of a data set, all of them returned.

    Raises
    ------
    MalformedFile
        As `walk` does.
    """
    walker = _Walker(source, None, checking=False)
    walker.found.end = walker.run(start, source.size, syntax, group=group)
    return walker.found


def walk_roots(source: Source, syntax: Syntax, start: int) -> list[Element]:
    """Return every element of a data set at top level, in file order.

    Raises
    ------
    MalformedFile, LimitExceeded
        As `walk` does.
    """
    walker = _RootWalker(source, None, checking=False)
    walker.run(start, source.size, syntax)
    return walker.found.elements
