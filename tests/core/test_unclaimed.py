"""Private elements that nobody claims: reported, blanked but for what converters read and payload, or refused."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

import csaclean
from csaclean.errors import CsacleanError, Unsupported
from csaclean.registry import Registry, installed
from csaclean.selector import Step
from csaclean.unclaimed import is_read
from phantom_file import Phantom, file_bytes
from phantom_writer import DataSet, Items, numbers, private_block, sequence, text
from phantoms import PATIENT_ID, PATIENT_NAME, csa_block, plain_image

VENDOR = b"PHANTOM MR 01"
VALUES = {
    0x01: ("LO", b"a free text "),
    0x02: ("OB", b"\1\2\3\4"),
    0x03: ("DS", b"12.50 "),
    0x04: ("DA", b"20010203"),
    0x05: ("UI", b"1.2.3.456\0"),
    0x06: ("PN", b"DOE^JANE"),
}
BLANKED = {
    0x01: b"XXXXXXXXXXX ",
    0x02: b"\0\0\0\0",
    0x03: b"00.00 ",
    0x04: b"19000101",
    0x05: b"1.1.1.111\0",
    0x06: b"XXXXXXXX",
}


@pytest.fixture
def clean(tmp_path: Path) -> Callable[..., tuple[bytes, csaclean.Report]]:
    """Return what cleans an image with some private elements."""

    def run(*parts: DataSet, **options: object) -> tuple[bytes, csaclean.Report]:
        source = tmp_path / "in.dcm"
        source.write_bytes(file_bytes(Phantom(plain_image(*parts))))
        report = csaclean.clean_file(source, tmp_path / "out.dcm", overwrite=True, **options)  # type: ignore[arg-type]  # options of every kind
        return (tmp_path / "out.dcm").read_bytes(), report

    return run


Clean = Callable[..., tuple[bytes, csaclean.Report]]


@pytest.fixture
def without_ge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let GE be a vendor that no handler is installed for."""
    others = Registry(entry for entry in installed().registered if entry.name != "ge")
    monkeypatch.setattr("csaclean.clean.installed", lambda: others)


def block(values: dict[int, tuple[str, bytes]] = VALUES, creator: bytes | None = VENDOR) -> DataSet:
    return private_block(0x0031, 0x10, creator, dict(values))


def test_they_are_reported_and_left_alone_by_default(clean: Clean) -> None:
    before = file_bytes(Phantom(plain_image(block())))
    after, report = clean(block())
    assert after == before
    assert sum(one.count for one in report.unclaimed) == len(VALUES) + 1  # and the creator
    assert not report.vouched


@pytest.mark.parametrize("creator", [VENDOR, None])
def test_each_is_blanked_by_its_form(clean: Clean, creator: bytes | None) -> None:
    after, report = clean(block(creator=creator), unclaimed="blank")
    expected = block({byte: (vr, BLANKED[byte]) for byte, (vr, _) in VALUES.items()}, creator)
    assert after == file_bytes(Phantom(plain_image(expected)))
    assert sum(group.count for group in report.elements) == len(VALUES)
    assert all(group.handler == "nobody" for group in report.elements)


def test_those_in_items_are_blanked_too(clean: Clean) -> None:
    item = (sequence(0x00081115, block()),)
    after, _ = clean(item, unclaimed="blank")
    assert not any(VALUES[byte][1].strip() in after for byte in (0x01, 0x05, 0x06))


def test_blanking_twice_is_blanking_once(clean: Clean, tmp_path: Path) -> None:
    once, _ = clean(block(), unclaimed="blank")
    again = csaclean.clean_file(tmp_path / "out.dcm", tmp_path / "again.dcm", unclaimed="blank")
    assert (tmp_path / "again.dcm").read_bytes() == once
    assert again.status == "unchanged"


@pytest.mark.usefixtures("without_ge")
def test_what_a_converter_reads_by_creator_is_kept_and_named(clean: Clean) -> None:
    gems = private_block(
        0x0043, 0x42, b"GEMS_PARM_01", {0x39: ("IS", b"1000\\8\\0\\0"), 0x01: ("SS", b"\1\0")}
    )
    after, report = clean(gems, unclaimed="blank")
    assert b"1000\\8\\0\\0" in after
    assert [(one.selector, one.reason) for one in report.unclaimed] == [
        ("(0043,GEMS_PARM_01,39)", "read-by-a-converter")
    ]


