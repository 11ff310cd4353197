"""Parameter tables, (0019,xx76) and (0019,xx8F), and the icon image, (E401,xx13)."""

import struct

import pytest

from csaclean.model import Kind
from csaclean_handlers.canon.icon import layout_icon
from csaclean_handlers.canon.tables import layout_table
from phantom_canon import block, icon, table
from tests.canon.samples import TABLE, cleaned, parts

ICON = "(E401,TOSHIBA_MEC_MR3^10,13)"
WIDE = "DOE^JANE".encode("utf-16-le")


def test_names_of_the_format_are_structure_and_their_contents_fields() -> None:
    value = table("remark")
    assert [(path, form) for path, form, _ in parts(value, layout_table(value))] == [
        ("Method", "binary-number"),
        ("CreateJobData/Automatic", "binary-number"),
        ("CreateJobData/IsoDWI#_WW", "binary-number"),
        ("Display/Comment", "utf16"),
        ("Display/LUT", "utf16"),
    ]


def test_what_stands_behind_the_nul_of_a_name_is_dead() -> None:
    value = table(rest=WIDE)
    dead = b"".join(value[s.start : s.stop] for s in layout_table(value) if s.kind is Kind.DEAD)
    assert WIDE in dead


def test_a_comment_goes_and_numbers_stay() -> None:
    result = cleaned(table("DOE^JANE", rest=WIDE), TABLE)
    assert WIDE not in result.new
    assert struct.pack("<d", 0.5) in result.new
    assert result.vouched


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(block("DOE^JANE", struct.pack("<I", 1)), id="a number"),
        pytest.param(block("DOE^JANE", WIDE), id="a text"),
        pytest.param(block("DOE^JANE", block("ROE^JOHN", WIDE[:8])), id="blocks"),
        pytest.param(block("DOE^JANE" * 4, b""), id="a name without a NUL"),
        pytest.param(block("Automatic", WIDE), id="a listed name of something else"),
    ],
)
def test_names_that_are_not_listed_go_with_their_contents(more: bytes) -> None:
    result = cleaned(table(more=more), TABLE)
    for secret in (WIDE, WIDE[:8], "ROE^JOHN".encode("utf-16-le")):
        assert secret not in result.new
    assert result.vouched


@pytest.mark.parametrize("value", [b"DOE^JANE", table()[:-2], table() + bytes(2), WIDE * 20])
def test_what_is_no_table_is_blanked(value: bytes) -> None:
    assert [(path, form) for path, form, _ in parts(value, layout_table(value))] == [("other", "opaque")]
    assert cleaned(value, TABLE).new == bytes(len(value))


def test_the_pixels_of_an_icon_are_blanked() -> None:
    value = icon()
    result = cleaned(value, ICON)
    assert result.new == value[:1064] + bytes(64)
    assert result.vouched


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"DOE^JANE", id="text"),
        pytest.param(icon()[:-1], id="cut"),
        pytest.param(icon() + b"\0", id="too long"),
        pytest.param(icon()[:40] + b"DOE^JANE" + icon()[48:], id="another palette"),
        pytest.param(bytes(2000), id="NULs"),
    ],
)
def test_what_is_no_icon_is_blanked(value: bytes) -> None:
    assert [path for path, *_ in parts(value, layout_icon(value))] == ["other"]
    assert cleaned(value, ICON).new == bytes(len(value))
