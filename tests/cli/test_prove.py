"""``csaclean prove``: cleaned copies are converted beside the originals, and the status says whether that made a difference.

Where the point is what becomes of a difference, a program stands in for dcm2niix that makes one on demand.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from csaclean.report.json import SCHEMA
from phantom_csa import image_header, series_header, with_canaries
from phantom_file import Phantom, file_bytes
from phantom_writer import text
from phantoms import GOLDEN, base_image, plain_image
from tests.cli.conftest import heed_signals

Command = Callable[..., subprocess.CompletedProcess[str]]
Builder = Callable[..., bytes]
Standin = Callable[[str], Path]

MARK = "ZEBRAX"
PRELUDE = """
import json, os, pathlib, sys, time
if "--version" in sys.argv:
    print("Chris Rorden's dcm2niiX version v1.2.3  (test)")
    sys.exit(3)
source, out = pathlib.Path(sys.argv[-1]), pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
cleaned = "new" in source.parts
sidecar = {"EchoTime": 0.03, "ProtocolName": "ZEBRAX"}
(out / "1_ZEBRAX.nii").write_bytes(b"image")
"""
WRITE = "(out / '1_ZEBRAX.json').write_text(json.dumps(sidecar))\n"
SAME = WRITE
DIFFERENT = (
    f"sidecar['EchoTime' if cleaned else 'FlipAngle'] = sidecar['ZEBRAX' if cleaned else 'Z'] = 9\n{WRITE}"
)
NOTHING = "(out / '1_ZEBRAX.nii').unlink()\n"


@pytest.fixture
def standin(tmp_path_factory: pytest.TempPathFactory) -> Standin:
    """Return what makes a program that is called as dcm2niix is and does something else."""

    def make(body: str) -> Path:
        program = tmp_path_factory.mktemp("converter") / "dcm2niix"
        program.write_text(f"#!{sys.executable}\n{PRELUDE}{body}", encoding="utf-8")
        program.chmod(0o755)
        return program

    return make


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """Return a folder for temporary files, and look that nothing stays in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def prove(csaclean: Command, temporary: Path) -> Command:
    """Return what runs the command ``prove`` with temporary files in a folder of their own."""
    return lambda *arguments: csaclean("prove", *arguments, env={"TMPDIR": str(temporary)})


def records(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def invalid(lines: list[dict[str, Any]]) -> list[str]:
    schema = json.loads(files("csaclean.report").joinpath("schema.json").read_text("utf-8"))
    validator = Draft202012Validator(schema)
    return [error.message[:200] for line in lines for error in validator.iter_errors(line)]


class TestDcm2niix:
    """With the real program."""

    @pytest.fixture(autouse=True)
    def _real(self) -> None:
        pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

    def test_a_folder_of_phantoms_is_proved(self, prove: Command, tmp_path: Path) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        for name, build in GOLDEN.items():
            (folder / f"{name}.dcm").write_bytes(build())
        before = {path: path.read_bytes() for path in folder.iterdir()}
        done = prove(folder, "--json", "-")
        proved, summary = records(done.stdout)
        assert done.returncode == 0
        assert (proved["verdict"], proved["differences"], proved["failures"]) == ("identical", [], [])
        assert proved["files"]["cleaned"] + proved["files"]["unchanged"] == len(GOLDEN)
        assert proved["outputs"] == 32
        assert summary["sets"] == {
            "identical": 1,
            "differs": 0,
            "failed": 0,
            "unrepeatable": 0,
            "nothing-to-compare": 0,
        }
        assert invalid([proved, summary]) == []
        assert {path: path.read_bytes() for path in folder.iterdir()} == before

    def test_a_single_file_is_proved_alone(self, prove: Command, tmp_path: Path) -> None:
        for number in (1, 2):
            (tmp_path / f"{number}.dcm").write_bytes(GOLDEN["csa2_mosaic_explicit"]())
        done = prove(tmp_path / "1.dcm")
        assert done.returncode == 0
        assert "identical: 1.dcm: 1 file, 1 cleaned; 2 outputs of dcm2niix\n" in done.stdout

    def test_files_of_which_dcm2niix_makes_nothing_prove_nothing(
        self, prove: Command, tmp_path: Path
    ) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "1.dcm").write_bytes(file_bytes(Phantom(plain_image(pixels=False))))
        done = prove(folder)
        assert done.returncode == 3
        assert "nothing-to-compare: in: 1 file, 0 cleaned; 0 outputs of dcm2niix\n" in done.stderr
        assert "nothing was compared" in done.stderr

    def test_names_that_dcm2niix_makes_are_not_told(self, prove: Command, tmp_path: Path) -> None:
        image, series = (with_canaries(header())[0] for header in (image_header, series_header))
        marked = (text(0x0008103E, "LO", MARK), text(0x00181030, "LO", MARK))
        (tmp_path / "1.dcm").write_bytes(file_bytes(Phantom(base_image(marked, image=image, series=series))))
        done = prove(tmp_path / "1.dcm", "--json", "-", "-v", "--log-file", tmp_path / "log")
        assert done.returncode == 0
        assert MARK not in done.stdout + done.stderr + (tmp_path / "log").read_text()


