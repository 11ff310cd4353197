"""``--json``: JSON Lines after a schema that ships, an object per file in input order, then a summary."""

import json
import subprocess
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from csaclean import errors
from csaclean.policy.policies import ROWS
from csaclean.proof.witness import Verdict
from csaclean.report.json import SCHEMA
from phantom_file import Phantom, file_bytes
from phantom_writer import Element, private_block
from phantoms import GOLDEN, base_image, plain_image
from tests.option_files import csa_file

Command = Callable[..., subprocess.CompletedProcess[str]]
Builder = Callable[..., bytes]
Record = dict[str, Any]


def shipped_schema() -> Record:
    schema: Record = json.loads(files("csaclean.report").joinpath("schema.json").read_text("utf-8"))
    return schema


@pytest.fixture(scope="session")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(shipped_schema())
    return Draft202012Validator(shipped_schema())


def records(text: str) -> list[Record]:
    """Return the objects of JSON Lines: one a line, each line ended."""
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def problems(validator: Draft202012Validator, lines: list[Record]) -> list[str]:
    """Return what is wrong with records, in one line each."""
    found = []
    for line in lines:
        kind = validator.evolve(schema={**shipped_schema(), "oneOf": [{"$ref": f"#/$defs/{line['type']}"}]})
        found += [
            f"{line.get('file')} {list(error.absolute_path)}: {error.message[:200]}"
            for one in kind.iter_errors(line)
            for error in one.context or [one]
        ]
        if not found:
            validator.validate(line)
    return found


@pytest.fixture
def variety(tree: Path, small_file: Builder) -> Path:
    """Return a folder whose files come to every status, with every kind of finding."""
    for name, build in GOLDEN.items():
        (tree / f"{name}.dcm").write_bytes(build())
    whole = small_file()
    (tree / "cut.dcm").write_bytes(whole[:-7])
    (tree / "malformed.dcm").write_bytes(whole.replace(b"M\0\0\0", b"N\0\0\0", 1))
    unknown = private_block(0x0019, 0x10, b"INVENTED VENDOR 001", {0x01: ("LO", b"SOMETHING")})
    nobody = private_block(0x0021, 0x10, None, {0x01: ("LO", b"SOMETHING")})
    signature = (Element(0xFFFAFFFA, "SQ", b""),)
    read = private_block(0x0019, 0x10, None, {0x0A: ("US", b"\4\0")})  # dcm2niix reads (0019,100A)
    payload = private_block(0x7FE1, 0x10, None, {0x20: ("OB", b"\1\2\3\4")})
    (tree / "kept.dcm").write_bytes(file_bytes(Phantom(base_image(read, payload))))
    (tree / "declared.dcm").write_bytes(csa_file(note=b"of PH-0001"))
    (tree / "broken.dcm").write_bytes(
        file_bytes(
            Phantom(plain_image((Element(0x00081140, "UN", b"\xfe\xff\x00\xe0\x90\1\0\0" + bytes(8)),)))
        )
    )
    odd = Phantom(base_image(unknown, nobody, signature), preamble=b"P" * 128)
    (tree / "odd.dcm").write_bytes(file_bytes(odd))
    (tree / "no-pixels.dcm").write_bytes(file_bytes(Phantom(plain_image(pixels=False))))
    return tree


def by_file(lines: list[Record]) -> dict[str, Record]:
    return {line["file"]: line for line in lines if line["type"] == "file"}


