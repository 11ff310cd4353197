"""Standard elements below claimed sequences and in nested data sets: private matter, whoever's sequence it is.

A claim on a sequence covers its items. What stands there under a standard tag means the same for every vendor (PS3.6), so
its rules are the engine's own, and no handler needs any. A handler that knows more about one place says so with a selector
of several steps, as in ``(0065,Image Private Header,51)/(0008,0032)``.

``rules.toml`` has what identifies, ``terms.toml`` defined terms, ``numbers.toml`` numbers; ``converters.toml`` says what is
read wherever it stands.
"""

from importlib.resources import files
from typing import ClassVar, Final

from csaclean.converter_table import ElementTable, rows_of
from csaclean.handler import RuleSet, RulesOnly

__all__ = ["StandardElements"]

_PACKAGE: Final = "csaclean.standard"


class StandardElements(RulesOnly):
    """The handler of standard elements: rules and a converter table, no grammar."""

    name: ClassVar[str] = "standard"
    rules: ClassVar[RuleSet] = RuleSet.load(_PACKAGE, "rules.toml", "terms.toml", "numbers.toml")
    converters: ClassVar[ElementTable] = ElementTable(
        rows_of(files(_PACKAGE).joinpath("converters.toml").read_text("utf-8"))
    )
