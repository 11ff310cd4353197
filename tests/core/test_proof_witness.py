"""The second stage of the proof: another reader agrees, or has no opinion, and is asked once per row of fields."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from csaclean.codecs.swap16 import Swap16
from csaclean.errors import CannotRead, ProofFailed
from csaclean.handler import Claim, parse_selector
from csaclean.model import Builder, Edit, Layout, View
from csaclean.proof.witness import ProofLevel, Verdict, WitnessLog, worst

CLAIM = Claim(parse_selector("(0029,PHANTOM VENDOR,10)"))
OTHER_CLAIM = Claim(parse_selector("(0029,PHANTOM VENDOR,20)"))
OLD, NEW = b"Name=SYNTHETIC;Age=34", b"Name=XXXXXXXXX;Age=34"
EDITS = (Edit("", 5, 14, b"XXXXXXXXX", "redact", "identity", "Name"),)


class Reader:
    """Reads ``key=value;...`` and counts how often."""

    name: ClassVar[str] = "reader"

    def __init__(self) -> None:
        self.reads = 0

    def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
        del claim
        self.reads += 1
        if b"=" not in value:
            raise CannotRead("not in pairs")
        pairs = (part.partition(b"=") for part in value.split(b";"))
        return {key.decode(): content for key, _, content in pairs}


def layout(*paths: str) -> Layout:
    builder = Builder()
    for stop, path in enumerate(paths or ("Name", "Age"), 1):
        builder.value(stop, path, "text")
    return builder.done(len(paths) or 2)


def ask(
    log: WitnessLog,
    witness: Reader | None,
    new: bytes = NEW,
    *,
    old: bytes = OLD,
    edits: tuple[Edit, ...] = EDITS,
    cuts: Layout | None = None,
    claim: Claim = CLAIM,
) -> Verdict:
    return log.compare(witness, claim, old, new, cuts or layout(), edits)


def test_a_reader_that_sees_the_edited_field_change_agrees() -> None:
    assert ask(WitnessLog(), Reader()) == "read"


@pytest.mark.parametrize(
    "new",
    [b"Name=XXXXXXXXX;Age=35", b"Name=XXXXXXXXX;Ape=34", b"Name=XXXXXXXXX,Age=34", b"Name=XXXXXXXXX;Age=34;"],
    ids=["another-value", "another-name", "a-field-lost", "a-field-more"],
)
def test_a_reader_that_sees_anything_else_change_disagrees(new: bytes) -> None:
    with pytest.raises(ProofFailed) as caught:
        ask(WitnessLog(), Reader(), new)
    assert caught.value.code == "proof-witness"
    assert "SYNTH" not in str(caught.value)


def test_an_edit_below_a_field_excuses_that_field_only() -> None:
    edits = (EDITS[0]._replace(field="Name/First"),)
    assert ask(WitnessLog(), Reader(), edits=edits) == "read"
    with pytest.raises(ProofFailed):
        ask(WitnessLog(), Reader(), b"Name=XXXXXXXXX;Age=99", edits=edits)


def test_an_edit_without_a_field_excuses_nothing() -> None:
    with pytest.raises(ProofFailed):
        ask(WitnessLog(), Reader(), edits=(EDITS[0]._replace(field=""),))


def test_a_reader_without_an_opinion_is_a_verdict() -> None:
    assert ask(WitnessLog(), Reader(), b"opaque 2", old=b"opaque 1") == "cannot-read"


def test_a_reader_that_can_read_the_old_value_only_disagrees() -> None:
    with pytest.raises(ProofFailed, match="can't read the result"):
        ask(WitnessLog(), Reader(), b"damaged")


class TestHowOften:
    def test_the_first_of_a_row_of_fields_is_read_and_the_next_are_not(self) -> None:
        log, reader = WitnessLog("rows"), Reader()
        assert [ask(log, reader) for _ in range(3)] == ["read", "same-row", "same-row"]
        assert reader.reads == 2

    @pytest.mark.parametrize(
        "other",
        [layout("Name"), layout("Age", "Name"), layout("Name", "Weight")],
        ids=["fewer", "order", "other"],
    )
    def test_another_row_of_fields_is_read(self, other: Layout) -> None:
        log, reader = WitnessLog("rows"), Reader()
        ask(log, reader)
        assert ask(log, reader, cuts=other) == "read"

    def test_another_claim_is_read(self) -> None:
        log, reader = WitnessLog("rows"), Reader()
        ask(log, reader)
        assert ask(log, reader, claim=OTHER_CLAIM) == "read"

    def test_widths_do_not_make_another_row_of_fields(self) -> None:
        wide = Builder()
        wide.value(10, "Name", "text")
        wide.value(30, "Age", "text")
        log, reader = WitnessLog("rows"), Reader()
        ask(log, reader)
        assert ask(log, reader, cuts=wide.done(30)) == "same-row"

    def test_the_content_of_a_view_does_not_make_another_row_of_fields(self) -> None:
        def packed(inner: bytes) -> Layout:
            builder = Builder()
            builder.view(2, View("packed", Swap16(), inner, layout()))
            return builder.done(2)

        log, reader = WitnessLog("rows"), Reader()
        ask(log, reader, cuts=packed(b"12"))
        assert ask(log, reader, cuts=packed(b"34")) == "same-row"

    def test_the_fields_of_a_view_do(self) -> None:
        def packed(*paths: str) -> Layout:
            builder = Builder()
            builder.view(2, View("packed", Swap16(), b"12", layout(*paths)))
            return builder.done(2)

        log, reader = WitnessLog("rows"), Reader()
        ask(log, reader, cuts=packed("Name"))
        assert ask(log, reader, cuts=packed("Age")) == "read"

    def test_a_value_that_nobody_could_read_answers_for_no_other(self) -> None:
        log, reader = WitnessLog("rows"), Reader()
        assert ask(log, reader, b"opaque 2", old=b"opaque 1") == "cannot-read"
        assert ask(log, reader) == "read"

    def test_a_failure_answers_for_no_other(self) -> None:
        log, reader = WitnessLog("rows"), Reader()
        for _ in range(2):
            with pytest.raises(ProofFailed):
                ask(log, reader, b"damaged")

    def test_full_reads_every_value(self) -> None:
        log, reader = WitnessLog("full"), Reader()
        assert [ask(log, reader) for _ in range(3)] == ["read"] * 3
        assert reader.reads == 6

    @pytest.mark.parametrize("level", ["self", "rows", "full"])
    def test_a_value_without_edits_is_not_read(self, level: ProofLevel) -> None:
        reader = Reader()
        assert ask(WitnessLog(level), reader, OLD) == "unedited"
        assert reader.reads == 0

    def test_self_reads_nothing(self) -> None:
        reader = Reader()
        assert ask(WitnessLog("self"), reader) == "off"
        assert reader.reads == 0

    def test_a_handler_without_a_witness_is_off(self) -> None:
        assert ask(WitnessLog("full"), None) == "off"


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        ((), "off"),
        (("read", "same-row"), "read"),
        (("same-row", "unedited"), "same-row"),
        (("read", "cannot-read", "same-row"), "cannot-read"),
        (("unedited", "off"), "off"),
        (("unedited",), "unedited"),
    ],
)
def test_a_file_has_the_verdict_that_says_most(verdicts: tuple[Verdict, ...], says: Verdict) -> None:
    assert worst(verdicts) == says
