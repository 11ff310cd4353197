"""Whole runs: exit status, several workers, interruption, what is said where."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from phantom_file import Phantom, file_bytes
from phantom_writer import private_block
from phantoms import plain_image
from tests.cli.conftest import heed_signals

Command = Callable[..., subprocess.CompletedProcess[str]]
Builder = Callable[..., bytes]

DONE, USAGE, NOTHING_READ, SOME_FAILED, WOULD_CHANGE, INTERRUPTED = 0, 2, 3, 4, 5, 130
UNVOUCHED = re.compile(
    r"csaclean: (\d+) of (\d+) files hold private elements nobody vouches for; standard elements are not cleaned"
)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def many(tmp_path: Path, small_file: Builder, plain_file: bytes) -> Path:
    """Return a folder of several batches of work, with every status in it."""
    root = tmp_path / "many"
    for folder in ("a", "b", "c/deep"):
        (root / folder).mkdir(parents=True)
    for number in range(40):
        (root / "a" / f"{number:03}.dcm").write_bytes(small_file(number + 1))
    for number in range(5):
        (root / "b" / f"{number}.dcm").write_bytes(small_file(number + 50)[: -1 - number])
        (root / "c" / "deep" / f"{number}.dcm").write_bytes(small_file(number + 60))
    (root / "c" / "notes.txt").write_bytes(b"notes")
    (root / "c" / "plain.dcm").write_bytes(plain_file)
    return root


class TestExitStatus:
    """0 done, 2 usage or bad policy, 3 nothing read, 4 a file failed, 5 check: something would change."""

    def test_done(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        assert csaclean(tree, "-o", tmp_path / "out").returncode == DONE

    def test_check_of_files_with_something_to_clean(self, csaclean: Command, tree: Path) -> None:
        assert csaclean("check", tree).returncode == WOULD_CHANGE

    def test_check_of_files_with_nothing_to_clean(self, csaclean: Command, tree: Path) -> None:
        assert csaclean("check", tree / "b" / "plain.dcm").returncode == DONE

    def test_a_failure_wins_over_what_would_change(self, csaclean: Command, many: Path) -> None:
        assert csaclean("check", many).returncode == SOME_FAILED

    def test_only_failures_is_a_failure_and_not_nothing_read(self, csaclean: Command, many: Path) -> None:
        assert csaclean("check", many / "b").returncode == SOME_FAILED

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--no-such-option"],
            ["check"],
            ["show"],
            ["clean"],
            ["check", ".", "-j", "0"],
            ["check", ".", "-j", "-1"],
            ["check", ".", "-j", "many"],
            ["check", ".", "--preamble", "burn"],
            ["check", ".", "--proof", "some"],
            ["check", ".", "-o", "out"],
            ["check", ".", "-p", "no-such-policy"],
            ["check", ".", "-p", "missing.toml"],
            ["policy", "show", "no-such-policy"],
            ["policy", "shout"],
            ["policy", "show"],
        ],
    )
    def test_calls_that_make_no_sense(self, csaclean: Command, arguments: list[str]) -> None:
        done = csaclean(*arguments)
        assert done.returncode == USAGE
        assert done.stdout == ""
        assert done.stderr
        assert "Traceback" not in done.stderr

    def test_a_bad_policy_is_found_before_any_write(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        assert csaclean(tree, "-o", tmp_path / "out", "-p", "no-such-policy").returncode == USAGE
        assert not (tmp_path / "out").exists()

    def test_a_bad_option_is_found_before_any_write(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        assert csaclean(tree, "-o", tmp_path / "out", "-j", "0").returncode == USAGE
        assert not (tmp_path / "out").exists()


class TestWorkers:
    """``-j`` changes how long a run takes and nothing else."""

    def test_two_workers_do_what_one_does(self, csaclean: Command, many: Path, tmp_path: Path) -> None:
        one = csaclean(many, "-o", tmp_path / "1", "-j", "1", "--json", "-", "-v")
        two = csaclean(many, "-o", tmp_path / "2", "-j", "2", "--json", "-", "-v")
        assert one.returncode == two.returncode == SOME_FAILED
        assert two.stdout == one.stdout
        assert two.stderr == one.stderr
        assert contents(tmp_path / "2") == contents(tmp_path / "1")
        assert len(contents(tmp_path / "1")) == 46

    def test_two_workers_check_what_one_checks(self, csaclean: Command, many: Path) -> None:
        one, two = (csaclean("check", many, "-j", jobs, "--json", "-") for jobs in ("1", "2"))
        assert (two.returncode, two.stdout, two.stderr) == (one.returncode, one.stdout, one.stderr)

    def test_two_workers_clean_in_place_what_one_cleans(
        self, csaclean: Command, many: Path, tmp_path: Path
    ) -> None:
        assert csaclean(many, "-o", tmp_path / "out").returncode == SOME_FAILED
        before = contents(many)
        assert csaclean("-i", many, "-j", "2").returncode == SOME_FAILED
        assert contents(many) == before | contents(tmp_path / "out")

    def test_a_policy_file_reaches_the_workers(self, csaclean: Command, many: Path, tmp_path: Path) -> None:
        policy = tmp_path / "mine.toml"
        policy.write_text('extends = "converter-safe"\nname = "mine"\n[unread]\ndates = "keep"\n')
        one, two = (
            csaclean("check", many, "-j", jobs, "-p", policy, "--json", "-").stdout for jobs in ("1", "2")
        )
        assert two == one
        assert "dates" not in json.loads(two.splitlines()[-1])["edits"]


class TestInterruption:
    """An interrupt, or a request to end: 130, nothing half-written, what was finished stays."""

    def interrupted(
        self,
        script: Path,
        arguments: list[str | Path],
        out: Path,
        *,
        group: bool,
        by: signal.Signals = signal.SIGINT,
    ) -> tuple[int, str]:
        """Start a run, interrupt it when the first file is there, and return exit status and stderr."""
        process = subprocess.Popen(
            [script, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_signals,  # noqa: PLW1509  # the tests run no threads
        )
        with process:
            while not (out.exists() and any(out.rglob("*.dcm"))):
                assert process.poll() is None, "the run was over before it could be interrupted"
                select.select([], [], [], 0.002)
            if group:
                os.killpg(process.pid, by)
            else:
                process.send_signal(by)
            _, stderr = process.communicate(timeout=120)
        return process.returncode, stderr

    @pytest.fixture
    def long_run(self, tmp_path: Path, small_file: Builder) -> Path:
        """Return a folder of so many files that no machine is done before the signal comes."""
        root = tmp_path / "long"
        root.mkdir()
        first = root / "0000.dcm"
        first.write_bytes(small_file())
        for number in range(1, 6000):
            (root / f"{number:04}.dcm").hardlink_to(first)
        return root

    @pytest.mark.parametrize("jobs", ["1", "2"])
    @pytest.mark.parametrize("group", [True, False], ids=["terminal", "only-the-command"])
    @pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda by: by.name)
    def test_it_stops_with_130_and_leaves_whole_files_only(
        self,
        script: Path,
        long_run: Path,
        tmp_path: Path,
        csaclean: Command,
        jobs: str,
        group: bool,
        by: signal.Signals,
    ) -> None:
        out = tmp_path / "out"
        csaclean(long_run / "0000.dcm", "-o", tmp_path / "whole")
        whole = (tmp_path / "whole" / "0000.dcm").read_bytes()
        status, stderr = self.interrupted(script, [long_run, "-o", out, "-j", jobs], out, group=group, by=by)
        assert status == INTERRUPTED
        assert "Traceback" not in stderr
        found = contents(out)
        assert 0 < len(found) < 6000
        assert not [name for name in found if name.startswith(".")]
        assert set(found.values()) == {whole}

    @pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc tells the workers of a run")
    def test_a_worker_that_is_killed_fails_its_files_and_ends_the_run(
        self, script: Path, long_run: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        process = subprocess.Popen(
            [script, long_run, "-o", out, "-j", "2", "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        with process:
            while not (out.exists() and any(out.rglob("*.dcm"))):
                assert process.poll() is None, "the run was over before a worker could be killed"
                select.select([], [], [], 0.002)
            workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(workers[0]), signal.SIGKILL)
            try:
                _, stderr = process.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                pytest.fail("the run waits for workers that nobody ends")
        assert process.returncode == SOME_FAILED
        assert b"worker: BrokenProcessPool" in stderr
        assert b"Traceback" not in stderr
        left = [name for name in contents(out) if name.startswith(".")]
        assert len(left) <= 1  # of the one that was killed: it could not tidy up


class TestWhatIsSaidWhere:
    @pytest.mark.parametrize("more", [[], ["-q"], ["-v"], ["--json", "-"], ["-j", "2"]])
    def test_what_nobody_vouches_for_is_always_said_on_stderr(
        self, csaclean: Command, tmp_path: Path, many: Path, more: list[str]
    ) -> None:
        unknown = private_block(0x0019, 0x10, b"INVENTED VENDOR 001", {0x01: ("LO", b"SOMETHING")})
        (many / "unknown.dcm").write_bytes(file_bytes(Phantom(plain_image(unknown))))
        for arguments in (["check", many], [many, "-o", tmp_path / "out"]):
            found = UNVOUCHED.findall(csaclean(*arguments, *more).stderr)
            assert len(found) == 1
            assert found[0][0] == "1"

    def test_it_is_said_of_a_single_file_and_of_none(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        assert UNVOUCHED.search(csaclean("check", tree / "b" / "plain.dcm").stderr)
        (tmp_path / "empty").mkdir()
        assert UNVOUCHED.search(csaclean("check", tmp_path / "empty").stderr)

    def test_quiet_leaves_standard_output_empty(self, csaclean: Command, many: Path, tmp_path: Path) -> None:
        assert csaclean(many, "-o", tmp_path / "out", "-q").stdout == ""
        assert csaclean("check", many, "-q").stdout == ""

    def test_quiet_still_names_the_files_that_failed(
        self, csaclean: Command, many: Path, tmp_path: Path
    ) -> None:
        stderr = csaclean(many, "-o", tmp_path / "out", "-q").stderr
        assert [line for line in stderr.splitlines() if "failed: b/" in line] == [
            line for line in stderr.splitlines() if "[malformed-file]" in line
        ]
        assert stderr.count("[malformed-file]") == 5

    def test_without_options_the_result_is_a_summary(
        self, csaclean: Command, many: Path, tmp_path: Path
    ) -> None:
        done = csaclean(many, "-o", tmp_path / "out")
        assert "52 files: 45 cleaned, 1 unchanged, 5 failed, 1 skipped" in done.stdout
        assert "a/000.dcm" not in done.stdout

    def test_the_summary_names_where_files_failed(
        self, csaclean: Command, many: Path, tmp_path: Path
    ) -> None:
        assert re.search(
            r"incomplete: 5 files of .*\bb\b.* failed", csaclean(many, "-o", tmp_path / "out").stdout
        )

    def test_verbose_says_a_line_about_every_file(
        self, csaclean: Command, many: Path, tmp_path: Path
    ) -> None:
        done = csaclean(many, "-o", tmp_path / "out", "-v")
        assert done.stdout.count("cleaned: ") == 45
        assert "cleaned: a/000.dcm: " in done.stdout
        assert "skipped: c/notes.txt: " in done.stdout

    def test_check_says_what_would_change(self, csaclean: Command, tree: Path) -> None:
        done = csaclean("check", tree)
        assert "would change: a/1.dcm: " in done.stdout
        assert "plain.dcm" not in done.stdout
        assert "cleaned: " not in done.stdout

    def test_a_log_gets_a_line_about_every_file_however_quiet(
        self, csaclean: Command, many: Path, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        csaclean(many, "-o", tmp_path / "out", "-q", "--log-file", log)
        lines = log.read_text().splitlines()
        for name in ("a/000.dcm", "b/0.dcm", "c/notes.txt", "c/plain.dcm"):
            assert len([line for line in lines if f": {name}: " in line]) == 1
        assert any(UNVOUCHED.fullmatch(line) for line in lines)

    def test_a_log_is_appended_to(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        log = tmp_path / "log"
        log.write_text("before\n")
        csaclean("check", tree, "--log-file", log)
        once = log.read_text()
        assert once.startswith("before\n")
        csaclean("check", tree, "--log-file", log)
        assert log.read_text() == once + once.removeprefix("before\n")

    def test_a_log_that_cannot_be_opened_is_a_usage_error_before_any_write(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        done = csaclean(tree, "-o", tmp_path / "out", "--log-file", tmp_path / "missing" / "log")
        assert done.returncode == USAGE
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
    def test_a_stream_that_cannot_spell_a_name_gets_it_escaped(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, encoding: str
    ) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "頭部.dcm").write_bytes(small_file())
        done = csaclean("check", tmp_path / "in", env={"PYTHONIOENCODING": f"{encoding}:strict"})
        assert done.returncode == WOULD_CHANGE
        assert ".dcm" in done.stdout


class TestStandardOutputThatIsClosed:
    """``csaclean ... | head``."""

    def run(self, script: Path, arguments: list[str | Path]) -> tuple[int, str]:
        """Run with a standard output that nobody reads any more."""
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run(
                [script, *arguments],
                stdout=writer,
                stderr=subprocess.PIPE,
                check=False,
                text=True,
                timeout=120,
            )
        finally:
            os.close(writer)
        return done.returncode, done.stderr

    @pytest.mark.parametrize(
        "arguments",
        [
            ["check"],
            ["check", "-v"],
            ["check", "--json", "-"],
            ["check", "--json", "-", "-j", "2"],
        ],
    )
    def test_there_is_no_traceback(self, script: Path, many: Path, arguments: list[str]) -> None:
        status, stderr = self.run(script, [*arguments, many])
        assert "Traceback" not in stderr
        assert "Exception" not in stderr
        assert "Error" not in stderr
        assert status not in (1, 120)

    @pytest.mark.parametrize("command", ["show", "handlers", "policy", "--help", "--version"])
    def test_other_commands_end_quietly(
        self, script: Path, tmp_path: Path, small_file: Builder, command: str
    ) -> None:
        source = tmp_path / "image.dcm"
        source.write_bytes(small_file())
        status, stderr = self.run(script, [command, source] if command == "show" else [command])
        assert stderr == ""
        assert status not in (1, 120)

    @pytest.mark.parametrize("more", [["-v"], ["--json", "-"], ["--json", "-", "-j", "2"]])
    def test_a_run_that_says_done_has_cleaned_every_file(
        self, script: Path, tmp_path: Path, small_file: Builder, more: list[str]
    ) -> None:
        root = tmp_path / "in"
        root.mkdir()
        for number in range(300):
            (root / f"{number}.dcm").write_bytes(small_file())
        status, _ = self.run(script, [root, "-o", tmp_path / "out", *more])
        assert status != DONE or len(contents(tmp_path / "out")) == 300


class TestProgress:
    """A bar on a terminal's stderr, and nowhere else."""

    def run(self, script: Path, arguments: list[str | Path], terminal: str) -> bytes:
        """Run with one of the streams on a terminal, and return what came out of the terminal."""
        reader, writer = pty.openpty()
        termios.tcsetwinsize(writer, (24, 80))
        process = subprocess.Popen(
            [script, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writer if terminal == "stdout" else subprocess.DEVNULL,
            stderr=writer if terminal == "stderr" else subprocess.DEVNULL,
        )
        os.close(writer)
        output = b""
        with process:
            while True:
                try:
                    chunk = os.read(reader, 1 << 16)
                except OSError:
                    break
                if not chunk:
                    break
                output += chunk
        os.close(reader)
        return output

    BAR = re.compile(rb"\d+%\|")

    def test_a_terminal_on_stderr_shows_it(self, script: Path, many: Path) -> None:
        assert self.BAR.search(self.run(script, ["check", many], "stderr"))

    @pytest.mark.parametrize("option", ["--no-progress", "-q"])
    def test_it_can_be_turned_off(self, script: Path, many: Path, option: str) -> None:
        output = self.run(script, ["check", many, option], "stderr")
        assert not self.BAR.search(output)
        assert b"nobody vouches for" in output

    def test_a_terminal_on_stdout_only_shows_none(self, script: Path, many: Path) -> None:
        assert not self.BAR.search(self.run(script, ["check", many], "stdout"))

    def test_without_a_terminal_there_is_none(self, csaclean: Command, many: Path) -> None:
        done = csaclean("check", many)
        assert "%|" not in done.stderr
        assert "\r" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr

    def test_the_bar_does_not_break_other_lines(self, script: Path, many: Path) -> None:
        output = self.run(script, ["check", many], "stderr").decode()
        last = re.split(r"[\r\n]|\x1b\[A", output)
        failures = [part for part in last if "[malformed-file]" in part]
        assert len(failures) == 5
        assert all(part.startswith("csaclean: failed: ") for part in failures)
