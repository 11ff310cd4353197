"""Each law of `csaclean.testing` is broken by a handler that breaks it, and by no other."""

import pickle
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import pytest

from csaclean.codecs.swap16 import Swap16
from csaclean.errors import CannotRead, MalformedValue
from csaclean.handler import Claim, ConverterElement, PrivateElement, Rule, RuleSet, parse_selector
from csaclean.model import Builder, Layout, View
from csaclean.testing import BrokenLaws, Sample, changed_values, check_handler
from tests.kit.lawful import FOREIGN, MALFORMED, SAMPLE, SELECTOR, Lawful, Table, value

CANARY = "DOE^JANE"


def broken(handler: object, *samples: Sample, **options: Iterable[str]) -> BrokenLaws:
    """Return the error about a handler; its text holds nothing of the value."""
    with pytest.raises(BrokenLaws) as caught:
        check_handler(handler, samples or (SAMPLE,), **options)  # type: ignore[arg-type]  # some are no handlers
    text = str(caught.value) + repr(caught.value)
    for sample in samples or (SAMPLE,):
        for start in range(len(sample.value) - 3):
            assert sample.value[start : start + 4].decode("latin-1") not in text.replace(SELECTOR, "")
    return caught.value


def test_a_handler_that_obeys_them_passes() -> None:
    check_handler(Lawful(), [SAMPLE, FOREIGN, MALFORMED, Sample(SELECTOR, value(b"", b"\0" * 6))])


def test_so_does_one_with_a_witness_and_a_table() -> None:
    class Full(Lawful):
        converters = Table()
        witness = Reader()

    check_handler(Full(), [SAMPLE])


def test_the_same_changes_are_tried_again() -> None:
    changes = list(changed_values(SAMPLE.value, 50, 7))
    assert changes == list(changed_values(SAMPLE.value, 50, 7))
    assert changes != list(changed_values(SAMPLE.value, 50, 8))
    assert len(set(changes)) > 40


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_the_shortest_values_can_be_changed(size: int) -> None:
    assert len(list(changed_values(bytes(size), 500))) == 500


class TestProtocol:
    def test_of_another_version(self) -> None:
        class Future(Lawful):
            api_version = 2

        assert broken(Future()).laws == {"protocol"}

    def test_without_rules(self) -> None:
        class Bare:
            name = "bare"
            claims = ()

            def layout(self, element: PrivateElement, /) -> Layout:
                raise NotImplementedError

        error = broken(Bare())
        assert error.laws == {"protocol"}
        assert "has no rules" in str(error)

    def test_that_claims_what_is_installed(self) -> None:
        class Greedy(Lawful):
            claims = (Claim(parse_selector("(0029,SIEMENS CSA HEADER,10)")),)

        error = broken(Greedy())
        assert error.laws == {"protocol"}
        assert "claimed by both" in str(error)

    def test_whose_name_is_taken(self) -> None:
        class Impostor(Lawful):
            name = "siemens"

        error = broken(Impostor())
        assert error.laws == {"protocol"}
        assert "is taken" in str(error)


class TestSamples:
    @pytest.mark.parametrize(
        ("sample", "expect", "is_now"),
        [
            (SAMPLE, "foreign", "laid out"),
            (SAMPLE, "malformed", "laid out"),
            (FOREIGN, "laid out", "foreign"),
            (FOREIGN, "malformed", "foreign"),
            (MALFORMED, "laid out", "malformed"),
            (MALFORMED, "foreign", "malformed"),
        ],
    )
    def test_that_is_something_else(self, sample: Sample, expect: str, is_now: str) -> None:
        other = Sample(SELECTOR, sample.value, expect)  # type: ignore[arg-type]  # one of three words
        error = broken(Lawful(), SAMPLE, other)
        assert [(one.law, one.sample) for one in error.breaches] == [("samples", 1)]
        assert f"expected to be {expect}, and {is_now}" in str(error)

    @pytest.mark.parametrize("selector", ["(0099,LAWFUL VENDOR,02)", "(0029,SIEMENS CSA HEADER,10)", "0099"])
    def test_of_nothing_that_it_claims(self, selector: str) -> None:
        assert broken(Lawful(), SAMPLE, Sample(selector, b"")).laws == {"samples"}

    def test_longer_than_its_claim_allows(self) -> None:
        class Short(Lawful):
            claims = (Claim(parse_selector(SELECTOR), cap=10),)

        error = broken(Short(), SAMPLE)
        assert "longer than the 10 bytes" in str(error)
        assert error.laws == {"samples", "claims"}

    def test_repr_has_no_value(self) -> None:
        assert CANARY not in repr(SAMPLE)


