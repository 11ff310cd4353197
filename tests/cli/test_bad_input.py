"""Bad input: one line that names file and reason, nothing written, the others of the run done, never a traceback."""

import itertools
import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from phantom_creators import small_headers
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Encoding,
    encode_dataset,
    ordered,
    private_block,
    sequence,
    text,
)
from phantoms import CREATOR, OTHER_SERIES_UID, base_image, csa_elements, plain_image

Command = Callable[..., subprocess.CompletedProcess[str]]
Builder = Callable[..., bytes]

DONE, NOTHING_READ, SOME_FAILED, WOULD_CHANGE = 0, 3, 4, 5
IMAGE_HEADER: Final = "(0029,SIEMENS CSA HEADER,10)"
MEASURE: Final = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""
"""Says how a command ends and how much memory it took; a child of the tests' own process would count that one's too."""
MEMORY: Final = 256 << 10
"""Most that a run on a bomb may keep resident, in kB: several times what Python and the package take."""


def small_dataset() -> DataSet:
    image, series = small_headers()
    block = private_block(0x0029, 0x10, CREATOR, csa_elements(image, series))
    items = sequence(
        0x00081115,
        (text(0x0020000E, "UI", OTHER_SERIES_UID), *block),
        (text(0x0020000E, "UI", OTHER_SERIES_UID),),
    )
    return plain_image((items,), block, side=2)


def with_image_header(image: bytes) -> bytes:
    _, series = small_headers()
    return file_bytes(Phantom(base_image(image=image, series=series, side=2)))


def patched_header(offset: int, word: int, size: int = 4) -> bytes:
    """Return a file whose image header has another little-endian number at an offset."""
    image, _ = small_headers()
    new = struct.pack("<Q", word)[:size]
    assert image[offset : offset + size] != new
    return with_image_header(image[:offset] + new + image[offset + size :])


