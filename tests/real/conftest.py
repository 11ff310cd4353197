"""Cleaned copies of real files, each made once per run."""

import hashlib
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import csaclean
from csaclean import Report
from tests.conftest import RealFile

__all__ = ["Clean", "Cleaned"]


class Cleaned(NamedTuple):
    """A file before and after."""

    before: bytes
    after: bytes
    path: Path
    """Of the cleaned file."""
    report: Report


Clean = Callable[[RealFile, str], Cleaned]


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """Return what cleans a real file under a policy with the library."""
    folder = tmp_path_factory.mktemp("cleaned")

    @cache
    def clean_once(file: RealFile, policy: str) -> Cleaned:
        before = file.path.read_bytes()
        target = folder / policy / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        report = csaclean.clean_file(file.path, target, policy)
        assert hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256  # the original is as it was
        return Cleaned(before, target.read_bytes(), target, report)

    return clean_once


@pytest.fixture(scope="session")
def csaclean_script() -> str:
    """Return the installed command; fail where the project isn't installed."""
    script = Path(sysconfig.get_path("scripts"), "csaclean")
    assert script.is_file(), "install the project first: pip install -e ."
    return str(script)
