"""The handler of archives and trial software that leave a block or two in images of all vendors.

Rules from public dictionaries. Of ``dcm4che/archive`` one public file was looked at, of the others none; the tests are
synthetic.
"""

from typing import ClassVar

from csaclean.handler import RuleSet, RulesOnly

__all__ = ["ArchivesHandler"]


class ArchivesHandler(RulesOnly):
    """Rules, and no grammar: each element is laid out by its VR."""

    name: ClassVar[str] = "archives"
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_handlers.archives")
