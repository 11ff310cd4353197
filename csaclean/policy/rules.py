"""Rules as data: which field of which element gives what away, in TOML files that also document it.

The address of a rule is (selector, path inside the element). ``*`` stands for anything within one segment of a path,
``**`` across segments, ``[]`` for any index; all else, brackets included, is literal. The most exact rule wins: exact
path, then a rule for this selector, then the pattern with the longer literal part, then a rule for any selector
(``select = "*"``).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

from csaclean.errors import PolicyError
from csaclean.policy.expressions import refused_construct
from csaclean.policy.fills import FORMS
from csaclean.policy.patterns import compile_pattern, is_pattern, literal_length, may_meet, overlap
from csaclean.policy.tables import convert, lines_of_entries, parse
from csaclean.selector import format_selector, parse_selector
from csaclean.vr_layout import FIELD_VRS, OPAQUE_VRS, WRITTEN_VRS

__all__ = ["CLASSES", "FieldClass", "Rule", "RuleSet"]

FieldClass = Literal[
    "identity",
    "uids",
    "dates",
    "patient-characteristics",
    "device",
    "institution",
    "descriptors",
    "fingerprint",
    "technical",
]
CLASSES: tuple[FieldClass, ...] = FieldClass.__args__  # type: ignore[attr-defined]  # typeshed hides it
"""What a field can give away, in the terms of PS3.15; ``technical`` gives nothing away."""

_ANY = "*"
_STARS = re.compile(r"\*+|\[\]")
_REMEMBERED = 1 << 15
"""Addresses whose rule is remembered: paths hold indices of the file, so there is no end to them."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of a table.

    Attributes
    ----------
    select
        Selectors that the rule is for, or ``*``.
    cls
        What the fields give away (``class`` in TOML).
    why
        The reason, for the person who reads the table.
    field
        Paths inside the element; none for a rule on a whole element that is laid out by its VR.
    form
        How the fields are written (see `csaclean.policy.fills`); the grammar's own form if empty.
    vr
        For a whole element: the VR that it is laid out by where the file doesn't tell (implicit VR, ``UN``). A value of
        bytes (``OB``, ``OW``, ``UN``) is one field if the rule has a form, else opaque. ``SQ`` claims a sequence.
    read_by
        Converters that read the fields, for handlers without a converter table.
    values, match
        Texts that may stand, dates and times of day included: exactly these, or those that a regular expression matches in
        full; of a value with backslashes, each part. The rule speaks of no other text.
    source
        Where the facts come from.
    """

    select: tuple[str, ...]
    cls: FieldClass = msgspec.field(name="class")
    why: str
    field: tuple[str, ...] = ()
    form: str = ""
    vr: str = ""
    read_by: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    match: str = ""
    source: str = ""

    @property
    def lists_texts(self) -> bool:
        """Whether the rule speaks of listed texts only."""
        return bool(self.values or self.match)


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]


class _Pattern(NamedTuple):
    """A rule whose address has a star, an index or any selector."""

    select: str
    path: str
    regex: re.Pattern[str]
    rule: Rule

    @property
    def rank(self) -> tuple[bool, int]:
        return (self.select != _ANY, literal_length(self.path))


def _neighbours(group: Sequence[_Pattern]) -> Iterator[tuple[_Pattern, _Pattern]]:
    """Yield the pairs of patterns that their literal starts don't tell apart; or their ends, if fewer of those are empty.

    Of sorted starts, those that begin with one of them follow it: no other pair is ever looked at.
    """
    parts = [_STARS.split(pattern.path) for pattern in group]
    starts, ends = [part[0] for part in parts], [part[-1][::-1] for part in parts]
    keys = starts if starts.count("") <= ends.count("") else ends
    order = sorted(range(len(group)), key=keys.__getitem__)
    found: list[tuple[int, int]] = []
    for place, one in enumerate(order):
        for later in range(place + 1, len(order)):
            other = order[later]
            if not keys[other].startswith(keys[one]):
                break
            found.append((min(one, other), max(one, other)))
    return ((group[one], group[other]) for one, other in sorted(found))


class _Texts:
    """The texts that a rule lets stand."""

    def __init__(self, rule: Rule) -> None:
        self._values = frozenset(value.encode("ascii") for value in rule.values)
        self._match = re.compile(rule.match.encode("ascii")) if rule.match else None

    def hold(self, text: bytes) -> bool:
        return all(
            part in self._values or (self._match is not None and self._match.fullmatch(part) is not None)
            for part in (part.strip(b" ") for part in text.split(b"\\"))
        )


def _places(text: str, where: str, count: int) -> list[str]:
    """Return what to call each rule of a TOML text; by its number where lines don't tell (an inline array of tables)."""
    lines = lines_of_entries(text, "rule")
    if len(lines) != count:
        return [f"{where}, rule {number}" for number in range(1, count + 1)]
    return [f"{where}, line {line}" for line in lines]


