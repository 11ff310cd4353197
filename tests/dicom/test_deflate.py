"""Deflated data sets: inflated whole and under caps, refused when broken or cut, deflated again to even length."""

import zlib

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from csaclean.dicom import deflate
from csaclean.dicom.deflate import MAX_RATIO, deflated, inflate
from csaclean.dicom.source import BytesSource
from csaclean.errors import LimitExceeded, MalformedFile

HEAD = b"what stands before the stream"
CHUNK = 256 << 10


def stream(content: bytes, level: int = 6) -> bytes:
    machine = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return machine.compress(content) + machine.flush()


def inflated(data: bytes, start: int = 0) -> tuple[bytes, int]:
    spool, end = inflate(BytesSource(data), start)
    with spool:
        spool.seek(0)
        return spool.read(), end


@given(content=st.binary(max_size=2000), behind=st.binary(max_size=9), level=st.integers(0, 9))
def test_what_was_deflated_comes_out_behind_a_copy_of_the_head(
    content: bytes, behind: bytes, level: int
) -> None:
    data = HEAD + stream(content, level)
    assert inflated(data + behind, len(HEAD)) == (HEAD + content, len(data))


@pytest.mark.parametrize(("level", "chunks"), [(6, 1), (9, 2)])
def test_a_stream_may_end_in_the_byte_that_fills_a_chunk_and_goes_on(level: int, chunks: int) -> None:
    """The last input byte can hold more output than the chunk has room for."""
    refused = []
    for size in range(chunks * CHUNK - 4, chunks * CHUNK + 300):
        try:
            content, _ = inflated(stream(bytes(size), level))
        except MalformedFile:
            refused.append(size - chunks * CHUNK)
        else:
            assert len(content) == size
    assert refused == []


@pytest.mark.parametrize("cut", [1, 2, 10])
def test_a_cut_stream_is_malformed(cut: int) -> None:
    data = HEAD + stream(bytes(range(256)) * 20)
    with pytest.raises(MalformedFile, match="cut"):
        inflate(BytesSource(data[:-cut]), len(HEAD))


def test_an_empty_stream_is_malformed() -> None:
    with pytest.raises(MalformedFile, match="cut"):
        inflate(BytesSource(HEAD), len(HEAD))


@pytest.mark.parametrize("data", [b"\xff" * 20, b"\x07junk", b"\x78\x9c" + stream(b"zlib header")])
def test_a_broken_stream_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedFile):
        inflate(BytesSource(data), 0)


def test_a_bomb_is_refused_by_its_ratio() -> None:
    bomb = stream(bytes(32 << 20), 9)
    assert MAX_RATIO * len(bomb) < (32 << 20)
    with pytest.raises(LimitExceeded):
        inflate(BytesSource(bomb), 0)


def test_a_large_data_set_of_an_honest_ratio_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "RATIO_FLOOR", 1 << 10)
    content = bytes(n * n % 251 for n in range(100_000))
    assert inflated(stream(content))[0] == content


def test_the_inflated_size_has_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "MAX_INFLATED", 1000)
    with pytest.raises(LimitExceeded):
        inflate(BytesSource(stream(bytes(1001))), 0)
    assert inflated(stream(bytes(1000)))[0] == bytes(1000)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_deflating_again_gives_a_stream_of_even_length_with_the_same_content(chunks: list[bytes]) -> None:
    data = b"".join(deflated(chunks))
    assert len(data) % 2 == 0
    content, end = inflated(data)
    assert content == b"".join(chunks)
    assert data[end:] in (b"", b"\0")


def test_deflating_is_deterministic() -> None:
    chunks = [b"SYNTHETIC" * 50, bytes(1000)]
    assert b"".join(deflated(chunks)) == b"".join(deflated([b"".join(chunks)]))
