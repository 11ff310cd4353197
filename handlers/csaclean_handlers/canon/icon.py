"""The icon image of (E401,xx13): a Windows bitmap without its file header (measured), a copy of the image in 64 x 64 pixels.

A BITMAPINFOHEADER (40 bytes, little-endian: its size, width, height, planes, bits of a pixel, compression, and five numbers
more), a palette of 256 colours, and a byte for each pixel, rows filled up to four bytes.
"""

import struct
from typing import Final

from csaclean.model import Builder, Layout

__all__ = ["layout_icon"]

_HEADER: Final = struct.Struct("<IiiHHI")
_HEADER_SIZE: Final = 40
_PLANES, _BITS, _UNCOMPRESSED = 1, 8, 0
_GREYS: Final = b"".join(bytes((grey, grey, grey, 0)) for grey in range(256))


def _is_icon(value: bytes) -> bool:
    if len(value) < _HEADER_SIZE + len(_GREYS):
        return False
    size, width, height, planes, bits, compression = _HEADER.unpack_from(value)
    stride = (width + 3) & ~3
    return (
        (size, planes, bits, compression) == (_HEADER_SIZE, _PLANES, _BITS, _UNCOMPRESSED)
        and width > 0
        and value.startswith(_GREYS, _HEADER_SIZE)
        and len(value) == _HEADER_SIZE + len(_GREYS) + stride * abs(height)
    )


def layout_icon(value: bytes) -> Layout:
    """Return what each byte of an icon is: header and palette are structure, the numbers behind the compression and the pixels fields.

    What isn't an icon of 256 greys is one field, ``other``.
    """
    builder = Builder()
    if _is_icon(value):
        builder.structure(_HEADER.size)
        builder.value(_HEADER_SIZE, "header", "binary-number")
        builder.structure(_HEADER_SIZE + len(_GREYS))
        builder.value(len(value), "pixels", "opaque")
    else:
        builder.value(len(value), "other", "opaque")
    return builder.done(len(value))
