"""Rows, layouts, views and edits: the vocabulary in which every byte of a private element is accounted for.

A *row* is a run of bytes with a `Layout`. A layout is a list of cuts: span *i* is ``[stops[i-1], stops[i])``, so gaps
and overlaps cannot be expressed. What a span is (`Kind`) and, for values, which field it holds, stands in two parallel
columns; `Span` objects are made only on iteration, because thousands of small objects per file cost more than the
parsing does.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import ClassVar, Final, NamedTuple, Protocol, Self

from csaclean.errors import LimitExceeded

__all__ = [
    "DATASET",
    "MAX_STEPS",
    "TOO_MANY_STEPS",
    "Builder",
    "Codec",
    "DataSetGrammar",
    "Edit",
    "Field",
    "Fill",
    "Kind",
    "Layout",
    "Patch",
    "Span",
    "View",
    "row_path",
]


MAX_STEPS: Final = 1 << 19
"""Steps in which the layout of one row may be made: spans, and what a grammar counts. Real rows take up to 12,000."""
TOO_MANY_STEPS: Final = f"a layout in more than {MAX_STEPS} steps"


class Kind(IntEnum):
    """What a span of bytes is."""

    STRUCTURE = 0
    """Checked by the grammar: constants, counts, names from a shipped list."""
    VALUE = 1
    """A field: it has a path and a form."""
    DEAD = 2
    """Read by nobody: nulled."""
    OPAQUE = 3
    """Content that no grammar accounts for: never vouched."""
    VIEW = 4
    """Content that a codec turns into another row."""


class Field(NamedTuple):
    """Name and form of a value span.

    Attributes
    ----------
    path
        Where the field stands in the element that `select` names.
    form
        How it is written, see `csaclean.policy.fills`.
    select
        Canonical selector of the element inside a nested data set that holds the field; empty if that is the claimed
        element itself. Rules are looked up by it.
    """

    path: str
    form: str
    select: str = ""


class DataSetGrammar(NamedTuple):
    """The grammar of a row that is a DICOM data set in explicit VR little endian.

    A handler can't lay such a row out: the engine walks it and asks whoever claims the elements in it.

    Attributes
    ----------
    name
        What it is called.
    otherwise
        The field that the span is where the row can't be walked, its path beside that of the view; None if the value is
        malformed then.
    """

    name: str = "data set"
    otherwise: Field | None = None


DATASET = DataSetGrammar()
"""What a handler gives as the layout of a view on a nested data set."""


class View(NamedTuple):
    """A span seen through a codec: the row that it decodes to, with that row's layout."""

    path: str
    codec: "Codec"
    inner: bytes
    layout: "Layout | DataSetGrammar"

    def __repr__(self) -> str:
        """Return codec and length, never the row."""
        return f"<View {self.codec.name} of {len(self.inner)} bytes>"


def row_path(around: str, view: View, start: int) -> str:
    """Return the path of the row that a view shows: two views of one name, as of two items of a tag, are two rows.

    Parameters
    ----------
    around
        Path of the row that the view stands in; empty for the element's own value.
    view, start
        The view, and where in that row it begins.
    """
    return f"{around}/{view.path}@{start}".removeprefix("/")


class Codec(Protocol):
    """A reversible transformation of bytes, the door from one row to the next.

    Two laws hold for every codec: ``encode(decode(x), x) == x``, and
    ``len(encode(inner, outer)) == len(outer)`` with ``decode(encode(inner, outer)) == inner``.
    """

    name: ClassVar[str]

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        """Return the inner row of at most `cap` bytes.

        Raises
        ------
        MalformedValue
            If `outer` is not what this codec writes.
        LimitExceeded
            If the inner row would be longer than `cap`.
        """
        ...

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        """Return the outer bytes of an edited inner row, as long as the original `outer`.

        Raises
        ------
        DoesNotFit
            If no encoding of `inner` has that length.
        """
        ...


class Span(NamedTuple):
    """One cut of a layout, for reports and tests."""

    start: int
    stop: int
    kind: Kind
    path: str = ""
    form: str = ""
    view: View | None = None
    select: str = ""


class Fill(NamedTuple):
    """A run of one byte value, whatever its length: an edit that needs no memory."""

    byte: int

    def expand(self, size: int) -> bytes:
        """Return `size` bytes of the fill."""
        return bytes((self.byte,)) * size


class Edit(NamedTuple):
    """A same-length replacement in a row, with the reason for it."""

    row: str
    """Path of the view that holds the row, see `row_path`; empty for the element's own value."""
    start: int
    stop: int
    new: bytes | Fill
    reason: str
    """``dead``, ``redact``, ``identifier``, or ``view`` for the outer bytes of an edited view."""
    cls: str = ""
    """The class of a redacted field."""
    field: str = ""
    select: str = ""
    """Selector of the element in a nested data set that holds the field; empty for the claimed element itself."""

    def __repr__(self) -> str:
        """Return reason and offsets, never bytes."""
        return f"<Edit {self.reason} of {self.start} to {self.stop}>"

    def replacement(self) -> bytes:
        """Return the new bytes of ``[start, stop)``."""
        return self.new.expand(self.stop - self.start) if isinstance(self.new, Fill) else self.new


class Patch(NamedTuple):
    """New bytes for ``[start, stop)`` of a file or stream, as many as they replace."""

    start: int
    stop: int
    new: bytes | Fill

    def __repr__(self) -> str:
        """Return offsets, never bytes."""
        return f"<Patch of {self.start} to {self.stop}>"


