"""What a file may cost: counted work that grows with its size, and nothing that grows faster."""

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar

import pytest

from csaclean.budget import BYTES, COMPARED, ELEMENTS, GRAMMARS, HITS, REGIONS, SPANS, Budget, Limit, work_of
from csaclean.clean import clean_file
from csaclean.dicom.elements import Element as Walked
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import EXPLICIT_LITTLE as SYNTAX
from csaclean.dicom.walk import walk
from csaclean.engine import Engine
from csaclean.errors import LimitExceeded
from csaclean.locate import locate
from csaclean.model import MAX_STEPS, Builder, View
from csaclean.policy.policies import load_policy
from csaclean.proof.residue import MAX_HITS, Needles, _outside
from csaclean.proof.words import MAX_WORDS, Identifiers
from csaclean.registry import installed
from csaclean_handlers.siemens.ascconv import layout_section
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    EXPLICIT_LITTLE,
    DataSet,
    Element,
    Fragments,
    encode_dataset,
    padding,
    private_block,
    sequence,
)

SDS = b"SIEMENS MR SDS 01"


class Copy:
    """A codec whose inner row is the outer one."""

    name: ClassVar[str] = "copy"

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        return outer

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        return inner


def section(lines: bytes) -> bytes:
    return b"### ASCCONV BEGIN ###\n" + lines + b"### ASCCONV END ###\n"


