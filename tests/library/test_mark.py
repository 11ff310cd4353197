"""``mark``: what is said about a cleaned file, where it stands, and that it can be taken out again."""

import dataclasses
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.sr.codedict import codes as pydicom_codes

import csaclean
from csaclean import mark as mark_module
from csaclean.clean import Cleaner
from csaclean.errors import CsacleanError, LimitExceeded, MalformedFile, PolicyError, ProofFailed, Unsupported
from csaclean.handler import Claim, PrivateElement, Rule, RuleSet
from csaclean.mark import method_text
from csaclean.model import Layout
from csaclean.policy.dates import DateShift
from csaclean.policy.options import Options
from csaclean.policy.policies import load_policy
from csaclean.registry import Registered, Registry
from csaclean.report.model import Report
from csaclean.splice import Insertion, Splice, plan_splice
from csaclean.write import Target
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    DEFLATED,
    ENCODINGS,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Content,
    DataSet,
    Element,
    Encoding,
    numbers,
    ordered,
    private_block,
    sequence,
    text,
    with_group_lengths,
)
from phantoms import GOLDEN, plain_image

VENDOR = b"PHANTOM VENDOR"
WITHOUT = b"PHANTOM OTHER"
NUMBER, DATE, READ_DATE, UID, NAMED, ITEMS = 0x01, 0x10, 0x20, 0x30, 0x40, 0x50
NOBODYS = 0xEE
BLOCKS, METHOD, CODES = 0x00080300, 0x00120063, 0x00120064
MARKS = (BLOCKS, METHOD, CODES)
METHOD_TEXT = method_text("converter-safe")

UNDEFINED = dataclasses.replace(
    EXPLICIT_LITTLE, name="undefined", undefined_sequences=True, undefined_items=True
)
ALL = pytest.mark.parametrize("encoding", [*ENCODINGS, UNDEFINED], ids=lambda encoding: encoding.name)


def rule(low: int, vr: str, cls: str, form: str = "", *, read: bool = False, creator: bytes = VENDOR) -> Rule:
    return Rule(
        select=(f"(0029,{creator.decode()},{low:02X})",),
        cls=cls,  # type: ignore[arg-type]  # one of the literals
        why="a phantom's",
        vr=vr,
        form=form,
        read_by=("dcm2niix",) if read else (),
    )


class Toy:
    """A handler of rules."""

    name: ClassVar[str] = "toy"
    claims: ClassVar[tuple[Claim, ...]] = ()
    rules: ClassVar[RuleSet] = RuleSet(
        (
            rule(NUMBER, "US", "technical"),
            rule(DATE, "LO", "dates", "date"),
            rule(READ_DATE, "LO", "dates", "date", read=True),
            rule(UID, "UI", "uids", read=True),
            rule(NAMED, "LO", "identity", "text", read=True),
            rule(DATE, "LO", "dates", "date", read=True, creator=WITHOUT),
        )
    )

    def layout(self, element: PrivateElement, /) -> Layout:
        raise NotImplementedError(element)


REGISTRY = Registry([Registered("toy", Toy(), "toys", "1.0")])

VALUES: dict[int, tuple[str, Content]] = {
    NUMBER: ("US", b"\1\0"),
    DATE: ("LO", b"20010203"),
    READ_DATE: ("LO", b"20010204"),
    UID: ("UI", b"2.25.77"),
    NAMED: ("LO", b"PHANTOM^SYNTHETIC"),
    NOBODYS: ("LO", b"whatever"),
}


def block(*lows: int, number: int = 0x10, creator: bytes = VENDOR) -> DataSet:
    return private_block(0x0029, number, creator, {low: VALUES[low] for low in lows})


