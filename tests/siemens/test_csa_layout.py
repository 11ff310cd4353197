"""What each byte of a CSA element is."""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from csaclean.errors import MalformedValue
from csaclean.model import Kind, Layout, Span
from csaclean.policy.fills import UNKNOWN_FORMS
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag, Variant
from csaclean_handlers.siemens.csa_layout import layout_csa
from phantom_csa import (
    FOREIGN,
    PATIENT_RECORD,
    PATIENT_WEIGHT,
    DeadRange,
    image_header,
    second_magic_zeroed,
    series_header,
    swapped,
    with_canaries,
)
from tests.siemens.independent_csa import (
    PlainTag,
    dead_bytes,
    read_items,
    write_csa1_gdcm,
    write_csa1_spm,
    write_csa2,
)
from tests.siemens.layout_laws import assert_covers, fields
from tests.siemens.samples import (
    REAL_FILES,
    element,
    headers,
    inner_layout,
    kind_of_bytes,
    real_blobs,
    registry,
    untimed,
)


def _header(*tags: CsaTag) -> bytes:
    return csa.encode(CsaHeader.build(tags))


def _dead(layout: Layout) -> frozenset[int]:
    return frozenset(offset for offset, kind in enumerate(kind_of_bytes(layout)) if kind is Kind.DEAD)


def _offsets(ranges: Sequence[DeadRange]) -> frozenset[int]:
    return frozenset(offset for dead in ranges for offset in range(dead.start, dead.stop))


class TestSpansCoverTheValue:
    @pytest.mark.parametrize("path", REAL_FILES)
    def test_of_real_headers(self, path: Path) -> None:
        for blob in real_blobs(path):
            try:
                layout = layout_csa(blob)
            except MalformedValue:
                assert path.name == "csa_str_1001n_items.bin"  # made to be refused: it has no trailer
                continue
            if not layout.is_foreign:
                assert_covers(layout, len(blob))

    @untimed
    @given(headers(), st.binary(max_size=9), st.sampled_from([write_csa2, write_csa1_gdcm, write_csa1_spm]))
    def test_of_made_up_headers(
        self, tags: list[PlainTag], more: bytes, write: Callable[[list[PlainTag]], bytes]
    ) -> None:
        blob = write(tags) + more
        assert_covers(layout_csa(blob), len(blob))

    @untimed
    @given(headers())
    def test_of_swapped_headers_and_of_the_row_inside(self, tags: list[PlainTag]) -> None:
        inner = write_csa2(tags)
        blob = swapped(inner)
        layout = layout_csa(blob)
        assert_covers(layout, len(blob))
        (span,) = layout
        assert span.view is not None
        assert span.view.inner == inner
        assert_covers(inner_layout(layout), len(inner))


class TestDeadBytesAreKnownToTheByte:
    @pytest.mark.parametrize("path", REAL_FILES)
    def test_of_real_headers_as_the_second_reader_finds_them(self, path: Path) -> None:
        for blob in real_blobs(path):
            if blob.startswith(b"SV10") and path.name != "csa_str_1001n_items.bin":
                assert _dead(layout_csa(blob)) == dead_bytes(blob)

    @untimed
    @given(headers(), st.binary(min_size=4, max_size=12))
    @example([PlainTag(b"B_value", bytes(56), 0, b"UN", b"\0", 0, (b"\0DOE", b"1\0DOE"), bytes(4))], bytes(4))
    @example([PlainTag(b"Unknown", bytes(56), 0, b"UN", b"\0", 0, (b"\0DOE", b"1\0DOE"), bytes(4))], bytes(4))
    def test_of_made_up_csa2_headers_as_the_second_reader_finds_them(
        self, tags: list[PlainTag], trailer: bytes
    ) -> None:
        blob = write_csa2(tags, trailer)
        assert _dead(layout_csa(blob)) == dead_bytes(blob)

    @pytest.mark.parametrize("variant", Variant)
    @pytest.mark.parametrize("make", [image_header, series_header], ids=["image", "series"])
    @pytest.mark.parametrize("value_tail", [0, 1, 2, 3, 4, 17])
    def test_of_phantoms_every_canary_and_nothing_else(
        self, make: Callable[[Variant], CsaHeader], variant: Variant, value_tail: int
    ) -> None:
        blob, ranges = with_canaries(make(variant), value_tail=value_tail)
        assert _dead(layout_csa(blob)) == _offsets(ranges)

    def test_no_byte_of_structure_is_dead_where_names_fill_their_field(self) -> None:
        tag = PlainTag(b"N" * 63, b"", 1, b"IS", b"\xe1", 6, (b"4       \0",))
        layout = layout_csa(write_csa2([tag]))
        start = 16
        kinds = kind_of_bytes(layout)
        assert kinds[start + 63] is Kind.STRUCTURE
        assert kinds[start + 64 : start + 71] == [Kind.STRUCTURE] * 7
        assert kinds[start + 71] is Kind.DEAD


