"""The converter table: complete, found as converters find it, and out of reach of the default policy."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest

from csaclean.errors import ProofFailed
from csaclean.handler import ConverterElement
from csaclean.model import Field
from csaclean.policy.plan import Plan
from csaclean.policy.policies import load_policy
from csaclean.proof.converter import Declared, compare_converter_fields
from csaclean_handlers.siemens import SiemensHandler, csa
from csaclean_handlers.siemens.converters import SiemensConverters
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from csaclean_handlers.siemens.csa_layout import layout_csa, tag_names
from phantom_csa import image_header, phoenix_protocol, series_header, with_canaries
from tests.siemens.independent_csa import read_items
from tests.siemens.samples import IMAGE, REAL_FILES, SERIES, cleaned, real_blobs

TABLES: Final[dict[str, list[dict[str, Any]]]] = tomllib.loads(
    files("csaclean_handlers.siemens").joinpath("converters.toml").read_text("utf-8")
)
CSA_TAGS: Final = [row["tag"] for row in TABLES["csa"]]
COMPARED: Final = [row for row in TABLES["csa"] if row["tag"] not in ("MrPhoenixProtocol", "MrProtocol")]
"""Tags that are compared whole; of a protocol its keys are."""
COMPARED_TAGS: Final = [row["tag"] for row in COMPARED]
KEYS: Final = [row["key"] for row in TABLES["ascconv"]]
CONSUMERS: Final = {"dn", "dn26", "nb", "ds", "hc", "ch", "xl", "sp", "mr", "s2", "bp", "d2", "gd", "af"}
NUMBERS: Final = frozenset({"IS", "SL", "SS", "UL", "US"})

MENTIONED: Final = (
    "sSliceArray.asSlice[*].sPosition.dCor",
    "sSliceArray.asSlice[*].sPosition.dTra",
    "sSliceArray.asSlice[*].sNormal.dCor",
    "sSliceArray.asSlice[*].sNormal.dTra",
    "sWiPMemBlock.adFree[*]",
    "sRSatArray.asElm[1].ulShape",
    "sRSatArray.asElm[1].sPosition.dTra",
    "sRSatArray.asElm[1].sNormal.dTra",
    "sGRADSPEC.asGPAData[0].lOffsetY",
    "sGRADSPEC.asGPAData[0].lOffsetZ",
    "sGRADSPEC.lOffsetX",
    "sDiffusion.sFreeDiffusionData.asDiffDirVector[*].dCor",
    "sDiffusion.sFreeDiffusionData.asDiffDirVector[*].dTra",
)
"""Keys that the readers' sources name beside those that head a row (dcm2niix ``nii_dicom_batch.cpp``, dicm2nii)."""


def _sample(vr: str) -> bytes:
    return b"3       " if vr in NUMBERS else b"3.00000000" if vr in ("DS", "FD", "FL") else b"3 sample"


def _line(key: str) -> str:
    return f'{key.replace("[*]", "[3]")}\t = \t"3"\n'


def _protocol(keys: list[str]) -> bytes:
    lines = "".join(map(_line, keys))
    return f"### ASCCONV BEGIN ###\n{lines}### ASCCONV END ###\n".encode("ascii")


def _header(rows: list[dict[str, Any]]) -> bytes:
    tags = [CsaTag.build(row["tag"], row["vr"], [_sample(row["vr"])]) for row in rows]
    return csa.encode(CsaHeader.build(tags))


def _series_with(keys: list[str]) -> bytes:
    """Return a header with a protocol in a tag that is no row of the table, so that only the keys are found."""
    return csa.encode(CsaHeader.build([CsaTag.build("MrEvaProtocol", "UN", [_protocol(keys)])]))


def _at(tag: int, value: bytes, creator: str | None = "siemens csa header") -> ConverterElement:
    return ConverterElement(tag, creator, value)


def _fields(value: bytes, tag: int = 0x00291010) -> Mapping[str, bytes]:
    return SiemensConverters().fields([_at(tag, value)])


def _compare(old: ConverterElement, new: ConverterElement, *declared: Declared) -> int:
    table = SiemensConverters()
    return compare_converter_fields(table, table.fields([old]), table.fields([new]), declared)


