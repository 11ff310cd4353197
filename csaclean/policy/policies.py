"""Policies: what happens to a field, by what it gives away and whether a converter reads it.

A policy is a TOML file. Those that ship stand in ``csaclean/policy/policies``; a file of the user's has the same form,
may say ``extends = "converter-safe"`` and only what differs, and may hold rules of its own, which come before those of the
handlers. In all of them dead bytes are nulled: nobody reads them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from csaclean.errors import PolicyError
from csaclean.policy.rules import CLASSES, RuleSet
from csaclean.policy.tables import convert, parse, read_text

__all__ = [
    "DISCLAIMER",
    "OPAQUE",
    "ROWS",
    "UNRULED",
    "Action",
    "Policy",
    "Unclaimed",
    "load_policy",
    "policy_names",
]

DISCLAIMER = (
    "No policy of csaclean is the Basic Application Level Confidentiality Profile of DICOM PS3.15: "
    "they clean private elements only."
)

Action = Literal["keep", "redact"]
Unclaimed = Literal["report", "blank", "fail"]
_ACTIONS = get_args(Action)

UNRULED = "unruled-text"
"""Row of the matrix for text that no rule speaks of."""
OPAQUE = "opaque"
"""Row of the matrix for content that no grammar accounts for."""
ROWS = (*(cls for cls in CLASSES if cls != "technical"), UNRULED, OPAQUE)
"""The rows of a policy's matrix: the classes that give something away, and what nobody answers for."""


class Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What a policy says beside its matrix.

    Attributes
    ----------
    unclaimed
        What happens to private elements that nobody claims: reported, blanked (all but what a converter reads and private
        pixels), or the file fails.
    identifiers
        Whether identifiers of people that the standard header names are redacted in what stays; else they are listed.
    """

    unclaimed: Unclaimed
    identifiers: bool


class _PolicyTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    summary: str
    unread: dict[str, Action]
    read: dict[str, Action]
    other: Other


@dataclass(frozen=True, slots=True)
class Policy:
    """A matrix of actions: class by whether a converter reads the field.

    Attributes
    ----------
    name, summary
        What it is called, and one sentence about it.
    unread, read
        Action by row (see `ROWS`) for fields that no converter reads, and for those that one reads.
    other
        What it says beside the matrix.
    rules
        Rules of its own: they come before those of the handlers.
    """

    name: str
    summary: str
    unread: Mapping[str, Action]
    read: Mapping[str, Action]
    other: Other
    rules: RuleSet


def policy_names() -> tuple[str, ...]:
    """Return the names of the policies that ship."""
    folder = files("csaclean.policy").joinpath("policies")
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    )


def _shipped(name: str) -> dict[str, Any]:
    text = files("csaclean.policy").joinpath("policies", f"{name}.toml").read_text("utf-8")
    return parse(text, f"{name}.toml")


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _extended(table: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a user's table laid over the policy that it extends.

    Raises
    ------
    PolicyError
        If there is no such policy.
    """
    base = table.pop("extends", None)
    if base is None:
        return table
    if base not in policy_names():
        raise PolicyError(f"{path.name}: extends: no such policy; there are {', '.join(policy_names())}")
    own = {"name": path.stem, "summary": f"As {base}, but for what {path.name} says."}
    return _merged(_shipped(base), own | table)


def _line_of(text: str, part: str, key: str) -> str:
    """Return where a key of a part of the policy stands, as the end of a message; nothing if it isn't in this text."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            inside = stripped == f"[{part}]"
        elif inside and stripped.partition("=")[0].strip().strip("\"'") == key:
            return f" (line {number})"
    return ""


def _faults(table: Mapping[str, Any], text: str) -> list[str]:
    """Return everything that is wrong with the matrix of a policy."""
    faults = []
    for part in ("unread", "read"):
        matrix = table.get(part)
        if not isinstance(matrix, dict):
            faults.append(f"[{part}] is missing")
            continue
        faults += [f"[{part}] says nothing about {row}" for row in ROWS if row not in matrix]
        faults += [
            f"[{part}] {row}: no such class{_line_of(text, part, row)}" for row in matrix if row not in ROWS
        ]
        faults += [
            f"[{part}] {row} = {action!r}: must be {' or '.join(_ACTIONS)}{_line_of(text, part, row)}"
            for row, action in matrix.items()
            if row in ROWS and action not in _ACTIONS
        ]
    return faults


def load_policy(policy: str | os.PathLike[str]) -> Policy:
    """Return a policy: one that ships by its name, or a user's by the path of a file that ends in ``.toml``.

    Raises
    ------
    PolicyError
        If there is none, or the file breaks the form; the message names the file, the lines and everything that is wrong.
    """
    name = os.fsdecode(policy)
    is_file = name.endswith(".toml")
    if not is_file and name not in policy_names():
        hint = "; a policy file's name ends in .toml" if os.path.lexists(name) else ""
        raise PolicyError(f"no policy of that name; there are {', '.join(policy_names())}{hint}")
    where = Path(name).name
    text = read_text(Path(name), "policy file") if is_file else ""
    table = _extended(parse(text, where), Path(name)) if is_file else _shipped(name)
    own = table.pop("rule", [])
    faults = _faults(table, text)
    if faults:
        raise PolicyError(f"{where}: {'; '.join(faults)}")
    known = convert(table, _PolicyTable, text, where)
    rules = RuleSet.of_table({"rule": own}, text, where)
    return Policy(known.name, known.summary, known.unread, known.read, known.other, rules)
