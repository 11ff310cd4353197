"""Keyword arguments of the library that go beside a policy: what each changes, and that it changes nothing else."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pydicom
import pytest

import csaclean
from csaclean.errors import CsacleanError, FileError, Unsupported, UsageError
from csaclean.policy.policies import load_policy
from csaclean.policy.pseudonym import UidKey, pseudonymous_uid
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag, encode
from phantom_csa import image_tags, series_tags, swapped
from phantom_file import Phantom, file_bytes
from phantom_writer import private_block
from phantoms import CREATOR, PATIENT_ID, base_image, plain_image
from tests.option_files import OWN_CREATOR, UID, csa_file, unclaimed, unclaimed_file, xa_file

KEY = b"synthetic secret of a test"
OTHER_KEY = b"another secret of the test"
PSEUDO_UID = pseudonymous_uid(UID, UidKey(KEY))
WRITTEN = UID + b'"'
"""The UID as the protocol text ends it; one that is longer starts alike."""

Clean = Callable[..., tuple[csaclean.Report, bytes]]


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """Clean a file made of bytes; return the report and what was written."""

    def run(
        data: bytes, policy: str | Path = "converter-safe", **options: Any
    ) -> tuple[csaclean.Report, bytes]:
        source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
        source.write_bytes(data)
        target.unlink(missing_ok=True)
        report = csaclean.clean_file(source, target, policy, **options)
        return report, target.read_bytes()

    return run


def edits(report: csaclean.Report) -> dict[str, int]:
    """Return the number of edited fields by class."""
    found: dict[str, int] = {}
    for group in report.elements:
        for cls, count in group.edits.items():
            found[cls] = found.get(cls, 0) + count
    return found


def value(data: bytes, *path: int | str) -> bytes:
    """Return a value of a file as pydicom finds it: tags, and item numbers between them."""
    from io import BytesIO

    ds = pydicom.dcmread(BytesIO(data))
    for tag in path[:-1]:
        ds = ds[tag].value[0]
    found = ds[path[-1]].value
    return found if isinstance(found, bytes) else str(found).encode()


def xa_time(data: bytes) -> bytes:
    return value(data, 0x52009229, 0x002110FE, 0x00211060)


class TestRetain:
    def test_what_is_retained_stays_and_is_listed(self, clean: Clean) -> None:
        report, data = clean(csa_file(), retain=["dates"])
        assert value(data, 0x00291009) == value(data, 0x00291019) == b"20010203"
        assert {kept.selector for kept in report.kept if kept.cls == "dates"} == {
            "(0029,SIEMENS CSA HEADER,09)",
            "(0029,SIEMENS CSA HEADER,19)",
        }
        assert not report.vouched

    def test_all_other_classes_go_as_before(self, clean: Clean) -> None:
        plain, retained = edits(clean(csa_file())[0]), edits(clean(csa_file(), retain=["dates"])[0])
        assert plain["dates"] == 2
        assert retained == {cls: count for cls, count in plain.items() if cls != "dates"}

    @pytest.mark.parametrize("policy", ["converter-safe", "strict"])
    def test_several_classes_may_be_retained_under_any_policy(self, clean: Clean, policy: str) -> None:
        classes = ["uids", "patient-characteristics"]
        report, data = clean(csa_file(), policy, retain=classes)
        assert UID in data
        assert not edits(report).keys() & set(classes)
        assert edits(report)["dates"] == 2

    def test_an_unknown_class_is_an_error_before_anything_is_written(
        self, clean: Clean, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError):
            clean(csa_file(), retain=["hobbies"])
        assert not (tmp_path / "out.dcm").exists()


class TestShiftDays:
    def test_dates_of_the_csa_block_move(self, clean: Clean) -> None:
        report, data = clean(csa_file(), shift_days=7)
        assert value(data, 0x00291009) == value(data, 0x00291019) == b"20010210"
        assert edits(report)["dates"] == 2

    def test_dates_and_times_of_xa_move_and_the_time_of_day_stays(self, clean: Clean) -> None:
        assert xa_time(xa_file()) == b"20010203081500.000000"
        assert xa_time(clean(xa_file(), shift_days=-40)[1]) == b"20001225081500.000000"

    def test_standard_elements_are_left_alone(self, clean: Clean) -> None:
        assert value(clean(csa_file(), shift_days=7)[1], 0x00080020) == b"20010203"

    def test_without_it_they_are_constants(self, clean: Clean) -> None:
        assert value(clean(csa_file())[1], 0x00291009) == b"19000101"
        assert xa_time(clean(xa_file())[1]) == b"19000101000000.000000"

    def test_what_stands_in_no_calendar_is_redacted(self, clean: Clean) -> None:
        block = private_block(0x29, 0x42, CREATOR, {0x09: ("LO", b"20010230")})
        _, data = clean(file_bytes(Phantom(plain_image(block))), shift_days=7)
        assert value(data, 0x00294209) == b"19000101"

    def test_all_else_becomes_what_it_becomes_without(self, clean: Clean) -> None:
        shifted, plain = clean(csa_file(), shift_days=7)[1], clean(csa_file())[1]
        assert shifted.replace(b"20010210", b"19000101") == plain

    def test_a_table_gives_the_patients_days(self, clean: Clean, tmp_path: Path) -> None:
        table = tmp_path / "shifts.csv"
        table.write_text(f"PatientID,days\nsomebody,1\n{PATIENT_ID},7\n")
        for shift in (table, str(table), {PATIENT_ID: 7, "somebody": 1}):
            assert value(clean(csa_file(), shift_days=shift)[1], 0x00291009) == b"20010210"

    def test_a_patient_who_is_not_listed_fails_and_nothing_is_written(
        self, clean: Clean, tmp_path: Path
    ) -> None:
        with pytest.raises(FileError) as caught:
            clean(csa_file(), shift_days={"somebody": 7})
        assert PATIENT_ID not in str(caught.value)
        assert not (tmp_path / "out.dcm").exists()

    def test_cleaning_twice_shifts_twice(self, clean: Clean) -> None:
        once = clean(csa_file(), shift_days=7)[1]
        report, twice = clean(once, shift_days=7)
        assert report.status == "cleaned"
        assert value(twice, 0x00291009) == b"20010217"


class TestUnclaimed:
    def test_they_are_reported_and_left_alone_by_default(self, clean: Clean) -> None:
        for options in ({}, {"unclaimed": "report"}):
            report, data = clean(unclaimed_file(), **options)
            assert value(data, 0x00194202) == b"SOMETHING ELSE"
            assert {one.reason for one in report.unclaimed} == {"unclaimed", "unknown-creator"}

    def test_blanked_they_keep_length_and_creator_and_say_nothing(self, clean: Clean) -> None:
        report, data = clean(unclaimed_file(), unclaimed="blank")
        assert len(data) == len(unclaimed_file())
        assert value(data, 0x00190042).strip() == OWN_CREATOR
        assert value(data, 0x00194202) == bytes(14)
        assert not set(value(data, 0x00194201)) & set(b"SOMETHING ELSE")
        assert edits(report)["unclaimed"] == 2
        assert {group.handler for group in report.elements if group.edits.get("unclaimed")} == {"nobody"}
        assert {one.reason for one in report.unclaimed} == {"unknown-creator"}

    def test_failing_they_fail_the_file_and_nothing_is_written(self, clean: Clean, tmp_path: Path) -> None:
        with pytest.raises(Unsupported, match="3 private elements that nobody claims"):
            clean(unclaimed_file(), unclaimed="fail")
        assert not (tmp_path / "out.dcm").exists()

    def test_a_file_without_any_does_not_fail(self, clean: Clean) -> None:
        assert clean(csa_file(), unclaimed="fail")[0].status == "cleaned"

    def test_the_option_goes_before_the_policy(self, clean: Clean) -> None:
        assert clean(unclaimed_file(), "strict", unclaimed="report")[0].unclaimed
        assert value(clean(unclaimed_file(), "dead-space", unclaimed="blank")[1], 0x00194202) == bytes(14)


class TestIdentifiers:
    def test_one_in_a_listed_text_becomes_an_edit_and_is_reported(self, clean: Clean) -> None:
        report, data = clean(csa_file(), identifiers=["image num"])
        assert value(data, 0x00291008) == b"XXXXXXXXXXX"
        (one,) = report.identifiers
        assert (one.selector, one.whose, one.action) == (
            "(0029,SIEMENS CSA HEADER,08)",
            "patient",
            "redacted",
        )
        assert report.proof["identifiers"] == "searched"

    def test_one_in_a_text_that_is_retained_too(self, clean: Clean) -> None:
        tag = CsaTag.build("FmriExternalInfo", "LO", [b"somebody wrote Roe here"])
        data = file_bytes(Phantom(base_image(series=encode(CsaHeader.build([tag])))))
        retained = ["identity", "institution", "uids", "descriptors"]
        assert b"Roe" in clean(data, "dead-space")[1]
        assert b"Roe" not in clean(data, retain=retained, identifiers=["Roe"])[1]

    def test_of_one_in_a_text_that_a_reader_reads_the_characters_are_redacted(self, clean: Clean) -> None:
        report, data = clean(csa_file(note=b"seen by Roe"), identifiers=["Roe"])
        assert b"seen by XXX" in data
        (one,) = report.identifiers
        assert (one.selector, one.action) == ("(0029,SIEMENS CSA HEADER,10)", "redacted")
        assert one.read_by
        assert not report.identifiers_left

    def test_unless_it_is_to_be_kept(self, clean: Clean) -> None:
        report, data = clean(
            csa_file(note=b"seen by Roe"), identifiers=["Roe"], identifiers_in_read_fields="keep"
        )
        assert b"seen by Roe" in data
        assert [one.selector for one in report.identifiers_left] == ["(0029,SIEMENS CSA HEADER,10)"]
        assert not report.vouched

    def test_strict_leaves_none(self, clean: Clean) -> None:
        report, data = clean(csa_file(note=b"seen by Roe"), "strict", identifiers=["Roe"])
        assert b"Roe" not in data
        assert not report.identifiers_left

    def test_one_in_an_unclaimed_text_is_crossed_out(self, clean: Clean) -> None:
        report, data = clean(unclaimed_file(b"seen by Roe   "), identifiers=["Roe"])
        assert b"seen by XXX   " in data
        actions = {(one.selector, one.action) for one in report.identifiers}
        assert actions == {("(0019,?,01)", "redacted"), ("(0019,?,02)", "kept")}  # the other holds bytes
        assert not report.vouched

    def test_one_in_content_without_a_grammar_stays_and_is_listed(self, clean: Clean) -> None:
        binary = CsaTag.build("NobodysTag", "UN", [b"\1\2 Roe \0\3"])
        data = file_bytes(Phantom(base_image(image=encode(CsaHeader.build([*image_tags(), binary])))))
        assert clean(data)[0].status == "cleaned"
        report, cleaned = clean(data, identifiers=["Roe"])
        assert [one.selector for one in report.identifiers_left] == ["(0029,SIEMENS CSA HEADER,10)"]
        assert b"Roe" in cleaned
        with pytest.raises(Unsupported, match="--unclaimed blank"):
            clean(data, identifiers=["Roe"], unclaimed="fail")
        for policy, action in (("strict", None), ("converter-safe", "blank")):
            report, cleaned = clean(data, policy, identifiers=["Roe"], unclaimed=action)
            assert not report.identifiers_left
            assert b"Roe" not in cleaned

    def test_unless_that_is_blanked(self, clean: Clean) -> None:
        _, data = clean(unclaimed_file(b"seen by Roe   "), identifiers=["Roe"], unclaimed="blank")
        assert b"Roe" not in data

    def test_the_patients_own_need_not_be_given(self, clean: Clean) -> None:
        report, data = clean(csa_file(note=b"it is PH-0001"))
        assert [one.action for one in report.identifiers] == ["redacted"]
        assert b"it is XXXXXXX" in data

    def test_one_that_is_nowhere_changes_nothing(self, clean: Clean) -> None:
        report, data = clean(csa_file(), identifiers=["Nemo^Nobody"])
        assert (report, data) == clean(csa_file())
        assert report.identifiers == ()

    def test_dead_space_edits_none_and_says_so(self, clean: Clean) -> None:
        report, cleaned = clean(csa_file(note=b"seen by Roe, PH-0001"), "dead-space", identifiers=["Roe"])
        assert [one.action for one in report.identifiers] == ["kept"]
        assert b"seen by Roe, PH-0001" in cleaned
        assert not report.vouched


class TestUidKey:
    def test_the_same_uid_becomes_the_same_pseudo_uid_in_every_file_and_element(self, clean: Clean) -> None:
        two = csa_file(private_block(0x29, 0x42, CREATOR, {0x20: ("OB", csa_series())}))
        for data in (csa_file(), csa_file(instance=2), two, xa_file()):
            before, after = data.count(WRITTEN), clean(data, uid_key=KEY)[1]
            assert before > 0
            assert UID not in after
            assert after.count(PSEUDO_UID) == before

    def test_another_key_gives_another(self, clean: Clean) -> None:
        other = clean(csa_file(), uid_key=OTHER_KEY)[1]
        assert PSEUDO_UID not in other
        assert UID not in other
        assert pseudonymous_uid(UID, UidKey(OTHER_KEY)) in other

    def test_the_key_may_stand_in_a_file(self, clean: Clean, tmp_path: Path) -> None:
        (tmp_path / "key").write_bytes(KEY + b"\n")
        assert clean(csa_file(), uid_key=tmp_path / "key") == clean(csa_file(), uid_key=KEY)

    def test_a_second_pass_leaves_them(self, clean: Clean) -> None:
        once = clean(csa_file(), uid_key=KEY)[1]
        report, twice = clean(once, uid_key=KEY)
        assert report.status == "unchanged"
        assert twice == once

    def test_without_a_key_the_fill_is_constant_and_links_nothing(self, clean: Clean) -> None:
        data = clean(csa_file())[1]
        assert UID not in data
        assert PSEUDO_UID not in data
        assert data.count(bytes(49 if 48 <= byte < 58 else byte for byte in UID)) >= csa_file().count(UID)

    def test_nothing_but_uids_differs(self, clean: Clean) -> None:
        plain, keyed = clean(csa_file()), clean(csa_file(), uid_key=KEY)
        assert keyed[0] == plain[0]
        differing = [at for at, (a, b) in enumerate(zip(plain[1], keyed[1], strict=True)) if a != b]
        assert differing
        assert {plain[1][at] for at in differing} == {ord("1")}

    def test_the_key_is_in_no_error(self, clean: Clean) -> None:
        with pytest.raises(CsacleanError) as caught:
            clean(csa_file()[:-3], uid_key=KEY)
        assert KEY.decode() not in repr(vars(caught.value)) + str(caught.value)


def csa_series() -> bytes:
    """Return a series header with the protocol text of phantoms."""
    from phantom_csa import series_header

    return encode(series_header())


class TestDoors:
    """Every way into the library takes the same options."""

    OPTIONS: ClassVar[dict[str, Any]] = {
        "retain": ["patient-characteristics"],
        "shift_days": 7,
        "uid_key": KEY,
    }

    def expected(self, clean: Clean) -> bytes:
        return clean(csa_file(), **self.OPTIONS)[1]

    def test_a_folder(self, clean: Clean, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree" / "1.dcm").write_bytes(csa_file())
        csaclean.clean_tree(tmp_path / "tree", tmp_path / "cleaned", **self.OPTIONS).wait()
        assert (tmp_path / "cleaned" / "1.dcm").read_bytes() == self.expected(clean)

    def test_a_data_set(self, clean: Clean, tmp_path: Path) -> None:
        (tmp_path / "ds.dcm").write_bytes(csa_file())
        ds = pydicom.dcmread(tmp_path / "ds.dcm")
        csaclean.clean_dataset(ds, **self.OPTIONS)
        ds.save_as(tmp_path / "saved.dcm")
        assert (tmp_path / "saved.dcm").read_bytes() == self.expected(clean)

    def test_a_value(self, clean: Clean) -> None:
        whole = value(csa_file(), 0x00291020)
        cleaned = csaclean.clean_value(
            whole, creator=CREATOR.decode(), group=0x29, element=0x20, **self.OPTIONS
        )
        assert cleaned == value(self.expected(clean), 0x00291020)

    def test_a_tree_refuses_a_bad_word_before_any_write(self, tmp_path: Path) -> None:
        (tmp_path / "tree").mkdir()
        with pytest.raises(UsageError):
            csaclean.clean_tree(tmp_path / "tree", tmp_path / "cleaned", retain=["hobbies"])
        assert not (tmp_path / "cleaned").exists()


class TestOwnPolicies:
    """Rules in a policy file of the user's: for what a handler claims, and for what nobody does."""

    HEADER = "(0029,SIEMENS CSA HEADER,20)"

    @staticmethod
    def rule(select: str, **more: str | Sequence[str]) -> str:
        rows = {"select": [select], "class": "technical", "why": "for the test", **more}
        return "\n[[rule]]\n" + "".join(
            f"{key} = {list(v) if not isinstance(v, str) else chr(34) + v + chr(34)}\n"
            for key, v in rows.items()
        )

    @staticmethod
    def policy(folder: Path, *rules: str, base: str = "converter-safe") -> Path:
        path = folder / "mine.toml"
        path.write_text(f'extends = "{base}"\n' + "".join(rules).replace("'", '"'))
        assert load_policy(path).rules.rules
        return path

    def test_a_whole_element_of_a_creator_that_nobody_claims_is_claimed(
        self, clean: Clean, tmp_path: Path
    ) -> None:
        mine = self.policy(
            tmp_path, self.rule(f"(0019,{OWN_CREATOR.decode()},01)", vr="LO", **{"class": "institution"})
        )
        report, data = clean(unclaimed_file(), mine)
        assert value(data, 0x00194201) == b"X" * 14
        assert value(data, 0x00194202) == b"SOMETHING ELSE"
        assert "(0019,INVENTED VENDOR 001,01)" in {group.selector for group in report.elements}
        assert {one.selector for one in report.unclaimed if one.reason == "unclaimed"} == {
            "(0019,INVENTED VENDOR 001,02)"
        }

    def test_bytes_of_one_are_blanked_by_the_form_that_the_rule_gives(
        self, clean: Clean, tmp_path: Path
    ) -> None:
        mine = self.policy(
            tmp_path,
            self.rule(
                f"(0019,{OWN_CREATOR.decode()},02)", vr="OB", form="opaque", **{"class": "institution"}
            ),
        )
        assert value(clean(unclaimed_file(), mine)[1], 0x00194202) == bytes(14)

    def test_a_text_that_the_rule_lists_stands_and_another_goes(self, clean: Clean, tmp_path: Path) -> None:
        mine = self.policy(
            tmp_path, self.rule(f"(0019,{OWN_CREATOR.decode()},01)", vr="LO", values=["SOMETHING ELSE"])
        )
        assert value(clean(unclaimed_file(), mine)[1], 0x00194201) == b"SOMETHING ELSE"
        assert value(clean(unclaimed_file(b"SOMETHING MORE"), mine)[1], 0x00194201) == b"X" * 14

    @pytest.mark.parametrize("is_swapped", [False, True], ids=["plain", "in a view"])
    def test_so_does_a_text_in_a_field_of_the_handlers(
        self, clean: Clean, tmp_path: Path, is_swapped: bool
    ) -> None:
        tag = CsaTag.build("ProtocolChangeHistory", "LO", [b"ours\0\0\0\0"])
        blob = encode(CsaHeader.build([*series_tags(), tag]))
        data = file_bytes(Phantom(base_image(series=swapped(blob) if is_swapped else blob)))
        kept = swapped(b"ours") if is_swapped else b"ours"
        assert kept in data
        assert kept not in clean(data)[1]
        for values, stays in ((["ours"], True), (["theirs"], False)):
            rule = self.rule(self.HEADER, field=["ProtocolChangeHistory"], values=values)
            assert (kept in clean(data, self.policy(tmp_path, rule))[1]) == stays

    def test_a_field_of_the_handlers_gets_the_users_class(self, clean: Clean, tmp_path: Path) -> None:
        select = "(0029,SIEMENS CSA HEADER,20)"
        mine = self.policy(
            tmp_path, self.rule(select, field=["UsedPatientWeight"], **{"class": "fingerprint"})
        )
        report, data = clean(csa_file(), mine)
        assert b"72      " in value(data, 0x00291020)
        assert ("UsedPatientWeight", "fingerprint") in {(kept.field, kept.cls) for kept in report.kept}
        assert b"72      " not in value(clean(csa_file())[1], 0x00291020)

    def test_a_whole_element_rule_goes_before_the_handlers_grammar(
        self, clean: Clean, tmp_path: Path
    ) -> None:
        rule = self.rule(self.HEADER, vr="OB", form="opaque", **{"class": "identity"})
        report, data = clean(csa_file(), self.policy(tmp_path, rule, base="strict"))
        assert not any(value(data, 0x00291020))
        (group,) = (group for group in report.elements if group.selector == self.HEADER)
        assert dict(group.edits) == {"identity": 1}
        assert value(data, 0x00291010) == value(clean(csa_file(), "strict")[1], 0x00291010)
        assert {"PulseSequenceDetails", "WipMemBlock"} <= set(report.declared)

    def test_what_a_converter_reads_stays_with_its_grammar_where_the_policy_keeps_that(
        self, clean: Clean, tmp_path: Path
    ) -> None:
        rule = self.rule(self.HEADER, vr="OB", form="opaque", **{"class": "identity"})
        report, data = clean(csa_file(), self.policy(tmp_path, rule))
        assert data == clean(csa_file())[1]
        assert any(kept.field for kept in report.kept if kept.selector == self.HEADER)

    def test_cleaning_twice_is_cleaning_once(self, clean: Clean, tmp_path: Path) -> None:
        mine = self.policy(
            tmp_path,
            self.rule(f"(0019,{OWN_CREATOR.decode()},01)", vr="LO", **{"class": "institution"}),
            self.rule(self.HEADER, vr="OB", form="opaque", **{"class": "identity"}),
            base="strict",
        )
        once = clean(unclaimed_file(), mine)[1]
        report, twice = clean(once, mine)
        assert report.status == "unchanged"
        assert twice == once


