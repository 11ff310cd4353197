"""The real files are those that the tests were written for."""

import hashlib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.conftest import RealFile, manifest, real_files
from tests.real.readers import claimed_elements

CSA = ("*siemens_v*.dcm", "*orphan-csa*")
"""Names of files from before XA, and of those without a creator: all hold CSA headers, but for one."""
NO_CSA = "*medcom-oog*"
"""Object graphics stand where a CSA header stands elsewhere."""


@pytest.mark.parametrize("file", real_files("*"))
def test_a_file_is_as_the_manifest_says(file: RealFile) -> None:
    data = file.path.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)


def test_every_dicom_file_is_in_the_manifest(real_data: Path) -> None:
    found = {path.relative_to(real_data).as_posix() for path in real_data.rglob("*.dcm")}
    assert found == {file.name for file in manifest() if file.name.endswith(".dcm")}
    assert found


def test_csa_headers_are_where_pydicom_finds_them(real_data: Path) -> None:
    del real_data
    files = [file for file in manifest() if file.name.endswith(".dcm")]
    holding = {file.name for file in files if claimed_elements(file.path.read_bytes())}
    named = {file.name for file in files if any(fnmatchcase(file.name, pattern) for pattern in CSA)}
    assert holding == {name for name in named if not fnmatchcase(name, NO_CSA)}
    assert holding
