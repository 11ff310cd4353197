"""Which names are vocabulary, and which words in a name speak of a patient."""

from importlib.resources import files
from tomllib import loads

import pytest

from csaclean_handlers.siemens.protocol_names import key_name, parameter_name, vocabulary


class TestAKey:
    @pytest.mark.parametrize(
        "key", ["alTR[0]", "sSliceArray.asSlice[12].sNormal.dTra", "adFlipAngleDegree.__attribute__.size"]
    )
    def test_is_known_if_each_part_is(self, key: str) -> None:
        assert key_name(key.encode()) == (key, False, ())

    def test_is_unknown_part_by_part(self) -> None:
        assert key_name(b"sSliceArray.asJones[3].dTra").unknown == ((12, 19),)

    @pytest.mark.parametrize("key", [b"a-b", b"a..b", b"a[x]", b"[0]", b".a", b"1a", b"\xe9", b"sPat."])
    def test_that_is_not_formed_as_one_is_unknown_as_a_whole(self, key: bytes) -> None:
        assert key_name(key) == ("?", False, ((0, len(key)),))


class TestAWord:
    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("flUsedPatientMass", "Patient"),
            ("PatientsId", "Patients"),
            ("patient_id", "Patient"),
            ("tPATIENT", "Patient"),
            ("XXPATIENTXX", "Patient"),
            ("flAgeNow", "Age"),
            ("lAge", "Age"),
            ("newStudyLoid", "Study"),
            ("NewSeriesLOID", "Loid"),
            ("NewTimeStamp", "Timestamp"),
            ("NewMeasUID", "UID"),
            ("tNewFrameOfReference", "FrameOfReference"),
            ("NewTimestamp", "Timestamp"),
            ("MRSerialNo", "Serial"),
            ("lSEX", "Sex"),
        ],
    )
    def test_is_found_whole(self, name: str, word: str) -> None:
        assert parameter_name(name.encode()).label == f"?{word}"
        assert parameter_name(name.encode()).own

    @pytest.mark.parametrize(
        "name",
        [
            "lMyAverages", "dRepetitionTimeNew", "ImageAgent", "lNewImage", "Stages", "lVelocityNew", "lUpdates",
            "NewDates", "WorkstationA", "Essexx", "lCapacityNew", "UIDs", "PAGES", "Weighting", "Patiently", "druid",
        ],
    )  # fmt: skip
    def test_is_not_found_in_another(self, name: str) -> None:
        assert parameter_name(name.encode()) == ("?", False, ((0, len(name)),))

    @pytest.mark.parametrize(
        "name", [b"tNewPatientName", b"StudyLOID_x", b"LOIDs.LOIDList", b"a_sex_b", b"lSEXb"]
    )
    def test_is_still_found_in_a_name_that_was_blanked(self, name: bytes) -> None:
        for analyse in (key_name, parameter_name):
            before = analyse(name)
            blanked = bytearray(name)
            for start, stop in before.unknown:
                blanked[start:stop] = b"X" * (stop - start)
            assert analyse(bytes(blanked)) == before

    def test_marks_the_known_names_that_hold_it_but_for_settings(self) -> None:
        table = vocabulary()
        marked = {name for name in table.segments if key_name(name).own}
        assert marked == {
            b"MrfDictUUID", b"ZZMatrixVectorUUID", b"tCheckUUID", b"dUsedPatientWeight", b"flUsedPatientWeight",
            b"lPatientSex", b"tFrameOfReference", b"tPatientName",
        }  # fmt: skip
        for name in table.technical:
            assert table.word.search(name), "listed as an exception without need"
            assert not key_name(name).own or name not in table.segments
            assert not parameter_name(name).own or name not in table.parameters


class TestTheVocabulary:
    def test_is_sorted_and_without_doubles(self) -> None:
        table = loads(
            files("csaclean_handlers.siemens").joinpath("protocol_vocabulary.toml").read_text("utf-8")
        )
        for name in ("ascconv_segments", "parameter_names"):
            assert table[name] == sorted(set(table[name]))

    def test_gives_each_construct_one_kind(self) -> None:
        table = loads(
            files("csaclean_handlers.siemens").joinpath("protocol_vocabulary.toml").read_text("utf-8")
        )
        named = [name for group in table["constructs"].values() for name in group]
        assert len(named) == len(set(named))
        assert set(vocabulary().constructs.values()) == {"text", "code", "choice", "bool", "inherit", "array"}

    def test_knows_the_parts_of_all_its_own_keys(self) -> None:
        assert {key_name(key).label for key in vocabulary().fields} == {
            key.decode() for key in vocabulary().fields
        }

    def test_holds_no_name_that_a_blanked_name_could_become(self) -> None:
        table = vocabulary()
        names = table.segments | table.parameters | table.short | set(table.constructs)
        assert not [name for name in names if not name.strip(b"X")]

    def test_says_why_a_number_is_listed(self) -> None:
        table = loads(
            files("csaclean_handlers.siemens").joinpath("protocol_vocabulary.toml").read_text("utf-8")
        )
        assert all(group["why"] and group["source"] for group in table["fields"])
