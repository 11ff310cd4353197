"""Where the data set of a file starts and how it is encoded (PS3.10 section 7).

A file without preamble, or without File Meta Information, is DICOM as well if its encoding is certain: it starts with
an element that a data set can start with, and walks to its end under one transfer syntax and no other. The same tells
how a data set is encoded whose first element contradicts the transfer syntax, or whose transfer syntax isn't known.

File Meta Information is read in either VR form and byte order, and its length is never believed.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from csaclean.dicom.elements import LONG_VRS, SHORT_VRS, VRS, Element, Shape, Slack, Walk
from csaclean.dicom.source import Source
from csaclean.dicom.syntax import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Syntax,
    syntax_of,
)
from csaclean.dicom.walk import walk, walk_group
from csaclean.errors import MalformedFile, NotDicom, UncertainReading, Unsupported

__all__ = ["PREAMBLE_SIZE", "Start", "as_written", "find_start", "meta_elements"]

PREAMBLE_SIZE: Final = 128
_PREFIX: Final = b"DICM"
_META_GROUP: Final = 0x0002
_LAST_META: Final = 0x0102
_FIRST_PRIVATE: Final = 0x00020100
"""Private Information Creator UID; behind it, only Private Information follows (PS3.10 section 7.1)."""
_MEDIA_STORAGE_CLASS: Final = 0x00020002
_TRANSFER_SYNTAX: Final = 0x00020010
_META_LENGTH: Final = 0x00020000
_DICOMDIR_CLASS: Final = b"1.2.840.10008.1.3.10"
_FIRST_GROUPS: Final = frozenset((0x0008, 0x0009, 0x0010, 0x0018, 0x0020, 0x0028))
"""Groups that a bare data set starts with; only the first of them says that a file is meant to be DICOM."""
_NO_RESERVED: Final = b"\0\0"
_LONGEST_FIRST: Final = 1 << 10
_FIRST_HEADER: Final = 8
_SYNTAXES: Final = (EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE)
_META_FORMS: Final = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)


class Start(NamedTuple):
    """What stands before the data set."""

    offset: int
    """Where the data set begins; if deflated, the deflated bytes."""
    syntax: Syntax
    preamble: bool
    """Whether the file has the 128 bytes."""
    is_dicomdir: bool
    facts: tuple[str, ...] = ()
    """What isn't as it should be and was read all the same, as codes."""
    private: tuple[Element, ...] = ()
    """Private Information Creator UID and Private Information of the File Meta Information."""
    slack: tuple[Slack, ...] = ()
    """The reserved bytes of their headers."""


def _group(head: bytes, syntax: Syntax) -> int:
    return int.from_bytes(head[:2], "little" if syntax.order == "<" else "big")


def _may_start(head: bytes, syntax: Syntax) -> bool:
    """Tell whether `head` can be the first element of a data set in an encoding."""
    if len(head) < _FIRST_HEADER or _group(head, syntax) not in _FIRST_GROUPS:
        return False
    if syntax.implicit:
        return int.from_bytes(head[4:8], "little") <= _LONGEST_FIRST
    return head[4:6] in VRS


def _walks(source: Source, offset: int, syntax: Syntax, *, liberties: bool) -> MalformedFile | None:
    """Return None if a data set walks to its end in an encoding, else why it doesn't."""
    try:
        walk(source, syntax, offset, liberties=liberties)
    except MalformedFile as error:
        return error
    return None


def _certain(source: Source, offset: int, candidates: Sequence[Syntax]) -> Syntax:
    """Return the one encoding under which the data set walks to its end, without liberties if there is one.

    Raises
    ------
    MalformedFile
        If none does.
    UncertainReading
        If more than one does.
    """
    failures: list[MalformedFile] = []
    for liberties in (False, True):
        good = []
        for syntax in candidates:
            failure = _walks(source, offset, syntax, liberties=liberties)
            if failure is None:
                good.append(syntax)
            else:
                failures.append(failure)
        if len(good) == 1:
            return good[0]
        if good:
            raise UncertainReading("the data set walks to its end in more than one encoding", "", offset)
    raise failures[0]


