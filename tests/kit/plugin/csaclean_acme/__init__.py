"""What ACME's scanners write into private elements, for csaclean."""

import struct
from typing import ClassVar, Final

from csaclean.codecs.reversed import Reversed
from csaclean.errors import MalformedValue
from csaclean.handler import DEFAULT_CAP, Claim, PrivateElement, RuleSet, parse_selector
from csaclean.model import DATASET, Builder, Layout, View
from csaclean.slots import slot

__all__ = ["AcmeHandler"]
__version__ = "1.0.0"

MAGIC: Final = b"ACMEPRM\0"
HEADER: Final = struct.Struct("<8sHH32s")  # magic, version, number of parameters, operator
PARAMETER: Final = struct.Struct("<16sd")  # name, value
SIZE: Final = struct.Struct("<I")
VERSION: Final = 2
NAMES: Final = frozenset((b"TE", b"TR", b"FlipAngle", b"Weight"))
HISTORY: Final = Reversed()


class AcmeHandler:
    """The parameter block by its grammar; all else by its VR."""

    name: ClassVar[str] = "acme"
    claims: ClassVar[tuple[Claim, ...]] = (
        Claim(parse_selector("(0019,ACME MR 01,10)"), signatures=(MAGIC,), orphan=True),
    )
    rules: ClassVar[RuleSet] = RuleSet.load("csaclean_acme")  # rules.toml in the package

    def layout(self, element: PrivateElement, /) -> Layout:
        """Return what each byte of a parameter block is.

        Raises
        ------
        MalformedValue
            If it begins as one and is none.
        """
        value = element.value
        if not value.startswith(MAGIC):
            return Layout.foreign("no-parameter-block")  # reported as unclaimed, never guessed at
        if len(value) < HEADER.size:
            raise MalformedValue("a parameter block is cut in its header", "", len(value))
        _, version, count, _ = HEADER.unpack_from(value)
        if version != VERSION:
            raise MalformedValue(f"a parameter block of a version other than {VERSION}", "", 8)
        history = HEADER.size + count * PARAMETER.size + SIZE.size
        if len(value) < history:
            raise MalformedValue(f"a parameter block is too short for {count} parameters", "", 10)
        builder = Builder()
        builder.structure(12)
        slot(builder, value, HEADER.size, "Operator")
        for _ in range(count):
            _parameter(builder, value)
        if SIZE.unpack_from(value, builder.position)[0] != len(value) - history:
            raise MalformedValue("the history is longer or shorter than it says", "", builder.position)
        builder.structure(history)
        inner = HISTORY.decode(value[history:], DEFAULT_CAP)
        builder.view(len(value), View("history", HISTORY, inner, DATASET))
        return builder.done(len(value))


def _parameter(builder: Builder, value: bytes) -> None:
    """Account for one parameter: a slot with its name, and a number."""
    start, stop = builder.position, builder.position + PARAMETER.size
    name = value[start : stop - 8].partition(b"\0")[0]
    if name in NAMES:
        builder.structure(start + len(name))  # a known name: checked
        slot(builder, value, stop - 8, "")  # its NUL, and what the memory held before
        builder.value(stop, f"parameter/{name.decode('ascii')}", "binary-number")
    else:
        slot(builder, value, stop - 8, "parameter/?", "name")  # whatever it is: never in a path
        builder.value(stop, "parameter/?", "binary-number")
