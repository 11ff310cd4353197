"""Fills: as long as what they replace, the same for every value of a shape, and readable by every reader."""

import re
import warnings

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pydicom._uid_dict import UID_dictionary

from csaclean.policy.fills import FORMS, NUMBER, fill
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag

EVERY_FORM = [*FORMS, "a form that nobody has heard of"]
NULS = ("binary-number", "opaque", "trash", "utf16")
"""Forms whose fill holds NULs: they are no text."""
_DECIMALS = st.from_regex(
    rb" {0,3}[+-]?(\d{1,9}\.?\d{0,9}|\.\d{1,9})([eE][+-]?\d{1,2})? {0,4}", fullmatch=True
)
_INTEGERS = st.from_regex(rb" {0,3}[+-]?\d{1,12} {0,4}", fullmatch=True)
_VALUES = (
    st.binary(min_size=1, max_size=80) | _DECIMALS | _INTEGERS | st.sampled_from((b"20240131", b"M", b"2"))
)


@pytest.mark.parametrize("form", EVERY_FORM)
@given(old=_VALUES)
def test_a_fill_is_as_long_as_the_value(form: str, old: bytes) -> None:
    assert len(fill(form, old)) == len(old)


@pytest.mark.parametrize("form", EVERY_FORM)
def test_a_fill_of_nothing_is_nothing(form: str) -> None:
    assert fill(form, b"") == b""


@pytest.mark.parametrize("form", EVERY_FORM)
@given(old=_VALUES)
def test_filling_twice_is_filling_once(form: str, old: bytes) -> None:
    once = fill(form, old)
    assert fill(form, once) == once


@pytest.mark.parametrize("form", [form for form in EVERY_FORM if form not in NULS])
@given(old=_VALUES.filter(lambda value: b"\0" not in value))
def test_the_fill_of_a_text_makes_no_nul(form: str, old: bytes) -> None:
    assert b"\0" not in fill(form, old)


@pytest.mark.parametrize("form", EVERY_FORM)
@given(a=st.text("ghixyz", min_size=1, max_size=20), b=st.text("ghixyz", min_size=1, max_size=20))
def test_texts_of_one_length_get_one_fill(form: str, a: str, b: str) -> None:
    size = min(len(a), len(b))
    assert fill(form, a[:size].encode()) == fill(form, b[:size].encode())


@pytest.mark.parametrize("form", ["number", "integer", "date", "letter-code", "text"])
@given(digits=st.text("0123456789", min_size=1, max_size=20), others=st.data())
def test_digits_of_one_length_get_one_fill(form: str, digits: str, others: st.DataObject) -> None:
    size = len(digits)
    other = others.draw(st.text("0123456789", min_size=size, max_size=size))
    assert fill(form, digits.encode()) == fill(form, other.encode())


@pytest.mark.parametrize("form", EVERY_FORM)
@given(old=st.text("ABCDEFGHIJKLMNOPQRSTUVW", min_size=4, max_size=40))
def test_nothing_of_a_text_is_left(form: str, old: str) -> None:
    new = fill(form, old.encode()).decode()
    assert not set(old) & set(new) - {"O"}


@given(_DECIMALS)
def test_the_fill_of_a_decimal_is_a_decimal_zero(old: bytes) -> None:
    new = fill("number", old)
    assert NUMBER.fullmatch(new)
    assert float(new) == 0


@given(_INTEGERS)
def test_the_fill_of_an_integer_is_zero(old: bytes) -> None:
    assert int(fill("integer", old)) == 0


@given(_INTEGERS)
def test_the_fill_of_a_number_without_a_point_is_an_integer(old: bytes) -> None:
    assert int(fill("number", old)) == 0


@given(st.binary(min_size=1, max_size=40))
def test_the_fill_of_a_number_that_is_none_tells_nothing(old: bytes) -> None:
    """Of several parts between backslashes each is filled for itself."""
    parts = old.split(b"\\")
    if not any(NUMBER.fullmatch(part) or part[:2].lower() == b"0x" for part in parts):
        assert fill("number", old) == fill("text", old)


@given(st.integers(1, 80))
def test_an_integer_field_keeps_its_width(size: int) -> None:
    assert fill("integer", b"7" * size) == b"0".ljust(size)


@pytest.mark.parametrize("old", [b"20240131", b"19000101", b"00000000", b"JJJJMMTT"])
def test_the_fill_of_a_date_is_the_first_of_january_1900(old: bytes) -> None:
    assert fill("date", old) == b"19000101"


@pytest.mark.parametrize(("old", "new"), [(b"1", b"0"), (b"M", b"O"), (b"012", b"000"), (b"FEM", b"OOO")])
def test_a_code_stays_a_digit_or_a_letter(old: bytes, new: bytes) -> None:
    assert fill("letter-code", old) == new


