"""Many files: one report after the other, and a summary.

A batch goes on past every failed file. Files are worked on in batches of neighbours of one folder, the same whether one
process works or many, so that ``-j`` changes no verdict.
"""

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Unpack

from csaclean.clean import Cleaner, PreambleAction
from csaclean.errors import CsacleanError, DicomDirectory, NotDicom, Unsupported, UsageError, raised_at
from csaclean.inputs import Destination, Job, find_inputs, plan_jobs
from csaclean.policy.options import Options, OptionWords, make_options
from csaclean.policy.policies import Policy, load_policy
from csaclean.proof.witness import ProofLevel
from csaclean.registry import installed
from csaclean.report.model import Report, Summary

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = ["Run", "Settings", "clean_tree", "prepare_worker"]

BATCH_SIZE: Final = 32
"""Files that share one memory of what witnesses have read."""

PATIENCE: Final = 2
"""Seconds without work after which a worker that was asked to end does so."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker needs to clean files."""

    policy: Policy
    preamble: PreambleAction = "null"
    proof: ProofLevel = "rows"
    options: Options = field(default_factory=Options)
    mark: bool = False

    def cleaner(self) -> Cleaner:
        """Return a cleaner for one batch."""
        return Cleaner(self.policy, installed(), self.preamble, self.proof, self.options, self.mark)


def _clean_one(cleaner: Cleaner, job: Job) -> Report:
    source, target = job.source, job.target
    if source.error is not None:
        return Report(source.name, "failed", "io", source.error)
    try:
        if target is None:
            return cleaner.check(source.path, source.name)
        if target.in_place and source.path.is_symlink():
            raise Unsupported("a symbolic link is not cleaned in place")
        return cleaner.clean(source.path, source.name, target, job.backup)
    except (NotDicom, DicomDirectory) as error:
        if not source.named:
            return Report(source.name, "skipped", error.code, str(error))
        return Report(source.name, "failed", error.code, str(error))
    except CsacleanError as error:
        return Report(source.name, "failed", error.code, str(error))
    except OSError as error:
        return Report(source.name, "failed", "io", os.strerror(error.errno or 0))
    except Exception as error:  # noqa: BLE001  # the boundary: its text may hold anything, so only its type is told
        return Report(source.name, "failed", "internal", raised_at(error))


def _clean_batch(settings: Settings, jobs: Sequence[Job]) -> list[Report]:
    """Clean a batch; what a worker process runs."""
    _WORKER.busy = True
    if _WORKER.asked_to_end:
        signal.alarm(0)
    try:
        cleaner = settings.cleaner()
        return [_clean_one(cleaner, job) for job in jobs]
    finally:
        _WORKER.busy = False
        if _WORKER.asked_to_end:
            signal.alarm(PATIENCE)


class _Worker:
    """What a worker process knows of itself."""

    busy = False
    asked_to_end = False


_WORKER: Final = _Worker()


def _end_when_idle(_number: int, _frame: FrameType | None) -> None:
    """Let the alarm end this process when it has had nothing to do for a while: nothing is temporary then."""
    _WORKER.asked_to_end = True
    if not _WORKER.busy:
        signal.alarm(PATIENCE)


def prepare_worker() -> None:
    """Leave interrupts and hang-ups to the main process: a worker finishes its files, the main process gives it no more.

    A request to end may come from whoever ends the main process too, which then sends its workers home. It may also come
    from an executor that has lost another worker: that one sends nobody home, and waits until all are gone.
    """
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "alarm"):  # elsewhere a process is ended without being asked
        signal.signal(signal.SIGTERM, _end_when_idle)


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    batch: list[Job] = []
    for job in jobs:
        if batch and (len(batch) == BATCH_SIZE or batch[-1].source.path.parent != job.source.path.parent):
            yield batch
            batch = []
        batch.append(job)
    if batch:
        yield batch


class Run:
    """The work that a call asked for: iterate for the reports, in input order, or `wait` for the summary.

    Parameters
    ----------
    jobs
        What to do.
    settings
        How.
    executor
        Any `concurrent.futures.Executor`; None to work in this process. It isn't shut down.
    """

    def __init__(self, jobs: Sequence[Job], settings: Settings, executor: "Executor | None" = None) -> None:
        self.jobs = tuple(jobs)
        self.summary = Summary()
        self._settings = settings
        self._executor = executor
        self._reports = self._work()

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self.jobs)

    def __iter__(self) -> Iterator[Report]:
        """Iterate over the reports that have not been taken yet, cleaning as it goes."""
        return self._reports

    def wait(self) -> Summary:
        """Finish, and return the summary of all files."""
        for _ in self._reports:
            pass
        return self.summary

    def _work(self) -> Iterator[Report]:
        source = self._serial() if self._executor is None else self._parallel(self._executor)
        for report in source:
            self.summary.add(report)
            yield report

    def _serial(self) -> Iterator[Report]:
        for batch in _batches(self.jobs):
            cleaner = self._settings.cleaner()
            for job in batch:
                yield _clean_one(cleaner, job)

    def _parallel(self, executor: "Executor") -> Iterator[Report]:
        pending: list[tuple[list[Job], Future[list[Report]]]] = [
            (batch, executor.submit(_clean_batch, self._settings, batch)) for batch in _batches(self.jobs)
        ]
        try:
            for batch, future in pending:
                try:
                    yield from future.result()
                except Exception as error:  # noqa: BLE001  # a worker died: its files are failed, the others go on
                    for job in batch:
                        yield Report(job.source.name, "failed", "internal", f"worker: {type(error).__name__}")
        finally:
            for _, future in pending:
                future.cancel()


def clean_tree(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    policy: str | os.PathLike[str] = "converter-safe",
    *,
    executor: "Executor | None" = None,
    overwrite: bool = False,
    preamble: PreambleAction = "null",
    proof: ProofLevel = "rows",
    mark: bool = False,
    **options: Unpack[OptionWords],
) -> Run:
    """Clean every DICOM file of a folder into another.

    Parameters
    ----------
    src
        The folder; its links to folders are not followed.
    dst
        The folder to write to, made if missing, outside `src`.
    policy
        Name of a policy that ships, or path of a TOML file.
    executor
        Does the work in batches of files, in order; None for this process.
    overwrite
        Whether existing files may be replaced.
    preamble, proof, mark
        As for `csaclean.clean_file`.
    **options
        Those of `csaclean.policy.options.OptionWords`.

    Returns
    -------
    Run
        Nothing is cleaned before it is iterated over, or `Run.wait` is called.

    Raises
    ------
    UsageError
        At once, if `src` is no folder, or `dst` lies inside it.
    PolicyError, HandlerError
        At once, if the policy, an option's file or a handler can't be used.
    """
    source = Path(src)
    if not source.is_dir():
        raise UsageError("the source is not a folder")
    settings = Settings(load_policy(policy), preamble, proof, make_options(options), mark)
    settings.cleaner()  # a policy that can't be used is told at once
    paths = (source,)
    jobs = plan_jobs(paths, find_inputs(paths), Destination(Path(dst), overwrite=overwrite))
    return Run(jobs, settings, executor)
