"""Options that go beside a policy, as people give them: exit status, what is written, what is said."""

import json
import re
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest

from csaclean.policy.policies import ROWS, load_policy
from csaclean.policy.pseudonym import UidKey, pseudonymous_uid
from phantoms import PATIENT_ID
from tests.option_files import OWN_CREATOR, UID, csa_file, unclaimed_file, xa_file

Command = Callable[..., subprocess.CompletedProcess[str]]
Record = dict[str, Any]

DONE, USAGE, SOME_FAILED, WOULD_CHANGE = 0, 2, 4, 5
KEY = b"synthetic secret of a test"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with a file of each kind."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "csa.dcm").write_bytes(csa_file(note=b"seen by Roe"))
    (folder / "xa.dcm").write_bytes(xa_file())
    return folder


@pytest.fixture
def mixed(files: Path) -> Path:
    """Return the same with a file that holds elements of nobody's."""
    (files / "other.dcm").write_bytes(unclaimed_file())
    return files


def records(done: subprocess.CompletedProcess[str]) -> dict[str, Record]:
    """Return the objects of a run's standard output by file; the summary by an empty name."""
    return {line.get("file", ""): line for line in map(json.loads, done.stdout.splitlines())}


def date(path: Path) -> str:
    return str(pydicom.dcmread(path)[0x00291009].value)


def xa_time(path: Path) -> str:
    outer = pydicom.dcmread(path)[0x52009229].value[0]
    return str(outer[0x002110FE].value[0][0x00211060].value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestBadOptions:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--retain", "hobbies"], "identity, uids, dates"),
            (["--retain", "technical"], "identity, uids, dates"),
            (["--shift-days", "many"], "many"),
            (["--shift-days", "1.5"], "1.5"),
            (["--unclaimed", "burn"], "report"),
            (["--identifiers", "missing"], "identifiers"),
            (["--uid-key-file", "missing"], "missing"),
            (["-p", "missing.toml"], "missing.toml"),
        ],
        ids=lambda one: " ".join(one) if isinstance(one, list) else "",
    )
    @pytest.mark.parametrize("command", ["clean", "check", "show"])
    def test_they_are_usage_errors_that_say_what_is_wrong_and_nothing_is_written(
        self, csaclean: Command, files: Path, tmp_path: Path, command: str, arguments: list[str], said: str
    ) -> None:
        out = ["-o", tmp_path / "out"] if command == "clean" else []
        done = csaclean(command, files / "csa.dcm", *out, *arguments)
        assert done.returncode == USAGE
        assert done.stdout == ""
        assert said in done.stderr
        assert not (tmp_path / "out").exists()

    def test_a_key_that_is_too_short_is_refused_without_being_shown(
        self, csaclean: Command, files: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "key").write_bytes(b"shortSecret")
        done = csaclean(files, "-o", tmp_path / "out", "--uid-key-file", tmp_path / "key")
        assert done.returncode == USAGE
        assert "shortSecret" not in done.stderr
        assert not (tmp_path / "out").exists()


class TestRetain:
    def test_classes_that_are_retained_stay_and_are_listed(
        self, csaclean: Command, files: Path, tmp_path: Path
    ) -> None:
        done = csaclean(files, "-o", tmp_path / "out", "--retain", "dates", "--retain", "uids", "--json", "-")
        assert done.returncode == DONE
        assert date(tmp_path / "out" / "csa.dcm") == "20010203"
        assert xa_time(tmp_path / "out" / "xa.dcm") == "20010203081500.000000"
        for line in records(done).values():
            if line["type"] == "file":
                assert {"dates", "uids"} <= {kept["class"] for kept in line["kept"]}
                assert not line["vouched"]
        assert not records(done)[""]["edits"].keys() & {"dates", "uids"}


