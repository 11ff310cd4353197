"""Functions and the recipe for deid: what a run of deid needs of csaclean, without deid itself."""

import dataclasses
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files as resource_files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Unpack

from csaclean.adapters.pydicom import ElementPath
from csaclean.adapters.pydicom_elements import clean_leaf, holder, is_claimed
from csaclean.clean import Cleaner
from csaclean.errors import HandlerError
from csaclean.policy.options import Options, OptionWords, make_options
from csaclean.policy.policies import load_policy, policy_names
from csaclean.registry import installed
from csaclean.selector import Step

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "FUNCTION",
    "RECIPE",
    "UNCLAIMED",
    "DeidField",
    "clean",
    "field_path",
    "recipe",
    "unclaimed",
]

RECIPE: Final = str(resource_files("csaclean.adapters").joinpath("deid.csaclean"))
"""Path of the recipe that covers every claimed element; give it to deid, or to `replace`, beside your own."""

FUNCTION: Final = "csaclean"
UNCLAIMED: Final = "csaclean_unclaimed"
"""What recipes call `clean` and `unclaimed`."""

_STEP: Final = re.compile(r"\(([0-9A-Fa-f]{4}), ?([0-9A-Fa-f]{4})\)|([0-9]+)")


class DeidField(Protocol):
    """What deid passes for an element: ``deid.dicom.fields.DicomField``."""

    uid: str
    """Tags and item numbers from the root to the element, joined by two underscores."""


def field_path(field: object) -> ElementPath:
    """Return where a field stands.

    Raises
    ------
    HandlerError
        If it isn't an element: ``ADD`` passes a name, of something that isn't there yet.
    """
    uid = getattr(field, "uid", None)
    steps = [_STEP.fullmatch(step) for step in uid.split("__")] if isinstance(uid, str) else []
    path = [
        int(step[3]) if step[3] is not None else int(step[1] + step[2], 16)
        for step in steps
        if step is not None
    ]
    if len(path) != len(steps) or len(path) % 2 == 0:
        raise HandlerError("deid names no element of the data set; csaclean can only clean what is there")
    return tuple(path)


def _cleaner(policy: str | os.PathLike[str], options: Options) -> Cleaner:
    """Return what cleans single elements: those around them, which nobody may claim, are not judged."""
    return Cleaner(
        load_policy(policy), installed(), proof="full", options=dataclasses.replace(options, provisional=True)
    )


@lru_cache(maxsize=8)
def _shipped(policy: str) -> Cleaner:
    return _cleaner(policy, Options())


def clean(
    dicom: "Dataset",
    value: str,
    field: DeidField,
    item: Mapping[str, object],
    *,
    policy: str | os.PathLike[str] = "converter-safe",
    **options: Unpack[OptionWords],
) -> Any:
    """Return the clean value of an element: a function for deid, ``REPLACE (gggg,"CREATOR",ee) func:csaclean``.

    It must be registered under the name that the recipe uses: ``ids[file]["csaclean"] = clean``, or
    ``parser.define("csaclean", clean)``. Where it isn't, deid warns, keeps the old value and goes on: only `replace`
    guards against that. For another policy, register ``functools.partial(clean, policy="strict")``.

    Parameters
    ----------
    dicom
        The data set. Creator, character set and neighbours of the element are taken from it.
    value
        What the recipe says, ``func:csaclean``; not looked at.
    field
        The element.
    item
        deid's lookup; not looked at.
    policy
        Name of a policy that ships, or path of a TOML file.
    **options
        Those of `csaclean.policy.options.OptionWords`. The patient's identifiers are those that `dicom` holds when deid comes to
        the element; where earlier lines replaced them, they have to be given.

    Returns
    -------
    object
        What pydicom has for a value of that VR: bytes for OB, OW and UN, text, numbers or lists of them for others; it
        is written in as many bytes as the old one. A sequence is cleaned in place and returned.

    Raises
    ------
    HandlerError
        If no handler claims the element: an old value is never handed back as clean.
    CsacleanError
        If it can't be cleaned.
    """
    if not options and policy in policy_names():
        cleaner = _shipped(str(policy))
    else:
        cleaner = _cleaner(policy, make_options(options))
    return clean_leaf(dicom, field_path(field), cleaner)


def unclaimed(dicom: "Dataset", value: str, field: DeidField, item: Mapping[str, object]) -> bool:
    """Tell whether an element is private matter that may go: for deid, ``REMOVE ALL func:csaclean_unclaimed``.

    Parameters
    ----------
    dicom, value, field, item
        As for `clean`.

    Returns
    -------
    bool
        False for standard elements outside private sequences, for claimed elements, for the sequences around them, and
        for the Private Creators of their blocks. ``REMOVE ALL`` with a plain test for private tags would take those
        creators, and ``KEEP`` can't save them in items.

    Raises
    ------
    CsacleanError
        If pydicom can't give the values.
    """
    path = field_path(field)
    private = any(tag & 0x10000 for tag in path[::2])
    return private and holder(dicom, path) is not None and not is_claimed(dicom, path)


def recipe() -> str:
    """Return a recipe that cleans every element that an installed handler claims: the text of `RECIPE`.

    Raises
    ------
    HandlerError
        If a creator can't be written in a recipe.
    """
    steps: set[Step] = set()
    for claimed in installed().claims:
        steps.update(step for step in claimed.claim.selector if step.creator is not None)
    lines = []
    for step in sorted(steps, key=lambda step: (step.group, step.creator or "", step.element)):
        if not step.creator or set(step.creator) & set("\"'\\"):
            raise HandlerError("a creator that can't be written in a recipe", str(step))
        lines.append(f'REPLACE ({step.group:04X},"{step.creator}",{step.element:02X}) func:{FUNCTION}\n')
    return (
        "FORMAT dicom\n\n%header\n\n"
        "# Every private element that csaclean claims, by Private Creator and element byte.\n"
        "# Generated: python -m csaclean.adapters.deid_functions\n" + "".join(lines)
    )


def main() -> None:
    """Write the recipe over the shipped one."""
    Path(RECIPE).write_text(recipe(), "utf-8")


if __name__ == "__main__":
    main()
