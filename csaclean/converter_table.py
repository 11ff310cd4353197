"""Converter tables of whole elements: what converters read of a vendor, from rows of facts.

An element counts as read if it stands where a converter looks by number, or is the one that the vendor's creator names:
some converters look by number whoever owns the block, others find the block (rordenlab/dcm2niix ``console/nii_dicom.cpp``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from tomllib import loads
from typing import Final, NamedTuple

from csaclean.handler import ConverterElement
from csaclean.selector import Step, fold_creator, format_selector

__all__ = ["ElementTable", "ReadElement", "is_whole", "read_elements", "rows_of", "selectors_at"]

_BLOCK: Final = 8


class ReadElement(NamedTuple):
    """An element that converters read.

    Attributes
    ----------
    vendor
        Whose it is.
    step
        Its step, the creator as the vendor writes it; empty where it is found by number only. None in a standard element.
    tag
        The number that readers have built in.
    consumers
        Who reads it: ``dn`` dcm2niix, ``nb`` nibabel, ``xl`` dicm2nii and so on.
    output
        Keys of dcm2niix's sidecar that are made of it.
    branches
        Whether a reader decides something by its text: whether two files are of one image, for instance.
    """

    vendor: str
    step: Step
    tag: int
    consumers: tuple[str, ...]
    output: tuple[str, ...] = ()
    branches: bool = False

    @property
    def selector(self) -> str:
        """The canonical selector, as text."""
        return format_selector((self.step,))


def rows_of(text: str) -> tuple[ReadElement, ...]:
    """Return the rows of a TOML table of elements.

    Each ``[[element]]`` has ``group``, ``creator``, ``block`` and ``offset`` (hexadecimal digits), or ``tag`` for a
    standard one; ``consumers``; optionally ``vendor``, ``output`` and ``branches``.
    """
    found = []
    for row in loads(text)["element"]:
        if "tag" in row:
            tag = int(row["tag"].replace(",", ""), 16)
            step = Step(tag >> 16, tag & 0xFFFF)
        else:
            group, offset = int(row["group"], 16), int(row["offset"], 16)
            tag = group << 16 | int(row["block"], 16) << _BLOCK | offset
            step = Step(group, offset, row["creator"])
        found.append(
            ReadElement(
                row.get("vendor", ""),
                step,
                tag,
                tuple(row["consumers"]),
                tuple(row.get("output", ())),
                row.get("branches", False),
            )
        )
    return tuple(found)


@cache
def read_elements() -> tuple[ReadElement, ...]:
    """Return the private elements of all vendors that converters read, whether or not a handler is there for them."""
    return rows_of(files("csaclean.policy").joinpath("read_elements.toml").read_text("utf-8"))


@cache
def _by_byte() -> Mapping[tuple[int, int], tuple[str, ...]]:
    found: dict[tuple[int, int], dict[str, None]] = {}
    for row in read_elements():
        found.setdefault((row.step.group, row.step.element), {})[row.selector] = None
    return {place: tuple(selectors) for place, selectors in found.items()}


def selectors_at(tag: int) -> tuple[str, ...]:
    """Return the elements of all readers' tables that an element may be taken for: those of its group and element byte.

    Examples
    --------
    >>> selectors_at(0x0025331B), selectors_at(0x00253300)
    (('(0025,GEMS_SERS_01,1B)',), ())
    """
    return _by_byte().get((tag >> 16, tag & 0xFF), ())


def is_whole(name: str) -> bool:
    """Tell whether a name of `csaclean.handler.ConverterTable.fields` is an element, not a part of one.

    Examples
    --------
    >>> is_whole("(0025,GEMS_SERS_01,1B)"), is_whole("(0025,GEMS_SERS_01,1B)/rev"), is_whole("SliceThickness")
    (True, False, False)
    """
    return name.startswith("(") and name.endswith(")")


class ElementTable:
    """The converter table (`csaclean.handler.ConverterTable`) of elements that are read as a whole.

    Parameters
    ----------
    rows
        What is read.
    parsed
        Selectors of elements of which only parts are read: a handler that knows which overrides `consumers` and `fields`
        for them. Their bytes are not compared here.
    """

    def __init__(self, rows: Iterable[ReadElement], parsed: Collection[str] = (), /) -> None:
        self._by_selector: dict[str, tuple[ReadElement, ...]] = {}
        self._by_tag: dict[int, tuple[ReadElement, ...]] = {}
        self._by_creator: dict[tuple[int, str, int], tuple[ReadElement, ...]] = {}
        for row in rows:
            self._by_selector[row.selector] = (*self._by_selector.get(row.selector, ()), row)
            if row.selector in parsed:
                continue
            self._by_tag[row.tag] = (*self._by_tag.get(row.tag, ()), row)
            if row.step.creator:
                key = (row.step.group, fold_creator(row.step.creator), row.step.element)
                self._by_creator[key] = (*self._by_creator.get(key, ()), row)

    @classmethod
    def of_vendor(cls, vendor: str, parsed: Collection[str] = (), /) -> "ElementTable":
        """Return the table of a vendor's rows in the list that is shipped."""
        return cls((row for row in read_elements() if row.vendor == vendor), parsed)

    @property
    def tags(self) -> frozenset[int]:
        """The numbers that readers have built in."""
        return frozenset(self._by_tag)

    def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:  # all of an element is read
        """Return who reads an element, or a field of it."""
        rows = self._by_selector.get(selector, ())
        return tuple(dict.fromkeys(reader for row in rows for reader in row.consumers))

    def outputs(
        self,
        before: Mapping[str, bytes],
        after: Mapping[str, bytes],
        standard: Mapping[int, bytes],  # nothing here hangs on them
        /,
    ) -> tuple[str, ...]:
        """Return the keys of dcm2niix's sidecar that are made of elements which change."""
        changed = dict.fromkeys(
            key.partition("/")[2] for key, value in before.items() if after.get(key) != value
        )
        keys = (key for name in changed for row in self._by_selector.get(name, ()) for key in row.output)
        return tuple(dict.fromkeys(keys))

    def selectors_of(self, element: ConverterElement, /) -> tuple[str, ...]:
        """Return the selectors of the rows that an element is taken for, by number or by creator."""
        rows = self._by_tag.get(element.tag, ())
        if element.creator is not None:
            rows += self._by_creator.get((element.tag >> 16, element.creator, element.tag & 0xFF), ())
        return tuple(dict.fromkeys(row.selector for row in rows))

    def branches(self, selector: str, path: str, /) -> bool:
        """Tell whether a reader decides something by the text of an element: by all of which it makes no key of its sidecar."""
        rows = self._by_selector.get(selector, ())
        return any(row.branches for row in rows) or (bool(rows) and not any(row.output for row in rows))

    def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
        """Return the elements of the table by ``n/SELECTOR``, n their place among those."""
        found: dict[str, bytes] = {}
        place = 0
        for element in elements:
            selectors = self.selectors_of(element)
            for selector in selectors:
                found[f"{place}/{selector}"] = element.value
            place += bool(selectors)
        return found

    def is_field(self, key: str, selector: str, path: str, /) -> bool:  # all of an element is read
        """Tell whether a key of `fields` is the element that a selector names."""
        return key.partition("/")[2] == selector
