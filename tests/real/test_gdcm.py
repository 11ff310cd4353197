"""GDCM, a third reader of CSA headers and the one other tool that cleans them.

It reads what csaclean wrote as it read the original, and agrees byte by byte on the class of dead bytes that it knows:
tails of names, the only ones that real headers fill.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import csaclean
from phantom_csa import DeadRange, image_header, series_header, with_canaries
from phantom_file import Phantom, file_bytes
from phantoms import base_image
from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.readers import BLANKED, CREATOR, HEADERS, NAMED, claimed_elements, walk_csa2

gdcm = pytest.importorskip("gdcm", reason="python-gdcm is not installed")

every_policy = pytest.mark.parametrize("policy", ["dead-space", "converter-safe"])
ZEROED_MAGIC = "*creators-anon*"
READABLE = real_files("*siemens_v*", but=("*medcom-oog*", ZEROED_MAGIC))


GDCM_TEXT = """
import sys
import gdcm

gdcm.Trace.WarningOff()
gdcm.Trace.ErrorOff()
reader = gdcm.Reader()
reader.SetFileName(sys.argv[1])
assert reader.Read()
dataset = reader.GetFile().GetDataSet()
for element in (0x10, 0x20):
    tag = gdcm.PrivateTag(0x29, element, "SIEMENS CSA HEADER")
    if dataset.FindDataElement(tag):
        header = gdcm.CSAHeader()
        print(header.LoadFromDataElement(dataset.GetDataElement(tag)), flush=True)
        print(header)
"""


def gdcm_lines(path: str) -> list[str] | None:
    """Return GDCM's text of both headers; None if it can't read the file."""
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    reader = gdcm.Reader()
    reader.SetFileName(path)
    if not reader.Read():
        return None
    dataset = reader.GetFile().GetDataSet()
    lines = []
    for element in HEADERS:
        tag = gdcm.PrivateTag(0x29, element, CREATOR.upper())
        if dataset.FindDataElement(tag):
            header = gdcm.CSAHeader()
            lines.append(str(header.LoadFromDataElement(dataset.GetDataElement(tag))))
            lines += str(header).splitlines()
    return lines


def by_tag(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Return the lines of each tag, by its name: a protocol has many. What stands before the first has no name."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in lines:
        named = re.match(r"\d+ - '(\w+)'", line)
        if named or line in ("True", "False"):
            found.append((named[1] if named else "", []))
        found[-1][1].append(line)
    return found


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_gdcm_reads_every_cleaned_file(file: RealFile, clean: Clean) -> None:
    reader = gdcm.Reader()
    reader.SetFileName(str(clean(file, "converter-safe").path))
    assert reader.Read()


@every_policy
@pytest.mark.parametrize("file", READABLE)
def test_gdcm_prints_the_same_headers_but_for_the_fields_of_rules(
    file: RealFile, policy: str, clean: Clean
) -> None:
    before, after = gdcm_lines(str(file.path)), gdcm_lines(str(clean(file, policy).path))
    assert before is not None
    assert after is not None
    assert before.count("True") == 2  # both headers were found and parsed
    assert [tag for tag, _ in by_tag(before)] == [tag for tag, _ in by_tag(after)]
    for (tag, old), (_, new) in zip(by_tag(before), by_tag(after), strict=True):
        if old != new:
            assert policy == "converter-safe"
            assert tag in NAMED
            assert old[0].split("Data")[0] == new[0].split("Data")[0]
            assert len(old) == len(new) or tag in BLANKED


@pytest.mark.parametrize("file", real_files(ZEROED_MAGIC))
def test_gdcm_ends_as_before_on_a_header_with_a_zeroed_second_magic_word(
    file: RealFile, clean: Clean
) -> None:
    # An assertion of GDCM ends the process.
    ends = [
        subprocess.run(
            [sys.executable, "-c", GDCM_TEXT, str(path)], capture_output=True, timeout=60, check=False
        )
        for path in (file.path, clean(file, "converter-safe").path)
    ]
    assert ends[0].returncode == ends[1].returncode
    assert ends[0].stdout == ends[1].stdout


def scrubbed(path: str, target: str) -> bool:
    """Have GDCM's cleaner null what it nulls of the CSA headers; tell whether it would."""
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    reader = gdcm.Reader()
    reader.SetFileName(path)
    assert reader.Read()
    cleaner = gdcm.Cleaner.New()
    cleaner.__ref__().SetFile(reader.GetFile())
    for element in HEADERS:
        assert cleaner.__ref__().Scrub(gdcm.PrivateTag(0x29, element, CREATOR.upper()))
    if not cleaner.__ref__().Clean():
        return False
    writer = gdcm.Writer()
    writer.SetFileName(target)
    writer.SetFile(reader.GetFile())
    writer.CheckFileMetaInformationOff()
    assert writer.Write()
    return True


