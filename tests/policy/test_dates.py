"""Shifted dates: whole days, same length, or none where there is no day to shift."""

import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.errors import CsacleanError, FileError, PolicyError
from csaclean.policy.dates import DateShift, read_shifts, shift_date, shift_datetime

_FORMS = st.sampled_from(("{:%Y%m%d}", "{:%Y.%m.%d}", "{:%Y-%m-%d}"))
_DAYS = st.integers(-4_000_000, 4_000_000)
_DATES = st.dates(min_value=datetime(1000, 1, 1, tzinfo=UTC).date())
_ODD_DATES = st.from_regex(rb"[0-9]{4}[.-]?[0-9]{2}[.-]?[0-9]{2}", fullmatch=True)


def _written(form: str, day: object) -> bytes:
    return form.format(day).encode()


@given(day=_DATES, form=_FORMS, days=st.integers(-100_000, 100_000))
def test_a_date_moves_by_days_in_its_own_form(day: datetime, form: str, days: int) -> None:
    new = shift_date(_written(form, day), days)
    try:
        expected = day + timedelta(days=days)
    except OverflowError:
        assert new is None
    else:
        year = f"{expected.year:04}"
        assert new == _written(form.replace("%Y", year), expected)


@given(old=st.binary(max_size=12) | _ODD_DATES, days=_DAYS)
def test_a_shifted_date_is_as_long_as_before_or_there_is_none(old: bytes, days: int) -> None:
    new = shift_date(old, days)
    assert new is None or len(new) == len(old)


@given(old=_ODD_DATES, days=st.integers(-100_000, 100_000))
def test_shifting_back_gives_the_date(old: bytes, days: int) -> None:
    new = shift_date(old, days)
    if new is not None:
        assert shift_date(new, -days) == old


@given(old=_ODD_DATES)
def test_no_days_change_nothing(old: bytes) -> None:
    assert shift_date(old, 0) in (old, None)


@pytest.mark.parametrize(
    "old",
    [
        b"",
        b"2024",
        b"202401",
        b"20240230",
        b"20230229",
        b"20241301",
        b"20240100",
        b"00000101",
        b"2024.01-01",
        b"2024/01/01",
        b"2024.0101",
        b"20240101 ",
        b"20240101\n",
        b"XXXXXXXX",
        "\uff12\uff10\uff12\uff14\uff10\uff11\uff10\uff11".encode(),
    ],
)
def test_what_is_no_day_of_the_calendar_is_not_shifted(old: bytes) -> None:
    assert shift_date(old, 1) is None


@pytest.mark.parametrize(
    ("old", "days"), [(b"99991231", 1), (b"00010101", -1), (b"20240101", 10**7), (b"20240101", -(10**30))]
)
def test_days_out_of_the_calendar_are_not_written(old: bytes, days: int) -> None:
    assert shift_date(old, days) is None


def test_leap_days_exist() -> None:
    assert shift_date(b"20240228", 1) == b"20240229"


@given(
    day=_DATES,
    rest=st.from_regex(
        rb"([01][0-9]([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?)?([+-]0[0-9][0-5][0-9])? {0,2}", fullmatch=True
    ),
    days=st.integers(-1000, 1000),
)
def test_the_time_of_a_datetime_stays(day: datetime, rest: bytes, days: int) -> None:
    old = _written("{:%Y%m%d}", day)
    moved = shift_date(old, days)
    assert shift_datetime(old + rest, days) == (None if moved is None else moved + rest)


@given(old=st.binary(max_size=30), days=_DAYS)
def test_anything_else_is_no_datetime(old: bytes, days: int) -> None:
    new = shift_datetime(old, days)
    assert new is None or len(new) == len(old)


@pytest.mark.parametrize(
    "old",
    [
        b"",
        b"2024",
        b"202401",
        b"2024010",
        b"202401012",
        b"2024010124",
        b"202401012360",
        b"20240101235961",
        b"20240101120000.",
        b"20240101120000.1234567",
        b"20240101120000+1",
        b"20240101120000+1560",
        b"20240101.5",
        b"20240230120000",
        b"20240101120000\0",
        b"2024-01-01T12:00:00",
    ],
)
def test_partial_and_impossible_datetimes_are_not_shifted(old: bytes) -> None:
    assert shift_datetime(old, 1) is None


