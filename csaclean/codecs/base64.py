"""The base64 codec: canonical text of RFC 4648, on one line or wrapped at one width."""

import re
from base64 import b64encode
from binascii import Error, a2b_base64
from typing import ClassVar

from csaclean.errors import DoesNotFit, LimitExceeded, MalformedValue

__all__ = ["Base64"]

_LINE_END = re.compile(rb"\r?\n")


def _wrapping(outer: bytes) -> tuple[int, bytes, bool]:
    """Return width of the lines, line end, and whether the last line has one; width 0 for a single line."""
    end = _LINE_END.search(outer)
    if end is None or not end.start():
        return 0, b"", False
    return end.start(), end[0], outer.endswith(end[0])


def _wrap(text: bytes, width: int, line_end: bytes, closed: bool) -> bytes:
    if not line_end:
        return text
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return line_end.join(lines) + (line_end if closed else b"")


class Base64:
    r"""Bytes as base64 text.

    Accepted is what an encoder writes: the alphabet with ``+`` and ``/``, padding with ``=``, unused bits zero, and
    either no line end, or the same one (LF or CR LF) after every line of one width, behind the last line or not.

    Examples
    --------
    >>> Base64().decode(b"QUJD\nRA==\n", 16)
    b'ABCD'
    >>> Base64().encode(b"WXYZ", b"QUJD\nRA==\n")
    b'V1hZ\nWg==\n'
    """

    name: ClassVar[str] = "base64"

    def decode(self, outer: bytes, cap: int, /) -> bytes:
        """Return the decoded bytes.

        Raises
        ------
        MalformedValue
            If `outer` is not canonical.
        LimitExceeded
            If it could decode to more than `cap` bytes; nothing is decoded then.
        """
        wrapping = _wrapping(outer)
        text = outer.replace(wrapping[1], b"") if wrapping[1] else outer
        size = len(text) // 4 * 3 - (len(text) - len(text.rstrip(b"=")))
        if size > cap:
            raise LimitExceeded(f"the base64 text stands for more than {cap} bytes")
        try:
            inner = a2b_base64(text, strict_mode=True)
        except Error:
            inner = None
        if inner is None or _wrap(b64encode(inner), *wrapping) != outer:
            raise MalformedValue("the text is not canonical base64", "", 0)
        return inner

    def encode(self, inner: bytes, outer: bytes, /) -> bytes:
        """Return `inner` as text, wrapped as `outer` is.

        Raises
        ------
        DoesNotFit
            If that text is not as long as `outer`.
        """
        new = _wrap(b64encode(inner), *_wrapping(outer))
        if len(new) != len(outer):
            raise DoesNotFit(f"{len(inner)} bytes can't stand for a base64 text of {len(outer)}")
        return new
