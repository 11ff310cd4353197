"""CSA NON-IMAGE signals, (7FE1,SIEMENS CSA NON-IMAGE,10): physiological logs and spectroscopy data.

A log (CMRR multiband sequences, VE11 and later) is a row of blocks of equal size, Acquisition Number (0020,0012) times
1024 bytes: length of the text, length of the file's name, the name, zeros up to 1024, the text, and slack that holds
more of the log than its length says (cbinyu/bidsphysio, dcm2bidsphysio.py; measured: 4 blocks of a VE11 file). A
spectroscopy signal is float32 pairs, little endian.
"""

import re
import struct
import sys
from array import array
from collections.abc import Callable
from math import isfinite
from typing import Final

from csaclean.errors import MalformedValue
from csaclean.handler import PrivateElement
from csaclean.model import Builder, Layout
from csaclean_handlers.siemens.encapsulated import layout_data_set
from csaclean_handlers.siemens.texts import UUID

__all__ = ["layout_signal"]

_ACQUISITION_NUMBER: Final = 0x00200012
_IMAGE_TYPE: Final = 0x00080008
_SOP_CLASS: Final = 0x00080016
_CSA_IMAGE_TYPE: Final = 0x00291008
"""CSA Image Header Type, where scanners put the header: SPEC NUM 4 beside a signal, and beside raw data."""
_CSA_CREATORS: Final = range(0x00290011, 0x00290100)
"""Where else the creator of the header may stand, and its name."""
_CSA_CREATOR: Final = b"SIEMENS CSA NON-IMAGE"
_MR_SPECTROSCOPY: Final = b"1.2.840.10008.5.1.4.1.1.4.2"
_CSA_NON_IMAGE: Final = b"1.3.12.2.1107.5.9.1"
_HEADER_SIZE: Final = 1024
_NAME_START: Final = 8
_LENGTHS: Final = struct.Struct("<ii")
_MAX_DIGITS: Final = 7
_EXTENSION: Final = b".log"
_NAME_SIGNATURE: Final = b"Physio_"

_NAME = re.compile(rb"Physio_([^_.]+)_([^_.]+)_([^_.]+)_([^_.]+)\.log")
_SUFFIXES = frozenset((b"PULS", b"RESP", b"EXT", b"EXT1", b"EXT2", b"ECG", b"Info"))
_DATE = re.compile(rb"\d{8}")
_TIME = re.compile(rb"\d{6}")
_NUMBER = re.compile(rb"\d{1,7}(?:\.\d{1,6})?")
_VERSION = re.compile(rb"EJA_\d{1,3}")
_TYPES = frozenset((b"PULS", b"RESP", b"EXT", b"EXT1", b"EXT2", b"ECG", b"ACQUISITION_INFO"))
_KEYS = re.compile(
    rb"(UUID|ScanDate|LogVersion|LogDataType|SampleTime|NumSlices|NumVolumes|NumEchoes|FirstTime|LastTime)[ \t]*=[ \t]*"
)
_COLUMNS = re.compile(
    rb"[ \t]*(?:(?:ACQ_TIME_TICS|CHANNEL|VALUE|SIGNAL|VOLUME|SLICE|ACQ_START_TICS|ACQ_FINISH_TICS|ECHO)(?=[ \t\r\n]|\Z)[ \t]*){1,255}\r?\n?"
)
_WORDS = tuple(
    f"{channel}{ending}".encode("ascii")
    for channel in ("PULS", "RESP", "EXT", "EXT1", "EXT2", "ECG", "ECG1", "ECG2", "ECG3", "ECG4")
    for ending in ("", "_TRIGGER")
)
_ENTRY = rb"(?:-?\d{1,8}|" + b"|".join(_WORDS) + rb")"
_ROW = re.compile(rb"[ \t]*(?:" + _ENTRY + rb"(?=[ \t\r\n])[ \t]*){3,255}\r?\n")
"""A line of numbers and names of channels and triggers. A number by itself is no row, nor is one longer than ticks are."""
_LAST_ROW = re.compile(rb"[ \t]*(?:" + _ENTRY + rb"[ \t]+){0,255}(?P<cut>[A-Z0-9_-]*)")
"""The last line, which the length of the text cuts anywhere."""
_CUT_NUMBER = re.compile(rb"-?\d{0,8}")
_TICKS = re.compile(rb"-?\b\d+\b")
"""A number of a row; the digit of ECG1 is none."""
_BLANK = re.compile(rb"[ \t]*\r?\n")
_LINE = re.compile(rb"([^\r\n]*)(\r?\n|\r|\Z)")
_TEXT_RUN = re.compile(rb"[\t\r\n\x20-\x7e]{32}")
"""So many bytes of text don't occur in a signal by chance."""


