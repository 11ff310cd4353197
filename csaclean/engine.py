"""The engine: claimed elements in, edits and their proof out. It knows DICOM and no vendor.

Every step is a function over immutable values: layout, policy, apply, and the first three stages of the proof. Nothing
is opened and nothing written here, so files, data sets in memory and bare values all come through the same door.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal, NamedTuple

from csaclean.budget import BYTES, ELEMENTS, GRAMMARS, Budget
from csaclean.context import Context
from csaclean.converter_table import is_whole, selectors_at
from csaclean.dicom.elements import DataSet, Element
from csaclean.dicom.source import Source
from csaclean.errors import CsacleanError, DoesNotFit, LimitExceeded, MalformedValue, ProofFailed, Unsupported
from csaclean.handler import ConverterElement, PrivateElement
from csaclean.locate import Located, Location, locate
from csaclean.model import Edit, Field, Fill, Kind, Layout, Patch, View, row_path
from csaclean.nested import resolve
from csaclean.policy.fills import UNKNOWN_FORMS
from csaclean.policy.judge import OPAQUE_SPAN, PERSONS, Filler, IdentifierSearch, Judge, RowJudge
from csaclean.policy.listed import listed
from csaclean.policy.options import Options
from csaclean.policy.plan import Decision, Plan, blanked, searched
from csaclean.policy.policies import OPAQUE, UNRULED, Policy, Unclaimed
from csaclean.proof.converter import Declared, compare_converter_fields
from csaclean.proof.numbers import Numbers
from csaclean.proof.rows import compare_rows
from csaclean.proof.search import search_row
from csaclean.proof.witness import ProofLevel, Verdict, WitnessLog, worst
from csaclean.registry import Claimed, Registered, Registry
from csaclean.selector import Selector, Step, folded, format_selector
from csaclean.subject import Subject, find_subject
from csaclean.unclaimed import (
    NOBODY,
    SEARCHED,
    blank_claim,
    find_in_unclaimed,
    is_payload,
    is_read,
    is_read_number,
    refuse_unclaimed,
    searched_claim,
)

__all__ = ["Cleaned", "Engine", "Examined", "Tally"]

_NULL = Fill(0)
IdentifiersVerdict = Literal["searched", "header de-identified", "off"]


_BLANK: Final = "--unclaimed blank"
_FAIL: Final = "--unclaimed fail"
_REDACT: Final = "--policy converter-safe"
"""Options under which an identifier does not stay."""


class FoundIdentifier(NamedTuple):
    """Where an identifier stands."""

    path: str
    """Of the field; empty where no single field holds it."""
    whose: str
    """``patient``, ``people`` or ``places``."""
    read_by: tuple[str, ...] = ()
    """The readers of the field."""


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
        Fields that stay and identify, or that nobody answers for: (path, row of the policy's matrix, who reads it) to
        number.
    unruled
        Fields that stay without anybody's word for it.
    exposed
        How many of `kept` nobody answers for: no converter needs them.
    redacted
        Identifiers that were redacted in fields that stay otherwise: (path, whose, who reads it) to number of fields.
    left
        Identifiers that stay, in the same terms; those that stand in no single field have an empty path.
    """

    dead: int = 0
    dead_nonzero: int = 0
    opaque: int = 0
    edits: Counter[str] = field(default_factory=Counter)
    kept: Counter[tuple[str, str, tuple[str, ...]]] = field(default_factory=Counter)
    unruled: int = 0
    exposed: int = 0
    redacted: Counter[FoundIdentifier] = field(default_factory=Counter)
    left: Counter[FoundIdentifier] = field(default_factory=Counter)

    @property
    def leaves_persons(self) -> bool:
        """Whether an identifier of a person stays."""
        return any(found.whose in PERSONS for found in self.left)


class Taken(NamedTuple):
    """The elements that readers take an element for, beside its own: they read a number in any creator's block.

    Attributes
    ----------
    readers
        Who reads it so.
    selectors
        The elements of their tables that it passes for as a whole; its own vendor's may be among them.
    in_part
        Whether they find parts in it, as they do in a protocol.
    """

    readers: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    in_part: bool = False


