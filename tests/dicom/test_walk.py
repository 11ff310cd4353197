"""The structural walk: what is found, at which offsets, in every encoding; and what is refused."""

import dataclasses
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from csaclean.dicom import syntax as syntaxes
from csaclean.dicom.elements import Shape, Walk, tag_text
from csaclean.dicom.source import HEAD_SIZE, BytesSource, FileSource
from csaclean.dicom.syntax import Syntax
from csaclean.dicom.walk import MAX_DEPTH, walk
from csaclean.errors import LimitExceeded, MalformedFile
from phantom_writer import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Element,
    Encoding,
    Fragments,
    encode_dataset,
    numbers,
    padding,
    sequence,
    text,
)

SYNTAX = {
    "implicit": syntaxes.IMPLICIT_LITTLE,
    "explicit": syntaxes.EXPLICIT_LITTLE,
    "big-endian": syntaxes.EXPLICIT_BIG,
}
PLAIN = pytest.mark.parametrize(
    "encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG], ids=lambda encoding: encoding.name
)
LITTLE = pytest.mark.parametrize(
    "encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE], ids=lambda encoding: encoding.name
)
UNDEFINED = pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
CREATOR = text(0x00290010, "LO", "PHANTOM ")
SECRET = Element(0x00291020, "OB", b"SYNTHETIC!")
INSIDE: DataSet = (CREATOR, SECRET)
PIXELS = Element(0x7FE00010, "OB", b"\1\2\3\4")


def syntax_for(encoding: Encoding) -> Syntax:
    return SYNTAX[encoding.name]


def walked(dataset: DataSet, encoding: Encoding = EXPLICIT_LITTLE, *, tail: bytes = b"") -> Walk:
    """Return the walk of a data set that starts at offset 0, with all of its elements."""
    data = encode_dataset(dataset, encoding) + tail
    return walk(BytesSource(data), syntax_for(encoding), wanted=None)


def found(dataset: DataSet, encoding: Encoding = EXPLICIT_LITTLE) -> list[tuple[int, str, bytes]]:
    """Return depth, shape and value of every element below (0029,1020), as the walk finds them."""
    data = encode_dataset(dataset, encoding)
    result = walk(BytesSource(data), syntax_for(encoding))
    return [
        (result.datasets[e.owner].depth, e.shape.name, data[e.start : e.stop])
        for e in result.elements
        if e.tag == SECRET.tag
    ]


INNER = [(1, "VALUE", b"SYNTHETIC!")]


