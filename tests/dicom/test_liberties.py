"""Data sets that aren't as the standard has them: read if pydicom, GDCM or dcm2niix read them, each liberty a fact.

Every table is a kind, every row a sibling of it. What is found is compared with the same data set written as it should
be, and with what pydicom and GDCM find where they read the odd one.
"""

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from pydicom import Dataset, dcmread

from csaclean.clean import clean_file
from csaclean.dicom.elements import Shape, Walk
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Syntax
from csaclean.dicom.walk import walk
from csaclean.errors import CsacleanError, LimitExceeded, MalformedFile, NotDicom, UncertainReading

LONG: Final = ("OB", "OW", "SQ", "UN", "UT")
UID: Final = {
    "implicit": b"1.2.840.10008.1.2\0",
    "explicit": b"1.2.840.10008.1.2.1\0",
    "big": b"1.2.840.10008.1.2.2\0",
    "deflated": b"1.2.840.10008.1.2.1.99",
    "jpeg": b"1.2.840.10008.1.2.4.50",
}
SYNTAX: Final = {"implicit": IMPLICIT_LITTLE, "explicit": EXPLICIT_LITTLE, "big": EXPLICIT_BIG}
Form = Literal["implicit", "explicit", "big"]
E: Final[Form] = "explicit"
FORMS: Final[tuple[Form, ...]] = ("implicit", "explicit", "big")
UNDEFINED: Final = 0xFFFFFFFF
CREATOR: Final = 0x00290010
SECRET: Final = 0x00291020
VALUE: Final = b"SYNTHETIC TEXT "
"""Its length is odd with the blank, so that it is padded."""


def head(tag: int, vr: str | bytes, length: int, form: Form, *, width: int = 0) -> bytes:
    """Return the header of an element; `width` overrules the width that the length has by the VR, in bits."""
    order = ">" if form == "big" else "<"
    start = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if form == "implicit":
        return start + struct.pack("<I", length)
    code = vr.encode() if isinstance(vr, str) else vr
    if (width or (32 if vr in LONG else 16)) == 32:
        return start + code + struct.pack(f"{order}HI", 0, length)
    return start + code + struct.pack(f"{order}H", length)


def element(tag: int, vr: str | bytes, value: bytes, form: Form, *, width: int = 0) -> bytes:
    value += b" " * (len(value) % 2)
    return head(tag, vr, len(value), form, width=width) + value


def delimiter(tag: int, length: int = 0, form: Form = "explicit") -> bytes:
    return (
        head(tag, "", length, "implicit")
        if form != "big"
        else struct.pack(">HHI", tag >> 16, tag & 0xFFFF, length)
    )


def item(content: bytes, form: Form, *, undefined: bool = False, end: bool = True) -> bytes:
    if not undefined:
        return delimiter(0xFFFEE000, len(content), form) + content
    return delimiter(0xFFFEE000, UNDEFINED, form) + content + (delimiter(0xFFFEE00D, 0, form) if end else b"")


def items(
    tag: int, content: bytes, form: Form, *, vr: str = "SQ", undefined: bool = False, end: bool = True
) -> bytes:
    if not undefined:
        return head(tag, vr, len(content), form) + content
    return head(tag, vr, UNDEFINED, form) + content + (delimiter(0xFFFEE0DD, 0, form) if end else b"")


def private(form: Form, *, group: int = 0x0029, value: bytes = VALUE) -> bytes:
    block = group << 16
    return element(block | 0x10, "LO", b"PHANTOM", form) + element(block | 0x1020, "LO", value, form)


def before(form: Form) -> bytes:
    return element(0x00080005, "CS", b"ISO_IR 100", form) + element(0x00080060, "CS", b"MR", form)


def behind(form: Form) -> bytes:
    return element(0x00310010, "LO", b"PHANTOM", form) + element(0x00311020, "LO", VALUE, form) + pixels(form)


def data_set(form: Form, tag: int, outside: bytes) -> bytes:
    """Return a data set that holds a private block, and a sequence of a tag in its place by the order of tags."""
    inside = private(form) + outside if tag & 0x10000 else outside + private(form)
    return before(form) + inside + behind(form)


def pixels(form: Form) -> bytes:
    return element(0x7FE00010, "OW", bytes(range(1, 201)) * 40, form)


def found(data: bytes, form: Form) -> Walk:
    return walk(BytesSource(data), SYNTAX[form])


def values(data: bytes, result: Walk) -> list[tuple[int, int, bytes]]:
    """Return depth, tag and value of the private elements that aren't sequences."""
    return [
        (result.datasets[one.owner].depth, one.tag, data[one.start : one.stop])
        for one in result.elements
        if one.tag & 0x10000 and one.shape is not Shape.SEQUENCE
    ]


def meta(uid: bytes) -> bytes:
    body = element(0x00020010, "UI", uid, "explicit")
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(body)), "explicit") + body


def of_pydicom(dataset: Dataset, depth: int = 0) -> Iterator[tuple[int, int, bytes]]:
    for one in dataset:
        if one.VR == "SQ":
            for inner in one.value:
                yield from of_pydicom(inner, depth + 1)
        elif one.tag.group % 2:
            raw = one.value
            value = raw if isinstance(raw, bytes) else str(raw).encode()
            yield depth, int(one.tag), value


