"""Keyed pseudo-UIDs: as long as the UID that they stand for, and known again by whoever holds the key.

A redacted UID becomes a constant fill (`csaclean.policy.fills`) unless the user has a key. With one, equal UIDs become
equal pseudo-UIDs in every element, file and run, so that links survive; without the key nobody can tell which UID
stood there, nor make pseudo-UIDs that pass for ours.

Sources: DICOM PS3.5 9.1 (the form of a UID), PS3.5 B.2 (UIDs made of UUIDs), RFC 2104 (HMAC).
"""

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from csaclean.errors import MalformedValue, PolicyError
from csaclean.policy.fills import is_registered

__all__ = ["UidKey", "pseudonymous_uid"]

_UID: Final = re.compile(rb"\d+(?:\.\d+){0,31}")
_LONGEST: Final = 64
_ROOT: Final = re.compile(rb"(?:[01]\.[123]?\d|2\.(?:0|[1-9]\d{0,2}))(?=\.)")
"""The first two components, which stay: arcs that anybody may hold."""
_STANDARD_ROOT: Final = b"1.2.840.10008."
_UUID_ROOT: Final = b"2.25."
_ONES: Final = bytes(ord("1") if 0x30 <= i <= 0x39 else i for i in range(256))

_MOST_CHECKS: Final = 12
_FEWEST_CHECKS: Final = 6
_PAYLOAD_PER_CHECK: Final = 2
"""Digits that carry the pseudonym for each check digit: collisions get no likelier than chance hits of the check."""

_SHORTEST_KEY: Final = 16
_LONGEST_KEY: Final = 4096


