"""Policies: what happens to a field, by what it gives away and whether a converter reads it.

A policy is a TOML file. Those that ship stand in ``csaclean/policy/policies``; a file of the user's has the same form,
and may say ``extends = "converter-safe"`` and only what differs. In all of them dead bytes are nulled: nobody reads
them.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from csaclean.errors import PolicyError
from csaclean.model import Field
from csaclean.policy.rules import CLASSES, FieldClass, Rule, RuleSet

__all__ = ["DISCLAIMER", "Action", "Decision", "Plan", "Policy", "load_policy", "policy_names"]

DISCLAIMER = (
    "No policy of csaclean is the Basic Application Level Confidentiality Profile of DICOM PS3.15: "
    "they clean private elements only."
)

Action = Literal["keep", "redact"]
_ACTIONS = get_args(Action)
_SELF_EVIDENT = frozenset(("integer", "number", "binary-number", "code"))
"""Forms that stand without a rule: numbers that are written as numbers, and machine constants by construct."""


class Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a policy says beside its matrix."""

    unruled_text: Action = msgspec.field(name="unruled-text")


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A matrix of actions: class by whether a converter reads the field."""

    name: str
    summary: str
    unread: dict[FieldClass, Action]
    read: dict[FieldClass, Action]
    other: Other


class Decision(NamedTuple):
    """What happens to a field, and why."""

    redact: bool
    cls: str
    """The field's class; empty without a rule."""
    form: str
    read_by: tuple[str, ...]
    vouched: bool
    """Whether somebody answers for what stands there afterwards."""


def policy_names() -> tuple[str, ...]:
    """Return the names of the policies that ship."""
    folder = files("csaclean.policy").joinpath("policies")
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    )


def _shipped(name: str) -> dict[str, Any]:
    return tomllib.loads(files("csaclean.policy").joinpath("policies", f"{name}.toml").read_text("utf-8"))


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _user_table(path: Path) -> dict[str, Any]:
    """Return the table of a user's policy file, laid over the policy that it extends.

    Raises
    ------
    PolicyError
        If it can't be read, or extends a policy that there isn't.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except RecursionError:
        raise PolicyError(f"{path.name}: nested too deeply") from None
    except OSError as error:
        raise PolicyError(f"{path.name}: {os.strerror(error.errno or 0)}") from None
    except UnicodeError:
        raise PolicyError(f"{path.name}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name}: not TOML: {error}") from None
    except ValueError:
        raise PolicyError("a name that no policy file can have") from None
    base = table.pop("extends", None)
    if base is None:
        return table
    if base not in policy_names():
        raise PolicyError(f"{path.name}: extends: no such policy; there are {', '.join(policy_names())}")
    own = {"name": path.stem, "summary": f"As {base}, but for what {path.name} says."}
    return _merged(_shipped(base), own | table)


def _faults(table: Mapping[str, Any]) -> list[str]:
    """Return everything that is wrong with the matrix of a policy."""
    classes = [cls for cls in CLASSES if cls != "technical"]
    faults = []
    for part in ("unread", "read"):
        matrix = table.get(part)
        if not isinstance(matrix, dict):
            faults.append(f"[{part}] is missing")
            continue
        faults += [f"[{part}] says nothing about {cls}" for cls in classes if cls not in matrix]
        faults += [f"[{part}] {cls}: no such class" for cls in matrix if cls not in classes]
        faults += [
            f"[{part}] {cls} = {action!r}: must be {' or '.join(_ACTIONS)}"
            for cls, action in matrix.items()
            if cls in classes and action not in _ACTIONS
        ]
    return faults


def load_policy(policy: str | os.PathLike[str]) -> Policy:
    """Return a policy: one that ships by its name, or a user's by the path of a file that ends in ``.toml``.

    Raises
    ------
    PolicyError
        If there is none, or the file breaks the form; the message names the file and everything that is wrong.
    """
    name = os.fsdecode(policy)
    is_file = name.endswith(".toml")
    if not is_file and name not in policy_names():
        hint = "; a policy file's name ends in .toml" if os.path.lexists(name) else ""
        raise PolicyError(f"no policy of that name; there are {', '.join(policy_names())}{hint}")
    table = _user_table(Path(name)) if is_file else _shipped(name)
    where = Path(name).name
    faults = _faults(table)
    if faults:
        raise PolicyError(f"{where}: {'; '.join(faults)}")
    try:
        return msgspec.convert(table, Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(f"{where}: {error}") from None


class Plan:
    """A policy applied to one handler's rules: the decision for each field, looked up once.

    Parameters
    ----------
    policy
        What is to happen.
    rules
        The handler's rules.
    consumers
        Says which converters read a field, by selector and path.
    """

    def __init__(
        self, policy: Policy, rules: RuleSet, consumers: Callable[[str, str], tuple[str, ...]], /
    ) -> None:
        self._policy = policy
        self._rules = rules
        self._consumers = consumers
        self._decided: dict[tuple[str, Field], Decision] = {}

    def decide(self, selector: str, field: Field) -> Decision:
        """Return what happens to a field of the element that `selector` names."""
        key = (selector, field)
        decision = self._decided.get(key)
        if decision is None:
            decision = self._decided[key] = self._decide(selector, field)
        return decision

    def _decide(self, selector: str, field: Field) -> Decision:
        rule: Rule | None = self._rules.find(selector, field.path)
        read_by = self._consumers(selector, field.path)
        if rule is not None and rule.values and field.form != "code":
            rule = None
        if rule is None:
            if field.form in _SELF_EVIDENT:
                return Decision(redact=False, cls="", form=field.form, read_by=read_by, vouched=True)
            redact = self._policy.other.unruled_text == "redact" and not read_by
            return Decision(redact, "", field.form, read_by, vouched=redact)
        read_by = read_by or rule.read_by
        form = rule.form or field.form
        if rule.cls == "technical":
            return Decision(redact=False, cls=rule.cls, form=form, read_by=read_by, vouched=True)
        matrix = self._policy.read if read_by else self._policy.unread
        redact = matrix[rule.cls] == "redact"
        return Decision(redact, rule.cls, form, read_by, vouched=redact or bool(read_by))