def deep(levels: int) -> bytes:
    """Return a file whose data sets lie in each other, all of undefined length."""
    head = file_bytes(Phantom(plain_image(pixels=False)))
    opened = struct.pack("<HH2sHI", 0x4008, 0x0200, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closed = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return head + opened * levels + closed * levels


def long_element(vr: bytes, length: int) -> bytes:
    head = file_bytes(Phantom(plain_image(pixels=False)))
    return head + struct.pack("<HH2sHI", 0x4009, 0x1010, vr, 0, length) + b"PAYLOAD."


def deflate_bomb() -> bytes:
    """Return a file that inflates to 600 MB of zeros in one private element."""
    size = 600_000_000
    whole = file_bytes(Phantom(plain_image(pixels=False), DEFLATED))
    meta = whole[: whole.index(b"\2\0\x13\0SH") + 16]  # its last element, of eight bytes
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = machine.compress(encode_dataset(plain_image(pixels=False), EXPLICIT_LITTLE))
    body += machine.compress(struct.pack("<HH2sHI", 0x4009, 0x1010, b"OB", 0, size))
    zeros = bytes(1 << 20)
    for _ in range(size >> 20):
        body += machine.compress(zeros)
    body += machine.compress(zeros[: size % (1 << 20)]) + machine.flush()
    return meta + body + b"\0" * (len(body) % 2)


IMAGE, _SERIES = small_headers()
FIRST_TAG: Final = 16
FIRST_ITEM: Final = FIRST_TAG + 84

BAD: Final[dict[str, tuple[Callable[[], bytes], str, str]]] = {
    "CSA magic word": (lambda: patched_header(4, 0x05030201), "malformed-value", IMAGE_HEADER),
    "CSA tag count of a billion": (lambda: patched_header(8, 10**9), "malformed-value", IMAGE_HEADER),
    "CSA tag count of zero": (lambda: patched_header(8, 0), "malformed-value", IMAGE_HEADER),
    "CSA tag count below zero": (lambda: patched_header(8, 2**32 - 1), "malformed-value", IMAGE_HEADER),
    "one CSA tag too many": (
        lambda: patched_header(8, int.from_bytes(IMAGE[8:12], "little") + 1),
        "malformed-value",
        IMAGE_HEADER,
    ),
    "CSA check word": (lambda: patched_header(12, 78), "malformed-value", IMAGE_HEADER),
    "CSA VM below zero": (lambda: patched_header(FIRST_TAG + 64, 2**32 - 1), "malformed-value", IMAGE_HEADER),
    "CSA VR": (lambda: patched_header(FIRST_TAG + 68, 0x3F3F, 2), "malformed-value", IMAGE_HEADER),
    "CSA type number": (lambda: patched_header(FIRST_TAG + 72, 999), "malformed-value", IMAGE_HEADER),
    "CSA item count below zero": (
        lambda: patched_header(FIRST_TAG + 76, 2**32 - 1),
        "malformed-value",
        IMAGE_HEADER,
    ),
    "CSA item count of a billion": (
        lambda: patched_header(FIRST_TAG + 76, 10**9),
        "malformed-value",
        IMAGE_HEADER,
    ),
    "CSA item count of ten thousand": (
        lambda: patched_header(FIRST_TAG + 76, 10_000),
        "malformed-value",
        IMAGE_HEADER,
    ),
    "CSA item past the end": (lambda: patched_header(FIRST_ITEM + 4, 10**6), "malformed-value", IMAGE_HEADER),
    "CSA item of huge length": (
        lambda: patched_header(FIRST_ITEM + 4, 0x7FFFFFFF),
        "malformed-value",
        IMAGE_HEADER,
    ),
    "CSA item of negative length": (
        lambda: patched_header(FIRST_ITEM + 4, 2**32 - 4),
        "malformed-value",
        IMAGE_HEADER,
    ),
    "CSA item whose lengths differ": (
        lambda: patched_header(FIRST_ITEM, 3),
        "malformed-value",
        IMAGE_HEADER,
    ),
    "CSA item check word": (lambda: patched_header(FIRST_ITEM + 8, 3), "malformed-value", IMAGE_HEADER),
    "CSA header cut in its head": (lambda: with_image_header(IMAGE[:12]), "malformed-value", IMAGE_HEADER),
    "CSA header cut in a tag": (lambda: with_image_header(IMAGE[:60]), "malformed-value", IMAGE_HEADER),
    "CSA header cut in an item": (lambda: with_image_header(IMAGE[:108]), "malformed-value", IMAGE_HEADER),
    "depth of a hundred thousand": (lambda: deep(100_000), "limit", "(4008,0200)"),
    "depth of sixty-five": (lambda: deep(65), "limit", "(4008,0200)"),
    "length FFFFFFF0": (lambda: long_element(b"OB", 0xFFFFFFF0), "malformed-file", "(4009,1010)"),
    "length FFFFFFF0 of a sequence": (
        lambda: long_element(b"SQ", 0xFFFFFFF0),
        "malformed-file",
        "(4009,1010)",
    ),
    "length one too many": (lambda: long_element(b"OB", 9), "malformed-file", "(4009,1010)"),
    "undefined length of text": (lambda: long_element(b"UT", 0xFFFFFFFF), "malformed-file", "(4009,1010)"),
    "a VR that doesn't exist": (lambda: long_element(b"ZZ", 9), "malformed-file", "(4009,1010)"),
    "deflate bomb": (deflate_bomb, "limit", ""),
    "deflated stream that is none": (
        lambda: file_bytes(Phantom((), DEFLATED))[:-2] + b"\xff\xff\xff\xff",
        "malformed-file",
        "",
    ),
    "nothing behind the prefix": (lambda: bytes(128) + b"DICM", "malformed-file", ""),
    "unknown transfer syntax": (
        lambda: file_bytes(Phantom(plain_image(), Encoding("none", "1.2.840.10008.1.2.777", deflated=True))),
        "unsupported",
        "(0002,0010)",
    ),
}
NOT_DICOM: Final = {
    "empty": b"",
    "one byte": b"\0",
    "text": b"these are notes\n",
    "preamble only": bytes(128),
    "prefix cut": bytes(128) + b"DIC",
    "zeros": bytes(4096),
    "gzip": b"\x1f\x8b\x08\0" + bytes(60),
    "NIfTI": struct.pack("<i", 348) + bytes(344),
}


@pytest.fixture(scope="session")
def bad_bytes() -> Callable[[str], bytes]:
    """Return what builds a bad file once a session."""
    built: dict[str, bytes] = {}

    def build(name: str) -> bytes:
        if name not in built:
            built[name] = BAD[name][0]()
        return built[name]

    return build


@pytest.mark.parametrize("name", BAD)
class TestBadFiles:
    def test_it_fails_in_one_line_that_names_file_element_and_reason(
        self, csaclean: Command, tmp_path: Path, bad_bytes: Callable[[str], bytes], name: str
    ) -> None:
        _, code, selector = BAD[name]
        source = tmp_path / "image.dcm"
        source.write_bytes(bad_bytes(name))
        done = csaclean(source)
        assert done.returncode == SOME_FAILED
        first, *rest = done.stderr.splitlines()
        assert first.startswith("csaclean: failed: image.dcm: ")
        assert first.endswith(f" [{code}]")
        assert selector in first
        assert re.search(r": .*\w{4,}.* \[", first.removeprefix("csaclean: failed: image.dcm"))
        assert len(rest) == 1
        assert "nobody vouches for" in rest[0]

    def test_nothing_is_written(
        self, csaclean: Command, tmp_path: Path, bad_bytes: Callable[[str], bytes], name: str
    ) -> None:
        source = tmp_path / "image.dcm"
        source.write_bytes(bad_bytes(name))
        before = source.stat()
        csaclean(source)
        csaclean("-i", source)
        csaclean(source, "-o", tmp_path / "out")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source]
        after = source.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_other_files_of_the_run_are_done(
    csaclean: Command, tree: Path, tmp_path: Path, bad_bytes: Callable[[str], bytes]
) -> None:
    for number, name in enumerate(BAD):
        (tree / "a" / f"bad{number:02}.dcm").write_bytes(bad_bytes(name))
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        done = csaclean(tree, "-o", out, "-j", jobs)
        assert done.returncode == SOME_FAILED
        assert done.stderr.count("csaclean: failed: a/bad") == len(BAD)
        assert "Traceback" not in done.stderr
        found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
        assert found == ["a/1.dcm", "a/2.dcm", "b/deep/3", "b/plain.dcm"]


