"""What tells who was examined, when and where: counted in the private elements of real files before and after cleaning.

The search shares nothing with csaclean. It knows a Siemens UID by its root, and takes all else from the standard elements
of the file itself: its dates and times, the scanner's serial number, weight and age of the patient.
"""

import base64
import re
from collections.abc import Iterator

import pytest

from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.readers import elements, siemens_elements, walk_csa2

ROOT = b"1.3.12.2.1107.5"
UID = re.compile(re.escape(ROOT) + rb"(?:\.\d+)*")
DATES = (0x00080012, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A, 0x00100030)
SERIAL = 0x00181000
WIP_NUMBER = re.compile(rb"sWipMemBlock\.alFree\[\d+\]\t = \t\d{1,5}\n")
WEIGHT, AGE, SEX = 0x00101030, 0x00101010, 0x00100040
PATIENT_TAGS = ("UsedPatientWeight", "PatReinPattern")
PATIENT_ELEMENTS = {(0x0021, "siemens mr sds 01", 0x01), (0x0021, "siemens mr sds 01", 0x2B)}
NOTHING_TOLD = ("*creators-anon*", "*medcom-oog*", "*xa30i_phoenixzip-sr*")
"""Files in which the search finds nothing: others took it out before, or it was never there."""

siemens_file = pytest.mark.parametrize("file", real_files("*siemens*.dcm"))


def views(value: bytes) -> Iterator[bytes]:
    """Yield a value as it is, as UTF-16LE at both parities without its high bytes, and every run of base64 decoded."""
    yield value
    yield from (value[parity::2] for parity in (0, 1) if value.count(0) > len(value) // 4)
    for run in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", value):
        yield base64.b64decode(run[: len(run) // 4 * 4])


def found(pattern: re.Pattern[bytes], data: bytes) -> int:
    """Return how often something stands in the private elements of Siemens in a file."""
    return sum(len(pattern.findall(view)) for one in siemens_elements(data) for view in views(one.value))


def texts(data: bytes, *tags: int) -> set[bytes]:
    """Return what standard elements of some numbers hold, at any depth."""
    return {one.value.strip(b" \0") for one in elements(data) if one.tag in tags} - {b""}


def any_of(words: set[bytes]) -> re.Pattern[bytes] | None:
    """Return what finds any of some words that stands between other digits than its own; None if there are none."""
    if not words:
        return None
    return re.compile(rb"(?<!\d)(?:" + b"|".join(map(re.escape, sorted(words))) + rb")(?!\d)")


def dates(data: bytes) -> re.Pattern[bytes] | None:
    """Return what finds the dates of an examination, alone or at the head of a date and time."""
    days = {text[:8] for text in texts(data, *DATES) if re.match(rb"(?:19|20)\d{6}", text)}
    if not days:
        return None
    return re.compile(rb"(?<!\d)(?:" + b"|".join(sorted(days)) + rb")(?=\D|$|\d{6}(?!\d))")


@siemens_file
def test_no_uid_of_the_scanner_is_left(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    assert found(UID, done.after) == 0


@siemens_file
def test_no_date_of_the_examination_is_left(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    pattern = dates(done.before)
    assert pattern is None or found(pattern, done.after) == 0


@siemens_file
def test_no_serial_number_is_left(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    pattern = any_of({text for text in texts(done.before, SERIAL) if len(text) >= 5})
    # A number of five digits is not searched as a number: one stands in a sequence's own memory by chance.
    assert pattern is None or found(pattern, WIP_NUMBER.sub(lambda hit: b"~" * len(hit[0]), done.after)) == 0


def records(data: bytes) -> list[bytes]:
    """Return the weights and patient records of a file, wherever they stand."""
    held = [one.value.strip(b" \0") for one in siemens_elements(data) if one.place in PATIENT_ELEMENTS]
    for one in siemens_elements(data):
        if one.value.startswith(b"SV10"):
            held += [
                one.value[start:stop].strip()
                for tag in walk_csa2(one.value).tags
                if tag.name in PATIENT_TAGS
                for start, stop in tag.values
            ]
    return held


def told(record: bytes) -> list[bytes]:
    """Return what a weight or a record tells of the patient: weight, age, sex, and a number of the examination."""
    fields = record.split(b";")
    return [fields[index] for index in (2, 3, 4, 7)] if len(fields) == 8 else fields


@siemens_file
def test_no_weight_age_or_sex_is_left(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    assert len(records(done.before)) == len(records(done.after))
    for record in records(done.after):
        assert not any(re.search(rb"[1-9A-NP-Za-z]", field) for field in told(record))


@siemens_file
def test_position_codes_and_shape_of_the_record_stay(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    for old, new in zip(records(done.before), records(done.after), strict=True):
        assert old.count(b";") == new.count(b";")
        assert old.split(b";")[:2] == new.split(b";")[:2] or b";" not in old


# What was there before: the search finds it where it is


@pytest.mark.parametrize("file", real_files("*siemens*.dcm", but=NOTHING_TOLD))
def test_the_search_finds_something_in_the_original(file: RealFile, clean: Clean) -> None:
    before = clean(file, "converter-safe").before
    patterns = [UID, dates(before), any_of({text for text in texts(before, SERIAL) if len(text) >= 5})]
    counts = [found(pattern, before) for pattern in patterns if pattern is not None]
    telling = [field for record in records(before) for field in told(record) if re.search(rb"[1-9]", field)]
    assert sum(counts) + len(telling) > 0


def test_the_search_finds_each_kind_in_many_files(clean: Clean) -> None:
    counts = {"uid": 0, "date": 0, "serial": 0, "record": 0}
    files: list[RealFile | None] = [parameter.values[0] for parameter in real_files("*siemens*.dcm")]  # type: ignore[attr-defined]
    if files == [None]:
        pytest.skip(str(real_files("*")[0].marks[0].kwargs["reason"]))  # type: ignore[attr-defined]
    for file in files:
        assert file is not None
        before = clean(file, "converter-safe").before
        day, serial = dates(before), any_of({text for text in texts(before, SERIAL) if len(text) >= 5})
        counts["uid"] += bool(found(UID, before))
        counts["date"] += bool(day and found(day, before))
        counts["serial"] += bool(serial and found(serial, before))
        counts["record"] += any(re.search(rb"[1-9]", b"".join(told(one))) for one in records(before))
    assert counts["uid"] > 40
    assert counts["date"] > 35
    assert counts["record"] > 40
