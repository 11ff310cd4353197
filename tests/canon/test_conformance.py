"""The Canon handler obeys the laws that anyone's handler obeys."""

from collections.abc import Mapping
from typing import Final

import pytest

from csaclean.testing import Sample, check_handler
from csaclean_handlers.canon import CanonHandler
from csaclean_handlers.canon.elements import GRAMMARS
from phantom_canon import (
    DATE_TIME,
    UNICODE,
    icon,
    protocol_xml,
    record,
    records,
    registration,
    reversed_sets,
    table,
)
from tests.canon.samples import PROTOCOL, RECORDS, REVERSED, TABLE

_STUDY, _SERIES, _IMAGE = reversed_sets()
_MOMENT = record(0x561A, DATE_TIME, b"02/03/2001,08:15:00\0")

SAMPLES: Final[Mapping[str, Sample]] = {
    "study": Sample(REVERSED, _STUDY),
    "series": Sample("(0029,CANON_MEC_MR3,90)", _SERIES),
    "image": Sample("(0029,PMTF INFORMATION DATA,90)", _IMAGE),
    "set-not-reversed": Sample(REVERSED, _STUDY[::-1], "foreign"),
    "records": Sample(RECORDS, registration(rest=b"BEHIND^NUL")),
    "records-few": Sample("(700D,CANON_MEC_MR3,08)", records([[_MOMENT]], tail=b"\0")),
    "records-of-nobody": Sample("(700D,PMTF INFORMATION DATA,08)", records([[record(1, UNICODE, b"")]])),
    "records-cut": Sample(RECORDS, registration()[:-9], "malformed"),
    "records-other": Sample(RECORDS, b"never seen", "foreign"),
    "protocol": Sample(PROTOCOL, protocol_xml()),
    "protocol-unknown": Sample("(700D,CANON_MEC_MR3^10,19)", protocol_xml(more=b"<NOTE OF='1'>12</NOTE>")),
    "protocol-other": Sample("(700D,PMTF INFORMATION DATA^10,19)", b"never seen"),
    "table": Sample(TABLE, table("remark", rest="BEHIND".encode("utf-16-le"))),
    "table-other": Sample("(0019,TOSHIBA_MEC_MR3^12,8F)", b"never seen"),
    "icon": Sample("(E401,TOSHIBA_MEC_MR3^10,13)", icon()),
    "icon-other": Sample("(E401,CANON_MEC_MR3^10,13)", b"never seen"),
    "raw": Sample("(700D,TOSHIBA_MEC_MR3,8F)", b"raw" * 8),
    "by-vr": Sample("(0009,TOSHIBA_MEC_MR3^10,02)", b"PHN7001", vr="SH"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_it_obeys_them_in_each_of_its_formats(name: str) -> None:
    sample = SAMPLES[name]
    mine = {sample.selector} if sample.expect == "laid out" else set()
    check_handler(CanonHandler(), [sample], unsampled=GRAMMARS.keys() - mine)
