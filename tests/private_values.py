"""The private matter of a file, as csaclean's walk finds it: for comparing two files that no other reader may read."""

from pathlib import Path

from csaclean.clean import open_dicom
from csaclean.dicom.elements import Shape, Walk
from csaclean.dicom.walk import walk

__all__ = ["PrivateValue", "private_values"]

PrivateValue = tuple[tuple[int, ...], str, str | None, bytes]
"""Tags and item numbers from the root to the element, its shape, its VR as written, and its value; of a sequence none."""


def _place(found: Walk, owner: int) -> tuple[int, ...]:
    dataset = found.datasets[owner]
    return () if dataset.parent < 0 else (*_place(found, dataset.parent), dataset.tag, dataset.item)


def private_values(path: Path) -> list[PrivateValue]:
    """Return every private element, every element of a private sequence, and Private Information of a file, in order."""
    with open_dicom(path) as opened:
        found = walk(opened.source, opened.start.syntax, opened.start.offset)
        return [
            (
                (*_place(found, element.owner), element.tag),
                element.shape.name,
                element.vr,
                b"" if element.shape is Shape.SEQUENCE else opened.source.read(element.start, element.stop),
            )
            for element in (*opened.start.private, *found.elements)
            if element.tag & 0x10000
            or found.datasets[element.owner].private
            or element in opened.start.private
        ]