def by_pydicom(data: bytes) -> list[tuple[int, int, bytes]] | None:
    """Return what pydicom finds, None if it can't read the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return list(of_pydicom(dcmread(io.BytesIO(data), force=True)))
        except Exception:  # noqa: BLE001  # any failure means that it reads nothing
            return None


def trimmed(rows: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    return [(depth, tag, value.rstrip(b" \0")) for depth, tag, value in rows]


OTHER: Final[dict[Form, tuple[Form, str]]] = {
    "explicit": ("implicit", "implicit-element"),
    "implicit": ("explicit", "explicit-element"),
}


class TestOtherEncodings:
    @pytest.mark.parametrize("form", ["explicit", "implicit"])
    @pytest.mark.parametrize("count", [1, 2, 50])
    def test_elements_at_top_level(self, form: Form, count: int) -> None:
        other, fact = OTHER[form]
        odd = b"".join(element(0x00291030 + n, "LO", VALUE, other) for n in range(count))
        data = before(form) + private(form) + odd + behind(form)
        result = found(data, form)
        assert result.facts[fact] == count
        assert len([row for row in values(data, result) if row[2].startswith(VALUE)]) == count + 2
        assert result.end == len(data)

    @pytest.mark.parametrize("form", ["explicit", "implicit"])
    @pytest.mark.parametrize("vr", ["LO", "OB", "UN", "UT", "UL", "SQ"])
    def test_one_element_of_any_vr(self, form: Form, vr: str) -> None:
        other, fact = OTHER[form]
        value = b"" if vr == "SQ" else b"abcdefgh"
        data = before(form) + private(form) + element(0x00291030, vr, value, other) + behind(form)
        result = found(data, form)
        assert result.facts[fact] == 1
        assert [one.tag for one in result.elements if one.tag & 0x10000][2:3] == [0x00291030]

    @pytest.mark.parametrize("form", ["explicit", "implicit"])
    @pytest.mark.parametrize("tag", [0x00081140, 0x00291030], ids=["standard", "private"])
    @pytest.mark.parametrize("undefined", [False, True])
    @pytest.mark.parametrize("count", [1, 3])
    def test_whole_items(self, form: Form, tag: int, undefined: bool, count: int) -> None:
        other, _ = OTHER[form]
        inside = item(private(other), form, undefined=undefined) * count
        outside = items(tag, inside, form, undefined=undefined)
        data = data_set(form, tag, outside)
        result = found(data, form)
        rows = values(data, result)
        assert [row[2].rstrip() for row in rows if row[0] == 1 and row[1] == SECRET] == [
            VALUE.rstrip()
        ] * count
        assert result.facts.keys() & {"implicit-element", "explicit-element", "other-encoding"}
        uid = UID[form]
        theirs = by_pydicom(meta(uid) + data)
        if theirs is not None and form == "explicit":
            assert trimmed(theirs) == trimmed(rows)

    @pytest.mark.parametrize("depth", [1, 2, 5])
    @pytest.mark.parametrize("undefined", [False, True])
    def test_implicit_elements_at_any_depth(self, depth: int, undefined: bool) -> None:
        content = private("implicit")
        for _ in range(depth):
            content = items(
                0x00081140, item(content, "explicit", undefined=undefined), "explicit", undefined=undefined
            )
        data = before("explicit") + content + private("explicit") + behind("explicit")
        result = found(data, "explicit")
        assert result.facts["implicit-element"] == 2
        assert (depth, SECRET, VALUE + b" ") in values(data, result)
        assert trimmed(by_pydicom(meta(UID["explicit"]) + data) or []) == trimmed(values(data, result))

    @pytest.mark.parametrize("undefined", [False, True])
    def test_items_in_the_other_byte_order(self, undefined: bool) -> None:
        inside = item(private("big"), "big", undefined=undefined)
        outside = head(0x00291030, "SQ", UNDEFINED if undefined else len(inside), "explicit") + inside
        outside += delimiter(0xFFFEE0DD, 0, "big") if undefined else b""
        data = before("explicit") + private("explicit") + outside + behind("explicit")
        result = found(data, "explicit")
        assert result.facts["other-byte-order"] == 1
        assert (1, SECRET, VALUE + b" ") in values(data, result)


NO_VRS: Final = (b"??", b"  ", b"\0\0", b"--", b"lo", b"Lo", b"ZZ", b"un", b"1A", b"\xff\xff")


class TestUnknownVrs:
    @pytest.mark.parametrize("form", ["explicit", "big"])
    @pytest.mark.parametrize("code", NO_VRS)
    @pytest.mark.parametrize("width", [16, 32])
    @pytest.mark.parametrize("tag", [0x00280120, 0x00291030, 0x00310009], ids=hex)
    @pytest.mark.parametrize("size", [2, 4, 64])
    def test_the_one_length_that_walks_is_taken(
        self, form: Form, code: bytes, width: int, tag: int, size: int
    ) -> None:
        odd = element(tag, code, b"V" * size, form, width=width)
        data = before(form) + (odd + private(form) if tag < CREATOR else private(form) + odd) + behind(form)
        result = walk(BytesSource(data), SYNTAX[form], wanted=None)
        # NULs and a big-endian length of 16 bits are a length of 32 bits, too: the same element, without a VR.
        same = (form, code, width) == ("big", b"\0\0", 16)
        assert result.facts["implicit-element" if same else "unknown-vr"] == 1
        (one,) = (one for one in result.elements if one.tag == tag)
        assert (one.start - one.header, data[one.start : one.stop]) == (8 if width == 16 else 12, b"V" * size)
        assert one.vr == (None if same else "UN")
        assert result.end == len(data)

    @pytest.mark.parametrize("code", NO_VRS)
    @pytest.mark.parametrize("undefined", [False, True])
    def test_in_items_too(self, code: bytes, undefined: bool) -> None:
        inside = item(
            private("explicit") + element(0x00291030, code, b"VV", "explicit"),
            "explicit",
            undefined=undefined,
        )
        data = (
            before("explicit")
            + items(0x00081140, inside, "explicit", undefined=undefined)
            + behind("explicit")
        )
        result = found(data, "explicit")
        assert result.facts["unknown-vr"] == 1
        assert (1, 0x00291030, b"VV") in values(data, result)

    @pytest.mark.parametrize("form", ["explicit", "big"])
    @pytest.mark.parametrize("reserved", [b"\1\0", b"\0\1", b"QF"])
    def test_the_reserved_bytes_of_letters_may_be_in_use(self, form: Form, reserved: bytes) -> None:
        odd = bytearray(element(0x00291030, b"ZZ", VALUE, form, width=32))
        odd[6:8] = reserved
        data = before(form) + private(form) + bytes(odd) + behind(form)
        result = found(data, form)
        assert result.facts["unknown-vr"] == 1
        assert (0, 0x00291030, VALUE + b" ") in values(data, result)
        assert [one.kind for one in result.slack] == ["reserved"]

    @pytest.mark.parametrize("code", [b"??", b"\0\0"])
    def test_hundreds_of_them_take_one_search(self, code: bytes) -> None:
        odd = b"".join(element(0x00291030 + n, code, b"12345678", "explicit") for n in range(200))
        data = before("explicit") + private("explicit") + odd + behind("explicit")
        assert found(data, "explicit").facts["unknown-vr"] == 200

    def test_two_lengths_that_both_walk_are_uncertain(self) -> None:
        short = struct.pack("<HH2sHHH", 0x0029, 0x1030, b"??", 0, 0x0031, 0) + struct.pack(
            "<2sH", b"LO", 0x0049
        )
        # 16 bits: an empty element, then (0031,0000) of 73 bytes; 32 bits: 49 bytes, then other elements.
        rest = bytearray(b"." * 0x49)
        end = before("explicit") + private("explicit") + short + bytes(rest)
        start = len(before("explicit") + private("explicit"))
        length = struct.unpack("<I", end[start + 8 : start + 12])[0]
        assert length == 0x31
        second = start + 12 + length
        filler = element(0x00331010, "LO", b"x" * (len(end) - second - 8), "explicit")
        assert second + len(filler) == len(end)
        data = end[:second] + filler
        with pytest.raises(UncertainReading) as caught:
            found(data, "explicit")
        assert caught.value.code == "uncertain"
        assert "x" * 3 not in str(caught.value)


class TestDelimiters:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("tag", [0xFFFEE00D, 0xFFFEE0DD], ids=hex)
    @pytest.mark.parametrize("place", ["between", "end", "twice"])
    def test_superfluous_ones_at_top_level(self, form: Form, tag: int, place: str) -> None:
        stray = delimiter(tag, 0, form)
        data = before(form) + private(form)
        data += (
            stray * (place != "end") + stray * (place == "twice") + behind(form) + stray * (place == "end")
        )
        result = found(data, form)
        assert result.facts["superfluous-delimiter"] == 1 + (place == "twice")
        assert result.end == len(data)
        assert [row[1] for row in values(data, result)] == [CREATOR, SECRET, 0x00310010, 0x00311020]

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
    @pytest.mark.parametrize("tag", [0x00081140, 0x00291030], ids=["standard", "private"])
    def test_an_item_of_defined_length_with_a_delimiter_behind_it(
        self, form: Form, undefined: bool, tag: int
    ) -> None:
        inside = (item(private(form), form) + delimiter(0xFFFEE00D, 0, form)) * 2
        outside = items(tag, inside, form, undefined=undefined)
        data = data_set(form, tag, outside)
        result = found(data, form)
        assert result.facts["superfluous-delimiter"] == 2
        assert "broken-sequence" not in result.facts
        assert len([row for row in values(data, result) if row[:2] == (1, SECRET)]) == 2

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
    @pytest.mark.parametrize("tag", [0x00081140, 0x00291030], ids=["standard", "private"])
    @pytest.mark.parametrize("count", [1, 2])
    def test_items_without_their_delimiter(self, form: Form, undefined: bool, tag: int, count: int) -> None:
        inside = item(private(form), form, undefined=True, end=False) * count
        outside = items(tag, inside, form, undefined=undefined)
        data = data_set(form, tag, outside)
        result = found(data, form)
        assert result.facts["missing-delimiter"] == count
        assert len([row for row in values(data, result) if row[:2] == (1, SECRET)]) == count

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("tag", [0x00081140, 0x00291030], ids=["standard", "private"])
    def test_a_sequence_without_its_delimiter_before_a_later_element(self, form: Form, tag: int) -> None:
        outside = items(tag, item(private(form), form, undefined=True), form, undefined=True, end=False)
        data = data_set(form, tag, outside)
        result = found(data, form)
        assert result.facts["missing-delimiter"] == 1
        assert [row[0] for row in values(data, result) if row[1] == 0x00311020] == [0]

    @pytest.mark.parametrize("form", FORMS)
    def test_a_nested_item_without_its_delimiter(self, form: Form) -> None:
        inner = items(0x00081140, item(private(form), form, undefined=True, end=False), form, undefined=True)
        data = (
            before(form)
            + items(0x00081115, item(inner, form, undefined=True), form, undefined=True)
            + behind(form)
        )
        result = found(data, form)
        assert result.facts["missing-delimiter"] == 1
        assert (2, SECRET, VALUE + b" ") in values(data, result)

    def test_a_sequence_of_defined_length_with_a_delimiter_behind_it(self) -> None:
        inner = items(0x00081140, item(private("explicit"), "explicit"), "explicit") + delimiter(0xFFFEE0DD)
        content = item(inner + private("explicit"), "explicit", undefined=True)
        data = (
            before("explicit") + items(0x00081115, content, "explicit", undefined=True) + behind("explicit")
        )
        result = found(data, "explicit")
        assert dict(result.facts) == {"superfluous-delimiter": 1}
        assert [row[0] for row in values(data, result) if row[1] == SECRET] == [2, 1]

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("ends", ["item", "sequence", "sequence behind an item of defined length"])
    @pytest.mark.parametrize("tag", [0x7FE11020, 0xFFFAFFFA], ids=["private", "standard"])
    def test_one_that_is_open_at_the_end_of_a_file_with_pixels(self, form: Form, ends: str, tag: int) -> None:
        """Only dcm2niix reads such a file: tests/real/test_dcm2niix.py."""
        inside = item(private(form), form, undefined=not ends.endswith("length"), end=ends != "item")
        data = before(form) + pixels(form) + items(tag, inside, form, undefined=True, end=False)
        result = found(data, form)
        assert result.facts["missing-delimiter"] == (2 if ends == "item" else 1)
        assert [row for row in values(data, result) if row[1] == SECRET] == [(1, SECRET, VALUE + b" ")]
        assert by_pydicom(meta(UID[form]) + data) is None
        with pytest.raises(MalformedFile):
            found(data[: -len(private(form))] + private(form)[:-1], form)

    @pytest.mark.parametrize("form", FORMS)
    def test_a_standard_item_that_holds_the_rest_of_a_file(self, form: Form) -> None:
        inside = item(private(form) + behind(form) + pixels(form), form, undefined=True, end=False)
        data = before(form) + items(0x00081140, inside, form, undefined=True, end=False)
        result = found(data, form)
        assert result.facts["missing-delimiter"] == 2
        assert [row[:2] for row in values(data, result)] == [
            (1, tag) for tag in (CREATOR, SECRET, 0x00310010, 0x00311020)
        ]

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("depth", [1, 2])
    def test_a_private_item_that_would_hold_the_pixels_is_refused(self, form: Form, depth: int) -> None:
        data = pixels(form)
        for _ in range(depth):
            data = items(
                0x00291030, item(data, form, undefined=True, end=False), form, undefined=True, end=False
            )
        with pytest.raises(MalformedFile):
            found(before(form) + private(form) + data, form)

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("count", [1, 3, 1000])
    @pytest.mark.parametrize("place", ["elements", "items", "item"])
    @pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
    def test_nulls_between_elements_and_between_items(
        self, form: Form, count: int, place: str, undefined: bool
    ) -> None:
        nulls = {name: bytes(8 * count) if name == place else b"" for name in ("elements", "items", "item")}
        one = item(private(form) + nulls["item"], form, undefined=undefined)
        outside = items(0x00291030, one + nulls["items"] + one, form, undefined=undefined)
        data = before(form) + nulls["elements"] + private(form) + outside + nulls["elements"] + behind(form)
        result = found(data, form)
        assert result.facts["null-padding"] == {"elements": 2, "items": 1, "item": 2}[place]
        assert [row[:2] for row in values(data, result)] == [
            (depth, tag) for depth in (0, 1, 1) for tag in (CREATOR, SECRET)
        ] + [(0, 0x00310010), (0, 0x00311020)]
        if form != "implicit" or undefined:  # pydicom makes no sequence of a value without a VR
            assert trimmed(by_pydicom(meta(UID[form]) + data) or []) == trimmed(values(data, result))

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("within", [False, True])
    def test_nulls_behind_a_group_are_no_part_of_its_length(self, form: Form, within: bool) -> None:
        order = ">" if form == "big" else "<"
        start = 0x00290000
        block = private(form)
        if within:
            block += bytes(8) + element(0x00291030, "LO", VALUE, form)
        length = element(start, "UL", struct.pack(f"{order}I", len(block)), form)
        data = before(form) + length + block + bytes(16) + behind(form)
        result = found(data, form)
        assert result.facts["null-padding"] == 1 + within
        assert result.slack == []

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("size", [2, 4, 12])
    def test_nulls_that_are_no_headers_are_refused(self, form: Form, size: int) -> None:
        data = before(form) + private(form) + bytes(size) + behind(form)
        with pytest.raises(MalformedFile):
            found(data, form)

    FRAGMENTS: Final = b"".join(
        delimiter(0xFFFEE000, len(part)) + part for part in (b"", b"\xff\xd8\xff\xd9", b"ab")
    )

    @pytest.mark.parametrize(
        "rest",
        [b"", bytes(64), element(0xFFFCFFFC, "OB", bytes(8), "explicit")],
        ids=["nothing", "nulls", "padding"],
    )
    def test_encapsulated_data_without_its_delimiter(self, rest: bytes) -> None:
        data = before("explicit") + private("explicit")
        start = len(data) + 12
        data += head(0x7FE00010, "OB", UNDEFINED, "explicit") + self.FRAGMENTS + rest
        result = found(data, "explicit")
        assert result.facts["missing-delimiter"] == 1
        assert result.pixels == [(start, start + len(self.FRAGMENTS))]

    @pytest.mark.parametrize("undelimited", [b"", b"\xfe", delimiter(0xFFFEE0DD)[:6]], ids=["0", "1", "6"])
    @pytest.mark.parametrize("count", [1, 3])
    def test_encapsulated_data_with_a_part_of_its_delimiter(self, undelimited: bytes, count: int) -> None:
        parts = (delimiter(0xFFFEE000, 10) + b"\xff\xd8 a frame") * count
        data = before(E) + private(E) + head(0x7FE00010, "OB", UNDEFINED, E) + parts + undelimited
        result = found(data, E)
        assert result.facts["missing-delimiter"] == 1
        assert (result.end, result.pixels[0][1]) == (len(data), len(data) - len(undelimited))

    @pytest.mark.parametrize("vr", ["OB", "OW", "UN"])
    @pytest.mark.parametrize("ended", [False, True])
    def test_encapsulated_data_with_the_delimiter_of_an_item(self, vr: str, ended: bool) -> None:
        data = before(E) + private(E) + head(0x7FE00010, vr, UNDEFINED, E) + self.FRAGMENTS
        data += delimiter(0xFFFEE00D) + delimiter(0xFFFEE0DD) * ended
        facts = found(data, E).facts
        assert (facts["superfluous-delimiter"], facts["missing-delimiter"]) == (1, int(not ended))

    @pytest.mark.parametrize("wrong", [-8, -2, -1, 1, 4])
    def test_a_fragment_whose_length_is_wrong_by_a_few_bytes(self, wrong: int) -> None:
        fragments = (delimiter(0xFFFEE000, 40 + wrong) + b"f" * 40) * 2 + delimiter(0xFFFEE0DD)
        data = before(E) + private(E) + head(0x7FE00010, "OB", UNDEFINED, E) + fragments
        result = found(data + element(0xFFFCFFFC, "OB", bytes(8), E), E)
        assert result.facts["wrong-length"] == 2
        assert result.pixels == [(len(data) - len(fragments), len(data) - 8)]
        assert len(result.padding) == 1

    def test_the_rest_of_a_fragment_of_a_wrong_length_is_never_taken_for_what_stands_behind(self) -> None:
        data = before("explicit") + head(0x7FE00010, "OB", UNDEFINED, "explicit") + self.FRAGMENTS
        with pytest.raises(MalformedFile):
            found(data + b"\1\2\3\4\5\6\7\x08" * 8, "explicit")


class TestLengths:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("tag", [0x00090110 + 0x1000, 0x00080090, 0x00291030], ids=hex)
    def test_ten_bytes_announced_as_thirteen(self, form: Form, tag: int) -> None:
        odd = head(tag, "LO", 13, form) + b"GE_GENESIS"
        rest = private(form) + (odd if tag > SECRET else b"") + behind(form)
        data = before(form) + (odd if tag < CREATOR else b"") + rest
        result = walk(BytesSource(data), SYNTAX[form], wanted=None)
        assert result.facts["wrong-length"] == 1
        assert [data[one.start : one.stop] for one in result.elements if one.tag == tag] == [b"GE_GENESIS"]

    @pytest.mark.parametrize("form", FORMS)
    def test_thirteen_bytes_are_thirteen(self, form: Form) -> None:
        data = (
            before(form) + head(0x00091010, "LO", 13, form) + b"THIRTEEN BYTE" + private(form) + behind(form)
        )
        result = walk(BytesSource(data), SYNTAX[form], wanted=None)
        assert "wrong-length" not in result.facts
        assert data[result.elements[2].start : result.elements[2].stop] == b"THIRTEEN BYTE"

    def test_four_bytes_announced_as_six(self) -> None:
        odd = head(0x00091030, "UL", 6, "explicit") + b"\1\2\3\4"
        data = before("explicit") + odd + private("explicit") + behind("explicit")
        assert found(data, "explicit").facts["wrong-length"] == 1


def image(form: Form, *, rows: int = 6, columns: int = 5) -> bytes:
    """Return the elements that tell of the size of an image of 16 bits: 60 bytes, unless told otherwise."""
    order = ">" if form == "big" else "<"
    numbers = {0x00280010: rows, 0x00280011: columns, 0x00280100: 16}
    return b"".join(element(tag, "US", struct.pack(f"{order}H", n), form) for tag, n in numbers.items())


IMAGE_SIZE: Final = 60


@pytest.mark.parametrize("form", FORMS)
class TestImages:
    """Pixel data whose length isn't that of the image: pydicom and dcm2niix read it."""

    def start(self, form: Form) -> bytes:
        return before(form) + image(form) + private(form)

    @pytest.mark.parametrize("more", [1, 2, 100, 1 << 20])
    def test_a_whole_image_that_announces_more(self, form: Form, more: int) -> None:
        data = self.start(form) + head(0x7FE00010, "OW", IMAGE_SIZE + more, form) + bytes(IMAGE_SIZE)
        result = found(data, form)
        assert result.facts["wrong-length"] == 1
        assert result.pixels == [(len(data) - IMAGE_SIZE, len(data))]
        assert result.end == len(data)

    @pytest.mark.parametrize("cut", [1, 30, 60])
    def test_a_cut_image_is_refused(self, form: Form, cut: int) -> None:
        data = self.start(form) + head(0x7FE00010, "OW", IMAGE_SIZE, form) + bytes(IMAGE_SIZE - cut)
        with pytest.raises(MalformedFile):
            found(data, form)

    def test_more_bytes_than_the_image_takes_may_be_something_else(self, form: Form) -> None:
        data = self.start(form) + head(0x7FE00010, "OW", 1 << 20, form) + bytes(IMAGE_SIZE + 2)
        with pytest.raises(MalformedFile):
            found(data, form)

    def test_an_image_of_unknown_size_may_be_cut(self, form: Form) -> None:
        data = before(form) + private(form) + head(0x7FE00010, "OW", 1 << 20, form) + bytes(IMAGE_SIZE)
        with pytest.raises(MalformedFile):
            found(data, form)

    @pytest.mark.parametrize("less", [1, 2, 40])
    def test_the_rest_of_the_image_is_not_trailing(self, form: Form, less: int, tmp_path: Path) -> None:
        pixels = bytes(range(1, 1 + IMAGE_SIZE))
        start = self.start(form) + head(0x7FE00010, "OW", IMAGE_SIZE - less, form)
        uid = UID[form]
        (tmp_path / "in.dcm").write_bytes(meta(uid) + start + pixels + b"SYNTHETIC TRAILER")
        report = clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
        out = (tmp_path / "out.dcm").read_bytes()
        assert out[: len(meta(uid) + start + pixels)] == meta(uid) + start + pixels
        assert b"TRAILER" not in out
        assert report.facts["wrong-length"] == 1
        assert clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm").status == "unchanged"

    @pytest.mark.parametrize("ended", [False, True])
    def test_pixel_data_of_undefined_length_that_is_not_in_fragments(self, form: Form, ended: bool) -> None:
        data = self.start(form) + head(0x7FE00010, "OW", UNDEFINED, form) + b"p" * IMAGE_SIZE
        stop = len(data)
        data += delimiter(0xFFFEE0DD, 0, form) * ended
        result = found(data, form)
        assert result.facts["unfragmented-pixel-data"] == 1
        assert result.pixels == [(stop - IMAGE_SIZE, stop)]
        assert result.end == len(data)


