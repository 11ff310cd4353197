"""An operator who changes in the middle of a series doesn't split what dcm2niix makes of it.

Each file is cleaned of the identifiers of its own header, so that of a text that is the same in all files a name may be
redacted in some. By the texts that dcm2niix stacks files by, none is: they stay, and are listed.
"""

import re
import warnings
from pathlib import Path
from typing import Final

import pydicom
import pytest

import csaclean
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from phantom_csa import image_tags, series_tags
from phantom_file import Phantom, file_bytes
from phantom_ge import MANUFACTURER, protocol_block, protocol_text
from phantom_protocol import ascconv, shell, xprotocol
from phantom_writer import Content, DataSet, Element, Items, ordered, private_block, text
from phantoms import plain_image
from tests.conftest import DATA, NO_REAL_DATA, manifest
from tests.real.conversion import convert, differences

pytest.importorskip("dcm2niix", reason="dcm2niix is not installed")

FIRST, SECOND = "QUACKENBUSH^ANNA", "Vandenbroucke^Max"
TEXT: Final = "by Quackenbush"
_MADE: Final = TEXT.encode()
_KEYS: Final = (
    "tProtocolName",
    "tSequenceFileName",
    "sWipMemBlock.tFree",
    "sProtConsistencyInfo.tBaselineString",
    "sCoilSelectMeas.sCoilStringForConversion",
    "sCoilSelectMeas.aRxCoilSelectData[0].asList[0].sCoilElementID.tCoilID",
)
_STANDARD: Final = {
    0x0008103E: "LO",
    0x00180024: "SH",
    0x00181030: "LO",
    0x00181250: "SH",
    0x00400254: "LO",
}
"""Texts that dcm2niix reads in a private sequence as if they stood outside."""
SERIES: Final = (
    ("siemens_vd13d_fmap-gre-me", True),
    ("siemens_ve11_fmri-mosaic-ap", True),
    ("siemens_ve11_pasl-3d", True),
    ("siemens_xa30i_asl-classic", True),
    ("siemens_xa30i_asl-classic", False),
)
"""Real series, and whether their standard Protocol Name is emptied: then dcm2niix takes that of the protocol."""


def _protocol(key: str) -> bytes:
    return shell(xprotocol() + ascconv({"lContrasts": 1, key: TEXT})).encode("latin-1") + b"\0"


def _csa(*tags: CsaTag, protocol: str = "") -> DataSet:
    names = {tag.name for tag in tags}
    image = CsaHeader.build((*(tag for tag in image_tags() if tag.name not in names), *tags))
    series = CsaHeader.build(series_tags(protocol=_protocol(protocol or "tUnread")))
    inside: dict[int, tuple[str, Content]] = {
        0x10: ("OB", csa.encode(image)),
        0x20: ("OB", csa.encode(series)),
    }
    return private_block(0x0029, 0x10, b"SIEMENS CSA HEADER", inside)


def _elements(group: int, block: int, creator: bytes, *numbers: int) -> DataSet:
    return private_block(group, block, creator, dict.fromkeys(numbers, ("LO", _MADE)))


PLACES: Final[dict[str, tuple[str, DataSet]]] = {
    "coil, dimensions and orientation": (
        "SIEMENS",
        _elements(0x0051, 0x10, b"SIEMENS MR HEADER", 0x0B, 0x0E, 0x0F, 0x11, 0x16),
    ),
    "SDI 02": ("SIEMENS", _elements(0x0021, 0x11, b"SIEMENS MR SDI 02", 0x06, 0x4F, 0x58, 0x75, 0x76, 0x8E)),
    "SDS 01": ("SIEMENS", _elements(0x0021, 0x10, b"SIEMENS MR SDS 01", 0x09, 0x5A, 0x5B, 0x5C)),
    "CSA tags": (
        "SIEMENS",
        _csa(
            *(
                CsaTag.build(name, "LO", [_MADE])
                for name in ("ICE_Dims", "ImageHistory", "TransmittingCoil", "ImaCoilString")
            )
        ),
    ),
    **{
        f"{key} of XA": (
            "SIEMENS",
            private_block(0x0021, 0x10, b"SIEMENS MR SDS 01", {0x19: ("OB", _protocol(key))}),
        )
        for key in _KEYS
    },
    **{f"{key} of VE": ("SIEMENS", _csa(protocol=key)) for key in _KEYS[:2]},
    **{
        f"nested {tag:08X}": (
            "SIEMENS",
            private_block(
                0x0021,
                0x10,
                b"SIEMENS MR SDS 01",
                {0xFE: ("SQ", Items(((Element(tag, vr, _MADE),),)))},
            ),
        )
        for tag, vr in _STANDARD.items()
    },
    "GE": (
        MANUFACTURER,
        ordered(
            (
                *_elements(0x0019, 0x10, b"GEMS_ACQU_01", 0x9C, 0x9E),
                *private_block(
                    0x0025,
                    0x10,
                    b"GEMS_SERS_01",
                    {0x1B: ("OB", protocol_block(protocol_text({"PSEQ": TEXT, "SEDESC": TEXT}), level=None))},
                ),
                *_elements(0x0043, 0x10, b"GEMS_PARM_01", 0x95, 0xA3, 0xA4, 0xB2, 0xB6, 0xB7, 0xCA),
            )
        ),
    ),
    "UIH": ("UIH", _elements(0x0065, 0x10, b"Image Private Header", 0x05, 0x0D, 0x2B)),
}
"""Manufacturer and private elements, the same in all files of a series: texts that readers read."""