class TestVerdicts:
    """With a program in dcm2niix's place."""

    def test_the_same_output_is_identical(self, prove: Command, tree: Path, standin: Standin) -> None:
        done = prove(tree, "--dcm2niix", standin(SAME))
        assert done.returncode == 0
        assert [line.partition(";")[0] for line in done.stdout.splitlines()[:3]] == [
            "identical: a: 2 files, 2 cleaned",
            "identical: b: 1 file, 0 cleaned",
            "identical: b/deep: 1 file, 1 cleaned",
        ]

    def test_a_difference_is_a_failure(self, prove: Command, tree: Path, standin: Standin) -> None:
        done = prove(tree / "a", "--dcm2niix", standin(DIFFERENT), "-q")
        assert done.returncode == 4
        assert done.stdout == ""
        assert (
            "differs: a: 2 files, 2 cleaned; 2 outputs of dcm2niix; "
            "1.json: changed EchoTime, lost FlipAngle, lost ?, new ?"
        ) in done.stderr

    def test_a_difference_is_recorded_without_a_value(
        self, prove: Command, tree: Path, standin: Standin, tmp_path: Path
    ) -> None:
        done = prove(
            tree / "a", "--dcm2niix", standin(DIFFERENT), "--json", "-", "--log-file", tmp_path / "log"
        )
        proved, summary = records(done.stdout)
        assert proved["verdict"] == summary["verdict"] == "differs"
        assert {tuple(one.values()) for one in proved["differences"]} == {
            ("1.json", "changed", "EchoTime"),
            ("1.json", "lost", "FlipAngle"),
            ("1.json", "lost", "?"),
            ("1.json", "new", "?"),
        }
        assert invalid([proved, summary]) == []
        assert proved["schema"] == summary["schema"] == SCHEMA
        assert MARK not in done.stdout + done.stderr + (tmp_path / "log").read_text()

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (f"{SAME}sys.exit(cleaned)", "exit-status: changed"),
            (f"{SAME}print('Warning: no slices' if cleaned else 'fine')", "warnings: changed"),
            (f"{SAME}cleaned or (out / '1_ZEBRAX.bval').write_text('0')", "1.bval: lost"),
            (f"{SAME}cleaned and (out / '2_ZEBRAX.nii').write_text('0')", "2.nii: new"),
            (f"{SAME}cleaned and (out / '1_ZEBRAX.nii').write_text('0')", "1.nii: changed"),
            (f"{SAME}cleaned and os.kill(os.getpid(), 11)", "exit-status: changed"),
        ],
    )
    def test_every_kind_of_difference_is_told(
        self, prove: Command, tree: Path, standin: Standin, body: str, told: str
    ) -> None:
        done = prove(tree / "a", "--dcm2niix", standin(body))
        assert done.returncode == 4
        assert f"; {told}\n" in done.stderr

    def test_nothing_to_compare_is_told_and_no_success(
        self, prove: Command, tree: Path, standin: Standin
    ) -> None:
        done = prove(tree, "--dcm2niix", standin(NOTHING), "--json", "-", "-q")
        lines = records(done.stdout)
        assert done.returncode == 3
        assert [line["verdict"] for line in lines] == ["nothing-to-compare"] * 4
        assert invalid(lines) == []
        assert "nothing was compared" in done.stderr

    def test_a_folder_with_nothing_to_compare_is_told_beside_one_that_is_proved(
        self, prove: Command, tree: Path, standin: Standin
    ) -> None:
        body = f"{SAME}if len(list(source.iterdir())) < 2: [one.unlink() for one in out.iterdir()]\n"
        done = prove(tree, "--dcm2niix", standin(body))
        assert done.returncode == 0
        assert "nothing-to-compare: b/deep: 1 file, 1 cleaned" in done.stderr
        assert "3 sets of files: 1 identical, 2 nothing-to-compare (dcm2niix v1.2.3)" in done.stdout

    def test_a_file_that_cannot_be_cleaned_fails_its_folder(
        self, prove: Command, tree: Path, standin: Standin, small_file: Builder
    ) -> None:
        (tree / "a" / "3.dcm").write_bytes(small_file(3)[:-5])
        done = prove(tree / "a", "--dcm2niix", standin(SAME), "--json", "-")
        proved, summary = records(done.stdout)
        assert done.returncode == 4
        assert proved["verdict"] == summary["verdict"] == "failed"
        assert [(one["file"], one["error"]) for one in proved["failures"]] == [("3.dcm", "malformed-file")]
        assert invalid([proved, summary]) == []
        assert "failed: 3.dcm: " in done.stderr

    def test_no_path_is_told_with_no_paths(
        self, prove: Command, tree: Path, standin: Standin, small_file: Builder, tmp_path: Path
    ) -> None:
        folder = tmp_path / "DOE"
        tree.rename(folder)
        (folder / "a").rename(folder / "JANE")
        (folder / "JANE" / "JOHN.dcm").write_bytes(small_file(3)[:-5])
        for more in (["-v"], ["--json", "-"]):
            done = prove(folder, "--dcm2niix", standin(SAME), "--no-paths", *more)
            assert done.returncode == 4
            assert "set 1" in done.stdout + done.stderr
            assert "failed: file 5: " in done.stderr
            assert not [name for name in ("DOE", "JANE", "JOHN") if name in done.stdout + done.stderr]

    def test_a_program_that_does_not_end_fails_its_folder(
        self, prove: Command, tree: Path, standin: Standin
    ) -> None:
        hangs = standin("if not cleaned: time.sleep(600)\n")
        done = prove(tree / "a", "--dcm2niix", hangs, "--timeout", "0.5", "--json", "-")
        proved, summary = records(done.stdout)
        assert done.returncode == 4
        assert (proved["verdict"], proved["error"]) == ("failed", "converter")
        assert proved["reason"] == "dcm2niix took longer than 0.5 seconds"
        assert invalid([proved, summary]) == []

    def test_what_dcm2niix_makes_otherwise_each_time_is_not_held_against_the_copies_and_not_proved(
        self, prove: Command, tree: Path, standin: Standin
    ) -> None:
        body = f"sidecar['AveragesDouble'] = time.time_ns()\n{WRITE}"
        done = prove(tree / "a", "--dcm2niix", standin(body), "--json", "-")
        proved, summary = records(done.stdout)
        assert done.returncode == 4
        assert proved["verdict"] == summary["verdict"] == "unrepeatable"
        assert proved["unrepeatable"] == [{"output": "1.json", "kind": "changed", "key": "AveragesDouble"}]
        assert invalid([proved, summary]) == []
        assert "1.json: changed AveragesDouble (differs in every run)\n" in done.stderr

    def test_what_the_copies_change_is_told_beside_what_changes_each_time(
        self, prove: Command, tree: Path, standin: Standin
    ) -> None:
        body = f"sidecar['AveragesDouble'] = time.time_ns()\n{DIFFERENT}"
        done = prove(tree / "a", "--dcm2niix", standin(body))
        assert done.returncode == 4
        assert "differs: a: " in done.stderr
        assert "1.json: changed AveragesDouble (differs in every run), changed EchoTime, " in done.stderr

    def test_originals_stay_as_they_are(self, prove: Command, tree: Path, standin: Standin) -> None:
        before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
        prove(tree, "--dcm2niix", standin(SAME))
        assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before

    def test_both_conversions_get_the_same_names_and_options(
        self, prove: Command, tree: Path, standin: Standin, tmp_path: Path
    ) -> None:
        log = tmp_path / "calls"
        body = f"{SAME}print(sys.argv[1:-2], sorted(os.listdir(source)), len(str(source)), file=open({str(log)!r}, 'a'))"
        prove(tree / "a", "--dcm2niix", standin(body))
        one, other = log.read_text().splitlines()
        assert one == other
        assert "['-b', 'y', '-ba', 'n', '-z', 'n', '-f', '%s_%d', '-o'] ['1.dcm', '2.dcm']" in one