class TestTables:
    @pytest.mark.parametrize(("table", "count"), [("csa", 43), ("ascconv", 60), ("element", 39)])
    def test_lose_no_row_that_was_established(self, table: str, count: int) -> None:
        assert len(TABLES[table]) >= count

    def test_name_every_tag_and_every_key_once(self) -> None:
        assert len(set(CSA_TAGS)) == len(CSA_TAGS)
        assert len(set(KEYS)) == len(KEYS)

    @pytest.mark.parametrize("table", ["csa", "ascconv", "element"])
    def test_name_only_consumers_that_were_audited(self, table: str) -> None:
        assert all(row["consumers"] and set(row["consumers"]) <= CONSUMERS for row in TABLES[table])

    def test_hold_only_tags_of_the_vocabulary(self) -> None:
        assert {name.encode("ascii") for name in CSA_TAGS} <= tag_names()

    def test_give_the_vr_that_real_headers_give(self) -> None:
        assert {row["vr"] for row in TABLES["csa"]} <= csa.SYNGO_DT.keys()

    @pytest.mark.parametrize("key", MENTIONED)
    def test_a_key_that_readers_use_beside_another_is_found_too(self, key: str) -> None:
        name = key.replace("[*]", "[3]")
        assert f"0/ASCCONV/{name}" in _fields(_series_with([key]), 0x00291020)


class TestFinding:
    @pytest.mark.parametrize("row", COMPARED, ids=COMPARED_TAGS)
    def test_every_tag_of_the_table_is_found_in_a_header_that_holds_it(self, row: dict[str, Any]) -> None:
        found = _fields(_header(TABLES["csa"]))
        assert found[f"0/{row['tag']}"].split(b"\0")[0] == _sample(row["vr"])

    @pytest.mark.parametrize("key", KEYS)
    def test_every_key_of_the_table_is_found_in_a_protocol_that_holds_it(self, key: str) -> None:
        name = key.replace("[*]", "[3]")
        assert f"0/ASCCONV/{name}" in _fields(_series_with(KEYS), 0x00291020)

    @pytest.mark.parametrize("path", REAL_FILES)
    def test_tags_of_real_headers_have_the_values_that_the_second_reader_finds(self, path: Path) -> None:
        for blob in real_blobs(path):
            if not blob.startswith(b"SV10") or path.name == "csa_str_1001n_items.bin":
                continue
            expected: dict[str, list[bytes]] = {}
            for item in read_items(blob):
                name = item.tag.decode("ascii")
                if name in COMPARED_TAGS:
                    expected.setdefault(f"0/{name}", []).append(blob[item.start : item.stop].split(b"\0")[0])
            found = {key: value for key, value in _fields(blob).items() if "/ASCCONV/" not in key and value}
            assert found == {name: b"\0".join(values) for name, values in expected.items()}

    def test_a_key_is_found_where_the_quotes_are_doubled(self) -> None:
        blob = csa.encode(series_header())
        assert b"%SiemensSeq%" in _fields(blob, 0x00291020)["0/ASCCONV/tSequenceFileName"]

    def test_a_key_outside_of_the_protocol_section_is_not(self) -> None:
        tag = CsaTag.build("MrPhoenixProtocol", "UN", [b'tProtocolName = "x"\n' + _protocol(["alTE[0]"])])
        assert "0/ASCCONV/tProtocolName" not in _fields(csa.encode(CsaHeader.build([tag])))

    @pytest.mark.parametrize(
        ("tag", "creator", "count"),
        [
            (0x00291010, "siemens csa header", 1),
            (0x00291010, None, 1),
            (0x00291010, "anon", 1),
            (0x00291110, "siemens csa header", 1),
            (0x00291110, "old siemens csa header 2", 1),
            (0x00291110, None, 0),
            (0x00291110, "siemens medcom oog", 0),
            (0x00291030, "siemens csa header", 0),
            (0x00211010, "siemens csa header", 0),
        ],
        ids=[
            "usual",
            "orphan-by-number",
            "overwritten-by-number",
            "relocated-by-creator",
            "creator-as-substring",
            "relocated-orphan",
            "other-creator",
            "other-element",
            "other-group",
        ],
    )
    def test_elements_are_found_by_number_or_by_creator(
        self, tag: int, creator: str | None, count: int
    ) -> None:
        blob = _header(TABLES["csa"])
        assert len(SiemensConverters().fields([_at(tag, blob, creator)])) == count * len(COMPARED_TAGS)

    def test_two_elements_are_told_apart(self) -> None:
        elements = [_at(0x00291010, _header(TABLES["csa"][:1])), _at(0x00291110, _header(TABLES["csa"][:2]))]
        assert {key.partition("/")[0] for key in SiemensConverters().fields(elements)} == {"0", "1"}

    @pytest.mark.parametrize(
        "blob",
        [b"", b"SV10", bytes(100), b"SV10\4\3\2\1\xff\xff\xff\xffM\0\0\0" + b"\xff" * 300],
        ids=range(4),
    )
    def test_what_is_no_header_holds_no_field(self, blob: bytes) -> None:
        assert not _fields(blob)

    def test_no_cut_makes_it_raise(self) -> None:
        blob = csa.encode(series_header())
        for size in range(0, len(blob), 7):
            _fields(blob[:size])


