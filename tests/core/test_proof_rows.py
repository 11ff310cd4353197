"""The first stage of the proof: each kind of tampering with the new bytes is noticed."""

from collections.abc import Callable, Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given

from csaclean.codecs.swap16 import Swap16
from csaclean.engine import Engine
from csaclean.errors import ProofFailed
from csaclean.handler import Claim, PrivateElement, Rule, RuleSet, parse_selector
from csaclean.model import Builder, Edit, Field, Fill, Layout, View
from csaclean.policy.judge import Judge
from csaclean.policy.plan import Plan
from csaclean.policy.policies import load_policy
from csaclean.proof.rows import compare_rows
from csaclean.registry import Registered, Registry

SELECTOR = "(0029,PHANTOM VENDOR,10)"
RULES = RuleSet(
    (
        Rule((SELECTOR,), "identity", "x", field=("Name",)),
        Rule((SELECTOR,), "dates", "x", field=("Day",), form="date"),
        Rule((SELECTOR,), "technical", "x", field=("Kept",)),
    )
)
PLAN = Plan(load_policy("converter-safe"), RULES, lambda _selector, _path: ())
JUDGE = Judge(lambda field: PLAN.decide(SELECTOR, field))
MAGIC = slice(0, 4)
NAME = slice(4, 12)
KEPT = slice(12, 16)
DEAD = slice(16, 20)
OPAQUE = slice(20, 24)
VIEW = slice(24, 44)
"""Swapped in pairs: a magic word, a date, dead bytes, a kept field."""
OLD = b"ROWSSYNTHETXkeptdeadwhat" + Swap16().encode(b"ROW220010203dead" + b"kept", bytes(20))


def lay_inner_out(row: bytes) -> Layout:
    builder = Builder()
    builder.structure(4)
    builder.value(12, "Day", "text")
    builder.dead(16)
    builder.value(20, "Kept", "code")
    if row[:4] != b"ROW2":
        builder.note("odd")
    return builder.done(len(row))


def lay_out(row: bytes) -> Layout:
    builder = Builder()
    builder.structure(4)
    builder.value(12, "Name", "text")
    builder.value(16, "Kept", "code")
    builder.dead(20)
    builder.opaque(24)
    inner = Swap16().decode(row[VIEW], 20)
    builder.view(44, View("packed", Swap16(), inner, lay_inner_out(inner)))
    if row[:4] != b"ROWS":
        builder.note("odd")
    return builder.done(len(row))


class Toy:
    """Lays rows out as above."""

    name = "toy"
    claims = (Claim(parse_selector(SELECTOR)),)
    rules = RULES

    def layout(self, element: PrivateElement, /) -> Layout:
        return lay_out(element.value)


def cleaned() -> tuple[bytes, tuple[Edit, ...]]:
    """Return what the engine makes of the row, proved by itself, and its edits."""
    toy = Registered("toy", Toy(), "toys", "1.0")  # type: ignore[arg-type]  # plain attributes
    registry = Registry([toy])
    element = PrivateElement(Toy.claims[0], Toy.claims[0].selector, "OB", OLD, "<", (), lambda _: None)
    result = Engine(load_policy("converter-safe"), registry).clean_element(registry.claims[0], element)
    assert result is not None
    return result.new, result.edits


NEW, EDITS = cleaned()


def compare(
    new: bytes = NEW,
    edits: Sequence[Edit] = EDITS,
    *,
    layout: Callable[[bytes], Layout] = lay_out,
    new_layout: Callable[[bytes], Layout] | None = None,
) -> None:
    compare_rows(
        OLD,
        layout(OLD),
        new,
        (new_layout or layout)(new),
        edits,
        JUDGE,
    )


def put(part: slice, value: bytes, row: bytes = NEW) -> bytes:
    assert part.stop - part.start == len(value)
    return row[: part.start] + value + row[part.stop :]


def follow(new: bytes) -> tuple[Edit, ...]:
    """Return the edits with the replacements that `new` holds, as an engine with a fault would list them."""
    return tuple(e if e.row else e._replace(new=new[e.start : e.stop]) for e in EDITS)


def listed(new: bytes) -> tuple[Edit, ...]:
    """Return one edit over the whole row: nothing is outside the edits."""
    return (Edit("", 0, len(new), new, "redact"),)


def inner(part: slice, value: bytes) -> bytes:
    """Return the new row with other bytes inside its view."""
    row = Swap16().decode(NEW[VIEW], 20)
    return put(VIEW, Swap16().encode(put(part, value, row), bytes(20)))


def refused(new: bytes, edits: Sequence[Edit], match: str) -> None:
    with pytest.raises(ProofFailed, match=match) as caught:
        compare(new, edits)
    assert (caught.value.stage, caught.value.code) == ("rows", "proof-rows")


