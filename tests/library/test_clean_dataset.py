"""``csaclean.clean_dataset``: a pydicom data set in place, or not at all, with a file's result."""

import copy
import io
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

import csaclean
from csaclean.errors import CsacleanError, MalformedValue, PolicyError
from phantom_creators import small_headers
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    DEFLATED,
    ENCODINGS,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Element,
    Encoding,
    ordered,
    private_block,
    sequence,
    text,
    with_group_lengths,
)
from phantoms import CREATOR, GOLDEN, OTHER_SERIES_UID, base_image, csa_elements, plain_image

IMAGE, SERIES = small_headers()
READABLE = [name for name in GOLDEN if name != "tail_and_padding"]
"""pydicom takes bytes behind the data set for one more element."""
Path_ = tuple[int, ...]


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def private_values(ds: Dataset, path: Path_ = (), inside: bool = False) -> Iterator[tuple[Path_, bytes]]:
    """Yield every private value as bytes, with its tags and item numbers; decoded ones as their repr."""
    for tag in sorted(ds.keys()):
        element = ds[tag]
        private = inside or tag.is_private
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from private_values(item, (*path, int(tag), number), private)
        elif private:
            value = element.value
            yield (*path, int(tag)), value if isinstance(value, bytes) else repr(value).encode()


def cleaned_by_file(
    data: bytes, folder: Path, policy: str = "converter-safe"
) -> tuple[bytes, csaclean.Report]:
    source, target = folder / "file-in.dcm", folder / "file-out.dcm"
    source.write_bytes(data)
    report = csaclean.clean_file(source, target, policy, overwrite=True)
    return target.read_bytes(), report


def saved(ds: Dataset) -> bytes:
    buffer = io.BytesIO()
    ds.save_as(buffer)
    return buffer.getvalue()


def state(ds: Dataset) -> list[object]:
    """Return what a data set holds, without converting anything in it."""
    found: list[object] = []
    for tag in sorted(ds.keys()):
        element = ds.get_item(tag)
        if element.VR == "SQ" and not isinstance(element, RawDataElement):
            found.append((int(tag), [state(item) for item in element.value]))
        else:
            found.append((int(tag), type(element), element.VR, element.value))
    return found


