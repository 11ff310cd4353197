"""Locating: whose elements they are, in every data set; and what is nobody's."""

import pytest

from csaclean.dicom.creators import private_tag
from csaclean.dicom.elements import Element as Walked
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import EXPLICIT_LITTLE as SYNTAX
from csaclean.dicom.walk import walk
from csaclean.errors import MalformedFile
from csaclean.handler import Claim, PrivateElement, Rule, RuleSet, parse_selector
from csaclean.locate import Location, locate
from csaclean.model import Layout
from csaclean.registry import Registered, Registry
from csaclean.selector import Step, format_selector
from phantom_writer import (
    EXPLICIT_LITTLE,
    DataSet,
    Element,
    Fragments,
    encode_dataset,
    numbers,
    private_block,
    sequence,
    text,
)

VENDOR = b"PHANTOM VENDOR"
PAYLOAD = {0x10: ("OB", b"SIGNsynthetic!")}
CLAIM = Claim(parse_selector("(0029,PHANTOM VENDOR,10)"), (b"SIGN",), orphan=True)


class Toy:
    """A handler with claims and nothing else."""

    name = "toy"

    def __init__(self, *claims: Claim, rules: tuple[Rule, ...] = ()) -> None:
        self.claims = claims
        self.rules = RuleSet(rules)

    def layout(self, element: PrivateElement, /) -> Layout:
        raise NotImplementedError(element)


