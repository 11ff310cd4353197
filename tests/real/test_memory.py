"""A file of a gigabyte takes the memory of its private elements, and no more."""

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_csa import image_header, series_header, with_canaries
from phantom_file import Phantom, file_bytes
from phantoms import csa_block, plain_image

GIGABYTE = 1 << 30
LIMIT = 64 << 10
"""Kilobytes, as the kernel counts them."""
MEASURE = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=sys.stderr)
"""
"""A process starts with the peak of the one that it was forked from, so a small one has to start the command."""


@pytest.fixture
def gigabyte(tmp_path: Path) -> Iterator[Path]:
    """Return a phantom with a gigabyte of pixel data: a hole in a sparse file."""
    needed = 5 * GIGABYTE // 2
    assert shutil.disk_usage(tmp_path).free > needed, f"{needed} bytes of disk are needed"
    image, series = (
        with_canaries(header, after_trailer=0)[0] for header in (image_header(), series_header())
    )
    head = file_bytes(Phantom(plain_image(csa_block(image, series), pixels=False)))
    path = tmp_path / "gigabyte" / "large.dcm"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(head + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, GIGABYTE))
        file.truncate(file.tell() + GIGABYTE)
    yield path
    for large in tmp_path.rglob("*.dcm"):
        large.unlink()


def measure(*command: str) -> tuple[int, int, dict[str, object]]:
    """Return exit status, peak resident kilobytes and first JSON record of a command."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *command, "--json", "-", "--quiet"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    status, peak = done.stderr.splitlines()[-1].split()
    return int(status), int(peak), json.loads(done.stdout.splitlines()[0])


def test_cleaning_a_gigabyte_stays_within_64_megabytes(
    gigabyte: Path, csaclean_script: str, tmp_path: Path
) -> None:
    status, peak, report = measure(csaclean_script, "clean", str(gigabyte), "-o", str(tmp_path / "out"))
    assert (status, report["status"]) == (0, "cleaned")
    proof = report["proof"]
    assert isinstance(proof, dict)
    assert proof["witness"] == "read"  # nibabel's memory is in the sum
    assert (tmp_path / "out" / "large.dcm").stat().st_size == gigabyte.stat().st_size
    assert peak <= LIMIT


def test_checking_a_gigabyte_stays_within_64_megabytes(gigabyte: Path, csaclean_script: str) -> None:
    status, peak, report = measure(csaclean_script, "check", str(gigabyte))
    assert (status, report["status"]) == (5, "cleaned")
    assert peak <= LIMIT


def test_a_process_that_takes_a_gigabyte_is_noticed() -> None:
    code = "import sys; held = b'x' * (1 << 30); print('{}')"
    assert measure(sys.executable, "-c", code)[1] > LIMIT
