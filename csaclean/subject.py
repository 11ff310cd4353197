"""Whose data set it is: the identifiers that its standard elements hold, to be searched for in what stays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from csaclean.context import Context
from csaclean.dicom.charset import decode_text
from csaclean.dicom.elements import SPECIFIC_CHARACTER_SET
from csaclean.errors import FileError
from csaclean.policy.options import Options
from csaclean.proof.residue import Needles

__all__ = [
    "BIRTH_DATES",
    "IDENTIFIERS",
    "NAMES",
    "NUMBERS",
    "WANTED",
    "Subject",
    "find_subject",
    "subject_of",
]

_PATIENT_ID: Final = 0x00100020
_STUDY_DATE: Final = 0x00080020
"""Study Date: a birth date that is the same day would be found wherever a date of the study may stand."""
NAMES: Final = frozenset((0x00100010, 0x00101001, 0x00101005))
"""Patient's Name, Other Patient Names, Patient's Birth Name."""
NUMBERS: Final = frozenset((_PATIENT_ID, 0x00101000, 0x00080050))
"""Patient ID, Other Patient IDs, Accession Number."""
BIRTH_DATES: Final = frozenset((0x00100030,))
IDENTIFIERS: Final = NAMES | NUMBERS | BIRTH_DATES
"""Standard elements that hold an identifier of the patient."""
WANTED: Final = IDENTIFIERS | {_STUDY_DATE}
"""Standard elements that tell about the patient: those, and Study Date."""
_LONGEST: Final = 1 << 10
"""How much of a value is searched for, in bytes: no identifier is longer, and a file decides how long its values are."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be known of a patient while the data set is cleaned.

    Attributes
    ----------
    needles
        Identifiers to search for; None if there are none.
    days
        By how many days dates are shifted; None to redact them.
    """

    needles: Needles | None = None
    days: int | None = None

    def __repr__(self) -> str:
        """Return nothing about anybody."""
        return "<Subject>"


def find_subject(context: Context, options: Options) -> Subject:
    """Return what a data set, and the caller, tell about its patient.

    Parameters
    ----------
    context
        The walked data set.
    options
        Further identifiers, and shifts of dates.

    Raises
    ------
    FileError
        If dates are to be shifted by Patient ID, and there is no shift for this one.
    """
    found: dict[int, list[str]] = {}
    own: list[str] = []
    terms: tuple[str, ...] = ()
    for element in context.elements:
        if element.tag in WANTED and element.start < element.stop:
            terms = context.charset(element.owner)
            parts = _parts(context.load(element, _LONGEST + 1), terms)
            found.setdefault(element.tag, []).extend(parts)
            if element.tag == _PATIENT_ID and not element.owner:  # an item may be about somebody else
                own += parts
    return _subject(found, own, terms, options)


def subject_of(values: Mapping[int, bytes], options: Options) -> Subject:
    """Return what a few standard elements, and the caller, tell about a patient.

    Parameters
    ----------
    values
        Values by tag; others than `IDENTIFIERS` are ignored.
    options
        Further identifiers, and shifts of dates.

    Raises
    ------
    FileError
        If dates are to be shifted by Patient ID, and there is no shift for this one.
    """
    terms = tuple(_parts(values.get(SPECIFIC_CHARACTER_SET, b""), ()))
    found = {tag: _parts(value, terms) for tag, value in values.items() if tag in WANTED}
    return _subject(found, found.get(_PATIENT_ID, []), terms, options)


def _parts(value: bytes, terms: tuple[str, ...]) -> list[str]:
    return [part.strip() for part in decode_text(_beginning(value), terms).split("\\")]


def _beginning(value: bytes) -> bytes:
    """Return as much of a value as is searched for; no character of UTF-8 is cut, which would make it undecodable."""
    if len(value) <= _LONGEST:
        return value
    stop = _LONGEST
    while stop > _LONGEST - 3 and value[stop] & 0xC0 == 0x80:
        stop -= 1
    return value[:stop]


def _subject(
    found: Mapping[int, list[str]], own: list[str], terms: tuple[str, ...], options: Options
) -> Subject:
    """Return what is known of a patient.

    Raises
    ------
    FileError
        If dates are to be shifted, and the data set has two Patient IDs, or one that isn't listed.
    """
    ids = dict.fromkeys(options.patient.get(_PATIENT_ID) or own)
    found = {
        tag: [*options.patient.get(tag, ()), *found.get(tag, ())]
        for tag in found.keys() | options.patient.keys()
    }

    def texts(tags: frozenset[int]) -> list[str]:
        return [text for tag in sorted(tags) for text in found.get(tag, ()) if text]

    born = [day for day in texts(BIRTH_DATES) if day not in found.get(_STUDY_DATE, ())]
    needles = Needles.from_identifiers(texts(NAMES), texts(NUMBERS), born, options.identifiers, terms)
    days = None
    if options.shift is not None:
        if len(ids) > 1:
            raise FileError("no days to shift by: the data set has more than one PatientID")
        days = options.shift.days_for(next(iter(ids), ""))
    return Subject(needles or None, days)