class TestElements:
    @PLAIN
    def test_offsets_are_those_of_header_and_value(self, encoding: Encoding) -> None:
        before = (text(0x00080005, "CS", "ISO_IR 100"), text(0x00080016, "UI", "2.25.1"))
        data = encode_dataset((*before, SECRET), encoding)
        element = walk(BytesSource(data), syntax_for(encoding)).elements[-1]
        assert element.header == len(encode_dataset(before, encoding))
        assert data[element.start : element.stop] == b"SYNTHETIC!"
        assert element.stop == len(data)

    @PLAIN
    def test_vr_and_byte_order_are_as_written(self, encoding: Encoding) -> None:
        (element,) = walked((SECRET,), encoding).elements
        assert element.vr == (None if encoding.implicit else "OB")
        assert element.order == encoding.order

    @pytest.mark.parametrize("vr", ["OB", "OD", "OF", "OL", "OV", "OW", "SV", "UC", "UN", "UR", "UT", "UV"])
    def test_vrs_of_long_lengths_have_a_header_of_twelve_bytes(self, vr: str) -> None:
        (element,) = walked((Element(0x00291020, vr, b"12345678"),)).elements
        assert (element.start - element.header, element.vr) == (12, vr)

    @pytest.mark.parametrize(
        "vr",
        [
            "AE",
            "AS",
            "AT",
            "CS",
            "DA",
            "DS",
            "DT",
            "FD",
            "FL",
            "IS",
            "LO",
            "LT",
            "PN",
            "SH",
            "SL",
            "SS",
            "ST",
            "TM",
            "UI",
            "UL",
            "US",
        ],
    )
    def test_the_other_vrs_have_a_header_of_eight_bytes(self, vr: str) -> None:
        (element,) = walked((Element(0x00291020, vr, b"12345678"),)).elements
        assert (element.start - element.header, element.vr) == (8, vr)

    def test_private_elements_and_the_character_set_are_returned_by_default(self) -> None:
        data = encode_dataset(
            (text(0x00080005, "CS", "ISO_IR 100"), text(0x00080060, "CS", "MR"), CREATOR, SECRET),
            EXPLICIT_LITTLE,
        )
        tags = [e.tag for e in walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE).elements]
        assert tags == [0x00080005, CREATOR.tag, SECRET.tag]

    def test_wanted_standard_elements_are_returned(self) -> None:
        data = encode_dataset((text(0x00080016, "UI", "2.25.1"), SECRET), EXPLICIT_LITTLE)
        result = walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE, wanted=frozenset((0x00080016,)))
        assert [e.tag for e in result.elements] == [0x00080016, SECRET.tag]

    def test_standard_elements_below_a_private_sequence_are_private_matter(self) -> None:
        item = (text(0x00080018, "UI", "2.25.1"),)
        data = encode_dataset((CREATOR, sequence(0x00291030, item)), EXPLICIT_LITTLE)
        assert 0x00080018 in [e.tag for e in walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE).elements]

    def test_standard_elements_below_a_standard_sequence_are_not(self) -> None:
        item = (text(0x00080018, "UI", "2.25.1"),)
        data = encode_dataset((sequence(0x00081115, item),), EXPLICIT_LITTLE)
        assert not walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE).elements

    def test_a_range_of_the_source_is_walked_with_absolute_offsets(self) -> None:
        body = encode_dataset((SECRET,), EXPLICIT_LITTLE)
        data = b"\xff" * 7 + body + b"\xff" * 9
        result = walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE, 7, 7 + len(body))
        assert (result.elements[0].header, result.end) == (7, 7 + len(body))

    def test_no_element_goes_past_the_end_of_the_range(self) -> None:
        data = encode_dataset((SECRET,), EXPLICIT_LITTLE)
        with pytest.raises(MalformedFile):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE, 0, len(data) - 1)

    def test_an_empty_data_set_is_one(self) -> None:
        assert walk(BytesSource(b""), syntaxes.EXPLICIT_LITTLE).end == 0

    def test_pixel_data_is_never_read(self) -> None:
        class Watched(BytesSource):
            highest = 0

            def read(self, start: int, stop: int, /) -> bytes:
                self.highest = max(self.highest, stop)
                return super().read(start, stop)

        head = encode_dataset((CREATOR, SECRET), EXPLICIT_LITTLE)
        data = head + encode_dataset((Element(0x7FE00010, "OW", bytes(8 << 20)),), EXPLICIT_LITTLE)
        source = Watched(data)
        assert walk(source, syntaxes.EXPLICIT_LITTLE).end == len(data)
        assert source.highest <= HEAD_SIZE + (64 << 10)

    def test_tags_are_written_as_in_documents(self) -> None:
        assert tag_text(0x002910FE) == "(0029,10FE)"


