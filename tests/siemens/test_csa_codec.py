"""The reader and writer of CSA1 and CSA2, checked by a second writer and on real headers."""

import dataclasses
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.errors import MalformedValue
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaItem, CsaTag, Variant
from phantom_csa import image_header, second_magic_zeroed, series_header, with_canaries
from tests.siemens.independent_csa import (
    PlainTag,
    read_items,
    write_csa1_gdcm,
    write_csa1_spm,
    write_csa2,
)
from tests.siemens.samples import REAL_FILES, headers, real_blobs, untimed


def _items_aligned(tag: PlainTag) -> tuple[CsaItem, ...]:
    return tuple(
        CsaItem((n := len(value), n, 77 if n else 205, n), value, tag.junk[: -n % 4]) for value in tag.values
    )


def _items_spm(tag: PlainTag, shift: int) -> tuple[CsaItem, ...]:
    items = []
    for value in tag.values:
        if not value:
            items.append(CsaItem((0, 0, 205, 0), b"", b"" if shift else tag.junk))
            if shift:
                break
        else:
            word = len(value) + shift
            items.append(CsaItem((word, word, 77, word), value, tag.junk[: 4 - len(value) % 4]))
    return tuple(items)


def _parts(
    tags: Sequence[PlainTag], variant: Variant, trailer: bytes, magic: bytes = b"\4\3\2\1"
) -> CsaHeader:
    """Return the named parts that a reader should find in what the second writer wrote."""
    shift = len(tags[0].values)
    made = tuple(
        CsaTag(
            tag.name,
            tag.tail,
            tag.vm,
            tag.vr + b"\0",
            tag.vr_tail,
            tag.type_number,
            len(tag.values),
            77 if tag.values else 205,
            _items_spm(tag, shift) if variant is Variant.CSA1_SPM else _items_aligned(tag),
        )
        for tag in tags
    )
    return CsaHeader(variant, made, magic if variant is Variant.CSA2 else b"", trailer=trailer)


def _with_six_items(tags: list[PlainTag]) -> list[PlainTag]:
    """Return tags of which the first has six items, the first of them filled.

    With fewer than five items there are values that both rules of CSA1 walk alike, and GDCM's is taken then.
    """
    values = (b"1\0", *tags[0].values[1:6])
    return [tags[0]._replace(values=values + (b"",) * (6 - len(values))), *tags[1:]]


class TestAgainstTheSecondWriter:
    @untimed
    @given(headers(), st.binary(min_size=4, max_size=12), st.sampled_from([b"\4\3\2\1", bytes(4)]))
    def test_csa2_decodes_to_what_was_written(
        self, tags: list[PlainTag], trailer: bytes, magic: bytes
    ) -> None:
        blob = write_csa2(tags, trailer, magic)
        assert csa.decode(blob) == _parts(tags, Variant.CSA2, trailer, magic)

    @untimed
    @given(headers(), st.binary(min_size=4, max_size=12))
    def test_csa2_is_written_byte_for_byte_alike(self, tags: list[PlainTag], trailer: bytes) -> None:
        assert csa.encode(_parts(tags, Variant.CSA2, trailer)) == write_csa2(tags, trailer)

    @untimed
    @given(headers(), st.binary(min_size=112, max_size=112))
    def test_csa1_by_gdcms_rule_decodes_to_what_was_written(
        self, tags: list[PlainTag], trailer: bytes
    ) -> None:
        assert csa.decode(write_csa1_gdcm(tags, trailer)) == _parts(tags, Variant.CSA1, trailer)

    @untimed
    @given(headers(), st.binary(min_size=112, max_size=112))
    def test_csa1_by_gdcms_rule_is_written_byte_for_byte_alike(
        self, tags: list[PlainTag], trailer: bytes
    ) -> None:
        assert csa.encode(_parts(tags, Variant.CSA1, trailer)) == write_csa1_gdcm(tags, trailer)

    @untimed
    @given(headers().map(_with_six_items), st.binary(min_size=112, max_size=112))
    def test_csa1_by_spms_rule_decodes_to_what_was_written(
        self, tags: list[PlainTag], trailer: bytes
    ) -> None:
        assert csa.decode(write_csa1_spm(tags, trailer)) == _parts(tags, Variant.CSA1_SPM, trailer)

    @untimed
    @given(headers(), st.binary(min_size=112, max_size=112))
    def test_csa1_by_spms_rule_is_written_byte_for_byte_alike(
        self, tags: list[PlainTag], trailer: bytes
    ) -> None:
        assert csa.encode(_parts(tags, Variant.CSA1_SPM, trailer)) == write_csa1_spm(tags, trailer)

    def test_where_both_csa1_rules_walk_the_header_gdcms_is_taken(self) -> None:
        tag = PlainTag(b"EchoLinePosition", bytes(47), 1, b"IS", b"\0", 6, (b"4       \0",))
        assert csa.decode(write_csa1_spm([tag])).variant is Variant.CSA1


