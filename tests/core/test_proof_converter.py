"""The third stage of the proof: what a converter would find is what it found before."""

from collections.abc import Mapping, Sequence

import pytest

from csaclean.errors import ProofFailed
from csaclean.handler import ConverterElement
from csaclean.proof.converter import Declared, compare_converter_fields


class Table:
    """Finds ``key=value`` in the elements of group 0029, by number."""

    def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
        raise NotImplementedError(selector, path)

    def outputs(
        self, before: Mapping[str, bytes], after: Mapping[str, bytes], standard: Mapping[int, bytes], /
    ) -> tuple[str, ...]:
        raise NotImplementedError(before, after, standard)

    def is_field(self, key: str, selector: str, path: str, /) -> bool:
        return selector == "toy" and key == path

    def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
        return {
            part.partition(b"=")[0].decode(): part.partition(b"=")[2]
            for element in elements
            if element.tag >> 16 == 0x0029
            for part in element.value.split(b";")
            if b"=" in part
        }


def element(value: bytes, tag: int = 0x00291010) -> ConverterElement:
    return ConverterElement(tag, "phantom vendor", value)


OLD = [element(b"TE=30;TR=2000"), element(b"Name=SYNTHETIC", 0x00311010)]


def compare(*new: bytes, declared: tuple[str, ...] = ()) -> int:
    values = [element(value, old.tag) for value, old in zip(new, OLD, strict=True)]
    table = Table()
    excused = [Declared("toy", path) for path in declared]
    return compare_converter_fields(table, table.fields(OLD), table.fields(values), excused)


def test_equal_fields_are_counted() -> None:
    assert compare(b"TE=30;TR=2000", b"Name=SYNTHETIC") == 2


def test_what_the_converter_does_not_look_at_may_change() -> None:
    assert compare(b"TE=30;TR=2000", b"Name=XXXXXXXXX") == 2


@pytest.mark.parametrize(
    "new",
    [b"TE=31;TR=2000", b"TE=30", b"", b"TE=30;TR=2000;FA=90", b"TE=30;TX=2000", b"TR=30;TE=2000"],
    ids=["changed", "lost", "all-lost", "new", "renamed", "exchanged"],
)
def test_a_field_that_is_changed_lost_or_new_fails_the_proof(new: bytes) -> None:
    with pytest.raises(ProofFailed) as caught:
        compare(new, b"Name=SYNTHETIC")
    assert caught.value.code == "proof-converter"
    assert "2000" not in str(caught.value)


def test_a_declared_field_may_change() -> None:
    assert compare(b"TE=00;TR=2000", b"", declared=("TE",)) == 2


def test_declaring_one_field_excuses_no_other() -> None:
    with pytest.raises(ProofFailed, match="1 of 2"):
        compare(b"TE=00;TR=0000", b"", declared=("TE",))


@pytest.mark.parametrize("new", [b"TR=2000", b"TE=30;TR=2000;TI=1"])
def test_a_declared_field_may_not_be_lost_nor_appear(new: bytes) -> None:
    with pytest.raises(ProofFailed, match="lost or new"):
        compare(new, b"", declared=("TE", "TI"))


def test_no_elements_have_no_fields() -> None:
    assert compare_converter_fields(Table(), {}, {}) == 0
