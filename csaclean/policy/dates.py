"""Dates moved by whole days: as long as before, the time of day untouched.

Sources: DICOM PS3.5 6.2 (DA, DT), PS3.15 E.3.6 (Retain Longitudinal Temporal Information With Modified Dates).
"""

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from csaclean.errors import FileError, PolicyError
from csaclean.policy.tables import read_text

__all__ = ["DateShift", "read_shifts", "shift_date", "shift_datetime"]

_DATE: Final = re.compile(rb"(\d{4})([.-]?)(\d\d)\2(\d\d)")
_DATETIME: Final = re.compile(
    rb"(?P<day>\d{8})"
    rb"(?P<time>(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?)"
    rb"(?P<zone>(?:[+-](?:0\d|1[0-4])[0-5]\d)?)"
    rb"(?P<padding> *)"
)
_DAYS: Final = re.compile(r"[+-]?[0-9]{1,7}")
_DIGIT: Final = re.compile(r"[0-9]")


def shift_date(old: bytes, days: int) -> bytes | None:
    """Return a date so many days later, in the form in which it was written.

    Parameters
    ----------
    old
        ``YYYYMMDD``, ``YYYY.MM.DD`` or ``YYYY-MM-DD``, without padding.
    days
        How many days later; negative is earlier.

    Returns
    -------
    bytes | None
        As long as `old`; None if that is no day of the calendar, or the new one is not in the years 1 to 9999. The
        caller then redacts.

    Examples
    --------
    >>> shift_date(b"20240228", 2), shift_date(b"2024-01-01", -1), shift_date(b"20240230", 1)
    (b'20240301', b'2023-12-31', None)
    """
    match = _DATE.fullmatch(old)
    if match is None:
        return None
    year, separator, month, day = match.groups()
    try:
        new = date(int(year), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):  # no day of the calendar, before or after
        return None
    return b"%04d%b%02d%b%02d" % (new.year, separator, new.month, separator, new.day)


def shift_datetime(old: bytes, days: int) -> bytes | None:
    """Return a date and time so many days later: only the day changes.

    Parameters
    ----------
    old
        ``YYYYMMDD[HH[MM[SS[.F]]]][&ZZXX]`` (the DT of PS3.5 6.2), with or without spaces after it.
    days
        How many days later; negative is earlier.

    Returns
    -------
    bytes | None
        As long as `old`; None if that is not a time of a day of the calendar, if it is less precise than a day, or
        if the new one is not in the years 1 to 9999. The caller then redacts.

    Examples
    --------
    >>> shift_datetime(b"20231231235959.123456+0100", 1), shift_datetime(b"202312", 1)
    (b'20240101235959.123456+0100', None)
    """
    match = _DATETIME.fullmatch(old)
    if match is None:
        return None
    day = shift_date(match["day"], days)
    return None if day is None else day + old[match.end("day") :]


def _fields(line: str) -> list[str]:
    """Return the fields of one line: between tabs if it holds one, else between commas.

    Raises
    ------
    csv.Error
        If quotes are not closed, or stand where they can't.
    """
    rows = list(csv.reader([line], delimiter="\t" if "\t" in line else ",", strict=True))
    return [text.strip() for text in rows[0]]


def read_shifts(path: str | os.PathLike[str]) -> Mapping[str, int]:
    """Return the days of each patient from a table: PatientID, tab or comma, days on each line.

    Lines that are empty or start with ``#`` are skipped; so is a first line whose second field has no digit: names of
    columns. A PatientID that holds the separator, or starts with ``#``, stands in double quotes, as CSV has it. Spaces
    around fields don't count.

    Raises
    ------
    PolicyError
        If the file can't be read, is not UTF-8 or lists nobody; if a line is not a PatientID and a whole number of at
        most seven digits, or gives a patient other days than a line before. The message names the line's number, never
        what it holds.
    """
    file = Path(os.fsdecode(path))
    name = file.name
    text = read_text(file, "table", "utf-8-sig")
    shifts: dict[str, int] = {}
    seen: dict[str, int] = {}
    first = True
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        try:
            fields = _fields(line.rstrip("\r"))
        except csv.Error:
            raise PolicyError(f"{name}: line {number}: quotes that CSV doesn't allow") from None
        if len(fields) != 2:
            raise PolicyError(f"{name}: line {number}: {len(fields)} fields where PatientID and days belong")
        patient, days = fields
        is_header = first and not _DIGIT.search(days)
        first = False
        if is_header:
            continue
        if not patient:
            raise PolicyError(f"{name}: line {number}: no PatientID")
        if not _DAYS.fullmatch(days):
            raise PolicyError(f"{name}: line {number}: days must be a whole number of at most seven digits")
        if shifts.setdefault(patient, int(days)) != int(days):
            raise PolicyError(
                f"{name}: line {number}: not the days of line {seen[patient]}, the same patient"
            )
        seen.setdefault(patient, number)
    if not shifts:
        raise PolicyError(f"{name}: lists no patient")
    return shifts


@dataclass(frozen=True, slots=True, repr=False)
class DateShift:
    """How far dates move: the same for all, or as listed for each patient.

    Attributes
    ----------
    shift
        Days, or days by PatientID. No repr or message shows them: they undo what was done.
    """

    shift: int | Mapping[str, int] = field(hash=False)

    def __repr__(self) -> str:
        """Return what kind it is."""
        kind = "constant" if isinstance(self.shift, int) else f"{len(self.shift)} patients"
        return f"DateShift({kind})"

    def days_for(self, patient_id: str) -> int:
        """Return the days for a patient; spaces and NULs around the PatientID don't count.

        Raises
        ------
        FileError
            If there is a list, and the patient is not on it.
        """
        if isinstance(self.shift, int):
            return self.shift
        days = self.shift.get(patient_id.strip(" \t\r\n\0"))
        if days is None:
            raise FileError("no days to shift by: the list has no such PatientID")
        return days