class TestSequences:
    @PLAIN
    @UNDEFINED
    @pytest.mark.parametrize("undefined_items", [False, True], ids=["items-defined", "items-undefined"])
    def test_items_are_entered_whatever_their_lengths(
        self, encoding: Encoding, undefined: bool, undefined_items: bool
    ) -> None:
        nested = sequence(0x00081115, INSIDE, undefined=undefined, undefined_items=undefined_items)
        assert found((nested,), encoding) == INNER

    @PLAIN
    @UNDEFINED
    def test_elements_behind_a_sequence_belong_to_the_data_set_around_it(
        self, encoding: Encoding, undefined: bool
    ) -> None:
        nested = sequence(0x00081115, INSIDE, undefined=undefined, undefined_items=undefined)
        assert found((nested, *INSIDE), encoding) == [*INNER, (0, "VALUE", b"SYNTHETIC!")]

    @PLAIN
    @UNDEFINED
    def test_a_private_sequence_is_entered_with_and_without_a_vr(
        self, encoding: Encoding, undefined: bool
    ) -> None:
        nested = sequence(0x00291030, INSIDE, undefined=undefined, undefined_items=undefined)
        assert found((CREATOR, nested), encoding) == INNER

    @PLAIN
    @UNDEFINED
    def test_data_sets_know_their_parent_sequence_and_place(
        self, encoding: Encoding, undefined: bool
    ) -> None:
        deep = sequence(0x00291040, INSIDE, undefined=undefined)
        outer = sequence(0x00081115, (SECRET,), (CREATOR, deep), undefined=undefined)
        datasets = walked((outer,), encoding).datasets
        assert [(d.parent, d.tag, d.item, d.private, d.depth) for d in datasets] == [
            (-1, 0, 0, False, 0),
            (0, 0x00081115, 0, False, 1),
            (0, 0x00081115, 1, False, 1),
            (2, 0x00291040, 0, True, 2),
        ]

    @PLAIN
    @UNDEFINED
    def test_a_sequence_may_have_no_item_and_an_item_no_element(
        self, encoding: Encoding, undefined: bool
    ) -> None:
        dataset = (
            sequence(0x00081115, undefined=undefined),
            sequence(0x00081140, (), (), undefined=undefined, undefined_items=undefined),
            SECRET,
        )
        result = walked(dataset, encoding)
        assert [d.item for d in result.datasets[1:]] == [0, 1]
        assert result.elements[-1].tag == SECRET.tag

    @PLAIN
    @UNDEFINED
    def test_sequences_count_as_sequences(self, encoding: Encoding, undefined: bool) -> None:
        nested = sequence(0x00291030, INSIDE, undefined=undefined)
        assert walked((CREATOR, nested), encoding).elements[1].shape is Shape.SEQUENCE

    def test_a_sequence_delimiter_inside_a_sequence_of_defined_length_is_superfluous(self) -> None:
        delimiter = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        data = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, 16) + delimiter + delimiter
        assert walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE).facts["superfluous-delimiter"] == 1
        with pytest.raises(MalformedFile, match="other than items"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE, liberties=False)

    def test_a_delimiter_that_ends_a_defined_length_is_accepted(self) -> None:
        item_end, end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0), struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        inside = encode_dataset((CREATOR, SECRET), EXPLICIT_LITTLE) + item_end
        body = struct.pack("<HHI", 0xFFFE, 0xE000, len(inside)) + inside + end
        data = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(body)) + body
        result = walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)
        assert [(e.owner, e.tag) for e in result.elements] == [(1, CREATOR.tag), (1, SECRET.tag)]
        assert result.end == len(data)

    def test_an_item_delimiter_at_top_level_is_superfluous(self) -> None:
        data = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
        assert walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE).facts["superfluous-delimiter"] == 1
        with pytest.raises(MalformedFile, match="delimiter"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE, liberties=False)

    def test_an_item_at_top_level_is_an_error(self) -> None:
        data = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
        with pytest.raises(MalformedFile, match="delimiter"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    def test_an_item_that_ends_past_its_sequence_is_an_error(self) -> None:
        item = encode_dataset((SECRET,), EXPLICIT_LITTLE)
        body = struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
        data = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(body) - 2) + body
        with pytest.raises(MalformedFile):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    def test_an_element_that_ends_past_its_item_is_an_error(self) -> None:
        item = encode_dataset((SECRET,), EXPLICIT_LITTLE)
        body = struct.pack("<HHI", 0xFFFE, 0xE000, len(item) - 2) + item
        data = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(body)) + body
        with pytest.raises(MalformedFile):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    @PLAIN
    def test_a_missing_sequence_delimiter_at_the_end_of_all_is_an_error(self, encoding: Encoding) -> None:
        """The file may be cut: there are no pixels."""
        data = encode_dataset((sequence(0x00081115, INSIDE, undefined=True),), encoding)
        with pytest.raises(MalformedFile, match="cut"):
            walk(BytesSource(data[:-8]), syntax_for(encoding))

    @pytest.mark.parametrize("vr", [b"LO", b"CS", b"US"])
    def test_a_short_length_of_all_ones_is_a_length(self, vr: bytes) -> None:
        data = struct.pack("<HH2sH", 0x0029, 0x1020, vr, 0xFFFF) + bytes(0xFFFF)
        (element,) = walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE).elements
        assert element.stop - element.start == 0xFFFF

    @pytest.mark.parametrize("vr", [b"UT", b"UC", b"UR", b"SV"])
    def test_an_undefined_length_where_the_vr_has_none_is_an_error(self, vr: bytes) -> None:
        data = struct.pack("<HH2sHI", 0x0029, 0x1020, vr, 0, 0xFFFFFFFF) + struct.pack(
            "<HHI", 0xFFFE, 0xE0DD, 0
        )
        with pytest.raises(MalformedFile, match="undefined length"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)


def nest(levels: int, *, vr: str = "SQ", undefined: bool = True, private: bool = True) -> DataSet:
    """Return sequences inside each other; the innermost item is at depth `levels`."""
    dataset: DataSet = INSIDE
    for _ in range(levels):
        dataset = (sequence(0x00291030 if private else 0x00081115, dataset, vr=vr, undefined=undefined),)
    return dataset


