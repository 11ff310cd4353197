"""What ``csaclean show`` and ``csaclean policy show`` print."""

from collections import Counter
from collections.abc import Iterable, Iterator

from csaclean.clean import Found
from csaclean.engine import Cleaned, Engine
from csaclean.handler import ConverterTable
from csaclean.model import Edit, Field, Kind, Layout, row_path
from csaclean.policy.policies import DISCLAIMER, ROWS, Policy
from csaclean.policy.rules import Rule
from csaclean.registry import Registered, Registry, claims_of
from csaclean.report.model import Report
from csaclean.selector import Step

__all__ = ["claim_lines", "handler_lines", "policy_lines", "show_lines"]

_LONGEST_VALUE = 72


def _shown(value: bytes) -> str:
    text = value.decode("latin-1").encode("unicode_escape").decode("ascii")
    return f"{text[:_LONGEST_VALUE]}..." if len(text) > _LONGEST_VALUE else text


def _spans(
    one: Cleaned, engine: Engine, place: tuple[bytes, Layout, str], indent: str, *, values: bool
) -> Iterator[str]:
    """Yield the spans of a row, given with its layout and path, and of the rows inside it."""
    row, layout, where = place
    edits: dict[int, Edit] = {edit.start: edit for edit in one.edits if edit.row == where}
    for span in layout:
        edit = edits.get(span.start)
        parts = [f"{indent}{span.start:>8} {span.stop - span.start:>7}  {span.kind.name.lower():<9}"]
        if span.path or span.select:
            parts.append(f"{span.select} {span.path}".strip())
        if span.kind is Kind.VALUE:
            decision = engine.decide(one.claimed, Field(span.path, span.form, span.select), one.taken)
            parts.append(f"({decision.form})")
            if decision.kept:
                parts.append(f"kept: {decision.cls}, read by {', '.join(decision.read_by) or 'no converter'}")
            elif not decision.vouched:
                parts.append("kept: no rule")
        if edit is not None:
            parts.append(f"-> {edit.reason}" + (f", {edit.cls}" if edit.cls else ""))
        if values and span.kind is Kind.VALUE:
            parts.append(f"= {_shown(row[span.start : span.stop])}")
        yield " ".join(parts)
        if span.view is not None:
            if not isinstance(span.view.layout, Layout):
                continue
            inside = (span.view.inner, span.view.layout, row_path(where, span.view, span.start))
            yield from _spans(one, engine, inside, f"{indent}  ", values=values)


def show_lines(report: Report, found: Found, engine: Engine, *, values: bool) -> Iterator[str]:
    """Yield a file's claimed elements with their spans and edits, then what nobody claims.

    Parameters
    ----------
    report
        The file's report.
    found
        What was found in it.
    engine
        Decides what happens to a field, and as which form it is filled.
    values
        Whether to print what fields hold.
    """
    yield f"{report.file}: {report.encoding}"
    for region in report.regions:
        yield f"{region.region} at {region.offset}: {region.bytes} bytes, {region.nonzero} not null -> {region.action}"
    for one, element in zip(found.examined.cleaned, found.examined.elements, strict=True):
        notes = f"; {', '.join(one.layout.notes)}" if one.layout.notes else ""
        vouched = "vouched" if one.vouched else "not vouched"
        yield (
            f"{one.selector} at {element.start}: {len(one.old)} bytes, handler {one.claimed.registered.name}, "
            f"{vouched}{notes}"
        )
        yield from _spans(one, engine, (one.old, one.layout, ""), "  ", values=values)
    for unclaimed in report.unclaimed:
        yield f"{unclaimed.selector}: {unclaimed.reason}, {unclaimed.count} element(s), {unclaimed.bytes} bytes"
    for code, count in report.facts.items():
        yield f"{code}: {count}"


