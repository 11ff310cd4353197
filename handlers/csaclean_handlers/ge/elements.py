"""The grammar of each GE element that has one: from selector to function."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from csaclean.model import Layout
from csaclean_handlers.ge.protocol_block import PROTOCOL_BLOCK, layout_protocol_block
from csaclean_handlers.ge.raw_header import RAW_HEADER, layout_raw_header
from csaclean_handlers.ge.texts import layout_strings

__all__ = ["GRAMMARS"]

GRAMMARS: Final[Mapping[str, Callable[[bytes], Layout]]] = MappingProxyType(
    {
        PROTOCOL_BLOCK: layout_protocol_block,
        RAW_HEADER: layout_raw_header,
        "(0043,GEMS_PARM_01,28)": layout_strings,
    }
)
"""By canonical selector. Byte order plays no part: what stands in these values is little endian wherever they stand."""
