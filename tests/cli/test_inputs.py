"""Which files a call means: in which order, what is skipped, and what fails."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phantom_creators import small_headers
from phantom_file import Phantom, file_bytes
from phantoms import base_image

Command = Callable[..., subprocess.CompletedProcess[str]]
Builder = Callable[..., bytes]

DONE, NOTHING_READ, SOME_FAILED, WOULD_CHANGE = 0, 3, 4, 5


def statuses(done: subprocess.CompletedProcess[str]) -> dict[str, tuple[str, str | None]]:
    """Return status and error code of every file of a run with ``--json -``, in order."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["file"]: (line["status"], line["error"]) for line in lines if line["type"] == "file"}


class TestFolders:
    def test_files_come_in_sorted_order_whatever_order_they_were_made_in(
        self, csaclean: Command, tmp_path: Path, plain_file: bytes
    ) -> None:
        for name in ("b/2", "b/10", "a/z", "c", "a/a", "B"):
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(plain_file)
        names = list(statuses(csaclean("check", tmp_path / "in", "--json", "-")))
        assert names == ["B", "c", "a/a", "a/z", "b/10", "b/2"]

    def test_what_is_not_dicom_is_counted_and_skipped(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        done = csaclean(tree, "-o", tmp_path / "out")
        assert done.returncode == DONE
        assert "2 skipped" in done.stdout
        assert not (tmp_path / "out" / "notes.txt").exists()
        assert not (tmp_path / "out" / "DICOMDIR").exists()

    def test_a_dicomdir_is_known_by_its_class_and_not_by_its_name(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, dicomdir: bytes
    ) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "DICOMDIR").write_bytes(small_file())
        (folder / "index").write_bytes(dicomdir)
        assert statuses(csaclean("check", folder, "--json", "-")) == {
            "DICOMDIR": ("cleaned", None),
            "index": ("skipped", "unsupported"),
        }

    def test_a_file_that_starts_as_dicom_fails_and_is_never_skipped(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "notes.txt").write_bytes(small_file()[:-5])
        done = csaclean("check", folder, "--json", "-")
        assert statuses(done) == {"notes.txt": ("failed", "malformed-file")}
        assert done.returncode == SOME_FAILED

    @pytest.mark.parametrize("meta", [True, False])
    def test_a_file_without_preamble_is_cleaned(self, csaclean: Command, tmp_path: Path, meta: bool) -> None:
        image, series = small_headers()
        (tmp_path / "in").mkdir()
        data = file_bytes(Phantom(base_image(image=image, series=series), preamble=None, meta=meta))
        (tmp_path / "in" / "bare").write_bytes(data)
        done = csaclean(tmp_path / "in", "-o", tmp_path / "out", "--json", "-")
        assert statuses(done) == {"bare": ("cleaned", None)}

    def test_an_empty_folder_is_nothing_read(self, csaclean: Command, tmp_path: Path) -> None:
        (tmp_path / "in" / "deep").mkdir(parents=True)
        assert csaclean(tmp_path / "in", "-o", tmp_path / "out").returncode == NOTHING_READ

    def test_a_folder_without_dicom_is_nothing_read(
        self, csaclean: Command, tmp_path: Path, dicomdir: bytes
    ) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "notes.txt").write_bytes(b"notes")
        (tmp_path / "in" / "DICOMDIR").write_bytes(dicomdir)
        done = csaclean(tmp_path / "in", "-o", tmp_path / "out")
        assert done.returncode == NOTHING_READ
        assert "nothing was read" in done.stderr

    def test_a_temporary_file_of_another_run_is_left_alone(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        other = folder / ".csaclean-0123456789abcdef.tmp"
        other.write_bytes(small_file())
        (folder / "1.dcm").write_bytes(small_file())
        assert list(statuses(csaclean("-i", folder, "--json", "-"))) == ["1.dcm"]
        assert other.read_bytes() == small_file()


class TestLinks:
    def test_a_file_link_is_read_and_its_copy_is_a_file(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        outside = tmp_path / "outside.dcm"
        outside.write_bytes(small_file())
        link = tmp_path / "in" / "link.dcm"
        link.parent.mkdir()
        link.symlink_to(outside)
        assert csaclean(link.parent, "-o", tmp_path / "out").returncode == DONE
        copy = tmp_path / "out" / "link.dcm"
        assert not copy.is_symlink()
        assert b"CANARY" not in copy.read_bytes()
        assert outside.read_bytes() == small_file()

    def test_a_folder_link_inside_an_input_is_not_followed(
        self, csaclean: Command, tree: Path, tmp_path: Path, small_file: Builder
    ) -> None:
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "1.dcm").write_bytes(small_file())
        (tree / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
        assert not [name for name in statuses(csaclean("check", tree, "--json", "-")) if "link" in name]

    def test_a_link_in_a_circle_ends(self, csaclean: Command, tree: Path) -> None:
        (tree / "a" / "up").symlink_to(tree, target_is_directory=True)
        assert len(statuses(csaclean("check", tree, "--json", "-"))) == 6

    def test_a_link_to_itself_fails_and_the_others_are_cleaned(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        (tree / "ring.dcm").symlink_to("ring.dcm")
        done = csaclean(tree, "-o", tmp_path / "out", "--json", "-")
        assert statuses(done)["ring.dcm"] == ("failed", "io")
        assert (tmp_path / "out" / "a" / "1.dcm").exists()
        assert done.returncode == SOME_FAILED

    @pytest.mark.parametrize("more", [["-j", "2"], ["-q"]], ids=" ".join)
    def test_a_named_link_to_itself_fails(
        self, csaclean: Command, tree: Path, tmp_path: Path, more: list[str]
    ) -> None:
        (tmp_path / "one").symlink_to("other")
        (tmp_path / "other").symlink_to("one")
        done = csaclean(tmp_path / "one", tree / "a" / "1.dcm", "-o", tmp_path / "out", "--json", "-", *more)
        assert statuses(done) == {"one": ("failed", "io"), "1.dcm": ("cleaned", None)}
        assert done.returncode == SOME_FAILED

    def test_an_output_or_backup_folder_that_is_one_is_refused_or_fails_without_a_crash(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "ring").symlink_to("ring")
        for arguments in (["-o", tmp_path / "ring"], ["-i", "--backup-dir", tmp_path / "ring"]):
            done = csaclean(tree, *arguments)
            assert done.returncode in (2, SOME_FAILED)
            assert "internal" not in done.stderr

    def test_a_named_link_to_a_folder_is_walked(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(tree, target_is_directory=True)
        assert len(statuses(csaclean("check", link, "--json", "-"))) == 6

    def test_a_link_that_leads_nowhere_fails(self, csaclean: Command, tree: Path) -> None:
        (tree / "gone.dcm").symlink_to(tree / "missing.dcm")
        done = csaclean("check", tree, "--json", "-")
        assert statuses(done)["gone.dcm"] == ("failed", "io")
        assert done.returncode == SOME_FAILED


class TestNamedPaths:
    """What somebody named is cleaned or fails; it is never skipped."""

    def test_a_missing_path_fails_and_the_others_are_done(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        there = tmp_path / "there.dcm"
        there.write_bytes(small_file())
        done = csaclean(tmp_path / "missing.dcm", there, "-o", tmp_path / "out")
        assert done.returncode == SOME_FAILED
        assert "missing.dcm" in done.stderr
        assert (tmp_path / "out" / "there.dcm").exists()

    def test_a_single_missing_path_fails(self, csaclean: Command, tmp_path: Path) -> None:
        done = csaclean(tmp_path / "missing.dcm")
        assert done.returncode == SOME_FAILED
        assert "missing.dcm" in done.stderr

    def test_a_named_file_that_is_not_dicom_is_nothing_read(self, csaclean: Command, tree: Path) -> None:
        done = csaclean("check", tree / "notes.txt", "--json", "-")
        assert statuses(done) == {"notes.txt": ("failed", "not-dicom")}
        assert done.returncode == NOTHING_READ

    def test_beside_a_file_that_is_read_it_is_a_failure(self, csaclean: Command, tree: Path) -> None:
        done = csaclean("check", tree / "notes.txt", tree / "a" / "1.dcm", "--json", "-")
        assert statuses(done)["notes.txt"] == ("failed", "not-dicom")
        assert done.returncode == SOME_FAILED

    def test_a_named_dicomdir_fails(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        done = csaclean(tree / "DICOMDIR", "-o", tmp_path / "out", "--json", "-")
        assert statuses(done) == {"DICOMDIR": ("failed", "unsupported")}
        assert done.returncode == SOME_FAILED


class TestFifos:
    """Opening a FIFO would wait for ever."""

    @pytest.fixture
    def fifo(self, tree: Path) -> Path:
        path = tree / "a" / "fifo.dcm"
        os.mkfifo(path)
        return path

    @pytest.mark.parametrize("command", [["check"], ["clean"], ["clean", "-i"], ["show"]])
    def test_a_named_one_fails(self, csaclean: Command, fifo: Path, command: list[str]) -> None:
        done = csaclean(*command, fifo)
        assert done.returncode == NOTHING_READ
        assert "not a regular file" in done.stderr
        assert stat.S_ISFIFO(fifo.stat().st_mode)

    def test_one_in_a_folder_is_skipped_and_the_others_are_done(
        self, csaclean: Command, fifo: Path, tree: Path, tmp_path: Path
    ) -> None:
        done = csaclean(tree, "-o", tmp_path / "out", "--json", "-")
        found = statuses(done)
        assert found.pop(str(fifo.relative_to(tree))) == ("skipped", "not-dicom")
        assert all(status != "failed" for status, _ in found.values())
        assert (tmp_path / "out" / "b" / "deep" / "3").exists()


class TestNamesThatAreNoText:
    """Linux names files by bytes; the command works with all of them."""

    NAME = b"gr\xf6\xdfe.dcm"

    @pytest.fixture
    def folder(self, tmp_path: Path, small_file: Builder) -> Path:
        folder = tmp_path / "in"
        folder.mkdir()
        try:
            with open(os.path.join(os.fsencode(folder), self.NAME), "wb") as file:  # noqa: PTH123
                file.write(small_file())
        except OSError:
            pytest.skip("the file system takes only names that are text")
        return folder

    STRICT = {"PYTHONIOENCODING": "utf-8:strict"}  # noqa: RUF012  # as in a UTF-8 locale
    ASCII = {"PYTHONIOENCODING": "ascii:strict"}  # noqa: RUF012

    @pytest.mark.parametrize("env", [STRICT, ASCII])
    @pytest.mark.parametrize("more", [[], ["-v"], ["-q"], ["--json", "-"], ["--no-paths", "-v"], ["-j", "2"]])
    def test_the_file_is_cleaned_into_its_own_name(
        self, csaclean: Command, folder: Path, tmp_path: Path, env: dict[str, str], more: list[str]
    ) -> None:
        done = csaclean(folder, "-o", tmp_path / "out", *more, env=env)
        assert done.stderr.count("\n") <= 2 + 2 * ("--json" in more)
        assert done.returncode == DONE
        assert os.listdir(os.fsencode(tmp_path / "out")) == [self.NAME]  # noqa: PTH208

    def test_a_log_takes_the_name(self, csaclean: Command, folder: Path, tmp_path: Path) -> None:
        done = csaclean(
            folder, "-o", tmp_path / "out", "--log-file", tmp_path / "log", "--json", tmp_path / "json"
        )
        assert done.returncode == DONE
        assert "cleaned:" in (tmp_path / "log").read_text("utf-8")

    @pytest.mark.parametrize("env", [STRICT, ASCII])
    def test_show_prints_it(self, csaclean: Command, folder: Path, env: dict[str, str]) -> None:
        done = csaclean("show", os.path.join(os.fsencode(folder), self.NAME), env=env)
        assert done.stderr == ""
        assert done.returncode == DONE

    def test_a_failure_is_told_in_one_line(self, csaclean: Command, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        with open(os.path.join(os.fsencode(tmp_path / "in"), self.NAME), "wb") as file:  # noqa: PTH123
            file.write(bytes(128) + b"DICM")
        done = csaclean("check", tmp_path / "in", env=self.STRICT)
        assert done.returncode == SOME_FAILED
        assert "gr\\udcf6\\udcdfe.dcm" in done.stderr or "gr\\xf6\\xdfe.dcm" in done.stderr

    @pytest.mark.parametrize("name", ["two\nlines.dcm", "\x1b[31mred.dcm"])
    def test_control_characters_of_a_name_are_escaped(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, name: str
    ) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / name).write_bytes(small_file()[:-5])
        done = csaclean("check", tmp_path / "in")
        assert done.returncode == SOME_FAILED
        failures = [line for line in done.stderr.splitlines() if "[malformed-file]" in line]
        assert len(failures) == 1
        assert failures[0].startswith("csaclean: failed: ")
        assert failures[0].isprintable()


class TestPermissions:
    """What the system refuses. Root is refused nothing by modes, so as root the command runs without that privilege."""

    @pytest.fixture
    def folder(self, tmp_path: Path, small_file: Builder) -> Iterator[Path]:
        for name in ("in/1.dcm", "in/2.dcm", "in/deep/3.dcm"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(small_file())
        yield tmp_path
        for path in (tmp_path / "in", tmp_path / "in" / "deep"):
            path.chmod(0o755)

    @pytest.fixture
    def bound(self, script: Path, folder: Path) -> Command:
        """Run the command as somebody to whom modes apply."""
        prefix: list[str] = []
        if os.getuid() == 0:
            prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
            if shutil.which("setpriv") is None:
                pytest.skip("root, and no setpriv to give up its privileges with")
            secret = folder / "secret"
            secret.touch(mode=0o000)
            if subprocess.run([*prefix, "cat", secret], check=False, capture_output=True).returncode == 0:
                pytest.skip("root, whose privileges can't be given up here")

        def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*prefix, script, *arguments],
                cwd=folder,
                capture_output=True,
                check=False,
                text=True,
                timeout=120,
            )

        return run

    def test_an_unreadable_file_fails_and_the_others_are_done(self, bound: Command, folder: Path) -> None:
        (folder / "in" / "1.dcm").chmod(0o000)
        done = bound(folder / "in", "-o", folder / "out", "--json", "-")
        assert statuses(done) == {
            "1.dcm": ("failed", "io"),
            "2.dcm": ("cleaned", None),
            "deep/3.dcm": ("cleaned", None),
        }
        assert done.returncode == SOME_FAILED
        assert "1.dcm" in done.stderr
        assert not (folder / "out" / "1.dcm").exists()

    def test_a_folder_that_cannot_be_listed_fails_and_the_others_are_done(
        self, bound: Command, folder: Path
    ) -> None:
        (folder / "in" / "deep").chmod(0o000)
        done = bound(folder / "in", "-o", folder / "out", "--json", "-")
        assert statuses(done) == {
            "1.dcm": ("cleaned", None),
            "2.dcm": ("cleaned", None),
            "deep": ("failed", "io"),
        }
        assert done.returncode == SOME_FAILED

    def test_the_input_folder_itself_cannot_be_listed(self, bound: Command, folder: Path) -> None:
        (folder / "in").chmod(0o000)
        done = bound(folder / "in", "-o", folder / "out")
        assert done.returncode == SOME_FAILED
        assert "Traceback" not in done.stderr

    def test_a_folder_that_cannot_be_written_fails_every_file_in_place(
        self, bound: Command, folder: Path, small_file: Builder
    ) -> None:
        (folder / "in").chmod(0o555)
        (folder / "in" / "deep").chmod(0o555)
        done = bound("-i", folder / "in", "--json", "-")
        assert set(statuses(done).values()) == {("failed", "io")}
        assert done.returncode == SOME_FAILED
        assert (folder / "in" / "1.dcm").read_bytes() == small_file()
        assert sorted(os.listdir(folder / "in")) == ["1.dcm", "2.dcm", "deep"]  # noqa: PTH208

    def test_an_output_folder_that_cannot_be_made_fails_every_file(
        self, bound: Command, folder: Path
    ) -> None:
        (folder / "locked").mkdir(mode=0o555)
        done = bound(folder / "in", "-o", folder / "locked" / "out", "--json", "-")
        assert set(statuses(done).values()) == {("failed", "io")}
        assert done.returncode == SOME_FAILED
        assert not list((folder / "locked").iterdir())

    def test_an_output_folder_that_cannot_be_written_fails_every_file(
        self, bound: Command, folder: Path
    ) -> None:
        (folder / "out").mkdir(mode=0o555)
        done = bound(folder / "in", "-o", folder / "out")
        assert done.returncode == SOME_FAILED
        assert done.stderr.count("[io]") == 3
        assert "Traceback" not in done.stderr

    def test_a_read_only_file_in_a_writable_folder_is_replaced_in_place_and_stays_read_only(
        self, bound: Command, folder: Path, small_file: Builder
    ) -> None:
        mine = folder / "mine"
        mine.mkdir()
        path = mine / "1.dcm"
        path.write_bytes(small_file())
        path.chmod(0o444)
        assert bound("-i", path).returncode == DONE
        assert b"CANARY" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_python_m_csaclean_is_the_same_command(tree: Path, tmp_path: Path, csaclean: Command) -> None:
    module = subprocess.run(
        [sys.executable, "-m", "csaclean", "check", tree],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    script = csaclean("check", tree)
    assert (module.returncode, module.stdout, module.stderr) == (
        script.returncode,
        script.stdout,
        script.stderr,
    )
    assert module.returncode == WOULD_CHANGE
