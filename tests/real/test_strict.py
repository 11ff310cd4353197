"""``strict`` over real files of Siemens: they convert as before, but for the keys of the sidecar that are declared.

Not one more key changes, and not one less: what the reports declare is what dcm2niix makes otherwise.
"""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

import csaclean
from csaclean.report.model import Report
from tests.conftest import NO_REAL_DATA, RealFile, manifest, real_files
from tests.real.conftest import Clean
from tests.real.conversion import Conversion, convert, differences

pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

SERIES = {
    "siemens_vb17_dwi-mosaic": ({".json", ".nii", ".bval", ".bvec"}, {"CoilString", "ConsistencyInfo"}),
    "siemens_ve11_fmri-mosaic-ap": ({".json", ".nii"}, {"BidsGuess", "ConsistencyInfo"}),
    "siemens_ve11_fmri-mosaic-pa": ({".json", ".nii"}, {"BidsGuess", "ConsistencyInfo"}),
    "siemens_xa10_fmri-enh": ({".json", ".nii"}, {"BidsGuess"}),
    "siemens_xa30i_asl-classic": ({".json", ".nii"}, {"BidsGuess", "LabelingDuration", "PostLabelingDelay"}),
}
"""Of each series, what dcm2niix makes of it, and some of the keys that have to change."""
ALWAYS = {"PulseSequenceDetails", "ReceiveCoilName", "ShimSetting", "TxRefAmp"}
NEEDED = {
    "EchoTime",
    "EffectiveEchoSpacing",
    "FlipAngle",
    "ImageOrientationPatientDICOM",
    "MagneticFieldStrength",
    "ManufacturersModelName",
    "PhaseEncodingDirection",
    "ProtocolName",
    "RepetitionTime",
    "SliceThickness",
    "SliceTiming",
    "TotalReadoutTime",
}
"""Keys that no policy may cost."""
ABSENT = {"siemens_xa30i_asl-classic": {"PhaseEncodingDirection", "SliceTiming"}}
UNCLAIMED = ("*orphan-csa*", "*creators-anon*")
"""Files with elements that dcm2niix reads and nobody claims: their creator is gone, or their content is no CSA header."""
SPECTRUM = "*svs-nonimage*"
"""Its image has an extension in which dcm2niix repeats keys of the sidecar."""


def cleaned_series(name: str, folder: Path) -> tuple[Path, list[Report]]:
    """Clean a series under strict; return where it is and the reports."""
    if not manifest():
        pytest.skip(NO_REAL_DATA)
    source = next(file.path.parent for file in manifest() if f"/{name}/" in file.name)
    target = folder / "cleaned" / name
    reports = list(csaclean.clean_tree(source, target, "strict"))
    assert {report.status for report in reports} == {"cleaned"}
    return source, reports


def sidecar(made: Conversion) -> dict[str, Any]:
    """Return the one sidecar."""
    (content,) = (content for name, content in made.files.items() if name.endswith(".json"))
    found: dict[str, Any] = json.loads(content)
    return found


def changed(found: list[str]) -> set[str]:
    """Return keys of sidecars without what became of them."""
    return {one.lstrip("+-") for one in found}


@pytest.mark.parametrize("name", SERIES)
def test_a_series_keeps_everything_but_the_declared_keys(name: str, tmp_path: Path) -> None:
    source, reports = cleaned_series(name, tmp_path)
    before = convert(source, tmp_path / "old")
    after = convert(tmp_path / "cleaned" / name, tmp_path / "new")
    kinds, some = SERIES[name]
    assert before.status == after.status == 0
    assert {Path(file).suffix for file in before.files} == kinds
    declared = {key for report in reports for key in report.declared}
    found = changed(differences(before, after))
    assert found == declared  # no image, no table of b-values, no name of a file among them
    assert found >= ALWAYS | some
    old, new = sidecar(before), sidecar(after)
    needed = NEEDED - ABSENT.get(name, set())
    assert needed <= old.keys()
    assert {key: old[key] for key in needed} == {key: new.get(key) for key in needed}


@pytest.mark.parametrize("file", real_files("siemens_*", but=(SPECTRUM,)))
def test_a_file_keeps_everything_but_the_declared_keys(file: RealFile, clean: Clean, tmp_path: Path) -> None:
    done = clean(file, "strict")
    found = differences(convert(file.path, tmp_path / "old"), convert(done.path, tmp_path / "new"))
    assert changed(found) == set(done.report.declared)


@pytest.mark.parametrize("file", real_files(*UNCLAIMED))
def test_a_read_element_that_nobody_claims_stays_and_is_listed(file: RealFile, clean: Clean) -> None:
    report = clean(file, "strict").report
    reasons = {one.reason for one in report.unclaimed}
    assert reasons & {"read-by-a-converter", "foreign"}
    assert reasons <= {"read-by-a-converter", "foreign", "unknown-creator"}
    assert not report.vouched


def extension(image: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON that stands between header and data of a spectrum, and all but it (NIfTI-1, NIfTI-2)."""
    (size,) = struct.unpack_from("<i", image, 0)
    (offset,) = struct.unpack_from("<q", image, 168) if size == 540 else struct.unpack_from("<f", image, 108)
    start = size + 4
    length, code = struct.unpack_from("<2i", image, start)
    assert code == 44  # NIfTI-MRS
    found: dict[str, Any] = json.loads(image[start + 8 : start + length].rstrip(b"\0 "))
    return found, image[:start] + image[int(offset) :]


@pytest.mark.parametrize("file", real_files(SPECTRUM))
def test_a_spectrum_keeps_its_data_and_repeats_the_declared_keys(
    file: RealFile, clean: Clean, tmp_path: Path
) -> None:
    done = clean(file, "strict")
    found = differences(convert(file.path, tmp_path / "old"), convert(done.path, tmp_path / "new"))
    assert changed(found) == {".nii", *done.report.declared}
    images = [next((tmp_path / name).glob("*.nii")).read_bytes() for name in ("old", "new")]
    (old, rest), (new, again) = map(extension, images)
    assert len(images[0]) == len(images[1])
    assert rest == again
    assert old.keys() == new.keys()
    told = {key for key in old if old[key] != new[key]}
    assert told <= {"ProtocolName", "RxCoil", "SequenceName", "TxCoil", "conversionTime", "ConversionTime"}
    assert told