class TestClaims:
    OTHER = "(0099,LAWFUL VENDOR,02)"

    def two(self) -> Lawful:
        class Two(Lawful):
            claims = (*Lawful.claims, Claim(parse_selector(self.OTHER)))

        return Two()

    def test_without_a_sample(self) -> None:
        error = broken(self.two())
        assert [(one.law, one.selector) for one in error.breaches] == [("claims", self.OTHER)]

    def test_named_as_unsampled(self) -> None:
        check_handler(self.two(), [SAMPLE], unsampled=[self.OTHER])

    def test_that_has_a_sample_and_is_named_as_unsampled(self) -> None:
        assert broken(Lawful(), unsampled=[SELECTOR]).laws == {"claims"}

    def test_that_is_none_and_is_named_as_unsampled(self) -> None:
        assert broken(Lawful(), unsampled=[self.OTHER]).laws == {"claims"}

    def test_of_orphans_without_a_signature(self) -> None:
        class Orphan(Lawful):
            claims = (Claim(parse_selector(SELECTOR), orphan=True),)

        assert broken(Orphan()).laws == {"claims"}


def test_a_rule_on_fields_of_nothing_that_is_claimed() -> None:
    class Idle(Lawful):
        rules = RuleSet(
            (*Lawful.rules.rules, Rule(("(0099,lawful vendor,01)",), "uids", "misspelt", field=("Uid",)))
        )

    assert broken(Idle()).laws == {"rules"}


class TestCovers:
    def test_a_hole(self) -> None:
        class Hole(Lawful):
            def layout(self, element: PrivateElement, /) -> Layout:
                found = super().layout(element)
                return Layout(found.stops[:-1], found.kinds[:-1], found.fields[:-1])

        error = broken(Hole())
        assert "gave a layout with a hole" in str(error)
        assert error.laws == {"covers", "claims"}

    def test_a_hole_in_a_view(self) -> None:
        class Hole(Lawful):
            def inside(self, inner: bytes) -> Layout:
                found = super().inside(inner)
                return Layout(found.stops[:-1], found.kinds[:-1], found.fields[:-1])

        assert "covers" in broken(Hole()).laws

    @pytest.mark.parametrize("error", [KeyError(CANARY), SystemExit(CANARY), RecursionError(CANARY)])
    def test_an_exception_of_another_kind(self, error: BaseException) -> None:
        class Raises(Lawful):
            def record(self, builder: Builder, row: bytes) -> None:
                raise error

        assert "covers" in broken(Raises()).laws


def test_a_layout_that_depends_on_what_was_laid_out_before() -> None:
    class Counting(Lawful):
        count = 0

        def tail(self, builder: Builder, row: bytes) -> None:
            type(self).count += 1
            if self.count == 2:  # whose the second answer is, is the law's matter
                builder.note("second")
            super().tail(builder, row)

    assert broken(Counting()).laws == {"pure"}


class TestFine:
    def test_refused(self) -> None:
        class Coarse(Lawful):
            def layout(self, element: PrivateElement, /) -> Layout:
                if element.fine:
                    raise MalformedValue("not so")
                return super().layout(element)

        assert "fine" in broken(Coarse()).laws

    def test_with_another_field(self) -> None:
        class Other(Lawful):
            def layout(self, element: PrivateElement, /) -> Layout:
                self.prefix = "fine/" if element.fine else ""
                return super().layout(element)

            def path(self, word: bytes, text: bytes) -> str:
                return self.prefix + super().path(word, text)

        assert "fine" in broken(Other()).laws


