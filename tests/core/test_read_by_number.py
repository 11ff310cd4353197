"""Converters read some numbers whoever owns the block: what another vendor wrote there is read by them too."""

from pathlib import Path

import pytest

import csaclean
from phantom_file import Phantom, file_bytes
from phantom_writer import DataSet, private_block
from phantoms import plain_image

TEXT = b"private sequence "
"""(0019,100C) is a b-value to those who read it by number; MMCPrivate has the type of a sequence there."""


def clean(folder: Path, block: int, policy: str) -> tuple[bytes, csaclean.Report]:
    """Clean (0019,MMCPrivate,0C) in a block; block 10 is where readers look for an element of Siemens."""
    return cleaned(folder, private_block(0x0019, block, b"MMCPrivate", {0x0C: ("LO", TEXT)}), policy)


def cleaned(folder: Path, elements: DataSet, policy: str) -> tuple[bytes, csaclean.Report]:
    source = folder / "in.dcm"
    source.write_bytes(file_bytes(Phantom(plain_image(elements))))
    report = csaclean.clean_file(source, folder / "out.dcm", policy=policy)
    return (folder / "out.dcm").read_bytes(), report


def test_what_stands_at_such_a_number_is_kept_and_listed_with_its_readers(tmp_path: Path) -> None:
    after, report = clean(tmp_path, 0x10, "converter-safe")
    assert TEXT in after
    (kept,) = report.kept
    assert (kept.selector, kept.cls) == ("(0019,MMCPrivate,0C)", "descriptors")
    assert "dn" in kept.read_by


def test_in_another_block_it_is_redacted(tmp_path: Path) -> None:
    after, report = clean(tmp_path, 0x11, "converter-safe")
    assert TEXT not in after
    assert not report.kept


def test_strict_redacts_it_and_declares_so(tmp_path: Path) -> None:
    after, report = clean(tmp_path, 0x10, "strict")
    assert TEXT not in after
    assert report.proof["converter"] == "held"


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_cleaning_twice_is_cleaning_once(policy: str, tmp_path: Path) -> None:
    once, _ = clean(tmp_path, 0x10, policy)
    again = csaclean.clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm", policy=policy)
    assert (tmp_path / "again.dcm").read_bytes() == once
    assert again.status == "unchanged"


def clean_philips(folder: Path, block: int, policy: str) -> tuple[bytes, csaclean.Report]:
    """Clean (2005,Philips MR Imaging DD 004,97) in a block; block 15 is where readers look for another element of Philips."""
    elements = private_block(0x2005, block, b"Philips MR Imaging DD 004", {0x97: ("LO", TEXT)})
    return cleaned(folder, elements, policy)


def test_what_passes_for_another_element_of_its_own_vendor_is_kept_and_listed(tmp_path: Path) -> None:
    after, report = clean_philips(tmp_path, 0x15, "converter-safe")
    assert TEXT in after
    (kept,) = report.kept
    assert (kept.selector, kept.cls) == ("(2005,Philips MR Imaging DD 004,97)", "descriptors")
    assert kept.read_by


def test_in_another_block_of_its_own_vendor_it_is_redacted(tmp_path: Path) -> None:
    after, report = clean_philips(tmp_path, 0x16, "converter-safe")
    assert TEXT not in after
    assert not report.kept


def test_strict_redacts_what_passes_for_another_element_of_its_own_vendor(tmp_path: Path) -> None:
    after, report = clean_philips(tmp_path, 0x15, "strict")
    assert TEXT not in after
    assert report.proof["converter"] == "held"
