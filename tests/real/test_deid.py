"""Runs of the real deid over real files: all private elements go but the claimed ones, and dcm2niix sees no difference.

The other side of the comparison is the same recipe in deid alone, with functions that keep what csaclean claims as it is.
"""

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

import csaclean
from csaclean.adapters.deid import RECIPE, Replaced, replace, unclaimed
from csaclean.errors import CsacleanError
from tests.conftest import CASES, NO_CASES, NO_REAL_DATA, RealFile, manifest, real_files
from tests.private_values import PrivateValue, private_values
from tests.real.conversion import convert, differences

pytest.importorskip("deid", reason="deid is not installed")

REMOVE_REST = "REMOVE ALL func:csaclean_unclaimed"
SIEMENS = "series/siemens_*", "siemens_*"

WriteRecipe = Callable[..., str]


def series_names() -> list[object]:
    """Return the names of the real series as parameters; one that skips where there are none."""
    names = sorted({file.name.split("/")[1] for file in manifest() if file.name.startswith("series/")})
    return list(names) or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=NO_REAL_DATA))]


@pytest.fixture
def own_recipe(tmp_path: Path) -> str:
    """Write a recipe that removes what nobody claims and keeps what dcm2niix needs of the rest."""
    path = tmp_path / "own.recipe"
    path.write_text(
        "FORMAT dicom\n%header\nREPLACE PatientName ANON\nREPLACE PatientID ANON\nBLANK PatientBirthDate\n"
        f"{REMOVE_REST}\n"
    )
    return str(path)