def test_what_a_converter_reads_by_number_is_kept_whoever_owns_the_block(clean: Clean) -> None:
    foreign = private_block(0x0019, 0x10, VENDOR, {0x0C: ("IS", b"1000"), 0x42: ("LO", b"text")})
    after, report = clean(foreign, unclaimed="blank")
    assert b"1000" in after
    assert b"text" not in after
    assert {one.reason for one in report.unclaimed} == {"read-by-a-converter", "unknown-creator"}


def test_a_standard_element_inside_a_private_sequence_that_a_converter_reads_is_kept(clean: Clean) -> None:
    def inside(creator: bytes) -> DataSet:
        item = (text(0x00080032, "TM", "081500.000000"),)
        return private_block(0x0065, 0x10, creator, {0x51: ("SQ", Items((item,)))})

    assert b"081500.000000" in clean(inside(b"Image Private Header"), unclaimed="blank")[0]
    assert b"081500.000000" in clean(inside(VENDOR), unclaimed="blank")[0]


def test_a_standard_element_inside_a_private_sequence_that_no_converter_reads_is_blanked(
    clean: Clean,
) -> None:
    item = (text(0x00080013, "TM", "101112.000000"),)
    private = private_block(0x0065, 0x42, VENDOR, {0x52: ("SQ", Items((item,)))})
    assert b"101112.000000" not in clean(private, unclaimed="blank")[0]


def test_foreign_content_under_a_claim_is_treated_as_unclaimed(clean: Clean) -> None:
    foreign = private_block(0x0029, 0x42, b"SIEMENS MEDCOM OOG", {0x10: ("OB", b"no STEP text")})
    assert b"no STEP text" in clean(foreign)[0]
    assert b"no STEP text" not in clean(foreign, unclaimed="blank")[0]
    with pytest.raises(Unsupported):
        clean(foreign, unclaimed="fail")


@pytest.mark.parametrize("options", [{"unclaimed": "blank"}, {"policy": "strict"}], ids=["blank", "strict"])
def test_foreign_content_that_a_converter_reads_stays_and_is_listed(
    clean: Clean, options: dict[str, str]
) -> None:
    value = b"!INTERFILE of " + PATIENT_ID.encode()
    data, report = clean(csa_block(value, value), **options)
    assert data.count(value) == 2
    assert {one.reason for one in report.unclaimed} == {"foreign"}
    assert [(one.whose, one.action, one.count) for one in report.identifiers] == [
        ("patient", "kept", 1),
        ("patient", "kept", 1),
    ]
    assert not report.vouched
    with pytest.raises(Unsupported):
        clean(csa_block(value, value), **(options | {"unclaimed": "fail"}))


def test_payload_is_kept_and_named(clean: Clean) -> None:
    signal = private_block(0x7FE1, 0x10, VENDOR, {0x20: ("OB", b"\1\2\3\4")})
    after, report = clean(signal, unclaimed="blank")
    assert b"\1\2\3\4" in after
    assert "payload" in {one.reason for one in report.unclaimed}


def test_group_lengths_are_not_blanked(clean: Clean) -> None:
    own = (numbers(0x00310000, "UL", 99), *block())
    after, report = clean(own, unclaimed="blank")
    at = after.index(b"\x31\0\0\0UL\4\0") + 12
    end = after.index(b"\xe0\x7f\x10\0", at)
    assert after[at - 4 : at] == (end - at).to_bytes(4, "little")
    assert [(one.region, one.action) for one in report.regions][-1:] == [("group-length", "correct")]


def test_a_file_with_any_fails_if_they_are_to_fail_it(clean: Clean) -> None:
    with pytest.raises(Unsupported, match="nobody claims"):
        clean(block(), unclaimed="fail")


def test_a_file_without_any_does_not(clean: Clean) -> None:
    assert clean(unclaimed="fail")[1].status == "unchanged"


@pytest.mark.usefixtures("without_ge")
def test_strict_keeps_and_lists_what_a_converter_reads_of_a_vendor_without_a_handler(clean: Clean) -> None:
    gems = private_block(
        0x0043, 0x42, b"GEMS_PARM_01", {0x39: ("IS", b"1000\\8\\0\\0"), 0x38: ("LO", b"text")}
    )
    data, report = clean(gems, policy="strict")
    assert b"1000\\8\\0\\0" in data
    assert b"text" not in data
    assert {one.reason for one in report.unclaimed} == {"read-by-a-converter"}
    assert not report.vouched


