"""How a data set inside a value is known by its first bytes."""

import pytest

from csaclean.grammars.data_set import begins_data_set
from phantom_writer import EXPLICIT_LITTLE, IMPLICIT_LITTLE, encode_dataset, sequence, text

SET = (text(0x00080060, "CS", "MR"),)


def test_a_data_set_in_explicit_little_endian_is_known() -> None:
    assert begins_data_set(encode_dataset(SET, EXPLICIT_LITTLE))
    assert begins_data_set(encode_dataset((sequence(0x00081140, SET),), EXPLICIT_LITTLE))


def test_one_in_implicit_vr_is_not() -> None:
    assert not begins_data_set(encode_dataset(SET, IMPLICIT_LITTLE))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(64), id="NULs"),
        pytest.param(b"\x18\0\x17\x91SQ\1\0", id="reserved bytes in use"),
        pytest.param(b"\x02\0\x10\0UI\2\0001\0", id="file meta information"),
        pytest.param(encode_dataset(SET, EXPLICIT_LITTLE)[:7], id="cut"),
    ],
)
def test_other_bytes_are_not(row: bytes) -> None:
    assert not begins_data_set(row)
