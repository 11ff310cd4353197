"""nibabel as a second opinion on CSA headers, and what importing it leaves behind."""

import contextlib
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given

from csaclean.errors import CannotRead, ProofFailed
from csaclean.handler import Claim, parse_selector
from csaclean.proof.witness import WitnessLog
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag, Variant
from csaclean_handlers.siemens.csa_layout import layout_csa
from csaclean_handlers.siemens.witness import NibabelWitness
from phantom_csa import FOREIGN, image_header, second_magic_zeroed, series_header, swapped, with_canaries
from tests.siemens.independent_csa import PlainTag, read_items, write_csa1_gdcm, write_csa1_spm, write_csa2
from tests.siemens.samples import (
    IMAGE,
    REAL_FILES,
    SERIES,
    cleaned,
    headers,
    names_in,
    nibabel_files,
    real_blobs,
    untimed,
)

POLICIES = ["dead-space", "converter-safe"]
CLAIM = Claim(parse_selector(SERIES))
IMAGE_CLAIM = Claim(parse_selector(IMAGE))


def _read(value: bytes) -> Mapping[str, object]:
    return NibabelWitness().read(CLAIM, value)


class TestReading:
    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("path", REAL_FILES)
    def test_of_real_headers_differs_only_in_edited_tags(self, path: Path, policy: str) -> None:
        for blob in real_blobs(path):
            try:
                before = _read(blob)
            except CannotRead:
                assert path.name == "csa_str_1001n_items.bin" or not blob.startswith(b"SV10")
                continue
            result = cleaned(blob, policy, proof="self")
            after = _read(result.new)
            places = (edit.row or edit.field for edit in result.edits)
            edited = {place.partition("/")[0].partition("@")[0] for place in places} - {""}
            assert before.keys() == after.keys()
            assert {name for name, value in before.items() if after[name] != value} == edited & before.keys()
            assert policy != "dead-space" or not edited

    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("header", [image_header(), series_header()], ids=["image", "series"])
    def test_of_phantoms_differs_only_in_edited_tags(self, header: CsaHeader, policy: str) -> None:
        blob = csa.encode(header)
        result = cleaned(blob, policy, proof="self")
        before, after = _read(blob), _read(result.new)
        edited = {edit.field.partition("/")[0] for edit in result.edits if edit.field}
        assert {name for name, value in before.items() if after[name] != value} == edited

    def test_finds_every_tag_that_the_layout_finds(self) -> None:
        blob = csa.encode(series_header())
        assert names_in(layout_csa(blob)) <= _read(blob).keys()

    def test_of_a_swapped_header_is_that_of_the_header(self) -> None:
        blob = csa.encode(image_header())
        assert _read(swapped(blob)) == _read(blob)

    def test_does_not_depend_on_the_second_magic_word(self) -> None:
        blob = csa.encode(image_header())
        assert _read(second_magic_zeroed(blob)) == _read(blob)

    def test_does_not_see_what_stands_behind_a_nul(self) -> None:
        blob, _ = with_canaries(image_header())
        assert _read(cleaned(blob, "dead-space", proof="self").new) == _read(blob)

    @pytest.mark.parametrize("word", [64, 72, 76, 80], ids=["vm", "type", "items", "mark"])
    def test_sees_other_words_of_a_tag_record(self, word: int) -> None:
        blob = bytearray(csa.encode(CsaHeader.build([CsaTag.build("PixelFile", "UN")])))
        before = _read(bytes(blob))
        blob[16 + word] ^= 7
        try:
            after = _read(bytes(blob))
        except CannotRead:
            return
        assert after != before


class TestRefusing:
    @pytest.mark.parametrize(
        "value",
        [
            b"",
            bytes(64),
            b"SV10",
            b"VS01\3",
            csa.encode(image_header())[:200],
            csa.encode(image_header(Variant.CSA1)),
            csa.encode(series_header(Variant.CSA1_SPM)),
            b"SV10\4\3\2\1" + struct.pack("<2I", 1001, 77),
            *FOREIGN.values(),
        ],
        ids=["empty", "zeros", "magic", "odd", "cut", "csa1", "csa1-spm", "1001-tags", *FOREIGN],
    )
    def test_what_nibabel_refuses_is_no_opinion(self, value: bytes) -> None:
        with pytest.raises(CannotRead):
            _read(value)

    def test_nibabels_own_example_of_too_many_items_is_no_opinion(self) -> None:
        path = next(path for path in nibabel_files() if path.name == "csa_str_1001n_items.bin")
        with pytest.raises(CannotRead):
            _read(real_blobs(path)[0])

    @pytest.mark.parametrize(
        "values",
        [(b"DOE^JANE\0",), (b"        \0",), (b"1\0", b"2\0")],
        ids=["text-in-a-number", "blank-number", "data-beyond-vm"],
    )
    def test_a_value_that_nibabel_can_not_convert_is_no_opinion(self, values: tuple[bytes, ...]) -> None:
        tag = PlainTag(b"B_value", bytes(56), 1, b"IS", b"\0", 6, values)
        with pytest.raises(CannotRead):
            _read(write_csa2([tag]))

    @pytest.mark.parametrize("write", [write_csa1_gdcm, write_csa1_spm])
    def test_any_csa1_header_is_no_opinion(self, write: Callable[[list[PlainTag]], bytes]) -> None:
        # nibabel takes the item count of the second tag for that of the first (nipy/nibabel issue 817): what it
        # reads after two tags without items is padding, or anything.
        empty = PlainTag(b"PixelFile", bytes(54), 1, b"UN", b"\0", 0, ())
        filled = PlainTag(b"ICE_Dims", bytes(55), 1, b"LO", b"\0", 19, (b"X_1_1\0", b"", b"", b"", b"", b""))
        with pytest.raises(CannotRead):
            _read(write([empty, empty, filled]))

    def test_the_reason_holds_nothing_of_the_value(self) -> None:
        tag = PlainTag(b"B_value", bytes(56), 1, b"IS", b"\0", 6, (b"DOE^JANE\0",))
        with pytest.raises(CannotRead) as caught:
            _read(write_csa2([tag]))
        assert "DOE" not in f"{caught.value} {caught.value!r} {caught.value.args}"
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    @untimed
    @given(headers())
    def test_no_header_makes_it_raise_anything_else(self, tags: list[PlainTag]) -> None:
        with contextlib.suppress(CannotRead):
            _read(write_csa2(tags))

    def test_no_opinion_lets_a_header_be_cleaned_and_says_so(self) -> None:
        blob, _ = with_canaries(series_header(Variant.CSA1))
        assert cleaned(blob, "dead-space").witness == "cannot-read"
        assert cleaned(with_canaries(series_header())[0], "dead-space").witness == "read"


