"""What wheel and sdist hold: all that runs, and nothing else."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = {"csaclean": PROJECT / "csaclean", "csaclean_handlers": PROJECT / "handlers" / "csaclean_handlers"}
DATA_SUFFIXES = {".toml", ".json", ".typed", ".csaclean", ".txt"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions once."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(PROJECT)],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def wheel_names(built: Path) -> set[str]:
    """Give the files of the wheel."""
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sdist_names(built: Path) -> set[str]:
    """Give the files of the sdist, relative to its one folder."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def sources() -> set[str]:
    """Return what both packages consist of, as it is called when installed."""
    return {
        f"{package}/{path.relative_to(folder)}"
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.suffix in {".py", *DATA_SUFFIXES} and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_both_packages_with_their_data_and_nothing_else(wheel_names: set[str]) -> None:
    packaged = {name for name in wheel_names if ".dist-info/" not in name}
    assert packaged == sources()


@pytest.mark.parametrize(
    "name",
    [
        "csaclean/py.typed",
        "csaclean_handlers/py.typed",
        "csaclean/report/schema.json",
        "csaclean/adapters/deid.csaclean",
        "csaclean/policy/read_elements.toml",
        "csaclean/policy/policies/converter-safe.toml",
        "csaclean/policy/policies/dead-space.toml",
        "csaclean/policy/policies/strict.toml",
        "csaclean_handlers/siemens/converters.toml",
        "csaclean_handlers/siemens/rules/csa.toml",
        "csaclean_handlers/siemens/rules/protocol.toml",
    ],
)
def test_the_wheel_holds(name: str, wheel_names: set[str]) -> None:
    assert name in wheel_names


def test_the_wheel_declares_command_handlers_and_licence(built: Path, wheel_names: set[str]) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in wheel_names if name.endswith("entry_points.txt"))
        entries = archive.read(name).decode("utf-8")
    assert "csaclean = csaclean.cli:main" in entries
    assert "[csaclean.handlers]" in entries
    assert any(name.endswith("licenses/LICENSE") for name in wheel_names)


def test_the_sdist_holds_sources_tests_phantoms_and_documents(sdist_names: set[str]) -> None:
    wanted = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "csaclean/engine.py",
        "handlers/README.md",
        "handlers/csaclean_handlers/siemens/csa.py",
        "fixtures/phantoms/csa1.dcm",
        "tests/test_readme.py",
        "docs/report.md",
    }
    assert wanted <= sdist_names


def test_the_sdist_holds_no_cache_and_no_foreign_data(sdist_names: set[str]) -> None:
    assert not [name for name in sdist_names if "__pycache__" in name or name.endswith((".pyc", ".whl"))]
    dicom = {name for name in sdist_names if name.endswith((".dcm", ".ima", ".IMA"))}
    assert {Path(name).parent.as_posix() for name in dicom} == {"fixtures/phantoms"}


def test_the_golden_phantoms_are_small() -> None:
    sizes = [path.stat().st_size for path in (PROJECT / "fixtures" / "phantoms").glob("*.dcm")]
    assert sizes
    assert max(sizes) <= 60_000
