"""Short texts of Siemens, each in a CSA tag and in an XA element: patient record, sequence build, channels, roles."""

import re
from typing import Final

from csaclean.grammars.xml_text import Vocabulary, layout_xml
from csaclean.model import Builder, Layout

__all__ = [
    "CHANNELS",
    "UUID",
    "layout_channels",
    "layout_data_role",
    "layout_data_set_info",
    "layout_external_info",
    "layout_patient_record",
]

UUID: Final = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""A UUID in its usual spelling."""
CHANNELS: Final = re.compile(rb"[-X]+")
"""UsedChannelString: a letter or a dash for each receiving channel."""

_PATIENT_RECORD = re.compile(
    rb"1;(?:[HFLRAP]F?(?:S|P|DL|DR))?;(?:\d+(?:\.\d*)?|X+)?;(?:\d+(?:\.\d*)?|X+)?;[0-9A-Z]?;0;\d{0,2};"
    rb"(?:-?\d{1,10}|X{1,11})?"
)
"""PatReinPattern: 1; position; weight; age; sex; 0; a count; a 32-bit number. The constants are narrow: they stay.
Weight, age and number may be X throughout, as a redaction of text leaves them."""
_CONSTANT_PARTS = frozenset((1, 2, 6, 7))
_BUILD = re.compile(rb"(?:Sequence|ICE_Win32|ICE_Linux): ")
_SEPARATOR = b"||"

_DATA_ROLE = Vocabulary(
    elements=frozenset((b"DataRole", b"Categories", b"Category", b"CategoryEntry")),
    attributes=frozenset((b"Version", b"Name")),
    codes={
        "DataRole/Version": re.compile(rb"DR\d\.\d"),
        "Category/Name": re.compile(
            rb"enum MrDataRoles::e(?:Contrast|Processing|Region|View|SequentialNumber)"
        ),
        "CategoryEntry": re.compile(rb"Loc|MPR|Head|Sag|Cor|Tra|\d{1,2}"),
    },
)
"""Names and constants of ExamDataRole (measured: XA30)."""
_DATA_SET_INFO = Vocabulary(
    elements=frozenset((b"DiffusionTensorData",)), attributes=frozenset(), codes={}, numbers=True
)
"""Names of DataSetInfo: one file is known, and of its names the root's alone; all others are unknown names."""


def layout_patient_record(text: bytes) -> Layout:
    """Return the layout of PatReinPattern (CSA tag, or (0021,SIEMENS MR SDS 01,2B)) at its semicolons.

    Paths are ``1`` to ``8``; a text of another shape is one field, ``other``.

    Examples
    --------
    >>> [span.path for span in layout_patient_record(b"1;HFS;70;;O;0;0;-1") if span.path]
    ['1', '2', '3', '5', '6', '7', '8']
    """
    builder = Builder()
    if _PATIENT_RECORD.fullmatch(text) is None:
        builder.value(len(text), "other", "text")
        return builder.done(len(text))
    position = 0
    for number, part in enumerate(text.split(b";"), 1):
        if number > 1:
            position += 1
            builder.structure(position)
        position += len(part)
        builder.value(position, str(number), "code" if number in _CONSTANT_PARTS else "text")
    return builder.done(len(text))


def layout_external_info(text: bytes) -> Layout:
    """Return the layout of FmriExternalInfo: ``<uuid>||Sequence: <branch>; <date> by <account>||ICE_…||…``.

    Paths are ``uuid`` (what stands before the first ``||``), the label of a build (``Sequence``, ``ICE_Win32``,
    ``ICE_Linux``), and ``other`` for any other part.

    Examples
    --------
    >>> [(span.path, span.form) for span in layout_external_info(b"id||Sequence: a; b||c") if span.path]
    [('uuid', 'text'), ('Sequence', 'text'), ('other', 'text')]
    """
    builder = Builder()
    position = 0
    for number, part in enumerate(text.split(_SEPARATOR)):
        if number:
            position += len(_SEPARATOR)
            builder.structure(position)
        stop = position + len(part)
        if not number:
            builder.value(stop, "uuid", "hex" if UUID.fullmatch(part) else "text")
        elif (label := _BUILD.match(part)) is not None:
            builder.structure(position + label.end())
            builder.value(stop, part[: label.end() - 2].decode("ascii"), "text")
        else:
            builder.value(stop, "other", "text")
        position = stop
    return builder.done(len(text))


def layout_channels(text: bytes) -> Layout:
    """Return the layout of UsedChannelString: one field with an empty path, a code if it is X and - only."""
    builder = Builder()
    builder.value(len(text), "", "code" if CHANNELS.fullmatch(text) else "text")
    return builder.done(len(text))


def layout_data_role(text: bytes) -> Layout:
    """Return the layout of ExamDataRole (CSA tag, or (0021,SIEMENS MR SDI 02,67)), an XML text."""
    return layout_xml(text, _DATA_ROLE)


def layout_data_set_info(text: bytes) -> Layout:
    """Return the layout of DataSetInfo, (0021,SIEMENS MR SDI 02,70): XML; anything else is one field, ``other``."""
    return layout_xml(text, _DATA_SET_INFO)
