"""The reversed codec: the last byte first.

Toshiba and Canon store DICOM data sets so, from their last byte to their first, in (0029,xx90) (malaterre/GDCM
``Source/MediaStorageAndFileFormat/gdcmCleaner.cxx``).
"""

from typing import ClassVar

from csaclean.codecs.turned import Turned

__all__ = ["Reversed"]


class Reversed(Turned):
    """Read a row from its last byte to its first.

    Examples
    --------
    >>> Reversed().decode(b"MCID", 16)
    b'DICM'
    """

    name: ClassVar[str] = "reversed"
    row: ClassVar[str] = "reversed"

    @staticmethod
    def turn(data: bytes, /) -> bytes:
        """Return the bytes in the other direction."""
        return data[::-1]