def _fault(rule: Rule) -> str:
    """Return what is wrong with a rule by itself; nothing if it is sound."""
    for text in rule.select:
        if text != _ANY:
            try:
                parse_selector(text)
            except PolicyError as error:
                return error.reason
    if not rule.select:
        return "a rule without a selector"
    if rule.form and rule.form not in FORMS:
        return f"no form {rule.form!r}; there are {', '.join(FORMS)}"
    if rule.vr and rule.field:
        return "a rule has fields, or is on a whole element and has a vr"
    if not rule.field and (not rule.vr or _ANY in rule.select):
        return "a rule on a whole element needs a selector and a vr"
    if rule.lists_texts:
        if not (rule.field or rule.vr in WRITTEN_VRS):
            return "values and match are for texts"
        if not (rule.match.isascii() and all(value.isascii() for value in rule.values)):
            return "values and match are ASCII"
        match = rule.match.encode("ascii")
        try:
            re.compile(match)  # as `_Texts` does: how deep it may be nested depends on both
            refused = refused_construct(match)
        except (re.error, RecursionError, OverflowError):
            return "match is not a regular expression"
        if refused:
            return f"match holds a construct that Python before 3.11.5 matches wrongly: {refused}"
    if rule.vr and rule.vr not in FIELD_VRS | OPAQUE_VRS | {"SQ"}:
        return f"vr {rule.vr!r} is none that an element is laid out by"
    return ""


def _tables_of(package: str) -> list[str]:
    """Return the tables of rules that a package ships."""
    folder = files(package).joinpath("rules")
    if not folder.is_dir():
        return ["rules.toml"]
    return sorted(f"rules/{entry.name}" for entry in folder.iterdir() if entry.name.endswith(".toml"))


