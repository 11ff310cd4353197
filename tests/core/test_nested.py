"""Data sets inside private values: walked by the engine, laid out by whoever claims their elements."""

from typing import ClassVar

import pytest

from csaclean.codecs.swap16 import Swap16
from csaclean.engine import Engine
from csaclean.errors import CsacleanError, LimitExceeded, MalformedValue
from csaclean.handler import Claim, PrivateElement, Rule, RuleSet, parse_selector
from csaclean.model import DATASET, Builder, Kind, Layout, Span, View
from csaclean.nested import MAX_VIEWS, resolve
from csaclean.policy.policies import load_policy
from csaclean.registry import Registered, Registry
from phantom_file import Phantom, file_bytes
from phantom_writer import DataSet, private_block, sequence, text

OUTER = "(0099,NESTING PHANTOM,01)"
INNER = "(0099,NESTING PHANTOM,02)"
DATE = "(0008,0020)"
CODE = "(0008,0060)"


class Nesting:
    """Swaps what it claims in pairs, and finds a data set there; claims a name in that."""

    name: ClassVar[str] = "nesting"
    claims: ClassVar[tuple[Claim, ...]] = (Claim(parse_selector(OUTER)), Claim(parse_selector(INNER)))
    rules: ClassVar[RuleSet] = RuleSet(
        (
            Rule((INNER,), "identity", "x", field=("Name",)),
            Rule((DATE,), "dates", "x", vr="DA"),
            Rule((CODE,), "technical", "x", vr="CS", values=("MR",)),
        )
    )

    def layout(self, element: PrivateElement, /) -> Layout:
        builder = Builder()
        size = len(element.value)
        if element.claim is self.claims[0]:
            inner = Swap16().decode(element.value, 1 << 20)
            builder.view(size, View("swapped", Swap16(), inner, DATASET))
            return builder.done(size)
        if not element.value.startswith(b"NAME"):
            raise MalformedValue("no name", "", 0)
        builder.structure(4)
        builder.value(size, "Name", "text")
        return builder.done(size)


REGISTRY = Registry([Registered("nesting", Nesting(), "phantoms", "1")])


def row(*elements: DataSet) -> bytes:
    """Return elements in explicit VR little endian, without anything around them."""
    return file_bytes(Phantom(tuple(e for part in elements for e in part), preamble=None, meta=False))


def element(inner: bytes) -> PrivateElement:
    value = Swap16().encode(inner, bytes(len(inner)))
    return PrivateElement(Nesting.claims[0], parse_selector(OUTER), "OB", value, "<", (), lambda _: None)


def cleaned(inner: bytes, policy: str = "converter-safe") -> bytes:
    """Return the data set after cleaning."""
    result = Engine(load_policy(policy), REGISTRY).clean_element(REGISTRY.by_selector[OUTER], element(inner))
    assert result is not None
    return Swap16().decode(result.new, 1 << 20)


def spans(inner: bytes) -> list[Span]:
    layout = resolve(REGISTRY.by_selector[OUTER].layout(element(inner)), REGISTRY)
    (view,) = layout
    assert view.view is not None
    assert isinstance(view.view.layout, Layout)
    return list(view.view.layout)


NAME = private_block(0x99, 0x42, b"NESTING PHANTOM", {0x02: ("OB", b"NAMEDOE^JANE")})


def test_standard_elements_are_ruled_by_their_own_tag() -> None:
    inner = row((text(0x00080020, "DA", "20010203"),))
    assert cleaned(inner) == inner.replace(b"20010203", b"19000101")
    assert [(s.select, s.form) for s in spans(inner) if s.kind is Kind.VALUE] == [(DATE, "date")]


def test_a_claimed_element_inside_is_laid_out_by_its_grammar_and_rule() -> None:
    inner = row(NAME)
    assert cleaned(inner) == inner.replace(b"DOE^JANE", b"XXXXXXXX")
    assert [(s.select, s.path) for s in spans(inner) if s.kind is Kind.VALUE if s.path] == [(INNER, "Name")]


def test_items_of_sequences_are_reached() -> None:
    inner = row((sequence(0x00081115, (text(0x00080020, "DA", "20010203"), *NAME)),))
    assert cleaned(inner) == inner.replace(b"20010203", b"19000101").replace(b"DOE^JANE", b"XXXXXXXX")


def test_text_without_a_rule_is_redacted_and_a_listed_one_stays() -> None:
    inner = row((text(0x00080060, "CS", "MR"), text(0x00081030, "LO", "SYNTHETIC!")))
    assert cleaned(inner) == inner.replace(b"SYNTHETIC!", b"XXXXXXXXXX")


def test_what_stands_behind_the_data_set_is_opaque() -> None:
    inner = row((text(0x00080060, "CS", "MR"),))
    assert spans(inner + bytes(4))[-1].form == "opaque"


def test_bytes_that_are_no_data_set_are_malformed() -> None:
    with pytest.raises(MalformedValue, match="nested data set"):
        cleaned(b"no data set at all, none" * 2)


@pytest.mark.parametrize("cut", range(2, 40, 2))
def test_a_cut_data_set_is_malformed_or_a_shorter_one(cut: int) -> None:
    inner = row((text(0x00080020, "DA", "20010203"), text(0x00080060, "CS", "MR"), *NAME))[:cut]
    try:
        new = cleaned(inner)
    except CsacleanError:
        return
    assert len(new) == len(inner)
    assert b"20010203" not in new


def test_an_element_inside_that_breaks_its_grammar_fails_the_whole() -> None:
    inner = row(private_block(0x99, 0x42, b"NESTING PHANTOM", {0x02: ("OB", b"DOE^JANE")}))
    with pytest.raises(MalformedValue):
        cleaned(inner)


def test_views_inside_each_other_are_followed_up_to_a_limit() -> None:
    def nested(depth: int) -> bytes:
        inner = row((text(0x00080020, "DA", "20010203"),))
        for _ in range(depth - 1):
            swapped = Swap16().encode(inner, bytes(len(inner)))
            inner = row(private_block(0x99, 0x10, b"NESTING PHANTOM", {0x01: ("OB", swapped)}))
        return inner

    for depth in (1, 2, 3, MAX_VIEWS):
        new = cleaned(nested(depth))
        for _ in range(depth - 1):
            new = Swap16().decode(new[new.index(b"OB\0\0") + 8 :], 1 << 20)
        assert b"19000101" in new
    with pytest.raises(LimitExceeded):
        cleaned(nested(MAX_VIEWS + 1))


def test_slack_of_a_nested_data_set_is_dead() -> None:
    tail = b"NESTING PHANTOM\0left"
    inner = b"\x99\0\x00\0UL\4\0QFQF"
    inner += b"\x99\0\x10\0LO" + len(tail).to_bytes(2, "little") + tail
    inner += b"\x99\0\x10\x10OBQF" + bytes(4)
    engine = Engine(load_policy("strict"), REGISTRY)
    claimed = REGISTRY.by_selector[OUTER]
    cleaned = engine.clean_element(claimed, element(inner))
    assert cleaned is not None
    new = Swap16().decode(cleaned.new, 1 << 20)
    assert new == inner.replace(b"left", bytes(4)).replace(b"QF", b"\0\0")
    assert cleaned.tally.dead_nonzero == 6
