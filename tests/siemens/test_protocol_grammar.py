"""What is what in protocol texts: containers, ASCCONV lines, XProtocol constructs, at any depth of quoting."""

import pytest

from csaclean.model import Kind
from csaclean.policy.fills import fill
from csaclean_handlers.siemens.protocol import UNKNOWN_TEXT, UNREADABLE, layout_protocol
from csaclean_handlers.siemens.quoting import MAX_DEPTH
from phantom_protocol import (
    Bare,
    Setting,
    as_value,
    ascconv,
    eva,
    parameter,
    phoenix,
    shell,
    short_form,
    xprotocol,
)
from tests.siemens.protocol_samples import fields, is_text_in_part, values

LINE = "### ASCCONV BEGIN ###\n{}\n### ASCCONV END ###\n"


def line_fields(line: str, *, fine: bool = False) -> list[tuple[str, str, bytes]]:
    """Return path, form and content of the fields of an ASCCONV line."""
    text = as_value(LINE.format(line))
    return [
        (span.path, span.form, text[span.start : span.stop])
        for span in layout_protocol(text, fine=fine)
        if span.kind is Kind.VALUE
    ]


def parameter_fields(content: str) -> list[tuple[str, str, bytes]]:
    """Return path, form and content of the fields of an XProtocol that holds only that."""
    text = as_value(f"<XProtocol> \n{{\n{content}}}\n")
    return [
        (span.path, span.form, text[span.start : span.stop])
        for span in layout_protocol(text)
        if span.kind is Kind.VALUE
    ]


class TestTheEndOfAText:
    def test_is_its_first_nul_and_what_follows_is_dead(self) -> None:
        text = as_value(phoenix(), b"\0left behind\0")
        layout = layout_protocol(text)
        assert (layout.kinds[-1], text[layout.stops[-2] :]) == (Kind.DEAD, b"left behind\0")
        assert text[layout.stops[-2] - 1] == 0

    def test_may_be_that_of_the_element(self) -> None:
        layout = layout_protocol(as_value(phoenix(), b""))
        assert Kind.DEAD not in layout.kinds

    @pytest.mark.parametrize("value", [b"\0", b"\0\0", b"\0kept back"])
    def test_may_come_at_once(self, value: bytes) -> None:
        assert [span.kind for span in layout_protocol(value)] == [Kind.STRUCTURE, Kind.DEAD][
            : min(len(value), 2)
        ]

    def test_of_nothing_is_no_span(self) -> None:
        assert len(layout_protocol(b"")) == 0

    def test_no_nul_before_a_section_that_readers_find_ends_it(self) -> None:
        text = as_value(ascconv({"tFree": "a\0b", "lContrasts": 1})) + b"dead"
        dead = [text[span.start : span.stop] for span in layout_protocol(text) if span.kind == Kind.DEAD]
        assert dead == [b"dead"]


