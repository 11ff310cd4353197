"""Rows and layouts: no byte belongs to none or to two."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.codecs.swap16 import Swap16
from csaclean.model import Builder, Edit, Field, Fill, Kind, Layout, View

_KINDS = st.sampled_from(("structure", "dead", "opaque", "value"))


def built(steps: list[tuple[str, int]]) -> tuple[Builder, int]:
    """Return a builder that was told to advance by each number of bytes."""
    builder, position = Builder(), 0
    for kind, size in steps:
        position += size
        if kind == "value":
            builder.value(position, "Name", "text")
        else:
            getattr(builder, kind)(position)
    return builder, position


def spans(layout: Layout) -> list[tuple[int, int, str, str]]:
    return [(span.start, span.stop, span.kind.name, span.path) for span in layout]


@given(st.lists(st.tuples(_KINDS, st.integers(0, 9)), max_size=20))
def test_spans_follow_each_other_and_cover_the_row(steps: list[tuple[str, int]]) -> None:
    builder, size = built(steps)
    layout = builder.done(size)
    position = 0
    for span in layout:
        assert span.start == position < span.stop
        position = span.stop
    assert position == size


@given(st.lists(st.tuples(_KINDS, st.integers(0, 9)), max_size=20))
def test_every_byte_keeps_the_kind_that_it_was_given(steps: list[tuple[str, int]]) -> None:
    builder, size = built(steps)
    told = [kind for kind, length in steps for _ in range(length)]
    found = [span.kind.name.lower() for span in builder.done(size) for _ in range(span.stop - span.start)]
    assert found == told


@pytest.mark.parametrize("kind", ["structure", "dead"])
def test_neighbours_of_structure_or_of_dead_bytes_are_one_span(kind: str) -> None:
    builder, size = built([(kind, 3), (kind, 4)])
    assert len(builder.done(size)) == 1


@pytest.mark.parametrize("kind", ["value", "opaque"])
def test_neighbouring_values_stay_apart(kind: str) -> None:
    builder, size = built([(kind, 3), (kind, 4)])
    assert len(builder.done(size)) == 2


def test_a_builder_cannot_go_back() -> None:
    builder, _ = built([("value", 5)])
    with pytest.raises(ValueError, match="go back"):
        builder.dead(4)


@pytest.mark.parametrize("size", [4, 6])
def test_a_layout_ends_where_its_row_does(size: int) -> None:
    builder, _ = built([("value", 5)])
    with pytest.raises(ValueError, match="row"):
        builder.done(size)


def test_an_inlined_layout_stands_at_its_offset_below_its_prefix() -> None:
    inner = Builder()
    inner.structure(2)
    inner.value(5, "First", "number")
    inner.view(9, View("packed", Swap16(), b"abcd", Layout([4], bytearray([Kind.OPAQUE]), [None])))
    inner.dead(10)
    inner.note("odd")
    outer = Builder()
    outer.structure(3)
    outer.inline(inner.done(10), "Names")
    outer.value(15, "Last", "text")
    layout = outer.done(15)
    assert spans(layout) == [
        (0, 5, "STRUCTURE", ""),
        (5, 8, "VALUE", "Names/First"),
        (8, 12, "VIEW", "Names/packed"),
        (12, 13, "DEAD", ""),
        (13, 15, "VALUE", "Last"),
    ]
    assert layout.notes == ("odd",)
    assert layout.fields[1] == Field("Names/First", "number")


def test_foreign_content_has_a_reason_and_no_spans() -> None:
    layout = Layout.foreign("ct-payload")
    assert (layout.is_foreign, layout.foreign_reason, len(layout), list(layout)) == (
        True,
        "ct-payload",
        0,
        [],
    )


def test_the_representation_of_a_layout_holds_counts_only() -> None:
    builder = Builder()
    builder.value(4, "SYNTHETIC", "text")
    assert "SYNTHETIC" not in repr(builder.done(4))


def test_a_view_shows_its_row_to_nobody_who_prints_it() -> None:
    view = View("packed", Swap16(), b"SYNTHETIC!", Layout.foreign("x"))
    assert "SYNTHETIC" not in repr(view)


def test_an_edit_shows_its_bytes_to_nobody_who_prints_it() -> None:
    assert "SYNTHETIC" not in repr(Edit("", 0, 10, b"SYNTHETIC!", "view"))


@given(st.integers(0, 255), st.integers(0, 500))
def test_a_fill_takes_any_length(byte: int, size: int) -> None:
    assert Fill(byte).expand(size) == bytes([byte]) * size
    assert Edit("", 3, 3 + size, Fill(byte), "dead").replacement() == bytes([byte]) * size
