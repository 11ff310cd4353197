"""``prove`` over real series: identical under ``converter-safe``, and what would not be is noticed by the same code."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pydicom
import pytest

import csaclean
from csaclean import proving
from csaclean.batch import Settings
from csaclean.inputs import Job
from csaclean.report.model import Report
from tests.conftest import NO_REAL_DATA, manifest

pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

COUNTS = {
    "siemens_vb17_dwi-mosaic": (2, 4),
    "siemens_ve11_fmri-mosaic-ap": (2, 2),
    "siemens_ve11_fmri-mosaic-pa": (2, 2),
    "siemens_xa10_fmri-enh": (4, 2),
    "siemens_xa30i_asl-classic": (12, 2),
    "uih_r002_dwi": (17, 4),
}
"""Of each series, how many files it has, and how many dcm2niix makes of them."""
ABLATED = "siemens_ve11_fmri-mosaic-ap"
SERIES_HEADER = 0x00291020
LOST = {"BaseResolution", "ReceiveCoilName", "ShimSetting", "TxRefAmp", "PulseSequenceDetails"}


def series(name: str) -> Path:
    """Return the folder of a series; skip where there is none."""
    folders = {file.path.parent.name: file.path.parent for file in manifest()}
    if name not in folders:
        pytest.skip(NO_REAL_DATA)
    return folders[name]


class Ablating:
    """In the place of what cleans a set of files: deletes the CSA series header instead."""

    def __init__(self, jobs: Sequence[Job], settings: Settings) -> None:
        self._jobs = jobs

    def __iter__(self) -> Iterator[Report]:
        for job in self._jobs:
            assert job.target is not None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = pydicom.dcmread(job.source.path)
                del dataset[SERIES_HEADER]
                dataset.save_as(job.target.path)
            yield Report(job.source.name, "cleaned")


@pytest.mark.parametrize("name", COUNTS)
def test_a_series_is_identical(name: str) -> None:
    report = csaclean.prove(series(name))
    (proved,) = report.sets
    read = proved.files.get("cleaned", 0) + proved.files.get("unchanged", 0)
    assert (report.verdict, proved.differences, proved.unchanged) == ("identical", (), ())
    assert (read, proved.outputs) == COUNTS[name]


@pytest.mark.parametrize("name", [name for name in COUNTS if name.startswith("siemens")])
def test_that_series_was_really_cleaned(name: str) -> None:
    (proved,) = csaclean.prove(series(name)).sets
    assert proved.files == {"cleaned": COUNTS[name][0]}


def test_a_lost_header_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "Run", Ablating)
    report = csaclean.prove(series(ABLATED))
    (proved,) = report.sets
    assert report.verdict == "differs"
    assert {one.key for one in proved.differences if one.kind == "lost"} >= LOST
    assert {one.output for one in proved.differences if one.key is not None} == {"1.json"}


def test_a_lost_header_is_no_difference_if_all_that_is_lost_was_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proving, "Run", Ablating)
    lost = {one.key for one in csaclean.prove(series(ABLATED)).sets[0].differences if one.key is not None}
    (proved,) = csaclean.prove(series(ABLATED), declared={*lost, "SliceTiming"}).sets
    assert proved.verdict == "identical"
    assert {one.key for one in proved.differences} == lost
    assert proved.unchanged == ("SliceTiming",)
    for key in sorted(lost):
        assert csaclean.prove(series(ABLATED), declared=lost - {key}).verdict == "differs"
