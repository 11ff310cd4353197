"""The Siemens handler: CSA headers, protocol texts and all else that Siemens' MR scanners write under their creators."""

from typing import ClassVar

from csaclean.handler import DEFAULT_CAP, Claim, PrivateElement, RuleSet, format_selector, parse_selector
from csaclean.model import Layout
from csaclean_handlers.siemens.converters import SiemensConverters
from csaclean_handlers.siemens.elements import GRAMMARS
from csaclean_handlers.siemens.witness import NibabelWitness

__all__ = ["SiemensHandler"]

_SIGNATURES = {
    **dict.fromkeys(
        ("(0029,SIEMENS CSA HEADER,10)", "(0029,SIEMENS CSA HEADER,20)"),
        # CSA2 with either second magic word, plain and swapped in pairs.
        (b"SV10\4\3\2\1", b"SV10\0\0\0\0", b"VS01\3\4\1\2", b"VS01\0\0\0\0"),
    ),
    "(0021,SIEMENS MR SDS 01,19)": (b"<XProtocol>", b"### ASCCONV BEGIN"),
    "(0029,SIEMENS MEDCOM HEADER,20)": ("MEDCOM HISTORY".encode("utf-16-le"),),
    "(0029,SIEMENS MEDCOM OOG,10)": (b"STEP;",),
}
"""First bytes by which an orphan is known: an element whose creator is gone."""


_CAPS = dict.fromkeys(("(7FE1,SIEMENS CSA NON-IMAGE,10)", "(7FE1,SIEMENS MR IMA,10)"), 256 << 20)
"""Longest value that is loaded, where it is not the default: three-dimensional spectroscopy, raw data."""


class SiemensHandler:
    """Lay out elements by their grammar; what has a rule and no grammar is laid out by its VR."""

    name: ClassVar[str] = "siemens"
    claims: ClassVar[tuple[Claim, ...]] = tuple(
        Claim(
            parse_selector(selector),
            _SIGNATURES.get(selector, ()),
            orphan=selector in _SIGNATURES,
            cap=_CAPS.get(selector, DEFAULT_CAP),
        )
        for selector in GRAMMARS
    )
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.siemens")
    witness: ClassVar[NibabelWitness] = NibabelWitness()
    converters: ClassVar[SiemensConverters] = SiemensConverters()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of an element is; see `csaclean_handlers.siemens.elements.GRAMMARS`.

        Raises
        ------
        MalformedValue
            If a signature is there and the grammar fails.
        """
        return GRAMMARS[format_selector(element.claim.selector)](element)