def _table(folder: Path, text: str | bytes) -> Path:
    path = folder / "shifts.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "A1\t5\nB2\t-17\n",
        "A1,5\nB2,-17",
        "PatientID,days\nA1,+5\nB2,-17\n",
        "\ufeffPatientID\tdays\r\nA1\t5\r\n\r\nB2\t-17\r\n",
        "# by the trial office\n  \nA1 , 5\nB2,-17\n#C3,x\n",
        'A1,5\n"B2","-17"\nA1,5\n',
    ],
    ids=["tabs", "commas", "header", "from a spreadsheet", "comments", "quotes and repeats"],
)
def test_a_table_gives_the_days_of_each_patient(tmp_path: Path, text: str) -> None:
    assert read_shifts(_table(tmp_path, text)) == {"A1": 5, "B2": -17}


def test_a_patient_id_may_hold_the_separator(tmp_path: Path) -> None:
    table = _table(tmp_path, '"Doe, J.",5\nRoe, J.\t6\n"#3",7\n')
    assert read_shifts(table) == {"Doe, J.": 5, "Roe, J.": 6, "#3": 7}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A1,5\nSECRET\n", 2),
        ("A1,5\nSECRET,1,2\n", 2),
        ("A1,5\nSECRET,five\n", 2),
        ("SECRET,5x\n", 1),
        ("#\n\nSECRET,5.5\n", 3),
        ("SECRET,123456789\n", 1),
        ("A1,5\nSECRET,\n", 2),
        ("SECRET,\u06655\n", 1),
        (",5\n", 1),
        ("SECRET,5\nB2,1\nSECRET,6\n", 3),
        ('"SECRET,5\n', 1),
        ("days,days\ndays,SECRET\n", 2),
    ],
)
def test_a_bad_line_is_named_and_not_quoted(tmp_path: Path, text: str, number: int) -> None:
    with pytest.raises(PolicyError) as caught:
        read_shifts(_table(tmp_path, text))
    message = str(caught.value)
    assert message.startswith(f"shifts.csv: line {number}: ")
    assert "SECRET" not in message


def test_different_days_of_one_patient_name_both_lines(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"line 3: not the days of line 1"):
        read_shifts(_table(tmp_path, "A1,5\nB2,1\nA1,6\n"))


@pytest.mark.parametrize("text", ["", "# nobody\n", "PatientID,days\n", b"A1,5\n\xff\xfe,5\n"])
def test_a_table_without_patients_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(PolicyError, match=r"^shifts\.csv: (lists no patient|not UTF-8)$"):
        read_shifts(_table(tmp_path, text))


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_a_table_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path, name: str) -> None:
    with pytest.raises(PolicyError):
        read_shifts(f"{tmp_path}/{name}")


@given(st.text(max_size=16))
def test_a_constant_shift_is_the_same_for_everybody(patient: str) -> None:
    assert DateShift(-30).days_for(patient) == -30


def test_a_list_gives_each_patient_their_days() -> None:
    shift = DateShift({"A1": 5, "B2": -17})
    assert (shift.days_for("A1"), shift.days_for(" B2 \0")) == (5, -17)


def test_a_patient_who_is_not_listed_is_an_error_that_does_not_name_them() -> None:
    with pytest.raises(FileError) as caught:
        DateShift({"A1": 5}).days_for("SECRET")
    assert isinstance(caught.value, CsacleanError)
    assert str(caught.value) == "no days to shift by: the list has no such PatientID"


@pytest.mark.parametrize(
    ("shift", "shown"), [(DateShift(1234), "constant"), (DateShift({"SECRET": 1234, "B": 1}), "2 patients")]
)
def test_a_shift_shows_neither_patients_nor_days(shift: DateShift, shown: str) -> None:
    assert repr(shift) == str(shift) == f"DateShift({shown})"


@pytest.mark.parametrize("shift", [DateShift(5), DateShift({"A1": 5})])
def test_a_shift_can_be_pickled_and_is_hashable(shift: DateShift) -> None:
    assert pickle.loads(pickle.dumps(shift)) == shift
    assert hash(shift) == hash(pickle.loads(pickle.dumps(shift)))
