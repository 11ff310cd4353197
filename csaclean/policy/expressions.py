"""Regular expressions in tables of rules: which are refused although Python compiles them.

CPython before 3.11.5 matches possessive quantifiers and atomic groups wrongly, inside a repetition above all: they match
where they should not, and what matches a list of texts stands.

Sources: python/cpython gh-106052 (possessive quantifiers), gh-100061 (atomic groups).
"""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

__all__ = ["refused_construct"]

_REFUSED: Final = {
    "POSSESSIVE_REPEAT": "a possessive quantifier, such as a++; drop the + behind the quantifier",
    "ATOMIC_GROUP": "an atomic group, (?>...); write (?:...)",
}
_MARKS: Final = ("*+", "++", "?+", "}+", "(?>")
"""One of them stands in each expression with such a construct."""


def _steps(tree: Any) -> Iterator[str]:
    """Yield the names of all steps of a parsed expression; its subpatterns stand in the arguments of steps."""
    left = [tree]
    parsed = type(tree)
    while left:
        node = left.pop()
        if isinstance(node, parsed):
            for name, argument in node:
                yield str(name)
                left.append(argument)
        elif isinstance(node, tuple | list):
            left += node


def refused_construct(expression: str | bytes, flags: int = 0, /) -> str:
    r"""Return what an expression must not hold, and the remedy; nothing if it is sound.

    Parameters
    ----------
    expression
        One that can be compiled.
    flags
        Those that it is compiled with, `re.VERBOSE` among them.

    Examples
    --------
    >>> refused_construct(r"\d+\+[+*]+"), refused_construct(rb"(?:a|b*+)c")
    ('', 'a possessive quantifier, such as a++; drop the + behind the quantifier')
    """
    text = expression if isinstance(expression, str) else expression.decode("latin-1")
    if not any(mark in text for mark in _MARKS):
        return ""
    # The parser of `re`: it alone knows what is an escape, a class or a comment.
    steps = _steps(import_module("re._parser").parse(expression, flags & ~re.DEBUG))
    return next((_REFUSED[step] for step in steps if step in _REFUSED), "")