@pytest.mark.parametrize("word", ["retain_classes", "identifier", "key"])
def test_a_word_that_is_no_option_is_refused(clean: Clean, word: str) -> None:
    with pytest.raises((UsageError, TypeError)):
        clean(csa_file(), **{word: os.devnull})


def test_the_file_of_unclaimed_elements_is_what_it_is_for() -> None:
    assert b"SOMETHING ELSE" in unclaimed_file()
    assert len(unclaimed()) == 3


class TestAWholeElementOfAGrammar:
    """A user's rule on an element that a handler takes apart."""

    RULE = (
        '[[rule]]\nselect = ["(0029,SIEMENS CSA HEADER,10)"]\nvr = "OB"\nform = "opaque"\n'
        'class = "identity"\nwhy = "for the test"\n'
    )

    @pytest.mark.parametrize("base", ["dead-space", "converter-safe"])
    def test_stays_with_its_grammar_where_the_rule_would_let_it_stand(
        self, tmp_path: Path, base: str
    ) -> None:
        source = Path(__file__).parents[2] / "fixtures" / "phantoms" / "csa2_mosaic_explicit.dcm"
        policy = tmp_path / "own.toml"
        policy.write_text(f'extends = "{base}"\n{self.RULE}', "utf-8")
        own = csaclean.clean_file(source, tmp_path / "own.dcm", policy)
        shipped = csaclean.clean_file(source, tmp_path / "shipped.dcm", base)
        assert (tmp_path / "own.dcm").read_bytes() == (tmp_path / "shipped.dcm").read_bytes()
        assert [group.dead_nonzero for group in own.elements] == [
            group.dead_nonzero for group in shipped.elements
        ]

    def test_is_one_field_where_the_rule_redacts_it(self, tmp_path: Path) -> None:
        source = Path(__file__).parents[2] / "fixtures" / "phantoms" / "csa2_mosaic_explicit.dcm"
        policy = tmp_path / "own.toml"
        policy.write_text(f'extends = "strict"\n{self.RULE}', "utf-8")
        csaclean.clean_file(source, tmp_path / "own.dcm", policy)
        assert (tmp_path / "own.dcm").read_bytes().count(b"SV10") == 1  # the series header


def test_text_that_stays_without_a_rule_is_listed(tmp_path: Path) -> None:
    file = tmp_path / "in.dcm"
    block = private_block(0x0019, 0x10, b"SIEMENS MR HEADER", {0x0C: ("LO", b"who knows?")})
    file.write_bytes(file_bytes(Phantom(plain_image(block))))
    report = csaclean.clean_file(file, tmp_path / "out.dcm")
    (kept,) = report.kept
    assert (kept.selector, kept.cls, kept.count) == ("(0019,SIEMENS MR HEADER,0C)", "unruled-text", 1)
    assert "dn" in kept.read_by
    assert not report.vouched
