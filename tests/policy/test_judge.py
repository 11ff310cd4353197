"""The verdict on one field: the plan's decision, what is written in its place, and whether it leaks."""

import struct

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.model import Field
from csaclean.policy.dates import shift_date, shift_datetime
from csaclean.policy.fills import FORMS, fill
from csaclean.policy.judge import OPAQUE_SPAN, Filler, IdentifierSearch, Judge, Verdict
from csaclean.policy.plan import Decision, Plan
from csaclean.policy.policies import load_policy
from csaclean.policy.pseudonym import UidKey, pseudonymous_uid
from csaclean.policy.rules import Rule, RuleSet
from csaclean.proof.numbers import Numbers
from csaclean.proof.residue import Needles
from csaclean.proof.words import Identifiers

SELECTOR = "(0029,PHANTOM VENDOR,10)"
KEY = UidKey(b"synthetic secret of a test")
OTHER_KEY = UidKey(b"another secret of the test")
UID = b"2.25.1107.5.2.43.99999.2001020308150012345600001"
SAMPLES = {
    "text": b"Roe^Jane",
    "uid": UID,
    "date": b"20010203",
    "datetime": b"20010203081500.000000",
    "number": b"-72.50",
    "time": b"081500",
    "opaque": b"\0\1Roe",
}
NEEDLES = Needles.from_identifiers(["Roe^Jane"], ["4711-A"], [], ["4711"], ())
NUMERIC = ["integer", "number", "binary-number", "assignments"]


def redacting(form: str, cls: str = "dates") -> Decision:
    return Decision(True, cls, form, (), vouched=True)


def keeping(form: str, cls: str = "", read_by: tuple[str, ...] = ()) -> Decision:
    return Decision(False, cls, form, read_by, vouched=True)


def judge(decision: Decision, filler: Filler = Filler(), needles: Needles | None = NEEDLES) -> Judge:  # noqa: B008
    return Judge(lambda _: decision, filler, searching(needles) if needles else None)


def searching(needles: Needles, *, edits: bool = True, read_fields: bool = True) -> IdentifierSearch:
    return IdentifierSearch(needles, Numbers(needles.numbers), edits=edits, read_fields=read_fields)


