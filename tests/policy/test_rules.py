"""Rules: which one is found for a field, and which tables are refused."""

import sys
from contextlib import nullcontext
from itertools import combinations
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.errors import PolicyError
from csaclean.policy.patterns import compile_pattern, is_pattern, literal_length, may_meet, overlap
from csaclean.policy.rules import CLASSES, FieldClass, Rule, RuleSet
from csaclean.registry import installed
from csaclean.selector import parse_selector

IMAGE = "(0029,PHANTOM VENDOR,10)"
SERIES = "(0029,PHANTOM VENDOR,20)"


def rule(*fields: str, select: tuple[str, ...] = (IMAGE,), cls: FieldClass = "device", vr: str = "") -> Rule:
    return Rule(select, cls, "for the test", field=fields, vr=vr)


def found(rules: RuleSet, path: str, selector: str = IMAGE) -> str | None:
    """Return the class of the rule for a field."""
    hit = rules.find(selector, path)
    return hit.cls if hit else None


class TestPrecedence:
    def test_an_exact_path_wins_over_every_pattern(self) -> None:
        rules = RuleSet([rule("Names/*", cls="dates"), rule("Names/First", cls="identity")])
        assert found(rules, "Names/First") == "identity"
        assert found(rules, "Names/Last") == "dates"

    def test_the_pattern_with_the_longer_literal_part_wins(self) -> None:
        rules = RuleSet([rule("Na*", cls="dates"), rule("Name*", cls="identity"), rule("**", cls="device")])
        assert [found(rules, path) for path in ("Names", "Nab", "x/y")] == ["identity", "dates", "device"]

    def test_the_order_in_the_table_does_not_matter(self) -> None:
        table = [rule("Na*", cls="dates"), rule("Name*", cls="identity"), rule("Names", cls="uids")]
        for rules in (RuleSet(table), RuleSet(table[::-1])):
            assert [found(rules, path) for path in ("Names", "Name1", "Nab")] == ["uids", "identity", "dates"]

    def test_a_rule_for_the_element_wins_over_one_for_any(self) -> None:
        rules = RuleSet(
            [rule("tReferenceImage*", select=("*",), cls="uids"), rule("t*", select=(IMAGE,), cls="device")]
        )
        assert found(rules, "tReferenceImage0") == "device"
        assert found(rules, "tReferenceImage0", SERIES) == "uids"

    def test_an_exact_path_for_the_element_wins_over_one_for_any(self) -> None:
        rules = RuleSet([rule("Name", select=("*",), cls="uids"), rule("Name", cls="device")])
        assert found(rules, "Name") == "device"
        assert found(rules, "Name", SERIES) == "uids"

    def test_two_patterns_of_one_rank_that_match_one_field_are_an_error(self) -> None:
        with pytest.raises(PolicyError, match="equal rank"):
            RuleSet([rule("ab*", cls="dates"), rule("*ab", cls="uids")])

    def test_two_patterns_of_one_rule_may_match_one_field(self) -> None:
        assert found(RuleSet([rule("ab*", "*ab")]), "ab") == "device"

    def test_two_patterns_of_one_rank_that_no_path_matches_both_are_none(self) -> None:
        rules = RuleSet([rule("a*/b", cls="dates"), rule("b*/a", cls="uids")])
        assert [found(rules, path) for path in ("ax/b", "bx/a")] == ["dates", "uids"]

    @pytest.mark.parametrize("fields", [("Name",), ("Na*",)])
    def test_two_rules_with_one_address_are_an_error_that_names_it(self, fields: tuple[str, ...]) -> None:
        with pytest.raises(PolicyError) as caught:
            RuleSet([rule(*fields), rule(*fields, cls="dates")])
        assert f"rule 2: {IMAGE} {fields[0]} has a rule already, rule 1" in caught.value.reason

    def test_one_address_twice_in_one_rule_is_an_error(self) -> None:
        with pytest.raises(PolicyError):
            RuleSet([rule("Name", "Name")])

    def test_the_spelling_of_hexadecimal_digits_does_not_make_another_address(self) -> None:
        with pytest.raises(PolicyError):
            RuleSet([rule("Name", select=("(00E1,V,1b)",)), rule("Name", select=("(00e1,V,1B)",))])

    def test_a_field_without_a_rule_has_none(self) -> None:
        rules = RuleSet([rule("Name")])
        assert found(rules, "Other") is None
        assert found(rules, "Name", SERIES) is None


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "path", "matches"),
        [
            ("*", "Name", True),
            ("*", "Names/First", False),
            ("**", "Names/First", True),
            ("Names/*", "Names/First", True),
            ("Names/*", "Names/First/2", False),
            ("Names/**", "Names/First/2", True),
            ("**/First", "Names/a/First", True),
            ("**/First", "First", False),
            ("**First", "First", True),
            ("**ASCCONV/tName", "Protocol/ASCCONV/tName", True),
            ("Na*e", "Name", True),
            ("Na*e", "Nae", True),
            ("Na*e", "Names", False),
            ("a[]", "a[0]", True),
            ("a[]", "a[123]", True),
            ("a[]", "a[]", False),
            ("a[]", "a[x]", False),
            ("a[]", "a", False),
            ("a[].b[]", "a[1].b[2]", True),
            ("a[0]", "a[0]", True),
            ("a[0]", "a0", False),
            ("a[0]*", "a[0].b", True),
            ("a[0]*", "a0.b", False),
            ("a?", "a?", True),
            ("a?*", "ab", False),
            ("a.c*", "abc", False),
            ("a+*", "aa", False),
            ("(a)*", "(a)b", True),
            ("*", "two\nlines", True),
            ("Name*", "name", False),
        ],
    )
    def test_stars_and_empty_brackets_are_the_only_wildcards(
        self, pattern: str, path: str, matches: bool
    ) -> None:
        assert (found(RuleSet([rule(pattern)]), path) == "device") is matches

    @given(st.text("abc[]*?.+()^$\\|/0 ", min_size=1, max_size=12).filter(lambda text: "*" not in text))
    def test_what_holds_no_wildcard_matches_itself_alone(self, path: str) -> None:
        if "[]" in path:
            path = path.replace("[]", "")
        if path:
            rules = RuleSet([rule(path, select=("*",))])
            assert found(rules, path) == "device"
            assert found(rules, path + "x") is None
            assert found(rules, "x" + path) is None


