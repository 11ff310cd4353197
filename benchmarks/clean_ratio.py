"""Cleaning a folder of files, as a ratio to ``shutil.copyfile`` of the same files in the same run.

Usage: ``python benchmarks/clean_ratio.py FOLDER [ROUNDS]``

Rounds are interleaved, each over all files, outputs are unlinked outside the clock, and the median of the rounds counts.
Ratios are facts, absolute times are not: they differ from machine to machine and from hour to hour.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from csaclean.clean import Cleaner
from csaclean.errors import NotDicom
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean.write import Target


def dicom_files(folder: Path) -> list[Path]:
    """Return the files of a folder that csaclean reads."""
    cleaner = Cleaner(load_policy("dead-space"), installed(), proof="self")
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            cleaner.check(path, path.name)
        except NotDicom:
            continue
        found.append(path)
    return found


def timed(work: Callable[[Path, Path], object], files: list[Path], folder: Path) -> float:
    """Return the seconds that one pass over all files takes."""
    total = 0.0
    for number, path in enumerate(files):
        target = folder / str(number)
        begin = time.perf_counter()
        work(path, target)
        total += time.perf_counter() - begin
        target.unlink(missing_ok=True)
    return total


def cleaning(policy: str) -> Callable[[Path, Path], object]:
    """Return a pass that cleans."""
    cleaner = Cleaner(load_policy(policy), installed())
    return lambda path, target: cleaner.clean(path, path.name, Target(target))


def checking(policy: str) -> Callable[[Path, Path], object]:
    """Return a pass that only checks."""
    cleaner = Cleaner(load_policy(policy), installed())
    return lambda path, _target: cleaner.check(path, path.name)


def main() -> None:
    """Measure and print."""
    files = dicom_files(Path(sys.argv[1]))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    methods: dict[str, Callable[[Path, Path], object]] = {
        "copyfile": shutil.copyfile,
        "clean dead-space": cleaning("dead-space"),
        "clean converter-safe": cleaning("converter-safe"),
        "check converter-safe": checking("converter-safe"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    with tempfile.TemporaryDirectory() as name:
        for number in range(rounds + 1):
            for method, work in methods.items():
                taken = timed(work, files, Path(name))
                if number:  # the first round fills caches
                    seconds[method].append(taken)
    base = statistics.median(seconds["copyfile"])
    print(f"{len(files)} files, {rounds} rounds, copyfile {base / len(files) * 1e3:.2f} ms a file")
    for method, taken in seconds.items():
        low, high = min(taken) / base, max(taken) / base
        print(f"{method:<22} {statistics.median(taken) / base:6.2f}  ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