def as_written(source: Source, offset: int, declared: Syntax) -> Syntax:
    """Return how a data set is encoded, which its first element may tell otherwise than the transfer syntax.

    Raises
    ------
    UncertainReading
        If it doesn't walk as declared, and in more than one other encoding.
    """
    head = source.read(offset, offset + _FIRST_HEADER)
    if len(head) < _FIRST_HEADER:
        return declared
    if declared.deflated:  # a stream that starts like an element can't walk to the end
        starts = [one for one in _SYNTAXES if _may_start(head, one)]
        return next((one for one in starts if _walks(source, offset, one, liberties=False) is None), declared)
    has_vr = head[4:6] in VRS
    swapped = _group(head, declared) & 0xFF == 0 and _group(head, declared) != 0
    if has_vr is not declared.implicit and not swapped:
        return declared
    if _walks(source, offset, declared, liberties=False) is None:
        return declared
    others = [
        one
        for one in _SYNTAXES
        if (one.implicit, one.order) != (declared.implicit, declared.order)
        and _walks(source, offset, one, liberties=False) is None
    ]
    if len(others) > 1:
        raise UncertainReading("the data set walks to its end in more than one encoding", "", offset)
    return others[0] if others else declared


def _bare(source: Source, offset: int, *, preamble: bool, head: bytes) -> Start | None:
    """Return how a data set without File Meta Information is read; None if none starts at `offset`.

    Raises
    ------
    MalformedFile
        If one starts there and doesn't walk in any encoding.
    UncertainReading
        If it walks in more than one.
    """
    candidates = [one for one in _SYNTAXES if _may_start(head, one)]
    if not candidates:
        return None
    try:
        syntax = _certain(source, offset, candidates)
    except (MalformedFile, UncertainReading):
        if not preamble and all(_group(head, one) != min(_FIRST_GROUPS) for one in candidates):
            return None
        raise
    return Start(offset, syntax, preamble, is_dicomdir=False)


def _mixed_meta(source: Source, offset: int) -> Walk:
    """Return elements of the File Meta Information of which some have a VR and some don't; none if one is cut."""
    found = Walk(end=offset)
    while True:
        head = source.read(found.end, found.end + 12)
        if len(head) < _FIRST_HEADER or _group(head, EXPLICIT_LITTLE) != _META_GROUP:
            return found
        code, start = head[4:6], found.end + _FIRST_HEADER
        vr = SHORT_VRS.get(code) or LONG_VRS.get(code)
        length = int.from_bytes(head[6:8] if vr else head[4:8], "little")
        if code in LONG_VRS:
            if head[6:8] != _NO_RESERVED:
                found.slack.append(Slack(found.end + 6, found.end + 8, "reserved", _NO_RESERVED))
            start, length = start + 4, int.from_bytes(head[8:12], "little")
        if start + length > source.size:
            return Walk(end=offset)
        tag = _META_GROUP << 16 | int.from_bytes(head[2:4], "little")
        found.elements.append(Element(0, tag, vr, found.end, start, start + length, Shape.VALUE, "<"))
        found.end = start + length


def _meta(source: Source, offset: int) -> tuple[Walk, list[str]]:
    """Return the elements of the File Meta Information, and what is wrong with it.

    Raises
    ------
    MalformedFile
        If it is cut, or can't be read in any form.
    """
    failure: MalformedFile | None = None
    for form in _META_FORMS:
        try:
            found = walk_group(source, form, offset, _META_GROUP)
        except MalformedFile as error:
            failure = failure or error
            continue
        if found.elements:
            break
    else:
        form, found = IMPLICIT_LITTLE, _mixed_meta(source, offset)
        if not found.elements:
            raise failure or MalformedFile("no File Meta Information after the prefix", "", offset)
    facts = [] if form is EXPLICIT_LITTLE else ["meta-encoding"]
    length = next((one for one in found.elements if one.tag == _META_LENGTH), None)
    if length is None:
        facts.append("no-meta-length")
    else:
        order: Literal["little", "big"] = "little" if form.order == "<" else "big"
        declared = int.from_bytes(source.read(length.start, length.stop), order)
        if length.stop + declared != found.end:
            facts.append("wrong-meta-length")
            if length.stop + declared > source.size == found.end:
                raise MalformedFile("the File Meta Information is cut", "", source.size)
    return found, facts


