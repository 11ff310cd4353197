"""``csaclean.clean_file``: one file, a report, or an exception and nothing written."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import csaclean
from csaclean.errors import (
    CsacleanError,
    DicomDirectory,
    IoFailed,
    MalformedFile,
    MalformedValue,
    NotDicom,
    PolicyError,
    TargetExists,
)
from phantom_file import Phantom, file_bytes
from phantom_writer import private_block
from phantoms import GOLDEN, base_image

Builder = Callable[..., bytes]


@pytest.fixture
def source(tmp_path: Path, small_file: Builder) -> Path:
    path = tmp_path / "in" / "image.dcm"
    path.parent.mkdir()
    path.write_bytes(small_file())
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestResult:
    def test_it_returns_a_report(self, source: Path, tmp_path: Path) -> None:
        report = csaclean.clean_file(source, tmp_path / "out.dcm")
        assert isinstance(report, csaclean.Report)
        assert (report.file, report.status, report.error) == ("image.dcm", "cleaned", "")
        assert report.vouched
        assert report.proof["written"] == "held"

    def test_it_writes_the_cleaned_file_and_leaves_the_source(
        self, source: Path, tmp_path: Path, small_file: Builder
    ) -> None:
        csaclean.clean_file(source, tmp_path / "out.dcm")
        cleaned = (tmp_path / "out.dcm").read_bytes()
        assert len(cleaned) == len(small_file())
        assert b"CANARY" in small_file()
        assert b"CANARY" not in cleaned
        assert source.read_bytes() == small_file()

    def test_paths_may_be_text(self, source: Path, tmp_path: Path) -> None:
        csaclean.clean_file(str(source), str(tmp_path / "out.dcm"))
        assert (tmp_path / "out.dcm").exists()

    def test_a_file_with_nothing_to_clean_is_copied_and_unchanged(
        self, tmp_path: Path, plain_file: bytes
    ) -> None:
        (tmp_path / "plain").write_bytes(plain_file)
        report = csaclean.clean_file(tmp_path / "plain", tmp_path / "out.dcm")
        assert report.status == "unchanged"
        assert (tmp_path / "out.dcm").read_bytes() == plain_file

    @pytest.mark.parametrize("name", GOLDEN)
    def test_cleaning_the_result_changes_nothing(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "in.dcm").write_bytes(GOLDEN[name]())
        csaclean.clean_file(tmp_path / "in.dcm", tmp_path / "once.dcm")
        again = csaclean.clean_file(tmp_path / "once.dcm", tmp_path / "twice.dcm")
        assert again.status == "unchanged"
        assert (tmp_path / "twice.dcm").read_bytes() == (tmp_path / "once.dcm").read_bytes()

    def test_the_policy_is_the_default_one_unless_told(self, source: Path, tmp_path: Path) -> None:
        default = csaclean.clean_file(source, tmp_path / "a.dcm")
        named = csaclean.clean_file(source, tmp_path / "b.dcm", "converter-safe")
        other = csaclean.clean_file(source, tmp_path / "c.dcm", policy="dead-space")
        assert default == named
        assert sum(sum(group.edits.values()) for group in default.elements) > 0
        assert sum(sum(group.edits.values()) for group in other.elements) == 0

    def test_a_file_with_unknown_private_elements_is_not_vouched_for(self, tmp_path: Path) -> None:
        unknown = private_block(0x0019, 0x10, b"INVENTED VENDOR 001", {0x01: ("LO", b"SOMETHING")})
        (tmp_path / "in.dcm").write_bytes(file_bytes(Phantom(base_image(unknown))))
        report = csaclean.clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
        assert not report.vouched
        assert "(0019,?,01)" in {one.selector for one in report.unclaimed}

    @pytest.mark.parametrize("preamble", ["null", "keep"])
    def test_a_preamble_is_nulled_unless_it_is_to_be_kept(self, tmp_path: Path, preamble: str) -> None:
        (tmp_path / "in.dcm").write_bytes(file_bytes(Phantom(base_image(), preamble=b"P" * 128)))
        csaclean.clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm", preamble=preamble)  # type: ignore[arg-type]
        assert (tmp_path / "out.dcm").read_bytes()[:128] == (bytes(128) if preamble == "null" else b"P" * 128)

    def test_the_result_has_no_more_permissions_than_the_source(self, source: Path, tmp_path: Path) -> None:
        source.chmod(0o600)
        csaclean.clean_file(source, tmp_path / "out.dcm")
        assert stat.S_IMODE((tmp_path / "out.dcm").stat().st_mode) == 0o600


class TestInPlace:
    def test_the_source_as_target_is_replaced(
        self, source: Path, tmp_path: Path, small_file: Builder
    ) -> None:
        csaclean.clean_file(source, tmp_path / "out.dcm")
        with source.open("rb") as old:
            report = csaclean.clean_file(source, source)
            assert old.read() == small_file()
        assert report.status == "cleaned"
        assert source.read_bytes() == (tmp_path / "out.dcm").read_bytes()
        assert names(source.parent) == ["image.dcm"]

    def test_by_another_spelling_of_its_path(self, source: Path) -> None:
        csaclean.clean_file(source, source.parent / ".." / "in" / "image.dcm")
        assert b"CANARY" not in source.read_bytes()

    def test_what_fails_stays_as_it_was(self, source: Path) -> None:
        broken = source.read_bytes()[:-3]
        source.write_bytes(broken)
        before = source.stat()
        with pytest.raises(MalformedFile):
            csaclean.clean_file(source, source)
        assert source.read_bytes() == broken
        assert (source.stat().st_ino, source.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert names(source.parent) == ["image.dcm"]


class TestFailure:
    """An exception of csaclean's own, and nothing written."""

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (lambda data: b"", NotDicom),
            (lambda data: b"notes", NotDicom),
            (lambda data: data[:-3], MalformedFile),
            (lambda data: data[:200], MalformedFile),
            (lambda data: data.replace(b"M\0\0\0", b"N\0\0\0", 1), MalformedValue),
            (
                lambda data: data.replace(
                    b"1.2.840.10008.5.1.4.1.1.4\0", b"1.2.840.10008.1.3.10\0\0\0\0\0\0"
                ),
                DicomDirectory,
            ),
        ],
        ids=["empty", "text", "cut", "cut early", "CSA", "DICOMDIR"],
    )
    def test_of_a_bad_file(
        self, source: Path, tmp_path: Path, change: Callable[[bytes], bytes], error: type[CsacleanError]
    ) -> None:
        source.write_bytes(change(source.read_bytes()))
        with pytest.raises(error):
            csaclean.clean_file(source, tmp_path / "out.dcm")
        assert names(tmp_path) == ["in/image.dcm"]

    def test_of_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(IoFailed):
            csaclean.clean_file(tmp_path / "missing.dcm", tmp_path / "out.dcm")
        assert names(tmp_path) == []

    def test_of_a_folder(self, source: Path, tmp_path: Path) -> None:
        with pytest.raises(CsacleanError):
            csaclean.clean_file(source.parent, tmp_path / "out.dcm")
        assert names(tmp_path) == ["in/image.dcm"]

    def test_of_a_target_that_is_there(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "out.dcm").write_bytes(b"mine")
        with pytest.raises(TargetExists):
            csaclean.clean_file(source, tmp_path / "out.dcm")
        assert (tmp_path / "out.dcm").read_bytes() == b"mine"
        csaclean.clean_file(source, tmp_path / "out.dcm", overwrite=True)
        assert (tmp_path / "out.dcm").read_bytes() != b"mine"

    def test_a_failing_file_leaves_what_it_would_overwrite(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "out.dcm").write_bytes(b"mine")
        source.write_bytes(source.read_bytes()[:-3])
        with pytest.raises(MalformedFile):
            csaclean.clean_file(source, tmp_path / "out.dcm", overwrite=True)
        assert (tmp_path / "out.dcm").read_bytes() == b"mine"

    def test_of_a_target_folder_that_is_missing(self, source: Path, tmp_path: Path) -> None:
        with pytest.raises(IoFailed):
            csaclean.clean_file(source, tmp_path / "missing" / "out.dcm")
        assert names(tmp_path) == ["in/image.dcm"]

    def test_of_a_target_that_is_a_folder(self, source: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        for overwrite in (False, True):
            with pytest.raises(CsacleanError):
                csaclean.clean_file(source, tmp_path / "out", overwrite=overwrite)
        assert names(tmp_path) == ["in/image.dcm"]

    def test_of_an_unknown_policy(self, source: Path, tmp_path: Path) -> None:
        with pytest.raises(PolicyError):
            csaclean.clean_file(source, tmp_path / "out.dcm", "no-such-policy")
        assert names(tmp_path) == ["in/image.dcm"]

    def test_it_names_element_and_place(self, source: Path, tmp_path: Path) -> None:
        source.write_bytes(source.read_bytes().replace(b"M\0\0\0", b"N\0\0\0", 1))
        with pytest.raises(MalformedValue, match="check word") as caught:
            csaclean.clean_file(source, tmp_path / "out.dcm")
        assert caught.value.selector == "(0029,SIEMENS CSA HEADER,10)"
        assert caught.value.offset == 12
