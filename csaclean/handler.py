"""The handler protocol: what a vendor handler gets, and what it gives back (``api_version`` 1).

A handler says what each byte of the elements that it claims *is*. It opens nothing, logs nothing and never calls the
engine, so it can be written and tested with nothing but bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from csaclean.errors import MalformedValue
from csaclean.model import Layout
from csaclean.policy.rules import Rule, RuleSet
from csaclean.selector import Selector, Step, format_selector, parse_selector

__all__ = [
    "API_VERSION",
    "DEFAULT_CAP",
    "Claim",
    "ConverterElement",
    "ConverterTable",
    "Handler",
    "PrivateElement",
    "Rule",
    "RuleSet",
    "RulesOnly",
    "Selector",
    "Step",
    "Witness",
    "format_selector",
    "parse_selector",
]

API_VERSION = 1
DEFAULT_CAP = 16 << 20
"""Longest value that is loaded for a claim, in bytes, unless the claim says otherwise. The largest real CSA header
seen has 316 kB."""


class Claim(NamedTuple):
    """What a handler claims.

    Attributes
    ----------
    selector
        Its last step names the element; earlier steps, if any, the private sequences around it.
    signatures
        First bytes by which an orphan (a payload whose creator is gone) is known.
    orphan
        Whether elements without a known creator are claimed by signature.
    cap
        Longest value that is loaded, in bytes; a longer one fails its file.
    vr
        The element's VR where the file doesn't tell (implicit VR, ``UN``).
    """

    selector: Selector
    signatures: tuple[bytes, ...] = ()
    orphan: bool = False
    cap: int = DEFAULT_CAP
    vr: str = "OB"


class PrivateElement(NamedTuple):
    """A claimed element as its handler sees it.

    Attributes
    ----------
    claim
        The claim that matched: rules are looked up by its selector.
    selector
        The element as found, for messages.
    vr
        Value representation; None in implicit VR.
    value
        The raw bytes, without any padding removed.
    order
        Byte order of the enclosing data set's numbers.
    charset
        Terms of Specific Character Set (0008,0005) in force.
    peer
        Gives another element: up to 0xFF one of the same block, above it a tag of the same data set or item. None if
        it is absent or longer than 1 KiB.
    fine
        Whether a grammar is to name every number of a text as a field of its own: somebody's rule or a report asks for
        them. Otherwise a verified run of numbers may be one span of form ``assignments``.
    """

    claim: Claim
    selector: Selector
    vr: str | None
    value: bytes
    order: Literal["<", ">"]
    charset: tuple[str, ...]
    peer: Callable[[int], bytes | None]
    fine: bool = False

    def __repr__(self) -> str:
        """Return selector and length, never the value."""
        return f"<PrivateElement {format_selector(self.selector)} of {len(self.value)} bytes>"


class Handler(Protocol):
    """What an entry point of the group ``csaclean.handlers`` names: a class that makes this without arguments.

    A selector that has a rule on the whole element and no claim is laid out by its VR, without handler code. A handler
    may also have ``witness`` (a `Witness`) and ``converters`` (a `ConverterTable`).
    """

    name: ClassVar[str]
    claims: ClassVar[tuple[Claim, ...]]
    rules: ClassVar[RuleSet]

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of the value is, or `Layout.foreign` for content that isn't the handler's.

        Fields of form ``text`` that hold what one of the handler's rules lists become ``code`` afterwards: that is not the
        grammar's business.

        Raises
        ------
        MalformedValue
            If the content has the format's signature and breaks its grammar. Nothing else may be raised.
        """
        ...


class RulesOnly:
    """Base of a handler that has tables and no grammar: each element that a rule names is laid out by its VR.

    A subclass has ``name`` and ``rules``, and ``converters`` if somebody reads its elements.
    """

    claims: ClassVar[tuple[Claim, ...]] = ()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Refuse: without claims of its own, nobody asks.

        Raises
        ------
        MalformedValue
            Always.
        """
        raise MalformedValue("no grammar", format_selector(element.selector))


@runtime_checkable
class Witness(Protocol):
    """A second opinion: another project's reader of the same format.

    A witness may have ``selectors``, the canonical selectors of the claims that it can read; else it is asked about all.
    """

    name: ClassVar[str]

    def read(self, claim: Claim, value: bytes, /) -> Mapping[str, object]:
        """Return the decoded fields by path, comparable with ``==``.

        Raises
        ------
        CannotRead
            If that reader has no opinion on this value.
        """
        ...


class ConverterElement(NamedTuple):
    """An element as a converter meets it: by absolute tag, nesting ignored, in file order."""

    tag: int
    creator: str | None
    """The folded creator of its block; None without one."""
    value: bytes

    def __repr__(self) -> str:
        """Return the length, never creator or value."""
        return f"<ConverterElement of {len(self.value)} bytes>"


class ConverterTable(Protocol):
    """What converters read from a vendor's private elements, and where they find it.

    A table may have ``branches(selector, path)``: whether a reader decides by the text of a field how it reads the rest.
    Such a text is never edited for an identifier that stands in it.
    """

    def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
        """Return who reads a field (or, with an empty path, the whole element); empty if nobody does."""
        ...

    def outputs(
        self, before: Mapping[str, bytes], after: Mapping[str, bytes], standard: Mapping[int, bytes], /
    ) -> tuple[str, ...]:
        """Return the keys of a converter's sidecar that change with its fields.

        Parameters
        ----------
        before, after
            As `fields` returns them.
        standard
            Values of standard elements of the data set itself by tag, as `csaclean.dicom.walk.STANDARD` names them: what a
            converter makes of a field may hang on them.
        """
        ...

    def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
        """Return the raw bytes of every field as the converter would find it: by number, first hit first."""
        ...

    def is_field(self, key: str, selector: str, path: str, /) -> bool:
        """Tell whether a key of `fields` is what a field of an element, or the element itself, looks like to the converter."""
        ...
