"""``CSACLEAN_NO_SKIP``: in a run that has to test everything, a skip is a failure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NO_REAL_DATA, NO_SKIP

ALL_KINDS = """
import pytest

def test_passes(): pass

@pytest.mark.skip(reason="by mark")
def test_by_mark(): pass

def test_by_call(): pytest.skip("by call")

@pytest.fixture
def lacking(): pytest.skip("by fixture")

def test_by_fixture(lacking): pass

@pytest.mark.xfail(reason="expected")
def test_expected_failure(): assert False
"""
WHOLE_MODULE = """
import pytest
pytest.importorskip("a_module_that_nobody_has")
def test_never_seen(): pass
"""
NEEDS_REAL_DATA = """
def test_real(real_data): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with our conftest and no tests yet."""
    tests = tmp_path / "project" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tests)
    return tests.parent


def run_pytest(project: Path, test: str, no_skip: str = "") -> tuple[int, str]:
    """Return exit status and output of pytest, run in a process of its own."""
    (project / "tests" / "test_it.py").write_text(test, encoding="utf-8")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("CSACLEAN", "PYTEST"))
    }
    if no_skip:
        environment[NO_SKIP] = no_skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "-ra", "tests"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def test_skips_are_allowed_by_default(project: Path) -> None:
    status, output = run_pytest(project, ALL_KINDS)
    assert status == pytest.ExitCode.OK
    assert "1 passed, 3 skipped, 1 xfailed" in output


def test_every_skipped_test_fails_where_skipping_is_forbidden(project: Path) -> None:
    status, output = run_pytest(project, ALL_KINDS, "1")
    assert status == pytest.ExitCode.TESTS_FAILED
    # Those that skip in their set-up count as errors, which fail the run as well.
    assert "1 failed, 1 passed, 1 xfailed, 2 errors" in output
    assert all(f"was skipped: Skipped: {how}" in output for how in ("by call", "by fixture"))
    assert "by mark" in output


def test_a_module_that_skips_as_a_whole_fails_too(project: Path) -> None:
    assert run_pytest(project, WHOLE_MODULE)[0] == pytest.ExitCode.NO_TESTS_COLLECTED
    status, output = run_pytest(project, WHOLE_MODULE, "1")
    assert status == pytest.ExitCode.INTERRUPTED
    assert "a_module_that_nobody_has" in output


def test_lack_of_real_data_is_a_skip_with_the_reason(project: Path) -> None:
    status, output = run_pytest(project, NEEDS_REAL_DATA)
    assert status == pytest.ExitCode.OK
    assert NO_REAL_DATA in output.replace("\n", "")


def test_lack_of_real_data_fails_where_skipping_is_forbidden_unless_it_is_excepted(project: Path) -> None:
    assert run_pytest(project, NEEDS_REAL_DATA, "1")[0] == pytest.ExitCode.TESTS_FAILED
    assert run_pytest(project, NEEDS_REAL_DATA, "except-real-data")[0] == pytest.ExitCode.OK
    assert run_pytest(project, ALL_KINDS, "except-real-data")[0] == pytest.ExitCode.TESTS_FAILED
