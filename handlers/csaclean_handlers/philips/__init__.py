"""The Philips handler: rules for what Philips' scanners write under their creators, grammars for the blobs of raw data."""

from typing import ClassVar, Final

from csaclean.converter_table import ElementTable
from csaclean.handler import Claim, PrivateElement, RuleSet, parse_selector
from csaclean.model import Layout
from csaclean_handlers.philips.blobs import BLOB, layout_blob

__all__ = ["PhilipsHandler"]

_CAP: Final = 64 << 20
"""Longest blob that is loaded, in bytes: exam cards have 4 MiB."""


class PhilipsHandler:
    """Lay out blobs by their grammar; what has a rule and no grammar is laid out by its VR."""

    name: ClassVar[str] = "philips"
    claims: ClassVar[tuple[Claim, ...]] = (Claim(parse_selector(BLOB), cap=_CAP, vr="OW"),)
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.philips")
    converters: ClassVar[ElementTable] = ElementTable.of_vendor("Philips")

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of a blob is; see `csaclean_handlers.philips.blobs.layout_blob`.

        Raises
        ------
        MalformedValue
            If a blob says that it holds parameters, and the grammar fails.
        """
        return layout_blob(element)
