"""``csaclean.clean_tree``: a call that is checked at once, reports one by one, any executor."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import csaclean
from csaclean.errors import PolicyError, UsageError

Builder = Callable[..., bytes]


@pytest.fixture
def tree(tmp_path: Path, small_file: Builder, plain_file: bytes) -> Path:
    """Return a folder of several batches, one file of which fails."""
    root = tmp_path / "in"
    (root / "a").mkdir(parents=True)
    (root / "b").mkdir()
    for number in range(36):
        (root / "a" / f"{number:02}.dcm").write_bytes(small_file(number + 1))
    (root / "a" / "05.dcm").write_bytes(small_file(6)[:-9])
    (root / "b" / "plain.dcm").write_bytes(plain_file)
    (root / "notes.txt").write_bytes(b"notes")
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestAtOnce:
    """What is wrong with the call is raised by the call."""

    def test_a_source_that_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            csaclean.clean_tree(tmp_path / "missing", tmp_path / "out")

    def test_a_source_that_is_a_file(self, tree: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            csaclean.clean_tree(tree / "notes.txt", tmp_path / "out")

    @pytest.mark.parametrize("below", ["", "out", "a"])
    def test_a_target_inside_the_source(self, tree: Path, below: str) -> None:
        before = contents(tree)
        with pytest.raises(UsageError, match="inside"):
            csaclean.clean_tree(tree, tree / below)
        assert contents(tree) == before

    def test_a_target_that_is_a_file(self, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "out").write_bytes(b"mine")
        with pytest.raises(UsageError):
            csaclean.clean_tree(tree, tmp_path / "out")

    def test_an_unknown_policy(self, tree: Path, tmp_path: Path) -> None:
        with pytest.raises(PolicyError):
            csaclean.clean_tree(tree, tmp_path / "out", "no-such-policy")

    def test_nothing_is_written_before_the_first_report_is_asked_for(
        self, tree: Path, tmp_path: Path
    ) -> None:
        run = csaclean.clean_tree(tree, tmp_path / "out")
        assert len(run) == 38
        assert not (tmp_path / "out").exists()


class TestRun:
    def test_it_gives_a_report_per_file_in_sorted_order(self, tree: Path, tmp_path: Path) -> None:
        reports = list(csaclean.clean_tree(tree, tmp_path / "out"))
        assert all(isinstance(report, csaclean.Report) for report in reports)
        expected = ["notes.txt", *(f"a/{number:02}.dcm" for number in range(36)), "b/plain.dcm"]
        assert [report.file for report in reports] == expected

    def test_a_failing_file_does_not_stop_it(self, tree: Path, tmp_path: Path) -> None:
        reports = {report.file: report for report in csaclean.clean_tree(tree, tmp_path / "out")}
        failed = reports.pop("a/05.dcm")
        assert (failed.status, failed.error) == ("failed", "malformed-file")
        assert failed.reason
        assert not failed.vouched
        assert {report.status for report in reports.values()} == {"cleaned", "unchanged", "skipped"}
        assert sorted(contents(tmp_path / "out")) == sorted(set(reports) - {"notes.txt"})

    def test_wait_returns_the_summary(self, tree: Path, tmp_path: Path) -> None:
        summary = csaclean.clean_tree(tree, tmp_path / "out").wait()
        assert isinstance(summary, csaclean.Summary)
        assert dict(summary.files) == {"cleaned": 35, "unchanged": 1, "failed": 1, "skipped": 1}
        assert summary.failed == ["a/05.dcm"]
        assert summary.unvouched == 0
        assert summary.dead_nonzero > 0

    def test_reports_taken_before_are_in_the_summary_too(self, tree: Path, tmp_path: Path) -> None:
        run = csaclean.clean_tree(tree, tmp_path / "out")
        taken = [next(iter(run)), next(iter(run))]
        assert [report.file for report in taken] == ["notes.txt", "a/00.dcm"]
        summary = run.wait()
        assert summary.files.total() == 38
        assert list(run) == []
        assert run.wait() is summary

    def test_a_run_that_is_left_in_the_middle_has_done_what_it_reported(
        self, tree: Path, tmp_path: Path
    ) -> None:
        run = csaclean.clean_tree(tree, tmp_path / "out")
        for report in run:
            if report.file == "a/03.dcm":
                break
        assert sorted(contents(tmp_path / "out")) == [f"a/{number:02}.dcm" for number in range(4)]

    def test_a_file_that_vanishes_fails_and_the_others_are_done(self, tree: Path, tmp_path: Path) -> None:
        run = csaclean.clean_tree(tree, tmp_path / "out")
        (tree / "a" / "07.dcm").unlink()
        reports = {report.file: report for report in run}
        assert (reports["a/07.dcm"].status, reports["a/07.dcm"].error) == ("failed", "io")
        assert reports["a/08.dcm"].status == "cleaned"

    def test_a_folder_that_vanishes_fails_its_files(self, tree: Path, tmp_path: Path) -> None:
        run = csaclean.clean_tree(tree, tmp_path / "out")
        (tree / "b" / "plain.dcm").unlink()
        (tree / "b").rmdir()
        assert {report.file for report in run if report.status == "failed"} == {"a/05.dcm", "b/plain.dcm"}

    def test_an_existing_target_fails_unless_overwriting_was_asked_for(
        self, tree: Path, tmp_path: Path
    ) -> None:
        first = csaclean.clean_tree(tree, tmp_path / "out").wait()
        second = csaclean.clean_tree(tree, tmp_path / "out").wait()
        third = csaclean.clean_tree(tree, tmp_path / "out", overwrite=True).wait()
        assert second.files["failed"] == 37
        assert third == first

    def test_a_single_file_gives_the_report_of_clean_file(self, tree: Path, tmp_path: Path) -> None:
        alone = csaclean.clean_file(tree / "a" / "00.dcm", tmp_path / "alone.dcm")
        (tmp_path / "one").mkdir()
        (tree / "a" / "00.dcm").rename(tmp_path / "one" / "00.dcm")
        assert list(csaclean.clean_tree(tmp_path / "one", tmp_path / "out")) == [alone]
        assert (tmp_path / "out" / "00.dcm").read_bytes() == (tmp_path / "alone.dcm").read_bytes()


class TestExecutors:
    @pytest.fixture(params=[ThreadPoolExecutor, ProcessPoolExecutor])
    def executor(self, request: pytest.FixtureRequest) -> Iterator[Executor]:
        with request.param(2) as executor:
            yield executor

    def test_any_executor_gives_equal_reports_files_and_summary(
        self, tree: Path, tmp_path: Path, executor: Executor
    ) -> None:
        serial = csaclean.clean_tree(tree, tmp_path / "serial")
        parallel = csaclean.clean_tree(tree, tmp_path / "parallel", executor=executor)
        assert list(parallel) == list(serial)
        assert parallel.wait() == serial.wait()
        assert contents(tmp_path / "parallel") == contents(tmp_path / "serial")

    def test_it_is_not_shut_down(self, tree: Path, tmp_path: Path, executor: Executor) -> None:
        csaclean.clean_tree(tree, tmp_path / "out", executor=executor).wait()
        assert executor.submit(abs, -1).result() == 1

    def test_nothing_is_submitted_before_the_first_report_is_asked_for(
        self, tree: Path, tmp_path: Path, executor: Executor
    ) -> None:
        csaclean.clean_tree(tree, tmp_path / "out", executor=executor)
        executor.submit(abs, -1).result()
        assert not (tmp_path / "out").exists()

    def test_a_worker_that_dies_fails_its_files_only(self, tree: Path, tmp_path: Path) -> None:
        class Second(Executor):
            """Runs every batch at once, but the second one dies."""

            calls = 0

            def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
                self.calls += 1
                future: Future[Any] = Future()
                if self.calls == 2:
                    future.set_exception(RuntimeError("PHANTOM^SYNTHETIC"))
                else:
                    future.set_result(fn(*args, **kwargs))
                return future

        reports = list(csaclean.clean_tree(tree, tmp_path / "out", executor=Second()))
        dead = [report for report in reports if report.error == "internal"]
        assert len(reports) == 38
        assert 0 < len(dead) <= 32
        assert not [report for report in dead if "PHANTOM" in report.reason]
        done = {report.file for report in reports if report.status in ("cleaned", "unchanged")}
        assert set(contents(tmp_path / "out")) == done