def test_separators_and_line_ends_of_a_text_stay() -> None:
    assert fill("text", b"Doe^J\\Roe\r\n\tsecond") == b"XXXXX\\XXX\r\n\tXXXXXX"


@given(st.from_regex(r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){1,6}", fullmatch=True))
def test_the_fill_of_a_uid_is_a_uid(old: str) -> None:
    """Fills are valid for form and VR."""
    new = fill("uid", old.encode())
    assert re.fullmatch(rb"(0|[1-9]\d*)(\.(0|[1-9]\d*))*", new)


@pytest.mark.parametrize(
    ("vr", "form", "old"),
    [
        ("IS", "integer", b"72      "),
        ("IS", "integer", b"-00012  "),
        ("UL", "integer", b"4095    "),
        ("SS", "integer", b"+0      "),
        ("DS", "number", b"384.85549500"),
        ("FD", "number", b"-1.5e-3"),
        ("FL", "number", b".5"),
        ("IS", "number", b"72"),
        ("US", "number", b"+7"),
        ("LO", "text", b"NUMARIS/4"),
    ],
)
def test_nibabel_reads_a_header_with_the_fill(vr: str, form: str, old: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader
    new = fill(form, old)
    header = CsaHeader.build((CsaTag.build("Before", "IS", [b"1"]), CsaTag.build("Field", vr, [new])))
    (item,) = csareader.read(csa.encode(header))["tags"]["Field"]["items"]
    if isinstance(item, str):
        assert item.encode() == new
    else:
        assert item == 0


@given(st.binary(min_size=2, max_size=16))
def test_the_fill_of_a_binary_number_is_zero(old: bytes) -> None:
    """In every number format of DICOM; and no byte of the old number stays."""
    assert fill("binary-number", old) == bytes(len(old))


class TestUids:
    def test_digits_become_ones_and_dots_stay(self) -> None:
        assert fill("uid", b"1.3.12.2.1107.5") == b"1.1.11.1.1111.1"

    def test_what_the_standard_registers_stays(self) -> None:
        assert fill("uid", b"1.2.840.10008.5.1.4.1.1.4") == b"1.2.840.10008.5.1.4.1.1.4"

    def test_every_one_that_pydicom_knows_of_the_standard_stays(self) -> None:
        uids = [uid.encode() for uid in UID_dictionary if uid.startswith("1.2.840.10008.")]
        assert len(uids) > 400
        assert [uid for uid in uids if fill("uid", uid) != uid] == []

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"1.2.840.10008.771234509", b"1.1.111.11111.111111111"),
            (b"1.2.840.10008.5.123456", b"1.1.111.11111.1.111111"),
            (b"1.2.840.10008.77.1203", b"1.1.111.11111.11.1111"),
            (b"1.2.840.10008.5.1.4.1.1.4.7712", b"1.1.111.11111.1.1.1.1.1.1.1111"),
            (b"1.2.840.10008", b"1.1.111.11111"),
            (b"1.2.840.10008" + b".5" * 11, b"1.1.111.11111" + b".1" * 11),
        ],
    )
    def test_what_the_standard_does_not_register_is_filled(self, old: bytes, new: bytes) -> None:
        assert fill("uid", old) == new

    def test_each_of_several_is_filled_for_itself(self) -> None:
        assert fill("uid", b"1.2.840.10008.1.2\\1.2.3") == b"1.2.840.10008.1.2\\1.1.1"

    def test_what_is_none_is_text(self) -> None:
        assert fill("uid", b"1.2.840.10008.name") == b"X" * 18


class TestOtherForms:
    def test_character_codes_keep_their_widths(self) -> None:
        assert fill("codes", b"84,114,97,0,9") == b"88,120,88,0,0"

    def test_utf16_keeps_line_ends_and_nuls(self) -> None:
        assert fill("utf16", "Ab\r\n\0\u00fc".encode("utf-16-le")) == "XX\r\n\0X".encode("utf-16-le")

    def test_the_odd_byte_of_utf16_is_nulled(self) -> None:
        assert fill("utf16", b"A\0B") == b"X\0\0"

    def test_a_uuid_keeps_its_dashes(self) -> None:
        assert fill("hex", b"0a1B-ffee") == b"0000-0000"

    def test_a_name_keeps_its_punctuation(self) -> None:
        assert fill("name", b"sDoe.atName[12]") == b"XXXX.XXXXXX[XX]"

    def test_opaque_and_blank_are_nuls_and_spaces(self) -> None:
        assert (fill("opaque", b"ab"), fill("blank", b"ab")) == (b"\0\0", b"  ")
