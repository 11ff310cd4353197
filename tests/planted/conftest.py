"""The planted files: each identity in a file of its own, wherever a claimed element can hold text."""

from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

import csaclean
from csaclean.clean import Cleaner
from csaclean.policy.policies import load_policy
from csaclean.registry import Claimed, installed
from csaclean.report.model import Report
from csaclean.write import Target
from phantom_family import family, nested_family, orphans
from phantom_file import Phantom, file_bytes
from phantom_identities import IDENTITIES, Planter
from phantom_writer import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, DataSet, Encoding
from phantoms import plain_image

__all__ = ["POLICIES", "SHARES", "Cleaned", "Planted", "cleaned", "encoding_of", "plant_file"]

POLICIES: Final = ("strict", "converter-safe")
_EVERY: Final = 8
SHARES: Final = 13
"""Elements that have no grammar are planted in each thirteenth file: there are thousands. No divisor of how files vary."""


class Planted(NamedTuple):
    """A file with somebody planted in it."""

    text: str | None
    data: bytes
    counts: Counter[str]
    """How often the identity was planted, by where."""


def encoding_of(turn: int) -> Encoding:
    """Return how a file is written: every eighth in implicit VR, and in big endian."""
    return {3: IMPLICIT_LITTLE, 5: EXPLICIT_BIG}.get(turn % _EVERY, EXPLICIT_LITTLE)


def _in_every_file(claimed: Claimed) -> bool:
    """Tell whether an element has a grammar, holds others, or stands in one that does."""
    return not claimed.by_vr or claimed.claim.vr == "SQ" or len(claimed.claim.selector) > 1


@cache
def plant_file(text: str | None, turn: int) -> Planted:
    """Return a file with an identity planted; every eighth holds all of it in an item of an item."""
    plant = Planter(text, turn, typed=not encoding_of(turn).implicit)
    claims = [
        claimed
        for number, claimed in enumerate(installed().claims)
        if _in_every_file(claimed) or number % SHARES == turn % SHARES
    ]
    blocks: tuple[DataSet, ...]
    if turn % _EVERY == 7:
        blocks = (nested_family(plant, claims),)
    else:
        blocks = (family(plant, claims), orphans(plant))
    data = file_bytes(Phantom(plain_image(*blocks, mosaic=False, side=4), encoding_of(turn)))
    return Planted(text, data, plant.planted)


def cleaned(data: bytes, folder: Path, policy: str) -> tuple[bytes, Report]:
    """Return a cleaned file, and what is said of it."""
    source, target = folder / "in.dcm", folder / f"{policy}.dcm"
    source.write_bytes(data)
    report = csaclean.clean_file(source, target, policy=policy, overwrite=True)
    return target.read_bytes(), report


class Cleaned(NamedTuple):
    """A planted file, cleaned."""

    text: str
    data: bytes
    report: Report


@cache
def _cleaner(policy: str) -> Cleaner:
    return Cleaner(load_policy(policy), installed())


@pytest.fixture
def cleaned_file(tmp_path: Path) -> Callable[[int, str], Cleaned]:
    """Return what gives an identity's file as a policy leaves it, after others that the same cleaner cleaned."""

    def clean(turn: int, policy: str) -> Cleaned:
        source, target = tmp_path / f"{turn:03}.dcm", tmp_path / f"{policy}.dcm"
        source.write_bytes(plant_file(IDENTITIES[turn], turn).data)
        report = _cleaner(policy).clean(source, source.name, Target(target))
        assert report.status == "cleaned"
        return Cleaned(IDENTITIES[turn], target.read_bytes(), report)

    return clean
