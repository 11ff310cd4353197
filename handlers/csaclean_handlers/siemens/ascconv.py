r"""The grammar of ASCCONV: the settings of a scanner as ``key = value`` lines.

::

    ### ASCCONV BEGIN ###                                                              V-line up to VB
    ### ASCCONV BEGIN object=NAME version=DIGITS converter=FILE ###                    VD and later
    key <spaces or tabs> = <spaces or tabs> value LF
    ### ASCCONV END ###

A value is a decimal or hexadecimal number, or a string that closes on its own line. A comment may follow it: ``# ' '``
repeats the number as a character. Any other line is text: the grammar never fails. Readers take the first place of a
key for the key, in a text too: there the key is structure, and what stands behind it on its line is the key's field.
"""

import re
from functools import cache, lru_cache
from typing import Final

from csaclean.model import Builder
from csaclean_handlers.siemens.converters import searched_keys
from csaclean_handlers.siemens.protocol_names import REMEMBERED, Name, key_name, vocabulary
from csaclean_handlers.siemens.quoting import UID, string_pattern, text_field

__all__ = ["BEGIN", "END_MARKER", "NUMBER", "PATH", "layout_section", "named"]

BEGIN: Final = b"### ASCCONV BEGIN"
END_MARKER: Final = b"### ASCCONV END"
"""What readers search for; the whole marker ends in ``###``."""
_REST: Final = b" ###"
PATH: Final = "ASCCONV"
NUMBER: Final = r"[-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)"
"""A number as the scanner prints it: ``1``, ``-0.5``, ``1e-05``, ``0x1f``. No part of a longer word: whoever uses it says
what may follow."""

_BEGIN_LINE: Final = re.compile(rb'### ASCCONV BEGIN((?: [^\s="#]+=[^\s="#]+){0,255}) ###\r?\n')
_ATTRIBUTE: Final = re.compile(rb" ([^\s=]+)=(\S+)")
_DIGITS: Final = re.compile(rb"\d+")
_WORD: Final = re.compile(rb'[^\s="#]+')
_KEY, _NUMBER, _PLAIN, _QUOTED, _BARE, _REMARK, _COMMENT, _BLANK, _OTHER = range(1, 10)


@cache
def _lines(depth: int) -> re.Pattern[bytes]:
    """Return a pattern that matches one line at a time; its last group matches a line that is none of ASCCONV's.

    Linear: a line can be cut in one way only. The spaces behind a value belong to it, and a bare value ends in none.
    """
    return re.compile(
        (
            r'([^\s="#][^\s="]{0,255})[ \t]*=[ \t]*'
            rf"(?:(?:({NUMBER})(?=[ \t]*[#\r\n])|{string_pattern(depth, lines=False)}"
            r'|([^\s"#](?:[^\r\n\f\v"#]*[^\s"#])?))[ \t]*)?'
            r"(?:\#(?!\#\#\ ASCCONV)([^\r\n]*))?\r?\n"
            r"|\#(?!\#\#\ ASCCONV)([^\r\n]*)\r?\n"
            r"|([ \t]*\r?\n)"
            r"|([^\n]+?)(?:\r?\n|\Z)"
        ).encode("ascii"),
        re.DOTALL,
    )


@lru_cache(REMEMBERED)
def _is_read(key: bytes) -> bool:
    """Tell whether a reader finds one of its keys in a key."""
    return searched_keys().search(key) is not None


def named(builder: Builder, start: int, name: Name, path: str) -> None:
    """Account for the unknown parts of a name that stands at `start`; the caller accounts for what follows."""
    for begin, end in name.unknown:
        builder.structure(start + begin)
        builder.value(start + end, path, "name")


