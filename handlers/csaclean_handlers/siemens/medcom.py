r"""MEDCOM: the graphic overlays (OOG, a STEP text) and the editing history (UTF-16LE) of syngo workstations.

OOG, (0029,SIEMENS MEDCOM OOG,10), is an ISO 10303-21 text that ends in ``ENDSTEP;``, a line end and a NUL. What
somebody wrote onto the image stands in it as decimal character codes, so that no search for text finds it. No
converter reads either element.
"""

import re
from itertools import groupby
from typing import Final

from csaclean.errors import MalformedValue
from csaclean.model import Builder, Layout

__all__ = ["HISTORY_SIGNATURE", "OOG_SIGNATURE", "layout_history", "layout_oog"]

OOG_SIGNATURE: Final = b"STEP;"
HISTORY_SIGNATURE: Final = "MEDCOM HISTORY".encode("utf-16-le")

_ENTITIES = frozenset(
    (
        b"FILE_IDENTIFICATION",
        b"FILE_DESCRIPTION",
        b"FILE_NAME",
        b"FILE_SCHEMA",
        b"IMP_LEVEL",
        b"CsaGraDoubleVec3DArray",
        b"CsaGraVVIDictionary",
        b"CsaGraphicArrow",
        b"CsaGraphicAxis",
        b"CsaGraphicCircle",
        b"CsaGraphicCube",
        b"CsaGraphicFrameApplContainer",
        b"CsaGraphicLine",
        b"CsaGraphicMarker",
        b"CsaGraphicPixmap",
        b"CsaGraphicPolyLine",
        b"CsaGraphicPolygon",
        b"CsaGraphicPrimGroup",
        b"CsaGraphicSquare",
        b"CsaGraphicText",
        b"CsaImageOverlay",
        b"CsaUVString",
    )
)
"""Names of entities: measured, and as readers of other projects know them."""
_TEXT_ENTITIES = frozenset((b"CsaGraphicText", b"CsaUVString", b"CsaGraphicFrameApplContainer"))
"""Entities whose lists of integers are texts, whatever the integers are."""
_SECTIONS = frozenset((b"STEP", b"HEADER", b"ENDSEC", b"DATA"))
_CONSTANTS = frozenset((b"STEP format", b"1.0", b"Exchangeboard", b"CAP_3D_MEANING"))
_END = b"ENDSTEP"
_IDENTIFICATION = b"FILE_IDENTIFICATION"
UNREADABLE_STEP: Final = "unreadable-step-text"
"""Note of an overlay's text that breaks the grammar."""
UNREADABLE_HISTORY: Final = "unreadable-history"
"""Note of a history of an unknown version."""

_NUMBER = rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(
    rb"(?P<space>[ \t\r\n]+)"
    rb"|(?P<number>" + _NUMBER + rb")"
    rb"|'(?P<text>[^']*(?:'(?:'|(?!'|[ \t\r\n]*[,)]))[^']*){0,65535})'(?=[ \t\r\n]*[,)])"
    rb"|[@#](?P<id>\d+)"
    rb"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    rb"|(?P<mark>[(),;=$*])"
)  # fmt: skip
"""A quote inside a text that isn't doubled is accepted where no delimiter follows it, for so names are typed."""
_NEXT_NUMBER = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*" + _NUMBER)
"""What a list of numbers goes on with."""
_ITEM = re.compile(rb"[^, \t\r\n]+")
_CODE = re.compile(rb"\d{1,3}")
_INTEGER = re.compile(rb"[-+]?\d+")
_SPACES = re.compile(rb"[ \t\r\n]*")

_HISTORY = re.compile("MEDCOM HISTORY V".encode("utf-16-le") + rb"\d\0\.\0\d\0")
_CLASSES = frozenset(
    name.encode("utf-16-le") for name in ("CsaStudy", "CsaPatient", "CsaSeries", "CsaImage", "CsaInstance")
)
_SEPARATOR = "\\\\".encode("utf-16-le")
_PARTS = ("count", "id", "id", "date", "time", "account")


def _is_letter(item: bytes) -> bool:
    return _CODE.fullmatch(item) is not None and (32 < int(item) < 127 or int(item) > 160)


