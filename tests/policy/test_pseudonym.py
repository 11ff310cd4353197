"""Pseudo-UIDs: same length, valid, keyed, known again; they tell nothing of what stood there."""

import pickle
import re
from collections import Counter
from pathlib import Path
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.errors import CsacleanError, MalformedValue, PolicyError
from csaclean.policy.fills import fill
from csaclean.policy.pseudonym import UidKey, pseudonymous_uid

KEY = UidKey(b"a key of the tests")
OTHER = UidKey(b"another key of the tests")
VALID = re.compile(rb"[012]\.(0|[1-9]\d*)(\.(0|[1-9]\d*))+")

_COMPONENT = st.from_regex(r"0|[1-9][0-9]{0,17}", fullmatch=True)
_SHORT_ROOTS = st.sampled_from(("1.2.", "1.3.", "1.0.", "0.39.", "2.25.", "2.16.", "2.999."))
_ANY_UID = st.from_regex(rb"[0-9]{1,20}(\.[0-9]{1,20}){0,8}", fullmatch=True)


@st.composite
def _long_uids(draw: st.DrawFn) -> bytes:
    """UIDs that have room for check digits."""
    components = draw(st.lists(_COMPONENT, min_size=2, max_size=12))
    last = draw(st.from_regex(r"[1-9][0-9]{18}", fullmatch=True))
    uid = draw(_SHORT_ROOTS) + ".".join((last, *components))
    return uid[:64].rstrip(".").encode()


_UIDS = _long_uids().filter(lambda uid: not uid.startswith(b"1.2.840.10008"))


def _siemens(model: int, serial: int, moment: str) -> bytes:
    return f"1.3.12.2.1107.5.2.{model}.{serial}.{moment}".encode()


def _siemens_uids(count: int) -> list[bytes]:
    """Return UIDs as Siemens makes them; all numbers are drawn."""
    random = Random(7)  # noqa: S311 - data of tests
    return [
        _siemens(
            random.randint(6, 63),
            random.randint(10_000, 199_999),
            f"{random.randint(2000, 2029)}{random.randint(1, 12):02}{random.randint(1, 28):02}"
            f"{random.randint(0, 10**14 - 1):014}",
        )
        for _ in range(count)
    ]


@given(_ANY_UID | _UIDS)
def test_length_and_dots_stay(uid: bytes) -> None:
    new = pseudonymous_uid(uid, KEY)
    assert [len(part) for part in new.split(b".")] == [len(part) for part in uid.split(b".")]


@given(_ANY_UID | _UIDS)
def test_a_second_pass_with_the_same_key_changes_nothing(uid: bytes) -> None:
    once = pseudonymous_uid(uid, KEY)
    assert pseudonymous_uid(once, KEY) == once


@given(_UIDS)
def test_a_pseudo_uid_is_a_valid_uid(uid: bytes) -> None:
    new = pseudonymous_uid(uid, KEY)
    assert VALID.fullmatch(new)
    assert new.split(b".")[:2] == uid.split(b".")[:2]


@given(_UIDS)
def test_another_key_gives_another_pseudo_uid(uid: bytes) -> None:
    assert pseudonymous_uid(uid, KEY) != pseudonymous_uid(uid, OTHER)


@given(_UIDS)
def test_a_pseudo_uid_of_another_key_is_an_original(uid: bytes) -> None:
    other = pseudonymous_uid(uid, OTHER)
    assert pseudonymous_uid(other, KEY) != other


@given(_UIDS)
def test_equal_keys_give_equal_pseudo_uids(uid: bytes) -> None:
    assert pseudonymous_uid(uid, KEY) == pseudonymous_uid(bytes(uid), UidKey(bytes(KEY.secret)))


@given(_UIDS)
def test_every_component_of_several_digits_differs_from_the_original(uid: bytes) -> None:
    new = pseudonymous_uid(uid, KEY)
    assert all(a != b for a, b in zip(uid.split(b".")[2:], new.split(b".")[2:], strict=True) if len(a) > 1)