@pytest.mark.parametrize("form", FORMS)
class TestBehindPixelData:
    """What can't be an element ends the data set, and dcm2niix doesn't look at it."""

    @pytest.mark.parametrize(
        "fill", [b"\xff" * 64, b"\xff" * 3, b"\xfe" * 20, b"\xe6" * 20], ids=["ff", "three", "fe", "e6"]
    )
    def test_bytes_of_no_group_or_an_even_one(self, form: Form, fill: bytes) -> None:
        data = before(form) + private(form) + behind(form)
        assert found(data + fill, form).end == len(data)

    @pytest.mark.parametrize("length", [90, UNDEFINED])
    def test_padding_whose_length_is_wrong(self, form: Form, length: int, tmp_path: Path) -> None:
        data = meta(UID[form]) + before(form) + private(form) + behind(form)
        padding = head(0xFFFCFFFC, "OB", length, form) + b"SYNTHETIC PADDING "
        (tmp_path / "in.dcm").write_bytes(data + padding)
        report = clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
        assert [region.region for region in report.regions] == ["trailing"]
        out = (tmp_path / "out.dcm").read_bytes()
        assert (len(out), out.startswith(data)) == (len(data + padding), True)
        assert b"PADDING" not in out
        again = clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm")
        assert again.status == "unchanged"

    def test_an_item(self, form: Form) -> None:
        data = before(form) + private(form) + behind(form)
        for rest in (b"", b"rest"):
            assert found(data + delimiter(0xFFFEE000, len(rest), form) + rest, form).end == len(data)

    def test_a_private_element_that_is_cut_is_no_trailer(self, form: Form) -> None:
        data = before(form) + private(form) + behind(form)
        cut = element(0x7FE10010, "LO", b"PHANTOM", form) + head(0x7FE11010, "OB", 90, form)
        with pytest.raises(MalformedFile):
            found(data + cut, form)


