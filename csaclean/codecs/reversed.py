"""The reversed codec: the last byte first.

Toshiba and Canon store DICOM data sets so, from their last byte to their first, in (0029,xx90) (malaterre/GDCM
``Source/MediaStorageAndFileFormat/gdcmCleaner.cxx``).
"""

from typing import ClassVar

from csaclean.errors import DoesNotFit, LimitExceeded

__all__ = ["Reversed"]


class Reversed:
    """Read a row from its last byte to its first.

    Examples
    --------
    >>> Reversed().decode(b"MCID", 16)
    b'DICM'
    """

    name: ClassVar[str] = "reversed"

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        """Return the row in the other direction.

        Raises
        ------
        LimitExceeded
            If the row is longer than `cap` bytes.
        """
        if len(outer) > cap:
            raise LimitExceeded(f"the reversed row is longer than {cap} bytes")
        return outer[::-1]

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        """Return the edited row in the first direction.

        Raises
        ------
        DoesNotFit
            If the lengths differ.
        """
        if len(inner) != len(outer):
            raise DoesNotFit(f"{len(inner)} bytes can't stand for {len(outer)}")
        return inner[::-1]
