"""Policies: what ships, what a user's file may say, and what becomes of a field."""

from itertools import product
from pathlib import Path

import pytest

from csaclean.errors import PolicyError
from csaclean.model import Field
from csaclean.policy.fills import STANDING_FORMS
from csaclean.policy.plan import Plan, blanked
from csaclean.policy.policies import DISCLAIMER, ROWS, Policy, load_policy, policy_names
from csaclean.policy.rules import CLASSES, FieldClass, Rule, RuleSet

SELECTOR = "(0029,PHANTOM VENDOR,10)"
IDENTIFYING = [cls for cls in CLASSES if cls != "technical"]


def matrix(part: str, action: str, *without: str) -> str:
    rows = [f'{row} = "{action}"' for row in ROWS if row not in without]
    return "\n".join((f"[{part}]", *rows, ""))


def whole_policy(unread: str = "redact", read: str = "keep", unclaimed: str = "report") -> str:
    head = 'name = "mine"\nsummary = "for the test"\n'
    other = f'[other]\nunclaimed = "{unclaimed}"\nidentifiers = true\n'
    return head + matrix("unread", unread) + matrix("read", read) + other


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def load(file: Path, text: str) -> Policy:
    file.write_text(text, "utf-8")
    return load_policy(str(file))


class TestShipped:
    def test_dead_space_the_default_and_strict_ship(self) -> None:
        assert {"converter-safe", "dead-space", "strict"} <= set(policy_names())

    @pytest.mark.parametrize("name", policy_names())
    def test_each_loads_under_its_own_name(self, name: str) -> None:
        policy = load_policy(name)
        assert policy.name == name
        assert policy.summary

    @pytest.mark.parametrize("name", policy_names())
    def test_each_says_what_happens_to_every_class(self, name: str) -> None:
        policy = load_policy(name)
        assert set(policy.read) == set(policy.unread) == set(ROWS)

    @pytest.mark.parametrize("cls", ROWS)
    def test_dead_space_keeps_every_field(self, cls: str) -> None:
        policy = load_policy("dead-space")
        assert (policy.unread[cls], policy.read[cls]) == ("keep", "keep")

    @pytest.mark.parametrize("cls", ROWS)
    def test_converter_safe_touches_nothing_that_a_converter_reads(self, cls: str) -> None:
        assert load_policy("converter-safe").read[cls] == "keep"

    @pytest.mark.parametrize("cls", [row for row in ROWS if row not in ("fingerprint", "opaque")])
    def test_converter_safe_redacts_what_identifies_and_nobody_reads(self, cls: str) -> None:
        assert load_policy("converter-safe").unread[cls] == "redact"

    @pytest.mark.parametrize("cls", IDENTIFYING)
    def test_strict_redacts_what_identifies_whoever_reads_it(self, cls: FieldClass) -> None:
        policy = load_policy("strict")
        assert (policy.unread[cls], policy.read[cls]) == ("redact", "redact")

    def test_strict_blanks_what_nobody_answers_for(self) -> None:
        policy = load_policy("strict")
        assert (policy.unread["opaque"], policy.other.unclaimed) == ("redact", "blank")

    def test_only_dead_space_does_not_redact_identifiers(self) -> None:
        redacting = {name for name in policy_names() if load_policy(name).other.identifiers}
        assert redacting == set(policy_names()) - {"dead-space"}

    def test_the_disclaimer_denies_the_basic_profile(self) -> None:
        assert "No policy" in DISCLAIMER
        assert "PS3.15" in DISCLAIMER

    @pytest.mark.parametrize(
        "name", ["", "basic", "../policies/converter-safe", "Converter-Safe", "/etc/passwd"]
    )
    def test_a_name_that_does_not_ship_is_an_error_that_lists_those_that_do(self, name: str) -> None:
        with pytest.raises(PolicyError, match="converter-safe, dead-space, strict"):
            load_policy(name)


