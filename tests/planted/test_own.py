"""The patient's own name, number or birth date, which csaclean knows: it goes where anybody else's text might stand.

It is planted where machine constants are, too: labels and limits of protocols, links between them.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Final

import pytest

import csaclean
from csaclean.context import Context
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.engine import Engine
from csaclean.handler import PrivateElement
from csaclean.locate import locate
from csaclean.model import Layout
from csaclean.policy.options import make_options
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean.subject import find_subject
from phantom_family import family, orphans
from phantom_family_texts import planted_protocol
from phantom_file import Phantom, file_bytes
from phantom_identities import DATES, IDENTITIES, NAMES, NUMBERS, Planter
from phantom_physio import signal
from phantom_writer import EXPLICIT_LITTLE, DataSet, Element, encode_dataset, private_block
from phantoms import csa_block, plain_image
from tests.planted.conftest import POLICIES
from tests.planted.laid_out import Laid, blot_element
from tests.planted.search import places

_NAME, _ID, _BORN, _ACCESSION, _CHARSET = 0x00100010, 0x00100020, 0x00100030, 0x00080050, 0x00080005
SOME: Final = [0, 13, 26, 39, 52, 78, 91, IDENTITIES.index("19671023")]
FEWEST_ELEMENTS: Final = 700
NUMERIC: Final = frozenset(("integer", "number", "binary-number", "assignments", "trash"))
"""Forms in which only a whole number is an identifier."""


def header(text: str) -> dict[int, bytes]:
    """Return the standard elements that hold an identity: as its kind is, and as DICOM can write it."""
    if (
        "\\" in text
        or (text in DATES and not text.isdigit())
        or (text.isdigit() and len(text) != 8 and text in DATES)
    ):
        return {}
    if text in NAMES:
        return {_NAME: text.encode("utf-8")}
    if text in NUMBERS:
        return {_ID: text.encode("utf-8"), _ACCESSION: text.encode("utf-8")}
    return {_BORN: text.encode("ascii")}


def with_header(dataset: DataSet, values: dict[int, bytes]) -> DataSet:
    """Return a data set with other standard elements, in UTF-8."""
    values = {**values, _CHARSET: b"ISO_IR 192"}
    return tuple(dataclasses.replace(e, value=values[e.tag]) if e.tag in values else e for e in dataset)


def without_header(data: bytes, text: str) -> bytes:
    """Return a file in which the standard elements that hold an identity are blotted out."""
    for tag, value in header(text).items():
        vr = {_NAME: "PN", _ID: "LO", _BORN: "DA", _ACCESSION: "SH"}[tag]
        element = encode_dataset((Element(tag, vr, value),), EXPLICIT_LITTLE)
        assert element in data
        data = data.replace(element, b"~" * len(element))
    return data


def patients_file(text: str, *blocks: DataSet) -> bytes:
    return file_bytes(Phantom(with_header(plain_image(*blocks, mosaic=False, side=4), header(text))))


def clean(data: bytes, folder: Path, policy: str, text: str) -> tuple[bytes, csaclean.Report]:
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(data)
    told = () if header(text) else (text,)
    report = csaclean.clean_file(source, target, policy=policy, overwrite=True, identifiers=told)
    return target.read_bytes(), report


@pytest.mark.parametrize("turn", SOME)
def test_nothing_of_the_patient_survives_strict_not_even_as_a_constant(turn: int, tmp_path: Path) -> None:
    text = IDENTITIES[turn]
    plant = Planter(text, turn, own=True)
    data = patients_file(text, family(plant, installed().claims), orphans(plant))
    new, _ = clean(data, tmp_path, "strict", text)
    assert places(without_header(new, text), text) == []


@pytest.mark.parametrize("turn", SOME)
def test_each_element_is_cleaned_of_the_patient_or_not_vouched_for(turn: int) -> None:
    text = IDENTITIES[turn]
    plant = Planter(text, turn, own=True)
    data = patients_file(text, family(plant, installed().claims), orphans(plant))
    source = BytesSource(data)
    start = find_start(source)
    found = walk(source, start.syntax, start.offset)
    context = Context(found.elements, found.datasets, source)
    options = make_options({"identifiers": () if header(text) else (text,)})
    engine = Engine(load_policy("converter-safe"), installed(), options=options)
    subject = find_subject(context, options)
    assert subject.needles
    cleaned = 0
    for one in locate(found.elements, found.datasets, context.load, engine.registry).located:
        value = context.load(one.element)
        element = PrivateElement(
            one.claimed.claim,
            one.selector,
            one.element.vr,
            value,
            one.element.order,
            (),
            partial(context.peer, one.element),
        )
        result = engine.clean_element(one.claimed, element, subject, orphan=one.orphan)
        if result is None:
            continue
        cleaned += 1
        assert isinstance(result.layout, Layout)
        after = Laid(0, one, result.new, engine.layout(one.claimed, element._replace(value=result.new)))
        remains = places(blot_element(engine, after, lambda part: part.form in NUMERIC), text)
        # Planted without a border the name is no word; then the content has no grammar, and is not vouched for.
        assert not remains or result.tally.left or not result.vouched
        assert result.vouched <= (not result.tally.leaves_persons)
    assert cleaned >= FEWEST_ELEMENTS


class TestOpaqueContent:
    @pytest.mark.parametrize("policy", POLICIES)
    def test_with_the_patient_in_a_signal_has_it_crossed_out_or_is_not_vouched_for(
        self, policy: str, tmp_path: Path
    ) -> None:
        text = "ZEBROWSKY^QUENTIN"
        letters = signal() + f" {text} {text} {text} ".encode("ascii")[:56].ljust(64)
        block = private_block(0x7FE1, 0x10, b"SIEMENS CSA NON-IMAGE", {0x10: ("OB", letters)})
        new, report = clean(patients_file(text, csa_block(), block), tmp_path, policy, text)
        assert not report.vouched
        assert report.identifiers
        assert bool(places(without_header(new, text), text)) == bool(report.identifiers_left)

    def test_with_anybody_else_in_a_signal_is_not_vouched_for(self, tmp_path: Path) -> None:
        letters = signal() + (b" ZEBROWSKY^QUENTIN" * 4)[:64]
        block = private_block(0x7FE1, 0x10, b"SIEMENS CSA NON-IMAGE", {0x10: ("OB", letters)})
        _, report = clean(patients_file("QX0815KZ", csa_block(), block), tmp_path, "strict", "QX0815KZ")
        group = next(group for group in report.elements if group.selector.startswith("(7FE1"))
        assert (group.opaque, group.vouched) == (len(letters), False)


class TestReadFields:
    def test_lose_the_characters_of_the_patients_name(self, tmp_path: Path) -> None:
        text = "ZEBROWSKY^QUENTIN"
        protocol = planted_protocol(Planter(text), 1).encode("latin-1") + b"\0"
        block = private_block(0x0021, 0x10, b"SIEMENS MR SDS 01", {0x19: ("OB", protocol)})
        data = patients_file(text, block)
        new, report = clean(data, tmp_path, "converter-safe", text)
        assert any(one.read_by and one.action == "redacted" for one in report.identifiers)
        assert bool(places(without_header(new, text), text)) == bool(report.identifiers_left)
        strict, report = clean(data, tmp_path, "strict", text)
        assert places(without_header(strict, text), text) == []
