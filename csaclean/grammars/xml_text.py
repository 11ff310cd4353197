"""XML as it stands in private elements: names from a shipped list are structure, content is fields.

This is a reader of spans, not of documents: it looks at bytes, resolves nothing, and takes time in proportion to the text.
Any encoding will do in which the bytes of ASCII's mark-up mean themselves. That holds for UTF-8, the code pages, and
Shift-JIS, EUC and their like: no byte of theirs that stands for part of another character is one of ``< > & " ' ? / = -``,
white space or a digit. A backslash, ``|``, ``]`` or a letter can be.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from csaclean.model import Builder, Layout

__all__ = ["Vocabulary", "layout_xml", "read_xml"]

_UNKNOWN = "?"
_BOM = b"\xef\xbb\xbf"
_START = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*<[A-Za-z_?!]")
_SPACE = rb"[ \t\r\n]"
_NAME = rb"[A-Za-z_][A-Za-z0-9_.:-]*"
_TOKEN = re.compile(
    rb"(?P<text>[^<]+)"
    rb"|<!--(?P<comment>(?s:.*?))-->"
    rb"|<!\[CDATA\[(?P<cdata>(?s:.*?))\]\]>"
    rb"|<\?(?P<instruction>(?s:.*?))\?>"
    rb"|<!(?P<declaration>[A-Z][^<>]*)>"
    rb"|</(?P<closing>" + _NAME + rb")" + _SPACE + rb"*>"
    rb"|<(?P<opening>" + _NAME + rb")"
    rb"(?P<attributes>(?:"
    + _SPACE + rb"+" + _NAME + _SPACE + rb"*=" + _SPACE + rb"*(?:\"[^\"<]*\"|'[^'<]*')){0,4095})"
    + _SPACE + rb"*(?P<empty>/?)>"
)  # fmt: skip
_ATTRIBUTE = re.compile(
    _SPACE + rb"+(?P<name>" + _NAME + rb")" + _SPACE + rb"*=" + _SPACE + rb"*"
    rb"(?:\"(?P<double>[^\"<]*)\"|'(?P<single>[^'<]*)')"
)  # fmt: skip
_PROLOG = re.compile(
    rb"xml version=[\"']1\.[01][\"'](?: encoding=[\"'](?i:"
    rb"utf-8|us-ascii|iso-8859-(?:\d|1[0-6])|windows-\d{3,4}|shift[_-]jis|windows-31j|euc-(?:jp|kr)|gb2312|gbk"
    rb")[\"'])?"
    rb"(?: standalone=[\"'](?:yes|no)[\"'])? ?"
)
_TARGET = b"xml"
_INSIDE = ("comment", "cdata", "instruction", "declaration")
_DATE = re.compile(rb"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_UID = re.compile(rb"[0-2](?:\.\d+){3,31}")
_NUMBER = re.compile(rb"[-+]?(?:\d{1,7}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,4})?")
"""A number too short to be a date, a time stamp or somebody's number in a register."""
_PARTS = re.compile(rb"[ \t\r\n,;|\\]+")


class Vocabulary(NamedTuple):
    """What is known of one kind of XML text.

    Attributes
    ----------
    elements, attributes
        Names that are structure; any other name is a field of form ``name``.
    codes
        By path, the contents that are machine constants.
    numbers
        Whether a short number may stand; else it is text, as somebody's number in a register may be short.
    grammars
        By path, what lays out a content, without the white space around it, that is more than a text; None if it isn't.
    """

    elements: frozenset[bytes]
    attributes: frozenset[bytes]
    codes: Mapping[str, re.Pattern[bytes]]
    numbers: bool = False
    grammars: Mapping[str, Callable[[bytes], Layout | None]] = MappingProxyType({})


def _form(vocabulary: Vocabulary, path: str, content: bytes) -> str:
    constant = vocabulary.codes.get(path)
    if constant is not None and constant.fullmatch(content):
        return "code"
    if vocabulary.numbers and _NUMBER.fullmatch(content):
        return "number"
    if _DATE.fullmatch(content):
        return "date"
    if _UID.fullmatch(content):
        return "uid"
    parts = _PARTS.split(content)
    return (
        "assignments"
        if vocabulary.numbers and len(parts) > 1 and all(map(_NUMBER.fullmatch, parts))
        else "text"
    )


