"""pydicom as an independent witness: it finds the same private matter, on phantoms and on real files."""

import hashlib
import io
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.values import convert_SQ

from csaclean.dicom.deflate import inflate
from csaclean.dicom.elements import Shape
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource, FileSource, Source
from csaclean.dicom.walk import walk
from csaclean.errors import CsacleanError
from phantom_creators import creator_cases
from phantom_file import Phantom, file_bytes
from phantom_writer import ENCODINGS, Encoding
from phantoms import GOLDEN, base_image, canary_file, xa_image

Row = tuple[tuple[tuple[int, int], ...], int, str]
"""Path, tag, and the digest of the value; ``SQ`` for a sequence."""

DATA = Path(os.environ.get("CSACLEAN_DATA") or Path(__file__).parents[3] / "shared" / "data")
_REASON = "real DICOM files not found: neither at ../shared/data nor at $CSACLEAN_DATA (see CONTRIBUTING)"
_FILES = sorted(DATA.rglob("*.dcm"))
REAL = (
    [pytest.param(path, id=path.relative_to(DATA).as_posix()) for path in _FILES]
    if (DATA / "MANIFEST.tsv").is_file()
    else [pytest.param(DATA, marks=pytest.mark.skip(reason=_REASON))]
)
_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")


def digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def found_by_csaclean(data: bytes) -> tuple[Counter[Row], int]:
    """Return every private element and everything below private sequences, and where the data set ends."""
    source: Source = BytesSource(data)
    start = find_start(source)
    if start.syntax.deflated:
        spool, _ = inflate(source, start.offset)
        with spool:
            source = BytesSource(FileSource(spool.fileno()).read(0, spool.seek(0, 2)))
    found = walk(source, start.syntax, start.offset, wanted=frozenset())

    def path(owner: int) -> tuple[tuple[int, int], ...]:
        dataset = found.datasets[owner]
        return (*path(dataset.parent), (dataset.tag, dataset.item)) if dataset.parent >= 0 else ()

    rows = Counter(
        (
            path(e.owner),
            e.tag,
            "SQ" if e.shape is Shape.SEQUENCE else digest(source.read(e.start, e.stop)),
        )
        for e in found.elements
    )
    return rows, len(data) if start.syntax.deflated else found.end


def _items(dataset: Dataset, raw: object) -> Sequence | None:
    """Return the items of a sequence, whatever VR hides it."""
    if not isinstance(raw, RawDataElement):
        value = getattr(raw, "value", None)
        return value if isinstance(value, Sequence) else None
    if raw.VR == "SQ" and raw.value is not None:
        return convert_SQ(raw.value, raw.is_implicit_VR, raw.is_little_endian, ["latin-1"])
    if raw.VR not in (None, "UN") or not raw.value or raw.value[:4] not in _ITEM_TAGS:
        return None
    # Behind item header and tag: a VR, or the low bytes of a length.
    explicit = raw.value[12:14].isalpha()
    try:
        items = convert_SQ(
            raw.value,
            True if not explicit else raw.is_implicit_VR,
            True if not explicit else raw.is_little_endian,
            ["latin-1"],
        )
        list(_rows(items, (), raw.tag, private=True))
    except Exception:  # noqa: BLE001  # pydicom raises anything; then it is no sequence
        return None
    return items


def _rows(
    items: Iterable[Dataset], path: tuple[tuple[int, int], ...], tag: int, *, private: bool
) -> Iterator[Row]:
    for number, item in enumerate(items):
        yield from found_by_pydicom(item, (*path, (tag, number)), private=private)


def found_by_pydicom(
    dataset: Dataset, path: tuple[tuple[int, int], ...] = (), *, private: bool = False
) -> Iterator[Row]:
    """Yield the same as `found_by_csaclean`, read from a pydicom data set without converting values."""
    for tag in dataset.keys():  # noqa: SIM118  # pydicom iterates over converted elements
        raw = dataset.get_item(tag)
        items = _items(dataset, raw)
        inside = private or tag.is_private
        if inside:
            value = getattr(raw, "value", b"")
            yield path, int(tag), "SQ" if items is not None else digest(value or b"")
        if items is not None:
            yield from _rows(items, path, int(tag), private=inside)


def assert_same(data: bytes) -> None:
    ours, end = found_by_csaclean(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Counter(found_by_pydicom(dcmread(io.BytesIO(data[:end]), force=True)))
    assert ours.keys() == theirs.keys()
    assert ours == theirs


@pytest.mark.parametrize("name", GOLDEN)
def test_pydicom_finds_the_same_in_a_golden_phantom(name: str) -> None:
    data = GOLDEN[name]()
    assert found_by_csaclean(data)[0]
    assert_same(data)


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_pydicom_finds_the_same_in_nested_items_of_any_encoding(encoding: Encoding, undefined: bool) -> None:
    assert_same(file_bytes(Phantom(xa_image(undefined=undefined), encoding)))
    assert_same(file_bytes(Phantom(base_image(), encoding)))


@pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
def test_pydicom_finds_the_same_wherever_creators_and_payloads_stand(encoding: Encoding) -> None:
    for sample in creator_cases(encoding):
        if encoding.order == ">" and sample.name == "inside-un-of-undefined-length":
            continue  # pydicom can't: it expects the items in the byte order of the file
        assert_same(sample.data)


def test_pydicom_finds_the_same_in_front_of_a_tail() -> None:
    assert_same(canary_file()[0])


def test_the_witness_can_disagree() -> None:
    data = GOLDEN["csa2_mosaic_explicit"]()
    position = data.index(b"SV10")
    ours, _ = found_by_csaclean(data)
    changed = data[:position] + b"X" + data[position + 1 :]
    theirs = Counter(found_by_pydicom(dcmread(io.BytesIO(changed))))
    assert ours != theirs


@pytest.mark.parametrize("path", REAL)
def test_pydicom_finds_the_same_in_a_real_file(path: Path) -> None:
    data = path.read_bytes()
    try:
        same = found_by_csaclean(data)
    except CsacleanError as error:
        pytest.fail(f"csaclean refuses the file: {error.code}")
    assert sum(same[0].values()) >= 0
    ours, end = same
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Counter(found_by_pydicom(dcmread(io.BytesIO(data[:end]), force=True)))
    # Tags only in a failure's message: values of real files are not to be printed, not even their digests.
    assert sorted((path, f"{tag:08X}") for path, tag, _ in ours - theirs) == []
    assert sorted((path, f"{tag:08X}") for path, tag, _ in theirs - ours) == []


@pytest.mark.parametrize("path", REAL)
def test_a_real_file_is_walked_to_its_end(path: Path) -> None:
    data = path.read_bytes()
    source = BytesSource(data)
    start = find_start(source)
    found = walk(source, start.syntax, start.offset)
    assert found.end == len(data)
