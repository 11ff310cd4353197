"""Many byte strings in one row: found as if each were looked for by itself, in work that hardly grows with their number."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from csaclean.budget import COMPARED, Limit
from csaclean.proof.patterns import Patterns

LETTERS = st.binary(min_size=1, max_size=6).map(lambda text: bytes(97 + byte % 3 for byte in text))


def many(count: int) -> list[bytes]:
    return [b"%06d-%06d" % (number, number * 7919) for number in range(count)]


@given(patterns=st.lists(LETTERS, unique=True), row=st.lists(LETTERS).map(b"".join), more=st.booleans())
def test_a_pattern_stands_where_it_is_in_the_row(patterns: list[bytes], row: bytes, *, more: bool) -> None:
    patterns += many(200) * more
    standing = list(Patterns(patterns).standing(row))
    assert sorted(standing) == [number for number, pattern in enumerate(patterns) if pattern in row]


def test_patterns_at_the_borders_of_pieces_are_found() -> None:
    patterns = many(200)
    for at in range((1 << 18) - 20, (1 << 18) + 4):
        row = bytes(at) + patterns[150] + bytes(1000)
        assert list(Patterns(patterns).standing(row)) == [150]


def test_rows_are_compared_with_the_patterns_whose_end_they_hold() -> None:
    def compared(count: int) -> int:
        spent: Counter[Limit] = Counter()
        spend = spent.update
        list(
            Patterns(many(count)).standing(
                b"a text without any number " * 100, lambda limit, amount: spend({limit: amount})
            )
        )
        return spent[COMPARED]

    assert compared(1000) == compared(2000) == 0
    assert compared(100) == 100 * 2600
