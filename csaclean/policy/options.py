"""What a caller may ask for beside a policy: classes to retain, days to shift dates by, a key for UIDs and the like."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict, get_args

from csaclean.errors import UsageError
from csaclean.policy.dates import DateShift, read_shifts
from csaclean.policy.policies import Unclaimed
from csaclean.policy.pseudonym import UidKey
from csaclean.policy.rules import CLASSES

__all__ = ["Malformed", "OptionWords", "Options", "make_options", "read_identifiers"]


Malformed = Literal["fail", "keep", "blank"]
"""What becomes of an element that has its format's signature and breaks the format's grammar."""


class OptionWords(TypedDict, total=False):
    """Keyword arguments that every cleaning function takes.

    Attributes
    ----------
    retain
        Classes that stay whatever the policy says, as the Retain options of PS3.15 do: ``dates``, ``uids``, ``device`` ...
    shift_days
        Days by which dates are shifted instead of redacted, or days by Patient ID, as a mapping or a file of it. Dates that
        stand in no calendar are redacted. The one option under which cleaning twice is not cleaning once. Not together
        with ``retain=["dates"]``.
    unclaimed
        What happens to private elements that nobody claims: ``report``, ``blank`` or ``fail``; else as the policy says.
    malformed
        What happens to an element that has its format's signature and breaks the format's grammar: ``fail`` (the default)
        fails the file, ``keep`` counts the element as unclaimed, ``blank`` fills it unless a converter reads it or it is
        private pixel data.
    identifiers
        More texts to search for, of any length, beside the patient's own that the data set holds; then those are searched
        for even where the policy doesn't ask for it.
    uid_key
        A secret of at least 16 bytes, or a file that holds one: UIDs become keyed pseudo-UIDs instead of a constant.
    """

    retain: Collection[str]
    shift_days: int | Mapping[str, int] | str | os.PathLike[str] | None
    unclaimed: Unclaimed | None
    malformed: Malformed
    identifiers: Collection[str]
    uid_key: bytes | str | os.PathLike[str] | None


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller asked for, checked: see `OptionWords`. An adapter may know two things more.

    Attributes
    ----------
    retain, shift, unclaimed, malformed, identifiers, uid_key
        As asked for.
    patient
        What standard elements held before somebody replaced it, by tag: searched for as what they hold is.
    provisional
        Whether others will change the data set before it is cleaned for good: what nobody claims is not judged yet.
    """

    retain: frozenset[str] = frozenset()
    shift: DateShift | None = None
    unclaimed: Unclaimed | None = None
    identifiers: tuple[str, ...] = ()
    uid_key: UidKey | None = None
    patient: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    provisional: bool = False
    malformed: Malformed = "fail"

    def __repr__(self) -> str:
        """Return nothing about anybody."""
        return "<Options>"


def make_options(words: OptionWords, /) -> Options:
    """Return the options that keyword arguments stand for.

    Raises
    ------
    UsageError
        If a word is none that there is, or says something that it doesn't take; if dates are both retained and shifted.
    PolicyError
        If a file of shifts, or of a key, can't be used.
    """
    known = OptionWords.__optional_keys__
    if not words.keys() <= known:
        raise UsageError(f"there are no options but {', '.join(sorted(known))}")
    retain = _classes(words.get("retain"))
    unclaimed = words.get("unclaimed")
    if unclaimed is not None and unclaimed not in get_args(Unclaimed):
        raise UsageError(f"unclaimed takes {', '.join(get_args(Unclaimed))}")
    malformed = words.get("malformed", "fail")
    if malformed not in get_args(Malformed):
        raise UsageError(f"malformed takes {', '.join(get_args(Malformed))}")
    shift = _shift(words.get("shift_days"))
    if shift is not None and "dates" in retain:
        raise UsageError("dates are retained, or shifted: not both")
    return Options(
        retain,
        shift,
        unclaimed,
        _identifiers(words.get("identifiers")),
        _key(words.get("uid_key")),
        malformed=malformed,
    )


def _classes(asked: object) -> frozenset[str]:
    if asked is None:
        return frozenset()
    classes = [cls for cls in CLASSES if cls != "technical"]
    if isinstance(asked, Collection) and not isinstance(asked, str) and all(cls in classes for cls in asked):
        return frozenset(asked)
    raise UsageError(f"retain takes classes: {', '.join(classes)}")


def _shift(asked: object) -> DateShift | None:
    if asked is None:
        return None
    if isinstance(asked, str | os.PathLike):
        return DateShift(read_shifts(os.fsdecode(asked)))
    if isinstance(asked, Mapping) and all(
        isinstance(patient, str) and type(days) is int for patient, days in asked.items()
    ):
        return DateShift(dict(asked))
    if type(asked) is int:
        return DateShift(asked)
    raise UsageError("shift_days takes a whole number of days, days by PatientID, or a file of those")


def _key(asked: object) -> UidKey | None:
    if asked is None:
        return None
    if isinstance(asked, bytes):
        return UidKey(asked)
    if isinstance(asked, str | os.PathLike):
        return UidKey.read(os.fsdecode(asked))
    raise UsageError("uid_key takes bytes, or a file")


def _identifiers(asked: object) -> tuple[str, ...]:
    if asked is None:
        return ()
    if isinstance(asked, Collection) and not isinstance(asked, str):
        texts = tuple(asked)
        if all(isinstance(text, str) for text in texts):
            return tuple(text for text in texts if text)
    raise UsageError("identifiers takes several texts, not one")


def read_identifiers(path: str | os.PathLike[str], /) -> tuple[str, ...]:
    """Return the texts of a file, one a line, empty lines and those that start with ``#`` left out.

    Raises
    ------
    UsageError
        If it can't be read, or isn't UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123  # the path may be any path-like
            lines = [line.strip() for line in file]
    except UnicodeError:
        raise UsageError("the file of identifiers is not UTF-8") from None
    except ValueError:
        raise UsageError("a name that no file of identifiers can have") from None
    except OSError as error:
        raise UsageError(f"can't read the file of identifiers: {os.strerror(error.errno or 0)}") from None
    return tuple(line for line in lines if line and not line.startswith("#"))
