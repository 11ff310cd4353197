"""The handlers that are installed, found by their entry points, and what they claim."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points
from types import NoneType
from typing import ClassVar, Final, NamedTuple, Self, cast

from csaclean.errors import CsacleanError, HandlerError, LimitExceeded, MalformedValue, raised_at
from csaclean.handler import API_VERSION, Claim, ConverterTable, Handler, PrivateElement, RulesOnly, Witness
from csaclean.model import TOO_MANY_STEPS, DataSetGrammar, Field, Kind, Layout, View
from csaclean.policy.listed import listed
from csaclean.policy.rules import RuleSet
from csaclean.selector import Selector, Step, folded, format_selector, parse_selector
from csaclean.vr_layout import NUMBER_VRS, OPAQUE_VRS, UNTYPED, layout_by_vr, layout_nothing, reads_as_text

__all__ = [
    "GROUP",
    "Claimed",
    "Registered",
    "Registry",
    "Survey",
    "claims_of",
    "handler_fault",
    "installed",
    "layout_fault",
    "survey",
]

GROUP: Final = "csaclean.handlers"


_OF_ONE_FORM: Final = OPAQUE_VRS - {"UN"} | {"DS", "IS"}
"""VRs of rules whose fill only these VRs can tell from padding: NULs, and numbers with spaces behind them."""


STANDARD: Final = "standard"
"""Name of the handler that has the rules of standard elements below claimed sequences, see `csaclean.standard`."""


class Registered(NamedTuple):
    """A handler and where it comes from."""

    name: str
    handler: Handler
    distribution: str
    version: str

    @property
    def origin(self) -> str:
        """The handler's name and who distributes it."""
        return f"{self.name} of {self.distribution}"

    def witness(self, selector: str) -> Witness | None:
        """Return the handler's second opinion on an element, if it has one; it may name the selectors that it is for."""
        found: Witness | None = getattr(self.handler, "witness", None)
        selectors = getattr(found, "selectors", None)
        return found if selectors is None or selector in selectors else None

    @property
    def converters(self) -> ConverterTable | None:
        """The handler's table of what converters read, if it has one."""
        return getattr(self.handler, "converters", None)


SHORTEST_SIGNATURE: Final = 8
"""Bytes of a signature that is looked for anywhere in a file: shorter ones stand in texts by chance."""

_FIELD_TYPES: Final = {(kind.value, NoneType) for kind in (Kind.STRUCTURE, Kind.DEAD, Kind.OPAQUE)} | {
    (Kind.VALUE.value, Field),
    (Kind.VIEW.value, View),
}
"""What stands in the third column of a layout, by kind."""


def layout_fault(layout: object, size: int) -> str:
    """Say what is wrong with a handler's answer about a row of `size` bytes; nothing if it is a layout of it.

    The layouts of views are part of it: each covers what its view shows.
    """
    if not isinstance(layout, Layout):
        return "no layout"
    if layout.is_foreign:
        return ""
    stops, kinds, fields = layout.stops, layout.kinds, layout.fields
    if not len(stops) == len(kinds) == len(fields):
        return "a layout with columns of different length"
    if (stops[-1] if stops else 0) != size or any(a >= b for a, b in zip([0, *stops], stops, strict=False)):
        return "a layout with a hole"
    if not set(zip(kinds, map(type, fields), strict=True)) <= _FIELD_TYPES:
        return "a layout with a field that is none, or a value without one"
    if Kind.VIEW not in kinds:
        return ""
    faults = (_view_fault(field) for field in fields if isinstance(field, View))
    return next(filter(None, faults), "")


def _view_fault(view: View) -> str:
    if isinstance(view.layout, DataSetGrammar):
        return ""
    fault = layout_fault(view.layout, len(view.inner))
    if not fault and view.layout.is_foreign:
        fault = "a foreign layout"
    return f"a view with {fault}" if fault else ""