class TestCodecs:
    def test_one_that_heeds_no_cap(self) -> None:
        class Boundless(Swap16):
            def decode(self, outer: bytes, cap: int, /) -> bytes:
                return super().decode(outer, max(cap, len(outer)))

        assert "decodes more than its cap" in str(self.broken(Boundless()))

    def test_one_that_writes_differently(self) -> None:
        class Padding(Swap16):
            def encode(self, inner: bytes, outer: bytes, /) -> bytes:
                return super().encode(inner, outer)[:-1] + b"\0"

        assert "writes an unedited row differently" in str(self.broken(Padding()))

    def test_one_that_raises(self) -> None:
        class Raising(Swap16):
            def encode(self, inner: bytes, outer: bytes, /) -> bytes:
                raise struct.error(CANARY)

        assert "raised error" in str(self.broken(Raising()))

    def test_a_view_that_shows_something_else(self) -> None:
        class Lying(Lawful):
            def view(self, builder: Builder, row: bytes, start: int) -> None:
                super().view(builder, row, start)
                layout = builder.done(builder.position)
                view = layout.fields[-1]
                assert isinstance(view, View)
                layout.fields[-1] = view._replace(inner=view.inner[:2] + b"x" * 10)

        error = broken(Lying())
        assert "codecs" in error.laws

    def broken(self, codec: Swap16) -> BrokenLaws:
        handler = Lawful()
        handler.codec = codec
        error = broken(handler)
        assert error.laws == {"codecs"}
        return error


def test_dead_bytes_that_are_read() -> None:
    class Reading(Lawful):
        def tail(self, builder: Builder, row: bytes) -> None:
            if not any(row[-6:]):
                raise self.malformed("nothing at the end", len(row))
            super().tail(builder, row)

    assert broken(Reading()).laws == {"keeps"}


class TestRedacts:
    def test_a_path_that_depends_on_what_is_redacted(self) -> None:
        class Named(Lawful):
            def path(self, word: bytes, text: bytes) -> str:
                return "NAME" if b"^" in text else super().path(word, text).replace("NAME", "OTHER")

            rules = RuleSet((*Lawful.rules.rules, Rule((SELECTOR,), "identity", "others", field=("OTHER",))))

        error = broken(Named())
        assert error.laws == {"redacts"}
        assert {one.offset for one in error.breaches} == {11}

    def test_a_fill_that_is_refused(self) -> None:
        class Strict(Lawful):
            def form(self, word: bytes, text: bytes) -> str | None:
                return None if word == b"NUMB" and text == b"-00.0" else super().form(word, text)

        error = broken(Strict())
        assert error.laws == {"redacts"}
        assert "blank, every field named: the edited value breaks its grammar" in str(error)


def test_a_form_that_depends_on_the_fill() -> None:
    class Unsteady(Lawful):
        def form(self, word: bytes, text: bytes) -> str | None:
            return "date" if text == b"XXXXXXXX" else super().form(word, text)

    assert broken(Unsteady()).laws == {"idempotent"}


def test_a_cut_that_raises() -> None:
    class Unchecked(Lawful):
        def layout(self, element: PrivateElement, /) -> Layout:
            if element.value.startswith(b"LAWS"):
                element.value[4]
            return super().layout(element)

    error = broken(Unchecked())
    assert error.laws == {"cut"}
    assert [one.offset for one in error.breaches] == [4]


def test_a_change_that_raises() -> None:
    class Unchecked(Lawful):
        def form(self, word: bytes, text: bytes) -> str | None:
            return {b"NAME": "text", b"DATE": "date", b"NUMB": "number"}[word]

    error = broken(Unchecked())
    assert "changed" in error.laws
    assert "raised KeyError at test_laws.py:" in str(error)


class TestSteady:
    def test_a_changed_value_whose_fill_is_refused(self) -> None:
        class Proud(Lawful):
            def form(self, word: bytes, text: bytes) -> str | None:
                if word == b"DATE" and not text.isdigit():
                    return None if text == b"XXXXXXXX" else "text"
                return super().form(word, text)

        error = broken(Proud())
        assert error.laws == {"steady"}
        assert "of seed 0: the edited value breaks its grammar" in str(error)