class TestTransferSyntaxes:
    @pytest.mark.parametrize("declared", ["implicit", "explicit", "big", "jpeg", "deflated"])
    @pytest.mark.parametrize("form", FORMS)
    def test_the_one_that_walks_is_taken(self, declared: str, form: Form) -> None:
        data = meta(UID[declared]) + before(form) + private(form) + behind(form)
        start = find_start(BytesSource(data))
        expected = SYNTAX[form]
        assert (start.syntax.implicit, start.syntax.order) == (expected.implicit, expected.order)
        agree = declared == form or (declared, form) == ("jpeg", "explicit")
        assert start.facts == (() if agree else ("wrong-transfer-syntax",))

    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("uid", [b"1.2.3.4.5.6", b"2.25.1", b"x"])
    def test_an_unknown_one_too(self, form: Form, uid: bytes) -> None:
        start = find_start(BytesSource(meta(uid) + before(form) + private(form) + behind(form)))
        assert (start.syntax, start.facts) == (SYNTAX[form], ("unknown-transfer-syntax",))

    @pytest.mark.parametrize("uid", [b"1.3.46.670589.33.1.4.1", b"1.2.840.113619.5.2", b"1.2.840.10008.1.20"])
    def test_retired_ones_are_known(self, uid: bytes) -> None:
        form: Form = "explicit" if uid.startswith(b"1.3") else "implicit"
        start = find_start(BytesSource(meta(uid) + before(form) + private(form) + behind(form)))
        assert (start.syntax.implicit, start.facts) == (form == "implicit", ())


