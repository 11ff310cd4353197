"""``csaclean.clean_value``: a bare value, cleaned as it would be in a file."""

from typing import Any

import pytest

import csaclean
from csaclean.errors import CsacleanError, HandlerError, MalformedValue, PolicyError, UsageError
from csaclean_handlers.siemens.csa import Variant
from phantom_creators import small_headers
from phantom_csa import FOREIGN, image_header, second_magic_zeroed, series_header, swapped, with_canaries
from phantom_file import Phantom, file_bytes
from phantoms import base_image

CREATOR = "SIEMENS CSA HEADER"
IMAGE, SERIES = small_headers()


def headers() -> dict[str, bytes]:
    """Return image headers of every kind, by name."""
    blobs = {variant.value: with_canaries(image_header(variant))[0] for variant in Variant}
    blobs["magic zeroed"] = second_magic_zeroed(blobs["CSA2"])
    blobs["swapped"] = swapped(blobs["CSA2"])
    blobs["zeros"] = bytes(64)
    blobs["empty"] = b""
    blobs["clean"] = bytes(with_canaries(image_header(), value_tail=0, after_trailer=0)[0])
    return blobs


@pytest.mark.parametrize("policy", ["converter-safe", "dead-space"])
@pytest.mark.parametrize("name", [name for name in headers() if name != "empty"])
def test_it_gives_what_the_file_route_gives(
    tmp_path_factory: pytest.TempPathFactory, name: str, policy: str
) -> None:
    folder = tmp_path_factory.mktemp("value")
    blob = headers()[name]
    data = file_bytes(Phantom(base_image(image=blob)))
    (folder / "in.dcm").write_bytes(data)
    csaclean.clean_file(folder / "in.dcm", folder / "out.dcm", policy)
    start = data.index(blob)
    expected = (folder / "out.dcm").read_bytes()[start : start + len(blob)]
    assert csaclean.clean_value(blob, creator=CREATOR, group=0x29, element=0x10, policy=policy) == expected


def test_the_length_stays() -> None:
    for blob in headers().values():
        assert len(csaclean.clean_value(blob, creator=CREATOR, group=0x29, element=0x10)) == len(blob)


def test_dead_bytes_are_nulled_and_identifying_fields_redacted() -> None:
    blob, _ = with_canaries(series_header())
    cleaned = csaclean.clean_value(blob, creator=CREATOR, group=0x29, element=0x20)
    assert b"CANARY" in blob
    assert b"CANARY" not in cleaned
    assert b";72.50;34.00;2;" in blob
    assert b";72.50;34.00;2;" not in cleaned


def test_twice_is_once() -> None:
    for blob in headers().values():
        once = csaclean.clean_value(blob, creator=CREATOR, group=0x29, element=0x10)
        assert csaclean.clean_value(once, creator=CREATOR, group=0x29, element=0x10) == once


@pytest.mark.parametrize("creator", ["siemens csa header", " SIEMENS CSA HEADER ", "SIEMENS CSA HEADER\0"])
def test_the_creator_is_known_in_any_spelling(creator: str) -> None:
    expected = csaclean.clean_value(IMAGE, creator=CREATOR, group=0x29, element=0x10)
    assert csaclean.clean_value(IMAGE, creator=creator, group=0x29, element=0x10) == expected


def test_the_element_may_be_given_with_its_block() -> None:
    expected = csaclean.clean_value(IMAGE, creator=CREATOR, group=0x29, element=0x10)
    assert csaclean.clean_value(IMAGE, creator=CREATOR, group=0x29, element=0x1110) == expected


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_bytes_will_do(kind: type) -> None:
    expected = csaclean.clean_value(IMAGE, creator=CREATOR, group=0x29, element=0x10)
    assert csaclean.clean_value(kind(IMAGE), creator=CREATOR, group=0x29, element=0x10) == expected


@pytest.mark.parametrize(
    ("creator", "group", "element"),
    [("INVENTED VENDOR 001", 0x29, 0x10), (CREATOR, 0x29, 0x77), (CREATOR, 0x2B, 0x10), ("", 0x29, 0x10)],
    ids=["creator", "element", "group", "none"],
)
def test_what_nobody_claims_is_an_error_and_never_passed_through(
    creator: str, group: int, element: int
) -> None:
    with pytest.raises(HandlerError):
        csaclean.clean_value(IMAGE, creator=creator, group=group, element=element)


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_content_is_an_error_and_never_passed_through(name: str) -> None:
    with pytest.raises(MalformedValue):
        csaclean.clean_value(FOREIGN[name], creator=CREATOR, group=0x29, element=0x10)


@pytest.mark.parametrize("size", [*range(4, 16), 17, 60, 99, 100, 108, len(IMAGE) - 21])
def test_a_cut_value_is_an_error(size: int) -> None:
    with pytest.raises(CsacleanError):
        csaclean.clean_value(IMAGE[:size], creator=CREATOR, group=0x29, element=0x10)


def test_an_unknown_policy_is_an_error() -> None:
    with pytest.raises(PolicyError):
        csaclean.clean_value(IMAGE, creator=CREATOR, group=0x29, element=0x10, policy="no-such-policy")


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "SYNTHETIC"},
        {"value": None},
        {"creator": 5},
        {"creator": CREATOR.encode()},
        {"group": -1},
        {"group": 0x10000},
        {"group": "29"},
        {"group": 41.5},
        {"element": 0x10000},
        {"element": True},
        {"context": 5},
        {"context": [(0x00100020, b"SYNTHETIC")]},
        {"context": {"PatientID": b"SYNTHETIC"}},
        {"context": {0x00100020: "SYNTHETIC"}},
        {"context": {1 << 32: b"SYNTHETIC"}},
        {"shift_days": 1.5},
        {"identifiers": [b"SYNTHETIC"]},
    ],
    ids=[str(number) for number in range(17)],
)
def test_a_call_that_makes_no_sense_is_an_error_that_quotes_nothing(wrong: dict[str, Any]) -> None:
    call: dict[str, Any] = {"value": IMAGE, "creator": CREATOR, "group": 0x29, "element": 0x10} | wrong
    with pytest.raises(UsageError) as caught:
        csaclean.clean_value(call.pop("value"), **call)
    assert "SYNTHETIC" not in str(caught.value)
    assert caught.value.__cause__ is None
