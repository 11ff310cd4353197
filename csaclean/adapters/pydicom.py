"""pydicom data sets in memory: cleaned in place, or not at all.

The private elements of a data set, and the sequences around them, are written out as one stream of data elements, which
is then walked, laid out, edited and proved like a file's. Values that pydicom has not converted go in as they are;
converted ones are encoded by pydicom.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeVar, Unpack

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import BaseTag

from csaclean.clean import Cleaner, Found, check_patches
from csaclean.dicom.creators import is_creator
from csaclean.dicom.elements import (
    ITEM,
    ITEM_END,
    LONG_VRS,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    Walk,
    tag_text,
)
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import EXPLICIT_BIG, EXPLICIT_LITTLE
from csaclean.dicom.walk import MAX_DEPTH, PIXELS, STANDARD, walk
from csaclean.engine import Examined
from csaclean.errors import (
    CsacleanError,
    IoFailed,
    LimitExceeded,
    MalformedFile,
    ProofFailed,
)
from csaclean.model import Fill, Patch
from csaclean.policy.options import OptionWords, make_options
from csaclean.policy.policies import load_policy
from csaclean.proof.witness import ProofLevel
from csaclean.registry import installed
from csaclean.report.model import Region, Report
from csaclean.write import patched

__all__ = [
    "ElementPath",
    "Leaf",
    "Order",
    "Stream",
    "ask",
    "assign",
    "changed_leaves",
    "charset_of",
    "clean_dataset",
    "encoded",
    "examine",
    "item_of",
    "quiet",
    "vr_of",
]

_T = TypeVar("_T")
_LONGEST_SHORT: Final = 0xFFFF
"""Longest value whose length has 16 bits (PS3.5 section 7.1.2)."""

Order = Literal["little", "big"]
"""Of bytes, as Python calls it."""

ElementPath = tuple[int, ...]
"""Where an element stands in a data set: its tag, before it for each sequence around it a tag and the item's number."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings, which quote values, from everybody: as warnings and as records of its logger."""

    def drop(_record: logging.LogRecord) -> bool:
        return False

    logger = logging.getLogger("pydicom")
    logger.addFilter(drop)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeFilter(drop)


class Leaf(NamedTuple):
    """An element of a data set, and where its value stands in the stream."""

    dataset: Dataset
    tag: BaseTag
    vr: str
    start: int
    stop: int
    path: ElementPath