class TestFiles:
    """A data set read from a file is cleaned as the file would be."""

    @pytest.mark.parametrize("name", READABLE)
    def test_the_claimed_elements_hold_what_the_file_route_gives(self, tmp_path: Path, name: str) -> None:
        data = GOLDEN[name]()
        expected, _ = cleaned_by_file(data, tmp_path)
        ds = read(data)
        csaclean.clean_dataset(ds)
        assert dict(private_values(ds)) == dict(private_values(read(expected)))

    @pytest.mark.parametrize("name", [name for name in READABLE if name != "csa2_deflated"])
    def test_saved_it_is_the_file_that_clean_file_writes(self, tmp_path: Path, name: str) -> None:
        data = GOLDEN[name]()
        expected, _ = cleaned_by_file(data, tmp_path)
        if saved(read(data)) != data:
            assert saved(read(expected)) != expected  # pydicom itself doesn't give such a file back
            expected = saved(read(expected))
        ds = read(data)
        csaclean.clean_dataset(ds)
        assert saved(ds) == data[:128] + expected[128:]  # the preamble is the file's, not the data set's

    @pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
    @pytest.mark.parametrize("policy", ["converter-safe", "dead-space"])
    def test_in_every_encoding_and_policy(self, tmp_path: Path, encoding: Encoding, policy: str) -> None:
        data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES), encoding))
        expected, _ = cleaned_by_file(data, tmp_path, policy)
        ds = read(data)
        csaclean.clean_dataset(ds, policy)
        assert dict(private_values(ds)) == dict(private_values(read(expected)))
        assert dict(private_values(ds)) != dict(private_values(read(data)))

    @pytest.mark.parametrize("name", GOLDEN)
    def test_its_report_says_what_the_file_report_says(self, tmp_path: Path, name: str) -> None:
        data = GOLDEN[name]()
        _, expected = cleaned_by_file(data, tmp_path)
        report = csaclean.clean_dataset(read(data))
        assert isinstance(report, csaclean.Report)
        assert report.elements == expected.elements
        assert report.kept == expected.kept
        assert report.unclaimed == expected.unclaimed
        assert report.vouched == expected.vouched

    @pytest.mark.parametrize("size", [16, 256])
    def test_values_that_are_read_lazily_are_cleaned(self, tmp_path: Path, size: int) -> None:
        data = GOLDEN["csa2_mosaic_explicit"]()
        expected, _ = cleaned_by_file(data, tmp_path)
        (tmp_path / "lazy.dcm").write_bytes(data)
        ds = pydicom.dcmread(tmp_path / "lazy.dcm", defer_size=size)
        csaclean.clean_dataset(ds)
        assert dict(private_values(ds)) == dict(private_values(read(expected)))

    def test_lazy_values_whose_file_is_gone_fail_and_are_not_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "lazy.dcm").write_bytes(GOLDEN["csa2_mosaic_explicit"]())
        ds = pydicom.dcmread(tmp_path / "lazy.dcm", defer_size=16)
        (tmp_path / "lazy.dcm").unlink()
        with pytest.raises(CsacleanError):
            csaclean.clean_dataset(ds)

    @pytest.mark.parametrize(
        "encoding", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG], ids=lambda e: e.name
    )
    def test_elements_that_were_looked_at_before_are_cleaned_alike(
        self, tmp_path: Path, encoding: Encoding
    ) -> None:
        data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES), encoding))
        expected, _ = cleaned_by_file(data, tmp_path)
        ds = read(data)
        for element in ds.iterall():
            assert element.value is not None or element.VM == 0
        csaclean.clean_dataset(ds)
        assert dict(private_values(ds)) == dict(private_values(read(expected)))

    @pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, IMPLICIT_LITTLE], ids=lambda e: e.name)
    @pytest.mark.parametrize("undefined", [False, True])
    def test_sequences_in_un_are_cleaned(self, tmp_path: Path, encoding: Encoding, undefined: bool) -> None:
        block = private_block(0x0029, 0x10, CREATOR, csa_elements(IMAGE, SERIES))
        item = (text(0x0020000E, "UI", OTHER_SERIES_UID), *block)
        inside = sequence(0x00081115, item, vr="UN", undefined=undefined, undefined_items=undefined)
        ds = read(file_bytes(Phantom(plain_image((inside,)), encoding)))
        report = csaclean.clean_dataset(ds)
        assert sum(group.dead_nonzero for group in report.elements) > 0
        assert b"CANARY" not in saved(ds)

    def test_a_private_sequence_in_un_is_cleaned(self, tmp_path: Path) -> None:
        block = private_block(0x0029, 0x10, CREATOR, csa_elements(IMAGE, SERIES))
        outer = private_block(
            0x0021, 0x10, b"SIEMENS MR SDS 01", {0xFE: ("UN", sequence(0, ordered(block)).value)}
        )
        data = file_bytes(Phantom(plain_image(outer)))
        ds = read(data)
        csaclean.clean_dataset(ds)
        assert b"CANARY" in saved(read(data))
        assert b"CANARY" not in saved(ds)

    def test_a_creator_that_reserves_two_blocks_has_both_cleaned(self) -> None:
        elements = csa_elements(IMAGE, SERIES)
        blocks = (
            *private_block(0x29, 0x11, CREATOR, elements),
            *private_block(0x29, 0xFF, CREATOR, elements),
        )
        ds = read(file_bytes(Phantom(plain_image(blocks))))
        report = csaclean.clean_dataset(ds)
        assert {group.count for group in report.elements} == {2}
        assert b"CANARY" not in ds[0x00291110].value + ds[0x0029FF10].value

    def test_all_else_is_left_alone(self) -> None:
        data = GOLDEN["csa2_mosaic_explicit"]()
        before, ds = read(data), read(data)
        csaclean.clean_dataset(ds)
        assert ds.file_meta == before.file_meta
        standard = [tag for tag in before if not tag.tag.is_private]
        assert [ds[element.tag] for element in standard] == standard

    def test_a_second_time_changes_nothing(self) -> None:
        ds = read(GOLDEN["csa2_mosaic_explicit"]())
        assert csaclean.clean_dataset(ds).status == "cleaned"
        once = saved(ds)
        assert csaclean.clean_dataset(ds).status == "unchanged"
        assert saved(ds) == once


