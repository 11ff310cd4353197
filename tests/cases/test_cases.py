"""Small synthetic inputs that went wrong, each standing for a kind: status, whether accounted for, and edited ranges.

``expected.tsv`` holds a line for each file under ``converter-safe``. Ranges are ``start-stop`` where input and output are of one
length; a deflated file that was edited has ``deflated`` instead.
"""

import warnings
from pathlib import Path
from typing import Final

import pytest

import csaclean
from tests.conftest import CASES, NO_CASES

EXPECTED: Final = Path(__file__).with_name("expected.tsv")
NAMES: Final = (b"quillfeather", b"ottoline", b"qf-771203", b"77120311", b"19670203", b"pat98765", b"ph-4711")
"""What names the invented people of the files."""
RULED_OUT: Final = frozenset((0x00080020, 0x00100010, 0x00100020, 0x00100030))

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=NO_CASES)


def ranges(before: bytes, after: bytes) -> str:
    """Return where two runs of bytes differ, neighbours up to eight bytes apart joined."""
    if len(before) != len(after):
        return "deflated"
    found: list[list[int]] = []
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            if found and place - found[-1][1] <= 8:
                found[-1][1] = place + 1
            else:
                found.append([place, place + 1])
    return " ".join(f"{start}-{stop}" for start, stop in found) or "-"


def outcome(path: Path, out: Path) -> tuple[str, str, str]:
    """Return status, whether accounted for, and edited ranges."""
    try:
        report = csaclean.clean_file(path, out, overwrite=True)
    except csaclean.CsacleanError as error:
        return error.code, "-", "-"
    accounted = "accounted" if report.vouched else "-"
    return report.status, accounted, ranges(path.read_bytes(), out.read_bytes())


def expected() -> dict[str, tuple[str, str, str]]:
    """Return the table."""
    lines = EXPECTED.read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {name: (status, accounted, edited) for name, status, accounted, edited in rows}


def cases() -> list[Path]:
    """Return the files, in order of their names."""
    return sorted(CASES.glob("*.dcm"))


def test_every_case_ends_as_it_should(tmp_path: Path) -> None:
    found = {path.name: outcome(path, tmp_path / path.name) for path in cases()}
    assert found == expected()


def test_in_a_file_called_accounted_nobody_is_named_outside_the_standard_header(tmp_path: Path) -> None:
    table = expected()
    for path in cases():
        if table[path.name][1] != "accounted" or not path.name.startswith("A"):
            continue  # the others hold the names in further standard elements, and test another kind
        outcome(path, tmp_path / path.name)
        data = (tmp_path / path.name).read_bytes().lower()
        for name in NAMES:
            standard = sum(name in line.lower() for line in header_values(path))
            assert data.count(name) <= standard, path.name


def header_values(path: Path) -> list[bytes]:
    """Return the values of the standard elements that name people, as pydicom reads them."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of each liberty that it takes
        dataset = pydicom.dcmread(path, force=True)
    found = (dataset.get_item(tag) for tag in RULED_OUT if tag in dataset)
    return [item.value if isinstance(item.value, bytes) else str(item.value).encode() for item in found]