class TestStructure:
    def test_that_nobody_checked(self) -> None:
        class Blind(Lawful):
            def form(self, word: bytes, text: bytes) -> str | None:
                return super().form(word, text) or "text"

            def path(self, word: bytes, text: bytes) -> str:
                return "NAME"

        error = broken(Blind())
        assert error.laws == {"structure"}
        assert {one.offset for one in error.breaches} >= {5}

    def test_inside_a_view(self) -> None:
        class Blind(Lawful):
            def inside(self, inner: bytes) -> Layout:
                return super().inside(b"IN" + inner[2:])

        error = broken(Blind())
        assert error.laws == {"structure"}
        (breach,) = error.breaches
        assert breach.offset == 0
        assert "2 bytes of structure may be anything in the row swap16@" in breach.reason
        row = breach.reason.rpartition(" ")[2]
        check_handler(Blind(), [Sample(SELECTOR, SAMPLE.value, free={row: range(2)})])

    def test_that_may_be_anything_and_is_said_to(self) -> None:
        class Loose(Lawful):
            def record(self, builder: Builder, row: bytes) -> None:
                if builder.position > 5:
                    super().record(builder, row)
                elif len(row) > 11:
                    super().record(builder, row[:5] + b"NAME" + row[9:])
                else:
                    raise self.malformed("cut in the first record", 5)

        assert broken(Loose()).laws == {"structure"}
        check_handler(Loose(), [Sample(SELECTOR, SAMPLE.value, free={"": range(5, 9)})])


class TestSaysNothing:
    @pytest.mark.parametrize("text", ["{what!r}", "{what.hex()}"], ids=["bytes", "hexadecimal"])
    def test_the_message_of_a_refusal(self, text: str) -> None:
        class Telling(Lawful):
            def malformed(self, reason: str, offset: int, what: bytes = b"") -> MalformedValue:
                told = repr(what) if "!r" in text else what.hex()
                return MalformedValue(f"{reason}: {told}", "", offset)

        assert broken(Telling()).laws == {"says_nothing"}

    def test_a_note_of_an_exception(self) -> None:
        class Telling(Lawful):
            def malformed(self, reason: str, offset: int, what: bytes = b"") -> MalformedValue:
                error = super().malformed(reason, offset)
                error.add_note(what.decode("latin-1"))
                return error

        assert broken(Telling()).laws == {"says_nothing"}

    def test_an_exception_behind_it(self) -> None:
        class Telling(Lawful):
            def malformed(self, reason: str, offset: int, what: bytes = b"") -> MalformedValue:
                error = super().malformed(reason, offset)
                error.__cause__ = KeyError(what)
                return error

        assert broken(Telling()).laws == {"says_nothing"}

    def test_the_path_of_a_field(self) -> None:
        class Telling(Lawful):
            def path(self, word: bytes, text: bytes) -> str:
                return text.decode("latin-1") if b"q" in text.lower() else super().path(word, text)

        assert "says_nothing" in broken(Telling()).laws

    def test_a_note_of_a_layout(self) -> None:
        class Telling(Lawful):
            def path(self, word: bytes, text: bytes) -> str:
                self.last = text.decode("latin-1")
                return super().path(word, text)

            def tail(self, builder: Builder, row: bytes) -> None:
                super().tail(builder, row)
                builder.note(row[-6:].decode("latin-1") if row[-6:].isupper() else "quiet")

        assert "says_nothing" in broken(Telling()).laws

    def test_the_reason_of_foreign_content(self) -> None:
        class Telling(Lawful):
            def layout(self, element: PrivateElement, /) -> Layout:
                found = super().layout(element)
                return Layout.foreign(element.value[:8].decode("latin-1")) if found.is_foreign else found

        assert broken(Telling()).laws == {"says_nothing"}


class Reader:
    """A witness that reads how long a value is."""

    name: ClassVar[str] = "reader"

    def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
        del claim
        if value.count(b"NAME") != 1:
            raise CannotRead("no name")
        return {"length": len(value)}