def odd_meta(form: Form, *, length: int | None, first: int = 0) -> bytes:
    body = element(0x00020002, "UI", b"1.2.840.10008.5.1.4.1.1.4\0", form) if not first else b""
    body += element(0x00020010, "UI", UID["explicit"], form)
    order = ">" if form == "big" else "<"
    start = element(0x00020000, "UL", struct.pack(f"{order}I", length), form) if length is not None else b""
    return start + body


class TestMeta:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("length", [None, 0, 4, 1 << 24, UNDEFINED])
    @pytest.mark.parametrize("preamble", [bytes(128) + b"DICM", b""], ids=["preamble", "bare"])
    @pytest.mark.parametrize("first", [0, 0x10])
    def test_it_is_read_in_any_form_and_with_any_length(
        self, form: Form, length: int | None, preamble: bytes, first: int
    ) -> None:
        data = preamble + odd_meta(form, length=length, first=first)
        offset = len(data)
        start = find_start(BytesSource(data + before("explicit") + private("explicit") + behind("explicit")))
        assert (start.offset, start.syntax, start.preamble) == (offset, EXPLICIT_LITTLE, bool(preamble))
        assert ("no-meta-length" in start.facts) == (length is None)
        assert ("wrong-meta-length" in start.facts) == (length is not None)
        assert ("meta-encoding" in start.facts) == (form != "explicit")

    @pytest.mark.parametrize("preamble", [bytes(128) + b"DICM", b""], ids=["preamble", "bare"])
    @pytest.mark.parametrize("forms", [("implicit", "explicit"), ("explicit", "implicit")])
    def test_its_elements_may_be_of_two_forms(self, preamble: bytes, forms: tuple[Form, Form]) -> None:
        rest = element(0x00020010, "UI", UID["explicit"], forms[1])
        data = preamble + element(0x00020000, "UL", struct.pack("<I", len(rest)), forms[0]) + rest
        offset = len(data)
        start = find_start(BytesSource(data + before("explicit") + private("explicit")))
        assert (start.offset, start.syntax, start.facts) == (offset, EXPLICIT_LITTLE, ("meta-encoding",))

    @pytest.mark.parametrize("form", FORMS)
    def test_a_damaged_data_set_behind_it_is_not_skipped(self, form: Form) -> None:
        data = odd_meta(form, length=None) + before("explicit") + private("explicit")[:-1]
        source = BytesSource(data)
        with pytest.raises(MalformedFile):
            walk(source, find_start(source).syntax, find_start(source).offset)

    def test_a_file_that_ends_inside_it_is_cut(self) -> None:
        with pytest.raises(MalformedFile, match="cut"):
            find_start(BytesSource(bytes(128) + b"DICM" + odd_meta("explicit", length=1000)))

    @pytest.mark.parametrize("data", [b"\2\0" * 100, b"\2\0\x10\0" + bytes(100), b"\0\2" * 60])
    def test_other_files_are_still_not_dicom(self, data: bytes) -> None:
        with pytest.raises(NotDicom):
            find_start(BytesSource(data))