class TestContainers:
    @pytest.mark.parametrize("depth", [0, 1, 2, 3, MAX_DEPTH])
    def test_give_the_same_fields_at_every_depth(self, depth: int) -> None:
        settings: dict[str, Setting] = {"tProtocolName": "head", "alFree[0]": 2000}
        strings = {"ProtocolName": 'the "fast" one', "Description": "two\nlines"}
        found = layout_protocol(as_value(phoenix(settings, strings, depth=depth)))
        assert fields(found) == [
            ("XProtocol/ProtocolName", "text"),
            ("XProtocol/ProtocolName", "text"),
            ("XProtocol/ProtocolName", "text"),
            ("XProtocol/Description", "text"),
            ("ASCCONV/BEGIN/version", "number"),
            ("ASCCONV/tProtocolName", "text"),
        ]

    def test_nested_deeper_than_the_limit_are_text_in_part(self) -> None:
        assert is_text_in_part(as_value(shell(ascconv({}), depth=MAX_DEPTH + 1)))

    def test_may_hold_several_sections_and_protocols(self) -> None:
        text = as_value(shell((xprotocol({"ProtocolName": "a"}) + ascconv({"tProtocolName": "b"})) * 2))
        assert values(text, "XProtocol/ProtocolName") == [b"a", b"a"]
        assert values(text, "ASCCONV/tProtocolName") == [b"b", b"b"]

    def test_may_hold_a_section_alone_in_the_string(self) -> None:
        assert values(as_value(shell(ascconv({"tProtocolName": "b"}))), "ASCCONV/tProtocolName") == [b"b"]

    def test_may_be_evaprotocols_with_carriage_returns(self) -> None:
        text = as_value(eva({"image_type": "M"}))
        assert fields(layout_protocol(text)) == [("XProtocol/image_type", "text")]

    def test_may_be_of_the_short_form(self) -> None:
        text = as_value(short_form({"StepName": "head", "StepDescription": 'a "b"', "Doctor": "c"}))
        assert fields(layout_protocol(text)) == [
            ("Step/StepName", "text"),
            ("Step/StepDescription", "text"),
            ("Step/StepDescription", "text"),
            ("Step/?", "name"),
            ("Step/?", "text"),
        ]

    @pytest.mark.parametrize("value", [b"MlScanProtocol", b'StepName "open', b"key = 1\n", b"\xe9\xff"])
    def test_of_another_kind_are_one_text_and_noted(self, value: bytes) -> None:
        layout = layout_protocol(value + b"\0")
        assert fields(layout) == [("other", "text")]
        assert layout.notes == (UNKNOWN_TEXT,)

    @pytest.mark.parametrize(
        "value", [b"x<XProtocol>{}", b"x ### ASCCONV BEGIN ###\n### ASCCONV END ###\n", b"; <EVAProtocol> {}"]
    )
    def test_that_begin_too_late_are_text_in_part(self, value: bytes) -> None:
        assert is_text_in_part(value)

    @pytest.mark.parametrize("tail", ["}", '"', "text", "<XProtocol>", "### ASCCONV BEGIN ###\n"])
    def test_followed_by_anything_else_are_text_in_part(self, tail: str) -> None:
        assert is_text_in_part(as_value(phoenix() + tail))

    @pytest.mark.parametrize("marker", ["### ASCCONV BEGIN", "### ASCCONV END"])
    def test_with_a_marker_in_a_string_are_text_in_part(self, marker: str) -> None:
        assert is_text_in_part(as_value(phoenix({"tProtocolName": marker})))
        assert is_text_in_part(as_value(phoenix({}, {"ProtocolName": f"x {marker}"})))


