"""United Imaging: what of a volume's private elements goes, what stays, and that place and creator of frames don't matter."""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pydicom
import pytest

import csaclean
from csaclean.converter_table import read_elements
from csaclean_handlers.uih import UihHandler
from phantom_file import Phantom, file_bytes
from phantom_uih import COIL, DAY, SEQUENCE, VERSION, frame, noise, private_blocks, spectroscopy
from phantom_writer import (
    ENCODINGS,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Encoding,
    Items,
    private_block,
)
from phantoms import PATIENT_ID, uih_image

GONE = (COIL, SEQUENCE, VERSION)
CLOCK = b"081510.000000"
MOVED = "20010311"
"""36 days later."""

Cleaner = Callable[..., tuple[bytes, bytes, csaclean.Report]]


@pytest.fixture
def clean(tmp_path: Path) -> Cleaner:
    """Return what cleans a data set and returns the file before and after."""

    def run(
        dataset: DataSet,
        policy: str = "converter-safe",
        encoding: Encoding = EXPLICIT_LITTLE,
        **options: object,
    ) -> tuple[bytes, bytes, csaclean.Report]:
        source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
        before = file_bytes(Phantom(dataset, encoding))
        source.write_bytes(before)
        report = csaclean.clean_file(source, target, policy, overwrite=True, **options)  # type: ignore[arg-type]  # options of every kind
        return before, target.read_bytes(), report

    return run


def frames(data: bytes, folder: Path) -> list[pydicom.Dataset]:
    """Return the items of the slices as pydicom reads them."""
    path = folder / "read.dcm"
    path.write_bytes(data)
    return list(pydicom.dcmread(path)[0x00651051].value)


def edits(report: csaclean.Report) -> dict[tuple[str, str], int]:
    """Return how many fields of each class were edited, by selector."""
    return {(one.selector, cls): count for one in report.elements for cls, count in one.edits.items()}


def test_the_handler_is_installed() -> None:
    (point,) = entry_points(group="csaclean.handlers", name="uih")
    assert point.load() is UihHandler


def test_everything_that_converters_read_of_this_vendor_has_a_rule_or_a_grammar() -> None:
    rows = {row.selector for row in read_elements() if row.vendor == "UIH"}
    assert rows <= UihHandler.rules.whole.keys()


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
class TestAnyPolicy:
    def test_the_moment_of_the_scan_the_protocol_and_names_go(
        self, clean: Cleaner, policy: str, tmp_path: Path
    ) -> None:
        before, after, report = clean(uih_image(), policy)
        for text in GONE:
            assert text.encode() in before
            assert text.encode() not in after
        assert noise()[:64] not in after
        (tmp_path / "read.dcm").write_bytes(after)
        dataset = pydicom.dcmread(tmp_path / "read.dcm")
        assert dataset[0x00651000].value == 0
        assert dataset[0x00651007].value == bytes(len(noise()))
        assert report.vouched
        assert not report.unclaimed

    @pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
    def test_every_transfer_syntax_gets_the_same_edits(
        self, clean: Cleaner, policy: str, encoding: Encoding
    ) -> None:
        report = clean(uih_image(), policy, encoding)[2]
        assert report.vouched
        assert edits(report) == edits(clean(uih_image(), policy)[2])

    def test_times_of_day_of_frames_stay(self, clean: Cleaner, policy: str) -> None:
        before, after, _ = clean(uih_image(), policy)
        assert before.count(b"TM\x0e\0" + CLOCK) == after.count(b"TM\x0e\0" + CLOCK) == 1

    def test_numbers_that_converters_read_stay(self, clean: Cleaner, policy: str, tmp_path: Path) -> None:
        before, after, _ = clean(uih_image(), policy)
        (tmp_path / "1.dcm").write_bytes(before)
        (tmp_path / "2.dcm").write_bytes(after)
        old, new = (pydicom.dcmread(tmp_path / f"{name}.dcm") for name in (1, 2))
        for tag in (0x00651005, 0x00651009, 0x0065100D, 0x00651037, 0x00651050, 0x00651058):
            assert old[tag].value == new[tag].value

    def test_the_block_of_the_header_may_stand_anywhere(self, clean: Cleaner, policy: str) -> None:
        report = clean(uih_image(block=0x57), policy)[2]
        assert edits(report) == edits(clean(uih_image(), policy)[2])
        assert report.vouched

    def test_frames_that_name_their_creator_are_cleaned_alike(self, clean: Cleaner, policy: str) -> None:
        own = private_block(
            0x0065, 0x21, b"Image Private Header", {0x0F: ("SH", b"H4.5"), 0x29: ("SH", b"0.02")}
        )
        items = Items(((*frame(0)[:6], *own),))
        report = clean(
            uih_image(private_block(0x0065, 0x10, b"Image Private Header", {0x51: ("SQ", items)})), policy
        )[2]
        assert report.vouched
        assert not report.unclaimed

    def test_free_text_in_a_frame_goes(self, clean: Cleaner, policy: str) -> None:
        item = tuple(
            element if element.tag != 0x0065100F else type(element)(element.tag, "SH", b"SMITHERS")
            for element in frame(0)
        )
        header = private_block(0x0065, 0x10, b"Image Private Header", {0x51: ("SQ", Items((item,)))})
        assert b"SMITHERS" not in clean(uih_image(header), policy)[1]

    def test_cleaning_twice_is_cleaning_once(self, clean: Cleaner, policy: str, tmp_path: Path) -> None:
        _, once, _ = clean(uih_image(), policy)
        (tmp_path / "once.dcm").write_bytes(once)
        report = csaclean.clean_file(tmp_path / "once.dcm", tmp_path / "twice.dcm", policy)
        assert report.status == "unchanged"


