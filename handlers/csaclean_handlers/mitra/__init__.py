"""The Mitra handler: names and numbers that Agfa's IMPAX, once Mitra's, writes into images of all vendors.

Rules from public dictionaries. One public file was looked at; the tests are synthetic.
"""

from typing import ClassVar

from csaclean.handler import RuleSet, RulesOnly

__all__ = ["MitraHandler"]


class MitraHandler(RulesOnly):
    """Rules, and no grammar: each element is laid out by its VR."""

    name: ClassVar[str] = "mitra"
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.mitra")
