"""Fixed C-string slots: text up to a NUL in a field of fixed size, and behind the NUL whatever the memory held before.

Siemens' tag names, GE's raw data header, Philips' parameter blobs and Canon's patient records all are such fields. A reader
stops at the NUL, so the bytes behind it are dead.
"""

from csaclean.model import Builder

__all__ = ["slot"]


def slot(builder: Builder, row: bytes, stop: int, path: str, form: str = "text", select: str = "") -> bytes:
    r"""Account for a slot: the text is a field, its NUL structure, the rest dead.

    Parameters
    ----------
    builder, row
        Stands at the slot's first byte of a row.
    stop
        Where the slot ends. A text that fills it needs no NUL.
    path, form, select
        Of the field; the form's fill must be one that holds no NUL. An empty text has no field.

    Returns
    -------
    bytes
        The text.

    Examples
    --------
    >>> builder = Builder()
    >>> slot(builder, b"AB\0DOE^JANE", 11, "name")
    b'AB'
    >>> [(span.stop, span.kind.name) for span in builder.done(11)]
    [(2, 'VALUE'), (3, 'STRUCTURE'), (11, 'DEAD')]
    """
    start = builder.position
    end = row.find(b"\0", start, stop)
    if end < 0:
        end = stop
    builder.value(end, path, form, select)
    builder.structure(min(end + 1, stop))
    builder.dead(stop)
    return row[start:end]
