"""GE's rules as tables: every element of the public dictionary has one, and what converters read stays."""

from typing import Final

import pytest
from pydicom._private_dict import private_dictionaries

from csaclean.converter_table import read_elements
from csaclean.model import Field
from csaclean.policy.plan import Plan
from csaclean.policy.policies import load_policy
from csaclean.policy.rules import Rule
from csaclean.registry import installed
from csaclean.vr_layout import NUMBER_VRS, TEXT_VRS, layout_by_vr
from csaclean_handlers.ge import GeHandler
from csaclean_handlers.ge.elements import GRAMMARS
from tests.ge.samples import BLOCK, HEADER

RULES: Final = GeHandler.rules
CREATORS: Final = sorted(
    creator
    for creator in private_dictionaries
    if creator.startswith(("GE", "Applicare", "DL_INTERNAL", "KINETDX", "MEDIFACE", "QUASAR"))
    and "GEIIS" not in creator
)
PEOPLE: Final = (
    b"DOE^JANE",
    b"Doe",
    b"Jane Doe",
    b"7305918264",
    b"PH-0001",
    b"19671023",
    b"Dr. J. Doe, ward 7",
)
STANDING: Final = ["dead-space", "converter-safe", "strict"]


def names(creator: str) -> list[str]:
    """Return the selectors of a creator's elements in pydicom's dictionary."""
    return [
        f"({key[:4].upper()},{creator},{key[-2:].upper()})"
        for key in private_dictionaries[creator]
        if not key.endswith("xx")  # that is the creator itself
    ]


def plan(policy: str) -> Plan:
    return Plan(load_policy(policy), RULES, GeHandler.converters.consumers)


def texts() -> list[tuple[str, Rule]]:
    return [(select, rule) for select, rule in RULES.whole.items() if rule.vr in TEXT_VRS]


@pytest.mark.parametrize("creator", CREATORS)
def test_every_element_of_the_dictionary_has_a_rule_or_a_grammar(creator: str) -> None:
    assert [name for name in names(creator) if name not in RULES.whole and name not in GRAMMARS] == []


def test_the_handler_is_installed_and_claims_them() -> None:
    entry = next(entry for entry in installed().registered if entry.name == "ge")
    assert isinstance(entry.handler, GeHandler)
    claimed = {claimed.selector for claimed in installed().claims if claimed.registered is entry}
    assert claimed == RULES.whole.keys() | GRAMMARS.keys()


def test_every_element_that_converters_read_is_claimed() -> None:
    read = {row.selector for row in read_elements() if row.vendor == "GE" and row.step.creator != "GEIIS"}
    assert read - RULES.whole.keys() - GRAMMARS.keys() == set()


@pytest.mark.parametrize(
    "select", sorted({row.selector for row in read_elements() if row.vendor == "GE"} & RULES.whole.keys())
)
def test_converter_safe_touches_nothing_that_a_converter_reads(select: str) -> None:
    for form in ("text", "code", "number", "integer", "binary-number"):
        assert not plan("converter-safe").decide(select, Field("", form)).redact


@pytest.mark.parametrize(
    ("select", "path"),
    [
        (BLOCK, f"PDB/{key}")
        for key in (
            "SLICEORDER",
            "VIEWORDER",
            "MBACCEL",
            "NOSLC",
            "DELACQ",
            "DELACQNOAV",
            "PSEQ",
            "IOPT",
            "PHASEDELAYS1",
        )
    ]
    + [(HEADER, f"raw/{name}") for name in ("dacq_ctrl", "data_format", "kydir")],
)
def test_nor_any_field_that_a_converter_reads(select: str, path: str) -> None:
    form = "text" if select == BLOCK else "binary-number"
    decision = plan("converter-safe").decide(select, Field(path, form))
    assert decision.read_by
    assert not decision.redact


@pytest.mark.parametrize("person", PEOPLE)
def test_no_text_of_a_person_is_listed_by_any_rule(person: bytes) -> None:
    listed = [
        select
        for select, rule in texts()
        if RULES.form(select, "", person, "text") == "code" and rule.cls == "technical"
    ]
    assert listed == []


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_a_person_in_a_text_that_nobody_reads_is_redacted(policy: str) -> None:
    decide = plan(policy).decide
    kept = [
        select
        for select, rule in texts()
        for span in layout_by_vr(rule.vr, b"Doe^Jane, ward 7")
        if span.path == "" and span.form and not decide(select, Field("", span.form)).redact
    ]
    read = {row.selector for row in read_elements() if row.vendor == "GE"}
    assert [select for select in kept if policy == "strict" or select not in read] == []


@pytest.mark.parametrize(
    "select",
    [
        "(0009,GEMS_IDEN_01,27)",
        "(0009,GEMS_IDEN_01,E9)",
        "(0023,GEMS_STDY_01,70)",
        "(0009,GEMS_IDEN_01,E7)",
        "(0009,GEMS_PETD_01,02)",
        "(0015,GEMS_DL_STUDY_01,88)",
        "(0015,GEMS_DL_STUDY_01,89)",
        "(0249,GEMS_RTEN_01,14)",
        "(0009,GEMS_GENIE_1,40)",
        "(0043,GEMS_PARM_01,61)",
        "(0043,GEMS_PARM_01,62)",
        "(2001,1.2.840.113819.3,72)",
        "(2001,1.2.840.113819.3,C0)",
        "(7001,GEMS_MR_RAW_01,07)",
    ],
)
def test_epochs_names_and_numbers_of_examinations_are_redacted(select: str) -> None:
    rule = RULES.whole[select]
    form = rule.form or ("binary-number" if rule.vr in NUMBER_VRS else "text")
    assert plan("converter-safe").decide(select, Field("", form)).redact


@pytest.mark.parametrize("policy", STANDING)
def test_numbers_of_the_acquisition_stand(policy: str) -> None:
    for select in ("(0019,GEMS_ACQU_01,5A)", "(0043,GEMS_PARM_01,2C)", "(0021,GEMS_RELA_01,4F)"):
        decision = plan(policy).decide(select, Field("", "binary-number"))
        assert decision.vouched
        assert not decision.redact
