r"""The Protocol Data Block, (0025,GEMS_SERS_01,1B): the parameters of a scan as text, in a gzip member.

A word in little endian, whatever the data set's byte order, gives the member's length; then the member; then at most a pad
byte. Blocks without that word are known (rordenlab/dcm2niix ``console/nii_dicom_batch.cpp`` ``geProtocolBlock``; malaterre/GDCM
``gdcmPDBHeader.cxx``). The member's time is that of the scan, its name holds the numbers of exam and series.

The text has lines ``KEY "VALUE"``, also ``set KEY "VALUE"``; some releases write XML instead.
"""

import re
from typing import Final

from csaclean.codecs.gzip import MAGIC, layout_member
from csaclean.errors import MalformedValue
from csaclean.grammars.xml_text import Vocabulary, layout_xml
from csaclean.model import Builder, Layout
from csaclean_handlers.ge.converters import read_keys
from csaclean_handlers.ge.ruleset import rules

__all__ = ["CAP", "PROTOCOL_BLOCK", "is_known_key", "layout_protocol_block", "layout_protocol_text"]

PROTOCOL_BLOCK: Final = "(0025,GEMS_SERS_01,1B)"
CAP: Final = 1 << 20
"""How long a protocol may be, in bytes. Real ones have some 2 kB."""
_WORD: Final = 4
_LINE: Final = re.compile(rb'(?:set )?(?P<key>[^\s"]+)[ \t]+"(?P<value>[^\n]*)"[ \t]*\r?(?:\n|\Z)')
_ANY_LINE: Final = re.compile(rb"[^\n]*\n?")
_XML: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*<\?xml")
_VOCABULARY: Final = Vocabulary(elements=read_keys(), attributes=read_keys(), codes={})
"""Of a protocol in XML only the keys that dcm2niix looks for are known."""


def is_known_key(key: bytes) -> bool:
    """Tell whether a rule names a key: then it is structure, else a name that the file gives."""
    return rules().find(PROTOCOL_BLOCK, f"PDB/{key.decode('latin-1')}") is not None


def layout_protocol_text(text: bytes, /) -> Layout:
    r"""Return what each byte of a protocol is.

    Returns
    -------
    Layout
        Paths are ``PDB/KEY``, ``PDB/?`` for a key that no rule names (and for its value), ``PDB/line`` for a line of another
        shape, and ``PDB/XML/…`` (see `csaclean.grammars.xml_text`).

    Examples
    --------
    >>> layout = layout_protocol_text(b'SEDESC "Doe"\nset TE "30.0"\nDOE "1"\n')
    >>> [(span.path, span.form) for span in layout if span.path]
    [('PDB/SEDESC', 'text'), ('PDB/TE', 'text'), ('PDB/?', 'name'), ('PDB/?', 'text')]
    """
    builder = Builder()
    if _XML.match(text):
        builder.inline(layout_xml(text, _VOCABULARY), "PDB/XML")
        return builder.done(len(text))
    while builder.position < len(text):
        line = _LINE.match(text, builder.position)
        if line is None:
            _other_line(builder, text)
            continue
        key = "?"
        if is_known_key(line["key"]):
            key = line["key"].decode("ascii")
        else:
            builder.structure(line.start("key"))
            builder.value(line.end("key"), "PDB/?", "name")
        builder.structure(line.start("value"))
        builder.value(line.end("value"), f"PDB/{key}", "text")
        builder.structure(line.end())
    return builder.done(len(text))


def _other_line(builder: Builder, text: bytes) -> None:
    line = _ANY_LINE.match(text, builder.position)
    end = line.end() if line is not None else len(text)
    content = text[builder.position : end].rstrip(b"\r\n")
    builder.value(builder.position + len(content), "PDB/line", "text")
    builder.structure(end)


def layout_protocol_block(value: bytes, /) -> Layout:
    """Return what each byte of a block is.

    Returns
    -------
    Layout
        See `csaclean.codecs.gzip.layout_member` and `layout_protocol_text`. Foreign if there is no gzip member at its place.

    Raises
    ------
    MalformedValue
        If the member is broken, or isn't as long as the word in front of it says.
    LimitExceeded
        If the text is longer than `CAP`.
    """
    builder = Builder()
    if value.startswith(MAGIC):
        stop = len(value)
    elif value.startswith(MAGIC, _WORD):
        stop = _WORD + int.from_bytes(value[:_WORD], "little")
        if stop > len(value):
            raise MalformedValue("a protocol block is shorter than its length word says", "", 0)
        builder.structure(_WORD)
    else:
        return Layout.foreign("no-gzip-member")
    with_word = builder.position > 0
    layout_member(builder, value, stop, layout_protocol_text, cap=CAP)
    if with_word and builder.position != stop:
        raise MalformedValue("a gzip member is not as long as its length word says", "", builder.position)
    builder.dead(len(value))
    return builder.done(len(value))
