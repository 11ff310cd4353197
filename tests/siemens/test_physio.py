"""Physiological logs and spectroscopy signals of CSA non-image objects."""

import hashlib
import struct
from collections import Counter
from pathlib import Path

import pydicom
import pytest

from csaclean.errors import MalformedValue
from csaclean.handler import Claim, PrivateElement, parse_selector
from csaclean.model import Kind, Layout
from csaclean_handlers.siemens.physio import layout_signal
from phantom_physio import log, log_block, log_text, signal
from tests.conftest import RealFile, real_files
from tests.real.conversion import convert, differences
from tests.siemens.layout_laws import assert_laid_out_alike, fields, filled, texts_left

SELECTOR = parse_selector("(7FE1,SIEMENS CSA NON-IMAGE,10)")
ACQUISITION_NUMBER = 0x00200012


def _layout(value: bytes, acquisition: bytes | None = None, *, fine: bool = False) -> Layout:
    peers = {0x00080016: b"1.2.840.10008.5.1.4.1.1.4.2"}
    if acquisition is not None:
        peers[ACQUISITION_NUMBER] = acquisition
    return layout_signal(PrivateElement(Claim(SELECTOR), SELECTOR, "OB", value, "<", (), peers.get, fine))


def _live(value: bytes, layout: Layout) -> bytes:
    return b"".join(value[span.start : span.stop] for span in layout if span.kind is not Kind.DEAD)


