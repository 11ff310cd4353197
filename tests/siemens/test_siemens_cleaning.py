"""What the engine makes of CSA elements under the policies that ship."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.clean import Cleaner
from csaclean.errors import CsacleanError, MalformedValue
from csaclean.model import Kind
from csaclean.policy.policies import load_policy
from csaclean.report.json import dumps, report_record
from csaclean.write import Target
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag, Variant
from csaclean_handlers.siemens.csa_layout import tag_names
from phantom_csa import (
    CANARIES,
    PATIENT_RECORD,
    PATIENT_WEIGHT,
    image_header,
    second_magic_zeroed,
    series_header,
    swapped,
    with_canaries,
)
from phantom_file import Phantom, file_bytes
from phantoms import csa_block, plain_image
from tests.siemens.independent_csa import (
    PlainTag,
    dead_bytes,
    read_items,
    write_csa1_gdcm,
    write_csa1_spm,
    write_csa2,
)
from tests.siemens.samples import (
    IMAGE,
    REAL_FILES,
    SERIES,
    cleaned,
    headers,
    kind_of_bytes,
    real_blobs,
    registry,
    untimed,
)

POLICIES = ["dead-space", "converter-safe"]
HEADERS = pytest.mark.parametrize("make", [image_header, series_header], ids=["image", "series"])
Make = Callable[[Variant], CsaHeader]
DECIMALS = (b"0", b"7.5", b" -1e3 ", b"\t7.5\n", b"1_000.5", b"nan", b"-Infinity", b"\xa07")
"""Numbers as Python's ``float`` reads them, and with it nibabel."""
INTEGERS = (b"0", b"-7 ", b"\t7\n", b"1_000", b"007")


def _series(*tags: CsaTag) -> bytes:
    return csa.encode(CsaHeader.build(tags))


def _value_of(blob: bytes, name: bytes) -> bytes:
    """Return the first value of a tag of a CSA2 header, up to its NUL."""
    item = next(item for item in read_items(blob) if item.tag == name)
    return blob[item.start : item.stop].split(b"\0")[0]


def _record(record: bytes) -> bytes:
    """Return what the default policy leaves of a patient record."""
    blob = _series(CsaTag.build("PatReinPattern", "ST", [record]))
    return _value_of(cleaned(blob).new, b"PatReinPattern")


class TestDeadBytes:
    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("variant", Variant)
    @HEADERS
    def test_canaries_of_every_class_are_gone(self, make: Make, variant: Variant, policy: str) -> None:
        blob, ranges = with_canaries(make(variant))
        expected = {"name-tail", "vr-tail", "padding", "value-tail"}
        expected |= {"trailer", "after-trailer"} if variant is Variant.CSA2 else {"csa1-trailer"}
        assert {dead.kind for dead in ranges} == expected
        new = cleaned(blob, policy).new
        assert all(not any(new[dead.start : dead.stop]) for dead in ranges)
        assert not any(CANARIES[kind][:1] in new for kind in expected)

    @pytest.mark.parametrize("variant", Variant)
    @HEADERS
    def test_nothing_else_changes_under_dead_space(self, make: Make, variant: Variant) -> None:
        blob, ranges = with_canaries(make(variant))
        new = bytearray(cleaned(blob, "dead-space").new)
        for dead in ranges:
            assert not any(new[dead.start : dead.stop])
            new[dead.start : dead.stop] = blob[dead.start : dead.stop]
        assert bytes(new) == blob

    @pytest.mark.parametrize("policy", POLICIES)
    @HEADERS
    def test_a_swapped_header_is_cleaned_as_the_header_is(self, make: Make, policy: str) -> None:
        blob, _ = with_canaries(make(Variant.CSA2))
        assert cleaned(swapped(blob), policy).new == swapped(cleaned(blob, policy).new)

    @HEADERS
    def test_zeros_in_place_of_the_second_magic_word_stay(self, make: Make) -> None:
        blob = second_magic_zeroed(with_canaries(make(Variant.CSA2))[0])
        new = cleaned(blob, "dead-space").new
        assert new[:16] == blob[:16]
        assert not any(new[offset] for offset in dead_bytes(blob))

    @pytest.mark.parametrize("path", REAL_FILES)
    def test_of_real_headers_are_null_and_all_else_is_as_it_was(self, path: Path) -> None:
        for blob in real_blobs(path):
            if path.name == "csa_str_1001n_items.bin" or not blob.startswith(b"SV10"):
                continue
            expected = bytearray(blob)
            for offset in dead_bytes(blob):
                expected[offset] = 0
            result = cleaned(blob, "dead-space")
            assert result.new == expected
            # A data set inside a tag has dead bytes of its own: the reserved bytes of its headers.
            own = [span for span in result.layout if span.kind is Kind.DEAD]
            assert sum(span.stop - span.start for span in own) == len(dead_bytes(blob))
            assert result.tally.dead >= len(dead_bytes(blob))
            assert result.tally.dead_nonzero == sum(1 for a, b in zip(blob, expected, strict=True) if a != b)

    @untimed
    @given(headers(), st.binary(min_size=4, max_size=9))
    def test_of_made_up_headers_are_null_and_all_else_is_as_it_was(
        self, tags: list[PlainTag], trailer: bytes
    ) -> None:
        blob = write_csa2(tags, trailer)
        expected = bytearray(blob)
        for offset in dead_bytes(blob):
            expected[offset] = 0
        assert cleaned(blob, "dead-space").new == expected