class TestFields:
    def test_a_number_is_a_value_and_its_nul_is_structure(self) -> None:
        blob = _header(CsaTag.build("B_value", "IS", [b"1000    "]))
        (item, *_) = read_items(blob)
        spans = [span for span in layout_csa(blob) if item.start - 1 <= span.start < item.end]
        assert spans[0] == Span(item.start, item.stop - 1, Kind.VALUE, "B_value", "integer")
        assert (spans[1].kind, spans[1].start, spans[1].stop) == (Kind.STRUCTURE, item.stop - 1, item.stop)
        assert spans[2].kind is Kind.DEAD

    @pytest.mark.parametrize(
        ("vr", "text", "form"),
        [
            ("IS", b"4       ", "integer"),
            ("SL", b"-1252   ", "integer"),
            ("SS", b"+0      ", "integer"),
            ("UL", b"4095    ", "integer"),
            ("US", b"4       ", "integer"),
            ("DS", b"40.00000000", "number"),
            ("FD", b"-0.60000000", "number"),
            ("FL", b"1e-05", "number"),
            ("UI", b"2.25.1", "uid"),
            ("CS", b"NONE", "text"),
            ("LO", b"X_1_1", "text"),
            ("LT", b"x", "text"),
            ("SH", b"x", "text"),
            ("ST", b"x", "text"),
            ("UN", b"x", "text"),
            ("UT", b"x", "text"),
        ],
    )
    def test_the_form_follows_from_the_vr(self, vr: str, text: bytes, form: str) -> None:
        blob = _header(CsaTag.build("ImageGroup", vr, [text]))
        assert fields(blob, layout_csa(blob)) == [("ImageGroup", form, text)]

    @pytest.mark.parametrize("vr", ["IS", "SL", "SS", "UL", "US", "DS", "FD", "FL"])
    @pytest.mark.parametrize("text", [b"DOE^JANE", b"19 670", b"1.2.3", b"0x1F", b"--1"])
    def test_a_numeric_tag_that_holds_other_text_is_text(self, vr: str, text: bytes) -> None:
        blob = _header(CsaTag.build("ImageGroup", vr, [text]))
        assert fields(blob, layout_csa(blob)) == [("ImageGroup", "text", text)]

    def test_all_items_of_a_tag_have_one_path(self) -> None:
        blob = _header(CsaTag.build("B_matrix", "FD", [b"%d.0" % n for n in range(6)], vm=6))
        assert [path for path, _, _ in fields(blob, layout_csa(blob))] == ["B_matrix"] * 6

    def test_a_value_without_nul_is_live_throughout_and_noted(self) -> None:
        tag = PlainTag(b"ICE_Dims", bytes(55), 1, b"LO", b"\0", 19, (b"X_1_1",))
        blob = write_csa2([tag])
        layout = layout_csa(blob)
        assert fields(blob, layout) == [("ICE_Dims", "text", b"X_1_1")]
        assert "value-without-nul" in layout.notes

    def test_data_beyond_the_vm_is_live_and_noted(self) -> None:
        tag = PlainTag(
            b"B_value", bytes(56), 1, b"IS", b"\0", 6, (b"1       \0", b"2       \0", b"", b"", b"", b"")
        )
        blob = write_csa2([tag])
        layout = layout_csa(blob)
        assert [value for _, _, value in fields(blob, layout)] == [b"1       ", b"2       "]
        assert "data-beyond-vm" in layout.notes

    def test_a_vm_of_zero_means_any_number(self) -> None:
        tag = PlainTag(
            b"B_value", bytes(56), 0, b"IS", b"\0", 6, (b"1       \0", b"2       \0", b"", b"", b"", b"")
        )
        assert "data-beyond-vm" not in layout_csa(write_csa2([tag])).notes

    def test_a_value_that_begins_with_a_nul_has_no_field_and_the_rest_is_dead(self) -> None:
        tag = PlainTag(b"ICE_Dims", bytes(55), 1, b"LO", b"\0", 19, (b"\0hidden",))
        blob = write_csa2([tag])
        (item,) = read_items(blob)
        assert not fields(blob, layout_csa(blob))
        assert set(range(item.start + 1, item.end)) <= _dead(layout_csa(blob))