class TestDamageIsNoticed:
    """Negative controls: one for every row."""

    @pytest.mark.parametrize("row", COMPARED, ids=COMPARED_TAGS)
    def test_in_a_tag(self, row: dict[str, Any]) -> None:
        blob = _header(TABLES["csa"])
        place = next(item.start for item in read_items(blob) if item.tag.decode() == row["tag"])
        damaged = blob[:place] + b"4" + blob[place + 1 :]
        with pytest.raises(ProofFailed):
            _compare(_at(0x00291010, blob), _at(0x00291010, damaged))

    @pytest.mark.parametrize("row", COMPARED, ids=COMPARED_TAGS)
    def test_in_the_name_of_a_tag(self, row: dict[str, Any]) -> None:
        blob = _header(TABLES["csa"])
        name = row["tag"].encode("ascii") + b"\0"
        place = blob.index(b"\0" + name) + 1 if b"\0" + name in blob else blob.index(name)
        damaged = blob[:place] + b"#" + blob[place + 1 :]
        with pytest.raises(ProofFailed):
            _compare(_at(0x00291010, blob), _at(0x00291010, damaged))

    @pytest.mark.parametrize("key", KEYS)
    def test_in_the_value_of_a_key(self, key: str) -> None:
        blob = _series_with(KEYS)
        line = _line(key).encode("ascii")
        place = blob.index(b"\n" + line) + len(line) - 2  # of the digit between the quotes
        damaged = blob[:place] + b"4" + blob[place + 1 :]
        with pytest.raises(ProofFailed):
            _compare(_at(0x00291020, blob), _at(0x00291020, damaged))

    @pytest.mark.parametrize("key", KEYS)
    def test_in_a_key(self, key: str) -> None:
        blob = _series_with(KEYS)
        place = blob.index(b"\n" + _line(key).encode("ascii")) + 1
        damaged = blob[:place] + b"#" + blob[place + 1 :]
        with pytest.raises(ProofFailed):
            _compare(_at(0x00291020, blob), _at(0x00291020, damaged))

    def test_but_not_where_the_policy_declares_it(self) -> None:
        blob = _header(TABLES["csa"])
        place = next(item.start for item in read_items(blob) if item.tag == b"B_value")
        damaged = blob[:place] + b"4" + blob[place + 1 :]
        count = _compare(_at(0x00291010, blob), _at(0x00291010, damaged), Declared(IMAGE, "B_value"))
        assert count == len(COMPARED_TAGS)

    def test_in_dead_bytes_it_is_no_damage(self) -> None:
        blob, ranges = with_canaries(image_header())
        cleared = bytearray(blob)
        for dead in ranges:
            cleared[dead.start : dead.stop] = bytes(dead.stop - dead.start)
        assert _compare(_at(0x00291010, blob), _at(0x00291010, bytes(cleared))) > 15


