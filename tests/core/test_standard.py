"""Standard elements below claimed private sequences: their rules, and which of them converters read there."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_VR

import csaclean
from csaclean.handler import parse_selector
from csaclean.policy.rules import CLASSES
from csaclean.standard import StandardElements
from csaclean.vr_layout import NUMBER_VRS
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Encoding,
    Items,
    numbers,
    private_block,
    sequence,
    text,
)
from phantoms import plain_image

CREATOR = b"PHANTOM MR 01"
CLAIM = """
extends = "{policy}"
name = "phantom"
summary = "A sequence is claimed."

[[rule]]
select = ["(0031,PHANTOM MR 01,01)"]
vr = "SQ"
class = "technical"
why = "items"
"""
RULES = StandardElements.rules
TABLE = StandardElements.converters

Clean = Callable[..., tuple[bytes, csaclean.Report]]


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """Return what cleans an image with these elements in an item of a private sequence, claimed unless told otherwise."""

    def run(
        item: DataSet,
        policy: str = "converter-safe",
        *,
        claimed: bool = True,
        encoding: Encoding = EXPLICIT_LITTLE,
        **options: object,
    ) -> tuple[bytes, csaclean.Report]:
        private = private_block(0x0031, 0x10, CREATOR, {0x01: ("SQ", Items((item,)))})
        source = tmp_path / "in.dcm"
        source.write_bytes(file_bytes(Phantom(plain_image(private), encoding=encoding)))
        rules = tmp_path / f"{policy}.toml"
        rules.write_text(CLAIM.format(policy=policy))
        report = csaclean.clean_file(
            source,
            tmp_path / "out.dcm",
            str(rules) if claimed else policy,
            overwrite=True,
            **options,  # type: ignore[arg-type]  # options of every kind
        )
        return (tmp_path / "out.dcm").read_bytes(), report

    return run


def selectors(report: csaclean.Report) -> set[str]:
    return {one.selector.rpartition("/")[2] for one in report.unclaimed}


class TestTables:
    def test_every_rule_is_on_one_standard_tag_and_has_its_vr(self) -> None:
        for selector, rule in RULES.whole.items():
            (step,) = parse_selector(selector)
            assert step.creator is None
            assert step.group % 2 == 0
            assert rule.vr in dictionary_VR(step.group << 16 | step.element).split(" or "), selector

    def test_every_rule_says_why_and_where_from(self) -> None:
        assert all(rule.why and rule.source for rule in RULES.rules)

    def test_a_technical_rule_on_text_lists_what_may_stand(self) -> None:
        standing = NUMBER_VRS | {"DS", "IS", "SQ"}
        for rule in RULES.rules:
            assert rule.cls != "technical" or rule.vr in standing or rule.lists_texts

    def test_every_class_occurs(self) -> None:
        assert {rule.cls for rule in RULES.rules} == set(CLASSES)

    def test_what_converters_read_has_a_rule_unless_it_is_payload(self) -> None:
        payload = {0x56000020, 0x7FE00008, 0x7FE00009, 0x7FE00010}
        ruled = {parse_selector(selector)[0] for selector in RULES.whole}
        assert {(tag >> 16, tag & 0xFFFF) for tag in TABLE.tags - payload} <= {step[:2] for step in ruled}

    @pytest.mark.parametrize("name", ["identity", "uids", "patient-characteristics"])
    def test_converters_are_not_said_to_read_who_somebody_is(self, name: str) -> None:
        assert not [s for s, rule in RULES.whole.items() if rule.cls == name and TABLE.consumers(s, "")]

    def test_what_strict_redacts_although_it_is_read_changes_keys_or_order(self) -> None:
        """The date and time of the study sort; the derivation says whether an image was resampled."""
        silent = {"(0008,0020)", "(0008,0030)", "(0008,2111)"}
        changing = {
            selector
            for selector, rule in RULES.whole.items()
            if rule.cls != "technical" and TABLE.consumers(selector, "")
        }
        assert {
            selector
            for selector in changing
            if not TABLE.outputs({f"0/{selector}": b"a"}, {f"0/{selector}": b"b"}, {})
        } == silent


class TestItems:
    def test_an_element_without_a_rule_is_claimed_too(self, clean: Clean) -> None:
        item = (text(0x00189999, "LO", "WORDS AND WORDS "), numbers(0x0018999A, "US", 7))
        after, report = clean(item)
        assert not report.unclaimed
        assert b"X" * 15 in after
        assert report.vouched

    def test_without_a_claim_on_the_sequence_nobody_answers_for_them(self, clean: Clean) -> None:
        after, report = clean((text(0x00081070, "PN", "DOE^JANE"),), claimed=False)
        assert b"DOE^JANE" in after
        assert "(0008,1070)" in selectors(report)

    def test_a_listed_term_stands_and_another_text_in_its_place_does_not(self, clean: Clean) -> None:
        assert b"RECTILINEAR" in clean((text(0x00189032, "CS", "RECTILINEAR"),), "strict")[0]
        assert b"SMITHERS" not in clean((text(0x00189032, "CS", "SMITHERS"),), "strict")[0]

    def test_one_unlisted_part_redacts_the_whole_value(self, clean: Clean) -> None:
        item = (text(0x00089007, "CS", "ORIGINAL\\SMITHERS"),)
        assert b"XXXXXXXX\\XXXXXXXX" in clean(item)[0]

    def test_a_standard_sequence_inside_is_covered_too(self, clean: Clean) -> None:
        item = (
            sequence(0x00081140, (text(0x00081155, "UI", "1.2.3.456"), text(0x00080013, "TM", "101112"))),
        )
        after, report = clean(item)
        assert b"1.1.1.111\0" in after
        assert b"101112" not in after
        assert report.vouched

    def test_a_private_element_inside_that_nobody_claims_is_reported(self, clean: Clean) -> None:
        item = (text(0x00331010, "LO", "free text "),)
        _, report = clean(item)
        assert not report.vouched
        assert "(0033,1010)" in selectors(report)

    @pytest.mark.parametrize(
        "encoding", [EXPLICIT_LITTLE, IMPLICIT_LITTLE], ids=lambda encoding: encoding.name
    )
    def test_what_identifies_goes_whatever_the_transfer_syntax(
        self, clean: Clean, encoding: Encoding
    ) -> None:
        item = (
            text(0x00080018, "UI", "1.2.3.456"),
            text(0x00100010, "PN", "DOE^JANE"),
            text(0x00189005, "SH", "synthseq"),
            text(0x00189032, "CS", "RECTILINEAR "),
            numbers(0x00189058, "US", 256),
        )
        after, report = clean(item, encoding=encoding)
        assert report.vouched
        assert b"XXXXXXXX" in after
        assert b"synthseq" in after  # read by dcm2niix
        assert b"RECTILINEAR " in after
        assert not report.unclaimed

    def test_text_under_implicit_vr_without_a_rule_is_text_all_the_same(self, clean: Clean) -> None:
        after, _ = clean((text(0x00189999, "LO", "WORDS AND WORDS "),), encoding=IMPLICIT_LITTLE)
        assert b"SMITHERS" not in after


class TestConverters:
    DATE = text(0x00080022, "DA", "20150607")
    OTHER = text(0x00080023, "DA", "20150608")

    def test_a_date_that_is_read_is_kept_and_listed(self, clean: Clean) -> None:
        after, report = clean((self.DATE, self.OTHER))
        assert b"20150607" in after
        assert b"20150608" not in after
        assert "dates" in {one.cls for one in report.kept}

    def test_strict_redacts_it_and_declares_what_changes(self, clean: Clean) -> None:
        after, report = clean((self.DATE,), "strict")
        assert b"20150607" not in after
        assert report.declared == ("AcquisitionDateTime",)

    def test_a_name_is_redacted_although_dcm2niix_would_read_it_there(self, clean: Clean) -> None:
        item = (
            text(0x00080050, "SH", "ACC-12"),
            text(0x00100010, "PN", "DOE^JANE"),
            text(0x0020000D, "UI", "1.2.3.456"),
        )
        after, report = clean(item)
        assert b"DOE^JANE" not in after
        assert b"ACC-12" not in after
        assert b"1.2.3.456" not in after
        assert report.vouched