class RuleSet:
    """The rules of one handler or policy, looked up by address.

    Parameters
    ----------
    rules
        In any order.
    where
        What to call each rule in an error message, in the same order; by its number if not given.

    Raises
    ------
    PolicyError
        If two rules have one address, or patterns of equal rank that some path would match both; if a selector or a
        whole-element rule is incomplete; if a form or VR is not one that there is. The message names everything that is
        wrong, and the places.
    """

    def __init__(self, rules: Iterable[Rule] = (), where: Sequence[str] = (), /) -> None:
        self.rules = tuple(rules)
        names = where or [f"rule {number}" for number in range(1, len(self.rules) + 1)]
        self.whole: dict[str, Rule] = {}
        """Rules on whole elements: selector to rule."""
        self._exact: dict[tuple[str, str], Rule] = {}
        self._patterns: list[_Pattern] = []
        self._texts: dict[Rule, _Texts] = {}
        self._found: dict[tuple[str, str], Rule | None] = {}
        faults: list[str] = []
        places: dict[tuple[str, str], str] = {}
        for rule, name in zip(self.rules, names, strict=True):
            fault = _fault(rule)
            if fault:
                faults.append(f"{name}: {fault} [{', '.join(rule.select)}]")
                continue
            for text in rule.select:
                selector = text if text == _ANY else format_selector(parse_selector(text))
                for path in rule.field or ("",):
                    if (selector, path) in places:
                        other = places[selector, path]
                        faults.append(
                            f"{name}: {selector} {path or 'whole element'} has a rule already, {other}"
                        )
                        continue
                    places[selector, path] = name
                    self._add(rule, selector, path)
        faults += self._ties(places)
        if faults:
            raise PolicyError("; ".join(faults))

    def __eq__(self, other: object) -> bool:
        """Tell whether the other set has the same rules in the same order."""
        return isinstance(other, RuleSet) and self.rules == other.rules

    def __hash__(self) -> int:
        """Return the hash of the rules."""
        return hash(self.rules)

    def _add(self, rule: Rule, selector: str, path: str) -> None:
        if rule.lists_texts:
            self._texts[rule] = _Texts(rule)
        if not path:
            self.whole[selector] = rule
        if selector == _ANY or is_pattern(path):
            self._patterns.append(_Pattern(selector, path, compile_pattern(path), rule))
        else:
            self._exact[selector, path] = rule

    def _ties(self, places: dict[tuple[str, str], str]) -> list[str]:
        """Return the pairs of patterns of equal rank that some path matches both."""
        ranked: dict[tuple[str, tuple[bool, int]], list[_Pattern]] = {}
        for pattern in self._patterns:
            ranked.setdefault((pattern.select, pattern.rank), []).append(pattern)
        return [
            f"{places[one.select, one.path]} and {places[other.select, other.path]}: "
            f"{one.path} and {other.path} of {one.select} have equal rank and may match one field"
            for group in ranked.values()
            for one, other in _neighbours(group)
            if one.rule is not other.rule and may_meet(one.path, other.path) and overlap(one.path, other.path)
        ]

    @classmethod
    def of_table(cls, table: dict[str, object], text: str, where: str) -> "RuleSet":
        """Return the rules of a table ``{"rule": [...]}`` that was parsed from a TOML text.

        Raises
        ------
        PolicyError
            If it breaks the schema, or the rules contradict each other; the message names file and line.
        """
        rules = convert(table, _Table, text, where).rule
        return cls(rules, _places(text, where, len(rules)))

    @classmethod
    def load(cls, package: str, *resources: str) -> "RuleSet":
        """Return the rules of TOML files that are shipped inside a package.

        Of all in its folder ``rules`` if it has one, else of ``rules.toml``, unless told otherwise.

        Raises
        ------
        PolicyError
            If a file can't be parsed or breaks the schema; the message names the place in the file.
        """
        rules: list[Rule] = []
        names: list[str] = []
        for resource in resources or _tables_of(package):
            where = f"{package}/{resource}"
            text = files(package).joinpath(resource).read_text("utf-8")
            found = convert(parse(text, where), _Table, text, where).rule
            rules += found
            names += _places(text, where, len(found))
        return cls(rules, names)

    @property
    def lists_texts(self) -> bool:
        """Whether one of the rules lists texts."""
        return bool(self._texts)

    def find(self, selector: str, path: str) -> Rule | None:
        """Return the rule for a field, or None.

        Parameters
        ----------
        selector
            The canonical selector of the innermost claim, as text.
        path
            The field's path as it was laid out; empty for a whole element.
        """
        key = (selector, path)
        try:
            return self._found[key]
        except KeyError:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            rule = self._found[key] = self._exact.get(key) or self._match(selector, path)
            return rule

    def _match(self, selector: str, path: str) -> Rule | None:
        hits = (
            pattern
            for pattern in self._patterns
            if pattern.select in (selector, _ANY) and pattern.regex.fullmatch(path)
        )
        best = max(hits, key=lambda pattern: pattern.rank, default=None)
        return best.rule if best is not None else None

    def form(self, selector: str, path: str, value: bytes, form: str) -> str:
        """Return the form of a text at an address: ``code`` if the rule there lists it, else `form` as it is.

        A grammar asks this for each text, because only it sees the bytes: texts that no rule lists are not spoken of.
        """
        rule = self.find(selector, path)
        texts = self._texts.get(rule) if rule is not None else None
        return "code" if texts is not None and texts.hold(value) else form
