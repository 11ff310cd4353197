"""Which grammar lays out which Siemens element, and what the grammars find in real ones."""

from collections import Counter
from collections.abc import Iterator

import pydicom
import pytest

from csaclean.handler import Claim, PrivateElement, format_selector, parse_selector
from csaclean.model import Kind, Layout
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from csaclean_handlers.siemens.csa_layout import layout_csa
from csaclean_handlers.siemens.elements import GRAMMARS
from phantom_csa import PATIENT_RECORD, image_header
from phantom_medcom import history, oog
from phantom_physio import log, signal
from phantom_texts import autoalign, data_role, diffusion_xml, external_info
from tests.conftest import RealFile, real_files
from tests.siemens.layout_laws import (
    assert_covers,
    assert_laid_out_alike,
    fields,
    filled,
)

SDS = "(0021,SIEMENS MR SDS 01,{})"
SDI = "(0021,SIEMENS MR SDI 02,{})"
SIGNED = [
    "(0029,SIEMENS CSA NON-IMAGE,10)",
    "(0029,SIEMENS MEDCOM HEADER,10)",
    "(7FE1,SIEMENS MR IMA,10)",
    SDI.format("68"),
    SDI.format("69"),
]


SHELLS = frozenset(
    (
        "(0029,SIEMENS CSA HEADER,10)",
        "(0029,SIEMENS CSA HEADER,20)",
        SDS.format("19"),
        "(0021,SIEMENS MR SDI PHOENIXZIP,01)",
    )
)
"""CSA headers and protocol texts, which have tests of their own."""


def _element(select: str, value: bytes, *, fine: bool = False) -> PrivateElement:
    selector = parse_selector(select)
    return PrivateElement(Claim(selector), selector, "OB", value, "<", (), lambda tag: None, fine)


def _layout(select: str, value: bytes) -> Layout:
    return GRAMMARS[select](_element(select, value))


def _found(dataset: pydicom.Dataset) -> Iterator[tuple[str, bytes]]:
    """Yield selector and value of every element that has a grammar and is no shell, at any depth."""
    for item in dataset:
        if item.VR == "SQ":
            for nested in item.value:
                yield from _found(nested)
        elif item.tag.is_private and not item.tag.is_private_creator:
            creator = str(dataset[item.tag.group, item.tag.elem >> 8].value) if item.private_creator else ""
            select = f"({item.tag.group:04X},{creator.strip()},{item.tag.elem & 0xFF:02X})"
            if select in GRAMMARS.keys() - SHELLS:
                value = item.value
                yield select, value if isinstance(value, bytes) else str(value).encode("latin-1")


@pytest.mark.parametrize("select", GRAMMARS)
def test_selectors_are_canonical(select: str) -> None:
    assert format_selector(parse_selector(select)) == select


@pytest.mark.parametrize(
    ("select", "value", "paths"),
    [
        (SDS.format("2B"), PATIENT_RECORD, {"3", "4", "5", "8"}),
        (SDS.format("3F"), autoalign(), {"FOR", "OrganBoxData", "Matrix"}),
        (SDS.format("43"), external_info(), {"uuid", "Sequence"}),
        (SDI.format("67"), data_role(), {"CategoryEntry"}),
        (SDI.format("70"), diffusion_xml(), {"?"}),
        (SDI.format("71"), b"XXXX", {""}),
        ("(0029,SIEMENS MEDCOM HEADER,20)", history(), {"account", "date"}),
        ("(0029,SIEMENS MEDCOM OOG,10)", oog(), {"CsaGraphicText/codes"}),
        ("(7FE1,SIEMENS CSA NON-IMAGE,10)", log(), {"name/date", "ScanDate/date"}),
        ("(7FE1,SIEMENS CSA NON-IMAGE,10)", signal(), {""}),
    ],
)
def test_each_element_has_its_grammar(select: str, value: bytes, paths: set[str]) -> None:
    assert paths <= {path for path, _, _ in fields(value, _layout(select, value))}


@pytest.mark.parametrize("padding", [b" ", b"\0", b"  ", b"\0 \0"])
@pytest.mark.parametrize(
    ("select", "value"),
    [
        (SDS.format("2B"), PATIENT_RECORD),
        (SDS.format("3F"), autoalign()),
        (SDS.format("43"), external_info()),
        (SDI.format("67"), data_role()),
        (SDI.format("71"), b"XX"),
    ],
)
def test_the_padding_of_text_is_structure(select: str, value: bytes, padding: bytes) -> None:
    bare, padded = _layout(select, value), _layout(select, value + padding)
    assert fields(value + padding, padded) == fields(value, bare)
    assert list(padded)[-1].kind is Kind.STRUCTURE
    assert_covers(padded, len(value + padding))


@pytest.mark.parametrize("select", ["(0029,SIEMENS MEDCOM HEADER,20)", "(0029,SIEMENS MEDCOM OOG,10)"])
def test_content_of_another_kind_is_foreign(select: str) -> None:
    assert _layout(select, b"SV10\4\3\2\1").is_foreign


