"""The laws that every handler obeys, one function each: it yields where the handler breaks it.

Those of `OF_HANDLER` are about the handler and all its samples, those of `OF_SAMPLE` about one sample that was laid out as
expected. A law that rests on another is asked only where that one holds, so one fault is reported once.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby, islice
from traceback import format_exception_only
from typing import Final

from csaclean.errors import CannotRead, CsacleanError, DoesNotFit, LimitExceeded, ProofFailed, raised_at
from csaclean.handler import Claim, ConverterElement, Witness
from csaclean.model import Field, Kind, Layout, View
from csaclean.policy.fills import is_registered
from csaclean.proof.converter import compare_converter_fields
from csaclean.selector import fold_creator, format_selector, parse_selector
from csaclean.testing.bench import (
    DEAD_SPACE,
    UNWITNESSED,
    Answer,
    Bench,
    Breach,
    Laid,
    Row,
    chosen,
    rows,
    same_layout,
    spans_of,
    what_failed,
)
from csaclean.testing.values import canaries, changed_values, cuts, told

__all__ = ["OF_HANDLER", "OF_SAMPLE", "left_in_place"]

_FLIPS: Final = (0xFF, *(1 << bit for bit in range(8)))
"""What a byte of structure is combined with: at least one of the nine results must be noticed."""
_READ_BLOCK: Final = 0x10
"""Where converters that look by number expect the elements that they read."""
_OTHER_BLOCK: Final = 0xF0
"""Where none of them looks: what nobody reads must not be taken there for what somebody does."""
_SHORTEST_LEFT: Final = 4
_LETTERS_AND_DIGITS: Final = re.compile(rb"[0-9A-Za-z\x80-\xff]{%d,}" % _SHORTEST_LEFT)
_OF_FILLS: Final = b"XO01"
_FIRST_DAY: Final = b"19000101"


# Of the handler and all its samples


def claims(bench: Bench, laid: Mapping[int, Laid], unsampled: frozenset[str]) -> Iterator[Breach]:
    """Check that every claim with a grammar has a sample that is laid out, unless `unsampled` names it; orphans have signatures."""
    sampled = {format_selector(parse_selector(one.sample.selector)) for one in laid.values()}
    coded = {selector: claimed for selector, claimed in bench.claims.items() if not claimed.by_vr}
    for selector, claimed in coded.items():
        if selector not in sampled | unsampled:
            yield Breach("claims", "no sample of this claim is laid out", selector)
        if claimed.claim.orphan and not any(claimed.claim.signatures):
            yield Breach("claims", "takes orphans, and has no signature to know them by", selector)
    for selector in sorted(unsampled):
        if selector not in coded or selector in sampled:
            yield Breach("claims", "named as unsampled, and no claim without a sample", selector)


def rules(bench: Bench, laid: Mapping[int, Laid], unsampled: frozenset[str]) -> Iterator[Breach]:
    """Check that every rule on fields is for an element that the handler claims, spelt as the claim spells it."""
    del laid, unsampled
    for rule in bench.handler.rules.rules:
        for text in rule.select if rule.field else ():
            if text != "*" and format_selector(parse_selector(text)) not in bench.claims:
                yield Breach("rules", "a rule on fields of an element that is not claimed so", text)


def pure(bench: Bench, laid: Mapping[int, Laid], unsampled: frozenset[str]) -> Iterator[Breach]:
    """Check that a value is laid out the same however often, and whatever was laid out before."""
    del unsampled
    for one in reversed(list(laid.values())):
        again = bench.ask(one.sample)
        if again.found is None or not same_layout(again.found, one.layout):
            yield one.breach("pure", "laid out again, after others, the value has another layout")


# Of each sample


def fine(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that with every number as a field of its own only structure and runs of numbers are cut otherwise."""
    answer = bench.ask(one.sample, fine=True)
    if answer.found is None:
        yield one.breach("fine", answer.fault or "refused or foreign if every number is asked for")
        return
    wanted = {row.path: row.layout for row in rows(one.sample.value, answer.found)}
    for row in rows(one.sample.value, one.layout):
        there = set(_parts(wanted[row.path])) if row.path in wanted else set()
        for part in _parts(row.layout):
            if part not in there:
                yield one.breach(
                    "fine", f"what ends here{_of(row)} is gone if every number is asked for", part[1]
                )


def _parts(layout: Layout) -> Iterator[tuple[int, int, Kind, str]]:
    """Yield the spans that a finer layout has too: all but structure, and the runs of numbers that it cuts up."""
    for span in layout:
        if span.kind is not Kind.STRUCTURE and span.form != "assignments":
            yield span.start, span.stop, span.kind, span.path


