"""Many byte strings looked for in one row: hundreds of them take hardly longer than a few.

A pattern stands in a row only if its last four bytes do. Of a row, all runs of four bytes are taken as numbers at once,
so only patterns whose end was met are looked for.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from csaclean.budget import COMPARED, Limit

__all__ = ["Patterns", "Spend", "free"]

Spend = Callable[[Limit, int], None]
"""Counts work of one kind, and raises `LimitExceeded` when there was too much of it."""
_FEW: Final = 128
"""Patterns that are looked for one after another in less time than the runs of a row are gathered."""
_RUN: Final = 4
_PIECE: Final = 1 << 18
"""Bytes whose runs are held at once."""
_TINY: Final = 256
"""Bytes of a row that takes less time to search than to count."""


def free(_limit: Limit, _amount: int) -> None:
    """Count nothing."""


def _number(run: bytes) -> int:
    return array("I", run)[0]


class Patterns:
    """Byte strings to look for.

    Parameters
    ----------
    patterns
        Not empty; each is known by its place among them.
    """

    __slots__ = ("_by_end", "_ends", "_few", "_patterns")

    def __init__(self, patterns: Iterable[bytes]) -> None:
        self._patterns = tuple(patterns)
        self._by_end: dict[int, list[int]] = {}
        self._few: list[int] = []
        if len(self._patterns) > _FEW:
            for number, pattern in enumerate(self._patterns):
                if len(pattern) < _RUN:
                    self._few.append(number)
                else:
                    self._by_end.setdefault(_number(pattern[-_RUN:]), []).append(number)
        else:
            self._few = list(range(len(self._patterns)))
        self._ends = frozenset(self._by_end)

    def __eq__(self, other: object) -> bool:
        """Tell whether the patterns are the same."""
        return isinstance(other, Patterns) and self._patterns == other._patterns

    def __hash__(self) -> int:
        """Return what equal patterns share."""
        return hash(self._patterns)

    def __repr__(self) -> str:
        """Return a count."""
        return f"<Patterns: {len(self._patterns)}>"

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._patterns)

    def standing(self, row: bytes, spend: Spend = free) -> Iterator[int]:
        """Yield the numbers of the patterns that stand in a row, each once.

        Parameters
        ----------
        row
            Any bytes.
        spend
            Told how many bytes are compared with patterns.

        Examples
        --------
        >>> list(Patterns([b"doe", b"joanna", b"4711"]).standing(b"joanna of 4711"))
        [1, 2]
        """
        patterns = self._patterns
        wanted = self._few
        if self._ends:
            met = self._met(row)
            wanted = [*wanted, *(number for end in met for number in self._by_end[end])]
        if len(row) > _TINY:
            spend(COMPARED, len(row) * len(wanted))
        for number in wanted:
            if patterns[number] in row:
                yield number

    def _met(self, row: bytes) -> set[int]:
        """Return which ends of patterns stand in a row."""
        met: set[int] = set()
        for low in range(0, len(row), _PIECE):
            piece = row[low : low + _PIECE + _RUN - 1]
            for phase in range(_RUN):
                size = max(0, len(piece) - phase) // _RUN * _RUN
                met.update(self._ends.intersection(array("I", piece[phase : phase + size])))
        return met