def test_strict_blanks_what_no_converter_reads(clean: Clean) -> None:
    after, _ = clean(block(), policy="strict")
    assert b"DOE^JANE" not in after


@pytest.mark.parametrize(
    "hidden", [PATIENT_NAME, PATIENT_ID, PATIENT_NAME.lower(), PATIENT_NAME.partition("^")[2]]
)
def test_an_identifier_of_the_patient_in_the_text_of_one_is_crossed_out(clean: Clean, hidden: str) -> None:
    value = f"seen {hidden} today".encode()
    data, report = clean(block({0x01: ("LO", value + b" " * (len(value) % 2))}))
    assert b"seen " + b"X" * len(hidden) + b" today" in data
    assert [(one.selector, one.whose, one.action) for one in report.identifiers] == [
        ("(0031,?,01)", "patient", "redacted")
    ]
    assert report.unclaimed
    assert not report.vouched


@pytest.mark.parametrize("vr", ["OB", "UN", "OW"])
def test_so_is_one_in_a_printable_run_of_bytes(clean: Clean, vr: str) -> None:
    value = b"\0\1\2 text of " + PATIENT_NAME.encode() + b" here\0\1"
    data, report = clean(block({0x01: (vr, value + b"\0" * (len(value) % 2))}))
    assert b"text of " + b"X" * len(PATIENT_NAME) + b" here\0\1" in data
    assert not report.identifiers_left


@pytest.mark.parametrize("policy", ["converter-safe", "dead-space"])
def test_elsewhere_it_stays_and_is_listed(clean: Clean, policy: str) -> None:
    value = b"\0\1" + PATIENT_ID.encode() + b"\0\1"
    data, report = clean(block({0x01: ("OB", value + b"\0" * (len(value) % 2))}), policy=policy)
    assert value in data
    assert [(one.selector, one.action) for one in report.identifiers_left] == [("(0031,?,01)", "kept")]
    assert not report.vouched


NUMBER: int = 77120311
OWNER = (text(0x00101000, "LO", str(NUMBER)),)
BINARY = {
    "AT": struct.pack("<L", NUMBER),
    "FD": struct.pack("<2d", 0.5, NUMBER),
    "OB": struct.pack("<2L", 7, NUMBER),
    "OD": struct.pack("<d", NUMBER),
    "OL": struct.pack("<L", NUMBER),
    "OW": struct.pack("<L", NUMBER),
    "SL": struct.pack("<l", NUMBER),
    "SV": struct.pack("<q", NUMBER),
    "UL": struct.pack("<3L", 1, NUMBER, 2),
    "UN": struct.pack(">L", NUMBER),
    "UV": struct.pack("<Q", NUMBER),
}
DECIMAL = {
    "DS": [(b"0077120311.0", b"0000000000.0"), (b"1\\7.7120311e7 ", b"1\\0.0000000e0 ")],
    "IS": [(b"+077120311", b"+000000000"), (b"5\\77120311\\6", b"5\\00000000\\6")],
}


@pytest.mark.parametrize("policy", ["converter-safe", "dead-space"])
@pytest.mark.parametrize("vr", BINARY)
@pytest.mark.parametrize("group", [0x0031, 0x0029], ids=["unknown vendor", "known vendor"])
def test_a_binary_number_that_is_an_identifier_stays_and_is_listed(
    clean: Clean, vr: str, policy: str, group: int
) -> None:
    creator = VENDOR if group == 0x0031 else b"SIEMENS CSA HEADER"
    unclaimed = private_block(group, 0x10, creator, {0xE1: (vr, BINARY[vr])})
    data, report = clean(OWNER, unclaimed, policy=policy)
    assert BINARY[vr] in data
    assert [(one.whose, one.action, one.count) for one in report.identifiers] == [("patient", "kept", 1)]
    assert not report.vouched


