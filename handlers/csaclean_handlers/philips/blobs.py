"""Blobs of Philips' Raw Data Storage objects: (2005,Philips MR Imaging DD 002,44) in the items of xx32.

What a blob is tell its neighbours in the item, xx39 (the type) among them, and its own first bytes:

- ``IEEE_PDF``: parameters, see `csaclean_handlers.philips.parameters`; a few were seen that hold a list of
  strings instead, and those of release 1.1 have no header: what these hold is like the last kind below;
- an exam card: XML up to a NUL, in which an element holds in base64 what the .NET platform wrote of it as SOAP, which is XML
  up to a NUL again;
- JSON, whatever its name says;
- the states of coils, the hardware's configuration, raw data and others: nobody knows how they are written.

Sources: malaterre/GDCM ``Examples/Cxx/DumpExamCard.cxx``; measured on 2 files.
"""

import re
from struct import Struct
from typing import Final

from csaclean.codecs.base64 import Base64
from csaclean.codecs.swap16 import Swap16
from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.grammars.json_text import read_json
from csaclean.grammars.xml_text import Vocabulary, read_xml
from csaclean.handler import DEFAULT_CAP, PrivateElement
from csaclean.model import Builder, Layout, View
from csaclean_handlers.philips.parameters import layout_parameters

__all__ = ["BLOB", "layout_blob"]

BLOB: Final = "(2005,Philips MR Imaging DD 002,44)"
_TYPE: Final = 0x39
_PARAMETERS: Final = b"IEEE_PDF"
_RECORDS: Final = Struct("<24xi")
_RECORDS_FOLLOW: Final = 8
_TEXT: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*[<{\[]")

_BASE64: Final = Base64()
_SWAP16: Final = Swap16()

_SOAP: Final = Vocabulary(
    elements=frozenset((b"SOAP-ENV:Envelope", b"SOAP-ENV:Body", b"item")),
    attributes=frozenset(
        (
            b"id",
            b"href",
            b"xmlns",
            b"xmlns:SOAP-ENC",
            b"xmlns:SOAP-ENV",
            b"xmlns:clr",
            b"xmlns:xsd",
            b"xmlns:xsi",
            b"xmlns:a1",
            b"xsi:null",
            b"xsi:type",
            b"SOAP-ENC:arrayType",
            b"SOAP-ENC:position",
            b"SOAP-ENV:encodingStyle",
        )
    ),
    codes={
        "?/id": re.compile(rb"ref-\d{1,9}"),
        "?/href": re.compile(rb"#ref-\d{1,9}"),
        "item/href": re.compile(rb"#ref-\d{1,9}"),
    },
)
"""What SOAP 1.1 and the formatter of the .NET platform call things; the members of Philips' classes are in no public list."""


def _layout_text(row: bytes, text: Layout, prefix: str) -> Layout:
    """Return the layout of a text, the NUL that ends it, and what nobody reads behind."""
    builder = Builder()
    builder.inline(text, prefix)
    builder.structure(min(builder.position + 1, len(row)))
    builder.dead(len(row))
    return builder.done(len(row))


def _until_nul(row: bytes) -> bytes:
    return row.partition(b"\0")[0]


def _layout_soap(text: bytes) -> Layout | None:
    """Return the layout of what an exam card holds in base64; None if it is not that of an XML text."""
    try:
        row = _BASE64.decode(text, DEFAULT_CAP)
    except (MalformedValue, LimitExceeded):
        return None
    soap = read_xml(_until_nul(row), _SOAP)
    if soap is None:
        return None
    builder = Builder()
    builder.view(len(text), View(_BASE64.name, _BASE64, row, _layout_text(row, soap, "soap")))
    return builder.done(len(text))


_EXAM_CARD: Final = Vocabulary(
    elements=frozenset(
        (b"ExamCard", b"SingleScan", b"Name", b"State", b"SeriesUids", b"AcquisitionEndTime", b"ExamCardBlob")
    ),
    attributes=frozenset((b"xmlns", b"xmlns:xsd", b"xmlns:xsi")),
    codes={
        "State": re.compile(rb"[A-Z][a-z]{2,15}"),
        "ExamCard/xmlns": re.compile(rb"http://tempuri\.org/XMLSchema\.xsd"),
        "ExamCard/xmlns:xsd": re.compile(rb"http://www\.w3\.org/2001/XMLSchema"),
        "ExamCard/xmlns:xsi": re.compile(rb"http://www\.w3\.org/2001/XMLSchema-instance"),
    },
    grammars={"ExamCardBlob": _layout_soap},
)
"""Names of an exam card that public readers know (malaterre/GDCM; the ExamCard readers of nipype's neighbours)."""


def _read_text(row: bytes) -> Layout | None:
    """Return the layout of a row that is XML or JSON up to its end or a NUL; None if it is neither."""
    if not _TEXT.match(row):
        return None
    text = _until_nul(row)
    for read, prefix in ((_read_exam_card, "xml"), (read_json, "json")):
        layout = read(text)
        if layout is not None:
            return _layout_text(row, layout, prefix)
    return None


def _read_exam_card(text: bytes) -> Layout | None:
    return read_xml(text, _EXAM_CARD)


def _begins_with_parameters(row: bytes) -> bool:
    """Tell whether a header of parameters stands there: what it says of the records is the same in each."""
    return len(row) >= _RECORDS.size and _RECORDS.unpack_from(row)[0] == _RECORDS_FOLLOW


def _read(row: bytes, kind: bytes) -> Layout | None:
    """Return the layout of a row of known content; None of any other.

    Raises
    ------
    MalformedValue
        If it has the header of parameters and no parameters.
    """
    if kind == _PARAMETERS and _begins_with_parameters(row):
        return layout_parameters(row)
    return _read_text(row)


def layout_blob(element: PrivateElement) -> Layout:
    """Return what each byte of a blob is.

    Returns
    -------
    Layout
        Parameters have the paths of `layout_parameters`; texts those of `csaclean.grammars`, below ``xml/``, ``soap/`` or
        ``json/``; what nobody can read is one field, ``other``. In big-endian files the words of a blob are swapped: it is
        a view then.

    Raises
    ------
    MalformedValue
        If type and header say that these are parameters, and the bytes contradict.
    """
    value = element.value
    kind = (element.peer(_TYPE) or b"").strip(b" \0")
    layout = _read(value, kind)
    if layout is not None:
        return layout
    builder = Builder()
    if not len(value) % 2:
        row = _SWAP16.decode(value, len(value))
        inner = _read(row, kind)
        if inner is not None:
            builder.view(len(value), View(_SWAP16.name, _SWAP16, row, inner))
            return builder.done(len(value))
    builder.value(len(value), "other", "opaque")
    return builder.done(len(value))
