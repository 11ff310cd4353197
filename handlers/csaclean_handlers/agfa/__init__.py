"""The Agfa handler: what computed radiography and the archive leave in images, those of other vendors included.

Rules from public dictionaries. Two public files were looked at, with few of these elements; the tests are synthetic.
"""

from typing import ClassVar

from csaclean.handler import RuleSet, RulesOnly

__all__ = ["AgfaHandler"]


class AgfaHandler(RulesOnly):
    """Rules, and no grammar: each element is laid out by its VR."""

    name: ClassVar[str] = "agfa"
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.agfa")
