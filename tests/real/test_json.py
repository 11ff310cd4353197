"""The JSON report of the installed command agrees with what independent readers count."""

import json
import subprocess
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RealFile, manifest, real_files
from tests.real.readers import (
    HEADERS,
    CsaElement,
    body,
    claimed_elements,
    encapsulated_dead,
    expected_field,
    flat,
    read,
    siemens_elements,
    walk_csa2,
)

NUMBERS = ("08", "09", "10", "18", "19", "20")
Records = dict[str, dict[str, Any]]
PATIENT_FIELDS = {"UsedPatientWeight": 1, "PatReinPattern": 4}
"""How many fields of a CSA tag hold something of the patient."""
CLASSES = {number: ["dates"] if number in ("09", "19") else ["patient-characteristics"] for number in NUMBERS}
"""Of each element of a CSA block, the class of edits that is counted here."""
TELLING = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "AccessionNumber",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "InstitutionName",
    "StationName",
    "DeviceSerialNumber",
    "ReferringPhysicianName",
    "OperatorsName",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "FrameOfReferenceUID",
    "SeriesDescription",
    "ProtocolName",
)


def run_json(command: list[str], report: Path) -> tuple[int, Records]:
    """Return exit status and records of a run, by file; the summary under an empty name."""
    done = subprocess.run(
        [*command, "--json", str(report), "--quiet"], capture_output=True, timeout=120, check=False
    )
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    return done.returncode, {line.get("file", ""): line for line in lines}


@pytest.fixture(scope="session")
def cleaned(real_data: Path, csaclean_script: str, tmp_path_factory: pytest.TempPathFactory) -> Records:
    """Return the records of cleaning all real files."""
    folder = tmp_path_factory.mktemp("json")
    status, records = run_json(
        [csaclean_script, "clean", str(real_data), "-o", str(folder / "out")], folder / "clean.jsonl"
    )
    assert status == 0
    return records


@pytest.fixture(scope="session")
def checked(real_data: Path, csaclean_script: str, tmp_path_factory: pytest.TempPathFactory) -> Records:
    """Return the records of checking all real files."""
    folder = tmp_path_factory.mktemp("json")
    status, records = run_json([csaclean_script, "check", str(real_data)], folder / "check.jsonl")
    assert status == 5  # something would change
    return records


def counts(element: CsaElement) -> Counter[str]:
    """Return what a report should say of an element."""
    found = Counter({"count": 1, "bytes": len(element.value), "orphans": int(element.creator is None)})
    if element.offset in HEADERS:
        walked = walk_csa2(element.value)
        found["dead"], found["dead_nonzero"] = walked.dead_bytes(element.value)
        found["dead"] += sum(
            encapsulated_dead(element.value[start:stop])
            for tag in walked.tags
            if tag.name == "MR_ASL"
            for start, stop in tag.values
        )
        found["edits patient-characteristics"] = sum(
            PATIENT_FIELDS.get(tag.name, 0)
            for tag in walked.tags
            for start, stop in tag.values
            if expected_field(tag.name, value := element.value[start:stop], "converter-safe") != value
        )
    elif element.offset in (0x09, 0x19):
        found["edits dates"] = 1
    return +found


def test_every_record_fits_the_schema(cleaned: Records, checked: Records) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(files("csaclean.report").joinpath("schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for record in (*cleaned.values(), *checked.values()):
        validator.validate(record)


def test_there_is_a_record_for_every_file(cleaned: Records) -> None:
    named = {file.name for file in manifest()}
    assert named <= cleaned.keys()
    dicom = {name for name, record in cleaned.items() if record.get("status") in ("cleaned", "unchanged")}
    assert dicom == {name for name in named if name.endswith(".dcm")}


def test_the_summary_counts_the_records(cleaned: Records) -> None:
    summary = cleaned[""]
    records = [record for name, record in cleaned.items() if name]
    assert {status: n for status, n in summary["files"].items() if n} == Counter(r["status"] for r in records)
    plain = ("bruker", "canon", "hitachi")
    files = [file.name for file in manifest() if file.name.endswith(".dcm")]
    assert summary["files"]["cleaned"] == len([name for name in files if not name.startswith(plain)])
    assert summary["files"]["failed"] == 0
    assert summary["unvouched"] == sum(not r["vouched"] for r in records if r["status"] != "skipped")
    assert summary["dead_nonzero"] == sum(e["dead_nonzero"] for r in records for e in r["elements"])


def test_check_finds_what_clean_does(cleaned: Records, checked: Records) -> None:
    def findings(records: Records) -> dict[str, dict[str, Any]]:
        return {
            name: {key: value for key, value in record.items() if key not in ("proof", "mode")}
            for name, record in records.items()
        }

    assert findings(checked) == findings(cleaned)


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_csa_elements_are_counted_as_independent_readers_count_them(file: RealFile, cleaned: Records) -> None:
    expected: dict[str, Counter[str]] = {}
    for element in claimed_elements(file.path.read_bytes()):
        selector = f"(0029,SIEMENS CSA HEADER,{element.offset:02X})"
        expected.setdefault(selector, Counter()).update(counts(element))
    found = {
        element["selector"]: +Counter(
            {key: element[key] for key in ("count", "bytes", "orphans", "dead", "dead_nonzero")}
            | {f"edits {cls}": element["edits"].get(cls, 0) for cls in CLASSES[element["selector"][-3:-1]]}
        )
        for element in cleaned[file.name]["elements"]
        if ",SIEMENS CSA HEADER," in element["selector"]
    }
    assert found == expected


@pytest.mark.parametrize("file", real_files("*siemens*.dcm", but=("*orphan*",)))
def test_elements_of_the_family_are_counted_as_an_independent_reader_counts_them(
    file: RealFile, cleaned: Records
) -> None:
    count, size = Counter[str](), Counter[str]()
    for one in siemens_elements(file.path.read_bytes()):
        selector = f"({one.tag >> 16:04x},{one.creator},{one.offset:02x})"
        count[selector] += 1
        size[selector] += len(one.value)
    record = cleaned[file.name]
    claimed = [one for one in record["elements"] if one["selector"].count(",") == 2]
    assert len(claimed) >= 2
    for one in claimed:
        selector = one["selector"].rpartition("/")[2].casefold()
        assert (one["count"], one["bytes"]) == (count.pop(selector), size[selector]), selector
    unclaimed = {one["selector"].rpartition("/")[2].casefold() for one in record["unclaimed"]}
    assert not {selector for selector in count if size[selector]} - unclaimed


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_a_preamble_is_reported_where_it_is_filled(file: RealFile, cleaned: Records) -> None:
    preamble = file.path.read_bytes()[:128]
    found = [region for region in cleaned[file.name]["regions"] if region["region"] == "preamble"]
    assert [region["nonzero"] for region in found] == ([128 - preamble.count(0)] if any(preamble) else [])


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_nothing_that_names_the_patient_the_exam_or_the_device_is_reported(
    file: RealFile, cleaned: Records
) -> None:
    data = body(file.path.read_bytes())
    dataset = read(data)
    own = {place.rpartition("/")[2]: str(value) for place, _, value in flat(dataset) if place.count("/") == 1}
    telling = {name: own.get(str(dataset[name].tag), "") for name in TELLING if name in dataset}
    record = json.dumps({key: value for key, value in cleaned[file.name].items() if key != "file"})
    leaked = [name for name, value in telling.items() if len(value.strip()) >= 4 and value.strip() in record]
    assert not leaked
