"""Nobody stands in a file called accounted: neither the patient nor another that the header names, in any place and spelling.

Each file has one person in one place, so that the verdict on the file is one on the place. The search is
`tests.planted.search`, which shares nothing with csaclean's own.
"""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from phantom_identities import IDENTITIES
from phantom_persons import PERSONS, days, written
from phantom_places import PLACES
from phantom_writer import private_block
from tests.planted.person_files import RUNS, Outcome, Planted, clean, is_named, plant, planted_file, stands
from tests.planted.search import gives_away

_SHARE: Final = 6
"""Of the places, each person is planted in one of six under the default policy; in fewer under the others."""
_OTHERS: Final = {"dead-space": 25, "strict": 50, "read fields keep": 50, "unclaimed blank": 50}


def judged(planted: Planted, outcome: Outcome) -> bool:
    """Hold a cleaned file against the law, and tell whether it is accounted."""
    report = outcome.report
    assert report.proof["identifiers"] == "searched"
    remains = stands(planted, outcome.data)
    if report.vouched:
        assert not remains
    else:
        assert is_named(report)
        if remains and planted.is_found:
            assert report.identifiers_left
    return report.vouched


def places_of(turn: int, share: int) -> range:
    """Return the numbers of the places in which a person is planted."""
    return range(turn % share, len(PLACES), share)


def test_the_persons_are_the_identities() -> None:
    assert len(set(PERSONS)) == len(PERSONS) == len(IDENTITIES)
    assert {person.name for person in PERSONS} | {person.number for person in PERSONS} <= set(IDENTITIES)


def test_each_place_is_asked_of_many_persons() -> None:
    asked = Counter(number for turn in range(len(PERSONS)) for number in places_of(turn, _SHARE))
    assert min(asked.values()) >= len(PERSONS) // _SHARE
    assert asked.keys() == set(range(len(PLACES)))


@pytest.mark.parametrize("turn", range(len(PERSONS)))
def test_nobody_stands_in_a_file_called_accounted(turn: int, tmp_path: Path) -> None:
    accounted = seen = 0
    for number in places_of(turn, _SHARE):
        planted = plant(turn, number)
        if planted is None:
            continue
        outcome = clean(planted, "converter-safe", tmp_path)
        if outcome is not None:
            accounted += judged(planted, outcome)
            seen += stands(planted, planted.data)
    assert accounted >= 12
    assert seen >= 24


@pytest.mark.parametrize("run", _OTHERS)
@pytest.mark.parametrize("part", range(8))
def test_nobody_stands_in_a_file_called_accounted_under_other_policies(
    run: str, part: int, tmp_path: Path
) -> None:
    for turn in range(part, len(PERSONS), 8):
        for number in places_of(turn, _OTHERS[run]):
            planted = plant(turn, number)
            outcome = clean(planted, run, tmp_path) if planted is not None else None
            if planted is not None and outcome is not None:
                judged(planted, outcome)


@pytest.mark.parametrize("turn", range(len(PERSONS)))
def test_each_spelling_in_a_text_is_found(turn: int, tmp_path: Path) -> None:
    """Under dead-space a text stays whatever it says: what is found there depends on the spelling alone."""
    person = PERSONS[turn]
    for number, (kind, spelt) in enumerate(written(person)):
        if (number + turn) % 3:
            continue
        text = spelt if kind.endswith("swapped") else b"for " + spelt + b" here"
        planted = planted_file(
            person, private_block(0x0021, 0x20, b"SIEMENS MR SDS 01", {0x41: ("UT", text)})
        )
        outcome = clean(planted, "dead-space", tmp_path)
        assert outcome is not None
        assert (outcome.report.identifiers_left != (), kind) == (True, kind)


def test_the_search_finds_each_spelling_of_a_birth_date() -> None:
    for person in PERSONS[::9]:
        for _, text in days(person.born):
            assert gives_away(b"born %s here" % text.encode(), person)
        assert not gives_away(b"nobody at all, 20010203", person)


def test_all_runs_are_tried() -> None:
    assert RUNS.keys() == {"converter-safe", *_OTHERS}
