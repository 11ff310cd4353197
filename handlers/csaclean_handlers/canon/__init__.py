"""The Canon handler: what Canon's and Toshiba's scanners write, data sets stored backwards among it.

No converter reads any of it (rordenlab/dcm2niix ``console/nii_dicom.cpp``: diffusion gradients of this vendor come from the
public Image Comments), so there is no converter table.
"""

from typing import ClassVar

from csaclean.handler import Claim, PrivateElement, RuleSet, format_selector, parse_selector
from csaclean.model import Layout
from csaclean_handlers.canon.elements import CAPS, GRAMMARS

__all__ = ["CanonHandler"]


class CanonHandler:
    """Lay out elements by their grammar; what has a rule and no grammar is laid out by its VR."""

    name: ClassVar[str] = "canon"
    claims: ClassVar[tuple[Claim, ...]] = tuple(
        Claim(parse_selector(selector), cap=CAPS[selector]) for selector in GRAMMARS
    )
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.canon")

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of an element is; see `csaclean_handlers.canon.elements.GRAMMARS`.

        Raises
        ------
        MalformedValue
            If records begin as records and don't end so. A reversed data set that can't be walked is malformed too, but the
            engine says so.
        """
        return GRAMMARS[format_selector(element.claim.selector)](element.value)
