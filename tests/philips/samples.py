"""Blobs as elements, for the tests of their grammar."""

from csaclean.handler import PrivateElement, parse_selector
from csaclean.model import Layout
from csaclean_handlers.philips import PhilipsHandler
from csaclean_handlers.philips.blobs import BLOB

__all__ = ["blob_element", "lay_out"]


def blob_element(value: bytes, kind: bytes | None = b"IEEE_PDF") -> PrivateElement:
    """Return an element whose neighbour says what it is; None for no such neighbour."""
    peers = {0x39: kind}
    (claim,) = PhilipsHandler.claims
    return PrivateElement(claim, parse_selector(BLOB), "OW", value, "<", (), peers.get)


def lay_out(value: bytes, kind: bytes | None = b"IEEE_PDF") -> Layout:
    """Return what the handler makes of a blob."""
    return PhilipsHandler().layout(blob_element(value, kind))
