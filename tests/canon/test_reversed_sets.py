"""(0029,xx90): data sets that are stored from their last byte to their first."""

import pytest

from csaclean.errors import MalformedValue
from csaclean.model import DATASET
from csaclean_handlers.canon.elements import CREATORS, layout_reversed
from phantom_canon import PATH, SERIAL, backwards, reversed_sets
from phantom_writer import EXPLICIT_LITTLE, encode_dataset, private_block, text
from tests.canon.hidden_sets import read, shape
from tests.canon.samples import REVERSED, cleaned, laid_out

SETS = reversed_sets()
NAMES = ("study", "series", "image")
every_set = pytest.mark.parametrize("value", SETS, ids=NAMES)


@every_set
def test_a_reversed_set_is_a_view_that_the_engine_walks(value: bytes) -> None:
    (span,) = layout_reversed(value)
    assert span.view is not None
    assert (span.view.path, span.view.inner, span.view.layout) == ("reversed", value[::-1], DATASET)


@pytest.mark.parametrize("creator", CREATORS)
def test_every_creator_hides_sets_so(creator: str) -> None:
    value = reversed_sets(creator=creator.encode("ascii"))[0]
    new = cleaned(value, f"(0029,{creator},90)").new
    assert SERIAL.encode("ascii") not in new[::-1]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(SETS[0][::-1], id="not reversed"),
        pytest.param(bytes(64), id="NULs"),
        pytest.param(b"DOE^JANE" * 4, id="text"),
        pytest.param(SETS[0] + b"\0", id="a NUL behind, the first byte of the set"),
    ],
)
def test_other_content_is_foreign(value: bytes) -> None:
    assert layout_reversed(value).is_foreign


def test_nothing_is_nothing() -> None:
    assert len(layout_reversed(b"")) == 0


@every_set
def test_a_set_that_is_cut_at_its_end_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedValue, match="nested data set"):
        laid_out(value[4:], REVERSED)


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@every_set
def test_what_identifies_is_gone_in_either_direction(value: bytes, policy: str) -> None:
    new = cleaned(value, REVERSED, policy).new
    for secret in (SERIAL, PATH, "REFERRER", "20010203", "081500", "phantom"):
        assert secret.encode("ascii") not in new
        assert secret.encode("ascii") not in new[::-1]
    assert len(new) == len(value)


@every_set
def test_a_cleaned_set_has_the_same_elements_of_the_same_lengths(value: bytes) -> None:
    result = cleaned(value, REVERSED)
    assert shape(read(result.new)) == shape(read(value))
    assert all(length >= 0 for *_, length in shape(read(value)))
    assert result.vouched


def test_what_is_said_of_the_set_and_its_numbers_stay() -> None:
    series = read(cleaned(SETS[1], REVERSED).new)
    assert series[0x0029, 0x1089].value == "MRSeries"
    assert series[0x0019, 0x1001].value == 7
    assert series[0x0020, 0x1115].value[0][0x0021, 0x1008].value == [1, 0, 0]


def test_seconds_since_1970_are_zeroed() -> None:
    assert read(SETS[1])[0x0019, 0x1308].value == 981188100
    assert read(cleaned(SETS[1], REVERSED).new)[0x0019, 0x1308].value == 0


def test_the_icon_is_black_and_still_an_icon() -> None:
    old, new = (read(value)[0xE401, 0x1013].value for value in (SETS[2], cleaned(SETS[2], REVERSED).new))
    assert new[:1064] == old[:1064]
    assert old[1064:].count(0) < 2
    assert not any(new[1064:])


def test_an_element_of_an_unknown_creator_is_not_vouched_for() -> None:
    inner = private_block(0x0011, 0x10, b"NOBODY KNOWS", {0x01: ("OB", b"1234")})
    value = backwards(encode_dataset((text(0x00080060, "CS", "MR"), *inner), EXPLICIT_LITTLE))
    assert not cleaned(value, REVERSED).vouched


def test_blocks_may_stand_elsewhere_in_a_set() -> None:
    def study(block: int) -> bytes:
        inner = private_block(0x0009, block, b"TOSHIBA_MEC_MR3^10", {0x02: ("SH", SERIAL.encode("ascii"))})
        return backwards(encode_dataset((text(0x00080060, "CS", "MR"), *inner), EXPLICIT_LITTLE))

    usual, moved = (cleaned(study(block), REVERSED) for block in (0x10, 0x42))
    assert [(e.start, e.stop, e.reason) for e in usual.edits] == [
        (e.start, e.stop, e.reason) for e in moved.edits
    ]
    assert SERIAL.encode("ascii") not in moved.new[::-1]
