"""Prove a policy on files of one's own: what dcm2niix makes of cleaned copies is what it makes of the originals.

Files are taken folder by folder, as dcm2niix is given them; a file that is named itself is taken alone. The cleaned copies,
and all that dcm2niix makes, lie in a folder that nobody else may enter and that is removed whatever happens.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final, Literal, NamedTuple, Unpack

from csaclean.adapters.dcm2niix import (
    TIMEOUT,
    Conversion,
    Converter,
    Difference,
    convert,
    differences,
    find_converter,
)
from csaclean.batch import Run, Settings
from csaclean.clean import PreambleAction
from csaclean.errors import ConverterFailed, IoFailed, UsageError
from csaclean.inputs import Input, Job, find_inputs, real_path
from csaclean.policy.options import OptionWords, make_options
from csaclean.policy.policies import load_policy
from csaclean.proof.witness import ProofLevel
from csaclean.registry import installed
from csaclean.report.model import Report, Summary
from csaclean.write import Target

__all__ = ["Failure", "InputSet", "ProveReport", "Proved", "Proving", "Verdict", "declared_keys", "prove"]

LONGEST_TIMEOUT: Final = 1_000_000
"""Seconds; far beyond it systems can't wait."""

Verdict = Literal["identical", "differs", "failed", "unrepeatable", "nothing-to-compare"]


class InputSet(NamedTuple):
    """Files that dcm2niix converts in one run.

    Attributes
    ----------
    name
        What reports call it: the folder's name relative to what was named, or the file's.
    files
        The files.
    single
        Whether it is one file that was named itself.
    """

    name: str
    files: tuple[Input, ...]
    single: bool


class Failure(NamedTuple):
    """A file that could not be cleaned, and its number in the order of all inputs."""

    number: int
    report: Report


@dataclass(frozen=True, slots=True)
class Proved:
    """What came of one set of files.

    Attributes
    ----------
    name
        The set.
    files
        Number of files by what cleaning them came to; those that failed or were skipped were not compared.
    outputs
        How many files dcm2niix made of the originals.
    differences
        In what the cleaned copies' differ.
    declared
        Keys of sidecars that the policy says may change.
    unrepeatable
        In what a second conversion of the very same files differs, looked at if there is a difference that is not
        declared: what dcm2niix takes from memory that it never wrote is another thing in every run.
    failures
        The files that could not be cleaned.
    error, reason
        Code and text, if dcm2niix could not be run to its end or the copies not be made.
    """

    name: str
    files: Mapping[str, int]
    outputs: int = 0
    differences: tuple[Difference, ...] = ()
    declared: frozenset[str] = frozenset()
    unrepeatable: tuple[Difference, ...] = ()
    failures: tuple[Failure, ...] = ()
    error: str = ""
    reason: str = ""

    @property
    def undeclared(self) -> tuple[Difference, ...]:
        """The differences that the policy did not declare."""
        return tuple(one for one in self.differences if one.key is None or one.key not in self.declared)

    @property
    def unchanged(self) -> tuple[str, ...]:
        """The declared keys that did not change: no failure, but the policy says more than it does."""
        return tuple(sorted(self.declared - {one.key for one in self.differences}))

    @property
    def verdict(self) -> Verdict:
        """What was proved.

        ``differs``: something changed that is not declared. ``failed``: a file could not be cleaned, or dcm2niix not be
        run. ``unrepeatable``: nothing else differs than what dcm2niix makes otherwise each time, of which nothing can be
        proved. ``nothing-to-compare``: dcm2niix makes nothing of these files. ``identical``: nothing differs but
        declared keys.
        """
        unrepeatable = {(one.output, one.key) for one in self.unrepeatable}
        if any((one.output, one.key) not in unrepeatable for one in self.undeclared):
            return "differs"
        if self.failures or self.error:
            return "failed"
        if self.undeclared:
            return "unrepeatable"
        return "identical" if self.outputs else "nothing-to-compare"