class TestRoundTrip:
    @pytest.mark.parametrize("path", REAL_FILES)
    def test_real_headers_are_written_back_as_they_were(self, path: Path) -> None:
        for blob in real_blobs(path):
            if blob.startswith(b"SV10") and _tag_count(blob) <= csa.MAX_TAGS:
                assert csa.encode(csa.decode(blob)) == blob

    @untimed
    @given(headers(), st.binary(max_size=9), st.sampled_from([write_csa2, write_csa1_gdcm, write_csa1_spm]))
    def test_made_up_headers_are_written_back_as_they_were(
        self, tags: list[PlainTag], more: bytes, write: Callable[[list[PlainTag]], bytes]
    ) -> None:
        blob = write(tags) + more
        assert csa.encode(csa.decode(blob)) == blob

    @pytest.mark.parametrize("variant", Variant)
    @pytest.mark.parametrize("make", [image_header, series_header], ids=["image", "series"])
    def test_phantoms_of_every_variant_are_written_back_as_they_were(
        self, make: Callable[[Variant], CsaHeader], variant: Variant
    ) -> None:
        blob, _ = with_canaries(make(variant))
        assert csa.encode(csa.decode(blob)) == blob
        assert csa.decode(blob).variant is variant

    def test_a_second_magic_word_of_zeros_stays(self) -> None:
        blob = second_magic_zeroed(csa.encode(image_header()))
        assert csa.encode(csa.decode(blob)) == blob


def _tag_count(blob: bytes) -> int:
    (count,) = struct.unpack_from("<I", blob, 8)
    assert isinstance(count, int)
    return count


