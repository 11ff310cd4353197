"""DICOM data sets inside values: how their beginning is known. The engine walks them, see `csaclean.model.DATASET`."""

import re
from typing import Final

__all__ = ["begins_data_set"]

_FIRST_ELEMENT: Final = re.compile(
    rb"(?s)..(?:(?:OB|OD|OF|OL|OV|OW|SQ|SV|UC|UN|UR|UT|UV)\0\0"
    rb"|(?:AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|PN|SH|SL|SS|ST|TM|UI|UL|US).{2})"
)
"""Element number, VR and what follows it (PS3.5 section 7.1.2), behind the group."""
_GROUPS: Final = range(0x0008, 0x8000)


def begins_data_set(row: bytes) -> bool:
    r"""Tell whether bytes begin as a data element in explicit VR little endian does, of no meta information.

    Examples
    --------
    >>> begins_data_set(b"\x08\0\x60\0CS\2\0MR"), begins_data_set(b"DOE^JANE")
    (True, False)
    """
    return int.from_bytes(row[:2], "little") in _GROUPS and _FIRST_ELEMENT.match(row, 2) is not None
