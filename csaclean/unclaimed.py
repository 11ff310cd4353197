"""Private elements that nobody claims: reported, blanked, or refused.

Blanking never touches what a converter reads, by number or by creator, nor private pixel and signal payload.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import ClassVar, Final

from csaclean.converter_table import read_elements
from csaclean.creator_names import printable_step
from csaclean.dicom.creators import creator_name, creator_stop, is_creator, is_only_a_name, private_tag
from csaclean.dicom.elements import Element, Shape
from csaclean.dicom.source import Source
from csaclean.errors import Unsupported
from csaclean.handler import DEFAULT_CAP, Claim, PrivateElement, RulesOnly
from csaclean.model import Builder, Kind, Layout
from csaclean.policy.fills import fill
from csaclean.policy.rules import RuleSet
from csaclean.proof.numbers import Numbers
from csaclean.proof.residue import Needles
from csaclean.registry import Claimed, Registered
from csaclean.selector import Step, fold_creator
from csaclean.standard import StandardElements
from csaclean.vr_layout import DECIMAL_VRS, NUMBER_VRS, WRITTEN_VRS, are_decimal_numbers

__all__ = [
    "NOBODY",
    "SEARCHED",
    "UNKNOWN_CREATOR",
    "blank_claim",
    "blank_creator_claim",
    "find_in_unclaimed",
    "is_payload",
    "is_read",
    "is_read_number",
    "refuse_unclaimed",
    "searched_claim",
]

UNKNOWN_CREATOR: Final = "unknown-creator"
"""The reason for a creator that no handler knows. One that a shipped table knows is nothing to report."""
_PAYLOAD_GROUPS: Final = frozenset((0x7FE1,))
"""Private groups of pixel and signal data: next to Pixel Data (7FE0,0010)."""
_CAP: Final = 256 << 20
"""Longest value that is blanked, in bytes; a longer one fails its file."""


class _Nobody(RulesOnly):
    """Lays out what is blanked; by its VR, unless it stands in the place of a Private Creator."""

    name: ClassVar[str] = "nobody"
    rules: ClassVar[RuleSet] = RuleSet()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return the layout of a Private Creator that is none: the name that reserves a block stays, all behind it is text."""
        builder = Builder()
        value = element.value
        size = len(value)
        if creator_name(value):
            stop = creator_stop(value)
            first = value.find(b"\\")
            builder.structure(first if 0 <= first < stop else stop)
            builder.value(stop, "", "text")
            builder.dead(size)
        else:
            builder.value(size, "", "text")
        return builder.done(size)


