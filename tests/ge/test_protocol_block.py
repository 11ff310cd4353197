"""The protocol data block: its gzip member, its lines, and what is refused."""

import struct

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.codecs.gzip import CODEC
from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.model import Kind
from csaclean_handlers.ge.protocol_block import CAP, layout_protocol_block, layout_protocol_text
from phantom_ge import EXAM_NAME, KEYS, protocol_block, protocol_text, xml_protocol
from tests.ge.samples import BLOCK, layout, nested


def lines(text: bytes) -> list[tuple[str, str, bytes]]:
    return [
        (span.path, span.form, text[span.start : span.stop])
        for span in layout_protocol_text(text)
        if span.kind is Kind.VALUE
    ]


def test_each_value_is_a_field_of_its_key() -> None:
    assert lines(b'TE "30.0"\nSEDESC "a b"\n') == [
        ("PDB/TE", "text", b"30.0"),
        ("PDB/SEDESC", "text", b"a b"),
    ]


def test_keys_may_be_set() -> None:
    assert lines(b'set TE "30.0"\n') == lines(b'TE "30.0"\n')


def test_an_unknown_key_is_a_name_that_the_file_gives() -> None:
    assert lines(b'DOE "1"\n') == [("PDB/?", "name", b"DOE"), ("PDB/?", "text", b"1")]


@pytest.mark.parametrize(
    "line", [b"no key at all", b"TE 30.0", b'"TE" "30.0"', b' TE "30.0"', b'TE"30.0"', b'set TE\t"30.0" Doe']
)
def test_a_line_of_another_shape_is_one_field(line: bytes) -> None:
    assert lines(line + b"\n") == [("PDB/line", "text", line)]


def test_a_value_may_hold_quotes_and_any_bytes() -> None:
    assert lines(b'NOTES "a "b" \xe9\0"\n') == [("PDB/NOTES", "text", b'a "b" \xe9\0')]


def test_lines_may_end_in_cr_lf_and_the_last_in_nothing() -> None:
    assert lines(b'TE "30.0"\r\nTR "1.0"') == [("PDB/TE", "text", b"30.0"), ("PDB/TR", "text", b"1.0")]


def test_in_xml_every_content_is_text_and_every_name_one_that_the_file_gives() -> None:
    found = lines(xml_protocol("Doe"))
    assert ("PDB/XML/SLICEORDER", "text", b"1") in found
    assert ("PDB/XML/?", "name", b"Note") in found
    assert {form for _, form, old in found if b"Doe" in old} == {"text"}


def test_numbers_and_words_of_the_user_interface_stand() -> None:
    found = nested(protocol_block())
    standing = {path for path, (form, _) in found.items() if form == "code"}
    assert {
        "PDB/TE",
        "PDB/SLICEORDER",
        "PDB/PSEQ",
        "PDB/IOPT",
        "PDB/POSITION",
        "PDB/SLOC1",
        "PDB/GRIP_SLGROUP1",
    } <= standing
    assert not standing & {"PDB/SEDESC", "PDB/NOTES", "PDB/RXMBLOB", "PDB/PDGMSTR", "PDB/PDGMUID", "PDB/COIL"}


@pytest.mark.parametrize("key", [key for key, _ in KEYS])
def test_a_person_stands_under_no_key(key: str) -> None:
    form, old = nested(protocol_block(protocol_text({key: "Doe^Jane"})))[f"PDB/{key}"]
    assert (form, old) == ("text", b"Doe^Jane")


def test_time_and_name_of_the_member_are_fields() -> None:
    found = nested(protocol_block(mtime=0x01020304))
    assert found["gzip/mtime"] == ("binary-number", b"\4\3\2\1")
    assert found["gzip/name"] == ("text", EXAM_NAME)


@pytest.mark.parametrize("pad", [b"", b"\0", b"Doe^Jane"])
def test_what_follows_the_member_is_dead(pad: bytes) -> None:
    block = protocol_block(pad=pad)
    dead = [block[span.start : span.stop] for span in layout(BLOCK, block) if span.kind is Kind.DEAD]
    assert b"".join(dead) == pad


def test_a_block_without_a_length_word_is_laid_out_too() -> None:
    assert nested(protocol_block(word=False, pad=b"\0")).keys() == nested(protocol_block()).keys()


@pytest.mark.parametrize("value", [b"CT01" + bytes(40), b"\x1f\x8b"])
def test_other_content_is_foreign(value: bytes) -> None:
    assert layout(BLOCK, value).is_foreign


@pytest.mark.parametrize("off", [-9, -1, 1, 2, 1 << 20])
def test_a_length_word_that_is_not_the_members_is_malformed(off: int) -> None:
    block = protocol_block(pad=b"\0")
    (size,) = struct.unpack_from("<I", block)
    with pytest.raises(MalformedValue):
        layout_protocol_block(struct.pack("<I", size + off) + block[4:])


@given(st.integers(7, 600))
def test_a_cut_block_is_malformed(size: int) -> None:
    block = protocol_block()
    with pytest.raises(MalformedValue):
        layout_protocol_block(block[: min(size, len(block) - 1)])


def test_a_text_longer_than_any_protocol_is_refused_before_it_is_inflated() -> None:
    with pytest.raises(LimitExceeded):
        layout_protocol_block(protocol_block(bytes(CAP + 1)))


_PARTS = st.sampled_from(
    [
        b"NOSLC", b"SLICEORDER", b"VIEWORDER", b"DELACQNOAV", b"SEDESC", b"set ", b"Doe", b"7", b'"', b" ", b"\t", b"\n", b"\r\n",
        b"<?xml", b"?>", b"<a>", b"</a>", b"<a/>", b"<VIEWORDER>", b"</VIEWORDER>", b"<", b">", b"&", b"\\", b"\xff",
    ]
)  # fmt: skip


@given(
    st.binary(max_size=300)
    | st.text('ATEX_ "\n', max_size=200).map(str.encode)
    | st.lists(_PARTS, max_size=40).map(b"".join)
)
def test_any_text_is_accounted_for_and_laid_out_alike_once_filled(text: bytes) -> None:
    found = layout_protocol_text(text)
    assert sum(span.stop - span.start for span in found) == len(text)
    new = bytearray(text)
    for span in found:
        if span.kind is Kind.VALUE:
            fill = bytes(b if b in b"\\\r\n\t" else ord("X") for b in text[span.start : span.stop])
            new[span.start : span.stop] = fill
    again = layout_protocol_text(bytes(new))
    assert (again.stops, again.kinds, again.fields) == (found.stops, found.kinds, found.fields)


def test_a_member_keeps_its_length_whatever_is_filled() -> None:
    block = protocol_block()
    *_, view = layout(BLOCK, block)
    assert view.view is not None
    for key, value in KEYS:
        new = view.view.inner.replace(f'{key} "{value}"'.encode(), f'{key} "{"X" * len(value)}"'.encode())
        assert len(CODEC.encode(new, block[view.start : view.stop])) == view.stop - view.start