def _runs(steps: Iterable[Step]) -> str:
    """Return element bytes as text, neighbours joined to ranges; standard tags one by one."""
    parts: list[str] = []
    first = last = -2
    for step in sorted(steps):
        if step.creator is None:
            parts.append(str(step))
        elif step.element == last + 1:
            last = step.element
            parts[-1] = f"{first:02X}-{last:02X}"
        else:
            first = last = step.element
            parts.append(f"{first:02X}")
    return " ".join(parts)


def handler_lines(registered: Iterable[Registered]) -> Iterator[str]:
    """Yield a line for each handler: where it comes from, and how many elements it claims."""
    for entry in registered:
        counts = Counter("VR" if claimed.by_vr else "grammar" for claimed in claims_of(entry))
        ways = "".join(f", {counts[way]} by {way}" for way in ("grammar", "VR") if counts[way])
        total = counts.total()
        yield (
            f"{entry.name} from {entry.distribution} {entry.version}: "
            f"{total} element{'s' if total != 1 else ''}{ways}"
        )


def claim_lines(entry: Registered) -> Iterator[str]:
    """Yield what a handler claims: a line for each creator in a group, with the low bytes of the elements."""
    blocks: dict[str, dict[str, list[Step]]] = {}
    for claimed in claims_of(entry):
        *around, step = claimed.claim.selector
        inside = "".join(f"{outer}/" for outer in around)
        name = f"({step.group:04X},{step.creator})" if step.creator else "in nested data sets"
        how = "by VR" if claimed.by_vr else "by grammar"
        how += ", orphans by signature" if claimed.claim.orphan else ""
        blocks.setdefault(inside + name, {}).setdefault(how, []).append(step)
    for name, ways in blocks.items():
        yield f"  {name} " + "; ".join(f"{how}: {_runs(found)}" for how, found in ways.items())


def _rule_lines(policy: Policy, rule: Rule, table: ConverterTable | None) -> Iterator[str]:
    """Yield a line for a rule, or several where converters read some of its fields and others not."""
    groups: dict[tuple[str, ...], tuple[dict[str, None], dict[str, None]]] = {}
    for selector in rule.select:
        for path in rule.field or ("",):
            read_by = (table.consumers(selector, path) if table else ()) or rule.read_by
            selectors, paths = groups.setdefault(read_by, ({}, {}))
            selectors[selector] = None
            paths[path or "whole element"] = None
    for read_by, (selectors, paths) in groups.items():
        matrix = policy.read if read_by else policy.unread
        action: str = "keep" if rule.cls == "technical" else matrix[rule.cls]
        if rule.cls == "technical" and rule.lists_texts:
            action = "keep the listed texts"
        reads = f"; read by {', '.join(read_by)}" if read_by else ""
        yield f"  {action} [{rule.cls}] {' '.join(selectors)}: {', '.join(paths)}: {rule.why}{reads}"


def policy_lines(policy: Policy, registry: Registry) -> Iterator[str]:
    """Yield what a policy does: first what it is not, then the matrix, then the rules that ship."""
    yield DISCLAIMER
    yield f"{policy.name}: {policy.summary}"
    yield "dead bytes: null"
    yield f"{'class':<24} {'not read by a converter':<24} read by a converter"
    for row in ROWS:
        yield f"{row:<24} {policy.unread[row]:<24} {policy.read[row]}"
    other = policy.other
    yield f"private elements that nobody claims: {other.unclaimed}"
    if other.unclaimed == "blank":
        yield "private elements that nobody claims and a converter reads: kept"
    yield f"identifiers of the header's people and places are redacted in what stays: {'yes' if other.identifiers else 'no'}"
    if policy.rules.rules:
        yield "rules of the policy, which come first:"
        for rule in policy.rules.rules:
            yield from _rule_lines(policy, rule, None)
    for entry in registry.registered:
        yield f"rules of {entry.name}:"
        for rule in entry.handler.rules.rules:
            yield from _rule_lines(policy, rule, entry.converters)
