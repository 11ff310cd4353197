"""Proof, first stage: the new bytes, laid out anew, differ from the old ones in the listed edits and nowhere else."""

from collections.abc import Sequence
from itertools import zip_longest

from csaclean.errors import ProofFailed
from csaclean.model import Edit, Field, Kind, Layout, View, row_path
from csaclean.policy.judge import OPAQUE_SPAN, Judge

__all__ = ["compare_rows"]

_STAGE = "rows"


def _same_field(old: Field | View | None, new: Field | View | None) -> bool:
    """Tell whether a span holds the same field; of what form it is, is compared where its bytes are."""
    if isinstance(old, View) and isinstance(new, View):
        return (old.path, old.codec.name) == (new.path, new.codec.name)
    if isinstance(old, Field) and isinstance(new, Field):
        return old.path == new.path and old.select == new.select
    return old is new


def _first_difference(old: Layout, new: Layout) -> int | None:
    """Return where the first span begins that is not in both layouts; None if there is none."""
    start = 0
    for one, other in zip_longest(
        zip(old.stops, old.kinds, old.fields, strict=True), zip(new.stops, new.kinds, new.fields, strict=True)
    ):
        if one is None or other is None or one[:2] != other[:2] or not _same_field(one[2], other[2]):
            return start
        start = one[0]
    return None


def _same_cuts(old: Layout, new: Layout) -> bool:
    return (
        old.stops == new.stops
        and old.kinds == new.kinds
        and old.notes == new.notes
        and all(map(_same_field, old.fields, new.fields))
    )


def compare_rows(
    old: bytes,
    old_layout: Layout,
    new: bytes,
    new_layout: Layout,
    edits: Sequence[Edit],
    judge: Judge,
    row: str = "",
) -> None:
    """Compare a row before and after, and the rows that its views show.

    Parameters
    ----------
    old, old_layout
        The row as it was found.
    new, new_layout
        The row as it is to be written, laid out again from its bytes alone.
    edits
        All edits of the element; those of this row are taken.
    judge
        Says what becomes of each field.
    row
        Path of the row.

    Raises
    ------
    ProofFailed
        If length, cuts, kinds or paths differ, or forms of fields that stay; if a byte outside the edits differs; if a dead byte is not null;
        if a field does not hold exactly its fill, or its old bytes, as the policy decides.
    """
    if len(old) != len(new):
        raise ProofFailed(_STAGE, f"{len(old)} bytes became {len(new)}")
    if not _same_cuts(old_layout, new_layout):
        what = "a row inside the edited value" if row else "the edited value"
        at = _first_difference(old_layout, new_layout)
        raise ProofFailed(_STAGE, f"{what} is laid out differently", "", at)
    own = sorted((edit for edit in edits if edit.row == row), key=lambda edit: edit.start)
    position = 0
    before, after = memoryview(old), memoryview(new)
    for edit in own:
        if edit.start < position or edit.stop > len(old):
            raise ProofFailed(_STAGE, "edits overlap or leave the row", "", edit.start)
        if before[position : edit.start] != after[position : edit.start]:
            raise ProofFailed(_STAGE, "bytes outside the edits differ", "", position)
        if after[edit.start : edit.stop] != edit.replacement():
            raise ProofFailed(_STAGE, "an edit does not hold its replacement", "", edit.start)
        position = edit.stop
    if before[position:] != after[position:]:
        raise ProofFailed(_STAGE, "bytes outside the edits differ", "", position)
    _compare_spans(old, old_layout, new, new_layout, edits, judge, row)


def _compare_spans(
    old: bytes,
    old_layout: Layout,
    new: bytes,
    new_layout: Layout,
    edits: Sequence[Edit],
    judge: Judge,
    row: str,
) -> None:
    """Check what the spans demand: dead bytes are null, fields as decided, views hold at their own level."""
    own = judge.for_row(old)
    start = 0
    columns = zip(new_layout.stops, new_layout.kinds, old_layout.fields, new_layout.fields, strict=True)
    for stop, kind, old_field, new_field in columns:
        if kind == Kind.DEAD:
            if new.count(0, start, stop) != stop - start:
                raise ProofFailed(_STAGE, "a dead byte is not null", "", start)
        elif kind == Kind.STRUCTURE:
            if old[start:stop] != new[start:stop]:
                raise ProofFailed(_STAGE, "bytes that are no field differ", "", start)
        elif isinstance(old_field, View) and isinstance(new_field, View):
            if not (isinstance(old_field.layout, Layout) and isinstance(new_field.layout, Layout)):
                raise ProofFailed(_STAGE, "a view without a layout", "", start)
            if new_field.codec.encode(new_field.inner, new[start:stop]) != new[start:stop]:
                raise ProofFailed(_STAGE, f"the {new_field.codec.name} codec breaks its law", "", start)
            compare_rows(
                old_field.inner,
                old_field.layout,
                new_field.inner,
                new_field.layout,
                edits,
                judge,
                row_path(row, old_field, start),
            )
        else:
            was = old[start:stop]
            field = old_field if isinstance(old_field, Field) else OPAQUE_SPAN
            verdict = own.verdict(field, start, stop)
            if new[start:stop] != verdict.new:
                raise ProofFailed(_STAGE, "a field does not hold what the policy decides", "", start)
            # Redaction may give a field another form: "72 kg" is text, its fill a number.
            if verdict.new == was and old_field != new_field:
                raise ProofFailed(_STAGE, "a field that stays is laid out as another form", "", start)
        start = stop
