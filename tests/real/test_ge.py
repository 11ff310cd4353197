"""Real files of GE: nothing of date, time and number of the examination is left, and all that is read is what it was.

What is searched for is taken from the files' own standard elements; nothing of it stands here.
"""

import gzip
import io
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
import pytest
from pydicom.tag import BaseTag
from pydicom.uid import UID

import csaclean
from csaclean.report.model import Report
from csaclean_handlers.ge import GeHandler
from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.conversion import convert, differences

pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

ge_file = pytest.mark.parametrize("file", real_files("*ge_mr*"))
policies = pytest.mark.parametrize("policy", ["converter-safe", "strict"])

BLOCK = (0x0025, "GEMS_SERS_01", 0x1B)
HEADER = (0x0043, "GEMS_PARM_01", 0x2A)
RUN = (0x0019, "GEMS_ACQU_01", 0xA2)
PIXELS = (0x0043, "GEMS_PARM_01", 0x29)
"""The histogram of the image: 16-bit counts, among which any number may stand by chance."""
DAY = 86_400

Values = dict[tuple[int, str, int], bytes]


def read(data: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def private_values(data: bytes) -> Values:
    """Return the bytes of the private elements at top level, what the protocol block hides among them."""
    dataset = read(data)
    found: Values = {}
    for tag in sorted(dataset.keys()):
        raw: bytes | None = dataset.get_item(tag).value
        if tag.group % 2 and tag.element > 0xFF and raw:
            found[tag.group, dataset[tag.group, tag.element >> 8].value, tag.element & 0xFF] = raw
    block = found[BLOCK]
    (size,) = struct.unpack_from("<I", block)
    found[BLOCK[0], "inflated", BLOCK[2]] = gzip.decompress(block[4 : 4 + size])
    return found


def hits(values: Values, needles: dict[str, bytes]) -> dict[tuple[int, str, int], set[str]]:
    """Return which needles stand in which element, at any offset."""
    found = {
        place: {name for name, needle in needles.items() if needle in value}
        for place, value in values.items()
    }
    return {place: names for place, names in found.items() if names}


def exam_number(data: bytes) -> dict[str, bytes]:
    """Return the number of the examination as text and as numbers of either size and byte order."""
    number = int(read(data).StudyID)
    return {"text": b"%d" % number} | {
        f"{order}{size}": struct.pack(order + size, number) for order in "<>" for size in "IH"
    }


def dates(data: bytes) -> dict[str, bytes]:
    """Return the day of the scan as texts spell it."""
    day = datetime.strptime(read(data).AcquisitionDate, "%Y%m%d").replace(tzinfo=UTC)
    return {
        "iso": day.strftime("%Y%m%d").encode(),
        "slashes": day.strftime("%m/%d/%Y").encode(),
        "slashes-since-1900": day.strftime("%m/%d/").encode() + b"%d" % (day.year - 1900),
        "dashes": day.strftime("%Y-%m-%d").encode(),
    }


def times(data: bytes) -> dict[str, bytes]:
    """Return the minute of the scan, as texts spell it."""
    dataset = read(data)
    texts = {dataset.SeriesTime, dataset.StudyTime, dataset.AcquisitionTime}
    return {
        f"{sign}{n}": f"{text[:2]}{sign}{text[2:4]}".encode() for n, text in enumerate(texts) for sign in ":"
    }


def epochs(data: bytes, values: Values) -> Iterator[tuple[tuple[int, str, int], int]]:
    """Yield element and offset of each 32-bit number, and each text of ten digits, that is a second of those days."""
    day = datetime.strptime(read(data).AcquisitionDate, "%Y%m%d").replace(tzinfo=UTC)
    first, last = ((day + timedelta(days=n)).timestamp() for n in (-2, 3))
    for place, value in values.items():
        for at in range(len(value) - 3):
            if any(first <= struct.unpack_from(order + "I", value, at)[0] < last for order in "<>"):
                yield place, at
            text = value[at : at + 10]
            if len(text) == 10 and text.isdigit() and first <= int(text) < last:
                yield place, at


@ge_file
def test_before_all_of_it_stands_in_elements_that_rules_name(file: RealFile) -> None:
    """The control of the tests below: the search finds what is there."""
    data = file.path.read_bytes()
    values = private_values(data)
    assert len(hits(values, exam_number(data))) >= 3
    assert HEADER in hits(values, dates(data))
    assert HEADER in hits(values, times(data))
    assert {BLOCK, (0x0009, "GEMS_IDEN_01", 0x27), (0x0009, "GEMS_IDEN_01", 0xE9)} <= {
        place for place, _ in epochs(data, values)
    }


@policies
@ge_file
def test_no_number_of_the_examination_is_left(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    left = hits(private_values(done.after), exam_number(done.before))
    assert all(place == PIXELS and names <= {"<H", ">H"} for place, names in left.items())


@policies
@ge_file
def test_no_day_of_the_scan_is_left(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    values = private_values(done.after)
    assert hits(values, dates(done.before)) == {}
    assert list(epochs(done.before, values)) == []


@policies
@ge_file
def test_no_time_of_the_scan_is_left(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    assert hits(private_values(done.after), times(done.before)) == {}


@policies
@ge_file
def test_no_number_of_the_raw_data_is_left_but_the_one_that_converters_read(
    file: RealFile, policy: str, clean: Clean
) -> None:
    done = clean(file, policy)
    before = private_values(done.before)
    (at,) = struct.unpack_from("<H", before[HEADER], 24)
    (number,) = struct.unpack_from("<I", before[HEADER], at + 80)
    run = {"binary": struct.pack("<I", number), "text": b"%d" % number}
    assert hits(before, run)[HEADER] == {"binary", "text"}
    assert hits(private_values(done.after), run).keys() <= {RUN}


@policies
@ge_file
def test_no_uid_of_the_study_is_left(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    dataset = read(done.before)
    uids = {
        "study": str(dataset.StudyInstanceUID),
        "series": str(dataset.SeriesInstanceUID),
        "image": str(dataset.SOPInstanceUID),
    }
    assert hits(private_values(done.after), {name: uid.encode() for name, uid in uids.items()}) == {}


@policies
@ge_file
def test_every_private_element_is_answered_for(file: RealFile, policy: str, clean: Clean) -> None:
    report: Report = clean(file, policy).report
    assert report.vouched
    assert report.unclaimed == ()
    assert {group.handler for group in report.elements} == {"ge", "standard"}


@ge_file
def test_each_element_of_the_file_has_a_rule_or_a_grammar(file: RealFile) -> None:
    rules = GeHandler.rules
    claimed = {str(claim.selector[0]) for claim in GeHandler.claims}
    missing = [
        place
        for place in private_values(file.path.read_bytes())
        if place[1] != "inflated"
        and (name := f"({place[0]:04X},{place[1]},{place[2]:02X})") not in rules.whole
        and name not in claimed
    ]
    assert missing == []


# --- Other readers


@policies
@ge_file
def test_gdcm_reads_the_protocol_of_a_cleaned_file(file: RealFile, policy: str, clean: Clean) -> None:
    gdcm = pytest.importorskip("gdcm")
    found = []
    for path in (file.path, clean(file, policy).path):
        reader = gdcm.Reader()
        reader.SetFileName(str(path))
        assert reader.Read()
        header = gdcm.PDBHeader()
        dataset = reader.GetFile().GetDataSet()
        assert header.LoadFromDataElement(dataset.GetDataElement(header.GetPDBInfoTag()))
        keys = ("SLICEORDER", "VIEWORDER", "NOSLC", "PSEQ", "IOPT", "TE", "SEDESC")
        found.append([header.GetPDBElementByName(key).GetValue() for key in keys])
    assert found[0][:-1] == found[1][:-1]
    assert set(found[1][-1]) == {"X"}


@pytest.mark.parametrize("keep", [("uids", "device"), ("descriptors", "device"), ("uids", "descriptors")])
@ge_file
def test_the_member_fits_if_little_of_it_is_redacted(
    file: RealFile, keep: tuple[str, ...], tmp_path: Path
) -> None:
    report = csaclean.clean_file(file.path, tmp_path / "few.dcm", retain=list(keep))
    assert report.status == "cleaned"


@pytest.fixture(scope="module", params=real_files("*ge_mr*"))
def series(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two volumes made of one image: its private elements are the same in all."""
    file: RealFile = request.param
    folder = tmp_path_factory.mktemp("ge") / file.path.stem
    folder.mkdir()
    slices = 15
    for number in range(1, 2 * slices + 1):
        dataset = pydicom.dcmread(file.path)
        first = [float(x) for x in dataset.ImagePositionPatient]
        a, b, c, d, e, f = (float(x) for x in dataset.ImageOrientationPatient)
        normal = (b * f - c * e, c * d - a * f, a * e - b * d)
        away = float(dataset.SpacingBetweenSlices) * ((number - 1) % slices)
        dataset.ImagePositionPatient = [f"{x + away * n:.4f}" for x, n in zip(first, normal, strict=True)]
        dataset.InstanceNumber = number
        dataset.TemporalPositionIdentifier = 1 + (number - 1) // slices
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(f"2.25.777.{number}")
        dataset.save_as(folder / f"{number:03}.dcm")
    return folder


def without(source: Path, target: Path, wanted: Callable[[BaseTag], bool]) -> Path:
    """Write a folder's files without some of their elements."""
    target.mkdir()
    for path in source.iterdir():
        dataset = pydicom.dcmread(path)
        for tag in [tag for tag in dataset.keys() if wanted(tag)]:  # noqa: SIM118  # of data sets, elements are iterated
            del dataset[tag]
        dataset.save_as(target / path.name)
    return target


@policies
def test_dcm2niix_makes_the_same_of_a_cleaned_series(series: Path, policy: str, tmp_path: Path) -> None:
    before = convert(series, tmp_path / "old")
    (sidecar,) = (content for name, content in before.files.items() if name.endswith(".json"))
    assert b'"SliceTiming"' in sidecar
    assert b'"PhaseEncodingDirection"' in sidecar
    reports = list(csaclean.clean_tree(series, tmp_path / series.name, policy))
    assert {report.status for report in reports} == {"cleaned"}
    assert {report.declared for report in reports} == {()}
    assert differences(before, convert(tmp_path / series.name, tmp_path / "new")) == []


@pytest.mark.parametrize(
    ("wanted", "lost"),
    [
        (lambda tag: tag == 0x0025101B, "-SliceTiming"),
        (lambda tag: tag.group == HEADER[0] and tag.elem > 0xFF, "-PhaseEncodingDirection"),
    ],
    ids=["protocol-block", "parameters"],
)
def test_the_comparison_notices_what_is_lost(
    series: Path, wanted: Callable[[BaseTag], bool], lost: str, tmp_path: Path
) -> None:
    before = convert(series, tmp_path / "old")
    after = convert(without(series, tmp_path / series.name, wanted), tmp_path / "new")
    assert lost in differences(before, after)