@dataclass(frozen=True, slots=True)
class UidKey:
    """The secret of pseudo-UIDs.

    Attributes
    ----------
    secret
        At least 16 bytes, not all the same. No repr or message shows them.

    Raises
    ------
    PolicyError
        If the secret is too short, or one byte repeated.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Check that there is a secret."""
        fault = _key_fault(self.secret)
        if fault:
            raise PolicyError(f"UID key: {fault}")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Return the key that a file holds; a line end after it is no part of it.

        Raises
        ------
        PolicyError
            If the file can't be read, is empty, holds fewer than 16 bytes, more than 4096, or one byte repeated.
        """
        name = Path(os.fsdecode(path)).name
        try:
            with Path(path).open("rb") as stream:
                content = stream.read(_LONGEST_KEY + 3)
        except OSError as error:
            raise PolicyError(f"{name}: {os.strerror(error.errno or 0)}") from None
        except ValueError:
            raise PolicyError("a name that no key file can have") from None
        secret = content.removesuffix(b"\n").removesuffix(b"\r")
        fault = _key_fault(secret)
        if fault:
            raise PolicyError(f"{name}: UID key: {fault}")
        return cls(secret)


def _key_fault(secret: bytes) -> str:
    if not secret:
        return "empty"
    if len(secret) < _SHORTEST_KEY:
        return f"{len(secret)} bytes are too few, it takes {_SHORTEST_KEY}"
    if len(secret) > _LONGEST_KEY:
        return f"longer than {_LONGEST_KEY} bytes"
    if len(set(secret)) == 1:
        return "one byte repeated is no secret"
    return ""


def pseudonymous_uid(uid: bytes, key: UidKey) -> bytes:
    r"""Return the pseudo-UID of a UID: same length, dots at the same places, valid by PS3.5 9.1.

    Parameters
    ----------
    uid
        Digits and dots, without padding. Whether a value is one, is the caller's to find out.
    key
        The secret; another key gives another pseudo-UID.

    Returns
    -------
    bytes
        * `uid` itself if the standard registers it (`csaclean.policy.fills.is_registered`), was made by this function with `key`, or holds
          a constant fill: ones after its first two components.
        * Else its first two components, then digits that HMAC-SHA256 derives from the whole `uid`. Each component of
          two or more digits differs from the one that stood there: of a Siemens UID
          (``1.3.12.2.1107.5.2.<model>.<serial>.<time>``) model, serial number and time are gone.
        * Ones after the first two components where they can't be kept and told from an original: 17 free digits or
          fewer (a free digit is one that may be 0), or more than 64 characters, which is no UID.
        * Ones everywhere if the first two components are not those of a UID either (PS3.5 9.1; second component of at
          most three digits), because then they may be anything, an identifier say.

    Raises
    ------
    MalformedValue
        If `uid` is not digits with single dots between them.

    Notes
    -----
    A third of the free digits, 12 at most and 6 at least, are check digits: an HMAC of all others. With 12 (36 free
    digits; UIDs of scanners have 40 and more) an original passes by chance for a pseudo-UID, and stays, once in
    10\ :sup:`12`; with 6 (18 free digits) once in a million.

    The other free digits, `m` of them, carry the pseudonym. Two of `n` different UIDs of one shape get the same with
    a probability of about n\ :sup:`2` / (2 · 10\ :sup:`m`): 5 · 10\ :sup:`-17` for ten thousand UIDs of 36 free digits, but
    5 · 10\ :sup:`-5` for ten thousand of 18. Filled UIDs of one shape are all the same.

    Examples
    --------
    >>> key = UidKey(b"an example, no secret")
    >>> once = pseudonymous_uid(b"1.3.12.2.1107.5.2.99.12345.2001020304050607080910", key)
    >>> once == pseudonymous_uid(once, key), len(once), once[:4]
    (True, 49, b'1.3.')
    >>> pseudonymous_uid(b"1.2.840.10008.5.1.4.1.1.4", key), pseudonymous_uid(b"1.2.826.7", key)
    (b'1.2.840.10008.5.1.4.1.1.4', b'1.2.111.1')
    """
    if not _UID.fullmatch(uid):
        raise MalformedValue("not a UID of digits and dots")
    if is_registered(uid):
        return uid
    root = _ROOT.match(uid)
    if root is None:
        return uid.translate(_ONES)
    kept = root.end()
    filled = uid[:kept] + uid[kept:].translate(_ONES)
    if uid == filled:
        return uid
    free = _free_digits(uid, kept)
    checks = min(_MOST_CHECKS, len(free) // (_PAYLOAD_PER_CHECK + 1))
    if checks < _FEWEST_CHECKS or len(uid) > _LONGEST:
        return filled
    check_places = free[-checks:]
    if uid == _checked(uid, check_places, key):
        return uid
    attempt = 0
    while True:  # ends: at most 31 components, each the same by chance in 1 of 90 cases or fewer
        candidate = _checked(_derived(uid, kept, attempt, key), check_places, key)
        if _may_stand_for(candidate, uid, filled):
            return candidate
        attempt += 1


def _free_digits(uid: bytes, kept: int) -> list[int]:
    """Return the places of digits that may be 0: all but the first of a component of several digits."""
    free: list[int] = []
    start = kept + 1
    for component in uid[start:].split(b"."):
        free += range(start + (len(component) > 1), start + len(component))
        start += len(component) + 1
    return free


def _number(key: UidKey, purpose: bytes, message: bytes) -> int:
    return int.from_bytes(
        hmac.digest(key.secret, b"csaclean uid %b\0%b" % (purpose, message), hashlib.sha256)
    )


def _derived(uid: bytes, kept: int, attempt: int, key: UidKey) -> bytes:
    """Return `uid` with other digits from `kept` on; at most 61 digits, so 256 bits make them evenly."""
    number = _number(key, b"digits %d" % attempt, uid)
    components = []
    for component in uid[kept + 1 :].split(b"."):
        size = len(component)
        least = 10 ** (size - 1) if size > 1 else 0
        number, value = divmod(number, 10**size - least)
        components.append(b"%d" % (least + value))
    return uid[:kept] + b"." + b".".join(components)


def _checked(uid: bytes, places: list[int], key: UidKey) -> bytes:
    """Return `uid` with the check digits that its other characters demand."""
    new = bytearray(uid)
    for place in places:
        new[place] = ord("?")
    digits = b"%0*d" % (len(places), _number(key, b"check", bytes(new)) % 10 ** len(places))
    for place, digit in zip(places, digits, strict=True):
        new[place] = digit
    return bytes(new)


def _may_stand_for(candidate: bytes, uid: bytes, filled: bytes) -> bool:
    """Tell whether a candidate hides what it must, and is taken neither for a standard UID nor for a fill."""
    if candidate == filled or candidate.startswith(_STANDARD_ROOT):
        return False
    if candidate.startswith(_UUID_ROOT) and len(candidate) == len(_UUID_ROOT) + 39:
        number = candidate[len(_UUID_ROOT) :]
        if number.isdigit() and int(number) >= 1 << 128:
            return False
    pairs = zip(candidate.split(b".")[2:], uid.split(b".")[2:], strict=True)
    return all(new != old for new, old in pairs if len(old) > 1)