class TestWitness:
    def broken(self, reader: object) -> BrokenLaws:
        class Witnessed(Lawful):
            witness = reader

        error = broken(Witnessed())
        assert error.laws == {"witness"}
        return error

    def test_that_is_none(self) -> None:
        assert "no method read" in str(self.broken(object()))

    def test_that_raises(self) -> None:
        class Raising(Reader):
            def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
                raise CannotRead("never")

        class Witnessed(Lawful):
            witness = Raising()

        check_handler(Witnessed(), [SAMPLE])

        class Wild(Reader):
            def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
                if b"DOE^JANE" not in value:
                    raise KeyError(value)
                return super().read(claim, value)

        assert "of a changed value: raised KeyError" in str(self.broken(Wild()))

    def test_that_gives_no_mapping(self) -> None:
        class Listing(Reader):
            def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
                return [len(value)]  # type: ignore[return-value]  # that is the fault

        class Witnessed(Lawful):
            witness = Listing()

        assert "witness" in broken(Witnessed()).laws

    def test_that_reads_one_value_in_two_ways(self) -> None:
        class Counting(Reader):
            count = 0

            def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
                type(self).count += 1
                return {"count": self.count}

        class Witnessed(Lawful):
            witness = Counting()

        assert "witness" in broken(Witnessed()).laws

    def test_of_other_elements_is_not_asked(self) -> None:
        class Elsewhere(Reader):
            selectors = frozenset(("(0099,LAWFUL VENDOR,02)",))

            def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
                raise AssertionError

        class Witnessed(Lawful):
            witness = Elsewhere()

        check_handler(Witnessed(), [SAMPLE])


class TestConverters:
    def broken(self, table: Table) -> str:
        class Converted(Lawful):
            converters = table

        error = broken(Converted())
        assert error.laws == {"converters"}
        return str(error)

    def test_that_raises(self) -> None:
        class Raising(Table):
            def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
                raise IndexError(CANARY)

        assert "the table raised IndexError at test_laws.py:" in self.broken(Raising())

    def test_with_a_list_of_readers(self) -> None:
        class Listing(Table):
            def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
                return list(super().consumers(selector, path))  # type: ignore[return-value]  # that is the fault

        assert "consumers gives no tuple" in self.broken(Listing())

    def test_with_fields_that_are_no_bytes(self) -> None:
        class Texts(Table):
            def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
                return {key: str(len(one)) for key, one in super().fields(elements).items()}  # type: ignore[misc]  # that is the fault

        assert "a value of fields is no bytes" in self.broken(Texts())

    def test_with_changes_where_nothing_has_changed(self) -> None:
        class Changing(Table):
            def outputs(
                self,
                before: Mapping[str, bytes],
                after: Mapping[str, bytes],
                standard: Mapping[int, bytes],
                /,
            ) -> tuple[str, ...]:
                return ("SliceTiming",)

        assert "where nothing has changed" in self.broken(Changing())

    def test_with_fields_of_nothing(self) -> None:
        class Dreaming(Table):
            def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
                return {"x": b""}

        assert "where there is no element" in self.broken(Dreaming())

    def test_that_finds_what_is_redacted_because_it_says_that_nobody_reads_it(self) -> None:
        class Silent(Table):
            def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
                return {f"{place}/NAME": one.value[11:19] for place, one in enumerate(elements)}

        assert "1 of 1 fields that a converter reads would change" in self.broken(Silent())

    def test_that_finds_what_somebody_else_has_at_that_number(self) -> None:
        class ByNumber(Table):
            def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
                return ()

            def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
                return {f"{one.tag:08X}": one.value for one in elements if one.tag == 0x00991001}

        class Converted(Lawful):
            converters = ByNumber()

        check_handler(Converted(), [SAMPLE])


class TestError:
    def test_names_law_selector_sample_and_offset(self) -> None:
        class Blind(Lawful):
            def inside(self, inner: bytes) -> Layout:
                return super().inside(b"IN" + inner[2:])

        assert str(broken(Blind())).startswith(
            f"the handler lawful breaks 1 law(s):\n  structure: {SELECTOR}, sample 0, at byte 0: 2 bytes of structure"
        )

    def test_lists_a_few_breaches_of_each_law_in_each_sample(self) -> None:
        class Raises(Lawful):
            def layout(self, element: PrivateElement, /) -> Layout:
                if len(element.value) < len(SAMPLE.value):
                    raise KeyError
                return super().layout(element)

        error = broken(Raises(), SAMPLE, SAMPLE)
        assert [one.law for one in error.breaches].count("cut") == 2 * 5

    def test_can_be_pickled(self) -> None:
        class Future(Lawful):
            api_version = 2

        error = broken(Future())
        again = pickle.loads(pickle.dumps(error))
        assert (again.name, again.breaches) == (error.name, error.breaches)
