"""What share of the private elements of real files nobody vouches for, stated per vendor where the docs state it."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from csaclean.clean import Cleaner, open_dicom
from csaclean.locate import UNKNOWN_CREATOR
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from tests.conftest import RealFile, manifest

PAGE = Path(__file__).parents[2] / "docs" / "vendors.md"
ROW = re.compile(
    r"\| (?P<vendor>\w+) \| (?P<files>\d+) \| (?P<elements>\d+) \| (?P<unvouched>\d+) \|", re.MULTILINE
)
VENDORS = ("canon", "ge", "philips", "siemens", "toshiba", "uih")
MOST = 0.02
"""Share that counts as small."""


def _vendor(file: RealFile) -> str:
    return Path(file.name).name.partition("_")[0]


@cache
def counted() -> dict[str, tuple[int, int, int]]:
    """Return files, private elements, and those of them that nobody vouches for, by vendor."""
    files, elements, unvouched = Counter[str](), Counter[str](), Counter[str]()
    cleaner = Cleaner(load_policy("converter-safe"), installed())
    for file in manifest():
        if not file.name.endswith(".dcm"):
            continue
        with open_dicom(file.path) as opened:
            examined = cleaner.examine(opened).examined
        nobodys = sum(
            count
            for (_, reason), (count, _) in examined.location.unclaimed.items()
            if reason != UNKNOWN_CREATOR
        )
        vendor = _vendor(file)
        files[vendor] += 1
        elements[vendor] += len(examined.cleaned) + nobodys
        unvouched[vendor] += sum(not one.vouched for one in examined.cleaned) + nobodys
    return {
        vendor: (files[vendor], elements[vendor], unvouched[vendor]) for vendor in files if elements[vendor]
    }


@pytest.mark.usefixtures("real_data")
def test_the_page_states_what_is_found() -> None:
    stated = {
        row["vendor"]: tuple(map(int, row.group("files", "elements", "unvouched")))
        for row in ROW.finditer(PAGE.read_text("utf-8"))
    }
    assert stated == counted()


@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("vendor", VENDORS)
def test_the_share_is_small(vendor: str) -> None:
    _, elements, unvouched = counted()[vendor]
    assert unvouched <= MOST * elements
