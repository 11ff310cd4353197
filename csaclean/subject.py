"""Whose data set it is: the identifiers that its standard elements hold, to be searched for in private matter."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from csaclean.context import Context
from csaclean.dicom.charset import decodings
from csaclean.dicom.elements import SPECIFIC_CHARACTER_SET, Element
from csaclean.dicom.identifying import (
    BIRTH_DATES,
    CODES,
    CODES_OF,
    DEVICE_NUMBERS,
    GROUPS,
    IDENTIFIERS,
    OF_PATIENT,
    PATIENT_NAMES,
    PATIENT_NUMBERS,
    PEOPLE_NAMES,
    PEOPLE_NUMBERS,
    PLACE_NAMES,
    Group,
)
from csaclean.errors import FileError
from csaclean.policy.options import Header, Options
from csaclean.proof.residue import Needles
from csaclean.proof.words import Identifiers, is_placeholder

__all__ = [
    "WANTED",
    "Subject",
    "find_header",
    "find_subject",
    "subject_of",
]

_PATIENT_ID: Final = 0x00100020
_PATIENT_NAME: Final = 0x00100010
_STUDY_DATE: Final = 0x00080020
"""Study Date: a birth date that is the same day would be found wherever a date of the study may stand."""
_REMOVED: Final = 0x00120062
_METHOD: Final = 0x00120063
"""Patient Identity Removed and De-identification Method (PS3.3 C.7.1.1)."""
_OWN_METHOD: Final = "csaclean "
"""How a De-identification Method begins that ``--mark`` wrote: it says nothing about the standard elements."""
WANTED: Final = IDENTIFIERS | {_STUDY_DATE}
"""Standard elements that identify wherever they stand, and Study Date."""
_READ: Final = WANTED | CODES_OF.keys() | {_REMOVED, _METHOD}
_DIGITS: Final = "0123456789"
_NAME_SEPARATORS: Final = re.compile(r"[\^=\s_]+")
_LONGEST: Final = 1 << 10
"""How much of a value is searched for, in bytes: no identifier is longer, and a file decides how long its values are."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be known of a patient, and of others, while the data set is cleaned.

    Attributes
    ----------
    needles
        Identifiers to search for; None if there are none.
    days
        By how many days dates are shifted; None to redact them.
    deidentified
        Whether the standard elements were de-identified before, and the caller gave nothing else to search for: Patient
        Identity Removed is YES, De-identification Method is another program's, or Patient's Name names nobody.
    """

    needles: Needles | None = None
    days: int | None = None
    deidentified: bool = False

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
    header = own = find_header(context)
    if options.header is not None:
        header = options.header
    patients = (*header.patient_ids, *own.patient_ids)
    subject = _subject(header, patients, options)
    is_given = bool(options.identifiers) or any(patient in options.identifiers_by_id for patient in patients)
    return replace(subject, deidentified=not is_given and _is_deidentified(header.texts))


def find_header(context: Context) -> Header:
    """Return the standard elements of a data set that tell whose it is."""
    found: dict[int, list[str]] = {}
    own: list[str] = []
    charsets: dict[str, None] = {}
    for element in context.elements:
        if element.start >= element.stop:
            continue
        tag = _address(element, context)
        if tag in _READ and (tag in OF_PATIENT or not context.datasets[element.owner].private):
            terms = context.charset(element.owner)
            charsets.update(dict.fromkeys(terms))
            parts = _parts(context.load(element, _LONGEST + 1), terms, tag)
            found.setdefault(tag, []).extend(parts)
            if tag == _PATIENT_ID and not element.owner:  # an item may be about somebody else
                own += parts
    return Header({tag: tuple(texts) for tag, texts in found.items()}, tuple(own), tuple(charsets))


def _address(element: Element, context: Context) -> int:
    """Return an element's tag; of a code that identifies, the tag of the sequence around it."""
    if element.tag not in CODES:
        return element.tag
    sequence = context.datasets[element.owner].tag
    return sequence if sequence in CODES_OF else element.tag


def _is_deidentified(found: Mapping[int, Sequence[str]]) -> bool:
    """Tell whether somebody took out what is to be searched for."""
    methods = [text for text in found.get(_METHOD, ()) if text]
    return (
        "YES" in found.get(_REMOVED, ())
        or any(not method.startswith(_OWN_METHOD) for method in methods)
        or all(map(_names_nobody, found.get(_PATIENT_NAME, ())))
    )


