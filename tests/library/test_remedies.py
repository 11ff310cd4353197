"""What is said of an identifier that stays names the option that helps, and that option helps."""

import dataclasses
from pathlib import Path

import pytest

import csaclean
from csaclean.policy.options import OptionWords
from csaclean.report.text import identifier_lines
from phantom_file import Phantom, file_bytes
from phantom_writer import DataSet, Element, private_block
from phantoms import plain_image

_NAME = b"Quillfeather"
_BLOB = b"\1\2" + _NAME + b"\0\0"
_PLACES: dict[str, tuple[DataSet, tuple[str, ...]]] = {
    "binary": (private_block(0x0033, 0x10, b"ACME 01", {1: ("OB", _BLOB)}), ("blank", "fail")),
    "no creator": ((Element(0x00331001, "UN", _BLOB),), ("blank", "fail")),
    "creator": (private_block(0x0033, 0x10, _NAME, {1: ("US", b"\1\0")}), ("fail",)),
    "private pixels": (private_block(0x7FE1, 0x10, b"ACME 01", {1: ("OB", _BLOB)}), ("fail",)),
    "a reader's number": (private_block(0x0019, 0x10, b"ACME 01", {0x0C: ("OB", _BLOB)}), ("fail",)),
}


def cleaned(block: DataSet, folder: Path, policy: str, **options: object) -> tuple[bytes, csaclean.Report]:
    """Return what is made of a file of the patient `_NAME`."""
    image = plain_image(block, mosaic=False, side=4)
    image = tuple(dataclasses.replace(e, value=_NAME) if e.tag == 0x00100010 else e for e in image)
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(file_bytes(Phantom(image)))
    words: OptionWords = {**options}  # type: ignore[typeddict-item]  # words of a test
    report = csaclean.clean_file(source, target, policy=policy, overwrite=True, **words)
    return target.read_bytes(), report


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
def test_what_helps_is_named_and_helps(place: str, policy: str, tmp_path: Path) -> None:
    block, helpful = _PLACES[place]
    new, report = cleaned(block, tmp_path, policy)
    if policy == "strict" and "blank" in helpful:  # it is on already
        assert new.count(_NAME) == 1
        return
    assert new.count(_NAME) == 2
    assert not report.vouched
    (line,) = identifier_lines(report, "a file")
    named = " and ".join(f'"--unclaimed {word}"' for word in helpful)
    assert line.endswith(f", see {named}")
    for word in helpful:
        if word == "blank":
            assert cleaned(block, tmp_path, policy, unclaimed=word)[0].count(_NAME) == 1
        else:
            with pytest.raises(csaclean.CsacleanError):
                cleaned(block, tmp_path, policy, unclaimed=word)


def test_a_policy_that_redacts_none_names_one_that_does(tmp_path: Path) -> None:
    block = private_block(0x0029, 0x10, b"SIEMENS CSA HEADER", {0x08: ("CS", _NAME)})
    new, report = cleaned(block, tmp_path, "dead-space")
    assert new.count(_NAME) == 2
    (line,) = identifier_lines(report, "a file")
    assert line.endswith(', see "--policy converter-safe"')
    assert cleaned(block, tmp_path, "converter-safe")[0].count(_NAME) == 1
