"""One bare value: for callers that take data sets apart themselves, such as deid's functions."""

import os
from collections.abc import Mapping
from typing import Unpack

from csaclean.engine import Engine
from csaclean.errors import HandlerError, LimitExceeded, MalformedValue, UsageError
from csaclean.handler import PrivateElement
from csaclean.policy.options import OptionWords, make_options
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean.selector import Step, fold_creator
from csaclean.subject import subject_of

__all__ = ["clean_value"]

_BYTES = bytes | bytearray | memoryview


def _is_number(number: object, bits: int) -> bool:
    """Tell whether something is a whole number of so many bits; a truth value is none."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 1 << bits


def _checked(value: object, creator: object, place: tuple[object, object]) -> bytes:
    """Return the bytes of a value, if the call makes sense.

    Raises
    ------
    UsageError
        If not.
    """
    if not isinstance(value, _BYTES):
        raise UsageError("clean_value takes the raw bytes of a value")
    if not isinstance(creator, str):
        raise UsageError("the creator is a text")
    if not all(_is_number(number, 16) for number in place):
        raise UsageError("group and element are numbers of 16 bits")
    return bytes(value)


def _peers(context: object) -> dict[int, bytes]:
    """Return the elements around a value.

    Raises
    ------
    UsageError
        If they are no mapping of tags to bytes.
    """
    if context is None:
        return {}
    if isinstance(context, Mapping) and all(
        _is_number(tag, 32) and isinstance(held, _BYTES) for tag, held in context.items()
    ):
        return {int(tag): bytes(held) for tag, held in context.items()}
    raise UsageError("context takes a mapping of element bytes or tags to bytes")


def clean_value(
    value: bytes,
    *,
    creator: str,
    group: int,
    element: int,
    policy: str | os.PathLike[str] = "converter-safe",
    context: Mapping[int, bytes] | None = None,
    **options: Unpack[OptionWords],
) -> bytes:
    """Clean the value of one private element.

    Parameters
    ----------
    value
        The raw bytes.
    creator
        The Private Creator of its block, in any case and with any outer blanks.
    group, element
        Group number and low byte of the element number: for (0029,1020), 0x29 and 0x20.
    policy
        Name of a policy that ships, or path of a TOML file.
    context
        Other elements that the claim may ask for: element bytes (at most 0xFF) of the same block, or whole tags as
        32-bit numbers, to values.
    **options
        Those of `csaclean.policy.options.OptionWords`.
        Where dates are shifted by Patient ID, `context` has to hold it, under 0x00100020.

    Returns
    -------
    bytes
        The cleaned value, as long as the old one.

    Raises
    ------
    UsageError
        If `value` is no bytes, `creator` no text, `group` or `element` no number of 16 bits, or `context` no mapping of
        tags to bytes.
    HandlerError
        If no handler claims such an element: an unknown value is never passed through.
    MalformedValue
        If the content is not what the claim is for, or breaks its grammar.
    LimitExceeded
        If it is longer than the claim's cap.
    ProofFailed
        If the result is not proved.

    Examples
    --------
    >>> clean_value(b"20240131", creator="SIEMENS CSA HEADER", group=0x29, element=0x09)
    b'19000101'
    """
    value = _checked(value, creator, (group, element))
    peers = _peers(context)
    asked = make_options(options)
    engine = Engine(load_policy(policy), installed(), "full", asked)
    claims = engine.registry.find(group, fold_creator(creator), element & 0xFF)
    if not claims:
        raise HandlerError("no handler claims this element", str(Step(group, element & 0xFF, "?")))
    claimed = claims[0]
    if len(value) > claimed.claim.cap:
        raise LimitExceeded(f"a value longer than {claimed.claim.cap} bytes", claimed.selector)
    result = engine.clean_element(
        claimed,
        PrivateElement(claimed.claim, claimed.claim.selector, None, value, "<", (), peers.get),
        subject_of(peers, asked),
    )
    if result is None:
        raise MalformedValue("the content is not what this element is claimed for", claimed.selector)
    return result.new