def _names_nobody(name: str) -> bool:
    """Tell whether a name is a placeholder, or placeholders and numbers: ``Anonymous``, ``De-Identified^Patient``, ``anon0001``."""
    if is_placeholder(name):
        return True
    parts = (part.strip(_DIGITS) for part in _NAME_SEPARATORS.split(name))
    return any(map(str.isalpha, name)) and all(map(is_placeholder, parts))


def subject_of(values: Mapping[int, bytes], options: Options) -> Subject:
    """Return what a few standard elements, and the caller, tell about a patient.

    Parameters
    ----------
    values
        Values by tag; others than `WANTED` are ignored.
    options
        Further identifiers, and shifts of dates.

    Raises
    ------
    FileError
        If dates are to be shifted by Patient ID, and there is no shift for this one.
    """
    terms = tuple(_parts(values.get(SPECIFIC_CHARACTER_SET, b""), ()))
    found = {tag: tuple(_parts(value, terms, tag)) for tag, value in values.items() if tag in WANTED}
    header = Header(found, found.get(_PATIENT_ID, ()), terms)
    return _subject(header, header.patient_ids, options)


def _parts(value: bytes, terms: tuple[str, ...], tag: int = 0) -> list[str]:
    r"""Return the values of an element; a number that holds a backslash, which DICOM parts, as a whole too."""
    texts = decodings(_beginning(value), terms)
    parts = [part for text in texts for part in text.split("\\")]
    whole = texts if tag in PATIENT_NUMBERS else ()
    return list(dict.fromkeys(text.strip() for text in (*parts, *whole)))


def _beginning(value: bytes) -> bytes:
    """Return as much of a value as is searched for; no character of UTF-8 is cut, which would make it undecodable."""
    if len(value) <= _LONGEST:
        return value
    stop = _LONGEST
    while stop > _LONGEST - 3 and value[stop] & 0xC0 == 0x80:
        stop -= 1
    return value[:stop]


def _subject(header: Header, patients: Sequence[str], options: Options) -> Subject:
    """Return what is known of a patient.

    Parameters
    ----------
    header
        What the standard elements tell.
    patients
        The Patient IDs, original and replaced, under which the caller may have given identifiers.
    options
        Further identifiers, and shifts of dates.

    Raises
    ------
    FileError
        If dates are to be shifted, and the data set has two Patient IDs, or one that isn't listed.
    """
    found, own, terms = header
    ids = dict.fromkeys(own)
    given = (options.identifiers_by_id.get(patient, ()) for patient in dict.fromkeys(patients))
    wanted = tuple(dict.fromkeys(chain(options.identifiers, *given)))

    def texts(tags: Iterable[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for tag in sorted(tags) for text in found.get(tag, ()) if text))

    codes = {group: texts(tag for tag, of in CODES_OF.items() if of == group) for group in GROUPS}
    born = tuple(day for day in texts(BIRTH_DATES) if day not in found.get(_STUDY_DATE, ()))
    groups: dict[Group, Identifiers] = {
        "patient": Identifiers(texts(PATIENT_NAMES), texts(PATIENT_NUMBERS), born),
        "people": Identifiers(texts(PEOPLE_NAMES) + codes["people"], texts(PEOPLE_NUMBERS) + codes["people"]),
        "places": Identifiers(places=texts(PLACE_NAMES) + codes["places"], devices=texts(DEVICE_NUMBERS)),
    }
    groups = {group: held for group, held in groups.items() if group in options.identifiers_from}
    patient = groups.get("patient", Identifiers())
    groups["patient"] = patient._replace(
        names=patient.names + tuple(text for text in wanted if "^" in text),
        birth_dates=patient.birth_dates + wanted,  # those that are no days are passed over
        wanted=wanted,
    )
    needles = Needles.of(groups, terms, options.not_identifiers)
    days = None
    if options.shift is not None:
        if len(ids) > 1:
            raise FileError("no days to shift by: the data set has more than one PatientID")
        days = options.shift.days_for(next(iter(ids), ""))
    return Subject(needles or None, days)
