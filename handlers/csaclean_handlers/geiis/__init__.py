"""The GEIIS handler: original UIDs, a thumbnail and more that GE's Centricity archive writes into images of all vendors.

Rules from public dictionaries; no real file was seen, the tests are synthetic. The thumbnail's pixels stay and are reported,
and nobody vouches for them.
"""

from typing import ClassVar

from csaclean.handler import RuleSet, RulesOnly

__all__ = ["GeiisHandler"]


class GeiisHandler(RulesOnly):
    """Rules, and no grammar: each element is laid out by its VR."""

    name: ClassVar[str] = "geiis"
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.geiis")
