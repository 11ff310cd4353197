"""Planted files that can be converted stay so: what pydicom, nibabel and dcm2niix make of them, before and after."""

from functools import partial
from pathlib import Path
from typing import Final

import pydicom
import pytest
from nibabel.nicom import csareader

import csaclean
from csaclean_handlers.siemens import csa
from phantom_csa import image_tags, series_tags
from phantom_family_texts import planted_protocol
from phantom_file import Phantom, file_bytes
from phantom_identities import IDENTITIES, Planter
from phantoms import base_image
from tests.planted.conftest import POLICIES, plant_file
from tests.real.conversion import convert, differences

TURNS: Final = (0, 28, 41, 56)


def raw(dataset: pydicom.Dataset) -> list[tuple[int, str | None, int]]:
    """Return tag, VR and length of the elements as they were read: what a text of no character set means is no matter."""
    elements = [dataset.get_item(tag) for tag in list(dataset.keys())]
    return [(int(e.tag), e.VR, len(e.value or b"")) for e in elements if hasattr(e.value, "__len__")]


def convertible(turn: int) -> bytes:
    """Return a mosaic with a protocol in which somebody is planted, and with free texts in its headers."""
    plant = Planter(IDENTITIES[turn], turn)
    protocol = planted_protocol(plant, 1).encode("latin-1")
    tag = partial(csa.CsaTag.build, vr="LT")
    image = (*image_tags(), tag("ImageComments", values=[plant("x").encode("latin-1")]))
    series = (
        *series_tags(protocol=protocol),
        tag("UserDefinedSeries", values=[plant("x").encode("latin-1")]),
    )
    headers = [csa.encode(csa.CsaHeader.build(tags)) for tags in (image, series)]
    return file_bytes(Phantom(base_image(image=headers[0], series=headers[1])))


@pytest.mark.parametrize("turn", TURNS)
def test_dcm2niix_converts_as_before_under_converter_safe(turn: int, tmp_path: Path) -> None:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    (tmp_path / "before" / "1.dcm").write_bytes(convertible(turn))
    csaclean.clean_file(tmp_path / "before" / "1.dcm", tmp_path / "after" / "1.dcm")
    before, after = (convert(tmp_path / name, tmp_path / f"nifti-{name}") for name in ("before", "after"))
    assert before.files
    assert differences(before, after) == []


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("turn", TURNS)
def test_nibabel_and_pydicom_read_what_is_left(turn: int, policy: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(convertible(turn))
    csaclean.clean_file(source, target, policy=policy)
    old, new = (pydicom.dcmread(file) for file in (source, target))
    assert [element.tag for element in new.iterall()] == [element.tag for element in old.iterall()]
    for element in (0x00291010, 0x00291020):
        before, after = (csareader.read(ds[element].value) for ds in (old, new))
        assert before["tags"].keys() == after["tags"].keys()
        assert after["tags"].keys() >= {"MosaicRefAcqTimes"} or element == 0x00291020


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("turn", TURNS)
def test_pydicom_reads_the_whole_family_again(turn: int, policy: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(plant_file(IDENTITIES[turn], turn).data)
    csaclean.clean_file(source, target, policy=policy)
    old, new = (pydicom.dcmread(file) for file in (source, target))
    assert raw(new) == raw(old)