def _log_name(value: bytes, start: int) -> bytes:
    """Return the name in the header of a block of a log; empty if no block begins here.

    A name may have one NUL at its end, counted in its length.
    """
    if len(value) - start < _HEADER_SIZE:
        return b""
    size, name_size = _LENGTHS.unpack_from(value, start)
    if size < 0 or not len(_EXTENSION) <= name_size <= _HEADER_SIZE - _NAME_START:
        return b""
    name = value[start + _NAME_START : start + _NAME_START + name_size].removesuffix(b"\0")
    return name if name.endswith(_EXTENSION) and not name.count(0) else b""


def _block_size(value: bytes, starts: list[int], acquisition: bytes | None) -> int:
    """Return the size of the blocks of a log.

    The blocks tell it themselves where they are equal and begin nowhere else, for the Acquisition Number may have been
    overwritten. Where slack looks like a block, the number decides.
    """
    size = len(value)
    block = starts[1] if len(starts) > 1 else size
    if not size % block and starts == list(range(0, size, block)):
        return block
    text = (acquisition or b"").strip(b" \0")
    if text.isdigit() and len(text) < _MAX_DIGITS:
        block = int(text) * _HEADER_SIZE
        if block and not size % block and set(starts).issuperset(range(0, size, block)):
            return block
    raise MalformedValue("the blocks of a physiological log are not of one size", "", 0)


def _form(pattern: re.Pattern[bytes], content: bytes, form: str) -> str:
    return form if pattern.fullmatch(content) else "text"


def _name(builder: Builder, name: bytes, start: int) -> None:
    """Account for a name of the kind ``Physio_<date>_<time>_<uuid>_<channel>.log``."""
    found = _NAME.fullmatch(name)
    if found is None:
        builder.value(start + len(name) - len(_EXTENSION), "name/other", "text")
    else:
        fields = (("name/date", _DATE, "date"), ("name/time", _TIME, "time"), ("name/uuid", UUID, "hex"))
        for group, (path, pattern, form) in enumerate(fields, 1):
            builder.structure(start + found.start(group))
            builder.value(start + found.end(group), path, _form(pattern, found[group], form))
        builder.structure(start + found.start(4))
        if found[4] not in _SUFFIXES:
            builder.value(start + found.end(4), "name/channel", "text")
    builder.structure(start + len(name))


def _scan_date(builder: Builder, content: bytes, start: int) -> None:
    day, separator, time = content.partition(b"_")
    if not separator:
        builder.value(start + len(content), "ScanDate/other", "text")
        return
    builder.value(start + len(day), "ScanDate/date", _form(_DATE, day, "date"))
    builder.structure(start + len(day) + 1)
    builder.value(start + len(content), "ScanDate/time", _form(_TIME, time, "time"))


def _key_form(key: bytes, content: bytes) -> str:
    if key == b"UUID":
        return _form(UUID, content, "hex")
    if key == b"LogDataType":
        return "code" if content in _TYPES else "text"
    if key == b"LogVersion":
        return _form(_VERSION, content, "code")
    return _form(_NUMBER, content, "number")


def _line(builder: Builder, text: bytes, start: int, position: int) -> None:
    """Account for one line that is no row of data; `start` is where the text begins in the value."""
    line = _LINE.match(text, position)
    assert line is not None  # noqa: S101 - the expression matches anywhere
    content = line[1].rstrip(b" \t")
    stop = start + position + len(content)
    if (key := _KEYS.match(content)) is None:
        builder.value(stop, "other", "text")
    else:
        builder.structure(start + position + key.end())
        rest = content[key.end() :]
        if key[1] == b"ScanDate":
            _scan_date(builder, rest, start + position + key.end())
        else:
            builder.value(stop, key[1].decode("ascii"), _key_form(key[1], rest))
    builder.structure(start + line.end())


def _is_cut_row(text: bytes, position: int) -> bool:
    """Tell whether the rest of a text is a row that breaks off, in a number or in a known word."""
    row = _LAST_ROW.fullmatch(text, position)
    if row is None:
        return False
    cut = row["cut"]
    return _CUT_NUMBER.fullmatch(cut) is not None or any(word.startswith(cut) for word in _WORDS)


def _rows_end(text: bytes, position: int) -> int:
    """Return where the rows end that begin at a position; the position itself if none does."""
    while (row := _ROW.match(text, position)) is not None:
        position = row.end()
    return position


