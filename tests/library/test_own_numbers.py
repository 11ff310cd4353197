"""The patient's number where private elements hold numbers: redacted where no reader reads it, else listed."""

import dataclasses
from pathlib import Path

import pytest

import csaclean
from csaclean_handlers.siemens import csa
from phantom_csa import series_header
from phantom_file import Phantom, file_bytes
from phantom_protocol import Bare, ascconv, shell, xprotocol
from phantom_writer import DataSet, private_block
from phantoms import plain_image

_ID = b"77120311"
_TAG = 0x00100020
_PLACES = {
    "protocol of XA": (0x0021, b"SIEMENS MR SDS 01", 0x19),
    "series header": (0x0029, b"SIEMENS CSA HEADER", 0x20),
}
PLACES = pytest.mark.parametrize("place", _PLACES)
WRITTEN = pytest.mark.parametrize(
    "number", ["77120311", "-77120311.0", "7.7120311e+07", "0x498c337", "0X77120311"]
)


def cleaned(block: DataSet, folder: Path, policy: str = "converter-safe") -> tuple[bytes, csaclean.Report]:
    """Return what is made of a file that holds a block, of a patient whose number is `_ID`."""
    image = plain_image(block, mosaic=False, side=4)
    image = tuple(dataclasses.replace(e, value=_ID) if e.tag == _TAG else e for e in image)
    source, target = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(file_bytes(Phantom(image)))
    report = csaclean.clean_file(source, target, policy=policy, overwrite=True)
    return target.read_bytes(), report


def protocol_block(place: str, key: str, number: str) -> DataSet:
    """Return a block whose protocol sets a key to a number."""
    text = shell(xprotocol() + ascconv({"lContrasts": 1, key: Bare(number), "lTotalScanTimeSec": 2})).encode(
        "ascii"
    )
    group, creator, byte = _PLACES[place]
    value = text if place == "protocol of XA" else csa.encode(series_header(protocol=text))
    return private_block(group, 0x10, creator, {byte: ("OB", value)})


@PLACES
@WRITTEN
def test_under_a_key_that_nobody_reads_it_is_redacted(place: str, number: str, tmp_path: Path) -> None:
    new, report = cleaned(protocol_block(place, "alFree[13]", number), tmp_path)
    assert number.encode("ascii") not in new.replace(_ID, b"", 1)
    assert [one.action for one in report.identifiers] == ["redacted"]
    assert report.vouched


@PLACES
@WRITTEN
@pytest.mark.parametrize("key", ["lAverages", "sWipMemBlock.alFree[2]"])
def test_under_a_key_that_a_reader_reads_it_stays_and_is_listed(
    place: str, number: str, key: str, tmp_path: Path
) -> None:
    new, report = cleaned(protocol_block(place, key, number), tmp_path)
    assert number.encode("ascii") in new
    assert [(one.action, bool(one.read_by)) for one in report.identifiers] == [("kept", True)]
    assert report.identifiers[0].field.endswith(f"ASCCONV/{key.partition('[')[0]}") or "[" in key
    assert not report.vouched


@pytest.mark.parametrize("number", ["77120311", "7.7120311e+07", "0077120311.00"])
@pytest.mark.parametrize("vr", ["LO", "FD"])
def test_in_a_tag_by_which_readers_go_on_it_is_listed_in_any_notation(
    number: str, vr: str, tmp_path: Path
) -> None:
    tags = (
        csa.CsaTag.build("EchoColumnPosition", "IS", [b"4"]),
        csa.CsaTag.build("B_value", vr, [number.encode()]),
    )
    value = csa.encode(csa.CsaHeader.build(tags))
    new, report = cleaned(private_block(0x0029, 0x10, b"SIEMENS CSA HEADER", {0x10: ("OB", value)}), tmp_path)
    assert number.encode() in new.replace(_ID, b"", 1)
    assert [one.action for one in report.identifiers] == ["kept"]
    assert not report.vouched
