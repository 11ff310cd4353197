"""(700D,xx19): the protocol as XML, with free text in Shift-JIS."""

from xml.parsers import expat

import pytest

from csaclean_handlers.canon.pas_xml import layout_protocol
from phantom_canon import protocol_xml
from tests.canon.samples import PROTOCOL, cleaned, parts
from tests.siemens.layout_laws import assert_covers

TRAILS = "表示ソ能予"
"""Characters whose second byte is a backslash, a vertical bar or a letter."""
MEMO = TRAILS.encode("shift_jis")


def fields(value: bytes) -> dict[str, tuple[str, bytes]]:
    return {path: (form, content) for path, form, content in parts(value, layout_protocol(value))}


def test_the_texts_of_a_protocol_are_fields() -> None:
    found = fields(protocol_xml(MEMO))
    assert found["site"] == ("text", b"Phantom Hospital")
    assert found["MEMO"] == ("text", b"&quot;" + MEMO + b"&quot;")
    assert found["SEQ/COMM"] == ("text", MEMO)
    assert found["SEQ/name"][0] == "text"


def test_settings_are_numbers_and_lists_of_numbers() -> None:
    found = fields(protocol_xml())
    assert [found[name][0] for name in ("TR", "BARRAY", "VG", "MTX")] == [
        "number",
        "assignments",
        "code",
        "code",
    ]


def test_every_byte_belongs_to_one_span() -> None:
    value = protocol_xml(MEMO)
    assert_covers(layout_protocol(value), len(value))


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize(
    "memo", [MEMO, b"7305918", "幻影".encode("shift_jis")], ids=["trails", "number", "kanji"]
)
def test_what_a_site_wrote_is_gone_and_the_gradients_stay(memo: bytes, policy: str) -> None:
    result = cleaned(protocol_xml(memo), PROTOCOL, policy)
    for secret in (memo, b"Hospital", b"phantom", b"PHN7001", b"nobody"):
        assert secret not in result.new
    for kept in (
        b"<VG>2,[-1,0.5,0.25],[0.125,-0.5,1]</VG>",
        b"<TR>10000</TR>",
        b"<MTX>64x64</MTX>",
        b'code="SJIS"',
    ):
        assert kept in result.new
    assert result.vouched


def test_what_is_left_is_xml_in_shift_jis() -> None:
    value = protocol_xml(MEMO)
    new = cleaned(value, PROTOCOL).new
    names: list[str] = []
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = lambda name, _: names.append(name)
    parser.Parse(new.rstrip(b"\0").decode("shift_jis").partition("?>")[2].encode("utf-8"), True)
    assert names[:2] == ["PAS", "version"]
    assert names[-1] == "VG"
    assert len(new) == len(value)


def test_a_name_that_is_not_listed_goes_with_all_that_stands_under_it() -> None:
    value = protocol_xml(more=b'<DOE_JANE ROE="JOHN">7001</DOE_JANE><TR SMITH="7">1</TR>')
    result = cleaned(value, PROTOCOL)
    for secret in (b"DOE", b"JANE", b"ROE", b"JOHN", b"7001", b"SMITH", b'"7"'):
        assert secret not in result.new
    assert result.vouched


@pytest.mark.parametrize("value", [b"DOE^JANE", b"<PAS><site>DOE</PAS>", protocol_xml()[:-20]])
def test_what_is_no_whole_xml_is_one_text(value: bytes) -> None:
    assert [path for path, *_ in parts(value, layout_protocol(value))] == ["other"]
    assert b"DOE" not in cleaned(value, PROTOCOL).new
