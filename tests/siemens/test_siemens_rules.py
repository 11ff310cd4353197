"""The rules as tables: who speaks of what, which texts may stand, and what converters read stays."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import product
from typing import Any, Final

import pytest

from csaclean.context import Context
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.handler import ConverterElement
from csaclean.locate import Location, locate
from csaclean.model import Field
from csaclean.policy.plan import Plan
from csaclean.policy.policies import load_policy
from csaclean.policy.rules import Rule
from csaclean.vr_layout import TEXT_VRS
from csaclean_handlers.siemens import SiemensHandler
from csaclean_handlers.siemens.converters import SiemensConverters
from tests.conftest import RealFile, real_files
from tests.real.readers import siemens_elements
from tests.siemens.samples import IMAGE, SERIES, registry

RULES: Final = SiemensHandler.rules
CONVERTERS: Final = SiemensConverters()
PROTOCOL: Final = "(0021,SIEMENS MR SDS 01,19)"
PACKAGE: Final = files("csaclean_handlers.siemens")
TABLES: Final[dict[str, list[dict[str, Any]]]] = tomllib.loads(
    PACKAGE.joinpath("converters.toml").read_text("utf-8")
)
NAMES: Final[list[str]] = tomllib.loads(PACKAGE.joinpath("vocabulary.toml").read_text("utf-8"))["tag_names"]

SIEMENS: Final = "*siemens*.dcm"
_PEOPLE: Final = (
    "DOE^JANE",
    "Doe^John^^Dr",
    "Jane Doe",
    "DOE",
    "Meier",
    "Müller^Jörg",
    "Núñez",
    "Łukasz",
    "O'Neil",
    "Sag Mir",
)
_NUMBERS: Final = (
    "PH-0001",
    "PH0001",
    "MRN12345678",
    "A-2001-77",
    "0123456789",
    "12345678",
    "P0001",
    "S-17/03",
    "ID_99",
    "X7Q9Z2",
)
_DATES: Final = (
    "20010203", "2001-02-03", "03.02.2001", "02/03/2001", "2001", "20010203123456", "123456.789", "3 Feb 2001", "1970.01.01", "010203",
)  # fmt: skip
_OTHERS: Final = (
    "1.3.12.2.1107.5.2.43.1", "St. Elsewhere Hospital", "Ward 7B", "scanner3.example.org", "C:\\users\\jane", "/home/jane/study",
    "jane@example.org", "MRC12345", "first visit", "fMRI DOE", "047Y", "082 kg", "female", "F", "M 47", "+49 30 1234567", "12345 Berlin",
    "DOE_JANE_20010203", "study_0815", "ax T2 DOE", "Anon",
)  # fmt: skip
PLANTED: Final = tuple(
    dict.fromkeys(
        (
            *_PEOPLE, *_NUMBERS, *_DATES, *_OTHERS,
            *(f"{name} {number}" for name, number in zip(_PEOPLE, _NUMBERS, strict=True)),
            *(f"{name}_{date}" for name, date in zip(_PEOPLE, _DATES, strict=True)),
            *(f"{number}-{date}" for number, date in zip(_NUMBERS, _DATES, strict=True)),
            *(name.lower() for name in _PEOPLE),
            *(name.upper() + "^" for name in _PEOPLE),
        )
    )
)  # fmt: skip
"""Texts that tell of somebody: no list of constants may hold one."""
SHORT: Final = frozenset(("F",))
"""Letters that are an orientation or a direction as well: too short to tell of anybody."""


def _path(pattern: str) -> str:
    """Return a path that a pattern matches."""
    return pattern.replace("**", "").replace("*", "x").replace("[]", "[7]")


def _addresses(rule: Rule) -> list[tuple[str, str]]:
    """Return an address for each selector and field of a rule."""
    selectors = (PROTOCOL if select == "*" else select for select in rule.select)
    return list(product(selectors, map(_path, rule.field or ("",))))


def _name(rule: Rule) -> str:
    return f"{rule.select[0]}{rule.field[0] if rule.field else ''}"


def _params(rules: Iterable[Rule]) -> list[Any]:
    return [pytest.param(rule, id=_name(rule)) for rule in rules]


EACH: Final = _params(RULES.rules)
WHOLE: Final = _params(rule for rule in RULES.rules if not rule.field)
LISTING: Final = _params(rule for rule in RULES.rules if rule.lists_texts)
TECHNICAL: Final = _params(rule for rule in RULES.rules if rule.cls == "technical")
TECHNICAL_TEXTS: Final = _params(
    rule for rule in RULES.rules if rule.cls == "technical" and rule.vr in TEXT_VRS
)


def _plan(policy: str) -> Plan:
    return Plan(load_policy(policy), RULES, CONVERTERS.consumers)


class TestEveryRule:
    @pytest.mark.parametrize("rule", EACH)
    def test_says_why_and_where_from(self, rule: Rule) -> None:
        assert rule.why
        assert rule.source

    @pytest.mark.parametrize("rule", EACH)
    def test_is_found_at_its_address(self, rule: Rule) -> None:
        for selector, path in _addresses(rule):
            assert RULES.find(selector, path) is rule

    @pytest.mark.parametrize("rule", WHOLE)
    def test_on_a_whole_element_claims_it(self, rule: Rule) -> None:
        claimed = {claim.selector for claim in registry().claims}
        assert set(rule.select) <= claimed


class TestTags:
    @pytest.mark.parametrize("selector", [IMAGE, SERIES])
    def test_each_of_the_vocabulary_has_a_rule(self, selector: str) -> None:
        assert [name for name in NAMES if RULES.find(selector, name) is None] == []

    @pytest.mark.parametrize(
        "name", ["Patient", "StudyDate", "?", "MrPhoenixProtocol/XProtocol/?", "PatReinPattern/9"]
    )
    def test_an_unknown_one_has_none(self, name: str) -> None:
        assert RULES.find(SERIES, name) is None


class TestTextsThatStand:
    def test_there_are_a_hundred_planted_ones_or_more(self) -> None:
        assert len(PLANTED) >= 100

    @pytest.mark.parametrize("rule", LISTING)
    def test_tell_of_nobody(self, rule: Rule) -> None:
        for selector, path in _addresses(rule):
            stands = {
                text
                for text in PLANTED
                for encoding in ("utf-8", "latin-1", "utf-16-le")
                if RULES.form(selector, path, text.encode(encoding, "replace"), "text") != "text"
            }
            assert stands <= SHORT

    @pytest.mark.parametrize("rule", LISTING)
    def test_do_not_stand_beside_others(self, rule: Rule) -> None:
        for selector, path in _addresses(rule):
            for value in rule.values:
                assert RULES.form(selector, path, value.encode("ascii"), "text") == "code"
                assert RULES.form(selector, path, f"{value}\\DOE^JANE".encode("ascii"), "text") == "text"
                assert RULES.form(selector, path, f"{value} DOE^JANE".encode("ascii"), "text") == "text"

    @pytest.mark.parametrize("rule", LISTING)
    def test_are_technical(self, rule: Rule) -> None:
        assert rule.cls == "technical"

    @pytest.mark.parametrize("rule", TECHNICAL_TEXTS)
    def test_are_listed_for_each_technical_text_element(self, rule: Rule) -> None:
        assert rule.lists_texts

    @pytest.mark.parametrize("rule", TECHNICAL)
    @pytest.mark.parametrize("policy", ["converter-safe", "strict"])
    def test_any_other_text_in_a_technical_field_goes_unless_it_is_read(
        self, rule: Rule, policy: str
    ) -> None:
        plan = _plan(policy)
        for selector, path in _addresses(rule):
            decision = plan.decide(selector, Field(path, "text"))
            assert decision.redact or (decision.read_by and not decision.vouched)

    @pytest.mark.parametrize(
        ("selector", "path", "text"),
        [
            (IMAGE, "ICE_Dims", b"X_1_1_1_2_1_1_48_1_1_1_1_201"),
            (IMAGE, "AcquisitionMatrixText", b"128p*128"),
            (IMAGE, "ImageHistory", b"ChannelMixing:ND=true_CMM=1_CDM=1\\CC:SoS"),
            (IMAGE, "ImaPATModeText", b"p2s4"),
            (SERIES, "PATModeText", b"p3 "),
            (SERIES, "CoilForGradient2", b"AS82"),
            ("(0051,SIEMENS MR HEADER,0A)", "", b"TA 01:16"),
            ("(0051,SIEMENS MR HEADER,0C)", "", b"FoV 1248*1248"),
            ("(0051,SIEMENS MR HEADER,0D)", "", b"SP H9.5"),
            ("(0051,SIEMENS MR HEADER,0E)", "", b"Tra>Cor(10.0)>Sag(-1.0)"),
            ("(0051,SIEMENS MR HEADER,16)", "", b"p2 DIFFUSION/NONE/ND/MOSAIC"),
            ("(0051,SIEMENS MR HEADER,19)", "", b"A1/PFP/FS"),
            ("(0021,SIEMENS MR SDI 02,75)", "", b"ORIGINAL\\PRIMARY\\M\\ND\\NORM"),
            ("(0021,SIEMENS MR SDI 02,8E)", "", b"X_1_1_1_1_1_1_1_1_1_1_1_203_1_1_1_1_7_2_1_12_1_1"),
            (PROTOCOL, "ASCCONV/sTXSPEC.aRFPULSE[0].tName", b"ExtExciteRF"),
            (PROTOCOL, "ASCCONV/sTXSPEC.asNucleusInfo[0].tNucleus", b"1H"),
        ],
    )  # fmt: skip
    def test_are_those_that_scanners_write(self, selector: str, path: str, text: bytes) -> None:
        assert RULES.form(selector, path, text, "text") == "code"


class TestWhatConvertersRead:
    @pytest.mark.parametrize("row", TABLES["csa"], ids=lambda row: row["tag"])
    @pytest.mark.parametrize("form", ["text", "number", "integer", "uid", "code", "blank"])
    def test_a_tag_stays(self, row: dict[str, Any], form: str) -> None:
        plan = _plan("converter-safe")
        assert not any(plan.decide(selector, Field(row["tag"], form)).redact for selector in (IMAGE, SERIES))

    @pytest.mark.parametrize("row", TABLES["ascconv"], ids=lambda row: row["key"])
    @pytest.mark.parametrize("prefix", ["", "asSome[0].", "sOther.as[12]."])
    @pytest.mark.parametrize("form", ["text", "number", "code"])
    def test_a_key_stays_also_as_part_of_a_longer_one(
        self, row: dict[str, Any], prefix: str, form: str
    ) -> None:
        plan = _plan("converter-safe")
        path = f"ASCCONV/{prefix}{row['key'].replace('[*]', '[3]')}"
        assert not plan.decide(PROTOCOL, Field(path, form)).redact
        assert not plan.decide(SERIES, Field(f"MrPhoenixProtocol/{path}", form)).redact

    @pytest.mark.parametrize(
        "row", TABLES["element"], ids=lambda row: f"{row['group']}-{row['block']}{row['offset']}"
    )
    @pytest.mark.parametrize("form", ["text", "number", "binary-number", "code"])
    def test_a_whole_element_stays(self, row: dict[str, Any], form: str) -> None:
        selector = f"({row['group']},{row['creator']},{row['offset']})"
        assert not _plan("converter-safe").decide(selector, Field("", form)).redact

    @pytest.mark.parametrize("table", ["csa", "ascconv", "element"])
    def test_names_the_sidecar_keys_that_hang_on_it(self, table: str) -> None:
        for row in TABLES[table]:
            assert isinstance(row["output"], list)
            assert all(key.isascii() and key.isalnum() for key in row["output"])
            assert "dn" in row["consumers"] or not row["output"] or table == "ascconv"

    @pytest.mark.parametrize(
        ("creator", "names"),
        [
            ("siemens mr sds 01", ["0/(0021,SIEMENS MR SDS 01,5B)"]),
            ("siemens mr sdi 02", []),
            ("anon", ["0/(0021,SIEMENS MR SDS 01,5B)"]),
            (None, ["0/(0021,SIEMENS MR SDS 01,5B)"]),
        ],
        ids=["own", "image-header-in-block-10", "overwritten", "orphan"],
    )
    def test_is_told_by_creator_before_number(self, creator: str | None, names: list[str]) -> None:
        assert list(CONVERTERS.fields([ConverterElement(0x0021105B, creator, b"SK")])) == names

    @pytest.mark.parametrize(
        ("path", "outputs"),
        [
            ("asCoilSelectMeas[0].asList[0].sCoilElementID.tCoilID", ("ReceiveCoilName",)),
            ("sCoilSelectMeas.sCoilStringForConversion", ("ReceiveCoilActiveElements",)),
            ("sProtConsistencyInfo.tBaselineString", ("ConsistencyInfo",)),
            ("sGRADSPEC.lOffsetZ", ("ShimSetting",)),
            ("sWipMemBlock.tFree", ("WipMemBlock",)),
            ("tProtocolName", ("ProtocolName",)),
            ("tdefaultEVAProt", ()),
            ("tReferenceImage0", ()),
            ("sTXSPEC.asNucleusInfo[0].lFrequency", ()),
        ],
    )  # fmt: skip
    def test_is_declared_for_what_strict_redacts(self, path: str, outputs: tuple[str, ...]) -> None:
        assert _plan("strict").decide(PROTOCOL, Field(f"ASCCONV/{path}", "text")).redact
        assert _outputs([(path, "site 1", "XXXX 0")]) == outputs


def test_the_version_of_a_protocols_format_stands_and_other_attributes_do_not() -> None:
    for policy in ("converter-safe", "strict"):
        plan = _plan(policy)
        assert not plan.decide(PROTOCOL, Field("ASCCONV/BEGIN/version", "number")).redact
        assert plan.decide(PROTOCOL, Field("ASCCONV/BEGIN/version", "text")).redact
        assert plan.decide(PROTOCOL, Field("ASCCONV/BEGIN/converter", "text")).redact


IMAGE_TYPE, SOP_CLASS, PROTOCOL_NAME = 0x00080008, 0x00080016, 0x00181030
SEQUENCE = "tSequenceFileName"
COIL_ELEMENTS = "sCoilSelectMeas.sCoilStringForConversion"
COIL = "(0051,SIEMENS MR HEADER,0F)"


def _outputs(
    edited: Sequence[tuple[str, str, str]],
    standard: Mapping[int, bytes] = {},
    also: Mapping[str, str] = {},
) -> tuple[str, ...]:
    """Return what is declared of a protocol with lines of which some are edited (key, old, new), beside elements."""
    sides = []
    for which in (1, 2):
        lines = "".join(f'{one[0]}\t = \t"{one[which]}"\n' for one in edited if not one[0].startswith("("))
        lines += "".join(f"{key} = {value}\n" for key, value in also.items())
        text = f"### ASCCONV BEGIN ###\n{lines}### ASCCONV END ###\n".encode("ascii")
        elements = [ConverterElement(0x00211019, "siemens mr sds 01", text)]
        elements += [
            ConverterElement(0x0051100F, "siemens mr header", one[which].encode("ascii"))
            for one in edited
            if one[0] == COIL
        ]
        sides.append(CONVERTERS.fields(elements))
    return CONVERTERS.outputs(sides[0], sides[1], standard)


class TestADeclaredKey:
    """Conditions found by editing single fields of real files and converting them."""

    @pytest.mark.parametrize(
        ("sequence", "guessed"),
        [
            ("ep2d_bold", True),
            ("gre_field_mapping", True),
            ("ep2d_diff", True),
            ("svs_se", False),
            ("epi2d", False),
            ("XXXX", False),
        ],
    )
    def test_is_the_guess_at_a_series_where_the_sequence_tells(self, sequence: str, guessed: bool) -> None:
        assert ("BidsGuess" in _outputs([(SEQUENCE, sequence, "Y" * len(sequence))])) == guessed

    @pytest.mark.parametrize(
        "standard",
        [
            {IMAGE_TYPE: b"ORIGINAL\\PRIMARY\\DIFFUSION\\NONE "},
            {IMAGE_TYPE: b"ORIGINAL\\PRIMARY\\FMRI\\NONE"},
            {IMAGE_TYPE: b"DERIVED\\PRIMARY\\MPR"},
            {SOP_CLASS: b"1.2.840.10008.5.1.4.1.1.4.2\0"},
            {SOP_CLASS: b"1.3.12.2.1107.5.9.1\0"},
        ],
    )
    def test_is_no_guess_where_a_standard_element_tells_the_same(self, standard: dict[int, bytes]) -> None:
        assert _outputs([(SEQUENCE, "ep2d_bold", "XXXXXXXXX")], standard) == ("PulseSequenceDetails",)

    @pytest.mark.parametrize(
        ("name", "keys"), [(b"", ("ProtocolName",)), (b"  ", ("ProtocolName",)), (b"fMRI", ())]
    )
    def test_is_the_protocols_name_where_no_standard_element_has_it(
        self, name: bytes, keys: tuple[str, ...]
    ) -> None:
        assert _outputs([("tProtocolName", "head", "XXXX")], {PROTOCOL_NAME: name}) == keys

    def test_is_a_delay_of_labeling_where_the_protocol_of_an_asl_sequence_has_one(self) -> None:
        edited, times = [(SEQUENCE, "ep2d_asl", "XXXXXXXX")], {"sAsl.ulLabelingDuration": "1800000"}
        assert {"LabelingDuration"} < set(_outputs(edited, also=times))
        assert "LabelingDuration" not in _outputs(edited)
        assert "LabelingDuration" not in _outputs([(SEQUENCE, "ep2d_bold", "XXXXXXXXX")], also=times)

    @pytest.mark.parametrize(
        ("elements", "coil", "shown"),
        [
            pytest.param(("HEA", "XXX"), ("HEA", "XXX"), False, id="equal-before-and-after"),
            pytest.param(("HEA", "XXX"), ("HEA", "HEA"), True, id="appears"),
            pytest.param(("HEA", "XXX"), ("HEP", "XXX"), True, id="vanishes"),
            pytest.param(("HEA", "XXX"), ("HEP", "HEP"), False, id="stays"),
            pytest.param((), ("HEA", "XXX"), True, id="no-elements"),
        ],
    )  # fmt: skip
    def test_is_a_coil_where_it_is_not_that_of_the_protocol(
        self, elements: tuple[str, ...], coil: tuple[str, str], shown: bool
    ) -> None:
        edited = [(COIL, *coil)] + ([(COIL_ELEMENTS, elements[0], elements[1])] if elements else [])
        assert ("CoilString" in _outputs(edited)) == shown

    def test_is_none_of_a_log_of_physiology_which_has_no_sidecar_of_an_image(self) -> None:
        standard = {IMAGE_TYPE: b"ORIGINAL\\PRIMARY\\RAWDATA\\PHYSIO"}
        assert _outputs([(SEQUENCE, "ep2d_bold", "XXXXXXXXX")], standard) == ()

    def test_is_none_where_nothing_changes(self) -> None:
        assert _outputs([(SEQUENCE, "ep2d_bold", "ep2d_bold"), (COIL, "HEA", "HEA")]) == ()


class TestWhatTellsOfSomebody:
    @pytest.mark.parametrize(
        ("selector", "path", "cls"),
        [
            (SERIES, "UsedPatientWeight", "patient-characteristics"),
            (SERIES, "AutoAlignData/FOR", "uids"),
            (IMAGE, "ReferencedImageSequence", "uids"),
            (IMAGE, "PhoenixZIP/Edf", "identity"),
            (IMAGE, "ImageComments", "descriptors"),
            (SERIES, "MrPhoenixProtocol/XProtocol/ProtocolName", "descriptors"),
            (SERIES, "MrPhoenixProtocol/XProtocol/PatientBirthDay", "identity"),
            (SERIES, "MrPhoenixProtocol/ASCCONV/?Patient", "identity"),
            (SERIES, "MrPhoenixProtocol/ASCCONV/tReferenceImage0", "uids"),
            (PROTOCOL, "XProtocol/?Operator", "identity"),
            (PROTOCOL, "XProtocol/DeviceSerialNumber", "device"),
            (PROTOCOL, "XProtocol/InstitutionName", "institution"),
            (PROTOCOL, "ASCCONV/flUsedPatientWeight", "patient-characteristics"),
            (PROTOCOL, "ASCCONV/tdefaultEVAProt", "institution"),
            (PROTOCOL, "ASCCONV/sWiPMemBlock.tFree", "descriptors"),
            ("(0021,SIEMENS MR SDS 01,2B)", "4", "patient-characteristics"),
            ("(0021,SIEMENS MR SDS 01,43)", "Sequence", "identity"),
            ("(0021,SIEMENS MR SDS 01,60)", "", "dates"),
            ("(0021,SIEMENS MR SDI 02,70)", "?", "dates"),
            ("(0029,SIEMENS CSA REPORT,17)", "", "uids"),
            ("(0029,SIEMENS MEDCOM HEADER,20)", "account", "identity"),
            ("(0029,SIEMENS MEDCOM OOG,10)", "CsaGraphicText/codes", "identity"),
            ("(0029,SIEMENS MEDCOM OOG,10)", "?/text", "identity"),
            ("(7FE1,SIEMENS CSA NON-IMAGE,10)", "name/uuid", "uids"),
        ],
    )  # fmt: skip
    def test_goes_where_no_converter_reads_it(self, selector: str, path: str, cls: str) -> None:
        decision = _plan("converter-safe").decide(selector, Field(path, "text"))
        assert (decision.cls, decision.redact) == (cls, True)

    @pytest.mark.parametrize(
        "path", ["SAR", "Stim_max_online", "SlicePosition_PCS", "TransmitterReferenceAmplitude"]
    )
    def test_fingerprints_go_where_a_policy_is_strict(self, path: str) -> None:
        field = Field(path, "number")
        assert not _plan("converter-safe").decide(IMAGE, field).redact
        assert _plan("strict").decide(IMAGE, field).redact


def _located(file: RealFile) -> Location:
    source = BytesSource(file.path.read_bytes())
    start = find_start(source)
    found = walk(source, start.syntax, start.offset)
    context = Context(found.elements, found.datasets, source)
    return locate(found.elements, found.datasets, context.load, registry())


class TestRealFiles:
    @pytest.mark.parametrize("file", real_files(SIEMENS))
    def test_hold_no_element_of_a_siemens_creator_that_has_neither_rule_nor_grammar(
        self, file: RealFile
    ) -> None:
        unclaimed = _located(file).unclaimed
        assert not [
            step.element
            for step, _ in unclaimed
            if step.creator is not None and step.creator.startswith("siemens")
        ]

    @pytest.mark.parametrize("file", real_files(SIEMENS))
    def test_hold_as_many_elements_of_each_creator_as_an_independent_reader_finds(
        self, file: RealFile
    ) -> None:
        counts = Counter(located.creator or "" for located in _located(file).located)
        assert counts == Counter(one.creator or "" for one in siemens_elements(file.path.read_bytes()))
