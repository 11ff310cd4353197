"""What all tests share: real DICOM files where they are at hand, and a switch that forbids skipping.

The real files are third-party data, each under its own licence, and no part of this repository. They are looked for in
``../shared/data`` beside the project, or where the environment variable ``CSACLEAN_DATA`` says. Tests assert on tags,
offsets, counts and hashes of theirs, never on values, and are marked slow. The cases are small invented files that went wrong once; they are
looked for in ``../shared/cases``, or where ``CSACLEAN_CASES`` says.

Where ``CSACLEAN_NO_SKIP`` is set, each skip is a failure: a run that tested nothing must not look green. With the value
``except-real-data`` only tests that lack these files may still skip.
"""

import csv
import os
from collections.abc import Callable, Generator, Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import settings

__all__ = ["CASES", "DATA", "NO_CASES", "NO_REAL_DATA", "NO_SKIP", "RealFile", "manifest", "real_files"]

NO_SKIP: Final = "CSACLEAN_NO_SKIP"
SLOW: Final = (
    "tests/real/",
    "tests/planted/",
    "tests/packaging/",
    "tests/test_readme.py",
    "tests/test_handlers_readme.py",
    "tests/adapters/test_deid.py::TestReplace",
    "tests/adapters/test_deid_guide.py",
    "tests/canon/test_canon_laws.py",
    "tests/canon/test_conformance.py",
    "tests/cli/test_bad_input.py",
    "tests/cli/test_broken_plugins.py",
    "tests/cli/test_commands.py",
    "tests/cli/test_destinations.py",
    "tests/cli/test_inputs.py",
    "tests/cli/test_json.py",
    "tests/cli/test_mark.py",
    "tests/cli/test_no_leak.py",
    "tests/cli/test_options.py",
    "tests/cli/test_prove.py",
    "tests/cli/test_runs.py",
    "tests/dicom/test_walk_laws.py",
    "tests/ge/test_ge_conformance.py",
    "tests/kit/test_plugin.py",
    "tests/library/test_hostile_files.py::TestDeepTrees",
    "tests/library/test_mark.py::test_any_data_set_is_marked_once_validly_and_reversibly",
    "tests/philips/test_conformance.py",
    "tests/policy/test_fills.py::test_filling_twice_is_filling_once",
    "tests/siemens/test_conformance.py",
    "tests/siemens/test_csa_codec.py::TestChangingOnePart::test_a_value_of_a_real_header",
    "tests/siemens/test_csa_malformed.py::TestEveryOtherValueOfAStructureByteIsNoticed",
    "tests/siemens/test_gdcm_oracle.py",
    "tests/siemens/test_nibabel_witness.py::TestReading::test_of_real_headers",
    "tests/siemens/test_protocol_hostile.py",
    "tests/siemens/test_protocol_laws.py",
    "tests/siemens/test_protocol_real.py",
    "tests/siemens/test_siemens_cleaning.py::TestDeadBytes::test_of_real_headers",
    "tests/siemens/test_siemens_cleaning.py::TestTwice::test_of_real_headers",
    "tests/siemens/test_siemens_converters.py::TestTheDefaultPolicyTouchesNoRow",
)
"""Beginnings of the names of tests that are marked slow, beside those over real files: measured, a second of CPU and more."""
EXCEPT_REAL_DATA: Final = "except-real-data"
NO_REAL_DATA: Final = (
    "real DICOM files not found: neither at ../shared/data nor at $CSACLEAN_DATA (see CONTRIBUTING)"
)
NO_CASES: Final = "cases not found: neither at ../shared/cases nor at $CSACLEAN_CASES (see CONTRIBUTING)"
_SHARED: Final = Path(__file__).resolve().parents[2] / "shared"
DATA: Final = Path(os.environ.get("CSACLEAN_DATA") or _SHARED / "data")
CASES: Final = Path(os.environ.get("CSACLEAN_CASES") or _SHARED / "cases")

settings.register_profile("csaclean", deadline=None)  # a deadline would be a timed assertion
settings.load_profile("csaclean")


class RealFile(NamedTuple):
    """A line of the manifest.

    Attributes
    ----------
    name
        Path below `DATA`.
    sha256, size
        Of the file as it is stored.
    """

    name: str
    sha256: str
    size: int

    @property
    def path(self) -> Path:
        """Where it is."""
        return DATA / self.name


@cache
def manifest() -> tuple[RealFile, ...]:
    """Return every file of the manifest; none where there are no real files."""
    table = DATA / "MANIFEST.tsv"
    if not table.is_file():
        return ()
    with table.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return tuple(RealFile(row["name"], row["sha256"], int(row["bytes"])) for row in rows)


def real_files(*patterns: str, but: Iterable[str] = ()) -> list[object]:
    """Return parameters for ``pytest.mark.parametrize``, a `RealFile` each.

    Parameters
    ----------
    *patterns
        Shell patterns that names have to match, one of them; ``*`` matches slashes too.
    but
        Patterns that they must not match.

    Returns
    -------
    list
        One parameter that skips, with the reason, where there are no real files.
    """
    excluded = tuple(but)
    found: list[object] = [
        pytest.param(file, id=file.name.removesuffix(".dcm").rpartition("/")[2], marks=pytest.mark.slow)
        for file in manifest()
        if any(fnmatchcase(file.name, pattern) for pattern in patterns)
        and not any(fnmatchcase(file.name, pattern) for pattern in excluded)
    ]
    if manifest() and not found:
        raise ValueError("no file of the manifest matches")
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=NO_REAL_DATA))]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder with the real files; skip where it isn't."""
    if not manifest():
        pytest.skip(NO_REAL_DATA)
    return DATA


@pytest.fixture
def small_file() -> Callable[..., bytes]:
    """Return what makes a small file with canaries in the dead bytes of both CSA headers."""
    from phantom_creators import small_headers
    from phantom_file import Phantom, file_bytes
    from phantom_writer import EXPLICIT_LITTLE, Encoding
    from phantoms import base_image

    def build(instance: int = 1, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
        image, series = small_headers()
        dataset = base_image(image=image, series=series, instance=instance, side=4)
        return file_bytes(Phantom(dataset, encoding))

    return build


@pytest.fixture
def plain_file() -> bytes:
    """Return a file without private elements: there is nothing to clean."""
    from phantom_file import Phantom, file_bytes
    from phantoms import plain_image

    return file_bytes(Phantom(plain_image(side=4)))


class _NoSkips:
    """A plugin that turns skips, of tests and of whole modules, into failures; an expected failure is no skip."""

    def __init__(self, mode: str) -> None:
        self._real_data_may_lack = mode == EXCEPT_REAL_DATA

    def _judge(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.outcome != "skipped" or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if self._real_data_may_lack and (NO_REAL_DATA in reason or NO_CASES in reason):
            return
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIP} is set and this was skipped: {reason}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._judge(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        self._judge(report)
        return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `SLOW`."""
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_configure(config: pytest.Config) -> None:
    """Forbid skipping where the environment says so, in doctests of the packages too."""
    mode = os.environ.get(NO_SKIP)
    if mode:
        config.pluginmanager.register(_NoSkips(mode), "csaclean-no-skips")