@dataclass(frozen=True, slots=True)
class ProveReport:
    """What came of all sets.

    Attributes
    ----------
    sets
        One after the other.
    converter
        Version of dcm2niix.
    summary
        The files, counted as after cleaning.
    """

    sets: tuple[Proved, ...]
    converter: str
    summary: Summary

    @property
    def verdicts(self) -> Counter[Verdict]:
        """Number of sets by verdict."""
        return Counter(one.verdict for one in self.sets)

    @property
    def verdict(self) -> Verdict:
        """The worst of all; sets of which dcm2niix makes nothing don't count beside others."""
        found = self.verdicts
        for verdict in ("differs", "failed", "unrepeatable", "identical"):
            if found[verdict]:
                return verdict
        return "nothing-to-compare"


def declared_keys(reports: Iterable[Report]) -> frozenset[str]:
    """Return the keys of dcm2niix's sidecars that the redactions in these files may change."""
    return frozenset(key for report in reports for key in report.declared)


def find_sets(inputs: Sequence[Input]) -> list[InputSet]:
    """Return files in sets: each folder's files together, each file that was named itself alone."""
    sets: list[InputSet] = []
    for (folder, _), members in groupby(
        enumerate(inputs), lambda one: (one[1].path.parent, one[0] if one[1].named else -1)
    ):
        files = tuple(member for _, member in members)
        if files[0].named:
            sets.append(InputSet(files[0].name, files, single=True))
        else:
            name = os.path.dirname(files[0].name) or real_path(folder).name  # noqa: PTH120  # a name, not a path
            sets.append(InputSet(name, files, single=False))
    return sets


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Give a folder that only this user may enter; remove it, even if the run is interrupted while it is removed.

    Raises
    ------
    OSError
        If it can't be made.
    IoFailed
        If it can't be removed: something is left then.
    """
    folder = real_path(tempfile.mkdtemp(prefix="csaclean-"))
    try:
        yield folder
    finally:
        try:
            _remove(folder)
        except KeyboardInterrupt:
            _remove(folder)
            raise


def _remove(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise IoFailed(
            f"can't remove the temporary folder {folder.name}: {os.strerror(error.errno or 0)}"
        ) from None


def _link(source: Path, target: Path) -> None:
    """Let `target` stand for a file without a second copy of it, where links can be made."""
    try:
        target.symlink_to(source.absolute())
    except (OSError, NotImplementedError):
        shutil.copyfile(source, target)


class Proving:
    """The work that a call asked for: iterate for what came of each set, or `wait` for the report.

    Parameters
    ----------
    paths
        Files and folders.
    settings
        How files are cleaned.
    converter
        The dcm2niix to run.
    timeout
        Seconds that it may take for one set.
    declared
        Keys of sidecars that may change; None for what the reports of the files declare.

    Raises
    ------
    UsageError
        If temporary files would lie inside an input folder, or the timeout is none.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        settings: Settings,
        converter: Converter,
        timeout: float = TIMEOUT,
        declared: Collection[str] | None = None,
    ) -> None:
        if not 0 < timeout <= LONGEST_TIMEOUT:
            raise UsageError(f"a timeout is a number of seconds above 0, at most {LONGEST_TIMEOUT}")
        temporary = real_path(tempfile.gettempdir())
        if any(path.is_dir() and temporary.is_relative_to(real_path(path)) for path in paths):
            raise UsageError("the folder for temporary files lies inside an input folder; set TMPDIR")
        self.inputs = find_inputs(paths)
        self.settings = settings
        self.converter = converter
        self.summary = Summary()
        self._timeout = timeout
        self._declared = None if declared is None else frozenset(declared)
        self._proved: list[Proved] = []
        self._results = self._work()

    def __iter__(self) -> Iterator[Proved]:
        """Iterate over what came of the sets that have not been taken yet, working as it goes."""
        return self._results

    def wait(self) -> ProveReport:
        """Finish, and return the report of all sets."""
        for _ in self._results:
            pass
        return ProveReport(tuple(self._proved), self.converter.version, self.summary)

    def _work(self) -> Iterator[Proved]:
        first = 1
        for one in find_sets(self.inputs):
            try:
                with _private_folder() as folder:
                    proved = self._prove(one, folder, first)
            except OSError as error:
                raise IoFailed(f"can't use a temporary folder: {os.strerror(error.errno or 0)}") from None
            first += len(one.files)
            if proved is not None:
                self._proved.append(proved)
                yield proved

    def _prove(self, one: InputSet, folder: Path, first: int) -> Proved | None:
        """Clean and compare a set in a folder; None if no file of it is DICOM.

        The names of both folders are of one length, so that no limit of dcm2niix cuts one and not the other.
        """
        inside = () if one.single else ("series",)
        old, new = folder.joinpath("old", *inside), folder.joinpath("new", *inside)
        for place in (old, new):
            place.mkdir(parents=True)
        jobs = [Job(file, Target(new / file.path.name)) for file in one.files]
        reports = list(Run(jobs, self.settings))
        for report in reports:
            self.summary.add(report)
        count = Counter(str(report.status) for report in reports)
        failures = tuple(
            Failure(number, report)
            for number, report in enumerate(reports, first)
            if report.status == "failed"
        )
        declared = declared_keys(reports) if self._declared is None else self._declared
        proved = Proved(one.name, count, declared=declared, failures=failures)
        readable = [
            job
            for job, report in zip(jobs, reports, strict=True)
            if report.status in ("cleaned", "unchanged")
        ]
        if not readable:
            return proved if failures else None
        try:
            for job in readable:
                _link(job.source.path, old / job.source.path.name)
            if one.single:
                old, new = (place / one.files[0].path.name for place in (old, new))
            return self._compare(old, new, folder, proved)
        except ConverterFailed as error:
            return replace(proved, error=error.code, reason=str(error))
        except OSError as error:
            return replace(proved, error="io", reason=os.strerror(error.errno or 0))

    def _compare(self, old: Path, new: Path, folder: Path, proved: Proved) -> Proved:
        """Convert both and compare; where they differ, once more, and each with itself.

        Raises
        ------
        ConverterFailed, OSError
            If dcm2niix can't be run to its end, or what it made not be read.
        """

        def both(made: str) -> list[Conversion]:
            return [
                convert(place, folder / made / name, self.converter, self._timeout)
                for place, name in ((old, "old"), (new, "new"))
            ]

        before, after = first = both("made-1")
        proved = replace(
            proved, outputs=len(before.files), differences=differences(before, after, proved.declared)
        )
        if not proved.undeclared:
            return proved
        names = before.files.keys() | after.files.keys()
        repeated = [
            difference
            for one, again in zip(first, both("made-2"), strict=True)
            for difference in differences(one, again, proved.declared, names)
        ]
        return replace(proved, unrepeatable=tuple(dict.fromkeys(repeated)))


