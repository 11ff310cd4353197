"""A small file cut at every byte: each cut is an error or a whole, shorter file, never a silent loss."""

from collections.abc import Iterator

import pytest

from csaclean.dicom.deflate import inflate
from csaclean.dicom.elements import Walk
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource, FileSource, Source
from csaclean.dicom.walk import walk
from csaclean.errors import MalformedFile, NotDicom
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    RLE_LOSSLESS,
    DataSet,
    Element,
    Encoding,
    Pixels,
    encode_dataset,
    numbers,
    sequence,
    text,
)

CREATOR = text(0x00290010, "LO", "PHANTOM ")
INSIDE: DataSet = (CREATOR, Element(0x00291020, "OB", b"SYNTHETIC!"))
DATASET: DataSet = (
    text(0x00080005, "CS", "ISO_IR 100"),
    text(0x00080016, "UI", "2.25.1"),
    sequence(0x00081115, INSIDE, undefined=True, undefined_items=True),
    sequence(0x00081140, INSIDE, (), undefined=False, undefined_items=False),
    numbers(0x00280010, "US", 2),
    *INSIDE,
    sequence(0x00291030, INSIDE, vr="UN", undefined=False, undefined_items=False),
    sequence(0x00291040, INSIDE, vr="UN", undefined=True, undefined_items=True),
    Element(0x00291050, "UN", b"\xfe\xff\x00\xe0" + bytes(6)),
    Element(0x7FE00010, "OW", Pixels(((1, 2, 3, 4),))),
)
NOT_DEFLATED = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, RLE_LOSSLESS)
PREFIX_END = 132


def read(data: bytes) -> tuple[Source, Walk]:
    """Return the source of a file's data set, inflated if need be, and its walk."""
    source: Source = BytesSource(data)
    start = find_start(source)
    if start.syntax.deflated:
        spool, _ = inflate(source, start.offset)
        with spool:
            size = spool.seek(0, 2)
            source = BytesSource(FileSource(spool.fileno()).read(0, size))
    return source, walk(source, start.syntax, start.offset, wanted=None)


def shapes(found: Walk) -> list[tuple[int, int, int, int]]:
    return [(e.owner, e.tag, e.start, e.stop) for e in found.elements]


def borders(encoding: Encoding) -> Iterator[tuple[int, int]]:
    """Yield where the data set could end between two top-level elements, and after how many of them."""
    whole = len(encode_dataset(DATASET, encoding))
    start = len(file_bytes(Phantom(DATASET, encoding))) - whole
    for count in range(len(DATASET) + 1):
        yield start + len(encode_dataset(DATASET[:count], encoding)), count


def meta_size(encoding: Encoding) -> int:
    return next(iter(borders(encoding)))[0]


@pytest.mark.parametrize("encoding", NOT_DEFLATED, ids=lambda encoding: encoding.name)
def test_the_file_itself_is_whole(encoding: Encoding) -> None:
    _, found = read(file_bytes(Phantom(DATASET, encoding)))
    assert sum(e.owner == 0 for e in found.elements) == len(DATASET)


@pytest.mark.parametrize("encoding", NOT_DEFLATED, ids=lambda encoding: encoding.name)
def test_a_cut_inside_preamble_or_prefix_is_not_dicom(encoding: Encoding) -> None:
    data = file_bytes(Phantom(DATASET, encoding))
    for size in range(PREFIX_END):
        with pytest.raises(NotDicom):
            read(data[:size])


@pytest.mark.parametrize("encoding", NOT_DEFLATED, ids=lambda encoding: encoding.name)
def test_a_cut_inside_the_file_meta_information_is_an_error(encoding: Encoding) -> None:
    data = file_bytes(Phantom(DATASET, encoding))
    for size in range(PREFIX_END, meta_size(encoding)):
        with pytest.raises(MalformedFile):
            read(data[:size])


@pytest.mark.parametrize("encoding", NOT_DEFLATED, ids=lambda encoding: encoding.name)
def test_a_cut_inside_an_element_item_or_sequence_is_an_error(encoding: Encoding) -> None:
    data = file_bytes(Phantom(DATASET, encoding))
    ends = [size for size, _ in borders(encoding)]
    assert ends[-1] == len(data)
    delimiter = set(range(len(data) - 8, len(data))) if encoding.encapsulated else set()
    for size in set(range(ends[0], len(data))) - set(ends) - delimiter:
        with pytest.raises(MalformedFile):
            read(data[:size])


@pytest.mark.parametrize("taken", range(1, 9))
def test_a_cut_that_takes_of_the_delimiter_of_encapsulated_data_only_is_a_whole_file_that_says_so(
    taken: int,
) -> None:
    data = file_bytes(Phantom(DATASET, RLE_LOSSLESS))
    _, whole = read(data)
    _, found = read(data[:-taken])
    assert found.facts["missing-delimiter"] == 1
    assert found.end == len(data) - taken
    assert shapes(found) == shapes(whole)


@pytest.mark.parametrize("encoding", NOT_DEFLATED, ids=lambda encoding: encoding.name)
def test_a_cut_between_two_elements_is_a_shorter_file(encoding: Encoding) -> None:
    data = file_bytes(Phantom(DATASET, encoding))
    _, whole = read(data)
    for size, count in borders(encoding):
        _, found = read(data[:size])
        assert found.end == size
        assert sum(e.owner == 0 for e in found.elements) == count
        assert shapes(found) == shapes(whole)[: len(found.elements)]


@pytest.mark.parametrize("encoding", NOT_DEFLATED, ids=lambda encoding: encoding.name)
def test_a_shorter_file_with_rows_says_that_its_pixel_data_is_missing(encoding: Encoding) -> None:
    data = file_bytes(Phantom(DATASET, encoding))
    rows = next(number for number, e in enumerate(DATASET, 1) if e.tag == 0x00280010)
    for size, count in borders(encoding):
        expected = int(rows <= count < len(DATASET))
        assert read(data[:size])[1].facts["no-pixel-data"] == expected


@pytest.mark.parametrize("meta", [True, False], ids=["with-meta", "without-meta"])
@pytest.mark.parametrize(
    "encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG], ids=lambda encoding: encoding.name
)
def test_without_preamble_every_cut_is_refused_too(encoding: Encoding, meta: bool) -> None:
    data = file_bytes(Phantom(DATASET, encoding, preamble=None, meta=meta))
    start = len(data) - len(encode_dataset(DATASET, encoding))
    ends = {start + len(encode_dataset(DATASET[:count], encoding)) for count in range(len(DATASET) + 1)}
    for size in set(range(len(data))) - ends:
        with pytest.raises((MalformedFile, NotDicom)):
            read(data[:size])
    for size in sorted(ends - {0}):
        assert read(data[:size])[1].end == size


@pytest.mark.parametrize("level", [None, 6], ids=["stored", "level-6"])
def test_every_cut_of_a_deflated_data_set_is_an_error(level: int | None) -> None:
    encoding = Encoding("deflated", DEFLATED.uid, deflated=True, level=level)
    data = file_bytes(Phantom(DATASET, encoding))
    start = find_start(BytesSource(data)).offset
    spool, end = inflate(BytesSource(data), start)
    spool.close()
    for size in range(PREFIX_END, end):
        with pytest.raises(MalformedFile):
            read(data[:size])
    for size in range(end, len(data) + 1):
        assert sum(e.owner == 0 for e in read(data[:size])[1].elements) == len(DATASET)