class Result:
    """A file that was marked."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.report = report
        self.original = (folder / "in.dcm").read_bytes()
        self.cleaned = (folder / "cleaned.dcm").read_bytes()
        self.data = (folder / "marked.dcm").read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.dataset = pydicom.dcmread(folder / "marked.dcm", force=True)

    @property
    def blocks(self) -> list[tuple[int, str, str, list[int], list[tuple[str, list[int]]]]]:
        """Return group, creator, status, elements that identify nobody, and actions, of every item."""
        return [
            (
                item.PrivateGroupReference,
                item.PrivateCreatorReference,
                item.BlockIdentifyingInformationStatus,
                as_list(item.get("NonidentifyingPrivateElements", [])),
                [
                    (one.DeidentificationAction, as_list(one.IdentifyingPrivateElements))
                    for one in item.get("DeidentificationActionSequence", [])
                ],
            )
            for item in self.dataset.get("PrivateDataElementCharacteristicsSequence", [])
        ]

    @property
    def codes(self) -> list[str]:
        return [item.CodeValue for item in self.dataset.get("DeidentificationMethodCodeSequence", [])]

    @property
    def methods(self) -> list[str]:
        return as_list(self.dataset.DeidentificationMethod)


def as_list(value: object) -> list:  # type: ignore[type-arg]  # whatever pydicom gives
    return list(value) if isinstance(value, list | pydicom.multival.MultiValue) else [value]


Marker = Callable[..., Result]


def clean(
    folder: Path,
    source: str,
    target: str,
    *,
    mark: bool = True,
    policy: str = "converter-safe",
    options: Options = Options(),  # noqa: B008  # immutable
) -> Report:
    cleaner = Cleaner(load_policy(policy), REGISTRY, mark=mark, options=options)
    return cleaner.clean(folder / source, source, Target(folder / target, overwrite=True))


def mark_bytes(folder: Path, data: bytes, policy: str = "converter-safe") -> Result:
    (folder / "in.dcm").write_bytes(data)
    clean(folder, "in.dcm", "cleaned.dcm", mark=False, policy=policy)
    return Result(folder, clean(folder, "in.dcm", "marked.dcm", policy=policy))


@pytest.fixture
def mark(tmp_path: Path) -> Marker:
    """Clean, with and without mark, an image with the given elements."""

    def run(*parts: DataSet, encoding: Encoding = EXPLICIT_LITTLE, policy: str = "converter-safe") -> Result:
        return mark_bytes(tmp_path, file_bytes(Phantom(plain_image(*parts, side=4), encoding)), policy)

    return run


def inflated(data: bytes, encoding: Encoding) -> bytes:
    """Return a file with its data set inflated."""
    if not encoding.deflated:
        return data
    start = 144 + int.from_bytes(data[140:144], "little")
    return data[:start] + zlib.decompress(data[start:], -zlib.MAX_WBITS)


def taken_out(result: Result, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
    """Return a marked file without what the report says was put in, and with the lengths of the cleaned one."""
    data, cleaned = inflated(result.data, encoding), inflated(result.cleaned, encoding)
    out, position = bytearray(), 0
    for region in (one for one in result.report.regions if one.action == "insert"):
        size = region.offset - len(out)
        out += data[position : position + size]
        position += size + region.bytes
    out += data[position:]
    for region in (one for one in result.report.regions if one.action == "lengthen"):
        stop = region.offset + region.bytes
        out[region.offset : stop] = cleaned[region.offset : stop]
    return bytes(out)


def assert_valid(dataset: pydicom.Dataset) -> None:
    """Assert that the marks have the VR and VM of the data dictionary, and values that those allow."""
    for element in dataset.iterall():
        if BLOCKS <= element.tag <= BLOCKS + 7 or element.tag in (METHOD, CODES):
            assert dictionary_VR(element.tag) == element.VR
            assert element.VM >= 1
            if dictionary_VM(element.tag) == "1":
                assert element.VM == 1
            for value in as_list(element.value) if element.VR in ("LO", "CS", "SH") else []:
                assert 0 < len(value) <= {"LO": 64, "CS": 16, "SH": 16}[element.VR]
    for item in dataset.get("PrivateDataElementCharacteristicsSequence", []):
        status = item.BlockIdentifyingInformationStatus
        assert item.PrivateGroupReference & 1
        assert ("NonidentifyingPrivateElements" in item) == (status == "MIXED")
        assert ("DeidentificationActionSequence" in item) == (status != "SAFE")
        named = as_list(item.get("NonidentifyingPrivateElements", []))
        assert named == sorted(set(named))
        for one in item.get("DeidentificationActionSequence", []):
            assert one.DeidentificationAction in ("D", "Z", "X", "U")
            identifying = as_list(one.IdentifyingPrivateElements)
            assert identifying == sorted(set(identifying))
            assert not set(identifying) & set(named)


class TestBlocks:
    def test_a_block_is_safe_if_nothing_in_it_identifies(self, mark: Marker) -> None:
        assert mark(block(NUMBER)).blocks == [(0x0029, "PHANTOM VENDOR", "SAFE", [], [])]

    def test_what_was_redacted_identifies_nobody(self, mark: Marker) -> None:
        assert mark(block(NUMBER, DATE)).blocks == [(0x0029, "PHANTOM VENDOR", "SAFE", [], [])]

    def test_what_stays_because_a_converter_reads_it_identifies_and_is_to_be_replaced(
        self, mark: Marker
    ) -> None:
        found = mark(block(NUMBER, DATE, READ_DATE)).blocks
        assert found == [(0x0029, "PHANTOM VENDOR", "MIXED", [NUMBER, DATE], [("D", [READ_DATE])])]

    def test_a_uid_is_to_be_mapped(self, mark: Marker) -> None:
        assert mark(block(NUMBER, UID)).blocks[0][3:] == ([NUMBER], [("U", [UID])])

    def test_what_nobody_answers_for_is_to_be_removed(self, mark: Marker) -> None:
        assert mark(block(NUMBER, NOBODYS)).blocks[0][3:] == ([NUMBER], [("X", [NOBODYS])])

    def test_what_a_policy_keeps_and_no_converter_reads_is_to_be_removed(self, mark: Marker) -> None:
        found = mark(block(NUMBER, DATE), policy="dead-space")
        assert found.blocks[0][3:] == ([NUMBER], [("X", [DATE])])

    def test_actions_have_an_item_each(self, mark: Marker) -> None:
        found = mark(block(NUMBER, READ_DATE, UID, NAMED, NOBODYS)).blocks
        assert found[0][4] == [("D", [READ_DATE, NAMED]), ("U", [UID]), ("X", [NOBODYS])]

    def test_a_block_of_which_every_element_may_identify_is_unsafe(self, mark: Marker) -> None:
        assert mark(block(READ_DATE)).blocks == [
            (0x0029, "PHANTOM VENDOR", "UNSAFE", [], [("D", [READ_DATE])])
        ]

    def test_an_element_without_value_identifies_nobody(self, mark: Marker) -> None:
        empty = private_block(0x0029, 0x10, VENDOR, {NUMBER: VALUES[NUMBER], NOBODYS: ("LO", b"")})
        assert mark(empty).blocks[0][2] == "SAFE"

    def test_the_creator_is_spelt_as_the_claim_has_it(self, mark: Marker) -> None:
        assert mark(block(NUMBER, creator=b"Phantom Vendor  ")).blocks[0][1] == "PHANTOM VENDOR"

    def test_blocks_of_one_creator_are_one_item(self, mark: Marker) -> None:
        found = mark(block(NUMBER, DATE), block(DATE, NOBODYS, number=0x42)).blocks
        assert found == [(0x0029, "PHANTOM VENDOR", "MIXED", [NUMBER, DATE], [("X", [NOBODYS])])]

    def test_an_element_identifies_if_it_does_anywhere(self, mark: Marker) -> None:
        empty = private_block(0x0029, 0x42, VENDOR, {READ_DATE: ("LO", b"")})
        item = ordered((text(0x00081155, "UI", "2.25.1"), *block(NUMBER, READ_DATE)))
        found = mark(empty, (sequence(0x00081115, item),)).blocks
        assert found[0][3:] == ([NUMBER], [("D", [READ_DATE])])

    def test_creators_have_an_item_each(self, mark: Marker) -> None:
        found = mark(block(NUMBER), block(DATE, number=0x11, creator=WITHOUT)).blocks
        assert [(one[1], one[2]) for one in found] == [
            ("PHANTOM OTHER", "UNSAFE"),
            ("PHANTOM VENDOR", "SAFE"),
        ]

    def test_a_creator_that_nobody_knows_is_not_named(self, mark: Marker) -> None:
        stranger = private_block(0x0029, 0x11, b"DOE^JANE", {0x01: ("LO", b"secret")})
        result = mark(block(NUMBER), stranger)
        assert [one[1] for one in result.blocks] == ["PHANTOM VENDOR"]
        assert result.data.count(b"DOE^JANE") == 1

    def test_a_sequence_identifies_if_what_it_holds_does(self, mark: Marker) -> None:
        inner = block(NUMBER, UID)
        outer = (
            Element(0x00290011, "LO", VENDOR),
            Element(0x00291100 | NUMBER, "US", b"\1\0"),
            sequence(0x00291100 | ITEMS, inner),
        )
        found = mark(outer).blocks
        assert found[0][3:] == ([NUMBER], [("D", [ITEMS]), ("U", [UID])])


class TestMethod:
    def test_it_names_program_version_and_policy(self, mark: Marker) -> None:
        assert mark(block(NUMBER)).methods == [
            f"csaclean {csaclean.__version__} converter-safe: private elements"
        ]

    def test_patient_identity_removed_is_never_set(self, mark: Marker) -> None:
        assert "PatientIdentityRemoved" not in mark(block(NUMBER)).dataset

    def test_patient_identity_removed_stays_as_it_was(self, mark: Marker) -> None:
        assert mark(block(NUMBER), (text(0x00120062, "CS", "NO"),)).dataset.PatientIdentityRemoved == "NO"

    def test_private_elements_that_are_all_answered_for_are_safe(self, mark: Marker) -> None:
        assert mark(block(NUMBER, DATE)).codes == ["113111"]

    def test_they_are_not_if_nobody_claims_one(self, mark: Marker) -> None:
        result = mark(block(NUMBER, NOBODYS))
        assert result.codes == []
        assert CODES not in result.dataset

    def test_they_are_not_if_a_field_stays_that_no_option_covers(self, mark: Marker) -> None:
        assert mark(block(NUMBER, NAMED)).codes == []

    @pytest.mark.parametrize(("low", "code"), [(READ_DATE, "113106"), (UID, "113110")])
    def test_a_class_of_fields_that_stay_has_its_option(self, mark: Marker, low: int, code: str) -> None:
        assert mark(block(NUMBER, low)).codes == [code, "113111"]

    def test_a_class_that_is_retained_has_its_option(self, mark: Marker, tmp_path: Path) -> None:
        mark(block(NUMBER, DATE))
        retained = Options(retain=frozenset({"dates"}))
        clean(tmp_path, "in.dcm", "marked.dcm", options=retained)
        dataset = pydicom.dcmread(tmp_path / "marked.dcm")
        assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113106", "113111"]
        (item,) = dataset.PrivateDataElementCharacteristicsSequence
        assert item.DeidentificationActionSequence[0].IdentifyingPrivateElements == DATE

    def test_dates_that_are_shifted_have_theirs(self, mark: Marker, tmp_path: Path) -> None:
        mark(block(NUMBER, DATE))
        clean(tmp_path, "in.dcm", "marked.dcm", options=Options(shift=DateShift(-10)))
        dataset = pydicom.dcmread(tmp_path / "marked.dcm")
        assert [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence] == ["113107", "113111"]

    def test_what_is_blanked_because_nobody_claims_it_identifies_nobody(
        self, mark: Marker, tmp_path: Path
    ) -> None:
        mark(block(NUMBER, NOBODYS))
        clean(tmp_path, "in.dcm", "marked.dcm", options=Options(unclaimed="blank"))
        (item,) = pydicom.dcmread(tmp_path / "marked.dcm").PrivateDataElementCharacteristicsSequence
        assert item.BlockIdentifyingInformationStatus == "SAFE"

    def test_codes_have_their_meaning(self, mark: Marker) -> None:
        (item,) = mark(block(NUMBER)).dataset.DeidentificationMethodCodeSequence
        assert (item.CodingSchemeDesignator, item.CodeMeaning) == ("DCM", "Retain Safe Private Option")

    def test_meanings_are_those_of_the_standard(self) -> None:
        group = pydicom_codes.cid7050
        known = {code.value: code.meaning for code in (getattr(group, name) for name in group.dir())}
        assert {code: known[code] for code in mark_module.CODE_MEANINGS} == mark_module.CODE_MEANINGS

    def test_a_file_of_which_nothing_is_claimed_is_not_marked(self, mark: Marker) -> None:
        result = mark(private_block(0x0029, 0x10, b"STRANGER", {0x01: ("LO", b"secret")}))
        assert result.data == result.cleaned
        assert result.report.status == "unchanged"
        assert result.report.proof["mark"] == "off"

    def test_a_policy_whose_name_is_no_text_of_dicom_is_refused_at_once(self, tmp_path: Path) -> None:
        policy = tmp_path / "mine.toml"
        policy.write_text(f'extends = "converter-safe"\nname = "{"n" * 50}"\n')
        (tmp_path / "in").mkdir()
        with pytest.raises(PolicyError, match="at most 31 printable"):
            csaclean.clean_tree(tmp_path / "in", tmp_path / "out", policy, mark=True)
        assert not (tmp_path / "out").exists()


class TestPlace:
    @ALL
    def test_without_it_the_file_is_the_cleaned_one(self, mark: Marker, encoding: Encoding) -> None:
        result = mark(block(*VALUES), encoding=encoding)
        assert result.data != result.cleaned
        assert taken_out(result, encoding) == inflated(result.cleaned, encoding)

    @ALL
    def test_it_is_valid(self, mark: Marker, encoding: Encoding) -> None:
        result = mark(block(*VALUES), encoding=encoding)
        assert_valid(result.dataset)
        assert [tag for tag in MARKS if tag in result.dataset] == list(MARKS)
        assert result.blocks[0][:3] == (0x0029, "PHANTOM VENDOR", "MIXED")

    @ALL
    def test_elements_stand_in_ascending_order(self, mark: Marker, encoding: Encoding) -> None:
        result = mark(block(*VALUES), encoding=encoding)
        assert "order-break" not in result.report.facts
        assert list(result.dataset.keys()) == sorted(result.dataset.keys())

    @ALL
    def test_marking_twice_is_marking_once(self, mark: Marker, tmp_path: Path, encoding: Encoding) -> None:
        result = mark(block(*VALUES), encoding=encoding)
        again = clean(tmp_path, "marked.dcm", "again.dcm")
        assert again.status == "unchanged"
        assert (tmp_path / "again.dcm").read_bytes() == result.data

    @ALL
    def test_a_marked_file_stays_as_it_is_without(
        self, mark: Marker, tmp_path: Path, encoding: Encoding
    ) -> None:
        result = mark(block(*VALUES), encoding=encoding)
        assert clean(tmp_path, "marked.dcm", "again.dcm", mark=False).status == "unchanged"
        assert (tmp_path / "again.dcm").read_bytes() == result.data

    @pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE])
    @pytest.mark.parametrize("preamble", [None, bytes(128)])
    @pytest.mark.parametrize("meta", [True, False])
    def test_preamble_and_meta_information_may_be_missing(
        self, tmp_path: Path, encoding: Encoding, preamble: bytes | None, meta: bool
    ) -> None:
        dataset = plain_image(block(NUMBER), side=4)
        result = mark_bytes(tmp_path, file_bytes(Phantom(dataset, encoding, preamble, meta=meta)))
        assert result.blocks[0][2] == "SAFE"
        assert taken_out(result, encoding) == result.cleaned

    @pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE, DEFLATED])
    def test_group_lengths_grow(self, tmp_path: Path, encoding: Encoding) -> None:
        trial = text(0x00120010, "LO", "PHANTOM TRIAL")
        dataset = with_group_lengths(plain_image((trial,), block(NUMBER), side=4), 0x0008, 0x0012)
        result = mark_bytes(tmp_path, file_bytes(Phantom(dataset, encoding)))
        data = inflated(result.data, encoding)
        letters = encoding.order
        for group, before in ((0x0008, 0x00080005), (0x0012, 0x00120010)):
            head = struct.pack(letters + "HH", before >> 16, before & 0xFFFF)
            first = data.index(head)
            (length,) = struct.unpack(letters + "I", data[first - 4 : first])
            after = struct.unpack(letters + "H", data[first + length : first + length + 2])[0]
            assert after > group
            inside = struct.unpack(letters + "H", data[first : first + 2])[0]
            assert inside == group
        assert taken_out(result, encoding) == inflated(result.cleaned, encoding)

    def test_what_has_no_higher_element_stands_at_the_end_of_the_data_set(self, tmp_path: Path) -> None:
        dataset = ordered(
            (
                text(0x00080016, "UI", "1.2.3"),
                text(0x00080018, "UI", "2.25.1"),
                sequence(0x00081115, block(NUMBER)),
            )
        )
        result = mark_bytes(tmp_path, file_bytes(Phantom(dataset)))
        assert list(result.dataset.keys())[-1] == CODES
        assert taken_out(result) == result.cleaned

    def test_it_stands_before_what_is_behind_the_data_set(self, tmp_path: Path) -> None:
        dataset = (text(0x00080018, "UI", "2.25.1"), sequence(0x00081115, block(NUMBER)))
        result = mark_bytes(tmp_path, file_bytes(Phantom(dataset, tail=bytes(16))))
        assert result.data.endswith(bytes(16))
        assert taken_out(result) == result.cleaned

    def test_order_breaks_behind_its_place_do_not_matter(self, tmp_path: Path) -> None:
        dataset = (*plain_image(block(NUMBER), side=4, pixels=False), text(0x00200010, "SH", "1"))
        result = mark_bytes(tmp_path, file_bytes(Phantom(dataset)))
        assert result.methods == [METHOD_TEXT]

    def test_bytes_behind_the_data_set_are_nulled_all_the_same(self, tmp_path: Path) -> None:
        dataset = plain_image(block(NUMBER), side=4)
        result = mark_bytes(tmp_path, file_bytes(Phantom(dataset, tail=b"behind the data set, 32 bytes..!")))
        assert b"behind" not in result.data
        assert taken_out(result) == result.cleaned


METHODS = text(METHOD, "LO", "PHANTOM METHOD")
CODE = (text(0x00080100, "SH", "113100"), text(0x00080102, "SH", "DCM"), text(0x00080104, "LO", "Basic"))
ITEM = (
    numbers(0x00080301, "US", 0x0029),
    text(0x00080302, "LO", "ANOTHER"),
    text(0x00080303, "CS", "SAFE"),
)
LENGTHS = pytest.mark.parametrize(
    ("undefined", "undefined_items"), [(False, False), (True, False), (False, True), (True, True)]
)


class TestWhatIsThere:
    @pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE, DEFLATED])
    @pytest.mark.parametrize("there", ["PHANTOM", "PHANTOM METHOD", "ONE\\TWO", "EVEN  "])
    def test_a_method_is_added_to_the_others(self, mark: Marker, encoding: Encoding, there: str) -> None:
        result = mark(block(NUMBER), (text(METHOD, "LO", there),), encoding=encoding)
        assert result.methods == [*(one.strip() for one in there.split("\\")), METHOD_TEXT]
        assert taken_out(result, encoding) == inflated(result.cleaned, encoding)

    @pytest.mark.parametrize("there", ["", "  "])
    def test_a_method_may_be_there_and_empty(self, mark: Marker, there: str) -> None:
        result = mark(block(NUMBER), (text(METHOD, "LO", there),))
        assert result.methods == [METHOD_TEXT]
        assert taken_out(result) == result.cleaned

    def test_a_method_padded_with_nul_is_added_to(self, mark: Marker) -> None:
        result = mark(block(NUMBER), (Element(METHOD, "LO", b"ABC\0"),))
        assert result.methods[0] == "ABC"
        assert taken_out(result) == result.cleaned

    def test_a_method_of_no_known_vr_is_added_to(self, mark: Marker) -> None:
        result = mark(block(NUMBER), (Element(METHOD, "UN", b"PHANTOM"),))
        assert f"PHANTOM\\{METHOD_TEXT}".encode() in result.data
        assert taken_out(result) == result.cleaned

    @pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE, DEFLATED])
    @LENGTHS
    def test_items_are_added_to_the_others(
        self, mark: Marker, encoding: Encoding, undefined: bool, undefined_items: bool
    ) -> None:
        there = tuple(
            sequence(tag, item, undefined=undefined, undefined_items=undefined_items)
            for tag, item in ((BLOCKS, ITEM), (CODES, CODE))
        )
        result = mark(block(NUMBER), there, encoding=encoding)
        assert [one[1] for one in result.blocks] == ["ANOTHER", "PHANTOM VENDOR"]
        assert result.codes == ["113100", "113111"]
        assert taken_out(result, encoding) == inflated(result.cleaned, encoding)

    @pytest.mark.parametrize("encoding", [EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE])
    @pytest.mark.parametrize("undefined", [False, True])
    def test_a_sequence_may_be_there_and_empty(
        self, mark: Marker, encoding: Encoding, undefined: bool
    ) -> None:
        there = (sequence(BLOCKS, undefined=undefined), sequence(CODES, undefined=undefined))
        result = mark(block(NUMBER), there, encoding=encoding)
        assert result.blocks[0][2] == "SAFE"
        assert result.codes == ["113111"]
        assert taken_out(result, encoding) == result.cleaned

    def test_a_code_that_is_there_is_not_repeated_whatever_its_meaning_says(self, mark: Marker) -> None:
        own = (
            text(0x00080100, "SH", "113111"),
            text(0x00080102, "SH", "DCM"),
            text(0x00080104, "LO", "Safe"),
        )
        assert mark(block(NUMBER), (sequence(CODES, own),)).codes == ["113111"]

    def test_a_block_that_is_there_and_said_to_be_otherwise_is_said_again(self, mark: Marker) -> None:
        own = (
            numbers(0x00080301, "US", 0x0029),
            text(0x00080302, "LO", "PHANTOM VENDOR"),
            text(0x00080303, "CS", "UNSAFE"),
        )
        assert [one[2] for one in mark(block(NUMBER), (sequence(BLOCKS, own),)).blocks] == ["UNSAFE", "SAFE"]

    def test_other_policies_add_their_own(self, mark: Marker, tmp_path: Path) -> None:
        mark(block(NUMBER, DATE), policy="dead-space")
        clean(tmp_path, "marked.dcm", "again.dcm")
        again = pydicom.dcmread(tmp_path / "again.dcm")
        assert as_list(again.DeidentificationMethod) == [method_text("dead-space"), METHOD_TEXT]


class TestRefusal:
    def refused(self, folder: Path, data: bytes, kind: type[CsacleanError]) -> CsacleanError:
        """Clean a file that can't be marked, check that nothing was written, and return the error."""
        (folder / "in.dcm").write_bytes(data)
        clean(folder, "in.dcm", "cleaned.dcm", mark=False)
        with pytest.raises(kind) as caught:
            clean(folder, "in.dcm", "marked.dcm")
        assert sorted(path.name for path in folder.iterdir()) == ["cleaned.dcm", "in.dcm"]
        return caught.value

    def image(self, *parts: DataSet) -> bytes:
        return file_bytes(Phantom(plain_image(block(NUMBER), *parts, side=4)))

    def test_no_certain_place(self, tmp_path: Path) -> None:
        dataset = (*plain_image(block(NUMBER), side=4, pixels=False), text(0x00080081, "ST", "late"))
        error = self.refused(tmp_path, file_bytes(Phantom(dataset)), MalformedFile)
        assert error.selector == "(0008,0300)"

    @pytest.mark.parametrize("double", [METHODS, sequence(CODES, CODE), sequence(BLOCKS, ITEM)])
    def test_an_element_that_stands_twice(self, tmp_path: Path, double: Element) -> None:
        self.refused(tmp_path, self.image((double, double)), MalformedFile)

    def test_a_length_of_16_bits_that_can_not_grow(self, tmp_path: Path) -> None:
        error = self.refused(
            tmp_path, self.image((text(METHOD, "LO", "\\".join(["M" * 63] * 1024)[:-6]),)), LimitExceeded
        )
        assert error.selector == "(0012,0063)"

    def test_another_vr(self, tmp_path: Path) -> None:
        self.refused(tmp_path, self.image((text(METHOD, "ST", "PHANTOM"),)), Unsupported)
        self.refused(tmp_path, self.image((Element(CODES, "OB", b"bytes!"),)), Unsupported)

    def test_a_sequence_in_disguise(self, tmp_path: Path) -> None:
        self.refused(tmp_path, self.image((sequence(CODES, CODE, vr="UN"),)), Unsupported)

    def test_a_group_length_that_is_none(self, tmp_path: Path) -> None:
        self.refused(tmp_path, self.image((Element(0x00080000, "UL", b"\0" * 8),)), MalformedFile)

    def test_a_preamble_whose_offsets_would_shift(self, tmp_path: Path) -> None:
        preamble = b"II*\0" + bytes(124)
        data = file_bytes(Phantom(plain_image(block(NUMBER), side=4), preamble=preamble))
        self.refused(tmp_path, data, Unsupported)

    @pytest.mark.parametrize(
        "tamper",
        [
            lambda one: one._replace(offset=one.offset + 2),
            lambda one: one._replace(offset=one.offset - 8),
            lambda one: one._replace(new=one.new + b"\0\0"),
            lambda one: one._replace(new=one.new[:-2]),
            lambda one: one._replace(new=one.new[:4] + b"UN" + one.new[6:]),
            lambda one: one._replace(new=one.new * 2),
        ],
        ids=["later", "earlier", "longer", "shorter", "other-vr", "twice"],
    )
    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_a_wrong_insertion_is_noticed(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        tamper: Callable[[Insertion], Insertion],
        which: int,
    ) -> None:
        plan = plan_splice

        def tampered(*arguments: object) -> Splice:
            splice = plan(*arguments)  # type: ignore[arg-type]  # passed on
            insertions = list(splice.insertions)
            insertions[which] = tamper(insertions[which])
            return splice._replace(insertions=tuple(insertions))

        monkeypatch.setattr(mark_module, "plan_splice", tampered)
        self.refused(tmp_path, self.image(), ProofFailed)