class TestUsage:
    def test_nothing_that_is_dicom_is_no_success(
        self, prove: Command, tmp_path: Path, standin: Standin
    ) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "notes.txt").write_bytes(b"notes")
        for path in (folder, folder / "notes.txt"):
            done = prove(path, "--dcm2niix", standin(SAME))
            assert done.returncode == 3
            assert "nothing was read" in done.stderr

    def test_without_dcm2niix_the_extra_is_named(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "blocked" / "dcm2niix").mkdir(parents=True)
        (tmp_path / "blocked" / "dcm2niix" / "__init__.py").write_text("raise ImportError\n")
        env = {"PYTHONPATH": str(tmp_path / "blocked"), "PATH": str(tmp_path)}
        done = csaclean("prove", tree, env=env)
        assert done.returncode == 2
        assert "pip install 'csaclean[dcm2niix]'" in done.stderr

    def test_without_the_extra_one_on_the_path_is_taken(
        self, csaclean: Command, tree: Path, tmp_path: Path, standin: Standin
    ) -> None:
        (tmp_path / "blocked" / "dcm2niix").mkdir(parents=True)
        (tmp_path / "blocked" / "dcm2niix" / "__init__.py").write_text("raise ImportError\n")
        env = {"PYTHONPATH": str(tmp_path / "blocked"), "PATH": str(standin(SAME).parent)}
        done = csaclean("prove", tree, env=env)
        assert done.returncode == 0
        assert "(dcm2niix v1.2.3)" in done.stdout

    @pytest.mark.parametrize("name", ["missing", "folder", "plain", "other"])
    def test_what_is_not_dcm2niix_is_refused(
        self, prove: Command, tree: Path, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "plain").write_text("#!/bin/sh\necho dcm2niiX version v1.0\n")
        (tmp_path / "other").write_text("#!/bin/sh\nexit 0\n")
        (tmp_path / "other").chmod(0o755)
        done = prove(tree, "--dcm2niix", tmp_path / name)
        assert done.returncode == 2
        assert "dcm2niix" in done.stderr

    @pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "soon"])
    def test_a_timeout_is_a_finite_number_above_zero(
        self, prove: Command, tree: Path, standin: Standin, timeout: str
    ) -> None:
        assert prove(tree, "--dcm2niix", standin(SAME), f"--timeout={timeout}").returncode == 2

    def test_temporary_files_never_lie_inside_an_input(
        self, csaclean: Command, tree: Path, standin: Standin
    ) -> None:
        done = csaclean("prove", tree, "--dcm2niix", standin(SAME), env={"TMPDIR": str(tree / "b")})
        assert done.returncode == 2
        assert "TMPDIR" in done.stderr

    def test_a_report_never_overwrites_an_input(self, prove: Command, tree: Path, standin: Standin) -> None:
        before = (tree / "a" / "1.dcm").read_bytes()
        done = prove(tree, "--dcm2niix", standin(SAME), "--json", tree / "a" / "1.dcm")
        assert done.returncode == 2
        assert (tree / "a" / "1.dcm").read_bytes() == before


