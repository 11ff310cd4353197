"""Private matter that is no value: creators, slack in headers, group lengths, and Private Information of the meta group."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

import csaclean
from csaclean.dicom.creators import creator_stop, is_only_a_name
from csaclean.errors import CsacleanError
from csaclean.report.model import Report

HANDLED = b"SIEMENS CSA HEADER"
CODED = b"IMAGE NUM 4 "
UL = b"\4\0\0\0"
NO_SYNTAX = {"<": b"1.2.840.10008.1.2.1\0", ">": b"1.2.840.10008.1.2.2\0", "implicit": b"1.2.840.10008.1.2\0"}
DEFLATED = b"1.2.840.10008.1.2.1.99"

Clean = Callable[..., tuple[Report, bytes]]


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """Clean a file made of bytes and return the report and what was written."""

    def run(data: bytes, policy: str = "converter-safe", **options: str) -> tuple[Report, bytes]:
        source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
        source.write_bytes(data)
        report = csaclean.clean_file(source, target, policy, overwrite=True, **options)  # type: ignore[arg-type]
        return report, target.read_bytes()

    return run


def head(tag: int, order: str = "<") -> bytes:
    end: Literal["little", "big"] = "little" if order == "<" else "big"
    return (tag >> 16).to_bytes(2, end) + (tag & 0xFFFF).to_bytes(2, end)


def number(value: int, order: str = "<") -> bytes:
    return value.to_bytes(4, "little" if order == "<" else "big")


def long(
    tag: int, vr: bytes, value: bytes, *, order: str = "<", reserved: bytes = b"\0\0", size: int = -1
) -> bytes:
    length = number(len(value) if size < 0 else size, order)
    return head(tag, order) + vr + reserved + length + value


def short(tag: int, vr: bytes, value: bytes, *, order: str = "<") -> bytes:
    length = len(value).to_bytes(2, "little" if order == "<" else "big")
    return head(tag, order) + vr + length + value


def plain(tag: int, value: bytes) -> bytes:
    return head(tag) + number(len(value)) + value


def meta(syntax: bytes, more: bytes = b"") -> bytes:
    body = short(0x00020010, b"UI", syntax) + more
    return bytes(128) + b"DICM" + short(0x00020000, b"UL", number(len(body))) + body


def file(body: bytes, order: str = "<", more: bytes = b"") -> bytes:
    return meta(NO_SYNTAX[order], more) + body


def creator(name: bytes = HANDLED, order: str = "<") -> bytes:
    return short(0x00290010, b"LO", name + b" " * (len(name) % 2), order=order)


def parts(report: Report) -> list[tuple[str, int, int, str]]:
    return [(one.region, one.bytes, one.nonzero, one.action) for one in report.regions]


def changed(old: bytes, new: bytes) -> list[int]:
    assert len(old) == len(new)
    return [at for at, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]


@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
@pytest.mark.parametrize("name", [HANDLED, b" siemens csa header", b"SIEMENS CSA HEADER \0\0 "])
def test_what_follows_the_nul_of_a_creator_is_dead(clean: Clean, policy: str, name: bytes) -> None:
    value = name + b"\0Quillfeather^Ottoline"
    value += b"\0" * (len(value) % 2)
    data = file(short(0x00290010, b"LO", value) + long(0x00291010, b"OB", bytes(16)))
    report, new = clean(data, policy)
    stop = creator_stop(value)
    assert new == data.replace(value, value[:stop] + bytes(len(value) - stop))
    assert report.vouched
    first = report.elements[0]
    assert (first.selector, first.handler, first.bytes) == (
        "(0029,0010)",
        "private-creator",
        len(value),
    )
    assert report.elements[0].dead_nonzero == len(value[stop:]) - value[stop:].count(0)
    again, newer = clean(new, policy)
    assert newer == new
    assert again.status == "unchanged"


@pytest.mark.parametrize(
    "value",
    [HANDLED + b"\\Quillfeather ", HANDLED + b"\tX ", HANDLED + b"\n "],
    ids=["values", "tab", "line"],
)
def test_a_creator_with_more_than_a_name_is_none(clean: Clean, value: bytes) -> None:
    value += b" " * (len(value) % 2)
    data = file(short(0x00290010, b"LO", value) + long(0x00291010, b"OB", bytes(16)))
    report, new = clean(data)
    assert not report.vouched
    assert new == data
    assert [one.reason for one in report.unclaimed if one.selector == "(0029,0010)"] in (
        ["not-a-creator"],
        ["unknown-creator"],
        [],
    )
    assert report.unclaimed


NO_CREATORS = {
    "values": (HANDLED + b"\\Quillfeather ", HANDLED + b"\\XXXXXXXXXXXXX"),
    "values and dead bytes": (HANDLED + b"\\Quill\0feather", HANDLED + b"\\XXXXX" + bytes(8)),
    "too long": (b"Quillfeather" * 20, b"X" * 240),
    "much too long": (b"Quillfeather\0" * 100, b"X" * 1300),
    "no first value": (b"\\Quillfeather ", b"\\XXXXXXXXXXXXX"),
}
"""Values in the place of a creator, and the same blanked."""


@pytest.mark.parametrize("options", [{"policy": "strict"}, {"unclaimed": "blank"}], ids=["strict", "blank"])
@pytest.mark.parametrize("kind", NO_CREATORS)
def test_what_is_no_creator_is_blanked_and_its_block_stays_whose_it_is(
    clean: Clean, kind: str, options: dict[str, str]
) -> None:
    old, blanked = NO_CREATORS[kind]
    data = file(short(0x00290010, b"LO", old) + short(0x00291008, b"CS", CODED))
    report, new = clean(data, **options)
    known = old.startswith(HANDLED)
    assert new == data.replace(old, blanked).replace(CODED, CODED if known else b"X" * 11 + b" ")
    assert report.vouched
    assert "(0029,0010)" in [one.selector for one in report.elements]
    again, newer = clean(new, **options)
    assert (again.status, newer) == ("unchanged", new)


@pytest.mark.parametrize(
    "value", [b"\tQuillfeather ", b"\xa0SIEMENS MR HEADER", HANDLED + b"\n ", b"\tA\\Quillfeather"]
)
def test_one_whose_blank_would_reserve_another_block_stays_and_is_listed(clean: Clean, value: bytes) -> None:
    data = file(short(0x00290010, b"LO", value))
    report, new = clean(data, "strict")
    assert new == data
    assert [(one.selector, one.reason) for one in report.unclaimed] == [("(0029,0010)", "not-a-creator")]
    assert not report.vouched


def test_the_unknown_name_of_one_that_is_blanked_is_listed(clean: Clean) -> None:
    data = file(short(0x00290010, b"LO", b"NOT OF THIS WORLD\\Quillfeather"))
    report, new = clean(data, "strict")
    assert new == data.replace(b"Quillfeather", b"X" * 12)
    assert [(one.selector, one.reason, one.bytes) for one in report.unclaimed] == [
        ("(0029,?,10)", "unknown-creator", 17)
    ]


def test_dead_bytes_of_an_unknown_creator_are_nulled(clean: Clean) -> None:
    value = b"NOT OF THIS WORLD\0LEFTOVER"
    data = file(short(0x00290010, b"LO", value))
    report, new = clean(data)
    assert new == data.replace(b"LEFTOVER", bytes(8))
    assert [(one.selector, one.reason, one.bytes) for one in report.unclaimed] == [
        ("(0029,?,10)", "unknown-creator", 17)
    ]


def test_a_name_with_outer_blanks_is_only_a_name() -> None:
    assert is_only_a_name(b" \0SIEMENS MR HEADER \0\0")
    assert not is_only_a_name(b"\xa0SIEMENS MR HEADER")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
@pytest.mark.parametrize("vr", [b"OB", b"UN", b"UT", b"OW"])
def test_reserved_bytes_are_nulled_and_nothing_else(clean: Clean, vr: bytes, policy: str, order: str) -> None:
    element = long(0x00291010, vr, bytes(16), order=order, reserved=b"QF")
    data = file(creator(order=order) + element, order)
    report, new = clean(data, policy)
    assert parts(report) == [("reserved", 2, 2, "null")]
    assert new == data.replace(vr + b"QF", vr + b"\0\0")
    assert report.regions[0].offset == data.index(b"QF")
    assert report.vouched
    assert clean(new, policy)[0].status == "unchanged"


def test_reserved_bytes_outside_private_matter_stay(clean: Clean) -> None:
    data = file(long(0x00089999 - 1, b"UT", b"text", reserved=b"QF") + creator())
    assert clean(data)[1] == data


ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def delimited(inside: bytes, words: bytes, order: str = "<") -> bytes:
    """Return a private sequence of undefined length, its delimiters' length words as given."""
    body = head(ITEM, order) + b"\xff" * 4 + inside
    body += head(ITEM_END, order) + words + head(SEQUENCE_END, order) + words
    return long(0x00291020, b"SQ", body, order=order, size=0xFFFFFFFF)


