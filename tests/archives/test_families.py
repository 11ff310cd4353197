"""What becomes of every element of a family. No real file shows them: these are synthetic."""

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from csaclean.errors import Unsupported
from csaclean.policy.pseudonym import UidKey, pseudonymous_uid
from csaclean.testing import Sample, check_handler
from csaclean_handlers.geiis import GeiisHandler
from csaclean_handlers.mitra import MitraHandler
from csaclean_handlers.sectra import SectraHandler
from phantom_writer import EXPLICIT_BIG, IMPLICIT_LITTLE, RLE_LOSSLESS, Element, Encoding, Fragments, Items
from tests.archives.samples import (
    BLOCK,
    FAMILIES,
    NAME,
    PIXELS,
    UID,
    claims_of,
    clean,
    family_file,
    one_element,
    private_values,
)

WITH_UIDS = ("archives", "elscint", "geiis", "hitachi")
WITH_SEQUENCES = ("agfa", "archives", "elscint", "geiis", "hitachi")
KEY = b"a key of thirty-two bytes or more"
PIXEL_COPIES = {0x07A1: 0x0A, 0x07A3: 0xCE}
"""Element bytes of ELSCINT1's copies of pixels, by group."""


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_BIG, RLE_LOSSLESS], ids=lambda one: one.name)
@pytest.mark.parametrize("name", FAMILIES)
def test_who_is_planted_in_every_text_and_table_is_gone(
    name: str, encoding: Encoding, policy: str, tmp_path: Path
) -> None:
    before = family_file(name, encoding=encoding)
    assert before.count(NAME) > 1
    after, report = clean(before, tmp_path, policy=policy)
    assert NAME not in after
    assert len(after) == len(before)
    assert report.status == "cleaned"


@pytest.mark.parametrize("name", FAMILIES)
def test_every_element_is_found_and_nobody_elses(name: str, tmp_path: Path) -> None:
    _, report = clean(family_file(name), tmp_path)
    wanted = {claimed.selector for claimed in claims_of(name) if claimed.claim.vr != "SQ"}
    assert {group.selector for group in report.elements if group.handler == name} == wanted
    assert not report.unclaimed


@pytest.mark.parametrize("name", FAMILIES)
def test_all_but_thumbnails_is_vouched_for(name: str, tmp_path: Path) -> None:
    _, report = clean(family_file(name), tmp_path)
    assert {group.selector for group in report.elements if not group.vouched} <= {"(7FE0,0010)"}


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "sectra"])
def test_no_number_changes_that_nobody_names_as_somebodys(name: str, tmp_path: Path) -> None:
    _, report = clean(family_file(name), tmp_path)
    technical = {
        claimed.selector
        for claimed in claims_of(name)
        if claimed.rules.whole[claimed.selector].cls == "technical"
    }
    numbers = {
        claimed.selector
        for claimed in claims_of(name)
        if claimed.claim.vr in ("DS", "IS", "FD", "FL", "SL", "SS", "UL", "US")
    }
    assert numbers & technical
    edited = {group.selector for group in report.elements if group.edits}
    assert not edited & numbers & technical
    assert edited >= numbers - technical


@pytest.mark.parametrize("name", WITH_UIDS)
def test_original_uids_are_replaced(name: str, tmp_path: Path) -> None:
    data = family_file(name)
    assert data.count(UID)
    assert UID not in clean(data, tmp_path)[0]


@pytest.mark.parametrize("name", WITH_UIDS)
def test_with_a_key_they_become_one_pseudonym(name: str, tmp_path: Path) -> None:
    data = family_file(name)
    after, _ = clean(data, tmp_path, uid_key=KEY)
    assert after.count(pseudonymous_uid(UID, UidKey(KEY))) == data.count(UID)


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize("name", WITH_SEQUENCES)
def test_items_are_walked_and_the_pixels_in_them_are_kept_and_reported(
    name: str, policy: str, tmp_path: Path
) -> None:
    data = family_file(name)
    after, report = clean(data, tmp_path, policy=policy)
    assert NAME not in after
    assert after.count(PIXELS) == data.count(PIXELS) > 0
    assert ("(7FE0,0010)", "opaque", ("dn",)) in {
        (kept.selector, kept.cls, kept.read_by) for kept in report.kept
    }
    assert not report.vouched


def test_a_thumbnail_in_fragments_is_kept_and_reported_too(tmp_path: Path) -> None:
    icon = Element(0x7FE00010, "OB", Fragments((PIXELS,)))
    data = one_element(0x0009, b"GEIIS", 0x10, "SQ", Items(((icon,),)))
    for policy in ("converter-safe", "strict"):
        after, report = clean(data, tmp_path, policy=policy)
        assert after == data
        assert [one.selector for one in report.unclaimed] == ["(7FE0,0010)"]
        assert not report.vouched