class TestFiller:
    """What is written in place of a redacted field."""

    @pytest.mark.parametrize("form", SAMPLES)
    def test_the_constant_fill_of_the_form_without_options(self, form: str) -> None:
        assert Filler().fill(redacting(form), SAMPLES[form]) == fill(form, SAMPLES[form])

    def test_a_pseudo_uid_where_there_is_a_key(self) -> None:
        new = Filler(KEY).fill(redacting("uid", "uids"), UID)
        assert new == pseudonymous_uid(UID, KEY)
        assert new not in (UID, fill("uid", UID))

    def test_equal_uids_get_equal_pseudo_uids_and_another_key_other_ones(self) -> None:
        decision = redacting("uid", "uids")
        assert Filler(KEY).fill(decision, UID) == Filler(UidKey(KEY.secret)).fill(decision, UID)
        assert Filler(KEY).fill(decision, UID) != Filler(OTHER_KEY).fill(decision, UID)

    def test_each_of_several_uids_gets_its_own(self) -> None:
        parts = (
            Filler(KEY)
            .fill(redacting("uid", "uids"), UID + b"\\" + UID + b"\\1.2.840.10008.1.2")
            .split(b"\\")
        )
        assert parts == [pseudonymous_uid(UID, KEY)] * 2 + [b"1.2.840.10008.1.2"]

    def test_a_second_pass_with_the_key_leaves_pseudo_uids(self) -> None:
        once = Filler(KEY).fill(redacting("uid", "uids"), UID)
        assert Filler(KEY).fill(redacting("uid", "uids"), once) == once

    def test_what_is_no_uid_gets_the_constant_fill_all_the_same(self) -> None:
        assert Filler(KEY).fill(redacting("uid", "uids"), b"Roe\\" + UID).startswith(b"XXX\\2.25.")

    def test_a_key_changes_no_other_form(self) -> None:
        for form in SAMPLES.keys() - {"uid"}:
            assert Filler(KEY).fill(redacting(form), SAMPLES[form]) == fill(form, SAMPLES[form])

    @pytest.mark.parametrize(("form", "new"), [("date", b"20010210"), ("datetime", b"20010210081500.000000")])
    def test_a_date_is_shifted_where_there_are_days(self, form: str, new: bytes) -> None:
        assert Filler(days=7).fill(redacting(form), SAMPLES[form]) == new

    def test_each_of_several_dates_is_shifted(self) -> None:
        assert Filler(days=-3).fill(redacting("date"), b"20010203\\20010101") == b"20010131\\20001229"

    @pytest.mark.parametrize("old", [b"20010230", b"Roe^Jane", b"00000000", b"99991230"])
    def test_what_is_in_no_calendar_or_leaves_it_is_redacted(self, old: bytes) -> None:
        assert Filler(days=7).fill(redacting("date"), old) == fill("date", old)

    def test_only_dates_that_are_dates_are_shifted(self) -> None:
        """A birth date is a characteristic of the patient: shifted, it would still tell the age."""
        decision = redacting("date", "patient-characteristics")
        assert Filler(days=7).fill(decision, b"19670203") == b"19000101"

    def test_shifting_by_no_days_leaves_the_date(self) -> None:
        assert Filler(days=0).fill(redacting("date"), b"20010203") == b"20010203"

    @given(st.binary(max_size=40), st.sampled_from(sorted(FORMS)), st.integers(-4000, 4000))
    def test_no_length_changes(self, old: bytes, form: str, days: int) -> None:
        assert len(Filler(KEY, days).fill(redacting(form), old)) == len(old)

    @given(st.binary(max_size=40), st.sampled_from(sorted(FORMS)))
    def test_filling_twice_is_filling_once_unless_dates_are_shifted(self, old: bytes, form: str) -> None:
        filler = Filler(KEY)
        once = filler.fill(redacting(form), old)
        assert filler.fill(redacting(form), once) == once

    def test_but_shifting_twice_is_not_shifting_once(self) -> None:
        once = Filler(days=7).fill(redacting("date"), b"20010203")
        assert Filler(days=7).fill(redacting("date"), once) == b"20010217"
        assert shift_date(b"20010203", 14) == b"20010217"
        assert shift_datetime(b"20010203", 14) == b"20010217"


