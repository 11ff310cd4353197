"""AutoAlignData: what the automatic alignment found in the head, as text.

``n/AAMElement0:AAMTag=…;FOR=<uid>;MI=…;MIClass=…;TP=…;Matrix=…|…|;OrganBoxData:CenterVector=x,y,z|…|/AAMElement1:…``
stands in the series header of VE11 and in (0021,SIEMENS MR SDS 01,3F) of XA (measured: 18 of 530 XA files, 3 VE11).
"""

import re

from csaclean.model import Builder, Layout
from csaclean.policy.fills import NUMBER

__all__ = ["layout_autoalign"]

_COUNT = re.compile(rb"(\d{1,4})(?=/|\Z)")
_ELEMENT = re.compile(rb"/AAMElement(\d{1,4}):")
_KEY = re.compile(rb"(AAMTag|FOR|MIClass|MI|TP|Matrix)=")
_SECTION = b"OrganBoxData:"
_ORGAN_KEY = re.compile(
    rb"(?:CenterVector|ShortAxisVector|LongAxisVector|ShortAxisDim|LongAxisDim|HeightDim|BitMaskMpr)="
)
_UID = re.compile(rb"\d+(?:\.\d+){1,31}")
_OTHER = re.compile(rb"[^;|/]*")
_NUMERIC = frozenset((b"MI", b"TP"))


def _number_form(value: bytes) -> str:
    return "number" if NUMBER.fullmatch(value) else "text"


def _form(key: bytes, value: bytes) -> str:
    if key == b"FOR":
        return "uid" if _UID.fullmatch(value) else "text"
    return _number_form(value) if key in _NUMERIC else "text"


def _numbers(builder: Builder, text: bytes, stop: int, separator: bytes, path: str) -> None:
    """Account for the parts up to `stop`, a field each; the separators between them are structure."""
    position = builder.position
    for part in text[position:stop].split(separator):
        if position > builder.position:
            builder.structure(position)
        position += len(part)
        builder.value(position, path, _number_form(part))
        position += len(separator)


def _up_to(text: bytes, delimiter: bytes, position: int) -> int:
    found = text.find(delimiter, position)
    return len(text) if found < 0 else found


def layout_autoalign(text: bytes) -> Layout:
    """Return what each byte of AutoAlignData is.

    Parameters
    ----------
    text
        The live text, without NULs or padding.

    Returns
    -------
    Layout
        Paths are ``count``, the keys (``FOR`` of form ``uid`` where it is one, ``Matrix`` one field a number),
        ``OrganBoxData`` for each number of the section of that name, and ``other`` for what is not expected.

    Examples
    --------
    >>> text = b"1/AAMElement0:AAMTag=Head;FOR=1.2.3;OrganBoxData:CenterVector=1.5,2,3|/"
    >>> [(span.path, span.form) for span in layout_autoalign(text) if span.path]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('count', 'number'), ('AAMTag', 'text'), ('FOR', 'uid'), ('OrganBoxData', 'number'),
     ('OrganBoxData', 'number'), ('OrganBoxData', 'number')]
    """
    builder = Builder()
    size = len(text)
    if (count := _COUNT.match(text)) is not None:
        builder.value(count.end(), "count", "number")
    elements = 0
    while (position := builder.position) < size:
        if (found := _ELEMENT.match(text, position)) is not None and found[1] == b"%d" % elements:
            elements += 1
            builder.structure(found.end())
        elif (found := _KEY.match(text, position)) is not None:
            builder.structure(found.end())
            stop = _up_to(text, b";", found.end())
            if found[1] == b"Matrix":
                _numbers(builder, text, stop, b"|", "Matrix")
            else:
                builder.value(stop, found[1].decode("ascii"), _form(found[1], text[found.end() : stop]))
            builder.structure(min(stop + 1, size))
        elif text.startswith(_SECTION, position):
            builder.structure(position + len(_SECTION))
        elif (found := _ORGAN_KEY.match(text, position)) is not None:
            builder.structure(found.end())
            stop = _up_to(text, b"|", found.end())
            _numbers(builder, text, stop, b",", "OrganBoxData")
            builder.structure(min(stop + 1, size))
        else:
            other = _OTHER.match(text, position)
            stop = other.end() if other is not None else position
            builder.value(stop, "other", "text")
            builder.structure(min(stop + 1, size))
    return builder.done(size)