def _damaged(blob: bytes, name: bytes) -> bytes:
    """Return a header in which the first digit of a tag's first value is another one."""
    place = next(item.start for item in read_items(blob) if item.tag == name)
    return blob[:place] + (b"7" if blob[place] != ord("7") else b"3") + blob[place + 1 :]


class TestComparing:
    """Negative controls: what was really damaged is noticed."""

    @pytest.mark.parametrize(
        "name", [tag.name for tag in image_header().tags if tag.items and tag.vm], ids=bytes.decode
    )
    def test_a_changed_value_of_each_tag_is_noticed(self, name: bytes) -> None:
        blob = csa.encode(image_header())
        with pytest.raises(ProofFailed, match="differently"):
            WitnessLog("full").compare(
                NibabelWitness(), IMAGE_CLAIM, blob, _damaged(blob, name), layout_csa(blob), ()
            )

    def test_a_changed_tag_name_is_noticed(self) -> None:
        blob = csa.encode(image_header())
        with pytest.raises(ProofFailed):
            WitnessLog("full").compare(
                NibabelWitness(),
                IMAGE_CLAIM,
                blob,
                blob.replace(b"B_value", b"B_valuf"),
                layout_csa(blob),
                (),
            )

    def test_a_result_that_nibabel_can_not_read_any_more_is_noticed(self) -> None:
        blob = csa.encode(image_header())
        with pytest.raises(ProofFailed):
            WitnessLog("full").compare(NibabelWitness(), IMAGE_CLAIM, blob, blob[:-100], layout_csa(blob), ())


def _run(code: str) -> None:
    """Run code in a fresh interpreter, with warnings as errors but for nibabel's own announcement."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:The DICOM readers are highly experimental", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


_READ = """
import sys
sys.path[:0] = {path!r}
from csaclean.handler import Claim, parse_selector
from csaclean_handlers.siemens.witness import NibabelWitness
blob = {blob!r}
def read():
    return NibabelWitness().read(Claim(parse_selector("(0029,SIEMENS CSA HEADER,10)")), blob)
def loaded(name):
    return [module for module in sys.modules if module.partition(".")[0] == name]
"""


def _code(more: str) -> str:
    blob = csa.encode(CsaHeader.build([CsaTag.build("B_value", "IS", [b"1000    "])]))
    return _READ.format(path=[entry for entry in sys.path if entry], blob=blob) + more


class TestImport:
    """In a process of its own each: what a process has imported can't be taken back."""

    def test_neither_library_is_loaded_before_a_header_is_read(self) -> None:
        _run(_code("assert not loaded('nibabel') and not loaded('pydicom')"))

    def test_neither_library_is_left_behind(self) -> None:
        _run(
            _code(
                "assert '1000' in read()['B_value']\nassert not loaded('nibabel') and not loaded('pydicom')"
            )
        )

    def test_a_later_import_of_nibabel_is_whole_and_sees_pydicom(self) -> None:
        _run(
            _code(
                "read()\n"
                "import nibabel, pydicom\n"
                "from nibabel.nicom import csareader, dicomwrappers\n"
                "assert csareader.read(blob)['tags']['B_value']['items'] == [1000]\n"
                "assert dicomwrappers.pydicom is pydicom\n"
                "assert 'B_value' in read()\n"
            )
        )

    def test_the_reader_works_where_nibabel_and_pydicom_are_loaded_already(self) -> None:
        _run(
            _code(
                "import nibabel, pydicom\nassert 'B_value' in read()\nassert loaded('nibabel') and loaded('pydicom')"
            )
        )

    def test_a_pydicom_that_is_loaded_stays_the_same_module(self) -> None:
        _run(_code("import pydicom\nbefore = pydicom\nread()\nimport pydicom\nassert pydicom is before"))

    def test_the_reader_works_in_threads_that_start_at_once(self) -> None:
        _run(
            _code(
                "from concurrent.futures import ThreadPoolExecutor\n"
                "with ThreadPoolExecutor(4) as pool:\n"
                "    assert all('B_value' in one for one in pool.map(lambda _: read(), range(8)))\n"
                "import pydicom, nibabel\n"
                "from nibabel.nicom import dicomwrappers\n"
                "assert dicomwrappers.pydicom is pydicom\n"
            )
        )
