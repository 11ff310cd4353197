"""How a data set is to be read that doesn't walk as it declares: the one set of liberties that reaches its end.

Readers take elements in another VR form than the file's (pydicom, GDCM: implicit VR inside explicit VR), without a VR or
of a VR that doesn't exist (pydicom, dcm2niix), and lengths that are known to be wrong (GDCM). Which of these an element
is stands nowhere; that everything behind it can be read tells. So elements are read as declared as long as that leads
on; where it doesn't, the other readings are tried one after another, and exactly one may walk to the end.

The search goes forward and turns back at dead ends, which it remembers. Each header that it reads is counted, and the
count is in proportion to the bytes.
"""

from contextlib import suppress
from typing import Final

from csaclean.dicom.elements import HEADER_SIZE, LONG_VRS, SHORT_VRS, UNDEFINED
from csaclean.dicom.source import Source
from csaclean.dicom.syntax import Syntax
from csaclean.dicom.walk import (
    DELIMITERS,
    LONG_HEADER_SIZE,
    NO_GROUP,
    PIXELS,
    PLAIN,
    WITH_VR,
    Budget,
    Frame,
    Reading,
    Walker,
)
from csaclean.errors import MalformedFile, UncertainReading

__all__ = ["content_readings", "readings"]

_GE_LENGTHS: Final = (13, 10)
"""A length that writers of GE announced, and the one that they wrote (GDCM, gdcmImplicitDataElement.txx) ..."""
_GE_TRUE: Final = frozenset((0x00080070, 0x00080080))
"""... but for these elements, where it is true."""
_LEONARDO_GROUP: Final = 0x0009
_LEONARDO_LENGTHS: Final = (6, 4)
"""Announced and true length of numbers (VR UL) in that group by Siemens Leonardo (GDCM, gdcmExplicitDataElement.txx)."""
_NO_VR: Final = (b"\0\0", b"\xff\xff")
"""What stands in place of a VR that a writer didn't know, beside what can be printed."""

_CHECKS_PER_POINT: Final = 4
"""What it costs to be able to come back to a place: as much as some headers."""

_Key = tuple[int, int, bool, tuple[tuple[bool, int, int, bool, str, int], ...]]


def _may_be_vr(code: bytes) -> bool:
    """Tell whether two bytes may be a VR that doesn't exist: what can be printed, NULs, or all bits set."""
    return code in _NO_VR or (code.isascii() and code.decode("ascii").isprintable())


class _Point:
    """A place where more than one reading is possible, and what is needed to come back to it."""

    __slots__ = ("chosen", "closed", "counts", "declared", "key", "left", "position", "stack")

    def __init__(self, key: _Key, position: int, stack: list[Frame], *, declared: bool) -> None:
        self.key = key
        self.position = position
        self.stack = [frame.copy() for frame in stack]
        self.declared = declared  # whether the declared reading is possible; it comes first then
        self.counts = (0, 0, 0)
        self.closed = -1
        self.left: list[Reading | None] = []
        self.chosen: Reading | None = None