class TestAnAscconvLine:
    @pytest.mark.parametrize(
        "number", ["1", "-52", "0.5", "1e-05", "-1.2e-019", "1.5e+06", "0x1f", "0X1F", "0x20 "]
    )
    @pytest.mark.parametrize("separator", [" = ", "\t = \t", "                = ", "="])
    def test_with_a_number_is_part_of_a_run(self, number: str, separator: str) -> None:
        line = f"alFree[0]{separator}{number}"
        assert line_fields(line) == [("ASCCONV", "assignments", f"{line}\n".encode())]
        assert line_fields(line, fine=True) == [("ASCCONV/alFree[0]", "number", number.strip().encode())]

    def test_of_a_run_joins_its_neighbours(self) -> None:
        assert [
            path
            for path, _, _ in line_fields(
                'alFree[0] = 1\nlRepetitions = 2\ntProtocolName = "a"\nalFree[1] = 3'
            )
        ] == [
            "ASCCONV",
            "ASCCONV/tProtocolName",
            "ASCCONV",
        ]

    @pytest.mark.parametrize(
        "key",
        [
            "sTXSPEC.asNucleusInfo[1].lFrequency",
            "sGRADSPEC.alShimCurrent[4]",
            "sGRADSPEC.asGPAData[0].lOffsetZ",
            "sGRADSPEC.lOffsetX",
            "sTXSPEC.asNucleusInfo[0].flReferenceAmplitude",
            "sSpecPara.lFinalMatrixSizePhase",
            "flUsedPatientWeight",
            "lPatientSex",
            "lAverages",
            "alTE[2]",
            "sSliceArray.asSlice[3].dReadoutFOV",
        ],
    )
    def test_with_a_number_that_tells_something_or_is_read_has_a_field_of_its_own(self, key: str) -> None:
        for fine in (False, True):
            assert line_fields(f"{key} = 12", fine=fine) == [(f"ASCCONV/{key}", "number", b"12")]

    @pytest.mark.parametrize(
        ("content", "form"),
        [
            ("head", "text"),
            ("12", "text"),
            ("1.2", "text"),
            ("1.3.12.2.1107.5.2", "uid"),
            ("6f1c2d3e-0000-4000-8000-0000000000aa||Sequence: R017", "text"),
            ("a;b", "text"),
        ],
    )
    def test_with_a_string_is_text_or_a_uid(self, content: str, form: str) -> None:
        assert line_fields(f'sWipMemBlock.tFree = "{content}"') == [
            ("ASCCONV/sWipMemBlock.tFree", form, content.encode())
        ]

    def test_with_a_reference_is_cut_at_its_semicolons(self) -> None:
        assert line_fields('tReferenceImage0 = "1.2.840.10008.5.1;1.3.12.2.99;1"') == [
            ("ASCCONV/tReferenceImage0", "uid", b"1.2.840.10008.5.1"),
            ("ASCCONV/tReferenceImage0", "uid", b"1.3.12.2.99"),
            ("ASCCONV/tReferenceImage0", "number", b"1"),
        ]

    def test_with_an_empty_string_or_nothing_has_no_field(self) -> None:
        assert line_fields('tProtocolName = ""') == line_fields("tProtocolName =") == []

    def test_with_a_literal_quote_has_a_field_on_either_side(self) -> None:
        assert [content for _, _, content in line_fields('tProtocolName = "a""b"')] == [b"a", b"b"]

    @pytest.mark.parametrize("word", ["nan", "1 2", "0x", "Doe Jane"])
    def test_with_anything_else_but_quotes_is_text(self, word: str) -> None:
        found = line_fields(f"lAverages = {word}")
        assert {field[:2] for field in found} == {("ASCCONV/lAverages", "text")}
        assert b"#".join(field[2] for field in found) == word.encode()

    def test_with_a_remark_has_a_second_field(self) -> None:
        assert line_fields("lAverages = 0x20 # ' '") == [
            ("ASCCONV/lAverages", "number", b"0x20"),
            ("ASCCONV/lAverages/remark", "text", b" ' '"),
        ]

    def test_of_an_unknown_key_names_of_it_what_a_reader_finds(self) -> None:
        assert line_fields("flDoctorJones[3].lAverages = 1") == [
            ("ASCCONV/?", "name", b"flDoctorJones"),
            ("ASCCONV/lAverages", "number", b"1"),
        ]

    def test_with_an_index_between_dots_is_known_by_its_names(self) -> None:
        assert line_fields("sDiffusion.sFreeDiffusionData.sComment.12 = 3") == [
            ("ASCCONV", "assignments", b"sDiffusion.sFreeDiffusionData.sComment.12 = 3\n")
        ]

    @pytest.mark.parametrize("key", ["9doctor.jones", "doctor-jones.4", "doctor[x].2", "d\u00f6ctor.9.jones"])
    def test_of_a_key_that_is_formed_in_no_known_way_stays_cut_where_it_was_when_it_is_blanked(
        self, key: str
    ) -> None:
        found = line_fields(f"{key} = 1")
        assert {path for path, _, _ in found} == {"ASCCONV/?"}
        raw = key.encode("latin-1")
        blanked = fill("name", raw).decode("latin-1")
        after = line_fields(f"{blanked} = 1")
        assert [(path, form, len(value)) for path, form, value in after] == [
            (path, form, len(value)) for path, form, value in found
        ]

    def test_of_an_unknown_key_says_what_listed_word_it_holds(self) -> None:
        assert line_fields('tNewPatientName = "Doe"') == [
            ("ASCCONV/?", "name", b"tNew"),
            ("ASCCONV/?", "name", b"Name"),
            ("ASCCONV/?Patient", "text", b"Doe"),
        ]

    def test_may_be_empty_or_a_comment(self) -> None:
        assert line_fields("  \n# who did this\nalFree[0] = 1") == [
            ("ASCCONV/comment", "text", b" who did this"),
            ("ASCCONV", "assignments", b"alFree[0] = 1\n"),
        ]

    @pytest.mark.parametrize(
        "line",
        [
            "lAverages",
            'tProtocolName = "a',
            'tProtocolName = "a"b"',
            'tProtocolName = "a" b',
            '"a" = 1',
            "= 1",
        ],
    )
    def test_of_another_form_is_text(self, line: str) -> None:
        is_text_in_part(as_value(LINE.format(line)))
        assert {form for _, form, _ in line_fields(line)} <= {"text"}

    @pytest.mark.parametrize("begin", ["#", " object", " object=a b", ' object="a"'])
    def test_cannot_follow_a_broken_begin(self, begin: str) -> None:
        assert is_text_in_part(as_value(ascconv({}, begin=begin)))

    def test_follows_a_begin_whose_attributes_are_known_or_fields(self) -> None:
        text = as_value(
            ascconv({}, begin=" object=MrProtDataImpl@MrProtocolData version=1 converter=C: site=here")
        )
        assert fields(layout_protocol(text)) == [
            ("ASCCONV/BEGIN/version", "number"),
            ("ASCCONV/BEGIN/converter", "text"),
            ("ASCCONV/BEGIN/?", "name"),
            ("ASCCONV/BEGIN/?", "text"),
        ]

    def test_needs_no_end_after_it(self) -> None:
        layout = layout_protocol(as_value("### ASCCONV BEGIN ###\nlRepetitions = 1\n", b""))
        assert layout.notes == (UNREADABLE,)
        assert [span.path for span in layout if span.kind is Kind.VALUE] == ["ASCCONV"]