class TestUnknown:
    """What no grammar accounts for is a field of a form that nobody vouches for."""

    def test_the_name_of_an_unknown_tag_is_a_name_without_path_and_so_are_its_values(self) -> None:
        blob = _header(CsaTag.build("DoeJaneTag", "LO", [b"value"]))
        layout = layout_csa(blob)
        assert fields(blob, layout) == [("?", "name", b"DoeJaneTag"), ("?", "text", b"value")]
        assert {"name"} <= UNKNOWN_FORMS
        assert "unknown-tag-name" in layout.notes
        assert "DoeJane" not in repr((layout, layout.notes, list(layout)))

    def test_a_known_name_is_structure(self) -> None:
        layout = layout_csa(_header(CsaTag.build("B_value", "IS")))
        assert kind_of_bytes(layout)[16 : 16 + len("B_value") + 1] == [Kind.STRUCTURE] * 8
        assert not layout.notes

    def test_a_known_name_with_anything_added_is_unknown(self) -> None:
        layout = layout_csa(_header(CsaTag.build("B_value ", "IS")))
        assert "unknown-tag-name" in layout.notes

    def test_a_name_without_nul_is_one_to_its_last_byte_and_noted(self) -> None:
        blob = write_csa2([PlainTag(b"N" * 64, b"", 1, b"IS", b"\0", 6, ())])
        layout = layout_csa(blob)
        assert fields(blob, layout) == [("?", "name", b"N" * 64)]
        assert "name-without-nul" in layout.notes

    def test_a_binary_value_of_vr_un_is_opaque(self) -> None:
        value = b"ab\0cd\0\0\1"
        blob = write_csa2([PlainTag(b"PixelFile", bytes(54), 1, b"UN", b"\0", 0, (value,))])
        layout = layout_csa(blob)
        assert fields(blob, layout) == [("PixelFile", "opaque", value)]
        assert {"opaque"} <= UNKNOWN_FORMS
        assert "binary-value" in layout.notes

    @pytest.mark.parametrize("value", [b"\0\1", b"ab\0cd", b"\0\0\1"])
    def test_a_nulled_binary_value_is_laid_out_as_the_value_was(self, value: bytes) -> None:
        def laid_out(content: bytes) -> list[Span]:
            blob = write_csa2([PlainTag(b"PixelFile", bytes(54), 1, b"UN", b"\0", 0, (content,))])
            return list(layout_csa(blob))

        assert laid_out(bytes(len(value))) == laid_out(value)

    def test_a_value_of_vr_un_that_ends_in_nuls_is_text(self) -> None:
        blob = write_csa2([PlainTag(b"PixelFile", bytes(54), 1, b"UN", b"\0", 0, (b"ab\0\0\0",))])
        assert fields(blob, layout_csa(blob)) == [("PixelFile", "text", b"ab")]

    @pytest.mark.parametrize(
        "name", ["MrPhoenixProtocol", "MrProtocol", "MrEvaProtocol", "PhoenixZIP", "SrMsgBuffer"]
    )
    def test_what_follows_the_nul_of_a_protocol_text_is_dead(self, name: str) -> None:
        raw = name.encode()
        blob = write_csa2([PlainTag(raw, bytes(63 - len(raw)), 1, b"UN", b"\0", 0, (b"text\n\0stale",))])
        (item,) = read_items(blob)
        layout = layout_csa(blob)
        assert kind_of_bytes(layout)[item.stop - 5 : item.stop] == [Kind.DEAD] * 5
        assert not {span.form for span in layout} & UNKNOWN_FORMS


