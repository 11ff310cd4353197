"""Search of a row as it is to be written: each identifier in it is one that the judge let stand, or is said to be left."""

from typing import ClassVar

import pytest

from csaclean.errors import ProofFailed
from csaclean.model import Builder, Field, Layout, View
from csaclean.policy.judge import Filler, IdentifierSearch, Judge
from csaclean.policy.plan import Decision
from csaclean.proof.residue import Needles
from csaclean.proof.search import search_row


class Reversed:
    """A codec of the test: no search knows the bytes that it leaves."""

    name: ClassVar[str] = "reversed"

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        return outer[::-1][:cap]

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        return inner[::-1]


CODEC = Reversed()
ROW = b"head ROE-4711 tail"
START, STOP = 5, 13
NEEDLES = Needles.from_identifiers([], ["Roe-4711"], [], [], ())
READ = ("dn",)


def judge(read_by: tuple[str, ...] = ()) -> Judge:
    """Return a judge that keeps every field, and leaves identifiers where a reader reads them."""

    def decide(field: Field) -> Decision:
        return Decision(False, "", field.form, read_by, vouched=True)

    return Judge(decide, Filler(), IdentifierSearch(NEEDLES, read_fields=False))


def build(*parts: tuple[str, int]) -> Layout:
    """Return the layout of `ROW` cut into fields of these forms, or spans of these kinds, up to these offsets."""
    builder = Builder()
    for form, stop in parts:
        if form in ("structure", "dead", "bytes"):
            {"structure": builder.structure, "dead": builder.dead, "bytes": builder.opaque}[form](stop)
        else:
            builder.value(stop, "Field", form)
    return builder.done(len(ROW))


def left(row: bytes, layout: Layout, one: Judge) -> list[str]:
    return list(search_row(row, layout, one))


def test_a_row_without_an_identifier_is_passed_whatever_it_is() -> None:
    assert left(b"head ROE-471x tail", build(("bytes", 18)), judge()) == []


def test_in_structure_it_is_none() -> None:
    assert left(ROW, build(("text", 2), ("structure", 16), ("text", 18)), judge()) == []


def test_in_a_field_that_the_judge_would_have_edited_it_fails() -> None:
    with pytest.raises(ProofFailed, match=r"identifier stands in a span of 18 bytes \(at byte 5\)") as caught:
        left(ROW, build(("text", 18)), judge())
    assert caught.value.code == "proof-identifiers"


def test_in_a_field_in_which_the_judge_leaves_it_it_stands() -> None:
    assert left(ROW, build(("text", 18)), judge(READ)) == []
    assert left(ROW, build(("structure", START), ("text", STOP), ("structure", 18)), judge(READ)) == []


def test_in_opaque_content_outside_printable_runs_it_stands() -> None:
    row = b"\0\0\0\0 ROE-4711 \0\0\0\0"
    assert left(row, build(("bytes", 18)), judge()) == []


@pytest.mark.parametrize("form", ["integer", "number", "binary-number", "assignments"])
def test_in_numbers_a_text_is_none(form: str) -> None:
    assert left(ROW, build((form, 18)), judge()) == []


def test_in_dead_bytes_it_fails() -> None:
    with pytest.raises(ProofFailed):
        left(ROW, build(("text", 3), ("dead", 18)), judge())


@pytest.mark.parametrize("cut", range(START + 1, STOP))
def test_across_two_fields_it_is_said_to_be_left(cut: int) -> None:
    assert left(ROW, build(("text", cut), ("text", 18)), judge()) == ["patient"]


class TestViews:
    """The row that a view shows is searched as rows are; so is the outer one."""

    @staticmethod
    def around(layout: Layout) -> tuple[bytes, Layout]:
        outer = CODEC.encode(ROW, ROW)
        assert not NEEDLES.find(outer)
        builder = Builder()
        builder.view(len(outer), View("inside", CODEC, ROW, layout))
        return outer, builder.done(len(outer))

    def test_in_a_field_inside_it_fails_as_outside(self) -> None:
        with pytest.raises(ProofFailed):
            left(*self.around(build(("text", 18))), judge())

    def test_across_fields_inside_it_is_left(self) -> None:
        assert left(*self.around(build(("text", 8), ("text", 18))), judge()) == ["patient"]

    def test_in_what_the_outer_row_spells_by_itself_it_is_left(self) -> None:
        builder = Builder()
        builder.view(18, View("inside", CODEC, bytes(18), build(("dead", 18))))
        assert left(ROW, builder.done(18), judge()) == ["patient"]


def test_the_message_holds_a_length_and_an_offset_and_nothing_else() -> None:
    with pytest.raises(ProofFailed) as caught:
        left(ROW, build(("text", 18)), judge())
    assert str(caught.value) == "an identifier stands in a span of 18 bytes (at byte 5)"
