"""The swap16 codec: bytes exchanged in pairs.

A big-endian reader that took an OB element for OW leaves it so; ``SV10`` then reads ``VS01`` (malaterre/GDCM
``gdcmCSAHeader.cxx``).
"""

from typing import ClassVar

from csaclean.errors import DoesNotFit, LimitExceeded, MalformedValue

__all__ = ["Swap16"]


def _swap(data: bytes) -> bytes:
    swapped = bytearray(len(data))
    swapped[0::2] = data[1::2]
    swapped[1::2] = data[0::2]
    return bytes(swapped)


class Swap16:
    """Exchange the two bytes of every 16-bit word.

    Examples
    --------
    >>> Swap16().decode(b"VS01", 16)
    b'SV10'
    """

    name: ClassVar[str] = "swap16"

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        """Return the row with its byte pairs exchanged.

        Raises
        ------
        MalformedValue
            If the length is odd.
        LimitExceeded
            If the row is longer than `cap` bytes.
        """
        if len(outer) % 2:
            raise MalformedValue(f"{len(outer)} bytes can't be swapped in pairs", "", len(outer))
        if len(outer) > cap:
            raise LimitExceeded(f"the swapped row is longer than {cap} bytes")
        return _swap(outer)

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        """Return the edited row with its byte pairs exchanged back.

        Raises
        ------
        DoesNotFit
            If the lengths differ.
        """
        if len(inner) != len(outer):
            raise DoesNotFit(f"{len(inner)} bytes can't stand for {len(outer)}")
        return _swap(inner)
