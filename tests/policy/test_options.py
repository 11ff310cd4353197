"""What a caller may ask for beside a policy: words are checked, files are read, nothing is shown."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csaclean.errors import PolicyError, UsageError
from csaclean.policy.options import Options, OptionWords, make_options, read_identifiers, read_not_identifiers
from csaclean.policy.pseudonym import UidKey
from csaclean.policy.rules import CLASSES

SECRET = b"synthetic secret of a test"


def made(**words: Any) -> Options:
    """Return options of words that need not be sound."""
    return make_options(words)  # type: ignore[arg-type]


class TestWords:
    def test_nothing_asked_for_is_the_default(self) -> None:
        assert make_options({}) == Options()

    def test_words_that_say_nothing_are_the_default_too(self) -> None:
        assert (
            made(retain=(), shift_days=None, unclaimed=None, malformed="fail", identifiers=(), uid_key=None)
            == Options()
        )

    def test_there_is_an_option_for_each_word(self) -> None:
        assert OptionWords.__optional_keys__ == {
            "retain",
            "shift_days",
            "unclaimed",
            "malformed",
            "identifiers",
            "not_identifiers",
            "identifiers_from",
            "identifiers_in_read_fields",
            "uid_key",
        }

    def test_another_word_is_an_error_that_lists_those_there_are(self) -> None:
        with pytest.raises(
            UsageError,
            match="identifiers, identifiers_from, identifiers_in_read_fields, malformed, not_identifiers, retain",
        ):
            made(surprise=1)


class TestRetain:
    @pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls != "technical"])
    def test_every_class_that_gives_something_away_may_be_retained(self, cls: str) -> None:
        assert made(retain=[cls]).retain == {cls}

    @pytest.mark.parametrize(
        "names", [["hobbies"], ["dates", "date"], ["technical"], ["unruled-text"], ["opaque"], "dates"]
    )
    def test_what_is_no_class_is_an_error_that_lists_the_classes(self, names: object) -> None:
        with pytest.raises(UsageError, match="retain takes classes: identity, uids, dates"):
            made(retain=names)


class TestShiftDays:
    @pytest.mark.parametrize("days", [0, 7, -3650])
    def test_a_number_shifts_everybody(self, days: int) -> None:
        shift = made(shift_days=days).shift
        assert shift is not None
        assert shift.days_for("anybody") == days

    def test_a_mapping_shifts_those_that_it_lists(self) -> None:
        shift = made(shift_days={"PH-0001": 7}).shift
        assert shift is not None
        assert shift.days_for("PH-0001") == 7

    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_file_does_so_too(self, tmp_path: Path, kind: Callable[[Path], str | Path]) -> None:
        table = tmp_path / "shifts.csv"
        table.write_text("PatientID,days\nPH-0001,-12\n")
        shift = made(shift_days=kind(table)).shift
        assert shift is not None
        assert shift.days_for("PH-0001") == -12

    def test_a_file_that_is_not_there_is_a_bad_policy(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyError, match=r"^missing\.csv: "):
            made(shift_days=tmp_path / "missing.csv")


class TestUnclaimed:
    @pytest.mark.parametrize("word", ["report", "blank", "fail"])
    def test_each_word_is_taken(self, word: str) -> None:
        assert made(unclaimed=word).unclaimed == word

    @pytest.mark.parametrize("word", ["burn", "", "Blank"])
    def test_another_is_an_error_that_lists_them(self, word: str) -> None:
        with pytest.raises(UsageError, match="unclaimed takes report, blank, fail"):
            made(unclaimed=word)


class TestIdentifiers:
    def test_texts_of_any_length_are_taken_and_empty_ones_left_out(self) -> None:
        assert made(identifiers=["Roe", "", "x"]).identifiers == ("Roe", "x")

    def test_one_text_is_not_taken_for_its_letters(self) -> None:
        with pytest.raises(UsageError, match="several texts, not one"):
            made(identifiers="Roe")


class TestUidKey:
    def test_bytes_are_the_secret(self) -> None:
        assert made(uid_key=SECRET).uid_key == UidKey(SECRET)

    @pytest.mark.parametrize("kind", [str, Path])
    def test_anything_else_is_the_file_that_holds_it(
        self, tmp_path: Path, kind: Callable[[Path], str | Path]
    ) -> None:
        file = tmp_path / "key"
        file.write_bytes(SECRET + b"\n")
        assert made(uid_key=kind(file)).uid_key == UidKey(SECRET)

    @pytest.mark.parametrize("secret", [b"", b"short", bytes(64)])
    def test_what_is_no_secret_is_a_bad_policy(self, secret: bytes) -> None:
        with pytest.raises(PolicyError, match="UID key"):
            made(uid_key=secret)


class TestWhatIsShown:
    def test_nothing_about_anybody(self) -> None:
        options = made(identifiers=["Roe^Jane"], shift_days={"PH-0001": 4711}, uid_key=SECRET)
        for text in (repr(options), str(options)):
            assert text == "<Options>"

    def test_they_travel_to_workers(self) -> None:
        options = made(
            retain=["uids"], identifiers=["Roe"], shift_days={"PH-0001": 7}, uid_key=SECRET, unclaimed="fail"
        )
        assert pickle.loads(pickle.dumps(options)) == options


class TestFilesOfIdentifiers:
    def test_there_is_one_a_line(self, tmp_path: Path) -> None:
        file = tmp_path / "identifiers"
        file.write_text("Roe^Jane\n\n  MRN 1  \n# a comment\nGrün\n", "utf-8")
        assert read_identifiers(file) == ("Roe^Jane", "MRN 1", "Grün")

    def test_a_byte_order_mark_and_other_line_ends_are_no_part_of_them(self, tmp_path: Path) -> None:
        file = tmp_path / "identifiers"
        file.write_bytes("Grün\r\nRoe\r\n".encode("utf-8-sig"))
        assert read_identifiers(str(file)) == ("Grün", "Roe")

    def test_what_is_not_utf_8_is_an_error_that_quotes_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "identifiers"
        file.write_bytes("Grün".encode("latin-1"))
        with pytest.raises(UsageError, match="not UTF-8") as caught:
            read_identifiers(file)
        assert "Gr" not in str(caught.value)
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize("name", ["missing", "."])
    def test_a_file_that_cannot_be_read_is_an_error_of_ours(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(UsageError, match="can't read the file of identifiers"):
            read_identifiers(tmp_path / name)


class TestTablesOfIdentifiers:
    @pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
    def test_a_column_of_patient_ids_makes_one(self, tmp_path: Path, delimiter: str) -> None:
        file = tmp_path / "table"
        rows = (
            ("PatientID", "Name", "Note"),
            ("PH-1", "Roe^Jane", ""),
            ("PH-2", "Doe", "MRN 7"),
            ("PH-1", "Roe"),
        )
        file.write_text("# who is who\n" + "".join(delimiter.join(row) + "\n" for row in rows), "utf-8")
        assert read_identifiers(file) == {"PH-1": ("Roe^Jane", "Roe"), "PH-2": ("Doe", "MRN 7")}

    def test_original_and_replaced_ids_find_a_line(self, tmp_path: Path) -> None:
        file = tmp_path / "table"
        file.write_text(
            'Original Patient ID,new_patientid,name\nQF-1,SUB01,"Roe, Jane"\n,SUB02,Doe\n', "utf-8"
        )
        assert read_identifiers(file) == {
            "QF-1": ("SUB01", "Roe, Jane"),
            "SUB01": ("QF-1", "Roe, Jane"),
            "SUB02": ("Doe",),
        }

    def test_a_list_with_commas_is_none(self, tmp_path: Path) -> None:
        file = tmp_path / "list"
        file.write_text("Roe, Jane\nPatientID\n", "utf-8")
        assert read_identifiers(file) == ("Roe, Jane", "PatientID")

    @pytest.mark.parametrize("line", [",Roe", '"Roe"x,Jane', '"Roe'])
    def test_a_line_that_cannot_be_used_is_named_by_its_number(self, tmp_path: Path, line: str) -> None:
        file = tmp_path / "table"
        file.write_text(f"PatientID,Name\n\n{line}\n", "utf-8")
        with pytest.raises(UsageError, match="line 3") as caught:
            read_identifiers(file)
        assert "Roe" not in str(caught.value)

    def test_texts_by_patient_id_are_an_option(self) -> None:
        options = made(identifiers={" PH-1": ["Roe", ""]})
        assert options.identifiers == ()
        assert options.identifiers_by_id == {"PH-1": ("Roe",)}

    @pytest.mark.parametrize("asked", [{"PH-1": "Roe"}, {5: ["Roe"]}, {"PH-1": [5]}])
    def test_other_mappings_are_errors(self, asked: object) -> None:
        with pytest.raises(UsageError, match="identifiers takes several texts"):
            made(identifiers=asked)


class TestGroupsOfIdentifiers:
    def test_all_are_asked_for(self) -> None:
        assert made().identifiers_from == {"patient", "people", "places"}

    @pytest.mark.parametrize("asked", [["patient"], ("people", "places"), []])
    def test_some_may_be(self, asked: list[str]) -> None:
        assert made(identifiers_from=asked).identifiers_from == set(asked)

    @pytest.mark.parametrize("asked", ["patient", ["devices"], [5], 5, [["patient"]]])
    def test_others_are_an_error_that_lists_them(self, asked: object) -> None:
        with pytest.raises(UsageError, match="identifiers_from takes some of patient, people, places"):
            made(identifiers_from=asked)


class TestNotIdentifiers:
    def test_are_texts(self, tmp_path: Path) -> None:
        file = tmp_path / "list"
        file.write_text("Roe\n# no\nTest scan\n", "utf-8")
        assert read_not_identifiers(file) == ("Roe", "Test scan")
        assert made(not_identifiers=["Roe", ""]).not_identifiers == ("Roe",)

    def test_one_text_is_an_error(self) -> None:
        with pytest.raises(UsageError, match="not_identifiers takes several texts"):
            made(not_identifiers="Roe")


class BytePath:
    """A path whose name is bytes, as `os.scandir` gives it for a folder of such a name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> bytes:
        return bytes(self._path)


