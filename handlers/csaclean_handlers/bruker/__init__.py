"""The Bruker handler: ParaVision's parameter files, copied into (0177,1100) and (0177,1101) of its images.

Both are JCAMP-DX, texts of ``##LABEL=`` records (R. McDonald, P. Wilks, Appl. Spectrosc. 42, 1988, p. 151): the ``method`` and the
``visu_pars`` of a reconstruction. No public file and no dictionary shows their creator, so they are known by their first
label. Nothing inside is told apart: no real file was seen, the tests are synthetic.
"""

from typing import ClassVar, Final

from csaclean.handler import Claim, PrivateElement, RuleSet, parse_selector
from csaclean.model import Builder, Layout

__all__ = ["BrukerHandler"]

_TITLE: Final = b"##TITLE="
"""The label that a JCAMP-DX text starts with."""
_VISU: Final = b"##$VisuVersion="
"""A label of ``visu_pars`` alone."""


class BrukerHandler:
    """Each text is one field, ``method`` or ``visu_pars``; the labels that tell which are structure."""

    name: ClassVar[str] = "bruker"
    claims: ClassVar[tuple[Claim, ...]] = (Claim(parse_selector("(0177,1100)"), (_TITLE,), orphan=True),)
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.bruker")

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return the layout of a text; foreign if it doesn't start like one."""
        value = element.value
        if not value.startswith(_TITLE):
            return Layout.foreign("not-jcamp-dx")
        builder = Builder()
        builder.structure(len(_TITLE))
        end = len(value.rstrip(b"\0 "))
        visu = value.find(_VISU, len(_TITLE), end)
        path = "method" if visu < 0 else "visu_pars"
        if visu >= 0:
            builder.value(visu, path, "text")
            builder.structure(visu + len(_VISU))
        builder.value(max(end, builder.position), path, "text")
        builder.structure(len(value))
        return builder.done(len(value))
