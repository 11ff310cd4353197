"""Deflated data sets: inflated under a cap, deflated again only if something was edited (PS3.5 section A.5).

The stream should be a bare one (RFC 1951). GDCM reads one in a gzip wrapper (RFC 1952), too; one in a zlib wrapper (RFC
1950) is told from a bare one as certainly. What was wrapped is wrapped again.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Final, NamedTuple

from csaclean.dicom.source import Source
from csaclean.errors import LimitExceeded, MalformedFile

__all__ = ["BARE", "MAX_INFLATED", "MAX_RATIO", "Wrapper", "deflated", "inflate", "wrapper_of"]

MAX_INFLATED: Final = 512 << 20
"""Most bytes that a deflated data set may inflate to."""
MAX_RATIO: Final = 200
"""Most bytes that one deflated byte may stand for, once `RATIO_FLOOR` bytes came out."""
RATIO_FLOOR: Final = 16 << 20
_CHUNK: Final = 256 << 10
_GZIP_START: Final = b"\x1f\x8b\x08"
"""First bytes of a gzip wrapper: magic number and method. A bare stream can't start so: no block has the type 3."""
_GZIP_FIELDS: Final = slice(3, 8)
"""Flags of optional fields (a name, a comment, anything else) and the time of the file that was packed."""
_GZIP_HEAD: Final = 8
_ZLIB_METHOD: Final = 8
_ZLIB_CHECK: Final = 31
"""The low half of the first byte of a zlib wrapper, and a divisor of its first two bytes as one number."""
_STORED_HEAD: Final = 5


class Wrapper(NamedTuple):
    """What a deflated stream stands in.

    Attributes
    ----------
    bits
        What `zlib` calls it: its ``wbits``.
    names
        Whether it says more than that it is one: the header of gzip may hold a name, a comment and a time.
    """

    bits: int
    names: bool = False


BARE: Final = Wrapper(-zlib.MAX_WBITS)
_ZLIB: Final = zlib.MAX_WBITS
_GZIP: Final = zlib.MAX_WBITS + 16


def wrapper_of(source: Source, start: int) -> Wrapper:
    """Return what the stream stands in that begins at `start`.

    Examples
    --------
    >>> from csaclean.dicom.source import BytesSource
    >>> wrapper_of(BytesSource(zlib.compress(b"abc")), 0).bits == zlib.MAX_WBITS
    True
    """
    head = source.read(start, start + _GZIP_HEAD)
    if head.startswith(_GZIP_START):
        return Wrapper(_GZIP, any(head[_GZIP_FIELDS]))
    # A bare stream whose first byte ends so has a block that is stored: its length stands there twice, once inverted.
    inverted = int.from_bytes(head[1:3], "little") ^ int.from_bytes(head[3:5], "little") == 0xFFFF
    if len(head) < _STORED_HEAD or head[0] & 0xF != _ZLIB_METHOD or inverted:
        return BARE
    return BARE if int.from_bytes(head[:2], "big") % _ZLIB_CHECK else Wrapper(_ZLIB)


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
        machine = zlib.decompressobj(wrapper_of(source, start).bits)
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


def deflated(chunks: Iterable[bytes], wrapper: Wrapper = BARE) -> Iterator[bytes]:
    """Yield the deflated bytes of a data set in a wrapper that names nothing, of even length."""
    machine = zlib.compressobj(6, zlib.DEFLATED, wrapper.bits)
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