class Cleaned(NamedTuple):
    """One claimed element, before and after."""

    claimed: Claimed
    steps: Selector
    """As found."""
    orphan: bool
    layout: Layout
    old: bytes
    new: bytes
    edits: tuple[Edit, ...]
    tally: Tally
    witness: Verdict
    taken: Taken = Taken()

    @property
    def selector(self) -> str:
        """The selector as found, with a word before it if it is an orphan's."""
        return _place(self.steps, orphan=self.orphan)

    @property
    def vouched(self) -> bool:
        """Whether every byte is checked structure, null, or a field that a rule or a grammar lets stand."""
        tally = self.tally
        return not (tally.opaque or tally.unruled or tally.exposed or tally.leaves_persons)

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
    outputs
        Keys of a converter's sidecar that the policy changes on purpose.
    identifiers
        Verdict of the fourth stage: ``searched``; ``header de-identified`` if the words to search for were gone; ``off``.
    left
        Identifiers that stay in unclaimed elements: (step, whose, options under which they would not) to number of elements.
    remedies
        Options under which those of claimed elements that no reader reads would not stay.
    """

    cleaned: list[Cleaned]
    elements: list[Element]
    location: Location
    witness: Verdict
    converter_fields: int | None
    outputs: tuple[str, ...]
    identifiers: IdentifiersVerdict
    left: Mapping[tuple[Step, str, tuple[str, ...]], int]
    remedies: tuple[str, ...] = ()

    def patches(self) -> tuple[Patch, ...]:
        """Return the new values of the elements that were edited, in file order."""
        return tuple(
            Patch(element.start, element.stop, one.new)
            for one, element in zip(self.cleaned, self.elements, strict=True)
            if one.new != one.old
        )


def _rewrite(
    row: bytes, layout: Layout, judge: Judge, tally: Tally, where: str = ""
) -> tuple[bytes, list[Edit]]:
    """Return the new bytes of a row and the edits of it and of the rows inside."""
    edits: list[Edit] = []
    inside: list[Edit] = []
    own = judge.for_row(row)
    start = 0
    for stop, kind, what in zip(layout.stops, layout.kinds, layout.fields, strict=True):
        if kind == Kind.DEAD:
            nonzero = stop - start - row.count(0, start, stop)
            tally.dead += stop - start
            if nonzero:
                tally.dead_nonzero += nonzero
                edits.append(Edit(where, start, stop, _NULL, "dead"))
        elif isinstance(what, View):
            if not isinstance(what.layout, Layout):
                raise ProofFailed("rows", "a view without a layout", "", start)
            inner, found = _rewrite(what.inner, what.layout, judge, tally, row_path(where, what, start))
            if inner != what.inner:
                outer = what.codec.encode(inner, row[start:stop])
                if len(outer) != stop - start:
                    raise DoesNotFit(f"the {what.codec.name} codec changed the length", "", start)
                edits.append(Edit(where, start, stop, outer, "view"))
            inside += found
        elif kind != Kind.STRUCTURE:
            _rewrite_field(own, (start, stop), what or OPAQUE_SPAN, tally, edits, where)
        start = stop
    if not edits:
        return row, inside
    new = bytearray(row)
    for edit in edits:
        new[edit.start : edit.stop] = edit.replacement()
    return bytes(new), edits + inside


def _rewrite_field(
    judge: RowJudge,
    span: tuple[int, int],
    what: Field,
    tally: Tally,
    edits: list[Edit],
    where: str,
) -> None:
    start, stop = span
    decision, new, reason, redacted, left = judge.verdict(what, start, stop)
    tally.redacted.update(FoundIdentifier(what.path, whose, decision.read_by) for whose in redacted)
    tally.left.update(FoundIdentifier(what.path, whose, decision.read_by) for whose in left)
    if reason:
        cls = decision.cls or ("opaque" if what.form in UNKNOWN_FORMS else "unruled-text")
        if reason == "identifier":
            cls = "identifiers"
        edits.append(Edit(where, start, stop, new, reason, cls, what.path, what.select))
        tally.edits[cls] += 1
    if reason == "redact" or (reason and not decision.read_by and what.form not in UNKNOWN_FORMS):
        return
    if decision.redact:
        return  # it held its fill already
    if decision.kept:
        tally.kept[what.path, decision.cls, decision.read_by] += 1
        tally.exposed += not decision.vouched
    elif what.form in UNKNOWN_FORMS and not decision.vouched:
        if judge.row.count(0, start, stop) < stop - start:  # nulls say nothing
            tally.opaque += stop - start
            tally.kept[what.path, OPAQUE, decision.read_by] += 1
    elif not decision.vouched:
        tally.unruled += 1
        tally.kept[what.path, UNRULED, decision.read_by] += 1


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
    options
        What the caller asked for beside the policy.
    """

    def __init__(
        self,
        policy: Policy,
        registry: Registry,
        proof: ProofLevel = "rows",
        options: Options = Options(),  # noqa: B008  # immutable
    ) -> None:
        self.policy = policy
        self.options = options
        self.registry = registry.with_rules(policy.rules, self._kept_whole(registry))
        self._fine = bool(policy.rules.rules)
        self._witnesses = WitnessLog(proof)
        self._plans = {entry.name: self._plan(entry) for entry in self.registry.registered}

    def _kept_whole(self, registry: Registry) -> set[str]:
        """Return the elements with a grammar that a user's rule would let stand as one field: their dead bytes would too."""
        kept = set()
        for selector, rule in self.policy.rules.whole.items():
            owner = registry.by_selector.get(selector)
            if owner is not None and not owner.by_vr:
                whole = Field("", rule.form or "code")
                if not self._plan(owner.registered).decide(selector, whole).redact:
                    kept.add(selector)
        return kept

    def _plan(self, entry: Registered) -> Plan:
        table = entry.converters
        return Plan(
            self.policy,
            entry.handler.rules,
            table.consumers if table else lambda _selector, _path: (),
            self.options.retain,
            getattr(table, "branches", lambda _selector, _path: False),
        )

    def decide(self, claimed: Claimed, what: Field, taken: Taken = Taken()) -> Decision:  # noqa: B008  # immutable
        """Return what happens to a field of a claimed element, or of an element in a data set nested inside it."""
        if claimed.registered is NOBODY:
            return blanked(what)
        if claimed.registered is SEARCHED:
            return searched(what)
        owner = self.registry.by_selector.get(what.select, claimed) if what.select else claimed
        return self._plans[owner.registered.name].decide(claimed.selector, what, taken.readers)

    def taken(self, found: Located, value: bytes) -> Taken:
        """Return what readers take an element for beside what it is, by its number or by its creator."""
        tag, own = found.element.tag, found.claimed.selector
        passed = selectors_at(tag)
        if not passed and not is_read_number(tag):
            return Taken()
        readers: dict[str, None] = {}
        selectors: dict[str, None] = {}
        in_part = False
        for entry in self.registry.registered:
            table = entry.converters
            if table is None:
                continue
            # What a table knows for what it is, it reads in part as that: nothing else is looked for inside.
            is_known = entry.name == found.claimed.registered.name and bool(table.consumers(own, ""))
            element = ConverterElement(tag, found.creator, b"" if is_known else value)
            names = {key.partition("/")[2] for key in table.fields((element,))}
            wholes = sorted(name for name in names if is_whole(name) and name != own)
            selectors.update(dict.fromkeys(wholes))
            if any(not is_whole(name) for name in names):
                in_part = True
                wholes += passed
            readers.update(dict.fromkeys(reader for name in wholes for reader in table.consumers(name, "")))
        return Taken(tuple(readers), tuple(selectors), in_part)

    def judge(
        self,
        claimed: Claimed,
        subject: Subject,
        taken: Taken = Taken(),  # noqa: B008  # immutable
    ) -> Judge:
        """Return the judge of the fields of a claimed element of somebody's data set."""
        return Judge(
            partial(self.decide, claimed, taken=taken),
            Filler(self.options.uid_key, subject.days),
            self._search(subject),
            characters_only=claimed.registered is SEARCHED,
        )

    def _search(self, subject: Subject) -> IdentifierSearch | None:
        """Return the search for the identifiers of a data set; None if it has none."""
        if subject.needles is None:
            return None
        return IdentifierSearch(
            subject.needles,
            Numbers(subject.needles.numbers, subject.needles.spend),
            edits=self.policy.other.identifiers,
            read_fields=self.options.identifiers_in_read_fields == "redact",
            blanks_opaque=self._unclaimed == "blank",
        )

    def layout(self, claimed: Claimed, element: PrivateElement) -> Layout:
        """Return the layout of an element in which every view has a layout of its own; see `Claimed.layout`."""
        if self._fine:
            element = element._replace(fine=True)
        layout = claimed.layout(element)
        if layout.is_foreign:
            return layout
        layout = resolve(layout, self.registry, fine=self._fine)
        own = self.policy.rules
        return listed(layout, element.value, claimed.selector, own) if own.lists_texts else layout

    def clean_element(
        self,
        claimed: Claimed,
        element: PrivateElement,
        subject: Subject = Subject(),  # noqa: B008  # immutable
        *,
        orphan: bool = False,
        taken: Taken = Taken(),  # noqa: B008  # immutable
        budget: Budget | None = None,
    ) -> Cleaned | None:
        """Lay an element out, edit it, and prove the first two stages; its layout is work of the file if there is a budget.

        Returns
        -------
        Cleaned or None
            None if the content is foreign.

        Raises
        ------
        CsacleanError
            With the element's selector, if the value is malformed, an edited view doesn't fit, or a stage fails.
        """
        tally = Tally()
        judge = self.judge(claimed, subject, taken)
        try:
            layout = self.layout(claimed, element)
            if layout.is_foreign:
                return None
            if budget is not None:
                budget.spend_layout(layout)
            new, edits = _rewrite(element.value, layout, judge, tally)
            again = layout if new == element.value else self._again(claimed, element, new)
            compare_rows(element.value, layout, new, again, edits, judge)
            tally.left.update(FoundIdentifier("", whose) for whose in search_row(new, again, judge))
            witness = None if claimed.by_vr else claimed.registered.witness(claimed.selector)
            verdict = self._witnesses.compare(
                witness, claimed.claim, element.value, new, layout, tuple(edits)
            )
        except CsacleanError as error:
            place = error if error.selector else error.at(_place(element.selector, orphan=orphan))
            raise place from None
        return Cleaned(
            claimed, element.selector, orphan, layout, element.value, new, tuple(edits), tally, verdict, taken
        )

    def _again(self, claimed: Claimed, element: PrivateElement, new: bytes) -> Layout:
        """Return the layout of an element's edited value.

        Raises
        ------
        ProofFailed
            If it breaks the grammar that the old one kept.
        """
        try:
            return self.layout(claimed, element._replace(value=new))
        except MalformedValue as error:
            raise ProofFailed("rows", "the edited value breaks its grammar", "", error.offset) from None

    def examine(
        self,
        elements: Sequence[Element],
        datasets: Sequence[DataSet],
        source: Source,
        budget: Budget | None = None,
    ) -> Examined:
        """Clean every claimed element of a data set in memory, and prove the first three stages.

        Parameters
        ----------
        elements, datasets
            As a walk of `source` returns them.
        source
            Where their bytes are.
        budget
            How much work they may cause; by default what the size of `source` allows.

        Raises
        ------
        CsacleanError
            If they cause more work than that; if an element is longer than its claim's cap, malformed, or not proved; if
            unclaimed elements are to fail a data set.
        """
        budget = budget or Budget(source.size)
        private = [one.tag & 0x10000 or datasets[one.owner].private for one in elements]
        budget.spend(ELEMENTS, len(private) - private.count(0))
        context = Context(elements, datasets, source)
        location = locate(
            elements,
            datasets,
            context.load,
            self.registry,
            blank=self._unclaimed == "blank",
        )
        subject = find_subject(context, self.options)
        if subject.needles is not None:
            subject = replace(subject, needles=subject.needles.spending(budget.spend))
        cleaned: list[Cleaned] = []
        places: list[Element] = []
        records: list[tuple[ConverterElement, ConverterElement]] = []
        for found in location.located:
            place = found.element
            budget.spend(BYTES, place.stop - place.start, found.claimed.selector)
            if not found.claimed.by_vr:
                budget.spend(GRAMMARS, 1, found.claimed.selector)
        for found in location.located:
            place = found.element
            cap = found.claimed.claim.cap
            if place.stop - place.start > cap:
                raise LimitExceeded(f"a value longer than {cap} bytes", format_selector(found.selector))
            value = context.load(place)
            element = found.private_element(value, context)
            taken = self.taken(found, value)
            reason = "foreign"
            try:
                result = self.clean_element(
                    found.claimed, element, subject, orphan=found.orphan, taken=taken, budget=budget
                )
                if result is None:
                    result = self._clean_foreign(found, element)
            except MalformedValue as error:
                reason = "malformed"
                result = self._clean_malformed(found, element, error)
            if result is None:
                location.disown(_own_step(found), reason, place)
                continue
            cleaned.append(result)
            places.append(place)
            records.append(
                (
                    ConverterElement(place.tag, found.creator, value),
                    ConverterElement(place.tag, found.creator, result.new),
                )
            )
        if self._unclaimed == "fail":
            refuse_unclaimed(location.unclaimed)
            _refuse_identifiers(result.tally.left for result in cleaned)
        left: Counter[tuple[Step, str, tuple[str, ...]]] = Counter()
        edited: list[Cleaned] = []
        edited_places: list[Element] = []
        if subject.needles and not self.options.provisional:
            for _, place in location.disowned:
                budget.spend(BYTES, place.stop - place.start)
            for step, place, groups in find_in_unclaimed(location.disowned, source, subject.needles):
                claim = searched_claim(step, place)
                remedies = self._remedies(blanks=claim is not None)
                result = None
                if claim is not None and self.policy.other.identifiers:
                    result = self._clean_unclaimed(claim, place, context, subject)
                if result is None:
                    left.update((step, whose, remedies) for whose in groups)
                    continue
                left.update((step, found.whose, remedies) for found in result.tally.left)
                if result.edits:
                    edited.append(result)
                    edited_places.append(place)
        fields, outputs = self._compare_converter_fields(cleaned, records, context.standard())
        cleaned += edited  # none of them stands at a reader's address
        places += edited_places
        order = sorted(range(len(places)), key=lambda number: places[number].header)
        return Examined(
            [cleaned[number] for number in order],
            [places[number] for number in order],
            location,
            worst(result.witness for result in cleaned),
            fields,
            outputs,
            _identifiers_verdict(subject, len(cleaned) or len(location.disowned)),
            left,
            self._remedies(blanks=True) if self.policy.other.identifiers else (_REDACT,),
        )

    def _remedies(self, *, blanks: bool) -> tuple[str, ...]:
        """Return the options under which identifiers would not stay in content of nobody; `blanks` tells whether it can be blanked."""
        return (_BLANK, _FAIL) if blanks and self._unclaimed != "blank" else (_FAIL,)

    def _clean_unclaimed(
        self, claimed: Claimed, element: Element, context: Context, subject: Subject
    ) -> Cleaned | None:
        """Redact the identifiers in an unclaimed element, as far as its bytes can be edited without a grammar."""
        private = PrivateElement(
            claimed.claim,
            (claimed.claim.selector[-1]._replace(creator="?"),),
            element.vr,
            context.load(element),
            element.order,
            context.charset(element.owner),
            lambda _wanted: None,
        )
        return self.clean_element(claimed, private, subject)

    def _clean_foreign(self, found: Located, element: PrivateElement) -> Cleaned | None:
        """Blank a claimed element whose content is foreign, if what nobody claims is to be blanked; None if it stays."""
        return self._blank(found, element) if self._unclaimed == "blank" else None

    def _clean_malformed(
        self, found: Located, element: PrivateElement, error: MalformedValue
    ) -> Cleaned | None:
        """Blank a claimed element whose content breaks its grammar, if that is asked for; None if it stays.

        Raises
        ------
        MalformedValue
            If such content fails its file; the message names the option.
        """
        if self.options.malformed == "fail":
            reason = (
                f"{error.reason}; the option --malformed keep or --malformed blank cleans the file's rest"
            )
            raise MalformedValue(reason, error.selector, error.offset) from None
        return self._blank(found, element) if self.options.malformed == "blank" else None

    def _blank(self, found: Located, element: PrivateElement) -> Cleaned | None:
        """Blank a whole element; None if a converter reads it or it is private pixel or signal data."""
        step = folded(_own_step(found))
        if is_read(found.element.tag, step) or is_payload(found.element):
            return None
        claimed = blank_claim(_own_step(found), found.claimed.selector)
        return self.clean_element(claimed, element._replace(claim=claimed.claim))

    @property
    def _unclaimed(self) -> Unclaimed:
        if self.options.provisional:
            return "report"
        return self.options.unclaimed or self.policy.other.unclaimed

    def _compare_converter_fields(
        self,
        cleaned: Sequence[Cleaned],
        records: Sequence[tuple[ConverterElement, ConverterElement]],
        standard: Mapping[int, bytes],
    ) -> tuple[int | None, tuple[str, ...]]:
        """Return how many fields were compared, None if nothing was edited; and which keys of the sidecar change."""
        if all(old.value is new.value for old, new in records):
            return None, ()
        declared = _declared(cleaned)
        compared = 0
        outputs: set[str] = set()
        for entry in self.registry.registered:
            table = entry.converters
            if table is not None:
                before, after = (table.fields(side) for side in zip(*records, strict=True))
                outputs.update(table.outputs(before, after, standard))
                # What a reader finds inside an element is lost if that is redacted as one field, or field by field as an
                # element whose creator no reader looks for: that was declared.
                stay = [
                    record
                    for one, record in zip(cleaned, records, strict=True)
                    if not (
                        (one.taken.in_part and _is_redacted(one))
                        or (_is_redacted_whole(one) and len(table.fields(record[:1])) > 1)
                    )
                ]
                if len(stay) < len(records):
                    before, after = (table.fields([pair[side] for pair in stay]) for side in (0, 1))
                compared += compare_converter_fields(table, before, after, declared)
        return compared, tuple(sorted(outputs))


