"""Nobody stands in headers of private matter, nor around the data set: reserved bytes, delimiters, group lengths, dead bytes.

A few bytes of a header hold no word, so each that something was planted in is looked at itself.
"""

import struct
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from phantom_file import PREAMBLE_SIZE, Phantom, file_bytes
from phantom_persons import PERSONS, Person, header, written
from phantom_writer import DEFLATED, EXPLICIT_LITTLE, encode_dataset, numbers, ordered, padding, private_block
from phantoms import plain_image
from tests.planted.person_files import RUNS, Planted, clean, is_named, planted_file, stands

_UNDEFINED: Final = 0xFFFFFFFF
_SIGNAL: Final = struct.pack("<16f", *(0.5 + 0.25 * at for at in range(16)))
_SPECTROSCOPY: Final = "1.2.840.10008.5.1.4.1.1.4.2"


class _Words:
    """Gives the bytes of a person's words, a few at a time."""

    def __init__(self, person: Person) -> None:
        self._text = b"".join(spelt for _, spelt in written(person)).replace(b"\0", b"~")
        self._at = 0

    def __call__(self, size: int) -> bytes:
        """Return the next bytes, none of them null."""
        self._at += size
        return (self._text * 2)[self._at % len(self._text) :][:size]


class _Made(NamedTuple):
    planted: Planted
    slots: tuple[tuple[int, bytes], ...]
    """Offset and true bytes of what was planted in headers."""


def _header(tag: int, vr: bytes, reserved: bytes, length: int) -> bytes:
    return struct.pack("<HH2s2sI", tag >> 16, tag & 0xFFFF, vr, reserved, length)


def _delimiter(tag: int, length: bytes) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + length


def _made(person: Person, creator: bytes) -> _Made:
    """Return a file whose headers of private elements hold a person's words wherever nobody reads them."""
    words = _Words(person)
    own = {element.tag: element for element in header(person)}
    image = [own.pop(element.tag, element) for element in plain_image(mosaic=False, side=4)]
    image = list(ordered((*image, *own.values())))
    data = bytearray(file_bytes(Phantom(tuple(e for e in image if e.tag >> 16 < 0x31))))
    data[:PREAMBLE_SIZE] = words(PREAMBLE_SIZE)
    slots: list[tuple[int, bytes]] = []
    start = len(data)

    def add(before: bytes, planted: bytes, behind: bytes, true: bytes | None = None) -> None:
        nonlocal data
        data += before
        slots.append((len(data), bytes(len(planted)) if true is None else true))
        data += planted + behind

    def long_element(tag: int, vr: bytes, value: bytes) -> None:
        whole = _header(tag, vr, words(2), len(value))
        add(whole[:6], whole[6:8], whole[8:] + value)

    group = len(data)
    add(struct.pack("<HH2sH", 0x31, 0, b"UL", 4), words(4), b"")
    data += encode_dataset(private_block(0x31, 0x10, creator, {}), EXPLICIT_LITTLE)
    for tag, vr, value in (
        (0x00311001, b"OB", b"\1\2"),
        (0x00311002, b"UT", b"1 "),
        (0x00311003, b"UN", b"\1\0"),
    ):
        long_element(tag, vr, value)
    for tag in (0x00311004, 0x00311005):
        whole = _header(tag, b"SQ", words(2), _UNDEFINED)
        add(whole[:6], whole[6:8], whole[8:])
        data += _delimiter(0xFFFEE000, b"\xff\xff\xff\xff")
        data += encode_dataset((numbers(0x00280002, "US", 1),), EXPLICIT_LITTLE)
        long_element(0x00280106, b"OB", b"\1\2")
        add(_delimiter(0xFFFEE00D, b""), words(4), b"")
        add(_delimiter(0xFFFEE0DD, b""), words(4), b"")
    slots[0] = (slots[0][0], struct.pack("<I", len(data) - group - 12))
    stop = len(data)
    data += encode_dataset(tuple(e for e in image if e.tag >> 16 > 0x31), EXPLICIT_LITTLE)
    tail = len(data)
    data += encode_dataset((padding(words(64)),), EXPLICIT_LITTLE)
    data += b"\0\0\0\0" + words(60)
    private = ((0, PREAMBLE_SIZE), (start, stop), (tail, len(data)))
    return _Made(Planted(person, bytes(data), private), tuple(slots))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("part", range(2))
