"""Binary numbers are what their VR's width says, and nothing else is."""

import struct

import pytest

from csaclean.model import Kind
from csaclean.vr_layout import NUMBER_VRS, layout_by_vr

WIDTHS = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}


def test_each_vr_of_numbers_has_a_width() -> None:
    assert WIDTHS.keys() == NUMBER_VRS


@pytest.mark.parametrize("vr", sorted(WIDTHS))
@pytest.mark.parametrize("form", ["", "binary-number", "hex"])
def test_a_length_that_is_no_multiple_of_the_width_is_opaque(vr: str, form: str) -> None:
    for size in range(1, 40):
        (span,) = layout_by_vr(vr, b"\1" * size, form=form)
        assert span.kind is (Kind.OPAQUE if size % WIDTHS[vr] else Kind.VALUE)
        assert span.stop == size


def test_numbers_are_numbers() -> None:
    (span,) = layout_by_vr("FD", struct.pack("<2d", 1.5, -2))
    assert (span.kind, span.form) == (Kind.VALUE, "binary-number")
