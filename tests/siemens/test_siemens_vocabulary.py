"""The names that may be printed, and the rules that speak of fields."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from csaclean.policy.fills import FORMS
from csaclean_handlers.siemens import SiemensHandler
from csaclean_handlers.siemens.csa_layout import layout_csa, tag_names
from phantom_csa import EMPTY_TAGS, image_tags, series_tags
from tests.siemens.independent_csa import read_items
from tests.siemens.samples import REAL_FILES, real_blobs

NAMES: Final[list[str]] = tomllib.loads(
    files("csaclean_handlers.siemens").joinpath("vocabulary.toml").read_text("utf-8")
)["tag_names"]


class TestVocabulary:
    @pytest.mark.parametrize("path", REAL_FILES)
    def test_holds_every_tag_name_of_real_headers(self, path: Path) -> None:
        for blob in real_blobs(path):
            if not blob.startswith(b"SV10") or path.name == "csa_str_1001n_items.bin":
                continue
            # Counts, not names: what is missing is a value of a file.
            assert len({item.tag for item in read_items(blob)} - tag_names()) == 0
            assert "unknown-tag-name" not in layout_csa(blob).notes

    def test_is_sorted_and_names_no_tag_twice(self) -> None:
        assert sorted(set(NAMES), key=str.casefold) == NAMES

    def test_holds_only_names_that_fit_and_look_like_identifiers(self) -> None:
        assert all(name.isascii() and name.replace("_", "").replace("-", "").isalnum() for name in NAMES)
        assert all(len(name) < 64 for name in NAMES)

    def test_holds_the_names_of_phantoms(self) -> None:
        names = {tag.name for tag in (*image_tags(), *series_tags())} | {
            name.encode() for name, _ in EMPTY_TAGS
        }
        assert names <= tag_names()

    def test_gives_a_name_no_room_to_grow(self) -> None:
        # The name of a tag is structure if it is listed: nothing of a patient may be.
        assert not {
            name for name in NAMES if any(part.isdigit() and len(part) > 2 for part in name.split("_"))
        }


class TestRules:
    def test_speak_only_of_tags_of_the_vocabulary(self) -> None:
        fields = {
            path.partition("/")[0]
            for rule in SiemensHandler.rules.rules
            for path in rule.field
            if "(0029,SIEMENS CSA HEADER,10)" in rule.select
        }
        assert fields <= set(NAMES)

    def test_name_only_forms_that_have_a_fill(self) -> None:
        assert all(not rule.form or rule.form in FORMS for rule in SiemensHandler.rules.rules)

    def test_give_a_reason_each(self) -> None:
        assert all(rule.why for rule in SiemensHandler.rules.rules)

    @pytest.mark.parametrize("number", range(1, 9))
    @pytest.mark.parametrize("byte", ["10", "20"])
    def test_speak_of_each_part_of_the_patient_record(self, number: int, byte: str) -> None:
        rule = SiemensHandler.rules.find(f"(0029,SIEMENS CSA HEADER,{byte})", f"PatReinPattern/{number}")
        assert rule is not None
        assert rule.cls == ("technical" if number in (1, 2, 6, 7) else "patient-characteristics")

    @pytest.mark.parametrize("byte", ["09", "19"])
    def test_call_the_version_a_date(self, byte: str) -> None:
        rule = SiemensHandler.rules.find(f"(0029,SIEMENS CSA HEADER,{byte})", "")
        assert rule is not None
        assert (rule.cls, rule.form) == ("dates", "date")