def test_what_the_engine_made_is_proved() -> None:
    assert NEW[NAME] == b"XXXXXXXX"
    assert NEW[DEAD] == bytes(4)
    assert Swap16().decode(NEW[VIEW], 20) == b"ROW219000101\0\0\0\0kept"
    assert {edit.row for edit in EDITS} == {"", f"packed@{VIEW.start}"}
    compare()


@pytest.mark.parametrize("position", [*range(44)])
def test_any_flipped_byte_is_noticed(position: int) -> None:
    with pytest.raises(ProofFailed):
        compare(put(slice(position, position + 1), bytes([NEW[position] ^ 1])))


@pytest.mark.parametrize("position", [*range(44)])
def test_any_flipped_byte_is_noticed_even_if_every_edit_lists_it(position: int) -> None:
    new = put(slice(position, position + 1), bytes([NEW[position] ^ 1]))
    with pytest.raises(ProofFailed):
        compare(new, (*listed(new), *(edit for edit in EDITS if edit.row)))


@given(st.binary(min_size=44, max_size=44).filter(lambda row: row != NEW))
def test_no_other_row_passes(row: bytes) -> None:
    with pytest.raises(ProofFailed):
        compare(row)


def test_a_byte_outside_the_edits_is_noticed() -> None:
    refused(put(KEPT, b"kepT"), EDITS, "outside the edits")
    refused(put(MAGIC, b"ROWT"), EDITS, "laid out differently")
    refused(put(OPAQUE, b"whaT"), EDITS, "outside the edits")


def test_an_edit_without_its_replacement_is_noticed() -> None:
    refused(put(NAME, b"YYYYYYYY"), EDITS, "replacement")
    refused(put(NAME, OLD[NAME]), EDITS, "replacement")


def test_a_dead_byte_that_is_not_null_is_noticed() -> None:
    new = put(DEAD, b"\0\0\0\1")
    refused(new, follow(new), "dead byte")
    new = put(DEAD, OLD[DEAD])
    refused(new, [edit for edit in EDITS if edit.reason != "dead"], "dead byte")


def test_a_field_that_holds_something_other_than_its_fill_is_noticed() -> None:
    for other in (OLD[NAME], b"XXXXXXXY", bytes(8)):
        new = put(NAME, other)
        refused(new, follow(new), "what the policy decides")


def test_a_kept_field_that_was_edited_is_noticed() -> None:
    new = put(KEPT, b"XXXX")
    refused(new, (*EDITS, Edit("", KEPT.start, KEPT.stop, b"XXXX", "redact")), "what the policy decides")


def test_an_edit_of_structure_is_noticed() -> None:
    """The grammar may accept another constant in its place; nobody decided to change it."""
    lenient: Callable[[bytes], Layout] = lambda row: lay_out(b"ROWS" + row[4:])  # said in one line
    new = put(MAGIC, b"rows")
    with pytest.raises(ProofFailed):
        compare(new, (*EDITS, Edit("", 0, 4, b"rows", "redact")), layout=lenient)


def test_an_edit_of_opaque_bytes_is_noticed() -> None:
    new = put(OPAQUE, bytes(4))
    with pytest.raises(ProofFailed):
        compare(new, (*EDITS, Edit("", OPAQUE.start, OPAQUE.stop, Fill(0), "dead")))


@pytest.mark.parametrize("new", [NEW + b"\0", NEW[:-1], b""])
def test_another_length_is_noticed(new: bytes) -> None:
    with pytest.raises(ProofFailed, match=f"44 bytes became {len(new)}"):
        compare_rows(OLD, lay_out(OLD), new, lay_out(NEW), EDITS, JUDGE)


def _cuts(row: bytes) -> Layout:
    layout = lay_out(row)
    return Layout([4, 11, *layout.stops[2:]], layout.kinds, layout.fields, layout.notes)


def _kinds(row: bytes) -> Layout:
    layout = lay_out(row)
    return Layout(
        layout.stops, bytearray([*layout.kinds[:4], 0, *layout.kinds[5:]]), layout.fields, layout.notes
    )


def _path(row: bytes) -> Layout:
    layout = lay_out(row)
    return Layout(
        layout.stops, layout.kinds, [None, Field("Other", "text"), *layout.fields[2:]], layout.notes
    )


def _form(row: bytes) -> Layout:
    layout = lay_out(row)
    fields = [*layout.fields[:2], Field("Kept", "date"), *layout.fields[3:]]
    return Layout(layout.stops, layout.kinds, fields, layout.notes)


def _notes(row: bytes) -> Layout:
    layout = lay_out(row)
    return Layout(layout.stops, layout.kinds, layout.fields, ("odd",))


