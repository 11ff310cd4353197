"""Texts that rules let stand: only bytes tell which, so layouts are told, not plans."""

from csaclean.model import Field, Layout, View
from csaclean.policy.rules import RuleSet

__all__ = ["listed"]


def listed(layout: Layout, row: bytes, select: str, rules: RuleSet) -> Layout:
    """Return a layout in which each text that a rule lists is a code, in the rows that views show too.

    Parameters
    ----------
    layout, row
        Of an element, or of a row inside it.
    select
        The element's canonical selector; that of a field inside a nested data set goes before.
    rules
        Rules that may list texts.
    """
    fields: list[Field | View | None] = []
    start = 0
    for stop, field in zip(layout.stops, layout.fields, strict=True):
        if isinstance(field, View) and isinstance(field.layout, Layout):
            fields.append(field._replace(layout=listed(field.layout, field.inner, select, rules)))
        elif isinstance(field, Field) and field.form == "text":
            form = rules.form(field.select or select, field.path, row[start:stop], field.form)
            fields.append(field._replace(form=form))
        else:
            fields.append(field)
        start = stop
    return Layout(layout.stops, layout.kinds, fields, layout.notes, layout.foreign_reason)