class TestLog:
    def test_names_and_keys_are_fields(self) -> None:
        value = log(blocks=1)
        assert [(path, form) for path, form, _ in fields(value, _layout(value))] == [
            ("name/date", "date"),
            ("name/time", "time"),
            ("name/uuid", "hex"),
            ("UUID", "hex"),
            ("ScanDate/date", "date"),
            ("ScanDate/time", "time"),
            ("LogVersion", "code"),
            ("LogDataType", "code"),
            ("SampleTime", "number"),
            ("ACQ_TIME_TICS", "assignments"),
        ]

    def test_the_table_of_the_acquisition_has_counts(self) -> None:
        value = log(blocks=4)
        paths = Counter(path for path, form, _ in fields(value, _layout(value)) if form == "number")
        assert paths == {"SampleTime": 3, "NumSlices": 1, "NumVolumes": 1, "NumEchoes": 1}

    def test_each_number_of_a_row_is_a_field_if_it_is_asked_for(self) -> None:
        value = log(blocks=1)
        (rows,) = (content for _, form, content in fields(value, _layout(value)) if form == "assignments")
        ticks = [row for row in fields(value, _layout(value, fine=True)) if row[0] == "ACQ_TIME_TICS"]
        assert {form for _, form, _ in ticks} == {"number"}
        assert [content for _, _, content in ticks] == [word for word in rows.split() if word.isdigit()]

    def test_zeros_in_place_of_the_numbers_are_rows_too(self) -> None:
        value = log(blocks=2, cut=7)
        layout = _layout(value, fine=True)
        assert_laid_out_alike(layout, _layout(filled(value, layout, {"ACQ_TIME_TICS"}), fine=True))

    def test_slack_is_dead_and_all_dead_bytes_are_outside_names_and_texts(self) -> None:
        value = log(slack=b"Doe^Jane")
        layout = _layout(value)
        assert value.count(b"Doe^Jane") == 4
        assert b"Doe^Jane" not in _live(value, layout)
        assert _live(value, layout).count(log_text("RESP")) == 1

    def test_what_stands_behind_a_name_is_dead(self) -> None:
        value = log_block(b"Physio_1_2_3_PULS.log", log_text(), 2048, after_name=b"\0Doe^Jane")
        assert b"Doe^Jane" not in _live(value, _layout(value))

    @pytest.mark.parametrize("cut", range(38))
    def test_a_last_line_that_the_length_cuts_is_data_as_well(self, cut: int) -> None:
        value = log(blocks=1, cut=cut)
        assert {path for path, form, _ in fields(value, _layout(value)) if form == "text"} == set()

    @pytest.mark.parametrize("identity", ["Doe^Jane", "Müller", "a=b", "20011231_01", "12345678901234"])
    @pytest.mark.parametrize("where", ["date", "time", "uuid"])
    def test_nothing_is_left_of_an_identity_in_names_and_keys(self, identity: str, where: str) -> None:
        value = {"date": log(date=identity), "time": log(time=identity), "uuid": log(uuid=identity)}[where]
        left = texts_left(value, _layout(value))
        assert identity.encode("latin-1") not in left

    @pytest.mark.parametrize(
        "line",
        [
            b"Doe^Jane",
            b"Patient = Doe^Jane",
            b"  11880000     Doe^Jane    1",
            b"11880000 PULS 1 Doe^Jane",
            b"PULSDoe^Jane 1",
        ],
    )
    def test_a_line_of_another_kind_is_text(self, line: bytes) -> None:
        text = log_text().replace(b"\n\n", b"\n" + line + b"\n", 1)
        value = log_block(b"Physio_1_2_3_PULS.log", text, 3072)
        assert b"Doe^Jane" not in texts_left(value, _layout(value))
        assert "other" in {path for path, _, _ in fields(value, _layout(value))}

    def test_an_unknown_channel_in_a_name_is_text(self) -> None:
        value = log_block(b"Physio_1_2_3_Doe.log", log_text(), 2048)
        assert ("name/channel", "text", b"Doe") in fields(value, _layout(value))

    def test_a_name_of_another_kind_is_text_up_to_its_extension(self) -> None:
        value = log_block(b"Doe^Jane.log", log_text(), 2048)
        assert fields(value, _layout(value))[0] == ("name/other", "text", b"Doe^Jane")

    @pytest.mark.parametrize("acquisition", [b"3 ", b"3", None, b"1 ", b"0 ", b"12", b"Doe", b"", b"-3"])
    def test_blocks_are_found_whether_or_not_the_acquisition_number_tells_their_size(
        self, acquisition: bytes | None
    ) -> None:
        value = log(blocks=4, acquisition=3)
        assert list(_layout(value, acquisition)) == list(_layout(value, b"3 "))

    def test_the_acquisition_number_tells_blocks_from_slack_that_looks_like_one(self) -> None:
        text = log_text()
        slack = b"\0" * (1024 - len(text)) + log_block(b"Physio_1_2_3_PULS.log", text, 2048)
        value = log_block(b"Physio_1_2_3_PULS.log", text, 4096, slack)
        value += log_block(b"Physio_1_2_3_RESP.log", text, 4096)
        assert len(fields(value, _layout(value, b"4 "))) == 20
        with pytest.raises(MalformedValue):
            _layout(value)

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(log()[:-1], id="cut by a byte"),
            pytest.param(log()[:-1024], id="cut by 1024 bytes"),
            pytest.param(log()[:700], id="cut in its first header"),
            pytest.param(log() + bytes(1024), id="longer by 1024 bytes"),
            pytest.param(struct.pack("<i", 4000) + log(blocks=1)[4:], id="text longer than its block"),
            pytest.param(struct.pack("<ii", -1, 68) + log(blocks=1)[8:], id="negative length"),
            pytest.param(struct.pack("<ii", 20, 4000) + log(blocks=1)[8:], id="name longer than its header"),
            pytest.param(
                log(blocks=2, acquisition=2) + log(blocks=1, acquisition=3), id="blocks of two sizes"
            ),
        ],
    )
    def test_a_log_whose_blocks_cannot_be_told_is_malformed(self, value: bytes) -> None:
        with pytest.raises(MalformedValue):
            _layout(value, b"3 ")