@given(_UIDS, st.data())
def test_a_changed_check_digit_makes_an_original(uid: bytes, data: st.DataObject) -> None:
    """So somebody without the key can't make what passes."""
    once = bytearray(pseudonymous_uid(uid, KEY))
    places = [i for i in range(4, len(once)) if once[i - 1] != ord(".") and once[i] != ord(".")]
    place = data.draw(st.sampled_from(places[2:]))
    once[place] = ord("0") + (once[place] - ord("0") + 1) % 10
    forged = bytes(once)
    assert pseudonymous_uid(forged, KEY) != forged


def test_model_serial_and_date_of_a_siemens_uid_are_gone() -> None:
    for uid in _siemens_uids(300):
        new = pseudonymous_uid(uid, KEY).split(b".")
        model, serial, moment = uid.split(b".")[-3:]
        assert new[-2] != serial
        assert new[-1][:8] != moment[:8]
        assert len(model) == 1 or new[-3] != model


def test_digits_agree_with_the_original_no_more_often_than_by_chance() -> None:
    """One place in ten; the last component of 22 digits, its first digit (never 0) left out."""
    uids = _siemens_uids(2000)
    same = sum(
        sum(a == b for a, b in zip(uid[-21:], pseudonymous_uid(uid, KEY)[-21:], strict=True)) for uid in uids
    )
    assert 0.09 < same / (21 * len(uids)) < 0.11  # 10 sigma


def test_no_run_of_digits_of_the_original_stays_at_its_place() -> None:
    for uid in _siemens_uids(500):
        new = pseudonymous_uid(uid, KEY)
        agree = "".join("=" if a == b else "x" for a, b in zip(uid[-22:], new[-22:], strict=True))
        assert "=" * 8 not in agree  # by chance once in some ten million


def test_a_changed_digit_changes_about_nine_digits_in_ten() -> None:
    changed = 0
    uids = _siemens_uids(500)
    for uid in uids:
        last = (uid[-1] - ord("0") + 1) % 10
        neighbour = uid[:-1] + b"%d" % last
        a, b = pseudonymous_uid(uid, KEY)[-21:], pseudonymous_uid(neighbour, KEY)[-21:]
        changed += sum(x != y for x, y in zip(a, b, strict=True))
    assert 0.87 < changed / (21 * len(uids)) < 0.93


def test_each_digit_is_as_frequent_as_any_other() -> None:
    counts = Counter(b"".join(pseudonymous_uid(uid, KEY)[-21:] for uid in _siemens_uids(2000)))
    assert all(0.09 < counts[digit] / 42_000 < 0.11 for digit in b"0123456789")


def test_different_uids_get_different_pseudo_uids() -> None:
    uids = set(_siemens_uids(3000))
    assert len({pseudonymous_uid(uid, KEY) for uid in uids}) == len(uids)


def test_originals_pass_for_pseudo_uids_no_more_often_than_the_check_digits_say() -> None:
    """18 free digits make six check digits: of 5000 originals, 0.005 pass by chance."""
    random = Random(3)  # noqa: S311 - data of tests
    uids = [b"1.2.%d" % random.randint(10**18, 10**19 - 1) for _ in range(5000)]
    assert all(pseudonymous_uid(uid, KEY) != uid for uid in uids)


@pytest.mark.parametrize(
    "uid", [b"1.2.840.10008.6.1.29", b"1.2.840.10008.1.2.1", b"1.2.840.10008.5.1.4.1.1.481.23"]
)
def test_uids_of_the_standard_stay(uid: bytes) -> None:
    assert pseudonymous_uid(uid, KEY) == uid


@pytest.mark.parametrize(
    "uid", [b"1.2.840.10008.771234509", b"1.2.840.10008.5.1.4.1.1.4.12345678901234567890"]
)
def test_a_number_below_the_root_of_the_standard_does_not_stay(uid: bytes) -> None:
    new = pseudonymous_uid(uid, KEY)
    assert new.split(b".")[-1] != uid.split(b".")[-1]
    assert len(new) == len(uid)
    assert pseudonymous_uid(new, KEY) == new


