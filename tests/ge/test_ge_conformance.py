"""The GE handler obeys the laws that anyone's handler obeys."""

from collections.abc import Mapping
from typing import Final

import pytest

from csaclean.testing import Sample, check_handler
from csaclean_handlers.ge import GeHandler
from csaclean_handlers.ge.elements import GRAMMARS
from phantom_ge import protocol_block, protocol_text, raw_header, unique_image, xml_protocol

BLOCK: Final = "(0025,GEMS_SERS_01,1B)"
HEADER: Final = "(0043,GEMS_PARM_01,2A)"
IMAGE: Final = "(0043,GEMS_PARM_01,28)"
SHORT: Final = b'SEDESC "Doe"\nDOE "1"\nfree text\nSLICEORDER "1"\nset TE "30.0"\nPDGMUID "1.2.840.1.7"\n'

LONG: Final = 400
_PLACE = 24


def _header(value: bytes, *, order: str = "<", table: bool = True) -> Sample:
    """Return a sample of a raw data header; its revision is free, and where no table says it, its place.

    Both are checked for their range alone: the layout depends on them, so they are no fields.
    """
    first = _PLACE if order == "<" else _PLACE + 2
    at = int.from_bytes(value[first : first + 2], "little" if order == "<" else "big")
    free = [*range(at, at + 4), *(() if table else (first, first + 1))]
    return Sample(HEADER, value, vr="OB", free={"": free})


SAMPLES: Final[Mapping[str, Sample]] = {
    "block": Sample(BLOCK, protocol_block(), vr="OB"),
    "block-short": Sample(BLOCK, protocol_block(SHORT, pad=b"\0"), vr="OB"),
    "block-stored": Sample(BLOCK, protocol_block(SHORT, level=None)),
    "block-set": Sample(BLOCK, protocol_block(protocol_text(prefix="set "))),
    "block-without-word": Sample(BLOCK, protocol_block(SHORT, word=False)),
    "block-without-name": Sample(BLOCK, protocol_block(SHORT, name=b"")),
    "block-xml": Sample(BLOCK, protocol_block(xml_protocol())),
    "block-zeros": Sample(BLOCK, bytes(940), "foreign"),
    "block-cut": Sample(BLOCK, protocol_block()[:300], "malformed"),
    "header": _header(raw_header(26.002, tail=b"Doe")),
    "header-older": _header(raw_header(24.0, tail=b"Doe")),
    "header-oldest": _header(raw_header(9.0, order=">"), order=">"),
    "header-without-table": _header(raw_header(14.0) + b"Doe^J ", table=False),
    "header-of-ct": Sample(HEADER, b"CT01\0\0\0PHANTOM CT/i\0" + bytes(20)),
    "header-other": Sample(HEADER, bytes(7336), "foreign"),
    "unique-image": Sample(IMAGE, unique_image()),
    "epoch": Sample("(0009,GEMS_IDEN_01,27)", b"\x40\xbf\x7b\x3a", vr="SL"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_it_obeys_them_in_each_of_its_formats(name: str) -> None:
    sample = SAMPLES[name]
    mine = {sample.selector} if sample.expect == "laid out" else set()
    # Each change of a structure byte inside a member deflates a text that nobody wrote, at the compressor's worst.
    places = 60 if sample.selector == BLOCK and len(sample.value) > LONG else 1000
    check_handler(GeHandler(), [sample], unsampled=GRAMMARS.keys() - mine, places=places)


def test_there_is_a_sample_of_each_of_its_formats() -> None:
    check_handler(GeHandler(), SAMPLES.values(), cuts=1, places=1, changes=1)