class TestShiftDays:
    def test_a_number_shifts_the_dates_of_csa_and_xa(
        self, csaclean: Command, files: Path, tmp_path: Path
    ) -> None:
        assert csaclean(files, "-o", tmp_path / "out", "--shift-days", "7").returncode == DONE
        assert date(tmp_path / "out" / "csa.dcm") == "20010210"
        assert xa_time(tmp_path / "out" / "xa.dcm") == "20010210081500.000000"

    @pytest.mark.parametrize("number", ["-40", "+7"])
    def test_a_sign_is_taken(self, csaclean: Command, files: Path, tmp_path: Path, number: str) -> None:
        csaclean(files, "-o", tmp_path / "out", f"--shift-days={number}")
        assert date(tmp_path / "out" / "csa.dcm") == {"-40": "20001225", "+7": "20010210"}[number]

    def test_a_table_shifts_the_patients_that_it_lists(
        self, csaclean: Command, files: Path, tmp_path: Path
    ) -> None:
        table = tmp_path / "shifts.csv"
        table.write_text(f"PatientID,days\n{PATIENT_ID},-3\n")
        assert csaclean(files, "-o", tmp_path / "out", "--shift-days", table).returncode == DONE
        assert date(tmp_path / "out" / "csa.dcm") == "20010131"
        assert xa_time(tmp_path / "out" / "xa.dcm") == "20010131081500.000000"

    def test_a_patient_who_is_not_listed_fails_and_is_not_named(
        self, csaclean: Command, files: Path, tmp_path: Path
    ) -> None:
        table = tmp_path / "shifts.csv"
        table.write_text("somebody,-3\n")
        done = csaclean(files, "-o", tmp_path / "out", "--shift-days", table, "-v")
        assert done.returncode == SOME_FAILED
        assert PATIENT_ID not in done.stdout + done.stderr
        assert not (tmp_path / "out").exists()

    def test_a_bad_table_is_named_with_its_line(self, csaclean: Command, files: Path, tmp_path: Path) -> None:
        table = tmp_path / "shifts.csv"
        table.write_text("PH-0001,7\nPH-0002,soon\n")
        done = csaclean("check", files, "--shift-days", table)
        assert done.returncode == USAGE
        assert "shifts.csv: line 2" in done.stderr
        assert "PH-0002" not in done.stderr

    def test_it_says_that_it_is_not_to_be_repeated(
        self, csaclean: Command, files: Path, tmp_path: Path
    ) -> None:
        assert "shifts its dates twice" in " ".join(csaclean("clean", "--help").stdout.split())
        once = csaclean(files / "csa.dcm", "-o", tmp_path / "1", "--shift-days", "7")
        assert "cleaning these files again would shift them again" in once.stderr
        csaclean(tmp_path / "1", "-o", tmp_path / "2", "--shift-days", "7")
        assert date(tmp_path / "2" / "csa.dcm") == "20010217"

    def test_a_run_without_it_says_no_such_thing_and_may_be_repeated(
        self, csaclean: Command, files: Path, tmp_path: Path
    ) -> None:
        assert "again" not in csaclean(files, "-o", tmp_path / "1").stderr
        assert csaclean("check", tmp_path / "1").returncode == DONE


class TestUnclaimed:
    @pytest.mark.parametrize(
        ("word", "status", "written"),
        [("report", DONE, True), ("blank", DONE, True), ("fail", SOME_FAILED, False)],
    )
    def test_exit_status_and_what_is_written(
        self, csaclean: Command, mixed: Path, tmp_path: Path, word: str, status: int, written: bool
    ) -> None:
        done = csaclean(mixed, "-o", tmp_path / "out", "--unclaimed", word, "--json", "-")
        assert done.returncode == status
        assert contents(tmp_path / "out").keys() == {"csa.dcm", "xa.dcm"} | (
            {"other.dcm"} if written else set()
        )
        assert records(done)["other.dcm"]["error"] == (None if written else "unsupported")
        if written:
            kept = b"SOMETHING ELSE" in (tmp_path / "out" / "other.dcm").read_bytes()
            assert kept == (word == "report")

    def test_what_is_blanked_is_counted_as_such(self, csaclean: Command, mixed: Path) -> None:
        done = csaclean("check", mixed, "--unclaimed", "blank", "--json", "-")
        assert done.returncode == WOULD_CHANGE
        lines = records(done)
        assert lines[""]["edits"]["unclaimed"] == 2
        groups = {
            one["selector"]: one for one in lines["other.dcm"]["elements"] if one["handler"] == "nobody"
        }
        assert groups.keys() == {"(0019,?,01)", "(0019,?,02)"}
        assert [one["reason"] for one in lines["other.dcm"]["unclaimed"]] == ["unknown-creator"]


