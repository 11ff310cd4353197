"""The Siemens handler: CSA headers of V-line scanners, found by creator or by their own signature."""

from typing import ClassVar

from csaclean.handler import Claim, PrivateElement, RuleSet, parse_selector
from csaclean.model import Layout
from csaclean_handlers.siemens.converters import SiemensConverters
from csaclean_handlers.siemens.csa_layout import layout_csa
from csaclean_handlers.siemens.rules import rules
from csaclean_handlers.siemens.witness import NibabelWitness

__all__ = ["SiemensHandler"]

_SIGNATURES = (b"SV10\4\3\2\1", b"SV10\0\0\0\0", b"VS01\3\4\1\2", b"VS01\0\0\0\0")
"""CSA2 with either second magic word, plain and swapped in pairs."""


class SiemensHandler:
    """Lay out the image and series headers of creator ``SIEMENS CSA HEADER``."""

    name: ClassVar[str] = "siemens"
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim(parse_selector("(0029,SIEMENS CSA HEADER,10)"), _SIGNATURES, orphan=True),
        Claim(parse_selector("(0029,SIEMENS CSA HEADER,20)"), _SIGNATURES, orphan=True),
    )
    rules: ClassVar[RuleSet] = rules()
    witness: ClassVar[NibabelWitness] = NibabelWitness()
    converters: ClassVar[SiemensConverters] = SiemensConverters()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of a CSA header is; see `csaclean_handlers.siemens.csa_layout.layout_csa`.

        Raises
        ------
        MalformedValue
            If the signature is there and the walk fails.
        """
        return layout_csa(element.value)
