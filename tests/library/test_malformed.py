"""Elements that break their format's grammar, and elements that hold nothing."""

import struct
from pathlib import Path
from typing import Literal

import pytest

import csaclean
from csaclean.engine import Engine
from csaclean.errors import MalformedValue, ProofFailed, UsageError
from csaclean.handler import PrivateElement
from csaclean.policy.policies import load_policy
from csaclean.registry import Claimed, installed
from phantom_file import Phantom, file_bytes
from phantom_writer import private_block
from phantoms import PATIENT_ID, base_image

CUT = b"SV10\4\3\2\1" + struct.pack("<2I", 3, 77) + b"cut in a tag"
"""A CSA header that ends in its first tag."""
OPTIONS: tuple[Literal["keep", "blank"], ...] = ("keep", "blank")


def _phantom(value: bytes, place: tuple[int, bytes, int]) -> bytes:
    group, creator, byte = place
    return file_bytes(Phantom(base_image(private_block(group, 0x12, creator, {byte: ("OB", value)}))))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return where a file with a CSA header stands that is cut, at an address that converters read by creator."""
    path = tmp_path / "in.dcm"
    path.write_bytes(_phantom(CUT, (0x0029, b"SIEMENS CSA HEADER", 0x10)))
    return path


def _clean(source: Path, **options: str) -> tuple[csaclean.Report, bytes]:
    target = source.with_name("out.dcm")
    report = csaclean.clean_file(source, target, overwrite=True, **options)  # type: ignore[arg-type]
    return report, target.read_bytes()


def test_the_message_names_the_option(source: Path) -> None:
    with pytest.raises(MalformedValue, match=r"--malformed keep or --malformed blank") as caught:
        _clean(source)
    assert "(0029,SIEMENS CSA HEADER,10)" in str(caught.value)
    assert not source.with_name("out.dcm").exists()


@pytest.mark.parametrize("option", OPTIONS)
def test_what_a_converter_reads_is_kept_and_listed(source: Path, option: str) -> None:
    report, written = _clean(source, malformed=option)
    assert not report.vouched
    assert [(one.selector, one.reason, one.count) for one in report.unclaimed] == [
        ("(0029,SIEMENS CSA HEADER,10)", "malformed", 1)
    ]
    assert CUT in written


def test_what_nobody_reads_is_blanked(source: Path) -> None:
    value = CUT
    source.write_bytes(_phantom(value, (0x0021, b"SIEMENS MR SDI 02", 0x69)))
    with pytest.raises(MalformedValue, match=r"--malformed"):
        _clean(source)
    report, written = _clean(source, malformed="keep")
    assert [one.reason for one in report.unclaimed] == ["malformed"]
    assert value in written
    report, written = _clean(source, malformed="blank")
    assert report.unclaimed == ()
    assert value not in written
    assert len(written) == source.stat().st_size


def test_what_is_kept_is_searched_for_identifiers(source: Path) -> None:
    source.write_bytes(_phantom(CUT + PATIENT_ID.encode("ascii"), (0x0029, b"SIEMENS CSA HEADER", 0x10)))
    try:
        report, _ = _clean(source, malformed="keep")
    except ProofFailed as error:
        assert error.stage == "residue"  # noqa: PT017  # refused, or said: never accounted for
    else:
        assert not report.vouched


def test_there_are_three_words() -> None:
    with pytest.raises(UsageError, match="malformed takes fail, keep, blank"):
        csaclean.clean_file("a", "b", malformed="drop")  # type: ignore[arg-type]


def _claims() -> list[Claimed]:
    return list(installed().by_selector.values())


@pytest.mark.parametrize("value", [b"", bytes(2), bytes(16), bytes(64)], ids=len)
@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_an_element_of_any_claim_without_content_is_accounted_for(value: bytes, policy: str) -> None:
    engine = Engine(load_policy(policy), installed())
    wrong = []
    for claimed in _claims():
        element = PrivateElement(
            claimed.claim, claimed.claim.selector, None, value, "<", (), lambda _wanted: None
        )
        result = engine.clean_element(claimed, element)
        if result is None or not result.vouched:
            wrong.append(claimed.selector)
    assert not wrong
