"""Proof, fourth stage: each identifier that still stands in a row is one that the judge let stand, and listed.

Structure holds names of shipped lists and punctuation: a hit wholly inside it is none. In numbers only a whole number is an
identifier. A hit that no single field holds can't be redacted: it is listed as left.
"""

from collections.abc import Iterator

from csaclean.errors import ProofFailed
from csaclean.model import Field, Kind, Layout, View
from csaclean.policy.judge import NUMERIC, OPAQUE_SPAN, Judge

__all__ = ["search_row"]


def search_row(row: bytes, layout: Layout, judge: Judge) -> Iterator[str]:
    """Search a row as it is to be written, and the rows that its views show.

    Yields
    ------
    str
        Whose identifier it is that stands across fields, or in what a codec shows: no verdict on a field spoke of it.

    Raises
    ------
    ProofFailed
        If an identifier stands in a field of which the judge says that none is left.
    """
    if not judge.search:
        return
    for field in layout.fields:
        if isinstance(field, View) and isinstance(field.layout, Layout):
            yield from search_row(field.inner, field.layout, judge)
    hits = judge.search.needles.find_groups(row) if judge.for_row(row).near else []
    if not hits:
        return
    spans = iter(zip(layout.stops, layout.kinds, layout.fields, strict=True))
    start, (stop, kind, what) = 0, next(spans)
    for first, last, group in hits:
        while stop <= first:
            start, (stop, kind, what) = stop, next(spans)
        if last > stop or kind == Kind.VIEW:
            yield group
        elif kind == Kind.STRUCTURE:
            continue
        elif kind == Kind.DEAD:
            raise ProofFailed("identifiers", "an identifier stands in dead bytes", "", first)
        else:
            field = what if isinstance(what, Field) else OPAQUE_SPAN
            if field.form not in NUMERIC and group not in judge.verdict(field, row[start:stop]).left:
                raise ProofFailed(
                    "identifiers", f"an identifier stands in a span of {stop - start} bytes", "", first
                )
