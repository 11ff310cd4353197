"""Selectors: how elements are named, never by an absolute private tag."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.errors import PolicyError
from csaclean.selector import Step, fold_creator, format_selector, parse_selector

_CREATORS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="()"), min_size=1, max_size=20
)
_PRIVATE = st.builds(Step, st.integers(0, 0xFFFF), st.integers(0, 0xFF), _CREATORS)
_STANDARD = st.builds(Step, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.none())


@given(st.lists(_PRIVATE | _STANDARD, min_size=1, max_size=5).map(tuple))
def test_what_is_written_can_be_read(selector: tuple[Step, ...]) -> None:
    assert parse_selector(format_selector(selector)) == selector


def test_a_private_step_has_group_creator_and_byte() -> None:
    assert parse_selector("(0029,SIEMENS CSA HEADER,1f)") == (Step(0x29, 0x1F, "SIEMENS CSA HEADER"),)


def test_a_standard_step_has_a_whole_tag() -> None:
    assert parse_selector("(0029,V,10)/(0008,0018)") == (Step(0x29, 0x10, "V"), Step(0x08, 0x18))


def test_a_creator_may_hold_slashes_and_commas() -> None:
    assert parse_selector("(0029,A/B, C,10)") == (Step(0x29, 0x10, "A/B, C"),)


def test_hexadecimal_digits_are_written_in_upper_case() -> None:
    assert format_selector(parse_selector("(7fe1,v,0f)/(7fe0,00ff)")) == "(7FE1,v,0F)/(7FE0,00FF)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "0029,V,10",
        "(0029,V,10",
        "(0029,V,10)/",
        "/(0029,V,10)",
        "(0029,V,10)(0029,V,20)",
        "(0029,V,1)",
        "(0029,V,100)",
        "(0029,,10)",
        "(029,V,10)",
        "(0029,V,1G)",
        "(0029,10)",
        "(0029,V,10) ",
        "(0029,(V),10)",
    ],
)
def test_anything_else_is_an_error_on_one_line(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_selector(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [b"Siemens CSA Header", b" SIEMENS CSA HEADER\0", b"\0 siemens csa header \0 ", "SIEMENS CSA HEADER"],
)
def test_creators_are_compared_trimmed_and_folded(value: bytes | str) -> None:
    assert fold_creator(value) == "siemens csa header"


@given(st.binary(max_size=70))
def test_folding_takes_any_bytes_and_is_done_once(value: bytes) -> None:
    once = fold_creator(value)
    assert fold_creator(once) == once
