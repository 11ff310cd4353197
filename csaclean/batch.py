"""Many files: which ones a call means, where each goes, and one report after the other.

Everything that can be wrong with a call is found before the first write. After that a batch goes on past every failed
file. Files are worked on in batches of neighbours of one folder, the same whether one process works or many, so that
``-j`` changes no verdict.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final, NamedTuple

from csaclean.clean import Cleaner, PreambleAction
from csaclean.errors import CsacleanError, DicomDirectory, NotDicom, Unsupported, UsageError, raised_at
from csaclean.policy.policies import Policy, load_policy
from csaclean.proof.witness import ProofLevel
from csaclean.registry import installed
from csaclean.report.model import Report, Summary
from csaclean.write import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, Target

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = [
    "Destination",
    "Input",
    "Job",
    "Run",
    "Settings",
    "beside",
    "clean_tree",
    "find_inputs",
    "plan_jobs",
]

BATCH_SIZE: Final = 32
"""Files that share one memory of what witnesses have read."""
_DICOM_SUFFIXES: Final = (".dcm", ".ima", ".img")


class Input(NamedTuple):
    """A file to be read.

    Attributes
    ----------
    path
        Where it is.
    name
        Its name relative to what the user named: in reports, and below the output folder.
    named
        Whether the user named this very file: then it fails where others are skipped.
    error
        Why it can't even be looked at; None if it can.
    """

    path: Path
    name: str
    named: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where results go: into `folder`, in place, or nowhere.

    Attributes
    ----------
    folder
        Output folder; None for none.
    in_place
        Replace the originals.
    overwrite
        Whether existing files may be replaced.
    backup
        Folder that gets the originals before they are replaced.
    """

    folder: Path | None = None
    in_place: bool = False
    overwrite: bool = False
    backup: Path | None = None


