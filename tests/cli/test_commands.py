"""The commands that write nothing, and what starting costs."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from csaclean import __version__
from csaclean.policy.policies import ROWS, load_policy, policy_names
from csaclean.registry import installed
from csaclean_handlers.siemens import SiemensHandler
from phantoms import GOLDEN

Command = Callable[..., subprocess.CompletedProcess[str]]
Builder = Callable[..., bytes]

DONE, USAGE, NOTHING_READ, SOME_FAILED, WOULD_CHANGE = 0, 2, 3, 4, 5
HEAVY = ("pydicom", "numpy", "nibabel", "csaclean_handlers")


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestCheck:
    def test_it_writes_nothing(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        before = everything(tmp_path)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        assert csaclean("check", tree, cwd=elsewhere).returncode == WOULD_CHANGE
        assert everything(tmp_path) == before

    def test_it_says_of_cleaned_files_that_nothing_would_change(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        assert csaclean(tree, "-o", tmp_path / "out").returncode == DONE
        done = csaclean("check", tmp_path / "out")
        assert done.returncode == DONE
        assert "0 would change, 4 unchanged" in done.stdout

    @pytest.mark.parametrize("name", [name for name in GOLDEN if name != "xa_like"])
    def test_every_phantom_would_change_once_and_not_again(
        self, csaclean: Command, tmp_path: Path, name: str
    ) -> None:
        source = tmp_path / "in.dcm"
        source.write_bytes(GOLDEN[name]())
        assert csaclean("check", source, "-q").returncode == WOULD_CHANGE
        assert csaclean("-i", source, "-q").returncode == DONE
        assert csaclean("check", source, "-q").returncode == DONE

    def test_folders_of_one_name_are_no_collision_where_nothing_is_written(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        folders = [tmp_path / parent / "series" for parent in "pq"]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "1.dcm").write_bytes(small_file())
        done = csaclean("check", *folders)
        assert done.returncode == WOULD_CHANGE
        assert "2 files: 2 would change" in done.stdout


class TestShow:
    @pytest.fixture
    def phantom(self, tmp_path: Path) -> Path:
        path = tmp_path / "in" / "phantom.dcm"
        path.parent.mkdir()
        path.write_bytes(GOLDEN["csa2_mosaic_explicit"]())
        return path

    def test_it_names_elements_spans_and_edits(self, csaclean: Command, phantom: Path) -> None:
        done = csaclean("show", phantom)
        assert done.returncode == DONE
        assert re.search(
            r"^\(0029,SIEMENS CSA HEADER,10\) at \d+: \d+ bytes, handler siemens", done.stdout, re.MULTILINE
        )
        assert re.search(r"^ +\d+ +\d+  dead +-> dead$", done.stdout, re.MULTILINE)
        assert re.search(
            r"UsedPatientWeight \(integer\) -> redact, patient-characteristics$", done.stdout, re.MULTILINE
        )

    def test_spans_account_for_every_byte(self, csaclean: Command, phantom: Path) -> None:
        position = size = 0
        elements = 0
        for line in csaclean("show", phantom).stdout.splitlines():
            if head := re.match(r"\(.*\) at \d+: (\d+) bytes", line):
                assert position == size
                position, size = 0, int(head[1])
                elements += 1
            elif span := re.match(r"  +(\d+) +(\d+)  (structure|value|dead|opaque|view)", line):
                assert int(span[1]) == position
                position += int(span[2])
        assert elements == 6
        assert position == size

    def test_values_are_printed_only_with_show_values(self, csaclean: Command, phantom: Path) -> None:
        values = ("1;HFS;72.50", "X_1_1_1_2_1_1_4", "72.50")
        without, with_values = csaclean("show", phantom), csaclean("show", phantom, "--show-values")
        assert with_values.returncode == DONE
        assert "= X_1_1_1_2_1_1_4_1_1_1_1_201" in with_values.stdout
        assert "= 72.50" in with_values.stdout
        assert not [value for value in values if value in without.stdout + without.stderr]
        assert len(with_values.stdout.splitlines()) == len(without.stdout.splitlines())

    def test_it_writes_nothing(self, csaclean: Command, phantom: Path, tmp_path: Path) -> None:
        before = everything(tmp_path)
        csaclean("show", phantom, cwd=phantom.parent)
        assert everything(tmp_path) == before

    def test_a_policy_says_which_edits_are_shown(self, csaclean: Command, phantom: Path) -> None:
        assert "-> redact" not in csaclean("show", phantom, "-p", "dead-space").stdout

    @pytest.mark.parametrize(
        ("data", "status", "code"),
        [
            (b"these are notes", NOTHING_READ, "not-dicom"),
            (bytes(128) + b"DICM\2\0", SOME_FAILED, "malformed-file"),
        ],
        ids=["not DICOM", "cut"],
    )
    def test_a_bad_file_is_named_in_one_line(
        self, csaclean: Command, tmp_path: Path, data: bytes, status: int, code: str
    ) -> None:
        (tmp_path / "bad.dcm").write_bytes(data)
        done = csaclean("show", tmp_path / "bad.dcm")
        assert done.returncode == status
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert f"[{code}]" in done.stderr
        assert "bad.dcm" in done.stderr

    def test_a_missing_file_is_named(self, csaclean: Command, tmp_path: Path) -> None:
        done = csaclean("show", tmp_path / "missing.dcm")
        assert done.returncode == SOME_FAILED
        assert "missing.dcm" in done.stderr

    def test_a_folder_is_refused(self, csaclean: Command, tree: Path) -> None:
        assert csaclean("show", tree).returncode in (USAGE, NOTHING_READ, SOME_FAILED)


class TestHandlers:
    ORIGIN = rf"siemens from csaclean {re.escape(__version__)}: \d+ elements, \d+ by grammar, \d+ by VR"

    def test_they_are_listed_with_distribution_and_number_of_claims(self, csaclean: Command) -> None:
        done = csaclean("handlers")
        assert done.returncode == DONE
        lines = done.stdout.splitlines()
        assert len(lines) == len(installed().registered)
        assert sum(re.fullmatch(self.ORIGIN, line) is not None for line in lines) == 1

    def test_one_that_is_named_is_listed_with_its_claims(self, csaclean: Command) -> None:
        done = csaclean("handlers", "siemens")
        assert done.returncode == DONE
        first, *claims = done.stdout.splitlines()
        assert re.fullmatch(self.ORIGIN, first)
        assert (
            "  (0029,SIEMENS CSA HEADER) by grammar, orphans by signature: 10 20; by VR: 08-09 18-19"
            in claims
        )

    def test_one_that_is_not_there_is_a_usage_error_that_names_those_that_are(
        self, csaclean: Command
    ) -> None:
        done = csaclean("handlers", "siemens", "nobody")
        assert done.returncode == USAGE
        assert done.stdout == ""
        assert "siemens" in done.stderr


class TestPolicies:
    def test_the_list_names_those_that_ship(self, csaclean: Command) -> None:
        bare, listed = csaclean("policy"), csaclean("policy", "list")
        assert bare.stdout == listed.stdout
        names = [line.partition(":")[0] for line in listed.stdout.splitlines()]
        assert names == sorted(names)
        assert names == ["converter-safe", "dead-space", "strict"]

    def test_show_begins_with_what_no_policy_is(self, csaclean: Command) -> None:
        for line in csaclean("policy", "list").stdout.splitlines():
            shown = csaclean("policy", "show", line.partition(":")[0])
            assert shown.returncode == DONE
            assert shown.stdout.startswith("No policy of csaclean is the Basic Application Level")

    @pytest.mark.parametrize("name", policy_names())
    def test_show_prints_the_matrix_and_what_else_the_policy_says(self, csaclean: Command, name: str) -> None:
        policy = load_policy(name)
        shown = csaclean("policy", "show", name).stdout
        for row in ROWS:
            line = rf"^{row} +{policy.unread[row]} +{policy.read[row]}$"
            assert re.search(line, shown, re.MULTILINE)
        assert f"private elements that nobody claims: {policy.other.unclaimed}\n" in shown
        assert ("nobody claims and a converter reads: kept" in shown) == (name == "strict")
        assert f"redacted in what stays: {'yes' if policy.other.identifiers else 'no'}\n" in shown

    def test_show_prints_every_rule_with_its_action_reason_and_who_reads_it(self, csaclean: Command) -> None:
        shown = csaclean("policy", "show", "converter-safe").stdout.splitlines()
        lines = {line for line in shown if line.startswith("  ")}
        whole = "(0029,SIEMENS CSA HEADER,09) (0029,SIEMENS CSA HEADER,19): whole element"
        assert [line for line in lines if f"redact [dates] {whole}: " in line]
        for rule in SiemensHandler.rules.rules:
            found = [line for line in lines if f"[{rule.cls}] " in line and f": {rule.why}" in line]
            assert found, rule.why
            said = " ".join(found)
            assert all(path in said for path in rule.field or ("whole element",))
            assert all(selector in said for selector in rule.select)
        read = [line for line in lines if "; read by " in line and "[technical]" not in line]
        assert read
        assert all(line.startswith("  keep [") for line in read)

    def test_show_of_strict_redacts_what_a_converter_reads_too(self, csaclean: Command) -> None:
        shown = csaclean("policy", "show", "strict").stdout.splitlines()
        read = [line for line in shown if "; read by " in line and "[technical]" not in line]
        assert read
        assert all(line.startswith("  redact [") for line in read)

    def test_a_file_of_mine_can_be_checked_shown_and_used(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        mine = tmp_path / "mine.toml"
        mine.write_text('extends = "converter-safe"\nname = "mine"\n[unread]\ndates = "keep"\n')
        assert csaclean("policy", "check", mine).returncode == DONE
        assert re.search(r"^dates +keep +keep$", csaclean("policy", "show", mine).stdout, re.MULTILINE)
        (tmp_path / "1.dcm").write_bytes(small_file())
        done = csaclean("check", tmp_path / "1.dcm", "-p", "mine.toml", "-v", cwd=tmp_path)
        assert done.returncode == WOULD_CHANGE
        assert "date" not in done.stdout

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ('extends = "converter-safe"\n[unread]\ndates = "burn"\n', "unread"),
            ('extends = "converter-safe"\n[unread]\nhobbies = "keep"\n', "unread"),
            ('extends = "converter-safe"\n[other]\nunruled-text = 3\n', "other"),
            ('extends = "converter-safe"\nsurprise = true\n', "surprise"),
            ('name = "mine"\nsummary = "x"\n[unread]\ndates = "keep"\n', "[read] is missing"),
            ('name = "mine\n', "line 1"),
            ('extends = "no-such-policy"\n', "no such policy"),
        ],
        ids=["action", "class", "type", "key", "incomplete", "not TOML", "unknown base"],
    )
    def test_a_bad_file_names_the_place(
        self, csaclean: Command, tmp_path: Path, text: str, place: str
    ) -> None:
        bad = tmp_path / "bad.toml"
        bad.write_text(text)
        done = csaclean("policy", "check", bad)
        assert done.returncode == USAGE
        assert done.stdout == ""
        assert place in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("select", "body", "warning"),
        [
            ("(0019,ACME MR 01,11)", 'field = ["Name"]', "no handler claims (0019,ACME MR 01,11)"),
            ("(0010,0010)", 'vr = "PN"', "(0010,0010) names no creator"),
            ("(0010,0010)", 'field = ["**"]', "(0010,0010) names no creator"),
            (
                "(0029,Siemens CSA Header,20)",
                'field = ["Name"]',
                "not how its handler writes it: (0029,SIEMENS CSA HEADER,20)",
            ),
        ],
        ids=["unclaimed", "standard", "standard-field", "spelling"],
    )
    def test_a_rule_that_can_not_act_is_warned_of(
        self, csaclean: Command, tmp_path: Path, select: str, body: str, warning: str
    ) -> None:
        done = self.checked(csaclean, tmp_path, select, body)
        assert done.returncode == DONE
        assert "a valid policy" in done.stdout
        (line,) = done.stderr.splitlines()
        assert line.startswith("csaclean: warning: rule 1: ")
        assert warning in line

    @pytest.mark.parametrize(
        ("select", "body"),
        [
            ("(0019,ACME MR 01,11)", 'vr = "LO"'),
            ("(0029,SIEMENS CSA HEADER,20)", 'field = ["Name"]'),
            ("*", 'field = ["Name"]'),
            ("(0019,ACME MR 01,11)/(0010,0010)", 'vr = "PN"'),
        ],
        ids=["whole", "claimed", "any", "below-a-sequence"],
    )
    def test_a_rule_that_can_act_is_not(
        self, csaclean: Command, tmp_path: Path, select: str, body: str
    ) -> None:
        done = self.checked(csaclean, tmp_path, select, body)
        assert (done.returncode, done.stderr) == (DONE, "")

    @staticmethod
    def checked(csaclean: Command, folder: Path, select: str, body: str) -> subprocess.CompletedProcess[str]:
        """Check a policy of one rule."""
        mine = folder / "mine.toml"
        mine.write_text(
            f'extends = "converter-safe"\n[[rule]]\nselect = ["{select}"]\n{body}\nclass = "identity"\nwhy = "x"\n'
        )
        return csaclean("policy", "check", mine)

    def test_a_file_that_is_not_there_is_named(self, csaclean: Command, tmp_path: Path) -> None:
        done = csaclean("policy", "check", tmp_path / "missing.toml")
        assert done.returncode == USAGE
        assert "missing.toml" in done.stderr

    def test_a_file_that_is_no_text_is_refused(self, csaclean: Command, tmp_path: Path) -> None:
        (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\0")
        assert csaclean("policy", "check", tmp_path / "bad.toml").returncode == USAGE


class TestStart:
    """Help, version and usage errors are quick because they import nothing."""

    @pytest.mark.parametrize(
        ("arguments", "status"),
        [
            (["--help"], DONE),
            (["-h"], DONE),
            (["clean", "--help"], DONE),
            (["check", "--help"], DONE),
            (["show", "--help"], DONE),
            (["policy", "--help"], DONE),
            (["--version"], DONE),
            ([], USAGE),
            (["--no-such-option"], USAGE),
            (["check"], USAGE),
            (["a.dcm", "b.dcm"], USAGE),
            (["a.dcm", "--backup-dir", "b"], USAGE),
            (["check", ".", "-j", "many"], USAGE),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
    )
    def test_they_import_nothing_heavy(self, tmp_path: Path, arguments: list[str], status: int) -> None:
        code = (
            "import sys\n"
            "from csaclean.cli import main\n"
            "try:\n    status = main(sys.argv[1:])\n"
            "except SystemExit as end:\n    status = end.code or 0\n"
            "print('\\nMODULES', status, *sorted(sys.modules))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
            timeout=120,
        )
        found, *modules = done.stdout.partition("\nMODULES ")[2].split()
        assert int(found) == status
        assert "csaclean.cli" in modules
        assert [name for name in HEAVY if name in modules] == []

    def test_the_version_is_that_of_the_package(self, csaclean: Command) -> None:
        done = csaclean("--version")
        assert (done.returncode, done.stdout, done.stderr) == (DONE, f"csaclean {__version__}\n", "")

    def test_help_names_every_command_and_exit_status(self, csaclean: Command) -> None:
        done = csaclean("--help")
        assert done.returncode == DONE
        for command in ("clean", "check", "show", "prove", "handlers", "policy"):
            assert re.search(rf"^ +{command} ", done.stdout, re.MULTILINE)
        for status in (0, 2, 3, 4, 5, 130):
            assert re.search(rf"\b{status}\s\w", done.stdout)

    @pytest.mark.parametrize("command", ["check", "clean"])
    def test_cleaning_itself_never_imports_pydicom(
        self, tmp_path: Path, small_file: Builder, command: str
    ) -> None:
        (tmp_path / "1.dcm").write_bytes(small_file())
        code = (
            "import sys\n"
            "from csaclean.cli import main\n"
            "status = main(sys.argv[1:])\n"
            "print('\\nMODULES', status, *sorted(sys.modules))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, command, "1.dcm", "--proof", "self"],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
            timeout=120,
        )
        modules = done.stdout.partition("\nMODULES ")[2].split()
        assert [name for name in ("pydicom", "numpy", "nibabel") if name in modules] == []
