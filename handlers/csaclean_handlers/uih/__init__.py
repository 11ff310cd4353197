"""The handler of United Imaging (UIH): rules for nearly all, a grammar for two texts.

Its image header holds the moment of the scan, a protocol that nobody can read, and a sequence with an item for each slice of a
volume: standard dates and times of day there, and private elements that no creator owns.
"""

from typing import ClassVar, Final

from csaclean.converter_table import ElementTable
from csaclean.handler import Claim, PrivateElement, RuleSet, format_selector, parse_selector
from csaclean.model import Layout
from csaclean_handlers.uih.grammars import GRAMMARS

__all__ = ["UihHandler"]

_VRS: Final = {"(0065,Image Private Header,17)": "LO"}


class UihHandler:
    """Lay out two texts by their grammar; what has a rule and no grammar is laid out by its VR."""

    name: ClassVar[str] = "uih"
    claims: ClassVar[tuple[Claim, ...]] = tuple(
        Claim(parse_selector(selector), vr=_VRS.get(selector, "OB")) for selector in GRAMMARS
    )
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.uih")
    converters: ClassVar[ElementTable] = ElementTable.of_vendor("UIH")

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of an element is; see `csaclean_handlers.uih.grammars.GRAMMARS`."""
        return GRAMMARS[format_selector(element.claim.selector)](element.value)