@pytest.mark.parametrize("select", SIGNED)
class TestElementsThatAreToldByTheirFirstBytes:
    def test_a_csa_header_is_laid_out_as_one(self, select: str) -> None:
        blob = csa.encode(image_header())
        assert list(_layout(select, blob)) == list(layout_csa(blob))

    @pytest.mark.parametrize("value", [oog(), history()])
    def test_so_are_the_contents_of_medcom(self, select: str, value: bytes) -> None:
        assert Kind.OPAQUE not in {span.kind for span in _layout(select, value)}
        assert fields(value, _layout(select, value))

    @pytest.mark.parametrize("value", [b"\1\2\3" * 40, bytes(64)], ids=["anything else", "its fill"])
    def test_anything_else_is_opaque(self, select: str, value: bytes) -> None:
        assert [(span.kind, span.form) for span in _layout(select, value)] == [(Kind.VALUE, "opaque")]


def test_numbers_of_an_overlay_are_fields_of_their_own_where_that_is_asked() -> None:
    select = "(0029,SIEMENS MEDCOM OOG,10)"
    forms = {span.form for span in GRAMMARS[select](_element(select, oog(), fine=True))}
    assert "assignments" not in forms


@pytest.mark.parametrize(
    ("name", "vr", "value", "paths"),
    [
        (
            "AutoAlignData",
            "UT",
            autoalign(elements=1),
            {"AutoAlignData/FOR": 1, "AutoAlignData/OrganBoxData": 13},
        ),
        (
            "FmriExternalInfo",
            "UT",
            external_info(),
            {"FmriExternalInfo/uuid": 1, "FmriExternalInfo/Sequence": 1},
        ),
        ("ExamDataRole", "ST", data_role(), {"ExamDataRole/CategoryEntry": 2}),
        ("PatReinPattern", "ST", PATIENT_RECORD, {"PatReinPattern/3": 1, "PatReinPattern/8": 1}),
        ("UsedChannelString", "UT", b"XX-X", {"UsedChannelString": 1}),
        ("ReferencedImageSequence", "UI", b"1.2.3", {"ReferencedImageSequence": 1}),
    ],
)
def test_tags_of_a_csa_header_have_the_same_grammars(
    name: str, vr: str, value: bytes, paths: dict[str, int]
) -> None:
    blob = csa.encode(CsaHeader.build([CsaTag.build(name, vr, [value])]))
    found = Counter(path for path, _, _ in fields(blob, layout_csa(blob)))
    assert {path: found[path] for path in paths} == paths


@pytest.mark.parametrize(("channels", "form"), [(b"XX-X", "code"), (b"Doe", "text")])
def test_the_channels_in_a_csa_header_are_a_code_if_they_are_x_and_dash(channels: bytes, form: str) -> None:
    blob = csa.encode(CsaHeader.build([CsaTag.build("UsedChannelString", "UT", [channels])]))
    assert fields(blob, layout_csa(blob)) == [("UsedChannelString", form, channels)]


REAL: dict[str, dict[str, int]] = {
    "siemens_vb11_medcom-oog_1.dcm": {"(0029,SIEMENS MEDCOM OOG,10)": 1},
    "siemens_vd13_svs-nonimage_1.dcm": {"(7FE1,SIEMENS CSA NON-IMAGE,10)": 1},
    "siemens_ve11_physio-nonimage_1.dcm": {"(7FE1,SIEMENS CSA NON-IMAGE,10)": 1},
    "siemens_xa20_original_1.dcm": {SDS.format("2B"): 1, SDI.format("71"): 25},
    "siemens_xa30i_aascout-mpr_1.dcm": {
        SDS.format("2B"): 1,
        SDS.format("3F"): 1,
        SDI.format("67"): 1,
        SDI.format("71"): 1,
    },
    "siemens_xa30i_colfa-sc_1.dcm": {SDS.format("2B"): 1, SDS.format("43"): 1, SDI.format("71"): 1},
}
"""How many elements with a grammar, shells left out, a file holds."""


@pytest.mark.parametrize("file", real_files(*REAL))
class TestRealElements:
    def test_they_are_found(self, file: RealFile) -> None:
        assert Counter(select for select, _ in _found(pydicom.dcmread(file.path))) == REAL[file.name]

    def test_they_are_laid_out_to_the_byte_without_opaque_or_unexpected_content(self, file: RealFile) -> None:
        for select, value in _found(pydicom.dcmread(file.path)):
            layout = _layout(select, value)
            assert_covers(layout, len(value))
            assert Kind.OPAQUE not in {span.kind for span in layout}
            if select != SDS.format("43"):  # its last part has no label
                assert "other" not in {span.path.rpartition("/")[2] for span in layout}

    def test_they_are_laid_out_alike_once_every_field_is_filled(self, file: RealFile) -> None:
        for select, value in _found(pydicom.dcmread(file.path)):
            layout = _layout(select, value)
            for standing in (True, False):
                assert_laid_out_alike(layout, _layout(select, filled(value, layout, standing=standing)))


@pytest.mark.parametrize("file", real_files("siemens_vb11_medcom-oog_1.dcm"))
def test_in_a_real_overlay_the_texts_and_one_stale_byte_are_found(file: RealFile) -> None:
    ((select, value),) = _found(pydicom.dcmread(file.path))
    layout = _layout(select, value)
    found = Counter((path, form) for path, form, _ in fields(value, layout))
    assert found["FILE_IDENTIFICATION/text", "text"] == 2
    assert found["CsaUVString/codes", "codes"] == 3
    assert found["CsaGraphicText/codes", "codes"] == 2
    assert sum(span.stop - span.start for span in layout if span.kind is Kind.DEAD) == 1