def write_series(folder: Path, manufacturer: str, planted: DataSet) -> None:
    """Write a volume of four slices, whose operator changes after the second."""
    folder.mkdir(parents=True)
    spoken_of = {tag for tag in _STANDARD if any(isinstance(e.value, Items) for e in planted)}
    for number in range(1, 5):
        own = {
            0x00080070: text(0x00080070, "LO", manufacturer),
            0x00081070: text(0x00081070, "PN", FIRST if number < 3 else SECOND),
            0x00200012: text(0x00200012, "IS", "1"),
            0x00200032: text(0x00200032, "DS", f"-8\\-8\\{2 * number}"),
        }
        image = plain_image(planted, mosaic=False, side=8, instance=number)
        rest = (element for element in image if element.tag not in (own.keys() | spoken_of | {0x00181030}))
        data = file_bytes(Phantom(ordered((*rest, *own.values()))))
        (folder / f"{number}.dcm").write_bytes(data)


def clean_series(before: Path, after: Path) -> list[csaclean.Report]:
    """Clean each file of a folder, by itself."""
    after.mkdir()
    return [csaclean.clean_file(file, after / file.name) for file in sorted(before.iterdir())]


@pytest.mark.parametrize("place", PLACES)
def test_a_name_in_a_text_that_is_read_stays_where_it_would_split_the_series(
    place: str, tmp_path: Path
) -> None:
    write_series(tmp_path / "before", *PLACES[place])
    reports = clean_series(tmp_path / "before", tmp_path / "after")
    assert reports[0].identifiers
    assert not reports[-1].identifiers
    old = convert(tmp_path / "before", tmp_path / "old")
    new = convert(tmp_path / "after", tmp_path / "new")
    assert old.files
    assert [Path(name).suffix for name in sorted(new.files)] == [
        Path(name).suffix for name in sorted(old.files)
    ]
    declared = {key for report in reports for key in report.declared}
    assert set(differences(old, new)) <= declared


def test_such_a_text_is_listed_and_the_file_is_not_accounted(tmp_path: Path) -> None:
    write_series(tmp_path / "before", *PLACES["nested 00181030"])
    first, *_, last = clean_series(tmp_path / "before", tmp_path / "after")
    assert [(one.whose, one.action) for one in first.identifiers_left] == [("people", "kept")]
    assert (first.vouched, last.vouched) == (False, True)


def _protocol_name(folder: Path) -> bytes:
    """Return the name of the protocol of a series, as all of its files spell it."""
    found: set[bytes] = {
        name
        for file in folder.iterdir()
        for name in re.findall(rb'tProtocolName\s*=\s*"+([^"\n]*)"', file.read_bytes())
    }
    (name,) = found
    return name


@pytest.mark.parametrize(("name", "blank"), SERIES)
def test_a_real_series_stays_whole(name: str, blank: bool, tmp_path: Path) -> None:
    """The protocol is called as the operator of one half of the files is, with the standard Protocol Name or without."""
    if not manifest():
        pytest.skip(NO_REAL_DATA)
    protocol = _protocol_name(DATA / "series" / name)
    operator = ("Quackenbush" * 2)[: len(protocol)]
    (tmp_path / "before").mkdir()
    files = sorted((DATA / "series" / name).iterdir())
    for number, file in enumerate(files):
        target = tmp_path / "before" / file.name
        target.write_bytes(file.read_bytes().replace(protocol, operator.encode()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(target)
            dataset.OperatorsName = f"{operator}^Anna" if 2 * number < len(files) else SECOND
            if blank:
                dataset.ProtocolName = ""
            dataset.save_as(target)
    reports = clean_series(tmp_path / "before", tmp_path / "after")
    assert any(one.whose == "people" and one.action == "redacted" for one in reports[0].identifiers)
    assert not any(one.whose == "people" for one in reports[-1].identifiers)
    old = convert(tmp_path / "before", tmp_path / "old")
    new = convert(tmp_path / "after", tmp_path / "new")
    assert len(new.files) == len(old.files) > 0
    assert set(differences(old, new)) <= {key for report in reports for key in report.declared}