class Claimed(NamedTuple):
    """One claim of one handler, ready for use."""

    registered: Registered
    claim: Claim
    selector: str
    """The claim's selector as text: the first half of every rule's address."""
    by_vr: bool
    """Whether the element is laid out by its VR, without the handler's code."""
    rules: RuleSet = RuleSet()
    """Where the rule on the whole element stands."""
    form: str = ""
    """As what a value of bytes is one field; else it is opaque."""

    def layout_value(self, vr: str | None, value: bytes, select: str = "") -> Layout:
        """Return the layout of a value by its VR; by the rule's VR where the file's says nothing or something unlike it.

        Text stays text where the rule is on numbers: under a VR of text, and where it can be no number. What is to be a
        sequence and is none is foreign.
        """
        own = self.claim.vr
        if vr is None or vr in UNTYPED or vr in NUMBER_VRS or own in _OF_ONE_FORM:
            is_unnamed = (
                own == "UN" and self.claim.selector[-1].creator is None
            )  # a standard element without a rule
            may_be_text = own in NUMBER_VRS or is_unnamed
            if not (is_unnamed and vr in NUMBER_VRS):
                vr = "UT" if may_be_text and reads_as_text(value) else own
        if vr == "SQ":
            nothing = layout_nothing(value)
            return Layout.foreign("not-a-sequence") if nothing is None else nothing
        return layout_by_vr(
            vr,
            value,
            select,
            form_of=lambda text, form: self.rules.form(self.selector, "", text, form),
            form=self.form,
        )

    def layout(self, element: PrivateElement) -> Layout:
        """Return the layout of an element, checked for holes; texts that the handler's rules list are codes in it.

        A value without a byte, or of NULs, in which a grammar finds nothing of its own, holds nothing.

        Raises
        ------
        MalformedValue
            If the handler says so; with the element's selector.
        LimitExceeded
            If a codec says so.
        HandlerError
            If the handler raises anything else or gives a layout that doesn't cover the value.
        """
        if self.by_vr:
            return self.layout_value(element.vr, element.value)
        nothing = layout_nothing(element.value)
        try:
            layout = self._layout_by_grammar(element)
        except MalformedValue:
            if nothing is None:
                raise
            return nothing
        return layout if nothing is None or not layout.is_foreign else nothing

    def _layout_by_grammar(self, element: PrivateElement) -> Layout:
        """Return the layout that the handler's code gives; raises as `layout` does."""
        name = self.registered.name
        where = format_selector(element.selector)
        try:
            layout = self.registered.handler.layout(element)
        except MalformedValue as error:
            raise error.at(where) from None
        except LimitExceeded as error:  # its text is the handler's, unless it is the builder's
            reason = "a row inside the value is longer than its cap"
            raise LimitExceeded(TOO_MANY_STEPS if error.reason == TOO_MANY_STEPS else reason, where) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever it is, its text may hold bytes of the value
            raise HandlerError(f"handler {name} raised {raised_at(error)}", where) from None
        fault = layout_fault(layout, len(element.value))
        if fault:
            raise HandlerError(f"handler {name} gave {fault}", where)
        rules = self.registered.handler.rules
        return listed(layout, element.value, self.selector, rules) if rules.lists_texts else layout


def claims_of(entry: Registered) -> Iterator[Claimed]:
    """Yield what a handler claims: by its claims first, then by rules on whole elements."""
    coded = {format_selector(claim.selector): claim for claim in entry.handler.claims}
    for selector, claim in coded.items():
        yield Claimed(entry, claim, selector, by_vr=False)
    rules = entry.handler.rules
    for selector, rule in rules.whole.items():
        if selector not in coded:
            claim = Claim(parse_selector(selector), vr=rule.vr)
            yield Claimed(entry, claim, selector, True, rules, rule.form)


def _collisions(registered: Iterable[Registered]) -> Iterator[HandlerError]:
    """Yield an error for each handler whose name is taken, and for each two that claim the same."""
    names: dict[str, Registered] = {}
    owners: dict[Selector, Registered] = {}
    shared: dict[tuple[Registered, Registered], list[str]] = {}
    for entry in registered:
        other = names.setdefault(entry.name, entry)
        if other is not entry:
            yield HandlerError(
                f"handler name {entry.name} is taken by both {other.distribution} and {entry.distribution}"
            )
            continue
        spelled: dict[Selector, str] = {}
        for claimed in claims_of(entry):
            selector = tuple(map(folded, claimed.claim.selector))
            if selector in spelled:
                yield HandlerError(
                    f"{entry.origin} spells the creator in two ways and has rules for both: {spelled[selector]}",
                    claimed.selector,
                )
            spelled.setdefault(selector, claimed.selector)
            owner = owners.setdefault(selector, entry)
            if owner is not entry:
                shared.setdefault((owner, entry), []).append(claimed.selector)
    for (owner, entry), (first, *more) in shared.items():
        others = f", and {len(more)} more" if more else ""
        yield HandlerError(f"claimed by both {owner.origin} and {entry.origin}{others}", first)


