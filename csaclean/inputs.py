"""Which files a call means, and where each goes: everything that can be wrong with that is found before any write."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from csaclean.errors import UsageError
from csaclean.write import TEMPORARY_PREFIX, TEMPORARY_SUFFIX, Target

__all__ = ["Destination", "Input", "Job", "beside", "find_inputs", "plan_jobs", "real_path"]

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
            found += _walk_folder(path, "" if len(paths) == 1 else real_path(path).name)
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


def real_path(path: str | os.PathLike[str]) -> Path:
    """Return a path with all links followed, as far as they lead anywhere: links in a circle are no reason to stop."""
    return Path(os.path.realpath(path))


def _refuse_inside(folder: Path, what: str, paths: Sequence[Path]) -> None:
    resolved = real_path(folder)
    for path in paths:
        if path.is_dir() and resolved.is_relative_to(real_path(path)):
            raise UsageError(
                f"{what} lies inside an input folder: a converter run there would take both copies of every file"
            )


def _place(path: Path) -> Path:
    """Return where a file really lies, the file itself not followed if it is a link."""
    return real_path(path.parent) / path.name


def _refuse_collisions(paths: Sequence[Path], inputs: Sequence[Input], folder: Path) -> None:
    """Refuse two files for one place, a file where another needs a folder, and a copy onto or among the originals.

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
    originals = {real_path(source.path) for source in inputs} | {_place(source.path) for source in inputs}
    trees = [real_path(path) for path in paths if path.is_dir()]
    for name in names:
        place = _place(folder / name)
        if place in originals:
            raise UsageError(
                "an original would be written over; -i replaces originals, with --backup-dir elsewhere"
            )
        if any(place.is_relative_to(tree) for tree in trees):
            raise UsageError("a link in the output folder leads into an input folder")


def plan_jobs(paths: Sequence[Path], inputs: Sequence[Input], to: Destination) -> list[Job]:
    """Return where each file goes.

    Raises
    ------
    UsageError
        If two files would go to one place or one onto an original, the output or backup folder lies inside an input
        folder, or, in place, an input is named twice or a link to a folder.
    """
    if to.backup is not None:
        _refuse_inside(
            to.backup, "the backup folder", [path if path.is_dir() else path.parent for path in paths]
        )
    if to.folder is None and not to.in_place:
        return [Job(source, None) for source in inputs]
    if len({_place(source.path) for source in inputs}) < len(inputs):
        raise UsageError("an input is named twice, or lies inside another one")
    if to.folder is not None:
        if to.folder.exists() and not to.folder.is_dir():
            raise UsageError("the output is not a folder")
        _refuse_inside(to.folder, "the output folder", paths)
        _refuse_collisions(paths, inputs, to.folder)
        return [
            Job(source, Target(to.folder / source.name, to.overwrite, make_folder=True)) for source in inputs
        ]
    if any(path.is_symlink() and path.is_dir() for path in paths):
        raise UsageError("a link to a folder is not cleaned in place; name the folder itself")
    if to.backup is None:
        return [Job(source, Target(source.path, overwrite=True, in_place=True)) for source in inputs]
    _refuse_collisions(paths, inputs, to.backup)
    return [
        Job(
            source,
            Target(source.path, overwrite=True, in_place=True),
            Target(to.backup / source.name, to.overwrite, make_folder=True),
        )
        for source in inputs
    ]
