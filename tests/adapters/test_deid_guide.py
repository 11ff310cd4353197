"""``docs/deid.md`` is a test: its recipe and its programs run, and what it shows is what they print."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("deid", reason="deid is not installed")

PROJECT = Path(__file__).resolve().parents[2]
GUIDE = PROJECT / "docs" / "deid.md"
BLOCK = re.compile(r"<!-- deid: (?:file=(\S+)|(output)) -->\n```\w*\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the phantoms and the files of the guide."""
    shutil.copytree(PROJECT / "fixtures", tmp_path / "fixtures")
    for name, _, content in BLOCK.findall(GUIDE.read_text("utf-8")):
        if name:
            (tmp_path / name).write_text(content, "utf-8")
    return tmp_path


def run(program: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, program],
        cwd=folder,
        env=os.environ | {"MESSAGELEVEL": "QUIET"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_example_prints_what_the_guide_shows(folder: Path) -> None:
    (shown,) = (content for _, output, content in BLOCK.findall(GUIDE.read_text("utf-8")) if output)
    assert run("run.py", folder) == shown


def test_the_example_leaves_neither_canary_nor_patient(folder: Path) -> None:
    run("run.py", folder)
    written = [path.read_bytes() for path in (folder / "cleaned").iterdir()]
    assert len(written) == 2
    for data in written:
        assert not any(
            word in data for word in (b"CANARY", b"PHANTOM^", b"PH-0001", b"19670203", b"ACC-0001")
        )


def test_the_example_of_deid_alone_runs(folder: Path) -> None:
    assert run("alone.py", folder) == ""
