"""What ``--mark`` says about a cleaned file, in the elements that DICOM has for it.

(0008,0300) tells for each claimed private block which of its elements may still identify and what a de-identifier should
do to them (PS3.3 table C.12-1), (0012,0063) and (0012,0064) what was done (PS3.3 table C.7-1, PS3.16 CID 7050).
(0012,0062), Patient Identity Removed, is never set: only private elements are cleaned.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple

from csaclean import __version__
from csaclean.dicom.creators import is_creator, private_tag
from csaclean.dicom.elements import DataSet, Element, Shape, Walk
from csaclean.dicom.source import Source
from csaclean.dicom.syntax import Syntax
from csaclean.dicom.walk import walk_roots
from csaclean.engine import Cleaned, Examined
from csaclean.errors import PolicyError, Unsupported
from csaclean.model import Field, Layout, View
from csaclean.registry import Registry
from csaclean.report.model import Region, unclaimed_elements
from csaclean.selector import fold_creator
from csaclean.splice import Item, Piece, Splice, plan_splice, prove_splice

__all__ = [
    "CODE_MEANINGS",
    "Block",
    "blocks",
    "make_mark",
    "mark_outputs",
    "mark_regions",
    "method_codes",
    "method_text",
]

Action = Literal["D", "X", "U"]
"""What a de-identifier should do: replace by a dummy value, remove, replace by another UID. ``Z`` is never advised:
a zero length is what converters bear least."""

_LONGEST_TEXT: Final = 64
"""Characters of a value of VR LO (PS3.5 table 6.2-1)."""

CODE_MEANINGS: Final[Mapping[str, str]] = {
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113110": "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}
"""Codes of PS3.16 CID 7050 that can apply to a pass over private elements."""
_CLASS_CODES: Final[Mapping[str, str]] = {
    "dates": "113106",
    "patient-characteristics": "113108",
    "device": "113109",
    "uids": "113110",
    "institution": "113112",
}
"""Option of PS3.15 under which fields of a class stay."""
_SAFE_PRIVATE: Final = "113111"
_MODIFIED_DATES: Final = "113107"

_OUTPUTS: Final[Mapping[int, str]] = {
    0x00120063: "DeidentificationMethod",
    0x00120064: "DeidentificationMethodCodeSequence",
}
"""Keys under which dcm2niix (1.0.20260724) repeats a mark in its sidecar, with ``-ba y`` too."""

_BLOCK_KEY: Final = frozenset(range(0x00080301, 0x00080308))
_CODE_KEY: Final = frozenset((0x00080100, 0x00080102))


class Block(NamedTuple):
    """A private block: all blocks of a file that one creator reserved in one group.

    Attributes
    ----------
    group, creator
        Its name, as the handler's claim spells it.
    safe
        Low bytes of the elements that identify nobody, ascending.
    actions
        Low bytes of the others with what a de-identifier should do to them, ascending.
    """

    group: int
    creator: str
    safe: tuple[int, ...]
    actions: tuple[tuple[int, Action], ...]

    @property
    def status(self) -> Literal["SAFE", "MIXED", "UNSAFE"]:
        """The Block Identifying Information Status."""
        if not self.actions:
            return "SAFE"
        return "MIXED" if self.safe else "UNSAFE"

    def item(self) -> Item:
        """Return the item of (0008,0300)."""
        item = [
            Piece(0x00080301, "US", numbers=(self.group,)),
            Piece(0x00080302, "LO", _text(self.creator)),
            Piece(0x00080303, "CS", self.status.encode("ascii")),
        ]
        if self.status == "MIXED":
            item.append(Piece(0x00080304, "US", numbers=self.safe))
        if self.actions:
            by_action = sorted(self.actions, key=lambda one: (one[1], one[0]))
            advice = tuple(
                (
                    Piece(0x00080306, "US", numbers=tuple(byte for byte, _ in elements)),
                    Piece(0x00080307, "CS", action.encode("ascii")),
                )
                for action, elements in groupby(by_action, key=lambda one: one[1])
            )
            item.append(Piece(0x00080305, "SQ", items=advice))
        return tuple(item)


def _text(text: str) -> bytes:
    """Return a text as a value of VR LO in any character set.

    Raises
    ------
    Unsupported
        If it is none.
    """
    if not (text.isascii() and text.isprintable() and 0 < len(text) <= _LONGEST_TEXT and "\\" not in text):
        raise Unsupported("a creator that (0008,0302) can't hold")
    return text.encode("ascii")


def method_text(policy: str) -> str:
    """Return the value of (0012,0063).

    Raises
    ------
    PolicyError
        If the policy's name makes it no value of VR LO.

    Examples
    --------
    >>> method_text("converter-safe").partition(" ")[2].partition(" ")[2]
    'converter-safe: private elements'
    """
    text = f"csaclean {__version__} {policy}: private elements"
    if not (text.isascii() and text.isprintable() and len(text) <= _LONGEST_TEXT and "\\" not in text):
        raise PolicyError(
            "a policy whose name can't stand in (0012,0063): at most "
            f"{_LONGEST_TEXT - len(text) + len(policy)} printable ASCII characters without a backslash"
        )
    return text


def _fields(layout: Layout) -> Iterator[Field]:
    for what in layout.fields:
        if isinstance(what, Field):
            yield what
        elif isinstance(what, View) and isinstance(what.layout, Layout):
            yield from _fields(what.layout)


def _is_read(one: Cleaned) -> bool:
    """Tell whether a converter reads anything in an element."""
    table = one.claimed.registered.converters
    selector = one.claimed.selector
    return any(read_by for _, _, read_by in one.tally.kept) or (
        table is not None
        and any(table.consumers(what.select or selector, what.path) for what in _fields(one.layout))
    )


def _action(one: Cleaned) -> Action | None:
    """Return what a de-identifier should do to an element as it was cleaned; None if it identifies nobody."""
    kept = one.tally.kept
    if one.vouched and not kept and not one.tally.left:
        return None
    if one.claimed.by_vr and kept and all(cls == "uids" for _, cls, _ in kept):
        return "U"
    return "D" if _is_read(one) else "X"


def _worse(one: Action | None, other: Action | None) -> Action | None:
    """Return what to do to an element of which two stand in a file: what a converter reads is not to be removed."""
    return next((action for action in ("D", "X", "U") if action in (one, other)), None)


class _Blocks:
    """Gathers what is known about the elements of blocks."""

    def __init__(self, datasets: Sequence[DataSet], examined: Examined, registry: Registry) -> None:
        self._datasets = datasets
        self._creators = examined.location.creators
        self._spelled: dict[tuple[int, str], str] = {}
        for claimed in registry.claims:
            for step in claimed.claim.selector:
                if step.creator is not None:
                    self._spelled.setdefault((step.group, fold_creator(step.creator)), step.creator)
        self.found: dict[tuple[int, str], dict[int, Action | None]] = {}

    def _places(self, owner: int, tag: int) -> Iterator[tuple[tuple[int, str], int, bool]]:
        """Yield block and low byte of an element and of the private sequences around it, innermost first, and whether it
        is the element itself.
        """  # noqa: D205  # one sentence
        own = True
        while True:
            if tag & 0x10000:
                group, block, byte = private_tag(tag)
                creators = self._creators.get((owner, group, block), ()) if block else ()
                named = next((name for name in creators if (group, name) in self._spelled), None)
                if named is not None:
                    yield (group, self._spelled[group, named]), byte, own
            own = False
            if owner <= 0:
                return
            owner, tag = self._datasets[owner].parent, self._datasets[owner].tag

    def add(self, element: Element, action: Action | None) -> None:
        """Count an element; the sequences around it identify if it does."""
        for block, byte, own in self._places(element.owner, element.tag):
            known = self.found.setdefault(block, {})
            advice = action if own or action != "U" else "D"
            known[byte] = _worse(known.get(byte), advice)


def blocks(found: Walk, examined: Examined, registry: Registry) -> tuple[Block, ...]:
    """Return the claimed blocks of a file, by group and creator.

    Parameters
    ----------
    found, examined
        What was found in the file, and what was made of it.
    registry
        Who claims what.

    Returns
    -------
    tuple of Block
        One for each group and creator that a claim names and a data set, at whatever depth, holds an element of. An
        element whose content nobody answers for identifies.
    """
    gathered = _Blocks(found.datasets, examined, registry)
    actions = {
        element.header: _action(one) for one, element in zip(examined.cleaned, examined.elements, strict=True)
    }
    for element in found.elements:
        if is_creator(element.tag) or not (element.tag & 0x10000 or found.datasets[element.owner].private):
            continue
        empty = element.shape is Shape.SEQUENCE or element.stop == element.start
        gathered.add(element, actions.get(element.header, None if empty else "X"))
    return tuple(
        Block(
            *name,
            tuple(sorted(byte for byte, action in known.items() if action is None)),
            tuple(sorted((byte, action) for byte, action in known.items() if action is not None)),
        )
        for name, known in sorted(gathered.found.items())
    )


def method_codes(examined: Examined, *, modified_dates: bool = False) -> tuple[str, ...]:
    """Return the codes of (0012,0064): what of PS3.15's options is true of the file.

    Parameters
    ----------
    examined
        What was made of its private elements.
    modified_dates
        Whether dates are shifted.

    Returns
    -------
    tuple of str
        For each class of fields that stay its Retain option. Retain Safe Private only if every private element is
        claimed, and every byte of it answered for or covered by such an option: all else of a file's private elements
        would have to be removed under it.
    """
    kept: Counter[str] = Counter()
    for one in examined.cleaned:
        for (_, cls, _), count in one.tally.kept.items():
            kept[cls] += count
    codes = {_CLASS_CODES[cls] for cls in kept if cls in _CLASS_CODES}
    if modified_dates and any(one.tally.edits["dates"] for one in examined.cleaned):
        codes.add(_MODIFIED_DATES)
    if (
        examined.cleaned
        and not unclaimed_elements(examined, {})
        and not any(one.tally.opaque or one.tally.unruled or one.tally.left for one in examined.cleaned)
        and kept.keys() <= _CLASS_CODES.keys()
    ):
        codes.add(_SAFE_PRIVATE)
    return tuple(sorted(codes))


def _pieces(named: Sequence[Block], codes: Sequence[str], policy: str) -> tuple[Piece, ...]:
    pieces = []
    if named:
        items = tuple(block.item() for block in named)
        pieces.append(Piece(0x00080300, "SQ", items=items, key=_BLOCK_KEY))
    pieces.append(Piece(0x00120063, "LO", method_text(policy).encode("ascii")))
    if codes:
        items = tuple(
            (
                Piece(0x00080100, "SH", code.encode("ascii")),
                Piece(0x00080102, "SH", b"DCM"),
                Piece(0x00080104, "LO", CODE_MEANINGS[code].encode("ascii")),
            )
            for code in codes
        )
        pieces.append(Piece(0x00120064, "SQ", items=items, key=_CODE_KEY))
    return tuple(pieces)


class Subject(NamedTuple):
    """A data set that is marked: where it is, and what was found in it."""

    source: Source
    start: int
    syntax: Syntax
    walk: Walk
    examined: Examined


def make_mark(subject: Subject, registry: Registry, policy: str, *, modified_dates: bool = False) -> Splice:
    """Return what marks a file, proved: see `csaclean.splice.prove_splice`.

    Parameters
    ----------
    subject
        The file's data set.
    registry
        Who claims what.
    policy
        Name of the policy that it was cleaned under.
    modified_dates
        Whether dates were shifted.

    Returns
    -------
    Splice
        Nothing if no element is claimed: nothing was cleaned then, and a mark would say otherwise.

    Raises
    ------
    FileError
        If it can't be done soundly.
    """
    examined = subject.examined
    if not examined.cleaned:
        return Splice()
    source, syntax = subject.source, subject.syntax
    codes = method_codes(examined, modified_dates=modified_dates)
    pieces = _pieces(blocks(subject.walk, examined, registry), codes, policy)
    roots = walk_roots(source, syntax, subject.start)
    splice = plan_splice(source, syntax, roots, subject.walk.end, pieces)
    prove_splice(source, subject.start, syntax, (subject.walk, roots), (splice, pieces))
    return splice


def mark_regions(splice: Splice) -> Iterator[Region]:
    """Yield the regions of a mark, in offsets of the original: what was put in, and the lengths that grew."""
    for insertion in splice.insertions:
        yield Region("mark", insertion.offset, len(insertion.new), 0, "insert")
    for length in splice.lengths:
        nonzero = len(length.old) - length.old.count(0)
        yield Region("mark", length.offset, len(length.new), nonzero, "lengthen")


def mark_outputs(splice: Splice) -> Iterator[str]:
    """Yield the keys of a converter's sidecar that a mark adds or changes."""
    tags = {insertion.tag for insertion in splice.insertions}
    return (key for tag, key in _OUTPUTS.items() if tag in tags)
