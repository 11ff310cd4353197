"""Words that identify nobody and no place by themselves: of protocols, vendors and their products, kinds of institutions."""

import unicodedata
from functools import cache
from importlib.resources import files
from tomllib import loads
from typing import Final

__all__ = ["fold", "is_of_places", "is_of_protocols", "without_accents"]

_OF_PERSONS: Final = ("protocols", "vendors")
"""Sections of the table that hold for names of persons; all hold for places."""


def without_accents(text: str) -> str:
    """Return a text without the marks on its letters."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def fold(text: str) -> str:
    """Return a word as the vocabulary spells it.

    Examples
    --------
    >>> fold("Universität"), fold("STRASSE") == fold("Straße")
    ('universitat', True)
    """
    return without_accents(text).casefold()


@cache
def _words(*sections: str) -> frozenset[str]:
    table = loads(files(__package__).joinpath("vocabulary.toml").read_text("utf-8"))
    return frozenset(word for section in sections or table for word in table[section].split())


def is_of_protocols(word: str) -> bool:
    """Tell whether a word is one of every protocol: as a part of a name it tells nobody apart."""
    return fold(word) in _words(*_OF_PERSONS)


def is_of_places(word: str) -> bool:
    """Tell whether a word is one of many institutions, addresses, protocols or products: it tells no place apart."""
    return fold(word) in _words()