class TestWholeElements:
    def test_a_rule_without_a_field_is_for_the_whole_element(self) -> None:
        rules = RuleSet([rule(vr="LO")])
        assert found(rules, "") == "device"
        assert rules.whole[IMAGE].vr == "LO"

    def test_it_needs_a_vr(self) -> None:
        with pytest.raises(PolicyError, match="vr"):
            RuleSet([rule()])

    def test_it_needs_a_selector(self) -> None:
        with pytest.raises(PolicyError, match="selector"):
            RuleSet([rule(select=("*",), vr="LO")])

    def test_a_broken_selector_is_an_error(self) -> None:
        with pytest.raises(PolicyError, match="selector"):
            RuleSet([rule(select=("(0029,1010,",), vr="LO")])


class Table:
    """A throw-away package with a table of rules."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder / "phantom_rules_package"
        self._folder.mkdir()
        (self._folder / "__init__.py").touch()
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "phantom_rules_package", raising=False)

    def load(self, text: str) -> RuleSet:
        (self._folder / "rules.toml").write_text(text, "utf-8")
        return RuleSet.load("phantom_rules_package")


class TestTables:
    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
        return Table(tmp_path, monkeypatch)

    def test_a_table_is_read_from_its_package(self, package: Table) -> None:
        rules = package.load(
            f'[[rule]]\nselect = ["{IMAGE}"]\nfield = ["Name"]\nclass = "dates"\nwhy = "x"\n'
        )
        assert found(rules, "Name") == "dates"

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("[[rule]\n", "line 1"),
            ("[[rule]]\nselect = []\n", "class"),
            (f'[[rule]]\nselect = ["{IMAGE}"]\nclass = "secrets"\nwhy = "x"\n', "secrets"),
            (f'[[rule]]\nselect = ["{IMAGE}"]\nclass = "dates"\nwhy = "x"\nfiled = []\n', "filed"),
            (f'[[rule]]\nselect = "{IMAGE}"\nclass = "dates"\nwhy = "x"\n', "select"),
            ("[[rules]]\n", "rule"),
        ],
        ids=["toml", "no-class", "unknown-class", "unknown-key", "wrong-type", "no-rule"],
    )
    def test_a_broken_table_is_an_error_that_names_file_and_place(
        self, package: Table, text: str, told: str
    ) -> None:
        with pytest.raises(PolicyError) as caught:
            package.load(text)
        assert "rules.toml" in str(caught.value)
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", [entry.name for entry in installed().registered])
    def test_every_shipped_rule_has_a_class_a_reason_and_selectors(self, name: str) -> None:
        (entry,) = (entry for entry in installed().registered if entry.name == name)
        assert entry.handler.rules.rules
        for one in entry.handler.rules.rules:
            assert one.cls in CLASSES
            assert len(one.why) > 10
            for selector in one.select:
                if selector != "*":
                    parse_selector(selector)

    @pytest.mark.parametrize("name", [entry.name for entry in installed().registered])
    def test_every_shipped_rule_is_for_something_that_its_handler_claims(self, name: str) -> None:
        claimed = {claimed.selector for claimed in installed().claims if claimed.registered.name == name}
        (entry,) = (entry for entry in installed().registered if entry.name == name)
        selectors = {selector for one in entry.handler.rules.rules for selector in one.select} - {"*"}
        assert selectors <= claimed

    @pytest.mark.parametrize("name", [entry.name for entry in installed().registered])
    def test_no_shipped_rule_is_hidden_by_another(self, name: str) -> None:
        (entry,) = (entry for entry in installed().registered if entry.name == name)
        rules = entry.handler.rules
        for one in rules.rules:
            for selector in one.select:
                for path in one.field:
                    if selector != "*" and "*" not in path and "[]" not in path:
                        assert rules.find(selector, path) is one


class TestListedTexts:
    """Texts that a rule lets stand."""

    RULES = RuleSet(
        [
            Rule((IMAGE,), "technical", "x", ("Type",), values=("ORIGINAL", "M")),
            Rule((IMAGE,), "technical", "x", ("Size",), match=r"\d+\*\d+"),
            Rule((IMAGE,), "device", "x", ("Free",)),
        ]
    )

    @pytest.mark.parametrize("vr", ["LO", "TM", "DA", "UI"])
    def test_whatever_is_written_in_characters_may_be_listed(self, vr: str) -> None:
        rules = RuleSet([Rule((IMAGE,), "technical", "for the test", vr=vr, match="08.*")])
        assert rules.form(IMAGE, "", b"0815", "time") == "code"
        assert rules.form(IMAGE, "", b"0915", "time") == "time"

    @pytest.mark.parametrize("vr", ["FD", "OB", "SQ"])
    def test_numbers_and_bytes_are_not(self, vr: str) -> None:
        with pytest.raises(PolicyError, match="for texts"):
            RuleSet([Rule((IMAGE,), "technical", "for the test", vr=vr, values=("0815",))])

    @pytest.mark.parametrize(
        ("path", "text", "form"),
        [
            ("Type", b"ORIGINAL", "code"),
            ("Type", b"ORIGINAL\\M", "code"),
            ("Type", b"ORIGINAL \\M ", "code"),
            ("Type", b"ORIGINAL\\DOE", "text"),
            ("Type", b"original", "text"),
            ("Type", b"", "text"),
            ("Size", b"64*64", "code"),
            ("Size", b"64*64 DOE", "text"),
            ("Free", b"ORIGINAL", "text"),
            ("Other", b"ORIGINAL", "text"),
        ],
    )
    def test_only_what_is_listed_in_full_is_a_code(self, path: str, text: bytes, form: str) -> None:
        assert self.RULES.form(IMAGE, path, text, "text") == form

    def test_another_element_has_other_lists(self) -> None:
        assert self.RULES.form(SERIES, "Type", b"ORIGINAL", "text") == "text"


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a*", "*b", True),
        ("a*", "b*", False),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("a[]", "a[7]", True),
        ("a[]", "a[x]", False),
        ("a[]b", "a*b", True),
        ("a[]", "a[]", True),
        ("**/x", "*x", False),
        ("**x", "*/x", True),
        ("a", "a", True),
        ("a", "ab", False),
        ("", "**", True),
    ],
)
def test_patterns_overlap_if_some_path_matches_both(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) == overlap(other, one) == meet


@given(st.text("ab/*", max_size=6), st.text("ab/*", max_size=6), st.text("ab/", max_size=6))
def test_a_path_that_matches_both_patterns_makes_them_overlap(one: str, other: str, path: str) -> None:
    if compile_pattern(one).fullmatch(path) and compile_pattern(other).fullmatch(path):
        assert overlap(one, other)


@pytest.mark.parametrize("match", ["(" * 2000 + ")" * 2000, "a{4294967295}", "("])
def test_a_regular_expression_that_can_not_be_compiled_is_an_error(match: str) -> None:
    with pytest.raises(PolicyError, match="rule 1: match is not a regular expression"):
        RuleSet([Rule((IMAGE,), "technical", "x", ("Name",), match=match)])


@pytest.mark.parametrize(
    ("match", "construct"),
    [
        *((f"a{quantifier}+", "possessive") for quantifier in ("*", "+", "?", "{2}", "{2,}", "{,2}")),
        ("(?>a|b)", "atomic"),
        ("(?:a(?:b|[c]*+)+|d)", "possessive"),
        ("(?=(?>a))", "atomic"),
        ("(?!a++)", "possessive"),
        ("(?<=(?>a))", "atomic"),
        ("(a)(?(1)b++|c)", "possessive"),
        ("(?x) a ++", "possessive"),
        ("(?i:(?>a))", "atomic"),
        ("(?:a++)*?", "possessive"),
    ],
)
def test_what_old_interpreters_match_wrongly_is_refused(match: str, construct: str) -> None:
    with pytest.raises(PolicyError, match=rf"Python before 3\.11\.5 matches wrongly: an? {construct}.*; \w+"):
        RuleSet([Rule((IMAGE,), "technical", "x", ("Name",), match=match)])


@pytest.mark.parametrize(
    "match", [r"a\++", "[*+?}]+", "[?+]{2}", r"\(\?>", "(?x)a #++\n", "a+?", "(?:a+)+", r"[]*+]"]
)
def test_what_looks_like_such_a_construct_is_accepted(match: str) -> None:
    assert RuleSet([Rule((IMAGE,), "technical", "x", ("Name",), match=match)]).lists_texts


@given(st.text("ab/*[]", max_size=6), st.text("ab/*[]", max_size=6))
def test_patterns_that_overlap_may_meet(one: str, other: str) -> None:
    if overlap(one, other):
        assert may_meet(one, other)


@given(st.lists(st.text("ab/*[]", min_size=1, max_size=6), unique=True, max_size=6))
def test_patterns_of_equal_rank_are_an_error_exactly_if_two_overlap(paths: list[str]) -> None:
    paths = [path for path in paths if is_pattern(path)]
    tie = any(
        literal_length(one) == literal_length(other) and overlap(one, other)
        for one, other in combinations(paths, 2)
    )
    with pytest.raises(PolicyError, match="equal rank") if tie else nullcontext():
        RuleSet([rule(path) for path in paths])


@pytest.mark.parametrize("form", ["name{:05}*", "**/name{:05}", "a/name{:05}/*/b"])
def test_patterns_that_start_or_end_differently_are_not_compared_in_pairs(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def counted(one: str, other: str) -> bool:
        compared.append(one)
        return may_meet(one, other)

    monkeypatch.setattr("csaclean.policy.rules.may_meet", counted)
    RuleSet([rule(form.format(number)) for number in range(300)])
    assert not compared
