"""Writing: patched bytes into a dot-file beside the target, read back and compared, then renamed.

The patched head is written before the tail is copied, so no dirty byte ever reaches the output's disk. The temporary
file is a dot-file because dcm2niix, which converts whatever it can read in a folder, skips those.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from csaclean.dicom.source import FileSource, Source
from csaclean.errors import IoFailed, ProofFailed, TargetExists
from csaclean.model import Fill, Patch
from csaclean.splice import Insertion

__all__ = [
    "Target",
    "compare",
    "compare_source",
    "patched",
    "spliced",
    "write_all",
    "write_file",
    "write_patched",
]

CHUNK: Final = 1 << 20
TEMPORARY_PREFIX: Final = ".csaclean-"
TEMPORARY_SUFFIX: Final = ".tmp"


class Target(NamedTuple):
    """Where and how a file is to be written.

    Attributes
    ----------
    path
        The file.
    overwrite
        Whether an existing file may be replaced.
    in_place
        Whether the original is replaced: the data must have reached the disk before the rename.
    make_folder
        Whether the folder is made if it is missing, once there is something to write.
    """

    path: Path
    overwrite: bool = False
    in_place: bool = False
    make_folder: bool = False


def patched(source: Source, patches: Sequence[Patch], start: int, stop: int) -> Iterator[bytes]:
    """Yield ``[start, stop)`` of a source with the patches applied, in chunks of at most 1 MiB.

    Parameters
    ----------
    source
        The original.
    patches
        In ascending order, without overlap.
    start, stop
        The range.
    """
    first = 0
    while start < stop:
        end = min(start + CHUNK, stop)
        chunk: bytes | bytearray = source.read(start, end)
        if len(chunk) != end - start:
            raise IoFailed("the file was cut while it was read", "", start)
        while first < len(patches) and patches[first].stop <= start:
            first += 1
        for patch in patches[first:]:
            if patch.start >= end:
                break
            if isinstance(chunk, bytes):
                chunk = bytearray(chunk)
            low, high = max(patch.start, start), min(patch.stop, end)
            new = patch.new
            chunk[low - start : high - start] = (
                new.expand(high - low)
                if isinstance(new, Fill)
                else new[low - patch.start : high - patch.start]
            )
        yield bytes(chunk) if isinstance(chunk, bytearray) else chunk
        start = end


def spliced(
    source: Source, patches: Sequence[Patch], insertions: Sequence[Insertion], start: int, stop: int
) -> Iterator[bytes]:
    """Yield ``[start, stop)`` of a source with the patches applied and the insertions put in.

    Parameters
    ----------
    source, patches, start, stop
        As for `patched`.
    insertions
        In ascending order, all of them inside the range or at one of its ends.
    """
    for insertion in insertions:
        yield from patched(source, patches, start, insertion.offset)
        yield insertion.new
        start = insertion.offset
    yield from patched(source, patches, start, stop)


def write_all(descriptor: int, chunks: Iterable[bytes]) -> None:
    """Append every byte of every chunk."""
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]


def _copy_tail(source: Source, descriptor: int, start: int) -> None:
    """Append the source from `start` on, in the kernel where that works."""
    size = source.size
    if isinstance(source, FileSource) and hasattr(os, "copy_file_range"):
        position = start
        with suppress(OSError):
            while position < size:
                copied = os.copy_file_range(source.descriptor, descriptor, size - position, position)
                if not copied:
                    break
                position += copied
        start = position
    write_all(descriptor, patched(source, (), start, size))


def _io_failed(verb: str, error: OSError) -> IoFailed:
    return IoFailed(f"can't {verb}: {os.strerror(error.errno or 0)}")


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # a folder can't be opened elsewhere
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_patched(
    descriptor: int, source: Source, patches: Sequence[Patch], insertions: Sequence[Insertion] = ()
) -> Callable[[], Iterator[bytes]]:
    """Write a source with patches and insertions to an open file, and return what makes the expected content anew."""
    head = max(
        patches[-1].stop if patches else 0,
        insertions[-1].offset if insertions else 0,
    )
    write_all(descriptor, spliced(source, patches, insertions, 0, head))
    _copy_tail(source, descriptor, head)
    return lambda: spliced(source, patches, insertions, 0, source.size)


def compare(descriptor: int, expected: Iterable[bytes]) -> None:
    """Read a written file back and compare it with what it should hold.

    Raises
    ------
    ProofFailed
        If content or length differ.
    """
    compare_source(FileSource(descriptor), expected)


def compare_source(written: Source, expected: Iterable[bytes]) -> None:
    """Compare a source with what it should hold.

    Raises
    ------
    ProofFailed
        If content or length differ.
    """
    position = 0
    for chunk in expected:
        if written.read(position, position + len(chunk)) != chunk:
            raise ProofFailed("written", "the written file does not hold what it should", "", position)
        position += len(chunk)
    if position != written.size:
        raise ProofFailed("written", "the written file has another length than it should")


def write_file(
    target: Target,
    mode: int,
    fill: Callable[[int], Callable[[], Iterable[bytes]]],
    like: os.stat_result | None = None,
) -> None:
    """Write a file so that it is either the old one or the whole new one.

    Parameters
    ----------
    target
        Where to.
    mode
        Permission bits of the original; the file never gets more.
    fill
        Writes to an open descriptor and returns what yields the expected content, which is compared with what can be
        read back.
    like
        Status of the original, if its owner is to be kept where the system allows.

    Raises
    ------
    TargetExists
        If the target is there and may not be replaced.
    IoFailed
        If the system refuses; nothing is left behind.
    ProofFailed
        If what is read back differs.
    """
    path = target.path
    if not target.overwrite and os.path.lexists(path):
        raise TargetExists("the file to write is already there; --overwrite replaces it")
    if target.make_folder:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _io_failed("make the target folder", error) from None
    temporary = path.parent / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}{TEMPORARY_SUFFIX}"
    flags = (
        os.O_RDWR
        | os.O_CREAT
        | os.O_EXCL
        | getattr(os, "O_CLOEXEC", 0)
        | getattr(os, "O_NOFOLLOW", 0)
        | getattr(os, "O_BINARY", 0)
    )
    descriptor = -1
    try:
        try:
            try:
                descriptor = os.open(temporary, flags, 0o600)
            except OSError as error:
                raise _io_failed("create a file in the target folder", error) from None
            expected = fill(descriptor)
            compare(descriptor, expected())
            if like is not None and hasattr(os, "fchown"):
                with suppress(PermissionError):
                    os.fchown(descriptor, like.st_uid, like.st_gid)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, stat.S_IMODE(mode) & 0o777)
            if target.in_place:
                os.fsync(descriptor)
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        temporary.replace(path)
    except OSError as error:
        _discard(temporary)
        raise _io_failed("write", error) from None
    except BaseException:
        _discard(temporary)
        raise
    if target.in_place:
        try:
            _sync_folder(path.parent)
        except OSError as error:
            raise _io_failed("sync the folder", error) from None


def _discard(temporary: Path) -> None:
    with suppress(FileNotFoundError):
        temporary.unlink()