def prove(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    policy: str | os.PathLike[str] = "converter-safe",
    *,
    declared: Collection[str] | None = None,
    converter: str | os.PathLike[str] | None = None,
    timeout: float = TIMEOUT,
    preamble: PreambleAction = "null",
    proof: ProofLevel = "rows",
    **options: Unpack[OptionWords],
) -> ProveReport:
    """Compare what dcm2niix makes of files with what it makes of cleaned copies.

    Parameters
    ----------
    paths
        A file or folder, or several. Nothing is written beside them.
    policy
        Name of a policy that ships, or path of a TOML file.
    declared
        Keys of dcm2niix's sidecars that may change; None for those that the policy's redactions declare.
    converter
        The program; None for the one of the extra ``dcm2niix``, or else on ``PATH``.
    timeout
        Seconds that dcm2niix may take for one set of files.
    preamble, proof, **options
        As for `csaclean.clean_file`.

    Returns
    -------
    ProveReport
        A verdict for each set of files.

    Raises
    ------
    UsageError
        If there is no dcm2niix, temporary files would lie inside an input folder, or the timeout is none.
    PolicyError, HandlerError
        If the policy or a handler can't be used.
    IoFailed
        If the temporary folder can't be made or removed.
    """
    named = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    settings = Settings(load_policy(policy), preamble, proof, make_options(options))
    installed()
    program = find_converter(None if converter is None else Path(converter))
    return Proving([Path(path) for path in named], settings, program, timeout, declared).wait()