class _Line:
    """Accounts for the texts of one line, in order."""

    __slots__ = ("_builder", "_first", "_read", "_row")

    def __init__(self, builder: Builder, row: bytes, first: int) -> None:
        self._builder = builder
        self._row = row
        self._first = first  # where readers begin to search
        self._read: list[str] = []

    def _path(self, path: str) -> str:
        """Return the path of what stands behind keys that a reader finds in this line: theirs, and its own if it is read."""
        if not self._read:
            return path
        own = path.removeprefix(f"{PATH}/")
        is_read = searched_keys().search(own.encode("latin-1")) is not None
        return f"{PATH}/{'+'.join(dict.fromkeys([own, *self._read] if is_read else self._read))}"

    def _hits(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return where keys stand that a reader finds there first."""
        return [
            found.span()
            for found in searched_keys().finditer(self._row, start, stop)
            if self._row.find(found[0], self._first) == found.start()
        ]

    def text(self, start: int, stop: int, path: str, form: str = "text") -> None:
        """Account for a text."""
        at = start
        for begin, end in self._hits(start, stop):
            text_field(self._builder, self._row, at, begin, self._path(path), "text")
            self._key(begin, end)
            at = end
        text_field(self._builder, self._row, at, stop, self._path(path), form if at == start else "text")

    def _key(self, begin: int, end: int) -> None:
        """Account for a key that a reader finds."""
        self._builder.structure(end)
        self._read.append(self._row[begin:end].decode("ascii"))

    def other(self, start: int, stop: int) -> None:
        """Account for a line that is none of ASCCONV's.

        One that holds a key which a reader finds is cut into words: what stands between them keeps the line from becoming
        ``key = value`` where some of it is filled and some stays.
        """
        path = f"{PATH}/other"
        hits = self._hits(start, stop)
        at = start
        for begin, end in [*hits, (stop, stop)] if hits else ():
            for word in _WORD.finditer(self._row, at, begin):
                self._builder.structure(word.start())
                self._builder.value(word.end(), self._path(path), "text")
            if begin < stop:
                self._builder.structure(begin)
                self._key(begin, end)
            at = end
        if not hits:
            self.text(start, stop, path)

    def name(self, start: int, size: int, name: Name) -> str:
        """Account for the unknown parts of a name, and return the path of its value."""
        hits = self._hits(start, start + size) if name.unknown else []
        for begin, end in name.unknown:
            at, stop = start + begin, start + end
            for cut, after in [*hits, (stop, stop)]:
                if after >= at and cut <= stop:  # a key may begin before the part, or end behind it
                    self._builder.structure(at)
                    self._builder.value(max(at, cut), f"{PATH}/?", "name")
                    at = min(after, stop)
        self._read += [self._row[begin:end].decode("ascii") for begin, end in hits]
        return self._path(f"{PATH}/{name.label}")

    def string(self, start: int, stop: int, key: bytes, path: str) -> None:
        """Account for the content of a quoted value."""
        row = self._row
        if key.startswith(vocabulary().records):
            while True:
                cut = row.find(b";", start, stop)
                end = stop if cut < 0 else cut
                whole = row[start:end]
                form = "uid" if UID.fullmatch(whole) else "number" if _DIGITS.fullmatch(whole) else "text"
                self.text(start, end, path, form)
                if cut < 0:
                    return
                start = cut + 1
        form = "uid" if UID.fullmatch(row, start, stop) else "text"
        self.text(start, stop, path, form)


def _begin(builder: Builder, row: bytes, start: int, stop: int, first: int) -> int:
    """Account for the first line of a section and return where it ends."""
    found = _BEGIN_LINE.match(row, start, stop)
    if found is None:
        end = row.find(b"\n", start, stop)
        end = stop if end < 0 else end + 1
        builder.structure(start + len(BEGIN))
        _Line(builder, row, first).text(start + len(BEGIN), end, f"{PATH}/other")
        return end
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
        ``assignments``, but for numbers that always have a field of their own: what a reader reads is never edited.

    Returns
    -------
    int
        Where the section ends.
    """
    end = row.find(END_MARKER, builder.position, stop)
    limit = stop if end < 0 else end
    first = row.find(BEGIN)
    position = _begin(builder, row, builder.position, limit, first)
    run = -1  # where the run of plain numeric lines began that ends at `position`
    for line in _lines(depth).finditer(row, position, limit):
        kind = line.lastindex
        if kind == _NUMBER and not fine:
            name = key_name(line[_KEY])
            if not (name.own or name.unknown or _is_read(line[_KEY])):
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
        if kind == _COMMENT:
            _Line(builder, row, first).text(*line.span(_COMMENT), f"{PATH}/comment")
        elif kind == _OTHER:
            _Line(builder, row, first).other(*line.span(_OTHER))
        elif kind != _BLANK:
            _assignment(builder, row, line, first)
        builder.structure(position)
    if run >= 0:
        builder.structure(run)
        builder.value(position, PATH, "assignments")
    builder.structure(limit)
    if end >= 0:
        builder.structure(
            end + len(END_MARKER + _REST)
            if row.startswith(_REST, end + len(END_MARKER))
            else end + len(END_MARKER)
        )
    return builder.position


def _assignment(builder: Builder, row: bytes, line: re.Match[bytes], first: int) -> None:
    """Account for a line ``key = value`` up to the end of its value or comment."""
    key = line[_KEY]
    name = key_name(key)
    texts = _Line(builder, row, first)
    path = texts.name(line.start(_KEY), len(key), name)
    if line.start(_NUMBER) >= 0:
        builder.structure(line.start(_NUMBER))
        builder.value(line.end(_NUMBER), path, "number")
    elif line.start(_BARE) >= 0:
        texts.text(*line.span(_BARE), path)
    else:
        group = _PLAIN if line.start(_PLAIN) >= 0 else _QUOTED
        if line.start(group) >= 0:
            # A name that may be filled says nothing about its value.
            texts.string(*line.span(group), b"" if name.unknown else key, path)
    if line.start(_REMARK) >= 0:
        # Readers that take all digits of a line for the number read the remark too.
        texts.text(*line.span(_REMARK), f"{path}/remark")
