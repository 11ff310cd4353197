"""The Elscint handler: ``ELSCINT1``, a creator that Philips' CT scanners still write.

Rules from public dictionaries; no real file was seen, the tests are synthetic. Copies of pixels are not claimed, see
``rules.toml``: they stay and are reported, and nobody vouches for them.
"""

from typing import ClassVar

from csaclean.handler import RuleSet, RulesOnly

__all__ = ["ElscintHandler"]


class ElscintHandler(RulesOnly):
    """Rules, and no grammar: each element is laid out by its VR."""

    name: ClassVar[str] = "elscint"
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.elscint")