@pytest.mark.parametrize("group", PIXEL_COPIES)
@pytest.mark.parametrize("content", [PIXELS, Fragments((PIXELS,))], ids=["native", "fragments"])
@pytest.mark.parametrize("block", [0x10, BLOCK])
class TestPixelsOfElscint:
    def test_they_are_kept_and_nobody_vouches_for_them(
        self, group: int, content: bytes | Fragments, block: int, tmp_path: Path
    ) -> None:
        data = one_element(group, b"ELSCINT1", PIXEL_COPIES[group], "OB", content, block)
        for options in ({}, {"unclaimed": "blank"}, {"policy": "strict"}):
            after, report = clean(data, tmp_path, **options)
            assert after == data
            assert [one.selector for one in report.unclaimed] == [
                f"({group:04X},ELSCINT1,{PIXEL_COPIES[group]:02X})"
            ]
            assert not report.vouched

    def test_blanking_says_that_a_converter_reads_them(
        self, group: int, content: bytes | Fragments, block: int, tmp_path: Path
    ) -> None:
        data = one_element(group, b"ELSCINT1", PIXEL_COPIES[group], "OB", content, block)
        _, report = clean(data, tmp_path, unclaimed="blank")
        assert [one.reason for one in report.unclaimed] == ["read-by-a-converter"]

    def test_a_file_with_them_fails_if_what_nobody_claims_is_to(
        self, group: int, content: bytes | Fragments, block: int, tmp_path: Path
    ) -> None:
        data = one_element(group, b"ELSCINT1", PIXEL_COPIES[group], "OB", content, block)
        with pytest.raises(Unsupported):
            clean(data, tmp_path, unclaimed="fail")


@pytest.mark.parametrize("name", FAMILIES)
def test_moved_blocks_are_edited_alike(name: str, tmp_path: Path) -> None:
    found = []
    for first in (BLOCK, 0xA0):
        _, report = clean(family_file(name, first), tmp_path)
        edits = [(group.selector, group.edits) for group in report.elements]
        found.append((private_values(tmp_path / "out.dcm"), edits))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", FAMILIES)
def test_where_readers_look_by_number_what_stays_is_listed_with_them(name: str, tmp_path: Path) -> None:
    data = family_file(name, 0x10)
    after, report = clean(data, tmp_path)
    left = after.count(NAME) + after.count(UID)
    crossed_out = sum(one.count for one in report.identifiers if one.action == "redacted" and one.read_by)
    assert left + crossed_out == sum(kept.count for kept in report.kept if kept.cls != "opaque")
    assert all(kept.read_by for kept in report.kept)
    strict, _ = clean(data, tmp_path, policy="strict")
    assert not strict.count(NAME) + strict.count(UID)


@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
@pytest.mark.parametrize("name", FAMILIES)
def test_cleaning_twice_is_cleaning_once(name: str, policy: str, tmp_path: Path) -> None:
    once, _ = clean(family_file(name), tmp_path, policy=policy)
    twice, report = clean(once, tmp_path, policy=policy)
    assert (twice == once, report.status) == (True, "unchanged")


def test_creators_are_found_however_they_are_spelled(tmp_path: Path) -> None:
    for creator in (b"Mitra Markup 1.0", b"MITRA MARKUP 1.0", b" mitra markup 1.0 "):
        assert NAME not in clean(one_element(0x0029, creator, 0x03, "OB", NAME), tmp_path)[0]


@pytest.mark.parametrize(
    ("creator", "group", "byte", "vr", "value"),
    [
        (b"ELSCINT1", 0x07A1, 0x11, "CS", b"PMSCT_RLE1"),
        (b"ELSCINT1", 0x01F1, 0x01, "CS", b"SPIRAL"),
        (b"MMCPrivate", 0x0029, 0x4A, "CS", b"PHASE_ORDERING "),
        (b"MMCPrivate", 0x0029, 0x0F, "LO", b"12"),
        (b"MITRA PRESENTATION 1.0", 0x0029, 0x01, "LO", b"400.5 "),
        (b"INTELERAD MEDICAL SYSTEMS", 0x3F01, 0x04, "LO", b"NO"),
    ],
)
def test_coded_texts_stay(
    creator: bytes, group: int, byte: int, vr: str, value: bytes, tmp_path: Path
) -> None:
    data = one_element(group, creator, byte, vr, value)
    after, report = clean(data, tmp_path)
    assert after == data
    assert report.vouched


@pytest.mark.parametrize("handler", [GeiisHandler, MitraHandler, SectraHandler], ids=lambda one: one.name)
def test_the_small_ones_obey_the_laws_of_all_handlers(
    handler: type[GeiisHandler] | type[MitraHandler] | type[SectraHandler],
) -> None:
    samples = [
        Sample(claimed.selector, UID if claimed.claim.vr == "UI" else NAME, vr=claimed.claim.vr)
        for claimed in claims_of(handler.name)
        if claimed.claim.vr in ("UI", "LO", "PN", "OB")
    ]
    check_handler(handler(), samples)


@pytest.mark.parametrize(
    ("name", "handler", "count"),
    [("J2K_pixelrep_mismatch.dcm", "hitachi", 4), ("dicomdirtests/77654033/CR3/6278", "agfa", 8)],
)
def test_the_files_that_pydicom_has_of_them_are_vouched_for(
    name: str, handler: str, count: int, tmp_path: Path
) -> None:
    source = get_testdata_file(name)
    assert isinstance(source, str)
    _, report = clean(Path(source).read_bytes(), tmp_path)
    assert {group.handler for group in report.elements} == {handler}
    assert sum(group.count for group in report.elements) == count
    assert report.vouched
