"""How much work one file may cause: counted, never timed, so a file that passes once passes on every machine.

What a file costs is made of few things, and each of them is counted where it is known: private elements behind the walk,
bytes before they are loaded, spans behind the layout. A file may cost what its own size allows and a floor, from which
real files are far.
"""

from typing import Final, NamedTuple

from csaclean.errors import LimitExceeded
from csaclean.model import Layout, View

__all__ = ["Budget", "Limit", "Work", "work_of"]


class Limit(NamedTuple):
    """How much of one kind of work a file may cause.

    Attributes
    ----------
    unit
        What is counted, as messages say it.
    floor
        What every file may cause.
    divisor, factor
        How many bytes of the file allow how many more.
    """

    unit: str
    floor: int
    divisor: int
    factor: int = 1

    def of(self, size: int) -> int:
        """Return the limit of a file of `size` bytes."""
        return self.floor + size * self.factor // self.divisor


ELEMENTS: Final = Limit("private elements", 1 << 14, 128)
"""Elements that are located, and searched or laid out. Real files hold up to 1,300, and 110 bytes or more for each."""
GRAMMARS: Final = Limit("private elements with a grammar", 1 << 12, 1 << 10)
"""Elements that are laid out by more than their VR. Real files hold up to 40, and 12 kB or more for each."""
REGIONS: Final = Limit(
    "padding elements and headers of private elements that hold more than they may", 1 << 14, 64
)
"""What is nulled outside all values, each a line of the report. Real files have up to 1,300."""
BYTES: Final = Limit("bytes of private values and of what they hold encoded", 16 << 20, 1, 4)
"""Bytes of values that are laid out or searched, and of the rows that their views show. Only a deflated file can hold more
than its size."""
COMPARED: Final = Limit("bytes compared with spellings of identifiers", 1 << 32, 1, 1 << 11)
"""Bytes of rows, as often as a spelling is looked for in them. Real files take up to 800 for each of their bytes."""
HITS: Final = Limit("places where an identifier may stand", 1 << 19, 8)
"""Places that begin and end as an identifier does. Real files have up to some hundreds."""
SPANS: Final = Limit("spans in claimed values", 1 << 16, 16)
"""Spans of layouts. Real files have up to 4,300, and 20 bytes or more for each."""


class Work(NamedTuple):
    """What the layout of a value costs.

    Attributes
    ----------
    spans
        Spans of the layout and of the rows inside it.
    inner
        Bytes of those rows.
    """

    spans: int
    inner: int


def work_of(layout: Layout) -> Work:
    """Return what a layout costs, with those of its views."""
    spans, inner = len(layout.stops), 0
    for what in layout.fields:
        if isinstance(what, View):
            inner += len(what.inner)
            if isinstance(what.layout, Layout):
                below = work_of(what.layout)
                spans += below.spans
                inner += below.inner
    return Work(spans, inner)


class Budget:
    """What one file may still cause.

    Parameters
    ----------
    size
        The file's size in bytes, deflated if it is deflated.
    """

    def __init__(self, size: int, /) -> None:
        self._size = size
        self._spent: dict[Limit, int] = {}

    def spend(self, limit: Limit, amount: int, selector: str = "") -> None:
        """Count work of one kind.

        Parameters
        ----------
        limit
            Which kind.
        amount
            How much of it.
        selector
            The element that causes it.

        Raises
        ------
        LimitExceeded
            If the file caused more than its size allows.
        """
        spent = self._spent[limit] = self._spent.get(limit, 0) + amount
        most = limit.of(self._size)
        if spent > most:
            raise LimitExceeded(
                f"more than {most} {limit.unit}, the limit of a file of {self._size} bytes", selector
            )

    def spend_layout(self, layout: Layout, selector: str = "") -> None:
        """Count the spans of a layout and the bytes that its views show.

        Raises
        ------
        LimitExceeded
            If the file caused more than its size allows.
        """
        work = work_of(layout)
        self.spend(SPANS, work.spans, selector)
        self.spend(BYTES, work.inner, selector)
