"""Data sets inside private values: a view that a handler can't lay out, because it would have to know all handlers.

The engine walks such a row like a file's data set, resolves the creators in it, and asks whoever claims its elements.
Standard elements are laid out by their VR, and rules speak of them by their own tag.
"""

from collections import deque
from typing import Final

from csaclean.context import Context
from csaclean.dicom.creators import creator_stop, is_creator, is_only_a_name
from csaclean.dicom.elements import Element, Shape, Walk, is_group_length
from csaclean.dicom.source import BytesSource
from csaclean.dicom.syntax import EXPLICIT_LITTLE
from csaclean.dicom.walk import walk
from csaclean.errors import LimitExceeded, MalformedFile, MalformedValue
from csaclean.locate import Located, locate
from csaclean.model import Builder, Field, Kind, Layout, View
from csaclean.registry import Registry
from csaclean.selector import Step, fold_creator, format_selector
from csaclean.vr_layout import layout_by_vr

__all__ = ["MAX_VIEWS", "resolve"]

MAX_VIEWS: Final = 8
"""How many views may lie in each other."""
_META_VERSION: Final = (0x00020001, b"\0\1")
"""File Meta Information Version, and its one value (PS3.10 section 7.1)."""


def resolve(layout: Layout, registry: Registry, *, fine: bool = False, depth: int = 0) -> Layout:
    """Return a layout in which every view has a layout of its own.

    Parameters
    ----------
    layout
        As a handler gave it.
    registry
        Who claims the elements of data sets.
    fine
        Passed on to grammars.
    depth
        How many views are around this row.

    Raises
    ------
    MalformedValue
        If a nested data set can't be walked, and no form says as what it counts then, or an element in it breaks its grammar.
    LimitExceeded
        If views lie in each other deeper than `MAX_VIEWS`.
    """
    if Kind.VIEW not in layout.kinds:
        return layout
    if depth == MAX_VIEWS:
        raise LimitExceeded(f"more than {MAX_VIEWS} views inside each other")
    fields: list[Field | View | None] = []
    kinds = bytearray(layout.kinds)
    notes = dict.fromkeys(layout.notes)
    for number, field in enumerate(layout.fields):
        if not isinstance(field, View):
            fields.append(field)
            continue
        inner = field.layout
        if not isinstance(inner, Layout):
            source = BytesSource(field.inner)
            found = _walked(source, strict=inner.otherwise is None)
            if found is None and inner.otherwise is not None:
                kinds[number] = Kind.VALUE
                path = "/".join(filter(None, (field.path.rpartition("/")[0], inner.otherwise.path)))
                fields.append(inner.otherwise._replace(path=path))
                continue
            inner = _layout_data_set(source, field.inner, found or Walk(), registry, fine=fine)
        inner = resolve(inner, registry, fine=fine, depth=depth + 1)
        notes.update(dict.fromkeys(inner.notes))
        fields.append(field._replace(layout=inner))
    return Layout(layout.stops, kinds, fields, tuple(notes))


def _walked(source: BytesSource, *, strict: bool) -> Walk | None:
    """Return the walk of a nested data set; None if it can't be walked or holds nothing, unless `strict`.

    Raises
    ------
    MalformedValue
        If `strict` and it can't be walked.
    """
    try:
        # A liberty hangs on bytes that a fill may change: the layout must not.
        found = walk(source, EXPLICIT_LITTLE, wanted=None, liberties=False)
    except MalformedFile as error:
        if strict:
            raise MalformedValue(f"a nested data set: {error.reason}", "", error.offset) from None
        return None
    return found if strict or found.elements else None


