"""What dcm2niix makes of a cleaned series is what it made of the original, to the byte.

The comparison is checked itself: a copy gives no difference, and damage that converters notice is reported. dcm2niix
takes b-values and slice times from group 0019 where the CSA image header is gone: that loss shows only where both are.
"""

import shutil
import struct
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pydicom
import pytest

import csaclean
from phantom_csa import image_header, series_header, with_canaries
from phantom_file import Phantom, file_bytes
from phantoms import base_image
from tests.conftest import NO_REAL_DATA, RealFile, manifest, real_files
from tests.real.conversion import Conversion, convert, differences
from tests.real.readers import HEADERS, claimed_elements, walk_csa2

pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

PHANTOM = "phantom"
INSTANCES = 3
ECHOES = {"siemens_vd13d_fmri-mosaic-me": 2}
"""Series of which dcm2niix makes more than one image, an image of each echo."""


def series_names() -> list[object]:
    """Return the names of the real series as parameters; one that skips where there are none."""
    names = sorted({file.name.split("/")[1] for file in manifest() if file.name.startswith("series/")})
    return list(names) or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=NO_REAL_DATA))]


def phantom_series(folder: Path) -> None:
    """Write a diffusion-weighted series of phantoms, every dead byte of their headers filled."""
    folder.mkdir(parents=True)
    image = with_canaries(image_header(), after_trailer=0)[0]
    series = with_canaries(series_header(), after_trailer=0)[0]
    for number in range(1, INSTANCES + 1):
        dataset = base_image(image=image, series=series, instance=number)
        (folder / f"phantom_{number:03}.dcm").write_bytes(file_bytes(Phantom(dataset)))


@pytest.fixture(scope="session")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with copies of all series, the phantom's among them, and of all single Siemens files."""
    folder = tmp_path_factory.mktemp("dcm2niix") / "before"
    phantom_series(folder / "series" / PHANTOM)
    for file in manifest():
        if file.name.startswith(("series/", "siemens_")):
            target = folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, target)
    return folder