def _no_view(row: bytes) -> Layout:
    layout = lay_out(row)
    return Layout(layout.stops, layout.kinds, [*layout.fields[:-1], Field("packed", "text")], layout.notes)


def _view_path(row: bytes) -> Layout:
    layout = lay_out(row)
    view = layout.fields[-1]
    assert isinstance(view, View)
    return Layout(
        layout.stops, layout.kinds, [*layout.fields[:-1], view._replace(path="other")], layout.notes
    )


def _inner_cuts(row: bytes) -> Layout:
    layout = lay_out(row)
    view = layout.fields[-1]
    assert isinstance(view, View)
    assert isinstance(view.layout, Layout)
    below = Layout([4, 11, 16, 20], view.layout.kinds, view.layout.fields, view.layout.notes)
    return Layout(
        layout.stops, layout.kinds, [*layout.fields[:-1], view._replace(layout=below)], layout.notes
    )


def test_a_redacted_field_may_have_another_form_afterwards() -> None:
    def relabelled(row: bytes) -> Layout:
        layout = lay_out(row)
        fields = [None, Field("Name", "number"), *layout.fields[2:]]
        return Layout(layout.stops, layout.kinds, fields, layout.notes)

    compare(new_layout=relabelled)


@pytest.mark.parametrize(
    "changed",
    [_cuts, _kinds, _path, _notes, _no_view, _view_path, _inner_cuts],
    ids=lambda one: one.__name__,
)
def test_another_structure_is_noticed(changed: Callable[[bytes], Layout]) -> None:
    with pytest.raises(ProofFailed, match="laid out differently"):
        compare(new_layout=changed)


@pytest.mark.parametrize(
    ("changed", "offset", "row"),
    [
        (_cuts, 4, "the edited value"),
        (_notes, None, "the edited value"),
        (_inner_cuts, 4, "a row inside the edited value"),
    ],
    ids=["cuts", "notes", "inner-cuts"],
)
def test_where_the_structure_begins_to_differ_is_told(
    changed: Callable[[bytes], Layout], offset: int | None, row: str
) -> None:
    with pytest.raises(ProofFailed) as caught:
        compare(new_layout=changed)
    assert caught.value.offset == offset
    assert caught.value.reason == f"{row} is laid out differently"


@pytest.mark.parametrize(
    ("part", "value", "match"),
    [
        (slice(4, 12), b"20010203", "decides|replacement"),
        (slice(4, 12), b"19000102", "decides|replacement"),
        (slice(12, 16), b"dead", "dead byte|replacement|outside"),
        (slice(16, 20), b"lost", "outside|decides"),
    ],
    ids=["not-redacted", "another-fill", "not-nulled", "kept-field"],
)
def test_tampering_inside_a_view_is_noticed_where_its_outer_bytes_are_an_edit(
    part: slice, value: bytes, match: str
) -> None:
    new = inner(part, value)
    refused(new, follow(new), match)


def test_a_field_that_stays_and_has_another_form_is_noticed() -> None:
    with pytest.raises(ProofFailed, match="another form"):
        compare(new_layout=_form)


def test_a_view_that_breaks_the_law_of_its_codec_is_noticed() -> None:
    class Loose(Swap16):
        """A codec that decodes more rows than it encodes."""

        def encode(self, inner: bytes, outer: bytes, /) -> bytes:
            return bytes(len(super().encode(inner, outer)))

    def loose(row: bytes) -> Layout:
        layout = lay_out(row)
        view = layout.fields[-1]
        assert isinstance(view, View)
        return Layout(
            layout.stops, layout.kinds, [*layout.fields[:-1], view._replace(codec=Loose())], layout.notes
        )

    with pytest.raises(ProofFailed, match="law"):
        compare(layout=loose)


@pytest.mark.parametrize(
    "extra",
    [
        Edit("", 4, 6, b"XX", "redact"),
        Edit("", 40, 48, b"XXXXXXXX", "redact"),
        Edit("", 0, 44, NEW, "redact"),
    ],
    ids=["overlap", "past-the-end", "over-all"],
)
def test_edits_that_overlap_or_leave_the_row_are_noticed(extra: Edit) -> None:
    with pytest.raises(ProofFailed, match=r"overlap|replacement"):
        compare(NEW, (*EDITS, extra))


def test_the_order_of_the_edits_does_not_matter() -> None:
    compare(NEW, EDITS[::-1])


def test_a_message_holds_offsets_and_no_bytes() -> None:
    with pytest.raises(ProofFailed) as caught:
        compare(OLD)
    assert "SYNTH" not in str(caught.value)
    assert "20010203" not in str(caught.value)