class TestTwice:
    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("variant", Variant)
    @HEADERS
    def test_cleaning_twice_is_cleaning_once(self, make: Make, variant: Variant, policy: str) -> None:
        once = cleaned(with_canaries(make(variant))[0], policy)
        twice = cleaned(once.new, policy)
        assert twice.new == once.new
        assert not twice.edits

    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("path", REAL_FILES)
    def test_of_real_headers_too(self, path: Path, policy: str) -> None:
        for blob in real_blobs(path):
            if path.name != "csa_str_1001n_items.bin" and blob.startswith(b"SV10"):
                once = cleaned(blob, policy).new
                assert cleaned(once, policy).new == once

    @pytest.mark.parametrize("write", [write_csa2, write_csa1_gdcm, write_csa1_spm])
    @untimed
    @given(tags=headers(), trailer=st.binary(min_size=112, max_size=112))
    def test_made_up_headers_can_be_cleaned_and_cleaned_again(
        self, tags: list[PlainTag], trailer: bytes, write: Callable[[list[PlainTag], bytes], bytes]
    ) -> None:
        once = cleaned(write(tags, trailer)).new
        assert cleaned(once).new == once

    def test_a_number_under_a_vr_of_numbers_stays_a_number_whatever_the_tag_is_named(self) -> None:
        for name in sorted(tag_names()):
            for vr, values in (("DS", DECIMALS), ("SL", INTEGERS)):
                for value in values:
                    tag = CsaTag.build(name.decode("ascii"), vr, [value])
                    # nibabel reads it before and after, or the proof fails
                    once = cleaned(csa.encode(CsaHeader.build([tag]))).new
                    float(_value_of(once, name).decode("latin-1"))
                    assert cleaned(once).new == once


class TestLiveValues:
    @pytest.mark.parametrize("variant", Variant)
    def test_no_value_of_an_image_header_changes(self, variant: Variant) -> None:
        blob, ranges = with_canaries(image_header(variant))
        new = cleaned(blob, selector=IMAGE).new
        dead = {offset for one in ranges for offset in range(one.start, one.stop)}
        assert all(a == b for offset, (a, b) in enumerate(zip(blob, new, strict=True)) if offset not in dead)

    def test_only_fields_of_the_patient_change_in_the_tags_of_a_series_header(self) -> None:
        blob, _ = with_canaries(
            series_header(protocol=b"### ASCCONV BEGIN ###\nlScanTimeSec = 18\n### ASCCONV END ###\n")
        )
        result = cleaned(blob)
        assert {edit.field.partition("/")[0] for edit in result.edits if edit.field} <= {
            "UsedPatientWeight",
            "PatReinPattern",
            "FmriExternalInfo",
        }

    def test_the_weight_becomes_a_zero_of_the_same_width(self) -> None:
        blob = _series(CsaTag.build("UsedPatientWeight", "IS", [PATIENT_WEIGHT]))
        assert _value_of(cleaned(blob).new, b"UsedPatientWeight") == b"0       "

    @pytest.mark.parametrize(
        "text", [b"72 kg", b"        ", b"DOE^JANE", b"72,5"], ids=["unit", "blank", "name", "comma"]
    )
    def test_a_weight_that_is_not_a_number_goes_as_well(self, text: bytes) -> None:
        blob = _series(CsaTag.build("UsedPatientWeight", "IS", [text]))
        value = _value_of(cleaned(blob).new, b"UsedPatientWeight")
        assert len(value) == len(text)
        assert not set(value) & set(b"72DOEJANkg,5")

    @pytest.mark.parametrize("selector", [IMAGE, SERIES])
    def test_the_patients_fields_go_from_either_header(self, selector: str) -> None:
        blob = _series(
            CsaTag.build("UsedPatientWeight", "IS", [PATIENT_WEIGHT]),
            CsaTag.build("PatReinPattern", "ST", [PATIENT_RECORD]),
        )
        new = cleaned(blob, selector=selector).new
        assert _value_of(new, b"UsedPatientWeight") == b"0       "
        assert _value_of(new, b"PatReinPattern") == b"1;HFS;00.00;00.00;0;0;2;-000000000"

    def test_the_patients_fields_stay_under_dead_space(self) -> None:
        blob = csa.encode(series_header())
        assert cleaned(blob, "dead-space").new == blob


