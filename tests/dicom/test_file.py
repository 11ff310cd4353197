"""Where the data set of a file starts: with and without preamble, File Meta Information, and certainty."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.dicom import syntax as syntaxes
from csaclean.dicom.file import PREAMBLE_SIZE, find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import Syntax
from csaclean.errors import MalformedFile, NotDicom, Unsupported
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    DEFLATED,
    ENCODINGS,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_BASELINE,
    DataSet,
    Element,
    Encoding,
    encode_dataset,
    sequence,
    text,
)
from phantoms import base_image

DATASET: DataSet = (
    text(0x00080005, "CS", "ISO_IR 100"),
    text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4"),
    text(0x00290010, "LO", "PHANTOM "),
)
BARE = pytest.mark.parametrize(
    ("encoding", "syntax"),
    [
        (IMPLICIT_LITTLE, syntaxes.IMPLICIT_LITTLE),
        (EXPLICIT_LITTLE, syntaxes.EXPLICIT_LITTLE),
        (EXPLICIT_BIG, syntaxes.EXPLICIT_BIG),
    ],
    ids=lambda value: value.name,
)


@pytest.mark.parametrize("preamble", [bytes(128), b"J" * 128, None], ids=["null", "junk", "none"])
@pytest.mark.parametrize("encoding", [*ENCODINGS, JPEG_BASELINE], ids=lambda encoding: encoding.name)
def test_the_transfer_syntax_says_how_to_read(encoding: Encoding, preamble: bytes | None) -> None:
    data = file_bytes(Phantom(DATASET, encoding, preamble))
    start = find_start(BytesSource(data))
    assert (start.syntax.implicit, start.syntax.order) == (encoding.implicit, encoding.order)
    assert (start.syntax.deflated, start.syntax.encapsulated) == (encoding.deflated, encoding.encapsulated)
    assert start.preamble == (preamble is not None)
    if not encoding.deflated:
        assert data[start.offset :] == encode_dataset(DATASET, encoding)


@BARE
@pytest.mark.parametrize("preamble", [bytes(128), None], ids=["preamble", "bare"])
def test_without_meta_information_the_data_set_itself_tells(
    encoding: Encoding, syntax: Syntax, preamble: bytes | None
) -> None:
    start = find_start(BytesSource(file_bytes(Phantom(DATASET, encoding, preamble, meta=False))))
    assert start.syntax == syntax
    assert start.offset == (0 if preamble is None else PREAMBLE_SIZE + 4)


@BARE
def test_a_bare_image_is_found_whatever_stands_behind_it(encoding: Encoding, syntax: Syntax) -> None:
    phantom = Phantom(base_image(), encoding, preamble=None, meta=False, tail=b"TAIL")
    assert find_start(BytesSource(file_bytes(phantom))).syntax == syntax


@BARE
@pytest.mark.parametrize(
    "first",
    [
        text(0x00080000, "UL", "abcd"),
        text(0x00080001, "UL", "abcd"),
        text(0x00080005, "CS", "ISO_IR 100"),
        sequence(0x00080006, (text(0x00080100, "SH", "ab"),)),
        text(0x00080008, "CS", "ORIGINAL\\PRIMARY"),
        text(0x00080012, "DA", "20010203"),
        text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4"),
        text(0x00080018, "UI", "2.25.1"),
    ],
    ids=lambda element: f"{element.tag:08X}",
)
def test_a_bare_data_set_may_start_with_any_usual_element(
    encoding: Encoding, syntax: Syntax, first: Element
) -> None:
    data = encode_dataset((first, DATASET[-1]), encoding)
    assert find_start(BytesSource(data)).syntax == syntax


@BARE
@pytest.mark.parametrize("number", [0x20, 0x60])
def test_a_bare_data_set_that_starts_later_in_its_first_group_is_not_skipped(
    encoding: Encoding, syntax: Syntax, number: int
) -> None:
    """A file that starts as DICOM is cleaned or fails, never skipped."""
    first = text(0x00080000 | number, "DA" if number == 0x20 else "LO", "20010203")
    data = encode_dataset((first, *DATASET[2:]), encoding)
    try:
        assert find_start(BytesSource(data)).syntax == syntax
    except NotDicom:
        pytest.fail("taken for something other than DICOM")


def test_meta_information_without_transfer_syntax_is_read_by_the_data_set_behind_it() -> None:
    meta = (Element(0x00020001, "OB", b"\0\1"), text(0x00020003, "UI", "2.25.1"))
    data = bytes(128) + b"DICM" + encode_dataset(meta, EXPLICIT_LITTLE)
    for encoding, expected in (
        (IMPLICIT_LITTLE, syntaxes.IMPLICIT_LITTLE),
        (EXPLICIT_BIG, syntaxes.EXPLICIT_BIG),
    ):
        start = find_start(BytesSource(data + encode_dataset(DATASET, encoding)))
        assert (start.offset, start.syntax) == (len(data), expected)


def test_meta_information_with_nothing_certain_behind_it_is_an_error() -> None:
    meta = (Element(0x00020001, "OB", b"\0\1"), text(0x00020003, "UI", "2.25.1"))
    data = bytes(128) + b"DICM" + encode_dataset(meta, EXPLICIT_LITTLE)
    with pytest.raises(MalformedFile, match="not certain"):
        find_start(BytesSource(data + b"SYNTHETIC CONTENT"))


def test_nothing_behind_the_prefix_is_an_error() -> None:
    with pytest.raises(MalformedFile):
        find_start(BytesSource(bytes(128) + b"DICM"))


def test_an_unknown_transfer_syntax_is_read_in_the_one_encoding_that_walks() -> None:
    start = find_start(BytesSource(file_bytes(Phantom(DATASET, Encoding("private", "2.25.424242")))))
    assert start.syntax == syntaxes.EXPLICIT_LITTLE
    assert start.facts == ("unknown-transfer-syntax",)


def test_an_unknown_transfer_syntax_is_refused_with_its_tag_and_without_its_value() -> None:
    phantom = Phantom(DATASET, Encoding("private", "2.25.424242", deflated=True))
    with pytest.raises(Unsupported) as caught:
        find_start(BytesSource(file_bytes(phantom)))
    assert caught.value.selector == "(0002,0010)"
    assert "424242" not in str(caught.value)


def test_a_dicomdir_is_told() -> None:
    directory = (text(0x00080016, "UI", "1.2.840.10008.1.3.10"),)
    assert find_start(BytesSource(file_bytes(Phantom(directory)))).is_dicomdir
    assert not find_start(BytesSource(file_bytes(Phantom(DATASET)))).is_dicomdir


def test_a_damaged_bare_data_set_is_malformed_and_not_skipped() -> None:
    data = encode_dataset(DATASET, EXPLICIT_LITTLE)
    with pytest.raises(MalformedFile):
        find_start(BytesSource(data[:-1]))


@pytest.mark.parametrize(
    "data",
    [b"", b"D", b"DICM", bytes(132), bytes(4096), b"\x89PNG\r\n\x1a\n" + bytes(200), b"\2\0" * 100],
    ids=["empty", "one-byte", "prefix-only", "zeros", "many-zeros", "png", "twos"],
)
def test_other_files_are_not_dicom(data: bytes) -> None:
    with pytest.raises(NotDicom):
        find_start(BytesSource(data))


@given(st.binary(max_size=400))
def test_random_bytes_are_not_dicom(data: bytes) -> None:
    # Nothing that starts with the tag of group 0002 or 0008, nor has the prefix: see the other tests for those.
    data = b"\xaa" + data[1:]
    if data[PREAMBLE_SIZE : PREAMBLE_SIZE + 4] == b"DICM":
        data = data[:PREAMBLE_SIZE]
    with pytest.raises(NotDicom):
        find_start(BytesSource(data))


@given(st.binary(max_size=400))
def test_random_bytes_behind_the_prefix_are_malformed(data: bytes) -> None:
    with pytest.raises((MalformedFile, Unsupported)):
        find_start(BytesSource(bytes(128) + b"DICM\xaa" + data))


def test_a_deflated_file_starts_at_its_stream() -> None:
    data = file_bytes(Phantom(DATASET, DEFLATED))
    start = find_start(BytesSource(data))
    # A stored block: its length and the complement of that.
    assert int.from_bytes(data[start.offset + 1 : start.offset + 3], "little") == len(
        encode_dataset(DATASET, EXPLICIT_LITTLE)
    )
