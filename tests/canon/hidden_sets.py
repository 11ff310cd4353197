"""Data sets that are stored backwards, read by pydicom."""

import io

import pydicom
from pydicom.filereader import read_dataset

__all__ = ["read", "shape"]


def read(value: bytes) -> pydicom.Dataset:
    """Return the data set in a value, read by pydicom to the last byte."""
    source = io.BytesIO(value[::-1])
    dataset = read_dataset(source, is_implicit_VR=False, is_little_endian=True)
    assert source.tell() == len(value)
    return dataset


def shape(dataset: pydicom.Dataset) -> list[tuple[int, str | None, int]]:
    """Return tag, VR and length of each element as it was read, at any depth."""
    found: list[tuple[int, str | None, int]] = []
    for tag in list(dataset.keys()):
        raw = dataset.get_item(tag)
        found.append((int(tag), raw.VR, getattr(raw, "length", -1)))
        if raw.VR == "SQ":
            for item in dataset[tag].value:
                found += shape(item)
    return found
