"""The report of one file, and the summary of a run."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from csaclean.creator_names import printable_step
from csaclean.engine import Cleaned, Examined
from csaclean.locate import UNKNOWN_CREATOR
from csaclean.policy.judge import PERSONS
from csaclean.unclaimed import SEARCHED

__all__ = [
    "ElementGroup",
    "Identifier",
    "Kept",
    "Region",
    "Report",
    "Status",
    "Summary",
    "Unclaimed",
    "element_groups",
    "identifiers_found",
    "kept_fields",
    "unclaimed_elements",
]

Status = Literal["cleaned", "unchanged", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class ElementGroup:
    """Claimed elements of one selector.

    Attributes
    ----------
    selector
        The claim's selector.
    handler
        Who laid them out.
    orphans
        How many of them were found by signature.
    count, bytes
        Number and total length.
    dead, dead_nonzero
        Dead bytes, and how many of them held something.
    opaque
        Bytes that no grammar accounts for.
    unruled
        Text fields that no rule speaks of.
    edits
        Number of redacted fields by class.
    notes
        What the grammar found remarkable.
    vouched
        Whether every byte of all of them is accounted for.
    """

    selector: str
    handler: str
    orphans: int
    count: int
    bytes: int
    dead: int
    dead_nonzero: int
    opaque: int
    unruled: int
    edits: Mapping[str, int]
    notes: tuple[str, ...]
    vouched: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """An identifying field that the policy lets stand."""

    selector: str
    field: str
    cls: str
    read_by: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """Identifiers of the header's people or places that were found in private matter.

    Attributes
    ----------
    selector
        The element.
    field
        Path of the field; empty for unclaimed content, or where no single field holds the identifier.
    whose
        ``patient``, ``people`` or ``places``.
    action
        ``redacted``, or ``kept``.
    read_by
        The readers of the field.
    count
        Number of fields, or of unclaimed elements.
    remedies
        Options under which one that no reader reads would not be kept.
    """

    selector: str
    field: str
    whose: str
    action: Literal["redacted", "kept"]
    read_by: tuple[str, ...]
    count: int
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """Private elements that nobody answers for."""

    selector: str
    reason: str
    """``unclaimed``, ``no-creator``, ``not-a-creator``, ``unknown-creator``, ``broken-sequence``, ``foreign``, ``malformed``; where the rest is
    blanked, ``read-by-a-converter`` or ``payload``."""
    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes outside all private values that are edited: outside all elements, of the padding element, a mark's, or slack
    in headers of private matter (see `csaclean.dicom.elements.Slack`).
    """  # noqa: D205  # one sentence

    region: Literal["preamble", "padding", "trailing", "mark", "reserved", "delimiter", "group-length"]
    offset: int
    bytes: int
    nonzero: int
    action: Literal["null", "keep", "padding-element", "insert", "lengthen", "correct"]


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a file and what became of it.

    Attributes
    ----------
    file
        Its name relative to what the user named.
    status
        ``cleaned``, ``unchanged``, ``failed`` (nothing written) or ``skipped`` (not DICOM, or a DICOMDIR).
    error, reason
        Code and text of a failure.
    encoding
        How the data set is encoded.
    elements, kept, identifiers, unclaimed, regions, facts
        What was found.
    proof
        Verdict of each stage that was reached.
    declared
        Keys of a converter's sidecar that the policy changes on purpose.
    """

    file: str
    status: Status
    error: str = ""
    reason: str = ""
    encoding: str = ""
    elements: tuple[ElementGroup, ...] = ()
    kept: tuple[Kept, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    unclaimed: tuple[Unclaimed, ...] = ()
    regions: tuple[Region, ...] = ()
    facts: Mapping[str, int] = field(default_factory=dict)
    proof: Mapping[str, str] = field(default_factory=dict)
    declared: tuple[str, ...] = ()

    @property
    def vouched(self) -> bool:
        """Whether somebody answers for every byte of private matter in the file."""
        return (
            self.status in ("cleaned", "unchanged")
            and not self.unclaimed
            and all(group.vouched for group in self.elements)
            and not self.identifiers_left
        )

    @property
    def identifiers_left(self) -> tuple[Identifier, ...]:
        """The identifiers of persons that were found and left."""
        return tuple(one for one in self.identifiers if one.action == "kept" and one.whose in PERSONS)


@dataclass(slots=True)
class Summary:
    """A run, counted.

    Attributes
    ----------
    files
        Number of files by status.
    unvouched
        How many files hold private elements that nobody vouches for.
    untouched
        How many of them came through unchanged, because no handler claims anything in them.
    deidentified
        How many files had a header without identifiers to search for.
    failed
        Names of the files that failed, in order.
    dead_nonzero
        Dead bytes that held something.
    edits
        Redacted fields by class.
    """

    files: Counter[str] = field(default_factory=Counter)
    unvouched: int = 0
    untouched: int = 0
    deidentified: int = 0
    failed: list[str] = field(default_factory=list)
    dead_nonzero: int = 0
    edits: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        """How many files were read to the end, and cleaned or found clean."""
        return self.files["cleaned"] + self.files["unchanged"]

    def add(self, report: Report) -> None:
        """Count one file."""
        self.files[report.status] += 1
        if report.status == "failed":
            self.failed.append(report.file)
        elif report.status != "skipped" and not report.vouched:
            self.unvouched += 1
            self.untouched += report.status == "unchanged" and not report.elements
        self.deidentified += report.proof.get("identifiers") == "header de-identified"
        for group in report.elements:
            self.dead_nonzero += group.dead_nonzero
            self.edits.update(group.edits)


def element_groups(cleaned: Iterable[Cleaned]) -> tuple[ElementGroup, ...]:
    """Return claimed elements grouped by selector, in the order of first appearance."""
    groups: dict[tuple[str, str], list[Cleaned]] = {}
    for one in cleaned:
        groups.setdefault((one.claimed.selector, one.claimed.registered.name), []).append(one)
    return tuple(
        ElementGroup(
            selector,
            handler,
            orphans=sum(one.orphan for one in members),
            count=len(members),
            bytes=sum(len(one.old) for one in members),
            dead=sum(one.tally.dead for one in members),
            dead_nonzero=sum(one.tally.dead_nonzero for one in members),
            opaque=sum(one.tally.opaque for one in members),
            unruled=sum(one.tally.unruled for one in members),
            edits=dict(sorted(sum((one.tally.edits for one in members), Counter[str]()).items())),
            notes=tuple(dict.fromkeys(note for one in members for note in one.layout.notes)),
            vouched=all(one.vouched for one in members),
        )
        for (selector, handler), members in groups.items()
    )


def kept_fields(cleaned: Iterable[Cleaned]) -> tuple[Kept, ...]:
    """Return the identifying fields that stay, grouped by selector and path."""
    counts: Counter[tuple[str, str, str, tuple[str, ...]]] = Counter()
    for one in cleaned:
        for (path, cls, read_by), number in one.tally.kept.items():
            counts[one.claimed.selector, path, cls, read_by] += number
    return tuple(Kept(*key, number) for key, number in counts.items())


def identifiers_found(examined: Examined, also: Mapping[str, str]) -> tuple[Identifier, ...]:
    """Return the identifiers that were found, grouped by selector and field; creators of `also` may be printed."""
    counts: Counter[Identifier] = Counter()
    for one in examined.cleaned:
        for found, number in one.tally.redacted.items():
            where = (one.claimed.selector, found.path, found.whose)
            counts[Identifier(*where, "redacted", found.read_by, 0)] += number
        if one.claimed.registered is not SEARCHED:  # those of unclaimed elements are counted below
            for found, number in one.tally.left.items():
                where = (one.claimed.selector, found.path, found.whose)
                remedies = () if found.read_by else examined.remedies
                counts[Identifier(*where, "kept", found.read_by, 0, remedies)] += number
    for (step, whose, remedies), number in examined.left.items():
        counts[Identifier(printable_step(step, also), "", whose, "kept", (), 0, remedies)] += number
    return tuple(sorted(replace(one, count=number) for one, number in counts.items()))


def unclaimed_elements(examined: Examined, also: Mapping[str, str]) -> tuple[Unclaimed, ...]:
    """Return what nobody answers for, in order of selectors; creators of `also` (folded to spelled) may be printed."""
    merged: Counter[tuple[str, str, str]] = Counter()
    for (step, reason), (count, size) in examined.location.unclaimed.items():
        selector = printable_step(step, also)
        if reason == UNKNOWN_CREATOR and "?" not in selector:
            continue
        merged[selector, reason, "count"] += count
        merged[selector, reason, "bytes"] += size
    keys = sorted({(selector, reason) for selector, reason, _ in merged})
    return tuple(Unclaimed(*key, merged[*key, "count"], merged[*key, "bytes"]) for key in keys)