@pytest.mark.parametrize("name", NOT_DICOM)
def test_what_is_not_dicom_fails_with_nothing_read(csaclean: Command, tmp_path: Path, name: str) -> None:
    source = tmp_path / "image.dcm"
    source.write_bytes(NOT_DICOM[name])
    done = csaclean(source)
    assert done.returncode == NOTHING_READ
    assert done.stderr.startswith("csaclean: failed: image.dcm: ")
    assert done.stderr.splitlines()[0].endswith(" [not-dicom]")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    "name", ["deflate bomb", "depth of a hundred thousand", "CSA tag count of a billion"]
)
def test_memory_stays_bounded(
    script: Path, tmp_path: Path, bad_bytes: Callable[[str], bytes], name: str
) -> None:
    source = tmp_path / "image.dcm"
    source.write_bytes(bad_bytes(name))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, script, "check", source], capture_output=True, text=True, check=True
    )
    status, memory = map(int, done.stdout.split())
    assert status == SOME_FAILED
    assert memory < MEMORY


def test_the_bomb_is_one(bad_bytes: Callable[[str], bytes]) -> None:
    assert len(bad_bytes("deflate bomb")) < 700_000


def top_level_ends(dataset: DataSet, encoding: Encoding, start: int) -> Iterator[int]:
    """Yield where each top-level element ends, by the writer's own lengths."""
    yield start
    for count in range(1, len(dataset) + 1):
        yield start + len(encode_dataset(dataset[:count], encoding))


UNDEFINED: Final = Encoding("undefined", EXPLICIT_LITTLE.uid, undefined_sequences=True, undefined_items=True)