class _Reader:
    """One pass over a text: spans into a builder, open elements on a stack."""

    def __init__(self, text: bytes, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.builder = Builder()
        self.open: list[bytes] = []

    def _name(self, start: int, stop: int, known: frozenset[bytes]) -> str:
        """Account for a name, and return what it is called in a path."""
        self.builder.structure(start)
        name = self.text[start:stop]
        if name in known:
            self.builder.structure(stop)
            return name.decode("ascii")
        self.builder.value(stop, _UNKNOWN, "name")
        return _UNKNOWN

    def _content(self, start: int, stop: int, path: str) -> None:
        """Account for a content without the white space around it."""
        content = self.text[start:stop]
        first = start + len(content) - len(content.lstrip(b" \t\r\n"))
        last = max(first, start + len(content.rstrip(b" \t\r\n")))
        self.builder.structure(first)
        core = self.text[first:last]
        grammar = self.vocabulary.grammars.get(path)
        layout = grammar(core) if grammar is not None and core else None
        if layout is not None:
            self.builder.inline(layout, path)
        else:
            self.builder.value(last, path, _form(self.vocabulary, path, core))
        self.builder.structure(stop)

    def _opening(self, token: re.Match[bytes]) -> None:
        element = self._name(*token.span("opening"), self.vocabulary.elements)
        start, stop = token.span("attributes")
        while start < stop and (found := _ATTRIBUTE.match(self.text, start, stop)) is not None:
            attribute = self._name(*found.span("name"), self.vocabulary.attributes)
            quoted = "double" if found["double"] is not None else "single"
            self.builder.structure(found.start(quoted))
            self._content(*found.span(quoted), f"{element}/{attribute}")
            start = found.end()
        if not token["empty"]:
            self.open.append(token["opening"])

    def read(self, start: int) -> bool:
        """Account for the text from `start` on; False if it isn't a whole document."""
        builder, seen = self.builder, False
        builder.structure(start)
        while builder.position < len(self.text):
            token = _TOKEN.match(self.text, builder.position)
            if token is None:
                return False
            kind = token.lastgroup or ""
            if token["opening"] is not None:
                seen = True
                self._opening(token)
            elif kind == "closing":
                if not self.open or self.open.pop() != token["closing"]:
                    return False
                self._name(*token.span("closing"), self.vocabulary.elements)
            elif kind == "instruction" and _PROLOG.fullmatch(token["instruction"]):
                pass
            elif kind in _INSIDE:
                start, stop = token.span(kind)
                if kind == "instruction" and token[kind].startswith(_TARGET):
                    start += len(_TARGET)  # by it a text is known for XML, and so must its fill be
                    builder.structure(start)
                self._content(start, stop, kind)
            else:
                name = self.open[-1] if self.open else b""
                path = name.decode("ascii") if name in self.vocabulary.elements else _UNKNOWN
                self._content(*token.span("text"), path)
            builder.structure(token.end())
        return seen and not self.open


def read_xml(text: bytes, vocabulary: Vocabulary) -> Layout | None:
    """Return the layout of an XML text as `layout_xml` does; None if it isn't a whole one."""
    if not _START.match(text):
        return None
    reader = _Reader(text, vocabulary)
    return reader.builder.done(len(text)) if reader.read(len(_BOM) if text.startswith(_BOM) else 0) else None


def layout_xml(text: bytes, vocabulary: Vocabulary) -> Layout:
    """Return what each byte of an XML text is.

    Parameters
    ----------
    text
        The live text, in any encoding that holds ASCII as it is.
    vocabulary
        Names and constants of this kind of text.

    Returns
    -------
    Layout
        Paths are the innermost element's name, ``element/attribute``, ``comment``, ``cdata``, ``instruction`` or
        ``declaration``; ``?`` stands for a name that isn't listed. What isn't a whole XML text is one field, ``other``.

    Examples
    --------
    >>> known = Vocabulary(frozenset((b"A",)), frozenset((b"b",)), {})
    >>> [(span.path, span.form) for span in layout_xml(b"<A b='1'>Doe<C>20240131</C></A>", known) if span.path]
    [('A/b', 'text'), ('A', 'text'), ('?', 'name'), ('?', 'date'), ('?', 'name')]
    """
    layout = read_xml(text, vocabulary)
    if layout is not None:
        return layout
    builder = Builder()
    builder.value(len(text), "other", "text")
    return builder.done(len(text))
