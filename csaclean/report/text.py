"""The report as text, for people."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from csaclean.report.model import Report, Summary

__all__ = ["deidentified_line", "file_line", "identifier_lines", "summary_lines", "unvouched_line"]


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
    parts += dict.fromkeys(
        f"{region.region}: {region.action}"
        for region in report.regions
        if (region.nonzero or region.action == "correct") and region.region != "mark"
    )
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


def deidentified_line(summary: Summary) -> str:
    """Return the warning about headers whose identifiers were gone before they could be searched for."""
    return (
        f"identifiers could not be searched for in {_count(summary.deidentified, 'file')}: "
        "the standard header is de-identified already"
    )


def identifier_lines(report: Report, name: str, *, checked: bool = False) -> Iterator[str]:
    """Yield the warnings about a file's identifiers: those redacted where a reader reads them, and those left.

    Parameters
    ----------
    report, name
        The file's report, and what to call the file.
    checked
        Whether the file was only checked.
    """
    redacted = "to be redacted" if checked else "redacted"
    for one in report.identifiers:
        if one.action == "redacted" and one.read_by:
            place = _place(one.selector, one.field)
            yield (
                f"{name}: {_identifiers(one.count, one.whose)} {redacted} in {place}, "
                f"which {', '.join(one.read_by)} read"
            )
    for one in report.identifiers_left:
        place = _place(one.selector, one.field)
        options = " and ".join(f'"{option}"' for option in one.remedies)
        why = f"which {', '.join(one.read_by)} read" if one.read_by else f"see {options}"
        yield f"{name}: {_identifiers(one.count, one.whose)} left in {place}, {why}"


def _identifiers(count: int, whose: str) -> str:
    owner = {"patient": "the patient", "people": "people"}.get(whose, whose)
    return f"{_count(count, 'identifier')} of {owner}"


def _place(selector: str, field: str) -> str:
    return f"{field} of {selector}" if field else selector
