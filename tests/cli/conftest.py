"""The command as people run it: the installed script in a process of its own, in a folder that isn't the project's."""

import os
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from phantom_file import Phantom, file_bytes
from phantom_writer import text

Command = Callable[..., subprocess.CompletedProcess[str]]
Argument = str | bytes | os.PathLike[str]

HANGS = 120
"""Seconds after which a run is taken to hang; a limit for broken builds, no measure of speed."""


def heed_signals() -> None:
    """Heed signals that whoever started the tests may ignore (nohup, a background job): run in a child before its program."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def script() -> Path:
    path = Path(sysconfig.get_path("scripts"), "csaclean")
    if not path.exists():
        pytest.fail("the csaclean script is not installed beside this interpreter")
    return path


@pytest.fixture
def csaclean(script: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Run the installed script and return the finished process; names that are no text come back as surrogates."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(
        *arguments: Argument, cwd: Path = elsewhere, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *arguments],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=HANGS,
        )

    return run


@pytest.fixture
def dicomdir() -> bytes:
    """Return a DICOMDIR."""
    return file_bytes(
        Phantom((text(0x00080016, "UI", "1.2.840.10008.1.3.10"), text(0x00080018, "UI", "2.25.7")))
    )


@pytest.fixture
def tree(tmp_path: Path, small_file: Callable[..., bytes], plain_file: bytes, dicomdir: bytes) -> Path:
    """Return a folder of three files to clean, one without private elements, one that isn't DICOM, and a DICOMDIR."""
    root = tmp_path / "in"
    (root / "b" / "deep").mkdir(parents=True)
    (root / "a").mkdir()
    (root / "a" / "2.dcm").write_bytes(small_file(2))
    (root / "a" / "1.dcm").write_bytes(small_file(1))
    (root / "b" / "deep" / "3").write_bytes(small_file(3))
    (root / "b" / "plain.dcm").write_bytes(plain_file)
    (root / "notes.txt").write_bytes(b"these are notes\n")
    (root / "DICOMDIR").write_bytes(dicomdir)
    return root
