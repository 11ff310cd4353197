"""The rules of GE's private elements, loaded once: the handler has them, and the grammar asks them about keys."""

from functools import cache

from csaclean.handler import RuleSet

__all__ = ["rules"]


@cache
def rules() -> RuleSet:
    """Return the rules of this handler: all tables of the folder ``rules``."""
    return RuleSet.load("csaclean_handlers.ge")
