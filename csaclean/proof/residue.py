"""Proof, fourth stage: whether the patient's own identifiers stand in what stays."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

__all__ = ["Needles"]


@dataclass(frozen=True, slots=True, repr=False)
class Needles:
    """Identifiers to search for: none, until they can be told in their encodings."""

    @classmethod
    def from_identifiers(
        cls,
        names: Iterable[str],
        others: Iterable[str],
        birth_dates: Iterable[str],
        extra: Iterable[str],
        charsets: tuple[str, ...],
    ) -> Self:
        """Return nothing to search for."""
        return cls()

    def __bool__(self) -> bool:
        """Whether there is anything to search for."""
        return False

    def find(self, row: bytes, within: tuple[int, int] | None = None) -> list[tuple[int, int]]:
        """Return no hits."""
        return []

    def find_in_chunks(
        self, read: Callable[[int, int], bytes], start: int, stop: int, chunk: int = 1 << 20
    ) -> bool:
        """Tell that nothing was found."""
        return False
