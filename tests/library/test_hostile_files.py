"""Files made to hide something: what is claimed is found and cleaned, or the file is refused, or nobody vouches for it."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import RawDataElement

import csaclean
from csaclean.clean import Cleaner
from csaclean.engine import Examined
from csaclean.errors import (
    CsacleanError,
    LimitExceeded,
    MalformedFile,
    ProofFailed,
    TargetExists,
    Unsupported,
)
from csaclean.model import Patch
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean.report.model import Report
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag, encode
from phantom_csa import image_header, series_header, with_canaries
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Element,
    Encoding,
    Fragments,
    encode_dataset,
    private_block,
    sequence,
    text,
)
from phantoms import CREATOR, base_image, csa_block, csa_elements, plain_image

IMAGE = with_canaries(image_header())[0]
SERIES = with_canaries(series_header())[0]
BLOCK = csa_block(IMAGE, SERIES)
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
DATE = b"20010203"

Clean = Callable[..., tuple[Report, bytes]]


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """Clean a file made of bytes and return the report and what was written."""

    def run(data: bytes) -> tuple[Report, bytes]:
        source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
        source.write_bytes(data)
        report = csaclean.clean_file(source, target, overwrite=True)
        return report, target.read_bytes()

    return run


def item(content: bytes, size: int | None = None) -> bytes:
    """Return an item of defined length."""
    return b"\xfe\xff\x00\xe0" + (len(content) if size is None else size).to_bytes(4, "little") + content


def with_sequence(body: bytes, encoding: Encoding = IMPLICIT_LITTLE) -> bytes:
    """Return a file with ReferencedImageSequence that holds these bytes: without VR, or as UN."""
    return file_bytes(Phantom(plain_image((Element(0x00081140, "UN", body, pad=False),)), encoding))


def nested(encoding: Encoding = IMPLICIT_LITTLE) -> bytes:
    """Return a CSA block as the content of an item."""
    return encode_dataset(BLOCK, encoding)


def headers_are_clean(data: bytes) -> bool:
    return IMAGE not in data and SERIES not in data


class TestBrokenSequences:
    @pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE], ids=lambda one: one.name)
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(item(nested() + ITEM_END), id="item-delimiter"),
            pytest.param(item(nested()) + SEQUENCE_END, id="sequence-delimiter"),
        ],
    )
    def test_a_delimiter_that_ends_a_defined_length_hides_nothing(
        self, clean: Clean, encoding: Encoding, body: bytes
    ) -> None:
        report, data = clean(with_sequence(body, encoding))
        assert headers_are_clean(data)
        assert sum(group.count for group in report.elements) == 6

    @pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE], ids=lambda one: one.name)
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(item(nested(), len(nested()) + 2), id="item-too-long"),
            pytest.param(item(nested()) + bytes(6), id="bytes-behind"),
            pytest.param(item(b"\x08\0\x40\x11" + (8).to_bytes(4, "little") + nested()), id="broken-inside"),
        ],
    )
    def test_a_header_in_what_does_not_parse_is_refused(
        self, clean: Clean, encoding: Encoding, body: bytes
    ) -> None:
        with pytest.raises((ProofFailed, MalformedFile)):
            clean(with_sequence(body, encoding))

    def test_one_without_a_header_is_reported_and_not_vouched_for(self, clean: Clean) -> None:
        report, _ = clean(with_sequence(item(b"INVENTED!", 400)))
        assert [(one.selector, one.reason) for one in report.unclaimed] == [
            ("(0008,1140)", "broken-sequence")
        ]
        assert report.facts["broken-sequence"] == 1
        assert not report.vouched

    def test_explicit_content_in_un_in_big_endian_is_found(self, clean: Clean) -> None:
        from phantom_writer import EXPLICIT_BIG

        report, data = clean(with_sequence(item(nested(EXPLICIT_LITTLE)), EXPLICIT_BIG))
        assert headers_are_clean(data)
        assert report.status == "cleaned"

    def test_undefined_un_inside_un_in_the_files_own_syntax_is_found(self, clean: Clean) -> None:
        inner = b"\x08\0\x15\x11UN\0\0\xff\xff\xff\xff" + item(nested(EXPLICIT_LITTLE)) + SEQUENCE_END
        _, data = clean(with_sequence(item(inner), EXPLICIT_LITTLE))
        assert headers_are_clean(data)

    def test_too_many_values_that_may_be_sequences_are_a_limit(
        self, clean: Clean, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("csaclean.dicom.walk.CHECKS", 200)
        monkeypatch.setattr("csaclean.dicom.walk._BYTES_PER_CHECK", 1 << 40)
        one = b"\x29\0\x30\x10UN\0\0\xff\xff\xff\xff" + item(b"") + SEQUENCE_END
        data = file_bytes(Phantom(plain_image(pixels=False)))
        clean(data + one * 10)
        with pytest.raises(LimitExceeded, match="may be sequences"):
            clean(data + one * 100)


class TestPlacesToHideIn:
    def test_a_claimed_element_in_fragments_is_refused(self, clean: Clean) -> None:
        block = private_block(0x29, 0x10, CREATOR, {0x10: ("OB", Fragments((IMAGE,)))})
        with pytest.raises(MalformedFile, match="fragments"):
            clean(file_bytes(Phantom(plain_image(block))))

    @pytest.mark.parametrize("element", [0x11, 0x30])
    def test_a_header_under_another_element_of_a_known_creator_is_cleaned(
        self, clean: Clean, element: int
    ) -> None:
        block = private_block(0x29, 0x10, CREATOR, {element: ("OB", IMAGE)})
        _, data = clean(file_bytes(Phantom(plain_image(block))))
        assert headers_are_clean(data)

    def test_a_header_in_the_place_of_a_creator_is_cleaned(self, clean: Clean) -> None:
        _, data = clean(file_bytes(Phantom(plain_image((Element(0x00290010, "OB", IMAGE),)))))
        assert headers_are_clean(data)

    def test_a_short_header_in_the_place_of_a_creator_is_cleaned(self, clean: Clean) -> None:
        short = encode(CsaHeader.build([CsaTag.build("B_value", "IS", [b"0"], fill=b"Z")], fill=b"Z"))
        _, data = clean(file_bytes(Phantom(plain_image((Element(0x00290012, "LO", short),)))))
        assert b"ZZZ" not in data

    def test_a_header_in_a_standard_element_is_refused_in_data_sets_too(self) -> None:
        data = file_bytes(Phantom(plain_image((Element(0x00420011, "OB", IMAGE),))))
        with pytest.raises(ProofFailed, match="signature"):
            csaclean.clean_dataset(pydicom.dcmread(BytesIO(data)))

    def test_a_header_in_a_standard_element_is_refused(self, clean: Clean) -> None:
        with pytest.raises(ProofFailed, match="signature"):
            clean(file_bytes(Phantom(plain_image((Element(0x00204000, "UT", b"x" + IMAGE),)))))

    @pytest.mark.parametrize(
        "creator", [CREATOR + b"\\", CREATOR + b"\0junk", b" \t" + CREATOR + b"\t", CREATOR + b" " * 300]
    )
    def test_a_creator_with_something_behind_it_is_known(self, clean: Clean, creator: bytes) -> None:
        block = private_block(0x29, 0x10, creator, {0x09: ("LO", DATE)})
        _, data = clean(file_bytes(Phantom(plain_image(block))))
        assert DATE not in data[data.index(b"\x29\0\x09\x10") :][:20]

    @pytest.mark.parametrize("vr", ["OB", "OW", "OF", "OL", "OD", "OV", "UN"])
    def test_a_date_goes_whatever_vr_a_rewriter_gave_it(self, clean: Clean, vr: str) -> None:
        block = private_block(0x29, 0x10, CREATOR, {0x09: (vr, DATE)})
        _, data = clean(file_bytes(Phantom(plain_image(block))))
        assert data[data.index(b"\x29\0\x09\x10") :][12:20] == b"19000101"

    def test_free_text_in_the_place_of_a_constant_goes(self, clean: Clean) -> None:
        known = private_block(0x29, 0x10, CREATOR, {0x08: ("CS", b"IMAGE NUM 4 ")})
        other = private_block(0x29, 0x10, CREATOR, {0x08: ("CS", b"ROE^JANE NUM")})
        report, data = clean(file_bytes(Phantom(plain_image(known))))
        assert (report.status, report.vouched) == ("unchanged", True)
        assert b"IMAGE NUM 4" in data
        report, data = clean(file_bytes(Phantom(plain_image(other))))
        assert [dict(group.edits) for group in report.elements] == [{"unruled-text": 1}]
        assert report.vouched
        assert b"ROE" not in data
        assert b"JANE" not in data

    @pytest.mark.parametrize(
        "padding",
        [
            pytest.param(Element(0xFFFCFFFC, "OB", Fragments((b"SYNTHETIC!",))), id="fragments"),
            pytest.param(
                Element(0xFFFCFFFC, "SQ", item(encode_dataset(BLOCK, EXPLICIT_LITTLE))), id="sequence"
            ),
        ],
    )
    def test_padding_that_is_no_plain_value_is_nulled(self, clean: Clean, padding: Element) -> None:
        _, data = clean(file_bytes(Phantom(base_image((padding,)))))
        assert b"SYNTHETIC!" not in data
        assert headers_are_clean(data)

    def test_padding_without_a_vr_is_nulled_whatever_it_looks_like(self, clean: Clean) -> None:
        padding = Element(0xFFFCFFFC, "OB", item(encode_dataset(BLOCK, IMPLICIT_LITTLE)))
        _, data = clean(file_bytes(Phantom((*base_image(), padding), IMPLICIT_LITTLE)))
        assert headers_are_clean(data)


class TestDeepTrees:
    @pytest.mark.parametrize(("depth", "fan"), [(6, 4), (60, 1)])
    def test_a_structured_report_in_implicit_vr_is_read_whole(
        self, clean: Clean, depth: int, fan: int
    ) -> None:
        def tree(level: int) -> DataSet:
            inside = (tree(level - 1),) * fan if level else (BLOCK,)
            return (text(0x0040A040, "CS", "CONTAINER"), sequence(0x0040A730, *inside, undefined=False))

        data = file_bytes(Phantom(plain_image(tree(depth)), IMPLICIT_LITTLE))
        report, written = clean(data)
        assert sum(group.count for group in report.elements) == 6 * fan**depth
        assert headers_are_clean(written)


class TestPaths:
    @pytest.mark.parametrize("options", [["-o", "out"], ["-i", "--backup-dir", "out"]])
    def test_a_link_in_the_output_never_leads_onto_an_original(
        self, tmp_path: Path, options: list[str]
    ) -> None:
        original = tmp_path / "in" / "sub" / "1.dcm"
        original.parent.mkdir(parents=True)
        original.write_bytes(file_bytes(Phantom(base_image())))
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "sub").symlink_to(original.parent)
        before = original.read_bytes()
        command = [sys.executable, "-m", "csaclean", "clean", "in", *options, "--overwrite"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert original.read_bytes() == before

    @pytest.mark.parametrize(
        "options", [["", "-i"], ["in.dcm", "-o", ""], ["in.dcm", "-i", "--backup-dir", ""]]
    )
    def test_an_empty_path_is_not_the_current_folder(self, tmp_path: Path, options: list[str]) -> None:
        (tmp_path / "in.dcm").write_bytes(file_bytes(Phantom(base_image())))
        before = (tmp_path / "in.dcm").read_bytes()
        command = [sys.executable, "-m", "csaclean", "clean", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert (tmp_path / "in.dcm").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["in.dcm"]


def test_a_tag_name_without_a_nul_is_no_reason_to_crash(clean: Clean) -> None:
    tag = CsaTag.build("B_value", "IS", [b"0"], fill=b"Z")
    long = replace(tag, name=b"N" * 64, name_tail=b"")
    report, data = clean(
        file_bytes(Phantom(plain_image(csa_block(encode(CsaHeader.build([tag, long])), SERIES))))
    )
    assert b"ZZZ" not in data
    assert not report.vouched


def test_a_data_set_is_cleaned_even_where_pydicom_can_not_convert_a_creator() -> None:
    ds = pydicom.dcmread(BytesIO(file_bytes(Phantom(base_image()))))
    tag = pydicom.tag.Tag(0x0029, 0x00FF)
    ds._dict[tag] = RawDataElement(tag, "ZZ", 18, CREATOR, 0, False, True)
    data = pydicom.tag.Tag(0x0029, 0xFF09)
    ds._dict[data] = RawDataElement(data, "LO", 8, DATE, 0, False, True)
    csaclean.clean_dataset(ds)
    assert ds.get_item(data).value == b"19000101"


class TestTails:
    @pytest.mark.parametrize("size", [2, 8, 11, 300])
    def test_nulls_to_the_end_are_a_tail_even_without_pixel_data(self, clean: Clean, size: int) -> None:
        data = file_bytes(Phantom(base_image(), EXPLICIT_LITTLE))
        without = file_bytes(Phantom(plain_image(pixels=False)))
        for whole in (data, without):
            report, written = clean(whole + bytes(size))
            assert len(written) == len(whole) + size
            assert [(one.region, one.bytes) for one in report.regions] == [("trailing", size)]

    def test_an_element_that_is_cut_behind_pixel_data_is_an_error_even_out_of_order(
        self, clean: Clean
    ) -> None:
        data = file_bytes(Phantom(plain_image())) + encode_dataset(BLOCK, EXPLICIT_LITTLE)
        with pytest.raises(MalformedFile):
            clean(data[:-50])


class TestSlowText:
    """Each of these took a minute once; they are here to be read, not to be timed."""

    @pytest.mark.parametrize(
        "text", [b"1" * 60_000 + b"x", b"1" * 60_000 + b".x", b"1." + b"1" * 60_000 + b"e"]
    )
    def test_a_long_number_that_is_none_is_text(self, clean: Clean, text: bytes) -> None:
        block = private_block(0x29, 0x10, CREATOR, {0x09: ("LO", text)})
        report, _ = clean(file_bytes(Phantom(plain_image(block))))
        assert report.status == "cleaned"

    def test_a_creator_repeated_without_end_is_read_once(self, clean: Clean) -> None:
        block: DataSet = tuple(Element(0x00290010, "LO", CREATOR) for _ in range(10_000))
        report, _ = clean(file_bytes(Phantom(plain_image(block))))
        assert report.facts["duplicate-tag"] == 9_999


class TestWhatIsWritten:
    @pytest.mark.parametrize(
        "tamper",
        [
            pytest.param(lambda patches: patches[:1], id="one-only"),
            pytest.param(lambda _: (), id="none"),
            pytest.param(lambda patches: tuple(Patch(a + 2, b + 2, n) for a, b, n in patches), id="shifted"),
            pytest.param(lambda patches: tuple(Patch(a, b, n + b"more") for a, b, n in patches), id="longer"),
            pytest.param(lambda patches: (*patches, Patch(200, 202, b"XX")), id="one-more"),
        ],
    )
    def test_patches_that_are_not_what_was_proved_fail_the_file(
        self,
        clean: Clean,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        tamper: Callable[[tuple[Patch, ...]], tuple[Patch, ...]],
    ) -> None:
        honest = Examined.patches
        monkeypatch.setattr(Examined, "patches", lambda examined: tamper(honest(examined)))
        with pytest.raises(ProofFailed) as caught:
            clean(file_bytes(Phantom(base_image(BLOCK[:0]))))
        assert caught.value.code == "proof-written"
        assert not (tmp_path / "out.dcm").exists()

    def test_a_converter_that_would_find_nothing_is_said_to(self, clean: Clean) -> None:
        block = private_block(0x29, 0x10, CREATOR, {0x09: ("LO", DATE)})
        report, _ = clean(file_bytes(Phantom(plain_image(block))))
        assert report.proof["converter"] == "nothing-to-compare"

    def test_links_are_not_cleaned_in_place(self, tmp_path: Path) -> None:
        original, link = tmp_path / "original.dcm", tmp_path / "link.dcm"
        original.write_bytes(file_bytes(Phantom(base_image())))
        link.symlink_to(original)
        before = original.read_bytes()
        for src, dst in ((link, link), (original, link), (link, original)):
            with pytest.raises(Unsupported):
                csaclean.clean_file(src, dst)
        assert link.is_symlink()
        assert original.read_bytes() == before

    def test_a_hard_link_is_another_file(self, tmp_path: Path) -> None:
        original, other = tmp_path / "original.dcm", tmp_path / "other.dcm"
        original.write_bytes(file_bytes(Phantom(base_image())))
        os.link(original, other)
        with pytest.raises(TargetExists):
            csaclean.clean_file(original, other)


def test_words_that_are_none_are_refused() -> None:
    policy = load_policy("dead-space")
    for words in ({"preamble": "nul"}, {"proof": "ful"}):
        with pytest.raises(CsacleanError, match="is none of"):
            Cleaner(policy, installed(), **words)  # type: ignore[arg-type]


def test_blocks_in_the_phantoms_are_what_these_tests_take_them_for() -> None:
    assert len(BLOCK) == 1 + len(csa_elements(IMAGE, SERIES))
