"""A hundred thousand mutated values of each codec: refused in one of two ways, or decoded and encoded back."""

import random
from base64 import b64encode

import pytest

from csaclean.codecs.base64 import Base64
from csaclean.codecs.reversed import Reversed
from csaclean.codecs.swap16 import Swap16
from csaclean.errors import LimitExceeded, MalformedValue
from csaclean.model import Codec

MUTATIONS = 100_000
CAP = 96
ROW = bytes(range(64))
SAMPLES: dict[Codec, tuple[bytes, ...]] = {
    Base64(): (b64encode(ROW), b64encode(ROW[:31]), b"QUJD\r\nRA==\r\n"),
    Reversed(): (ROW, b"MCID"),
    Swap16(): (ROW, b"VS01\3\4\1\2"),
}
"""Of the gzip codec see `test_gzip`."""


def mutated(sample: bytes, chance: random.Random) -> bytes:
    """Return a value with bytes changed, cut out, doubled, or put in."""
    new = bytearray(sample)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(new) + 1)
        match chance.randrange(4):
            case 0:
                new[at : at + 1] = chance.randbytes(1)
            case 1:
                del new[at : at + chance.randint(1, 8)]
            case 2:
                new[at:at] = new[at : at + chance.randint(1, 40)]
            case _:
                new[at:at] = chance.randbytes(chance.randint(1, 4))
    return bytes(new)


@pytest.mark.parametrize("codec", SAMPLES, ids=lambda codec: codec.name)
def test_a_mutated_value_is_refused_or_comes_back(codec: Codec) -> None:
    chance = random.Random(1)  # noqa: S311  # the same at every run
    refused = 0
    for number in range(MUTATIONS):
        value = mutated(SAMPLES[codec][number % len(SAMPLES[codec])], chance)
        try:
            row = codec.decode(value, CAP)
        except (MalformedValue, LimitExceeded):
            refused += 1
            continue
        assert len(row) <= CAP
        assert codec.encode(row, value) == value
    assert 0 < refused < MUTATIONS
