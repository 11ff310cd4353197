"""Proof, third stage: what a converter reads, found as it finds it, is equal but for what the policy declared."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from csaclean.errors import ProofFailed
from csaclean.handler import ConverterTable

__all__ = ["Declared", "compare_converter_fields"]


class Declared(NamedTuple):
    """A field that a converter reads and the policy changes on purpose."""

    selector: str
    path: str


def compare_converter_fields(
    table: ConverterTable,
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    declared: Collection[Declared] = (),
) -> int:
    """Compare the fields of a converter table before and after.

    Parameters
    ----------
    table
        Has found the fields, and knows which of them are which.
    before, after
        What it found in the claimed elements of one file.
    declared
        Fields that the policy changes on purpose.

    Returns
    -------
    int
        How many fields were compared.

    Raises
    ------
    ProofFailed
        If a field is lost, new, or differs without being declared.
    """
    if before.keys() != after.keys():
        raise ProofFailed(
            "converter", f"{len(before.keys() ^ after.keys())} fields that a converter reads are lost or new"
        )
    changed = sum(
        1
        for key, value in before.items()
        if after[key] != value and not any(table.is_field(key, *one) for one in declared)
    )
    if changed:
        raise ProofFailed(
            "converter", f"{changed} of {len(before)} fields that a converter reads would change"
        )
    return len(before)