@pytest.mark.parametrize("file", READABLE)
def test_gdcms_cleaner_makes_the_same_headers_as_dead_space(
    file: RealFile, clean: Clean, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # In real headers only tails of names hold anything: the one class of dead bytes that GDCM knows.
    target = tmp_path_factory.mktemp("scrubbed") / "scrubbed.dcm"
    assert scrubbed(str(file.path), str(target))
    theirs = claimed_elements(target.read_bytes())
    ours = claimed_elements(clean(file, "dead-space").after)
    assert [(one.tag, one.value) for one in ours] == [(one.tag, one.value) for one in theirs]
    assert sum(one.offset in HEADERS for one in ours) == 2


# Synthetic headers


def headers_of(data: bytes) -> list[bytes]:
    """Return the CSA2 headers of a file."""
    return [one.value for one in claimed_elements(data) if one.offset in HEADERS]


def dead_space(data: bytes, folder: Path) -> bytes:
    """Return a file that csaclean cleaned; the original lies in the folder as source.dcm."""
    source, target = folder / "source.dcm", folder / "target.dcm"
    source.write_bytes(data)
    csaclean.clean_file(source, target, "dead-space")
    return target.read_bytes()


Header = tuple[bytes, tuple[DeadRange, ...]]


def headers_without(*kinds: str) -> list[Header]:
    """Return an image and a series header with canaries in every class of dead byte but some, which are null."""
    headers = []
    for header in (image_header(), series_header()):
        blob, ranges = with_canaries(header, after_trailer=0)
        filled = bytearray(blob)
        for kind, start, stop in ranges:
            if kind in kinds:
                filled[start:stop] = bytes(stop - start)
        headers.append((bytes(filled), tuple(one for one in ranges if one.kind not in kinds)))
    return headers


def left_over(headers: list[Header], values: list[bytes]) -> Counter[str]:
    """Return how many dead bytes of each class still hold their canary."""
    left: Counter[str] = Counter()
    for (blob, ranges), value in zip(headers, values, strict=True):
        for kind, start, stop in ranges:
            left[kind] += sum(a == b for a, b in zip(blob[start:stop], value[start:stop], strict=True))
    return left


def test_gdcms_cleaner_agrees_on_tails_of_names_and_leaves_the_other_dead_bytes(tmp_path: Path) -> None:
    headers = headers_without("trailer", "vr-tail")  # it fails where these are filled
    data = file_bytes(Phantom(base_image(image=headers[0][0], series=headers[1][0])))
    ours = headers_of(dead_space(data, tmp_path))
    assert scrubbed(str(tmp_path / "source.dcm"), str(tmp_path / "scrubbed.dcm"))
    theirs = headers_of((tmp_path / "scrubbed.dcm").read_bytes())
    before = left_over(headers, [blob for blob, _ in headers])
    assert left_over(headers, ours).total() == 0
    left = left_over(headers, theirs)
    assert left["name-tail"] == 0 < before["name-tail"]
    assert left["value-tail"] == before["value-tail"] > 0
    assert left["padding"] == before["padding"] > 0
    for (_, ranges), our, their in zip(headers, ours, theirs, strict=True):
        for start, stop in ((start, stop) for kind, start, stop in ranges if kind == "name-tail"):
            assert our[start:stop] == their[start:stop]


@pytest.mark.parametrize("kind", ["trailer", "vr-tail"])
def test_a_dead_byte_that_gdcms_cleaner_refuses_is_nulled(kind: str, tmp_path: Path) -> None:
    headers = headers_without(*{"trailer", "vr-tail", "name-tail"} - {kind})
    data = file_bytes(Phantom(base_image(image=headers[0][0], series=headers[1][0])))
    ours = headers_of(dead_space(data, tmp_path))
    assert not scrubbed(str(tmp_path / "source.dcm"), str(tmp_path / "scrubbed.dcm"))
    assert left_over(headers, ours).total() == 0
    assert [walk_csa2(header).dead_bytes(header)[1] for header in ours] == [0, 0]
