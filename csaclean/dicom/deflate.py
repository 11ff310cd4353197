"""Deflated data sets: inflated under a cap, deflated again only if something was edited (PS3.5 section A.5)."""

import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Final

from csaclean.dicom.source import Source
from csaclean.errors import LimitExceeded, MalformedFile

__all__ = ["MAX_INFLATED", "MAX_RATIO", "deflated", "inflate"]

MAX_INFLATED: Final = 512 << 20
"""Most bytes that a deflated data set may inflate to."""
MAX_RATIO: Final = 200
"""Most bytes that one deflated byte may stand for, once `RATIO_FLOOR` bytes came out."""
RATIO_FLOOR: Final = 16 << 20
_CHUNK: Final = 256 << 10
_RAW: Final = -zlib.MAX_WBITS


def inflate(source: Source, start: int) -> tuple[IO[bytes], int]:
    """Inflate the data set of a file.

    Parameters
    ----------
    source
        The file.
    start
        Where the deflated bytes begin; what stands before is copied as it is.

    Returns
    -------
    file
        An anonymous temporary file that no other process can open: the bytes before `start`, then the inflated ones.
    end
        Where the deflated stream ended in the source.

    Raises
    ------
    MalformedFile
        If the stream is broken or cut.
    LimitExceeded
        If more than `MAX_INFLATED` bytes come out, or more than `MAX_RATIO` times what went in.
    """
    import tempfile  # noqa: PLC0415  # deflated files are rare

    spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    try:
        spool.write(source.read(0, start))
        machine = zlib.decompressobj(_RAW)
        taken, made = start, 0
        data = b""
        while not machine.eof:
            if not data:
                data = source.read(taken, taken + _CHUNK)
                taken += len(data)
            try:
                out = machine.decompress(data, _CHUNK)
            except zlib.error:
                raise MalformedFile("the deflated data set is broken", "", taken) from None
            if not (out or data or machine.eof):  # the machine may hold output back that no input is left for
                raise MalformedFile("the deflated data set is cut", "", taken)
            data = machine.unconsumed_tail
            spool.write(out)
            made += len(out)
            used = taken - start - len(data)
            if made > MAX_INFLATED or (made > RATIO_FLOOR and made > MAX_RATIO * used):
                raise LimitExceeded(
                    f"the data set inflates to more than {MAX_INFLATED} bytes or {MAX_RATIO} times its size"
                )
        spool.flush()
        return spool, taken - len(machine.unused_data)
    except BaseException:
        spool.close()
        raise


def deflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the deflated bytes of a data set, of even length."""
    machine = zlib.compressobj(6, zlib.DEFLATED, _RAW)
    total = 0
    for chunk in chunks:
        out = machine.compress(chunk)
        total += len(out)
        if out:
            yield out
    out = machine.flush()
    yield out
    if (total + len(out)) % 2:
        yield b"\0"
