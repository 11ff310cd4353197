"""The comparison of two conversions: each way to differ is noticed, told without a value, and nothing else is."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.adapters.dcm2niix import Conversion, Converter, Difference, convert, differences
from csaclean.errors import ConverterFailed
from csaclean.inputs import Input
from csaclean.proving import InputSet, Proved, ProveReport, declared_keys, find_sets
from csaclean.report.model import Report, Summary

SIDECAR = b'{"EchoTime": 0.03, "SliceTiming": [0, 0.5], "ProtocolName": "ZEBRAX"}'
FILES = {"1_ZEBRAX.json": SIDECAR, "1_ZEBRAX.nii": b"image", "2_ZEBRAX.bval": b"0 1000"}


def made(
    files: dict[str, bytes] | None = None, *, status: int = 0, warnings: tuple[str, ...] = ()
) -> Conversion:
    return Conversion(status, warnings, FILES if files is None else files)


def with_sidecar(text: bytes) -> Conversion:
    return made({**FILES, "1_ZEBRAX.json": text})


class TestDifferences:
    def test_equal_conversions_have_none(self) -> None:
        assert differences(made(), made(dict(reversed(FILES.items())))) == ()

    def test_an_exit_status_is_noticed(self) -> None:
        assert differences(made(), made(status=-11)) == (Difference("exit-status", "changed"),)

    def test_a_warning_is_noticed(self) -> None:
        after = made(warnings=("Warning: slices are missing",))
        assert differences(made(), after) == (Difference("warnings", "changed"),)

    def test_a_lost_file_is_noticed(self) -> None:
        after = made({name: data for name, data in FILES.items() if not name.endswith(".bval")})
        assert differences(made(), after) == (Difference("2.bval", "lost"),)

    def test_a_new_file_is_noticed(self) -> None:
        after = made({**FILES, "1_ZEBRAX.bvec": b""})
        assert differences(made(), after) == (Difference("1.bvec", "new"),)

    def test_a_renamed_file_is_lost_and_new(self) -> None:
        after = made({name.replace("2_ZEBRAX", "2_XXXXXX"): data for name, data in FILES.items()})
        assert differences(made(), after) == (Difference("2.bval", "new"), Difference("3.bval", "lost"))

    @pytest.mark.parametrize("suffix", [".nii", ".bval", ".bvec", ".tsv.gz"])
    def test_other_bytes_are_noticed(self, suffix: str) -> None:
        before, after = ({f"7_ZEBRAX{suffix}": data} for data in (b"a", b"b"))
        assert differences(made(before), made(after)) == (Difference(f"1{suffix}", "changed"),)

    def test_a_lost_key_is_noticed(self) -> None:
        after = with_sidecar(SIDECAR.replace(b'"SliceTiming": [0, 0.5], ', b""))
        assert differences(made(), after) == (Difference("1.json", "lost", "SliceTiming"),)

    def test_a_new_key_is_noticed(self) -> None:
        after = with_sidecar(SIDECAR.replace(b"{", b'{"PhaseEncodingAxis": "j", '))
        assert differences(made(), after) == (Difference("1.json", "new", "PhaseEncodingAxis"),)

    @pytest.mark.parametrize("value", [b"0.0300001", b'"0.03"', b"[0.03]", b"null", b"NaN", b'{"a": 0.03}'])
    def test_a_changed_value_is_noticed(self, value: bytes) -> None:
        after = with_sidecar(SIDECAR.replace(b"0.03", value))
        assert differences(made(), after) == (Difference("1.json", "changed", "EchoTime"),)

    def test_a_value_of_a_key_that_stands_twice_is_noticed(self) -> None:
        twice = SIDECAR.replace(b"{", b'{"EchoTime": %s, ')
        assert differences(with_sidecar(twice % b"1"), with_sidecar(twice % b"2")) == (
            Difference("1.json", "changed", "EchoTime"),
        )

    @pytest.mark.parametrize(
        "text",
        [
            SIDECAR.replace(b": ", b":"),
            SIDECAR.replace(b"0.03", b"0.030"),
            SIDECAR.replace(b"0.03", b"3e-2"),
            b'{"SliceTiming": [0, 0.5], "EchoTime": 0.03, "ProtocolName": "ZEBRAX"}',
            b"[]",
            b"not JSON",
            b"[" * 100_000,
            b"",
        ],
    )
    def test_a_sidecar_of_other_bytes_is_noticed_though_no_key_tells(self, text: bytes) -> None:
        assert differences(made(), with_sidecar(text)) == (Difference("1.json", "changed"),)

    def test_a_sidecar_that_is_no_text_is_compared_key_by_key(self) -> None:
        old, new = (SIDECAR.replace(b"ZEBRAX", raw) for raw in (b"\xe9", b"\xe8"))
        assert differences(with_sidecar(old), with_sidecar(new)) == (
            Difference("1.json", "changed", "ProtocolName"),
        )

    def test_not_a_number_equals_itself(self) -> None:
        old, new = (b'{"EchoTime": NaN, "FlipAngle": %d}' % n for n in (1, 2))
        assert differences(with_sidecar(old), with_sidecar(new)) == (
            Difference("1.json", "changed", "FlipAngle"),
        )

    def test_a_key_that_dcm2niix_is_not_known_to_write_is_not_told(self) -> None:
        after = with_sidecar(b'{"ZEBRAX": 1, "ZEBRAY": 2, ' + SIDECAR[1:])
        assert differences(made(), after) == (Difference("1.json", "new", "?"),)

    def test_a_declared_key_is_told(self) -> None:
        after = with_sidecar(b'{"Later": 1, ' + SIDECAR[1:])
        assert differences(made(), after, {"Later"}) == (Difference("1.json", "new", "Later"),)

    def test_a_suffix_that_dcm2niix_is_not_known_to_give_is_not_told(self) -> None:
        found = differences(made({}), made({"1_knee.ZEBRAX": b""}))
        assert found == (Difference("1?", "new"),)

    def test_outputs_keep_their_numbers_among_more_names(self) -> None:
        after = made({name: data for name, data in FILES.items() if not name.endswith(".bval")})
        assert differences(made(), after, names=["0.nii"]) == (Difference("3.bval", "lost"),)

    @given(st.dictionaries(st.text("ab_.jsonig", max_size=8), st.binary(max_size=8), max_size=4))
    def test_no_conversion_differs_from_itself(self, files: dict[str, bytes]) -> None:
        assert differences(made(files), made(dict(files))) == ()

    @given(
        st.dictionaries(st.sampled_from(["a.nii", "a.json", "b.json"]), st.binary(max_size=4)),
        st.dictionaries(st.sampled_from(["a.nii", "a.json", "b.json"]), st.binary(max_size=4)),
    )
    def test_conversions_that_are_not_equal_differ_either_way(
        self, one: dict[str, bytes], other: dict[str, bytes]
    ) -> None:
        assert bool(differences(made(one), made(other))) == (one != other)
        assert bool(differences(made(other), made(one))) == (one != other)


class TestConvert:
    @pytest.fixture
    def converter(self, tmp_path: Path) -> Converter:
        """Return a program that makes of a file a recording whose gzip header holds the time, and warns of where it is."""
        program = tmp_path / "program"
        program.write_text(
            "#!/bin/sh\n"
            'while [ $# -gt 2 ]; do [ "$1" = -o ] && out=$2; shift; done\n'
            'cp "$2" "$out/1_x_physio.tsv.gz"; echo "Warning: $out and $2"; echo "Saved $out"; exit 5\n'
        )
        program.chmod(0o755)
        return Converter(str(program), "v1")

    def convert(self, converter: Converter, folder: Path, data: bytes) -> Conversion:
        folder.mkdir()
        (folder / "file").write_bytes(data)
        return convert(folder / "file", folder / "out", converter)

    def test_recordings_are_compared_unpacked(self, converter: Converter, tmp_path: Path) -> None:
        one, same, other = (
            self.convert(converter, tmp_path / str(number), gzip.compress(data, mtime=number))
            for number, data in enumerate((b"1\t2", b"1\t2", b"1\t3"))
        )
        assert one == same
        assert differences(one, other) == (Difference("1.tsv.gz", "changed"),)

    @pytest.mark.parametrize("cut", [0, 3, 15, 22])
    def test_a_recording_that_cannot_be_unpacked_is_compared_as_it_is(
        self, converter: Converter, tmp_path: Path, cut: int
    ) -> None:
        data = gzip.compress(b"1\t2", mtime=0)
        whole = self.convert(converter, tmp_path / "whole", data)
        damaged = self.convert(converter, tmp_path / "damaged", data[:cut] + b"\xff" + data[cut + 1 :])
        assert damaged != whole

    def test_warnings_are_those_of_the_program_without_our_folders(
        self, converter: Converter, tmp_path: Path
    ) -> None:
        found = self.convert(converter, tmp_path / "one", b"")
        assert found.warnings == ("Warning:  and /file",)
        assert found.status == 5

    def test_a_program_that_cannot_be_started_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(ConverterFailed, match="can't run dcm2niix: No such file"):
            convert(tmp_path, tmp_path / "out", Converter(str(tmp_path / "missing"), "v1"))


class TestVerdict:
    CHANGED = Difference("1.json", "changed", "PulseSequenceDetails")

    def proved(self, *found: Difference, outputs: int = 2, declared: frozenset[str] = frozenset()) -> Proved:
        return Proved("a", {}, outputs, found, declared)

    def test_nothing_differs(self) -> None:
        assert self.proved().verdict == "identical"

    def test_a_difference_that_is_not_declared(self) -> None:
        assert self.proved(self.CHANGED).verdict == "differs"

    @pytest.mark.parametrize("kind", ["lost", "new", "changed"])
    def test_declared_differences_are_none(self, kind: str) -> None:
        found = self.proved(
            self.CHANGED._replace(kind=kind),  # type: ignore[arg-type]  # a parameter is any text
            declared=frozenset({"PulseSequenceDetails", "BidsGuess"}),
        )
        assert found.verdict == "identical"
        assert found.unchanged == ("BidsGuess",)

    @pytest.mark.parametrize(
        "more",
        [
            Difference("1.json", "changed", "EchoTime"),
            Difference("1.json", "changed", "?"),
            Difference("1.json", "changed"),
            Difference("1.nii", "changed"),
            Difference("warnings", "changed"),
        ],
    )
    def test_one_more_than_declared(self, more: Difference) -> None:
        found = self.proved(self.CHANGED, more, declared=frozenset({"PulseSequenceDetails"}))
        assert found.verdict == "differs"
        assert found.undeclared == (more,)

    def test_only_what_is_another_thing_in_every_run_differs(self) -> None:
        found = Proved("a", {}, 2, (self.CHANGED,), unrepeatable=(self.CHANGED._replace(kind="lost"),))
        assert found.verdict == "unrepeatable"

    @pytest.mark.parametrize(
        "more", [CHANGED._replace(output="2.json"), CHANGED._replace(key=None), CHANGED._replace(key="?")]
    )
    def test_more_differs_than_what_is_another_thing_in_every_run(self, more: Difference) -> None:
        found = Proved("a", {}, 2, (self.CHANGED, more), unrepeatable=(self.CHANGED,))
        assert found.verdict == "differs"

    def test_the_originals_convert_to_nothing(self) -> None:
        assert self.proved(outputs=0).verdict == "nothing-to-compare"

    def test_only_the_copies_convert_to_something(self) -> None:
        assert self.proved(Difference("1.nii", "new"), outputs=0).verdict == "differs"

    @pytest.mark.parametrize(
        ("outputs", "verdict"),
        [((2, 0), "identical"), ((0, 0), "nothing-to-compare"), ((), "nothing-to-compare")],
    )
    def test_of_a_run_is_its_worst(self, outputs: tuple[int, ...], verdict: str) -> None:
        sets = [self.proved(outputs=number) for number in outputs]
        assert ProveReport(tuple(sets), "v1", Summary()).verdict == verdict
        failed = Proved("b", {}, error="converter", reason="too long")
        assert ProveReport((*sets, failed), "v1", Summary()).verdict == "failed"
        assert ProveReport((*sets, failed, self.proved(self.CHANGED)), "v1", Summary()).verdict == "differs"


class TestSets:
    def test_files_of_a_folder_are_one_set_and_named_files_are_sets_of_their_own(self) -> None:
        inputs = [
            Input(Path("in/1"), "1", named=False),
            Input(Path("in/2"), "2", named=False),
            Input(Path("in/a/1"), "a/1", named=False),
            Input(Path("x/1.dcm"), "1.dcm", named=True),
            Input(Path("x/2.dcm"), "2.dcm", named=True),
        ]
        assert find_sets(inputs) == [
            InputSet("in", tuple(inputs[:2]), single=False),
            InputSet("a", (inputs[2],), single=False),
            InputSet("1.dcm", (inputs[3],), single=True),
            InputSet("2.dcm", (inputs[4],), single=True),
        ]

    def test_a_report_that_declares_nothing_declares_no_key(self) -> None:
        assert declared_keys([Report("a", "cleaned"), Report("b", "failed")]) == frozenset()

    def test_keys_are_those_that_any_report_declares(self) -> None:
        one = Report("a", "cleaned", declared=("CoilString",))
        other = Report("b", "cleaned", declared=("CoilString", "BidsGuess"))
        assert declared_keys([one, other]) == {"CoilString", "BidsGuess"}