@pytest.mark.parametrize(
    ("vr", "old", "new"), [(vr, *pair) for vr, pairs in DECIMAL.items() for pair in pairs]
)
def test_a_decimal_number_that_is_one_becomes_zero(clean: Clean, vr: str, old: bytes, new: bytes) -> None:
    data, report = clean(OWNER, block({0x01: (vr, old)}))
    assert old not in data
    assert new in data
    assert [(one.whose, one.action) for one in report.identifiers] == [("patient", "redacted")]
    data, report = clean(OWNER, block({0x01: (vr, old)}), policy="dead-space")
    assert old in data
    assert report.identifiers_left


def test_one_behind_the_first_megabyte_is_found_across_pieces(clean: Clean) -> None:
    for at in ((1 << 20) - 8, 1 << 20, (2 << 20) - 16):
        value = bytes(at) + struct.pack("<d", NUMBER) + bytes(64)
        assert clean(OWNER, block({0x01: ("UN", value)}))[1].identifiers_left
        value = b"1.0\\" * (at // 4) + b"07.7120311e7\\1 "
        assert clean(OWNER, block({0x01: ("UN", value)}))[1].identifiers_left


def test_other_numbers_are_none(clean: Clean) -> None:
    values = {0x01: ("UL", struct.pack("<2L", NUMBER + 1, 712031)), 0x02: ("DS", b"77.120311 ")}
    assert not clean(OWNER, block(values))[1].identifiers


def test_blanking_takes_it_out_and_dead_space_lists_it(clean: Clean) -> None:
    values = {0x01: ("PN", PATIENT_NAME.encode() + b" " * (len(PATIENT_NAME) % 2))}
    assert PATIENT_NAME.encode() in file_bytes(Phantom(plain_image(block(values))))
    assert (
        clean(block(values), unclaimed="blank")[0].count(PATIENT_NAME.encode()) == 1
    )  # the standard element
    data, report = clean(block(values), policy="dead-space")
    assert PATIENT_NAME.encode() in data[200:]
    assert report.identifiers_left


def test_the_option_goes_before_what_the_policy_says(clean: Clean) -> None:
    assert b"DOE^JANE" in clean(block(), policy="strict", unclaimed="report")[0]


def test_a_word_that_is_none_is_an_error(clean: Clean) -> None:
    with pytest.raises(CsacleanError, match="report, blank, fail"):
        clean(block(), unclaimed="shred")


@pytest.mark.parametrize(
    ("tag", "step", "read"),
    [
        (0x00431039, Step(0x43, 0x39, None), True),
        (0x00434239, Step(0x43, 0x39, "gems_parm_01"), True),
        (0x00434239, Step(0x43, 0x39, "phantom"), False),
        (0x00434239, Step(0x43, 0x39, None), False),
    ],
)
def test_a_converter_reads_by_number_or_by_creator(tag: int, step: Step, read: bool) -> None:
    assert is_read(tag, step) == read


def test_claimed_payload_without_a_grammar_is_opaque(clean: Clean) -> None:
    raw = private_block(0x7FE1, 0x42, b"SIEMENS MR IMA", {0x10: ("OB", b"raw data")})
    after, report = clean(raw)
    assert b"raw data" in after
    assert not report.vouched
    assert b"raw data" not in clean(raw, policy="strict")[0]


def test_an_identifier_in_opaque_payload_is_listed_and_the_options_that_are_named_work(clean: Clean) -> None:
    raw = private_block(
        0x7FE1, 0x42, b"SIEMENS MR IMA", {0x10: ("OB", b"\1\2\3" + PATIENT_ID.encode().ljust(9, b"\0"))}
    )
    after, report = clean(raw)
    assert PATIENT_ID.encode() in after[300:]
    assert report.identifiers_left
    after, report = clean(raw, unclaimed="blank")
    assert after.count(PATIENT_ID.encode()) == 1  # the standard element
    assert not report.identifiers_left
    with pytest.raises(Unsupported):
        clean(raw, unclaimed="fail")


def test_a_rule_of_the_shop_on_standard_elements_holds_inside_claimed_sequences_only(clean: Clean) -> None:
    """(0018,9075) has a rule for data sets inside CSA tags."""
    private = private_block(
        0x0031, 0x10, VENDOR, {0x01: ("SQ", Items(((text(0x00189075, "CS", "DIRECTIONAL"),),)))}
    )
    assert ("(0018,9075)", "unclaimed") in {(one.selector, one.reason) for one in clean(private)[1].unclaimed}