class TestCuts:
    """A cut between top-level elements leaves a valid shorter file; any other cut is an error."""

    @pytest.fixture(params=[EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG, UNDEFINED], ids=lambda e: e.name)
    def cut(self, request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, bytes, set[int]]:
        """Return a folder with a file for every cut, the whole file, and the lengths of the valid ones."""
        encoding: Encoding = request.param
        dataset = ordered(small_dataset())
        whole = file_bytes(Phantom(dataset, encoding))
        start = len(whole) - len(encode_dataset(dataset, encoding))
        folder = tmp_path / "cuts"
        folder.mkdir()
        for length in range(len(whole)):
            (folder / f"{length:05}.dcm").write_bytes(whole[:length])
        return folder, whole, set(top_level_ends(dataset, encoding, start))

    def test_of_every_length(self, csaclean: Command, cut: tuple[Path, bytes, set[int]]) -> None:
        folder, whole, valid = cut
        done = csaclean("check", folder, "--json", "-", "--proof", "self")
        assert done.returncode == SOME_FAILED
        assert "Traceback" not in done.stderr
        lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()][:-1]
        assert len(lines) == len(whole)
        for length, line in enumerate(lines):
            found = (length, line["status"], line["error"])
            if length < 132:
                assert found == (length, "skipped", "not-dicom")
            elif length in valid:
                assert found == (length, line["status"], None)
                assert line["status"] in ("cleaned", "unchanged")
            else:
                assert found == (length, "failed", "malformed-file")

    def test_missing_pixel_data_is_reported_where_rows_stand(
        self, csaclean: Command, cut: tuple[Path, bytes, set[int]]
    ) -> None:
        folder, whole, valid = cut
        last = max(length for length in valid if length < len(whole))
        done = csaclean("check", folder / f"{last:05}.dcm", "--json", "-")
        assert json.loads(done.stdout.splitlines()[0])["facts"]["no-pixel-data"] == 1

    def test_cleaning_writes_the_valid_ones_only(
        self, csaclean: Command, cut: tuple[Path, bytes, set[int]], tmp_path: Path
    ) -> None:
        folder, whole, valid = cut
        for path in folder.iterdir():
            if int(path.stem) not in valid and int(path.stem) % 16:
                path.unlink()
        csaclean(folder, "-o", tmp_path / "out", "-q", "--proof", "self")
        written = {int(path.stem) for path in (tmp_path / "out").iterdir()}
        assert written == {length for length in valid if length < len(whole)}


def test_a_deflated_file_cut_anywhere_fails(csaclean: Command, tmp_path: Path) -> None:
    whole = file_bytes(Phantom(ordered(small_dataset()), DEFLATED))
    stop = len(whole) - 1 if whole.endswith(b"\0") else len(whole)  # a pad byte at the end is no part of it
    (tmp_path / "cuts").mkdir()
    lengths = [*range(132, 600), *range(600, stop, 7)]
    for length in lengths:
        (tmp_path / "cuts" / f"{length:05}.dcm").write_bytes(whole[:length])
    done = csaclean("check", tmp_path / "cuts", "--json", "-")
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()][:-1]
    assert {(line["status"], line["error"]) for line in lines} == {("failed", "malformed-file")}


def test_every_flipped_bit_of_a_csa_header_is_cleaned_or_refused(csaclean: Command, tmp_path: Path) -> None:
    (tmp_path / "bits").mkdir()
    whole = with_image_header(IMAGE)
    start = whole.index(IMAGE)
    for offset, bit in itertools.product(range(420), (0, 6)):
        data = bytearray(whole)
        data[start + offset] ^= 1 << bit
        (tmp_path / "bits" / f"{offset:04}_{bit}.dcm").write_bytes(data)
    done = csaclean("check", tmp_path / "bits", "--json", "-", "--proof", "self")
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()][:-1]
    assert {line["error"] for line in lines} <= {None, "malformed-value"}
    assert {line["status"] for line in lines} == {"cleaned", "failed"}
