r"""The Protocol Data Block, (0025,GEMS_SERS_01,1B): the parameters of a scan as text, in a gzip member.

A word in little endian, whatever the data set's byte order, gives the member's length; then the member; then at most a pad
byte. Blocks without that word are known (rordenlab/dcm2niix ``console/nii_dicom_batch.cpp`` ``geProtocolBlock``; malaterre/GDCM
``gdcmPDBHeader.cxx``). The member's time is that of the scan, its name holds the numbers of exam and series.

The text has lines ``KEY "VALUE"``, also ``set KEY "VALUE"``; some releases write XML instead.
"""

import re
from typing import Final, NamedTuple

from csaclean.codecs.gzip import MAGIC, layout_member
from csaclean.errors import MalformedValue
from csaclean.grammars.xml_text import Vocabulary, read_xml
from csaclean.model import Builder, Kind, Layout
from csaclean_handlers.ge.converters import read_keys, searched
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
        shape, and ``PDB/XML/…`` (see `csaclean.grammars.xml_text`). A key that a converter finds inside a text, before any
        line of its own, is structure, and what stands behind it on its line is what that converter reads: its path is
        ``PDB/KEY``, with several such keys ``PDB/KEY+KEY``. XML that isn't whole is lines.

    Examples
    --------
    >>> layout = layout_protocol_text(b'SEDESC "Doe"\nset TE "30.0"\nDOE "1"\n')
    >>> [(span.path, span.form) for span in layout if span.path]
    [('PDB/SEDESC', 'text'), ('PDB/TE', 'text'), ('PDB/?', 'name'), ('PDB/?', 'text')]
    """
    builder = Builder()
    start = _XML.match(text)
    xml = read_xml(text, _VOCABULARY) if start is not None else None
    if xml is not None:
        builder.inline(xml, "PDB/XML")
        return _as_searched(builder.done(len(text)), text)
    while start is not None and builder.position < start.end():
        _other_line(builder, text)  # its fill is no XML either
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
    return _as_searched(builder.done(len(text)), text)


class _Hit(NamedTuple):
    """Where a converter finds a key first, and where its line ends."""

    start: int
    stop: int
    line_end: int
    key: str


def _hits(text: bytes) -> list[_Hit]:
    found = []
    for key, wanted in searched().items():
        at = text.find(wanted)
        if at >= 0:
            stop = at + len(wanted)
            end = text.find(b"\n", stop)
            found.append(_Hit(stop - len(wanted.lstrip()), stop, len(text) if end < 0 else end, key))
    return sorted(found, key=lambda hit: (hit.start, -hit.stop))


def _as_searched(layout: Layout, text: bytes) -> Layout:
    """Return a layout in which what a converter reads behind the first hit of a key has that key's path.

    So has a name that stands there, wherever else it stands: an element of XML ends with the name that it began with.
    """
    hits = _hits(text)
    if not hits:
        return layout

    def behind(start: int, stop: int) -> list[str]:
        return [hit.key for hit in hits if hit.stop <= start and stop <= hit.line_end]

    names = {
        text[span.start : span.stop]: read
        for span in layout
        if span.form == "name" and (read := _read_path(span.path, behind(span.start, span.stop))) != span.path
    }
    builder = Builder()
    for start, stop, kind, path, form, *_ in layout:
        if kind is not Kind.VALUE:
            builder.inline(Layout([stop - start], bytearray((kind,)), [None]), "")
            continue
        inside = [hit for hit in hits if start <= hit.start and hit.stop <= stop]
        at = start
        for cut in [*inside, None]:
            if cut is not None and cut.start < at:
                continue  # a key that is part of another
            end = stop if cut is None else cut.start
            own = names.get(text[start:stop]) if form == "name" else None
            builder.value(end, own or _read_path(path, behind(at, end)), form)
            if cut is not None:
                builder.structure(cut.stop)
                at = cut.stop
    return builder.done(len(text))


def _read_path(path: str, keys: list[str]) -> str:
    """Return the path of a field behind keys that a converter found: its own key, if that is read, among them."""
    own = path.rpartition("/")[2]
    others = [key for key in keys if key != own]
    if not others:
        return path
    return "PDB/" + "+".join([own, *others] if own.encode("ascii") in read_keys() else others)


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
