"""Search of a row as it is to be written: where an identifier may still stand, and where it fails the file."""

from typing import ClassVar

import pytest

from csaclean.errors import ProofFailed
from csaclean.model import DATASET, Builder, Layout, View
from csaclean.policy.fills import FORMS, UNKNOWN_FORMS
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


def build(*parts: tuple[str, int]) -> Layout:
    """Return the layout of `ROW` cut into fields of these forms, or spans of these kinds, up to these offsets."""
    builder = Builder()
    for form, stop in parts:
        if form in ("structure", "dead", "bytes"):
            {"structure": builder.structure, "dead": builder.dead, "bytes": builder.opaque}[form](stop)
        else:
            builder.value(stop, "Field", form)
    return builder.done(len(ROW))


def test_a_row_without_an_identifier_is_passed_whatever_it_is() -> None:
    search_row(b"head ROE-471x tail", build(("bytes", 18)), NEEDLES)


def test_in_structure_it_stands() -> None:
    search_row(ROW, build(("text", 2), ("structure", 16), ("text", 18)), NEEDLES)


@pytest.mark.parametrize("form", sorted(FORMS.keys() - UNKNOWN_FORMS))
def test_in_a_field_of_its_own_it_stands_because_the_field_was_judged(form: str) -> None:
    search_row(ROW, build(("structure", START), (form, STOP), ("structure", 18)), NEEDLES)
    search_row(ROW, build((form, 18)), NEEDLES)


@pytest.mark.parametrize("form", sorted(UNKNOWN_FORMS))
def test_in_a_field_that_no_grammar_accounts_for_it_fails(form: str) -> None:
    with pytest.raises(ProofFailed, match=r"identifier of the patient in a span of 18 bytes \(at byte 5\)"):
        search_row(ROW, build((form, 18)), NEEDLES)


def test_in_opaque_content_it_fails() -> None:
    with pytest.raises(ProofFailed) as caught:
        search_row(ROW, build(("structure", 3), ("bytes", 18)), NEEDLES)
    assert caught.value.code == "proof-residue"
    assert caught.value.offset == START


def test_in_dead_bytes_it_fails() -> None:
    with pytest.raises(ProofFailed):
        search_row(ROW, build(("text", 3), ("dead", 18)), NEEDLES)


@pytest.mark.parametrize("cut", range(START + 1, STOP))
def test_across_two_fields_it_fails_because_neither_was_judged_for_it(cut: int) -> None:
    with pytest.raises(ProofFailed) as caught:
        search_row(ROW, build(("text", cut), ("text", 18)), NEEDLES)
    assert caught.value.offset == START


@pytest.mark.parametrize("cut", [START, STOP])
def test_at_the_border_of_two_fields_it_is_in_one(cut: int) -> None:
    search_row(ROW, build(("text", cut), ("text", 18)), NEEDLES)


def test_a_second_one_is_found_where_the_first_may_stand() -> None:
    row = b"Roe-4711 Roe-4711 "
    with pytest.raises(ProofFailed) as caught:
        search_row(row, build(("text", 8), ("bytes", 18)), NEEDLES)
    assert caught.value.offset == 9


class TestViews:
    """The row that a view shows is searched as rows are; so is the outer one."""

    @staticmethod
    def around(layout: Layout) -> tuple[bytes, Layout]:
        outer = CODEC.encode(ROW, ROW)
        assert not NEEDLES.find(outer)
        builder = Builder()
        builder.view(len(outer), View("inside", CODEC, ROW, layout))
        return outer, builder.done(len(outer))

    def test_in_opaque_content_inside_it_fails(self) -> None:
        with pytest.raises(ProofFailed):
            search_row(*self.around(build(("bytes", 18))), NEEDLES)

    def test_in_a_field_inside_it_stands(self) -> None:
        search_row(*self.around(build(("text", 18))), NEEDLES)

    def test_across_fields_inside_it_fails(self) -> None:
        with pytest.raises(ProofFailed):
            search_row(*self.around(build(("text", 8), ("text", 18))), NEEDLES)

    def test_the_outer_row_fails_for_what_it_spells_by_itself(self) -> None:
        builder = Builder()
        builder.view(18, View("inside", CODEC, bytes(18), build(("dead", 18))))
        with pytest.raises(ProofFailed) as caught:
            search_row(ROW, builder.done(18), NEEDLES)
        assert caught.value.offset == START

    def test_a_nested_data_set_without_a_layout_is_searched_from_outside(self) -> None:
        builder = Builder()
        builder.view(18, View("inside", CODEC, ROW, DATASET))
        with pytest.raises(ProofFailed):
            search_row(ROW, builder.done(18), NEEDLES)


def test_the_message_holds_a_length_and_an_offset_and_nothing_else() -> None:
    with pytest.raises(ProofFailed) as caught:
        search_row(ROW, build(("bytes", 18)), NEEDLES)
    assert str(caught.value) == "an identifier of the patient in a span of 18 bytes (at byte 5)"