class TestSignal:
    def test_pairs_of_numbers_are_one_field(self) -> None:
        assert fields(signal(), _layout(signal())) == [("FID", "binary-number", signal())]

    @pytest.mark.parametrize(
        ("peers", "path"),
        [
            ({}, ""),
            ({0x00080016: b"1.2.840.10008.5.1.4.1.1.4", 0x00291008: b"SPEC NUM 4"}, ""),
            ({0x00080016: b"1.3.12.2.1107.5.9.1", 0x00080008: b"ORIGINAL\\SPECTROSCOPY"}, "FID"),
            ({0x00080016: b"1.3.12.2.1107.5.9.1", 0x00291008: b"SPEC NUM 4"}, "FID"),
            (
                {
                    0x00080016: b"1.3.12.2.1107.5.9.1",
                    0x00290012: b"SIEMENS CSA NON-IMAGE ",
                    0x00291208: b"SPEC NUM 4",
                },
                "FID",
            ),
            (
                {0x00080016: b"1.3.12.2.1107.5.9.1", 0x00290012: b"PHANTOM ", 0x00291208: b"SPEC NUM 4"},
                "",
            ),
            ({0x00080016: b"1.3.12.2.1107.5.9.1", 0x00291008: b"SPEC NUM 4", 0x00080008: b"A\\RAWDATA"}, ""),
        ],
    )
    def test_is_one_only_where_the_object_is_spectroscopy(self, peers: dict[int, bytes], path: str) -> None:
        element = PrivateElement(Claim(SELECTOR), SELECTOR, "OB", signal(), "<", (), peers.get)
        assert [span.path for span in layout_signal(element)] == [path]

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(signal()[:-1], id="no whole pair"),
            pytest.param(struct.pack("<2f", 1.0, float("nan")), id="not a number"),
            pytest.param(struct.pack("<2f", float("inf"), 1.0), id="infinite"),
            pytest.param(b"UUID = Doe^Jane, and more of a text that is long ".ljust(64), id="text"),
        ],
    )
    def test_anything_else_is_opaque(self, value: bytes) -> None:
        assert [span.form for span in _layout(value)] == ["opaque"]


@pytest.mark.parametrize("file", real_files("siemens_ve11_physio-nonimage_1.dcm"))
class TestRealLog:
    def test_every_byte_of_the_log_is_accounted_for(self, file: RealFile) -> None:
        dataset = pydicom.dcmread(file.path)
        value = dataset[0x7FE1, 0x1010].value
        layout = _layout(value, str(dataset.AcquisitionNumber).encode("ascii"))
        assert Counter(path for path, _, _ in fields(value, layout)) == {
            "name/date": 4, "name/time": 4, "name/uuid": 4, "UUID": 4, "ScanDate/date": 4, "ScanDate/time": 4,
            "LogVersion": 4, "LogDataType": 4, "SampleTime": 3, "NumSlices": 1, "NumVolumes": 1, "NumEchoes": 1,
            "ACQ_TIME_TICS": 8,
        }  # fmt: skip
        assert Kind.OPAQUE not in {span.kind for span in layout}
        assert list(_layout(value)) == list(layout)

    def test_dcm2niix_makes_the_same_of_a_redacted_log(self, file: RealFile, tmp_path: Path) -> None:
        data = file.path.read_bytes()
        value = pydicom.dcmread(file.path)[0x7FE1, 0x1010].value
        new = filled(value, _layout(value), standing=False)
        assert hashlib.sha256(new).digest() != hashlib.sha256(value).digest()
        for folder, content in (("old", data), ("new", data.replace(value, new))):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "log.dcm").write_bytes(content)
        old_run, new_run = (
            convert(tmp_path / folder, tmp_path / f"{folder}-out") for folder in ("old", "new")
        )
        assert len(old_run.files) == 6
        assert not differences(old_run, new_run)


@pytest.mark.parametrize("file", real_files("siemens_vd13_svs-nonimage_1.dcm"))
def test_a_real_spectroscopy_signal_is_one_field(file: RealFile) -> None:
    value = pydicom.dcmread(file.path)[0x7FE1, 0x1010].value
    assert [(span.stop, span.path) for span in _layout(value)] == [(8192, "FID")]
