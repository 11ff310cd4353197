"""The GE handler: protocol data blocks, headers of raw data files, and the elements of every creator of GE's that is known."""

from typing import ClassVar

from csaclean.handler import Claim, PrivateElement, RuleSet, format_selector, parse_selector
from csaclean.model import Layout
from csaclean_handlers.ge.converters import GeConverters
from csaclean_handlers.ge.elements import GRAMMARS
from csaclean_handlers.ge.ruleset import rules

__all__ = ["GeHandler"]


class GeHandler:
    """Lay out elements by their grammar; what has a rule and no grammar is laid out by its VR."""

    name: ClassVar[str] = "ge"
    claims: ClassVar[tuple[Claim, ...]] = tuple(Claim(parse_selector(selector)) for selector in GRAMMARS)
    rules: ClassVar[RuleSet] = rules()
    converters: ClassVar[GeConverters] = GeConverters()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of an element is; see `csaclean_handlers.ge.elements.GRAMMARS`.

        Raises
        ------
        MalformedValue
            If a signature is there and the grammar fails.
        """
        return GRAMMARS[format_selector(element.claim.selector)](element.value)
