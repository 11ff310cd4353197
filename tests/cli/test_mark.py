"""``--mark`` on the command line and in the report."""

import json
from importlib.resources import files
from pathlib import Path

import pydicom
from jsonschema import Draft202012Validator

from tests.cli.conftest import Command


def records(text: str) -> list[dict[str, object]]:
    """Return the lines of a report, what marks add to them held against the schema."""
    schema = json.loads(files("csaclean.report").joinpath("schema.json").read_text("utf-8"))
    found = [json.loads(line) for line in text.splitlines()]
    regions = {"type": "array", "items": {"$ref": "#/$defs/regions"}}
    for record in found:
        marks = {key: verdict for key, verdict in record.get("proof", {}).items() if key == "mark"}
        for kind, value in ((regions, record.get("regions", [])), ({"$ref": "#/$defs/proof"}, marks)):
            Draft202012Validator({"$defs": schema["$defs"], **kind}).validate(value)
    return found


def test_files_are_marked_and_the_report_says_where(csaclean: Command, tree: Path, tmp_path: Path) -> None:
    done = csaclean("--mark", tree, "-o", tmp_path / "out", "--json", "-")
    assert done.returncode == 0
    by_name = {record.get("file"): record for record in records(done.stdout)}
    marked = by_name["a/1.dcm"]
    inserted = [one for one in marked["regions"] if one["region"] == "mark"]  # type: ignore[attr-defined]  # JSON
    assert {one["action"] for one in inserted} == {"insert"}
    grown = (tmp_path / "out" / "a" / "1.dcm").stat().st_size - (tree / "a" / "1.dcm").stat().st_size
    assert sum(one["bytes"] for one in inserted) == grown
    assert marked["proof"]["mark"] == "held"  # type: ignore[index]  # JSON
    plain = by_name["b/plain.dcm"]
    assert (plain["status"], plain["regions"]) == ("unchanged", [])


def test_without_the_option_nothing_is_marked(csaclean: Command, tree: Path, tmp_path: Path) -> None:
    done = csaclean(tree, "-o", tmp_path / "out", "--json", "-")
    for record in records(done.stdout):
        assert "mark" not in record.get("proof", {})  # type: ignore[operator]  # JSON
    assert "DeidentificationMethod" not in pydicom.dcmread(tmp_path / "out" / "a" / "1.dcm")


def test_each_line_says_that_a_file_was_marked(csaclean: Command, tree: Path, tmp_path: Path) -> None:
    assert csaclean("--mark", "-v", tree, "-o", tmp_path / "out").stdout.count("mark: inserted") == 3
    assert "mark: to insert" in csaclean("check", "--mark", tree).stdout


def test_check_finds_that_a_cleaned_file_lacks_its_mark_and_a_marked_one_nothing(
    csaclean: Command, tree: Path, tmp_path: Path
) -> None:
    csaclean(tree, "-o", tmp_path / "cleaned")
    assert csaclean("check", tmp_path / "cleaned").returncode == 0
    assert csaclean("check", "--mark", tmp_path / "cleaned").returncode == 5
    csaclean("--mark", tree, "-o", tmp_path / "marked")
    assert csaclean("check", "--mark", tmp_path / "marked").returncode == 0


def test_a_policy_whose_name_can_not_stand_in_a_mark_is_a_usage_error(
    csaclean: Command, tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text('extends = "converter-safe"\nname = "a\\\\b"\n')
    done = csaclean("--mark", "-p", tmp_path / "mine.toml", tree, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()


def test_workers_mark_as_one_process_does(csaclean: Command, tree: Path, tmp_path: Path) -> None:
    csaclean("--mark", tree, "-o", tmp_path / "one")
    csaclean("--mark", "-j", "2", tree, "-o", tmp_path / "two")
    for path in (one for one in (tmp_path / "one").rglob("*") if one.is_file()):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
