"""Selectors: how handlers, rules, recipes and reports name private elements.

A selector never holds an absolute private tag, because the block number of a private element is only reserved by the
Private Creator of its data set and moves from file to file (PS3.5 section 7.8.1).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from csaclean.errors import PolicyError

__all__ = ["Selector", "Step", "fold_creator", "folded", "format_selector", "parse_selector"]

_STEP = re.compile(r"\(([0-9A-Fa-f]{4}),(?:([^()]+),([0-9A-Fa-f]{2})|([0-9A-Fa-f]{4}))\)")


class Step(NamedTuple):
    """One level of a selector.

    Attributes
    ----------
    group
        The group number.
    element
        For a private step the low byte of the element number, else the whole element number.
    creator
        The Private Creator as its vendor writes it; None for a standard tag, or a private tag without creator, which
        are legal only below a claimed sequence.
    """

    group: int
    element: int
    creator: str | None = None

    def __str__(self) -> str:
        """Return the step as documents write it."""
        if self.creator is None:
            return f"({self.group:04X},{self.element:04X})"
        return f"({self.group:04X},{self.creator},{self.element:02X})"


Selector = tuple[Step, ...]


def fold_creator(value: bytes | str, /) -> str:
    r"""Return the form in which creators are compared: the first value up to a NUL, trimmed, case-folded.

    Examples
    --------
    >>> fold_creator(b" Siemens CSA Header\0")
    'siemens csa header'
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return text.lstrip(" \0").partition("\0")[0].partition("\\")[0].strip().casefold()


def folded(step: Step, /) -> Step:
    """Return a step with its creator in the form in which creators are compared."""
    return step if step.creator is None else step._replace(creator=fold_creator(step.creator))


@lru_cache(maxsize=1 << 14)
def parse_selector(text: str, /) -> Selector:
    """Return the selector written as `text`.

    Raises
    ------
    PolicyError
        If `text` isn't one or more steps joined by ``/``.

    Examples
    --------
    >>> parse_selector("(0029,SIEMENS CSA HEADER,20)")
    (Step(group=41, element=32, creator='SIEMENS CSA HEADER'),)
    """
    steps: list[Step] = []
    position = 0
    while match := _STEP.match(text, position):
        group, creator, low, whole = match.groups()
        steps.append(Step(int(group, 16), int(low or whole, 16), creator))
        position = match.end()
        if position == len(text):
            return tuple(steps)
        if text[position] != "/":
            break
        position += 1
    raise PolicyError(f"not a selector: {text!r}; write (gggg,CREATOR,ee), steps joined by '/'")


def format_selector(selector: Selector, /) -> str:
    """Return the text of a selector: the inverse of `parse_selector`."""
    return "/".join(map(str, selector))
