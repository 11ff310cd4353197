"""Where results go: beside the file, into a folder, or in place of the originals."""

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Builder = Callable[..., bytes]

CANARY = b"NAME-TAIL-CANARY"
DONE, USAGE, SOME_FAILED = 0, 2, 4


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, dot-files included, by its relative name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def one_file(folder: Path, name: str, data: bytes) -> Path:
    """Write a file below a folder, made if missing."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class TestBeside:
    """One file, no option: a cleaned copy beside it."""

    def test_one_file_gets_a_clean_copy_beside_it(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path, "image.dcm", small_file())
        done = csaclean(source)
        assert done.returncode == DONE
        assert sorted(contents(tmp_path)) == ["image.clean.dcm", "image.dcm"]
        assert source.read_bytes() == small_file()
        assert CANARY in small_file()
        assert CANARY not in (tmp_path / "image.clean.dcm").read_bytes()

    def test_a_warning_says_that_the_original_is_still_there(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        done = csaclean(one_file(tmp_path, "image.dcm", small_file()))
        assert "the original is still beside the cleaned copy" in done.stderr

    def test_the_word_clean_may_be_left_out_or_given(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        short = one_file(tmp_path / "short", "image.dcm", small_file())
        long = one_file(tmp_path / "long", "image.dcm", small_file())
        assert csaclean(short).returncode == csaclean("clean", long).returncode == DONE
        assert contents(short.parent) == contents(long.parent)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("image.dcm", "image.clean.dcm"),
            ("image.DCM", "image.clean.DCM"),
            ("image.ima", "image.clean.ima"),
            ("image.IMA", "image.clean.IMA"),
            ("image.Img", "image.clean.Img"),
            ("1.2.840.1", "1.2.840.1.clean.dcm"),
            ("image", "image.clean.dcm"),
            ("two.dcm.dcm", "two.dcm.clean.dcm"),
        ],
    )
    def test_clean_goes_before_a_suffix_that_means_dicom_and_behind_any_other_name(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, name: str, expected: str
    ) -> None:
        assert csaclean(one_file(tmp_path, name, small_file())).returncode == DONE
        assert sorted(contents(tmp_path)) == sorted((name, expected))

    def test_a_file_without_private_elements_is_copied(
        self, csaclean: Command, tmp_path: Path, plain_file: bytes
    ) -> None:
        assert csaclean(one_file(tmp_path, "image.dcm", plain_file)).returncode == DONE
        assert (tmp_path / "image.clean.dcm").read_bytes() == plain_file

    def test_a_copy_that_is_there_already_stays(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path, "image.dcm", small_file())
        old = one_file(tmp_path, "image.clean.dcm", b"mine")
        done = csaclean(source)
        assert done.returncode == SOME_FAILED
        assert "[target-exists]" in done.stderr
        assert old.read_bytes() == b"mine"

    @pytest.mark.parametrize("command", [[], ["clean"]])
    def test_a_folder_without_destination_is_a_usage_error(
        self, csaclean: Command, tree: Path, command: list[str]
    ) -> None:
        before = contents(tree)
        done = csaclean(*command, tree)
        assert done.returncode == USAGE
        assert "-o" in done.stderr
        assert "-i" in done.stderr
        assert contents(tree) == before

    def test_two_files_without_destination_are_a_usage_error(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        files = [one_file(tmp_path, name, small_file()) for name in ("1.dcm", "2.dcm")]
        assert csaclean(*files).returncode == USAGE
        assert len(contents(tmp_path)) == 2


class TestOutputFolder:
    """``-o``: a folder that mirrors the input."""

    def test_the_folder_is_made_and_the_tree_mirrored(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "new" / "out"
        before = contents(tree)
        done = csaclean(tree, "-o", out)
        assert done.returncode == DONE
        assert sorted(contents(out)) == ["a/1.dcm", "a/2.dcm", "b/deep/3", "b/plain.dcm"]
        assert contents(tree) == before
        assert not any(CANARY in data for data in contents(out).values())

    def test_a_single_file_keeps_its_name(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path / "in", "image.dcm", small_file())
        assert csaclean(source, "-o", tmp_path / "out").returncode == DONE
        assert list(contents(tmp_path / "out")) == ["image.dcm"]

    def test_what_stands_around_the_edits_is_the_same_byte_for_byte(
        self, csaclean: Command, tmp_path: Path, plain_file: bytes
    ) -> None:
        source = one_file(tmp_path / "in", "image.dcm", plain_file)
        assert csaclean(source, "-o", tmp_path / "out").returncode == DONE
        assert (tmp_path / "out" / "image.dcm").read_bytes() == plain_file

    def test_of_several_inputs_each_goes_below_its_own_name(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        first = one_file(tmp_path / "p" / "one", "image.dcm", small_file(1)).parent
        second = one_file(tmp_path / "q" / "two", "x/image.dcm", small_file(2)).parent.parent
        third = one_file(tmp_path / "r", "image.dcm", small_file(3))
        out = tmp_path / "out"
        assert csaclean(first, second, third, "-o", out).returncode == DONE
        assert sorted(contents(out)) == ["image.dcm", "one/image.dcm", "two/x/image.dcm"]

    def test_the_output_gets_no_more_permissions_than_the_original(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path / "in", "image.dcm", small_file())
        source.chmod(0o640)
        assert csaclean(source, "-o", tmp_path / "out").returncode == DONE
        mode = stat.S_IMODE((tmp_path / "out" / "image.dcm").stat().st_mode)
        assert mode & ~0o640 == 0
        assert mode & stat.S_IRUSR

    def test_nothing_but_results_is_left_in_the_folder(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        (tree / "broken.dcm").write_bytes((tree / "a" / "1.dcm").read_bytes()[:-5])
        assert csaclean(tree, "-o", tmp_path / "out").returncode == SOME_FAILED
        assert not [name for name in contents(tmp_path / "out") if Path(name).name.startswith(".")]

    def test_an_output_that_is_a_file_is_a_usage_error(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        out = one_file(tmp_path, "out", b"mine")
        assert csaclean(tree, "-o", out).returncode == USAGE
        assert out.read_bytes() == b"mine"

    def test_output_and_in_place_exclude_each_other(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        before = contents(tree)
        assert csaclean(tree, "-i", "-o", tmp_path / "out").returncode == USAGE
        assert contents(tree) == before
        assert not (tmp_path / "out").exists()


class TestExistingTargets:
    """What is there already is not replaced unless that is asked for."""

    def test_an_existing_target_fails_its_file_and_stays(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        old = one_file(out, "a/1.dcm", b"mine")
        done = csaclean(tree, "-o", out)
        assert done.returncode == SOME_FAILED
        assert old.read_bytes() == b"mine"
        assert "a/1.dcm" in done.stderr
        assert "[target-exists]" in done.stderr

    def test_the_other_files_of_the_run_are_done(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        one_file(out, "a/1.dcm", b"mine")
        csaclean(tree, "-o", out)
        assert sorted(contents(out)) == ["a/1.dcm", "a/2.dcm", "b/deep/3", "b/plain.dcm"]

    def test_overwrite_replaces_it(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        out, fresh = tmp_path / "out", tmp_path / "fresh"
        one_file(out, "a/1.dcm", b"mine")
        assert csaclean(tree, "-o", out, "--overwrite").returncode == DONE
        assert csaclean(tree, "-o", fresh).returncode == DONE
        assert contents(out) == contents(fresh)

    def test_a_failing_file_leaves_what_it_would_overwrite(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        broken = tree / "a" / "1.dcm"
        broken.write_bytes(broken.read_bytes()[:-5])
        old = one_file(tmp_path / "out", "a/1.dcm", b"mine")
        assert csaclean(tree, "-o", tmp_path / "out", "--overwrite").returncode == SOME_FAILED
        assert old.read_bytes() == b"mine"

    def test_a_link_in_the_place_of_a_target_is_not_written_through(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        outside = one_file(tmp_path, "outside", b"mine")
        link = tmp_path / "out" / "a" / "1.dcm"
        link.parent.mkdir(parents=True)
        link.symlink_to(outside)
        assert csaclean(tree, "-o", tmp_path / "out").returncode == SOME_FAILED
        assert csaclean(tree, "-o", tmp_path / "out", "--overwrite").returncode == DONE
        assert outside.read_bytes() == b"mine"
        assert not link.is_symlink()


class TestCollisions:
    """Two files for one place are a usage error, found before the first write."""

    def test_two_folders_of_one_name_with_files_of_one_name(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        inputs = [one_file(tmp_path / p / "series", "1.dcm", small_file()).parent for p in ("p", "q")]
        done = csaclean(*inputs, "-o", tmp_path / "out")
        assert done.returncode == USAGE
        assert not (tmp_path / "out").exists()

    def test_two_files_of_one_name(self, csaclean: Command, tmp_path: Path, small_file: Builder) -> None:
        inputs = [one_file(tmp_path / p, "1.dcm", small_file()) for p in ("p", "q")]
        assert csaclean(*inputs, "-o", tmp_path / "out").returncode == USAGE
        assert not (tmp_path / "out").exists()

    def test_one_file_named_twice(self, csaclean: Command, tmp_path: Path, small_file: Builder) -> None:
        source = one_file(tmp_path / "in", "1.dcm", small_file())
        assert csaclean(source, source, "-o", tmp_path / "out").returncode == USAGE
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("file_first", [True, False])
    def test_a_file_where_another_input_needs_a_folder(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, file_first: bool
    ) -> None:
        file = one_file(tmp_path / "p", "series", small_file(1))
        folder = one_file(tmp_path / "q" / "series", "1.dcm", small_file(2)).parent
        inputs = (file, folder) if file_first else (folder, file)
        assert csaclean(*inputs, "-o", tmp_path / "out").returncode == USAGE
        assert not (tmp_path / "out").exists()

    def test_two_folders_of_one_name_whose_files_differ_in_name_are_no_collision(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        first = one_file(tmp_path / "p" / "series", "1.dcm", small_file(1)).parent
        second = one_file(tmp_path / "q" / "series", "2.dcm", small_file(2)).parent
        assert csaclean(first, second, "-o", tmp_path / "out").returncode == DONE
        assert sorted(contents(tmp_path / "out")) == ["series/1.dcm", "series/2.dcm"]


class TestOutputInsideInput:
    """A converter run on the input folder would take both copies of every file."""

    def refused(self, csaclean: Command, tree: Path, out: Path, *more: str | Path) -> None:
        before = contents(tree)
        done = csaclean(tree, *more, "-o", out)
        assert done.returncode == USAGE
        assert "inside an input folder" in done.stderr
        assert contents(tree) == before

    def test_below_the_input(self, csaclean: Command, tree: Path) -> None:
        self.refused(csaclean, tree, tree / "out")
        assert not (tree / "out").exists()

    def test_equal_to_the_input(self, csaclean: Command, tree: Path) -> None:
        self.refused(csaclean, tree, tree)

    def test_below_the_second_of_two_inputs(
        self, csaclean: Command, tree: Path, tmp_path: Path, small_file: Builder
    ) -> None:
        other = one_file(tmp_path / "other", "1.dcm", small_file()).parent
        self.refused(csaclean, tree, other / "out", other)

    def test_through_a_folder_link_that_leads_into_the_input(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        link = tmp_path / "link"
        link.symlink_to(tree / "a", target_is_directory=True)
        self.refused(csaclean, tree, link / "out")

    def test_where_the_input_is_named_by_a_link(self, csaclean: Command, tree: Path, tmp_path: Path) -> None:
        link = tmp_path / "link"
        link.symlink_to(tree, target_is_directory=True)
        before = contents(tree)
        assert csaclean(link, "-o", tree / "out").returncode == USAGE
        assert contents(tree) == before

    def test_by_a_relative_path(self, csaclean: Command, tree: Path) -> None:
        before = contents(tree)
        assert csaclean(".", "-o", "b/../out", cwd=tree).returncode == USAGE
        assert contents(tree) == before

    def test_a_sibling_whose_name_begins_like_the_input_is_outside(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        assert csaclean(tree, "-o", tmp_path / "in-cleaned").returncode == DONE


class TestInPlace:
    """``-i``: the originals are replaced, whole."""

    def test_every_file_is_replaced_by_what_an_output_folder_would_get(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        before = contents(tree)
        assert csaclean(tree, "-o", tmp_path / "out").returncode == DONE
        assert csaclean(tree, "-i").returncode == DONE
        assert contents(tree) == before | contents(tmp_path / "out")
        assert contents(tree) != before

    def test_no_temporary_file_is_left(self, csaclean: Command, tree: Path) -> None:
        names = sorted(contents(tree))
        (tree / "a" / "1.dcm").write_bytes((tree / "a" / "1.dcm").read_bytes()[:-5])
        assert csaclean(tree, "-i").returncode == SOME_FAILED
        assert sorted(contents(tree)) == names

    def test_the_mode_is_kept(self, csaclean: Command, tmp_path: Path, small_file: Builder) -> None:
        source = one_file(tmp_path, "image.dcm", small_file())
        source.chmod(0o640)
        assert csaclean("-i", source).returncode == DONE
        assert CANARY not in source.read_bytes()
        assert stat.S_IMODE(source.stat().st_mode) == 0o640

    def test_the_original_is_replaced_and_not_written_into(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path, "image.dcm", small_file())
        with source.open("rb") as old:
            assert csaclean("-i", source).returncode == DONE
            assert old.read() == small_file()
        assert source.read_bytes() != small_file()

    def test_a_hard_link_breaks_and_its_other_name_keeps_the_old_bytes(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path / "in", "image.dcm", small_file())
        other = tmp_path / "other"
        other.hardlink_to(source)
        assert csaclean("-i", source.parent).returncode == DONE
        assert other.read_bytes() == small_file()
        assert CANARY not in source.read_bytes()

    def test_a_file_with_nothing_to_clean_is_not_touched(
        self, csaclean: Command, tmp_path: Path, plain_file: bytes
    ) -> None:
        source = one_file(tmp_path, "image.dcm", plain_file)
        before = source.stat()
        assert csaclean("-i", source).returncode == DONE
        after = source.stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_a_second_run_finds_nothing_to_change(self, csaclean: Command, tree: Path) -> None:
        csaclean(tree, "-i")
        once = contents(tree)
        assert csaclean("check", tree).returncode == DONE
        csaclean(tree, "-i")
        assert contents(tree) == once

    @pytest.mark.parametrize("named", [True, False])
    def test_a_file_link_is_refused(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, named: bool
    ) -> None:
        outside = one_file(tmp_path / "outside", "image.dcm", small_file())
        link = tmp_path / "in" / "link.dcm"
        link.parent.mkdir()
        link.symlink_to(outside)
        done = csaclean("-i", link if named else link.parent)
        assert done.returncode == SOME_FAILED
        assert "link.dcm" in done.stderr
        assert outside.read_bytes() == small_file()
        assert link.is_symlink()

    def test_a_folder_link_inside_the_input_is_not_followed(
        self, csaclean: Command, tree: Path, tmp_path: Path, small_file: Builder
    ) -> None:
        outside = one_file(tmp_path / "outside", "image.dcm", small_file())
        (tree / "link").symlink_to(outside.parent, target_is_directory=True)
        csaclean("-i", tree)
        assert outside.read_bytes() == small_file()

    def test_a_named_folder_link_is_refused(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        outside = one_file(tmp_path / "outside", "image.dcm", small_file())
        link = tmp_path / "link"
        link.symlink_to(outside.parent, target_is_directory=True)
        assert csaclean("-i", link).returncode in (USAGE, SOME_FAILED)
        assert outside.read_bytes() == small_file()


class TestBackups:
    """``--backup-dir``: originals are copied there before they are replaced, outside the tree only."""

    def test_every_replaced_original_is_kept_there(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        before, backup = contents(tree), tmp_path / "backup"
        assert csaclean("-i", tree, "--backup-dir", backup).returncode == DONE
        replaced = {name for name, data in contents(tree).items() if data != before[name]}
        assert contents(backup) == {name: before[name] for name in replaced}
        assert replaced == {"a/1.dcm", "a/2.dcm", "b/deep/3"}

    @pytest.mark.parametrize("below", ["", "backup"])
    def test_inside_the_tree_it_is_refused(self, csaclean: Command, tree: Path, below: str) -> None:
        before = contents(tree)
        done = csaclean("-i", tree, "--backup-dir", tree / below)
        assert done.returncode == USAGE
        assert "backup" in done.stderr
        assert contents(tree) == before

    def test_through_a_link_into_the_tree_it_is_refused(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        link = tmp_path / "link"
        link.symlink_to(tree, target_is_directory=True)
        before = contents(tree)
        assert csaclean("-i", tree, "--backup-dir", link / "backup").returncode == USAGE
        assert contents(tree) == before

    def test_without_in_place_it_is_a_usage_error(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        done = csaclean(tree, "-o", tmp_path / "out", "--backup-dir", tmp_path / "backup")
        assert done.returncode == USAGE
        assert not (tmp_path / "out").exists()

    def test_a_backup_that_is_there_already_fails_its_file_and_leaves_both(
        self, csaclean: Command, tree: Path, tmp_path: Path
    ) -> None:
        before = contents(tree)
        old = one_file(tmp_path / "backup", "a/1.dcm", b"mine")
        done = csaclean("-i", tree, "--backup-dir", tmp_path / "backup")
        assert done.returncode == SOME_FAILED
        assert old.read_bytes() == b"mine"
        assert (tree / "a" / "1.dcm").read_bytes() == before["a/1.dcm"]

    def test_a_backup_has_no_more_permissions_than_the_original(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path / "in", "image.dcm", small_file())
        source.chmod(0o600)
        assert csaclean("-i", source, "--backup-dir", tmp_path / "backup").returncode == DONE
        assert stat.S_IMODE((tmp_path / "backup" / "image.dcm").stat().st_mode) == 0o600

    @pytest.mark.parametrize("more", [[], ["--overwrite"]])
    def test_two_originals_for_one_backup_are_a_usage_error(
        self, csaclean: Command, tmp_path: Path, small_file: Builder, more: list[str]
    ) -> None:
        files = [one_file(tmp_path / p / "series", "1.dcm", small_file(n)) for n, p in enumerate("pq")]
        before = [file.read_bytes() for file in files]
        done = csaclean("-i", *(file.parent for file in files), "--backup-dir", tmp_path / "backup", *more)
        assert done.returncode == USAGE
        assert [file.read_bytes() for file in files] == before

    def test_a_backup_never_stands_where_the_original_does(
        self, csaclean: Command, tmp_path: Path, small_file: Builder
    ) -> None:
        source = one_file(tmp_path / "in", "image.dcm", small_file())
        done = csaclean("-i", source, "--backup-dir", source.parent, "--overwrite")
        assert done.returncode in (USAGE, SOME_FAILED)
        assert source.read_bytes() == small_file()


def test_the_output_of_one_run_can_be_the_input_of_the_next(
    csaclean: Command, tree: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert csaclean(tree, "-o", first).returncode == DONE
    assert csaclean(first, "-o", second).returncode == DONE
    assert contents(second) == contents(first)


def test_relative_paths_are_relative_to_where_the_command_runs(
    csaclean: Command, tree: Path, tmp_path: Path
) -> None:
    assert csaclean("in", "-o", "out", cwd=tmp_path).returncode == DONE
    assert (tmp_path / "out" / "a" / "1.dcm").exists()
    assert tree.exists()