class _Searched:
    """Lays out an unclaimed element in which an identifier stands."""

    name: ClassVar[str] = "unclaimed"
    claims: ClassVar[tuple[Claim, ...]] = ()
    rules: ClassVar[RuleSet] = RuleSet()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return a layout of one field: a decimal number or a text by its VR, else opaque."""
        builder = Builder()
        size = len(element.value)
        builder.value(size, "", _form(element.vr, element.value))
        return builder.done(size)


def _form(vr: str | None, value: bytes) -> str:
    if vr in DECIMAL_VRS and are_decimal_numbers(value):
        return "number"
    return "text" if vr in WRITTEN_VRS else "opaque"


SEARCHED: Final = Registered("unclaimed", _Searched(), "csaclean", "")
"""Who lays out unclaimed elements in which an identifier stands."""
NOBODY: Final = Registered("nobody", _Nobody(), "csaclean", "")
"""Who claims what is blanked because nobody claims it."""


def blank_claim(step: Step, selector: str) -> Claimed:
    """Return the claim on an element that is to be blanked.

    Parameters
    ----------
    step
        Its step.
    selector
        What reports call it.
    """
    return Claimed(NOBODY, Claim((step,), cap=_CAP, vr="UN"), selector, by_vr=True, form="opaque")


def blank_creator_claim(step: Step, selector: str, value: bytes) -> tuple[Claimed, int] | None:
    """Return the claim on a Private Creator that is none and is to be blanked, and how many bytes of it stay: a name.

    None if there is nothing but a name, or if blanking would change for whom the element reserves a block.

    Parameters
    ----------
    step, selector
        As for `blank_claim`.
    value
        Its first bytes, more than a creator may have.
    """
    claimed = Claimed(NOBODY, Claim((step,), cap=_CAP), selector, by_vr=False)
    layout = _Nobody().layout(
        PrivateElement(claimed.claim, (step,), None, value, "<", (), lambda _wanted: None)
    )
    blanked, start, stays = bytearray(value), 0, 0
    for stop, kind in zip(layout.stops, layout.kinds, strict=True):
        if kind == Kind.STRUCTURE:
            stays = stop
        elif kind == Kind.VALUE:
            blanked[start:stop] = fill("text", value[start:stop])
        start = stop
    if Kind.VALUE not in layout.kinds or (stays and not is_only_a_name(value[:stays])):
        return None
    return (claimed, stays) if creator_name(bytes(blanked)) == creator_name(value) else None


@cache
def _addresses() -> tuple[frozenset[int], frozenset[tuple[int, str, int]]]:
    """Return the addresses that converters read: absolute tags, and (group, folded creator, element byte)."""
    rows = read_elements()
    creators = ((row.step.group, fold_creator(row.step.creator or ""), row.step.element) for row in rows)
    return StandardElements.converters.tags.union(row.tag for row in rows), frozenset(creators)


def is_read(tag: int, step: Step) -> bool:
    """Tell whether a converter reads an element, by its number or by its creator."""
    numbers, creators = _addresses()
    by_creator = step.creator is not None and (step.group, step.creator, step.element) in creators
    return by_creator or tag in numbers


def is_read_number(tag: int) -> bool:
    """Tell whether a converter reads whatever has this number."""
    return tag in _addresses()[0]


def is_payload(element: Element) -> bool:
    """Tell whether an element is private pixel or signal data."""
    return element.shape is Shape.FRAGMENTS or private_tag(element.tag).group in _PAYLOAD_GROUPS


def refuse_unclaimed(unclaimed: Mapping[tuple[Step, str], tuple[int, int]]) -> None:
    """Refuse a data set that holds private elements nobody claims. A creator with a known name says nothing by itself.

    Raises
    ------
    Unsupported
        If there is one.
    """
    count = sum(
        number
        for (step, reason), (number, _) in unclaimed.items()
        if reason != UNKNOWN_CREATOR or "?" in printable_step(step)
    )
    if count:
        raise Unsupported(f"{count} private elements that nobody claims")


def searched_claim(step: Step, element: Element) -> Claimed | None:
    """Return the claim under which identifiers in an unclaimed element are redacted.

    Parameters
    ----------
    step
        Its step, the creator folded.
    element
        The element in the walk.

    Returns
    -------
    Claimed or None
        None for an element that stays as it is: at a reader's address, private pixels or signals, a creator, a sequence
        that can't be read, or longer than is loaded.
    """
    if (
        element.shape is not Shape.VALUE
        or is_creator(element.tag)
        or element.stop - element.start > DEFAULT_CAP
        or is_read(element.tag, step)
        or is_payload(element)
        or not (element.tag & 0x10000 or step.creator is not None)
    ):
        return None
    return Claimed(SEARCHED, Claim((step,)), printable_step(step), by_vr=False)


def find_in_unclaimed(
    disowned: Iterable[tuple[Step, Element]], source: Source, needles: Needles
) -> Iterator[tuple[Step, Element, tuple[str, ...]]]:
    """Yield the unclaimed elements in which identifiers stand, as words or as numbers, with the groups of those."""
    numbers = Numbers(needles.numbers, needles.spend)
    for step, element in disowned:
        extent = (element.start, element.stop)
        groups: frozenset[str] = needles.find_in_chunks(source.read, *extent)
        if _may_hold_numbers(element):
            groups |= numbers.find_in_chunks(source.read, *extent)
        if groups:
            yield step, element, tuple(sorted(groups))


def _may_hold_numbers(element: Element) -> bool:
    """Tell whether the numbers of an element are compared: all but those of text, of pixels, and of what is never loaded."""
    if element.vr in WRITTEN_VRS:
        return element.vr in DECIMAL_VRS
    return element.vr in NUMBER_VRS or (
        element.shape is Shape.VALUE and element.stop - element.start <= DEFAULT_CAP
    )
