"""Where the bytes come from: a file read by position, or bytes in memory."""

import os
from typing import Protocol

from csaclean.errors import IoFailed

__all__ = ["BytesSource", "FileSource", "Source"]

HEAD_SIZE = 256 << 10
"""How much of a file is read at once at its start: more than the private blocks of most files."""


class Source(Protocol):
    """Bytes that can be read at any offset.

    Attributes
    ----------
    size
        How many there are.
    stored
        How many bytes hold them: fewer where they are deflated. What they may cost is in proportion to that.
    """

    size: int
    stored: int

    def read(self, start: int, stop: int, /) -> bytes:
        """Return the bytes ``[start, stop)``, fewer only at the end.

        Raises
        ------
        IoFailed
            If the system refuses.
        """
        ...


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes, /) -> None:
        self._data = data
        self.size = self.stored = len(data)

    def read(self, start: int, stop: int, /) -> bytes:
        """Return the bytes ``[start, stop)``."""
        return self._data[start:stop]


class FileSource:
    """An open file, of which the head is kept in memory.

    Parameters
    ----------
    descriptor
        Open for reading, and left open.
    stored
        How many bytes hold the file's; by default its own size.
    """

    def __init__(self, descriptor: int, /, stored: int | None = None) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.stored = self.size if stored is None else stored
        self._head = self._pread(0, min(self.size, HEAD_SIZE))

    def _pread(self, start: int, stop: int) -> bytes:
        try:
            if not hasattr(os, "pread"):  # Windows
                os.lseek(self.descriptor, start, os.SEEK_SET)
                return os.read(self.descriptor, stop - start)
            return os.pread(self.descriptor, stop - start, start)
        except OSError as error:
            raise IoFailed(f"can't read: {os.strerror(error.errno or 0)}", "", start) from None

    def read(self, start: int, stop: int, /) -> bytes:
        """Return the bytes ``[start, stop)``, from memory if they lie in the head."""
        if stop <= len(self._head):
            return self._head[start:stop]
        return self._pread(start, min(stop, self.size)) if start < self.size else b""
