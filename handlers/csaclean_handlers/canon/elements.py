"""The grammar of each Canon and Toshiba element that has one: from selector to function.

One element stands under three creators: Toshiba's, Canon's since the division was sold, and PMTF INFORMATION DATA.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Final

from csaclean.codecs.reversed import Reversed
from csaclean.grammars.data_set import begins_data_set
from csaclean.handler import DEFAULT_CAP
from csaclean.model import DATASET, Builder, Layout, View
from csaclean_handlers.canon.icon import layout_icon
from csaclean_handlers.canon.pas_xml import layout_protocol
from csaclean_handlers.canon.records import layout_records
from csaclean_handlers.canon.tables import layout_table

__all__ = ["CAPS", "CREATORS", "GRAMMARS", "Grammar", "layout_reversed"]

Grammar = Callable[[bytes], Layout]
"""Says what each byte of a value is."""

CREATORS: Final = ("CANON_MEC_MR3", "PMTF INFORMATION DATA", "TOSHIBA_MEC_MR3")
_REVERSED: Final = Reversed()
_PAYLOAD_CAP: Final = 256 << 20
"""Longest value of measured data that is loaded."""


def layout_reversed(value: bytes) -> Layout:
    """Return the layout of a data set that is stored from its last byte to its first: a view, which the engine walks.

    Foreign is what doesn't begin as a data set in explicit VR little endian once it is turned round.
    """
    builder = Builder()
    if value:
        row = _REVERSED.decode(value, len(value))
        if not begins_data_set(row):
            return Layout.foreign("not-a-reversed-data-set")
        builder.view(len(value), View(_REVERSED.name, _REVERSED, row, DATASET))
    return builder.done(len(value))


def _payload(value: bytes) -> Layout:
    """Return the layout of measured data."""
    builder = Builder()
    builder.opaque(len(value))
    return builder.done(len(value))


_ELEMENTS: Final[tuple[tuple[int, str, int, Grammar], ...]] = (
    (0x0029, "", 0x90, layout_reversed),
    (0x700D, "", 0x08, layout_records),
    (0x700D, "^10", 0x19, layout_protocol),
    (0x0019, "^12", 0x76, layout_table),
    (0x0019, "^12", 0x8F, layout_table),
    (0xE401, "^10", 0x13, layout_icon),
    (0x700D, "", 0x8F, _payload),
    (0x700D, "", 0x90, _payload),
)
"""Group, what follows the creator's name, low byte and grammar."""


def _grammars() -> Iterator[tuple[str, Grammar]]:
    for (group, suffix, byte, grammar), creator in product(_ELEMENTS, CREATORS):
        yield f"({group:04X},{creator}{suffix},{byte:02X})", grammar
    yield "(7FE1,TOSHIBA MDW NON-IMAGE,10)", _payload


GRAMMARS: Final[Mapping[str, Grammar]] = MappingProxyType(dict(_grammars()))
"""By canonical selector."""
CAPS: Final[Mapping[str, int]] = MappingProxyType(
    {selector: _PAYLOAD_CAP if grammar is _payload else DEFAULT_CAP for selector, grammar in GRAMMARS.items()}
)
"""The longest value that is loaded, by selector."""
