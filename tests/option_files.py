"""Files for tests of options: what each option is about, once in a CSA header, once as XA writes it.

The patient is that of `phantoms`. `UID` stands in the protocol text of both files, as phantoms have it.
"""

from typing import Final

from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from phantom_csa import image_tags
from phantom_file import Phantom, file_bytes
from phantom_writer import EXPLICIT_LITTLE, DataSet, Encoding, private_block
from phantoms import base_image, xa_image

__all__ = ["OWN_CREATOR", "READ_TEXT", "UID", "csa_file", "unclaimed", "unclaimed_file", "xa_file"]

UID: Final = b"2.25.1107.5.2.43.99999.2001020308150012345600001"
"""Formed as a scanner forms them, with device serial and time, but under the root of UUIDs."""
READ_TEXT: Final = "ImageHistory"
"""A CSA tag with text that converters read."""
OWN_CREATOR: Final = b"INVENTED VENDOR 001"
"""A creator that no handler claims and no table knows."""


def csa_file(
    *extra: DataSet, note: bytes = b"", encoding: Encoding = EXPLICIT_LITTLE, instance: int = 1
) -> bytes:
    """Return a file with CSA headers; `note` stands in a text of them that converters read."""
    tags = (*image_tags(), CsaTag.build(READ_TEXT, "LO", [note])) if note else image_tags()
    image = csa.encode(CsaHeader.build(tags))
    return file_bytes(Phantom(base_image(*extra, image=image, instance=instance, side=4), encoding))


def xa_file() -> bytes:
    """Return an enhanced file with private elements in items only."""
    return file_bytes(Phantom(xa_image()))


def unclaimed(content: bytes = b"SOMETHING ELSE") -> DataSet:
    """Return a block of a creator that nobody claims: a text and bytes."""
    return private_block(0x0019, 0x42, OWN_CREATOR, {0x01: ("LO", content), 0x02: ("OB", content)})


def unclaimed_file(content: bytes = b"SOMETHING ELSE") -> bytes:
    """Return a file with CSA headers, and elements that nobody claims."""
    return csa_file(unclaimed(content))