class TestSchema:
    def test_every_line_of_a_run_is_valid(
        self, csaclean: Command, variety: Path, tmp_path: Path, validator: Draft202012Validator
    ) -> None:
        lines = records(csaclean(variety, "-o", tmp_path / "out", "--json", "-").stdout)
        assert problems(validator, lines) == []
        statuses = {line["status"] for line in lines if line["type"] == "file"}
        assert statuses == {"cleaned", "unchanged", "failed", "skipped"}

    def test_every_line_of_a_check_is_valid(
        self, csaclean: Command, variety: Path, validator: Draft202012Validator
    ) -> None:
        assert problems(validator, records(csaclean("check", variety, "--json", "-").stdout)) == []

    @pytest.mark.parametrize(
        "options",
        [
            ["-p", "strict"],
            ["-p", "dead-space"],
            ["--unclaimed", "blank"],
            ["--unclaimed", "fail"],
            ["--retain", "dates"],
            ["--shift-days", "7"],
            ["--mark"],
        ],
        ids=" ".join,
    )
    def test_so_is_every_line_under_any_option(
        self,
        csaclean: Command,
        variety: Path,
        tmp_path: Path,
        validator: Draft202012Validator,
        options: list[str],
    ) -> None:
        lines = records(csaclean(variety, "-o", tmp_path / "out", "--json", "-", *options).stdout)
        assert problems(validator, lines) == []

    def test_so_is_every_line_where_identifiers_are_found(
        self, csaclean: Command, variety: Path, tmp_path: Path, validator: Draft202012Validator
    ) -> None:
        (tmp_path / "identifiers").write_text("image num\n")
        lines = records(
            csaclean("check", variety, "--json", "-", "--identifiers", tmp_path / "identifiers").stdout
        )
        assert problems(validator, lines) == []
        found = {line["proof"]["identifiers"] for line in lines if line["type"] == "file" and line["proof"]}
        assert found >= {"searched"}
        assert any(line["identifiers"] for line in lines if line["type"] == "file")

    def test_every_class_of_edits_is_in_it(self) -> None:
        definitions = shipped_schema()["$defs"]
        assert definitions["edits"]["properties"].keys() == {*ROWS, "unclaimed", "identifiers"}
        assert set(definitions["class"]["enum"]) == set(ROWS)

    def test_every_verdict_of_the_witness_is_in_it(self) -> None:
        stages = shipped_schema()["$defs"]["proof"]["properties"]
        assert set(stages["witness"]["enum"]) == set(get_args(Verdict))

    def test_no_object_in_it_takes_other_keys(self) -> None:
        def objects(part: Any) -> Iterator[Record]:
            if isinstance(part, dict):
                if "properties" in part and part.get("type") == "object":
                    yield part
                for below in part.values():
                    yield from objects(below)

        found = list(objects(shipped_schema()["$defs"]))
        assert len(found) > 10
        assert all(one["additionalProperties"] is False for one in found)

    def test_every_code_of_a_failure_is_in_it(self) -> None:
        def below(cls: type[Exception]) -> Iterator[type[Exception]]:
            for one in cls.__subclasses__():
                yield one
                yield from below(one)

        known = set(shipped_schema()["$defs"]["file"]["properties"]["error"]["enum"])
        stages = {f"proof-{stage}" for stage in shipped_schema()["$defs"]["proof"]["properties"]}
        codes = {cls.code for cls in below(errors.FileError) if isinstance(cls.code, str)}  # type: ignore[attr-defined]
        assert codes - {"proof"} | stages | {"internal"} <= known

    @pytest.mark.parametrize(
        "path",
        [
            (),
            ("elements", 0),
            ("elements", 0, "edits"),
            ("kept", 0),
            ("unclaimed", 0),
            ("regions", 0),
            ("facts",),
            ("proof",),
        ],
    )
    def test_a_key_more_or_less_is_invalid(
        self,
        csaclean: Command,
        variety: Path,
        validator: Draft202012Validator,
        path: tuple[str | int, ...],
    ) -> None:
        lines = records(csaclean("check", variety, "--json", "-", "-p", "dead-space").stdout)
        valid = next(
            line
            for line in lines
            if not path or (line["type"] == "file" and line["status"] == "cleaned" and line[str(path[0])])
        )
        assert problems(validator, [valid]) == []
        more = json.loads(json.dumps(valid))
        part: Any = more
        for step in path:
            part = part[step]
        part["surprise"] = 1
        assert problems(validator, [more])
        del part["surprise"]
        if path not in ((), ("elements", 0), ("kept", 0), ("unclaimed", 0), ("regions", 0), ("proof",)):
            return
        part.pop(next(iter(part)))
        assert problems(validator, [more])

    def test_the_document_names_every_member_and_word_of_it(self) -> None:
        document = (Path(__file__).parents[2] / "docs" / "report.md").read_text("utf-8")
        definitions = shipped_schema()["$defs"]
        words = {*definitions["file"]["properties"], *definitions["summary"]["properties"]}
        words |= {"unruled-text", "opaque", "unclaimed", "identifiers"}
        words |= set(definitions["file"]["properties"]["facts"]["properties"])
        words |= set(definitions["file"]["properties"]["status"]["enum"])
        words |= set(definitions["unclaimed"]["properties"]["reason"]["enum"])
        for part in ("elements", "kept", "identifiers", "unclaimed", "regions", "proof"):
            words |= definitions[part]["properties"].keys()
        for part in ("regions", "proof"):
            for one in definitions[part]["properties"].values():
                words |= set(one.get("enum", ()))
        listed = {"elements", "kept", "identifiers", "unclaimed", "regions", "declared"}
        missing = {
            word
            for word in words
            if f"`{word}`" not in document and not (word in listed and f"`{word}[]`" in document)
        }
        assert not missing - {"region"}  # whose words are named

    def test_its_version_is_that_of_the_records(self) -> None:
        for kind in ("file", "summary"):
            assert shipped_schema()["$defs"][kind]["properties"]["schema"] == {"const": SCHEMA}


