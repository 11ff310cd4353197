"""The Sectra handler: numbers of the request and the examination that the archive writes into images of all vendors.

Rules from public dictionaries; no real file was seen, the tests are synthetic.
"""

from typing import ClassVar

from csaclean.handler import RuleSet, RulesOnly

__all__ = ["SectraHandler"]


class SectraHandler(RulesOnly):
    """Rules, and no grammar: each element is laid out by its VR."""

    name: ClassVar[str] = "sectra"
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.sectra")
