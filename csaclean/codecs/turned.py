"""What codecs have in common that are their own inverse: the same turn leads to the inner row and back."""

from typing import ClassVar

from csaclean.errors import DoesNotFit, LimitExceeded

__all__ = ["Turned"]


class Turned:
    """Base of a codec that exchanges the bytes of a row. A subclass has ``name``, ``row`` and `turn`."""

    name: ClassVar[str]
    row: ClassVar[str]
    """What messages call a decoded row."""

    @staticmethod
    def turn(data: bytes, /) -> bytes:
        """Return the bytes exchanged; of those, the first ones again."""
        raise NotImplementedError

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        """Return the row with its bytes exchanged.

        Raises
        ------
        LimitExceeded
            If the row is longer than `cap` bytes.
        """
        if len(outer) > cap:
            raise LimitExceeded(f"the {self.row} row is longer than {cap} bytes")
        return self.turn(outer)

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        """Return the edited row with its bytes exchanged back.

        Raises
        ------
        DoesNotFit
            If the lengths differ.
        """
        if len(inner) != len(outer):
            raise DoesNotFit(f"{len(inner)} bytes can't stand for {len(outer)}")
        return self.turn(inner)
