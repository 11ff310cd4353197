"""The README is a test: its commands run, and what it shows is what they print."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text("utf-8")


class Block(NamedTuple):
    """A fenced block of the README and the word that its comment gives it."""

    word: str
    status: int
    text: str


def blocks() -> list[Block]:
    """Return the blocks that have a comment ``<!-- readme: WORD [status=N] -->``."""
    found = re.findall(r"<!-- readme: (\w+)(?: status=(\d+))? -->\n```\w+\n(.*?)```", README, re.DOTALL)
    return [Block(word, int(status or 0), text) for word, status, text in found]


def of(word: str) -> list[Block]:
    """Return the blocks of one word."""
    return [block for block in blocks() if block.word == word]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder that looks like the project's to someone who reads the README."""
    shutil.copytree(PROJECT / "fixtures", tmp_path / "fixtures")
    return tmp_path


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a terminal would show it: both streams in the order of writing."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "block", of("run"), ids=lambda block: block.text.partition("\n")[0].removeprefix("$ ")
)
def test_a_command_prints_what_the_readme_shows(block: Block, folder: Path) -> None:
    command, _, shown = block.text.partition("\n")
    done = run(command.removeprefix("$ ").split(), folder)
    assert done.stdout == shown
    assert done.returncode == block.status


def test_the_python_example_prints_what_the_readme_shows(folder: Path) -> None:
    (code,), (output,) = of("python"), of("output")
    done = run([sys.executable, "-c", code.text], folder)
    assert done.stdout == output.text


def test_the_install_command_ends_in_a_command_that_prints_what_is_shown(folder: Path) -> None:
    (install,) = of("install")
    command, _, shown = install.text.partition("\n")
    done = run(command.rpartition("&& .venv/bin/")[2].split(), folder)
    assert done.stdout == shown
    assert done.returncode == 0


def test_ci_finds_one_command_to_install_with_and_one_to_test_with() -> None:
    for word in ("install", "test"):
        (block,) = of(word)
        assert block.text.count("\n$ ") == 0
        assert block.text.startswith("$ python3 -m venv .venv && ")


def test_every_command_of_the_program_is_in_the_readme() -> None:
    done = run(["csaclean", "--help"], PROJECT)
    commands = set(re.findall(r"^    (\w+) ", done.stdout, re.MULTILINE))
    assert commands
    assert all(
        f"`csaclean {command} " in README or f"`csaclean {command}`" in README
        for command in commands - {"clean"}
    )


def test_every_local_link_leads_somewhere() -> None:
    for page in [
        PROJECT / "README.md",
        PROJECT / "CONTRIBUTING.md",
        *sorted((PROJECT / "docs").glob("*.md")),
    ]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