class TestPatientRecord:
    def test_each_of_its_eight_parts_is_a_field_and_each_semicolon_structure(self) -> None:
        blob = _header(CsaTag.build("PatReinPattern", "ST", [PATIENT_RECORD]))
        layout = layout_csa(blob)
        parts = PATIENT_RECORD.split(b";")
        assert [(path, value) for path, _, value in fields(blob, layout)] == [
            (f"PatReinPattern/{number}", part) for number, part in enumerate(parts, 1)
        ]
        start = blob.index(PATIENT_RECORD)
        kinds = kind_of_bytes(layout)
        assert all(
            kinds[start + offset] is (Kind.STRUCTURE if byte == ord(";") else Kind.VALUE)
            for offset, byte in enumerate(PATIENT_RECORD)
        )

    @pytest.mark.parametrize(
        "record",
        [
            b"1;HFS;72.50;34.00;2;0;2;-123456789",
            b"1;FFDR;100.00;0.00;1;0;0;0",
            b"1;HFP;3.25;45.1234;3;0;2;2147483647",
            b"1;HFDL;72.50;;M;0;2;-1",
            b"1;HFS;;;;0;0;1",
        ],
    )
    def test_shapes_that_scanners_write_are_known(self, record: bytes) -> None:
        blob = _header(CsaTag.build("PatReinPattern", "ST", [record]))
        assert "PatReinPattern/other" not in {path for path, _, _ in fields(blob, layout_csa(blob))}

    @pytest.mark.parametrize(
        "record",
        [
            b"DOE^JANE",
            b"1;HFS;72.50;34.00;2;0;2",
            b"1;HFS;72.50;34.00;2;0;2;5;DOE",
            b"1;DOE;72.50;34.00;2;0;2;5",
            b"1;HFS;72,50;34.00;2;0;2;5",
            b"1;HFS;72.50;34.00;female;0;2;5",
            b"1;HFS;72.50;34.00;2;0;2;12 34",
            b"19670203;HFS;72.50;34.00;2;0;2;5",
            b"1;HFS;72.50;34.00;2;19670203;2;5",
            b"1;HFS;72.50;34.00;2;0;19670203;5",
        ],
        ids=[
            "one-part",
            "seven-parts",
            "nine-parts",
            "other-position",
            "decimal-comma",
            "sex-as-a-word",
            "blank-in-the-number",
            "long-first-part",
            "long-sixth-part",
            "long-seventh-part",
        ],
    )
    def test_another_shape_is_unknown_throughout(self, record: bytes) -> None:
        blob = _header(CsaTag.build("PatReinPattern", "ST", [record]))
        assert {path for path, _, _ in fields(blob, layout_csa(blob))} == {"PatReinPattern/other"}

    def test_the_weight_of_the_series_header_is_a_field_of_its_own(self) -> None:
        blob = _header(CsaTag.build("UsedPatientWeight", "IS", [PATIENT_WEIGHT]))
        assert fields(blob, layout_csa(blob)) == [("UsedPatientWeight", "integer", PATIENT_WEIGHT)]


