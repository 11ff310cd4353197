"""Where the data set of a file starts and how it is encoded (PS3.10 section 7).

A file without preamble, or without File Meta Information, is DICOM as well if its encoding is certain: it starts with
an element that a data set can start with, and walks to its end under one transfer syntax and no other.
"""

from typing import Final, Literal, NamedTuple

from csaclean.dicom.elements import VRS
from csaclean.dicom.source import Source
from csaclean.dicom.syntax import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Syntax, syntax_of
from csaclean.dicom.walk import walk, walk_group
from csaclean.errors import MalformedFile, NotDicom, Unsupported

__all__ = ["PREAMBLE_SIZE", "Start", "find_start"]

PREAMBLE_SIZE: Final = 128
_PREFIX: Final = b"DICM"
_META_GROUP: Final = 0x0002
_MEDIA_STORAGE_CLASS: Final = 0x00020002
_TRANSFER_SYNTAX: Final = 0x00020010
_META_LENGTH: Final = 0x00020000
_DICOMDIR_CLASS: Final = b"1.2.840.10008.1.3.10"
_LONGEST_FIRST: Final = 1 << 10


class Start(NamedTuple):
    """What stands before the data set."""

    offset: int
    """Where the data set begins; if deflated, the deflated bytes."""
    syntax: Syntax
    preamble: bool
    """Whether the file has the 128 bytes."""
    is_dicomdir: bool


def _bare_candidates(head: bytes) -> list[Syntax]:
    """Return the encodings in which `head` can be the first element of a data set in group 0008."""
    candidates: list[Syntax] = []
    if len(head) < 8:
        return candidates
    for syntax in (EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE):
        order: Literal["little", "big"] = "little" if syntax.order == "<" else "big"
        group = int.from_bytes(head[:2], order)
        if group != 0x0008:
            continue
        if syntax.implicit:
            if int.from_bytes(head[4:8], "little") <= _LONGEST_FIRST:
                candidates.append(syntax)
        elif head[4:6] in VRS:
            candidates.append(syntax)
    return candidates


def _certain(source: Source, offset: int, candidates: list[Syntax]) -> Syntax:
    """Return the one encoding under which the data set walks to its end.

    Raises
    ------
    MalformedFile
        If none does, or more than one.
    """
    failure: MalformedFile | None = None
    good = []
    for syntax in candidates:
        try:
            walk(source, syntax, offset)
        except MalformedFile as error:
            failure = failure or error
        else:
            good.append(syntax)
    if len(good) == 1:
        return good[0]
    if failure is not None and not good:
        raise failure
    raise MalformedFile("no File Meta Information, and the encoding is not certain", "", offset)


def find_start(source: Source) -> Start:
    """Return where the data set of a file starts and how it is encoded.

    Raises
    ------
    NotDicom
        If the file doesn't start as DICOM does.
    MalformedFile
        If the File Meta Information is cut, or the encoding is not certain.
    Unsupported
        If the transfer syntax isn't known.
    """
    head = source.read(0, PREAMBLE_SIZE + 4 + 12)
    preamble = head[PREAMBLE_SIZE : PREAMBLE_SIZE + 4] == _PREFIX
    offset = PREAMBLE_SIZE + 4 if preamble else 0
    first = head[offset:]
    if first[:2] != b"\2\0":
        candidates = _bare_candidates(first)
        if candidates:
            return Start(offset, _certain(source, offset, candidates), preamble, is_dicomdir=False)
        if preamble:
            raise MalformedFile("no File Meta Information and no data set after the prefix", "", offset)
        raise NotDicom("not DICOM")
    if not preamble and (
        first[2:4] not in (b"\0\0", b"\1\0", b"\2\0") or first[4:6] not in (b"UL", b"OB", b"UI")
    ):
        raise NotDicom("not DICOM")
    found = walk_group(source, EXPLICIT_LITTLE, offset, _META_GROUP)
    values = {
        element.tag: source.read(element.start, min(element.stop, element.start + 128))
        for element in found.elements
    }
    declared = values.get(_META_LENGTH, b"")
    if len(declared) == 4:
        first_element = found.elements[0]
        if first_element.stop + int.from_bytes(declared, "little") > source.size:
            raise MalformedFile("the File Meta Information is cut", "", source.size)
    is_dicomdir = values.get(_MEDIA_STORAGE_CLASS, b"").strip(b"\0 ") == _DICOMDIR_CLASS
    uid = values.get(_TRANSFER_SYNTAX)
    if uid is not None:
        try:
            syntax = syntax_of(uid)
        except Unsupported as error:
            raise error.at("(0002,0010)") from None
    else:
        candidates = _bare_candidates(source.read(found.end, found.end + 12))
        if not candidates:
            raise MalformedFile("no transfer syntax, and the encoding is not certain", "", found.end)
        syntax = _certain(source, found.end, candidates)
    return Start(found.end, syntax, preamble, is_dicomdir)