def codecs(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that what a view shows is what its codec decodes, within the cap; written back unedited, it is the span as it was."""
    del bench
    for row in rows(one.sample.value, one.layout):
        for span in row.layout:
            if span.view is not None:
                outer = row.content[span.start : span.stop]
                yield from (
                    one.breach("codecs", f"{reason}{_of(row)}", span.start)
                    for reason in _codec_faults(span.view, outer)
                )


def _codec_faults(view: View, outer: bytes) -> Iterator[str]:
    codec, inner = view.codec, view.inner
    try:
        if codec.decode(outer, len(inner)) != inner:
            yield f"the codec {codec.name} decodes something else than the view shows"
        if codec.encode(inner, outer) != outer:
            yield f"the codec {codec.name} writes an unedited row differently"
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        yield f"the codec {codec.name} raised {raised_at(error)}"
        return
    if inner:
        try:
            codec.decode(outer, len(inner) - 1)
        except LimitExceeded:
            return
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            yield f"the codec {codec.name} raised {raised_at(error)} where its cap is exceeded"
            return
        yield f"the codec {codec.name} decodes more than its cap"


def keeps(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that under ``dead-space`` the value is proved, and only what the layout calls dead differs: it is null."""
    cleaned = bench.clean(DEAD_SPACE, one)
    if cleaned is None or isinstance(cleaned, CsacleanError):
        yield _failed("keeps", one, DEAD_SPACE, cleaned)
        return
    new_layout = bench.ask(one.sample, cleaned.new).found
    new_rows = rows(cleaned.new, new_layout) if new_layout is not None else iter(())
    for before, after in zip(rows(one.sample.value, one.layout), new_rows, strict=False):
        wanted = bytearray(before.content)
        for start, stop in spans_of(before.layout, Kind.DEAD):
            wanted[start:stop] = bytes(stop - start)
        for start, stop in spans_of(before.layout, Kind.VIEW):
            wanted[start:stop] = after.content[start:stop]
        if wanted != after.content:
            at = next(
                place
                for place, pair in enumerate(zip(wanted, after.content, strict=True))
                if pair[0] != pair[1]
            )
            yield one.breach("keeps", f"a byte that is not dead differs{_of(before)}", at)


def redacts(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that under every policy the value is proved, keeps its length, and of a redacted field nothing is left in place."""
    for policy in bench.policies:
        if policy == DEAD_SPACE:
            continue
        cleaned = bench.clean(policy, one)
        if cleaned is None or isinstance(cleaned, CsacleanError):
            yield _failed("redacts", one, policy, cleaned)
            continue
        if len(cleaned.new) != len(cleaned.old):
            yield one.breach("redacts", f"{policy}: {len(cleaned.old)} bytes became {len(cleaned.new)}")
            continue
        old_rows = {row.path: row.content for row in rows(cleaned.old, cleaned.layout)}
        for edit in cleaned.edits:
            if edit.reason == "redact":
                old = old_rows[edit.row][edit.start : edit.stop]
                if left_in_place(old, edit.replacement()):
                    yield one.breach("redacts", f"{policy}: a redacted field holds what it held", edit.start)


def left_in_place(old: bytes, new: bytes) -> bool:
    """Tell whether four letters or digits in a row of a field are in its replacement where they were, and no fill's.

    Examples
    --------
    >>> left_in_place(b"DOE^JANE", b"XXX^JANE"), left_in_place(b"XXXX-000", b"XXXX-000")
    (True, False)
    """
    if is_registered(old):
        return False
    same = bytes(a if a == b else 0 for a, b in zip(old, new, strict=True)).replace(_FIRST_DAY, b"")
    return any(run[0].strip(_OF_FILLS) for run in _LETTERS_AND_DIGITS.finditer(same))


def idempotent(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that cleaning what was cleaned changes nothing, under every policy."""
    for policy in bench.policies:
        cleaned = bench.clean(policy, one)
        if cleaned is None or isinstance(cleaned, CsacleanError):
            continue
        again = bench.clean(policy, one, cleaned.new)
        if again is None or isinstance(again, CsacleanError):
            yield _failed("idempotent", one, f"{policy}, a second time", again)
        elif again.new != cleaned.new or again.edits:
            at = again.edits[0].start if again.edits else None
            yield one.breach("idempotent", f"{policy}: cleaning twice is not cleaning once", at)


def cut(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that every truncation of the value is malformed, foreign or laid out."""
    for number, size in enumerate(cuts(one.sample.value, one.layout, bench.cuts)):
        fault = bench.ask(one.sample, one.sample.value[:size], fine=bool(number % 2)).fault
        if fault:
            yield one.breach(
                "cut", f"cut here, the value is none of malformed, foreign and laid out: {fault}", size
            )


def changed(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that a changed value is malformed, foreign or laid out."""
    for number, value in enumerate(_changes(bench, one)):
        fault = bench.ask(one.sample, value, fine=bool(number % 2)).fault
        if fault:
            yield one.breach("changed", f"{_change(bench, one, number)}: {fault}")


def _seed(bench: Bench, one: Laid) -> int:
    return bench.seed + one.number


def _changes(bench: Bench, one: Laid) -> Iterator[bytes]:
    return changed_values(one.sample.value, bench.changes, _seed(bench, one))


def steady(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that a cut or changed value that is laid out is proved under ``strict``, and cleaned again without change.

    No witness is asked: what another project's reader makes of a broken number is not the handler's to answer for.
    """
    sizes = cuts(one.sample.value, one.layout, bench.cuts)
    tried = [(f"cut at {size}", one.sample.value[:size]) for size in chosen(sizes, bench.changes)]
    tried += [(_change(bench, one, number), value) for number, value in enumerate(_changes(bench, one))]
    for what, value in tried:
        if bench.ask(one.sample, value).found is None:
            continue
        cleaned = bench.clean(UNWITNESSED, one, value)
        if cleaned is None or isinstance(cleaned, CsacleanError):
            yield _failed("steady", one, what, cleaned)
            continue
        again = bench.clean(UNWITNESSED, one, cleaned.new)
        if again is None or isinstance(again, CsacleanError):
            yield _failed("steady", one, f"{what}, a second time", again)
        elif again.new != cleaned.new:
            yield one.breach("steady", f"{what}: cleaning twice is not cleaning once")


def _change(bench: Bench, one: Laid, number: int) -> str:
    return f"change {number} of seed {_seed(bench, one)}"


def structure(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that structure was checked: of nine other bytes in place of each at least one is noticed.

    Noticed is what makes the value malformed or foreign, or gives it another layout. Not every other byte can be: a
    keyword may be written in either case, white space be any, a length stand for another of the same shape. But where
    neither a flipped bit nor all of them together are noticed, nobody has looked, and the byte is opaque.
    """
    for row in rows(one.sample.value, one.own):  # of nested data sets the engine answers
        spans = list(spans_of(row.layout, Kind.STRUCTURE))
        free = one.sample.free.get(row.where, ())
        places = [place for start, stop in spans for place in range(start, stop) if place not in free]
        borders = (place for start, stop in spans for place in (start, stop - 1))
        tried = chosen(places, bench.places, borders)
        unseen = [
            place for place in tried if not any(_is_noticed(bench, one, row, place, flip) for flip in _FLIPS)
        ]
        for _, run in groupby(enumerate(unseen), key=lambda pair: pair[1] - pair[0]):
            run_places = [place for _, place in run]
            yield one.breach(
                "structure", f"{len(run_places)} bytes of structure may be anything{_of(row)}", run_places[0]
            )


def _is_noticed(bench: Bench, one: Laid, row: Row, place: int, flip: int) -> bool:
    new = bytearray(row.content)
    new[place] ^= flip
    try:
        value = row.rebuilt(bytes(new))
    except DoesNotFit:
        return True  # no such value can be written, so there is none to notice
    layout = bench.ask(one.sample, value).found
    return layout is None or not same_layout(layout, one.layout)


def says_nothing(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that no message, note, path or repr repeats what stands in a value."""
    for value in canaries(one.sample.value, one.layout, max(bench.places // 5, 1)):
        answer = bench.ask(one.sample, value)
        for what, text in _texts(answer):
            if told(text):
                yield one.breach("says_nothing", f"{what} holds bytes of the value")


def _texts(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield all that an answer says in words."""
    error: BaseException | None = answer.refused
    while error is not None:
        yield f"the message of a {type(error).__name__}", "".join(format_exception_only(error)) + repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if answer.layout is not None:
        yield from _layout_texts(answer.layout)


def _layout_texts(layout: Layout) -> Iterator[tuple[str, str]]:
    yield "the reason of a foreign layout", layout.foreign_reason
    yield "the repr of a layout", repr(layout)
    yield from (("a note", note) for note in layout.notes)
    for field in layout.fields:
        if isinstance(field, View):
            yield "the path of a view", field.path
            yield "the repr of a view", repr(field)
            if isinstance(field.layout, Layout):
                yield from _layout_texts(field.layout)
        elif field is not None:
            yield "the path of a field", f"{field.select} {field.path} {field.form}"


def witness(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that a witness reads whatever is laid out, twice the same, or raises `CannotRead`."""
    claim = bench.claimed(one.sample).claim
    found: object = bench.registered.witness(format_selector(claim.selector))
    if found is None:
        return
    if not isinstance(found, Witness):
        yield one.breach("witness", "the witness has no name, or no method read")
        return
    read: Callable[[Claim, bytes], object] = found.read

    def reading(value: bytes) -> object:
        try:
            fields = read(claim, value)
        except CannotRead:
            return None
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            return f"raised {raised_at(error)}"
        keys = fields if isinstance(fields, Mapping) else [None]
        return fields if all(isinstance(key, str) for key in keys) else "is no mapping by text"

    first = reading(one.sample.value)
    if isinstance(first, str):
        yield one.breach("witness", f"what {found.name} read: {first}")
    elif reading(one.sample.value) != first:
        yield one.breach("witness", f"{found.name} reads one value in two ways")
    values = (value for value in _changes(bench, one) if bench.ask(one.sample, value).found is not None)
    for value in islice(values, 50):
        other = reading(value)
        if isinstance(other, str):
            yield one.breach("witness", f"what {found.name} read of a changed value: {other}")


def converters(bench: Bench, one: Laid) -> Iterator[Breach]:
    """Check that a converter table answers in the protocol's types, and ``converter-safe`` leaves what it finds as it is."""
    table = bench.registered.converters
    if table is None:
        return
    claimed = bench.claimed(one.sample)
    step = claimed.claim.selector[-1]
    creator = fold_creator(step.creator) if step.creator is not None else None
    paths = [
        "",
        *(field.path for field in one.layout.fields if isinstance(field, Field) and not field.select),
    ]

    def element(value: bytes) -> ConverterElement:
        block = _READ_BLOCK if any(readers) else _OTHER_BLOCK
        low = step.element if creator is None else block << 8 | step.element
        return ConverterElement(step.group << 16 | low, creator, value)

    try:
        readers = [table.consumers(claimed.selector, path) for path in paths]
        found = table.fields([element(one.sample.value)])
        known = [table.is_field(key, claimed.selector, path) for key in found for path in paths[:50]]
        outputs = table.outputs(found, found, {})
        nothing = table.fields([])
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        yield one.breach("converters", f"the table raised {raised_at(error)}")
        return
    for what, answers, kind in (
        ("consumers gives no tuple", readers, tuple),
        ("consumers gives a name that is no text", [name for names in readers for name in names], str),
        ("a key of fields is no text", list(found), str),
        ("a value of fields is no bytes", list(found.values()), bytes),
        ("is_field gives neither true nor false", known, bool),
    ):
        if not all(isinstance(answer, kind) for answer in answers):
            yield one.breach("converters", what)
            return
    if outputs:
        yield one.breach("converters", "keys of a sidecar change where nothing has changed")
    if nothing:
        yield one.breach("converters", "fields are found where there is no element")
    cleaned = bench.clean("converter-safe", one)
    if cleaned is not None and not isinstance(cleaned, CsacleanError):
        try:
            compare_converter_fields(table, found, table.fields([element(cleaned.new)]))
        except ProofFailed as error:
            yield one.breach("converters", f"converter-safe: {error.reason}")


def _failed(law: str, one: Laid, policy: str, error: CsacleanError | None) -> Breach:
    """Say that cleaning failed."""
    if error is None:
        return one.breach(law, f"{policy}: the value is foreign")
    return one.breach(law, f"{policy}: {what_failed(error)}", error.offset)


def _of(row: Row) -> str:
    return f" in the row {row.where}" if row.where else ""


OfHandler = Callable[[Bench, Mapping[int, Laid], frozenset[str]], Iterator[Breach]]
OfSample = Callable[[Bench, Laid], Iterator[Breach]]

OF_HANDLER: Final[tuple[OfHandler, ...]] = (claims, rules, pure)
OF_SAMPLE: Final[tuple[tuple[OfSample, ...], ...]] = (
    (fine,),
    (codecs, witness, converters, keeps, redacts, idempotent, steady),
    (cut,),
    (changed,),
    (structure,),
    (says_nothing,),
)
"""In rows: a law rests on those before it in its row."""
