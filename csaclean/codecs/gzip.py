r"""The gzip codec: what stands in a gzip member behind its header (RFC 1951, RFC 1952).

A member is a header, a deflate stream, and CRC-32 and length of the content. The header's fields are ordinary spans of the
row around it, laid out by `layout_member`; the codec sees the rest. An edited content is deflated again and has to take
exactly as many bytes: what is left over goes into empty deflate blocks in front of the stream, which every inflater skips.
Bytes behind the member, or a length that is not the content's own, would break readers that go by the last four bytes.

Examples
--------
>>> from gzip import compress
>>> member = compress(b'NAME "DOE^JANE"\nORDER "1"\n' * 3, mtime=0)
>>> codec = Gzip()
>>> inner = codec.decode(member[10:], 1 << 20)
>>> outer = codec.encode(inner.replace(b"DOE^JANE", b"XXXXXXXX"), member[10:])
>>> len(outer) == len(member[10:]), codec.decode(outer, 1 << 20).count(b"XXXXXXXX")
(True, 3)
"""

import zlib
from collections.abc import Callable, Iterator
from itertools import product
from typing import ClassVar, Final

from csaclean.errors import DoesNotFit, LimitExceeded, MalformedValue
from csaclean.model import Builder, DataSetGrammar, Layout, View

__all__ = ["CODEC", "MAGIC", "Gzip", "layout_member"]

MAGIC: Final = b"\x1f\x8b\x08"
"""First bytes of a member: gzip, and deflate, the only method there is."""
_HEADER: Final = 10
_EXTRA, _NAME, _COMMENT = 4, 8, 16
_KNOWN_FLAGS: Final = _EXTRA | _NAME | _COMMENT
"""Not among them: that the content is probably text, which no reader asks for; a checksum of the header, which edits break."""
_RAW: Final = -zlib.MAX_WBITS
_TRAILER: Final = 8
_EMPTY_FIXED: Final = 0b010
"""An empty block with the fixed code that isn't the last: 3 bits of header, 7 of the end of block, least significant first."""
_EMPTY_FIXED_BITS: Final = 10
_EMPTY_STORED: Final = b"\0\0\xff\xff"
"""Length and its complement of an empty stored block; they begin at a byte."""
_HEADER_BITS: Final = 3
_SHORTEST_STORED: Final = 5
_THOROUGH: Final = 1 << 13
"""Contents up to this length are tried with all that there is."""
_ROUNDS: Final = (15, 50, 5, 1)
_SETTINGS: Final = (
    range(9, 0, -1),
    (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_FIXED),
    (9, 6, 4, 1),
    (15, 12, 10, 9),
)
"""Memory levels, strategies, levels and windows of the compressor: their streams differ by a few bytes."""


def _trailer(inner: bytes) -> bytes:
    return zlib.crc32(inner).to_bytes(4, "little") + (len(inner) & 0xFFFFFFFF).to_bytes(4, "little")


def _inflate(row: bytes, start: int, stop: int, cap: int) -> tuple[bytes, int]:
    """Return what the stream in front of `stop` inflates to, and where it ends.

    Raises
    ------
    MalformedValue
        If it is broken, or doesn't end there.
    LimitExceeded
        If it inflates to more than `cap` bytes.
    """
    inflater = zlib.decompressobj(_RAW)
    try:
        inner = inflater.decompress(row[start : max(start, stop)], cap + 1)
    except zlib.error:
        raise MalformedValue("a deflate stream is broken", "", start) from None
    if len(inner) > cap:
        raise LimitExceeded(f"a deflate stream of more than {cap} bytes")
    if not inflater.eof:
        raise MalformedValue("a deflate stream is cut", "", start)
    return inner, stop - len(inflater.unused_data)


def _inflates_to(stream: bytes, inner: bytes) -> bool:
    inflater = zlib.decompressobj(_RAW)
    try:
        found = inflater.decompress(stream, len(inner) + 1)
    except zlib.error:
        return False
    return inflater.eof and not inflater.unused_data and found == inner


def _blocks(count: int) -> int:
    """Return the bits of as many empty blocks with the fixed code."""
    return sum(_EMPTY_FIXED << _EMPTY_FIXED_BITS * number for number in range(count))


def _stored(fixed: int) -> bytes:
    """Return empty blocks that end at a byte: `fixed` of 10 bits and a stored one."""
    size = (_EMPTY_FIXED_BITS * fixed + _HEADER_BITS + 7) // 8
    return _blocks(fixed).to_bytes(size, "little") + _EMPTY_STORED


def _prefix(slack: int) -> bytes | None:
    """Return empty blocks of that length that end at a byte, None if there are none: of 1 to 4 and of 8 bytes."""
    by_size = {len(_stored(fixed)): _stored(fixed) for fixed in range(4)}
    if slack in by_size:
        return by_size[slack]
    count, rest = divmod(slack, _SHORTEST_STORED)
    if rest > 2 * count:
        return None
    return b"".join(by_size[_SHORTEST_STORED + min(2, max(0, rest - 2 * number))] for number in range(count))