def _rows(builder: Builder, text: bytes, start: int, end: int, *, fine: bool) -> None:
    """Account for rows of data up to `end`: one run, or each number by itself, with structure in between."""
    if fine:
        for number in _TICKS.finditer(text, builder.position - start, end):
            builder.structure(start + number.start())
            builder.value(start + number.end(), "ACQ_TIME_TICS", "number")
        builder.structure(start + end)
    else:
        builder.value(start + end, "ACQ_TIME_TICS", "assignments")


def _log_text(builder: Builder, text: bytes, *, fine: bool) -> None:
    start = builder.position
    while (position := builder.position - start) < len(text):
        if (end := _rows_end(text, position)) > position:
            _rows(builder, text, start, end, fine=fine)
        elif (found := _BLANK.match(text, position) or _COLUMNS.match(text, position)) is not None:
            builder.structure(start + found.end())
        elif _is_cut_row(text, position):
            _rows(builder, text, start, len(text), fine=fine)
        else:
            _line(builder, text, start, position)


def _layout_log(value: bytes, peer: Callable[[int], bytes | None], *, fine: bool) -> Layout:
    starts = [at for at in range(0, len(value), _HEADER_SIZE) if _log_name(value, at)]
    if not starts or starts[0] or len(value) % _HEADER_SIZE:
        raise MalformedValue("a physiological log doesn't consist of blocks of 1024 bytes", "", 0)
    block = _block_size(value, starts, peer(_ACQUISITION_NUMBER))
    builder = Builder()
    for start in range(0, len(value), block):
        size, _ = _LENGTHS.unpack_from(value, start)
        text_start = start + _HEADER_SIZE
        if text_start + size > start + block:
            raise MalformedValue("the text of a physiological log is longer than its block", "", start)
        builder.structure(start + _NAME_START)
        _name(builder, _log_name(value, start), start + _NAME_START)
        builder.dead(text_start)
        _log_text(builder, value[text_start : text_start + size], fine=fine)
        builder.dead(start + block)
    return builder.done(len(value))


def _is_float32(value: bytes) -> bool:
    """Tell whether bytes are pairs of finite numbers, and no text in disguise."""
    if len(value) % 8 or _TEXT_RUN.search(value) is not None:
        return False
    numbers = array("f", value)
    if sys.byteorder == "big":
        numbers.byteswap()
    return all(map(isfinite, numbers))


def _header_type(peer: Callable[[int], bytes | None]) -> bytes:
    """Return the type that the CSA header beside an element says, in whichever block it stands."""
    found = peer(_CSA_IMAGE_TYPE)
    for creator in _CSA_CREATORS if found is None else ():
        if (peer(creator) or b"").strip(b" \0").upper() == _CSA_CREATOR:
            found = peer(_CSA_IMAGE_TYPE & 0xFFFF00FF | (creator & 0xFF) << 8)
            break
    return (found or b"").strip(b" \0")


def _is_spectroscopy(peer: Callable[[int], bytes | None]) -> bool:
    """Tell whether the object around an element says that it holds a spectroscopy signal."""
    sop_class, image_type = ((peer(tag) or b"").strip(b" \0") for tag in (_SOP_CLASS, _IMAGE_TYPE))
    header = _header_type(peer)
    if sop_class != _CSA_NON_IMAGE:
        return sop_class == _MR_SPECTROSCOPY
    kinds = image_type.split(b"\\")
    return b"SPECTROSCOPY" in kinds or (header.startswith(b"SPEC") and b"RAWDATA" not in kinds)


def layout_signal(element: PrivateElement) -> Layout:
    """Return what each byte of (7FE1,SIEMENS CSA NON-IMAGE,10) is.

    Returns
    -------
    Layout
        Of a physiological log: ``name/date``, ``name/time``, ``name/uuid``, the keys of its text (``UUID``,
        ``ScanDate/date``, ``SampleTime``, …), ``ACQ_TIME_TICS`` for each run of rows, or, if the element is to be laid out
        fine, for each number in them, ``other`` for any other line;
        what stands behind a name or a text is dead. Of a signal, in an object of
        spectroscopy: one field, ``FID``. A data set is a view, see `csaclean_handlers.siemens.encapsulated`. Anything else is
        opaque.

    Raises
    ------
    MalformedValue
        If the value begins as a log and its blocks can't be told.
    """
    value = element.value
    if value.startswith(_NAME_SIGNATURE, _NAME_START) or _log_name(value, 0):
        return _layout_log(value, element.peer, fine=element.fine)
    if _is_spectroscopy(element.peer) and _is_float32(value):
        builder = Builder()
        builder.value(len(value), "FID", "binary-number")
        return builder.done(len(value))
    nested = layout_data_set(value)
    if nested is not None:
        return nested
    builder = Builder()
    builder.value(len(value), "", "opaque")
    return builder.done(len(value))