def _spells(items: list[re.Match[bytes]]) -> bool:
    """Tell whether numbers that stand side by side hold a text: two letters in a row."""
    letters = [_is_letter(item[0]) for item in items]
    return any(map(min, letters, letters[1:]))


class _Step:
    """One pass over a STEP text.

    Every decision rests on the widths of numbers and on what no fill changes, so that an edited text is cut alike.
    """

    def __init__(self, text: bytes, fine: bool) -> None:
        self.text = text
        self.fine = fine
        self.builder = Builder()
        self.entity = b""
        self.depth = 0
        self.ended = False

    def _path(self, part: str) -> str:
        return f"{self.entity.decode('ascii')}/{part}" if self.entity in _ENTITIES else f"?/{part}"

    def _value(self, start: int, stop: int, part: str, form: str) -> None:
        self.builder.structure(start)
        self.builder.value(stop, self._path(part), form)

    def _numbers(self, start: int, stop: int, whole_list: bool) -> None:
        """Account for numbers between commas: character codes, or numbers."""
        items = list(_ITEM.finditer(self.text, start, stop))
        if whole_list and all(_CODE.fullmatch(item[0]) for item in items):
            self._value(start, stop, "codes", "codes")
            return
        if (
            whole_list
            and self.entity in _TEXT_ENTITIES
            and all(_INTEGER.fullmatch(item[0]) for item in items)
        ):
            # Characters of another sign or width than codes have: each is a field, its sign stays.
            for item in items:
                digits = item[0].lstrip(b"+-")
                form = "codes" if _CODE.fullmatch(digits) else "hex"
                self._value(item.end() - len(digits), item.end(), "codes", form)
            return
        numbers: list[re.Match[bytes]] = []
        for narrow, group in groupby(items, lambda item: _CODE.fullmatch(item[0]) is not None):
            run = list(group)
            if narrow and _spells(run):
                self._plain(numbers)
                numbers = []
                self._value(run[0].start(), run[-1].end(), "codes", "codes")
            else:
                numbers += run
        self._plain(numbers)

    def _plain(self, items: list[re.Match[bytes]]) -> None:
        """Account for numbers that spell nothing; each by itself where a rule redacts them."""
        if self.fine or len(items) == 1 or self.entity == _IDENTIFICATION:
            for item in items:
                self._value(item.start(), item.end(), "numbers", "number")
        elif items:
            self._value(items[0].start(), items[-1].end(), "numbers", "assignments")

    def _name(self, name: bytes, stop: int) -> None:
        builder = self.builder
        if self.depth:
            builder.value(stop, self._path("text"), "text")
        elif name in _SECTIONS or name == _END:
            self.entity = b""
            self.ended = name == _END
            builder.structure(stop)
        elif name in _ENTITIES:
            self.entity = name
            builder.structure(stop)
        else:
            self.entity = b""
            builder.value(stop, "?", "name")

    def _mark(self, mark: bytes, position: int) -> None:
        if mark == b";":
            self.entity = b""
        self.depth += (mark == b"(") - (mark == b")")
        if self.depth < 0 or (mark == b";" and self.depth):
            raise MalformedValue("brackets of a STEP text don't match", "", position)

    def read(self) -> None:
        """Account for the whole text."""
        builder, text = self.builder, self.text
        opened = False
        while (position := builder.position) < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                raise MalformedValue("a STEP text holds what is no part of one", "", position)
            stop = token.end()
            if token["number"] is not None:
                while (number := _NEXT_NUMBER.match(text, stop)) is not None:
                    stop = number.end()
                follows = _SPACES.match(text, stop)
                closes = follows is not None and text.startswith(b")", follows.end())
                self._numbers(position, stop, opened and closes and self.depth > 1)
            elif (content := token["text"]) is not None:
                self._value(*token.span("text"), "text", "code" if content in _CONSTANTS else "text")
                builder.structure(stop)
            elif token["id"] is not None:
                builder.structure(token.start("id"))
                builder.value(stop, "id", "number")
            elif (name := token["name"]) is not None:
                if self.ended:
                    raise MalformedValue("a STEP text goes on behind its end", "", position)
                self._name(name, stop)
            else:
                builder.structure(stop)
                if (mark := token["mark"]) is not None:
                    self._mark(mark, position)
            if token["space"] is None:
                opened = token["mark"] == b"("
        if not self.ended or self.depth:
            raise MalformedValue("a STEP text breaks off before its end", "", len(text))


