r"""The grammar of ASCCONV: the settings of a scanner as ``key = value`` lines.

::

    ### ASCCONV BEGIN ###                                                              V-line up to VB
    ### ASCCONV BEGIN object=NAME version=DIGITS converter=FILE ###                    VD and later
    key <spaces or tabs> = <spaces or tabs> value LF
    ### ASCCONV END ###

A value is a decimal or hexadecimal number, or a string that closes on its own line. A comment may follow it: ``# ' '``
repeats the number as a character.
"""

import re
from functools import cache
from typing import Final

from csaclean.errors import MalformedValue
from csaclean.model import Builder
from csaclean_handlers.siemens.protocol_names import Name, key_name, vocabulary
from csaclean_handlers.siemens.quoting import UID, string_pattern, text_field

__all__ = ["BEGIN", "END_MARKER", "NUMBER", "PATH", "layout_section", "named"]

BEGIN: Final = b"### ASCCONV BEGIN"
END_MARKER: Final = b"### ASCCONV END"
"""What readers search for; the whole marker ends in ``###``."""
PATH: Final = "ASCCONV"
NUMBER: Final = r"[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
"""A number as the scanner prints it: ``1``, ``-0.5``, ``1e-05``, ``0x1f``. No part of a longer word: whoever uses it says
what may follow."""

_BEGIN_LINE: Final = re.compile(rb'### ASCCONV BEGIN((?: [^\s="#]+=[^\s="#]+){0,255}) ###\r?\n')
_ATTRIBUTE: Final = re.compile(rb" ([^\s=]+)=(\S+)")
_DIGITS: Final = re.compile(rb"\d+")
_KEY, _NUMBER, _PLAIN, _QUOTED, _BARE, _REMARK, _COMMENT, _END, _BLANK, _ERROR = range(1, 11)


@cache
def _lines(depth: int) -> re.Pattern[bytes]:
    """Return a pattern that matches one line at a time; its last group matches where no line is.

    Linear: a line can be cut in one way only. The spaces behind a value belong to it, and a bare value ends in none.
    """
    return re.compile(
        (
            r'([^\s="#][^\s="]{0,255})[ \t]*=[ \t]*'
            rf"(?:(?:({NUMBER})(?=[ \t]*[#\r\n])|{string_pattern(depth, lines=False)}"
            r'|([^\s"#](?:[^\r\n\f\v"#]*[^\s"#])?))[ \t]*)?'
            r'(?:\#([^"\r\n]*))?\r?\n'
            r"|\#(?!\#\#\ ASCCONV)([^\r\n]*)\r?\n"
            r"|(\#\#\#\ ASCCONV\ END\ \#\#\#)"
            r"|([ \t]*\r?\n)"
            r"|(.)"
        ).encode("ascii"),
        re.DOTALL,
    )


def named(builder: Builder, start: int, name: Name, path: str) -> None:
    """Account for the unknown parts of a name that stands at `start`; the caller accounts for what follows."""
    for begin, end in name.unknown:
        builder.structure(start + begin)
        builder.value(start + end, path, "name")


def _string(builder: Builder, row: bytes, start: int, stop: int, key: bytes, path: str) -> None:
    """Account for the content of a quoted value."""
    if key.startswith(vocabulary().records):
        while True:
            cut = row.find(b";", start, stop)
            end = stop if cut < 0 else cut
            whole = row[start:end]
            form = "uid" if UID.fullmatch(whole) else "number" if _DIGITS.fullmatch(whole) else "text"
            text_field(builder, row, start, end, path, form)
            if cut < 0:
                return
            start = cut + 1
    form = "uid" if UID.fullmatch(row, start, stop) else "text"
    text_field(builder, row, start, stop, path, form)


def _begin(builder: Builder, row: bytes, start: int, stop: int) -> int:
    """Account for the first line of a section and return where it ends."""
    found = _BEGIN_LINE.match(row, start, stop)
    if found is None:
        raise MalformedValue("an ASCCONV section doesn't begin as one", "", start)
    for attribute in _ATTRIBUTE.finditer(row, *found.span(1)):
        name, value = attribute.groups()
        begin, end = attribute.span(2)
        if name == b"version":
            builder.structure(begin)
            builder.value(end, f"{PATH}/BEGIN/version", "number" if _DIGITS.fullmatch(value) else "text")
        elif name not in vocabulary().begin:
            builder.structure(attribute.start(1))
            builder.value(attribute.end(1), f"{PATH}/BEGIN/?", "name")
            builder.structure(begin)
            builder.value(end, f"{PATH}/BEGIN/?", "text")
        elif value not in vocabulary().begin[name]:
            builder.structure(begin)
            builder.value(end, f"{PATH}/BEGIN/{name.decode('ascii')}", "text")
    return found.end()


def layout_section(builder: Builder, row: bytes, stop: int, depth: int, *, fine: bool) -> int:
    """Account for one section, from the builder's position to the end of its END marker.

    Parameters
    ----------
    builder, row
        The layout being made, and the text it is made of.
    stop
        Where the text that holds the section ends.
    depth
        How often the text is quoted.
    fine
        Whether each number is a field; else neighbouring lines ``key = number`` of known names are one field of form
        ``assignments``, but for numbers that always have a field of their own.

    Returns
    -------
    int
        Where the section ends.

    Raises
    ------
    MalformedValue
        If a line is none of ASCCONV's, or the END marker is missing.
    """
    position = _begin(builder, row, builder.position, stop)
    run = -1  # where the run of plain numeric lines began that ends at `position`
    for line in _lines(depth).finditer(row, position, stop):
        kind = line.lastindex
        if kind == _NUMBER and not fine:
            name = key_name(line[_KEY])
            if not name.own and not name.unknown:
                if run < 0:
                    run = position
                position = line.end()
                builder.step()
                continue
        if run >= 0:
            builder.structure(run)
            builder.value(position, PATH, "assignments")
            run = -1
        position = line.end()
        if kind == _END:
            builder.structure(position)
            return position
        if kind == _ERROR:
            raise MalformedValue("a line of ASCCONV can't be read", "", line.start())
        if kind == _COMMENT:
            text_field(builder, row, *line.span(_COMMENT), f"{PATH}/comment", "text")
        elif kind != _BLANK:
            _assignment(builder, row, line)
        builder.structure(position)
    raise MalformedValue("an ASCCONV section has no end", "", position)


def _assignment(builder: Builder, row: bytes, line: re.Match[bytes]) -> None:
    """Account for a line ``key = value`` up to the end of its value or comment."""
    key = line[_KEY]
    name = key_name(key)
    path = f"{PATH}/{name.label}"
    named(builder, line.start(_KEY), name, f"{PATH}/?")
    if line.start(_NUMBER) >= 0:
        builder.structure(line.start(_NUMBER))
        builder.value(line.end(_NUMBER), path, "number")
    elif line.start(_BARE) >= 0:
        builder.structure(line.start(_BARE))
        builder.value(line.end(_BARE), path, "text")
    else:
        group = _PLAIN if line.start(_PLAIN) >= 0 else _QUOTED
        if line.start(group) >= 0:
            _string(builder, row, *line.span(group), key, path)
    if line.start(_REMARK) >= 0:
        builder.structure(line.start(_REMARK))
        # Readers that take all digits of a line for the number read the remark too.
        builder.value(line.end(_REMARK), f"{path}/remark", "text")