@pytest.fixture(scope="module")
def adds_to_header(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the shipped recipe with a line that changes the standard header."""
    from deid.config import DeidRecipe

    path = tmp_path_factory.mktemp("recipe") / "adds.recipe"
    path.write_text("FORMAT dicom\n%header\nADD PatientIdentityRemoved YES\n")
    return DeidRecipe([str(path), RECIPE])


def same(field: Any, **_: object) -> object:
    """Keep the old value: what `csaclean.adapters.deid.clean` never does."""
    return field.element.value


def by_deid_alone(files: list[Path], own_recipe: str, folder: Path) -> None:
    """Run the same recipe with the full values of the claimed elements."""
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from deid.config import DeidRecipe
        from deid.dicom import replace_identifiers

        ids = {str(file): {"csaclean": same, "csaclean_unclaimed": unclaimed} for file in files}
        replace_identifiers(
            list(map(str, files)),
            ids=ids,
            deid=DeidRecipe([own_recipe, RECIPE]),
            save=True,
            output_folder=str(folder),
        )


def copied(files: list[RealFile], folder: Path) -> list[Path]:
    folder.mkdir(parents=True)
    return [Path(shutil.copyfile(file.path, folder / os.path.basename(file.name))) for file in files]  # noqa: PTH119


def private_count(path: Path) -> tuple[int, int]:
    """Return how many private elements a file has at any depth, creators apart, and how many creators."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tags = [element.tag for element in pydicom.dcmread(path).iterall() if element.tag.is_private]
    creators = [tag for tag in tags if tag.is_private_creator]
    return len(tags) - len(creators), len(creators)


def assert_clean(done: list[Replaced]) -> None:
    for one in done:
        assert not one.after.unclaimed
        assert sum(group.dead_nonzero for group in one.after.elements) == 0
        assert {group.selector: group.count for group in one.after.elements} == {
            group.selector: group.count for group in one.before.elements
        }


@pytest.mark.parametrize("name", series_names())
def test_series_convert_as_with_the_full_headers(name: str, own_recipe: str, tmp_path: Path) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    files = copied([file for file in manifest() if file.name.startswith(f"series/{name}/")], tmp_path / "in")
    done = replace(files, [own_recipe, RECIPE], output_folder=tmp_path / "cleaned")
    assert_clean(done)
    by_deid_alone(files, own_recipe, tmp_path / "full")
    old = convert(tmp_path / "full", tmp_path / "nifti-full")
    new = convert(tmp_path / "cleaned", tmp_path / "nifti-cleaned")
    assert any(file.endswith(".nii") for file in old.files)
    assert differences(old, new) == []


@pytest.mark.parametrize("file", real_files("siemens_*"))
def test_single_files_convert_as_with_the_full_headers(
    file: RealFile, own_recipe: str, tmp_path: Path
) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    files = copied([file], tmp_path / "in")
    done = replace(files, [own_recipe, RECIPE], output_folder=tmp_path / "cleaned")
    assert_clean(done)
    by_deid_alone(files, own_recipe, tmp_path / "full")
    (full,), (cleaned,) = (tmp_path / "full").iterdir(), (tmp_path / "cleaned").iterdir()
    assert private_count(full) == private_count(cleaned)
    assert differences(convert(full, tmp_path / "a"), convert(cleaned, tmp_path / "b")) == []


def test_the_comparison_notices_what_a_run_without_csaclean_loses(own_recipe: str, tmp_path: Path) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    name = "series/siemens_ve11_fmri-mosaic-ap/"
    files = [file for file in manifest() if file.name.startswith(name)]
    if not files:
        pytest.skip(NO_REAL_DATA)
    paths = copied(files, tmp_path / "in")
    replace(paths, [own_recipe, RECIPE], output_folder=tmp_path / "cleaned")
    replace(paths, own_recipe, output_folder=tmp_path / "removed", remove_private=True)
    old, new = (convert(tmp_path / side, tmp_path / f"nifti-{side}") for side in ("cleaned", "removed"))
    assert "-PhaseEncodingDirection" in differences(old, new)


def outcome(run: Callable[[], Path]) -> tuple[str, list[PrivateValue]]:
    """Return how a file fares: the code of its failure, or the private matter of what is written."""
    try:
        path = run()
    except CsacleanError as error:
        return error.code, []
    return "", private_values(path)


def by_command(path: Path, folder: Path) -> Path:
    csaclean.clean_file(path, folder / "alone")
    return folder / "alone"


@pytest.mark.parametrize("file", real_files("*.dcm"))
def test_a_run_that_changes_the_header_gives_the_private_matter_of_the_command(
    file: RealFile, adds_to_header: Any, tmp_path: Path
) -> None:
    """Each file is written anew, with what no line names copied."""
    (path,) = copied([file], tmp_path / "in")
    found = outcome(lambda: replace(path, adds_to_header, output_folder=tmp_path / "out")[0].path)
    assert found == outcome(lambda: by_command(path, tmp_path))


@pytest.mark.skipif(not CASES.is_dir(), reason=NO_CASES)
@pytest.mark.parametrize("path", sorted(CASES.glob("*.dcm")), ids=lambda path: path.stem)
def test_cases_end_as_with_the_command(path: Path, adds_to_header: Any, tmp_path: Path) -> None:
    """Some of them pydicom can't read, or can't write."""
    found = outcome(lambda: replace(path, adds_to_header, output_folder=tmp_path / "out")[0].path)
    assert found == outcome(lambda: by_command(path, tmp_path))


@pytest.mark.parametrize("file", real_files(*SIEMENS))
def test_a_file_that_fails_says_nothing_of_its_values(file: RealFile, tmp_path: Path) -> None:
    (path,) = copied([file], tmp_path / "in")
    own = tmp_path / "own.recipe"
    own.write_text("FORMAT dicom\n%header\nREPLACE SOPInstanceUID func:fails\n")

    def fails(field: Any, **_: object) -> object:
        raise RuntimeError(str(field.element.value))

    with pytest.raises(CsacleanError) as caught:
        replace(path, str(own), output_folder=tmp_path / "out", ids={str(path): {"fails": fails}})
    uid = str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
    assert uid not in f"{caught.value}{caught.value!r}"
    assert not list(tmp_path.glob("out/*"))
