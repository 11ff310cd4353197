"""The Siemens handler obeys the laws that anyone's handler obeys."""

from collections.abc import Mapping
from typing import Final

import pytest

from csaclean.testing import Sample, check_handler
from csaclean_handlers.siemens import SiemensHandler, csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag, Variant
from csaclean_handlers.siemens.elements import GRAMMARS
from phantom_creators import small_headers
from phantom_csa import (
    PATIENT_RECORD,
    image_header,
    phoenix_protocol,
    second_magic_zeroed,
    series_header,
    swapped,
    with_canaries,
)
from phantom_medcom import history, oog
from phantom_physio import log, signal
from phantom_texts import autoalign, data_role, data_set, diffusion_xml, encapsulated, external_info
from tests.siemens.samples import IMAGE, SERIES

_VM: Final = 64
_IMAGE, _SERIES = small_headers()


def _csa(selector: str, blob: bytes) -> Sample:
    """Return a sample of a CSA header; the low byte of each VM is free.

    VM says how many values may be filled and 0 any number, so there is nothing to hold it against but its range. In CSA1
    that of the first tag is read.
    """
    row = "swap16@0" if blob.startswith(b"VS01") else ""
    header = swapped(blob) if row else blob
    return Sample(selector, blob, vr="OB", free={row: [tag.start + _VM for tag in csa.scan(header).tags]})


def _series(*tags: CsaTag) -> bytes:
    return csa.encode(CsaHeader.build(tags))


SAMPLES: Final[Mapping[str, Sample]] = {
    "image": _csa(IMAGE, with_canaries(image_header())[0]),
    "image-small": _csa(IMAGE, _IMAGE),
    "image-csa1": _csa(IMAGE, with_canaries(image_header(Variant.CSA1))[0]),
    "image-swapped": _csa(IMAGE, swapped(_IMAGE)),
    "image-second-magic-zeroed": _csa(IMAGE, second_magic_zeroed(_IMAGE)),
    "series": _csa(SERIES, with_canaries(series_header())[0]),
    "series-small": _csa(SERIES, _SERIES),
    "series-with-a-data-set": _csa(
        SERIES, _series(CsaTag.build("MRDiffusion", "UN", [encapsulated(data_set())]))
    ),
    "image-other": Sample(IMAGE, b"!INTERFILE := \r\n", "foreign"),
    "image-cut": Sample(IMAGE, _IMAGE[:100], "malformed"),
    "protocol": Sample("(0021,SIEMENS MR SDS 01,19)", phoenix_protocol(), vr="OB"),
    "phoenixzip": Sample("(0021,SIEMENS MR SDI PHOENIXZIP,01)", phoenix_protocol()),
    "patient-record": Sample("(0021,SIEMENS MR SDS 01,2B)", PATIENT_RECORD),
    "patient-record-other": Sample("(0021,SIEMENS MR SDS 01,2B)", PATIENT_RECORD + b";Doe "),
    "autoalign": Sample("(0021,SIEMENS MR SDS 01,3F)", autoalign()),
    "autoalign-unexpected": Sample(
        "(0021,SIEMENS MR SDS 01,3F)", autoalign(more="Comment=Doe, J|free text;|")
    ),
    "external-info": Sample("(0021,SIEMENS MR SDS 01,43)", external_info()),
    "data-role": Sample("(0021,SIEMENS MR SDI 02,67)", data_role()),
    "data-role-broken": Sample("(0021,SIEMENS MR SDI 02,67)", data_role().replace(b"</Categories>", b"")),
    "never-seen": Sample("(0021,SIEMENS MR SDI 02,68)", b"never seen"),
    "never-seen-csa": _csa("(0021,SIEMENS MR SDI 02,69)", _IMAGE),
    "data-set-info": Sample("(0021,SIEMENS MR SDI 02,70)", diffusion_xml()),
    "channels": Sample("(0021,SIEMENS MR SDI 02,71)", b"XX-X" * 8),
    "non-image": Sample("(0029,SIEMENS CSA NON-IMAGE,10)", oog()),
    "medcom-header": Sample("(0029,SIEMENS MEDCOM HEADER,10)", history()),
    "history": Sample("(0029,SIEMENS MEDCOM HEADER,20)", history(tail=b"9")),
    "oog": Sample("(0029,SIEMENS MEDCOM OOG,10)", oog(tail=b"\0e")),
    "signal": Sample("(7FE1,SIEMENS CSA NON-IMAGE,10)", signal()),
    "log-named-otherwise": Sample(
        "(7FE1,SIEMENS CSA NON-IMAGE,10)", log(blocks=1).replace(b"Physio_", b"Recall_", 1)
    ),
    "log": Sample("(7FE1,SIEMENS CSA NON-IMAGE,10)", log(blocks=2, cut=7), peers={0x00200012: b"3 "}),
    "raw": Sample("(7FE1,SIEMENS MR IMA,10)", b"raw" * 9),
    "by-vr": Sample("(0029,SIEMENS CSA HEADER,09)", b"20010203", vr="LO"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_it_obeys_them_in_each_of_its_formats(name: str) -> None:
    sample = SAMPLES[name]
    mine = {sample.selector} if sample.expect == "laid out" else set()
    check_handler(SiemensHandler(), [sample], unsampled=GRAMMARS.keys() - mine)


def test_there_is_a_sample_of_each_of_its_formats() -> None:
    check_handler(SiemensHandler(), SAMPLES.values(), cuts=1, places=1, changes=1)
