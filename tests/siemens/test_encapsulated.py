"""Data sets in base64 inside CSA tags."""

import struct
from base64 import b64decode, b64encode

import pytest

from csaclean.model import DataSetGrammar, Field, Kind
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from csaclean_handlers.siemens.csa_layout import layout_csa
from csaclean_handlers.siemens.encapsulated import layout_encapsulated
from phantom_csa import swapped
from phantom_texts import data_set, encapsulated
from phantom_writer import EXPLICIT_LITTLE, Element, encode_dataset, text
from tests.siemens.layout_laws import assert_covers
from tests.siemens.samples import IMAGE, cleaned


def test_a_data_set_is_a_view_that_the_engine_walks() -> None:
    (span,) = layout_encapsulated(encapsulated(data_set()))
    assert span.view is not None
    assert (span.view.path, span.view.inner, span.view.layout) == (
        "base64",
        data_set(),
        DataSetGrammar(otherwise=Field("other", "text")),
    )


def test_a_wrapped_text_is_a_view_too() -> None:
    text = encapsulated(data_set())
    wrapped = b"\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    (span,) = layout_encapsulated(wrapped)
    assert span.view is not None
    assert span.view.inner == data_set()


def test_spaces_at_the_end_are_structure() -> None:
    text = encapsulated(data_set()) + b"  "
    layout = layout_encapsulated(text)
    assert_covers(layout, len(text))
    assert [span.kind for span in layout] == [Kind.VIEW, Kind.STRUCTURE]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"Doe", id="no base64"),
        pytest.param(b64encode(b"Doe, Jane: no data set"), id="text in base64"),
        pytest.param(b64encode(b"\x18\x00\x17\x91SQ\1\0"), id="reserved bytes in use"),
        pytest.param(b64encode(b"\x02\x00\x10\x00UI\2\0001\0"), id="file meta information"),
        pytest.param(encapsulated(data_set())[:-1], id="cut"),
    ],
)
def test_anything_else_is_text(text: bytes) -> None:
    assert [(span.path, span.form) for span in layout_encapsulated(text)] == [("other", "text")]


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize("size", [10, 40, 77])
def test_one_that_is_cut_is_text_and_goes(policy: str, size: int) -> None:
    text = b64encode(data_set()[: size // 3 * 3]) + b"  "
    blob = csa.encode(CsaHeader.build([CsaTag.build("MRDiffusion", "UT", (text,))]))
    new = cleaned(blob, policy, IMAGE)
    assert csa.decode(new.new).tags[0].items[0].value.rstrip(b"\0") == b"X" * (len(text) - 2) + b"  "
    assert cleaned(new.new, policy, IMAGE).new == new.new
    assert cleaned(blob, "dead-space", IMAGE).new == blob


@pytest.mark.parametrize("name", ["MRDiffusion", "MR_ASL", "MRVelocityEncoding"])
def test_the_tags_that_hold_one_show_it(name: str) -> None:
    blob = csa.encode(CsaHeader.build([CsaTag.build(name, "UT", (encapsulated(data_set()),))]))
    views = [span.view for span in layout_csa(blob) if span.view is not None]
    assert [(view.path, view.inner) for view in views] == [(f"{name}/base64", data_set())]


NON_IMAGE = "(7FE1,SIEMENS CSA NON-IMAGE,10)"
META = (
    Element(0x00020001, "OB", b"\0\1"),
    text(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.4"),
    text(0x00020010, "UI", "1.2.840.10008.1.2.1"),
)
STARTS = {
    "data set": b"",
    "file": bytes(128) + b"DICM" + encode_dataset(META, EXPLICIT_LITTLE),
}


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("selector", [NON_IMAGE, "(7FE1,SIEMENS MR IMA,10)"])
def test_one_that_is_a_value_as_it_stands_is_walked(policy: str, start: str, selector: str) -> None:
    value = STARTS[start] + data_set("20010203", "PHANTOM")
    done = cleaned(value, policy, selector)
    assert done.vouched
    assert b"20010203" not in done.new
    assert b"PHANTOM" not in done.new
    assert struct.pack("<d", 1000.0) in done.new
    assert done.new.startswith(STARTS[start])
    assert cleaned(done.new, policy, selector).new == done.new


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("rest", [data_set()[:-3], b"\x08\0\x60\0CS\xff\xffMR"])
def test_one_that_can_not_be_walked_is_opaque(start: str, rest: bytes) -> None:
    value = STARTS[start] + rest
    done = cleaned(value, "converter-safe", NON_IMAGE)
    assert done.new == value
    assert done.tally.opaque == len(value) - 132 * (start == "file")
    assert not done.vouched
    opaque = cleaned(value, "strict", "(7FE1,SIEMENS MR IMA,10)")  # which nobody reads
    assert (
        opaque.new == bytes(128) + b"DICM" + bytes(len(value) - 132) if start == "file" else bytes(len(value))
    )
    assert cleaned(opaque.new, "strict", "(7FE1,SIEMENS MR IMA,10)").new == opaque.new


def test_a_preamble_that_holds_something_stays_and_is_listed() -> None:
    value = b"Doe^Jane".ljust(128, b"\0") + STARTS["file"][128:] + data_set()
    done = cleaned(value, "converter-safe", NON_IMAGE)
    assert done.new.startswith(b"Doe^Jane")
    assert not done.vouched
    assert cleaned(value, "strict", NON_IMAGE).new.startswith(bytes(128))


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize("swap", [False, True], ids=["plain", "swapped"])
def test_what_identifies_in_the_data_set_is_redacted_and_its_numbers_stay(policy: str, swap: bool) -> None:
    tag = CsaTag.build("MRDiffusion", "UT", (encapsulated(data_set("20010203", "PHANTOM")),))
    blob = csa.encode(CsaHeader.build([tag]))
    new = cleaned(swapped(blob) if swap else blob, policy, IMAGE).new
    header = csa.decode(swapped(new) if swap else new)
    inner = b64decode(header.tags[0].items[0].value.rstrip(b"\0"))
    assert b"20010203" not in inner
    assert b"PHANTOM" not in inner
    assert struct.pack("<d", 1000.0) in inner