class TestVerdict:
    """What becomes of a field."""

    FIELD = Field("Name", "text")

    def test_a_redacted_field_gets_its_fill(self) -> None:
        decision = redacting("text", "identity")
        assert judge(decision).verdict(self.FIELD, b"Doe") == Verdict(decision, b"XXX", "redact")

    def test_one_that_holds_its_fill_already_is_no_edit(self) -> None:
        assert judge(redacting("text")).verdict(self.FIELD, b"XXX").reason == ""

    @pytest.mark.parametrize(
        ("form", "old", "identifier", "days"),
        [
            ("uid", b"1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4", None),
            ("date", b"20010203", "20010210", 7),
        ],
        ids=["registered UID", "shifted date"],
    )
    def test_a_fill_that_is_an_identifier_is_none(
        self, form: str, old: bytes, identifier: str, days: int | None
    ) -> None:
        needles = Needles.from_identifiers([], [identifier], [], [], ())
        one = judge(redacting(form), Filler(days=days), needles)
        assert one.verdict(Field("Name", form), old).new == fill("text", old)

    def test_a_kept_field_stays(self) -> None:
        decision = keeping("code")
        assert judge(decision).verdict(self.FIELD, b"HFS") == Verdict(decision, b"HFS", "")

    @pytest.mark.parametrize("old", [b"seen by jane", b"JANE^Roe", b"id 4711-a"])
    def test_one_that_holds_an_identifier_is_edited_whole(self, old: bytes) -> None:
        verdict = judge(keeping("code")).verdict(self.FIELD, old)
        assert (verdict.reason, verdict.new) == ("identifier", fill("text", old))

    def test_it_is_left_alone_where_nobody_searches(self) -> None:
        assert judge(keeping("code"), needles=None).verdict(self.FIELD, b"Roe^Jane").reason == ""

    def test_of_one_that_a_reader_reads_only_the_characters_are_redacted(self) -> None:
        decision = keeping("text", "descriptors", ("dn",))
        verdict = judge(decision).verdict(self.FIELD, b"head of Jane, 4711-A")
        assert verdict == Verdict(decision, b"head of XXXX, XXXXXX", "identifier", ("patient",))

    @pytest.mark.parametrize("number", [b"7.7120311E+07", b"0077120311.0", b"0x498c337"])
    def test_a_number_of_a_text_is_compared_in_any_notation(self, number: bytes) -> None:
        needles = Needles.from_identifiers([], ["77120311"], [], [], ())
        decision = keeping("text", "descriptors", ("dn",))
        verdict = judge(decision, needles=needles).verdict(self.FIELD, b"12 mm\\%b mm" % number)
        assert verdict.reason == "identifier"
        assert verdict.left == ()
        assert verdict.new.startswith(b"12 mm\\")

    def test_it_stays_where_it_is_to_be_kept(self) -> None:
        decision = keeping("text", "descriptors", ("dn",))
        one = Judge(lambda _: decision, Filler(), searching(NEEDLES, read_fields=False))
        assert one.verdict(self.FIELD, b"of Jane") == Verdict(decision, b"of Jane", "", (), ("patient",))

    def test_a_text_on_which_a_reader_branches_stays(self) -> None:
        decision = keeping("text", "descriptors", ("dn",))._replace(branches=True)
        assert judge(decision).verdict(self.FIELD, b"Jane").left == ("patient",)

    def test_without_edits_it_is_listed_only(self) -> None:
        decision = keeping("text")
        one = Judge(lambda _: decision, Filler(), searching(NEEDLES, edits=False))
        assert one.verdict(self.FIELD, b"Jane") == Verdict(decision, b"Jane", "", (), ("patient",))

    def test_the_name_of_a_place_stays_where_a_reader_reads_it(self) -> None:
        needles = Needles.of(
            {
                "places": Identifiers(("Springfield General",), (), (), (), ()),
                "people": Identifiers(("Roe^Jane",), (), (), (), ()),
            },
            (),
        )
        verdict = judge(keeping("text", "descriptors", ("dn",)), needles=needles).verdict(
            self.FIELD, b"Springfield, by Jane"
        )
        assert verdict.new == b"Springfield, by XXXX"
        assert (verdict.redacted, verdict.left) == (("people",), ("places",))

    @pytest.mark.parametrize("form", NUMERIC)
    def test_in_a_number_it_is_none(self, form: str) -> None:
        assert judge(keeping(form)).verdict(Field("Name", form), b"4711").reason == ""

    def test_among_binary_numbers_a_short_word_is_none_but_beside_a_long_one(self) -> None:
        field = Field("", "binary-number")
        needles = Needles.from_identifiers(["Travisson^Jane"], [], [], [], ())
        one = judge(keeping("binary-number"), needles=needles)
        alone = b"\1\2Jane\0\0"
        assert one.verdict(field, alone).new == alone
        assert (
            not one.verdict(field, b"\1\2\3\4\5\6\7\x08 Jane \0\0Travisson\0\0\0\0\0\0\0")
            .new[8:]
            .strip(b"\0")
        )

    def test_in_opaque_content_it_stays_outside_printable_runs(self) -> None:
        verdict = judge(keeping("opaque")).verdict(OPAQUE_SPAN, b"\0\1Roe^Jane")
        assert (verdict.new, verdict.reason, verdict.left) == (b"\0\1Roe^Jane", "", ("patient",))

    def test_in_a_printable_run_of_it_a_long_word_is_crossed_out(self) -> None:
        verdict = judge(keeping("opaque")).verdict(OPAQUE_SPAN, b"\0\1seen: Roe^Jane today\0")
        assert (verdict.new, verdict.left) == (b"\0\1seen: XXXXXXXX today\0", ())

    @pytest.mark.parametrize("form", ["date", "uid", "time", "age", "hex", "letter-code", "code"])
    def test_it_is_filled_as_text_because_it_is_no_such_thing(self, form: str) -> None:
        assert judge(keeping(form)).verdict(Field("Name", form), b"Roe^Jane").new == b"XXXXXXXX"

    @pytest.mark.parametrize(
        ("form", "old", "new"),
        [
            ("record", b"1;Jane;2", b"X;XXXX;X"),
            ("utf16", "Jane".encode("utf-16-le"), "XXXX".encode("utf-16-le")),
            ("codes", b"74,97,110,101", b"88,88,120,120"),
            ("name", b"s.Jane-1", b"X.XXXX-X"),
        ],
    )
    def test_forms_that_hold_text_in_their_own_way_keep_their_way(
        self, form: str, old: bytes, new: bytes
    ) -> None:
        verdict = judge(keeping(form)).verdict(Field("Name", form), old)
        assert (verdict.reason, verdict.new) == ("identifier", new)

    @pytest.mark.parametrize("old", [b"Roe^Jane", b"at 4711-A", b"Jane\\other"])
    def test_what_is_written_then_gives_nobody_away(self, old: bytes) -> None:
        one = judge(keeping("code"))
        new = one.verdict(self.FIELD, old).new
        assert not NEEDLES.find(new)
        assert one.verdict(self.FIELD, new).reason == ""


