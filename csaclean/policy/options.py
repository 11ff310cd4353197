"""What a caller may ask for beside a policy: classes to retain, days to shift dates by, a key for UIDs and the like."""

import csv
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypedDict, get_args

from csaclean.dicom.identifying import GROUPS, Group
from csaclean.errors import UsageError
from csaclean.policy.dates import DateShift, read_shifts
from csaclean.policy.policies import Unclaimed
from csaclean.policy.pseudonym import UidKey
from csaclean.policy.rules import CLASSES

__all__ = [
    "Header",
    "Malformed",
    "OptionWords",
    "Options",
    "make_options",
    "read_identifiers",
    "read_not_identifiers",
]

_KEY_COLUMN: Final = "patientid"
"""How the name of a column of Patient IDs ends, without punctuation and case: there may be two, original and replaced."""
_SHORTEST_CELL: Final = 3
"""Characters of a text in a table: a column of sexes or ages must not make words."""
_DELIMITERS: Final = "\t;,"

Malformed = Literal["fail", "keep", "blank"]
"""What becomes of an element that has its format's signature and breaks the format's grammar."""


ReadFields = Literal["redact", "keep"]


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
        More texts to search for, of any length, beside those that the data set holds: for all data sets, or as a mapping by
        PatientID, original or replaced.
    not_identifiers
        Texts that are no identifiers, although the data set holds them as such: they, and what stands in them, are not found.
    identifiers_from
        Whose identifiers the data set's standard elements are asked for: ``patient``, ``people``, ``places``; all, unless
        this says otherwise.
    identifiers_in_read_fields
        ``redact`` or ``keep``: what happens to an identifier of a person in a text that a reader reads.
    uid_key
        A secret of at least 16 bytes, or a file that holds one: UIDs become keyed pseudo-UIDs instead of a constant.
    """

    retain: Collection[str]
    shift_days: int | Mapping[str, int] | str | os.PathLike[str] | None
    unclaimed: Unclaimed | None
    malformed: Malformed
    identifiers: Collection[str] | Mapping[str, Collection[str]]
    not_identifiers: Collection[str]
    identifiers_from: Collection[str] | None
    identifiers_in_read_fields: ReadFields
    uid_key: bytes | str | os.PathLike[str] | None


class Header(NamedTuple):
    """The standard elements of a data set that tell whose it is.

    Attributes
    ----------
    texts
        What they hold, at any depth, by tag.
    patient_ids
        The Patient IDs of the data set itself.
    charsets
        Defined terms of Specific Character Set.
    """

    texts: Mapping[int, tuple[str, ...]]
    patient_ids: tuple[str, ...]
    charsets: tuple[str, ...]

    def __repr__(self) -> str:
        """Return nothing about anybody."""
        return "<Header>"


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller asked for, checked: see `OptionWords`. An adapter may know two things more.

    Attributes
    ----------
    retain, shift, unclaimed, malformed, identifiers, not_identifiers, identifiers_from, uid_key
        As asked for.
    identifiers_by_id
        Texts to search for in the data sets of one PatientID.
    header
        The standard elements before somebody replaced them: they are asked instead of those of the data set.
    provisional
        Whether others will change the data set before it is cleaned for good: what nobody claims is not judged yet.
    """

    retain: frozenset[str] = frozenset()
    shift: DateShift | None = None
    unclaimed: Unclaimed | None = None
    identifiers: tuple[str, ...] = ()
    identifiers_by_id: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_identifiers: tuple[str, ...] = ()
    identifiers_from: frozenset[Group] = frozenset(GROUPS)
    uid_key: UidKey | None = None
    header: Header | None = None
    provisional: bool = False
    malformed: Malformed = "fail"
    identifiers_in_read_fields: ReadFields = "redact"

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
    identifiers = words.get("identifiers")
    by_id = _by_id(identifiers)
    in_read_fields = words.get("identifiers_in_read_fields", "redact")
    if in_read_fields not in get_args(ReadFields):
        raise UsageError(f"identifiers_in_read_fields takes {', '.join(get_args(ReadFields))}")
    return Options(
        retain,
        shift,
        unclaimed,
        _texts(None if by_id else identifiers, "identifiers"),
        by_id,
        _texts(words.get("not_identifiers"), "not_identifiers"),
        _groups(words.get("identifiers_from")),
        _key(words.get("uid_key")),
        malformed=malformed,
        identifiers_in_read_fields=in_read_fields,
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


def _groups(asked: object) -> frozenset[Group]:
    if asked is None:
        return frozenset(GROUPS)
    if (
        isinstance(asked, Collection)
        and not isinstance(asked, str)
        and all(group in GROUPS for group in asked)
    ):
        return frozenset(asked)
    raise UsageError(f"identifiers_from takes some of {', '.join(GROUPS)}")


def _texts(asked: object, word: str) -> tuple[str, ...]:
    if asked is None:
        return ()
    if isinstance(asked, Collection) and not isinstance(asked, str | Mapping):
        texts = tuple(asked)
        if all(isinstance(text, str) for text in texts):
            return tuple(text for text in texts if text.strip())
    raise UsageError(f"{word} takes several texts, not one")


def _by_id(asked: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(asked, Mapping):
        return {}
    if not all(isinstance(patient, str) for patient in asked):
        raise UsageError("identifiers takes several texts, or several texts by PatientID")
    return {patient.strip(): _texts(texts, "identifiers") for patient, texts in asked.items()}


def read_identifiers(path: str | os.PathLike[str], /) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    """Return the texts of a file, one a line, or by PatientID if the file is a table.

    Empty lines and those that start with ``#`` are left out. A file is a table if its first line names columns, between
    tabs, semicolons or commas, and one of them PatientID. There may be more, such as OriginalPatientID and NewPatientID:
    each finds the texts of its line, and those of the others are among these. Texts of a table have three characters or more.

    Raises
    ------
    UsageError
        If it can't be read, isn't UTF-8, or is a table with a line that has no PatientID or quotes that CSV doesn't allow;
        the message names the line's number, never its text.
    """
    lines = _lines(path, "identifiers")
    first = next((line for _, line in lines), "")
    for delimiter in _DELIMITERS:
        names = ["".join(filter(str.isalnum, name)).casefold() for name in first.split(delimiter)]
        keys = [column for column, name in enumerate(names) if name.endswith(_KEY_COLUMN)]
        if keys and len(names) > 1:
            return _table(lines[1:], delimiter, keys)
    return tuple(line.strip() for _, line in lines)


def _table(lines: list[tuple[int, str]], delimiter: str, keys: list[int]) -> dict[str, tuple[str, ...]]:
    """Return the texts of a table by Patient ID.

    Raises
    ------
    UsageError
        If a line has no PatientID, or quotes that CSV doesn't allow.
    """
    found: dict[str, dict[str, None]] = {}
    for number, line in lines:
        try:
            (cells,) = csv.reader([line], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            raise UsageError(
                f"the file of identifiers, line {number}: quotes that CSV doesn't allow"
            ) from None
        cells = [cell.strip() for cell in cells]
        patients = [cells[column] for column in keys if column < len(cells) and cells[column]]
        if not patients:
            raise UsageError(f"the file of identifiers, line {number}: no PatientID")
        for patient in patients:
            texts = (cell for cell in cells if len(cell) >= _SHORTEST_CELL and cell != patient)
            found.setdefault(patient, {}).update(dict.fromkeys(texts))
    return {patient: tuple(texts) for patient, texts in found.items()}


def read_not_identifiers(path: str | os.PathLike[str], /) -> tuple[str, ...]:
    """Return the texts of a file, one a line, empty lines and those that start with ``#`` left out.

    Raises
    ------
    UsageError
        If it can't be read, or isn't UTF-8.
    """
    return tuple(line.strip() for _, line in _lines(path, "texts that are no identifiers"))


def _lines(path: str | os.PathLike[str], what: str) -> list[tuple[int, str]]:
    """Return the lines of a file that say something, without outer blanks, with their numbers.

    Raises
    ------
    UsageError
        If it can't be read, or isn't UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123  # the path may be any path-like
            numbered = [(number, line.strip("\r\n")) for number, line in enumerate(file, 1)]
    except UnicodeError:
        raise UsageError(f"the file of {what} is not UTF-8") from None
    except ValueError:
        raise UsageError(f"a name that no file of {what} can have") from None
    except OSError as error:
        raise UsageError(f"can't read the file of {what}: {os.strerror(error.errno or 0)}") from None
    return list(_telling(numbered))


def _telling(numbered: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, line in numbered:
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, line
