"""Proof, fourth stage: no identifier of the patient is left where it says something about the patient.

What stands in a text field was edited before, unless a converter reads the field: that is declared and counted. In
structure and in numbers a hit is none. Content that no grammar accounts for, and text that no single field holds, is
nobody's to edit: there a hit fails the file.
"""

from csaclean.errors import ProofFailed
from csaclean.model import Field, Kind, Layout, View
from csaclean.policy.fills import UNKNOWN_FORMS
from csaclean.proof.residue import Needles

__all__ = ["search_row"]


def search_row(row: bytes, layout: Layout, needles: Needles) -> None:
    """Search a row as it is to be written, and the rows that its views show.

    Raises
    ------
    ProofFailed
        If an identifier stands in opaque content, or across fields.
    """
    for field in layout.fields:
        if isinstance(field, View) and isinstance(field.layout, Layout):
            search_row(field.inner, field.layout, needles)
    hits = sorted(needles.find(row))
    if not hits:
        return
    spans = iter(zip(layout.stops, layout.kinds, layout.fields, strict=True))
    start, (stop, kind, what) = 0, next(spans)
    for first, last in hits:
        while stop <= first:
            start, (stop, kind, what) = stop, next(spans)
        if not _may_stand(kind, what, whole=last <= stop):
            raise ProofFailed(
                "residue", f"an identifier of the patient in a span of {stop - start} bytes", "", first
            )


def _may_stand(kind: int, what: Field | View | None, *, whole: bool) -> bool:
    """Tell whether a hit that begins in a span, and may end in it, says nothing that a field could have been edited for."""
    if kind == Kind.STRUCTURE:
        return True
    return kind == Kind.VALUE and whole and isinstance(what, Field) and what.form not in UNKNOWN_FORMS
