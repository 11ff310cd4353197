"""The parameter files of ParaVision inside an image. No real file shows them: these are synthetic."""

from pathlib import Path

import pytest

from csaclean.testing import Sample, check_handler
from csaclean_handlers.bruker import BrukerHandler
from phantom_file import Phantom, file_bytes
from phantom_writer import private_block
from phantoms import plain_image
from tests.archives.samples import NAME, clean

METHOD = b"""##TITLE=Parameter List, ParaVision 6.0.1
##OWNER=QUINCEY^HARKER
$$ 2001-02-03 11:22:33.444 +0100  QUINCEY^HARKER@console
##$Method=<Bruker:DtiEpi>
##$PVM_DwGradVec=( 2, 3 )
0.5 0.5 0.7071 -0.5 0.5 0.7071
##END=
"""
VISU = METHOD.replace(b"##$Method=", b"##$VisuVersion=3\n##$VisuSubjectName=<QUINCEY^HARKER>\n##$Method=")
SELECTOR = "(0177,1100)"


def image(value: bytes, byte: int = 0x00, creator: bytes | None = None) -> bytes:
    return file_bytes(
        Phantom(plain_image(private_block(0x0177, 0x11, creator, {byte: ("OB", value)}), side=4))
    )


@pytest.mark.parametrize("creator", [None, b"A CREATOR THAT NOBODY KNOWS"])
def test_the_method_is_kept_and_listed_because_dicm2nii_reads_it(
    creator: bytes | None, tmp_path: Path
) -> None:
    data = image(METHOD, creator=creator)
    after, report = clean(data, tmp_path)
    assert after == data
    (kept,) = report.kept
    assert (kept.selector, kept.field, kept.cls, kept.read_by) == (SELECTOR, "method", "identity", ("xl",))


def test_strict_redacts_it(tmp_path: Path) -> None:
    after, _ = clean(image(METHOD), tmp_path, policy="strict")
    assert NAME not in after


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_what_is_shown_of_the_image_is_redacted_because_nobody_reads_it(policy: str, tmp_path: Path) -> None:
    data = image(VISU, 0x01)
    after, report = clean(data, tmp_path, policy=policy)
    assert NAME not in after
    assert len(after) == len(data)
    assert report.vouched


@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
@pytest.mark.parametrize("value", [METHOD, VISU])
def test_cleaning_twice_is_cleaning_once(value: bytes, policy: str, tmp_path: Path) -> None:
    once, _ = clean(image(value), tmp_path, policy=policy)
    assert clean(once, tmp_path, policy=policy)[0] == once


def test_a_value_that_does_not_start_with_a_title_is_nobodys(tmp_path: Path) -> None:
    _, report = clean(image(b"##OWNER=nobody\n"), tmp_path)
    assert [(one.selector, one.reason) for one in report.unclaimed] == [(SELECTOR, "no-creator")]


def test_it_obeys_the_laws_of_all_handlers() -> None:
    check_handler(
        BrukerHandler(),
        [
            Sample(SELECTOR, METHOD),
            Sample(SELECTOR, VISU + b"\0"),
            Sample(SELECTOR, b"##TITLE="),
            Sample(SELECTOR, b"##OWNER=nobody\n", "foreign"),
        ],
    )
