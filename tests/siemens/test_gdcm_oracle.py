"""GDCM as an oracle: what both null is the same, and its reader sees the same values afterwards."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pydicom
import pytest

from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, Variant
from phantom_csa import image_header, series_header, with_canaries
from phantom_file import Phantom, file_bytes
from phantoms import csa_block, plain_image
from tests.siemens.independent_csa import dead_ranges, read_items
from tests.siemens.samples import REAL_FILES, cleaned, csa_values, real_blobs

gdcm = pytest.importorskip("gdcm")

CREATOR = "SIEMENS CSA HEADER"
ORPHANS = ("siemens_b-unknown_orphan-csa_1.dcm", "siemens_b-unknown_orphan-csa_2.dcm")
DICOM = [
    parameter
    for parameter in REAL_FILES
    if parameter.values[0] is None or str(parameter.values[0]).endswith(".dcm")
]


def _scrub(source: Path, target: Path) -> tuple[bytes, ...]:
    """Have GDCM scrub both CSA headers of a file into another one; return them."""
    reader = gdcm.Reader()
    reader.SetFileName(str(source))
    assert reader.Read()
    cleaner = gdcm.Cleaner()
    cleaner.SetFile(reader.GetFile())
    for byte in (0x10, 0x20):
        assert cleaner.Scrub(gdcm.PrivateTag(0x29, byte, CREATOR))
    cleaner.Clean()
    writer = gdcm.Writer()
    writer.SetCheckFileMetaInformation(False)
    writer.SetFileName(str(target))
    writer.SetFile(cleaner.GetFile())
    assert writer.Write()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # real files are not always valid DICOM; pydicom says so
        return tuple(csa_values(pydicom.dcmread(target, force=True, stop_before_pixels=True)))


def _nulled(blob: bytes, ranges: Sequence[tuple[str, int, int]], kinds: frozenset[str]) -> bytes:
    """Return a header with the dead bytes of some kinds nulled."""
    new = bytearray(blob)
    for kind, start, stop in ranges:
        if kind in kinds:
            new[start:stop] = bytes(stop - start)
    return bytes(new)


ALL = frozenset({"name-tail", "vr-tail", "padding", "value-tail", "trailer", "after-trailer", "csa1-trailer"})
NAMES = frozenset({"name-tail"})
FATAL = frozenset({"vr-tail", "trailer", "after-trailer"})
"""Dead bytes of CSA2 that make GDCM leave the header as it is."""


class TestCleaner:
    @pytest.mark.parametrize("path", DICOM)
    def test_gdcm_and_dead_space_agree_on_the_name_tails_of_real_headers(
        self, path: Path, tmp_path: Path
    ) -> None:
        blobs = real_blobs(path)
        if not any(blob.startswith(b"SV10") for blob in blobs) or path.name in ORPHANS:
            return  # GDCM deletes elements without creator
        for blob, scrubbed in zip(blobs, _scrub(path, tmp_path / "scrubbed.dcm"), strict=True):
            if blob.startswith(b"SV10"):
                assert scrubbed == _nulled(blob, dead_ranges(blob), NAMES)
                assert cleaned(blob, "dead-space").new == _nulled(scrubbed, dead_ranges(blob), ALL)

    @pytest.mark.parametrize("value_tail", [0, 17])
    def test_gdcm_leaves_the_padding_and_value_tails_that_dead_space_nulls(
        self, value_tail: int, tmp_path: Path
    ) -> None:
        blobs = []
        for header in (image_header(), series_header()):
            blob, ranges = with_canaries(header, value_tail=value_tail, after_trailer=0)
            blobs.append(_nulled(blob, ranges, FATAL))
        source = tmp_path / "phantom.dcm"
        source.write_bytes(file_bytes(Phantom(plain_image(csa_block(*blobs)))))
        for blob, scrubbed in zip(blobs, _scrub(source, tmp_path / "scrubbed.dcm"), strict=True):
            ranges_left = dead_ranges(blob)
            assert scrubbed == _nulled(blob, ranges_left, NAMES) != blob
            assert cleaned(blob, "dead-space").new == _nulled(scrubbed, ranges_left, ALL) != scrubbed

    def test_gdcm_leaves_the_trailer_of_csa1_that_dead_space_nulls(self, tmp_path: Path) -> None:
        made = [with_canaries(make(Variant.CSA1), value_tail=0) for make in (image_header, series_header)]
        source = tmp_path / "phantom.dcm"
        source.write_bytes(file_bytes(Phantom(plain_image(csa_block(*(blob for blob, _ in made))))))
        for (blob, ranges), scrubbed in zip(made, _scrub(source, tmp_path / "scrubbed.dcm"), strict=True):
            assert scrubbed == _nulled(blob, ranges, NAMES) != blob
            assert cleaned(blob, "dead-space").new == _nulled(scrubbed, ranges, ALL) != scrubbed

    @pytest.mark.parametrize("kind", ["vr-tail", "trailer"])
    def test_gdcm_gives_up_on_a_header_that_dead_space_cleans(self, kind: str, tmp_path: Path) -> None:
        blob, ranges = with_canaries(image_header(), after_trailer=0)
        blob = _nulled(blob, ranges, FATAL - {kind})
        source = tmp_path / "phantom.dcm"
        source.write_bytes(file_bytes(Phantom(plain_image(csa_block(blob)))))
        scrubbed, _ = _scrub(source, tmp_path / "scrubbed.dcm")
        assert scrubbed == blob
        assert cleaned(blob, "dead-space").new == _nulled(blob, dead_ranges(blob), ALL)


def _elements(blob: bytes, tmp_path: Path) -> dict[str, str]:
    """Return what GDCM's reader prints of each tag, by name."""
    path = tmp_path / "one.dcm"
    path.write_bytes(file_bytes(Phantom(plain_image(csa_block(blob)))))
    reader = gdcm.Reader()
    reader.SetFileName(str(path))
    assert reader.Read()
    header = gdcm.CSAHeader()
    assert header.LoadFromDataElement(reader.GetFile().GetDataSet().GetDataElement(gdcm.Tag(0x29, 0x1010)))
    names = {tag.name.decode("ascii") for tag in csa.decode(blob).tags}
    return {name: str(header.GetCSAElementByName(name)) for name in sorted(names)}


class TestReader:
    @pytest.mark.parametrize("path", REAL_FILES)
    def test_reads_the_values_of_real_headers_that_it_read_before(self, path: Path, tmp_path: Path) -> None:
        for blob in real_blobs(path):
            if not blob.startswith(b"SV10\4\3\2\1") or path.name == "csa_str_1001n_items.bin":
                continue  # GDCM aborts on another second magic word
            if any(
                item.stop == item.start and blob[item.start - 8] not in (77, 205) for item in read_items(blob)
            ):
                continue  # and on another check word of an item
            before = _elements(blob, tmp_path)
            assert _elements(cleaned(blob, "dead-space").new, tmp_path) == before

    @pytest.mark.parametrize("make", [image_header, series_header], ids=["image", "series"])
    def test_reads_another_value_only_in_the_tags_of_the_patient(
        self, make: Callable[[], CsaHeader], tmp_path: Path
    ) -> None:
        blob = csa.encode(make())
        result = cleaned(blob)
        before, after = _elements(blob, tmp_path), _elements(result.new, tmp_path)
        edited = {edit.field.partition("/")[0] for edit in result.edits if edit.field}
        assert {name for name in before if before[name] != after[name]} == edited
        assert bool(edited) is (make is series_header)
