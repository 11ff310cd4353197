"""Where the identifiers of real headers stand in private matter: ``python -m tests.real.hits`` writes the table anew.

A line of the table is a kind of hit: in which series, element and field, whose the identifier is, how many bytes it takes
there, and in how many fields. Its verdict is a person's, who looked at the hit: ``identifier``, or ``no identifier``. A new
line has the verdict ``?`` until somebody looks. The table holds no value of a file.
"""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from csaclean.clean import Cleaner, open_dicom
from csaclean.context import Context
from csaclean.model import Field, Kind, Layout, View
from csaclean.policy.judge import OPAQUE_SPAN, IdentifierSearch
from csaclean.policy.options import Options
from csaclean.policy.policies import load_policy
from csaclean.proof.numbers import Numbers
from csaclean.registry import installed
from csaclean.selector import format_selector
from csaclean.subject import find_subject
from tests.conftest import manifest

__all__ = ["TABLE", "UNSEEN", "VERDICTS", "Hit", "count_hits", "read_table"]

TABLE: Final = Path(__file__).with_name("hits.tsv")
VERDICTS: Final = ("identifier", "no identifier")
UNSEEN: Final = "?"
_COLUMNS: Final = ("series", "element", "field", "form", "whose", "bytes", "fields", "verdict")
_NUMBER_OF_FILE: Final = re.compile(r"[_-]\d+\.dcm\Z")


class Hit(NamedTuple):
    """A kind of hit.

    Attributes
    ----------
    series
        The name of the file, without its number.
    element, field, form
        Where it stands; the field is empty if it is the whole element, or if nobody claims the element.
    whose
        ``patient``, ``people`` or ``places``.
    size
        How many bytes the identifier takes; none if that is not told.
    """

    series: str
    element: str
    field: str
    form: str
    whose: str
    size: int


def count_hits() -> Counter[Hit]:
    """Return in how many fields of all real files each kind of hit stands: nothing is redacted before the search."""
    cleaner = Cleaner(load_policy("dead-space"), installed())
    hits: Counter[Hit] = Counter()
    for file in manifest():
        if file.name.endswith(".dcm"):
            series = _NUMBER_OF_FILE.sub("", file.name).rpartition("/")[2]
            hits.update(Hit(series, *where) for where in _hits_of_file(cleaner, file.path))
    return hits


def _hits_of_file(cleaner: Cleaner, path: Path) -> Iterator[tuple[str, str, str, str, int]]:
    with open_dicom(path) as opened:
        found = cleaner.examine(opened)
        needles = find_subject(
            Context(found.walk.elements, found.walk.datasets, opened.source), Options()
        ).needles
    if needles is None:
        return
    search = IdentifierSearch(needles, Numbers(needles.numbers))
    for one in found.examined.cleaned:
        for field, form, whose, size in _hits_of_row(one.old, one.layout, search):
            yield one.selector, field, form, whose, size
    for (step, whose, _), count in found.examined.left.items():
        yield from [(format_selector((step,)), "", "unclaimed", whose, 0)] * count


def _hits_of_row(row: bytes, layout: Layout, search: IdentifierSearch) -> Iterator[tuple[str, str, str, int]]:
    start = 0
    may_stand = search.needles.find_loosely(row) or search.numbers.may_stand(row)
    for stop, kind, what in zip(layout.stops, layout.kinds, layout.fields, strict=True):
        if isinstance(what, View) and isinstance(what.layout, Layout):
            yield from _hits_of_row(what.inner, what.layout, search)
        elif may_stand and kind not in (Kind.STRUCTURE, Kind.DEAD):
            field = what if isinstance(what, Field) else OPAQUE_SPAN
            hits = search.find(field.form, row[start:stop])
            for whose, size in {(whose, last - first) for first, last, whose in hits}:
                yield field.path, field.form, whose, size
        start = stop


def read_table() -> dict[Hit, tuple[int, str]]:
    """Return the number of fields and the verdict of each kind of hit that was looked at."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if tuple(rows[0]) != _COLUMNS:
        raise ValueError("columns of the table")
    return {
        Hit(series, element, field, form, whose, int(size)): (int(fields), verdict)
        for series, element, field, form, whose, size, fields, verdict in rows[1:]
    }


def _write_table() -> None:
    known = read_table() if TABLE.is_file() else {}
    with TABLE.open("w", encoding="utf-8", newline="") as lines:
        lines.write("\t".join(_COLUMNS) + "\n")
        for hit, count in sorted(count_hits().items()):
            verdict = known[hit][1] if hit in known else UNSEEN
            lines.write("\t".join((*map(str, hit), str(count), verdict)) + "\n")


if __name__ == "__main__":
    _write_table()
    sys.exit(any(verdict == UNSEEN for _, verdict in read_table().values()))
