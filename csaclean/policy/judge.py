"""The verdict on one field of one element: what the plan decides, what stands there afterwards, which identifiers stay.

A `Judge` is asked twice about each field, when it is edited and when the edit is proved, and says the same both times: it
is a pure function of field and bytes.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from csaclean.model import Field
from csaclean.policy.dates import shift_date, shift_datetime
from csaclean.policy.fills import UID, fill
from csaclean.policy.plan import Decision
from csaclean.policy.pseudonym import UidKey, pseudonymous_uid
from csaclean.proof.numbers import Numbers
from csaclean.proof.residue import Needles

__all__ = ["NUMERIC", "OPAQUE_SPAN", "PERSONS", "Filler", "IdentifierSearch", "Judge", "RowJudge", "Verdict"]

OPAQUE_SPAN: Final = Field("", "opaque")
"""What a judge is asked about where a grammar left content without a field."""

PERSONS: Final = frozenset(("patient", "people"))
"""Whose identifiers are redacted where a reader reads them, and left prevent ``accounted``. Those of places are listed."""
_WRITTEN_NUMBERS: Final = frozenset(("integer", "number", "loose-number", "assignments"))
"""Forms of decimal numbers: only a whole number is an identifier, no part of one."""
_BINARY_NUMBERS: Final = frozenset(("binary-number", "trash"))
NUMERIC: Final = _WRITTEN_NUMBERS | _BINARY_NUMBERS
"""Forms of numbers: text that stands in them by chance is no identifier."""
_UNIT: Final = 8
"""Bytes of the widest binary number (FD, SV, UV): where text stands among numbers, whole numbers are nulled."""
_LONG_WORD: Final = 6
"""Bytes of a word that does not stand among random bytes by chance."""
_PRINTABLE_RUN: Final = re.compile(rb"[\t\n\r -~]{16,}")
"""Text in content without a grammar."""
_STAYS: Final = frozenset(b"\0\t\n\r")
_CROSSED_OUT: Final = bytes(i if i in _STAYS else ord("X") for i in range(256))
_ROUNDS: Final = 4
"""How often a text is searched again after its hits were filled: two that overlap may uncover a third."""
_FILLED_BY_VALUE: Final = frozenset(("uid", "date", "datetime"))
"""Forms whose fill may be an identifier: a registered UID stays, a shifted date may become a birth date."""
_SHIFTS: Final = {"date": shift_date, "datetime": shift_datetime}


@dataclass(frozen=True, slots=True)
class Filler:
    """What is written in place of a redacted field.

    Attributes
    ----------
    uid_key
        Maps UIDs to pseudo-UIDs; None for a constant fill.
    days
        By how many days dates are shifted; None to redact them.
    """

    uid_key: UidKey | None = None
    days: int | None = None

    def __repr__(self) -> str:
        """Return which options there are, not what they say."""
        return f"<Filler uid_key={self.uid_key is not None} days={self.days is not None}>"

    def fill(self, decision: Decision, old: bytes) -> bytes:
        """Return the replacement of a field, as long as `old`."""
        form = decision.form
        if form == "uid" and self.uid_key is not None:
            return b"\\".join(self._uid(part) for part in old.split(b"\\"))
        if self.days is not None and form in _SHIFTS and decision.cls == "dates":
            parts = [(part, _SHIFTS[form](part, self.days)) for part in old.split(b"\\")]
            return b"\\".join(fill(form, part) if shifted is None else shifted for part, shifted in parts)
        return fill(form, old)

    def _uid(self, uid: bytes) -> bytes:
        if self.uid_key is not None and UID.fullmatch(uid):
            return pseudonymous_uid(uid, self.uid_key)
        return fill("uid", uid)


class Verdict(NamedTuple):
    """The outcome for a field.

    Attributes
    ----------
    decision
        The plan's decision on it.
    new
        Its bytes afterwards; the old ones if it stays.
    reason
        Why it is edited: ``redact``, or ``identifier`` if one stood in a field that would stay. Else empty.
    redacted, left
        Whose identifiers were redacted although the field stays, and whose stay in it: ``patient``, ``people``,
        ``places``.
    """

    decision: Decision
    new: bytes
    reason: Literal["", "redact", "identifier"]
    redacted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the reason and a length."""
        return f"<Verdict {self.reason or 'stays'}, {len(self.new)} bytes>"