def _place(steps: Selector, *, orphan: bool) -> str:
    return ("orphan " if orphan else "") + format_selector(steps)


def _is_redacted(one: Cleaned) -> bool:
    """Tell whether the policy changes a field of an element."""
    return any(edit.reason in ("redact", "identifier") for edit in one.edits)


def _is_redacted_whole(one: Cleaned) -> bool:
    """Tell whether an element was redacted as one field."""
    return any(
        edit.reason == "redact" and not edit.row and not edit.start and edit.stop == len(one.old)
        for edit in one.edits
    )


def _declared(cleaned: Sequence[Cleaned]) -> set[Declared]:
    """Return the fields that converters read and the policy changes."""
    found: set[Declared] = set()
    for one in cleaned:
        table = one.claimed.registered.converters
        for edit in one.edits:
            if edit.reason in ("redact", "identifier") and not edit.select:
                if table is not None and table.consumers(one.claimed.selector, edit.field):
                    found.add(Declared(one.claimed.selector, edit.field))
                found.update(Declared(selector, edit.field) for selector in one.taken.selectors)
    return found


def _refuse_identifiers(left: Iterable[Counter[FoundIdentifier]]) -> None:
    """Refuse a data set in whose opaque content an identifier of a person stays.

    Raises
    ------
    Unsupported
        If there is one.
    """
    count = sum(
        number
        for counter in left
        for found, number in counter.items()
        if found.whose in PERSONS and not found.read_by
    )
    if count:
        raise Unsupported(
            f'{count} identifiers of persons in content without a grammar; "--unclaimed blank" blanks it'
        )


def _identifiers_verdict(subject: Subject, rows: int) -> IdentifiersVerdict:
    """Return the verdict of the stage that searches for identifiers: none where there is nothing to search."""
    if not rows:
        return "off"
    return "header de-identified" if subject.deidentified or not subject.needles else "searched"


def _own_step(found: Located) -> Step:
    return found.claimed.claim.selector[-1]
