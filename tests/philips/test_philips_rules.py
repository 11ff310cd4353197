"""The rules as tables: every element that the public dictionary knows has one, texts stand by lists only, what is read stays."""

import re
from importlib.metadata import entry_points
from typing import Final

import pytest
from pydicom._private_dict import private_dictionaries

from csaclean.converter_table import read_elements
from csaclean.handler import format_selector, parse_selector
from csaclean.model import Field
from csaclean.policy.plan import Plan
from csaclean.policy.policies import load_policy
from csaclean.selector import Step
from csaclean.vr_layout import FIELD_VRS, TEXT_VRS, layout_by_vr
from csaclean_handlers.philips import PhilipsHandler
from csaclean_handlers.philips.blobs import BLOB

RULES: Final = PhilipsHandler.rules
CREATORS: Final = re.compile(r"(?i)philips|SPI|PMS-")
DICTIONARY: Final = {
    format_selector((Step(int(tag[:4], 16), int(tag[6:], 16), creator),)): entry[0]
    for creator, entries in private_dictionaries.items()
    if CREATORS.match(creator)
    for tag, entry in entries.items()
}
"""VR of each element of Philips' creators in pydicom's dictionary, by selector."""
READ: Final = [row for row in read_elements() if row.vendor == "Philips"]
PEOPLE: Final = (
    "DOE^JANE",
    "Doe John",
    "JANE DOE",
    "Müller^Jörg",
    "山田^太郎",
    "PAT#559137",
    "7305918264",
    "19671023",
    "10/23/1967",
    "1967-10-23",
    "057Y",
    "1.2.840.113619.2.5",
    "KH_QX_55831",
    "JD",
)
"""Texts that identify, in every shape that a pattern might take for something else."""


def standing(selector: str, text: str, vr: str) -> bool:
    """Tell whether a text stays under the default policy, where no converter reads it."""
    value = text.encode("utf-8")
    layout = layout_by_vr(
        vr,
        value,
        form_of=lambda found, form: RULES.form(selector, "", found, form),
        form=RULES.whole[selector].form,
    )
    plan = Plan(load_policy("converter-safe"), RULES, lambda *_: ())
    fields = [field for field in layout.fields if isinstance(field, Field)]
    return not all(plan.decide(selector, field).redact for field in fields)


def test_the_dictionary_knows_a_thousand_elements_and_more() -> None:
    assert len(DICTIONARY) > 1000


def test_every_element_of_the_dictionary_has_a_rule() -> None:
    ruled = {selector.casefold() for selector in (*RULES.whole, BLOB)}  # it spells some creators in two ways
    assert [selector for selector in DICTIONARY if selector.casefold() not in ruled] == []


def test_the_rules_agree_with_the_dictionary_on_vrs() -> None:
    named = {selector: vr.split(" or ")[0] for selector, vr in DICTIONARY.items() if selector in RULES.whole}
    assert [selector for selector, vr in named.items() if RULES.whole[selector].vr != vr] == []


def test_no_two_spellings_name_one_element() -> None:
    assert len({selector.casefold() for selector in RULES.whole}) == len(RULES.whole)


def test_no_rule_speaks_of_a_standard_element() -> None:
    assert all(parse_selector(selector)[-1].creator for rule in RULES.rules for selector in rule.select)


@pytest.mark.parametrize(
    "selector", sorted(selector for selector, rule in RULES.whole.items() if rule.vr in TEXT_VRS)
)
def test_nobody_stands_in_a_text(selector: str) -> None:
    vr = RULES.whole[selector].vr
    assert [text for text in PEOPLE if standing(selector, text, vr)] == []


def test_the_words_that_rules_list_stand() -> None:
    assert standing("(2001,Philips Imaging DD 001,0B)", "TRANSVERSAL", "CS")
    assert standing("(2005,Philips MR Imaging DD 001,11)", "M", "CS")
    assert standing("(2001,Philips Imaging DD 001,20)", "T1TFE", "LO")
    assert standing("(2001,Philips Imaging DD 001,25)", "4.6", "SH")


@pytest.mark.parametrize(
    "selector", ["(2005,Philips MR Imaging DD 001,2A)", "(200D,Philips US Imaging DD 109,13)"]
)
def test_numbers_that_spell_a_time_or_a_name_are_redacted(selector: str) -> None:
    assert not standing(selector, "12345678", RULES.whole[selector].vr)


def test_every_element_that_a_converter_reads_has_a_rule() -> None:
    assert len(READ) > 40
    assert sorted({row.selector for row in READ} - RULES.whole.keys()) == []


@pytest.mark.parametrize("row", READ, ids=lambda row: row.selector)
@pytest.mark.parametrize("form", ["text", "code", "number", "binary-number", "opaque"])
def test_converter_safe_touches_nothing_that_is_read(row: object, form: str) -> None:
    selector = getattr(row, "selector")  # noqa: B009
    plan = Plan(load_policy("converter-safe"), RULES, PhilipsHandler.converters.consumers)
    assert not plan.decide(selector, Field("", form)).redact


def test_payload_is_kept_and_nobody_answers_for_it() -> None:
    selector = "(7FE1,SPI-P Release 1,10)"
    layout = layout_by_vr("OW", b"\1\2", form=RULES.whole[selector].form)
    plan = Plan(load_policy("converter-safe"), RULES, lambda *_: ())
    assert layout.fields == [None]  # opaque, without a field of its own
    assert not plan.decide(selector, Field("", "opaque")).vouched


def test_every_vr_of_a_rule_is_one_that_elements_are_laid_out_by() -> None:
    assert {rule.vr for rule in RULES.whole.values()} <= FIELD_VRS | {"OB", "OW", "UN", "SQ"}


def test_the_handler_is_installed_under_its_name() -> None:
    (point,) = (found for found in entry_points(group="csaclean.handlers") if found.name == "philips")
    assert point.load() is PhilipsHandler
