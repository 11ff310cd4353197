"""The Hitachi handler: the identification of the CT scanners, and ``MMCPrivate`` of the MR scanners.

Rules from public dictionaries. Of the CT one public file was looked at, of the MR none; the tests are synthetic.
"""

from typing import ClassVar

from csaclean.handler import RuleSet, RulesOnly

__all__ = ["HitachiHandler"]


class HitachiHandler(RulesOnly):
    """Rules, and no grammar: each element is laid out by its VR."""

    name: ClassVar[str] = "hitachi"
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.hitachi")
