"""Patterns of field paths: ``*`` within one segment, ``**`` across segments, ``[]`` any index, all else literal."""

import re
from typing import Final

__all__ = ["compile_pattern", "is_pattern", "literal_length", "may_meet", "overlap"]

_TOKENS: Final = re.compile(r"(\*\*|\*|\[\])")
_REGEXES: Final = {"**": ".*", "*": "[^/]*", "[]": r"\[\d+\]"}
_STARS: Final = frozenset(("*", "**"))
_DIGITS: Final = "[0-9]"


def is_pattern(path: str) -> bool:
    """Tell whether a path stands for more than itself."""
    return _TOKENS.search(path) is not None


def literal_length(pattern: str) -> int:
    """Return how much of a pattern is literal: the longer, the more exact."""
    return len(_TOKENS.sub("", pattern))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression that matches a path in full."""
    parts = _TOKENS.split(pattern)
    return re.compile("".join(_REGEXES.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _atoms(pattern: str) -> list[str]:
    """Return a pattern as single characters, stars, and ``[0-9]`` for one digit of an index or more."""
    atoms: list[str] = []
    for part in _TOKENS.split(pattern):
        if part in _STARS:
            atoms.append(part)
        elif part == "[]":
            atoms += ["[", _DIGITS, "]"]
        else:
            atoms += part
    return atoms


def _meet(a: str, b: str) -> bool:
    """Tell whether some character satisfies both atoms."""
    if a in _STARS or b in _STARS:
        narrow, other = (a, b) if b in _STARS else (b, a)
        return other == "**" or narrow != "/"
    if _DIGITS in (a, b):
        return a == b or (b if a == _DIGITS else a).isdigit()
    return a == b


def _next(atoms: list[str], place: int) -> tuple[int, ...]:
    """Return where a pattern may stand after one more character."""
    if atoms[place] in _STARS:
        return (place,)
    return (place, place + 1) if atoms[place] == _DIGITS else (place + 1,)


def may_meet(one: str, other: str) -> bool:
    """Tell, quickly, whether two patterns could match one path: whether neither end of them contradicts the other's."""
    heads = [_TOKENS.split(pattern, maxsplit=1)[0] for pattern in (one, other)]
    tails = [_TOKENS.split(pattern)[-1] for pattern in (one, other)]
    short_head, short_tail = min(map(len, heads)), min(map(len, tails))
    return heads[0][:short_head] == heads[1][:short_head] and (
        not short_tail or tails[0][-short_tail:] == tails[1][-short_tail:]
    )


def overlap(one: str, other: str) -> bool:
    """Tell whether some path matches both patterns.

    Examples
    --------
    >>> overlap("**ASCCONV/t*", "*/ASCCONV/*Name"), overlap("a/*", "a/b/c")
    (True, False)
    """
    first, second = _atoms(one), _atoms(other)
    pending, seen = [(0, 0)], {(0, 0)}
    while pending:
        i, j = pending.pop()
        if i == len(first) and j == len(second):
            return True
        steps: list[tuple[int, int]] = []
        if i < len(first) and first[i] in _STARS:
            steps.append((i + 1, j))
        if j < len(second) and second[j] in _STARS:
            steps.append((i, j + 1))
        if i < len(first) and j < len(second) and _meet(first[i], second[j]):
            steps += [(a, b) for a in _next(first, i) for b in _next(second, j)]
        for step in steps:
            if step not in seen:
                seen.add(step)
                pending.append(step)
    return False
