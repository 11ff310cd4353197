"""Short texts of Siemens: what a patient weighs, who built a sequence, what an image is for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean_handlers.siemens.texts import (
    layout_channels,
    layout_data_role,
    layout_data_set_info,
    layout_external_info,
    layout_patient_record,
)
from phantom_csa import PATIENT_RECORD
from phantom_texts import data_role, diffusion_xml, external_info
from tests.siemens.layout_laws import fields, texts_left
from tests.siemens.samples import untimed

IDENTITIES = ["Doe^Jane", "Müller", "a&amp;b", "back\\slash", "19", "two words"]


class TestPatientRecord:
    def test_parts_have_the_number_of_their_place(self) -> None:
        assert fields(PATIENT_RECORD, layout_patient_record(PATIENT_RECORD)) == [
            ("1", "code", b"1"),
            ("2", "code", b"HFS"),
            ("3", "text", b"72.50"),
            ("4", "text", b"34.00"),
            ("5", "text", b"2"),
            ("6", "code", b"0"),
            ("7", "code", b"2"),
            ("8", "text", b"-123456789"),
        ]

    def test_the_record_of_xa_has_no_age(self) -> None:
        record = b"1;HFS;70;;O;0;0;-123456789"
        assert [path for path, _, _ in fields(record, layout_patient_record(record))] == [*"1235678"]

    @pytest.mark.parametrize(
        "record", [b"Doe", PATIENT_RECORD + b";", b"2;HFS;70;;O;0;0;1", b"1;Doe;70;;O;0;0;1", b"1;HFS"]
    )
    def test_a_record_of_another_shape_is_one_field(self, record: bytes) -> None:
        assert fields(record, layout_patient_record(record)) == [("other", "text", record)]


class TestExternalInfo:
    def test_the_uuid_and_each_build_are_fields(self) -> None:
        info = external_info()
        assert [(path, form) for path, form, _ in fields(info, layout_external_info(info))] == [
            ("uuid", "hex"),
            ("Sequence", "text"),
            ("ICE_Win32", "text"),
            ("ICE_Linux", "text"),
            ("other", "text"),
        ]

    @pytest.mark.parametrize("identity", IDENTITIES)
    @pytest.mark.parametrize("where", ["account", "date", "uuid"])
    def test_nothing_of_an_identity_is_left(self, identity: str, where: str) -> None:
        info = external_info(**{where: identity})
        left = texts_left(info, layout_external_info(info))
        assert identity.encode("latin-1") not in left

    @pytest.mark.parametrize("info", [b"Doe", b"Doe||", b"||Doe", b"||Doe: x", b"|||Doe"])
    def test_a_text_of_another_shape_is_redacted_too(self, info: bytes) -> None:
        assert b"Doe" not in texts_left(info, layout_external_info(info))


@pytest.mark.parametrize(("channels", "form"), [(b"XX--X", "code"), (b"XX Doe", "text"), (b"xx", "text")])
def test_channels_are_a_code_if_they_are_x_and_dash(channels: bytes, form: str) -> None:
    assert fields(channels, layout_channels(channels)) == [("", form, channels)]


class TestDataRole:
    def test_known_constants_are_codes(self) -> None:
        assert {form for _, form, _ in fields(data_role(), layout_data_role(data_role()))} == {"code"}

    @pytest.mark.parametrize("entry", IDENTITIES)
    def test_an_unknown_entry_is_text_unless_it_is_a_short_number(self, entry: str) -> None:
        role = data_role(entry)
        found = [
            form
            for _, form, content in fields(role, layout_data_role(role))
            if content == entry.encode("latin-1")
        ]
        assert found == ["code" if entry.isdigit() else "text"]

    @pytest.mark.parametrize(
        "role",
        [
            b"Doe",
            b"<DataRole>Doe",
            b"<DataRole>Doe</Category>",
            b"<DataRole",
            b"<DataRole Version=Doe/>",
            b"</DataRole>",
            b"<!-- Doe -->",
        ],
    )
    def test_what_is_no_whole_xml_is_one_field(self, role: bytes) -> None:
        assert fields(role, layout_data_role(role)) == [("other", "text", role)]


class TestDataSetInfo:
    def test_names_that_are_not_known_are_names_and_contents_have_the_form_they_are_written_in(self) -> None:
        info = diffusion_xml()
        assert fields(info, layout_data_set_info(info)) == [
            ("comment", "text", b"made by nobody"),
            *[("?", "name", b"StudyDate"), ("?", "date", b"20010203"), ("?", "name", b"StudyDate")],
            *[("?", "name", b"Owner"), ("?", "name", b"kind"), ("?/?", "text", b"free")],
            *[("?", "text", b"PHANTOM^SYNTHETIC"), ("?", "name", b"Owner")],
            *[("?", "name", b"Directions"), ("?", "name", b"count"), ("?/?", "number", b"2")],
            *[("?", "assignments", b"0.1 0.2 0.3 -1e-05"), ("?", "name", b"Directions")],
            *[("?", "name", b"Empty"), ("cdata", "text", b"raw")],
        ]

    @pytest.mark.parametrize("identity", IDENTITIES[:-2])
    def test_no_name_or_date_is_left(self, identity: str) -> None:
        info = diffusion_xml(date="19991231", name=identity)
        left = texts_left(info, layout_data_set_info(info))
        assert identity.encode("latin-1") not in left
        assert b"19991231" not in left

    @pytest.mark.parametrize("number", [b"12345678", b"20010203081500", b"-123456789.5"])
    def test_a_number_long_enough_to_be_somebodys_is_no_number(self, number: bytes) -> None:
        info = b"<DiffusionTensorData>%s</DiffusionTensorData>" % number
        assert fields(info, layout_data_set_info(info)) == [("DiffusionTensorData", "text", number)]

    @untimed
    @given(st.text("<>/!?-[]= \"'&;abD\n", max_size=60))
    def test_any_markup_is_laid_out(self, markup: str) -> None:
        value = b"<DiffusionTensorData>" + markup.encode("ascii") + b"</DiffusionTensorData>"
        assert sum(len(content) for _, _, content in fields(value, layout_data_set_info(value))) <= len(value)