class TestReencoded:
    """Data sets that go to another transfer syntax, before or after they are cleaned."""

    SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)

    def reencoded(self, ds: Dataset, syntax: UID) -> Dataset:
        """Return a data set as it is after it was written in a transfer syntax, and read."""
        ds = copy.deepcopy(ds)
        ds.file_meta.TransferSyntaxUID = syntax
        buffer = io.BytesIO()
        ds.preamble = bytes(128)
        pydicom.dcmwrite(
            buffer,
            ds,
            implicit_vr=syntax.is_implicit_VR,
            little_endian=syntax.is_little_endian,
            force_encoding=True,
        )
        return read(buffer.getvalue())

    @pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
    @pytest.mark.parametrize("name", ["csa2_mosaic_explicit", "csa2_implicit", "csa2_big_endian", "xa_like"])
    def test_cleaning_commutes_with_it(self, name: str, syntax: UID) -> None:
        ds = read(GOLDEN[name]())
        ds.walk(
            lambda dataset, element: dataset[element.tag].value
        )  # else pydicom can't change the byte order
        before, after = copy.deepcopy(ds), self.reencoded(ds, syntax)
        csaclean.clean_dataset(before)
        csaclean.clean_dataset(after)
        assert dict(private_values(self.reencoded(before, syntax))) == dict(private_values(after))
        assert b"CANARY" not in saved(after)

    def test_pixel_data_may_be_decompressed_before(self) -> None:
        ds, expected = read(GOLDEN["csa2_encapsulated"]()), read(GOLDEN["csa2_encapsulated"]())
        ds.decompress()
        csaclean.clean_dataset(ds)
        csaclean.clean_dataset(expected)
        assert dict(private_values(ds)) == dict(private_values(expected))
        assert b"CANARY" not in saved(ds)

    @pytest.mark.parametrize("name", ["csa2_big_endian", "csa2_mosaic_explicit"])
    def test_items_may_come_from_a_file_of_the_other_byte_order(self, name: str) -> None:
        other = {"csa2_big_endian": "csa2_implicit", "csa2_mosaic_explicit": "csa2_big_endian"}[name]
        ds, item, expected = read(GOLDEN[name]()), read(GOLDEN[other]()), read(GOLDEN[other]())
        del ds.file_meta, item.file_meta
        ds.ReferencedSeriesSequence = Sequence([item])
        csaclean.clean_dataset(ds)
        csaclean.clean_dataset(expected)
        assert dict(private_values(item)) == dict(private_values(expected))

    def test_a_copy_is_cleaned_and_the_original_is_not(self) -> None:
        ds = read(GOLDEN["csa2_nested_items"]())
        before, twin = saved(ds), pickle.loads(pickle.dumps(ds))
        csaclean.clean_dataset(twin)
        assert b"CANARY" not in saved(twin)
        assert saved(ds) == before