class TestWriting:
    def test_in_place(self, mark: Marker, tmp_path: Path) -> None:
        result = mark(block(*VALUES))
        path = tmp_path / "in.dcm"
        cleaner = Cleaner(load_policy("converter-safe"), REGISTRY, mark=True)
        assert cleaner.clean(path, "in.dcm", Target(path, overwrite=True, in_place=True)).status == "cleaned"
        assert path.read_bytes() == result.data
        before = path.stat()
        assert (
            cleaner.clean(path, "in.dcm", Target(path, overwrite=True, in_place=True)).status == "unchanged"
        )
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_a_file_that_only_lacks_the_mark_changes(self, tmp_path: Path) -> None:
        result = mark_bytes(tmp_path, file_bytes(Phantom(plain_image(block(NUMBER), side=4))))
        assert result.cleaned == result.original
        assert result.report.status == "cleaned"

    def test_check_says_what_would_be_put_in_and_writes_nothing(self, tmp_path: Path) -> None:
        data = file_bytes(Phantom(plain_image(block(NUMBER), side=4)))
        (tmp_path / "in.dcm").write_bytes(data)
        report = Cleaner(load_policy("converter-safe"), REGISTRY, mark=True).check(
            tmp_path / "in.dcm", "in.dcm"
        )
        assert report.status == "cleaned"
        assert [one.action for one in report.regions] == ["insert"] * 3
        assert report.proof["mark"] == "held"
        assert [path.name for path in tmp_path.iterdir()] == ["in.dcm"]

    def test_regions_are_in_offsets_of_the_original(self, mark: Marker) -> None:
        result = mark(block(NUMBER), (METHODS,))
        inserted = [one for one in result.report.regions if one.action == "insert"]
        (lengthened,) = [one for one in result.report.regions if one.action == "lengthen"]
        assert len(result.data) - len(result.original) == sum(one.bytes for one in inserted)
        assert result.original[lengthened.offset - 6 : lengthened.offset] == b"\x12\0\x63\0LO"

    def test_a_signature_is_reported_as_invalid(self, mark: Marker) -> None:
        signature = sequence(0xFFFAFFFA, (numbers(0x04000005, "US", 1),))
        assert mark(block(NUMBER), (signature,)).report.facts["digital-signature-invalidated"] == 1


