"""Single elements of pydicom data sets: who claims them, and their clean values.

For adapters of tools that go through a data set element by element.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from csaclean.adapters.pydicom import (
    ElementPath,
    Stream,
    ask,
    assign,
    changed_leaves,
    encoded,
    examine,
    item_of,
    quiet,
    vr_of,
)
from csaclean.clean import Cleaner, check_patches
from csaclean.context import PEER_CAP, Context
from csaclean.dicom.creators import is_creator
from csaclean.dicom.elements import Element
from csaclean.dicom.walk import PIXELS
from csaclean.errors import HandlerError, MalformedValue, ProofFailed
from csaclean.locate import Located, locate
from csaclean.registry import Registry, installed
from csaclean.selector import Step, fold_creator
from csaclean.write import patched

__all__ = [
    "ClaimedLeaf",
    "claimed_leaves",
    "clean_leaf",
    "holder",
    "is_claimed",
    "put_back",
    "spell_creators",
]


_WAY_OUT: Final = "csaclean.adapters.deid.replace leaves what nobody claims, and reports it"


class ClaimedLeaf(NamedTuple):
    """An element of a data set that is claimed, or, where pydicom doesn't look inside it, holds what is claimed.

    Attributes
    ----------
    selector
        Of the claim.
    orphan
        The creator of the claim where it was found by signature; else None.
    value
        The bytes as they stand in the file, if pydicom has not converted them.
    vr
        Value representation.
    creators
        The elements that reserve its block and those of the private sequences around it, by the path of what is reserved.
    """

    selector: str
    orphan: str | None
    value: bytes
    vr: str
    creators: Mapping[ElementPath, DataElement | RawDataElement]

    def __repr__(self) -> str:
        """Return selector and length, never value or creator."""
        return f"<ClaimedLeaf {self.selector} of {len(self.value)} bytes>"


def holder(ds: Dataset, path: ElementPath) -> Dataset | None:
    """Return the data set or item in which an element stands; None if there is no such element."""
    *around, tag = path
    for sequence, number in zip(around[::2], around[1::2], strict=True):
        if BaseTag(sequence) not in ds or vr_of(ds, BaseTag(sequence)) != "SQ":
            return None
        items = ds[sequence].value or ()
        if number >= len(items):
            return None
        ds = items[number]
    return ds if BaseTag(tag) in ds else None


def _creator_tag(tag: int) -> BaseTag:
    return BaseTag(tag >> 16 << 16 | tag >> 8 & 0xFF)


def _creators(ds: Dataset, path: ElementPath) -> dict[ElementPath, DataElement | RawDataElement]:
    found = {}
    for end in range(1, len(path) + 1, 2):
        dataset, creator = holder(ds, path[:end]), _creator_tag(path[end - 1])
        if path[end - 1] & 0x10000 and dataset is not None and creator in dataset:
            found[path[:end]] = item_of(dataset, creator)
    return found


def claimed_leaves(ds: Dataset) -> Mapping[ElementPath, ClaimedLeaf]:
    """Return every element of a data set that is claimed or holds something claimed, at any depth.

    Raises
    ------
    CsacleanError
        If the values can't be had, or what they hold contradicts itself.
    """
    stream = Stream.like(ds)
    with quiet():
        ask(lambda: stream.add(ds))
    source, found = stream.walk()
    location = locate(
        found.elements,
        found.datasets,
        Context(found.elements, found.datasets, source).load,
        installed(),
    )
    starts = [leaf.start for leaf in stream.leaves]
    leaves: dict[ElementPath, ClaimedLeaf] = {}
    for one in location.located:
        leaf = stream.leaves[bisect_right(starts, one.element.start) - 1]
        before = leaves.get(leaf.path)
        leaves[leaf.path] = ClaimedLeaf(
            one.claimed.selector,
            one.claimed.claim.selector[-1].creator if one.orphan else None,
            bytes(stream.data[leaf.start : leaf.stop]),
            leaf.vr,
            _creators(ds, leaf.path) if before is None else before.creators,
        )
    return leaves


def _spelling(registry: Registry) -> dict[str, str]:
    """Return the creators that handlers claim, from folded to spelled."""
    steps = (step for claimed in registry.claims for step in claimed.claim.selector)
    return {fold_creator(step.creator): step.creator for step in steps if step.creator}


def _text(ds: Dataset, tag: BaseTag) -> str:
    """Return a creator as it is compared; empty where there is none."""
    if tag not in ds:
        return ""
    value = item_of(ds, tag).value
    return fold_creator(value if isinstance(value, bytes) else str(value or ""))


def spell_creators(ds: Dataset, leaves: Mapping[ElementPath, ClaimedLeaf]) -> None:
    """Make ``DataElement.private_creator`` of claimed blocks what their claims call it, whatever the file says.

    Others look elements up by it, and pydicom leaves it as written, and None for private sequences of undefined length
    and for orphans. Nothing that would be written changes.

    Raises
    ------
    IoFailed
        If pydicom can't convert a value.
    """
    spelled = _spelling(installed())

    def spell(dataset: Dataset) -> None:
        for tag in list(dataset.keys()):
            if tag.is_private and not is_creator(tag):
                creator = spelled.get(_text(dataset, _creator_tag(tag)))
                if creator is not None:
                    dataset[tag].private_creator = creator
            if vr_of(dataset, tag) == "SQ":
                for item in dataset[tag].value or ():
                    spell(item)

    def spell_orphans() -> None:
        for path, leaf in leaves.items():
            dataset = holder(ds, path)
            if dataset is not None and leaf.orphan is not None:
                dataset[path[-1]].private_creator = leaf.orphan

    with quiet():
        ask(lambda: spell(ds))
        ask(spell_orphans)


def put_back(ds: Dataset, leaves: Mapping[ElementPath, ClaimedLeaf]) -> None:
    """Give claimed elements whose block lost its creator the creator back, and the private sequences around them."""
    for path, leaf in leaves.items():
        if holder(ds, path) is None:
            continue
        for reserved, creator in leaf.creators.items():
            owner = holder(ds, reserved)
            if owner is not None and creator.tag not in owner:
                owner._dict[creator.tag] = creator


def _bare(value: bytes) -> list[bytes]:
    return [part.strip(b" \0") for part in value.split(b"\\")]


def _hits(span: tuple[int, int], elements: Sequence[Element]) -> list[Element]:
    first, last = span
    return [element for element in elements if first <= element.header and element.stop <= last]


def _names_a_sequence(ds: Dataset, path: ElementPath) -> bool:
    """Tell whether an element is a sequence that is claimed itself, by its own step."""
    dataset, tag = holder(ds, path), path[-1]
    if dataset is None or vr_of(dataset, BaseTag(tag)) != "SQ" or not BaseTag(tag).is_private:
        return False
    return bool(installed().find(tag >> 16, _text(dataset, _creator_tag(tag)), tag & 0xFF))


def _located(ds: Dataset, path: ElementPath) -> list[Located]:
    stream = Stream.like(ds)
    span = ask(lambda: stream.add_only(ds, path, beside=lambda _dataset, _tag: False))
    source, found = stream.walk()
    inside = set(_hits(span, found.elements))
    location = locate(
        found.elements,
        found.datasets,
        Context(found.elements, found.datasets, source).load,
        installed(),
    )
    return [one for one in location.located if one.element in inside]


def is_claimed(ds: Dataset, path: ElementPath) -> bool:
    """Tell whether a handler answers for an element: for itself, for something inside, or, of a creator, in its block.

    Raises
    ------
    CsacleanError
        If there is no such element, or pydicom can't give its value.
    """
    *around, tag = path
    with quiet():
        if is_creator(tag):
            dataset = holder(ds, path)
            others = [] if dataset is None else list(dataset.keys())
            return bool(_located(ds, path)) or any(
                is_claimed(ds, (*around, other))
                for other in others
                if other != tag and not is_creator(other) and _creator_tag(other) == tag
            )
        return _names_a_sequence(ds, path) or bool(_located(ds, path))


def clean_leaf(ds: Dataset, path: ElementPath, cleaner: Cleaner) -> Any:
    """Return the clean value of one element, of the type that pydicom gives it.

    The elements of a sequence are cleaned in place, and the sequence is returned. All else is left as it is.

    Parameters
    ----------
    ds
        The root.
    path
        Where the element stands in it.
    cleaner
        Policy and handlers.

    Raises
    ------
    HandlerError
        If there is no such element, or no handler claims it.
    CsacleanError
        If it can't be cleaned.
    """
    dataset, tag = holder(ds, path), BaseTag(path[-1])
    if dataset is None:
        raise HandlerError("no such element in the data set", str(_step(tag)))
    stream = Stream.like(ds)
    registry = cleaner.registry
    claims = registry.find(tag >> 16, _text(dataset, _creator_tag(tag)), tag & 0xFF)
    alone = bool(claims) and all(claimed.by_vr for claimed in claims)  # no handler will ask for others

    def beside(other: Dataset, found: BaseTag) -> bool:
        """Choose what a handler may ask for: short standard elements, and claimed ones of the same block."""
        if alone or vr_of(other, found) == "SQ" or found in PIXELS:
            return False
        if found.is_private and not (
            _creator_tag(found) == _creator_tag(tag)
            and registry.find(found >> 16, _text(other, _creator_tag(found)), found & 0xFF)
        ):
            return False
        return len(encoded(other, found, stream.order)) <= PEER_CAP

    with quiet():
        span = ask(lambda: stream.add_only(ds, path, beside=beside))
        source, found, examined = examine(stream, cleaner)
        element = item_of(dataset, tag)
        if not _hits(span, [one.element for one in examined.location.located]):
            if not _names_a_sequence(ds, path):
                raise HandlerError("no handler claims this element", str(_step(tag)))
        elif not element.value:
            return element.value
        elif not _hits(span, examined.elements):
            raise MalformedValue(
                f"the content is not what this element is claimed for; {_WAY_OUT}", str(_step(tag))
            )
        patches = examined.patches()
        check_patches(patches, examined, ())
        cleaner.sweep(source, found, examined, ())
        new = b"".join(patched(source, patches, 0, source.size))
        leaves = [leaf for leaf in stream.leaves if leaf.path[: len(path)] == path]
        for leaf, value in list(changed_leaves(leaves, patches, new, stream.data)):
            assign(leaf, value, stream.order)
        if vr_of(dataset, tag) == "SQ":
            return ask(lambda: dataset[tag].value)
        try:
            cleaned = ask(lambda: dataset[tag].value)
            _check_taken(dataset[tag])
            written = encoded(dataset, tag, stream.order)
        finally:
            dataset._dict[tag] = element
    if _bare(written) != _bare(new[leaves[0].start : leaves[0].stop]):
        raise ProofFailed("written", "pydicom would write another value than was proved", str(_step(tag)))
    return cleaned


def _check_taken(element: DataElement) -> None:
    """Check that others can give an element the value that it has; where pydicom refuses, its message quotes the value.

    Raises
    ------
    MalformedValue
        If they can't.
    """
    try:
        DataElement(element.tag, element.VR, element.value)
    except Exception:  # noqa: BLE001  # whatever it is, its text may hold the value
        raise MalformedValue(
            f"pydicom reads the value and doesn't take it back; {_WAY_OUT}", str(_step(element.tag))
        ) from None


def _step(tag: int) -> Step:
    return Step(tag >> 16, tag & 0xFF, "?") if tag & 0x10000 else Step(tag >> 16, tag & 0xFFFF)
