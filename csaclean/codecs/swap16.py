"""The swap16 codec: bytes exchanged in pairs.

A big-endian reader that took an OB element for OW leaves it so; ``SV10`` then reads ``VS01`` (malaterre/GDCM
``gdcmCSAHeader.cxx``).
"""

from typing import ClassVar

from csaclean.codecs.turned import Turned
from csaclean.errors import MalformedValue

__all__ = ["Swap16"]


class Swap16(Turned):
    """Exchange the two bytes of every 16-bit word.

    Examples
    --------
    >>> Swap16().decode(b"VS01", 16)
    b'SV10'
    """

    name: ClassVar[str] = "swap16"
    row: ClassVar[str] = "swapped"

    @staticmethod
    def turn(data: bytes, /) -> bytes:
        """Return the bytes of each pair in the other order."""
        swapped = bytearray(len(data))
        swapped[0::2] = data[1::2]
        swapped[1::2] = data[0::2]
        return bytes(swapped)

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
        return super().decode(outer, cap)
