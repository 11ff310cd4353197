"""Files as pydicom data sets: read by csaclean's own walk, and written byte for byte but for what somebody changed.

pydicom can't read each file that is cleaned here, and doesn't write each value as it stood: it drops an element that
stands twice, gives ``UN`` another VR, cuts padding, and refuses a text in a DS. So `Loaded` makes a data set of what the
walk found. An element whose value pydicom can't convert or write is there as bytes, under the VR ``UN``. Behind the
changes, each element that is as it was is copied from the file, and what is new or was changed is encoded by pydicom.

What pydicom has no place for is kept if it is private, and left out if it isn't: of a standard element that stands
several times, the last is the one that others saw. The items of a sequence that stands several times stand together.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import (
    correct_ambiguous_vr_element,
    write_data_element,
    write_dataset,
    write_file_meta_info,
)
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import AMBIGUOUS_VR

from csaclean.adapters.pydicom import Order, charset_of, encoded, item_of, quiet
from csaclean.clean import Opened
from csaclean.dicom.deflate import deflated
from csaclean.dicom.elements import (
    ITEM,
    SEQUENCE_END,
    SPECIFIC_CHARACTER_SET,
    UNDEFINED,
    Element,
    Shape,
    Walk,
    is_group_length,
    tag_text,
)
from csaclean.dicom.file import PREAMBLE_SIZE, meta_elements
from csaclean.dicom.walk import PADDING, walk
from csaclean.errors import CsacleanError, HandlerError, LimitExceeded, MalformedFile, raised_at
from csaclean.write import patched, write_all

__all__ = ["Loaded"]

_LENGTH_SIZE: Final = 4
_UNDEFINED: Final = UNDEFINED.to_bytes(_LENGTH_SIZE, "little")
_TRANSFER_SYNTAX: Final = BaseTag(0x00020010)
_GROUP_LENGTH: Final = BaseTag(0x00020000)
_PREFIX: Final = b"DICM"

_Part = bytes | tuple[int, int]
"""Bytes to write, or a range of the source."""


class _Form(NamedTuple):
    """How the elements of a data set are encoded where they tell nothing else."""

    implicit: bool
    order: Order


_SYNTAXES: Final = {
    _Form(implicit=True, order="little"): ImplicitVRLittleEndian,
    _Form(implicit=False, order="little"): ExplicitVRLittleEndian,
    _Form(implicit=False, order="big"): ExplicitVRBigEndian,
}


@dataclass(slots=True)
class _Record:
    """An element as it was loaded.

    Attributes
    ----------
    elements
        Where it stands, several times if the file says so.
    items
        The items of a sequence; None for any other value.
    vr, written
        Its VR in the data set, and the bytes that pydicom writes for its value.
    stand_in
        Whether it is there as bytes because pydicom can't convert or write it.
    """

    elements: list[Element]
    items: "list[_Set] | None" = None
    vr: str = "SQ"
    written: bytes = b""
    stand_in: bool = False

    def __repr__(self) -> str:
        """Return how often it stands there, never a value."""
        return f"<_Record of {len(self.elements)} elements>"


@dataclass(slots=True)
class _Set:
    """The root or an item as it was loaded.

    Attributes
    ----------
    dataset
        What pydicom has.
    form
        How what is new in it is encoded.
    keeps_all
        Whether each of several elements of a tag is kept: in private matter, and before the data set.
    order
        All elements of it, in file order.
    records
        The same by tag.
    """

    dataset: Dataset
    form: _Form
    keeps_all: bool
    order: list[Element] = field(default_factory=list)
    records: dict[BaseTag, _Record] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return the number of elements, never a value."""
        return f"<_Set of {len(self.records)} elements>"

    def is_kept(self, element: Element, record: _Record) -> bool:
        """Tell whether one of several elements of a tag is kept: the last, a sequence, padding, or what is private."""
        seen = element is record.elements[-1] or element.shape is Shape.SEQUENCE
        return seen or element.tag == PADDING or self.keeps_all or bool(element.tag & 0x10000)


