"""What happens to each field of an element: rules, policy, converter table and options brought together."""

from collections.abc import Callable
from typing import NamedTuple

from csaclean.model import Field
from csaclean.policy.fills import STANDING_FORMS, UNKNOWN_FORMS
from csaclean.policy.policies import OPAQUE, UNRULED, Policy
from csaclean.policy.rules import Rule, RuleSet

__all__ = ["Decision", "Plan", "blanked", "searched"]


_OF_NUMBERS = frozenset(("technical", "fingerprint"))
"""Classes of which a policy may keep every field: a text that stands where a number should is none of them."""


_BYTES = UNKNOWN_FORMS | {"blank", "utf16"}
_FILLED_ALIKE = {
    "integer": frozenset(("integer", "number")),
    "binary-number": frozenset(("binary-number",)),
    **dict.fromkeys(("opaque", "blank", "utf16"), _BYTES),
}
"""Forms whose fill ends in spaces or NULs, to what a whole element must have been laid out as to be filled so: of one that
was laid out as text they would be the padding."""

_NUMBERS = frozenset(("integer", "number", "loose-number"))
_NEVER_NUMBERS = frozenset(("text", "record", "opaque", "blank"))
"""Forms whose fill of a written number is none."""


class Decision(NamedTuple):
    """What happens to a field, and why."""

    redact: bool
    cls: str
    """The field's class; empty without a rule."""
    form: str
    read_by: tuple[str, ...]
    vouched: bool
    """Whether somebody answers for what stands there afterwards."""
    branches: bool = False
    """Whether a reader decides by the field's text how it reads the rest."""

    @property
    def kept(self) -> bool:
        """Whether the field gives something away and stays."""
        return not self.redact and self.cls not in ("", "technical")


def blanked(field: Field, /) -> Decision:
    """Return what happens to every field of an element that nobody claims and that is to be blanked."""
    return Decision(True, "unclaimed", field.form, (), vouched=True)


def searched(field: Field, /) -> Decision:
    """Return the decision on every field of an unclaimed element that stays, but for the identifiers in it."""
    return Decision(False, "", field.form, (), vouched=False)


class Plan:
    """A policy applied to one handler's rules: the decision for each field, looked up once.

    Parameters
    ----------
    policy
        What is to happen; its own rules come before the handler's.
    rules
        The handler's rules.
    consumers
        Says which converters read a field, by selector and path.
    retain
        Classes that stay, whatever the policy says.
    branches
        Tells whether a reader decides by the text of a field, by selector and path, how it reads the rest.
    """

    def __init__(
        self,
        policy: Policy,
        rules: RuleSet,
        consumers: Callable[[str, str], tuple[str, ...]],
        retain: frozenset[str] = frozenset(),
        branches: Callable[[str, str], bool] = lambda _selector, _path: False,
        /,
    ) -> None:
        self._policy = policy
        self._rules = rules
        self._consumers = consumers
        self._retain = retain
        self._branches = branches
        self._decided: dict[tuple[str, Field, tuple[str, ...]], Decision] = {}

    def decide(self, selector: str, field: Field, by_number: tuple[str, ...] = (), /) -> Decision:
        """Return what happens to a field of the element that `selector` names.

        Parameters
        ----------
        selector, field
            The element and its field.
        by_number
            Who reads the element for another vendor's, because it has that one's number.
        """
        key = (selector, field, by_number)
        decision = self._decided.get(key)
        if decision is None:
            decision = self._decide(field.select or selector, field, by_number)
            if decision.read_by and self._branches(selector, field.path):
                decision = decision._replace(branches=True)
            self._decided[key] = decision
        return decision

    def _rule(self, selector: str, field: Field) -> Rule | None:
        """Return the rule that speaks of a field.

        One that lists texts speaks of those only; one that lets numbers stand, of no free text.
        """
        for rules in (self._policy.rules, self._rules):
            rule = rules.find(selector, field.path)
            if rule is not None and (
                field.form == "code"
                or not (rule.lists_texts or (rule.cls in _OF_NUMBERS and field.form not in STANDING_FORMS))
            ):
                return rule
        return None

    def _decide(self, selector: str, field: Field, by_number: tuple[str, ...]) -> Decision:
        rule = self._rule(selector, field)
        # No converter looks into a data set that a value hides: its elements have selectors of their own.
        read_by = (self._consumers(selector, field.path) or by_number) if not field.select else ()
        read_by = read_by or (rule.read_by if rule is not None else ())
        matrix = self._policy.read if read_by else self._policy.unread
        if rule is None:
            if field.form in STANDING_FORMS:
                return Decision(False, "", field.form, read_by, vouched=True)
            redact = matrix[OPAQUE if field.form in UNKNOWN_FORMS else UNRULED] == "redact"
            return Decision(redact, "", field.form, read_by, vouched=redact)
        # A form is about texts and numbers: what a grammar found to be neither can't be filled as if it were.
        form = field.form if field.form in UNKNOWN_FORMS else rule.form or field.form
        # A reader that converts a number can't read the text that a rule would put in its place.
        if field.form == "loose-number" or (field.form in _NUMBERS and form in _NEVER_NUMBERS):
            form = field.form
        if not field.path and field.form not in _FILLED_ALIKE.get(form, (field.form,)):
            form = field.form
        if rule.cls == "technical":
            return Decision(False, rule.cls, form, read_by, vouched=True)
        redact = matrix[rule.cls] == "redact" and rule.cls not in self._retain
        # Nobody's rule lets an identity stand that no converter needs; fingerprints of an examination are a policy's to keep.
        vouched = redact or bool(read_by) or rule.cls == "fingerprint"
        return Decision(redact, rule.cls, form, read_by, vouched)