class TestConsumers:
    @pytest.mark.parametrize("selector", [IMAGE, SERIES])
    @pytest.mark.parametrize("row", TABLES["csa"], ids=CSA_TAGS)
    def test_of_a_tag_are_those_of_its_row(self, row: dict[str, Any], selector: str) -> None:
        assert SiemensConverters().consumers(selector, row["tag"]) == tuple(row["consumers"])

    def test_of_a_field_inside_a_tag_are_those_of_the_tag(self) -> None:
        table = SiemensConverters()
        assert table.consumers(SERIES, "MrPhoenixProtocol/ASCCONV/alTE[0]")

    @pytest.mark.parametrize(
        "path", ["UsedPatientWeight", "PatReinPattern/3", "?", "B_values", "SrMsgBuffer"]
    )
    def test_of_what_is_not_in_the_table_are_none(self, path: str) -> None:
        assert SiemensConverters().consumers(SERIES, path) == ()

    def test_of_a_tag_in_another_vendors_element_are_none(self) -> None:
        assert SiemensConverters().consumers("(0043,GEMS_PARM_01,27)", "B_value") == ()

    @pytest.mark.parametrize(
        "selector", sorted({f"({r['group']},{r['creator']},{r['offset']})" for r in TABLES["element"]})
    )
    def test_of_an_element_are_all_that_read_it_in_any_block(self, selector: str) -> None:
        expected: set[str] = set()
        for row in TABLES["element"]:
            if f"({row['group']},{row['creator']},{row['offset']})" == selector:
                expected |= set(row["consumers"])
        assert set(SiemensConverters().consumers(selector, "")) == expected

    def test_of_the_version_that_is_a_date_are_none(self) -> None:
        assert SiemensConverters().consumers("(0029,SIEMENS CSA HEADER,09)", "") == ()


def _plan() -> Plan:
    return Plan(load_policy("converter-safe"), SiemensHandler.rules, SiemensConverters().consumers)


def _redacted_rows(blob: bytes, selector: str) -> set[str]:
    """Return the tags of the table of which the default policy would redact a field, on paths as laid out."""
    plan = _plan()
    names = set(CSA_TAGS)
    fields = [what for what in layout_csa(blob).fields if isinstance(what, Field)]
    return {
        name
        for what in fields
        if (name := what.path.partition("/")[0]) in names
        # A text of many fields may lose those that no converter reads; what it reads is compared key by key.
        and "/" not in what.path
        and plan.decide(selector, what).redact
    }


class TestTheDefaultPolicyTouchesNoRow:
    @pytest.mark.parametrize("selector", [IMAGE, SERIES])
    @pytest.mark.parametrize(
        "text", [b"3", b"DOE^JANE", b"2.25.1", b"20010203"], ids=["number", "name", "uid", "date"]
    )
    def test_whatever_its_tags_hold(self, text: bytes, selector: str) -> None:
        tags = [CsaTag.build(row["tag"], row["vr"], [text]) for row in TABLES["csa"]]
        blob = csa.encode(CsaHeader.build(tags))
        assert not _redacted_rows(blob, selector)

    @pytest.mark.parametrize("selector", [IMAGE, SERIES])
    @pytest.mark.parametrize("header", [image_header(), series_header()], ids=["image", "series"])
    def test_of_phantoms(self, header: CsaHeader, selector: str) -> None:
        assert not _redacted_rows(csa.encode(header), selector)

    @pytest.mark.parametrize("path", REAL_FILES)
    def test_of_real_headers(self, path: Path) -> None:
        for blob in real_blobs(path):
            if blob.startswith(b"SV10") and path.name != "csa_str_1001n_items.bin":
                for selector in (IMAGE, SERIES):
                    assert not _redacted_rows(blob, selector)

    @pytest.mark.parametrize("path", REAL_FILES)
    def test_of_real_headers_as_a_converter_finds_them(self, path: Path) -> None:
        for blob in real_blobs(path):
            if blob.startswith(b"SV10") and path.name != "csa_str_1001n_items.bin":
                assert _fields(cleaned(blob, proof="self").new) == _fields(blob)

    def test_of_a_protocol_that_holds_every_key(self) -> None:
        blob = _series_with(KEYS)
        assert _fields(cleaned(blob, proof="self").new) == _fields(blob)

    def test_of_a_protocol_as_scanners_write_it(self) -> None:
        blob = csa.encode(series_header(protocol=phoenix_protocol()))
        assert _fields(cleaned(blob).new) == _fields(blob)