class TestFiles:
    def test_a_whole_policy_of_the_users_is_one(self, file: Path) -> None:
        policy = load(file, whole_policy(unread="keep", read="redact", unclaimed="fail"))
        assert (policy.unread["dates"], policy.read["dates"], policy.other.unclaimed) == (
            "keep",
            "redact",
            "fail",
        )

    @pytest.mark.parametrize("part", ["read", "unread"])
    @pytest.mark.parametrize("cls", IDENTIFYING)
    def test_a_missing_class_is_an_error_that_names_it(self, file: Path, part: str, cls: str) -> None:
        text = whole_policy().replace(matrix(part, "redact" if part == "unread" else "keep"), "")
        text += matrix(part, "keep", cls)
        with pytest.raises(PolicyError) as caught:
            load(file, text)
        assert cls in str(caught.value)
        assert f"[{part}]" in str(caught.value)

    def test_technical_fields_have_no_row(self, file: Path) -> None:
        with pytest.raises(PolicyError, match="technical"):
            load(file, whole_policy().replace("[read]\n", '[read]\ntechnical = "keep"\n'))

    @pytest.mark.parametrize(
        ("change", "to", "told"),
        [
            ("[read]\nidentity", "[read]\nidentities", "identities"),
            ('"keep"', '"shred"', "shred"),
            ("[other]", "[others]", "other"),
            ('name = "mine"', "", "name"),
            ("unclaimed =", "unruled =", "unruled"),
            ("identifiers = true", "identifiers = 1", "identifiers"),
            ("[read]\nidentity", "[read]\nidentities", "line 15"),
            ('"keep"', "1", "must be keep or redact"),
        ],
    )
    def test_what_is_not_understood_is_an_error_that_names_it(
        self, file: Path, change: str, to: str, told: str
    ) -> None:
        with pytest.raises(PolicyError) as caught:
            load(file, whole_policy().replace(change, to, 1))
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_file_that_is_not_toml_is_an_error_that_says_where(self, file: Path) -> None:
        with pytest.raises(PolicyError, match="line 2"):
            load(file, "name = 'x'\nthis is not TOML")

    def test_a_file_that_is_not_text_is_an_error(self, file: Path) -> None:
        file.write_bytes(b"\xff\xfe\x00name")
        with pytest.raises(PolicyError, match="not UTF-8"):
            load_policy(str(file))

    def test_a_missing_file_is_an_error_without_its_path(self, file: Path) -> None:
        with pytest.raises(PolicyError) as caught:
            load_policy(str(file))
        assert str(file) not in str(caught.value)


class TestExtends:
    def test_only_what_differs_need_be_said(self, file: Path) -> None:
        base = load_policy("converter-safe")
        policy = load(file, 'extends = "converter-safe"\nname = "mine"\n[unread]\ndates = "keep"\n')
        assert policy.name == "mine"
        assert policy.unread == {**base.unread, "dates": "keep"}
        assert (policy.read, policy.other) == (base.read, base.other)

    def test_an_unknown_base_is_an_error(self, file: Path) -> None:
        with pytest.raises(PolicyError, match="no such policy"):
            load(file, 'extends = "basic"\n')

    @pytest.mark.parametrize("base", ["1", "[1]", "true"])
    def test_a_base_that_is_no_name_is_an_error(self, file: Path, base: str) -> None:
        with pytest.raises(PolicyError):
            load(file, f"extends = {base}\n")

    def test_a_part_that_is_no_table_is_an_error(self, file: Path) -> None:
        with pytest.raises(PolicyError):
            load(file, 'extends = "converter-safe"\nunread = "keep"\n')

    def test_a_shipped_policy_is_not_changed_by_one_that_extends_it(self, file: Path) -> None:
        before = load_policy("converter-safe")
        load(file, 'extends = "converter-safe"\n[unread]\ndates = "keep"\n')
        assert load_policy("converter-safe") == before


