"""What the laws work with: samples, a handler among those installed, and what it answers."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from csaclean.engine import Cleaned, Engine
from csaclean.errors import CsacleanError, DoesNotFit, FileError, HandlerError, ProofFailed, raised_at
from csaclean.handler import Handler, PrivateElement
from csaclean.model import Field, Kind, Layout, View, row_path
from csaclean.nested import resolve
from csaclean.policy.policies import ROWS, Action, Other, Policy, load_policy, policy_names
from csaclean.policy.rules import Rule, RuleSet
from csaclean.proof.witness import ProofLevel
from csaclean.registry import Claimed, Registered, Registry, installed, layout_fault
from csaclean.selector import format_selector, parse_selector

__all__ = [
    "DEAD_SPACE",
    "UNWITNESSED",
    "Answer",
    "Bench",
    "Breach",
    "Laid",
    "Row",
    "Sample",
    "chosen",
    "rows",
    "same_layout",
    "spans_of",
    "what_failed",
]

DEAD_SPACE: Final = "dead-space"
UNWITNESSED: Final = "strict, no witness"
BLANK: Final = "blank"
EVERY_FIELD: Final = "blank, every field named"


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of an element that a handler claims, and what the handler ought to say of it.

    Attributes
    ----------
    selector
        The claim that it is a value of, as text: ``(0019,ACME MR 01,10)``.
    value
        The raw bytes. Make them up: a value of somebody's examination has no place in a test.
    expect
        ``laid out``; ``foreign`` for content that isn't the handler's; ``malformed`` for what has its signature and breaks
        its grammar.
    vr
        The element's VR; None as in implicit VR.
    order
        Byte order of the enclosing data set's numbers.
    charset
        Terms of Specific Character Set (0008,0005) in force.
    peers
        What `csaclean.handler.PrivateElement.peer` gives, by element byte or tag.
    free
        Offsets of structure that may be anything, of which the law `csaclean.testing.laws.structure` has nothing to say:
        those of a number that is checked for its range alone, for instance. By row: empty for the value itself, else as
        messages name it (``swap16@0``). Say why in a comment.
    """

    selector: str
    value: bytes
    expect: Literal["laid out", "foreign", "malformed"] = "laid out"
    vr: str | None = None
    order: Literal["<", ">"] = "<"
    charset: tuple[str, ...] = ()
    peers: Mapping[int, bytes] = field(default_factory=dict)
    free: Mapping[str, Collection[int]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return selector and length, never the value."""
        return f"<Sample {self.selector} of {len(self.value)} bytes>"


class Breach(NamedTuple):
    """A place where a handler breaks a law.

    Attributes
    ----------
    law
        The law's name: that of its function.
    reason
        What is wrong, without any byte of a value.
    selector
        The element, or the rule's; empty where none is concerned.
    sample
        Number of the sample, from 0; None where the handler itself is wrong.
    offset
        Where in the sample's value, or in the row that `reason` names; None where no place is.
    """

    law: str
    reason: str
    selector: str = ""
    sample: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        """Return all of it on one line."""
        which = f"sample {self.sample}" if self.sample is not None else ""
        where = f"at byte {self.offset}" if self.offset is not None else ""
        place = ", ".join(filter(None, (self.selector, which, where)))
        return f"{self.law}: {place}: {self.reason}" if place else f"{self.law}: {self.reason}"


class Answer(NamedTuple):
    """What a handler says of a value.

    Attributes
    ----------
    layout
        The layout, in which every view has one of its own; None if there is none.
    own
        The layout as the handler gave it: nested data sets have none, the engine walks them.
    refused
        The `MalformedValue` or `LimitExceeded` by which the value was refused.
    fault
        How the handler broke the protocol; empty if it didn't.
    """

    layout: Layout | None
    own: Layout | None = None
    refused: FileError | None = None
    fault: str = ""

    @property
    def found(self) -> Layout | None:
        """The layout of content that is the handler's."""
        return None if self.layout is None or self.layout.is_foreign else self.layout

    def __repr__(self) -> str:
        """Return the layout's counts, or of which kind the answer is."""
        return f"<Answer {self.layout if self.layout is not None else self.fault or 'refused'}>"


class Row(NamedTuple):
    """A row of a value, and how to change it.

    Attributes
    ----------
    path
        As `csaclean.model.row_path` gives it; empty for the value itself.
    where
        The same for messages: of codecs and offsets.
    content, layout
        The row.
    rebuilt
        Gives the value in which this row holds other bytes, as many. Raises `DoesNotFit` if a codec can't write them.
    """

    path: str
    where: str
    content: bytes
    layout: Layout
    rebuilt: Callable[[bytes], bytes]

    def __repr__(self) -> str:
        """Return codecs and a length."""
        return f"<Row {self.where or 'of the value'} of {len(self.content)} bytes>"


def rows(value: bytes, layout: Layout) -> Iterator[Row]:
    """Yield the row that a value is, and those that its views show, outer ones first."""

    def inside(row: Row) -> Iterator[Row]:
        yield row
        for span in row.layout:
            if span.view is not None and isinstance(span.view.layout, Layout):
                yield from inside(_row_of(row, span.start, span.stop, span.view))

    yield from inside(Row("", "", value, layout, lambda new: new))


def _row_of(around: Row, start: int, stop: int, view: View) -> Row:
    outer = around.content

    def rebuilt(new: bytes) -> bytes:
        try:
            span = view.codec.encode(new, outer[start:stop])
        except Exception as error:  # noqa: BLE001  # the law `codecs` is about those that raise anything else
            raise DoesNotFit(raised_at(error), "", start) from None
        if len(span) != stop - start:
            raise DoesNotFit(f"the {view.codec.name} codec changed the length", "", start)
        return around.rebuilt(outer[:start] + span + outer[stop:])

    where = f"{around.where}/{view.codec.name}@{start}".removeprefix("/")
    assert isinstance(view.layout, Layout)  # noqa: S101  # the caller has looked
    return Row(row_path(around.path, view, start), where, view.inner, view.layout, rebuilt)


def same_layout(one: Layout, other: Layout) -> bool:
    """Tell whether two layouts say the same: cuts, kinds, fields with their forms, notes, and views at every level."""

    def same(old: Field | View | None, new: Field | View | None) -> bool:
        if isinstance(old, View) and isinstance(new, View):
            if (old.path, old.codec.name) != (new.path, new.codec.name):
                return False
            if isinstance(old.layout, Layout) and isinstance(new.layout, Layout):
                return same_layout(old.layout, new.layout)
            return old.layout == new.layout
        return old == new

    return (
        one.stops == other.stops
        and one.kinds == other.kinds
        and one.notes == other.notes
        and one.foreign_reason == other.foreign_reason
        and all(map(same, one.fields, other.fields))
    )


def chosen(places: Sequence[int], most: int, first: Iterable[int] = ()) -> list[int]:
    """Return places in order: all if there are at most so many, else those of `first` and others, evenly spread.

    Examples
    --------
    >>> chosen(range(10), 4, [7])
    [0, 3, 6, 7]
    """
    if len(places) <= most:
        return list(places)
    if not most:
        return []
    known = places if isinstance(places, range) else frozenset(places)
    wanted = list(dict.fromkeys(place for place in first if place in known))
    if len(wanted) >= most:
        step = len(wanted) / most
        return sorted(wanted[int(number * step)] for number in range(most))
    left = most - len(wanted)
    step = len(places) / left
    return sorted({*wanted, *(places[int(number * step)] for number in range(left))})


def what_failed(error: CsacleanError) -> str:
    """Say what went wrong: the engine's own words, or the type of an error whose words may be the handler's."""
    if isinstance(error, ProofFailed) and error.stage == "rows":
        return error.reason
    if isinstance(error, HandlerError | DoesNotFit):
        return error.reason
    return error.code


class Laid(NamedTuple):
    """A sample that was laid out as it was expected to be.

    Attributes
    ----------
    number, sample
        The sample and its number.
    layout, own
        See `Answer`.
    """

    number: int
    sample: Sample
    layout: Layout
    own: Layout

    def breach(self, law: str, reason: str, offset: int | None = None) -> Breach:
        """Return a breach of this sample's."""
        return Breach(law, reason, self.sample.selector, self.number, offset)


def _blank(paths: Iterable[str] = ()) -> Policy:
    """Return a policy that redacts all that gives something away and all that nobody answers for; and fields of these paths."""
    redact: dict[str, Action] = dict.fromkeys(ROWS, "redact")
    named = tuple(paths)
    rules = (Rule(("*",), "identity", "whatever it is", field=named),) if named else ()
    return Policy(BLANK, "", redact, redact, Other("report", identifiers=False), RuleSet(rules))


class Bench:
    """A handler, beside those that are installed, with its samples.

    Parameters
    ----------
    handler
        The handler under test.
    samples
        Its samples.
    cuts, places, changes
        How many truncations, structure bytes and changed values of each sample are tried at most.
    seed
        Of the changes.

    Raises
    ------
    HandlerError
        If the handler collides with one that is installed.
    """

    def __init__(
        self,
        handler: Handler,
        samples: Iterable[Sample],
        *,
        cuts: int = 1000,
        places: int = 1000,
        changes: int = 200,
        seed: int = 0,
    ) -> None:
        self.handler = handler
        self.samples = tuple(samples)
        self.cuts, self.places, self.changes, self.seed = cuts, places, changes, seed
        self.registered = Registered(handler.name, handler, "the handler under test", "")
        others = [
            entry
            for entry in installed().registered
            if entry.name != handler.name or type(entry.handler) is not type(handler)
        ]
        self.registry = Registry([*others, self.registered])
        self._policies = {
            **{name: load_policy(name) for name in policy_names()},
            BLANK: _blank(),
            UNWITNESSED: load_policy("strict"),
        }
        self._engines: dict[tuple[str, int | None], Engine] = {}
        self._cleaned: dict[tuple[str, int], Cleaned | CsacleanError | None] = {}

    @cached_property
    def claims(self) -> Mapping[str, Claimed]:
        """The handler's claims by the text of their selectors."""
        return {claimed.selector: claimed for claimed in self.registry.claims if self.is_own(claimed)}

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies under which samples are cleaned: those that ship, and two that redact whatever can be redacted."""
        return (*policy_names(), BLANK, EVERY_FIELD)

    def _policy(self, name: str, one: Laid) -> Policy:
        """Return a policy; for `EVERY_FIELD` one that names each field of a sample, but for constants of its format."""
        if name in self._policies:
            return self._policies[name]
        fine = self.ask(one.sample, fine=True).found
        fields = {
            what
            for layout in (one.layout, fine if fine is not None else one.layout)
            for row in rows(one.sample.value, layout)
            for what in row.layout.fields
            if isinstance(what, Field) and what.path
        }
        constants = {what.path for what in fields if what.form == "code"}
        return _blank(sorted({what.path for what in fields} - constants))

    def is_own(self, claimed: Claimed) -> bool:
        """Tell whether a claim is the handler's."""
        return claimed.registered is self.registered

    def claimed(self, sample: Sample) -> Claimed:
        """Return the handler's claim on a sample.

        Raises
        ------
        KeyError
            If there is none; the law `csaclean.testing.laws.samples` has said so.
        """
        return self.claims[format_selector(parse_selector(sample.selector))]

    def element(self, sample: Sample, value: bytes | None = None, *, fine: bool = False) -> PrivateElement:
        """Return a sample, or another value in its place, as the handler sees it."""
        claim = self.claimed(sample).claim
        return PrivateElement(
            claim,
            claim.selector,
            sample.vr,
            sample.value if value is None else value,
            sample.order,
            sample.charset,
            sample.peers.get,
            fine,
        )

    def ask(self, sample: Sample, value: bytes | None = None, *, fine: bool = False) -> Answer:
        """Ask the handler itself about a sample, or another value in its place."""
        claimed = self.claimed(sample)
        element = self.element(sample, value, fine=fine)
        try:
            layout = claimed.layout(element) if claimed.by_vr else self.handler.layout(element)
        except FileError as error:
            return Answer(None, None, error, "" if error.code in ("malformed-value", "limit") else error.code)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # that is what is looked for
            return Answer(None, None, None, f"raised {raised_at(error)}")
        fault = layout_fault(layout, len(element.value))
        if fault:
            return Answer(None, None, None, f"gave {fault}")
        if layout.is_foreign:
            return Answer(layout, layout)
        try:
            return Answer(resolve(layout, self.registry, fine=fine), layout)
        except FileError as error:
            return Answer(None, layout, error)
        except CsacleanError as error:
            return Answer(None, layout, None, what_failed(error))

    def clean(self, policy: str, one: Laid, value: bytes | None = None) -> Cleaned | CsacleanError | None:
        """Return what the engine makes of a sample, or a value in its place, or why it fails; None if it is foreign."""
        if value is not None:
            return self._clean(policy, one, value)
        key = (policy, one.number)
        if key not in self._cleaned:
            self._cleaned[key] = self._clean(policy, one, one.sample.value)
        return self._cleaned[key]

    def _engine(self, policy: str, one: Laid) -> Engine:
        key = (policy, one.number if policy == EVERY_FIELD else None)
        if key not in self._engines:
            # Whatever is redacted that a witness reads, it reads differently.
            proof: ProofLevel = "full" if policy in policy_names() else "self"
            self._engines[key] = Engine(self._policy(policy, one), self.registry, proof)
        return self._engines[key]

    def _clean(self, policy: str, one: Laid, value: bytes) -> Cleaned | CsacleanError | None:
        engine = self._engine(policy, one)
        try:
            return engine.clean_element(self.claimed(one.sample), self.element(one.sample, value))
        except CsacleanError as error:
            return error
        except Exception as error:  # noqa: BLE001  # of a codec, a witness or a table
            return HandlerError(f"raised {raised_at(error)}")


def spans_of(layout: Layout, *kinds: Kind) -> Iterator[tuple[int, int]]:
    """Yield start and stop of the spans of some kinds."""
    stops = [0, *layout.stops]
    for kind, (start, stop) in zip(layout.kinds, pairwise(stops), strict=True):
        if kind in kinds:
            yield start, stop