@dataclass(frozen=True, slots=True)
class IdentifierSearch:
    """The identifiers of a data set's people and places, and what happens where one stands.

    Attributes
    ----------
    needles, numbers
        The identifiers, as texts and as numbers.
    edits
        Whether a hit is redacted; else it is listed only.
    read_fields
        Whether a hit in a field that a reader reads is redacted too.
    blanks_opaque
        Whether content without a grammar in which a hit stands is blanked whole, unless a reader reads it.
    """

    needles: Needles = field(default_factory=Needles)
    numbers: Numbers = Numbers()  # noqa: RUF009  # immutable
    edits: bool = True
    read_fields: bool = True
    blanks_opaque: bool = False

    def __repr__(self) -> str:
        """Return counts: what is searched for tells about people."""
        return f"<IdentifierSearch {self.needles!r} {self.numbers!r}>"

    def __bool__(self) -> bool:
        """Tell whether there is anything to search for."""
        return bool(self.needles or self.numbers)

    def find(self, form: str, old: bytes) -> list[tuple[int, int, str]]:
        """Return the hits in a field of a form: start, stop, and whose the identifier is."""
        if form in _WRITTEN_NUMBERS:
            return sorted(self.numbers.in_text(old))
        hits: list[tuple[int, int, str]] = [*self.needles.find_groups(old)]
        if form in _BINARY_NUMBERS:
            # Where a long word stands, shorter ones beside it are no chance either.
            hits = hits if any(stop - start >= _LONG_WORD for start, stop, _ in hits) else []
            return sorted({*hits, *self.numbers.in_binary(old)})
        if form == "opaque":
            return sorted({*hits, *self.numbers.in_text(old), *self.numbers.in_binary(old)})
        return sorted({*hits, *self.numbers.in_text(old)})


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the fields of one element.

    Attributes
    ----------
    decide
        The plan, bound to the element's selector.
    filler
        What is written in place of a redacted field.
    search
        The identifiers to search for in fields that stay; None where there is none.
    characters_only
        Whether of a text in which an identifier stands only its characters are filled, whoever reads it.
    """

    decide: Callable[[Field], Decision]
    filler: Filler = Filler()
    search: IdentifierSearch | None = None
    characters_only: bool = False
    _rows: dict[bytes, "RowJudge"] = field(default_factory=dict, repr=False, compare=False)
    """The judges of rows that were asked for: editing and proof ask for the same ones."""

    def __repr__(self) -> str:
        """Return counts: what is decided, and how, tells about a patient."""
        return f"<Judge {self.filler!r} {self.search!r}>"

    def for_row(self, row: bytes) -> "RowJudge":
        """Return the judge of the fields of a row: one search of the whole spares that of most fields."""
        known = self._rows.get(row)
        if known is None:
            search = self.search or IdentifierSearch()
            near = search.needles.find_loosely(row)
            known = RowJudge(self, row, near, search.numbers.may_be_written(row))
            self._rows[row] = known
        return known

    def verdict(self, field: Field, old: bytes, *, searched: bool = True) -> Verdict:
        """Return the outcome for a field that holds `old`; without a search if it is known that none is needed."""
        decision = self.decide(field)
        if decision.redact:
            new = self.filler.fill(decision, old)
            by_value = new == old or self.filler.days is not None
            if (
                by_value
                and self.search
                and decision.form in _FILLED_BY_VALUE
                and self.search.find(field.form, new)
            ):
                new = fill("text", old)
            return Verdict(decision, new, "redact" if new != old else "")
        if not searched or not self.search:
            return Verdict(decision, old, "")
        hits = self._hits(self.search, field.form, old)
        if not hits:
            return Verdict(decision, old, "")
        new = self._without(decision, field.form, old, hits) if self.search.edits else old
        left = _groups(hits if new == old else self._hits(self.search, field.form, new))
        redacted = tuple(group for group in _groups(hits) if group not in left)
        return Verdict(decision, new, "identifier" if new != old else "", redacted, left)

    def _hits(self, search: IdentifierSearch, form: str, old: bytes) -> list[tuple[int, int, str]]:
        """Return the hits in a field; words among the numbers too where nobody vouches that these are numbers."""
        hits = search.find(form, old)
        if self.characters_only and form in _WRITTEN_NUMBERS:
            hits = sorted({*hits, *search.needles.find_groups(old)})
        return hits

    def _without(self, decision: Decision, form: str, old: bytes, hits: list[tuple[int, int, str]]) -> bytes:
        """Return a field without the identifiers that may be redacted in it."""
        read = bool(decision.read_by)
        if read and (decision.branches or form in NUMERIC | {"opaque"}):
            return old  # a number that a reader reads is never edited, nor the text that decides how it reads
        if form in _WRITTEN_NUMBERS:
            written = "integer" if form == "integer" else "number"
            return _filled(old, hits, lambda number: fill(written, number))
        if form in _BINARY_NUMBERS:
            return _filled(old, _units(hits, len(old)), lambda number: bytes(len(number)))
        if form == "opaque":
            blanks = self.search is not None and self.search.blanks_opaque
            return bytes(len(old)) if blanks else self._opaque_without(old, hits)
        if not (read or self.characters_only):
            return self.filler.fill(decision._replace(form=_as_text(decision.form)), old)
        if read and not (self.search and self.search.read_fields):
            return old
        return self._text_without(form, old, hits, PERSONS if read else None)

    def _text_without(
        self, form: str, old: bytes, hits: list[tuple[int, int, str]], whose: frozenset[str] | None
    ) -> bytes:
        """Return a text with the characters of its identifiers crossed out; only of some groups if `whose` is given."""
        new = old
        for _ in range(_ROUNDS):
            chosen = [hit for hit in hits if whose is None or hit[2] in whose]
            if not chosen or self.search is None:
                break
            cross = (lambda part: fill("codes", part)) if form == "codes" else _crossed_out
            new = _filled(new, chosen, cross)
            hits = self.search.find(form, new)
        return new

    def _opaque_without(self, old: bytes, hits: list[tuple[int, int, str]]) -> bytes:
        """Return content without a grammar in which long words of its printable runs are crossed out.

        Elsewhere bytes may be anything: an edit could break what no grammar knows.
        """
        runs = [match.span() for match in _PRINTABLE_RUN.finditer(old)]
        begins = [low for low, _ in runs]
        plain = set(self.search.needles.plain.find(old)) if self.search and runs else set()
        inside = [
            hit
            for hit in hits
            if hit[1] - hit[0] >= _LONG_WORD
            and hit[:2] in plain
            and (number := bisect_right(begins, hit[0]))
            and hit[1] <= runs[number - 1][1]
        ]
        return _filled(old, inside, _crossed_out)


class RowJudge(NamedTuple):
    """Judges the fields of one row.

    Attributes
    ----------
    judge
        Of the element.
    row
        Its bytes.
    near
        Where words may stand, in ascending order.
    has_numbers
        Whether a number that is an identifier may be written somewhere.
    """

    judge: Judge
    row: bytes
    near: tuple[tuple[int, int], ...]
    has_numbers: bool

    def __repr__(self) -> str:
        """Return a length and counts."""
        return f"<RowJudge of {len(self.row)} bytes, {len(self.near)} places, {self.has_numbers}>"

    def verdict(self, field: Field, start: int, stop: int) -> Verdict:
        """Return the outcome for a field that holds the row's bytes from `start` to `stop`."""
        old = self.row[start:stop]
        return self.judge.verdict(field, old, searched=self._may_hold(field.form, old, start, stop))

    def _may_hold(self, form: str, old: bytes, start: int, stop: int) -> bool:
        """Tell whether an identifier may stand in a field."""
        search = self.judge.search
        if not search or self._is_near(start, stop):
            return True
        if self.has_numbers and form not in _BINARY_NUMBERS:
            return True
        return form in _BINARY_NUMBERS | {"opaque"} and search.numbers.may_be_binary(old)

    def _is_near(self, start: int, stop: int) -> bool:
        at = bisect_left(self.near, start, key=itemgetter(1))
        return at < len(self.near) and self.near[at][0] <= stop


def _groups(hits: Iterable[tuple[int, int, str]]) -> tuple[str, ...]:
    return tuple(sorted({group for _, _, group in hits}))


def _crossed_out(part: bytes) -> bytes:
    return part.translate(_CROSSED_OUT)


def _units(hits: Iterable[tuple[int, int, str]], size: int) -> list[tuple[int, int, str]]:
    """Return hits widened to whole binary numbers."""
    return [
        (start // _UNIT * _UNIT, min(-(-stop // _UNIT) * _UNIT, size), group) for start, stop, group in hits
    ]


def _filled(old: bytes, hits: Iterable[tuple[int, int, str]], filled: Callable[[bytes], bytes]) -> bytes:
    """Return bytes in which each hit is filled."""
    new = bytearray(old)
    for start, stop, _ in hits:
        new[start:stop] = filled(old[start:stop])
    return bytes(new)


def _as_text(form: str) -> str:
    """Return the form as which a field is filled that holds an identifier: what is written in it is no number or code."""
    return form if form in ("utf16", "codes", "record", "name", "number", "integer", "hex") else "text"
