"""Transfer syntaxes: how the bytes of a data set are to be read (PS3.5 section 10, PS3.6 table A-1)."""

from typing import Final, Literal, NamedTuple

from csaclean.errors import Unsupported

__all__ = ["EXPLICIT_BIG", "EXPLICIT_LITTLE", "IMPLICIT_LITTLE", "Syntax", "syntax_of"]

ByteOrder = Literal["<", ">"]


class Syntax(NamedTuple):
    """The encoding of a data set."""

    name: str
    implicit: bool
    order: ByteOrder
    deflated: bool = False
    encapsulated: bool = False


IMPLICIT_LITTLE: Final = Syntax("implicit-vr-little-endian", implicit=True, order="<")
EXPLICIT_LITTLE: Final = Syntax("explicit-vr-little-endian", implicit=False, order="<")
EXPLICIT_BIG: Final = Syntax("explicit-vr-big-endian", implicit=False, order=">")
_DEFLATED: Final = Syntax("deflated-explicit-vr-little-endian", implicit=False, order="<", deflated=True)
_ENCAPSULATED: Final = Syntax("encapsulated", implicit=False, order="<", encapsulated=True)

_ROOT = "1.2.840.10008.1.2"
_EXACT: Final = {
    _ROOT: IMPLICIT_LITTLE,
    f"{_ROOT}.1": EXPLICIT_LITTLE,
    f"{_ROOT}.1.98": _ENCAPSULATED,  # Encapsulated Uncompressed Explicit VR Little Endian
    f"{_ROOT}.1.99": _DEFLATED,
    f"{_ROOT}.2": EXPLICIT_BIG,
    f"{_ROOT}.4.95": _DEFLATED,  # JPIP Referenced Deflate
    f"{_ROOT}.4.205": _DEFLATED,  # JPIP HTJ2K Referenced Deflate
    f"{_ROOT}.5": _ENCAPSULATED,  # RLE Lossless
    "1.2.840.10008.1.20": IMPLICIT_LITTLE,  # Papyrus 3
    "1.2.840.113619.5.2": IMPLICIT_LITTLE,  # GE: implicit little endian, pixels big endian
    "1.3.46.670589.33.1.4.1": _ENCAPSULATED,  # Philips CT: explicit little endian, pixels run-length encoded
}
_FAMILIES: Final = (f"{_ROOT}.4.", f"{_ROOT}.7.", f"{_ROOT}.8.")
"""JPEG, MPEG and High-Throughput JPEG 2000; SMPTE ST 2110; Deflated Image Frame: explicit VR little endian all."""


def syntax_of(uid: bytes, /) -> Syntax:
    """Return the syntax that a Transfer Syntax UID names.

    Parameters
    ----------
    uid
        The value of (0002,0010), padding included.

    Raises
    ------
    Unsupported
        If the UID is private or retired and not known: guessing could miss elements.
    """
    text = uid.strip(b" \0").decode("latin-1")
    known = _EXACT.get(text)
    if known is not None:
        return known
    if text.startswith(_FAMILIES) and text.rsplit(".", 1)[1].isdigit():
        return _ENCAPSULATED
    raise Unsupported("transfer syntax that is not known")