class Loads:
    """Loads values, and counts how often it was asked."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.calls = 0

    def __call__(self, element: Walked, size: int) -> bytes:
        self.calls += 1
        stop = element.stop if size < 0 else min(element.stop, element.start + size)
        return self._data[element.start : stop]


class TestLimits:
    def test_a_limit_is_a_floor_and_a_share_of_the_size(self) -> None:
        limit = Limit("things", 10, 4, 3)
        assert (limit.of(0), limit.of(400)) == (10, 310)

    def test_work_up_to_the_limit_passes_and_one_more_does_not(self) -> None:
        limit = Limit("things", 10, 100)
        budget = Budget(500)
        budget.spend(limit, 15)
        with pytest.raises(
            LimitExceeded, match="more than 15 things, the limit of a file of 500 bytes"
        ) as caught:
            budget.spend(limit, 1, "(0029,V,10)")
        assert caught.value.selector == "(0029,V,10)"
        assert caught.value.code == "limit"

    def test_kinds_of_work_are_counted_apart(self) -> None:
        budget = Budget(0)
        budget.spend(ELEMENTS, ELEMENTS.floor)
        budget.spend(SPANS, SPANS.floor)
        with pytest.raises(LimitExceeded, match="spans"):
            budget.spend(SPANS, 1)

    def test_a_file_that_is_not_deflated_can_load_all_of_itself(self) -> None:
        for size in (0, 1 << 20, 1 << 30):
            Budget(size).spend(BYTES, size)

    def test_rows_that_views_show_are_counted_with_their_bytes(self) -> None:
        inner = Builder()
        inner.value(3, "a", "text")
        inner.value(5, "b", "text")
        outer = Builder()
        outer.structure(2)
        outer.view(7, View("v", Copy(), b"12345", inner.done(5)))
        assert work_of(outer.done(7)) == (4, 5)


class TestSteps:
    def test_a_layout_of_too_many_steps_is_a_limit(self) -> None:
        builder = Builder()
        for stop in range(1, MAX_STEPS + 1):
            builder.value(stop, "", "text")
        with pytest.raises(LimitExceeded, match="steps"):
            builder.value(MAX_STEPS + 1, "", "text")

    def test_lines_without_a_span_of_their_own_are_steps(self) -> None:
        row = section(b"lTimes = 1\n" * (MAX_STEPS + 1))
        with pytest.raises(LimitExceeded, match="steps"):
            layout_section(Builder(), row, len(row), 0, fine=False)

    def test_empty_comments_are_steps(self) -> None:
        row = section(b"#\n" * (MAX_STEPS + 1))
        with pytest.raises(LimitExceeded, match="steps"):
            layout_section(Builder(), row, len(row), 0, fine=False)


def many_creators(count: int) -> DataSet:
    """Return a block that many creators reserve, and elements in it."""
    creators = tuple(Element(0x00290010, "LO", b"NAME%d" % number) for number in range(count))
    return creators + tuple(Element(0x00291000 | number % 256, "LO", b"xy") for number in range(count))


class TestGrowth:
    def test_each_of_many_creators_in_one_block_is_counted_once(self) -> None:
        data = encode_dataset(many_creators(300), EXPLICIT_LITTLE)
        found = walk(BytesSource(data), SYNTAX)
        location = locate(found.elements, found.datasets, Loads(data), installed())
        reserved = [
            count for (_, reason), (count, _) in location.unclaimed.items() if reason == "unknown-creator"
        ]
        assert sum(reserved) == 300
        assert sum(count for count, _ in location.unclaimed.values()) == 600

    def test_locating_asks_for_values_in_proportion(self) -> None:
        def calls(count: int) -> int:
            data = encode_dataset(many_creators(count), EXPLICIT_LITTLE)
            found = walk(BytesSource(data), SYNTAX)
            load = Loads(data)
            locate(found.elements, found.datasets, load, installed())
            return load.calls

        assert calls(400) <= 2 * calls(200) + 2

    def test_creators_are_looked_up_in_proportion(self, monkeypatch: pytest.MonkeyPatch) -> None:
        registry = installed()
        counts = []
        knows = type(registry).knows
        for count in (200, 400):
            asked_of: list[str] = []

            def counted(self: object, creator: str, /, asked: list[str] = asked_of) -> bool:
                asked.append(creator)
                return knows(registry, creator)

            monkeypatch.setattr(type(registry), "knows", counted)
            data = encode_dataset(many_creators(count), EXPLICIT_LITTLE)
            found = walk(BytesSource(data), SYNTAX)
            locate(found.elements, found.datasets, Loads(data), registry)
            counts.append(len(asked_of))
        assert counts[1] <= 2 * counts[0] + 10


class TestEngine:
    def engine(self) -> Engine:
        return Engine(load_policy("converter-safe"), installed())

    def examine(self, dataset: DataSet, size: int) -> None:
        source = BytesSource(encode_dataset(dataset, EXPLICIT_LITTLE))
        found = walk(source, SYNTAX)
        self.engine().examine(found.elements, found.datasets, source, Budget(size))

    def test_claimed_values_are_counted_before_the_first_is_laid_out(self) -> None:
        half = (BYTES.floor >> 1) // 3
        elements = tuple(
            one
            for block in range(0x10, 0x18)
            for one in private_block(0x0021, block, SDS, {0x19: ("OB", b"x" * half)})
        )
        with pytest.raises(LimitExceeded, match=BYTES.unit) as caught:
            self.examine(elements, 0)
        assert caught.value.selector == "(0021,SIEMENS MR SDS 01,19)"

    def test_unclaimed_values_are_counted_before_the_first_is_searched(self) -> None:
        unclaimed = tuple(
            one
            for block in range(0x10, 0x18)
            for one in private_block(0x99, block, b"NOBODY", {0x10: ("OB", b"x" * (BYTES.floor // 6))})
        )
        name = Element(0x00100010, "PN", b"Quillfeather^Ottoline")
        with pytest.raises(LimitExceeded, match=BYTES.unit):
            self.examine((name, *unclaimed), 0)
        self.examine((name, *unclaimed), BYTES.floor)

    def test_more_elements_than_a_file_may_have_are_a_limit(self) -> None:
        elements = tuple(
            Element(0x00290000 | 0x1000 + number, "LO", b"") for number in range(ELEMENTS.floor + 1)
        )
        with pytest.raises(LimitExceeded, match=ELEMENTS.unit):
            self.examine(elements, 0)
        self.examine(elements, 128)

    def test_elements_of_the_standard_are_no_private_ones(self) -> None:
        codes = (Element(0x00080104, "LO", b"meaning"),) * (ELEMENTS.floor + 1)
        self.examine(codes, 0)

    def test_more_elements_with_a_grammar_than_a_file_may_have_are_a_limit(self) -> None:
        def elements(count: int) -> DataSet:
            creator, protocol = private_block(0x0021, 0x10, SDS, {0x19: ("OB", b"")})
            return (creator, *(protocol,) * count)

        self.examine(elements(1000), 0)
        with pytest.raises(LimitExceeded, match=GRAMMARS.unit) as caught:
            self.examine(elements(GRAMMARS.floor + 1), 0)
        assert caught.value.selector == "(0021,SIEMENS MR SDS 01,19)"

    def test_spans_of_all_values_are_counted_together(self) -> None:
        value = section(b"#x\n" * (SPANS.floor // 4 + 1))
        block = private_block(0x0021, 0x10, SDS, {0x19: ("OB", value)})
        again = private_block(0x0021, 0x11, SDS, {0x19: ("OB", value)})
        self.examine(block, 0)
        with pytest.raises(LimitExceeded, match=SPANS.unit):
            self.examine((*block, *again), 0)


class TestWalk:
    def test_places_that_may_be_read_in_several_ways_cost_more_than_a_header(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("csaclean.dicom.walk.CHECKS", 200)
        monkeypatch.setattr("csaclean.dicom.walk._BYTES_PER_CHECK", 1 << 40)
        implicit = b"".join(b"\x99\0" + number.to_bytes(2, "little") + b"\2\0\0\0xy" for number in range(40))
        walk(BytesSource(implicit[:200]), SYNTAX)
        with pytest.raises(LimitExceeded):
            walk(BytesSource(implicit), SYNTAX)

    def test_group_lengths_of_one_group_are_noted_in_proportion(self) -> None:
        def untrue(count: int) -> int:
            data = encode_dataset((Element(0x00290000, "UL", b"abcd"),) * count, EXPLICIT_LITTLE)
            return len(walk(BytesSource(data), SYNTAX).slack)

        assert (untrue(1000), untrue(2000)) == (1000, 2000)


class TestDeflated:
    """What a deflated file costs is in proportion to its own size."""

    class Inflated(BytesSource):
        def __init__(self, data: bytes, stored: int) -> None:
            super().__init__(data)
            self.stored = stored

    @pytest.mark.parametrize(
        "dataset",
        [
            (Element(0x00189010, "LO", b"ab"),) * 3000,
            (Element(0x7FE00010, "OB", Fragments((b"",) * 3000)),),
            (sequence(0x00400260, *[()] * 2000),),
        ],
    )
    def test_headers(self, dataset: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("csaclean.dicom.walk.HEADERS", 1000)
        data = encode_dataset(dataset, EXPLICIT_LITTLE)
        walk(BytesSource(data), SYNTAX)
        walk(self.Inflated(data, len(data)), SYNTAX)
        with pytest.raises(LimitExceeded):
            walk(self.Inflated(data, len(data) // 100), SYNTAX)


class TestRegions:
    def test_more_regions_than_a_file_may_have_are_a_limit(self, tmp_path: Path) -> None:
        path = tmp_path / "in.dcm"
        for count, fails in ((1000, False), (REGIONS.floor * 3 // 2, True)):
            path.write_bytes(file_bytes(Phantom((padding(b"ab"),) * count)))
            with pytest.raises(LimitExceeded, match=REGIONS.unit) if fails else nullcontext():
                clean_file(path, tmp_path / "out.dcm", overwrite=True)


class TestHits:
    def test_more_hits_than_a_row_may_have_are_a_limit_that_names_the_option(self) -> None:
        needles = Needles.of({"patient": Identifiers(names=("Quillfeather^Ottoline",))}, ())
        assert len(needles.find(b"Quillfeather " * MAX_HITS)) == MAX_HITS
        with pytest.raises(LimitExceeded, match="--not-identifiers"):
            needles.find(b"Quillfeather " * (MAX_HITS + 1))

    def test_words_that_are_part_of_longer_ones_are_counted(self) -> None:
        budget = Budget(0)
        number = Identifiers(numbers=("12121212",))
        needles = Needles.of({"patient": number}, ()).spending(budget.spend)
        assert not needles.find(b"12" * 1000)
        with pytest.raises(LimitExceeded, match=HITS.unit):
            needles.find(b"12" * HITS.floor)

    @pytest.mark.parametrize(
        "text",
        [b"77,105,", b"x ", b"\\u0041", b"%41", b"&#65;", b"QUJD", b"Quillfeather ", b"81,117,105,108,108,"],
    )
    def test_the_work_of_a_search_grows_with_the_row(self, text: bytes) -> None:
        def work(count: int) -> int:
            spent: Counter[Limit] = Counter()
            names = Identifiers(names=("Quillfeather^Ottoline", "Quill^Doe"), birth_dates=("19670203",))
            needles = Needles.of({"patient": names}, ("ISO_IR 100",))
            spending = needles.spending(lambda limit, amount: spent.update({limit: amount}))
            spending.find(text * count)
            return spent[COMPARED] + spent[HITS]

        assert 0 < work(40_000) <= 2.3 * work(20_000)

    @pytest.mark.parametrize("size", [100, 100_000])
    def test_a_row_is_not_searched_again(self, size: int) -> None:
        spent: Counter[Limit] = Counter()
        needles = Needles.of({"patient": Identifiers(names=("Quillfeather^Ottoline",))}, ())
        spending = needles.spending(lambda limit, amount: spent.update({limit: amount}))
        row = b"Quillfeather, and more " * (size // 20)
        hits, once = spending.find(row), dict(spent)
        assert hits == spending.find(bytes(bytearray(row))) == needles.find(row)
        assert spent == once

    def test_a_header_of_more_words_than_it_may_give_is_a_limit(self) -> None:
        numbers = tuple(f"Q-{number:06d}" for number in range(MAX_WORDS))
        with pytest.raises(LimitExceeded, match="--identifiers-from"):
            Needles.of({"patient": Identifiers(numbers=numbers)}, ())
        assert Needles.of({"patient": Identifiers(wanted=numbers)}, ()).words == MAX_WORDS

    def test_a_long_list_of_codes_is_read_in_pieces(self) -> None:
        needles = Needles.of({"patient": Identifiers(names=("Quillfeather^Ottoline",))}, ())
        name = b",".join(b"%d" % byte for byte in b"Quillfeather")
        for before in (0, 37_440, 37_444, 37_448, 37_449, 37_450):
            row = b"32,120," * before + b"32," + name + b"," + b"32," * 1000
            assert needles.find(row) == [(7 * before + 3, 7 * before + 3 + len(name))]

    def test_hits_inside_spared_texts_are_none(self) -> None:
        hits = [(0, 2), (3, 5), (3, 9), (6, 8), (12, 14)]
        assert list(_outside(hits, [(1, 4), (2, 6), (5, 8)])) == [(0, 2), (3, 9), (12, 14)]
