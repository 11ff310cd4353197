r"""The grammar of XProtocol, the tree of parameters in Siemens protocol texts, and of what encloses it.

::

    text     = (xprotocol | ASCCONV section)...             also inside a string, with the quotes doubled once more
    xprotocol = <XProtocol> { item... }                     or <EVAProtocol>
    item     = <Construct."name"> { item... }   <Construct> { item... }   <Construct> scalar   scalar   { item... }
    scalar   = "string"   number   word

What a string is, is decided by the construct that it stands in: the value of a ``<ParamString>`` is text, labels,
limits, names of classes and windows are constants of the software if they are listed, else text. An attribute
(``<Visible> "true"``) takes one scalar;
what follows belongs to the construct around it. The elements of a ``<ParamArray>`` are what its ``<Default>`` says.
"""

import re
from functools import cache
from typing import Final, NamedTuple

from csaclean.errors import MalformedValue
from csaclean.model import Builder
from csaclean_handlers.siemens.ascconv import BEGIN, NUMBER, layout_section, named
from csaclean_handlers.siemens.protocol_names import UNKNOWN, parameter_name, vocabulary
from csaclean_handlers.siemens.quoting import MAX_DEPTH, UID, delimiter, string_pattern, text_field

__all__ = ["PATH", "STARTS", "layout_text"]

PATH: Final = "XProtocol"
STARTS: Final = re.compile(rb"\s*(?:<(?:XProtocol|EVAProtocol)>|### ASCCONV BEGIN)")
"""What a protocol text starts with."""

_SHORTEST: Final = len(b"<XProtocol>")
_SPACE: Final = re.compile(rb"\s*")
_ROOT: Final = re.compile(rb"<(?:XProtocol|EVAProtocol)>\s*\{")
_PLAIN, _QUOTED, _CLOSE, _NAMED, _NAME, _TAG, _BRACE, _OPEN, _NUMBER, _WORD, _ERROR, _NOTHING = range(1, 13)
_MAX_BRACES: Final = 256
"""Open braces in one text; real ones have at most 12."""
_BOOLEANS: Final = frozenset((b"true", b"false"))
_PATHS: Final = re.compile(rb"[A-Za-z_0-9]{1,64}(?:[.@:/][A-Za-z_0-9]{1,64}){0,8}")
_PARTS: Final = re.compile(rb"[.@:/]")
_BETWEEN_QUOTES: Final = re.compile(rb'[^"]+')
"""A text between literal quotes: what it is doesn't hang on the others, of which one may be filled."""


class _Frame(NamedTuple):
    """What holds between a pair of braces.

    Attributes
    ----------
    kind
        What strings are here, as in the table of constructs.
    path
        Of values here.
    own
        Whether numbers here are always fields of their own.
    array
        Whether this is an array or one of its elements.
    default
        Whether this block is the ``<Default>`` of the block around it.
    """

    kind: str
    path: str
    own: bool = False
    array: bool = False
    default: bool = False


@cache
def _tokens(depth: int) -> re.Pattern[bytes]:
    """Return a pattern that matches one token and the space before it.

    The last two groups match where no token is, and at the end: a search never goes on to the next byte.
    """
    quote = delimiter(depth)
    return re.compile(
        (
            r"\s*(?:"
            rf"{string_pattern(depth, lines=True)}"
            r"|(\})"
            rf'|<([A-Za-z]\w*)(?:\.{quote}([^"<>\r\n]{{0,255}}){quote})>\s*\{{'
            r"|<([A-Za-z]\w*)>(\s*\{)?"
            r"|(\{)"
            rf'|({NUMBER})(?![^\s"{{}}<>])'
            r'|([^\s"{}<>]+)'
            r"|(\S)|(\Z))"
        ).encode("ascii"),
        re.DOTALL,
    )


