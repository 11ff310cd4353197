"""Precision of the search for identifiers on real files: each hit is one that somebody looked at."""

from collections import Counter

import pytest

from tests.conftest import NO_REAL_DATA, manifest
from tests.real.hits import VERDICTS, count_hits, read_table

MOST_FALSE = 0
"""Fields of real files in which the search finds what is no identifier."""


def test_each_hit_in_real_files_was_looked_at() -> None:
    if not manifest():
        pytest.skip(NO_REAL_DATA)
    seen = Counter({hit: count for hit, (count, _) in read_table().items()})
    found = count_hits()
    said = [f"{count} fields, not looked at: {hit}" for hit, count in sorted((found - seen).items())]
    said += [f"{count} fields, not found: {hit}" for hit, count in sorted((seen - found).items())]
    assert not said, "look at them, then run python -m tests.real.hits:\n" + "\n".join(said)


def test_every_hit_has_a_verdict() -> None:
    assert {verdict for _, verdict in read_table().values()} <= set(VERDICTS)


def test_few_hits_are_no_identifiers() -> None:
    assert sum(count for count, verdict in read_table().values() if verdict == VERDICTS[1]) <= MOST_FALSE
