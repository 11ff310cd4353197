"""What hostile files cost at a size and at twice that: seconds of CPU, and the peak of memory.

Usage: ``python benchmarks/growth.py [MEGABYTES] [NAME...]``

Each case is a small file in which one kind of content is repeated. Cleaning it in a process of its own takes time and
memory in proportion to its bytes, or ends with ``limit``: a line is marked where twice the bytes take more than 2.3 times
the CPU, or more than 512 MB. Times are facts of a machine and an hour; that they grow in proportion is what counts.
"""

import os
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

FIXTURES: Final = Path(__file__).resolve().parents[1] / "fixtures"
sys.path.insert(0, str(FIXTURES))

from phantom_file import Phantom, file_bytes
from phantom_writer import (
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

MEGABYTE: Final = 1 << 20
MOST_GROWTH: Final = 2.3
MOST_MEMORY: Final = 512
START_UP: Final = 0.3
"""Seconds of CPU that any file takes."""
NAME: Final = PATIENT_NAME.encode("ascii")
RANDOM: Final = Random(1)  # noqa: S311  # no secret
BASE64: Final = b64encode(RANDOM.randbytes(72_000))

Case = Callable[[int], DataSet]


class Cost(NamedTuple):
    """What cleaning took: exit status, seconds of CPU, and megabytes at most."""

    status: int
    seconds: float
    memory: float


def repeated(unit: bytes, size: int) -> bytes:
    """Return as many units as fit, of even length."""
    return (unit * (size // len(unit)))[: size & ~1]


def opaque(unit: bytes) -> Case:
    """Return a value that nobody claims."""
    return lambda size: private_block(0x99, 0x10, b"NOBODY", {0x10: ("OB", repeated(unit, size))})


def text(unit: bytes) -> Case:
    """Return a text that a handler claims."""
    return lambda size: private_block(0x29, 0x10, b"SIEMENS CSA HEADER", {0x08: ("UT", repeated(unit, size))})


def protocol(unit: bytes) -> Case:
    """Return a protocol of lines."""
    begin, end = b"### ASCCONV BEGIN ###\n", b"### ASCCONV END ###\n"
    return lambda size: private_block(
        0x21, 0x10, b"SIEMENS MR SDS 01", {0x19: ("OB", begin + repeated(unit, size) + end)}
    )


def elements(creator: bytes, group: int, value: bytes, low: int = 0x08) -> Case:
    """Return elements of one block, each with another value."""
    return lambda size: (
        *private_block(group, 0x10, creator, {}),
        *(
            Element(group << 16 | 0x1000 | low, "LO", value % number)
            for number in range(size // (len(value) + 12))
        ),
    )


def nested(inner: Case, depth: int = 60) -> Case:
    """Return elements at a depth."""

    def content(size: int) -> DataSet:
        found = inner(size)
        for _ in range(depth):
            found = (sequence(0x00991060, found),)
        return found

    return content


LONG: Final = b"text %07d, and more of it so that there are not too many" + b" and more" * 14
UNITS: Final = {
    "nulls": b"\0",
    "letters": b"A",
    "prose": b"The text and ",
    "base64": BASE64,
    "base64-lines": b"".join(BASE64[at : at + 16] + b"\r\n" for at in range(0, len(BASE64), 16)),
    "codes": b"77,105,",
    "short-lists": b",77,105,77,x",
    "unicode-escapes": b"\\u0041\\u006e",
    "percent-escapes": b"%41%6e",
    "entities": b"&#65;&eacute;&amp;",
    "utf-16": "Text Ж ".encode("utf-16-le"),
    "names": NAME + b" and so on, for a while, until the next; ",
}
CASES: Final[dict[str, tuple[Case, Encoding]]] = {
    **{f"opaque-{name}": (opaque(unit), EXPLICIT_LITTLE) for name, unit in UNITS.items()},
    **{f"text-{name}": (text(unit), EXPLICIT_LITTLE) for name, unit in UNITS.items()},
    "protocol-texts": (protocol(b'tText = "some text that is long enough to be few"\n'), EXPLICIT_LITTLE),
    "protocol-names": (protocol(b'tUnknownNameOfAnything = "and what it is called by"\n'), EXPLICIT_LITTLE),
    "protocol-comments": (
        protocol(b"# a comment that goes on for a while, and ends here\n"),
        EXPLICIT_LITTLE,
    ),
    "elements-unclaimed": (elements(b"NOBODY", 0x99, LONG), EXPLICIT_LITTLE),
    "elements-claimed": (elements(b"SIEMENS CSA HEADER", 0x29, LONG), EXPLICIT_LITTLE),
    "elements-implicit": (elements(b"NOBODY", 0x99, LONG), IMPLICIT_LITTLE),
    "elements-nested": (nested(elements(b"NOBODY", 0x99, LONG)), EXPLICIT_LITTLE),
    "items": (lambda size: (sequence(0x00400260, *[()] * (size // 8)),), EXPLICIT_LITTLE),
    "standard-elements": (
        lambda size: (Element(0x00189010, "LO", b"ab"),) * (size // 10),
        EXPLICIT_LITTLE,
    ),
    "padding": (lambda size: (padding(bytes(200)),) * (size // 212), EXPLICIT_LITTLE),
}
"""What grows, and how it is written: each in sizes that end without ``limit``."""


def clean(path: Path) -> Cost:
    """Clean a file in a process of its own, and return what that took."""
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(  # noqa: S603  # a file made here
            [sys.executable, "-m", "csaclean", "clean", str(path), "-o", folder, "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return Cost(child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Measure and print."""
    size = int(float(sys.argv[1]) * MEGABYTE) if len(sys.argv) > 1 else 2 * MEGABYTE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.dcm")
        for name, (case, encoding) in CASES.items():
            if len(sys.argv) > 2 and name not in sys.argv[2:]:
                continue
            costs = []
            for twice in (size, 2 * size):
                path.write_bytes(file_bytes(Phantom(plain_image(case(twice)), encoding)))
                costs.append(clean(path))
            one, two = costs
            growth = max(two.seconds - START_UP, 0.1) / max(one.seconds - START_UP, 0.1)
            mark = "!" if growth > MOST_GROWTH or two.memory > MOST_MEMORY else " "
            print(
                f"{mark} {name:<24} {one.seconds:6.2f} s {two.seconds:6.2f} s {growth:5.1f}"
                f" {two.memory:5.0f} MB, exit {two.status}",
                flush=True,
            )


if __name__ == "__main__":
    main()
