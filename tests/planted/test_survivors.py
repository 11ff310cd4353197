"""Nobody survives: an identity that stands wherever a claimed element can hold text is found nowhere afterwards.

csaclean isn't told whom to look for. The search is `tests.planted.search`, which shares nothing with csaclean's own.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from csaclean.registry import Claimed, installed
from csaclean.report.model import Report
from phantom_family import OF_THE_DATA_SET
from phantom_identities import IDENTITIES
from tests.planted.conftest import POLICIES, SHARES, Cleaned, cleaned, encoding_of, plant_file
from tests.planted.laid_out import Part, blotted, laid_out
from tests.planted.search import pieces_of, places

FEWEST_PLACES: Final = 4000
SOME: Final = range(0, len(IDENTITIES), 9)


class Declared:
    """What a report says that is left: identifying fields that a converter reads, and elements that nobody vouches for."""

    def __init__(self, report: Report) -> None:
        self._kept = {(kept.selector, kept.field) for kept in report.kept}
        self._unvouched = {group.selector for group in report.elements if not group.vouched}

    def __call__(self, part: Part) -> bool:
        """Tell whether a field may stand."""
        return (part.selector, part.path) in self._kept or (
            not part.vouched and part.selector in self._unvouched
        )


def tag_of(claimed: Claimed) -> int:
    step = claimed.claim.selector[-1]
    return step.group << 16 | step.element


def test_there_are_a_hundred_identities_or_more() -> None:
    assert len(set(IDENTITIES)) >= 100
    assert all(pieces_of(text) for text in IDENTITIES)


def test_somebody_stands_in_every_claimed_element() -> None:
    claimed = {
        one.selector
        for one in installed().claims
        if one.claim.vr != "SQ"  # of sequences, what they hold is
        and (one.claim.selector[-1].creator or tag_of(one) not in OF_THE_DATA_SET)
    }
    found = set()
    for turn in range(SHARES):
        _, laid, _ = laid_out(plant_file(IDENTITIES[turn], turn).data, "strict")
        found |= {one.found.claimed.selector for one in laid}
    assert found >= claimed


@pytest.mark.parametrize("turn", SOME)
def test_an_identity_stands_in_thousands_of_places(turn: int) -> None:
    assert sum(plant_file(IDENTITIES[turn], turn).counts.values()) >= FEWEST_PLACES


def test_an_identity_stands_in_every_kind_of_text_and_in_every_class_of_dead_byte() -> None:
    counts = sum((plant_file(IDENTITIES[turn], turn).counts for turn in SOME), Counter[str]())
    assert counts.keys() >= {
        "protocol", "EVAProtocol", "short form", "PhoenixZIP", "SrMsgBuffer", "CSA tags", "CSA tag names", "CSA tags of unknown name",
        "nested data set", "STEP text", "MEDCOM history", "PatReinPattern", "AutoAlignData", "FmriExternalInfo", "ExamDataRole",
        "dead bytes: name-tail", "dead bytes: vr-tail", "dead bytes: value-tail", "dead bytes: padding", "dead bytes: trailer",
        "dead bytes: after-trailer", "dead bytes: csa1-trailer", "dead bytes: tail of a protocol", "dead bytes: slack of a log",
    }  # fmt: skip


@pytest.mark.parametrize("turn", SOME)
def test_the_search_finds_who_is_planted_and_nobody_else(turn: int) -> None:
    text = IDENTITIES[turn]
    assert len(places(plant_file(text, turn).data, text)) >= FEWEST_PLACES
    assert places(plant_file(None, turn).data, text) == []


@pytest.mark.parametrize("turn", range(len(IDENTITIES)))
def test_nobody_survives_strict(turn: int, cleaned_file: Callable[[int, str], Cleaned]) -> None:
    file = cleaned_file(turn, "strict")
    assert places(file.data, file.text) == []


@pytest.mark.parametrize("turn", range(len(IDENTITIES)))
def test_nobody_survives_converter_safe_but_where_it_is_declared(
    turn: int, cleaned_file: Callable[[int, str], Cleaned]
) -> None:
    file = cleaned_file(turn, "converter-safe")
    assert places(blotted(file.data, "converter-safe", Declared(file.report)), file.text) == []


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("turn", SOME)
def test_cleaning_twice_is_cleaning_once_and_no_length_changes(
    turn: int, policy: str, tmp_path: Path
) -> None:
    planted = plant_file(IDENTITIES[turn], turn)
    once, _ = cleaned(planted.data, tmp_path, policy)
    assert len(once) == len(planted.data)
    twice, report = cleaned(once, tmp_path, policy)
    assert (twice == once, report.status) == (True, "unchanged")


def test_files_are_written_in_all_encodings() -> None:
    assert {encoding_of(turn).name for turn in range(8)} == {"explicit", "implicit", "big-endian"}