def bomb(levels: int, vr: bytes = b"SQ") -> bytes:
    """Return `levels` openings of sequence and item of undefined length, with nothing to close them."""
    opening = struct.pack("<HH2sHI", 0x0029, 0x1030, vr, 0, 0xFFFFFFFF)
    return (opening + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * levels


def implicit_bomb(levels: int) -> bytes:
    """Return the same in implicit VR."""
    opening = struct.pack("<HHI", 0x0029, 0x1030, 0xFFFFFFFF)
    return (opening + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * levels


class TestDepth:
    @PLAIN
    @UNDEFINED
    def test_the_deepest_allowed_data_set_is_found(self, encoding: Encoding, undefined: bool) -> None:
        dataset = nest(MAX_DEPTH, undefined=undefined)
        assert found(dataset, encoding) == [(MAX_DEPTH, "VALUE", b"SYNTHETIC!")]

    @PLAIN
    @UNDEFINED
    def test_one_level_more_is_refused(self, encoding: Encoding, undefined: bool) -> None:
        data = encode_dataset(nest(MAX_DEPTH + 1, undefined=undefined), encoding)
        with pytest.raises(LimitExceeded):
            walk(BytesSource(data), syntax_for(encoding))

    @UNDEFINED
    def test_un_counts_as_a_level(self, undefined: bool) -> None:
        assert found(nest(MAX_DEPTH, vr="UN", undefined=undefined)) == [(MAX_DEPTH, "VALUE", b"SYNTHETIC!")]
        data = encode_dataset(nest(MAX_DEPTH + 1, vr="UN", undefined=undefined), EXPLICIT_LITTLE)
        with pytest.raises(LimitExceeded):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    @pytest.mark.parametrize(
        ("data", "syntax"),
        [
            pytest.param(bomb(100_000), syntaxes.EXPLICIT_LITTLE, id="SQ"),
            pytest.param(bomb(1, b"UN") + implicit_bomb(100_000), syntaxes.EXPLICIT_LITTLE, id="UN"),
            pytest.param(bomb(100_000, b"UN"), syntaxes.EXPLICIT_LITTLE, id="UN-own-syntax"),
            pytest.param(implicit_bomb(100_000), syntaxes.IMPLICIT_LITTLE, id="implicit"),
        ],
    )
    def test_a_hundred_thousand_levels_are_refused_after_the_first_window(
        self, data: bytes, syntax: Syntax
    ) -> None:
        class Counting(BytesSource):
            total = 0

            def read(self, start: int, stop: int, /) -> bytes:
                self.total += min(stop, self.size) - start
                return super().read(start, stop)

        source = Counting(data)
        with pytest.raises(LimitExceeded):
            walk(source, syntax)
        assert source.total <= 2 * HEAD_SIZE


class TestUnknownVr:
    """Values of VR UN, or without a VR, that are sequences."""

    @UNDEFINED
    @pytest.mark.parametrize("undefined_items", [False, True], ids=["items-defined", "items-undefined"])
    @pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG], ids=["explicit", "big-endian"])
    @pytest.mark.parametrize("own_syntax", [False, True], ids=["implicit-inside", "own-syntax-inside"])
    def test_un_that_holds_items_is_a_sequence(
        self, encoding: Encoding, undefined: bool, undefined_items: bool, own_syntax: bool
    ) -> None:
        nested = sequence(
            0x00291030,
            INSIDE,
            vr="UN",
            undefined=undefined,
            undefined_items=undefined_items,
            own_syntax=own_syntax,
        )
        assert found((CREATOR, nested, PIXELS), encoding) == INNER

    def test_the_items_of_un_are_little_endian_in_a_big_endian_file(self) -> None:
        nested = sequence(0x00291030, INSIDE, vr="UN", undefined=False, undefined_items=False)
        orders = {e.tag: e.order for e in walked((CREATOR, nested), EXPLICIT_BIG).elements if e.owner}
        assert orders[SECRET.tag] == "<"

    @UNDEFINED
    def test_a_sequence_inside_un_inside_un_is_found(self, undefined: bool) -> None:
        deep = sequence(0x00291040, INSIDE, vr="UN", undefined=undefined)
        outer = sequence(0x00291030, (CREATOR, deep), vr="UN", undefined=undefined)
        assert found((CREATOR, outer)) == [(2, "VALUE", b"SYNTHETIC!")]

    @UNDEFINED
    def test_un_inside_a_sequence_inside_un_in_the_files_own_syntax_is_found(self, undefined: bool) -> None:
        deep = sequence(0x00291040, INSIDE, vr="UN", undefined=undefined)
        middle = sequence(0x00291050, (CREATOR, deep), undefined=undefined)
        outer = sequence(0x00291030, (CREATOR, middle), vr="UN", undefined=undefined, own_syntax=True)
        assert found((CREATOR, outer)) == [(3, "VALUE", b"SYNTHETIC!")]

    @PLAIN
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"\xfe\xff\x00\xe0" + b"\x04\0\0\0" + b"abcdef", id="bytes-behind-the-item"),
            pytest.param(b"\xfe\xff\x00\xe0" + b"\xff\xff\xff\x7f" + b"abcd", id="length-past-the-value"),
            pytest.param(b"\xfe\xff\x00\xe0" + b"\x04\0\0\0" + b"abcd", id="no-element-in-the-item"),
            pytest.param(b"\xfe\xff\x00\xe0" + b"\xff\xff\xff\xff" + b"\1" * 8, id="item-without-delimiter"),
            pytest.param(b"\xfe\xff\x00\xe0", id="only-the-tag"),
            pytest.param(b"\xfe\xff\xdd\xe0" + bytes(4), id="only-a-delimiter"),
        ],
    )
    def test_content_that_starts_with_an_item_tag_by_chance_is_a_value(
        self, encoding: Encoding, content: bytes
    ) -> None:
        dataset = (CREATOR, Element(SECRET.tag, "UN", content), text(0x00291021, "LO", "behind"))
        result = walked(dataset, encoding)
        assert [e.shape for e in result.elements] == [Shape.VALUE] * 3
        assert result.elements[1].stop - result.elements[1].start == len(content)

    def test_another_vr_than_un_with_items_in_it_is_a_value(self) -> None:
        items = encode_dataset((sequence(0x00291030, INSIDE),), EXPLICIT_LITTLE)[12:]
        (element,) = walked((Element(SECRET.tag, "OB", items),)).elements
        assert element.shape is Shape.VALUE

    def test_un_of_undefined_length_that_holds_no_items_is_an_error(self) -> None:
        data = struct.pack("<HH2sHI", 0x0029, 0x1020, b"UN", 0, 0xFFFFFFFF) + b"SYNTHETIC CONTENT"
        with pytest.raises(MalformedFile):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    def test_pixel_data_without_a_vr_is_a_value_whatever_it_starts_with(self) -> None:
        pixels = Element(0x7FE00010, "OW", b"\xfe\xff\x00\xe0" + bytes(4))
        (element,) = walked((pixels,), IMPLICIT_LITTLE).elements
        assert element.shape is Shape.VALUE

    def test_ten_thousand_sequence_look_alikes_are_each_read_once(self) -> None:
        class Counting(BytesSource):
            total = 0

            def read(self, start: int, stop: int, /) -> bytes:
                self.total += max(min(stop, self.size) - start, 0)
                return super().read(start, stop)

        fake = b"\xfe\xff\x00\xe0" + b"\x04\0\0\0" + b"abcdef"
        data = encode_dataset(tuple(Element(SECRET.tag, "UN", fake) for _ in range(10_000)), EXPLICIT_LITTLE)
        source = Counting(data)
        walk(source, syntaxes.EXPLICIT_LITTLE)
        assert source.total <= 2 * len(data)


