"""Private elements that nobody claims: reported, blanked, or refused.

Blanking never touches what a converter reads, by number or by creator, nor private pixel and signal payload.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import ClassVar, Final

from csaclean.converter_table import read_elements
from csaclean.creator_names import printable_step
from csaclean.dicom.creators import private_tag
from csaclean.dicom.elements import Element, Shape, tag_text
from csaclean.dicom.source import Source
from csaclean.errors import ProofFailed, Unsupported
from csaclean.handler import Claim, RulesOnly
from csaclean.policy.rules import RuleSet
from csaclean.proof.residue import Needles
from csaclean.registry import Claimed, Registered
from csaclean.selector import Step, fold_creator
from csaclean.standard import StandardElements

__all__ = [
    "NOBODY",
    "UNKNOWN_CREATOR",
    "blank_claim",
    "is_payload",
    "is_read",
    "is_read_number",
    "refuse_unclaimed",
    "search_unclaimed",
]

UNKNOWN_CREATOR: Final = "unknown-creator"
"""The reason for a creator that no handler knows. One that a shipped table knows is nothing to report."""
_PAYLOAD_GROUPS: Final = frozenset((0x7FE1,))
"""Private groups of pixel and signal data: next to Pixel Data (7FE0,0010)."""
_CAP: Final = 256 << 20
"""Longest value that is blanked, in bytes; a longer one fails its file."""


class _Nobody(RulesOnly):
    name: ClassVar[str] = "nobody"
    rules: ClassVar[RuleSet] = RuleSet()


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


def search_unclaimed(elements: Iterable[Element], source: Source, needles: Needles) -> None:
    """Search what nobody claims for the patient's identifiers.

    Raises
    ------
    ProofFailed
        If one stands there: nobody can say what may be written in its place.
    """
    for element in elements:
        if needles.find_in_chunks(source.read, element.start, element.stop):
            raise ProofFailed(
                "residue",
                "an identifier of the patient stands in a private element that nobody claims",
                tag_text(element.tag),
            )