@pytest.fixture(scope="session")
def cleaned(copies: Path, csaclean_script: str) -> Path:
    """Return the same folder, cleaned by the installed command."""
    folder = copies.parent / "after"
    done = subprocess.run(
        [csaclean_script, "clean", str(copies), "-o", str(folder), "-q"],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert {path.relative_to(copies) for path in copies.rglob("*.dcm")} == {
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file()
    }
    return folder


def compare(before: Path, after: Path, scratch: Path) -> tuple[Conversion, list[str]]:
    """Convert both and return what was made of the first and what differs."""
    old, new = convert(before, scratch / "old"), convert(after, scratch / "new")
    return old, differences(old, new)


def edited(source: Path, target: Path, edit: Callable[[pydicom.Dataset], None]) -> None:
    """Write a copy of a folder in which pydicom has edited each file."""
    target.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(source.iterdir()):
            dataset = pydicom.dcmread(path)
            edit(dataset)
            dataset.save_as(target / path.name)


def damaged(source: Path, target: Path, tag_name: str, damage: Callable[[bytes], bytes]) -> None:
    """Write a copy of a folder in which the values of one CSA tag are damaged in each file."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        data = bytearray(path.read_bytes())
        values = 0
        for element in claimed_elements(bytes(data)):
            for tag in walk_csa2(element.value).tags if element.offset in HEADERS else ():
                for start, stop in tag.values if tag.name == tag_name else ():
                    new = damage(element.value[start:stop])
                    assert len(new) == stop - start
                    data[element.start + start : element.start + stop] = new
                    values += 1
        assert values
        (target / path.name).write_bytes(data)


def nulled(value: bytes) -> bytes:
    """Return as many NULs."""
    return bytes(len(value))


def opposite(value: bytes) -> bytes:
    """Return 0 for 1 and 1 for 0."""
    return value.translate(bytes.maketrans(b"01", b"10"))


# Cleaned series


@pytest.mark.parametrize("name", [PHANTOM, *series_names()])
def test_a_cleaned_series_converts_to_the_same(
    name: str, copies: Path, cleaned: Path, tmp_path: Path
) -> None:
    made, found = compare(copies / "series" / name, cleaned / "series" / name, tmp_path)
    assert made.status == 0
    kinds = sorted(Path(file).suffix for file in made.files)
    diffusion = name == PHANTOM or "dwi" in name
    pairs = ECHOES.get(name, 1)
    assert kinds == ([".bval", ".bvec"] if diffusion else []) + [".json"] * pairs + [".nii"] * pairs
    assert found == []


@pytest.mark.parametrize("file", real_files("siemens_*"))
def test_a_cleaned_file_converts_to_the_same(
    file: RealFile, copies: Path, cleaned: Path, tmp_path: Path
) -> None:
    made, found = compare(copies / file.name, cleaned / file.name, tmp_path)
    header_only = "creators-anon" in file.name
    assert bool(made.files) != header_only
    assert (made.status != 0) == header_only
    assert found == []


CLEANED = (
    PHANTOM,
    "siemens_vb17_dwi-mosaic",
    "siemens_vd13d_fmap-gre-me",
    "siemens_vd13d_fmri-mosaic-me",
    "siemens_ve11_fmri-mosaic-ap",
    "siemens_ve11_fmri-mosaic-pa",
    "siemens_ve11_pasl-3d",
    "siemens_ve11_pasl-3d-m0",
    "siemens_ve11_pcasl-3d",
    "siemens_xa10_fmri-enh",
    "siemens_xa30i_asl-classic",
)


@pytest.mark.parametrize("name", CLEANED)
def test_the_compared_series_really_were_cleaned(name: str, copies: Path, cleaned: Path) -> None:
    if name != PHANTOM and not manifest():
        pytest.skip(NO_REAL_DATA)
    for path in (copies / "series" / name).iterdir():
        assert path.read_bytes() != (cleaned / "series" / name / path.name).read_bytes()


# The comparison itself: identity


@pytest.mark.parametrize("name", [PHANTOM, *series_names()])
def test_a_copy_converts_to_the_same(name: str, copies: Path, tmp_path: Path) -> None:
    shutil.copytree(copies / "series" / name, tmp_path / "copy" / name)
    assert compare(copies / "series" / name, tmp_path / "copy" / name, tmp_path)[1] == []


@pytest.mark.parametrize("name", [PHANTOM, *series_names()])
def test_a_copy_that_pydicom_rewrote_converts_to_the_same(name: str, copies: Path, tmp_path: Path) -> None:
    edited(copies / "series" / name, tmp_path / "copy" / name, lambda dataset: None)
    assert compare(copies / "series" / name, tmp_path / "copy" / name, tmp_path)[1] == []


# The comparison itself: damage must be noticed


def all_datasets(dataset: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """Yield a data set and those of all items in it."""
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from all_datasets(item)


def without(*tags: int) -> Callable[[pydicom.Dataset], None]:
    """Return what deletes elements, or with an element number of 0xFFFF whole groups, in items too."""

    def edit(dataset: pydicom.Dataset) -> None:
        lost = 0
        for inner in list(all_datasets(dataset)):
            for tag in tags:
                whole = tag & 0xFFFF == 0xFFFF
                for one in [
                    key for key in list(inner.keys()) if key == tag or (whole and key >> 16 == tag >> 16)
                ]:
                    del inner[one]
                    lost += 1
        assert lost

    return edit


@pytest.mark.parametrize(
    ("name", "tags", "noticed"),
    [
        pytest.param(
            PHANTOM, [0x00291010], {"file names", ".nii", "-SliceTiming"}, id="phantom-image-header"
        ),
        pytest.param(PHANTOM, [0x00291020], {"-ShimSetting", "-TxRefAmp"}, id="phantom-series-header"),
        pytest.param(
            "siemens_ve11_fmri-mosaic-ap",
            [0x00291010],
            {"-PhaseEncodingDirection", "+PhaseEncodingAxis", ".nii"},
            id="ve11-image-header",
        ),
        pytest.param(
            "siemens_ve11_fmri-mosaic-ap",
            [0x00291020],
            {"-BaseResolution", "-ReceiveCoilName", "-ShimSetting", "-TxRefAmp", "-PulseSequenceDetails"},
            id="ve11-series-header",
        ),
        pytest.param("siemens_ve11_fmri-mosaic-ap", [0x0019FFFF], {"-DwellTime"}, id="ve11-group-0019"),
        pytest.param(
            "siemens_vb17_dwi-mosaic",
            [0x00291020],
            {"-DiffusionScheme", "-RefLinesPE"},
            id="vb17-series-header",
        ),
        pytest.param(
            "siemens_vb17_dwi-mosaic",
            [0x0019FFFF, 0x0029FFFF, 0x0051FFFF],
            {".bval", ".bvec", ".nii", "-SliceTiming"},
            id="vb17-all-private",
        ),
        pytest.param(
            "siemens_vb17_dwi-mosaic",
            [0x0019FFFF, 0x00291010],
            {".bval", ".bvec", ".nii", "SliceTiming"},
            id="vb17-image-header-and-its-copy",
        ),
        pytest.param("uih_r002_dwi", [0x0065FFFF], {"file names", "-SliceTiming"}, id="uih-group-0065"),
        pytest.param(
            "siemens_xa30i_asl-classic",
            [0x00211019],
            {"-LabelingDuration", "-PostLabelingDelay"},
            id="xa30-protocol",
        ),
        pytest.param(
            "siemens_xa10_fmri-enh",
            [0x00211019],
            {"-BaseResolution", "-ReceiveCoilName", "-ShimSetting", "-TxRefAmp", "-PulseSequenceDetails"},
            id="xa10-protocol",
        ),
        pytest.param(
            "siemens_xa10_fmri-enh", [0x0021FFFF], {".nii", "-SliceTiming", "-TxRefAmp"}, id="xa10-group-0021"
        ),
    ],
)
def test_a_lost_element_is_noticed(
    name: str, tags: list[int], noticed: set[str], copies: Path, tmp_path: Path
) -> None:
    if name != PHANTOM and not manifest():
        pytest.skip(NO_REAL_DATA)
    edited(copies / "series" / name, tmp_path / "damaged" / name, without(*tags))
    found = compare(copies / "series" / name, tmp_path / "damaged" / name, tmp_path)[1]
    assert noticed <= set(found)


@pytest.mark.parametrize(
    ("name", "tag", "damage", "noticed"),
    [
        (PHANTOM, "PhaseEncodingDirectionPositive", opposite, ".nii"),
        (PHANTOM, "B_value", nulled, ".bval"),
        (PHANTOM, "MosaicRefAcqTimes", nulled, "SliceTiming"),
        (PHANTOM, "DiffusionGradientDirection", nulled, ".bvec"),
        ("siemens_ve11_fmri-mosaic-ap", "PhaseEncodingDirectionPositive", opposite, "PhaseEncodingDirection"),
        ("siemens_vb17_dwi-mosaic", "B_value", nulled, ".bval"),
        ("siemens_vb17_dwi-mosaic", "MosaicRefAcqTimes", nulled, "SliceTiming"),
    ],
)
def test_a_damaged_field_is_noticed(
    name: str, tag: str, damage: Callable[[bytes], bytes], noticed: str, copies: Path, tmp_path: Path
) -> None:
    if name != PHANTOM and not manifest():
        pytest.skip(NO_REAL_DATA)
    damaged(copies / "series" / name, tmp_path / "damaged" / name, tag, damage)
    found = compare(copies / "series" / name, tmp_path / "damaged" / name, tmp_path)[1]
    assert {entry.lstrip("+-") for entry in found} >= {noticed}


OPEN: Final = b"".join(
    struct.pack("<HH", group, number) + rest
    for group, number, rest in (
        (0x7FE1, 0x0010, b"LO\x08\0PHANTOM "),
        (0x7FE1, 0x1020, b"SQ\0\0\xff\xff\xff\xff"),
        (0xFFFE, 0xE000, b"\xff\xff\xff\xff"),
        (0x0029, 0x0010, b"LO\x08\0PHANTOM "),
    )
)
"""A private sequence with an item, and no delimiter of either."""
PIXEL_DATA: Final = b"\xe0\x7f\x10\0OW\0\0"


@pytest.mark.parametrize("odd", ["open at the end", "nulls between elements"])
def test_an_odd_file_that_it_reads_converts_to_the_same(odd: str, tmp_path: Path) -> None:
    data = file_bytes(Phantom(base_image()))
    before, pixels, behind = data.partition(PIXEL_DATA)
    assert pixels
    data = data + OPEN if odd == "open at the end" else before + bytes(24) + pixels + behind
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    (tmp_path / "before" / "odd.dcm").write_bytes(data)
    report = csaclean.clean_file(tmp_path / "before" / "odd.dcm", tmp_path / "after" / "odd.dcm")
    assert report.facts.keys() & {"missing-delimiter", "null-padding"}
    made, found = compare(tmp_path / "before", tmp_path / "after", tmp_path)
    assert {Path(file).suffix for file in made.files} >= {".json", ".nii"}
    assert found == []
