"""UIDs under a key: one is another everywhere, and only under that key."""

import re
import subprocess
from pathlib import Path

import pytest

import csaclean
from tests.conftest import NO_REAL_DATA, manifest
from tests.real.conversion import convert, differences
from tests.real.readers import siemens_elements

NAMES = (
    "siemens_vb17_dwi-mosaic",
    "siemens_ve11_fmri-mosaic-ap",
    "siemens_ve11_fmri-mosaic-pa",
    "siemens_xa10_fmri-enh",
    "siemens_xa30i_asl-classic",
)
UID = re.compile(rb"(?<![\d.])1\.3\.12\.2\.1107\.5(?:\.\d+)+")
Pairs = set[tuple[bytes, bytes]]


@pytest.fixture(scope="session")
def source(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with links to all series of Siemens."""
    folder = tmp_path_factory.mktemp("keyed") / "in"
    for file in manifest():
        if file.name.startswith("series/siemens"):
            (folder / file.path.parent.name).mkdir(parents=True, exist_ok=True)
            (folder / file.path.parent.name / file.path.name).symlink_to(file.path)
    return folder


@pytest.fixture(scope="session")
def keyed(source: Path) -> dict[str, Path]:
    """Return where the series lie after cleaning: under one key in one process and two, under another, without."""
    one, other = source.parent / "one.key", source.parent / "other.key"
    one.write_bytes(b"first synthetic key of thirty-two")
    other.write_bytes(b"second synthetic key of thirty-two")
    done = {}
    for name, key in (("one", one), ("again", one), ("other", other), ("none", None)):
        done[name] = source.parent / name
        assert csaclean.clean_tree(source, done[name], uid_key=key).wait().files["failed"] == 0
    return done


def pairs(source: Path, target: Path) -> Pairs:
    """Return each UID of a scanner in the private elements of files, and what stands in its place."""
    found: Pairs = set()
    for path in sorted(source.rglob("*.dcm")):
        new = siemens_elements((target / path.relative_to(source)).read_bytes())
        for one, other in zip(siemens_elements(path.read_bytes()), new, strict=True):
            found |= {(hit[0], other.value[hit.start() : hit.end()]) for hit in UID.finditer(one.value)}
    return found


def live(found: Pairs) -> Pairs:
    """Return those in fields; in dead bytes NULs take their place."""
    return {(old, new) for old, new in found if new.strip(b"\0")}


def digests(folder: Path) -> dict[str, bytes]:
    """Return the contents of the files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.dcm")}


def test_one_uid_becomes_one_other_in_every_element_file_and_series(
    source: Path, keyed: dict[str, Path]
) -> None:
    found = live(pairs(source, keyed["one"]))
    assert len(found) >= 10
    assert len({old for old, _ in found}) == len(found)
    assert len({new for _, new in found}) == len(found)
    assert all(len(old) == len(new) and old != new for old, new in found)
    assert all(re.fullmatch(rb"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))*", new) for _, new in found)


def test_a_uid_that_several_files_and_series_refer_to_is_among_them(source: Path) -> None:
    of_file = [
        {hit[0] for one in siemens_elements(path.read_bytes()) for hit in UID.finditer(one.value)}
        for path in sorted(source.rglob("*.dcm"))
    ]
    assert any(of_file[0] & other for other in of_file[1:])


def test_nothing_of_a_uid_is_left(source: Path, keyed: dict[str, Path]) -> None:
    for old, new in live(pairs(source, keyed["one"])):
        serial_and_time = old.split(b".")[-2:]
        assert not set(serial_and_time) & set(new.split(b"."))


def test_another_run_makes_the_same(keyed: dict[str, Path]) -> None:
    assert digests(keyed["one"]) == digests(keyed["again"])


def test_two_processes_make_the_same(
    source: Path, keyed: dict[str, Path], csaclean_script: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            csaclean_script, "clean", str(source), "-o", str(tmp_path / "out"), "-j", "2", "-q",
            "--uid-key-file", str(source.parent / "one.key"),
        ],
        capture_output=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert digests(tmp_path / "out") == digests(keyed["one"])


def test_another_key_makes_others(source: Path, keyed: dict[str, Path]) -> None:
    one, other = (live(pairs(source, keyed[name])) for name in ("one", "other"))
    assert {old for old, _ in one} == {old for old, _ in other}
    assert not {new for _, new in one} & {new for _, new in other}


def test_without_a_key_digits_are_all_the_same_and_dots_stay(source: Path, keyed: dict[str, Path]) -> None:
    for old, new in live(pairs(source, keyed["none"])):
        assert new == re.sub(rb"\d", b"1", old)


def test_a_second_pass_under_the_key_leaves_them(
    source: Path, keyed: dict[str, Path], tmp_path: Path
) -> None:
    run = csaclean.clean_tree(keyed["one"], tmp_path / "again", uid_key=source.parent / "one.key")
    assert run.wait().files["unchanged"] == len(digests(keyed["one"]))
    assert digests(tmp_path / "again") == digests(keyed["one"])


@pytest.mark.parametrize("name", NAMES)
def test_a_series_with_pseudonyms_converts_to_the_same(
    name: str, source: Path, keyed: dict[str, Path], tmp_path: Path
) -> None:
    pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")
    if not manifest():
        pytest.skip(NO_REAL_DATA)
    before, after = convert(source / name, tmp_path / "old"), convert(keyed["one"] / name, tmp_path / "new")
    assert before.files
    assert differences(before, after) == []
