"""Which elements are claimed, by whom; which are nobody's.

First by creator, in every data set and item; then, where no known creator reserves the block, by content signature.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import ClassVar, Final, NamedTuple

from csaclean.context import Context
from csaclean.dicom.creators import (
    creator_name,
    creator_of,
    creator_stop,
    is_creator,
    is_only_a_name,
    private_tag,
    resolve_creators,
)
from csaclean.dicom.elements import DataSet, Element, Shape, is_group_length
from csaclean.dicom.walk import STANDARD
from csaclean.errors import MalformedFile
from csaclean.handler import Claim, PrivateElement
from csaclean.model import Builder, Layout
from csaclean.policy.rules import RuleSet
from csaclean.registry import Claimed, Registered, Registry
from csaclean.selector import Selector, Step, folded
from csaclean.unclaimed import UNKNOWN_CREATOR, blank_claim, blank_creator_claim, is_payload, is_read

__all__ = ["UNKNOWN_CREATOR", "Located", "Location", "locate"]


READ: Final = "read-by-a-converter"
"""The reason for an element that would be blanked if no converter read it."""
PAYLOAD: Final = "payload"
"""The reason for private pixel or signal data that would be blanked otherwise."""

_META_GROUP: Final = 0x0002
_META_VRS: Final = {0x0100: "UI"}
"""VRs of private elements of the File Meta Information (PS3.10 section 7.1); all others are bytes."""
_LONGEST_CREATOR: Final = 1025
"""Bytes of a creator that are loaded: a longer value is an invalid creator."""

Load = Callable[[Element, int], bytes]
"""Gives the first bytes of an element's value, as many as the second argument says; -1 for all."""

Creators = Mapping[tuple[int, int, int], tuple[str, ...]]


class Located(NamedTuple):
    """A claimed element."""

    element: Element
    claimed: Claimed
    selector: Selector
    """As found: the steps of the private sequences around it, then its own."""
    creator: str | None
    """The folded creator of its block; None for an orphan without one."""
    orphan: bool

    def private_element(self, value: bytes, context: Context, *, fine: bool = False) -> PrivateElement:
        """Return the element as its handler sees it.

        Parameters
        ----------
        value
            Its raw bytes.
        context
            What surrounds it.
        fine
            Passed on to the handler's grammars.
        """
        element = self.element
        return PrivateElement(
            self.claimed.claim,
            self.selector,
            element.vr,
            value,
            element.order,
            context.charset(element.owner),
            partial(context.peer, element),
            fine,
        )

    def __repr__(self) -> str:
        """Return the claim, never the creator as found."""
        return f"<Located {self.claimed.selector}>"


@dataclass(slots=True, repr=False)
class Location:
    """What a data set's private matter consists of.

    Attributes
    ----------
    located
        Claimed elements, in file order.
    unclaimed
        Number of elements and of bytes that nobody claims, by innermost step and reason. A creator stands there folded;
        whether it may be printed is for the report to decide.
    disowned
        The elements that are counted there, with their steps; an element once.
    creators
        Who reserved which block.
    """

    located: list[Located] = field(default_factory=list)
    unclaimed: dict[tuple[Step, str], tuple[int, int]] = field(default_factory=dict)
    disowned: list[tuple[Step, Element]] = field(default_factory=list)
    creators: Creators = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return counts, never a creator."""
        return (
            f"<Location of {len(self.located)} claimed elements, {len(self.unclaimed)} selectors unclaimed>"
        )

    def disown(self, step: Step, reason: str, element: Element) -> None:
        """Count an element that nobody answers for."""
        count, total = self.unclaimed.get((step, reason), (0, 0))
        self.unclaimed[step, reason] = (count + 1, total + element.stop - element.start)
        if not self.disowned or self.disowned[-1][1] is not element:
            self.disowned.append((step, element))


class _Creators:
    """Lays Private Creators out: a name, and what stands dead behind it."""

    name: ClassVar[str] = "private-creator"
    claims: ClassVar[tuple[Claim, ...]] = ()
    rules: ClassVar[RuleSet] = RuleSet()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return the layout of a creator."""
        builder = Builder()
        builder.structure(creator_stop(element.value))
        builder.dead(len(element.value))
        return builder.done(len(element.value))


_CREATORS: Final = Registered("private-creator", _Creators(), "csaclean", "")
"""Who lays out Private Creators with dead bytes behind the name."""


