"""The report as JSON Lines: an object per file, then a summary. The schema ships as ``schema.json``."""

import json
from typing import Any

from csaclean.report.model import Report, Summary

__all__ = ["SCHEMA", "dumps", "report_record", "summary_record"]

SCHEMA = 1


def report_record(report: Report) -> dict[str, Any]:
    """Return the JSON object of one file."""
    return {
        "schema": SCHEMA,
        "type": "file",
        "file": report.file,
        "status": report.status,
        "vouched": report.vouched,
        "error": report.error or None,
        "reason": report.reason or None,
        "encoding": report.encoding or None,
        "elements": [
            {
                "selector": group.selector,
                "handler": group.handler,
                "count": group.count,
                "orphans": group.orphans,
                "bytes": group.bytes,
                "dead": group.dead,
                "dead_nonzero": group.dead_nonzero,
                "opaque": group.opaque,
                "unruled": group.unruled,
                "vouched": group.vouched,
                "notes": list(group.notes),
                "edits": dict(group.edits),
            }
            for group in report.elements
        ],
        "kept": [
            {
                "selector": kept.selector,
                "field": kept.field,
                "class": kept.cls,
                "read_by": list(kept.read_by),
                "count": kept.count,
            }
            for kept in report.kept
        ],
        "identifiers": [
            {
                "selector": one.selector,
                "field": one.field,
                "whose": one.whose,
                "action": one.action,
                "read_by": list(one.read_by),
                "count": one.count,
            }
            for one in report.identifiers
        ],
        "unclaimed": [
            {"selector": one.selector, "reason": one.reason, "count": one.count, "bytes": one.bytes}
            for one in report.unclaimed
        ],
        "regions": [
            {
                "region": region.region,
                "offset": region.offset,
                "bytes": region.bytes,
                "nonzero": region.nonzero,
                "action": region.action,
            }
            for region in report.regions
        ],
        "facts": dict(report.facts),
        "proof": dict(report.proof),
        "declared": list(report.declared),
    }


def summary_record(summary: Summary) -> dict[str, Any]:
    """Return the JSON object that ends a run."""
    return {
        "schema": SCHEMA,
        "type": "summary",
        "files": {status: summary.files[status] for status in ("cleaned", "unchanged", "failed", "skipped")},
        "unvouched": summary.unvouched,
        "deidentified": summary.deidentified,
        "dead_nonzero": summary.dead_nonzero,
        "edits": dict(sorted(summary.edits.items())),
    }


def dumps(record: dict[str, Any]) -> str:
    """Return a record on one line."""
    return json.dumps(record, ensure_ascii=True, separators=(",", ":"))
