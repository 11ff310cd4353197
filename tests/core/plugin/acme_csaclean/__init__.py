"""A handler of somebody else's distribution, for a vendor that doesn't exist."""

from typing import ClassVar

from csaclean.handler import Claim, PrivateElement, Rule, RuleSet, parse_selector
from csaclean.model import Builder, Layout

__all__ = ["AcmeHandler"]

_MAGIC = b"ACME"


class AcmeHandler:
    """Lay out a value of a magic word, a name of eight bytes, and dead bytes."""

    name: ClassVar[str] = "acme"
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim(parse_selector("(0099,ACME PHANTOM,01)"), (_MAGIC,), orphan=True),
    )
    rules: ClassVar[RuleSet] = RuleSet(
        (
            Rule(("(0099,ACME PHANTOM,01)",), "identity", "a name", field=("Name",)),
            Rule(("(0099,ACME PHANTOM,02)",), "dates", "laid out by its VR", vr="DA", form="date"),
        )
    )

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte is."""
        if not element.value.startswith(_MAGIC):
            return Layout.foreign("another-magic-word")
        builder = Builder()
        size = len(element.value)
        builder.structure(4)
        builder.value(min(12, size), "Name", "text")
        builder.dead(size)
        return builder.done(size)
