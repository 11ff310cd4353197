"""The regions of a file outside all values: preamble, trailing padding, what stands behind the data set, and the slack in
headers of private matter.
"""  # noqa: D205  # one sentence

from typing import Final, Literal

from csaclean.dicom.elements import Walk
from csaclean.dicom.file import PREAMBLE_SIZE, Start
from csaclean.dicom.source import Source
from csaclean.dicom.syntax import Syntax
from csaclean.errors import MalformedFile
from csaclean.model import Fill, Patch
from csaclean.report.model import Region
from csaclean.write import CHUNK

__all__ = ["SHORTEST_ELEMENT", "TIFF", "PreambleAction", "find_regions", "find_slack"]

PreambleAction = Literal["null", "keep"]

TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF header: a preamble that makes the file readable as TIFF (PS3.10 section 7.1)."""
SHORTEST_ELEMENT: Final = 8
"""The header of an element without value in implicit VR (PS3.5 section 7.1)."""
_NULL: Final = Fill(0)


def _region(
    source: Source, name: Literal["preamble", "padding", "trailing"], start: int, stop: int
) -> Region:
    nonzero = 0
    for position in range(start, stop, CHUNK):
        chunk = source.read(position, min(position + CHUNK, stop))
        nonzero += len(chunk) - chunk.count(0)
    return Region(name, start, stop - start, nonzero, "null")


def _padding_header(size: int, syntax: Syntax, offset: int) -> bytes:
    """Return the header of a (FFFC,FFFC) element that takes `size` bytes with its null value.

    Raises
    ------
    MalformedFile
        If no such header fits.
    """
    order: Literal["little", "big"] = "little" if syntax.order == "<" else "big"
    tag = (0xFFFC).to_bytes(2, order) * 2
    header = tag if syntax.implicit else tag + b"OB\0\0"
    length = size - len(header) - 4
    if length < 0:
        raise MalformedFile(f"{size} bytes behind the data set are too few for an element", "", offset)
    return header + (length - length % 2).to_bytes(4, order)


def find_slack(raw: Source, end: int) -> Region | None:
    """Return what stands behind a deflated stream that ends at `end`; None for a few NULs, which fill it up."""
    size = raw.size - end
    if not size:
        return None
    region = _region(raw, "trailing", end, raw.size)
    return region if region.nonzero or size >= SHORTEST_ELEMENT else None


def find_regions(
    source: Source, start: Start, found: Walk, preamble: PreambleAction
) -> tuple[list[Region], list[Patch]]:
    """Return the regions outside all values and what is to be written there."""
    regions: list[Region] = []
    patches: list[Patch] = []
    if start.preamble:
        region = _region(source, "preamble", 0, PREAMBLE_SIZE)
        if region.nonzero:
            if preamble == "keep" or source.read(0, 4) in TIFF:
                regions.append(Region("preamble", 0, PREAMBLE_SIZE, region.nonzero, "keep"))
            else:
                regions.append(region)
                patches.append(Patch(0, PREAMBLE_SIZE, _NULL))
    for low, high in found.padding:
        region = _region(source, "padding", low, high)
        regions.append(region)
        if region.nonzero:
            patches.append(Patch(low, high, _NULL))
    for slack in (*start.slack, *found.slack):
        old = source.read(slack.start, slack.stop)
        if old != slack.true:
            size = slack.stop - slack.start
            action: Literal["null", "correct"] = "correct" if any(slack.true) else "null"
            regions.append(Region(slack.kind, slack.start, size, size - old.count(0), action))
            patches.append(Patch(slack.start, slack.stop, slack.true))
    size = source.size - found.end
    if size:
        region = _region(source, "trailing", found.end, source.size)
        if size < SHORTEST_ELEMENT or not region.nonzero:
            regions.append(region)
            if region.nonzero:
                patches.append(Patch(found.end, source.size, _NULL))
        else:
            header = _padding_header(size, start.syntax, found.end)
            regions.append(Region("trailing", found.end, size, region.nonzero, "padding-element"))
            behind = found.end + len(header)
            written = source.read(found.end, behind) == header
            if not written or region.nonzero > len(header) - header.count(0):
                patches.append(Patch(found.end, behind, header))
                patches.append(Patch(behind, source.size, _NULL))
    return regions, patches
