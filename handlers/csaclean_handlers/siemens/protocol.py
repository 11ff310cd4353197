r"""Which kind of text a Siemens protocol element holds, and its layout.

======================================  =====  =======================================================
element                                 depth  text
======================================  =====  =======================================================
CSA ``MrPhoenixProtocol``, SDS 01 xx19  0      an XProtocol with the protocol in a string (depth 1)
CSA ``MrProtocol``                      0      ASCCONV
CSA ``MrEvaProtocol``                   0      an XProtocol under the name of EVAProtocol
SDI PHOENIXZIP xx01                     0      XProtocol and ASCCONV, or the short form
======================================  =====  =======================================================

All of them are one grammar (`csaclean_handlers.siemens.xprotocol`), but for the short form ``KEY "VALUE";...``.
A text ends at its first NUL behind an ASCCONV section, or with its element.
"""

import re
from collections import Counter
from typing import Final

from csaclean.errors import MalformedValue
from csaclean.model import Builder, Layout
from csaclean_handlers.siemens.ascconv import BEGIN, END_MARKER, layout_section, named
from csaclean_handlers.siemens.protocol_names import Name, vocabulary
from csaclean_handlers.siemens.quoting import string_pattern, text_field
from csaclean_handlers.siemens.xprotocol import STARTS, layout_text

__all__ = ["UNKNOWN_TEXT", "layout_protocol", "text_end"]

UNKNOWN_TEXT: Final = "unknown-protocol-text"
"""Note of a text that is none of the known kinds."""
UNREADABLE: Final = "unreadable-protocol-text"
"""Note of a text of which only the ASCCONV sections can be read."""
_QUOTES: Final = re.compile(rb'"+')
_DEPTHS: Final = {1: 0, 2: 1, 4: 2, 8: 3}
"""How deep a text is quoted, by the length of its commonest run of quotes."""

_SIGNATURE: Final = re.compile(rb"<(?:XProtocol|EVAProtocol)>|### ASCCONV BEGIN")
_STEP: Final = re.compile(
    rf"\s*([A-Za-z]\w*)[ \t]+{string_pattern(0, lines=True)}\s*(?:;|\Z)".encode("ascii")
)
_SPACE: Final = re.compile(rb"\s*")
_STEP_PATH: Final = "Step"


def text_end(value: bytes, /) -> int:
    """Return where the text of a value ends: at its first NUL, else with the value."""
    end = value.find(0)
    return len(value) if end < 0 else end


def _protocol_end(value: bytes) -> int:
    """Return where a protocol text ends: at its first NUL, but not before an ASCCONV section that readers find behind it.

    They search for the markers of a section in all of a value.
    """
    begin = value.find(BEGIN)
    stop = value.find(END_MARKER, begin) if begin >= 0 else -1
    end = value.find(0, max(stop, 0))
    return len(value) if end < 0 else end


def layout_protocol(text: bytes, *, fine: bool = False) -> Layout:
    r"""Return what each byte of a protocol text is.

    Parameters
    ----------
    text
        The whole value. It ends at the first NUL behind an ASCCONV section, else at its first NUL, which is structure; what
        follows is dead.
    fine
        Whether each number is a field of its own; else numbers that no rule names are fields of form ``assignments``.

    Returns
    -------
    Layout
        Paths are ``ASCCONV/KEY``, ``XProtocol/NAME`` (the parameter or construct), ``Step/KEY`` in the short form and
        ``other``, a text of none of these kinds, which is one field and noted as ``unknown-protocol-text``. Where the grammar
        fails, the ASCCONV sections are laid out as readers find them, and all else is ``other``. The depth of
        quoting is no part of a path.

    Examples
    --------
    >>> layout = layout_protocol(b'### ASCCONV BEGIN ###\ntProtocolName = "head"\nlRepetitions = 1\n### ASCCONV END ###\n\0')
    >>> [(span.path, span.form) for span in layout if span.path]
    [('ASCCONV/tProtocolName', 'text'), ('ASCCONV', 'assignments')]
    """
    end = _protocol_end(text)
    builder = Builder()
    if _SIGNATURE.search(text, 0, end):
        try:
            _read_protocol(builder, text, end, fine=fine)
        except MalformedValue:
            builder = Builder()
            _sections(builder, text, end, fine=fine)
    elif not _short_form(builder, text, end):
        builder.value(end, "other", "text")
        builder.note(UNKNOWN_TEXT)
    builder.structure(min(end + 1, len(text)))
    builder.dead(len(text))
    return builder.done(len(text))


def _read_protocol(builder: Builder, text: bytes, end: int, *, fine: bool) -> None:
    """Account for a whole protocol text.

    Raises
    ------
    MalformedValue
        If it breaks the grammar.
    """
    if STARTS.match(text, 0, end) is None:
        raise MalformedValue("a protocol doesn't begin the text", "", 0)
    sections = layout_text(builder, text, end, 0, fine=fine)
    for marker in (BEGIN, END_MARKER):
        if text.count(marker, 0, end) != sections:
            raise MalformedValue("an ASCCONV marker is out of place", "", text.rfind(marker, 0, end))


def _sections(builder: Builder, text: bytes, end: int, *, fine: bool) -> None:
    """Account for a text that breaks the grammar: its ASCCONV sections, and around them text.

    Markers and quotes are structure, so whatever fills the text, it breaks the grammar again and has the same cuts.
    """
    start = text.find(BEGIN, 0, end)
    if start < 0:
        builder.value(end, "other", "text")
        builder.note(UNKNOWN_TEXT)
        return
    builder.note(UNREADABLE)
    while start >= 0:
        text_field(builder, text, builder.position, start, "other", "text")
        stop = text.find(END_MARKER, start, end)
        quotes = Counter(len(run[0]) for run in _QUOTES.finditer(text, start, stop if stop >= 0 else end))
        commonest = min(quotes, key=lambda size: (-quotes[size], size), default=1)
        layout_section(builder, text, end, _DEPTHS.get(commonest, 0), fine=fine)
        start = text.find(BEGIN, builder.position, end)
    text_field(builder, text, builder.position, end, "other", "text")


def _short_form(builder: Builder, text: bytes, end: int) -> bool:
    """Account for ``KEY "VALUE";...`` if the whole text is of that form; else return False, nothing accounted for."""
    steps = []
    position = 0
    while (step := _STEP.match(text, position, end)) is not None:
        steps.append(step)
        position = step.end()
    rest = _SPACE.match(text, position, end)
    if not steps or rest is None or rest.end() != end:
        return False
    for step in steps:
        key = step[1]
        known = key in vocabulary().short
        name = Name(key.decode("ascii") if known else "?", False, () if known else ((0, len(key)),))
        path = f"{_STEP_PATH}/{name.label}"
        named(builder, step.start(1), name, f"{_STEP_PATH}/?")
        for group in (2, 3):
            if step.start(group) >= 0:
                text_field(builder, text, *step.span(group), path, "text")
        builder.structure(step.end())
    builder.structure(end)
    return True
