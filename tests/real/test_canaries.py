"""Canaries in every class of dead byte, wherever a CSA block may stand: none survives, and nothing else changes.

What is expected comes from the builder, which knows where it put them, not from a reader.
"""

import io
from collections import Counter
from pathlib import Path

import pydicom
import pytest

import csaclean
from phantom_creators import Sample, creator_cases, creator_matrix, small_headers
from phantom_csa import CANARIES, canary, swapped
from phantom_writer import ENCODINGS, Encoding
from phantoms import GOLDEN, OTHER_VENDORS, canary_file
from tests.real.readers import HEADERS, OFFSETS, body, expected_value, private_values

SHORTEST = 4
MATRIX = list(creator_matrix())
CASES = list(creator_cases())
UNDEFLATED = [encoding for encoding in ENCODINGS if not encoding.deflated]


def survivors(data: bytes) -> Counter[str]:
    """Return how often the beginning of each canary stands in a file, in pairs of swapped bytes too."""
    plain = body(data)
    views = (plain, swapped(plain[: len(plain) & ~1]), swapped(plain[1 : 1 + (len(plain) - 1 & ~1)]))
    return Counter(
        {
            kind: found
            for kind, word in CANARIES.items()
            if (found := sum(view.count(word[:SHORTEST]) for view in views))
        }
    )


def first_bytes(data: bytes) -> int:
    """Return how often the first byte of any canary stands in private elements: in live contents none does.

    That finds canaries of a single byte too.
    """
    return sum(value.count(word[:1]) for value in private_values(data) for word in CANARIES.values())


def clean(data: bytes, folder: Path, policy: str = "converter-safe") -> tuple[bytes, csaclean.Report]:
    """Return a cleaned file and its report."""
    source, target = folder / "source.dcm", folder / "target.dcm"
    source.write_bytes(data)
    report = csaclean.clean_file(source, target, policy)
    return target.read_bytes(), report


SMALL = small_headers()
SMALL_CLEANED = tuple(
    expected_value(offset, header, "converter-safe") for offset, header in zip(HEADERS, SMALL, strict=True)
)


@pytest.mark.parametrize("sample", MATRIX, ids=lambda sample: sample.name)
def test_a_creator_is_found_wherever_it_stands(sample: Sample, tmp_path: Path) -> None:
    before = body(sample.data)
    assert all(before.count(header) == sample.csa_elements / 2 for header in SMALL)
    cleaned, report = clean(sample.data, tmp_path)
    after = body(cleaned)
    assert report.status == "cleaned"
    assert not survivors(cleaned)
    assert all(after.count(header) == sample.csa_elements / 2 for header in SMALL_CLEANED)
    assert len(after) == len(before)
    # Found by creator: the elements beside the headers, which have no signature, are cleaned too.
    assert after.count(b"19000101") == before.count(b"19000101") + sample.csa_elements
    assert sum(group.orphans for group in report.elements) == 0


def test_the_matrix_has_all_its_files() -> None:
    assert len(MATRIX) == 360
    assert len({sample.data for sample in MATRIX}) == 360
    assert all(survivors(sample.data).keys() >= {"name-tail", "value-tail"} for sample in MATRIX)


@pytest.mark.parametrize("sample", CASES, ids=lambda sample: sample.name)
def test_a_strange_place_or_payload_is_found_too(sample: Sample, tmp_path: Path) -> None:
    before = body(sample.data)
    assert all(before.count(header) == sample.csa_elements / 2 for header in SMALL)
    cleaned, report = clean(sample.data, tmp_path)
    assert report.status == "cleaned"
    assert not survivors(cleaned)
    assert all(body(cleaned).count(header) == sample.csa_elements / 2 for header in SMALL_CLEANED)


def test_every_file_of_the_matrix_gets_the_same_edits_per_header(tmp_path: Path) -> None:
    edits = set()
    for sample in MATRIX:
        _, report = clean(sample.data, tmp_path)
        (tmp_path / "target.dcm").unlink()
        assert len(report.elements) == len(OFFSETS)
        for group in report.elements:
            counts = [group.count, group.bytes, group.dead, group.dead_nonzero, *group.edits.values()]
            times = sample.csa_elements // 2
            assert group.count == times
            edits.add((group.selector, *(count // times for count in counts), *group.edits))
    assert len(edits) == len(OFFSETS)


@pytest.mark.parametrize("policy", ["dead-space", "converter-safe"])
@pytest.mark.parametrize("name", [name for name in GOLDEN if name not in OTHER_VENDORS | {"xa_like"}])
def test_no_canary_of_a_golden_phantom_survives(name: str, policy: str, tmp_path: Path) -> None:
    data = GOLDEN[name]()
    assert {"name-tail", "value-tail"} <= survivors(data).keys()
    assert first_bytes(data) > 200
    cleaned, report = clean(data, tmp_path, policy)
    assert report.status == "cleaned"
    assert not survivors(cleaned)
    assert first_bytes(cleaned) == 0


@pytest.mark.parametrize("encoding", UNDEFLATED, ids=lambda encoding: encoding.name)
def test_every_class_of_dead_byte_is_nulled_and_no_other_byte_changes(
    encoding: Encoding, tmp_path: Path
) -> None:
    data, ranges = canary_file(encoding)
    assert {one.kind for one in ranges} == set(CANARIES) - {"csa1-trailer"}
    assert all(data[start:stop] == canary(kind, stop - start) for kind, start, stop in ranges)
    cleaned, _ = clean(data, tmp_path, "dead-space")
    expected = bytearray(data)
    tail = next(one for one in ranges if one.kind == "data-set-tail")
    for _, start, stop in ranges:
        expected[start:stop] = bytes(stop - start)
    # What stands behind the data set becomes an element, so that readers which refuse such bytes read the file.
    header = 8 if encoding.implicit else 12
    assert not any(cleaned[tail.start + header :])
    assert cleaned[: tail.start] == bytes(expected[: tail.start])
    assert len(cleaned) == len(data)
    dataset = pydicom.dcmread(io.BytesIO(cleaned))
    assert dataset.PatientID


def test_canaries_of_each_class_are_counted_in_the_report(tmp_path: Path) -> None:
    data, ranges = canary_file()
    _, report = clean(data, tmp_path)
    outside = {"preamble", "data-set-padding", "data-set-tail"}
    inside = [one for one in ranges if one.kind not in outside]
    assert sum(group.dead_nonzero for group in report.elements) == sum(
        stop - start for _, start, stop in inside
    )
    regions = {region.region: region.nonzero for region in report.regions}
    assert regions == {
        region: sum(stop - start for kind, start, stop in ranges if kind == expected)
        for region, expected in (
            ("preamble", "preamble"),
            ("padding", "data-set-padding"),
            ("trailing", "data-set-tail"),
        )
    }
