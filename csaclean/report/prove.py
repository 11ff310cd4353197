"""What ``csaclean prove`` tells: lines for people, and JSON Lines. Neither holds a value, or a name that dcm2niix made of one."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from csaclean.report.json import SCHEMA

if TYPE_CHECKING:
    from csaclean.adapters.dcm2niix import Difference
    from csaclean.proving import Proved, ProveReport, Verdict

__all__ = ["failure_lines", "proof_line", "proof_record", "proofs_lines", "proofs_record"]

_VERDICTS: "tuple[Verdict, ...]" = ("identical", "differs", "failed", "unrepeatable", "nothing-to-compare")
_STATUSES = ("cleaned", "unchanged", "failed", "skipped")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _differences(proved: "Proved") -> Iterator[str]:
    for output, members in groupby(proved.differences, lambda one: one.output):
        yield f"{output}: {', '.join(_difference(one, proved) for one in members)}"


def _difference(one: "Difference", proved: "Proved") -> str:
    said = one.kind if one.key is None else f"{one.kind} {one.key}"
    if one.key in proved.declared:
        return f"{said} (declared)"
    if (one.output, one.key) in {(again.output, again.key) for again in proved.unrepeatable}:
        return f"{said} (differs in every run)"
    return said


def proof_line(proved: "Proved", name: str) -> str:
    """Return one line about one set of files."""
    compared = proved.files.get("cleaned", 0) + proved.files.get("unchanged", 0)
    parts = [f"{_count(compared, 'file')}, {proved.files.get('cleaned', 0)} cleaned"]
    if proved.error:
        parts.append(f"{proved.reason} [{proved.error}]")
    elif compared:
        parts.append(f"{_count(proved.outputs, 'output')} of dcm2niix")
    parts += _differences(proved)
    if proved.unchanged and proved.outputs:
        parts.append(f"declared, unchanged: {', '.join(proved.unchanged)}")
    if proved.failures:
        parts.append(f"{_count(len(proved.failures), 'file')} failed")
    return f"{proved.verdict}: {name}: {'; '.join(parts)}"


def failure_lines(proved: "Proved", *, paths: bool) -> Iterator[str]:
    """Yield a line for each file that could not be cleaned."""
    for number, report in proved.failures:
        yield f"failed: {report.file if paths else f'file {number}'}: {report.reason} [{report.error}]"


def proofs_lines(report: "ProveReport") -> Iterator[str]:
    """Yield the lines that end a run."""
    found = [f"{report.verdicts[verdict]} {verdict}" for verdict in _VERDICTS if report.verdicts[verdict]]
    yield f"{_count(len(report.sets), 'set')} of files: {', '.join(found) or 'nothing to compare'} (dcm2niix {report.converter})"


def proof_record(proved: "Proved", name: str, *, paths: bool) -> dict[str, Any]:
    """Return the JSON object of one set of files."""
    return {
        "schema": SCHEMA,
        "type": "prove",
        "name": name,
        "verdict": proved.verdict,
        "error": proved.error or None,
        "reason": proved.reason or None,
        "files": {status: proved.files.get(status, 0) for status in _STATUSES},
        "outputs": proved.outputs,
        "differences": [
            {"output": one.output, "kind": one.kind, "key": one.key} for one in proved.differences
        ],
        "unrepeatable": [
            {"output": one.output, "kind": one.kind, "key": one.key} for one in proved.unrepeatable
        ],
        "declared": sorted(proved.declared),
        "declared_unchanged": list(proved.unchanged) if proved.outputs else [],
        "failures": [
            {
                "file": report.file if paths else f"file {number}",
                "error": report.error,
                "reason": report.reason,
            }
            for number, report in proved.failures
        ],
    }


def proofs_record(report: "ProveReport") -> dict[str, Any]:
    """Return the JSON object that ends a run."""
    return {
        "schema": SCHEMA,
        "type": "prove-summary",
        "verdict": report.verdict,
        "sets": {verdict: report.verdicts[verdict] for verdict in _VERDICTS},
        "files": {status: report.summary.files[status] for status in _STATUSES},
        "unvouched": report.summary.unvouched,
        "converter": f"dcm2niix {report.converter}",
    }