def test_a_root_that_only_starts_like_the_standard_does_not_stay() -> None:
    uid = b"1.2.840.100081.12345678901234567890123"
    assert pseudonymous_uid(uid, KEY) != uid


@pytest.mark.parametrize(
    ("uid", "new"),
    [
        (b"1.2.3", b"1.2.1"),
        (b"1.2.826.0.12345", b"1.2.111.1.11111"),
        (b"2.25.123456789012345678", b"2.25.111111111111111111"),  # 17 free digits
        (b"1.2", b"1.1"),
    ],
)
def test_short_uids_get_a_constant_fill(uid: bytes, new: bytes) -> None:
    assert pseudonymous_uid(uid, KEY) == new == pseudonymous_uid(uid, OTHER)


@pytest.mark.parametrize(
    "uid",
    [
        b"19700101",  # an identifier, as far as anybody knows
        b"3.2.1234567890123456789012345",
        b"1.40.1234567890123456789012345",
        b"1.05.1234567890123456789012345",
        b"01.2.1234567890123456789012345",
        b"2.1970.1234567890123456789012345",
        b"192.168.17.23",
    ],
)
def test_what_does_not_start_like_a_uid_is_filled_whole(uid: bytes) -> None:
    assert pseudonymous_uid(uid, KEY) == re.sub(rb"\d", b"1", uid)


def test_more_than_64_characters_get_a_constant_fill() -> None:
    uid = b"1.2" + b".98" * 21
    assert pseudonymous_uid(uid, KEY) == b"1.2" + b".11" * 21


@given(_UIDS)
def test_the_constant_fill_stays(uid: bytes) -> None:
    """What was redacted without a key holds no link that a key could keep."""
    filled = fill("uid", uid)
    assert pseudonymous_uid(filled, KEY) == filled


@given(st.integers(10**38, (1 << 128) - 1))
def test_a_uid_made_of_a_uuid_stays_one(number: int) -> None:
    """PS3.5 B.2."""
    new = pseudonymous_uid(b"2.25.%d" % number, KEY)
    assert 10**38 <= int(new[5:]) < 1 << 128


def test_leading_zeros_of_an_original_do_not_make_invalid_pseudo_uids() -> None:
    assert VALID.fullmatch(pseudonymous_uid(b"1.2.007.0123456789.0123456789.0123456789", KEY))


@pytest.mark.parametrize(
    "value", [b"", b".", b"1..2", b"1.2.", b".1.2", b"1.2\0", b"1.2 ", b"1.2.a", b"\xb2"]
)
def test_what_is_no_uid_is_refused_without_being_quoted(value: bytes) -> None:
    with pytest.raises(MalformedValue) as caught:
        pseudonymous_uid(value, KEY)
    assert str(caught.value) == "not a UID of digits and dots"


def test_a_key_shows_nothing() -> None:
    assert repr(KEY) == str(KEY) == "UidKey()"


def test_a_key_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(KEY)) == KEY


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_end_is_no_part_of_a_key(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"0123456789abcdef" + end)
    assert UidKey.read(path) == UidKey.read(str(path)) == UidKey(b"0123456789abcdef")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\r\n", b"too short", b"fifteen bytes..\n", b"0" * 32, b"\0" * 16, b"ab" * 3000]
)
def test_what_is_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        UidKey.read(path)
    secret = content.strip().decode()
    assert not secret or secret not in str(caught.value)
    assert str(caught.value).startswith("key: UID key: ")


@pytest.mark.parametrize("name", ["missing", ".", "a\0b"])
def test_a_key_file_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path, name: str) -> None:
    with pytest.raises(PolicyError):
        UidKey.read(f"{tmp_path}/{name}")


def test_a_short_secret_is_refused_by_the_constructor_too() -> None:
    with pytest.raises(CsacleanError, match="15 bytes are too few"):
        UidKey(b"x" * 14 + b"y")
