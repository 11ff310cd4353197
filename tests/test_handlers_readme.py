"""The guide ``handlers/README.md`` is followed to the letter: its files are written, its commands run, in its order.

What comes out of it is the plugin that is checked in under ``tests/kit/plugin``.
"""

import os
import re
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

PROJECT: Final = Path(__file__).resolve().parents[1]
GUIDE: Final = PROJECT / "handlers" / "README.md"
PLUGIN: Final = PROJECT / "tests" / "kit" / "plugin"
PHANTOM: Final = "tests/phantom.py"
"""Stands at the end of the guide, and is needed from the start."""
VERSION_CHECK: Final = "        if version != VERSION:\n"
NO_CHECK: Final = "        if version is None:\n"

_BLOCK: Final = re.compile(
    r"<!-- guide: (?P<word>\w+)(?: (?P<name>[\w./]+))?(?: status=(?P<status>\d+))? -->\n```\w+\n(?P<text>.*?)```",
    re.DOTALL,
)
_COMMAND: Final = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block of the guide, and what the comment before it says."""

    word: str
    name: str
    status: int
    text: str


BLOCKS: Final = [
    Block(found["word"], found["name"] or "", int(found["status"] or 0), found["text"])
    for found in _BLOCK.finditer(GUIDE.read_text("utf-8"))
]


class Project(NamedTuple):
    """The project's folder, and the environment that its plugin is installed in."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a terminal would show it."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def write(self, block: Block) -> None:
        """Write or extend a file of the guide."""
        path = self.folder / block.name
        path.parent.mkdir(exist_ok=True)
        old = path.read_text("utf-8") if block.word == "append" else ""
        path.write_text(old + block.text, "utf-8")


def commands(block: Block) -> Iterator[tuple[str, str, int]]:
    """Yield each command of a block, what it prints, and its status: the block's is the last one's."""
    found = _COMMAND.findall(block.text)
    for number, (command, shown) in enumerate(found, 1):
        yield command, shown, block.status if number == len(found) else 0


def matches(shown: str, printed: str) -> bool:
    """Tell whether something was printed as shown; three dots stand for anything on their line."""
    return re.fullmatch(re.escape(shown).replace(re.escape("..."), ".*"), printed) is not None


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Follow the guide in an environment that sees what this one holds, and keeps what is installed to itself."""
    root = tmp_path_factory.mktemp("guide")
    venv.create(root / "env", with_pip=False)
    binaries = root / "env" / "bin"
    (site,) = (root / "env" / "lib").glob("python*/site-packages")
    (site / "tests.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name in ("csaclean", "pip"):
        script = binaries / name
        script.write_text(f'#!/bin/sh\nexec {binaries / "python"} -m {name} "$@"\n')
        script.chmod(0o755)
    project = Project(
        root / "csaclean-acme",
        os.environ
        | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say that there is none: hatchling is here, the index is not
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTEST_ADDOPTS": "-p no:cacheprovider",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    project.folder.mkdir()
    for block in BLOCKS:
        if block.name == PHANTOM:
            project.write(block)
    for block in BLOCKS:
        if block.word in ("file", "append"):
            project.write(block)
        elif block.word == "run":
            for command, shown, status in commands(block):
                done = project.run(command)
                assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}"
                assert done.returncode == status, f"$ {command}\n{done.stdout}"
    return project


def test_every_block_of_code_is_a_file_or_a_run() -> None:
    fences = re.findall(r"^```\w+$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert len(fences) == len(BLOCKS)
    assert {block.word for block in BLOCKS} == {"file", "append", "run", "broken"}


def test_what_it_ends_with_is_the_plugin_that_is_checked_in(finished: Project) -> None:
    names = {block.name for block in BLOCKS if block.name} - {"look.py"}
    assert {
        path.relative_to(PLUGIN).as_posix()
        for path in PLUGIN.rglob("*")
        if path.is_file() and ".dist-info" not in path.as_posix() and "__pycache__" not in path.parts
    } == names
    for name in names:
        assert (finished.folder / name).read_text("utf-8") == (PLUGIN / name).read_text("utf-8"), name


def test_its_wheel_has_the_metadata_that_is_checked_in(finished: Project) -> None:
    tell = "import importlib.metadata as m; d = m.distribution('csaclean-acme'); "
    tell += "print(d.name, d.version, *d.requires, *d.entry_points)"
    installed = finished.run(f'python -c "{tell}"')
    checked_in = finished.run(f'PYTHONPATH="{PLUGIN}" python -c "{tell}"')
    assert installed.stdout == checked_in.stdout
    assert installed.returncode == checked_in.returncode == 0
    assert installed.stdout.startswith("csaclean-acme 1.0.0 csaclean>=0.1 EntryPoint(name='acme'")


def test_a_grammar_that_looks_at_less_breaks_the_law_that_it_says(finished: Project) -> None:
    (block,) = (block for block in BLOCKS if block.word == "broken")
    source = (finished.folder / "csaclean_acme" / "__init__.py").read_text("utf-8")
    assert source.count(VERSION_CHECK) == 1
    environment = finished.environment | {"PYTHONPATH": "."}  # before what is installed
    project = Project(finished.folder.with_name("broken"), environment)
    shutil.copytree(finished.folder, project.folder)
    (project.folder / "csaclean_acme" / "__init__.py").write_text(source.replace(VERSION_CHECK, NO_CHECK))
    done = project.run("python -m pytest -q tests")
    assert done.returncode == 1
    printed = re.sub(r"^E +(?:csaclean\.testing\.BrokenLaws: )?", "", done.stdout, flags=re.MULTILINE)
    assert "\n".join(line.strip() for line in block.text.splitlines()) in printed


def test_the_cleaned_file_holds_no_name(finished: Project) -> None:
    finished.run("csaclean acme.dcm --overwrite")
    clean = (finished.folder / "acme.clean.dcm").read_bytes()
    dirty = (finished.folder / "acme.dcm").read_bytes()
    assert len(clean) == len(dirty)
    for name in (b"DOE^JANE", b"ENAJ^EOD", b"jdoe", b"ROE^", b"Jane", b"20010203", b"30201002"):
        assert name in dirty
        assert name not in clean


def test_every_module_that_it_names_is_there() -> None:
    text = GUIDE.read_text("utf-8")
    codecs = re.search(r"^\| `csaclean\.codecs` \| ([^:]*):", text, re.MULTILINE)
    assert codecs is not None
    folder = PROJECT / "csaclean" / "codecs"
    assert set(re.findall(r"`(\w+)`", codecs[1])) == {path.stem for path in folder.glob("*.py")} - {
        "__init__"
    }


def test_every_local_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", GUIDE.read_text("utf-8")):
        assert (GUIDE.parent / link).exists(), link