class TestContent:
    def test_there_is_an_object_per_file_in_order_and_a_summary(self, csaclean: Command, tree: Path) -> None:
        lines = records(csaclean("check", tree, "--json", "-").stdout)
        names = [line["file"] for line in lines[:-1]]
        assert names == ["DICOMDIR", "notes.txt", "a/1.dcm", "a/2.dcm", "b/plain.dcm", "b/deep/3"]
        assert lines[-1]["type"] == "summary"

    def test_what_was_promised_is_there(self, csaclean: Command, tree: Path) -> None:
        lines = by_file(records(csaclean("check", tree, "--json", "-").stdout))
        cleaned, skipped = lines["a/1.dcm"], lines["notes.txt"]
        assert cleaned["schema"] == 1
        assert (cleaned["status"], cleaned["error"]) == ("cleaned", None)
        assert (skipped["status"], skipped["error"]) == ("skipped", "not-dicom")
        image = next(
            group for group in cleaned["elements"] if group["selector"] == "(0029,SIEMENS CSA HEADER,20)"
        )
        assert image["handler"] == "siemens"
        assert image["count"] == 1
        assert image["bytes"] >= image["dead"] >= image["dead_nonzero"] > 0
        assert image["edits"] == {"patient-characteristics": 5}
        assert cleaned["proof"]["rows"] == "held"

    def test_check_writes_nothing_so_the_stage_written_is_off(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        checked = by_file(records(csaclean("check", tree, "--json", "-").stdout))
        cleaned = by_file(records(csaclean(tree, "-o", tmp_path / "out", "--json", "-").stdout))
        assert checked["a/1.dcm"]["proof"]["written"] == "off"
        assert cleaned["a/1.dcm"]["proof"]["written"] == "held"

    def test_a_failed_file_has_a_code_and_is_not_vouched_for(
        self, csaclean: Command, variety: Path, tmp_path: Path
    ) -> None:
        lines = by_file(records(csaclean(variety, "-o", tmp_path / "out", "--json", "-").stdout))
        assert {
            name: (line["error"], line["vouched"])
            for name, line in lines.items()
            if line["status"] == "failed"
        } == {
            "cut.dcm": ("malformed-file", False),
            "malformed.dcm": ("malformed-value", False),
        }

    def test_the_summary_counts_the_lines(self, csaclean: Command, variety: Path, tmp_path: Path) -> None:
        *lines, summary = records(csaclean(variety, "-o", tmp_path / "out", "--json", "-").stdout)
        for status, count in summary["files"].items():
            assert count == sum(line["status"] == status for line in lines)
        assert summary["unvouched"] == sum(
            not line["vouched"] for line in lines if line["status"] in ("cleaned", "unchanged")
        )
        assert summary["dead_nonzero"] == sum(
            group["dead_nonzero"] for line in lines for group in line["elements"]
        )

    def test_an_identifier_that_is_redacted_is_counted_where_it_stood(
        self, csaclean: Command, variety: Path
    ) -> None:
        line = by_file(records(csaclean("check", variety, "--json", "-").stdout))["declared.dcm"]
        assert {one["selector"]: one["count"] for one in line["identifiers"]} == {
            "(0029,SIEMENS CSA HEADER,10)": 1
        }

    def test_the_keys_of_the_sidecar_that_a_policy_changes_are_named(
        self, csaclean: Command, variety: Path
    ) -> None:
        declared = {
            policy: by_file(records(csaclean("check", variety, "--json", "-", "-p", policy).stdout))[
                "declared.dcm"
            ]["declared"]
            for policy in ("converter-safe", "strict")
        }
        assert declared["converter-safe"] == []
        assert {"PulseSequenceDetails", "WipMemBlock"} <= set(declared["strict"])
        assert sorted(declared["strict"]) == declared["strict"]

    def test_what_blanking_leaves_says_why(self, csaclean: Command, variety: Path) -> None:
        lines = by_file(records(csaclean("check", variety, "--json", "-", "--unclaimed", "blank").stdout))
        assert [(one["selector"], one["reason"]) for one in lines["kept.dcm"]["unclaimed"]] == [
            ("(0019,100A)", "read-by-a-converter"),
            ("(7FE1,1020)", "payload"),
        ]

    def test_a_value_that_may_be_a_broken_sequence_is_a_fact(self, csaclean: Command, variety: Path) -> None:
        line = by_file(records(csaclean("check", variety, "--json", "-").stdout))["broken.dcm"]
        assert line["facts"] == {"broken-sequence": 1}
        assert [one["reason"] for one in line["unclaimed"]] == ["broken-sequence"]

    def test_regions_outside_all_elements_are_named(self, csaclean: Command, variety: Path) -> None:
        lines = by_file(records(csaclean("check", variety, "--json", "-").stdout))
        regions = lines["tail_and_padding.dcm"]["regions"]
        assert [region["region"] for region in regions] == ["preamble", "padding", "trailing"]
        assert [region["action"] for region in regions] == ["null", "null", "padding-element"]

    def test_unclaimed_elements_are_counted_by_reason(self, csaclean: Command, variety: Path) -> None:
        lines = by_file(records(csaclean("check", variety, "--json", "-").stdout))
        assert lines["odd.dcm"]["unclaimed"] == [
            {"selector": "(0019,?,01)", "reason": "unclaimed", "count": 1, "bytes": 10},
            {"selector": "(0019,?,10)", "reason": "unknown-creator", "count": 1, "bytes": 20},
            {"selector": "(0021,1001)", "reason": "no-creator", "count": 1, "bytes": 10},
        ]
        assert not lines["odd.dcm"]["vouched"]

    def test_the_same_file_has_the_same_record_in_any_encoding(
        self, csaclean: Command, variety: Path
    ) -> None:
        lines = by_file(records(csaclean("check", variety, "--json", "-").stdout))
        kinds = ("mosaic_explicit", "implicit", "big_endian", "deflated", "encapsulated")
        found = [lines[f"csa2_{kind}.dcm"] for kind in kinds]
        for line in found[1:]:
            assert line["elements"] == found[0]["elements"]
            assert line["kept"] == found[0]["kept"]
            assert line["unclaimed"] == found[0]["unclaimed"]


class TestStream:
    def test_a_file_gets_what_standard_output_would_get(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        report = tmp_path / "report.json"
        to_file = csaclean("check", tree, "--json", report)
        to_stream = csaclean("check", tree, "--json", "-")
        assert report.read_text("utf-8") == to_stream.stdout
        assert to_file.returncode == to_stream.returncode

    def test_standard_output_holds_nothing_else(self, csaclean: Command, tree: Path) -> None:
        done = csaclean("check", tree, "--json", "-", "-v")
        assert all(line.startswith("{") for line in done.stdout.splitlines())
        assert "would change" in done.stderr

    def test_it_is_ascii_whatever_the_names_are(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        folder = tmp_path / "in"
        folder.mkdir()
        (folder / "Größe.dcm").write_bytes(small_file())
        done = csaclean("check", folder, "--json", "-")
        assert done.stdout.isascii()
        assert list(by_file(records(done.stdout))) == ["Größe.dcm"]

    def test_a_report_that_cannot_be_opened_is_a_usage_error_before_any_write(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        done = csaclean(tree, "-o", out, "--json", tmp_path / "missing" / "report.json")
        assert done.returncode == 2
        assert not out.exists()

    @pytest.mark.parametrize("option", ["--json", "--log-file"])
    def test_a_report_never_overwrites_a_file_that_is_to_be_cleaned(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, option: str
    ) -> None:
        source = tmp_path / "image.dcm"
        source.write_bytes(small_file())
        assert csaclean(source, "-o", tmp_path / "out", option, source).returncode == 2
        assert source.read_bytes() == small_file()


class TestNoPaths:
    def test_files_are_numbered_in_input_order(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        named = records(csaclean("check", tree, "--json", "-").stdout)
        numbered = records(csaclean("check", tree, "--json", "-", "--no-paths").stdout)
        for number, (one, other) in enumerate(zip(named[:-1], numbered[:-1], strict=True), 1):
            assert other == one | {"file": f"file {number}"}
        assert numbered[-1] == named[-1]

    @pytest.mark.parametrize("more", [[], ["-v"], ["-q"], ["--json", "-"]])
    def test_no_name_of_a_file_or_folder_is_printed(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, more: list[str]
    ) -> None:
        folder = tmp_path / "in"
        (folder / "DOE").mkdir(parents=True)
        (folder / "DOE" / "JOHN.dcm").write_bytes(small_file())
        (folder / "DOE" / "JANE.dcm").write_bytes(small_file()[:-5])
        (folder / "DOE" / "JACK.txt").write_bytes(b"no DICOM")
        log = tmp_path / "log"
        done = csaclean(folder, "-o", tmp_path / "out", "--no-paths", "--log-file", log, *more)
        assert done.returncode == 4
        for text in (done.stdout, done.stderr, log.read_text()):
            for name in ("DOE", "JOHN", "JANE", "JACK"):
                assert name not in text
