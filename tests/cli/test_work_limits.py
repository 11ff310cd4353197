"""Small files that would cost much: each ends soon and within 512 MB, cleaned or with the code limit."""

import random
import struct
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from phantom_file import Phantom, file_bytes
from phantom_writer import (
    DEFLATED,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Element,
    Encoding,
    padding,
    private_block,
    sequence,
)
from phantoms import PATIENT_NAME, plain_image

MEGABYTE = 1 << 20
ADDRESS_SPACE = 512 * MEGABYTE
TIME_OUT = 120
"""Seconds: a process that never ends is what this is for; machines differ."""
PACKED = Encoding(DEFLATED.name, DEFLATED.uid, deflated=True, level=9)
LIMITED = """
import resource, sys
from csaclean.cli import main
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


def protocol(value: bytes) -> DataSet:
    return private_block(0x0021, 0x10, b"SIEMENS MR SDS 01", {0x19: ("OB", value)})


def section(line: bytes, size: int = 16 * MEGABYTE - 100) -> bytes:
    return b"### ASCCONV BEGIN ###\n" + line * (size // len(line)) + b"### ASCCONV END ###\n"


def blocks(content: Callable[[int], bytes], count: int = 30) -> DataSet:
    return tuple(
        one
        for number in range(count)
        for one in private_block(0x0029, 0x10 + number, b"SIEMENS CSA HEADER", {8: ("UT", content(number))})
    )


def prose(seed: int) -> bytes:
    """Return 16 MB that deflate to a hundredth."""
    head = bytes(random.Random(seed).choices(b"abcdefghijklmnop ", k=150_000))  # noqa: S311  # no secret
    return (head + b"The text x " * (16 * MEGABYTE // 11))[: 16 * MEGABYTE - 2]


def csa(tags: int, items: int) -> bytes:
    """Return a CSA header of empty items."""
    item = struct.pack("<4i", 0, 0, 77, 0)
    tag = struct.pack("<64si4siii", b"T", items, b"IS", 6, items, 77) + item * items
    return b"SV10\4\3\2\1" + struct.pack("<II", tags, 77) + tag * tags + bytes(4)


def creators(count: int) -> DataSet:
    return tuple(Element(0x00290010, "LO", b"NAME%d" % number) for number in range(count)) + tuple(
        Element(0x00291000 | number % 256, "LO", b"xy") for number in range(2000)
    )


def tagged(elements: int, vr: str, value: bytes) -> DataSet:
    """Return elements of a block that nobody claims."""
    return tuple(Element(0x00991000 | number % 256, vr, value) for number in range(elements))


def nested(content: DataSet, depth: int = 60) -> DataSet:
    for _ in range(depth):
        content = (sequence(0x00991060, content),)
    return content


def claimed(elements: int, text: bytes) -> DataSet:
    """Return a block of texts of one element."""
    return private_block(0x0029, 0x10, b"SIEMENS CSA HEADER", {}) + tuple(
        Element(0x00291008, "LO", text % number) for number in range(elements)
    )


def opaque(value: bytes, size: int = 4 * MEGABYTE) -> DataSet:
    """Return a value that nobody claims."""
    return private_block(0x0099, 0x10, b"NOBODY", {0x10: ("OB", value * (size // len(value)))})


def base64_lines(size: int) -> bytes:
    """Return base64 in short lines, whatever it stands for."""
    letters = b64encode(random.Random(2).randbytes(72_000))  # noqa: S311  # no secret
    lines = b"".join(letters[at : at + 16] + b"\r\n" for at in range(0, len(letters), 16))
    return lines * (size // len(lines))


def identified(*elements: Element) -> DataSet:
    """Return elements of the header that identify, and texts."""
    return (*elements, *opaque(b"The text x ", MEGABYTE))


CASES: dict[str, tuple[Callable[[], DataSet], Encoding, bool]] = {
    "comments": (lambda: protocol(section(b"#x\n")), PACKED, False),
    "empty-comments": (lambda: protocol(section(b"#\n")), EXPLICIT_LITTLE, False),
    "numbers": (lambda: protocol(section(b"lTimes = 1\n")), EXPLICIT_LITTLE, False),
    "strings": (lambda: protocol(section(b'a = "b"\n')), EXPLICIT_LITTLE, False),
    "braces": (lambda: protocol(b"<XProtocol>\n{\n" + b"{ } " * 4_000_000 + b"}\n"), EXPLICIT_LITTLE, False),
    "texts-of-480-megabytes": (lambda: blocks(prose), PACKED, False),
    "names": (lambda: blocks(lambda _: f"{PATIENT_NAME} ".encode() * 900_000, 1), EXPLICIT_LITTLE, True),
    "thousand-creators": (lambda: creators(1000), EXPLICIT_LITTLE, True),
    "thirty-thousand-creators": (lambda: creators(30_000), EXPLICIT_LITTLE, True),
    "distinct-tags": (
        lambda: tuple(Element(0x00110000 + 0x1000 + number, "LO", b"ab") for number in range(60_000)) * 8,
        EXPLICIT_LITTLE,
        False,
    ),
    "elements-with-a-name": (lambda: tagged(140_000, "LO", PATIENT_NAME.encode()), EXPLICIT_LITTLE, False),
    "elements-nested": (
        lambda: nested(claimed(30_000, b"text %07d, and what follows it for long, and longer")),
        EXPLICIT_LITTLE,
        True,
    ),
    "group-lengths": (lambda: (Element(0x00990000, "UL", b"abcd"),) * 340_000, EXPLICIT_LITTLE, False),
    "padding": (lambda: (padding(b"ab"),) * 290_000, EXPLICIT_LITTLE, False),
    "deflated-headers": (lambda: (Element(0x00189010, "LO", b"ab"),) * 1_500_000, PACKED, False),
    "values-like-sequences": (
        lambda: tagged(150_000, "UN", b"\xfe\xff\x00\xe0\xff\xff\xff\xffabcdefgh"),
        EXPLICIT_LITTLE,
        False,
    ),
    "values-without-vr": (
        lambda: tuple(
            Element(0x00990000 + number // 60_000 * 0x20000 + number % 60_000 + 0x1000, "LO", b"ab")
            for number in range(400_000)
        ),
        replace(IMPLICIT_LITTLE, uid=EXPLICIT_LITTLE.uid),
        False,
    ),
    "overlapping-names": (
        lambda: (Element(0x00101001, "PN", b"abababab^abababa"), *opaque(b"ab")),
        EXPLICIT_LITTLE,
        False,
    ),
    "names-in-percent-escapes": (lambda: opaque(b"%50%48%41%4E%54%4F%4D "), EXPLICIT_LITTLE, True),
    "escapes": (lambda: opaque(b"%41%6e&#65;\\u0041"), EXPLICIT_LITTLE, True),
    "codes": (lambda: blocks(lambda _: b"77,105," * (16 * MEGABYTE // 7), 1), PACKED, True),
    "base64-lines": (lambda: blocks(lambda _: base64_lines(14 * MEGABYTE), 1), EXPLICIT_LITTLE, True),
    "texts-nobody-claims": (
        lambda: tuple(
            one
            for seed in range(6)
            for one in private_block(0x0099, 0x10 + seed, b"NOBODY", {0x10: ("OB", prose(seed))})
        ),
        PACKED,
        False,
    ),
    "many-names": (
        lambda: identified(
            *(Element(0x00101001, "PN", b"Name%06d^Other" % number) for number in range(50_000))
        ),
        EXPLICIT_LITTLE,
        False,
    ),
    "many-numbers": (
        lambda: identified(*(Element(0x00101000, "LO", b"%08d" % (number * 7919)) for number in range(1000))),
        EXPLICIT_LITTLE,
        True,
    ),
    "csa-items": (
        lambda: private_block(0x0029, 0x10, b"SIEMENS CSA HEADER", {0x10: ("OB", csa(100, 9999))}),
        EXPLICIT_LITTLE,
        False,
    ),
}
"""Data set, how it is written, and whether it may be cleaned."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space of a process")
@pytest.mark.parametrize("name", CASES)
def test_work_out_of_proportion_ends_within_512_megabytes(name: str, tmp_path: Path) -> None:
    dataset, encoding, may_be_cleaned = CASES[name]
    path = tmp_path / "in.dcm"
    path.write_bytes(file_bytes(Phantom(plain_image(dataset()), encoding)))
    arguments = [str(ADDRESS_SPACE), "clean", str(path), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments],
        capture_output=True,
        text=True,
        timeout=TIME_OUT,
        check=False,
    )
    cleaned = may_be_cleaned and done.returncode == 0
    assert cleaned or (done.returncode == 4 and "[limit]" in done.stderr), done.stderr[-500:]