class Job(NamedTuple):
    """One file and where it goes; without a target it is only checked."""

    source: Input
    target: Target | None
    backup: Target | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker needs to clean files."""

    policy: Policy
    preamble: PreambleAction = "null"
    proof: ProofLevel = "rows"

    def cleaner(self) -> Cleaner:
        """Return a cleaner for one batch."""
        return Cleaner(self.policy, installed(), self.preamble, self.proof)


def _walk_folder(folder: Path, prefix: str) -> Iterator[Input]:
    """Yield the files of a folder in sorted order; links to folders are not followed."""
    failed: list[OSError] = []
    for root, folders, names in os.walk(folder, onerror=failed.append):
        folders.sort()
        relative = os.path.relpath(root, folder)
        base = prefix if relative == os.curdir else os.path.join(prefix, relative)
        for name in sorted(names):
            if not (name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)):
                yield Input(Path(root, name), os.path.join(base, name), named=False)
        while failed:
            yield _unreadable(failed.pop(), folder, prefix)
    while failed:
        yield _unreadable(failed.pop(), folder, prefix)


def _unreadable(error: OSError, folder: Path, prefix: str) -> Input:
    path = Path(os.fsdecode(error.filename)) if error.filename else folder
    relative = os.path.relpath(path, folder)
    return Input(
        path,
        os.path.normpath(os.path.join(prefix, relative)),
        named=True,
        error=os.strerror(error.errno or 0),
    )


def find_inputs(paths: Sequence[Path]) -> list[Input]:
    """Return the files that a call means, in the order in which they are worked on.

    Parameters
    ----------
    paths
        Files and folders. Names are relative to a single folder; of several, each one's own name comes first.
    """
    found: list[Input] = []
    for path in paths:
        if path.is_dir():
            found += _walk_folder(path, "" if len(paths) == 1 else path.resolve().name)
        elif not os.path.lexists(path):
            found.append(Input(path, path.name, named=True, error="there is no such file"))
        else:
            found.append(Input(path, path.name, named=True))
    return found


def beside(path: Path) -> Path:
    """Return where the cleaned copy of a single file goes: ``.clean`` before a suffix that means DICOM, else appended.

    Examples
    --------
    >>> beside(Path("a/b.dcm")).name, beside(Path("1.2.3")).name
    ('b.clean.dcm', '1.2.3.clean.dcm')
    """
    if path.suffix.lower() in _DICOM_SUFFIXES:
        return path.with_name(f"{path.stem}.clean{path.suffix}")
    return path.with_name(f"{path.name}.clean.dcm")


def _refuse_inside(folder: Path, what: str, paths: Sequence[Path]) -> None:
    resolved = folder.resolve()
    for path in paths:
        if path.is_dir() and resolved.is_relative_to(path.resolve()):
            raise UsageError(
                f"{what} lies inside an input folder: a converter run there would take both copies of every file"
            )


def _refuse_collisions(inputs: Sequence[Input], folder: Path) -> None:
    """Refuse two files for one place, a file where another needs a folder, and a copy onto an original.

    Raises
    ------
    UsageError
        If there is one.
    """
    names = Counter(os.path.normpath(source.name) for source in inputs)
    folders = {str(parent) for name in names for parent in PurePath(name).parents}
    double = sum(count > 1 or name in folders for name, count in names.items())
    if double:
        raise UsageError(f"{double} of the names in the output folder would stand for more than one input")
    originals = {source.path.resolve() for source in inputs}
    place = folder.resolve()
    if any(place / name in originals for name in names):
        raise UsageError(
            "an original would be written over; -i replaces originals, with --backup-dir elsewhere"
        )


def plan_jobs(paths: Sequence[Path], inputs: Sequence[Input], to: Destination) -> list[Job]:
    """Return where each file goes.

    Raises
    ------
    UsageError
        If two files would go to one place or one onto an original, the output or backup folder lies inside an input
        folder, or, in place, an input is named twice or a link to a folder.
    """
    if to.backup is not None:
        _refuse_inside(to.backup, "the backup folder", paths)
    if to.folder is None and not to.in_place:
        return [Job(source, None) for source in inputs]
    if to.folder is not None:
        if to.folder.exists() and not to.folder.is_dir():
            raise UsageError("the output is not a folder")
        _refuse_inside(to.folder, "the output folder", paths)
        _refuse_collisions(inputs, to.folder)
        return [
            Job(source, Target(to.folder / source.name, to.overwrite, make_folder=True)) for source in inputs
        ]
    if any(path.is_symlink() and path.is_dir() for path in paths):
        raise UsageError("a link to a folder is not cleaned in place; name the folder itself")
    if len({source.path.resolve() for source in inputs}) < len(inputs):
        raise UsageError("an input is named twice, or lies inside another one")
    if to.backup is None:
        return [Job(source, Target(source.path, overwrite=True, in_place=True)) for source in inputs]
    _refuse_collisions(inputs, to.backup)
    return [
        Job(
            source,
            Target(source.path, overwrite=True, in_place=True),
            Target(to.backup / source.name, to.overwrite, make_folder=True),
        )
        for source in inputs
    ]


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
    cleaner = settings.cleaner()
    return [_clean_one(cleaner, job) for job in jobs]


def ignore_interrupts() -> None:
    """Leave an interrupt to the main process: a worker finishes its files, the main process gives it no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
    preamble, proof
        As for `csaclean.clean_file`.

    Returns
    -------
    Run
        Nothing is cleaned before it is iterated over, or `Run.wait` is called.

    Raises
    ------
    UsageError
        At once, if `src` is no folder, or `dst` lies inside it.
    PolicyError, HandlerError
        At once, if the policy or a handler can't be used.
    """
    source = Path(src)
    if not source.is_dir():
        raise UsageError("the source is not a folder")
    settings = Settings(load_policy(policy), preamble, proof)
    installed()
    paths = (source,)
    jobs = plan_jobs(paths, find_inputs(paths), Destination(Path(dst), overwrite=overwrite))
    return Run(jobs, settings, executor)
