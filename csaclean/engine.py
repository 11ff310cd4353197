"""The engine: claimed elements in, edits and their proof out. It knows DICOM and no vendor.

Every step is a function over immutable values: layout, policy, apply, and the first three stages of the proof. Nothing
is opened and nothing written here, so files, data sets in memory and bare values all come through the same door.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from csaclean.dicom.creators import private_tag
from csaclean.dicom.elements import SPECIFIC_CHARACTER_SET, DataSet, Element
from csaclean.errors import CsacleanError, DoesNotFit, LimitExceeded
from csaclean.handler import ConverterElement, PrivateElement
from csaclean.locate import Located, Location, locate
from csaclean.model import Edit, Field, Fill, Kind, Layout, Patch, View
from csaclean.policy.fills import fill
from csaclean.policy.policies import Decision, Plan, Policy
from csaclean.proof.converter import compare_converter_fields
from csaclean.proof.rows import compare_rows
from csaclean.proof.witness import ProofLevel, Verdict, WitnessLog, worst
from csaclean.registry import Claimed, Registered, Registry
from csaclean.selector import Step, format_selector

__all__ = ["Cleaned", "Engine", "Examined", "Tally"]

_NULL = Fill(0)
_PEER_CAP = 1 << 10
"""Longest value that a handler may ask for as a peer, in bytes."""


@dataclass(slots=True)
class Tally:
    """What was found and done in one element, counted.

    Attributes
    ----------
    dead, dead_nonzero
        Dead bytes, and how many of them were not null.
    opaque
        Bytes that no grammar accounts for.
    edits
        Number of edited fields by class.
    kept
        Identifying fields that stay: (path, class, who reads it) to number.
    unruled
        Text fields that stay without anybody's word for it.
    """

    dead: int = 0
    dead_nonzero: int = 0
    opaque: int = 0
    edits: Counter[str] = field(default_factory=Counter)
    kept: Counter[tuple[str, str, tuple[str, ...]]] = field(default_factory=Counter)
    unruled: int = 0


class Cleaned(NamedTuple):
    """One claimed element, before and after."""

    claimed: Claimed
    selector: str
    """As found."""
    orphan: bool
    layout: Layout
    old: bytes
    new: bytes
    edits: tuple[Edit, ...]
    tally: Tally
    witness: Verdict

    @property
    def vouched(self) -> bool:
        """Whether every byte is checked structure, null, or a field that a rule or a grammar lets stand."""
        return (
            not self.tally.opaque
            and not self.tally.unruled
            and not any(not read_by for _, _, read_by in self.tally.kept)
        )

    def __repr__(self) -> str:
        """Return counts, never bytes."""
        return f"<Cleaned {self.selector}: {len(self.edits)} edits in {len(self.old)} bytes>"


@dataclass(slots=True)
class Examined:
    """The outcome for one data set.

    Attributes
    ----------
    cleaned
        Each claimed element with what was made of it.
    elements
        For each of `cleaned`, the element in the walk.
    location
        What was found, and what nobody claims: foreign content included.
    witness
        The verdict of the second stage.
    converter_fields
        How many fields the third stage compared; None if nothing was edited.
    """

    cleaned: list[Cleaned]
    elements: list[Element]
    location: Location
    witness: Verdict
    converter_fields: int | None

    def patches(self) -> tuple[Patch, ...]:
        """Return the new values of the elements that were edited, in file order."""
        return tuple(
            Patch(element.start, element.stop, one.new)
            for one, element in zip(self.cleaned, self.elements, strict=True)
            if one.new != one.old
        )


def _rewrite(
    row: bytes, layout: Layout, decide: Callable[[Field], Decision], tally: Tally, where: str = ""
) -> tuple[bytes, list[Edit]]:
    """Return the new bytes of a row and the edits of it and of the rows inside."""
    edits: list[Edit] = []
    inside: list[Edit] = []
    start = 0
    for stop, kind, what in zip(layout.stops, layout.kinds, layout.fields, strict=True):
        if kind == Kind.DEAD:
            nonzero = stop - start - row.count(0, start, stop)
            tally.dead += stop - start
            if nonzero:
                tally.dead_nonzero += nonzero
                edits.append(Edit(where, start, stop, _NULL, "dead"))
        elif isinstance(what, View):
            path = f"{where}/{what.path}" if where else what.path
            inner, found = _rewrite(what.inner, what.layout, decide, tally, path)
            if inner != what.inner:
                outer = what.codec.encode(inner, row[start:stop])
                if len(outer) != stop - start:
                    raise DoesNotFit(f"the {what.codec.name} codec changed the length", "", start)
                edits.append(Edit(where, start, stop, outer, "view"))
            inside += found
        elif what is not None:
            _rewrite_field(row, (start, stop), what, decide(what), tally, edits, where)
        elif kind == Kind.OPAQUE:
            tally.opaque += stop - start
        start = stop
    if not edits:
        return row, inside
    new = bytearray(row)
    for edit in edits:
        new[edit.start : edit.stop] = edit.replacement()
    return bytes(new), edits + inside


def _rewrite_field(
    row: bytes,
    span: tuple[int, int],
    what: Field,
    decision: Decision,
    tally: Tally,
    edits: list[Edit],
    where: str,
) -> None:
    start, stop = span
    if decision.redact:
        old = row[start:stop]
        new = fill(decision.form, old)
        if new != old:
            edits.append(Edit(where, start, stop, new, "redact", decision.cls, what.path))
            tally.edits[decision.cls or "unruled-text"] += 1
    elif decision.cls and decision.cls != "technical":
        tally.kept[what.path, decision.cls, decision.read_by] += 1
    elif not decision.vouched:
        tally.unruled += 1


class Engine:
    """Cleans under one policy, with the handlers of one registry.

    An engine remembers which rows its witnesses have read, so one engine serves one batch of files in order.

    Parameters
    ----------
    policy
        What happens to fields.
    registry
        The handlers.
    proof
        How often witnesses are asked.
    """

    def __init__(self, policy: Policy, registry: Registry, proof: ProofLevel = "rows") -> None:
        self.policy = policy
        self.registry = registry
        self._witnesses = WitnessLog(proof)
        self._plans = {entry.name: self._plan(entry) for entry in registry.registered}

    def _plan(self, entry: Registered) -> Plan:
        table = entry.converters
        return Plan(
            self.policy, entry.handler.rules, table.consumers if table else lambda _selector, _path: ()
        )

    def decide(self, claimed: Claimed, what: Field) -> Decision:
        """Return what happens to a field of a claimed element."""
        return self._plans[claimed.registered.name].decide(claimed.selector, what)

    def clean_element(
        self, claimed: Claimed, element: PrivateElement, *, orphan: bool = False
    ) -> Cleaned | None:
        """Lay an element out, edit it, and prove the first two stages.

        Returns
        -------
        Cleaned or None
            None if the content is foreign.

        Raises
        ------
        CsacleanError
            With the element's selector, if the value is malformed, an edited view doesn't fit, or a stage fails.
        """
        where = ("orphan " if orphan else "") + format_selector(element.selector)
        layout = claimed.layout(element)
        if layout.is_foreign:
            return None
        tally = Tally()
        decide = partial(self.decide, claimed)
        try:
            new, edits = _rewrite(element.value, layout, decide, tally)
            again = layout if new == element.value else claimed.layout(element._replace(value=new))
            compare_rows(element.value, layout, new, again, edits, decide)
            witness = None if claimed.by_vr else claimed.registered.witness
            verdict = self._witnesses.compare(
                witness, claimed.claim, element.value, new, layout, tuple(edits)
            )
        except CsacleanError as error:
            raise (error if error.selector else error.at(where)) from None
        return Cleaned(claimed, where, orphan, layout, element.value, new, tuple(edits), tally, verdict)

    def examine(
        self,
        elements: Sequence[Element],
        datasets: Sequence[DataSet],
        load: Callable[[Element, int], bytes],
    ) -> Examined:
        """Clean every claimed element of a data set in memory, and prove the first three stages.

        Parameters
        ----------
        elements, datasets
            As a walk returns them.
        load
            Gives the first n bytes of a value, all for n = -1.

        Raises
        ------
        CsacleanError
            If an element is longer than its claim's cap, malformed, or not proved.
        """
        location = locate(elements, datasets, load, self.registry)
        charsets = {
            element.owner: _terms(load(element, -1))
            for element in elements
            if element.tag == SPECIFIC_CHARACTER_SET
        }
        cleaned: list[Cleaned] = []
        places: list[Element] = []
        records: list[tuple[ConverterElement, ConverterElement]] = []
        peers = _Peers(elements, load)
        for found in location.located:
            place = found.element
            cap = found.claimed.claim.cap
            if place.stop - place.start > cap:
                raise LimitExceeded(f"a value longer than {cap} bytes", format_selector(found.selector))
            value = load(place, -1)
            element = PrivateElement(
                found.claimed.claim,
                found.selector,
                place.vr,
                value,
                place.order,
                _charset(charsets, datasets, place.owner),
                partial(peers.get, place),
            )
            result = self.clean_element(found.claimed, element, orphan=found.orphan)
            if result is None:
                location.disown(_own_step(found), "foreign", len(value))
                continue
            cleaned.append(result)
            places.append(place)
            records.append(
                (
                    ConverterElement(place.tag, found.creator, value),
                    ConverterElement(place.tag, found.creator, result.new),
                )
            )
        fields = self._compare_converter_fields(records)
        return Examined(cleaned, places, location, worst(result.witness for result in cleaned), fields)

    def _compare_converter_fields(
        self, records: Sequence[tuple[ConverterElement, ConverterElement]]
    ) -> int | None:
        if all(old.value is new.value for old, new in records):
            return None
        return sum(
            compare_converter_fields(
                entry.converters, [old for old, _ in records], [new for _, new in records]
            )
            for entry in self.registry.registered
            if entry.converters is not None
        )


def _own_step(found: Located) -> Step:
    return found.claimed.claim.selector[-1]


def _terms(value: bytes) -> tuple[str, ...]:
    return tuple(term.strip() for term in value.decode("latin-1").strip(" \0").split("\\"))


def _charset(
    charsets: dict[int, tuple[str, ...]], datasets: Sequence[DataSet], owner: int
) -> tuple[str, ...]:
    """Return the character set in force: an item inherits that of the data set around it."""
    while owner >= 0:
        if owner in charsets:
            return charsets[owner]
        owner = datasets[owner].parent
    return ()


class _Peers:
    """Finds other elements of an element's block or data set."""

    def __init__(self, elements: Sequence[Element], load: Callable[[Element, int], bytes]) -> None:
        self._elements = elements
        self._load = load
        self._index: dict[tuple[int, int], Element] = {}

    def get(self, element: Element, wanted: int) -> bytes | None:
        """Return the value of a peer; None if it is absent or longer than 1 KiB."""
        if not self._index:
            self._index = {(other.owner, other.tag): other for other in self._elements}
        tag = wanted
        if wanted <= 0xFF:  # an element byte
            group, block, _ = private_tag(element.tag)
            tag = group << 16 | block << 8 | wanted
        other = self._index.get((element.owner, tag))
        if other is None or other.stop - other.start > _PEER_CAP:
            return None
        return self._load(other, -1)