class TestMemory:
    """Data sets made by hand."""

    def built(self, image: bytes = IMAGE, series: bytes = SERIES) -> Dataset:
        ds = Dataset()
        ds.PatientName = "PHANTOM^SYNTHETIC"
        block = ds.private_block(0x29, CREATOR.decode(), create=True)
        block.add_new(0x10, "OB", image)
        block.add_new(0x20, "OB", series)
        block.add_new(0x09, "LO", "20010203")
        return ds

    def test_it_is_cleaned_as_a_file_is(self) -> None:
        ds = self.built()
        report = csaclean.clean_dataset(ds)
        assert report.status == "cleaned"
        for tag, blob, byte in ((0x00291010, IMAGE, 0x10), (0x00291020, SERIES, 0x20)):
            expected = csaclean.clean_value(blob, creator=CREATOR.decode(), group=0x29, element=byte)
            assert ds[tag].value == expected
        assert ds[0x00291009].value == "19000101"
        assert ds.PatientName == "PHANTOM^SYNTHETIC"

    def test_nested_items_are_cleaned(self) -> None:
        inner, outer = self.built(), Dataset()
        middle = Dataset()
        middle.ReferencedSeriesSequence = Sequence([inner, self.built()])
        outer.RequestAttributesSequence = Sequence([middle])
        csaclean.clean_dataset(outer)
        for item in outer.RequestAttributesSequence[0].ReferencedSeriesSequence:
            assert b"CANARY" not in item[0x00291010].value + item[0x00291020].value
            assert item[0x00291009].value == "19000101"

    def test_an_empty_one_is_unchanged_and_vouched_for(self) -> None:
        report = csaclean.clean_dataset(Dataset())
        assert report.status == "unchanged"
        assert report.vouched

    def test_an_unknown_creator_is_reported_without_its_name(self) -> None:
        ds = self.built()
        ds.private_block(0x19, "DOE^JOHN SECRET", create=True).add_new(0x01, "LO", "SOMETHING")
        report = csaclean.clean_dataset(ds)
        assert not report.vouched
        assert "(0019,?,01)" in {one.selector for one in report.unclaimed}
        assert "DOE" not in repr(report)

    def test_values_of_several_items_stay_what_they_are(self) -> None:
        ds = self.built()
        ds.private_block(0x29, CREATOR.decode()).add_new(0x08, "CS", ["IMAGE NUM 4", "MR"])
        csaclean.clean_dataset(ds)
        assert list(ds[0x00291008].value) == ["IMAGE NUM 4", "MR"]

    @pytest.mark.parametrize("charset", ["ISO_IR 192", ["", "ISO 2022 IR 87"], "ISO_IR 144"])
    def test_text_in_any_character_set_is_no_obstacle(self, charset: str | list[str]) -> None:
        ds = self.built()
        ds.SpecificCharacterSet = charset
        word = "Физика" if charset == "ISO_IR 144" else "山田"
        ds.private_block(0x19, "OTHER VENDOR 01", create=True).add_new(0x01, "LO", word)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            csaclean.clean_dataset(ds)
        assert ds[0x00191001].value == word
        assert b"CANARY" not in ds[0x00291010].value

    def test_the_stream_of_bytes_may_have_any_length(self) -> None:
        for size in range(1, 9):
            ds = self.built()
            ds.private_block(0x19, "OTHER VENDOR 01", create=True).add_new(0x01, "OB", b"x" * size)
            csaclean.clean_dataset(ds)
            assert ds[0x00191001].value == b"x" * size


def test_words_are_found_in_the_character_set_of_the_data_set_once_it_was_looked_at() -> None:
    """Identifiers, and private texts that pydicom holds as such."""
    other = private_block(0x0019, 0x10, b"OTHER VENDOR 01", {0x10: ("LO", "von Кириллов".encode())})
    name = Element(0x00100010, "PN", "Кириллов^Иван".encode())
    image = [one for one in plain_image(other) if one.tag not in (0x00080005, 0x00100010)]
    data = file_bytes(Phantom(ordered([*image, name, text(0x00080005, "CS", "ISO_IR 192")])))
    untouched, looked_at = read(data), read(data)
    assert looked_at.PatientName == "Кириллов^Иван"
    assert looked_at[0x00191010].value == "von Кириллов"
    for ds in (untouched, looked_at):
        csaclean.clean_dataset(ds)
        assert "Кириллов" not in ds[0x00191010].value
    assert dict(private_values(untouched)) == dict(private_values(looked_at))


@pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
def test_the_length_of_a_private_group_is_nulled_if_it_is_none(encoding: Encoding) -> None:
    block = private_block(0x0019, 0x10, b"OTHER VENDOR 01", {0x10: ("LO", b"words ")})
    true = with_group_lengths(plain_image(block), 0x0019)
    false = [Element(0x00190000, "UL", b"Quil") if one.tag == 0x00190000 else one for one in true]
    for dataset, region in ((true, []), (false, ["group-length"])):
        ds = read(file_bytes(Phantom(ordered(dataset), encoding)))
        before = ds.get_item(0x00190000).value
        report = csaclean.clean_dataset(ds)
        assert [one.region for one in report.regions] == region
        assert ds.get_item(0x00190000).value == (bytes(4) if region else before)
        assert report.status == ("cleaned" if region else "unchanged")


class TestFailure:
    """What can't be cleaned is as it was, to the last element."""

    def test_a_malformed_header_leaves_the_others_too(self) -> None:
        data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES[:-40])))
        ds = read(data)
        with pytest.raises(MalformedValue) as caught:
            csaclean.clean_dataset(ds)
        assert caught.value.selector == "(0029,SIEMENS CSA HEADER,20)"
        assert state(ds) == state(read(data))
        assert saved(ds) == saved(read(data))

    def test_a_malformed_header_in_an_item_leaves_the_root(self) -> None:
        bad = private_block(0x0029, 0x10, CREATOR, csa_elements(IMAGE, SERIES[:-40]))
        item = sequence(0x52009230, (text(0x0020000E, "UI", OTHER_SERIES_UID), *bad))
        data = file_bytes(Phantom(base_image((item,), image=IMAGE, series=SERIES)))
        ds = read(data)
        with pytest.raises(MalformedValue):
            csaclean.clean_dataset(ds)
        assert saved(ds) == saved(read(data))

    def test_an_unknown_policy(self) -> None:
        ds = read(GOLDEN["csa2_implicit"]())
        before = saved(ds)
        with pytest.raises(PolicyError):
            csaclean.clean_dataset(ds, "no-such-policy")
        assert saved(ds) == before

    def test_a_value_that_cannot_be_encoded(self) -> None:
        ds = Dataset()
        ds.add_new(0x00290010, "LO", CREATOR.decode())
        ds.add_new(0x00291010, "OB", IMAGE)
        ds.add_new(0x00291077, "US", 1)
        ds[0x00291077]._value = "PHANTOM"
        before = copy.deepcopy(state(ds))
        with pytest.raises(CsacleanError):
            csaclean.clean_dataset(ds)
        assert state(ds) == before

    def test_nesting_beyond_the_limit(self) -> None:
        ds = leaf = Dataset()
        for _ in range(70):
            inner = Dataset()
            leaf.ReferencedSeriesSequence = Sequence([inner])
            leaf = inner
        leaf.add_new(0x00290010, "LO", CREATOR.decode())
        leaf.add_new(0x00291010, "OB", IMAGE)
        with pytest.raises(CsacleanError):
            csaclean.clean_dataset(ds)
        assert leaf[0x00291010].value == IMAGE

    def test_nesting_beyond_what_python_can_recurse(self) -> None:
        ds = leaf = Dataset()
        for _ in range(2000):
            inner = Dataset()
            leaf.ReferencedSeriesSequence = Sequence([inner])
            leaf = inner
        with pytest.raises(CsacleanError):
            csaclean.clean_dataset(ds)


def test_a_deflated_file_is_read_and_cleaned_too(tmp_path: Path) -> None:
    data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES), DEFLATED))
    ds = read(data)
    assert csaclean.clean_dataset(ds).status == "cleaned"
    again = read(saved(ds))
    assert b"CANARY" not in again[0x00291010].value
