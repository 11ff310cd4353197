"""What the tests of GE share: elements, layouts, and a phantom cleaned."""

from pathlib import Path
from typing import Final

import csaclean
from csaclean.handler import PrivateElement
from csaclean.model import Kind, Layout
from csaclean.registry import installed
from phantom_file import Phantom, file_bytes
from phantom_writer import EXPLICIT_LITTLE, DataSet, Encoding
from phantoms import ge_image

__all__ = ["BLOCK", "HEADER", "cleaned", "fields", "layout", "nested"]

BLOCK: Final = "(0025,GEMS_SERS_01,1B)"
HEADER: Final = "(0043,GEMS_PARM_01,2A)"


def layout(select: str, value: bytes) -> Layout:
    """Return the layout that the handler makes of a value, with the texts that its rules list."""
    claimed = installed().by_selector[select]
    return claimed.layout(
        PrivateElement(claimed.claim, claimed.claim.selector, "OB", value, "<", (), lambda tag: None)
    )


def fields(value: bytes, found: Layout) -> list[tuple[str, str, bytes]]:
    """Return path, form and bytes of every field, of those in the rows that views show too."""
    result: list[tuple[str, str, bytes]] = []
    for span in found:
        if span.view is not None and isinstance(span.view.layout, Layout):
            result += fields(span.view.inner, span.view.layout)
        elif span.kind is Kind.VALUE:
            result.append((span.path, span.form, value[span.start : span.stop]))
    return result


def nested(value: bytes) -> dict[str, tuple[str, bytes]]:
    """Return form and bytes of the fields of a protocol data block by path; of equal paths the last."""
    return {path: (form, old) for path, form, old in fields(value, layout(BLOCK, value))}


def cleaned(
    folder: Path,
    *extra: DataSet,
    encoding: Encoding = EXPLICIT_LITTLE,
    preamble: bytes | None = None,
    policy: str = "converter-safe",
) -> tuple[bytes, csaclean.Report]:
    """Return a GE phantom as it is cleaned, and the report."""
    source = folder / "in.dcm"
    phantom = Phantom(ge_image(*extra), encoding)
    source.write_bytes(
        file_bytes(phantom if preamble is None else Phantom(ge_image(*extra), encoding, preamble))
    )
    report = csaclean.clean_file(source, folder / "out.dcm", policy=policy, overwrite=True)
    return (folder / "out.dcm").read_bytes(), report
