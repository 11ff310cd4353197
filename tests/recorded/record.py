"""What cleaning makes of every known file, recorded: ``python -m tests.recorded.record`` writes the tables anew.

A table holds a line for each file and policy: what became of the file, counts that tell what a change is about, and
digests of the output and of the report. A change of a table is a diff to read and to explain in the commit that makes
it. Neither names of releases nor paths enter a digest. Deflated outputs are inflated first, so that a digest does
not depend on the compressor.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from csaclean.clean import Cleaner, open_dicom
from csaclean.errors import FileError
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean.report.json import report_record
from csaclean.report.model import Report
from csaclean.write import Target
from tests.conftest import CASES, manifest

__all__ = ["POLICIES", "SETS", "Line", "read_table", "record", "table"]

POLICIES: Final = ("dead-space", "converter-safe", "strict")
SETS: Final = ("phantoms", "cases", "data")
_PHANTOMS: Final = Path(__file__).resolve().parents[2] / "fixtures" / "phantoms"
_DIGITS: Final = 20
"""Hexadecimal digits of a digest that are recorded."""


class Line(NamedTuple):
    """What became of a file under a policy.

    Attributes
    ----------
    file, policy
        Which; the file by its path below the folder of its set.
    status
        ``cleaned``, ``unchanged``, or the code of the failure.
    vouched
        ``vouched``, ``-`` if not, or if the file failed.
    changed
        Number of bytes that differ from the input.
    edits, kept, unclaimed, declared
        Fields redacted, identifying fields kept, unclaimed elements, and keys of sidecars that change.
    output, report
        First digits of the SHA-256 of the output (inflated) and of the report (JSON, sorted keys).
    """

    file: str
    policy: str
    status: str
    vouched: str = "-"
    changed: str = "-"
    edits: str = "-"
    kept: str = "-"
    unclaimed: str = "-"
    declared: str = "-"
    output: str = "-"
    report: str = "-"


def files(of: str) -> tuple[tuple[str, Path], ...]:
    """Return names and paths of the files of a set, in order; none where the set isn't at hand."""
    if of == "data":
        return tuple(sorted((file.name, file.path) for file in manifest() if file.name.endswith(".dcm")))
    folder = _PHANTOMS if of == "phantoms" else CASES
    return tuple((path.name, path) for path in sorted(folder.glob("*.dcm")))


def table(of: str) -> Path:
    """Return where the table of a set is."""
    return Path(__file__).with_name(f"{of}.tsv")


def record(of: str, policy: str) -> list[Line]:
    """Return the lines of a set of files under a policy, made by one cleaner."""
    cleaner = Cleaner(load_policy(policy), installed())
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "cleaned.dcm")
        return [_clean(cleaner, name, path, target) for name, path in files(of)]


def _clean(cleaner: Cleaner, name: str, path: Path, target: Path) -> Line:
    policy = cleaner.policy.name
    try:
        report = cleaner.clean(path, name, Target(target, overwrite=True))
    except FileError as error:
        return Line(name, policy, error.code)
    before, after = _inflated(path), _inflated(target)
    changed = abs(len(after) - len(before)) + _differing(before, after)
    return Line(
        name,
        policy,
        report.status,
        "vouched" if report.vouched else "-",
        str(changed),
        str(sum(sum(group.edits.values()) for group in report.elements)),
        str(sum(one.count for one in report.kept)),
        str(sum(one.count for one in report.unclaimed)),
        str(len(report.declared)),
        hashlib.sha256(after).hexdigest()[:_DIGITS],
        _report_digest(report),
    )


def _inflated(path: Path) -> bytes:
    with open_dicom(path) as opened:
        return opened.source.read(0, opened.source.size)


def _differing(before: bytes, after: bytes) -> int:
    size = min(len(before), len(after))
    difference = int.from_bytes(before[:size], "big") ^ int.from_bytes(after[:size], "big")
    return size - difference.to_bytes(size, "big").count(0)


def _report_digest(report: Report) -> str:
    text = json.dumps(report_record(report), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGITS]


def read_table(of: str) -> list[Line]:
    """Return the recorded lines of a set."""
    lines = table(of).read_text("utf-8").splitlines()
    return [Line(*line.split("\t")) for line in lines[1:]]


def _write_table(of: str, lines: Iterator[Line]) -> None:
    rows = [Line._fields, *sorted(lines, key=lambda line: (line.file, POLICIES.index(line.policy)))]
    table(of).write_text("".join("\t".join(row) + "\n" for row in rows), "utf-8")


def main(names: list[str]) -> None:
    """Record sets of files, a process for each policy."""
    with ProcessPoolExecutor(len(POLICIES)) as pool:
        for of in names or SETS:
            if not files(of):
                sys.exit(f"the files of {of!r} are not at hand")
            found = pool.map(record, [of] * len(POLICIES), POLICIES)
            _write_table(of, (line for lines in found for line in lines))


if __name__ == "__main__":
    main(sys.argv[1:])