class TestDates:
    def test_converter_safe_keeps_and_lists_them(self, clean: Cleaner, tmp_path: Path) -> None:
        _, after, report = clean(uih_image())
        assert {item.AcquisitionDate for item in frames(after, tmp_path)} == {DAY}
        listed = {(one.selector, one.cls, one.count) for one in report.kept}
        assert {("(0008,0022)", "dates", 4), ("(0008,002A)", "dates", 4)} <= listed

    def test_strict_redacts_them_and_says_which_keys_change(self, clean: Cleaner, tmp_path: Path) -> None:
        _, after, report = clean(uih_image(), "strict")
        for item in frames(after, tmp_path):
            assert item.AcquisitionDate == "19000101"
            assert item.AcquisitionDateTime.startswith("19000101000000")
        assert report.declared == ("AcquisitionDateTime", "AcquisitionTime")

    def test_shifted_dates_keep_the_time_of_day(self, clean: Cleaner, tmp_path: Path) -> None:
        before, after, _ = clean(uih_image(), "strict", shift_days={PATIENT_ID: 36})
        old, new = frames(before, tmp_path), frames(after, tmp_path)
        for one, other in zip(old, new, strict=True):
            assert other.AcquisitionDate == MOVED
            assert other.AcquisitionDateTime == MOVED + one.AcquisitionDateTime[8:]
            assert other.AcquisitionTime == one.AcquisitionTime

    def test_what_a_converter_reads_and_the_policy_keeps_is_not_shifted(
        self, clean: Cleaner, tmp_path: Path
    ) -> None:
        _, after, _ = clean(uih_image(), shift_days=36)
        assert {item.AcquisitionDate for item in frames(after, tmp_path)} == {DAY}

    def test_retained_dates_keep_the_moment_of_the_scan(self, clean: Cleaner) -> None:
        report = clean(uih_image(), retain=["dates"])[2]
        assert "dates" not in {cls for _, cls in edits(report)}


class TestSpectra:
    def test_the_block_ff_is_found_and_signals_are_kept_unvouched(self, clean: Cleaner) -> None:
        before, after, report = clean(uih_image(spectroscopy()))
        assert before == after
        assert not report.unclaimed
        unvouched = {one.selector for one in report.elements if not one.vouched}
        assert unvouched == {f"(0065,Spectroscopy Private Header,{byte})" for byte in ("07", "10", "11")}

    def test_strict_keeps_what_is_read(self, clean: Cleaner) -> None:
        before, after, _ = clean(uih_image(spectroscopy()), "strict")
        assert noise(64) in before
        assert noise(64) in after


class TestIdentifiers:
    def test_the_patients_number_in_a_text_of_the_header_goes(self, clean: Cleaner) -> None:
        header = private_block(0x0065, 0x10, b"Image Private Header", {0x33: ("SH", PATIENT_ID.encode())})
        _, after, report = clean(uih_image(header))
        assert after.count(PATIENT_ID.encode()) == 1  # its own element
        assert edits(report)

    def test_in_a_spectrum_it_is_nulled_or_listed(self, clean: Cleaner) -> None:
        signal = b"\0\0" + PATIENT_ID.encode() + bytes(7)
        block = private_block(0x0065, 0xFF, b"Spectroscopy Private Header", {0x07: ("OF", signal)})
        report = clean(uih_image(block))[2]
        assert [one.whose for one in report.identifiers] == ["patient"]


def test_implicit_vr_finds_the_frames_without_creators(clean: Cleaner) -> None:
    report = clean(uih_image(private_blocks(slices=3)), encoding=IMPLICIT_LITTLE)[2]
    selectors = {one.selector: one.count for one in report.elements}
    assert selectors["(0065,Image Private Header,51)/(0065,100F)"] == 3
    assert not report.unclaimed
