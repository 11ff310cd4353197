"""The texts of Phoenix structured reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.model import Kind
from csaclean_handlers.siemens.phoenixzip import layout_phoenix_zip, layout_sr_message
from tests.siemens.protocol_samples import fields, filled


def record(tag: str, vr: str, value: str) -> bytes:
    return f"{tag}{vr}{len(value):04d}{value}".encode("latin-1")


def blank(value: bytes) -> bytes:
    return b" " * len(value)


class TestAnSrMessage:
    def test_is_a_field_a_record_formed_by_its_vr(self) -> None:
        value = (
            record("00990005", "LO", "eng")
            + record("00990006", "UI", "1.2.3")
            + record("00990007", "DA", "20010203")
            + record("00990008", "IS", "12")
            + record("00990009", "LO", "")
            + b"\0"
        )
        assert fields(layout_sr_message(value)) == [
            ("record", "text"),
            ("record", "uid"),
            ("record", "date"),
            ("record", "number"),
        ]
        assert layout_sr_message(value).stops[-1] == len(value)

    def test_has_dead_bytes_behind_its_nul(self) -> None:
        value = record("00990005", "LO", "eng") + b"\0behind"
        assert layout_sr_message(value).kinds[-1] == Kind.DEAD

    @pytest.mark.parametrize(
        "value",
        [b"Doe", b"00990005LO0004eng", b"00990005ZZ0003eng", b"00990005LO0003engx", b"00990005lo0003eng"],
    )
    def test_that_is_not_made_of_records_is_one_field(self, value: bytes) -> None:
        assert fields(layout_sr_message(value + b"\0")) == [("message", "blank")]

    @given(
        st.lists(
            st.tuples(st.sampled_from(["LO", "UI", "DA", "IS"]), st.text("aX1. \xe9", max_size=9)), max_size=5
        )
    )
    def test_is_laid_out_as_before_once_filled(self, contents: list[tuple[str, str]]) -> None:
        value = b"".join(record("00990005", vr, text) for vr, text in contents) + b"\0"
        layout = layout_sr_message(value)
        assert list(layout_sr_message(filled(value, layout, lambda span: True, "text"))) == list(layout)

    @given(st.binary(max_size=40))
    def test_of_any_bytes_is_laid_out(self, value: bytes) -> None:
        layout = layout_sr_message(value)
        assert (layout.stops[-1] if layout.stops else 0) == len(value)


class TestAPhoenixZip:
    def test_is_one_field_up_to_its_nul(self) -> None:
        value = b"<EdfRoot>\xb5</EdfRoot>\r\n\0host"
        assert [(span.kind, span.path, span.form) for span in layout_phoenix_zip(value)] == [
            (Kind.VALUE, "Edf", "blank"),
            (Kind.STRUCTURE, "", ""),
            (Kind.DEAD, "", ""),
        ]

    def test_is_laid_out_as_before_once_blank(self) -> None:
        value = b"<EdfRoot></EdfRoot>\0"
        layout = layout_phoenix_zip(value)
        assert list(layout_phoenix_zip(blank(value[:-1]) + b"\0")) == list(layout)

    def test_may_be_empty(self) -> None:
        assert len(layout_phoenix_zip(b"")) == 0