@pytest.mark.parametrize("order", ["<", ">"])
def test_delimiters_and_standard_elements_in_private_sequences(clean: Clean, order: str) -> None:
    inside = long(0x00080119, b"UC", b"", order=order, reserved=b"RS")
    data = file(creator(order=order) + delimited(inside, b"QFQF", order), order)
    report, new = clean(data)
    assert parts(report) == [
        ("reserved", 2, 2, "null"),
        ("delimiter", 4, 4, "null"),
        ("delimiter", 4, 4, "null"),
    ]
    assert new == data.replace(b"QF", b"\0\0").replace(b"RS", b"\0\0")


def test_delimiters_in_implicit_vr_and_in_deeper_items(clean: Clean) -> None:
    def sequence(tag: int, inside: bytes) -> bytes:
        return (
            head(tag)
            + b"\xff" * 4
            + head(ITEM)
            + b"\xff" * 4
            + inside
            + head(ITEM_END)
            + b"QFQF"
            + head(SEQUENCE_END)
            + b"QFQF"
        )

    outer = sequence(0x00291020, sequence(0x00081140, b""))
    data = file(plain(0x00290010, HANDLED) + outer, "implicit")
    report, new = clean(data)
    assert parts(report) == [("delimiter", 4, 4, "null")] * 4
    assert new == data.replace(b"QF", b"\0\0")
    standard = file(sequence(0x00081140, plain(0x00290010, HANDLED)), "implicit")
    assert clean(standard)[1] == standard


