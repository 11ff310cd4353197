"""The plain codec: the row inside is the bytes themselves, a data set that is a value as it stands."""

from typing import ClassVar

from csaclean.codecs.turned import Turned

__all__ = ["Plain"]


class Plain(Turned):
    """Read a row as it stands.

    Examples
    --------
    >>> Plain().decode(b"DICM", 16)
    b'DICM'
    """

    name: ClassVar[str] = "plain"
    row: ClassVar[str] = "plain"

    @staticmethod
    def turn(data: bytes, /) -> bytes:
        """Return the bytes."""
        return data
