"""dcm2niix: run it, and compare what it made of one set of files with what it made of another.

The comparison is exact: names of files, sidecars key by key, images, b-values and recordings byte by byte, warnings and
exit status. It tells *what* differs and never a value: an output is called by a number and its suffix, because the names
that dcm2niix gives hold the name of the protocol; a sidecar's key is told if dcm2niix is known to write it.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tomllib
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast

from csaclean.errors import ConverterFailed, UsageError

__all__ = [
    "OPTIONS",
    "TIMEOUT",
    "Conversion",
    "Converter",
    "Difference",
    "convert",
    "differences",
    "find_converter",
]

OPTIONS: Final = ("-b", "y", "-ba", "n", "-z", "n", "-f", "%s_%d")
"""Sidecars with everything that identifies, so that it is compared too; images without gzip, so that bytes compare."""
TIMEOUT: Final = 600.0
"""Seconds after which dcm2niix is taken to hang."""
UNKNOWN: Final = "?"

_SUFFIXES: Final = (".nii.gz", ".tsv.gz", ".json", ".nii", ".bval", ".bvec", ".tsv", ".txt", ".nrrd", ".nhdr")
_VERSION: Final = re.compile(rb"dcm2nii[xX] version (v[0-9]+(?:\.[0-9]+)*)")
_VERSION_TIMEOUT: Final = 60.0

Kind = Literal["lost", "new", "changed"]


class Converter(NamedTuple):
    """A dcm2niix that can be run."""

    program: str
    version: str


class Conversion(NamedTuple):
    """What a run of dcm2niix made.

    Attributes
    ----------
    status
        Its exit status.
    warnings
        What it warned of, without the names of the folders that it was given.
    files
        Contents by name: of a sidecar its text; of anything else the SHA-256 of its bytes, unpacked where it is gzip.
    """

    status: int
    warnings: tuple[str, ...]
    files: Mapping[str, bytes]


class Difference(NamedTuple):
    """One thing that differs.

    Attributes
    ----------
    output
        Number of the output, counted over the sorted names without suffix of both conversions, and suffix (``1.json``);
        or ``exit-status``, or ``warnings``.
    kind
        ``lost``, ``new`` or ``changed``.
    key
        The sidecar's key, ``?`` if dcm2niix isn't known to write it; None where the whole file is meant.
    """

    output: str
    kind: Kind
    key: str | None = None


def _packaged() -> str | None:
    """Return the program of the extra, if that is installed."""
    try:
        import dcm2niix  # noqa: PLC0415  # an extra
    except ImportError:
        return None
    return str(dcm2niix.bin)


def find_converter(program: Path | None = None) -> Converter:
    """Return the dcm2niix to run: the one that is named, else that of the extra ``dcm2niix``, else one on ``PATH``.

    Raises
    ------
    UsageError
        If there is none, or it is something else.
    """
    if program is not None:
        if not (program.is_file() and os.access(program, os.X_OK)):
            raise UsageError("what was named as dcm2niix is no program")
        found: str | None = str(program.absolute())
    else:
        found = _packaged() or shutil.which("dcm2niix")
    if found is None:
        raise UsageError(
            "dcm2niix is not installed: pip install 'csaclean[dcm2niix]', or name the program with --dcm2niix PATH"
        )
    try:
        printed = _run([found, "--version"], _VERSION_TIMEOUT)[1]
    except ConverterFailed as error:
        raise UsageError(str(error)) from None
    version = _VERSION.search(printed)
    if version is None:
        raise UsageError("the program that should be dcm2niix doesn't say that it is")
    return Converter(found, version[1].decode("ascii"))


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a program and what it has started (it may be a wrapper), and see it ended: its folder is going to be removed."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _run(command: list[str], timeout: float) -> tuple[int, bytes]:
    """Run a program to its end, and return its exit status and all that it printed.

    Raises
    ------
    ConverterFailed
        If it can't be started, or takes longer than `timeout` seconds.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  # the program that the user has, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ConverterFailed(f"can't run dcm2niix: {os.strerror(error.errno or 0)}") from None
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise ConverterFailed(f"dcm2niix took longer than {timeout:g} seconds") from None
        except BaseException:
            _kill(process)
            raise
    return process.returncode, out + err


