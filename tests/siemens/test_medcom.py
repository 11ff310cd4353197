"""MEDCOM: what somebody wrote onto an image, and who edited it, in encodings that no search for text finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.model import Kind, Layout
from csaclean.policy.fills import fill
from csaclean_handlers.siemens.medcom import layout_history, layout_oog
from phantom_medcom import codes, history, oog
from tests.siemens.layout_laws import assert_covers, fields, texts_left
from tests.siemens.samples import untimed

IDENTITIES = ["Doe^Jane", "Müller, J", "O'Brien", "a''b", "x(y);z", "D=1 #2 @3", "back\\slash", "two\nlines"]


def _contents(value: bytes, path: str) -> list[bytes]:
    return [content for where, _, content in fields(value, layout_oog(value)) if where == path]


def _dead(value: bytes, layout: Layout) -> bytes:
    return b"".join(value[span.start : span.stop] for span in layout if span.kind is Kind.DEAD)


class TestOverlay:
    @pytest.mark.parametrize("identity", IDENTITIES)
    @pytest.mark.parametrize("where", ["account", "date"])
    def test_a_text_in_quotes_is_redacted(self, identity: str, where: str) -> None:
        value = {"account": oog(account=identity), "date": oog(date=identity)}[where]
        assert identity.encode("latin-1") in _contents(value, "FILE_IDENTIFICATION/text")
        assert identity.encode("latin-1") not in texts_left(value, layout_oog(value))

    @pytest.mark.parametrize("identity", [*IDENTITIES, "J", "\x01\x02", "ÿÿ"])
    @pytest.mark.parametrize(("where", "path"), [("annotation", "CsaGraphicText"), ("label", "CsaUVString")])
    def test_a_text_in_character_codes_is_redacted(self, identity: str, where: str, path: str) -> None:
        value = {"annotation": oog(annotation=identity), "label": oog(label=identity)}[where]
        listed = codes(identity).encode("ascii")[1:-1]
        assert listed in _contents(value, f"{path}/codes")
        assert listed not in texts_left(value, layout_oog(value)) or not any(code > "9" for code in identity)

    def test_character_codes_between_other_numbers_are_found_where_two_letters_meet(self) -> None:
        value = oog().replace(b"400, 3", b"74, 111")
        assert any(b"74, 111" in content for content in _contents(value, "CsaGraphicText/codes"))

    def test_signed_and_wide_characters_of_a_text_are_fields_too(self) -> None:
        value = oog().replace(codes("Contour#1").encode("ascii"), b"(77, -28, 8364, 0)")
        found = [
            (form, content)
            for path, form, content in fields(value, layout_oog(value))
            if path == "CsaUVString/codes"
        ]
        assert found == [("codes", b"77"), ("codes", b"28"), ("hex", b"8364"), ("codes", b"0")]

    def test_coordinates_are_numbers(self) -> None:
        forms = {
            form
            for path, form, _ in fields(oog(), layout_oog(oog()))
            if path == "CsaGraDoubleVec3DArray/numbers"
        }
        assert forms == {"number", "assignments"}

    def test_each_number_is_a_field_of_its_own_where_that_is_asked(self) -> None:
        spans = fields(oog(), layout_oog(oog(), fine=True))
        assert "assignments" not in {form for _, form, _ in spans}
        assert [content for path, _, content in spans if path == "CsaGraDoubleVec3DArray/numbers"][:3] == [
            b"0",
            b"69.5",
            b"246.0",
        ]

    def test_an_unknown_entity_is_a_name_and_its_texts_are_fields(self) -> None:
        value = oog().replace(b"CsaUVString", b"CsaDoe")
        found = fields(value, layout_oog(value))
        assert ("?", "name", b"CsaDoe") in found
        assert ("?/codes", "codes", codes("Contour#1").encode("ascii")[1:-1]) in found

    def test_a_word_without_quotes_is_text(self) -> None:
        value = oog().replace(b"$, (#15)", b"Doe, (#15)")
        assert ("CsaImageOverlay/text", "text", b"Doe") in fields(value, layout_oog(value))

    @pytest.mark.parametrize(
        ("tail", "dead"), [(b"", b""), (b"\0", b""), (b"\0e", b"e"), (b"\0\0Doe", b"\0Doe")]
    )
    def test_what_follows_the_nul_at_the_end_is_dead(self, tail: bytes, dead: bytes) -> None:
        value = oog(tail=tail)
        assert _dead(value, layout_oog(value)) == dead

    @pytest.mark.parametrize("value", [b"", b"STEP", b"SV10\4\3\2\1", b"ISO-10303-21;", b"\0" * 8])
    def test_another_content_is_foreign(self, value: bytes) -> None:
        assert layout_oog(value).is_foreign

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(oog()[:200], id="cut"),
            pytest.param(oog().replace(b"ENDSTEP;", b"ENDSTUP;"), id="no end"),
            pytest.param(oog().replace(b"ENDSTEP;", b"ENDSTEP;Doe"), id="goes on behind its end"),
            pytest.param(oog().replace(b"(), 0);", b"(), 0;"), id="bracket left open"),
            pytest.param(oog().replace(b"(-1));", b"(-1)));"), id="bracket too many"),
            pytest.param(oog().replace(b"MEANING'", b"MEANING"), id="quote left open"),
            pytest.param(oog().replace(b"DATA;", b"DA\0TA;"), id="NUL within"),
            pytest.param(oog().replace(b"@11", b"%11"), id="unknown mark"),
        ],
    )
    def test_a_broken_text_is_one_field(self, value: bytes) -> None:
        layout = layout_oog(value)
        assert_covers(layout, len(value))
        text = value.partition(b"\0")[0][len(b"STEP;") :]
        assert fields(value, layout) == [("other", "text", text)]
        assert layout.notes == ("unreadable-step-text",)
        filled = b"STEP;" + fill("text", text) + value[len(b"STEP;") + len(text) :]
        assert layout_oog(filled).stops == layout.stops

    def test_each_number_of_the_date_is_a_field(self) -> None:
        """A rule redacts them: the fill of several at once would be no numbers."""
        value = oog().replace(b"FILE_IDENTIFICATION(", b"FILE_IDENTIFICATION(2001, 2, 3,")
        found = [row for row in fields(value, layout_oog(value)) if row[0] == "FILE_IDENTIFICATION/numbers"]
        assert found[:3] == [("FILE_IDENTIFICATION/numbers", "number", one) for one in (b"2001", b"2", b"3")]


class TestHistory:
    def test_the_parts_of_a_record_are_fields(self) -> None:
        value = history()
        assert [path for path, _, _ in fields(value, layout_history(value))] == [
            *("count", "id", "id", "date", "time", "account"),
        ] * 2

    def test_all_fields_have_the_form_of_their_encoding(self) -> None:
        value = history()
        assert {form for _, form, _ in fields(value, layout_history(value))} == {"utf16"}

    @untimed
    @given(
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF, exclude_characters="\\"), min_size=1)
    )
    def test_an_account_is_one_field_in_any_script(self, account: str) -> None:
        value = history(account=account)
        contents = [content for path, _, content in fields(value, layout_history(value)) if path == "account"]
        assert contents == [account.encode("utf-16-le")] * 2

    @pytest.mark.parametrize("record", ["CsaDoe", "1\\\\2", "Doe", "a\\b", "1\\\\2\\\\3\\\\4\\\\5\\\\6\\\\7"])
    def test_a_record_of_another_shape_is_redacted_too(self, record: str) -> None:
        value = history(tail=f"{record}\0".encode("utf-16-le"))
        assert [path for path, _, _ in fields(value, layout_history(value))][12:] == ["other"] * (
            1 + record.count("\\\\")
        )

    def test_text_behind_the_last_nul_is_redacted(self) -> None:
        value = history(tail="Doe".encode("utf-16-le"))
        assert fields(value, layout_history(value))[-1] == ("other", "utf16", "Doe".encode("utf-16-le"))

    def test_a_last_byte_that_is_no_character_is_dead(self) -> None:
        value = history(tail=b"e")
        assert _dead(value, layout_history(value)) == b"e"

    def test_separators_are_found_between_characters_only(self) -> None:
        record = "\\".encode("utf-16-le") + b"\0\\\0\\"  # the units 005C, 5C00, 5C00
        value = history(tail=record)
        assert fields(value, layout_history(value))[-1] == ("other", "utf16", record)

    @pytest.mark.parametrize("value", [b"", b"MEDCOM HISTORY V1.1", history()[:20], b"\0" * 8])
    def test_another_content_is_foreign(self, value: bytes) -> None:
        assert layout_history(value).is_foreign

    @pytest.mark.parametrize(
        "value", [history()[:30], history().replace("V1.1".encode("utf-16-le"), "Doe!".encode("utf-16-le"))]
    )
    def test_one_of_an_unknown_version_is_one_field(self, value: bytes) -> None:
        layout = layout_history(value)
        assert_covers(layout, len(value))
        even = len(value) // 2 * 2
        assert fields(value, layout) == [("other", "utf16", value[28:even])]
        assert layout.notes == ("unreadable-history",)
        filled = value[:28] + fill("utf16", value[28:even]) + value[even:]
        assert layout_history(filled).stops == layout.stops