class TestPathsOfBytes:
    def test_lead_to_a_table_of_days(self, tmp_path: Path) -> None:
        (tmp_path / "shifts.csv").write_text("PH-0001,-12\n")
        shift = made(shift_days=BytePath(tmp_path / "shifts.csv")).shift
        assert shift is not None
        assert shift.days_for("PH-0001") == -12

    def test_lead_to_a_key(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_bytes(SECRET)
        assert made(uid_key=BytePath(tmp_path / "key")).uid_key == UidKey(SECRET)


class TestOtherTypes:
    @pytest.mark.parametrize(
        "words",
        [
            {"shift_days": 1.5},
            {"shift_days": True},
            {"shift_days": b"12"},
            {"shift_days": {"PH-0001": "12"}},
            {"shift_days": {"PH-0001": 1.5}},
            {"shift_days": {5: 1}},
            {"identifiers": [b"SYNTHETIC"]},
            {"identifiers": [5]},
            {"identifiers": 5},
            {"uid_key": 5},
            {"identifiers": b"SYNTHETIC"},
            {"retain": "dates"},
            {"retain": 5},
            {"retain": True},
            {"retain": [["dates"]]},
            {"unclaimed": ["blank"]},
        ],
        ids=repr,
    )
    def test_than_those_that_there_are_say_are_errors_that_quote_nothing(self, words: dict[str, Any]) -> None:
        with pytest.raises(UsageError) as caught:
            made(**words)
        assert not any(word in str(caught.value) for word in ("12", "PH-0001", "SYNTHETIC"))

    def test_dates_are_retained_or_shifted_but_not_both(self) -> None:
        with pytest.raises(UsageError, match="not both"):
            made(retain=["dates"], shift_days=1)

    def test_a_name_that_no_file_can_have_is_an_error_of_ours(self) -> None:
        with pytest.raises(UsageError):
            read_identifiers("a\0b")