class TestPatientRecord:
    def test_weight_age_sex_and_number_become_zeros(self) -> None:
        assert _record(b"1;HFS;72.50;34.00;2;0;2;-123456789") == b"1;HFS;00.00;00.00;0;0;2;-000000000"

    def test_a_letter_for_the_sex_becomes_the_letter_for_other(self) -> None:
        assert _record(b"1;HFS;72.50;;F;0;2;123") == b"1;HFS;00.00;;O;0;2;000"

    def test_every_item_of_the_tag_is_redacted(self) -> None:
        blob = _series(CsaTag.build("PatReinPattern", "ST", [PATIENT_RECORD, b"1;HFS;99.00;;M;0;2;7"], vm=2))
        new = cleaned(blob).new
        assert b"72.50" not in new
        assert b"99.00" not in new

    @pytest.mark.parametrize(
        "record",
        [
            b"DOE^JANE",
            b"1;HFS;72.50;34.00;2;0;2",
            b"1;HFS;72.50;34.00;2;0;2;5;DOE",
            b"1;DOE;72.50;34.00;2;0;2;5",
            b"1;HFS;72,50;34.00;2;0;2;5",
            b"1;HFS;72.50;34.00;female;0;2;5",
            b"1;HFS;7 2.5;34.00;2;0;2;12 34",
            b";;;",
            b";",
        ],
        ids=["one", "seven", "nine", "position", "comma", "word", "blanks", "empty-parts", "semicolon"],
    )
    def test_a_record_of_another_shape_goes_whole(self, record: bytes) -> None:
        assert _record(record) == bytes(byte if byte == ord(";") else ord("X") for byte in record)

    @pytest.mark.parametrize(
        "record",
        [b"19670203;HFS;;;;0;0;1", b"1;HFS;;;;19670203;0;1", b"1;HFS;;;;0;19670203;1"],
        ids=["first", "sixth", "seventh"],
    )
    def test_a_long_number_in_place_of_a_constant_does_not_stay(self, record: bytes) -> None:
        assert b"19670203" not in _record(record)

    @pytest.mark.parametrize(
        "record", [b";;;;a;;;", b"\xe9;;;;\xe9;;;", b";;;;?;0;2;-", b"1;HFS;72.50;34.00;2;0;2;-"]
    )
    def test_a_record_that_would_change_its_shape_once_it_is_filled_goes_whole(self, record: bytes) -> None:
        assert _record(record) == bytes(byte if byte == ord(";") else ord("X") for byte in record)

    @untimed
    @given(st.binary(min_size=1, max_size=40).map(lambda text: text.replace(b"\0", b";")))
    def test_any_record_can_be_cleaned(self, record: bytes) -> None:
        assert len(_record(record)) == len(record)

    @untimed
    @given(
        st.lists(
            st.sampled_from([b"1", b"HFS", b"72.50", b"", b"F", b"M", b"a", b"0", b"-7", b"-", b"x1"]),
            max_size=9,
        )
    )
    def test_any_record_made_of_likely_parts_can_be_cleaned(self, parts: list[bytes]) -> None:
        record = b";".join(parts) or b";"
        assert len(_record(record)) == len(record)


