r"""The grammar of XProtocol, the tree of parameters in Siemens protocol texts, and of what encloses it.

::

    text     = (xprotocol | ASCCONV section)...             also inside a string, with the quotes doubled once more
    xprotocol = <XProtocol> { item... }                     or <EVAProtocol>
    item     = <Construct."name"> { item... }   <Construct> { item... }   <Construct> scalar   scalar   { item... }
    scalar   = "string"   number   word

What a string is, is decided by the construct that it stands in: the value of a ``<ParamString>`` is text, labels,
limits, names of classes and windows are constants of the software. An attribute (``<Visible> "true"``) takes one scalar;
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
STARTS: Final = re.compile(rb"\s*+(?:<(?:XProtocol|EVAProtocol)>|### ASCCONV BEGIN)")
"""What a protocol text starts with."""

_SPACE: Final = re.compile(rb"\s*+")
_ROOT: Final = re.compile(rb"<(?:XProtocol|EVAProtocol)>\s*+\{")
_PLAIN, _QUOTED, _CLOSE, _NAMED, _NAME, _TAG, _BRACE, _OPEN, _NUMBER, _WORD, _ERROR, _NOTHING = range(1, 13)
_SCALARS: Final = frozenset((_PLAIN, _QUOTED, _WORD))
_MAX_BRACES: Final = 256
"""Open braces in one text; real ones have at most 12."""
_BOOLEANS: Final = frozenset((b"true", b"false"))


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
            r"\s*+(?:"
            rf"{string_pattern(depth, lines=True)}"
            r"|(\})"
            rf'|<([A-Za-z]\w*+)(?:\.{quote}([^"<>\r\n]{{0,255}}+){quote})>\s*+\{{'
            r"|<([A-Za-z]\w*+)>(\s*+\{)?+"
            r"|(\{)"
            rf'|({NUMBER})(?![^\s"{{}}<>])'
            r'|([^\s"{}<>]++)'
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
            sections += _block(builder, row, stop, depth, fine=fine)
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
    if kind == "code" and not own:
        return _Frame("code", f"{PATH}/{construct.decode('ascii')}", default=default)
    if not label:
        path, own = around.path, around.own or own
    else:
        path = f"{PATH}/{label}"
    if kind == "array":
        return _Frame("text", path, own, array=True, default=default)
    return _Frame("text" if kind == "code" else kind, path, own, default=default)


def _attribute(around: _Frame, construct: bytes) -> tuple[str, str]:
    """Return what a scalar after ``<construct>`` is, and its path."""
    kind = vocabulary().constructs.get(construct)
    if kind == "inherit":
        return around.kind, around.path
    if kind is None:
        return "text", f"{PATH}/{UNKNOWN}"
    return kind, f"{PATH}/{construct.decode('ascii')}"


def _block(builder: Builder, row: bytes, stop: int, depth: int, *, fine: bool) -> int:
    """Account for what follows an opening brace up to the brace that closes it; return the number of sections."""
    stack = [_Frame("text", f"{PATH}/{UNKNOWN}")]
    pending = b""  # the attribute whose value comes next
    sections = 0
    constructs = vocabulary().constructs
    for token in _tokens(depth).finditer(row, builder.position, stop):
        group = token.lastindex
        if group in _SCALARS:
            start, end = token.span(group)
            if pending:
                kind, path = _attribute(stack[-1], pending)
                pending = b""
            else:
                kind, path = stack[-1].kind, stack[-1].path
            if start == end:
                continue
            if group != _WORD and end - start >= len(BEGIN) and _is_protocol(row, start, end):
                builder.structure(start)
                sections += layout_text(builder, row, end, depth + 1, fine=fine)
                continue
            if kind == "bool":
                kind = "code" if row[start:end] in _BOOLEANS else "text"
            elif kind != "code" or group == _WORD:
                kind = "uid" if UID.fullmatch(row, start, end) else "text"
            text_field(builder, row, start, end, path, kind)
        elif group == _CLOSE:
            frame = stack.pop()
            pending = b""
            if not stack:
                builder.structure(token.end())
                return sections
            if frame.default and stack[-1].array:
                stack[-1] = stack[-1]._replace(kind=frame.kind)
        elif group == _NAME:
            construct = token[_NAMED]
            name = parameter_name(token[_NAME])
            if construct not in constructs:
                _unknown(builder, *token.span(_NAMED))
            named(builder, token.start(_NAME), name, f"{PATH}/{UNKNOWN}")
            stack.append(_frame(stack[-1], construct, name.label, name.own, pending))
            pending = b""
        elif group in (_TAG, _BRACE):
            construct = token[_TAG]
            if construct not in constructs:
                _unknown(builder, *token.span(_TAG))
            if group == _BRACE:
                stack.append(_frame(stack[-1], construct, "", False, pending))
                pending = b""
            else:
                pending = construct
        elif group == _OPEN:
            frame = stack[-1]
            stack.append(frame._replace(default=False))
            pending = b""
        elif group == _NUMBER:
            frame = stack[-1]
            start, end = token.span(_NUMBER)
            builder.structure(start)
            if pending:
                path = _attribute(frame, pending)[1]
                own = frame.own and constructs.get(pending) == "inherit"
                pending = b""
            else:
                path, own = frame.path, frame.own
            if own or fine:
                builder.value(end, path, "number")
            else:
                builder.value(end, PATH, "assignments")
        elif group == _ERROR:
            raise MalformedValue("XProtocol can't be read", "", token.start(_ERROR))
        if len(stack) > _MAX_BRACES:
            raise MalformedValue("too many open braces", "", token.start())
    raise MalformedValue("an XProtocol has no end", "", stop)


def _is_protocol(row: bytes, start: int, stop: int) -> bool:
    """Return whether a string holds a protocol text, or claims to by ASCCONV's marker."""
    return STARTS.match(row, start, stop) is not None or row.find(BEGIN, start, stop) >= 0


def _unknown(builder: Builder, start: int, stop: int) -> None:
    """Account for the name of a construct that is not in the vocabulary."""
    builder.structure(start)
    builder.value(stop, f"{PATH}/{UNKNOWN}", "name")