@pytest.mark.parametrize("name", GOLDEN)
def test_the_phantoms_of_every_syntax_are_marked(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.dcm").write_bytes(GOLDEN[name]())
    csaclean.clean_file(tmp_path / "in.dcm", tmp_path / "cleaned.dcm")
    result = Result(tmp_path, csaclean.clean_file(tmp_path / "in.dcm", tmp_path / "marked.dcm", mark=True))
    assert_valid(result.dataset)
    assert taken_out(result, DEFLATED if "deflated" in name else EXPLICIT_LITTLE) == inflated(
        result.cleaned, DEFLATED if "deflated" in name else EXPLICIT_LITTLE
    )
    claimed = bool(result.report.elements)
    assert ("DeidentificationMethod" in result.dataset) == claimed
    again = csaclean.clean_file(tmp_path / "marked.dcm", tmp_path / "again.dcm", mark=True)
    assert again.status == "unchanged"


# Laws


@st.composite
def data_sets(draw: st.DrawFn) -> DataSet:
    """Draw data sets with private blocks, and with marks and group lengths that may be there already."""
    lows = sorted({NUMBER, *draw(st.sets(st.sampled_from(sorted(VALUES))))})
    parts: list[DataSet] = [block(*lows)]
    if draw(st.booleans()):
        parts.append((sequence(0x00081115, block(*lows, number=0x42)),))
    letters = st.text("AB \\", max_size=9)
    if draw(st.booleans()):
        parts.append((text(METHOD, "LO", draw(letters)),))
    for tag, item in ((BLOCKS, ITEM), (CODES, CODE)):
        if draw(st.booleans()):
            items = [item] * draw(st.integers(0, 2))
            parts.append(
                (sequence(tag, *items, undefined=draw(st.booleans()), undefined_items=draw(st.booleans())),)
            )
    dataset = plain_image(*parts, side=2)
    groups = draw(st.sets(st.sampled_from([0x0008, 0x0012])))
    present = {element.tag >> 16 for element in dataset}
    return with_group_lengths(dataset, *(groups & present))


@given(dataset=data_sets(), encoding=st.sampled_from([*ENCODINGS, UNDEFINED]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_data_set_is_marked_once_validly_and_reversibly(
    tmp_path: Path, dataset: DataSet, encoding: Encoding
) -> None:
    result = mark_bytes(tmp_path, file_bytes(Phantom(dataset, encoding)))
    assert taken_out(result, encoding) == inflated(result.cleaned, encoding)
    assert result.methods[-1] == METHOD_TEXT
    assert result.blocks[-1][1] == "PHANTOM VENDOR"
    assert result.report.facts.get("order-break", 0) == 0
    assert clean(tmp_path, "marked.dcm", "again.dcm").status == "unchanged"
