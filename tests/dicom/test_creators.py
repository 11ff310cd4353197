"""Private Creators: which block of which data set belongs to whom."""

import pytest

from csaclean.dicom.creators import is_creator, private_tag, resolve_creators
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import EXPLICIT_LITTLE as SYNTAX
from csaclean.dicom.walk import walk
from phantom_writer import EXPLICIT_LITTLE, DataSet, Element, encode_dataset, private_block, sequence, text

CREATOR = b"PHANTOM VENDOR 1"
FOLDED = CREATOR.decode().casefold()
VALUE = {0x20: ("OB", b"SYNTHETIC!")}


def resolved(dataset: DataSet) -> dict[tuple[int, int, int], tuple[str, ...]]:
    data = encode_dataset(dataset, EXPLICIT_LITTLE)
    elements = walk(BytesSource(data), SYNTAX).elements
    return dict(resolve_creators(elements, lambda element: data[element.start : element.stop]))


@pytest.mark.parametrize("block", range(0x10, 0x100))
def test_every_block_can_be_reserved(block: int) -> None:
    assert resolved(private_block(0x0029, block, CREATOR, VALUE)) == {(0, 0x0029, block): (FOLDED,)}


@pytest.mark.parametrize("group", [0x0009, 0x0029, 0x0051, 0x7FE1, 0xFFFD])
def test_every_odd_group_has_blocks(group: int) -> None:
    assert resolved(private_block(group, 0x10, CREATOR, VALUE)) == {(0, group, 0x10): (FOLDED,)}


@pytest.mark.parametrize(
    "spelling",
    [
        CREATOR,
        b" " + CREATOR + b"   ",
        CREATOR + b"\0\0",
        b"\0 " + CREATOR + b" \0",
        CREATOR.lower(),
        CREATOR.title(),
    ],
)
def test_spelling_differs_in_outer_blanks_and_case_only(spelling: bytes) -> None:
    assert resolved(private_block(0x0029, 0x10, spelling, VALUE)) == {(0, 0x0029, 0x10): (FOLDED,)}


def test_inner_blanks_make_another_creator() -> None:
    found = resolved(private_block(0x0029, 0x10, b"PHANTOM  VENDOR 1", VALUE))
    assert found != {(0, 0x0029, 0x10): (FOLDED,)}


def test_one_creator_may_have_several_blocks_of_a_group() -> None:
    dataset = (
        *private_block(0x0029, 0x10, CREATOR, VALUE),
        *private_block(0x0029, 0x42, CREATOR, VALUE),
        *private_block(0x0029, 0xFF, CREATOR, VALUE),
    )
    assert resolved(dataset) == {(0, 0x0029, block): (FOLDED,) for block in (0x10, 0x42, 0xFF)}


def test_a_repeated_creator_tag_gives_its_block_to_both() -> None:
    dataset = (text(0x00290010, "LO", "ONE "), text(0x00290010, "LO", "TWO "))
    assert resolved(dataset) == {(0, 0x0029, 0x10): ("one", "two")}


def test_an_item_does_not_inherit_the_creators_around_it() -> None:
    inside = private_block(0x0029, 0x10, None, VALUE)
    dataset = (text(0x00290010, "LO", "PHANTOM VENDOR 1"), sequence(0x00291030, inside))
    assert resolved(dataset) == {(0, 0x0029, 0x10): (FOLDED,)}


def test_two_items_may_give_one_block_to_different_creators() -> None:
    items = (private_block(0x0029, 0x10, b"ONE ", VALUE), private_block(0x0029, 0x10, b"TWO ", VALUE))
    assert resolved((sequence(0x00081115, *items),)) == {
        (1, 0x0029, 0x10): ("one",),
        (2, 0x0029, 0x10): ("two",),
    }


def test_a_creator_may_stand_behind_its_elements() -> None:
    dataset = private_block(0x0029, 0x10, CREATOR, VALUE, creator_last=True)
    assert resolved(dataset) == {(0, 0x0029, 0x10): (FOLDED,)}


@pytest.mark.parametrize("vr", ["LO", "UN", "SH", "OB"])
def test_the_vr_of_a_creator_does_not_matter(vr: str) -> None:
    assert resolved(private_block(0x0029, 0x10, CREATOR, VALUE, creator_vr=vr)) == {
        (0, 0x0029, 0x10): (FOLDED,)
    }


@pytest.mark.parametrize("value", [b"", b"  ", b"\0\0", b" \0"])
def test_an_empty_creator_reserves_nothing(value: bytes) -> None:
    assert not resolved((Element(0x00290010, "LO", value), Element(0x00291020, "OB", b"abcd")))


def test_what_is_too_long_for_a_creator_reserves_nothing() -> None:
    assert not resolved((Element(0x00290010, "LO", b"J" * 130), Element(0x00291020, "OB", b"abcd")))


def test_a_sequence_in_the_place_of_a_creator_reserves_nothing() -> None:
    assert not resolved((sequence(0x00290010, (Element(0x00291020, "OB", b"abcd"),)),))


def test_a_creator_in_an_even_group_reserves_nothing() -> None:
    assert not resolved((text(0x00280010, "LO", "PHANTOM"), text(0x00281020, "LO", "abcd")))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (0x00290010, True),
        (0x002900FF, True),
        (0x0029000F, False),
        (0x00290000, False),
        (0x00290100, False),
        (0x00291010, False),
        (0x00280010, False),
    ],
)
def test_the_range_of_creators_is_that_of_the_standard(tag: int, expected: bool) -> None:
    assert is_creator(tag) is expected


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        (0x00291020, (0x0029, 0x10, 0x20)),
        (0x0029FFFF, (0x0029, 0xFF, 0xFF)),
        (0x00290F20, (0x0029, 0, 0x20)),
        (0x00290120, (0x0029, 0, 0x20)),
    ],
)
def test_a_private_tag_has_group_block_and_byte(tag: int, parts: tuple[int, int, int]) -> None:
    assert private_tag(tag) == parts