class TestForRow:
    """One search of a row spares that of its fields, and changes no verdict."""

    @given(
        st.lists(
            st.sampled_from(
                [
                    *(b"Jane", b"HFS", b" ", b"4711-A", b"4", b"Ja", b"ne", b"\\", b"^", b"SmFuZQ"),
                    *(b"74,97,110,101", b"J&#97;ne", b"J\0a\0n\0e\0"),
                ]
            ),
            max_size=6,
        ),
        st.sampled_from([b"\0", b" ", b"x", b"="]),
    )
    def test_the_verdict_on_each_field_is_the_same(self, parts: list[bytes], between: bytes) -> None:
        one = judge(keeping("code"))
        row = one.for_row(between.join(parts))
        start = 0
        for part in parts:
            field = Field("Name", "code")
            assert row.verdict(field, start, start + len(part)) == one.verdict(field, part)
            start += len(part) + len(between)


class TestPlanAndJudge:
    """Plan and filler together: rules, matrix and options end in bytes."""

    @pytest.mark.parametrize(
        ("policy", "retain", "new"),
        [
            ("dead-space", frozenset(), b"20010203"),
            ("converter-safe", frozenset(), b"20010210"),
            ("strict", frozenset(), b"20010210"),
            ("converter-safe", frozenset(("dates",)), b"20010203"),
            ("converter-safe", frozenset(("uids",)), b"20010210"),
        ],
    )
    def test_a_date(self, policy: str, retain: frozenset[str], new: bytes) -> None:
        rules = RuleSet([Rule((SELECTOR,), "dates", "x", ("Day",), form="date")])
        plan = Plan(load_policy(policy), rules, lambda _selector, _path: (), retain)
        one = Judge(lambda field: plan.decide(SELECTOR, field), Filler(days=7))
        assert one.verdict(Field("Day", "text"), b"20010203").new == new