class Layout:
    """The cuts of one row. Immutable by convention; made by `Builder` or `Layout.foreign`.

    Attributes
    ----------
    stops
        Where each span ends, ascending; the last is the row's length.
    kinds
        One `Kind` per span.
    fields
        `Field` of a value span, `View` of a view, else None.
    notes
        Codes of what the grammar found remarkable, in order of appearance, without values.
    foreign_reason
        Not empty if the content is not the handler's: the element is then unclaimed.
    """

    __slots__ = ("fields", "foreign_reason", "kinds", "notes", "stops")

    def __init__(
        self,
        stops: list[int],
        kinds: bytearray,
        fields: list[Field | View | None],
        notes: tuple[str, ...] = (),
        foreign_reason: str = "",
    ) -> None:
        self.stops = stops
        self.kinds = kinds
        self.fields = fields
        self.notes = notes
        self.foreign_reason = foreign_reason

    @classmethod
    def foreign(cls, reason: str, /) -> Self:
        """Return the answer "this content is not mine", with a code that says how that was seen."""
        return cls([], bytearray(), [], (), reason)

    @property
    def is_foreign(self) -> bool:
        """Whether the handler disowned the content."""
        return bool(self.foreign_reason)

    def __len__(self) -> int:
        """Return the number of spans."""
        return len(self.stops)

    def __iter__(self) -> Iterator[Span]:
        """Iterate over the spans in row order."""
        start = 0
        for stop, kind, field in zip(self.stops, self.kinds, self.fields, strict=True):
            if isinstance(field, View):
                yield Span(start, stop, Kind(kind), field.path, "", field)
            elif field is not None:
                yield Span(start, stop, Kind(kind), field.path, field.form, None, field.select)
            else:
                yield Span(start, stop, Kind(kind))
            start = stop

    def __repr__(self) -> str:
        """Return counts only: a layout's paths may come from the file."""
        if self.foreign_reason:
            return f"<Layout foreign: {self.foreign_reason}>"
        return f"<Layout of {self.stops[-1] if self.stops else 0} bytes in {len(self.stops)} spans>"


class Builder:
    """The only way to make a layout: every call accounts for the bytes up to `stop`.

    Neighbours of kind structure or dead are joined, calls that advance by nothing leave no span. Every call is a step,
    and raises `LimitExceeded` behind `MAX_STEPS` of them: a value may be made of nothing but the shortest lines.

    Examples
    --------
    >>> builder = Builder()
    >>> builder.structure(4)
    >>> builder.value(9, "Name", "text")
    >>> builder.dead(12)
    >>> [(span.start, span.stop, span.kind.name) for span in builder.done(12)]
    [(0, 4, 'STRUCTURE'), (4, 9, 'VALUE'), (9, 12, 'DEAD')]
    """

    __slots__ = ("_fields", "_kinds", "_notes", "_position", "_steps", "_stops")

    def __init__(self) -> None:
        self._stops: list[int] = []
        self._kinds = bytearray()
        self._fields: list[Field | View | None] = []
        self._notes: list[str] = []
        self._position = 0
        self._steps = MAX_STEPS

    @property
    def position(self) -> int:
        """Where the next span begins."""
        return self._position

    def step(self) -> None:
        """Count a step of a grammar that leaves no span: one of many tokens or lines that one field holds.

        Raises
        ------
        LimitExceeded
            If there were more than `MAX_STEPS`.
        """
        self._steps -= 1
        if self._steps < 0:
            raise LimitExceeded(TOO_MANY_STEPS, "", self._position)

    def _advance(self, stop: int, kind: Kind, field: Field | View | None) -> None:
        self._steps -= 1
        if self._steps < 0:
            raise LimitExceeded(TOO_MANY_STEPS, "", self._position)
        if stop <= self._position:
            if stop < self._position:
                raise ValueError(f"the builder stands at {self._position} and can't go back to {stop}")
            return
        self._position = stop
        if field is None and kind is not Kind.OPAQUE and self._kinds and self._kinds[-1] == kind:
            self._stops[-1] = stop
            return
        self._stops.append(stop)
        self._kinds.append(kind)
        self._fields.append(field)

    def structure(self, stop: int) -> None:
        """Account for checked bytes."""
        self._advance(stop, Kind.STRUCTURE, None)

    def dead(self, stop: int) -> None:
        """Account for bytes that nobody reads."""
        self._advance(stop, Kind.DEAD, None)

    def opaque(self, stop: int) -> None:
        """Account for content without a grammar."""
        self._advance(stop, Kind.OPAQUE, None)

    def value(self, stop: int, path: str, form: str, select: str = "") -> None:
        """Account for a field."""
        self._advance(stop, Kind.VALUE, Field(path, form, select))

    def view(self, stop: int, view: View) -> None:
        """Account for a span that a codec turns into another row."""
        self._advance(stop, Kind.VIEW, view)
        if isinstance(view.layout, Layout):
            for code in view.layout.notes:
                self.note(code)

    def inline(self, layout: Layout, prefix: str) -> None:
        """Account for a part with the layout that another grammar made of it, its paths below `prefix`."""
        base = self._position
        for stop, kind, field in zip(layout.stops, layout.kinds, layout.fields, strict=True):
            if field is not None and not (isinstance(field, Field) and field.select):
                field = field._replace(path="/".join(filter(None, (prefix, field.path))))  # noqa: PLW2901
            self._advance(base + stop, Kind(kind), field)
        for code in layout.notes:
            self.note(code)

    def note(self, code: str) -> None:
        """Record something remarkable, once."""
        if code not in self._notes:
            self._notes.append(code)

    def done(self, size: int) -> Layout:
        """Return the layout of a row of `size` bytes.

        Raises
        ------
        ValueError
            If the spans don't end exactly there: a fault of the handler, not of the data.
        """
        if self._position != size:
            raise ValueError(f"the layout ends at {self._position}, the row at {size}")
        return Layout(self._stops, self._kinds, self._fields, tuple(self._notes))