@dataclass
class Stream:
    """A data set's private matter as explicit VR data elements in one byte order."""

    order: Order
    signatures: tuple[bytes, ...]
    data: bytearray = field(default_factory=bytearray)
    leaves: list[Leaf] = field(default_factory=list)

    @classmethod
    def like(cls, ds: Dataset) -> "Stream":
        """Return an empty stream in the byte order of a data set."""
        little = ds.original_encoding[1] is not False
        return cls("little" if little else "big", installed().signatures)

    def _header(self, tag: int, vr: bytes, length: int) -> None:
        number = (tag >> 16).to_bytes(2, self.order) + (tag & 0xFFFF).to_bytes(2, self.order)
        reserved = b"\0\0" if vr and vr not in SHORT_VRS else b""
        self.data += number + vr + reserved + length.to_bytes(2 if vr in SHORT_VRS else 4, self.order)

    def add(
        self, dataset: Dataset, *, private: bool = False, depth: int = 0, around: ElementPath = ()
    ) -> None:
        """Append a data set; of standard elements outside private sequences only what the engine looks at.

        Raises
        ------
        LimitExceeded
            If data sets are nested deeper than a file's may be.
        """
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"sequences nested deeper than {MAX_DEPTH}")
        for tag in sorted(dataset.keys()):
            inside = private or tag.is_private
            vr = vr_of(dataset, tag)
            if vr == "SQ":
                self._add_sequence(dataset, tag, private=inside, depth=depth, around=around)
            elif inside or vr == "UN" or tag in STANDARD:  # UN may hold a sequence
                self._add_leaf(dataset, tag, vr, around)
            elif depth or tag not in PIXELS:
                self._refuse_signatures(dataset, tag)

    def add_only(
        self,
        dataset: Dataset,
        path: ElementPath,
        *,
        beside: Callable[[Dataset, BaseTag], bool],
        private: bool = False,
        around: ElementPath = (),
    ) -> tuple[int, int]:
        """Append one element, and what tells whose it is: creators and character sets of the data sets around it.

        Parameters
        ----------
        dataset, path
            The root, and where the element stands in it.
        beside
            Which other elements of its own data set are wanted.
        private, around
            Whether a private sequence is around the data set, and the path to it.

        Returns
        -------
        tuple of int
            Where the element starts and ends in the stream.

        Raises
        ------
        KeyError, IndexError
            If there is no such element.
        """
        wanted, *rest = path
        span = (0, 0)
        if BaseTag(wanted) not in dataset:
            raise KeyError(tag_text(wanted))
        for tag in sorted(dataset.keys()):
            inside = private or tag.is_private
            own_group = tag >> 16 == wanted >> 16
            if tag != wanted:
                if tag in STANDARD or (own_group and is_creator(tag)) or (not rest and beside(dataset, tag)):
                    self._add_leaf(dataset, tag, vr_of(dataset, tag), around)
            elif rest:
                self._header(tag, b"SQ", UNDEFINED)
                self._header(ITEM, b"", UNDEFINED)
                span = self.add_only(
                    dataset[tag].value[rest[0]],
                    tuple(rest[1:]),
                    beside=beside,
                    private=inside,
                    around=(*around, tag, rest[0]),
                )
                self._header(ITEM_END, b"", 0)
                self._header(SEQUENCE_END, b"", 0)
            else:
                start = len(self.data)
                if vr_of(dataset, tag) == "SQ":
                    self._add_sequence(dataset, tag, private=inside, depth=len(around) // 2, around=around)
                else:
                    self._add_leaf(dataset, tag, vr_of(dataset, tag), around)
                span = (start, len(self.data))
        return span

    def walk(self) -> tuple[BytesSource, Walk]:
        """Return the stream's bytes and what is in them."""
        source = BytesSource(bytes(self.data))
        return source, walk(source, EXPLICIT_LITTLE if self.order == "little" else EXPLICIT_BIG)

    def _refuse_signatures(self, dataset: Dataset, tag: BaseTag) -> None:
        """Look for a payload with a claimed signature in a standard element, as is done in files.

        Raises
        ------
        ProofFailed
            If there is one.
        """
        value = item_of(dataset, tag).value
        if isinstance(value, bytes) and any(signature in value for signature in self.signatures):
            raise ProofFailed(
                "rows",
                "a payload with a claimed signature stands outside every private element",
                tag_text(tag),
            )

    def _add_sequence(
        self, dataset: Dataset, tag: BaseTag, *, private: bool, depth: int, around: ElementPath
    ) -> None:
        self._header(tag, b"SQ", UNDEFINED)
        for number, item in enumerate(dataset[tag].value or ()):
            self._header(ITEM, b"", UNDEFINED)
            self.add(item, private=private, depth=depth + 1, around=(*around, tag, number))
            self._header(ITEM_END, b"", 0)
        self._header(SEQUENCE_END, b"", 0)

    def _add_leaf(self, dataset: Dataset, tag: BaseTag, vr: str, around: ElementPath) -> None:
        value = encoded(dataset, tag, self.order)
        self._header(tag, _written_vr(dataset, vr, len(value)), len(value))
        start = len(self.data)
        self.data += value
        self.leaves.append(Leaf(dataset, tag, vr, start, len(self.data), (*around, tag)))


def _written_vr(dataset: Dataset, vr: str, size: int) -> bytes:
    """Return the VR of a value in a stream: its own, or ``UN`` where a file would have none or it takes no such length."""
    own = vr.encode("ascii", "replace")
    fits = own in LONG_VRS or (own in SHORT_VRS and size <= _LONGEST_SHORT)
    return own if fits and dataset.original_encoding[0] is not True else b"UN"


def item_of(dataset: Dataset, tag: BaseTag) -> DataElement | RawDataElement:
    """Return an element as it is, converted or not."""
    return dataset.get_item(tag)


def vr_of(dataset: Dataset, tag: BaseTag) -> str:
    """Return the VR of an element, without converting it."""
    vr = item_of(dataset, tag).VR
    if vr is None:  # implicit VR, not converted
        return dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
    return vr


def charset_of(dataset: Dataset) -> str | list[str]:
    """Return the character sets of a data set as Python calls them; the default one where pydicom can't tell them."""
    try:
        return dataset._character_set
    except (LookupError, TypeError, ValueError):
        return default_encoding


def encoded(dataset: Dataset, tag: BaseTag, order: Order) -> bytes:
    """Return the bytes of a value.

    Raises
    ------
    MalformedFile
        If pydicom can't encode what the data set holds.
    """
    element = item_of(dataset, tag)
    if isinstance(element, RawDataElement) and element.is_little_endian is (order == "little"):
        return element.value or b""
    if isinstance(element, RawDataElement):  # from a data set of the other byte order
        element = ask(lambda: dataset[tag])
    if isinstance(element.value, bytes):
        return element.value
    buffer = DicomBytesIO()
    buffer.is_little_endian = order == "little"
    buffer.is_implicit_VR = True
    try:
        write_data_element(buffer, element, charset_of(dataset))
    except Exception as error:  # noqa: BLE001  # whatever it is, its text may hold the value
        raise MalformedFile(
            f"pydicom can't encode the value: {type(error).__name__}", tag_text(tag)
        ) from None
    return buffer.getvalue()[8:]


def assign(leaf: Leaf, value: bytes, order: Order) -> None:
    """Put a raw element in the place of an element.

    Not by ``dataset[tag] = ...``: that converts the private creator, which may fail when half of the data set is
    changed. This can't fail.
    """
    raw = RawDataElement(leaf.tag, leaf.vr, len(value), value, 0, False, order == "little")
    leaf.dataset._dict[leaf.tag] = raw


def changed_leaves(
    leaves: list[Leaf], patches: tuple[Patch, ...], new: bytes, old: bytearray
) -> Iterator[tuple[Leaf, bytes]]:
    """Yield the elements whose bytes differ between two states of a stream, with the new ones."""
    if patches:
        for leaf in leaves:
            value = new[leaf.start : leaf.stop]
            if value != old[leaf.start : leaf.stop]:
                yield leaf, value


def ask(values: Callable[[], _T]) -> _T:
    """Ask pydicom for values.

    Raises
    ------
    IoFailed
        If pydicom can't give the values: one is deferred and its file is gone, or whatever else it meets.
    """
    try:
        return values()
    except CsacleanError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, its text may hold the value
        raise IoFailed(f"pydicom can't give the values: {type(error).__name__}") from None


def examine(stream: Stream, cleaner: Cleaner) -> tuple[BytesSource, Walk, Examined]:
    """Clean what is claimed in a stream, and prove the first three stages."""
    source, found = stream.walk()
    return source, found, cleaner.engine.examine(found.elements, found.datasets, source)


def _false_lengths(found: Walk, source: BytesSource, order: Order) -> Iterator[Region]:
    """Yield the lengths of private groups that are greater than these can be in any encoding; pydicom writes none."""
    for slack in found.slack:
        value = source.read(slack.start, slack.stop)
        if slack.kind == "group-length" and int.from_bytes(value, order) > int.from_bytes(slack.true, order):
            size = len(value)
            yield Region("group-length", slack.start, size, size - value.count(0), "null")


def clean_dataset(
    ds: Dataset,
    policy: str | os.PathLike[str] = "converter-safe",
    *,
    proof: ProofLevel = "rows",
    **options: Unpack[OptionWords],
) -> Report:
    """Clean the private elements of a pydicom data set, in place.

    Parameters
    ----------
    ds
        The data set, read from a file (lazily too) or made in memory. File Meta Information and preamble are not
        touched. The length of a private group is nulled if it can't be one.
    policy
        Name of a policy that ships, or path of a TOML file.
    proof
        ``rows`` asks a witness once per row of fields, ``full`` always, ``self`` never.
    **options
        Those of `csaclean.policy.options.OptionWords`.

    Returns
    -------
    Report
        As of a file, with an empty name.

    Raises
    ------
    CsacleanError
        If the data set can't be cleaned: it is as it was then.
    """
    stream = Stream.like(ds)
    with quiet():
        ask(lambda: stream.add(ds))
        cleaner = Cleaner(load_policy(policy), installed(), proof=proof, options=make_options(options))
        source, found, examined = examine(stream, cleaner)
        regions = list(_false_lengths(found, source, stream.order))
        nulled = [Patch(one.offset, one.offset + one.bytes, Fill(0)) for one in regions]
        patches = tuple(sorted((*examined.patches(), *nulled), key=lambda patch: patch.start))
        check_patches(patches, examined, regions)
        cleaner.sweep(source, found, examined, regions)
        new = b"".join(patched(source, patches, 0, source.size))
        for leaf, value in list(changed_leaves(stream.leaves, patches, new, stream.data)):
            assign(leaf, value, stream.order)
    return cleaner.report("", "pydicom", Found(found, examined, patches, tuple(regions)), written=False)
