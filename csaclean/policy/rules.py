"""Rules as data: which field of which element gives what away, in TOML files that also document it.

The address of a rule is (selector, path inside the element). ``*`` stands for anything within one segment of a path,
``**`` across segments, ``[]`` for any index; all else, brackets included, is literal. The most exact rule wins: exact
path, then the pattern with the longer literal part, then a rule for any selector (``select = "*"``).
"""

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Literal

import msgspec

from csaclean.errors import PolicyError
from csaclean.policy.fills import FORMS
from csaclean.selector import format_selector, parse_selector
from csaclean.vr_layout import FIELD_VRS, TEXT_VRS

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
_TOKENS = re.compile(r"(\*\*|\*|\[\])")
_PATTERNS = {"**": ".*", "*": "[^/]*", "[]": r"\[\d+\]"}


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
        For a whole element: the VR that it is laid out by where the file doesn't tell (implicit VR, ``UN``).
    read_by
        Converters that read the fields, for handlers without a converter table.
    values
        For a whole element: the constants that it may hold. The rule speaks of no other text.
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
    source: str = ""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]


def _literal_length(pattern: str) -> int:
    return len(_TOKENS.sub("", pattern))


def _compile(pattern: str) -> re.Pattern[str]:
    parts = _TOKENS.split(pattern)
    return re.compile("".join(_PATTERNS.get(part) or re.escape(part) for part in parts), re.DOTALL)


class RuleSet:
    """The rules of one handler, looked up by address.

    Parameters
    ----------
    rules
        In any order.

    Raises
    ------
    PolicyError
        If two rules have one address, a selector or a whole-element rule is incomplete, or a form or VR is not one that
        there is.
    """

    def __init__(self, rules: Iterable[Rule] = (), /) -> None:
        self.rules = tuple(rules)
        self._exact: dict[tuple[str, str], Rule] = {}
        self._patterns: list[tuple[str, str, re.Pattern[str], Rule]] = []
        self.whole: dict[str, Rule] = {}
        """Rules on whole elements: selector to rule."""
        seen: set[tuple[str, str]] = set()
        for rule in self.rules:
            self._check(rule)
            for text in rule.select:
                selector = text if text == _ANY else format_selector(parse_selector(text))
                for path in rule.field or ("",):
                    if (selector, path) in seen:
                        raise PolicyError(f"two rules for {path or 'the whole element'}", selector)
                    seen.add((selector, path))
                    self._add(rule, selector, path)

    @staticmethod
    def _check(rule: Rule) -> None:
        where = ", ".join(rule.select)
        if rule.form and rule.form not in FORMS:
            raise PolicyError(f"no form {rule.form!r}; there are {', '.join(FORMS)}", where)
        if rule.vr and rule.field:
            raise PolicyError("a rule has fields, or is on a whole element and has a vr", where)
        if rule.values and (rule.vr not in TEXT_VRS or not all(value.isascii() for value in rule.values)):
            raise PolicyError("values are ASCII texts of a whole element with a text vr", where)
        if rule.vr and rule.vr not in FIELD_VRS:
            raise PolicyError(f"vr {rule.vr!r} is none that an element is laid out by", where)

    def _add(self, rule: Rule, selector: str, path: str) -> None:
        if not path:
            if selector == _ANY or not rule.vr:
                raise PolicyError("a rule on a whole element needs a selector and a vr", selector)
            self.whole[selector] = rule
            self._exact[selector, path] = rule
        elif selector == _ANY or _TOKENS.search(path):
            self._patterns.append((selector, path, _compile(path), rule))
        else:
            self._exact[selector, path] = rule

    @classmethod
    def load(cls, package: str, resource: str = "rules.toml") -> "RuleSet":
        """Return the rules of a TOML file that is shipped inside a package.

        Raises
        ------
        PolicyError
            If the file can't be parsed or breaks the schema; the message names the place in the file.
        """
        text = files(package).joinpath(resource).read_text("utf-8")
        try:
            table = msgspec.convert(tomllib.loads(text), _Table)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise PolicyError(f"{package}/{resource}: {error}") from None
        return cls(table.rule)

    def find(self, selector: str, path: str) -> Rule | None:
        """Return the rule for a field, or None.

        Parameters
        ----------
        selector
            The canonical selector of the innermost claim, as text.
        path
            The field's path as it was laid out; empty for a whole element.

        Raises
        ------
        PolicyError
            If two patterns of equal rank match: the table contradicts itself.
        """
        exact = self._exact.get((selector, path))
        if exact is not None:
            return exact
        best: list[tuple[tuple[bool, int], Rule]] = []
        for select, pattern, regex, rule in self._patterns:
            if select in (selector, _ANY) and regex.fullmatch(path):
                rank = (select != _ANY, _literal_length(pattern))
                if not best or rank > best[0][0]:
                    best = [(rank, rule)]
                elif rank == best[0][0] and rule is not best[0][1]:
                    best.append((rank, rule))
        if len(best) > 1:
            raise PolicyError("two rules of equal rank match one field", selector)
        return best[0][1] if best else None