class Loaded:
    """A file whose data set others may change.

    Parameters
    ----------
    opened
        The file, open until everything is written.
    filename
        What the data set calls its file.

    Attributes
    ----------
    dataset
        What pydicom has for the file.

    Raises
    ------
    CsacleanError
        If the file can't be walked, or pydicom can't have such a data set.
    """

    dataset: FileDataset

    def __init__(self, opened: Opened, filename: str) -> None:
        self._opened = opened
        self._source = opened.source
        self._changed: dict[int, bool] = {}
        start = opened.start
        self._form = _Form(start.syntax.implicit, "little" if start.syntax.order == "<" else "big")
        found = walk(self._source, start.syntax, start.offset, wanted=None)
        self._end = found.end
        preamble = self._source.read(0, PREAMBLE_SIZE) if start.preamble else None
        with quiet():
            try:
                meta = FileMetaDataset()
                self.dataset = FileDataset(
                    filename, {}, preamble, meta, self._form.implicit, self._form.order == "little"
                )
                self._meta = _Set(meta, _Form(implicit=False, order="little"), keeps_all=True)
                self._add(self._meta, meta_elements(self._source, start))
                self._root = self._tree(found)
                self._convert(self._meta)
                self._convert(self._root)
            except CsacleanError:
                raise
            except Exception as error:  # noqa: BLE001  # whatever it is, its text may hold a value
                raise MalformedFile(f"pydicom can't have the data set: {raised_at(error)}") from None

    # Reading

    def _tree(self, found: Walk) -> _Set:
        """Return the root, its items and theirs, of elements that are not converted yet."""
        by_owner: dict[int, list[Element]] = {}
        for element in found.elements:
            by_owner.setdefault(element.owner, []).append(element)
        sets: list[_Set] = []
        encodings: list[str | list[str]] = []
        for number, place in enumerate(found.datasets):  # each after the one around it
            elements = by_owner.get(number, [])
            if not number:
                made = _Set(self.dataset, self._form, place.private)
                around: str | list[str] = default_encoding
            else:
                outer, around = sets[place.parent], encodings[place.parent]
                record = outer.records[BaseTag(place.tag)]
                form = _content(record, outer.form)
                if elements:
                    form = _Form(elements[0].vr is None, _order(elements[0]))
                made = _Set(Dataset(parent_encoding=around), form, place.private)
                if record.items is not None:
                    record.items.append(made)
            self._add(made, elements)
            encodings.append(self._encodings(elements, around))
            little = made.form.order == "little"
            made.dataset.set_original_encoding(made.form.implicit, little, encodings[-1])
            sets.append(made)
        return sets[0]

    def _add(self, made: _Set, elements: Sequence[Element]) -> None:
        made.order.extend(elements)
        for element in elements:
            tag = BaseTag(element.tag)
            record = made.records.setdefault(tag, _Record([]))
            record.elements.append(element)
            if element.shape is Shape.SEQUENCE and record.items is None:
                record.items = []
        for tag, record in made.records.items():
            if record.items is None:
                last = record.elements[-1]
                value = self._source.read(last.start, last.stop)
                length = UNDEFINED if last.shape is Shape.FRAGMENTS else len(value)
                implicit, little = last.vr is None, last.order == "<"
                made.dataset._dict[tag] = RawDataElement(tag, last.vr, length, value, 0, implicit, little)

    def _encodings(self, elements: Sequence[Element], around: str | list[str]) -> str | list[str]:
        """Return the character sets of a data set, as Python calls them."""
        for element in elements:
            if element.tag == SPECIFIC_CHARACTER_SET and element.shape is Shape.VALUE:
                text = self._source.read(element.start, element.stop).decode("latin-1").strip(" \0")
                try:
                    return convert_encodings(text.split("\\")) if text else around
                except (LookupError, ValueError):  # a character set that nobody knows
                    return around
        return around

    def _convert(self, made: _Set) -> None:
        """Let pydicom convert every value, and note what it writes for it; where it can't, bytes take the value's place."""
        dataset = made.dataset
        for tag, record in sorted(made.records.items()):  # Private Creators before what they reserve
            if record.items is not None:
                dataset[tag] = DataElement(tag, "SQ", Items([item.dataset for item in record.items]))
                for item in record.items:
                    self._convert(item)
                continue
            value = item_of(dataset, tag).value or b""
            try:
                element = dataset[tag]
                # Under some VRs, pydicom reads what it doesn't take back.
                DataElement(tag, element.VR, element.value)
                record.vr = str(element.VR)
                record.written = encoded(dataset, tag, self._form.order)
            except Exception:  # noqa: BLE001  # whatever it is: pydicom can't have this value
                # Of UN, pydicom would ask its dictionary for another VR.
                stand_in = DataElement(tag, "OB", value)
                stand_in.VR = "UN"
                dataset[tag] = stand_in
                record.vr, record.written, record.stand_in = "UN", value, True

    # What has changed

    def is_changed(self) -> bool:
        """Tell whether the file is to be written anew."""
        self._changed.clear()
        with quiet():
            return self._set_changed(self._root) or self._set_changed(self._meta)

    def _set_changed(self, one: _Set) -> bool:
        """Tell whether a data set holds something else than it did; found out once while a file is written."""
        if id(one) not in self._changed:
            self._changed[id(one)] = (
                one.dataset.keys() != one.records.keys()
                or not all(one.is_kept(element, one.records[BaseTag(element.tag)]) for element in one.order)
                or any(self._element_changed(one, tag) for tag in one.records)
            )
        return self._changed[id(one)]

    def _element_changed(self, one: _Set, tag: BaseTag) -> bool:
        """Tell whether an element that is still there holds something else than it did."""
        record, element = one.records[tag], item_of(one.dataset, tag)
        if record.items is not None:
            if element.VR != "SQ" or isinstance(element, RawDataElement):
                return True
            items = list(element.value or ())
            return len(items) != len(record.items) or any(
                item.dataset is not other or self._set_changed(item)
                for item, other in zip(record.items, items, strict=True)
            )
        if isinstance(element, RawDataElement):
            last = record.elements[-1]
            return element.value not in (record.written, self._source.read(last.start, last.stop))
        try:
            return (
                str(element.VR) != record.vr or encoded(one.dataset, tag, self._form.order) != record.written
            )
        except MalformedFile:  # what was there could be encoded
            return True

    # Writing

    def write(self, path: Path) -> None:
        """Write the file as the data set is.

        Raises
        ------
        HandlerError
            If others changed the transfer syntax.
        MalformedFile
            If pydicom can't encode what others put into the data set.
        """
        self._changed.clear()
        with quiet():
            head = self._head()
            parts = [*self._parts(self._root, self._end), (self._end, self._source.size)]
        chunks = self._chunks(parts)
        with path.open("xb") as file:
            write_all(file.fileno(), self._chunks(head))
            write_all(file.fileno(), deflated(chunks) if self._opened.start.syntax.deflated else chunks)

    def _chunks(self, parts: Iterable[_Part]) -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, bytes):
                yield part
            else:
                yield from patched(self._source, (), *part)

    def _head(self) -> list[_Part]:
        """Return what stands before the data set: anew if it was changed, or doesn't tell how the data set is encoded.

        In a data set that was changed, that may not be seen any more.
        """
        start, meta = self._opened.start, self.dataset.file_meta
        if not self._set_changed(self._meta) and self._tells_encoding():
            return [(0, start.offset)]
        if _TRANSFER_SYNTAX in self._meta.records and (
            _TRANSFER_SYNTAX not in meta or self._element_changed(self._meta, _TRANSFER_SYNTAX)
        ):
            raise HandlerError("the data set stays encoded as it is: its transfer syntax can't be changed")
        if not meta.get("TransferSyntaxUID"):
            meta.TransferSyntaxUID = _SYNTAXES[self._form]
        meta.pop(_GROUP_LENGTH, None)
        meta.FileMetaInformationGroupLength = 0  # pydicom puts the length there
        for tag in meta.keys() & self._meta.records.keys():
            _give_vr(item_of(meta, tag), self._meta.records[tag])
        buffer = _buffer(self._meta.form)
        _encode(lambda: write_file_meta_info(buffer, meta, enforce_standard=False), "(0002,0000)")
        preamble = self._source.read(0, PREAMBLE_SIZE) if start.preamble else bytes(PREAMBLE_SIZE)
        return [preamble + _PREFIX + buffer.getvalue()]

    def _tells_encoding(self) -> bool:
        """Tell whether a transfer syntax says how the data set is encoded, or its first element, which is still there."""
        if self._meta.records:
            return "no-transfer-syntax" not in self._opened.start.facts
        first = self._root.order[:1]
        tags = self._root.dataset.keys()
        return all(BaseTag(one.tag) in tags and one.tag <= min(tags) for one in first)

    def _parts(self, one: _Set, end: int = -1) -> Iterator[_Part]:
        """Yield the elements of a data set, those that were there in their order; the root is known by its `end`."""
        dataset = one.dataset
        changed = {tag for tag in one.records if tag in dataset and self._element_changed(one, tag)}
        groups = {tag >> 16 for tag in changed | (one.records.keys() ^ dataset.keys())}
        new = sorted(dataset.keys() - one.records.keys())
        for index, element in enumerate(one.order):
            while new and new[0] < element.tag:
                yield self._encoded(one, new.pop(0))
            tag = BaseTag(element.tag)
            record = one.records[tag]
            counted = is_group_length(tag, element.vr, element.stop - element.start)
            if tag not in dataset or (counted and tag >> 16 in groups):
                continue  # no group length needs to be there (PS3.5 section 7.2)
            if tag in changed:
                if element is record.elements[0]:
                    yield from self._again(one, tag, record)
            elif one.is_kept(element, record):
                if end >= 0:
                    last = index + 1 == len(one.order)
                    yield element.header, end if last else one.order[index + 1].header
                else:
                    yield from self._copied(element, one, record)
        for tag in new:
            yield self._encoded(one, tag)

    def _copied(self, element: Element, one: _Set, record: _Record) -> Iterator[_Part]:
        """Yield an element of an item that is as it was."""
        if element.shape is Shape.SEQUENCE and self._is_open(element):  # where it ends isn't known
            first = next(other for other in record.elements if other.shape is Shape.SEQUENCE)
            if element is first:
                yield from self._sequence(
                    element, one, record, [list(self._parts(i)) for i in record.items or ()]
                )
            return
        yield element.header, element.stop
        if element.shape is Shape.FRAGMENTS:
            yield _delimiter(SEQUENCE_END, 0, _order(element))

    def _again(self, one: _Set, tag: BaseTag, record: _Record) -> Iterator[_Part]:
        """Yield an element that was changed."""
        element = item_of(one.dataset, tag)
        if record.items is None or element.VR != "SQ" or isinstance(element, RawDataElement):
            yield self._encoded(one, tag)
            return
        known = {id(item.dataset): item for item in record.items}
        items = [
            list(self._parts(known[id(item)])) if id(item) in known else [_new_item(item, one, record)]
            for item in element.value or ()
        ]
        first = next(other for other in record.elements if other.shape is Shape.SEQUENCE)
        yield from self._sequence(first, one, record, items)

    def _is_open(self, element: Element) -> bool:
        """Tell whether the length in a header is undefined."""
        return self._source.read(element.start - _LENGTH_SIZE, element.start) == _UNDEFINED

    def _sequence(
        self, element: Element, one: _Set, record: _Record, items: Sequence[Sequence[_Part]]
    ) -> Iterator[_Part]:
        """Yield a sequence under its old header, of undefined length if it was."""
        inside = _content(record, one.form).order
        content: list[_Part] = []
        for item in items:
            content += [_delimiter(ITEM, _size(item), inside), *item]
        yield element.header, element.start - _LENGTH_SIZE
        if self._is_open(element):
            yield _UNDEFINED
            yield from content
            yield _delimiter(SEQUENCE_END, 0, inside)
        else:
            yield _size(content).to_bytes(_LENGTH_SIZE, _order(element))
            yield from content

    def _encoded(self, one: _Set, tag: BaseTag) -> bytes:
        """Return an element as pydicom writes it, header and value."""
        dataset = one.dataset
        if tag in one.records:
            _give_vr(item_of(dataset, tag), one.records[tag])
        buffer = _buffer(one.form)

        def write() -> None:
            element: DataElement | RawDataElement = dataset[tag]
            if element.VR in AMBIGUOUS_VR:
                element = correct_ambiguous_vr_element(element, dataset, one.form.order == "little")
            write_data_element(buffer, element, charset_of(dataset))

        _encode(write, tag_text(tag))
        return buffer.getvalue()


