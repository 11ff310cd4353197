"""What the engine makes of files of Philips: nobody survives, dead bytes are null, blocks may stand anywhere."""

import base64
from pathlib import Path

import pytest

import csaclean
from csaclean import Report
from phantom_file import Phantom, file_bytes
from phantom_philips import blob_item, exam_card, one_of_each, parameters, philips_elements
from phantom_writer import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Encoding,
    encode_dataset,
    sequence,
)
from phantoms import BIRTH_DATE, PATIENT_ID, PATIENT_NAME, philips_image, raw_data

ENCODINGS = pytest.mark.parametrize(
    "encoding", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG], ids=lambda encoding: encoding.name
)
SECRETS = (
    b"BirthDate",
    b"PatientWeight",
    b"patientSex",
    b"EXAMINATION_",
    b"card of",
    b"phantom card",
    b"981188100",
)
"""What the blobs of a phantom hold of a patient, in dead bytes and in live texts."""


def cleaned(data: bytes, folder: Path, policy: str = "converter-safe") -> tuple[bytes, Report]:
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(data)
    report = csaclean.clean_file(source, target, policy, overwrite=True)
    return target.read_bytes(), report


def private_part(data: bytes) -> bytes:
    """Return a file from its first element of group 2001 on."""
    return data[data.index(b"Philips Imaging DD 001") :] if b"Philips Imaging" in data else data


def redacted(report: Report) -> dict[str, dict[str, int]]:
    """Return the edits of private elements by selector, without the path of sequences around them."""
    return {group.selector.rpartition("/")[2]: dict(group.edits) for group in report.elements if group.edits}


@ENCODINGS
def test_nobody_survives_in_an_image(encoding: Encoding, tmp_path: Path) -> None:
    data = file_bytes(Phantom(philips_image(), encoding))
    assert all(secret in data for secret in SECRETS)
    new, report = cleaned(data, tmp_path)
    assert report.status == "cleaned"
    assert [secret for secret in SECRETS if secret in new] == []
    for secret in (PATIENT_NAME.encode(), PATIENT_ID.encode(), BIRTH_DATE.encode()):
        assert secret in data
        assert secret not in private_part(new)


def test_nobody_survives_in_raw_data(tmp_path: Path) -> None:
    new, report = cleaned(file_bytes(Phantom(raw_data())), tmp_path)
    assert report.status == "cleaned"
    assert [secret for secret in SECRETS if secret in new] == []


def test_nobody_survives_in_the_base64_of_an_exam_card(tmp_path: Path) -> None:
    card = exam_card("DOE^JANE", soap={"patientName": "ROE^RICHARD"}, record=b"POE^PAUL")
    data = file_bytes(Phantom(raw_data(blob_item("ExamCardBlob", "", card))))
    new, _ = cleaned(data, tmp_path)
    text = new[new.index(b"<ExamCardBlob>") + 14 : new.index(b"</ExamCardBlob>")]
    inner = base64.b64decode(text, validate=True)
    assert b"<SOAP-ENV:Envelope" in inner
    assert not {b"DOE", b"ROE", b"POE"} & {inner[at : at + 3] for at in range(len(inner))}
    assert b"DOE" not in new


def test_no_dead_byte_of_a_blob_is_left_under_any_policy(tmp_path: Path) -> None:
    blob, dead = parameters()
    data = file_bytes(Phantom(raw_data(blob_item("PDF_EXAM_PARS", "IEEE_PDF", blob))))
    for policy in ("dead-space", "converter-safe", "strict"):
        new, _ = cleaned(data, tmp_path, policy)
        start = data.index(blob)
        assert not any(any(new[start + first : start + last]) for first, last in dead)


def test_dead_space_changes_nothing_but_dead_bytes(tmp_path: Path) -> None:
    blob, dead = parameters()
    data = file_bytes(Phantom(raw_data(blob_item("PDF_EXAM_PARS", "IEEE_PDF", blob))))
    new, _ = cleaned(data, tmp_path, "dead-space")
    expected = bytearray(data)
    for first, last in dead:
        start = data.index(blob) + first
        expected[start : start + last - first] = bytes(last - first)
    assert new == bytes(expected)


@ENCODINGS
@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
def test_cleaning_twice_is_cleaning_once(encoding: Encoding, policy: str, tmp_path: Path) -> None:
    once, _ = cleaned(file_bytes(Phantom(philips_image(), encoding)), tmp_path, policy)
    again, report = cleaned(once, tmp_path, policy)
    assert (again, report.status) == (once, "unchanged")


@ENCODINGS
def test_every_encoding_gets_the_same_edits(encoding: Encoding, tmp_path: Path) -> None:
    _, plain = cleaned(file_bytes(Phantom(philips_image())), tmp_path)
    _, other = cleaned(file_bytes(Phantom(philips_image(), encoding)), tmp_path)
    assert redacted(other) == redacted(plain)


@pytest.mark.parametrize("block", [0x11, 0x42, 0xE0])
def test_blocks_that_stand_elsewhere_get_the_same_edits(block: int, tmp_path: Path) -> None:
    _, usual = cleaned(file_bytes(Phantom(philips_image())), tmp_path)
    _, moved = cleaned(file_bytes(Phantom(philips_image(philips_elements(block)))), tmp_path)
    assert redacted(moved) == redacted(usual)


def test_a_blob_that_breaks_its_grammar_fails_its_file(tmp_path: Path) -> None:
    broken = parameters()[0][:-100]
    data = file_bytes(Phantom(raw_data(blob_item("PDF_EXAM_PARS", "IEEE_PDF", broken))))
    with pytest.raises(csaclean.CsacleanError) as caught:
        cleaned(data, tmp_path)
    assert caught.value.code == "malformed-value"
    assert not (tmp_path / "out.dcm").exists()


def headerless() -> bytes:
    """Return a file whose blob of parameters has no header, as Philips' enhanced images of release 1.1 do."""
    return file_bytes(Phantom(raw_data(blob_item("PDF_EXAM_PARS", "IEEE_PDF", b"EX_PROTO_name\0" * 30))))


def test_parameters_without_a_header_stay_where_nothing_is_redacted_and_nobody_vouches_for_them(
    tmp_path: Path,
) -> None:
    new, report = cleaned(headerless(), tmp_path, "dead-space")
    assert b"EX_PROTO_name" in new
    assert not report.vouched


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
def test_parameters_without_a_header_are_blanked_where_identities_are_redacted(
    policy: str, tmp_path: Path
) -> None:
    new, report = cleaned(headerless(), tmp_path, policy)
    assert b"EX_PROTO_name" not in new
    assert report.vouched


def test_what_is_known_of_blobs_is_vouched_for_and_unknown_names_are_not(tmp_path: Path) -> None:
    known, unknown = one_of_each()[0], one_of_each()[2]
    _, report = cleaned(file_bytes(Phantom(raw_data(known))), tmp_path)
    assert report.vouched
    _, report = cleaned(file_bytes(Phantom(raw_data(unknown))), tmp_path)
    assert not report.vouched


def test_blobs_are_found_in_items_of_items(tmp_path: Path) -> None:
    inner: DataSet = (sequence(0x0008114A, philips_elements()),)
    data = file_bytes(Phantom(philips_image((sequence(0x00081115, inner),))))
    new, _ = cleaned(data, tmp_path)
    assert [secret for secret in SECRETS if secret in new] == []
    assert len(encode_dataset(inner, EXPLICIT_LITTLE)) > 5000
