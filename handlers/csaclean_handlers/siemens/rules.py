"""The rules of Siemens' private elements, loaded once: the handler has them, and grammars ask them about texts."""

from functools import cache

from csaclean.handler import RuleSet

__all__ = ["rules"]


@cache
def rules() -> RuleSet:
    """Return the rules of this handler."""
    return RuleSet.load("csaclean_handlers.siemens")
