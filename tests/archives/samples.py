"""Synthetic files of the handlers that have dictionaries and no real files: every element of a handler, made by its VR."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import pydicom

import csaclean
from csaclean.registry import Claimed, installed
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    EXPLICIT_LITTLE,
    Content,
    DataSet,
    Element,
    Encoding,
    Items,
    Numbers,
    ordered,
    private_block,
    text,
)
from phantoms import plain_image

__all__ = [
    "BLOCK",
    "FAMILIES",
    "NAME",
    "PIXELS",
    "UID",
    "claims_of",
    "clean",
    "family_file",
    "one_element",
    "private_values",
]

FAMILIES: Final = ("agfa", "archives", "elscint", "geiis", "hitachi", "mitra", "sectra")
NAME: Final = b"QUINCEY^HARKER"
"""Whoever is planted: nobody whom csaclean is told to look for."""
UID: Final = b"1.2.276.99.1.20010203.4711"
PIXELS: Final = bytes(range(1, 65))
"""Of a thumbnail."""
BLOCK: Final = 0x40
"""The first block: none that a reader has built in."""

_CONTENT: Final[Mapping[str, Content]] = {
    "DA": b"20010203",
    "DS": b"12.5",
    "DT": b"20010203112233",
    "IS": b"12",
    "OB": b"\1\2\3\4" + NAME,
    "OW": b"\1\2\3\4" + NAME,
    "TM": b"112233",
    "UI": UID,
    "UN": b"\1\2\3\4" + NAME,
}


def claims_of(name: str) -> tuple[Claimed, ...]:
    """Return what a handler claims."""
    return tuple(claimed for claimed in installed().claims if claimed.registered.name == name)


def _thumbnail() -> Items:
    person = text(0x00100010, "PN", NAME.decode("ascii"))
    return Items(((person, Element(0x7FE00010, "OB", PIXELS)),))


def _content(vr: str) -> Content:
    if vr == "SQ":
        return _thumbnail()
    if vr in ("FD", "FL", "SL", "SS", "UL", "US"):
        return Numbers((7,))
    return _CONTENT.get(vr, NAME)


def _blocks(claims: tuple[Claimed, ...], first: int, made: Callable[[Claimed], Content]) -> Iterator[DataSet]:
    members: dict[tuple[int, str], dict[int, tuple[str, Content]]] = {}
    for claimed in claims:
        (step,) = claimed.claim.selector
        assert step.creator is not None
        members.setdefault((step.group, step.creator), {})[step.element] = (claimed.claim.vr, made(claimed))
    following: dict[int, int] = {}
    for (group, creator), elements in members.items():
        block = following.get(group, first)
        following[group] = block + 1
        yield private_block(group, block, creator.encode("ascii"), elements)


@cache
def family_file(name: str, first: int = BLOCK, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
    """Return a file with every element that a handler claims, in blocks from `first` on."""
    blocks = _blocks(claims_of(name), first, lambda claimed: _content(claimed.claim.vr))
    return file_bytes(Phantom(plain_image(ordered(chain(*blocks)), side=4), encoding))


def one_element(
    group: int, creator: bytes, byte: int, vr: str, content: Content, block: int = BLOCK
) -> bytes:
    """Return a file with one private element."""
    return file_bytes(
        Phantom(plain_image(private_block(group, block, creator, {byte: (vr, content)}), side=4))
    )


def clean(data: bytes, folder: Path, **options: object) -> tuple[bytes, csaclean.Report]:
    """Return a cleaned file, and what is said of it."""
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(data)
    report = csaclean.clean_file(source, target, overwrite=True, **options)  # type: ignore[arg-type]  # options of every kind
    return target.read_bytes(), report


def private_values(path: Path) -> dict[tuple[int, str, int], object]:
    """Return the private elements of a file by group, creator and element byte, wherever their blocks stand."""
    dataset = pydicom.dcmread(path)
    return {
        (item.tag.group, dataset[item.tag.group, item.tag.elem >> 8].value, item.tag.elem & 0xFF): item.value
        for item in dataset
        if item.tag.is_private and not item.tag.is_private_creator
    }
