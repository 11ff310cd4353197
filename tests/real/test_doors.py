"""Every way into csaclean makes the same of a real file: library, pydicom data set, bare value, command."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

import csaclean
from tests.conftest import RealFile, manifest, real_files
from tests.real.conftest import Clean
from tests.real.readers import CREATOR, claimed_elements, flat, read

CSA = real_files("*siemens_v*", "*orphan-csa*", but=("*medcom-oog*",))
Digests = dict[str, str]


def digests(folder: Path) -> Digests:
    """Return the digest of each DICOM file below a folder, by name."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.dcm")
    }


def run(script: str, *arguments: str) -> tuple[int, str]:
    """Return exit status and standard error of the installed command."""
    done = subprocess.run(
        [script, *arguments, "--quiet"], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="session")
def one_process(real_data: Path, csaclean_script: str, tmp_path_factory: pytest.TempPathFactory) -> Digests:
    """Return digests of what the command makes of all real files in one process."""
    folder = tmp_path_factory.mktemp("doors") / "out"
    assert run(csaclean_script, "clean", str(real_data), "-o", str(folder))[0] == 0
    return digests(folder)


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_the_command_writes_what_the_library_writes(
    file: RealFile, clean: Clean, one_process: Digests
) -> None:
    done = clean(file, "converter-safe")
    assert one_process[file.name] == hashlib.sha256(done.after).hexdigest()


def test_two_processes_write_what_one_writes(
    real_data: Path, csaclean_script: str, one_process: Digests, tmp_path: Path
) -> None:
    assert run(csaclean_script, "clean", str(real_data), "-o", str(tmp_path / "out"), "-j", "2")[0] == 0
    assert digests(tmp_path / "out") == one_process


def test_cleaning_in_place_makes_the_same_files(
    real_data: Path, csaclean_script: str, one_process: Digests, tmp_path: Path
) -> None:
    folder = tmp_path / "in-place"
    for file in manifest():
        if file.name.endswith(".dcm"):
            (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(real_data / file.name, folder / file.name)
    assert run(csaclean_script, "clean", "-i", str(folder))[0] == 0
    assert digests(folder) == one_process
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {
        ".dcm"
    }  # nothing temporary is left


@pytest.mark.parametrize("file", CSA)
def test_a_pydicom_data_set_gets_the_values_that_the_file_gets(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    dataset = read(done.before)
    report = csaclean.clean_dataset(dataset)
    assert report.status == "cleaned"
    assert flat(dataset) == flat(read(done.after))


@pytest.mark.parametrize("file", CSA)
def test_a_bare_value_becomes_what_the_file_gets(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    pairs = list(zip(claimed_elements(done.before), claimed_elements(done.after), strict=True))
    assert pairs
    for old, new in pairs:
        value = csaclean.clean_value(old.value, creator=CREATOR, group=old.tag >> 16, element=old.offset)
        assert value == new.value


@pytest.mark.parametrize(
    ("patterns", "status", "unvouched"),
    [
        pytest.param(["*hitachi*", "*bruker*"], 0, "0 of 3", id="no-private-elements"),
        pytest.param(["*canon*"], 0, "0 of 3", id="nothing-identifies"),
        pytest.param(["*siemens_vb17_mosaic_ts-1*", "*orphan-csa*"], 5, "2 of 3", id="csa"),
        pytest.param(["*siemens_xa20*", "*bruker*"], 5, "0 of 3", id="xa"),
    ],
)
def test_check_says_by_its_exit_status_whether_something_would_change(
    patterns: list[str], status: int, unvouched: str, real_data: Path, csaclean_script: str
) -> None:
    paths = [str(path) for pattern in patterns for path in sorted(real_data.glob(pattern))]
    found, stderr = run(csaclean_script, "check", *paths)
    assert found == status
    assert f"{unvouched} files hold private elements nobody vouches for" in stderr