class Loads:
    """Loads values, and remembers of which elements how much was asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.asked: list[tuple[int, int]] = []

    def __call__(self, element: Walked, size: int) -> bytes:
        self.asked.append((element.tag, size))
        stop = element.stop if size < 0 else min(element.stop, element.start + size)
        return self._data[element.start : stop]


def look(dataset: DataSet, *claims: Claim | Toy) -> tuple[Location, Loads]:
    handlers = [one if isinstance(one, Toy) else Toy(one) for one in claims or (CLAIM,)]
    registry = Registry(
        Registered(f"toy{number}", handler, "toys", "1.0")  # type: ignore[arg-type]  # attributes of the object
        for number, handler in enumerate(handlers)
    )
    data = encode_dataset(dataset, EXPLICIT_LITTLE)
    found = walk(BytesSource(data), SYNTAX)
    load = Loads(data)
    return locate(found.elements, found.datasets, load, registry), load


def located(dataset: DataSet, *claims: Claim | Toy) -> list[tuple[str, bool]]:
    """Return selector as found and whether it is an orphan, of everything claimed."""
    return [(format_selector(one.selector), one.orphan) for one in look(dataset, *claims)[0].located]


def unclaimed(dataset: DataSet, *claims: Claim | Toy) -> dict[tuple[str, str], tuple[int, int]]:
    found = look(dataset, *claims)[0].unclaimed
    return {(str(step), reason): counts for (step, reason), counts in found.items()}


OWN = [("(0029,PHANTOM VENDOR,10)", False)]
ORPHAN = [("(0029,PHANTOM VENDOR,10)", True)]


class TestByCreator:
    def test_an_element_is_found_by_its_creator_in_any_block(self) -> None:
        for block in (0x10, 0x11, 0x42, 0xFF):
            assert located(private_block(0x0029, block, VENDOR, PAYLOAD)) == OWN

    def test_the_selector_never_holds_the_block(self) -> None:
        (found,) = look(private_block(0x0029, 0x42, VENDOR, PAYLOAD))[0].located
        assert private_tag(found.element.tag).block == 0x42
        assert found.selector == (Step(0x0029, 0x10, "PHANTOM VENDOR"),)

    def test_content_does_not_matter_where_the_creator_is_known(self) -> None:
        assert located(private_block(0x0029, 0x10, VENDOR, {0x10: ("OB", b"no signature..")})) == OWN

    def test_spelling_of_the_creator_does_not_matter(self) -> None:
        for creator in (b" PHANTOM VENDOR ", b"Phantom Vendor\0", b"phantom vendor"):
            assert located(private_block(0x0029, 0x10, creator, PAYLOAD)) == OWN

    def test_every_block_of_a_repeated_creator_is_found(self) -> None:
        blocks = (
            *private_block(0x0029, 0x10, VENDOR, PAYLOAD),
            *private_block(0x0029, 0x11, VENDOR, PAYLOAD),
        )
        assert located(blocks) == OWN * 2

    def test_items_of_standard_sequences_are_searched_at_any_depth(self) -> None:
        dataset: DataSet = private_block(0x0029, 0x10, VENDOR, PAYLOAD)
        for _ in range(5):
            dataset = (sequence(0x00081115, dataset),)
        assert located(dataset) == OWN

    def test_a_creator_behind_its_elements_counts(self) -> None:
        assert located(private_block(0x0029, 0x10, VENDOR, PAYLOAD, creator_last=True)) == OWN

    def test_the_creator_of_the_outer_level_is_not_inherited(self) -> None:
        inside = private_block(0x0029, 0x10, None, {0x10: ("OB", b"no signature..")})
        dataset = (text(0x00290010, "LO", "PHANTOM VENDOR"), sequence(0x00291030, inside))
        assert located(dataset) == []
        assert unclaimed(dataset) == {("(0029,1010)", "no-creator"): (1, 14)}

    def test_a_claim_holds_in_its_group_only(self) -> None:
        assert located(private_block(0x0031, 0x10, VENDOR, {0x10: ("OB", b"no signature..")})) == []

    def test_a_repeated_creator_tag_prefers_the_one_that_is_known(self) -> None:
        dataset = (
            text(0x00290010, "LO", "SOMEBODY"),
            text(0x00290010, "LO", "PHANTOM VENDOR"),
            Element(0x00291010, "OB", b"no signature.."),
        )
        assert located(dataset) == OWN

    def test_a_claimed_element_in_fragments_is_an_error(self) -> None:
        dataset = private_block(0x0029, 0x10, VENDOR, {0x10: ("OB", Fragments((b"SIGN",)))})
        with pytest.raises(MalformedFile, match="fragments"):
            look(dataset)

    def test_other_private_fragments_are_counted_and_not_loaded(self) -> None:
        dataset = private_block(0x0029, 0x10, VENDOR, {0x77: ("OB", Fragments((b"SIGN",)))})
        found, load = look(dataset)
        assert not found.located
        assert [reason for _, reason in found.unclaimed] == ["unclaimed"]
        assert 0x00291077 not in [tag for tag, _ in load.asked]

    def test_an_empty_element_is_found(self) -> None:
        assert located(private_block(0x0029, 0x10, VENDOR, {0x10: ("OB", b"")})) == OWN

    def test_a_rule_on_a_whole_element_claims_it(self) -> None:
        toy = Toy(rules=(Rule(("(0029,PHANTOM VENDOR,20)",), "dates", "x", vr="DA"),))
        dataset = private_block(0x0029, 0x10, VENDOR, {0x20: ("DA", b"20010203")})
        assert located(dataset, toy) == [("(0029,PHANTOM VENDOR,20)", False)]


class TestSteps:
    """Claims of more than one step."""

    OUTER = Claim(parse_selector("(0029,PHANTOM VENDOR,30)/(0029,PHANTOM VENDOR,10)"))
    STANDARD = Claim(parse_selector("(0029,PHANTOM VENDOR,30)/(0008,0018)"))
    BARE = Claim(parse_selector("(0029,PHANTOM VENDOR,30)/(0029,0F10)"))

    @staticmethod
    def nested(item: DataSet, byte: int = 0x30, creator: bytes = VENDOR) -> DataSet:
        (head,) = private_block(0x0029, 0x42, creator, {})
        return (head, sequence(0x00294200 | byte, item))

    @staticmethod
    def names(dataset: DataSet, *claims: Claim | Toy) -> list[str]:
        """Return what is claimed, in lower case: how creators are spelt in a selector as found is left open."""
        return [selector.lower() for selector, orphan in located(dataset, *claims) if not orphan]

    def test_an_element_below_its_sequence_is_found(self) -> None:
        item = private_block(0x0029, 0x10, VENDOR, PAYLOAD)
        assert self.names(self.nested(item), self.OUTER) == [
            "(0029,phantom vendor,30)/(0029,phantom vendor,10)"
        ]

    def test_it_is_not_found_anywhere_else(self) -> None:
        item = private_block(0x0029, 0x10, VENDOR, PAYLOAD)
        assert located(item, self.OUTER) == []
        assert located(self.nested(item, byte=0x31), self.OUTER) == []
        assert located((sequence(0x00081115, item),), self.OUTER) == []

    def test_a_standard_element_below_a_private_sequence_can_be_claimed(self) -> None:
        uid = (text(0x00080018, "UI", "2.25.1"),)
        assert self.names(self.nested(uid), self.STANDARD)
        assert located(uid, self.STANDARD) == []

    def test_a_private_tag_outside_all_blocks_can_be_claimed_below_a_sequence(self) -> None:
        item = (Element(0x00290F10, "OB", b"abcd"),)
        assert self.names(self.nested(item), self.BARE)
        assert located(item, self.BARE) == []

    def test_spelling_of_the_outer_creator_does_not_matter(self) -> None:
        uid = (text(0x00080018, "UI", "2.25.1"),)
        assert self.names(self.nested(uid, creator=b" phantom Vendor\0"), self.STANDARD)

    def test_the_creator_of_a_step_that_a_claim_names_may_be_printed(self) -> None:
        uid = (text(0x00080018, "UI", "2.25.1"),)
        assert self.names(self.nested(uid), self.STANDARD) == ["(0029,phantom vendor,30)/(0008,0018)"]

    def test_the_creator_of_a_step_that_a_claim_names_is_known(self) -> None:
        uid = (text(0x00080018, "UI", "2.25.1"),)
        assert unclaimed(self.nested(uid), self.STANDARD) == {}

    def test_spelling_of_the_outer_creator_in_the_claim_does_not_matter(self) -> None:
        uid = (text(0x00080018, "UI", "2.25.1"),)
        claim = Claim(parse_selector("(0029, Phantom Vendor ,30)/(0008,0018)"))
        knows = Claim(parse_selector("(0029,PHANTOM VENDOR,99)"))
        assert self.names(self.nested(uid), Toy(claim, knows))

    def test_standard_sequences_below_a_private_one_are_steps(self) -> None:
        uid = (sequence(0x00081140, (text(0x00080018, "UI", "2.25.1"),)),)
        deeper = Claim(parse_selector("(0029,PHANTOM VENDOR,30)/(0008,1140)/(0008,0018)"))
        assert self.names(self.nested(uid), deeper)
        assert not self.names(self.nested(uid), self.STANDARD)

    def test_standard_sequences_around_a_private_one_are_not(self) -> None:
        uid = (text(0x00080018, "UI", "2.25.1"),)
        assert self.names((sequence(0x00081140, self.nested(uid)),), self.STANDARD)

    def test_further_private_sequences_around_do_not_matter(self) -> None:
        inner = self.nested((text(0x00080018, "UI", "2.25.1"),))
        assert self.names(self.nested(inner, byte=0x77), self.STANDARD)

    def test_the_more_exact_claim_wins_whatever_the_order(self) -> None:
        item = private_block(0x0029, 0x10, VENDOR, PAYLOAD)
        for claims in ((self.OUTER, CLAIM), (CLAIM, self.OUTER)):
            (found,) = look(self.nested(item), Toy(*claims))[0].located
            assert found.claimed.claim == self.OUTER


class TestOrphans:
    def test_a_payload_without_its_creator_is_found_by_signature(self) -> None:
        assert located(private_block(0x0029, 0x10, None, PAYLOAD)) == ORPHAN

    def test_in_any_private_group_and_outside_all_blocks(self) -> None:
        for tag in (0x00311010, 0x00290F10, 0x7FE11010, 0x00290110):
            assert located((Element(tag, "OB", b"SIGNsynthetic!"),)) == ORPHAN

    def test_in_items(self) -> None:
        assert located((sequence(0x00081115, private_block(0x0029, 0x10, None, PAYLOAD)),)) == ORPHAN

    def test_an_unknown_creator_is_as_good_as_none(self) -> None:
        assert located(private_block(0x0029, 0x10, b"ANONYMISED", PAYLOAD)) == ORPHAN

    def test_one_under_a_creator_that_claims_something_else_is_found(self) -> None:
        dataset = private_block(0x0029, 0x10, b"OTHER VENDOR", PAYLOAD)
        other = Claim(parse_selector("(0029,OTHER VENDOR,77)"))
        assert located(dataset, CLAIM, other) == ORPHAN

    def test_another_signature_is_nobodys(self) -> None:
        dataset = private_block(0x0029, 0x10, None, {0x10: ("OB", b"OTHER content!")})
        assert located(dataset) == []
        assert unclaimed(dataset) == {("(0029,1010)", "no-creator"): (1, 14)}

    def test_a_standard_element_is_no_orphan(self) -> None:
        assert located((Element(0x00281010, "OB", b"SIGNsynthetic!"),)) == []

    def test_only_the_length_of_the_longest_signature_is_loaded(self) -> None:
        longer = Claim(parse_selector("(0029,LONGER,10)"), (b"LONGERSIGN",), orphan=True)
        _, load = look(private_block(0x0029, 0x10, None, {0x10: ("OB", bytes(5000))}), CLAIM, longer)
        assert load.asked == [(0x00291010, 10)]

    def test_a_short_payload_is_found_beside_claims_of_longer_signatures(self) -> None:
        longer = Claim(parse_selector("(0029,LONGER,10)"), (b"A LONGER SIGNATURE",), orphan=True)
        assert (
            located(private_block(0x0029, 0x10, None, {0x10: ("OB", b"SIGNabcd")}), CLAIM, longer) == ORPHAN
        )

    def test_the_element_byte_decides_between_claims_of_one_signature(self) -> None:
        second = Claim(parse_selector("(0029,PHANTOM VENDOR,20)"), (b"SIGN",), orphan=True)
        dataset = (Element(0x00291020, "OB", b"SIGNsynthetic!"), Element(0x00291077, "OB", b"SIGNsynthetic!"))
        assert located(dataset, Toy(CLAIM, second)) == [("(0029,PHANTOM VENDOR,20)", True), *ORPHAN]

    def test_a_claimed_value_is_not_loaded(self) -> None:
        _, load = look(private_block(0x0029, 0x10, VENDOR, PAYLOAD))
        assert [tag for tag, _ in load.asked] == [0x00290010]


class TestNobodys:
    def test_elements_of_a_known_creator_that_nobody_claims_are_counted(self) -> None:
        values = {0x10: ("OB", b"SIGNsynthetic!"), 0x77: ("LO", b"ab"), 0x78: ("LO", b"abcd")}
        dataset = private_block(0x0029, 0x10, VENDOR, dict(values))
        assert unclaimed(dataset) == {
            ("(0029,phantom vendor,77)", "unclaimed"): (1, 2),
            ("(0029,phantom vendor,78)", "unclaimed"): (1, 4),
        }

    def test_the_same_element_in_several_items_is_counted_together(self) -> None:
        item = private_block(0x0029, 0x10, VENDOR, {0x77: ("LO", b"abcd")})
        assert unclaimed((sequence(0x00081115, item, item, item),)) == {
            ("(0029,phantom vendor,77)", "unclaimed"): (3, 12)
        }

    def test_standard_elements_below_a_private_sequence_are_counted(self) -> None:
        item = (text(0x00080018, "UI", "2.25.1"),)
        dataset = (text(0x00290010, "LO", "PHANTOM VENDOR"), sequence(0x00291030, item))
        assert unclaimed(dataset) == {("(0008,0018)", "unclaimed"): (1, 6)}

    def test_standard_elements_elsewhere_are_not(self) -> None:
        assert unclaimed((text(0x00080018, "UI", "2.25.1"), text(0x00100010, "PN", "PHANTOM"))) == {}

    def test_empty_elements_group_lengths_and_known_creators_hold_nothing(self) -> None:
        dataset = (
            numbers(0x00290000, "UL", 99),
            text(0x00290010, "LO", "PHANTOM VENDOR"),
            Element(0x00291077, "LO", b""),
            Element(0x00311010, "LO", b""),
        )
        assert unclaimed(dataset) == {}

    def test_nor_do_group_lengths_of_standard_groups_below_a_private_sequence(self) -> None:
        item = (numbers(0x00400000, "UL", 8), Element(0x00400255, "LO", b""))
        dataset = (text(0x00290010, "LO", "PHANTOM VENDOR"), sequence(0x00291030, item))
        assert unclaimed(dataset) == {}

    def test_a_group_length_that_is_none_is_counted(self) -> None:
        assert unclaimed((Element(0x00290000, "LO", b"PHANTOM^SYNTHETIC "),)) == {
            ("(0029,0000)", "no-creator"): (1, 18)
        }

    def test_what_is_too_long_for_a_creator_is_counted(self) -> None:
        assert unclaimed((Element(0x00290010, "LO", b"J" * 200),)) == {
            ("(0029,0010)", "not-a-creator"): (1, 200)
        }

    @pytest.mark.parametrize("value", [b"  ", b"\0\0", b" \0" * 400])
    def test_a_creator_of_blanks_and_nulls_holds_nothing(self, value: bytes) -> None:
        assert unclaimed((Element(0x00290010, "LO", value),)) == {}

    def test_a_creator_that_nobody_knows_is_counted(self) -> None:
        assert unclaimed((text(0x00290010, "LO", "SYNTHETIC"),)) == {
            ("(0029,synthetic,10)", "unknown-creator"): (1, 10)
        }

    def test_foreign_content_can_be_disowned_later(self) -> None:
        found, _ = look(private_block(0x0029, 0x10, VENDOR, PAYLOAD))
        place = found.located[0].element
        step = found.located[0].claimed.claim.selector[-1]
        found.disown(step, "foreign", place)
        assert found.unclaimed[step, "foreign"] == (1, place.stop - place.start)
        assert found.disowned == [(step, place)]


class TestNames:
    """A creator that nobody knows is a value of the file."""

    def test_a_selector_never_holds_an_unknown_creator(self) -> None:
        item = private_block(0x0029, 0x10, VENDOR, PAYLOAD)
        dataset = (text(0x00330010, "LO", "JOHN DOE"), sequence(0x00331030, item))
        assert located(dataset) == [("(0033,?,30)/(0029,PHANTOM VENDOR,10)", False)]

    def test_nor_does_that_of_an_orphan(self) -> None:
        assert located(private_block(0x0029, 0x10, b"JOHN DOE", PAYLOAD)) == ORPHAN

    def test_nor_does_the_representation_of_what_was_found(self) -> None:
        found, _ = look(private_block(0x0029, 0x10, VENDOR, PAYLOAD))
        assert "synthetic" not in repr(found.located)
