"""Every claimed element at every number that readers know: it is read by number, and cleaning it is proved all the same."""

import struct
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest

from csaclean.converter_table import read_elements
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import EXPLICIT_LITTLE as SYNTAX
from csaclean.dicom.walk import walk
from csaclean.engine import Engine
from csaclean.errors import MalformedValue, ProofFailed, Unsupported
from csaclean.policy.policies import load_policy
from csaclean.registry import Claimed, installed
from csaclean.selector import Step
from csaclean.standard import StandardElements
from phantom_writer import EXPLICIT_LITTLE, Content, encode_dataset, ordered, private_block, text

_PACKED = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "UL": "I", "US": "H", "SV": "q", "UV": "Q"}
_TEXTS = {
    "AS": (b"041Y",),
    "DA": (b"20240131",),
    "DS": (b"1.5\\-2.25 ", b"77120311", b"no number"),
    "DT": (b"20240131101112.5",),
    "IS": (b"12\\-3", b"77120311", b"no number "),
    "TM": (b"101112.25 ",),
    "UI": (b"1.2.826.0.1.3680043.9.7771.12\0\0", b"1.2.3\0"),
}
_ANY = (
    b"QUILLFEATHER^OTTOLINE ",
    b"",
    bytes(4),
    b"TEXT\0behind the end\0",
    b"12",
    b"long text, " * 90,
    b"a \\ b\\",
    b'### ASCCONV BEGIN ###\nsProtConsistencyInfo.tBaselineString = "N4_VD"\nlAccelFactPE = 2\ntProtocolName = "Quillfeather x"\n### ASCCONV END ###\0',
)
_BINARY = (bytes(range(64)), struct.pack("<4d", 1.5, -2.25, 1000, 0), b"\xff" * 12)
_SHORT_VRS = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI"))


class Place(NamedTuple):
    """A claimed element at a number that readers know."""

    claimed: Claimed
    tag: int
    creator: str


@cache
def places() -> tuple[Place, ...]:
    """Return each claimed element of a private block at each number of its group that ends in the same byte."""
    numbers = {row.tag for row in read_elements()} | set(StandardElements.converters.tags)
    found = []
    for claimed in installed().claims:
        step: Step = claimed.claim.selector[-1]
        if step.creator is not None and step.group & 1 and len(claimed.claim.selector) == 1:
            found += [
                Place(claimed, tag, step.creator)
                for tag in sorted(numbers)
                if tag >> 16 == step.group and tag & 0xFF == step.element and tag >> 8 & 0xFF >= 0x10
            ]
    return tuple(found)


def values(vr: str) -> Iterator[Content]:
    """Yield values that suit a VR, and some that don't."""
    if vr in _PACKED:
        yield from (struct.pack(f"<{count}{_PACKED[vr]}", *([7] * count)) for count in (1, 3))
        yield b"QUILLFEATHER^OTTOLINE   "
        yield b"seven b"
    elif vr not in ("SQ", "AT"):
        yield from _TEXTS.get(vr, ())
        yield from _ANY
        if vr not in _TEXTS and vr not in _SHORT_VRS:
            yield from _BINARY
    else:
        yield from (b"", bytes(8))


def cases(place: Place) -> Iterator[tuple[str, Content]]:
    """Yield VRs and values of an element: what its rule says, and what a rewriter makes of it."""
    vr = place.claimed.claim.vr
    for value in values(vr):
        if vr != "SQ":
            yield vr, value
        yield "UN", value


def dataset(place: Place, vr: str, value: Content) -> bytes:
    block = private_block(
        place.tag >> 16, place.tag >> 8 & 0xFF, place.creator.encode("ascii"), {place.tag & 0xFF: (vr, value)}
    )
    head = (text(0x00080060, "CS", "MR"), text(0x00100010, "PN", "QUILLFEATHER^OTTOLINE"))
    tail = text(0x00201206, "IS", "1")
    return encode_dataset(ordered((*head, *block, tail)), EXPLICIT_LITTLE)


def outcome(engine: Engine, data: bytes) -> str:
    """Return which stage of the proof fails; empty if none does. What grammars refuse is another test's."""
    source = BytesSource(data)
    found = walk(source, SYNTAX, 0)
    try:
        engine.examine(found.elements, found.datasets, source)
    except ProofFailed as error:
        return str(error)
    except (MalformedValue, Unsupported):
        return ""
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
def test_every_element_at_every_number_is_proved(policy: str) -> None:
    engine = Engine(load_policy(policy), installed())
    assert len(places()) > 600
    failures = [
        f"{place.claimed.selector} at {place.tag:08X} {vr} value {number}: {told}"
        for place in places()
        for number, (vr, value) in enumerate(cases(place))
        if (told := outcome(engine, dataset(place, vr, value)))
    ]
    assert not failures, f"{len(failures)}: " + "\n".join(failures[:20])
