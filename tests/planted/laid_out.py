"""Where in a file its fields are, as csaclean lays it out: to tell what is declared, and to blot out what may stand."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import NamedTuple

from csaclean.context import Context
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.engine import Engine
from csaclean.handler import PrivateElement
from csaclean.locate import Located, locate
from csaclean.model import Field, Kind, Layout, View
from csaclean.policy.policies import load_policy
from csaclean.registry import installed

__all__ = ["Laid", "Part", "blot_element", "blotted", "laid_out", "parts"]


class Part(NamedTuple):
    """A field of an element, or content without one."""

    selector: str
    """Of the claim on the element around it."""
    path: str
    form: str
    content: bytes
    vouched: bool
    """Whether the policy answers for it."""
    read_by: tuple[str, ...]


class Laid(NamedTuple):
    """A claimed element of a file."""

    start: int
    found: Located
    value: bytes
    layout: Layout


@cache
def _engine(policy: str) -> Engine:
    return Engine(load_policy(policy), installed())


def laid_out(data: bytes, policy: str) -> tuple[Engine, list[Laid], list[tuple[int, int]]]:
    """Return the engine, the claimed elements of a file that isn't deflated, and where the values of unclaimed ones are."""
    engine = _engine(policy)
    source = BytesSource(data)
    start = find_start(source)
    found = walk(source, start.syntax, start.offset)
    context = Context(found.elements, found.datasets, source)
    laid = []
    location = locate(found.elements, found.datasets, context.load, engine.registry)
    nobodys = [(place.start, place.stop) for _, place in location.disowned]
    for one in location.located:
        place = one.element
        value = context.load(place)
        element = PrivateElement(
            one.claimed.claim, one.selector, place.vr, value, place.order, (), partial(context.peer, place)
        )
        layout = engine.layout(one.claimed, element)
        if layout.is_foreign:
            nobodys.append((place.start, place.stop))
        else:
            laid.append(Laid(place.start, one, value, layout))
    return engine, laid, nobodys


def _parts(engine: Engine, one: Laid, row: bytes, layout: Layout) -> Iterator[tuple[int, int, Part | View]]:
    start = 0
    for stop, kind, what in zip(layout.stops, layout.kinds, layout.fields, strict=True):
        if isinstance(what, View):
            yield start, stop, what
        elif kind in (Kind.VALUE, Kind.OPAQUE):
            field = what or Field("", "opaque")
            decision = engine.decide(one.found.claimed, field)
            yield (
                start,
                stop,
                Part(
                    one.found.claimed.selector,
                    field.path,
                    field.form,
                    row[start:stop],
                    decision.vouched,
                    decision.read_by,
                ),
            )
        start = stop


def parts(engine: Engine, one: Laid) -> Iterator[Part]:
    """Yield the fields of an element, of the rows inside it too."""
    rows = [(one.value, one.layout)]
    while rows:
        row, layout = rows.pop()
        for _, _, what in _parts(engine, one, row, layout):
            if not isinstance(what, View):
                yield what
            elif isinstance(what.layout, Layout):
                rows.append((what.inner, what.layout))


def _blotted_row(
    engine: Engine, one: Laid, row: bytes, layout: Layout, may_stand: Callable[[Part], bool]
) -> bytes:
    new = bytearray(row)
    for start, stop, what in _parts(engine, one, row, layout):
        if isinstance(what, View):
            assert isinstance(what.layout, Layout)
            inner = _blotted_row(engine, one, what.inner, what.layout, may_stand)
            new[start:stop] = what.codec.encode(inner, row[start:stop])
        elif may_stand(what):
            new[start:stop] = b"~" * (stop - start)
    return bytes(new)


def blot_element(engine: Engine, one: Laid, may_stand: Callable[[Part], bool]) -> bytes:
    """Return the value of an element with what may stand in it blotted out."""
    return _blotted_row(engine, one, one.value, one.layout, may_stand)


def blotted(data: bytes, policy: str, may_stand: Callable[[Part], bool]) -> bytes:
    """Return a file with what may stand in it blotted out, so that a search finds what may not.

    Elements that nobody claims are reported as such.
    """
    engine, laid, nobodys = laid_out(data, policy)
    new = bytearray(data)
    for start, stop in nobodys:
        new[start:stop] = b"~" * (stop - start)
    for one in laid:
        new[one.start : one.start + len(one.value)] = blot_element(engine, one, may_stand)
    return bytes(new)