def layout_text(builder: Builder, row: bytes, stop: int, depth: int, *, fine: bool) -> int:
    """Account for a protocol text, from the builder's position to `stop`.

    Parameters
    ----------
    builder, row
        The layout being made, and the text it is made of.
    stop
        Where the text ends.
    depth
        How often it is quoted: 0 outside any string.
    fine
        Whether each number is a field of its own.

    Returns
    -------
    int
        How many ASCCONV sections it holds, at all depths.

    Raises
    ------
    MalformedValue
        If the grammar fails, or strings are nested deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise MalformedValue("protocol texts are nested too deep", "", builder.position)
    sections = 0
    while True:
        found = _SPACE.match(row, builder.position, stop)
        builder.structure(found.end() if found else stop)
        if builder.position == stop:
            return sections
        if row.startswith(BEGIN, builder.position, stop):
            layout_section(builder, row, stop, depth, fine=fine)
            sections += 1
        elif root := _ROOT.match(row, builder.position, stop):
            builder.structure(root.end())
            sections += _Block(builder, row, depth, fine).read(stop)
        else:
            raise MalformedValue("neither XProtocol nor ASCCONV", "", builder.position)


def _frame(around: _Frame, construct: bytes, label: str, own: bool, pending: bytes) -> _Frame:
    """Return the frame of ``<construct."label"> {`` inside `around`, where `pending` is an attribute without value."""
    kind = vocabulary().constructs.get(construct)
    default = pending == b"Default"
    if kind == "inherit":
        return around._replace(array=False, default=False)
    if kind is None:
        return _Frame("text", f"{PATH}/{UNKNOWN}", own, default=default)
    if kind == "code":
        return _Frame("code", f"{PATH}/{construct.decode('ascii')}", default=default)
    own = own or (not label and around.own)
    path = f"{PATH}/{label}" if label else around.path
    if kind == "array":
        return _Frame("text", path, own, array=True, default=default)
    if kind == "choice":
        if not own:
            return _Frame("code", f"{PATH}/{construct.decode('ascii')}", default=default)
        kind = "text"
    return _Frame(kind, path, own, default=default)


def _attribute(around: _Frame, construct: bytes) -> _Frame:
    """Return what holds for the scalar after ``<construct>``."""
    kind = vocabulary().constructs.get(construct)
    if kind == "inherit":
        return around
    if kind is None:
        return _Frame("text", f"{PATH}/{UNKNOWN}")
    return _Frame(kind, f"{PATH}/{construct.decode('ascii')}")


def _is_protocol(row: bytes, start: int, stop: int) -> bool:
    """Return whether a string holds a protocol text, or claims to by ASCCONV's marker."""
    return STARTS.match(row, start, stop) is not None or row.find(BEGIN, start, stop) >= 0


def _is_constant(text: bytes) -> bool:
    """Tell whether a text where the software writes constants is one: a truth value, a listed text, or a path of known names."""
    known = vocabulary()
    return (
        text in known.constants
        or text in _BOOLEANS
        or (
            _PATHS.fullmatch(text) is not None
            and all(
                part in known.parameters or part in known.constructs or part in known.segments
                for part in _PARTS.split(text)
            )
        )
    )


class _Block:
    """The reader of one XProtocol: a stack of frames instead of recursion."""

    __slots__ = ("_builder", "_depth", "_fine", "_pending", "_row", "_sections", "_stack")

    def __init__(self, builder: Builder, row: bytes, depth: int, fine: bool) -> None:
        self._builder = builder
        self._row = row
        self._depth = depth
        self._fine = fine
        self._stack = [_Frame("text", f"{PATH}/{UNKNOWN}")]
        self._pending = b""  # the attribute whose value comes next
        self._sections = 0

    def read(self, stop: int) -> int:
        """Account for what follows an opening brace, up to the brace that closes it; return the number of sections."""
        for token in _tokens(self._depth).finditer(self._row, self._builder.position, stop):
            self._builder.step()
            group = token.lastindex
            if group in (_PLAIN, _QUOTED):
                self._string(*token.span(group))
            elif group == _CLOSE:
                if self._close():
                    self._builder.structure(token.end())
                    return self._sections
            elif group in (_NAME, _BRACE, _OPEN):
                self._open(token)
            elif group == _TAG:
                self._construct(*token.span(_TAG))
                self._pending = token[_TAG]
            elif group == _NUMBER:
                self._number(*token.span(_NUMBER))
            elif group == _WORD:
                self._text(*token.span(_WORD), self._scalar().path)
            elif group == _ERROR:
                raise MalformedValue("XProtocol can't be read", "", token.start(_ERROR))
        raise MalformedValue("an XProtocol has no end", "", stop)

    def _scalar(self) -> _Frame:
        """Return what holds for the next scalar: it is the value of the attribute before it, if there is one."""
        if not self._pending:
            return self._stack[-1]
        found = _attribute(self._stack[-1], self._pending)
        self._pending = b""
        return found

    def _text(self, start: int, stop: int, path: str) -> None:
        form = "uid" if UID.fullmatch(self._row, start, stop) else "text"
        text_field(self._builder, self._row, start, stop, path, form)

    def _string(self, start: int, stop: int) -> None:
        around = self._scalar()
        if start == stop:
            return
        if stop - start >= _SHORTEST and _is_protocol(self._row, start, stop):
            self._builder.structure(start)
            self._sections += layout_text(self._builder, self._row, stop, self._depth + 1, fine=self._fine)
        elif around.kind == "code":
            for piece in _BETWEEN_QUOTES.finditer(self._row, start, stop):
                if _is_constant(piece[0]):
                    text_field(self._builder, self._row, *piece.span(), around.path, "code")
                else:
                    self._text(*piece.span(), around.path)
        elif around.kind == "bool" and self._row[start:stop] in _BOOLEANS:
            text_field(self._builder, self._row, start, stop, around.path, "code")
        else:
            self._text(start, stop, around.path)

    def _number(self, start: int, stop: int) -> None:
        around = self._scalar()
        self._builder.structure(start)
        if around.own or self._fine:
            self._builder.value(stop, around.path, "number")
        else:
            self._builder.value(stop, PATH, "assignments")

    def _construct(self, start: int, stop: int) -> None:
        """Account for the name of a construct: structure, unless it is not in the vocabulary."""
        if self._row[start:stop] not in vocabulary().constructs:
            self._builder.structure(start)
            self._builder.value(stop, f"{PATH}/{UNKNOWN}", "name")

    def _open(self, token: re.Match[bytes]) -> None:
        """Enter the braces that a token opens, with or without a construct before them."""
        if len(self._stack) == _MAX_BRACES:
            raise MalformedValue("too many open braces", "", token.start())
        around = self._stack[-1]
        if token.lastindex == _NAME:
            self._construct(*token.span(_NAMED))
            name = parameter_name(token[_NAME])
            named(self._builder, token.start(_NAME), name, f"{PATH}/{UNKNOWN}")
            frame = _frame(around, token[_NAMED], name.label, name.own, self._pending)
        elif token.lastindex == _BRACE:
            self._construct(*token.span(_TAG))
            frame = _frame(around, token[_TAG], "", False, self._pending)
        else:
            frame = around._replace(default=False)
        self._stack.append(frame)
        self._pending = b""

    def _close(self) -> bool:
        """Leave the innermost braces; return whether they were the outermost too."""
        frame = self._stack.pop()
        self._pending = b""
        if not self._stack:
            return True
        if frame.default and self._stack[-1].array:
            self._stack[-1] = self._stack[-1]._replace(kind=frame.kind)
        return False