class TestAnXProtocolString:
    def test_of_a_paramstring_is_text_under_its_name(self) -> None:
        assert parameter_fields(parameter("ParamString", "ProtocolName", '"head"')) == [
            ("XProtocol/ProtocolName", "text", b"head")
        ]

    def test_of_a_paramstring_is_found_behind_its_attributes(self) -> None:
        content = '<Label> "Name" <Visible> "true" <MinSize> 1 "head"'
        assert parameter_fields(parameter("ParamString", "ProtocolName", content)) == [
            ("XProtocol/Label", "code", b"Name"),
            ("XProtocol/Visible", "code", b"true"),
            ("XProtocol", "assignments", b"1"),
            ("XProtocol/ProtocolName", "text", b"head"),
        ]

    def test_that_is_the_default_of_a_paramstring_is_text(self) -> None:
        content = '<Default> "M" '
        assert parameter_fields(parameter("ParamString", "image_type", content)) == [
            ("XProtocol/image_type", "text", b"M")
        ]

    def test_that_is_a_uid_is_one(self) -> None:
        assert parameter_fields(parameter("ParamString", "StudyInstanceUID", '"1.3.12.2.1107"')) == [
            ("XProtocol/StudyInstanceUID", "uid", b"1.3.12.2.1107")
        ]

    def test_of_an_unknown_parameter_names_neither(self) -> None:
        assert parameter_fields(parameter("ParamString", "Jones", '"head"')) == [
            ("XProtocol/?", "name", b"Jones"),
            ("XProtocol/?", "text", b"head"),
        ]

    def test_of_a_bool_is_a_constant_if_it_is_true_or_false(self) -> None:
        assert parameter_fields(parameter("ParamBool", "EXECUTE", '"true"')) == [
            ("XProtocol/EXECUTE", "code", b"true")
        ]
        assert parameter_fields(parameter("ParamBool", "EXECUTE", '"Doe"')) == [
            ("XProtocol/EXECUTE", "text", b"Doe")
        ]

    def test_of_a_choice_is_a_constant_unless_its_name_speaks_of_a_patient(self) -> None:
        content = '<Limit> { "tra" "sag" } "tra"'
        assert parameter_fields(parameter("ParamChoice", "window", content)) == [
            ("XProtocol/Limit", "code", b"tra"),
            ("XProtocol/Limit", "code", b"sag"),
            ("XProtocol/ParamChoice", "code", b"tra"),
        ]
        assert parameter_fields(parameter("ParamChoice", "PatientSex", '"F"')) == [
            ("XProtocol/PatientSex", "text", b"F")
        ]
        content = '<Default> <ParamChoice.""> { } { "F" }'
        assert parameter_fields(parameter("ParamArray", "PatientSex", content)) == [
            ("XProtocol/PatientSex", "text", b"F")
        ]

    @pytest.mark.parametrize("construct", ["ParamLong", "ParamDouble", "ParamMap", "ParamFunctor"])
    def test_where_none_is_expected_is_text(self, construct: str) -> None:
        assert parameter_fields(parameter(construct, "Count", '"Doe"')) == [
            ("XProtocol/Count", "text", b"Doe")
        ]

    def test_of_a_string_array_is_text_and_of_a_choice_array_a_constant(self) -> None:
        def array(leaf: str) -> str:
            return parameter(
                "ParamArray",
                "SequencePath",
                f'<Default> <{leaf}.""> {{ }} {{ "tra" }} {{ }} {{ {{ "sag" }} }}',
            )

        assert [field[:2] for field in parameter_fields(array("ParamString"))] == [
            ("XProtocol/SequencePath", "text")
        ] * 2
        assert [field[:2] for field in parameter_fields(array("ParamChoice"))] == [
            ("XProtocol/SequencePath", "code")
        ] * 2
        assert [field[:2] for field in parameter_fields(array("ParamMap"))] == [
            ("XProtocol/SequencePath", "text")
        ] * 2

    def test_of_an_array_of_arrays_is_what_the_innermost_default_says(self) -> None:
        def array(leaf: str) -> str:
            inner = (
                f'<Default> <ParamArray.""> {{ <Default> <{leaf}.""> {{ }} }} {{ {{ "tra" }} {{ "sag" }} }}'
            )
            return parameter("ParamArray", "paradigm", inner)

        assert {form for _, form, _ in parameter_fields(array("ParamChoice"))} == {"code"}
        assert {form for _, form, _ in parameter_fields(array("ParamString"))} == {"text"}

    @pytest.mark.parametrize(
        "construct",
        ["Name", "Label", "Tooltip", "Context", "Dll", "Class", "Repr", "Param", "Unit", "InFile"],
    )
    def test_of_an_attribute_of_the_software_is_a_constant(self, construct: str) -> None:
        assert parameter_fields(f'<{construct}> "tra"') == [(f"XProtocol/{construct}", "code", b"tra")]

    @pytest.mark.parametrize("construct", ["Method", "Event", "Connection", "Dependency", "ParamCardLayout"])
    def test_in_a_construct_of_the_software_is_a_constant(self, construct: str) -> None:
        assert parameter_fields(f'<{construct}."EVA"> {{ "tra" "sag" }}') == [
            (f"XProtocol/{construct}", "code", b"tra"),
            (f"XProtocol/{construct}", "code", b"sag"),
        ]

    @pytest.mark.parametrize(
        "construct",
        [
            "Name",
            "Label",
            "Tooltip",
            "Context",
            "Dll",
            "Class",
            "Repr",
            "Param",
            "Unit",
            "InFile",
            "ID",
            "Visible",
        ],
    )
    @pytest.mark.parametrize(
        "text",
        [
            "Dr. Wilma Ostrander, Ward 7",
            "Quillfeather",
            "Quillfeather@MrParc",
            "QF-771203",
            "Last Step of Doe",
        ],
    )
    def test_where_the_software_writes_its_constants_is_text_unless_listed(
        self, construct: str, text: str
    ) -> None:
        assert parameter_fields(f'<{construct}> "{text}"') == [
            (f"XProtocol/{construct}", "text", text.encode())
        ]
        assert parameter_fields(f'<{construct}> "Last Step"') == [
            (f"XProtocol/{construct}", "code", b"Last Step")
        ]

    def test_of_an_unlisted_choice_is_text(self) -> None:
        content = '<Limit> { "tra" "Doe" } "Doe"'
        assert [form for _, form, _ in parameter_fields(parameter("ParamChoice", "window", content))] == [
            "code",
            "text",
            "text",
        ]

    @pytest.mark.parametrize(("construct", "label"), [("Comment", "Comment"), ("Jones", "?")])
    def test_of_another_attribute_is_text(self, construct: str, label: str) -> None:
        assert parameter_fields(f'<{construct}> "a"')[-1] == (f"XProtocol/{label}", "text", b"a")

    def test_is_split_at_literal_quotes(self) -> None:
        content = '"""a"" and """"b"""'
        assert [field[2] for field in parameter_fields(parameter("ParamString", "Description", content))] == [
            b"a",
            b" and ",
            b"b",
        ]

    def test_a_constant_between_literal_quotes_is_one_whatever_stands_beside_it(self) -> None:
        assert parameter_fields('<Label> "Last Step""Doe""Last Step"') == [
            ("XProtocol/Label", "code", b"Last Step"),
            ("XProtocol/Label", "text", b"Doe"),
            ("XProtocol/Label", "code", b"Last Step"),
        ]

    def test_may_be_a_word_without_quotes(self) -> None:
        assert parameter_fields(parameter("ParamString", "Description", "Doe^J")) == [
            ("XProtocol/Description", "text", b"Doe^J")
        ]


