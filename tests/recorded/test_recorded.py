"""Cleaning makes of every known file what was recorded: see ``record.py`` for how tables are read and written."""

import pytest

from tests.conftest import NO_CASES, NO_REAL_DATA
from tests.recorded.record import POLICIES, Line, files, read_table, record

ABSENT = {"cases": NO_CASES, "data": NO_REAL_DATA}


def differences(expected: list[Line], found: list[Line]) -> list[str]:
    """Return, file by file, which columns of two tables differ."""
    old, new = ({line.file: line for line in lines} for lines in (expected, found))
    said = [f"{name}: not recorded" for name in sorted(new.keys() - old.keys())]
    said += [f"{name}: recorded, and not there" for name in sorted(old.keys() - new.keys())]
    for name in sorted(old.keys() & new.keys()):
        columns = zip(Line._fields, old[name], new[name], strict=True)
        changes = [f"{column} {was} -> {now}" for column, was, now in columns if was != now]
        if changes:
            said.append(f"{name}: {', '.join(changes)}")
    return said


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("of", ["phantoms", "cases", pytest.param("data", marks=pytest.mark.slow)])
def test_outputs_and_reports_are_as_recorded(of: str, policy: str) -> None:
    if not files(of):
        pytest.skip(ABSENT[of])
    expected = [line for line in read_table(of) if line.policy == policy]
    said = differences(expected, record(of, policy))
    assert not said, (
        f"{of}, {policy}: {len(said)} files differ (if that is right, explain it in the commit, and run"
        f" python -m tests.recorded.record {of}):\n" + "\n".join(said)
    )


def test_each_table_is_whole_and_in_order() -> None:
    for of in ("phantoms", "cases", "data"):
        keys = [(line.file, POLICIES.index(line.policy)) for line in read_table(of)]
        assert keys == sorted(set(keys))
        assert len(keys) == len(POLICIES) * len({file for file, _ in keys})


def test_a_difference_names_file_and_column() -> None:
    one = Line("a.dcm", "strict", "cleaned", output="1")
    assert differences([one], [one]) == []
    assert differences([one], [one._replace(output="2")]) == ["a.dcm: output 1 -> 2"]
    assert differences([one], []) == ["a.dcm: recorded, and not there"]
    assert differences([], [one]) == ["a.dcm: not recorded"]