def test_headers_and_what_stands_around_the_data_set_hold_nobody(run: str, part: int, tmp_path: Path) -> None:
    step = 2 if run == "converter-safe" else 14
    for turn in range(part, len(PERSONS), step):
        known = turn // 2 % 2
        made = _made(PERSONS[turn], b"AGFA PACS Archive Mirroring 1.0" if known else b"QUEBEC IMAGING 1.0")
        outcome = clean(made.planted, run, tmp_path)
        assert outcome is not None
        for offset, true in made.slots:
            assert outcome.data[offset : offset + len(true)] == true
        assert not stands(made.planted, outcome.data)
        assert stands(made.planted, made.planted.data)


@pytest.mark.parametrize("run", RUNS)
def test_bytes_behind_a_deflated_stream_hold_nobody(run: str, tmp_path: Path) -> None:
    for turn in range(0, len(PERSONS), 12):
        person = PERSONS[turn]
        own = {element.tag: element for element in header(person)}
        image = ordered((*(e for e in plain_image(mosaic=False, side=4) if e.tag not in own), *own.values()))
        data = file_bytes(Phantom(image, DEFLATED))
        whole = data + _Words(person)(128)
        outcome = clean(Planted(person, whole, ((len(data), len(whole)),)), run, tmp_path)
        assert outcome is not None
        assert not outcome.data[len(data) :].strip(b"\0")


def _with_meta(person: Person) -> Planted:
    """Return a file with Private Information in its File Meta Information."""
    own = {element.tag: element for element in header(person)}
    image = ordered((*(e for e in plain_image(mosaic=False, side=4) if e.tag not in own), *own.values()))
    data = file_bytes(Phantom(image))
    start = PREAMBLE_SIZE + 4
    (length,) = struct.unpack_from("<I", data, start + 8)
    stop = start + 12 + length
    value = b"\1\0 " + dict(written(person))["as it is"] + b" "
    value += b"\0" * (len(value) % 2)
    private = (
        struct.pack("<HH2sH", 2, 0x100, b"UI", 8)
        + b"1.2.3.4\0"
        + _header(0x00020102, b"OB", b"\0\0", len(value))
        + value
    )
    meta = data[: start + 8] + struct.pack("<I", length + len(private)) + data[start + 12 : stop]
    return Planted(person, meta + private + data[stop:], ((len(meta), len(meta) + len(private)),))


@pytest.mark.parametrize("run", RUNS)
def test_private_information_is_blanked_or_named(run: str, tmp_path: Path) -> None:
    for turn in range(0, len(PERSONS), 1 if run == "converter-safe" else 9):
        planted = _with_meta(PERSONS[turn])
        outcome = clean(planted, run, tmp_path)
        assert outcome is not None
        if stands(planted, outcome.data):
            assert outcome.report.identifiers_left
            assert not outcome.report.vouched
        else:
            assert run in ("strict", "unclaimed blank") or outcome.report.identifiers


def _with_signal(turn: int, *, as_text: bool) -> Planted:
    """Return an object of spectroscopy in whose signal somebody stands: as text, or as a number among numbers."""
    person = PERSONS[turn]
    spelt = person.operator.encode().ljust(72)[:72] if as_text else struct.pack("<d", int(person.digits))
    block = private_block(0x7FE1, 0x10, b"SIEMENS CSA NON-IMAGE", {0x10: ("OB", _SIGNAL + spelt + _SIGNAL)})
    return planted_file(person, block, sop_class=_SPECTROSCOPY, with_numbers=not as_text)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_signal_with_somebody_in_it_is_not_accounted(run: str, as_text: bool, tmp_path: Path) -> None:
    for turn in range(0, len(PERSONS), 2 if run == "converter-safe" else 9):
        planted = _with_signal(turn, as_text=as_text)
        outcome = clean(planted, run, tmp_path)
        assert outcome is not None
        if outcome.report.vouched:
            assert not stands(planted, outcome.data)
        else:
            assert is_named(outcome.report)
