"""Run dcm2niix and compare what it makes, exactly: names, JSON, NIfTI, b-values, recordings, warnings, exit status."""

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Conversion", "convert", "differences"]

OPTIONS = ("-b", "y", "-ba", "n", "-z", "n", "-f", "%s_%d")
"""Sidecars with everything that identifies, so that it is compared too; images without gzip, so that bytes compare."""


class Conversion(NamedTuple):
    """What a run of dcm2niix made.

    Attributes
    ----------
    status
        Its exit status.
    warnings
        What it warned of, without the folder.
    files
        Contents by name: JSON parsed, gzip unpacked, anything else as bytes.
    """

    status: int
    warnings: tuple[str, ...]
    files: dict[str, Any]


def _content(path: Path) -> object:
    data = path.read_bytes()
    if path.suffix == ".json":
        return json.loads(data)
    return gzip.decompress(data) if path.suffix == ".gz" else data


def convert(source: Path, target: Path) -> Conversion:
    """Convert a folder, or a single file.

    Parameters
    ----------
    source
        What to convert.
    target
        A folder that isn't there yet.
    """
    import dcm2niix

    target.mkdir(parents=True)
    single = () if source.is_dir() else ("-s", "y")
    done = subprocess.run(
        [dcm2niix.bin, *OPTIONS, *single, "-o", str(target), str(source)],
        capture_output=True,
        timeout=120,
        check=False,
    )
    lines = (
        (done.stdout + done.stderr).decode("utf-8", "replace").replace(str(source.parent), "").splitlines()
    )
    return Conversion(
        done.returncode,
        tuple(line for line in lines if "warning" in line.lower() or "error" in line.lower()),
        {path.name: _content(path) for path in sorted(target.iterdir())},
    )


def differences(before: Conversion, after: Conversion) -> list[str]:
    """Return what differs, never a value: names and keys are dcm2niix's own but for the protocol in file names."""
    found = []
    if before.status != after.status:
        found.append("exit status")
    if before.warnings != after.warnings:
        found.append("warnings")
    if before.files.keys() != after.files.keys():
        found.append("file names")
    for number, name in enumerate(sorted(before.files.keys() & after.files.keys())):
        old, new = before.files[name], after.files[name]
        kind = "".join(Path(name).suffixes[-2:]) if name.endswith(".gz") else Path(name).suffix
        if isinstance(old, dict) and isinstance(new, dict):
            found += [f"-{key}" for key in old.keys() - new.keys()]
            found += [f"+{key}" for key in new.keys() - old.keys()]
            found += [f"{key}" for key in old.keys() & new.keys() if old[key] != new[key]]
        elif old != new:
            found.append(f"{kind} {number}" if len(before.files) > 4 else kind)
    return sorted(found)
