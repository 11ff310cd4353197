"""What surrounds an element in its data set: values, other elements, the character set in force."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from csaclean.dicom.creators import private_tag
from csaclean.dicom.elements import SPECIFIC_CHARACTER_SET, DataSet, Element
from csaclean.dicom.source import Source
from csaclean.dicom.walk import STANDARD
from csaclean.errors import IoFailed

__all__ = ["PEER_CAP", "Context"]

PEER_CAP: Final = 1 << 10
"""Longest value that a handler may ask for as a peer, in bytes."""


class Context:
    """A walked data set whose values can be looked up.

    Parameters
    ----------
    elements, datasets
        As a walk of `source` returns them.
    source
        Where their bytes are.
    """

    def __init__(self, elements: Sequence[Element], datasets: Sequence[DataSet], source: Source) -> None:
        self.elements = elements
        self.datasets = datasets
        self.source = source

    def load(self, element: Element, size: int = -1) -> bytes:
        """Return the first `size` bytes of an element's value, all of them if it is negative.

        Raises
        ------
        IoFailed
            If the source has become shorter than the walk found it.
        """
        stop = element.stop if size < 0 else min(element.stop, element.start + size)
        value = self.source.read(element.start, stop)
        if len(value) != stop - element.start:
            raise IoFailed("the file was cut while it was read", "", element.start)
        return value

    @cached_property
    def _charsets(self) -> Mapping[int, tuple[str, ...]]:
        return {
            element.owner: _terms(self.load(element))
            for element in self.elements
            if element.tag == SPECIFIC_CHARACTER_SET
        }

    def charset(self, owner: int) -> tuple[str, ...]:
        """Return the terms in force in a data set, by its number: an item inherits those of the data set around it."""
        while owner >= 0:
            if owner in self._charsets:
                return self._charsets[owner]
            owner = self.datasets[owner].parent
        return ()

    @cached_property
    def _index(self) -> Mapping[tuple[int, int], Element]:
        return {(other.owner, other.tag): other for other in self.elements}

    def peer(self, element: Element, wanted: int) -> bytes | None:
        """Return another element's value: up to 0xFF one of the same block, above a tag of the same data set.

        None if it is absent or longer than `PEER_CAP`.
        """
        tag = wanted
        if wanted <= 0xFF:  # an element byte
            group, block, _ = private_tag(element.tag)
            tag = group << 16 | block << 8 | wanted
        other = self._index.get((element.owner, tag))
        if other is None or other.stop - other.start > PEER_CAP:
            return None
        return self.load(other)

    def standard(self) -> dict[int, bytes]:
        """Return the values of the standard elements of the data set itself, by tag, each up to `PEER_CAP`."""
        return {
            element.tag: self.load(element, PEER_CAP)
            for element in self.elements
            if element.tag in STANDARD and self.datasets[element.owner].parent < 0
        }


def _terms(value: bytes) -> tuple[str, ...]:
    return tuple(term.strip() for term in value.decode("latin-1").strip(" \0").split("\\"))
