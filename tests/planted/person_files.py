"""Files with a person in one place, and what becomes of them under each policy."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from csaclean.clean import Cleaner
from csaclean.errors import MalformedValue
from csaclean.policy.options import OptionWords, make_options
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean.report.model import Report
from csaclean.write import Target
from phantom_file import Phantom, file_bytes
from phantom_persons import PERSONS, Person, decimals, header, plain_word, written
from phantom_places import PLACES, Place, binary_numbers
from phantom_writer import EXPLICIT_LITTLE, DataSet, encode_dataset
from phantoms import plain_image
from tests.planted.search import counts_out, gives_away

__all__ = ["RUNS", "Outcome", "Planted", "clean", "is_named", "plant", "planted_file", "stands"]

RUNS: Final[Mapping[str, tuple[str, OptionWords]]] = MappingProxyType(
    {
        "converter-safe": ("converter-safe", {}),
        "dead-space": ("dead-space", {}),
        "strict": ("strict", {}),
        "read fields keep": ("converter-safe", {"identifiers_in_read_fields": "keep"}),
        "unclaimed blank": ("converter-safe", {"unclaimed": "blank"}),
    }
)
"""Policies, and options beside them."""
_LONG: Final = 6
"""Bytes of a word that is no chance among binary numbers."""
_NUMERIC: Final = frozenset(("number", "decimal", "binary"))
_BLOCK: Final = 0x20
"""A block at which no reader looks."""


class Planted(NamedTuple):
    """A file with a person in it, and where private matter stands."""

    person: Person
    data: bytes
    private: tuple[tuple[int, int], ...]
    with_numbers: bool = False
    """Whether the person's digits are looked for among numbers."""
    is_found: bool = True
    """Whether the identifier is to be found: what a text writes in the notation of a number is no spelling of it."""


class Outcome(NamedTuple):
    """A file as a policy leaves it."""

    data: bytes
    report: Report


def planted_file(
    person: Person, planted: DataSet, *, sop_class: str = "", with_numbers: bool = False
) -> Planted:
    """Return an image of a person with private elements."""
    own = {element.tag: element for element in header(person)}
    image = [own.pop(element.tag, element) for element in plain_image(mosaic=False, side=4)]
    if sop_class:
        value = sop_class.encode()
        image = [dataclasses.replace(e, value=value) if e.tag == 0x00080016 else e for e in image]
    elements = [(element, False) for element in (*image, *own.values())]
    elements += [(element, True) for element in planted]
    data = bytearray(file_bytes(Phantom(())))
    private = []
    for element, is_private in sorted(elements, key=lambda pair: pair[0].tag):
        start = len(data)
        data += encode_dataset((element,), EXPLICIT_LITTLE)
        if is_private:
            private.append((start, len(data)))
    return Planted(person, bytes(data), tuple(private), with_numbers)


def _content(person: Person, place: Place, turn: int) -> bytes | None:
    """Return what is planted in a place, at each turn another spelling; None if the place can't hold it."""
    if place.kind == "word":
        return plain_word(person).encode()
    if place.kind == "binary":
        fitting = [packed for vr, packed in binary_numbers(person.digits) if vr == place.name[:2]]
        return fitting[turn % len(fitting)] if fitting else None
    if place.kind in ("text", "long text"):
        spelt = [one for one in written(person) if place.kind == "text" or len(one[1]) >= _LONG]
    else:
        spelt = list(decimals(person.digits))
    return spelt[turn % len(spelt)][1]


def plant(turn: int, number: int) -> Planted | None:
    """Return the file of a person with a place, both by number; None if the place can't hold anything of the person."""
    person, place = PERSONS[turn], PLACES[number]
    content = _content(person, place, turn * 31 + number * 7)
    if content is None:
        return None
    planted = planted_file(person, place.make(_BLOCK, content), with_numbers=place.kind in _NUMERIC)
    return planted._replace(is_found=place.kind != "number")


@cache
def _cleaner(run: str) -> Cleaner:
    policy, words = RUNS[run]
    return Cleaner(load_policy(policy), installed(), options=make_options(words))


def clean(planted: Planted, run: str, folder: Path) -> Outcome | None:
    """Return what becomes of a file; None if a binary grammar or a text in STEP is broken by what is planted."""
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(planted.data)
    try:
        report = _cleaner(run).clean(source, source.name, Target(target, overwrite=True))
    except MalformedValue:
        return None
    return Outcome(target.read_bytes(), report)


def stands(planted: Planted, data: bytes) -> bool:
    """Tell whether anything of the person stands in private matter."""
    for start, stop in planted.private:
        row = data[start:stop]
        if gives_away(row, planted.person):
            return True
        if planted.with_numbers and counts_out(row, planted.person.digits):
            return True
    return False


def is_named(report: Report) -> bool:
    """Tell whether a report names what a file is not accounted for: an identifier, unclaimed content, or an element."""
    return bool(report.identifiers_left or report.unclaimed) or any(
        not one.vouched for one in report.elements
    )