def _behind_meta(source: Source, offset: int, *, preamble: bool) -> Start:
    """Return how a file with File Meta Information is read.

    Raises
    ------
    MalformedFile
        If the File Meta Information is cut, or no encoding walks.
    UncertainReading
        If more than one does.
    Unsupported
        If the transfer syntax isn't known, and nothing walks.
    """
    found, facts = _meta(source, offset)
    values = {
        element.tag: source.read(element.start, min(element.stop, element.start + 128))
        for element in found.elements
    }
    private = tuple(element for element in found.elements if element.tag >= _FIRST_PRIVATE)
    slack = tuple(one for one in found.slack if private and one.start > private[0].header)
    is_dicomdir = values.get(_MEDIA_STORAGE_CLASS, b"").strip(b"\0 ") == _DICOMDIR_CLASS
    uid = values.get(_TRANSFER_SYNTAX, b"").strip(b"\0 ")
    if not uid:
        candidates = [one for one in _SYNTAXES if _may_start(source.read(found.end, found.end + 12), one)]
        if not candidates:
            raise MalformedFile("no transfer syntax, and the encoding is not certain", "", found.end)
        syntax = _certain(source, found.end, candidates)
        return Start(found.end, syntax, preamble, is_dicomdir, (*facts, "no-transfer-syntax"), private, slack)
    try:
        declared = syntax_of(uid)
    except Unsupported as error:
        candidates = [one for one in _SYNTAXES if _walks(source, found.end, one, liberties=False) is None]
        if len(candidates) > 1:
            raise UncertainReading("the data set walks to its end in more than one encoding") from None
        if not candidates or source.size == found.end:
            raise error.at("(0002,0010)") from None
        return Start(
            found.end,
            candidates[0],
            preamble,
            is_dicomdir,
            (*facts, "unknown-transfer-syntax"),
            private,
            slack,
        )
    syntax = as_written(source, found.end, declared)
    if syntax is not declared:
        facts.append("wrong-transfer-syntax")
    return Start(found.end, syntax, preamble, is_dicomdir, tuple(facts), private, slack)


def meta_elements(source: Source, start: Start) -> list[Element]:
    """Return the elements of the File Meta Information of a file; none if it has none.

    Raises
    ------
    MalformedFile
        As `find_start` does.
    """
    offset = PREAMBLE_SIZE + len(_PREFIX) if start.preamble else 0
    return _meta(source, offset)[0].elements if offset < start.offset else []


def _starts_with_meta(head: bytes) -> bool:
    """Tell whether a file without preamble can start with this element of the File Meta Information."""
    if len(head) < _FIRST_HEADER:
        return False
    for order in ("little", "big"):
        group, number = int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order)
        if group == _META_GROUP and number <= _LAST_META:
            return head[4:6] in VRS or (
                order == "little" and int.from_bytes(head[4:8], order) <= _LONGEST_FIRST
            )
    return False


def _names_syntax(source: Source) -> bool:
    """Tell whether File Meta Information at the start of a file has a transfer syntax: no other file does."""
    try:
        found, _ = _meta(source, 0)
    except MalformedFile:
        return False
    values = [source.read(one.start, one.stop) for one in found.elements if one.tag == _TRANSFER_SYNTAX]
    return any(value and not value.strip(b"0123456789. \0") for value in values)


def _without_preamble(source: Source, head: bytes) -> Start | None:
    """Return how a file is read whose first byte is DICOM already; None if it isn't."""
    if _starts_with_meta(head):
        try:
            return _behind_meta(source, 0, preamble=False)
        except MalformedFile:
            if head[4:6] in VRS or _names_syntax(source):
                raise
            return None
    return _bare(source, 0, preamble=False, head=head)


def find_start(source: Source) -> Start:
    """Return where the data set of a file starts and how it is encoded.

    A data set that starts at byte 0 and walks to its end has no preamble, although a value of it reads ``DICM`` at byte
    128.

    Raises
    ------
    NotDicom
        If the file doesn't start as DICOM does.
    MalformedFile
        If the File Meta Information is cut, or the data set doesn't walk.
    UncertainReading
        If the data set walks in more than one encoding, or it isn't certain that the first bytes are a preamble.
    Unsupported
        If the transfer syntax isn't known, and no encoding walks.
    """
    head = source.read(0, PREAMBLE_SIZE + 4 + 12)
    first = head[PREAMBLE_SIZE + 4 :]
    if head[PREAMBLE_SIZE : PREAMBLE_SIZE + 4] != _PREFIX:
        start = _without_preamble(source, head)
        if start is None:
            raise NotDicom("not DICOM")
        return start
    doubtful = _starts_with_meta(head) or any(_may_start(head, one) for one in _SYNTAXES)
    if doubtful:
        try:
            start = _without_preamble(source, head)
        except (MalformedFile, UncertainReading, Unsupported):
            start = None
        if start is not None:
            return start
    offset = PREAMBLE_SIZE + len(_PREFIX)
    if first[:2] in (b"\2\0", b"\0\2"):
        start = _behind_meta(source, offset, preamble=True)
    else:
        start = _bare(source, offset, preamble=True, head=first)
        if start is None:
            raise MalformedFile("no File Meta Information and no data set after the prefix", "", offset)
        if doubtful:
            raise UncertainReading("the first bytes may be a preamble, or the start of the data set", "", 0)
    return start
