"""Every element that pydicom's dictionary has of these creators has a rule, so a new one is noticed."""

from collections.abc import Iterator

import pytest
from pydicom._private_dict import private_dictionaries

from csaclean.handler import format_selector
from csaclean.registry import installed
from csaclean.selector import Step, fold_creator
from tests.archives.samples import FAMILIES, claims_of

PIXELS = {("elscint1", 0x07A1, 0x0A)}
"""Copies of pixels: nobody claims them, so they stay and are reported."""


def in_dictionary(creators: set[str]) -> Iterator[Step]:
    """Yield the elements of folded creators; pydicom writes some with the block that they were seen in."""
    for creator, elements in private_dictionaries.items():
        if fold_creator(creator) in creators:
            for tag, (_, _, name, *_) in elements.items():
                is_odd_group = tag[3] in "13579BDF"  # an even one is an overlay's or a curve's, and standard
                if is_odd_group and name != "Private Creator":
                    yield Step(int(tag[:4], 16), int(tag[-2:], 16), fold_creator(creator))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_element_of_the_dictionary_has_a_rule(name: str) -> None:
    creators = {fold_creator(claimed.claim.selector[-1].creator or "") for claimed in claims_of(name)}
    missing = {
        str(step)
        for step in in_dictionary(creators)
        if not installed().find(step.group, step.creator, step.element)
        and (step.creator, step.group, step.element) not in PIXELS
    }
    assert not missing


@pytest.mark.parametrize("name", FAMILIES)
def test_every_claim_is_on_a_private_element_of_a_creator(name: str) -> None:
    for claimed in claims_of(name):
        (step,) = claimed.claim.selector
        assert step.group % 2
        assert step.creator
        assert claimed.by_vr


def test_no_creator_has_two_handlers() -> None:
    owners: dict[str, set[str]] = {}
    for claimed in installed().claims:
        creator = claimed.claim.selector[-1].creator
        if creator is not None:
            owners.setdefault(fold_creator(creator), set()).add(claimed.registered.name)
    ours = {creator: names for creator, names in owners.items() if names & set(FAMILIES)}
    assert {creator for creator, names in ours.items() if len(names) > 1} == set()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_technical_rule_on_texts_lists_them(name: str) -> None:
    for claimed in claims_of(name):
        rule = claimed.rules.whole[format_selector(claimed.claim.selector)]
        if rule.cls == "technical" and rule.vr in (
            "AE",
            "CS",
            "LO",
            "LT",
            "PN",
            "SH",
            "ST",
            "UC",
            "UR",
            "UT",
        ):
            assert rule.lists_texts