def layout_oog(value: bytes, fine: bool = False) -> Layout:
    """Return what each byte of a MEDCOM OOG text is.

    Parameters
    ----------
    value
        The value of (0029,SIEMENS MEDCOM OOG,10).
    fine
        Whether each number is a field of its own; otherwise numbers that follow each other are one, ``assignments``.

    Returns
    -------
    Layout
        Paths begin with the entity's name (``?`` if it isn't known) and end in ``text`` (what stands in quotes),
        ``codes`` (a text as decimal character codes) or ``numbers``; ``id`` is the number of an entity. What follows
        the NUL behind ``ENDSTEP;`` is dead: real files hold a stale byte there. A text that begins as STEP and breaks the
        grammar is one field, ``other``, and noted as ``unreadable-step-text``.
    """
    if not value.startswith(OOG_SIGNATURE):
        return Layout.foreign("not-step")
    nul = value.find(0)
    end = len(value) if nul < 0 else nul
    step = _Step(value[:end], fine)
    builder = step.builder
    try:
        step.read()
    except MalformedValue:
        builder = Builder()
        builder.structure(len(OOG_SIGNATURE))
        builder.value(end, "other", "text")
        builder.note(UNREADABLE_STEP)
    if nul >= 0:
        builder.structure(nul + 1)
        builder.dead(len(value))
    return builder.done(len(value))


def _records(text: bytes) -> list[bytes]:
    """Cut UTF-16LE at its NULs; the last record has none."""
    records, start = [], 0
    for at in range(0, len(text) - 1, 2):
        if not text[at] and not text[at + 1]:
            records.append(text[start:at])
            start = at + 2
    return [*records, text[start:]]


def _split_units(record: bytes) -> list[bytes]:
    r"""Cut UTF-16LE at each ``\\``, two backslashes, never between the bytes of a unit."""
    parts, start, at = [], 0, 0
    while at + len(_SEPARATOR) <= len(record):
        if record[at : at + len(_SEPARATOR)] == _SEPARATOR:
            parts.append(record[start:at])
            at = start = at + len(_SEPARATOR)
        else:
            at += 2
    return [*parts, record[start:]]


def layout_history(value: bytes) -> Layout:
    r"""Return what each byte of a MEDCOM history is.

    Parameters
    ----------
    value
        The value of (0029,SIEMENS MEDCOM HEADER,20): ``MEDCOM HISTORY V1.1``, then records, each with a NUL behind
        it, in UTF-16LE. A record is a class name (``CsaStudy``) or ``n\id\id\YYYYMMDD\HHMMSS\account``, its
        parts between two backslashes.

    Returns
    -------
    Layout
        Paths are ``count``, ``id``, ``date``, ``time``, ``account`` in a record of six parts, else ``other``; all of
        form ``utf16``. A history whose version isn't one that is known is one field, ``other``, and noted as
        ``unreadable-history``.
    """
    if not value.startswith(HISTORY_SIGNATURE):
        return Layout.foreign("not-a-history")
    even = len(value) // 2 * 2
    first, *records = _records(value[:even])
    builder = Builder()
    if _HISTORY.fullmatch(first) is None:
        builder.structure(len(HISTORY_SIGNATURE))
        builder.value(even, "other", "utf16")
        builder.dead(len(value))
        builder.note(UNREADABLE_HISTORY)
        return builder.done(len(value))
    position = len(first)
    builder.structure(position)
    for record in records:
        position += 2
        builder.structure(position)
        if record in _CLASSES:
            position += len(record)
            builder.structure(position)
            continue
        parts = _split_units(record)
        names = _PARTS if len(parts) == len(_PARTS) else ("other",) * len(parts)
        for number, (part, name) in enumerate(zip(parts, names, strict=True)):
            if number:
                position += len(_SEPARATOR)
                builder.structure(position)
            position += len(part)
            builder.value(position, name, "utf16")
    builder.dead(len(value))
    return builder.done(len(value))