class TestDecisions:
    """What the plan decides for a field."""

    @staticmethod
    def plan(
        *rules: Rule,
        policy: str = "converter-safe",
        read: tuple[str, ...] = (),
        who: tuple[str, ...] = ("dcm2niix",),
    ) -> Plan:
        return Plan(load_policy(policy), RuleSet(rules), lambda _, path: who if path in read else ())

    @pytest.mark.parametrize(("cls", "is_read"), [*product(IDENTIFYING, (False, True))])
    @pytest.mark.parametrize("name", policy_names())
    def test_the_matrix_is_followed(self, name: str, cls: FieldClass, is_read: bool) -> None:
        policy = load_policy(name)
        plan = self.plan(
            Rule((SELECTOR,), cls, "x", ("Name",)), policy=name, read=("Name",) if is_read else ()
        )
        decision = plan.decide(SELECTOR, Field("Name", "number" if cls == "fingerprint" else "text"))
        assert decision.redact == ((policy.read if is_read else policy.unread)[cls] == "redact")
        assert decision.cls == cls
        assert bool(decision.read_by) == is_read

    def test_a_technical_field_stays_under_every_policy(self) -> None:
        for name in policy_names():
            plan = self.plan(Rule((SELECTOR,), "technical", "x", ("Name",)), policy=name)
            decision = plan.decide(SELECTOR, Field("Name", "code"))
            assert (decision.redact, decision.cls, decision.vouched) == (False, "technical", True)

    @pytest.mark.parametrize("form", ["text", "uid", "date", "name"])
    def test_a_technical_rule_does_not_let_free_text_stand(self, form: str) -> None:
        plan = self.plan(Rule((SELECTOR,), "technical", "x", ("Name",)), policy="strict")
        assert plan.decide(SELECTOR, Field("Name", form)).redact

    @pytest.mark.parametrize("form", ["text", "uid", "date"])
    def test_nor_does_a_rule_for_a_fingerprint_because_that_is_a_number(self, form: str) -> None:
        plan = self.plan(Rule((SELECTOR,), "fingerprint", "x", ("Name",)))
        decision = plan.decide(SELECTOR, Field("Name", form))
        assert (decision.redact, decision.cls) == (True, "")
        assert not plan.decide(SELECTOR, Field("Name", "number")).redact

    @pytest.mark.parametrize("cls", ["technical", "device"])
    def test_a_rule_that_lists_texts_speaks_of_those_only(self, cls: FieldClass) -> None:
        plan = self.plan(Rule((SELECTOR,), cls, "x", ("Name",), values=("listed",)))
        assert plan.decide(SELECTOR, Field("Name", "code")).cls == cls
        assert plan.decide(SELECTOR, Field("Name", "text")).cls == ""

    @pytest.mark.parametrize("form", sorted(STANDING_FORMS))
    @pytest.mark.parametrize("name", policy_names())
    def test_numbers_and_machine_constants_stand_without_a_rule(self, name: str, form: str) -> None:
        decision = self.plan(policy=name).decide(SELECTOR, Field("Name", form))
        assert (decision.redact, decision.vouched) == (False, True)

    @pytest.mark.parametrize("form", ["text", "uid", "date", "letter-code", "new"])
    def test_any_other_field_without_a_rule_goes(self, form: str) -> None:
        decision = self.plan().decide(SELECTOR, Field("Name", form))
        assert (decision.redact, decision.vouched) == (True, True)

    @pytest.mark.parametrize("form", ["text", "uid", "name", "opaque"])
    def test_nobody_vouches_for_one_that_stays_all_the_same(self, form: str) -> None:
        decision = self.plan(policy="dead-space").decide(SELECTOR, Field("Name", form))
        assert (decision.redact, decision.vouched) == (False, False)

    @pytest.mark.parametrize("form", ["name", "opaque"])
    def test_what_no_grammar_accounts_for_follows_the_row_of_opaque_content(self, form: str) -> None:
        assert not self.plan().decide(SELECTOR, Field("Name", form)).redact
        assert self.plan(policy="strict").decide(SELECTOR, Field("Name", form)).redact

    def test_text_without_a_rule_that_a_converter_reads_stays_unless_the_policy_is_strict(self) -> None:
        for policy, redacted in (("converter-safe", False), ("strict", True)):
            plan = self.plan(policy=policy, read=("Read",))
            assert plan.decide(SELECTOR, Field("Read", "text")).redact == redacted

    @pytest.mark.parametrize("name", ["converter-safe", "strict"])
    def test_a_class_that_is_retained_stays_and_is_listed(self, name: str) -> None:
        rules = RuleSet([Rule((SELECTOR,), "dates", "x", ("Day",)), Rule((SELECTOR,), "uids", "x", ("Uid",))])
        plan = Plan(load_policy(name), rules, lambda _selector, _path: (), frozenset(("dates",)))
        day, uid = (plan.decide(SELECTOR, Field(path, "text")) for path in ("Day", "Uid"))
        assert (day.redact, day.kept, day.vouched) == (False, True, False)
        assert uid.redact

    def test_a_field_of_a_nested_data_set_is_ruled_by_its_own_selector(self) -> None:
        plan = self.plan(Rule(("(0018,9089)",), "device", "x", vr="LO"))
        assert plan.decide(SELECTOR, Field("", "text", "(0018,9089)")).cls == "device"
        assert plan.decide(SELECTOR, Field("", "text")).cls == ""

    def test_whatever_is_blanked_is_filled_by_its_form(self) -> None:
        for form in ("text", "code", "number", "opaque"):
            assert blanked(Field("", form))[:3] == (True, "unclaimed", form)

    def test_a_rule_for_a_number_redacts_it(self) -> None:
        plan = self.plan(Rule((SELECTOR,), "dates", "x", ("Age",)))
        assert plan.decide(SELECTOR, Field("Age", "number")).redact

    def test_the_form_of_the_rule_goes_before_that_of_the_grammar(self) -> None:
        plan = self.plan(
            Rule((SELECTOR,), "dates", "x", ("Day",), form="date"), Rule((SELECTOR,), "dates", "x", ("At",))
        )
        assert plan.decide(SELECTOR, Field("Day", "text")).form == "date"
        assert plan.decide(SELECTOR, Field("At", "text")).form == "text"

    def test_the_converter_table_goes_before_what_the_rule_says(self) -> None:
        rule = Rule((SELECTOR,), "dates", "x", ("Day",), read_by=("somebody",))
        assert self.plan(rule, read=("Day",)).decide(SELECTOR, Field("Day", "text")).read_by == ("dcm2niix",)
        decision = self.plan(rule).decide(SELECTOR, Field("Day", "text"))
        assert (decision.redact, decision.read_by) == (False, ("somebody",))

    def test_one_path_with_two_forms_has_two_decisions(self) -> None:
        plan = self.plan()
        assert plan.decide(SELECTOR, Field("Name", "number")).vouched
        assert plan.decide(SELECTOR, Field("Name", "text")).redact