class TestAnXProtocolNumber:
    def test_is_unnamed_but_in_fine_layouts(self) -> None:
        text = as_value(f"<XProtocol> {{ {parameter('ParamLong', 'Count', '<Precision> 2 45')} }}")
        assert [(span.path, span.form) for span in layout_protocol(text) if span.path] == [
            ("XProtocol", "assignments")
        ] * 2
        assert fields(layout_protocol(text, fine=True)) == [
            ("XProtocol/Precision", "number"),
            ("XProtocol/Count", "number"),
        ]

    @pytest.mark.parametrize(("name", "path"), [("lPatientSex", "lPatientSex"), ("lNewWeight", "?Weight")])
    def test_that_speaks_of_a_patient_has_a_field_of_its_own(self, name: str, path: str) -> None:
        content = "<Precision> 2 <Default> 45 45"
        assert [
            (path, content)
            for path, form, content in parameter_fields(parameter("ParamDouble", name, content))
            if form == "number"
        ] == [(f"XProtocol/{path}", b"45")] * 2

    def test_in_an_array_is_called_as_the_array(self) -> None:
        content = '<Default> <ParamLong.""> { } { 1 } { 2 }'
        assert [field[0] for field in parameter_fields(parameter("ParamArray", "lPatientSex", content))] == [
            "XProtocol/lPatientSex"
        ] * 2