def _order(element: Element) -> Order:
    return "little" if element.order == "<" else "big"


def _content(record: _Record, around: _Form) -> _Form:
    """Return how the items of a sequence are encoded: as the first of them, or as its VR says (PS3.5 section 6.2.2)."""
    if record.items:
        return record.items[0].form
    vrs = {element.vr for element in record.elements if element.shape is Shape.SEQUENCE}
    if "SQ" in vrs:
        return _Form(implicit=False, order=around.order)
    return _Form(implicit=True, order=around.order if None in vrs else "little")


def _new_item(item: Dataset, one: _Set, record: _Record) -> bytes:
    """Return the elements of an item that was put into a sequence."""
    buffer = _buffer(_content(record, one.form))
    _encode(lambda: write_dataset(buffer, item, charset_of(one.dataset)), "")
    return buffer.getvalue()


def _give_vr(element: DataElement | RawDataElement, record: _Record) -> None:
    """Give an element that stood there as bytes, and was changed, the VR that it has."""
    if record.stand_in and isinstance(element, DataElement) and not isinstance(element.value, bytes):
        tag = element.tag
        element.VR = record.elements[-1].vr or (dictionary_VR(tag) if dictionary_has_tag(tag) else "UN")


def _encode(write: Callable[[], object], selector: str) -> None:
    """Let pydicom write something.

    Raises
    ------
    MalformedFile
        If it can't.
    """
    try:
        write()
    except Exception as error:  # noqa: BLE001  # whatever it is, its text may hold a value
        raise MalformedFile(f"pydicom can't write the value: {raised_at(error)}", selector) from None


def _buffer(form: _Form) -> DicomBytesIO:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = form.order == "little", form.implicit
    return buffer


def _size(parts: Sequence[_Part]) -> int:
    """Return the number of bytes of an item or a sequence.

    Raises
    ------
    LimitExceeded
        If no length can tell it.
    """
    size = sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in parts)
    if size >= UNDEFINED:
        raise LimitExceeded("a sequence would be too long for its length")
    return size


def _delimiter(tag: int, length: int, order: Order) -> bytes:
    number = (tag >> 16).to_bytes(2, order) + (tag & 0xFFFF).to_bytes(2, order)
    return number + length.to_bytes(_LENGTH_SIZE, order)
