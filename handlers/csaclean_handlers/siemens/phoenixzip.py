"""The two texts of a Phoenix structured report: what it shows (``SrMsgBuffer``), and its protocols (``PhoenixZIP``)."""

import re
from typing import Final

from csaclean.model import Builder, Layout
from csaclean_handlers.siemens.protocol import text_end

__all__ = ["layout_phoenix_zip", "layout_sr_message"]

_RECORD: Final = re.compile(rb"[0-9A-Fa-f]{8}([A-Z]{2})(\d{4})")
_FORMS: Final = {
    b"AS": "age", b"DA": "date", b"DS": "number", b"DT": "datetime", b"IS": "number", b"TM": "time", b"UI": "uid",
    **dict.fromkeys((b"AE", b"CS", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UT"), "text"),
}  # fmt: skip
"""Form of a record's value, by its VR."""


def layout_sr_message(value: bytes, /) -> Layout:
    r"""Return what each byte of ``SrMsgBuffer`` is.

    A text of records: 8 hexadecimal digits (a tag), a VR, 4 decimal digits (the value's length), the value. Up to the
    first NUL; what follows that is dead.

    Returns
    -------
    Layout
        One field ``record`` a value, its form by the VR. A text that doesn't consist of such records is one field
        ``message`` of form ``blank``.

    Examples
    --------
    >>> [(span.path, span.form) for span in layout_sr_message(b"00010107LO0004head00010112UI00031.2\0") if span.path]
    [('record', 'text'), ('record', 'uid')]
    """
    end = text_end(value)
    builder = Builder()
    records = []
    position = 0
    while found := _RECORD.match(value, position, end):
        form = _FORMS.get(found[1])
        stop = found.end() + int(found[2])
        if form is None or stop > end:
            break
        records.append((found.end(), stop, form))
        position = stop
    if position != end:
        builder.value(end, "message", "blank")
    else:
        for start, stop, form in records:
            builder.structure(start)
            builder.value(stop, "record", form)
    builder.structure(min(end + 1, len(value)))
    builder.dead(len(value))
    return builder.done(len(value))


def layout_phoenix_zip(value: bytes, /) -> Layout:
    r"""Return what each byte of ``PhoenixZIP`` is: an XML text, one field ``Edf`` of form ``blank``, up to its NUL.

    It repeats protocols, references, dates and texts of the operator under many names, and no converter reads it.

    Examples
    --------
    >>> [(span.kind.name, span.path) for span in layout_phoenix_zip(b"<EdfRoot></EdfRoot>\r\n\0x")]
    [('VALUE', 'Edf'), ('STRUCTURE', ''), ('DEAD', '')]
    """
    end = text_end(value)
    builder = Builder()
    builder.value(end, "Edf", "blank")
    builder.structure(min(end + 1, len(value)))
    builder.dead(len(value))
    return builder.done(len(value))
