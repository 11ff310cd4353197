"""Every element that the public dictionary has of this vendor is claimed, and none is left to chance."""

from importlib.metadata import entry_points

import pytest
from pydicom._private_dict import private_dictionaries

from csaclean.converter_table import read_elements
from csaclean_handlers.canon import CanonHandler
from csaclean_handlers.canon.elements import CREATORS, GRAMMARS
from tests.canon.samples import cleaned, registry

VENDORS = [name for name in private_dictionaries if name.startswith(("TOSHIBA", "CANON", "PMTF", "Canon"))]


@pytest.mark.parametrize("creator", VENDORS)
def test_every_element_of_the_dictionary_is_claimed(creator: str) -> None:
    missing = [
        tag
        for tag in private_dictionaries[creator]
        if not registry().find(int(tag[:4], 16), creator.casefold(), int(tag[-2:], 16))
    ]
    assert missing == []


def test_what_a_rule_says_holds_for_every_spelling_of_the_creator() -> None:
    def spellings(text: str) -> set[str]:
        return {
            text.replace(f",{one}", f",{other}")
            for one in CREATORS
            for other in CREATORS
            if f",{one}" in text
        }

    lacking = [
        other
        for rule in CanonHandler.rules.rules
        for text in rule.select
        for other in spellings(text)
        if other not in rule.select
    ]
    assert lacking == []


def test_no_converter_reads_an_element_of_this_vendor() -> None:
    claimed = set(registry().by_selector)
    assert not claimed & {row.selector for row in read_elements() if row.step.creator}


def test_every_grammar_is_a_claim() -> None:
    claims = {claimed.selector for claimed in registry().claims if not claimed.by_vr}
    assert claims == set(GRAMMARS)


def test_the_handler_is_installed() -> None:
    (point,) = entry_points(group="csaclean.handlers", name="canon")
    assert point.load() is CanonHandler


@pytest.mark.parametrize(
    ("selector", "vr", "value"),
    [
        ("(0009,CANON_MEC_MR3^10,02)", "SH", b"7001"),
        ("(0029,CANON_MEC_MR3^10,52)", "LO", b"/gp/sites/study/Run1.7001:/0.1"),
        ("(700D,TOSHIBA_MEC_MR3^10,16)", "LO", b"DOE\\HEAD\\7001"),
        ("(E301,PMTF INFORMATION DATA^10,00)", "SH", b"7001"),
        ("(0019,TOSHIBA_MEC_MR3^12,E3)", "TM", b"101500"),
        ("(0019,TOSHIBA_MEC_MR3^10,EA)", "UI", b"1.7001.3"),
        ("(7019,TOSHIBA_MEC_OT3,73)", "PN", b"DOE^JANE"),
        ("(7019,TOSHIBA_MEC_OT3,85)", "LO", b"7001"),
        ("(7005,TOSHIBA_MEC_CT3,11)", "LT", b"DOE"),
        ("(7005,TOSHIBA_MEC_CT3,24)", "DA", b"20010203"),
        ("(EE01,TOSHIBA_MEC_MR3^10,01)", "OB", b"\0\0\7\0\x08\0"),
        ("(7015,TOSHIBA ENCRYPTED SR DATA,00)", "OB", b"\0\0\7\0\x08\0"),
        ("(0019,TOSHIBA_MEC_MR3^12,05)", "SH", b"DOE"),
        ("(0029,TOSHIBA_MEC_MR3,89)", "LO", b"DOE"),
        ("(0019,TOSHIBA_MEC_MR3^10,01)", "LO", b"DOE^JANE"),
    ],
)
def test_what_identifies_is_redacted(selector: str, vr: str, value: bytes) -> None:
    result = cleaned(value, selector, vr=vr)
    assert result.new != value
    assert result.vouched


@pytest.mark.parametrize(
    ("selector", "vr", "value"),
    [
        ("(700D,CANON_MEC_MR3,05)", "DS", b"1\\2\\3.5\\4 "),
        ("(700D,CANON_MEC_MR3,0C)", "CS", b"Y "),
        ("(0029,CANON_MEC_MR3,89)", "LO", b"MPlusStudy"),
        ("(0019,TOSHIBA_MEC_MR3^10,31)", "OF", b"\0\0\x80\x3f" * 3),
        ("(7005,TOSHIBA_MEC_CT3,1B)", "SH", b"FC08"),
        ("(0019,TOSHIBA_MEC_MR3^10,0C)", "US", b"\1\0\2\0\3\0"),
    ],
)
def test_settings_stay(selector: str, vr: str, value: bytes) -> None:
    result = cleaned(value, selector, vr=vr)
    assert result.new == value
    assert result.vouched


@pytest.mark.parametrize("selector", ["(700D,TOSHIBA_MEC_MR3,8F)", "(7FE1,TOSHIBA MDW NON-IMAGE,10)"])
def test_measured_data_is_kept_and_nobody_vouches_for_it(selector: str) -> None:
    value = bytes(range(64))
    result = cleaned(value, selector)
    assert (result.new, result.vouched) == (value, False)