class _Locator:
    def __init__(
        self, datasets: Sequence[DataSet], creators: Creators, load: Load, registry: Registry
    ) -> None:
        self._datasets = datasets
        self._creators = creators
        self._load = load
        self._registry = registry
        self._signature_size = registry.longest_signature
        self._names: dict[tuple[int, int, int], str | None] = {}
        self._around: dict[int, Selector] = {}
        self._printed: dict[int, Selector] = {}

    def _name(self, key: tuple[int, int, int]) -> str | None:
        """Return whose a block of a data set is: the first creator that a handler knows, else the first, None without one.

        Remembered: thousands of elements may lie in a block that thousands reserve.
        """
        if key not in self._names:
            creators = self._creators.get(key, ())
            self._names[key] = next(filter(self._registry.knows, creators), creators[0] if creators else None)
        return self._names[key]

    def step(self, owner: int, tag: int) -> Step:
        """Return the step that names an element in its data set, with the folded creator."""
        if not tag & 0x10000:
            return Step(tag >> 16, tag & 0xFFFF)
        group, block, byte = private_tag(tag)
        creator = self._name((owner, group, block)) if block else None
        return Step(group, tag & 0xFFFF) if creator is None else Step(group, byte, creator)

    def around(self, owner: int) -> Selector:
        """Return the steps of the private sequences around a data set."""
        if owner < 0:
            return ()
        if owner not in self._around:
            dataset = self._datasets[owner]
            outer = self.around(dataset.parent)
            self._around[owner] = (
                (*outer, self.step(dataset.parent, dataset.tag)) if dataset.private else outer
            )
        return self._around[owner]

    def printable_around(self, owner: int) -> Selector:
        """Return the steps of the private sequences around a data set, as `printable` gives them."""
        if owner not in self._printed:
            self._printed[owner] = tuple(map(self.printable, self.around(owner)))
        return self._printed[owner]

    def knows(self, creator: str) -> bool:
        """Tell whether a handler knows a folded creator."""
        return self._registry.knows(creator)

    def printable(self, step: Step) -> Step:
        """Return a step without a creator that no handler knows: such a name is a value of the file."""
        known = step.creator is None or self._registry.knows(step.creator)
        return step if known else step._replace(creator="?")

    def fits(self, claimed: Claimed, owner: int) -> bool:
        """Tell whether the sequences around an element are those that the claim's selector names."""
        wanted = claimed.claim.selector[:-1]
        if not wanted:
            return True
        found = self.around(owner)[-len(wanted) :]
        return len(found) == len(wanted) and all(folded(a) == b for a, b in zip(wanted, found, strict=True))

    def is_inside_claimed(self, owner: int) -> bool:
        """Tell whether the innermost private sequence around a data set is claimed: rules on standard elements are for those."""
        while owner >= 0 and not self._datasets[owner].tag & 0x10000:
            owner = self._datasets[owner].parent
        if owner < 0:
            return False
        dataset = self._datasets[owner]
        return bool(self._registry.find(*step_key(self.step(dataset.parent, dataset.tag))))

    def find(self, element: Element, step: Step) -> tuple[Claimed | None, bool]:
        """Return the claim on an element, and whether it is an orphan's."""
        owner = element.owner
        for claimed in self._registry.find(*step_key(step)):
            named = step.creator is not None or len(claimed.claim.selector) > 1
            if self.fits(claimed, owner) and (named or self.is_inside_claimed(owner)):
                return claimed, False
        covered = self._registry.cover(step) if self.is_inside_claimed(owner) else None
        return (covered, False) if covered is not None else self.orphan(element)

    def kept_by_blanking(self, element: Element, step: Step) -> str:
        """Return why blanking leaves an element alone; nothing if it doesn't.

        A standard element inside a private sequence that a converter reads is read as if it stood outside.
        """
        if is_read(element.tag, step):
            return READ
        if not element.tag & 0x10000:
            owner = element.owner
            while owner >= 0:
                dataset = self._datasets[owner]
                if dataset.tag & 0x10000 and is_read(dataset.tag, self.step(dataset.parent, dataset.tag)):
                    return READ
                owner = dataset.parent
        return PAYLOAD if is_payload(element) else ""

    def hides_payload(self, element: Element, name: str) -> bool:
        """Tell whether a payload stands in the place of a creator: one that nobody knows, and that is no text."""
        if (name and self._registry.knows(name)) or element.stop - element.start < self._signature_size:
            return False
        head = self._load(element, self._signature_size)
        return any(byte < ord(" ") for byte in head) and self.orphan(element)[0] is not None

    def orphan(self, element: Element) -> tuple[Claimed | None, bool]:
        """Return the claim on a private element by its first bytes, and whether there is one."""
        size = min(self._signature_size, element.stop - element.start)
        if not (size and element.tag & 0x10000):
            return None, False
        claimed = self._registry.orphan(self._load(element, size), element.tag & 0xFF)
        return claimed, claimed is not None