class TestIdentifiers:
    @pytest.fixture
    def listed(self, tmp_path: Path) -> Path:
        path = tmp_path / "identifiers"
        path.write_text("# of the test\nRoe\nImage Num\n")
        return path

    def test_each_is_redacted_and_the_console_names_the_field_that_is_read(
        self, csaclean: Command, files: Path, tmp_path: Path, listed: Path
    ) -> None:
        done = csaclean(files / "csa.dcm", "-o", tmp_path / "out", "--identifiers", listed, "--json", "-")
        assert done.returncode == DONE
        line = records(done)["csa.dcm"]
        assert line["proof"]["identifiers"] == "searched"
        found = {one["selector"]: (one["action"], bool(one["read_by"])) for one in line["identifiers"]}
        assert found == {
            "(0029,SIEMENS CSA HEADER,08)": ("redacted", False),
            "(0029,SIEMENS CSA HEADER,10)": ("redacted", True),
        }
        assert "csa.dcm: 1 identifier of the patient redacted in " in done.stderr
        data = (tmp_path / "out" / "csa.dcm").read_bytes()
        assert b"IMAGE NUM" not in data
        assert b"seen by XXX" in data

    def test_without_the_option_there_is_none(self, csaclean: Command, files: Path) -> None:
        line = records(csaclean("check", files, "--json", "-"))["csa.dcm"]
        assert line["identifiers"] == []

    def test_one_in_an_unclaimed_text_is_crossed_out_and_is_not_said(
        self, csaclean: Command, files: Path, tmp_path: Path, listed: Path
    ) -> None:
        (files / "other.dcm").write_bytes(unclaimed_file(b"seen by Roe   "))
        done = csaclean(files, "-o", tmp_path / "out", "--identifiers", listed, "-v")
        assert done.returncode == DONE
        assert not re.search("roe|image num", done.stdout + done.stderr, re.IGNORECASE)
        assert b"seen by XXX" in (tmp_path / "out" / "other.dcm").read_bytes()


class TestUidKeyFile:
    @pytest.fixture
    def keys(self, tmp_path: Path) -> tuple[Path, Path]:
        one, other = tmp_path / "one.key", tmp_path / "other.key"
        one.write_bytes(KEY + b"\n")
        other.write_bytes(b"another secret of the test\n")
        return one, other

    def test_a_uid_becomes_the_same_in_every_file_run_and_worker(
        self, csaclean: Command, files: Path, tmp_path: Path, keys: tuple[Path, Path]
    ) -> None:
        for run, more in (("1", []), ("2", ["-j", "2"])):
            done = csaclean(files, "-o", tmp_path / run, "--uid-key-file", keys[0], *more)
            assert done.returncode == DONE
        assert contents(tmp_path / "1") == contents(tmp_path / "2")
        pseudonym = pseudonymous_uid(UID, UidKey(KEY))
        for data in contents(tmp_path / "1").values():
            assert UID not in data
            assert pseudonym in data

    def test_another_key_gives_another_and_no_key_a_constant(
        self, csaclean: Command, files: Path, tmp_path: Path, keys: tuple[Path, Path]
    ) -> None:
        csaclean(files, "-o", tmp_path / "1", "--uid-key-file", keys[0])
        csaclean(files, "-o", tmp_path / "2", "--uid-key-file", keys[1])
        csaclean(files, "-o", tmp_path / "3")
        one, two, three = (contents(tmp_path / run) for run in "123")
        for name in ("csa.dcm", "xa.dcm"):
            assert len({one[name], two[name], three[name]}) == 3
            assert UID not in one[name] + two[name] + three[name]
        assert pseudonymous_uid(UID, UidKey(KEY)) not in two["csa.dcm"] + three["csa.dcm"]

    def test_a_second_pass_leaves_them(
        self, csaclean: Command, files: Path, tmp_path: Path, keys: tuple[Path, Path]
    ) -> None:
        csaclean(files, "-o", tmp_path / "1", "--uid-key-file", keys[0])
        again = csaclean(tmp_path / "1", "-o", tmp_path / "2", "--uid-key-file", keys[0], "--json", "-")
        assert {line["status"] for line in records(again).values() if line["type"] == "file"} == {"unchanged"}
        assert contents(tmp_path / "1") == contents(tmp_path / "2")