def _content(path: Path) -> bytes:
    if path.suffix == ".json":
        return path.read_bytes()
    if path.suffix == ".gz":
        try:
            with gzip.open(path) as unpacked:
                return hashlib.file_digest(cast("Any", unpacked), "sha256").digest()
        except (gzip.BadGzipFile, EOFError, zlib.error):
            pass  # no gzip, whatever it is called: compared as it is
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def convert(source: Path, target: Path, converter: Converter, timeout: float = TIMEOUT) -> Conversion:
    """Convert a folder, or a single file.

    Parameters
    ----------
    source
        What to convert.
    target
        A folder that isn't there yet.
    converter
        The program.
    timeout
        Seconds that it may take.

    Raises
    ------
    ConverterFailed
        If the program can't be run, or doesn't end in time.
    """
    target.mkdir(parents=True)
    single = () if source.is_dir() else ("-s", "y")
    status, printed = _run([converter.program, *OPTIONS, *single, "-o", str(target), str(source)], timeout)
    text = os.fsdecode(printed)
    for folder in (target, source.parent):
        text = text.replace(str(folder), "")
    return Conversion(
        status,
        tuple(line for line in text.splitlines() if re.search("warning|error", line, re.IGNORECASE)),
        {
            path.relative_to(target).as_posix(): _content(path)
            for path in sorted(target.rglob("*"))
            if path.is_file()
        },
    )


@cache
def _known_keys() -> frozenset[str]:
    table = tomllib.loads(files("csaclean.adapters").joinpath("dcm2niix.toml").read_text("utf-8"))
    return frozenset(table["keys"])


def _split(name: str) -> tuple[str, str]:
    """Return the stem of an output's name and its suffix, ``?`` for one that dcm2niix isn't known to give."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name[: -len(suffix)], suffix
    return name, UNKNOWN


def _sidecar(text: bytes) -> dict[str, list[Any]] | None:
    """Return the values of each key of a sidecar, in order: a key may stand twice. None if it is no JSON object."""
    try:
        pairs = json.loads(
            text.decode("utf-8", "surrogateescape"),
            object_pairs_hook=tuple,
            parse_constant=str,  # NaN equals NaN here
            strict=False,
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, tuple):
        return None
    values: dict[str, list[Any]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return values


def _sidecar_differences(old: bytes, new: bytes) -> Iterator[tuple[Kind, str | None]]:
    """Yield how two sidecars that aren't the same bytes differ; if no key tells, that they do."""
    before, after = _sidecar(old), _sidecar(new)
    told = False
    if before is not None and after is not None:
        for key in sorted(before.keys() | after.keys()):
            if key not in after:
                yield "lost", key
            elif key not in before:
                yield "new", key
            elif before[key] != after[key]:
                yield "changed", key
            else:
                continue
            told = True
    if not told:
        yield "changed", None


def differences(
    before: Conversion, after: Conversion, known: Collection[str] = (), names: Collection[str] = ()
) -> tuple[Difference, ...]:
    """Return everything in which two conversions differ.

    Parameters
    ----------
    before, after
        Made with the same program and options from files of the same names.
    known
        Keys of sidecars that may be told beside those that dcm2niix is known to write.
    names
        Names of outputs that count when outputs are numbered, so that several comparisons give the same numbers.

    Returns
    -------
    tuple of Difference
        In the order of outputs; empty if there is none.

    Examples
    --------
    >>> old = Conversion(0, (), {"1_knee.json": b'{"EchoTime": 1, "FlipAngle": 9}', "1_knee.nii": b"digest"})
    >>> new = Conversion(0, (), {"1_knee.json": b'{"EchoTime": 2}', "1_knee.nii": b"digest"})
    >>> for difference in differences(old, new):
    ...     print(*difference)
    1.json changed EchoTime
    1.json lost FlipAngle
    """
    found: dict[Difference, None] = {}  # in order, each once: several keys may be "?"
    if before.status != after.status:
        found[Difference("exit-status", "changed")] = None
    if before.warnings != after.warnings:
        found[Difference("warnings", "changed")] = None
    for name, output in _numbered(before.files.keys() | after.files.keys() | set(names)):
        old, new = before.files.get(name), after.files.get(name)
        if old is None and new is None:
            continue
        if old is None or new is None:
            found[Difference(output, "new" if old is None else "lost")] = None
        elif old != new and name.endswith(".json"):
            for kind, key in _sidecar_differences(old, new):
                told = key if key is None or key in known or key in _known_keys() else UNKNOWN
                found[Difference(output, kind, told)] = None
        elif old != new:
            found[Difference(output, "changed")] = None
    return tuple(found)


def _numbered(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names in order, and what reports call them."""
    split = {name: _split(name) for name in names}
    numbers = {stem: n for n, stem in enumerate(sorted({stem for stem, _ in split.values()}), 1)}
    for name, (stem, suffix) in sorted(split.items()):
        yield name, f"{numbers[stem]}{suffix}"
