"""The handler obeys the laws that everybody's does."""

from typing import Final

import pytest

from csaclean.testing import Sample, check_handler
from csaclean_handlers.philips import PhilipsHandler
from csaclean_handlers.philips.blobs import BLOB
from phantom_philips import PARAMETERS, Parameter, exam_card, parameters, responses

_TYPE: Final = {0x39: b"IEEE_PDF"}
_BLOB: Final = parameters()[0]
_STRINGS: Final = parameters(
    (Parameter("EX_PROTO_name", "string", (b"DOE^JANE",)), Parameter("EX_mode", "enum", (1,)))
)[0]
_ONE_KIND: Final = parameters((Parameter("EX_mode", "enum", (1,)),))[0]


def _swapped(value: bytes) -> bytes:
    new = bytearray(value)
    new[0::2], new[1::2] = value[1::2], value[0::2]
    return bytes(new)


SAMPLES: Final = {
    "parameters": Sample(BLOB, _BLOB, peers=_TYPE),
    "parameters-backwards": Sample(BLOB, parameters(PARAMETERS[::-1])[0], peers=_TYPE),
    "strings": Sample(BLOB, _STRINGS, peers=_TYPE, free={"": range(8, 12)}),  # where no floats stand
    "swapped": Sample(BLOB, _swapped(_BLOB), order=">", peers=_TYPE),
    "of-one-kind": Sample(BLOB, _ONE_KIND, peers=_TYPE, free={"": [*range(8, 12), *range(16, 20)]}),
    "parameters-cut": Sample(BLOB, _BLOB[:-90], "malformed", peers=_TYPE),
    "no-parameters": Sample(BLOB, b"DOE^JANE" * 8, peers=_TYPE),
    "exam-card": Sample(BLOB, exam_card(size=1200, record=b"DOE^JANE")),
    "responses": Sample(BLOB, responses("Jörg"), peers=_TYPE),
    "other": Sample(BLOB, b"\1\2\3\4DOE^JANE", peers={0x39: b"BINARY"}),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_the_handler_obeys_the_laws(sample: Sample) -> None:
    check_handler(PhilipsHandler(), [sample, SAMPLES["other"]], cuts=500, places=500, changes=100)