class TestABrokenXProtocol:
    @pytest.mark.parametrize(
        "content",
        [
            "}",
            "{",
            '"a',
            '"a"b"',
            "<ParamLong",
            "<ParamLong.Count> { 1 }",
            '<ParamLong."Count"> 1',
            "< Label>",
            "1 >",
            '<ParamString."a"> { "<XProtocol> { " }',
        ],
    )
    def test_is_text(self, content: str) -> None:
        assert is_text_in_part(as_value(f"<XProtocol> \n{{\n{content}}}\n"))

    def test_has_quotes_of_its_own_depth(self) -> None:
        text = as_value(phoenix({"tProtocolName": Bare('"head"')}, depth=1)).replace(b'""head""', b'"head"')
        is_text_in_part(text)
        assert values(text, "ASCCONV/tProtocolName") != [b"head"]


class TestAKeyInsideAText:
    """A reader takes the first place of a key for the key."""

    def test_is_structure_and_what_follows_is_its_field(self) -> None:
        assert line_fields('tComment = "see tProtocolName of Doe" # x')[-3:] == [
            ("ASCCONV/?", "text", b"see "),
            ("ASCCONV/tProtocolName", "text", b" of Doe"),
            ("ASCCONV/tProtocolName", "text", b" x"),
        ]

    def test_is_text_behind_its_own_line(self) -> None:
        found = line_fields('tProtocolName = "a"\n# see tProtocolName of Doe')
        assert found[-1] == ("ASCCONV/comment", "text", b" see tProtocolName of Doe")

    def test_may_be_one_of_several(self) -> None:
        found = line_fields("# tProtocolName and lContrasts 3")
        assert found == [
            ("ASCCONV/comment", "text", b" "),
            ("ASCCONV/tProtocolName", "text", b" and "),
            ("ASCCONV/tProtocolName+lContrasts", "text", b" 3"),
        ]

    @pytest.mark.parametrize(
        "line", ["x # tProtocolName", 'tWho = "lContrasts[3]"', "# alTE[0]", "tProtocolName[1]z = 4"]
    )
    def test_is_laid_out_alike_once_its_line_is_filled(self, line: str) -> None:
        is_text_in_part(as_value(LINE.format(line + '\ntProtocolName = "b"')))
