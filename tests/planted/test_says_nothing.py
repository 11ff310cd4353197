"""Whatever csaclean says of planted files, it says nothing of who is planted in them: on any channel, by any command."""

import json
import pickle
import subprocess
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Final

import pytest

import csaclean
from csaclean.errors import CsacleanError
from phantom_identities import IDENTITIES
from tests.planted.conftest import POLICIES, plant_file
from tests.planted.search import places

TURNS: Final = (0, 28, 41, 56)
"""Names with accents, quotes and other scripts, numbers and dates, in files of each encoding."""
CUT: Final = 3
COMMANDS: Final = (
    ("clean", ["-o", "{out}", "-j", "2", "-v", "--log-file", "{log}", "--unclaimed", "report"]),
    ("clean", ["-o", "{out}", "-q", "-p", "strict", "--log-file", "{log}"]),
    ("clean", ["-o", "{out}", "-j", "2", "--json", "-"]),
    ("clean", ["-o", "{out}", "--json", "{log}", "-v", "--mark"]),
    ("check", ["-v", "--json", "-", "-p", "strict"]),
    ("check", ["-q", "--log-file", "{log}"]),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of planted files, and of such that break off within an element."""
    made = tmp_path_factory.mktemp("planted")
    for turn in TURNS:
        data = plant_file(IDENTITIES[turn], turn).data
        (made / f"{turn:03}.dcm").write_bytes(data)
        (made / f"{turn:03}-cut.dcm").write_bytes(data[: len(data) // CUT * (CUT - 1)])
    return made


def run(*arguments: str | Path) -> bytes:
    """Return all that a command says."""
    script = Path(sysconfig.get_path("scripts"), "csaclean")
    done = subprocess.run([script, *arguments], capture_output=True, check=False, timeout=300)
    assert done.returncode in (0, 4, 5), done.stderr[:500]
    return done.stdout + done.stderr


def said_of(said: bytes) -> list[str]:
    """Return the identities that stand in what was said."""
    texts = [said, json.dumps(said.decode("utf-8", "replace")).encode("utf-8")]
    escaped = (
        said.decode("utf-8", "replace")
        .encode("utf-8")
        .decode("unicode_escape", "replace")
        .encode("utf-8", "replace")
    )
    return [
        IDENTITIES[turn]
        for turn in TURNS
        if any(places(text, IDENTITIES[turn]) for text in (*texts, escaped))
    ]


@pytest.mark.parametrize(("command", "more"), COMMANDS)
def test_a_run_over_many_files_says_nothing(
    command: str, more: list[str], folder: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    words = [word.format(out=tmp_path / "out", log=log) for word in more]
    said = run(command, folder, *words) + (log.read_bytes() if log.exists() else b"")
    assert ("{log}" in more) == log.exists()
    assert said
    assert said_of(said) == []


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("turn", TURNS[::2])
def test_showing_a_file_without_its_values_says_nothing(folder: Path, turn: int, policy: str) -> None:
    said = run("show", folder / f"{turn:03}.dcm", "-p", policy)
    assert len(said.splitlines()) > 1000
    assert said_of(said) == []


def test_proving_says_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.dcm").write_bytes((folder / f"{TURNS[0]:03}.dcm").read_bytes())
    script = Path(sysconfig.get_path("scripts"), "csaclean")
    done = subprocess.run(
        [script, "prove", tmp_path / "in", "-v"], capture_output=True, check=False, timeout=300
    )
    assert done.stdout + done.stderr
    assert said_of(done.stdout + done.stderr) == []


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("turn", TURNS)
def test_exceptions_and_reports_say_nothing(folder: Path, tmp_path: Path, turn: int, policy: str) -> None:
    said = []
    for name in (f"{turn:03}.dcm", f"{turn:03}-cut.dcm"):
        try:
            report = csaclean.clean_file(folder / name, tmp_path / name, policy=policy)
            said.append(repr(report))
        except CsacleanError as error:
            said += [repr(error), str(error), repr(pickle.loads(pickle.dumps(error))), traceback.format_exc()]
    assert said
    assert said_of("\n".join(said).encode("utf-8", "replace")) == []


def test_this_searches_what_is_escaped_too() -> None:
    name = IDENTITIES[TURNS[0]]
    assert said_of(name.encode("utf-8")) == [name]
    assert said_of(ascii(IDENTITIES[TURNS[2]]).encode("ascii")) == [IDENTITIES[TURNS[2]]]
    assert sys.getdefaultencoding() == "utf-8"
