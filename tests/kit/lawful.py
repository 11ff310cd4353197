"""A handler that obeys every law, small enough that breaking one of them is one method."""

import struct
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from csaclean.codecs.swap16 import Swap16
from csaclean.errors import MalformedValue
from csaclean.handler import Claim, ConverterElement, PrivateElement, Rule, RuleSet, parse_selector
from csaclean.model import Builder, Codec, Layout, View
from csaclean.testing import Sample

__all__ = ["FOREIGN", "MALFORMED", "SAMPLE", "SELECTOR", "Lawful", "Table", "value"]

SELECTOR: Final = "(0099,LAWFUL VENDOR,01)"
_MAGIC: Final = b"LAWS"
_INNER_MAGIC: Final = b"IN"
_INNER_SIZE: Final = 12
_TAIL: Final = 6
_FORMS: Final = {b"NAME": "text", b"DATE": "date", b"NUMB": "number"}


def value(name: bytes = b"DOE^JANE", tail: bytes = b"QJ#2%f") -> bytes:
    """Return a value: a magic word, three records of word, length and text, a row of swapped bytes, and unread bytes."""
    records = ((b"NAME", name), (b"DATE", b"20010203"), (b"NUMB", b"-12.5"))
    inner = _INNER_MAGIC + b"INSIDE".ljust(_INNER_SIZE - 4) + b"ZZ"
    return b"".join(
        (
            _MAGIC,
            bytes((len(records),)),
            *(word + struct.pack("<H", len(text)) + text for word, text in records),
            Swap16().encode(inner, inner),
            tail,
        )
    )


class Lawful:
    """Its parts are methods, so that a test can replace one."""

    name: ClassVar[str] = "lawful"
    claims: ClassVar[tuple[Claim, ...]] = (Claim(parse_selector(SELECTOR), (_MAGIC,), orphan=True),)
    rules: ClassVar[RuleSet] = RuleSet(
        (
            Rule((SELECTOR,), "identity", "names", field=("NAME", "inside/text")),
            Rule((SELECTOR,), "dates", "a date", field=("DATE",)),
        )
    )
    codec: Codec = Swap16()

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte is."""
        row = element.value
        if not row.startswith(_MAGIC):
            return Layout.foreign("no-laws")
        builder = Builder()
        if len(row) <= len(_MAGIC):
            raise self.malformed("cut in the header", len(row))
        builder.structure(5)
        for _ in range(row[4]):
            self.record(builder, row)
        start = builder.position
        if len(row) != start + _INNER_SIZE + _TAIL:
            raise self.malformed("another length behind the records", start)
        self.view(builder, row, start)
        self.tail(builder, row)
        return builder.done(len(row))

    def malformed(self, reason: str, offset: int, what: bytes = b"") -> MalformedValue:
        """Return the error; `what` was found there."""
        del what
        return MalformedValue(reason, "", offset)

    def record(self, builder: Builder, row: bytes) -> None:
        """Account for one record."""
        start = builder.position
        if len(row) < start + 6:
            raise self.malformed("cut in a record", start)
        word, size = row[start : start + 4], int.from_bytes(row[start + 4 : start + 6], "little")
        stop = start + 6 + size
        if self.form(word, row[start + 6 : stop]) is None:
            raise self.malformed("a word that there is not", start, word)
        if stop > len(row):
            raise self.malformed("a record longer than what is left", start)
        builder.structure(start + 6)
        text = row[start + 6 : stop]
        builder.value(stop, self.path(word, text), self.form(word, text) or "")

    def form(self, word: bytes, text: bytes) -> str | None:
        """Return the form of a record's text; None if there is no such record."""
        del text
        return _FORMS.get(word)

    def path(self, word: bytes, text: bytes) -> str:
        """Return the path of a record's text."""
        del text
        return word.decode("ascii")

    def view(self, builder: Builder, row: bytes, start: int) -> None:
        """Account for the swapped row."""
        inner = self.codec.decode(row[start : start + _INNER_SIZE], _INNER_SIZE)
        builder.view(start + _INNER_SIZE, View("inside", self.codec, inner, self.inside(inner)))

    def inside(self, inner: bytes) -> Layout:
        """Return what each byte of the swapped row is."""
        if not inner.startswith(_INNER_MAGIC):
            raise self.malformed("no row inside", 0)
        builder = Builder()
        builder.structure(2)
        builder.value(len(inner) - 2, "inside/text", "text")
        builder.dead(len(inner))
        return builder.done(len(inner))

    def tail(self, builder: Builder, row: bytes) -> None:
        """Account for what nobody reads."""
        builder.dead(len(row))


class Table:
    """A converter table by which nobody reads anything but the whole element."""

    name: ClassVar[str] = "table"

    def consumers(self, selector: str, path: str, /) -> tuple[str, ...]:
        """Return who reads a field."""
        del selector
        return ("reader",) if path == "NUMB" else ()

    def outputs(
        self, before: Mapping[str, bytes], after: Mapping[str, bytes], standard: Mapping[int, bytes], /
    ) -> tuple[str, ...]:
        """Return what changes."""
        del standard
        return tuple(key for key in before if after.get(key) != before[key])

    def fields(self, elements: Sequence[ConverterElement], /) -> Mapping[str, bytes]:
        """Return the number."""
        return {f"{place}/NUMB": one.value.partition(b"NUMB")[2][:7] for place, one in enumerate(elements)}

    def is_field(self, key: str, selector: str, path: str, /) -> bool:
        """Tell whether it is that."""
        del selector
        return key.endswith(path)


SAMPLE: Final = Sample(SELECTOR, value())
FOREIGN: Final = Sample(SELECTOR, b"something else", "foreign")
MALFORMED: Final = Sample(SELECTOR, value() + b"!", "malformed")