def with_prefix_inside(form: Form, vr: str, *, start: bytes) -> bytes:
    """Return a bare data set in which a value that reads ``DICM`` stands at byte 128."""
    header = len(head(0x00080090, vr, 0, form))
    filler = 128 - len(start) - header - len(head(0x00080070, "LO", 0, form))
    value = element(0x00080070, "LO", b"x" * filler, form)
    data = start + value + element(0x00080090, vr, b"DICM", form)
    assert data[128:132] == b"DICM"
    return data


class TestFirstBytes:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("vr", ["SH", "PN", "UT"])
    def test_a_bare_data_set_with_the_prefix_in_a_value_keeps_its_first_bytes(
        self, form: Form, vr: str, tmp_path: Path
    ) -> None:
        data = with_prefix_inside(form, vr, start=before(form)[: len(before(form)) // 2 * 2])
        data += private(form) + behind(form)
        start = find_start(BytesSource(data))
        assert (start.offset, start.preamble, start.syntax) == (0, False, SYNTAX[form])
        (tmp_path / "in.dcm").write_bytes(data)
        clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
        assert (tmp_path / "out.dcm").read_bytes()[:128] == data[:128]

    def test_file_meta_information_without_preamble_is_no_preamble(self) -> None:
        first = odd_meta("explicit", length=None)
        value = 128 - len(first) - 8 - 8
        first += element(0x00020013, "SH", b"x" * value, "explicit") + element(
            0x00020016, "AE", b"DICM", "explicit"
        )
        assert first[128:132] == b"DICM"
        start = find_start(BytesSource(first + before("explicit") + private("explicit") + behind("explicit")))
        assert (start.offset, start.preamble) == (len(first), False)

    def test_a_damaged_one_is_refused(self) -> None:
        data = with_prefix_inside("explicit", "SH", start=before("explicit"))
        broken = bytearray(data + before("explicit") + private("explicit") + behind("explicit"))
        broken[6] = 0xFF  # the first length goes astray
        broken[7] = 0xFF
        with pytest.raises(CsacleanError):
            find_start(BytesSource(bytes(broken)))

    @pytest.mark.parametrize("form", FORMS)
    def test_a_preamble_that_is_none_of_that_stays_one(self, form: Form) -> None:
        data = b"\1\2\3\4" * 32 + b"DICM" + before(form) + private(form) + behind(form)
        assert find_start(BytesSource(data)).preamble


def deflated(data: bytes) -> bytes:
    machine = zlib.compressobj(6, zlib.DEFLATED, -15)
    return machine.compress(data) + machine.flush()


class TestBehindStreams:
    @pytest.mark.parametrize("tail", [b"\x93\xaf\x1a\xb8\x2f\0\0\0", b"x", bytes(64), b"TRAILER!" * 100])
    @pytest.mark.parametrize("edited", [False, True])
    def test_what_stands_behind_is_nulled_and_told(self, tmp_path: Path, tail: bytes, edited: bool) -> None:
        # Garbage in the preamble is the edit.
        start = meta(UID["deflated"])
        if edited:
            start = b"x" * 128 + start[128:]
        stream = deflated(before("explicit") + private("explicit") + behind("explicit"))
        stream += b"\0" * (len(stream) % 2)
        (tmp_path / "in.dcm").write_bytes(start + stream + tail)
        report = clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
        out = (tmp_path / "out.dcm").read_bytes()
        assert report.facts["bytes-behind-stream"] == 1
        (region,) = (region for region in report.regions if region.region == "trailing")
        assert region.action == "null"
        assert region.bytes >= len(tail)
        assert out.endswith(bytes(len(tail)))
        assert zlib.decompressobj(-15).decompress(out[len(start) :]) == zlib.decompressobj(-15).decompress(
            stream
        )
        if not edited:
            assert out == start + stream + bytes(len(tail))
        again = clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm")
        assert again.status == "unchanged"


TO_REFUSE: Final[dict[str, tuple[bytes, Form]]] = {
    f"{vr} with a length of 16 bits": (element(0x00291030, vr, VALUE, "explicit", width=16), "explicit")
    for vr in ("OB", "OW", "UN", "UT", "SQ")
} | {
    f"{vr} with a length of 32 bits": (element(0x00291030, vr, VALUE, "explicit", width=32), "explicit")
    for vr in ("LO", "PN", "UL", "DS")
}
TO_REFUSE["little endian in big endian"] = (element(0x00291030, "LO", VALUE, "explicit"), "big")
TO_REFUSE["big endian in little endian"] = (element(0x00291030, "LO", VALUE, "big"), "explicit")
TO_REFUSE["?? with reserved bytes in use"] = (
    struct.pack("<HH4sI", 0x0029, 0x1030, b"??QF", 16) + VALUE + b" ",
    "explicit",
)
TO_REFUSE["NULs that are no headers"] = (bytes(4), "explicit")
"""What no reader reads, or one reads and finds other elements behind it: never read."""


@pytest.mark.parametrize("name", TO_REFUSE)
def test_what_readers_do_not_read_or_read_otherwise_is_refused(name: str) -> None:
    odd, form = TO_REFUSE[name]
    data = before(form) + private(form) + odd + behind(form)
    with pytest.raises(MalformedFile):
        found(data, form)
    theirs = by_pydicom(meta(UID[form]) + data)
    assert theirs is None or (0, 0x00311020) not in [row[:2] for row in theirs]


class TestWrappedStreams:
    """A deflated data set in a gzip wrapper (GDCM reads it), or in that of zlib."""

    NAMED: Final = b"\x1f\x8b\x08\x08\x01\x02\x03\x04\0\x03PHANTOM NAME.dcm\0"

    def wrapped(self, bits: int, *, named: bool = False, text: bytes = VALUE) -> bytes:
        machine = zlib.compressobj(6, zlib.DEFLATED, bits)
        content = before(E) + private(E, value=text) + behind(E)
        stream = machine.compress(content) + machine.flush()
        return meta(UID["deflated"]) + (self.NAMED + stream[10:] if named else stream)

    @pytest.mark.parametrize("bits", [15, 31])
    @pytest.mark.parametrize("tail", [b"", b"SYNTHETIC TAIL"])
    @pytest.mark.parametrize("edited", [False, True])
    def test_it_is_read_and_wrapped_again(self, bits: int, tail: bytes, edited: bool, tmp_path: Path) -> None:
        data = self.wrapped(bits) + tail
        data = (b"x" if edited else b"\0") * 128 + data[128:]
        (tmp_path / "in.dcm").write_bytes(data)
        report = clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
        assert report.facts["wrapped-stream"] == 1
        out = (tmp_path / "out.dcm").read_bytes()
        start = len(meta(UID["deflated"]))
        machine, original = zlib.decompressobj(bits), zlib.decompressobj(bits)
        assert machine.decompress(out[start:]) == original.decompress(data[start:])
        assert not any(machine.unused_data)
        assert clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm").status == "unchanged"

    def test_a_name_in_the_header_of_gzip_goes(self, tmp_path: Path) -> None:
        (tmp_path / "in.dcm").write_bytes(self.wrapped(31, named=True))
        report = clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
        assert (report.status, report.facts["stream-header"]) == ("cleaned", 1)
        out = (tmp_path / "out.dcm").read_bytes()
        assert b"PHANTOM NAME" not in out
        assert zlib.decompressobj(31).decompress(out[len(meta(UID["deflated"])) :]).startswith(before(E))
        assert clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm").status == "unchanged"


def by_gdcm(path: Path) -> dict[int, bytes] | None:
    """Return the private elements at top level that GDCM finds; None if it can't read the file."""
    gdcm = pytest.importorskip("gdcm")
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    reader = gdcm.Reader()
    reader.SetFileName(str(path))
    if not reader.Read():
        return None
    dataset = reader.GetFile().GetDataSet()
    values = {}
    for group in (0x0029, 0x0031):
        for number in (0x0010, 0x1020, 0x1030):
            tag = gdcm.Tag(group, number)
            if dataset.FindDataElement(tag) and dataset.GetDataElement(tag).GetByteValue() is not None:
                value = dataset.GetDataElement(tag).GetByteValue().GetBuffer()
                values[group << 16 | number] = value if isinstance(value, bytes) else value.encode("latin-1")
    return values


ODD_BODIES: Final[dict[str, tuple[bytes, bool]]] = {
    "faultless": (private(E), True),
    "implicit element": (private(E) + element(0x00291030, "LO", VALUE, "implicit"), True),
    "unknown VR, 16 bits": (private(E) + element(0x00291030, b"ZZ", VALUE, E), False),
    "unknown VR, 32 bits": (private(E) + element(0x00291030, b"??", VALUE, E, width=32), True),
    "unknown VR, reserved bytes in use": (
        private(E) + struct.pack("<HH4sI", 0x0029, 0x1030, b"ZZQF", 16) + VALUE + b" ",
        True,
    ),
    "NULs between elements": (private(E) + bytes(16), True),
    "superfluous delimiter": (private(E) + delimiter(0xFFFEE00D), False),
    "item without delimiter": (
        items(
            0x00081140,
            item(element(0x00081150, "UI", b"1.2", E), E, undefined=True, end=False),
            E,
            undefined=True,
        )
        + private(E),
        True,
    ),
}
"""What stands before the last private block, and whether GDCM reads it."""


@pytest.mark.parametrize("name", ODD_BODIES)
def test_gdcm_finds_the_same_elements(name: str, tmp_path: Path) -> None:
    body, read = ODD_BODIES[name]
    data = before(E) + body + behind(E)
    (tmp_path / "odd.dcm").write_bytes(meta(UID[E]) + data)
    theirs = by_gdcm(tmp_path / "odd.dcm")
    mine = {tag: value for depth, tag, value in values(data, found(data, E)) if depth == 0}
    assert not read or theirs is not None
    if theirs is not None:
        stripped = {tag: value.rstrip(b" \0") for tag, value in theirs.items()}
        assert stripped == {tag: value.rstrip(b" \0") for tag, value in mine.items() if tag in stripped}
        assert not read or stripped.keys() == mine.keys()


class TestWork:
    """The search for other readings takes time in proportion to the bytes, or ends as a limit."""

    BODIES: Final[dict[str, Callable[[], bytes]]] = {
        "no VR at all": lambda: struct.pack("<HH", 0x0029, 0x1030) + b"??\0\0" * 200_000,
        "thirteens": lambda: b"".join(
            head(0x00291000 + n % 256, "LO", 13, "explicit") + b"x" * 13 for n in range(50_000)
        ),
        "letters": lambda: b"LOlo" * 200_000,
        "nulls": lambda: struct.pack("<HH", 0x0029, 0x1030) + bytes(800_000),
        "items": lambda: delimiter(0xFFFEE000, UNDEFINED) * 60,
        "delimiters": lambda: delimiter(0xFFFEE00D) * 100_000,
        "nulls between elements": lambda: (
            (bytes(1600) + head(0x00291030, b"??", 0, "explicit") + bytes(4)) * 500
        ),
        "nulls between items": lambda: items(
            0x00291040, (item(b"", "explicit") + bytes(800)) * 1000, "explicit"
        ),
    }

    @pytest.mark.parametrize("body", BODIES)
    @pytest.mark.parametrize("form", ["implicit", "explicit"])
    def test_it_ends(self, body: str, form: Form) -> None:
        class Counting(BytesSource):
            total = 0

            def read(self, start: int, stop: int, /) -> bytes:
                content = super().read(start, stop)
                self.total += len(content)
                return content

        data = before(form) + private(form) + self.BODIES[body]()
        source = Counting(data + b"\xff")
        with contextlib.suppress(MalformedFile, LimitExceeded, UncertainReading):
            walk(source, SYNTAX[form])
        assert source.total < 1000 * source.size  # some kB for each header at most


@pytest.mark.parametrize("syntax", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG], ids=lambda one: one.name)
def test_without_liberties_the_declared_reading_is_the_only_one(syntax: Syntax) -> None:
    form = next(form for form in FORMS if SYNTAX[form] == syntax)
    data = before(form) + private(form) + delimiter(0xFFFEE00D, 0, form) + behind(form)
    with pytest.raises(MalformedFile):
        walk(BytesSource(data), syntax, liberties=False)