def _shifted(stream: bytes, slack: int) -> Iterator[bytes]:
    """Yield the stream behind empty blocks that don't end at a byte, cut to the length that is wanted.

    Whether that loses bits of the stream, and whether it holds stored blocks, which can't be shifted, is the caller's to see.
    """
    size = len(stream) + slack
    for count in range(8 * slack // _EMPTY_FIXED_BITS + 2):
        bits = _EMPTY_FIXED_BITS * count
        if abs(8 * slack - bits) < 8:
            number = int.from_bytes(stream, "little") << bits | _blocks(count)
            yield number.to_bytes(size + 2, "little")[:size]


def _packed(inner: bytes) -> Iterator[bytes]:
    """Yield streams of the content, those that are shortest first, then others: their lengths leave other gaps."""
    for level in range(9, 0, -1):
        yield _deflate(inner, level)
    if len(inner) <= _THOROUGH:
        yield from _tight(inner)
        for memory, strategy, level, window in product(*_SETTINGS):
            yield _deflate(inner, level, strategy, memory, window)


def _deflate(
    inner: bytes, level: int, strategy: int = 0, memory: int = 8, window: int = zlib.MAX_WBITS
) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, -window, memory, strategy)
    return deflater.compress(inner) + deflater.flush()


def _tight(inner: bytes) -> Iterator[bytes]:
    """Yield streams a few percent shorter than zlib's: what a text needs that packs worse than the one which it replaces."""
    from zopfli.gzip import compress  # noqa: PLC0415  # an edited text that zlib can't pack is rare

    for rounds, splitting in product(_ROUNDS, (True, False)):
        yield compress(inner, numiterations=rounds, blocksplitting=splitting)[_HEADER:-_TRAILER]


def _padded(stream: bytes, slack: int) -> Iterator[bytes]:
    """Yield the stream behind empty blocks, that many bytes longer."""
    prefix = _prefix(slack)
    if prefix is not None:
        yield prefix + stream
    else:
        yield from _shifted(stream, slack)


class Gzip:
    """The content of a gzip member as deflate stream, CRC-32 and length."""

    name: ClassVar[str] = "gzip"

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        """Return the content.

        Raises
        ------
        MalformedValue
            If the stream is cut or broken, or checksum, length or bytes behind it don't belong to it.
        LimitExceeded
            If the content has more than `cap` bytes; no more than one beyond that is ever inflated.
        """
        inner, end = _inflate(outer, 0, len(outer) - _TRAILER, cap)
        if end != len(outer) - _TRAILER:
            raise MalformedValue("bytes stand between a deflate stream and its checksum", "", end)
        if outer[end:] != _trailer(inner):
            raise MalformedValue("checksum or length of a gzip member is not its content's", "", end)
        return inner

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        """Return `inner` deflated, as long as `outer`; `outer` itself if that is its content.

        Raises
        ------
        DoesNotFit
            If no stream of `inner` has that length.
        """
        size = len(outer) - _TRAILER
        trailer = _trailer(inner)
        if outer[size:] == trailer and _inflates_to(outer[:size], inner):
            return outer
        for stream in _packed(inner):
            if len(stream) <= size:
                for padded in _padded(stream, size - len(stream)):
                    if _inflates_to(padded, inner):
                        return padded + trailer
        raise DoesNotFit(f"{len(inner)} bytes can't be deflated into {size}")


def layout_member(
    builder: Builder, row: bytes, stop: int, grammar: Callable[[bytes], Layout | DataSetGrammar], *, cap: int
) -> None:
    """Account for a gzip member: the header's fields, and a view on the content.

    Paths are ``gzip/mtime``, ``gzip/system`` (how hard the compressor tried, and on which operating system), ``gzip/extra``,
    ``gzip/name`` and ``gzip/comment``; the view is ``gzip``. A time of 0 means "none" (RFC 1952 section 2.3.1), so it is a
    binary number like any other.

    Parameters
    ----------
    builder, row
        Stands at the member's first byte of a row, and afterwards behind its last.
    stop
        Where the member ends at the latest.
    grammar
        Says what each byte of the content is.
    cap
        How long the content may be, in bytes.

    Raises
    ------
    MalformedValue
        If this is no gzip member, if its header has a checksum of its own, which edits of the header would break, or for what
        `Gzip.decode` and the grammar say.
    LimitExceeded
        If the content is longer than `cap`.
    """
    at = builder.position
    if row[at : at + 3] != MAGIC or stop - at < _HEADER:
        raise MalformedValue("no gzip member", "", at)
    flags = row[at + 3]
    if flags & ~_KNOWN_FLAGS:
        raise MalformedValue("a gzip header with a checksum or unknown flags", "", at + 3)
    builder.structure(at + 4)
    builder.value(at + 8, "gzip/mtime", "binary-number")
    builder.value(at + _HEADER, "gzip/system", "binary-number")
    if flags & _EXTRA:
        start = builder.position + 2
        end = start + int.from_bytes(row[start - 2 : start], "little")
        if end > stop:
            raise MalformedValue("the extra field of a gzip header is cut", "", start)
        builder.structure(start)
        builder.value(end, "gzip/extra", "opaque")
    for flag, path in ((_NAME, "gzip/name"), (_COMMENT, "gzip/comment")):
        if flags & flag:
            end = row.find(b"\0", builder.position, stop)
            if end < 0:
                raise MalformedValue("a text of a gzip header has no end", "", builder.position)
            builder.value(end, path, "text")
            builder.structure(end + 1)
    start = builder.position
    _, end = _inflate(row, start, stop - _TRAILER, cap)
    inner = CODEC.decode(row[start : end + _TRAILER], cap)
    builder.view(end + _TRAILER, View(CODEC.name, CODEC, inner, grammar(inner)))


CODEC: Final = Gzip()
