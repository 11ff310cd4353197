"""Private Creators: who reserved which block of a group, data set by data set (PS3.5 section 7.8.1).

A reservation holds for the data set or item in which it stands, and is not inherited by the items inside. It may stand
behind the elements that it reserves, may be written with outer blanks or in another case, and several blocks of a group
may have one creator: all of that occurs.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from csaclean.dicom.elements import Element, Shape
from csaclean.selector import fold_creator

__all__ = [
    "PrivateTag",
    "creator_name",
    "creator_of",
    "creator_stop",
    "is_creator",
    "is_only_a_name",
    "private_tag",
    "resolve_creators",
]

_LONGEST: Final = 1024
"""Longest value, in bytes, that is looked at as a creator: some are padded."""
_LONGEST_NAME: Final = 128
"""Longest creator without its padding: an LO has 64 characters (PS3.5 section 6.2), in UTF-8 perhaps two bytes each."""

_OUTER: Final = b" \0"
"""What may stand before a name, and behind it."""

FIRST_BLOCK: Final = 0x10


class PrivateTag(NamedTuple):
    """The parts of a private tag."""

    group: int
    block: int
    """0 where the element number lies in no block."""
    byte: int


def private_tag(tag: int) -> PrivateTag:
    """Take a private tag apart.

    Examples
    --------
    >>> private_tag(0x00291120)
    PrivateTag(group=41, block=17, byte=32)
    """
    block = tag >> 8 & 0xFF
    return PrivateTag(tag >> 16, block if block >= FIRST_BLOCK else 0, tag & 0xFF)


def is_creator(tag: int) -> bool:
    """Tell whether a tag is that of a Private Creator: (gggg,0010-00FF), gggg odd."""
    return bool(tag & 0x10000) and FIRST_BLOCK <= tag & 0xFFFF <= 0xFF  # the range of the standard


def creator_stop(value: bytes) -> int:
    r"""Return where the name in a Private Creator's value ends: at its first NUL. What stands behind that is dead.

    Examples
    --------
    >>> creator_stop(b"SIEMENS CSA HEADER\0left over"), creator_stop(b" \0GEMS_IDEN_01 ")
    (18, 15)
    """
    start = len(value) - len(value.lstrip(_OUTER))
    stop = value.find(b"\0", start)
    return len(value) if stop < 0 else stop


def creator_name(value: bytes) -> str:
    """Return the folded name in a Private Creator's value; empty if the value is no creator."""
    name = fold_creator(value) if len(value) <= _LONGEST else ""
    return name if len(name) <= _LONGEST_NAME else ""


def is_only_a_name(value: bytes) -> bool:
    r"""Tell whether a Private Creator's value is a name with outer blanks and NULs, dead bytes left out.

    Examples
    --------
    >>> is_only_a_name(b"SIEMENS CSA HEADER "), is_only_a_name(b"SIEMENS CSA HEADER\\more")
    (True, False)
    """
    name = value[: creator_stop(value)].strip(_OUTER)
    return name.decode("latin-1").casefold() == creator_name(value)


def creator_of(element: Element, load: Callable[[Element], bytes]) -> str:
    """Return the folded creator that an element reserves a block for; empty if it reserves none.

    Parameters
    ----------
    element
        Any element.
    load
        Gives its value.
    """
    size = element.stop - element.start
    if not (is_creator(element.tag) and element.shape is Shape.VALUE and 0 < size <= _LONGEST):
        return ""
    return creator_name(load(element))


def resolve_creators(
    elements: Iterable[Element], load: Callable[[Element], bytes]
) -> Mapping[tuple[int, int, int], tuple[str, ...]]:
    """Return the folded creators of every reserved block.

    Parameters
    ----------
    elements
        Of any number of data sets.
    load
        Gives the value of an element.

    Returns
    -------
    Mapping
        From (data set, group, block) to creators; more than one only where a data set repeats the creator's tag.
    """
    found: dict[tuple[int, int, int], dict[str, None]] = {}
    for element in elements:
        creator = creator_of(element, load)
        if creator:
            key = (element.owner, element.tag >> 16, element.tag & 0xFF)
            found.setdefault(key, {})[creator] = None
    return {key: tuple(creators) for key, creators in found.items()}
