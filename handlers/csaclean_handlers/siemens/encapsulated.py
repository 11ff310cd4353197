"""DICOM data sets inside CSA tags: MRDiffusion, MR_ASL and MRVelocityEncoding hold one as base64 text."""

import re

from csaclean.codecs.base64 import Base64
from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.handler import DEFAULT_CAP
from csaclean.model import DATASET, Builder, Layout, View

__all__ = ["layout_encapsulated"]

_CODEC = Base64()
_FIRST_ELEMENT = re.compile(
    rb"(?s)..(?:(?:OB|OD|OF|OL|OV|OW|SQ|SV|UC|UN|UR|UT|UV)\0\0"
    rb"|(?:AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|PN|SH|SL|SS|ST|TM|UI|UL|US).{2})"
)
"""Element number, VR and what follows it (PS3.5 section 7.1.2), behind the group."""
_GROUPS = range(0x0008, 0x8000)


def _is_dataset(inner: bytes) -> bool:
    """Tell whether bytes begin as a data element in explicit VR little endian does."""
    group = int.from_bytes(inner[:2], "little")
    return group in _GROUPS and _FIRST_ELEMENT.match(inner, 2) is not None


def layout_encapsulated(text: bytes) -> Layout:
    """Return the layout of a text that is a data set in base64: a view, which the engine walks.

    Parameters
    ----------
    text
        The live text; spaces at its end are padding.

    Returns
    -------
    Layout
        One view with the path ``base64``. Where the text isn't canonical base64, or stands for something else, one
        field, ``other``.
    """
    builder = Builder()
    core = text.rstrip(b" ")
    try:
        inner = _CODEC.decode(core, DEFAULT_CAP)
    except (MalformedValue, LimitExceeded):
        inner = b""
    if _is_dataset(inner):
        builder.view(len(core), View(_CODEC.name, _CODEC, inner, DATASET))
        builder.structure(len(text))
    else:
        builder.value(len(text), "other", "text")
    return builder.done(len(text))