class Registry:
    """Claims of all handlers, looked up by what a data set tells.

    Parameters
    ----------
    registered
        The handlers.

    Raises
    ------
    HandlerError
        If two handlers have one name or one claim.
    """

    def __init__(self, registered: Iterable[Registered], /) -> None:
        registered = tuple(registered)
        for collision in _collisions(registered):
            raise collision
        self._fill(registered, (claimed for entry in registered for claimed in claims_of(entry)))

    @classmethod
    def _of(cls, registered: tuple[Registered, ...], claims: Iterable[Claimed]) -> Self:
        """Return a registry of claims in which nothing collides."""
        registry = cls.__new__(cls)
        registry._fill(registered, claims)
        return registry

    def _fill(self, registered: tuple[Registered, ...], claims: Iterable[Claimed]) -> None:
        self.registered = registered
        self._claims: dict[tuple[int, str | None, int], tuple[Claimed, ...]] = {}
        self._creators: set[str] = set()
        self._orphans: list[tuple[bytes, Claimed]] = []
        for claimed in claims:
            self._add(claimed)

    def _add(self, claimed: Claimed) -> None:
        steps = tuple(map(folded, claimed.claim.selector))
        key = (steps[-1].group, steps[-1].creator, steps[-1].element)
        claims = (*self._claims.get(key, ()), claimed)
        self._claims[key] = tuple(
            sorted(claims, key=lambda other: -len(other.claim.selector))
        )  # most exact first
        self._creators.update(step.creator for step in steps if step.creator is not None)
        if claimed.claim.orphan:
            self._orphans.extend((signature, claimed) for signature in claimed.claim.signatures)

    def with_rules(self, rules: RuleSet, kept: Collection[str] = (), /) -> "Registry":
        """Return a registry in which the whole elements that a user's rules name are laid out by their VR.

        A rule on an element that a handler claims by grammar takes it from that grammar: the whole is one field then.

        Parameters
        ----------
        rules
            The user's.
        kept
            Selectors of elements that a grammar keeps all the same, because the rule would let the whole element stand.
        """
        if not rules.whole:
            return self
        added = Registered("policy", cast("Handler", _OfPolicy(rules)), "the policy", "")
        names = set(rules.whole) - set(kept)
        claims = [claimed for claimed in self.claims if claimed.selector not in names]
        for claimed in claims_of(added):
            if claimed.selector not in names:
                continue
            owner = self.by_selector.get(claimed.selector)
            if owner is not None:
                claimed = claimed._replace(  # noqa: PLW2901
                    registered=owner.registered, claim=owner.claim._replace(vr=claimed.claim.vr)
                )
            claims.append(claimed)
        return Registry._of((*self.registered, added), claims)

    @cached_property
    def _standard(self) -> Registered | None:
        """Who has the rules of standard elements."""
        return next((entry for entry in self.registered if entry.name == STANDARD), None)

    @cached_property
    def by_selector(self) -> Mapping[str, Claimed]:
        """All claims by the text of their selectors."""
        return {claimed.selector: claimed for claimed in self.claims}

    @property
    def claims(self) -> tuple[Claimed, ...]:
        """All claims, in the order of the handlers."""
        return tuple(claimed for claims in self._claims.values() for claimed in claims)

    @property
    def signatures(self) -> tuple[bytes, ...]:
        """The first bytes of payloads that are claimed without their creator, but for those that may stand in any text."""
        found = dict.fromkeys(signature for signature, _ in self._orphans)
        return tuple(signature for signature in found if len(signature) >= SHORTEST_SIGNATURE)

    @property
    def longest_signature(self) -> int:
        """How many bytes of a value `orphan` wants to see."""
        return max((len(signature) for signature, _ in self._orphans), default=0)

    def find(self, group: int, creator: str | None, element: int) -> tuple[Claimed, ...]:
        """Return the claims on an element, by folded creator."""
        return self._claims.get((group, creator, element), ())

    def cover(self, step: Step) -> Claimed | None:
        """Return the claim on a standard element below a claimed sequence that no rule names: a claim covers the items."""
        if step.creator is not None or step.group % 2 or self._standard is None:
            return None
        rules = self._standard.handler.rules
        return Claimed(self._standard, Claim((step,), vr="UN"), format_selector((step,)), True, rules)

    def knows(self, creator: str) -> bool:
        """Tell whether any handler claims elements of a folded creator."""
        return creator in self._creators

    def orphan(self, head: bytes, byte: int) -> Claimed | None:
        """Return the claim on a value whose creator is gone: by signature, of those the one with its element byte."""
        hits = [claimed for signature, claimed in self._orphans if head.startswith(signature)]
        for claimed in hits:
            if claimed.claim.selector[-1].element == byte:
                return claimed
        return hits[0] if hits else None