def test_the_delimiter_behind_private_fragments(clean: Clean) -> None:
    body = head(ITEM) + number(0) + head(ITEM) + number(4) + b"data" + head(SEQUENCE_END) + b"QFQF"
    data = file(creator(b"NOT OF THIS WORLD ") + long(0x00291030, b"OB", body, size=0xFFFFFFFF))
    report, new = clean(data)
    assert parts(report) == [("delimiter", 4, 4, "null")]
    assert new == data.replace(b"QF", b"\0\0")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("behind", [True, False])
def test_group_lengths_are_made_true(clean: Clean, order: str, behind: bool) -> None:
    group = creator(order=order) + delimited(b"", bytes(4), order)
    later = short(0x00300010, b"LO", b"", order=order) if behind else b""
    data = file(short(0x00290000, b"UL", b"QFQF", order=order) + group + later, order)
    report, new = clean(data)
    assert parts(report) == [("group-length", 4, 4, "correct")]
    assert new == data.replace(b"QFQF", number(len(group), order))
    assert clean(new)[0].status == "unchanged"


def test_group_lengths_in_items_of_private_sequences(clean: Clean) -> None:
    name = short(0x00080060, b"CS", b"MR")
    inside = short(0x00080000, b"UL", b"QFQF") + name + short(0x00290000, b"UL", b"\0\0\0\0")
    data = file(creator() + delimited(inside, bytes(4)))
    report, new = clean(data)
    assert parts(report) == [("group-length", 4, 4, "correct")]
    assert new == data.replace(b"QFQF", number(len(name)))


def test_a_group_length_of_another_size_is_content(clean: Clean) -> None:
    data = file(long(0x00290000, b"OB", b"QFQFQF") + creator())
    report, new = clean(data)
    assert new == data
    assert [(one.selector, one.bytes) for one in report.unclaimed] == [("(0029,0000)", 6)]


def test_a_deflated_data_set(clean: Clean) -> None:
    body = creator(HANDLED + b"\0QFQFQ") + long(0x00291010, b"OB", bytes(16), reserved=b"QF")
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(body) + packer.flush()
    start = meta(DEFLATED)
    report, new = clean(start + packed + b"\0" * (len(packed) % 2))
    assert parts(report) == [("reserved", 2, 2, "null")]
    inflated = zlib.decompressobj(-15).decompress(new[len(start) :])
    assert inflated == body.replace(b"QFQFQ", bytes(5)).replace(b"QF", b"\0\0")


PRIVATE = short(0x00020100, b"UI", b"1.2.3.4\0") + long(0x00020102, b"OB", b"QFQFQFQF", reserved=b"RS")


def test_private_information_is_reported(clean: Clean) -> None:
    data = file(creator(), more=PRIVATE)
    report, new = clean(data)
    assert not report.vouched
    assert [(one.selector, one.reason, one.bytes) for one in report.unclaimed] == [
        ("(0002,0100)", "unclaimed", 8),
        ("(0002,0102)", "unclaimed", 8),
    ]
    assert new == data.replace(b"RS", b"\0\0")
    assert parts(report) == [("reserved", 2, 2, "null")]


def test_private_information_is_blanked(clean: Clean) -> None:
    data = file(creator(), more=PRIVATE)
    report, new = clean(data, unclaimed="blank")
    assert report.vouched
    assert {one.selector: dict(one.edits) for one in report.elements} == {
        "(0002,0100)": {"unclaimed": 1},
        "(0002,0102)": {"unclaimed": 1},
    }
    at = data.index(b"1.2.3.4\0")
    assert new[at : at + 8] != data[at : at + 8]
    assert set(new[at : at + 8].rstrip(b"\0")) <= set(b"0123456789.")
    assert new[:at] + data[at : at + 8] + new[at + 8 :] == data.replace(b"QF", b"\0\0").replace(
        b"RS", b"\0\0"
    )
    assert clean(new, unclaimed="blank")[0].status == "unchanged"


def test_private_information_is_refused(clean: Clean) -> None:
    with pytest.raises(CsacleanError, match="2 private elements"):
        clean(file(creator(), more=PRIVATE), unclaimed="fail")


def test_private_information_in_mixed_meta_information(clean: Clean) -> None:
    more = plain(0x00020016, b"AETITLE ") + long(0x00020102, b"OB", b"", reserved=b"QF")
    data = file(creator(), more=more)
    report, new = clean(data)
    assert ("reserved", 2, 2, "null") in parts(report)
    assert new == data.replace(b"QF", b"\0\0")
