"""Laws of the walk: any tree comes back as it was described, and no damage ends in anything but an error of ours."""

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from csaclean.dicom.deflate import inflate
from csaclean.dicom.elements import Shape, Walk
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource, FileSource, Source
from csaclean.dicom.walk import walk
from csaclean.errors import CsacleanError
from phantom_creators import small_headers
from phantom_file import Phantom, file_bytes
from phantom_writer import ENCODINGS, DataSet, Element, Encoding, Items, sequence
from phantoms import base_image, canary_file, xa_image

Path = tuple[tuple[int, int], ...]
"""Sequence and item, from the outside in."""

ALL = pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)

# Any group but those of commands, File Meta Information, delimiters and pixel data.
_GROUPS = st.sampled_from((0x0008, 0x0009, 0x0010, 0x0029, 0x0051, 0x7053, 0x7FDF))
_TAGS = st.builds(lambda group, number: group << 16 | number, _GROUPS, st.integers(0, 0xFFFF))
_VALUES = st.binary(max_size=40).map(lambda value: value + b"\0" * (len(value) % 2))
_VRS = st.sampled_from(("LO", "OB", "OW", "UN", "UT", "US", "PN"))


def _not_items(value: bytes) -> bool:
    return value[:4] not in (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


_PLAIN = st.builds(Element, _TAGS, _VRS, _VALUES.filter(_not_items))


def _sequences(datasets: st.SearchStrategy[DataSet]) -> st.SearchStrategy[Element]:
    flags = st.sampled_from((None, False, True))
    return st.builds(
        lambda tag, items, vr, undefined, undefined_items, own: sequence(
            tag, *items, vr=vr, undefined=undefined, undefined_items=undefined_items, own_syntax=own
        ),
        _TAGS,
        # A sequence of defined length without a VR is known by its items: it needs one.
        st.lists(datasets, min_size=1, max_size=3),
        st.sampled_from(("SQ", "UN")),
        flags,
        flags,
        # Items that hold something: empty ones read alike in every encoding, save for the byte order of their tags.
        st.just(False),
    )


_DATASETS: st.SearchStrategy[DataSet] = st.recursive(
    st.lists(_PLAIN, min_size=1, max_size=4).map(tuple),
    lambda inner: st.lists(_PLAIN | _sequences(inner), min_size=1, max_size=4).map(tuple),
    max_leaves=12,
)
_TREES = st.lists(_PLAIN | _sequences(_DATASETS), min_size=1, max_size=6).map(tuple)


def described(dataset: DataSet, path: Path = ()) -> list[tuple[Path, int, bytes | None]]:
    """Return path, tag and value (None for a sequence) of every element of a description."""
    rows: list[tuple[Path, int, bytes | None]] = []
    for element in dataset:
        if isinstance(element.value, Items):
            rows.append((path, element.tag, None))
            for number, item in enumerate(element.value.datasets):
                rows += described(item, (*path, (element.tag, number)))
        else:
            assert isinstance(element.value, bytes)
            rows.append((path, element.tag, element.value))
    return rows


def read(data: bytes, wanted: frozenset[int] | None = None) -> tuple[bytes, Walk]:
    """Return the bytes that a walk's offsets refer to, and the walk."""
    source: Source = BytesSource(data)
    start = find_start(source)
    if start.syntax.deflated:
        spool, _ = inflate(source, start.offset)
        with spool:
            data = FileSource(spool.fileno()).read(0, spool.seek(0, 2))
            source = BytesSource(data)
    return data, walk(source, start.syntax, start.offset, wanted=wanted)


def walked(data: bytes) -> list[tuple[Path, int, bytes | None]]:
    """Return the same of a walk."""
    content, found = read(data)

    def path(owner: int) -> Path:
        dataset = found.datasets[owner]
        return (*path(dataset.parent), (dataset.tag, dataset.item)) if dataset.parent >= 0 else ()

    return [
        (path(e.owner), e.tag, None if e.shape is Shape.SEQUENCE else content[e.start : e.stop])
        for e in found.elements
    ]


@ALL
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dataset=_TREES)
def test_a_tree_is_found_as_it_was_described(encoding: Encoding, dataset: DataSet) -> None:
    assert walked(file_bytes(Phantom(dataset, encoding))) == described(dataset)


@ALL
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dataset=_TREES)
def test_undefined_lengths_change_nothing(encoding: Encoding, dataset: DataSet) -> None:
    def opened(elements: DataSet, *, undefined: bool) -> DataSet:
        return tuple(
            sequence(
                e.tag,
                *(opened(item, undefined=undefined) for item in e.value.datasets),
                vr=e.vr,
                undefined=undefined,
                undefined_items=undefined,
            )
            if isinstance(e.value, Items)
            else e
            for e in elements
        )

    closed = walked(file_bytes(Phantom(opened(dataset, undefined=False), encoding)))
    assert walked(file_bytes(Phantom(opened(dataset, undefined=True), encoding))) == closed


@given(dataset=_TREES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_encoding_of_a_tree_holds_the_same(dataset: DataSet) -> None:
    readings = [walked(file_bytes(Phantom(dataset, encoding))) for encoding in ENCODINGS]
    assert all(reading == readings[0] for reading in readings)


def _small(encoding: Encoding) -> bytes:
    image, series = small_headers()
    return file_bytes(Phantom(base_image(image=image, series=series, side=4), encoding))


MUTANTS = {
    **{f"base-{encoding.name}": _small(encoding) for encoding in ENCODINGS},
    "xa": file_bytes(Phantom(xa_image(undefined=True))),
    "tail": canary_file()[0],
}


@pytest.mark.parametrize("name", MUTANTS)
@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, 1 << 20), st.sampled_from((0, 1, 2, 8, 0x7F, 0xFE, 0xFF)) | st.integers(0, 255)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_changed_bytes_are_read_or_refused(name: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(MUTANTS[name])
    for position, byte in changes:
        data[position % len(data)] = byte
    _read_or_refused(bytes(data))


@pytest.mark.parametrize("name", MUTANTS)
@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 1 << 20), size=st.integers(1, 64), to=st.integers(0, 1 << 20))
def test_moved_bytes_are_read_or_refused(name: str, first: int, size: int, to: int) -> None:
    data = MUTANTS[name]
    first, to = first % len(data), to % len(data)
    part = data[first : first + size]
    _read_or_refused(data[:to] + part + data[to:])
    _read_or_refused(data[:first] + data[first + size :])


def _read_or_refused(data: bytes) -> None:
    try:
        content, found = read(data)
    except CsacleanError:
        return
    assert found.end <= len(content)
    for element in found.elements:
        assert element.header < element.start <= element.stop <= found.end