class TestFragments:
    FRAME = Fragments((b"abcd", b"", b"efgh"), (0,))

    def test_fragments_are_one_element_up_to_the_delimiter(self) -> None:
        data = encode_dataset((Element(0x7FE00010, "OB", self.FRAME), padding(b"\0\0")), EXPLICIT_LITTLE)
        result = walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE, wanted=None)
        pixels, pad = result.elements
        assert (pixels.shape, data[pixels.stop : pixels.stop + 4]) == (Shape.FRAGMENTS, b"\xfe\xff\xdd\xe0")
        assert pad.header == pixels.stop + 8

    @pytest.mark.parametrize("vr", ["OB", "OW", "OD", "OF", "OL", "OV"])
    def test_private_fragments_are_fragments(self, vr: str) -> None:
        assert walked((CREATOR, Element(SECRET.tag, vr, self.FRAME))).elements[1].shape is Shape.FRAGMENTS

    def test_fragments_inside_an_item_are_stepped_over(self) -> None:
        icon = Element(0x7FE00010, "OB", self.FRAME)
        assert found((sequence(0x00880200, (*INSIDE, icon), undefined=True), SECRET))[0] == INNER[0]

    def test_a_fragment_past_the_end_is_an_error(self) -> None:
        data = encode_dataset((Element(0x7FE00010, "OB", self.FRAME),), EXPLICIT_LITTLE)
        damaged = data.replace(struct.pack("<I", 4) + b"efgh", struct.pack("<I", 40) + b"efgh")
        assert damaged != data
        with pytest.raises(MalformedFile, match="fragment"):
            walk(BytesSource(damaged), syntaxes.EXPLICIT_LITTLE)

    def test_a_fragment_of_undefined_length_is_an_error(self) -> None:
        data = encode_dataset((Element(0x7FE00010, "OB", self.FRAME),), EXPLICIT_LITTLE)
        damaged = data.replace(struct.pack("<I", 4) + b"efgh", b"\xff\xff\xff\xff" + b"efgh")
        with pytest.raises(MalformedFile, match="fragments"):
            walk(BytesSource(damaged), syntaxes.EXPLICIT_LITTLE)

    def test_a_missing_delimiter_is_a_fact(self) -> None:
        data = encode_dataset((Element(0x7FE00010, "OB", self.FRAME),), EXPLICIT_LITTLE)[:-8]
        assert walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE).facts["missing-delimiter"] == 1
        with pytest.raises(MalformedFile, match="delimiter"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE, liberties=False)

    def test_an_element_among_fragments_is_an_error(self) -> None:
        data = encode_dataset((Element(0x7FE00010, "OB", self.FRAME),), EXPLICIT_LITTLE)[:-8]
        with pytest.raises(MalformedFile, match="fragments"):
            walk(BytesSource(data + encode_dataset((SECRET,), EXPLICIT_LITTLE)), syntaxes.EXPLICIT_LITTLE)


