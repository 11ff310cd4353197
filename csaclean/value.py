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
        ``retain``, ``shift_days``, ``unclaimed``, ``identifiers``, ``uid_key``: see
        `csaclean.policy.options.OptionWords`.
        Where dates are shifted by Patient ID, `context` has to hold it, under 0x00100020.

    Returns
    -------
    bytes
        The cleaned value, as long as the old one.

    Raises
    ------
    UsageError
        If `value` is no bytes, or `group` or `element` not in range.
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
    if not isinstance(value, bytes | bytearray | memoryview):
        raise UsageError("clean_value takes the raw bytes of a value")
    if not (0 <= group <= 0xFFFF and 0 <= element <= 0xFFFF):
        raise UsageError("group and element are numbers of 16 bits")
    asked = make_options(options)
    engine = Engine(load_policy(policy), installed(), "full", asked)
    claims = engine.registry.find(group, fold_creator(creator), element & 0xFF)
    if not claims:
        raise HandlerError("no handler claims this element", str(Step(group, element & 0xFF, "?")))
    claimed = claims[0]
    if len(value) > claimed.claim.cap:
        raise LimitExceeded(f"a value longer than {claimed.claim.cap} bytes", claimed.selector)
    peers = dict(context or {})
    result = engine.clean_element(
        claimed,
        PrivateElement(claimed.claim, claimed.claim.selector, None, bytes(value), "<", (), peers.get),
        subject_of(peers, asked),
    )
    if result is None:
        raise MalformedValue("the content is not what this element is claimed for", claimed.selector)
    return result.new