class TestUnknownTags:
    def test_text_of_an_unknown_tag_is_not_vouched_for(self) -> None:
        result = cleaned(_series(CsaTag.build("DoeJaneTag", "LO", [b"value"])))
        assert not result.vouched
        assert result.tally.opaque == len("DoeJaneTag")

    def test_its_name_is_in_nothing_that_is_reported(self) -> None:
        result = cleaned(_series(CsaTag.build("DoeJaneTag", "LO", [b"SecretText"])))
        reported = repr((result, result.tally, result.edits, result.layout, list(result.layout)))
        assert "DoeJane" not in reported
        assert "SecretText" not in reported

    def test_nor_in_the_report_of_its_file(self, tmp_path: Path) -> None:
        blob = _series(CsaTag.build("DoeJaneTag", "LO", [b"SecretText"]))
        source = tmp_path / "in.dcm"
        source.write_bytes(file_bytes(Phantom(plain_image(csa_block(blob, swapped(blob))))))
        cleaner = Cleaner(load_policy("converter-safe"), registry())
        report = cleaner.clean(
            source, "in.dcm", Target(tmp_path / "out.dcm", overwrite=False, in_place=False)
        )
        reported = dumps(report_record(report)) + repr(report)
        assert "DoeJane" not in reported
        assert "SecretText" not in reported
        assert "unknown-tag-name" in reported
        assert not report.vouched

    def test_its_text_goes_and_its_name_stays(self) -> None:
        blob = _series(CsaTag.build("DoeJaneTag", "LO", [b"SecretText"]))
        result = cleaned(blob)
        assert _value_of(result.new, b"DoeJaneTag") == b"X" * len("SecretText")
        assert result.tally.edits == {"unruled-text": 1}

    def test_a_number_of_it_stays(self) -> None:
        blob = _series(CsaTag.build("DoeJaneTag", "DS", [b"0.25"]))
        assert _value_of(cleaned(blob).new, b"DoeJaneTag") == b"0.25"

    def test_its_name_goes_too_where_a_policy_redacts_what_is_opaque(self) -> None:
        blob = _series(CsaTag.build("DoeJaneTag", "LO", [b"SecretText"]))
        result = cleaned(blob, "strict")
        assert _value_of(result.new, b"XXXXXXXXXX") == b"X" * len("SecretText")
        assert result.tally.edits == {"unruled-text": 1, "opaque": 1}
        assert result.vouched

    def test_all_of_it_stays_where_a_policy_keeps_every_field(self) -> None:
        blob = _series(CsaTag.build("DoeJaneTag", "LO", [b"SecretText"]))
        result = cleaned(blob, "dead-space")
        assert _value_of(result.new, b"DoeJaneTag") == b"SecretText"
        assert not result.vouched

    def test_a_binary_value_stays_and_is_not_vouched_for(self) -> None:
        value = b"ab\0cd\0\0\1"
        blob = write_csa2([PlainTag(b"Some", bytes(59), 1, b"UN", b"\0", 0, (value,))])
        result = cleaned(blob)
        assert value in result.new
        assert not result.vouched

    def test_a_binary_value_of_a_tag_with_a_rule_goes(self) -> None:
        value = b"ab\0cd\0\0\1"
        blob = write_csa2([PlainTag(b"PixelFile", bytes(54), 1, b"UN", b"\0", 0, (value,))])
        result = cleaned(blob)
        assert result.new == blob.replace(value, bytes(len(value)))
        assert result.vouched


class TestNothingOfAValueIsInAMessage:
    @untimed
    @given(headers(), st.data())
    def test_when_it_is_malformed(self, tags: list[PlainTag], data: st.DataObject) -> None:
        secret = b"DoeJaneSecret"
        marked = [
            tag._replace(values=tuple(secret for _ in tag.values), tail=(secret * 5)[: len(tag.tail)])
            for tag in tags
        ]
        blob = bytearray(write_csa2(marked))
        offset = data.draw(st.integers(8, len(blob) - 1))
        blob[offset] ^= data.draw(st.integers(1, 255))
        try:
            cleaned(bytes(blob), proof="self")
        except CsacleanError as error:
            caught = error
        else:
            return
        assert isinstance(caught, MalformedValue)
        assert "Doe" not in str(caught) + repr(caught)
        assert all(tag.name.decode() not in str(caught) for tag in tags if len(tag.name) > 5)


class TestOtherElementsOfTheBlock:
    @pytest.mark.parametrize("byte", ["09", "19"])
    def test_the_version_that_is_a_study_date_becomes_a_date_of_1900(self, byte: str) -> None:
        result = cleaned(b"20010203", selector=f"(0029,SIEMENS CSA HEADER,{byte})", vr="LO")
        assert result.new == b"19000101"
        assert cleaned(result.new, selector=f"(0029,SIEMENS CSA HEADER,{byte})", vr="LO").new == result.new

    @pytest.mark.parametrize("byte", ["08", "18"])
    def test_the_type_stays_and_is_vouched_for(self, byte: str) -> None:
        result = cleaned(b"IMAGE NUM 4 ", selector=f"(0029,SIEMENS CSA HEADER,{byte})", vr="CS")
        assert result.new == b"IMAGE NUM 4 "
        assert result.vouched

    def test_zeros_and_nothing_are_vouched_for(self) -> None:
        assert cleaned(bytes(64)).vouched
        assert cleaned(b"").vouched


def test_an_edit_lies_only_in_dead_bytes_and_fields() -> None:
    blob, _ = with_canaries(series_header())
    result = cleaned(blob)
    kinds = kind_of_bytes(result.layout)
    changed = {kinds[offset] for offset, (a, b) in enumerate(zip(blob, result.new, strict=True)) if a != b}
    assert changed == {Kind.DEAD, Kind.VALUE}
