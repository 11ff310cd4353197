"""Splices: bytes put into a source, seen from both sides, and written."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.dicom.source import BytesSource
from csaclean.model import Fill, Patch
from csaclean.splice import Insertion, Length, Restored, Splice, Spliced
from csaclean.write import compare, spliced, write_patched


@st.composite
def splices(draw: st.DrawFn) -> tuple[bytes, Splice]:
    """Draw a source and a splice for it; length fields don't overlap."""
    data = draw(st.binary(min_size=1, max_size=60))
    offsets = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    insertions = tuple(
        Insertion(at, draw(st.binary(min_size=1, max_size=9)), 0, whole=True) for at in offsets
    )
    starts = sorted(draw(st.sets(st.integers(0, max(len(data) // 4 - 1, 0)), max_size=2)))
    lengths = tuple(
        Length(4 * at, data[4 * at : 4 * at + 4], draw(st.binary(min_size=4, max_size=4)))
        for at in starts
        if 4 * at + 4 <= len(data)
    )
    return data, Splice(insertions, lengths)


def by_hand(data: bytes, splice: Splice) -> bytes:
    out = bytearray(data)
    for length in splice.lengths:
        out[length.offset : length.offset + 4] = length.new
    for insertion in reversed(splice.insertions):
        out[insertion.offset : insertion.offset] = insertion.new
    return bytes(out)


@given(drawn=splices(), start=st.integers(0, 100), size=st.integers(0, 100))
def test_any_range_of_the_result_can_be_read(drawn: tuple[bytes, Splice], start: int, size: int) -> None:
    data, splice = drawn
    result = Spliced(BytesSource(data), splice)
    expected = by_hand(data, splice)
    assert result.size == len(expected)
    assert result.read(start, start + size) == expected[start : start + size]


@given(drawn=splices(), start=st.integers(0, 100), size=st.integers(0, 100))
def test_any_range_of_the_original_can_be_read_back(
    drawn: tuple[bytes, Splice], start: int, size: int
) -> None:
    data, splice = drawn
    restored = Restored(BytesSource(by_hand(data, splice)), splice)
    assert restored.size == len(data)
    assert restored.read(start, start + size) == data[start : start + size]


@given(drawn=splices(), patch=st.tuples(st.integers(0, 60), st.integers(0, 20), st.booleans()))
def test_patches_and_insertions_are_written_together(
    drawn: tuple[bytes, Splice], patch: tuple[int, int, bool]
) -> None:
    data, (insertions, _) = drawn
    start, stop = min(patch[0], len(data)), min(patch[0] + patch[1], len(data))
    new = Fill(7) if patch[2] else b"\7" * (stop - start)
    patched = data[:start] + b"\7" * (stop - start) + data[stop:]
    chunks = spliced(BytesSource(data), [Patch(start, stop, new)], insertions, 0, len(data))
    assert b"".join(chunks) == by_hand(patched, Splice(insertions))


@pytest.mark.parametrize("offset", [0, 5, 1 << 20, (2 << 20) + 1, 3 << 20])
def test_a_file_is_written_with_insertions_and_what_is_expected_can_be_compared(
    tmp_path: Path, offset: int
) -> None:
    data = os.urandom(3 << 20)
    insertions = (Insertion(offset, b"put in", 0, whole=True),)
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        expected = write_patched(descriptor, BytesSource(data), [Patch(10, 20, Fill(0))], insertions)
        compare(descriptor, expected())
    finally:
        os.close(descriptor)
    written = (tmp_path / "file").read_bytes()
    assert written == by_hand(data[:10] + bytes(10) + data[20:], Splice(insertions))


def test_a_splice_shows_offsets_and_no_bytes() -> None:
    splice = Splice((Insertion(3, b"DOE^JANE", 0x00120063, whole=True),), (Length(8, b"DOE^", b"JANE"),))
    assert "DOE" not in repr(splice)
    assert "JANE" not in repr(splice)
    assert "3" in repr(splice)