class TestVariants:
    @pytest.mark.parametrize("variant", [Variant.CSA1, Variant.CSA1_SPM])
    def test_csa1_is_noted_and_has_the_fields_that_csa2_has(self, variant: Variant) -> None:
        blob = csa.encode(series_header(variant))
        layout = layout_csa(blob)
        assert "csa1" in layout.notes
        csa2 = csa.encode(series_header())
        expected = [(path, form) for path, form, _ in fields(csa2, layout_csa(csa2))]
        assert [(path, form) for path, form, _ in fields(blob, layout)] == expected

    def test_a_csa1_trailer_of_another_size_is_noted_and_dead(self) -> None:
        blob = csa.encode(image_header(Variant.CSA1))[:-100]
        layout = layout_csa(blob)
        assert "trailer-size" in layout.notes
        assert kind_of_bytes(layout)[-12:] == [Kind.DEAD] * 12

    def test_bytes_behind_the_trailer_are_noted_and_dead(self) -> None:
        blob = csa.encode(image_header()) + b"stale"
        layout = layout_csa(blob)
        assert "bytes-after-trailer" in layout.notes
        assert kind_of_bytes(layout)[-9:] == [Kind.DEAD] * 9

    def test_zeros_in_place_of_the_second_magic_word_change_nothing(self) -> None:
        blob = csa.encode(image_header())
        zeroed = second_magic_zeroed(blob)
        assert list(layout_csa(zeroed)) == list(layout_csa(blob))

    def test_any_other_second_magic_word_is_an_error(self) -> None:
        blob = csa.encode(image_header())
        with pytest.raises(MalformedValue):
            layout_csa(blob[:4] + b"\4\3\2\2" + blob[8:])

    def test_a_swapped_header_is_a_view_of_the_header(self) -> None:
        inner = csa.encode(series_header())
        (span,) = layout_csa(swapped(inner))
        assert span.kind is Kind.VIEW
        assert span.view is not None
        assert span.view.codec.name == "swap16"
        assert list(inner_layout(layout_csa(swapped(inner)))) == list(layout_csa(inner))

    def test_a_swapped_header_of_odd_length_is_an_error(self) -> None:
        with pytest.raises(MalformedValue):
            layout_csa(swapped(csa.encode(series_header())) + b"\0")

    def test_what_is_remarkable_in_a_swapped_header_is_noted_too(self) -> None:
        blob = swapped(_header(CsaTag.build("DoeJaneTag", "LO", [b"value"])))
        assert "unknown-tag-name" in layout_csa(blob).notes

    @pytest.mark.parametrize("size", [1, 2, 3, 16, 4096])
    def test_zeros_alone_are_dead(self, size: int) -> None:
        assert list(layout_csa(bytes(size))) == [Span(0, size, Kind.DEAD)]

    def test_an_empty_element_has_no_spans(self) -> None:
        layout = layout_csa(b"")
        assert len(layout) == 0
        assert not layout.is_foreign

    @pytest.mark.parametrize("name", FOREIGN)
    def test_other_payloads_are_foreign(self, name: str) -> None:
        assert layout_csa(FOREIGN[name]).is_foreign

    @pytest.mark.parametrize(
        "blob",
        [
            b"!INTERFILE :=\n" + bytes(200),
            b'<?xml version="1.0" encoding="utf-8"?>' + bytes(200),
            b"<pds><ipr name=PET_REPLAY_PARAM>" + bytes(200),
            b"\6\0\0\0" + struct.pack("<HH", 0, 2) + bytes(200),
            struct.pack("<2I", 101, 281683) + b"Name" + bytes(300),
            struct.pack("<2I", 129, 77) + b"Name" + bytes(300),
            struct.pack("<2I", 1, 77) + b"short",
        ],
        ids=["interfile", "xml", "pds", "ct", "check-word-281683", "129-tags", "csa1-without-a-record"],
    )
    def test_what_only_begins_like_a_header_or_not_at_all_is_foreign(self, blob: bytes) -> None:
        assert layout_csa(blob).is_foreign

    def test_foreign_content_is_never_confused_with_nothing(self) -> None:
        assert not layout_csa(bytes(100)).is_foreign
        assert layout_csa(bytes(99) + b"\1").is_foreign

    def test_the_byte_order_of_the_data_set_does_not_matter(self) -> None:
        blob, _ = with_canaries(series_header())
        handler = registry().registered[0].handler
        assert list(handler.layout(element(blob, order=">"))) == list(
            handler.layout(element(blob, order="<"))
        )


class TestConstantsAreChecked:
    """A constant that no scanner writes makes the value malformed."""

    @pytest.mark.parametrize(
        ("offset", "new"),
        [
            (64, struct.pack("<i", -1)),
            (64, struct.pack("<i", 10_001)),
            (68, b"XX\0"),
            (68, b"ISx"),
            (72, struct.pack("<i", 1)),
            (76, struct.pack("<i", -1)),
            (76, struct.pack("<i", 10_001)),
            (80, struct.pack("<i", 78)),
            (84 + 8, struct.pack("<i", 78)),
        ],
        ids=[
            "vm-negative",
            "vm-huge",
            "vr",
            "vr-nul",
            "type",
            "items-negative",
            "items-huge",
            "mark",
            "item-mark",
        ],
    )
    def test_in_csa2(self, offset: int, new: bytes) -> None:
        blob = bytearray(csa.encode(image_header()))
        blob[16 + offset : 16 + offset + len(new)] = new
        with pytest.raises(MalformedValue):
            layout_csa(bytes(blob))

    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_a_part_of_a_csa2_trailer_is_an_error(self, size: int) -> None:
        blob = csa.encode(image_header())
        with pytest.raises(MalformedValue):
            layout_csa(blob[: len(blob) - 4 + size])
