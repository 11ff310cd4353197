"""Bytes by position: from memory and from a file, the same whatever the range."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.dicom.source import HEAD_SIZE, BytesSource, FileSource
from csaclean.errors import IoFailed

CONTENT = bytes(n * 31 % 251 for n in range(HEAD_SIZE + 5000))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileSource]:
    path: Path = tmp_path_factory.mktemp("source") / "content.bin"
    path.write_bytes(CONTENT)
    descriptor = os.open(path, os.O_RDONLY)
    yield FileSource(descriptor)
    os.close(descriptor)


_NEAR = st.sampled_from((0, HEAD_SIZE, len(CONTENT))).flatmap(
    lambda at: st.integers(max(at - 20, 0), at + 20)
)


@given(start=_NEAR | st.integers(0, len(CONTENT)), stop=_NEAR | st.integers(0, len(CONTENT)))
def test_a_file_reads_like_its_bytes(source: FileSource, start: int, stop: int) -> None:
    start, stop = min(start, stop), max(start, stop)
    assert source.read(start, stop) == CONTENT[start:stop] == BytesSource(CONTENT).read(start, stop)


def test_the_size_is_that_of_the_file(source: FileSource) -> None:
    assert source.size == BytesSource(CONTENT).size == len(CONTENT)


def test_the_head_is_read_once(source: FileSource, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise AssertionError("read again")

    monkeypatch.setattr(os, "pread", refuse)
    assert source.read(0, HEAD_SIZE) == CONTENT[:HEAD_SIZE]


def test_a_read_error_is_an_error_of_ours_without_the_path(
    source: FileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(5, "Input/output error", "/secret/name.dcm")

    monkeypatch.setattr(os, "pread", refuse)
    with pytest.raises(IoFailed) as caught:
        source.read(HEAD_SIZE, HEAD_SIZE + 1)
    assert "secret" not in str(caught.value)
    assert caught.value.offset == HEAD_SIZE
    assert caught.value.__suppress_context__
