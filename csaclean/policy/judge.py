"""The verdict on one field of one element: what the plan decides, what stands there afterwards, and whether it leaks.

A `Judge` is asked twice about each field, when it is edited and when the edit is proved, and says the same both times: it
is a pure function of field and bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from csaclean.model import Field
from csaclean.policy.dates import shift_date, shift_datetime
from csaclean.policy.fills import UID, fill
from csaclean.policy.plan import Decision
from csaclean.policy.pseudonym import UidKey, pseudonymous_uid
from csaclean.proof.residue import Needles

__all__ = ["OPAQUE_SPAN", "Filler", "Judge", "Verdict"]

OPAQUE_SPAN: Final = Field("", "opaque")
"""What a judge is asked about where a grammar left content without a field."""

_NUMERIC: Final = frozenset(("integer", "number", "binary-number", "assignments"))
"""Forms in which an identifier is no residue, unless it is the whole number: three digits in a row of numbers are
anybody's."""
_LONG_NUMBER: Final = 6
"""Digits of a number that is no chance if it is an identifier of the patient."""
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
    """What becomes of a field.

    Attributes
    ----------
    decision
        The plan's decision on it.
    new
        Its bytes afterwards; the old ones if it stays.
    reason
        Why it is edited, ``redact`` or ``residue``; ``declared`` if it stays although one of the patient's identifiers
        stands in it, because a converter reads it; else empty.
    """

    decision: Decision
    new: bytes
    reason: Literal["", "redact", "residue", "declared"]

    def __repr__(self) -> str:
        """Return the reason and a length."""
        return f"<Verdict {self.reason or 'stays'}, {len(self.new)} bytes>"


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the fields of one element.

    Attributes
    ----------
    decide
        The plan, bound to the element's selector.
    filler
        What is written in place of a redacted field.
    needles
        The patient's identifiers; None if nobody searches for them.
    """

    decide: Callable[[Field], Decision]
    filler: Filler = Filler()
    needles: Needles | None = None

    def __repr__(self) -> str:
        """Return counts: what is decided, and how, tells about a patient."""
        return f"<Judge {self.filler!r} {self.needles!r}>"

    def for_row(self, row: bytes) -> "Judge":
        """Return what judges the fields of a row: one search of the whole spares that of each field in most rows."""
        return self if not self.needles or self.needles.find(row) else replace(self, needles=None)

    @staticmethod
    def _leaks(field: Field, old: bytes, needles: Needles) -> bool:
        """Tell whether an identifier stands in a field: anywhere in a text, as a whole in a number."""
        if field.form not in _NUMERIC:
            return bool(needles.find(old))
        number = old.strip()
        return number.isdigit() and len(number) >= _LONG_NUMBER and (0, len(number)) in needles.find(number)

    def verdict(self, field: Field, old: bytes) -> Verdict:
        """Return what becomes of a field that holds `old`."""
        decision = self.decide(field)
        if decision.redact:
            new = self.filler.fill(decision, old)
            return Verdict(decision, new, "redact" if new != old else "")
        if self.needles and self._leaks(field, old, self.needles):
            if decision.read_by or decision.form == "opaque":
                return Verdict(decision, old, "declared" if decision.read_by else "")
            return Verdict(
                decision, self.filler.fill(decision._replace(form=_as_text(decision.form)), old), "residue"
            )
        return Verdict(decision, old, "")


def _as_text(form: str) -> str:
    """Return the form as which a field is filled that holds an identifier: what is written in it is no number or code."""
    return form if form in ("utf16", "codes", "record", "name", "number", "integer") else "text"