class TestOwnRules:
    """Rules in a user's policy file."""

    RULE = 'extends = "converter-safe"\n\n[[rule]]\nselect = ["(0029,PHANTOM VENDOR,10)"]\nfield = ["Name"]\n'

    def test_they_come_before_those_of_the_handler(self, file: Path) -> None:
        policy = load(file, f'{self.RULE}class = "device"\nwhy = "x"\n')
        plan = Plan(
            policy, RuleSet([Rule((SELECTOR,), "dates", "x", ("Name", "Day"))]), lambda _selector, _path: ()
        )
        assert [plan.decide(SELECTOR, Field(path, "text")).cls for path in ("Name", "Day")] == [
            "device",
            "dates",
        ]

    def test_a_pattern_of_the_user_comes_before_an_exact_path_of_the_handler(self, file: Path) -> None:
        policy = load(file, f'{self.RULE.replace("Name", "N*")}class = "device"\nwhy = "x"\n')
        plan = Plan(
            policy, RuleSet([Rule((SELECTOR,), "dates", "x", ("Name",))]), lambda _selector, _path: ()
        )
        assert plan.decide(SELECTOR, Field("Name", "text")).cls == "device"

    @pytest.mark.parametrize(
        ("rest", "line"),
        [
            ('class = "devices"\nwhy = "x"\n', 6),
            ('class = "device"\nwhy = 1\n', 7),
            ('class = "device"\nwhy = "x"\nnew = 1\n', 3),
            ('class = "device"\n', 3),
            ('class = "device"\nwhy = "x"\nform = "nonsense"\n', 3),
            ('class = "device"\nwhy = "x"\nmatch = "("\n', 3),
        ],
    )
    def test_an_error_names_file_and_line(self, file: Path, rest: str, line: int) -> None:
        with pytest.raises(PolicyError, match=rf"mine\.toml, line {line}\b"):
            load(file, self.RULE + rest)

    def test_two_faults_are_told_at_once(self, file: Path) -> None:
        fault = 'class = "device"\nwhy = "x"\nform = "nonsense"\n'
        with pytest.raises(PolicyError, match=r"line 3\b.*line 9\b"):
            load(file, self.RULE + fault + self.RULE.partition("\n\n")[2].replace("Name", "Day") + fault)

    def test_two_patterns_that_may_match_one_field_are_an_error_that_names_both_lines(
        self, file: Path
    ) -> None:
        rest = 'class = "device"\nwhy = "x"\n'
        text = (
            self.RULE.replace("Name", "a*b")
            + rest
            + self.RULE.partition("\n\n")[2].replace("Name", "*ab")
            + rest
        )
        with pytest.raises(PolicyError, match=r"line 3 and .*line 8.*equal rank"):
            load(file, text)
