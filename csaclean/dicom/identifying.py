"""The standard elements that identify the patient, other people, and places and devices.

Source: PS3.6 (names of the elements); PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.5.1, C.4.10, table 10-1 (Person Identification).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

__all__ = [
    "BIRTH_DATES",
    "CODES",
    "CODES_OF",
    "DEVICE_NUMBERS",
    "GROUPS",
    "IDENTIFIERS",
    "OF_PATIENT",
    "PATIENT_NAMES",
    "PATIENT_NUMBERS",
    "PEOPLE_NAMES",
    "PEOPLE_NUMBERS",
    "PLACE_NAMES",
    "Group",
]

Group = Literal["patient", "people", "places"]
GROUPS: Final[tuple[Group, ...]] = ("patient", "people", "places")
"""Whom or what an identifier is of; what is of the patient comes before what is of others."""

PATIENT_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00100010: "Patient's Name",
        0x00101001: "Other Patient Names",
        0x00101005: "Patient's Birth Name",
        0x00101060: "Patient's Mother's Birth Name",
        0x00102297: "Responsible Person",
    }
)
PATIENT_NUMBERS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00080050: "Accession Number",
        0x00100020: "Patient ID",
        0x00101000: "Other Patient IDs",
        0x00101040: "Patient's Address",
        0x00101090: "Medical Record Locator",
        0x00102154: "Patient's Telephone Numbers",
        0x00380010: "Admission ID",
        0x00380060: "Service Episode ID",
        0x00402016: "Placer Order Number / Imaging Service Request",
        0x00402017: "Filler Order Number / Imaging Service Request",
    }
)
"""Numbers and other texts that are searched for whole. Other Patient IDs Sequence holds Patient ID."""
BIRTH_DATES: Final[Mapping[int, str]] = MappingProxyType({0x00100030: "Patient's Birth Date"})

PEOPLE_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00080090: "Referring Physician's Name",
        0x0008009C: "Consulting Physician's Name",
        0x00081048: "Physician(s) of Record",
        0x00081050: "Performing Physician's Name",
        0x00081060: "Name of Physician(s) Reading Study",
        0x00081070: "Operators' Name",
        0x00321032: "Requesting Physician",
        0x00400006: "Scheduled Performing Physician's Name",
        0x00401010: "Names of Intended Recipients of Results",
        0x00402008: "Order Entered By",
        0x00404037: "Human Performer's Name",
        0x0040A075: "Verifying Observer Name",
        0x0040A123: "Person Name",
        0x00700084: "Content Creator's Name",
        0x300E0008: "Reviewer Name",
        0x40080102: "Interpretation Recorder",
        0x4008010A: "Interpretation Transcriber",
        0x4008010C: "Interpretation Author",
        0x40080114: "Physician Approving Interpretation",
        0x40080119: "Distribution Name",
    }
)
PEOPLE_NUMBERS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00080092: "Referring Physician's Address",
        0x00080094: "Referring Physician's Telephone Numbers",
        0x00401102: "Person's Address",
        0x00401103: "Person's Telephone Numbers",
    }
)

PLACE_NAMES: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00080080: "Institution Name",
        0x00080081: "Institution Address",
        0x00081040: "Institutional Department Name",
    }
)
DEVICE_NUMBERS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0x00080055: "Station AE Title",
        0x00081010: "Station Name",
        0x00181000: "Device Serial Number",
        0x00400001: "Scheduled Station AE Title",
        0x00400010: "Scheduled Station Name",
        0x00400241: "Performed Station AE Title",
        0x00400242: "Performed Station Name",
    }
)

CODES_OF: Final[Mapping[int, Group]] = MappingProxyType({0x00401101: "people", 0x00080082: "places"})
"""Person Identification Code Sequence and Institution Code Sequence: in their items codes identify."""
CODES: Final = frozenset((0x00080100, 0x00080104))
"""Code Value and Code Meaning: the number and the name of a person or an institution, in items of these sequences only."""

OF_PATIENT: Final = frozenset((*PATIENT_NAMES, *PATIENT_NUMBERS, *BIRTH_DATES))
"""Those of the patient: they identify in private sequences too, where others may have been copied from anywhere."""
IDENTIFIERS: Final = OF_PATIENT | frozenset(
    (
        *PEOPLE_NAMES,
        *PEOPLE_NUMBERS,
        *PLACE_NAMES,
        *DEVICE_NUMBERS,
    )
)
"""The elements that identify wherever they stand."""