def test_a_link_to_itself_fails_and_the_others_are_proved(
    prove: Command, tree: Path, standin: Standin
) -> None:
    (tree / "a" / "ring.dcm").symlink_to("ring.dcm")
    done = prove(tree, "--dcm2niix", standin(SAME))
    assert done.returncode == 4
    assert "ring.dcm" in done.stderr
    assert "internal error" not in done.stderr


def test_a_hang_up_that_is_to_be_ignored_is_ignored(
    script: Path, tree: Path, standin: Standin, temporary: Path, tmp_path: Path
) -> None:
    running = tmp_path / "running"
    body = f"{SAME}pathlib.Path({str(running)!r}).touch()\ntime.sleep(0.5)\n"
    process = subprocess.Popen(
        [
            "sh",
            "-c",
            "trap '' HUP; exec \"$@\"",
            "sh",
            script,
            "prove",
            tree / "a",
            "--dcm2niix",
            standin(body),
        ],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        while not running.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_neither_copies_nor_a_converter(
    script: Path, tree: Path, standin: Standin, temporary: Path, tmp_path: Path, number: signal.Signals
) -> None:
    running = tmp_path / "running"
    hangs = standin(
        f"(out / 'x').touch(); pathlib.Path({str(running)!r}).write_text(str(os.getpid()))\ntime.sleep(600)\n"
    )
    process = subprocess.Popen(
        [script, "prove", tree, "--dcm2niix", hangs],
        preexec_fn=heed_signals,  # noqa: PLW1509  # the tests run no threads
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with process:
        while not (running.exists() and running.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        (private,) = temporary.iterdir()
        assert private.stat().st_mode & 0o777 == 0o700
        assert sorted(path.name for path in private.glob("*/series/*")) == [
            "1.dcm",
            "1.dcm",
            "2.dcm",
            "2.dcm",
        ]
        process.send_signal(number)
        complaint = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert b"interrupted" in complaint
    with pytest.raises(ProcessLookupError):
        os.kill(int(running.read_text()), 0)