class TestRefusals:
    @PLAIN
    def test_a_length_past_the_end_is_an_error_of_that_element(self, encoding: Encoding) -> None:
        data = encode_dataset((CREATOR, SECRET), encoding)
        with pytest.raises(MalformedFile) as caught:
            walk(BytesSource(data[:-1]), syntax_for(encoding))
        assert caught.value.selector == "(0029,1020)"
        assert caught.value.offset == len(encode_dataset((CREATOR,), encoding))

    @pytest.mark.parametrize("length", [0xFFFFFFF0, 0xFFFFFFFE, 0x80000000, 0x7FFFFFFF])
    def test_a_huge_length_is_an_error_without_an_allocation(self, length: int) -> None:
        data = struct.pack("<HH2sHI", 0x0029, 0x1020, b"OB", 0, length) + b"abcd"
        with pytest.raises(MalformedFile, match="past"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    def test_a_huge_length_of_pixel_data_is_an_error(self) -> None:
        data = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFF0) + b"abcd"
        with pytest.raises(MalformedFile, match="past"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    @pytest.mark.parametrize("vr", [b"XX", b"ob", b"\0\0", b"  ", b"O\0"])
    def test_a_vr_that_does_not_exist_is_an_error_if_no_length_walks(self, vr: bytes) -> None:
        data = struct.pack("<HH2sH", 0x0029, 0x1020, vr, 5) + b"abcd"
        with pytest.raises(MalformedFile, match="VR"):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    @PLAIN
    def test_a_command_element_is_an_error(self, encoding: Encoding) -> None:
        data = encode_dataset((numbers(0x00000000, "UL", 4), SECRET), encoding)
        with pytest.raises(MalformedFile, match="command"):
            walk(BytesSource(data), syntax_for(encoding))

    def test_a_message_never_holds_a_byte_of_a_value(self) -> None:
        data = encode_dataset((CREATOR, Element(SECRET.tag, "OB", b"SYNTHETIC")), EXPLICIT_LITTLE)
        with pytest.raises(MalformedFile) as caught:
            walk(BytesSource(data[:-1]), syntaxes.EXPLICIT_LITTLE)
        assert "SYNTH" not in str(caught.value)
        assert "PHANTOM" not in str(caught.value)


class TestTail:
    """Bytes behind the data set."""

    @PLAIN
    @pytest.mark.parametrize("fill", [b"\0", b"J", b" "], ids=["null", "letter", "space"])
    @pytest.mark.parametrize("size", range(1, 65))
    def test_bytes_behind_pixel_data_are_the_tail(self, encoding: Encoding, size: int, fill: bytes) -> None:
        data = encode_dataset((SECRET, PIXELS), encoding)
        result = walk(BytesSource(data + fill * size), syntax_for(encoding))
        assert result.end == len(data)

    @pytest.mark.parametrize("size", [1, 7, 8, 64])
    def test_bytes_behind_encapsulated_pixel_data_are_the_tail(self, size: int) -> None:
        data = encode_dataset((Element(0x7FE00010, "OB", TestFragments.FRAME),), EXPLICIT_LITTLE)
        assert walk(BytesSource(data + b"J" * size), syntaxes.EXPLICIT_LITTLE).end == len(data)

    @pytest.mark.parametrize("size", [1, 7, 8, 64])
    def test_bytes_behind_padding_are_the_tail(self, size: int) -> None:
        data = encode_dataset((PIXELS, padding(bytes(4))), EXPLICIT_LITTLE)
        assert walk(BytesSource(data + b"J" * size), syntaxes.EXPLICIT_LITTLE).end == len(data)

    @PLAIN
    @pytest.mark.parametrize("size", [1, 7, 8, 64])
    def test_without_pixel_data_nothing_can_follow(self, encoding: Encoding, size: int) -> None:
        data = encode_dataset((CREATOR, SECRET), encoding)
        with pytest.raises(MalformedFile):
            walk(BytesSource(data + b"J" * size), syntax_for(encoding))

    def test_what_starts_like_a_later_element_is_a_damaged_element(self) -> None:
        data = encode_dataset((PIXELS,), EXPLICIT_LITTLE) + struct.pack("<HH2s", 0x7FE1, 0x0010, b"LO")
        with pytest.raises(MalformedFile):
            walk(BytesSource(data), syntaxes.EXPLICIT_LITTLE)

    def test_a_whole_element_behind_pixel_data_is_an_element(self) -> None:
        after = (Element(0x7FE10010, "LO", b"PHANTOM "), Element(0x7FE11010, "OB", b"abcd"))
        assert [e.tag for e in walked((PIXELS, *after)).elements[1:]] == [0x7FE10010, 0x7FE11010]

    @PLAIN
    def test_padding_is_reported_with_the_offsets_of_its_value(self, encoding: Encoding) -> None:
        data = encode_dataset((PIXELS, padding(b"JUNK")), encoding)
        result = walk(BytesSource(data), syntax_for(encoding))
        assert result.padding == [(len(data) - 4, len(data))]
        assert result.end == len(data)

    def test_padding_inside_an_item_is_not_that_of_the_file(self) -> None:
        assert not walked((sequence(0x00081115, (padding(b"JUNK"),)),)).padding


class TestFacts:
    def test_a_clean_image_has_none(self) -> None:
        assert not walked((numbers(0x00280010, "US", 2), SECRET, PIXELS)).facts

    def test_a_repeated_tag_is_a_fact_and_both_are_found(self) -> None:
        again = dataclasses.replace(SECRET, value=b"another value.")
        result = walked((CREATOR, SECRET, again))
        assert result.facts == {"duplicate-tag": 1}
        assert len(result.elements) == 3

    def test_elements_out_of_order_are_a_fact_and_found(self) -> None:
        result = walked((SECRET, CREATOR))
        assert result.facts == {"order-break": 1}
        assert [e.tag for e in result.elements] == [SECRET.tag, CREATOR.tag]

    def test_the_order_starts_anew_in_each_item(self) -> None:
        nested = sequence(0x00291030, INSIDE, INSIDE)
        assert not walked((CREATOR, nested, text(0x00291040, "LO", "ab"))).facts

    @PLAIN
    def test_an_odd_length_is_a_fact(self, encoding: Encoding) -> None:
        odd = Element(SECRET.tag, "OB", b"odd", pad=False)
        result = walked((odd, Element(0x00291030, "OB", b"even")), encoding)
        assert result.facts == {"odd-length": 1}

    def test_an_undefined_length_is_not_odd(self) -> None:
        assert not walked((sequence(0x00291030, INSIDE, undefined=True, undefined_items=True),)).facts

    def test_rows_without_pixel_data_are_a_fact(self) -> None:
        assert walked((numbers(0x00280010, "US", 2), SECRET)).facts == {"no-pixel-data": 1}

    @pytest.mark.parametrize("tag", [0x7FE00008, 0x7FE00009, 0x7FE00010])
    def test_every_kind_of_pixel_data_counts(self, tag: int) -> None:
        assert not walked((numbers(0x00280010, "US", 2), Element(tag, "OW", b"12345678"))).facts

    def test_pixel_data_of_an_icon_does_not_count(self) -> None:
        icon = sequence(0x00880200, (numbers(0x00280010, "US", 2), PIXELS))
        assert walked((numbers(0x00280010, "US", 2), icon)).facts == {"no-pixel-data": 1}

    def test_an_object_without_rows_needs_no_pixel_data(self) -> None:
        assert not walked((SECRET,)).facts

    @pytest.mark.parametrize("depth", [0, 1])
    def test_digital_signatures_are_a_fact_at_any_level(self, depth: int) -> None:
        dataset: DataSet = (sequence(0xFFFAFFFA, (text(0x04000100, "UI", "2.25.1"),)),)
        for _ in range(depth):
            dataset = (sequence(0x00081115, dataset),)
        assert walked(dataset).facts == {"digital-signature": 1}

    def test_the_length_of_a_private_group_is_an_element(self) -> None:
        assert walked((numbers(0x00290000, "UL", 99), CREATOR)).elements[0].tag == 0x00290000


class TestWindows:
    """The walk reads headers through windows; no offset may depend on where one ends."""

    @pytest.fixture
    def open_file(self, tmp_path: Path) -> Iterator[Callable[[bytes], FileSource]]:
        """Return what opens bytes as a file, closed after the test."""
        with ExitStack() as files:

            def opened(data: bytes) -> FileSource:
                path = tmp_path / "window.bin"
                path.write_bytes(data)
                return FileSource(files.enter_context(path.open("rb")).fileno())

            yield opened

    @PLAIN
    @pytest.mark.parametrize("back", range(26))
    def test_a_header_may_straddle_the_end_of_the_head(
        self, encoding: Encoding, back: int, open_file: Callable[[bytes], FileSource]
    ) -> None:
        header = len(encode_dataset((Element(SECRET.tag, "OB", b""),), encoding))
        filler = Element(0x00291010, "OB", bytes(HEAD_SIZE - back - header), pad=False)
        dataset = (filler, SECRET, text(0x00291021, "LO", "behind"), PIXELS)
        data = encode_dataset(dataset, encoding)
        result = walk(open_file(data), syntax_for(encoding))
        assert [(e.tag, data[e.start : e.stop]) for e in result.elements[1:]] == [
            (SECRET.tag, b"SYNTHETIC!"),
            (0x00291021, b"behind"),
        ]
        assert result.elements[1].header == HEAD_SIZE - back

    @PLAIN
    @UNDEFINED
    def test_a_sequence_across_the_end_of_the_head_is_entered(
        self, encoding: Encoding, undefined: bool, open_file: Callable[[bytes], FileSource]
    ) -> None:
        nested = sequence(0x00291030, *[INSIDE] * 9000, undefined=undefined, undefined_items=undefined)
        data = encode_dataset((CREATOR, nested, PIXELS), encoding)
        assert len(data) > HEAD_SIZE + (64 << 10)
        result = walk(open_file(data), syntax_for(encoding))
        secrets = [data[e.start : e.stop] for e in result.elements if e.tag == SECRET.tag]
        assert secrets == [b"SYNTHETIC!"] * 9000

    @LITTLE
    def test_elements_far_behind_the_head_are_found(
        self, encoding: Encoding, open_file: Callable[[bytes], FileSource]
    ) -> None:
        dataset = tuple(
            part
            for number in range(12)
            for part in (
                Element(0x00291010, "OB", bytes(60_000 + 4096 * number)),
                Element(SECRET.tag, "OB", b"SYNTHETIC%d" % (number % 10)),
            )
        )
        data = encode_dataset(dataset, encoding)
        assert len(data) > 3 * HEAD_SIZE
        result = walk(open_file(data), syntax_for(encoding))
        assert [data[e.start : e.stop] for e in result.elements if e.tag == SECRET.tag] == [
            b"SYNTHETIC%d" % (number % 10) for number in range(12)
        ]

    def test_a_file_and_its_bytes_give_the_same_walk(self, open_file: Callable[[bytes], FileSource]) -> None:
        nested = sequence(0x00291030, *[INSIDE] * 9000, vr="UN", undefined=True)
        data = encode_dataset((CREATOR, nested, SECRET, PIXELS), EXPLICIT_LITTLE) + b"TAIL"
        assert walk(open_file(data), syntaxes.EXPLICIT_LITTLE) == walk(
            BytesSource(data), syntaxes.EXPLICIT_LITTLE
        )