class TestWholeNumbers:
    """A number that is an identifier of the patient, no less and no more."""

    NEEDLES = Needles.from_identifiers([], ["559137204"], ["19670203"], [], ())

    @pytest.mark.parametrize("form", ["integer", "number"])
    @pytest.mark.parametrize("old", [b"559137204", b" 559137204  ", b"19670203"])
    def test_is_redacted(self, form: str, old: bytes) -> None:
        found = judge(keeping(form), needles=self.NEEDLES).verdict(Field("Name", form), old)
        assert found.reason == "identifier"
        assert not found.new.strip(b" 0")

    def test_is_redacted_among_others(self) -> None:
        field = Field("Name", "number")
        found = judge(keeping("number"), needles=self.NEEDLES).verdict(
            field, b"1\\0559137204.00\\5.59137204e8\\7"
        )
        assert found.new == b"1\\0000000000.00\\0.00000000e0\\7"

    @pytest.mark.parametrize("code", ["<I", ">I", "<Q", "<d", ">d"])
    def test_is_nulled_among_binary_numbers(self, code: str) -> None:
        old = struct.pack("<d", 2.5) + struct.pack(code, 559137204)
        verdict = judge(keeping("binary-number"), needles=self.NEEDLES).verdict(
            Field("Name", "binary-number"), old
        )
        assert verdict.new == struct.pack("<d", 2.5) + bytes(len(old) - 8)

    def test_stays_where_a_reader_reads_it(self) -> None:
        verdict = judge(keeping("number", "", ("dn",)), needles=self.NEEDLES).verdict(
            Field("Name", "number"), b"559137204"
        )
        assert (verdict.new, verdict.left) == (b"559137204", ("patient",))

    @pytest.mark.parametrize("old", [b"-559137204", b"559137204.0", b"5.59137204e+8"])
    def test_becomes_an_integer_without_leading_zeros(self, old: bytes) -> None:
        new = judge(keeping("integer"), needles=self.NEEDLES).verdict(Field("Name", "integer"), old).new
        assert new.rstrip() == (b"-0" if old.startswith(b"-") else b"0")
        assert len(new) == len(old)

    @pytest.mark.parametrize("old", [b"196702031200", b"19670203120059", b"19670203120059.250000"])
    def test_is_a_birth_date_before_a_time_too(self, old: bytes) -> None:
        new = judge(keeping("number"), needles=self.NEEDLES).verdict(Field("Name", "number"), old).new
        assert not new.strip(b"0.")

    @pytest.mark.parametrize("given", ["73059182.5", "7.30591825e7", "+73059182.50"])
    @pytest.mark.parametrize("old", [b"73059182.5", b"1\\-073059182.500", b"7.30591825E+07"])
    def test_may_have_a_fraction(self, given: str, old: bytes) -> None:
        needles = Needles.from_identifiers([], [given], [], [], ())
        new = judge(keeping("number"), needles=needles).verdict(Field("Name", "number"), old).new
        assert set(new) <= set(b"01\\-.E+") - set(b"" if b"\\" in old else b"1")
        binary = struct.pack("<2d", 2.5, 73059182.5)
        found = judge(keeping("binary-number"), needles=needles).verdict(Field("", "binary-number"), binary)
        assert found.new == struct.pack("<2d", 2.5, 0)

    @pytest.mark.parametrize("given", ["12e4", "1e5", "73059-1825"])
    def test_is_none_by_its_zeros_or_by_other_punctuation(self, given: str) -> None:
        needles = Needles.from_identifiers([], [given], [], [], ())
        found = judge(keeping("number"), needles=needles)
        assert found.verdict(Field("Name", "number"), b"120000\\100000\\73059.1825").reason == ""

    @pytest.mark.parametrize("old", [b"1559137204", b"559137204.5", b"55913"])
    def test_is_none_as_a_part_of_another(self, old: bytes) -> None:
        assert judge(keeping("number"), needles=self.NEEDLES).verdict(Field("Name", "number"), old).new == old
