"""Proof, second stage: another project's reader sees the same in what was not edited.

A witness may be slow, so it reads one value per row of filled fields and batch of files, in input order; what it then
says is "this reader agrees on a value of this shape", and the verdict of the others is ``same-row``.
"""

from collections.abc import Iterable
from typing import Literal

from csaclean.errors import CannotRead, ProofFailed
from csaclean.handler import Claim, Witness
from csaclean.model import Edit, Layout, View

__all__ = ["ProofLevel", "Verdict", "WitnessLog", "worst"]

ProofLevel = Literal["self", "rows", "full"]
"""``self``: no witness; ``rows``: one value per row of fields; ``full``: every edited value."""

Verdict = Literal["read", "same-row", "cannot-read", "unedited", "off"]
_ORDER: tuple[Verdict, ...] = ("cannot-read", "read", "same-row", "off", "unedited")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that says most about a file: no opinion before an opinion before none asked."""
    return min(verdicts, key=_ORDER.index, default="off")


def _row_key(layout: Layout) -> tuple[object, ...]:
    """Return which fields a row and the rows inside it fill, in order, and what was remarkable about them."""
    fields = tuple(
        (field.path, field.codec.name, _row_key(field.layout))
        if isinstance(field, View) and isinstance(field.layout, Layout)
        else field
        for field in layout.fields
    )
    return (layout.notes, fields)


class WitnessLog:
    """Asks witnesses, and remembers which rows of fields they have read.

    Parameters
    ----------
    level
        How often to ask.
    """

    def __init__(self, level: ProofLevel = "rows", /) -> None:
        self._level = level
        self._read_rows: set[tuple[object, ...]] = set()

    def compare(
        self,
        witness: Witness | None,
        claim: Claim,
        old: bytes,
        new: bytes,
        layout: Layout,
        edits: tuple[Edit, ...],
    ) -> Verdict:
        """Have a value read before and after.

        Raises
        ------
        ProofFailed
            If the witness reads the old value and not the new one, or reads a field differently that was not edited.
        """
        if old == new:
            return "unedited"
        if witness is None or self._level == "self":
            return "off"
        key = (witness.name, claim.selector, _row_key(layout))
        if self._level == "rows" and key in self._read_rows:
            return "same-row"
        verdict = self._read(witness, claim, old, new, edits)
        if verdict == "read":
            self._read_rows.add(key)
        return verdict

    @staticmethod
    def _read(witness: Witness, claim: Claim, old: bytes, new: bytes, edits: tuple[Edit, ...]) -> Verdict:
        try:
            before = witness.read(claim, old)
        except CannotRead:
            return "cannot-read"
        try:
            after = witness.read(claim, new)
        except CannotRead as error:
            raise ProofFailed("witness", f"{witness.name} can't read the result: {error.reason}") from None
        edited = {edit.field.partition("/")[0] for edit in edits if edit.field and not edit.select}
        # What a view shows is edited inside; a witness reads the field that the view stands in.
        edited |= {name.partition("@")[0] for edit in edits for name in edit.row.split("/") if name}
        if before.keys() != after.keys():
            raise ProofFailed("witness", f"{witness.name} finds other fields in the result")
        for name, value in before.items():
            if name not in edited and after[name] != value:
                raise ProofFailed("witness", f"{witness.name} reads a field differently that was not edited")
        return "read"
