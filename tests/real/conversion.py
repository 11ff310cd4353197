"""What dcm2niix makes of series, and what differs, in the short words of these tests."""

from functools import cache
from pathlib import Path

from csaclean.adapters import dcm2niix
from csaclean.adapters.dcm2niix import Conversion, Converter

__all__ = ["Conversion", "convert", "differences"]

_SIGNS = {"lost": "-", "new": "+", "changed": ""}


@cache
def _converter() -> Converter:
    return dcm2niix.find_converter()


def convert(source: Path, target: Path) -> Conversion:
    """Convert a folder, or a single file, into a folder that isn't there yet."""
    return dcm2niix.convert(source, target, _converter(), timeout=120)


def differences(before: Conversion, after: Conversion) -> list[str]:
    """Return what differs: ``-Key``, ``+Key`` or ``Key`` of a sidecar, ``file names``, else the suffix of what changed."""
    return sorted(
        f"{_SIGNS[kind]}{key}"
        if key is not None
        else ("file names" if kind != "changed" else f".{output.partition('.')[2]}")
        for output, kind, key in dcm2niix.differences(before, after)
    )
