"""The rules of GE's private elements, loaded once: the handler has them, and grammars ask them about keys and texts."""

from functools import cache

from csaclean.handler import RuleSet
from csaclean.model import Layout
from csaclean.policy.listed import listed

__all__ = ["ruled", "rules"]


@cache
def rules() -> RuleSet:
    """Return the rules of this handler: all tables of the folder ``rules``."""
    return RuleSet.load("csaclean_handlers.ge")


def ruled(layout: Layout, row: bytes, select: str) -> Layout:
    """Return a layout in which each text that a rule lists is a code.

    Parameters
    ----------
    layout, row
        Of an element.
    select
        The element's canonical selector.
    """
    return listed(layout, row, select, rules())
