"""Writing: the old file or the whole new one, whatever fails, and nothing beside it."""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from csaclean import write as module
from csaclean.dicom.source import BytesSource, FileSource
from csaclean.errors import IoFailed, ProofFailed, TargetExists
from csaclean.model import Fill, Patch
from csaclean.write import CHUNK, Target, patched, write_all, write_file, write_patched

CONTENT = bytes(n * 7 % 251 for n in range(3000))
PATCHES = (Patch(10, 20, b"synthetic!"), Patch(100, 1000, Fill(0)))
EXPECTED = CONTENT[:10] + b"synthetic!" + CONTENT[20:100] + bytes(900) + CONTENT[1000:]
Filler = Callable[[int], Callable[[], Iterable[bytes]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def source(tmp_path: Path) -> Iterator[FileSource]:
    path = tmp_path / "source.bin"
    path.write_bytes(CONTENT)
    descriptor = os.open(path, os.O_RDONLY)
    yield FileSource(descriptor)
    os.close(descriptor)


@pytest.fixture
def filler(source: FileSource) -> Filler:
    return lambda descriptor: write_patched(descriptor, source, PATCHES)


class TestWhole:
    @pytest.mark.parametrize("in_place", [False, True])
    def test_the_target_holds_the_patched_source_and_nothing_is_beside_it(
        self, folder: Path, filler: Filler, in_place: bool
    ) -> None:
        write_file(Target(folder / "out.dcm", in_place=in_place), 0o644, filler)
        assert (folder / "out.dcm").read_bytes() == EXPECTED
        assert [path.name for path in folder.iterdir()] == ["out.dcm"]

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o444, 0o400, 0o666])
    def test_the_mode_is_that_of_the_original(self, folder: Path, filler: Filler, mode: int) -> None:
        write_file(Target(folder / "out.dcm"), mode, filler)
        assert stat.S_IMODE((folder / "out.dcm").stat().st_mode) == mode

    @pytest.mark.parametrize("bit", [stat.S_ISUID, stat.S_ISGID, stat.S_ISVTX])
    def test_the_mode_never_has_more_than_permissions(self, folder: Path, filler: Filler, bit: int) -> None:
        write_file(Target(folder / "out.dcm"), 0o644 | bit, filler)
        assert stat.S_IMODE((folder / "out.dcm").stat().st_mode) == 0o644

    def test_while_it_is_written_it_is_a_dot_file_that_only_the_owner_reads(
        self, folder: Path, filler: Filler
    ) -> None:
        seen: list[tuple[str, int]] = []

        def watching(descriptor: int) -> Callable[[], Iterable[bytes]]:
            seen.extend((path.name, stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir())
            return filler(descriptor)

        write_file(Target(folder / "SYNTHETIC.dcm"), 0o644, watching)
        ((name, mode),) = seen
        assert name.startswith(".")
        assert "SYNTHETIC" not in name
        assert mode == 0o600

    @pytest.mark.parametrize("in_place", [False, True])
    def test_data_is_synced_before_the_rename_where_an_original_is_replaced(
        self, folder: Path, filler: Filler, in_place: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[str] = []
        fsync, replace = os.fsync, os.replace

        def note_fsync(descriptor: int) -> None:
            calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
            fsync(descriptor)

        def note_replace(a: Path, b: Path) -> None:
            calls.append("rename")
            replace(a, b)

        monkeypatch.setattr(os, "fsync", note_fsync)
        monkeypatch.setattr(os, "replace", note_replace)
        (folder / "out.dcm").write_bytes(b"original")
        write_file(Target(folder / "out.dcm", overwrite=True, in_place=in_place), 0o644, filler)
        assert calls == (["file", "rename", "folder"] if in_place else ["rename"])


class TestExisting:
    def test_a_target_that_is_there_is_an_error_and_stays(self, folder: Path, filler: Filler) -> None:
        (folder / "out.dcm").write_bytes(b"there")
        with pytest.raises(TargetExists):
            write_file(Target(folder / "out.dcm"), 0o644, filler)
        assert (folder / "out.dcm").read_bytes() == b"there"
        assert len(list(folder.iterdir())) == 1

    def test_a_dangling_link_is_there_too(self, folder: Path, filler: Filler) -> None:
        (folder / "out.dcm").symlink_to(folder / "nowhere")
        with pytest.raises(TargetExists):
            write_file(Target(folder / "out.dcm"), 0o644, filler)

    def test_it_is_replaced_where_that_was_asked_for(self, folder: Path, filler: Filler) -> None:
        (folder / "out.dcm").write_bytes(b"there")
        write_file(Target(folder / "out.dcm", overwrite=True), 0o644, filler)
        assert (folder / "out.dcm").read_bytes() == EXPECTED

    def test_replacing_a_link_leaves_what_it_points_to(
        self, folder: Path, tmp_path: Path, filler: Filler
    ) -> None:
        (tmp_path / "elsewhere").write_bytes(b"elsewhere")
        (folder / "out.dcm").symlink_to(tmp_path / "elsewhere")
        write_file(Target(folder / "out.dcm", overwrite=True), 0o644, filler)
        assert (tmp_path / "elsewhere").read_bytes() == b"elsewhere"
        assert not (folder / "out.dcm").is_symlink()

    def test_a_folder_in_its_place_is_an_error(self, folder: Path, filler: Filler) -> None:
        (folder / "out.dcm").mkdir()
        with pytest.raises(IoFailed):
            write_file(Target(folder / "out.dcm", overwrite=True), 0o644, filler)
        assert [path.name for path in folder.iterdir()] == ["out.dcm"]

    def test_a_missing_folder_is_an_error_without_its_path(self, folder: Path, filler: Filler) -> None:
        with pytest.raises(IoFailed) as caught:
            write_file(Target(folder / "missing" / "out.dcm"), 0o644, filler)
        assert "missing" not in str(caught.value)


STEPS = ["open", "write", "copy", "pread", "fchmod", "fsync", "close", "replace"]


class TestFailures:
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.EROFS])
    @pytest.mark.parametrize("original", [None, b"the original"], ids=["new", "replacing"])
    @pytest.mark.parametrize("step", STEPS)
    def test_a_step_that_fails_leaves_what_was_there_and_nothing_else(
        self,
        step: str,
        original: bytes | None,
        code: int,
        folder: Path,
        filler: Filler,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        target = folder / "out.dcm"
        if original is not None:
            target.write_bytes(original)
        failed: list[str] = []
        close = os.close

        def fail(*_: object, **__: object) -> object:
            failed.append(step)
            raise OSError(code, os.strerror(code), "/secret/one.dcm", None, "/secret/two.dcm")

        def fail_close(descriptor: int) -> None:
            close(descriptor)
            fail()

        if step == "copy":  # and then what stands in for it
            monkeypatch.setattr(os, "copy_file_range", fail, raising=False)
            monkeypatch.setattr(module, "write_all", fail)
        else:
            monkeypatch.setattr(os, step, fail_close if step == "close" else fail)
        with pytest.raises(IoFailed) as caught:
            write_file(Target(target, overwrite=original is not None, in_place=True), 0o644, filler)
        monkeypatch.undo()
        assert failed
        assert "secret" not in str(caught.value)
        assert caught.value.__suppress_context__
        assert [path.name for path in folder.iterdir()] == ([] if original is None else ["out.dcm"])
        if original is not None:
            assert target.read_bytes() == original

    @pytest.mark.parametrize("after", range(3))
    def test_a_disk_that_is_full_after_some_writes_leaves_nothing(
        self, after: int, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = []
        real = os.write

        def full(descriptor: int, data: bytes) -> int:
            calls.append(len(data))
            if len(calls) > after:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(descriptor, data)

        def filler(descriptor: int) -> Callable[[], Iterable[bytes]]:
            write_all(descriptor, [b"one", b"two", b"three"])
            return lambda: [b"onetwothree"]

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(IoFailed, match="No space left"):
            write_file(Target(folder / "out.dcm"), 0o644, filler)
        assert not list(folder.iterdir())

    @pytest.mark.parametrize(
        "error",
        [KeyboardInterrupt, SystemExit, MemoryError, RuntimeError, ProofFailed],
        ids=lambda e: e.__name__,
    )
    def test_whatever_interrupts_the_writing_leaves_nothing(
        self, error: type[BaseException], folder: Path
    ) -> None:
        def filler(descriptor: int) -> Callable[[], Iterable[bytes]]:
            os.write(descriptor, b"half")
            raise error("written", "x")

        with pytest.raises(error):
            write_file(Target(folder / "out.dcm"), 0o644, filler)
        assert not list(folder.iterdir())

    def test_an_interrupt_before_the_rename_leaves_the_original(
        self, folder: Path, filler: Filler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        (folder / "out.dcm").write_bytes(b"original")
        monkeypatch.setattr(os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_file(Target(folder / "out.dcm", overwrite=True, in_place=True), 0o644, filler)
        assert [path.read_bytes() for path in folder.iterdir()] == [b"original"]

    def test_a_folder_that_cannot_be_synced_is_told_after_the_file_is_whole(
        self, folder: Path, filler: Filler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.fsync

        def fail(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EIO, "Input/output error")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(IoFailed, match="folder"):
            write_file(Target(folder / "out.dcm", in_place=True), 0o644, filler)
        assert [path.read_bytes() for path in folder.iterdir()] == [EXPECTED]


class TestReadBack:
    @pytest.mark.parametrize("position", [0, 15, 500, 2999])
    def test_a_byte_that_changed_on_the_way_is_noticed(
        self, position: int, folder: Path, filler: Filler
    ) -> None:
        def tampering(descriptor: int) -> Callable[[], Iterable[bytes]]:
            expected = filler(descriptor)
            os.pwrite(descriptor, bytes([EXPECTED[position] ^ 1]), position)
            return expected

        with pytest.raises(ProofFailed) as caught:
            write_file(Target(folder / "out.dcm"), 0o644, tampering)
        assert caught.value.code == "proof-written"
        assert not list(folder.iterdir())

    @pytest.mark.parametrize("size", [0, 1, 2999, 3001])
    def test_another_length_is_noticed(self, size: int, folder: Path, filler: Filler) -> None:
        def tampering(descriptor: int) -> Callable[[], Iterable[bytes]]:
            expected = filler(descriptor)
            os.ftruncate(descriptor, size)
            return expected

        with pytest.raises(ProofFailed):
            write_file(Target(folder / "out.dcm"), 0o644, tampering)
        assert not list(folder.iterdir())

    def test_the_original_stays_where_it_was_to_be_replaced(self, folder: Path, filler: Filler) -> None:
        def tampering(descriptor: int) -> Callable[[], Iterable[bytes]]:
            expected = filler(descriptor)
            os.pwrite(descriptor, b"!", 0)
            return expected

        (folder / "out.dcm").write_bytes(b"original")
        with pytest.raises(ProofFailed):
            write_file(Target(folder / "out.dcm", overwrite=True, in_place=True), 0o644, tampering)
        assert [path.read_bytes() for path in folder.iterdir()] == [b"original"]


class TestOwner:
    def test_an_owner_that_cannot_be_given_is_no_failure(
        self, folder: Path, filler: Filler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "fchown", refuse)
        write_file(Target(folder / "out.dcm"), 0o640, filler, folder.stat())
        assert (folder / "out.dcm").read_bytes() == EXPECTED

    def test_the_owner_of_the_original_is_asked_for(
        self, folder: Path, filler: Filler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "fchown", lambda _, uid, gid: asked.append((uid, gid)))
        write_file(Target(folder / "out.dcm"), 0o640, filler, folder.stat())
        assert asked == [(folder.stat().st_uid, folder.stat().st_gid)]


class TestTail:
    """The tail is copied in the kernel where that works."""

    @pytest.mark.parametrize("code", [errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP])
    @pytest.mark.parametrize("copied", [0, 1, 700])
    def test_where_the_kernel_stops_the_rest_is_written(
        self, copied: int, code: int, folder: Path, filler: Filler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[int] = []

        def partial(source: int, target: int, count: int, offset: int) -> int:
            calls.append(offset)
            if copied and len(calls) == 1:
                return os.write(target, os.pread(source, min(count, copied), offset))
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "copy_file_range", partial, raising=False)
        write_file(Target(folder / "out.dcm"), 0o644, filler)
        assert calls[0] == 1000
        assert (folder / "out.dcm").read_bytes() == EXPECTED

    def test_a_kernel_that_copies_nothing_is_no_endless_loop(
        self, folder: Path, filler: Filler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "copy_file_range", lambda *_: 0, raising=False)
        write_file(Target(folder / "out.dcm"), 0o644, filler)
        assert (folder / "out.dcm").read_bytes() == EXPECTED

    def test_no_byte_of_the_original_reaches_the_file_before_its_patch(
        self, folder: Path, filler: Filler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = bytearray()
        real = os.write

        def watch(descriptor: int, data: bytes) -> int:
            count = real(descriptor, data)
            written.extend(bytes(data)[:count])
            return count

        monkeypatch.setattr(os, "write", watch)
        write_file(Target(folder / "out.dcm"), 0o644, filler)
        assert EXPECTED.startswith(bytes(written))


def test_short_writes_are_continued(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:3]))
    path = folder / "out.bin"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    write_all(descriptor, [b"", b"SYNTHETIC", b"!"])
    os.close(descriptor)
    assert path.read_bytes() == b"SYNTHETIC!"


BIG = bytes(n % 251 for n in range(2 * CHUNK + 777))
_POSITIONS = st.integers(0, len(BIG)) | st.sampled_from((CHUNK, 2 * CHUNK, len(BIG))).flatmap(
    lambda at: st.integers(at - 40, min(at + 40, len(BIG)))
)


@st.composite
def patches(draw: st.DrawFn) -> tuple[Patch, ...]:
    """Return patches in ascending order, some of them next to each other."""
    borders = sorted(draw(st.sets(_POSITIONS, min_size=2, max_size=12)))
    chosen = []
    for low, high in pairwise(borders):
        how = draw(st.sampled_from(("none", "fill", "bytes")))
        if how == "fill":
            chosen.append(Patch(low, high, Fill(draw(st.integers(0, 255)))))
        elif how == "bytes":
            byte = draw(st.integers(0, 255))
            chosen.append(Patch(low, high, bytes((byte + n) % 256 for n in range(high - low))))
    return tuple(chosen)


def naive(chosen: Iterable[Patch]) -> bytes:
    new = bytearray(BIG)
    for patch in chosen:
        new[patch.start : patch.stop] = (
            patch.new.expand(patch.stop - patch.start) if isinstance(patch.new, Fill) else patch.new
        )
    return bytes(new)


@settings(max_examples=60, deadline=None)
@given(patches(), st.tuples(_POSITIONS, _POSITIONS).map(sorted))
def test_patches_apply_in_chunks_as_they_do_at_once(chosen: tuple[Patch, ...], span: list[int]) -> None:
    start, stop = span
    chunks = list(patched(BytesSource(BIG), chosen, start, stop))
    assert b"".join(chunks) == naive(chosen)[start:stop]
    assert all(0 < len(chunk) <= CHUNK for chunk in chunks)


@settings(max_examples=25, deadline=None)
@given(chosen=patches())
def test_a_written_file_holds_what_a_naive_patch_would(
    chosen: tuple[Patch, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("written")
    (folder / "source.bin").write_bytes(BIG)
    descriptor = os.open(folder / "source.bin", os.O_RDONLY)
    try:
        source = FileSource(descriptor)
        write_file(Target(folder / "out.bin"), 0o600, lambda target: write_patched(target, source, chosen))
    finally:
        os.close(descriptor)
    assert (folder / "out.bin").read_bytes() == naive(chosen)


def test_a_source_that_was_cut_meanwhile_is_an_error() -> None:
    class Cut(BytesSource):
        def read(self, start: int, stop: int, /) -> bytes:
            return super().read(start, stop)[:-1]

    with pytest.raises(IoFailed, match="cut"):
        list(patched(Cut(CONTENT), PATCHES, 0, len(CONTENT)))
