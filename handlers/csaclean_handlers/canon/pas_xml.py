"""The protocol of (700D,xx19), "PAS reproduct information": XML, with free text in Shift-JIS (measured).

``<PAS>`` holds versions and a ``<FILE>``, which holds a ``<SEQ>``: its name, comment and memo, and some 250 settings. The
gradient vectors (``VG``) are wanted by users, and stay.
"""

import re
from functools import cache
from typing import Final

from csaclean.grammars.xml_text import Vocabulary, layout_xml
from csaclean.model import Builder, Layout
from csaclean_handlers.canon.vocabulary import vocabulary

__all__ = ["layout_protocol"]

_NUMBER: Final = rb"-?\d{1,7}(?:\.\d{1,9})?"
_LIST: Final = rb"\[" + _NUMBER + rb"(?:," + _NUMBER + rb")*\]"
_LISTS: Final = re.compile(rb"\d{1,3}(?:," + _LIST + rb")*")
"""A count, and lists of numbers in brackets."""
_SIZE: Final = re.compile(_NUMBER + rb"[xX]" + _NUMBER)


@cache
def _known() -> Vocabulary:
    return Vocabulary(
        elements=vocabulary().elements,
        attributes=vocabulary().attributes,
        codes={
            **dict.fromkeys(("VG", "SECRC", "RCSHOWLIST", "RCCORDLIST"), _LISTS),
            **dict.fromkeys(("MTX", "FOV"), _SIZE),
        },
        numbers=True,
    )


def layout_protocol(value: bytes) -> Layout:
    """Return what each byte of the XML text and its padding is, see `csaclean.grammars.xml_text.layout_xml`."""
    builder = Builder()
    text = value.rstrip(b"\0 ")
    builder.inline(layout_xml(text, _known()), "")
    builder.structure(len(value))
    return builder.done(len(value))