def _difference(old: bytes, new: bytes) -> tuple[int, int]:
    """Return the range in which two runs of equal length differ."""
    assert len(old) == len(new)
    places = [offset for offset, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    return (places[0], places[-1] + 1) if places else (0, 0)


def _inverted(part: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in part)


class TestChangingOnePart:
    """Only the bytes of the part that was changed differ, to the byte."""

    @pytest.mark.parametrize("path", REAL_FILES)
    def test_a_value_of_a_real_header(self, path: Path) -> None:
        for blob in real_blobs(path):
            if not blob.startswith(b"SV10") or _tag_count(blob) > csa.MAX_TAGS:
                continue
            header = csa.decode(blob)
            places = iter(read_items(blob))
            for number, tag in enumerate(header.tags):
                for index, item in enumerate(tag.items):
                    place = next(places)
                    if not item.value or (index and number % 7):
                        continue  # every tag's first item, and all of some tags: a protocol takes a while to compare
                    items = list(tag.items)
                    items[index] = dataclasses.replace(item, value=_inverted(item.value))
                    assert _difference(blob, _encoded(header, number, items=tuple(items))) == (
                        place.start,
                        place.stop,
                    )

    @pytest.mark.parametrize("part", ["name", "name_tail", "vr_tail", "vm", "syngo_dt", "vr"])
    def test_a_part_of_a_tag_record(self, part: str) -> None:
        blob, _ = with_canaries(image_header())
        header = csa.decode(blob)
        start = 16
        places = iter(read_items(blob))
        for number, tag in enumerate(header.tags):
            size = len(tag.name)
            where = {
                "name": (start, start + size),
                "name_tail": (start + size + 1, start + 64),
                "vm": (start + 64, start + 68),
                "vr": (start + 68, start + 71),
                "vr_tail": (start + 71, start + 72),
                "syngo_dt": (start + 72, start + 76),
            }[part]
            old = getattr(tag, part)
            new = (
                _inverted(old)
                if isinstance(old, bytes)
                else old ^ (0x7FFFFFFF if part == "vm" else 0xFFFFFFFF)
            )
            low, high = _difference(blob, _encoded(header, number, **{part: new}))
            assert where[0] <= low < high <= where[1]
            start += 84
            for _ in tag.items:
                start = next(places).end

    def test_padding_and_trailer(self) -> None:
        blob, ranges = with_canaries(image_header())
        header = csa.decode(blob)
        trailer = csa.encode(dataclasses.replace(header, trailer=_inverted(header.trailer)))
        assert _difference(blob, trailer) == (ranges[-2].start, ranges[-1].stop)
        first = header.tags[0].items[0]
        items = (dataclasses.replace(first, padding=_inverted(first.padding)), *header.tags[0].items[1:])
        padding = next(dead for dead in ranges if dead.kind == "padding")
        assert _difference(blob, _encoded(header, 0, items=items)) == (padding.start, padding.stop)

    @pytest.mark.parametrize("variant", [Variant.CSA1, Variant.CSA1_SPM])
    def test_a_value_of_csa1(self, variant: Variant) -> None:
        blob, _ = with_canaries(series_header(variant))
        header = csa.decode(blob)
        for number, tag in enumerate(header.tags):
            if not tag.items or not tag.items[0].value:
                continue
            item = tag.items[0]
            items = (dataclasses.replace(item, value=_inverted(item.value)), *tag.items[1:])
            low, high = _difference(blob, _encoded(header, number, items=items))
            assert blob[low:high] == item.value


def _encoded(header: CsaHeader, number: int, **change: object) -> bytes:
    tags = list(header.tags)
    tags[number] = dataclasses.replace(tags[number], **change)  # type: ignore[arg-type]
    return csa.encode(dataclasses.replace(header, tags=tuple(tags)))


class TestEncodeRefuses:
    def test_a_value_of_another_length_than_its_words_say(self) -> None:
        header = image_header()
        item = header.tags[0].items[0]
        items = (dataclasses.replace(item, value=item.value + b"x"), *header.tags[0].items[1:])
        with pytest.raises(ValueError, match="contradicts"):
            _encoded(header, 0, items=items)

    def test_padding_that_is_not_to_the_next_multiple_of_four(self) -> None:
        header = image_header()
        item = header.tags[0].items[0]
        items = (dataclasses.replace(item, padding=item.padding + b"\0\0\0\0"), *header.tags[0].items[1:])
        with pytest.raises(ValueError, match="contradicts"):
            _encoded(header, 0, items=items)

    @pytest.mark.parametrize(
        "change", [{"name_tail": b""}, {"vr": b"IS"}, {"vr_tail": b""}], ids=lambda c: next(iter(c))
    )
    def test_a_name_or_vr_that_does_not_fill_its_field(self, change: dict[str, bytes]) -> None:
        with pytest.raises(ValueError, match="does not fill"):
            _encoded(image_header(), 0, **change)


class TestDecodeRefuses:
    @pytest.mark.parametrize("blob", [b"", b"SV1", bytes(16), b"<?xml version", b"VS01" * 40], ids=range(5))
    def test_what_has_no_signature(self, blob: bytes) -> None:
        with pytest.raises(MalformedValue):
            csa.decode(blob)

    @pytest.mark.parametrize("count", [0, csa.MAX_TAGS + 1, 0xFFFFFFFF])
    def test_a_tag_count_out_of_range(self, count: int) -> None:
        blob = csa.encode(image_header())
        with pytest.raises(MalformedValue):
            csa.decode(blob[:8] + struct.pack("<I", count) + blob[12:])

    def test_another_check_word(self) -> None:
        blob = csa.encode(image_header())
        with pytest.raises(MalformedValue):
            csa.decode(blob[:12] + struct.pack("<I", 78) + blob[16:])

    @pytest.mark.parametrize("word", [0, 1, 3])
    def test_length_words_that_differ(self, word: int) -> None:
        blob = csa.encode(image_header())
        place = read_items(blob)[0].record + 4 * word
        with pytest.raises(MalformedValue):
            csa.decode(blob[:place] + struct.pack("<i", 5) + blob[place + 4 :])

    def test_a_negative_length(self) -> None:
        blob = csa.encode(image_header())
        place = read_items(blob)[0].record
        with pytest.raises(MalformedValue):
            csa.decode(blob[:place] + struct.pack("<4i", -4, -4, 77, -4) + blob[place + 16 :])