def step_key(step: Step) -> tuple[int, str | None, int]:
    """Return what claims are looked up by."""
    return step.group, step.creator, step.element


def _add_creator(found: Location, element: Element, value: bytes, locator: _Locator, *, blank: bool) -> None:
    """Account for a Private Creator: dead bytes behind the name are claimed, a name that isn't known is disowned.

    One that is none is disowned, or blanked if `blank` says so and the block that it reserves stays whose it is. One of
    blanks and NULs holds nothing.
    """
    size = element.stop - element.start
    if size == len(value) and not value.strip(b"\0 "):
        return
    step = Step(element.tag >> 16, element.tag & 0xFFFF)
    is_value = element.shape is Shape.VALUE
    name = creator_name(value) if is_value else ""
    stop = creator_stop(value) if name else size
    claimed: Claimed | None = None
    if name and value[stop:].strip(b"\0 "):
        claimed = Claimed(_CREATORS, Claim((step,)), str(step), by_vr=False)
    stays = bool(name)
    if not (name and is_only_a_name(value)):
        blanks = blank and is_value and not locator.kept_by_blanking(element, step)
        blanked = blank_creator_claim(step, str(step), value) if blanks else None
        if blanked is None:
            found.disown(step, "not-a-creator", element._replace(stop=element.start + stop))
            stays = False
        else:
            claimed, stop = blanked
    if stays and not locator.knows(name):
        own = element._replace(stop=element.start + stop)
        found.disown(Step(step.group, step.element, name), UNKNOWN_CREATOR, own)
    if claimed is not None:
        selector = (*locator.printable_around(element.owner), step)
        found.located.append(Located(element, claimed, selector, None, orphan=False))


def locate(
    elements: Sequence[Element],
    datasets: Sequence[DataSet],
    load: Load,
    registry: Registry,
    *,
    blank: bool = False,
) -> Location:
    """Find the claimed elements of a data set and count the rest.

    Parameters
    ----------
    elements, datasets
        As a walk returns them.
    load
        Gives values; asked for creators and, of elements that nobody claims by creator, for a signature's length.
    registry
        Who claims what.
    blank
        Whether what nobody claims is to be blanked: it is located too then, but for what a converter reads and for
        payload.

    Returns
    -------
    Location
        Sequences are not counted, what they hold is. Elements without a value, group lengths and creators that a handler
        knows hold nothing to answer for.

    Raises
    ------
    MalformedFile
        If an element that is claimed by its creator lies in fragments.
    """

    @cache  # of creators only: they are asked for twice
    def whole(element: Element) -> bytes:
        return load(element, _LONGEST_CREATOR)

    creators = resolve_creators(elements, whole)
    found = Location(creators=creators)
    locator = _Locator(datasets, creators, load, registry)
    for element in elements:
        tag, owner = element.tag, element.owner
        private_matter = tag & 0x10000 or datasets[owner].private or tag >> 16 == _META_GROUP
        size = element.stop - element.start
        if not private_matter and tag not in STANDARD:
            # The walk returns such an element only if it may be a sequence that nothing can read.
            found.disown(Step(tag >> 16, tag & 0xFFFF), "broken-sequence", element)
        if not private_matter or element.shape is Shape.SEQUENCE or is_group_length(tag, element.vr, size):
            continue
        reserves = is_creator(tag)
        name = creator_of(element, whole) if reserves else ""
        if reserves and not locator.hides_payload(element, name):
            _add_creator(found, element, whole(element), locator, blank=blank)
            continue
        step = locator.step(owner, tag)
        if element.shape is Shape.FRAGMENTS:
            if any(locator.fits(claimed, owner) for claimed in registry.find(*step_key(step))):
                raise MalformedFile(
                    "a claimed element in fragments", str(locator.printable(step)), element.header
                )
            claimed, orphan = None, False
        else:
            claimed, orphan = locator.find(element, step)
        if claimed is not None:
            selector = (*locator.printable_around(owner), claimed.claim.selector[-1])
            found.located.append(Located(element, claimed, selector, step.creator, orphan))
        elif size:
            reason = "unclaimed" if step.creator or not tag & 0x10000 else "no-creator"
            if blank:
                reason = locator.kept_by_blanking(element, step) or reason
            if blank and reason not in (READ, PAYLOAD):
                name = str(locator.printable(step))
                selector = (*locator.printable_around(owner), locator.printable(step))
                claimed = blank_claim(step, name)
                if step.group == _META_GROUP:
                    claimed = claimed._replace(
                        claim=claimed.claim._replace(vr=_META_VRS.get(step.element, "OB"))
                    )
                found.located.append(Located(element, claimed, selector, step.creator, orphan=False))
            else:
                found.disown(step, reason, element)
    return found
