"""The report as text, for people."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from csaclean.report.model import Report, Summary

__all__ = ["file_line", "summary_lines", "unvouched_line"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _edits(edits: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {cls}" for cls, count in sorted(edits.items())) or "none"


def file_line(report: Report, name: str, *, checked: bool = False) -> str:
    """Return one line about one file that was cleaned, or only checked."""
    if report.status in ("failed", "skipped"):
        return f"{report.status}: {name}: {report.reason} [{report.error}]"
    elements = sum(group.count for group in report.elements)
    dead = sum(group.dead_nonzero for group in report.elements)
    edits: Counter[str] = Counter()
    for group in report.elements:
        edits.update(group.edits)
    parts = [
        f"{_count(elements, 'element')} claimed",
        f"{_count(dead, 'dead byte')} {'to null' if checked else 'nulled'}",
        f"{'to redact' if checked else 'redacted'}: {_edits(edits)}",
    ]
    parts += [
        f"{region.region}: {region.action}"
        for region in report.regions
        if region.nonzero and region.region != "mark"
    ]
    if any(region.action == "insert" for region in report.regions):
        parts.append(f"mark: {'to insert' if checked else 'inserted'}")
    nobody = sum(one.count for one in report.unclaimed)
    if nobody:
        parts.append(f"{_count(nobody, 'element')} unclaimed")
    parts += [f"{code}: {count}" for code, count in report.facts.items()]
    parts.append(f"witness: {report.proof.get('witness', 'off')}")
    status = "would change" if checked and report.status == "cleaned" else report.status
    return f"{status}: {name}: {'; '.join(parts)}"


def summary_lines(summary: Summary, *, checked: bool, paths: bool = True) -> Iterator[str]:
    """Yield the lines that end a run; where failed files are only if `paths` may be told."""
    cleaned = "would change" if checked else "cleaned"
    files = summary.files
    nobodys = (
        f" ({summary.untouched} with private elements that no handler claims)" if summary.untouched else ""
    )
    yield (
        f"{_count(files.total(), 'file')}: {files['cleaned']} {cleaned}, {files['unchanged']} unchanged{nobodys}, "
        f"{files['failed']} failed, {files['skipped']} skipped"
    )
    yield f"{_count(summary.dead_nonzero, 'dead byte')} {'to null' if checked else 'nulled'}; {'to redact' if checked else 'redacted'}: {_edits(summary.edits)}"
    folders = Counter(str(PurePath(name).parent) for name in summary.failed if paths)
    for folder, count in sorted(folders.items()):
        yield f"incomplete: {_count(count, 'file')} of folder {folder} failed"


def unvouched_line(summary: Summary) -> str:
    """Return what is said after every run, however quiet."""
    return (
        f"{summary.unvouched} of {summary.read} files hold private elements nobody vouches for; "
        "standard elements are not cleaned"
    )