class TestOwnPolicy:
    RULE = (
        '[[rule]]\nselect = ["(0019,INVENTED VENDOR 001,01)"]\nvr = "LO"\n'
        'class = "institution"\nwhy = "of the test"\n'
    )

    def policy(self, folder: Path, text: str) -> Path:
        path = folder / "mine.toml"
        path.write_text(f'extends = "converter-safe"\n\n{text}')
        return path

    def test_a_rule_claims_a_whole_element_of_a_creator_that_nobody_claims(
        self, csaclean: Command, mixed: Path, tmp_path: Path
    ) -> None:
        mine = self.policy(tmp_path, self.RULE)
        done = csaclean(mixed, "-o", tmp_path / "out", "-p", mine, "-j", "2", "--json", "-")
        assert done.returncode == DONE
        group = next(
            one for one in records(done)["other.dcm"]["elements"] if one["selector"].startswith("(0019")
        )
        assert (group["selector"], group["edits"]) == ("(0019,INVENTED VENDOR 001,01)", {"institution": 1})
        found = pydicom.dcmread(BytesIO((tmp_path / "out" / "other.dcm").read_bytes()))
        assert found[0x00194201].value == "X" * 14
        assert found[0x00190042].value == OWN_CREATOR.decode()
        assert records(done)[""]["policy"] == "mine"

    def test_a_rule_goes_before_the_handlers(self, csaclean: Command, files: Path, tmp_path: Path) -> None:
        rule = (
            '[[rule]]\nselect = ["(0029,SIEMENS CSA HEADER,09)"]\nvr = "LO"\n'
            'class = "fingerprint"\nform = "number"\nwhy = "no date of ours"\nvalues = ["20010203"]\n'
        )
        mine = self.policy(tmp_path, rule)
        assert csaclean(files / "csa.dcm", "-o", tmp_path / "out", "-p", mine).returncode == DONE
        assert date(tmp_path / "out" / "csa.dcm") == "20010203"

    def test_show_prints_them_before_all_others(self, csaclean: Command, tmp_path: Path) -> None:
        shown = csaclean("policy", "show", self.policy(tmp_path, self.RULE)).stdout
        assert shown.startswith("No policy of csaclean is the Basic Application Level")
        own, rules = shown.index("(0019,INVENTED VENDOR 001,01)"), shown.index("rules of siemens:")
        assert own < rules
        for row in ROWS:
            assert re.search(rf"^{row} ", shown, re.MULTILINE)

    def test_check_of_a_sound_file_says_so(self, csaclean: Command, tmp_path: Path) -> None:
        mine = self.policy(tmp_path, self.RULE)
        assert load_policy(mine).name == "mine"
        assert csaclean("policy", "check", mine).returncode == DONE

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            (("LO", "XX"), 3),
            (("institution", "hobbies"), 6),
            (('"(0019', '"(00'), 3),
            (("why", "reason"), 3),
            (('"LO"', "LO"), 5),
        ],
        ids=["vr", "class", "selector", "key", "TOML"],
    )
    @pytest.mark.parametrize("command", [["policy", "check"], ["check", ".", "-p"]], ids=" ".join)
    def test_a_fault_names_file_and_line(
        self, csaclean: Command, tmp_path: Path, change: tuple[str, str], line: int, command: list[str]
    ) -> None:
        mine = self.policy(tmp_path, self.RULE.replace(*change))
        done = csaclean(*command, mine)
        assert done.returncode == USAGE
        assert re.search(rf"mine\.toml\b.*line {line}\b", done.stderr)
        assert "Traceback" not in done.stderr


def test_options_reach_show_too(csaclean: Command, files: Path) -> None:
    plain = csaclean("show", files / "csa.dcm").stdout
    retained = csaclean("show", files / "csa.dcm", "--retain", "dates").stdout
    assert plain.count("redact, dates") == 2
    assert retained.count("redact, dates") == 0
    assert retained.count("kept: dates") == 2