def _layout_data_set(
    source: BytesSource, row: bytes, found: Walk, registry: Registry, *, fine: bool
) -> Layout:
    """Return the layout of a data set in explicit VR little endian.

    Headers, items and delimiters are structure: the walk has checked them. Their slack is dead. A group length that isn't
    true is opaque, and so is what follows the data set.
    """
    context = Context(found.elements, found.datasets, source)
    location = locate(found.elements, found.datasets, context.load, registry)
    located = {one.element.header: one for one in location.located}
    untrue = {slack.start: slack.true for slack in found.slack if slack.kind == "group-length"}
    dead = deque(sorted((one.start, one.stop) for one in found.slack if one.kind != "group-length"))
    builder = Builder()
    for element in found.elements:
        if element.shape is not Shape.VALUE:
            continue
        _structure(builder, element.start, dead)
        value = row[element.start : element.stop]
        if is_creator(element.tag) and registry.knows(fold_creator(value)) and is_only_a_name(value):
            builder.structure(element.start + creator_stop(value))
            builder.dead(element.stop)
            continue
        if (element.tag, value) == _META_VERSION:
            builder.structure(element.stop)
            continue
        if is_group_length(element.tag, element.vr, len(value)):
            select = format_selector((_step(element),))
            if not any(untrue.get(element.start, value)):
                builder.dead(
                    element.stop
                )  # the group is empty: null is its length, and what blanking makes of it
            elif element.start in untrue:
                builder.value(element.stop, "", "opaque", select)
            else:
                builder.structure(element.stop)
            continue
        one = located.get(element.header) if not is_creator(element.tag) else None
        part = _layout_claimed(one, value, context, fine=fine) if one else None
        if part is None:
            part = _layout_unclaimed(element, value, registry)
        _inline(builder, part, one.claimed.selector if one else format_selector((_step(element),)))
    _structure(builder, found.end, dead)
    builder.value(len(row), "trailing", "opaque")
    return builder.done(len(row))


def _structure(builder: Builder, stop: int, dead: deque[tuple[int, int]]) -> None:
    """Account for headers and delimiters, and for the dead bytes among them."""
    while dead and dead[0][1] <= stop:
        low, high = dead.popleft()
        if low >= builder.position:  # those in the fragments of encapsulated data are a part of its value
            builder.structure(low)
            builder.dead(high)
    builder.structure(stop)


def _step(element: Element) -> Step:
    return Step(element.tag >> 16, element.tag & 0xFFFF)


def _inline(builder: Builder, part: Layout, select: str) -> None:
    """Account for an element with the layout of its value.

    Content without a field gets one of its own: it is the inner element's, whoever reads the one around it.
    """
    base = builder.position
    for stop, kind, field in zip(part.stops, part.kinds, part.fields, strict=True):
        if isinstance(field, Field):
            builder.value(base + stop, *field)
        elif isinstance(field, View):
            builder.view(base + stop, field)
        elif kind == Kind.STRUCTURE:
            builder.structure(base + stop)
        elif kind == Kind.DEAD:
            builder.dead(base + stop)
        else:
            builder.value(base + stop, "", "opaque", select)
    for note in part.notes:
        builder.note(note)


def _layout_claimed(one: Located, value: bytes, context: Context, *, fine: bool) -> Layout | None:
    """Return the layout that a claim gives, its fields addressed by the claim's selector; None if it is foreign."""
    layout = one.claimed.layout(one.private_element(value, context, fine=fine))
    if layout.is_foreign:
        return None
    select = one.claimed.selector
    fields = [
        field._replace(select=select) if isinstance(field, Field) and not field.select else field
        for field in layout.fields
    ]
    return Layout(layout.stops, layout.kinds, fields, layout.notes)


def _layout_unclaimed(element: Element, value: bytes, registry: Registry) -> Layout:
    """Return the layout by VR; a standard element's is addressed by its tag, a private one's by its tag without creator."""
    step = _step(element)
    select = format_selector((step,))
    if is_creator(element.tag):  # of a vendor that nobody knows
        builder = Builder()
        stop = creator_stop(value) if is_only_a_name(value) else len(value)
        builder.value(stop, "", "name", select)
        builder.dead(len(value))
        return builder.done(len(value))
    claims = (
        claim for claim in registry.find(step.group, None, step.element) if len(claim.claim.selector) == 1
    )
    for claimed in claims:
        layout = claimed.layout_value(element.vr, value, select)
        if not layout.is_foreign:
            return layout
    return layout_by_vr(element.vr or "UN", value, select)