class _Search(Walker):
    """Walks a data set, or the items of a sequence, in every reading that is possible, until one is certain."""

    def __init__(self, source: Source, budget: Budget, *, ordered: bool) -> None:
        super().__init__(source, frozenset(), checking=True, budget=budget)
        self.whole = True
        self._ordered = ordered  # whether elements in another VR form must stand in ascending order as well
        self._points: list[_Point] = []
        self._resumed: _Point | None = None
        self._dead: set[_Key] = set()
        self._alive: set[_Key] = set()
        self._after = -1  # where an element ends that isn't read as declared
        self._unordered = False  # whether what stands there needn't be of a later tag
        self._best: tuple[bool, dict[int, Reading]] | None = None

    def decide(self, frame: Frame, position: int) -> dict[int, Reading] | None:
        """Return how the elements are read that aren't read as declared; None if no reading walks to the end.

        Raises
        ------
        UncertainReading
            If more than one does.
        """
        stack = [frame]
        end = frame.stop
        while True:
            with suppress(MalformedFile):  # a dead end: the next reading is tried
                self._reached(rest=self.loop(stack, position, -1) != end)
            while self._points and not self._points[-1].left:
                key = self._points.pop().key
                if key not in self._alive:
                    self._dead.add(key)
            if not self._points:
                return None if self._best is None else self._best[1]
            point = self._resumed = self._points[-1]
            stack, position = [frame.copy() for frame in point.stack], point.position
            found, (datasets, pixels, padding) = self.found, point.counts
            del found.datasets[datasets:], found.pixels[pixels:], found.padding[padding:]
            self.closed, self._after = point.closed, -1

    def _reached(self, *, rest: bool) -> None:
        """Note that the end was reached; `rest` tells whether bytes are left that belong to no element.

        Raises
        ------
        UncertainReading
            If it was reached before, in another reading that is as good.
        """
        for point in self._points:
            self._alive.add(point.key)
            if point.declared and point.chosen is None:
                point.left.clear()  # what walks as declared isn't read in another way
        if self._best is None or self._best[0] > rest:
            self._best = rest, {p.position: p.chosen for p in self._points if p.chosen is not None}
        elif self._best[0] == rest:
            raise UncertainReading("more than one reading walks to the end", "", self._points[-1].position)

    def element(self, stack: list[Frame], frame: Frame, position: int, reading: Reading | None = None) -> int:
        """Read one element in the next of the readings that are possible."""
        point, self._resumed = self._resumed, None
        if point is None:
            after = position == self._after
            tag = self._tag(frame, position)
            if after and 0 < tag <= frame.last and tag >> 16 != DELIMITERS and not self._unordered:
                raise MalformedFile("an element out of order", "", position)
            declared, others = self._readings(frame, position)
            if not others:
                end = super().element(stack, frame, position)
                if end < 0 and after:
                    raise MalformedFile("no element where one must stand", "", position)
                return end
            point = self._branch(stack, frame, position, declared=declared)
            point.left = [None, *others] if declared else [*others, None]
        reading = point.chosen = point.left.pop(0)
        if reading is not None:
            self._after = reading.start + reading.length
            self._unordered = not self._ordered and reading.code != "unknown-vr"
        end = super().element(stack, frame, position, reading)
        if end < 0 and point.key[2]:
            raise MalformedFile("no element where one must stand", "", position)
        return end

    def _branch(self, stack: list[Frame], frame: Frame, position: int, *, declared: bool) -> _Point:
        frames = tuple((f.items, f.stop, f.bound, f.implicit, f.order, f.tag) for f in stack)
        key = (position, frame.last, position == self._after, frames)
        if key in self._alive:
            raise UncertainReading("more than one reading walks to the end", "", position)
        if key in self._dead:
            raise MalformedFile("no reading walks on", "", position)
        self.budget.spend(frame.tag, _CHECKS_PER_POINT)
        point = _Point(key, position, stack, declared=declared)
        found = self.found
        point.counts = len(found.datasets), len(found.pixels), len(found.padding)
        point.closed = self.closed
        self._points.append(point)
        return point

    def _tag(self, frame: Frame, position: int) -> int:
        window, offset = self.header_bytes(position)
        group, number, _ = PLAIN[frame.order].unpack_from(window, offset)
        return int(group << 16 | number)

    def _readings(self, frame: Frame, position: int) -> tuple[bool, list[Reading]]:
        """Tell whether an element may be what it declares, and return the other readings that its header allows."""
        short_start, long_start = position + HEADER_SIZE, position + LONG_HEADER_SIZE
        if short_start > frame.bound:
            return True, []
        window, offset = self.header_bytes(position)
        group, number, code, short, length = WITH_VR[frame.order].unpack_from(window, offset)
        _, _, plain = PLAIN[frame.order].unpack_from(window, offset)
        tag = group << 16 | number
        if group in (0, DELIMITERS, NO_GROUP):
            return True, []
        vr = SHORT_VRS.get(code)
        explicit = (short_start, short)
        if vr is None and (vr := LONG_VRS.get(code)) is not None:
            explicit = (long_start, length)
        others: list[Reading] = []
        if frame.implicit:
            form: tuple[bool, str | None] = (True, None)
            start, size = short_start, plain
            if vr is not None:
                others.append(Reading("explicit-element", False, vr, *explicit))
        elif vr is not None:
            form, (start, size) = (False, vr), explicit
        else:
            form, start, size = (False, None), short_start, -1
            others.append(Reading("implicit-element", True, None, short_start, plain))
            if _may_be_vr(code):
                others.append(Reading("unknown-vr", False, "UN", short_start, short))
                if not short or code.isalpha():  # GDCM never looks at the reserved bytes
                    stand_in = "OB" if tag in PIXELS else "UN"
                    others.append(Reading("unknown-vr", False, stand_in, long_start, length))
        declared = size >= 0 and self._fits(frame, start, size)
        if size == _GE_LENGTHS[0] and tag not in _GE_TRUE:
            others.append(Reading("wrong-length", *form, start, _GE_LENGTHS[1]))
        elif size == _LEONARDO_LENGTHS[0] and vr == "UL" and group == _LEONARDO_GROUP:
            others.append(Reading("wrong-length", *form, start, _LEONARDO_LENGTHS[1]))
        return declared, self._distinct(frame, tag, others)

    def _fits(self, frame: Frame, start: int, length: int) -> bool:
        return start <= frame.bound if length == UNDEFINED else start + length <= frame.bound

    def _distinct(self, frame: Frame, tag: int, others: list[Reading]) -> list[Reading]:
        """Return the readings that fit, one of those that read the same bytes as the value."""
        distinct: dict[tuple[int, int], Reading] = {}
        for one in others:
            ordered = tag > frame.last or (not self._ordered and one.code != "unknown-vr")
            if ordered and self._fits(frame, one.start, one.length):
                distinct.setdefault((one.start, one.length), one)
        return list(distinct.values())


def readings(
    source: Source, syntax: Syntax, start: int, stop: int, error: MalformedFile
) -> dict[int, Reading]:
    """Return how the elements of a data set are read that aren't read as declared, by the offset of their headers.

    Parameters
    ----------
    source, syntax, start, stop
        The data set, that doesn't walk as it declares.
    error
        Why it doesn't.

    Raises
    ------
    MalformedFile
        That very error, if no reading walks to the end.
    UncertainReading
        If more than one does.
    LimitExceeded
        If too many headers had to be read.
    """
    for ordered in (True, False):
        search = _Search(source, Budget.of(source), ordered=ordered)
        plan = search.decide(search.open_dataset(None, stop, stop, syntax, liberal=True), start)
        if plan is not None:
            return plan
    raise error


def content_readings(
    walker: Walker, syntax: Syntax, start: int, stop: int, place: tuple[int, int]
) -> dict[int, Reading] | None:
    """Return how the elements in a value are read if it is a sequence, but not a faultless one.

    Parameters
    ----------
    walker
        The walk that met the value.
    syntax, start, stop
        The encoding in which the items are read, and where the value is.
    place
        Depth and tag of the sequence.

    Returns
    -------
    dict or None
        As `readings`; None if it isn't certain that the value is a sequence.

    Raises
    ------
    LimitExceeded
        If too many headers had to be read.
    """
    search = _Search(walker.source, walker.budget, ordered=True)
    search.look_through(walker)
    try:
        return search.decide(search.open_items(stop, stop, syntax, place, liberal=True), start)
    except UncertainReading:
        return None