class _OfPolicy(RulesOnly):
    """What stands for the rules of a policy among the handlers."""

    name: ClassVar[str] = "policy"

    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules


def handler_fault(handler: object) -> str:
    """Say what makes an object no handler; nothing if it is one."""
    version = getattr(handler, "api_version", API_VERSION)
    if version != API_VERSION:
        return f"speaks api_version {version}, not {API_VERSION}"
    for attribute in ("name", "claims", "rules", "layout"):
        if not hasattr(handler, attribute):
            return f"has no {attribute}"
    name, claims, rules = (getattr(handler, attribute) for attribute in ("name", "claims", "rules"))
    if not (isinstance(name, str) and name):
        return "has a name that is no text"
    if not (isinstance(claims, tuple) and all(isinstance(claim, Claim) for claim in claims)):
        return "has claims that are no tuple of Claim"
    if not all(_is_selector(claim.selector) for claim in claims):
        return "has a claim whose selector is none: parse_selector makes one of its text"
    if not isinstance(rules, RuleSet):
        return "has rules that are no RuleSet"
    return "" if callable(getattr(handler, "layout")) else "has a layout that is no method"  # noqa: B009  # an object


def _is_selector(selector: object) -> bool:
    return isinstance(selector, tuple) and bool(selector) and all(isinstance(step, Step) for step in selector)


def _load(point: EntryPoint) -> Registered:
    distribution = point.dist.name if point.dist else "unknown"
    name = f"handler {point.name} of {distribution}"
    try:
        handler = point.load()()
    except (CsacleanError, ImportError) as error:  # no file is open: their texts are the author's
        reason = " ".join(str(error).split())
        raise HandlerError(f"{name} can't be loaded from {point.value}: {reason}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # an import can fail with anything
        raise HandlerError(f"{name} can't be loaded from {point.value}: {raised_at(error)}") from None
    fault = handler_fault(handler)
    if fault:
        raise HandlerError(f"{name} {fault}")
    return Registered(point.name, handler, distribution, point.dist.version if point.dist else "?")


class Survey(NamedTuple):
    """What is installed, whether or not it can be used.

    Attributes
    ----------
    registered
        The handlers that can be loaded, in the order of their names.
    faults
        Why nothing is cleaned: handlers that can't be loaded, and those that collide.
    """

    registered: tuple[Registered, ...]
    faults: tuple[HandlerError, ...]


def survey() -> Survey:
    """Look at the handlers of all installed distributions, those that can't be used included."""
    points: Mapping[tuple[str, str], EntryPoint] = {
        (point.name, point.dist.name if point.dist else ""): point for point in entry_points(group=GROUP)
    }
    registered: list[Registered] = []
    faults: list[HandlerError] = []
    for key in sorted(points):
        try:
            registered.append(_load(points[key]))
        except HandlerError as error:
            faults.append(error)
    misnamed = (
        HandlerError(f"handler {entry.origin} calls itself by another name")
        for entry in registered
        if entry.handler.name != entry.name
    )
    return Survey(tuple(registered), (*faults, *_collisions(registered), *misnamed))


@cache
def installed() -> Registry:
    """Return the handlers of all installed distributions.

    Raises
    ------
    HandlerError
        If one can't be loaded, or two collide: nothing is cleaned with half of the handlers. The message names all that is
        wrong.
    """
    registered, faults = survey()
    if len(faults) > 1:
        raise HandlerError("; ".join(map(str, faults)))
    for fault in faults:
        raise fault
    return Registry._of(registered, (claimed for entry in registered for claimed in claims_of(entry)))
