"""Grammars of text never fail: texts with bytes deleted, put in and exchanged are laid out, and cut alike when they are filled.

Mutations are those that texts suffer: quotes and brackets too many or missing, NULs, another encoding, deep nesting, ends
cut off, blocks repeated. They come from seeded generators, so that a failure can be repeated.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from typing import Final

import pytest

from csaclean.engine import Engine
from csaclean.errors import DoesNotFit, LimitExceeded
from csaclean.handler import PrivateElement
from csaclean.model import Field, Kind, Layout, View
from csaclean.nested import resolve
from csaclean.policy.fills import fill
from csaclean.policy.policies import load_policy
from csaclean.registry import installed
from csaclean_handlers.canon.pas_xml import layout_protocol as layout_canon
from csaclean_handlers.ge.protocol_block import layout_protocol_text
from csaclean_handlers.philips.blobs import layout_blob
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.autoalign import layout_autoalign
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from csaclean_handlers.siemens.encapsulated import layout_encapsulated
from csaclean_handlers.siemens.medcom import layout_history, layout_oog
from csaclean_handlers.siemens.phoenixzip import layout_phoenix_zip, layout_sr_message
from csaclean_handlers.siemens.physio import layout_signal
from csaclean_handlers.siemens.protocol import layout_protocol
from csaclean_handlers.siemens.texts import (
    layout_channels,
    layout_data_role,
    layout_data_set_info,
    layout_external_info,
    layout_patient_record,
)
from csaclean_handlers.uih.grammars import layout_coefficients, layout_sar_model
from phantom_canon import protocol_xml
from phantom_ge import protocol_block, protocol_text, xml_protocol
from phantom_medcom import history, oog
from phantom_philips import exam_card, responses
from phantom_physio import log_block, log_text
from phantom_protocol import as_value, ascconv, phoenix, short_form
from phantom_texts import autoalign, data_role, data_set, diffusion_xml, encapsulated, external_info
from phantom_uih import coefficients
from tests.philips.samples import blob_element
from tests.siemens.layout_laws import assert_covers
from tests.siemens.samples import element

Grammar = Callable[[bytes], Layout]
MUTATIONS: Final = 150
SIGNAL: Final = "(7FE1,SIEMENS CSA NON-IMAGE,10)"
BROKEN: Final = (
    *(
        b'"',
        b'""',
        b"'",
        b"{",
        b"}",
        b"<",
        b">",
        b"(",
        b")",
        b"[",
        b"]",
        b"=",
        b";",
        b"#",
        b"&",
        b"\\",
        b"//",
    ),
    *(b"\0", b"\r", b"\n", b"\t", b" ", b"\xff\xfe", b"\xe9", b"\xc3\xa9", b"\x81\x5c", b"\x1b$B"),
    *(b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?xml", b"&#x41;", b"<XProtocol> {", b"ENDSTEP;", b"STEP;"),
    *(b"### ASCCONV BEGIN ###\n", b"### ASCCONV END ###", b'set SEDESC "x"\n', b'SEDESC "a" TE "b"\n'),
    *(b"9" * 400, b"A" * 300, b"1e999", b"{" * 300, b"(" * 300, b"[" * 300, b"<a>" * 300, b"true", b"null"),
)


def physio(value: bytes) -> Layout:
    """Return the layout of a signal."""
    return layout_signal(element(value, SIGNAL))


def log(text: bytes) -> bytes:
    """Return a log with a text of any length."""
    name = b"Physio_20010203_081500_00000000-0000-0000-0000-000000000000_PULS.log"
    return log_block(name, text, 1024 * (2 + len(text) // 1024))


def blob(text: bytes) -> Layout:
    """Return the layout of a blob of Philips that is no blob of parameters."""
    return layout_blob(blob_element(text, b"ASCII"))


TEXTS: Final[Mapping[str, tuple[Grammar, bytes]]] = {
    "ASCCONV": (layout_protocol, as_value(ascconv({"tProtocolName": "Doe", "sPat.tName": "x"}))),
    "Phoenix protocol": (layout_protocol, as_value(phoenix())),
    "Phoenix protocol, fine": (partial(layout_protocol, fine=True), as_value(phoenix())),
    "short form": (layout_protocol, as_value(short_form({"ulVersion": "1", "tName": "Doe"}))),
    "SrMsgBuffer": (layout_sr_message, b"00010107LO0004head00010112UI00031.200010107PN0004Doe^\0"),
    "PhoenixZIP": (layout_phoenix_zip, b"<EdfRoot>Doe</EdfRoot>\r\n\0x"),
    "overlay": (layout_oog, oog()),
    "overlay, fine": (partial(layout_oog, fine=True), oog()),
    "history": (layout_history, history()),
    "physiological log": (physio, log_text()),
    "data set in base64": (layout_encapsulated, encapsulated(data_set())),
    "auto-align": (layout_autoalign, autoalign()),
    "external info": (layout_external_info, external_info()),
    "data role": (layout_data_role, data_role()),
    "data set info": (layout_data_set_info, diffusion_xml()),
    "channels": (layout_channels, b"HEA;HEP;1\\2"),
    "patient record": (layout_patient_record, b"1;HFS;90.5;045Y;O;0;0;-12345"),
    "GE protocol": (layout_protocol_text, protocol_text() + b'set PLANE "OBL SEDESC "x" y"\n'),
    "GE protocol in XML": (layout_protocol_text, xml_protocol()),
    "Canon protocol": (layout_canon, protocol_xml()),
    "exam card": (blob, exam_card()),
    "JSON": (blob, responses() + b" "),
    "more JSON": (blob, b'{"a\\u00e9": [1.5, -1e5, 20240131, null, true, {}, []], "b": {"c": "Doe"}}'),
    "coefficients": (layout_coefficients, coefficients()),
    "SAR model": (layout_sar_model, b"Normal : HEAD : 0.5 "),
}


def mutated(text: bytes, random: Random) -> bytes:
    """Return a text with some damage."""
    new = bytearray(text)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at = random.randrange(len(new) + 1)
        match random.randrange(8):
            case 0:
                new[at : at + 1] = random.randbytes(1)
            case 1:
                del new[at : at + random.choice((1, 1, 2, 5, 50))]
            case 2:
                new[at:at] = random.choice(BROKEN)
            case 3:
                other = random.choice(BROKEN)
                new[at : at + len(other)] = other
            case 4:
                del new[at:]
            case 5:
                new[at:at] = new[at : at + random.choice((1, 8, 100))]
            case 6:
                mark = random.choice(b"\"{}<>\n='(),;/")
                place = new.find(mark, at)
                del new[place : place + 1]
            case _:
                if not random.randrange(8):
                    new[:] = new.decode("latin-1").encode(random.choice(("utf-8", "utf-16", "utf-16-be")))
    return bytes(new)


def filled(row: bytes, layout: Layout) -> bytes:
    """Return a row with its dead bytes null and its fields filled; runs of numbers and constants stand."""
    new = bytearray(row)
    start = 0
    for stop, kind, what in zip(layout.stops, layout.kinds, layout.fields, strict=True):
        old = row[start:stop]
        if kind == Kind.DEAD:
            new[start:stop] = bytes(len(old))
        elif isinstance(what, View):
            assert isinstance(what.layout, Layout)
            inner = filled(what.inner, what.layout)
            new[start:stop] = old if inner == what.inner else what.codec.encode(inner, old)
        elif what is not None and what.form not in ("assignments", "code"):
            new[start:stop] = fill(what.form, old)
        start = stop
    return bytes(new)


def cuts(layout: Layout) -> tuple[object, ...]:
    """Return what no fill may change."""
    paths = [field.path if isinstance(field, Field) else None for field in layout.fields]
    views = [
        cuts(field.layout)
        for field in layout.fields
        if isinstance(field, View) and isinstance(field.layout, Layout)
    ]
    return layout.stops, bytes(layout.kinds), layout.notes, paths, views


def in_tag(name: str) -> Callable[[bytes], bytes]:
    """Return what puts a text into a tag of a CSA header."""
    return lambda text: csa.encode(CsaHeader.build([CsaTag.build(name, "UT", (text,))]))


ELEMENTS: Final[Mapping[str, tuple[str, Callable[[bytes], bytes]]]] = {
    "Phoenix protocol": ("(0021,SIEMENS MR SDS 01,19)", bytes),
    "ASCCONV": ("(0029,SIEMENS CSA HEADER,20)", in_tag("MrProtocol")),
    "short form": ("(0021,SIEMENS MR SDI PHOENIXZIP,01)", bytes),
    "SrMsgBuffer": ("(0029,SIEMENS CSA HEADER,20)", in_tag("SrMsgBuffer")),
    "data set in base64": ("(0029,SIEMENS CSA HEADER,10)", in_tag("MRDiffusion")),
    "overlay": ("(0029,SIEMENS MEDCOM OOG,10)", bytes),
    "history": ("(0029,SIEMENS MEDCOM HEADER,20)", bytes),
    "physiological log": (SIGNAL, log),
    "GE protocol": ("(0025,GEMS_SERS_01,1B)", protocol_block),
    "GE protocol in XML": ("(0025,GEMS_SERS_01,1B)", protocol_block),
    "exam card": ("(2005,Philips MR Imaging DD 002,44)", bytes),
    "more JSON": ("(2005,Philips MR Imaging DD 002,44)", bytes),
    "Canon protocol": ("(700D,TOSHIBA_MEC_MR3^10,19)", bytes),
    "coefficients": ("(0065,Image Private Header,36)", bytes),
}
"""Elements that hold such texts, and what makes their values."""


@pytest.mark.parametrize("policy", ["converter-safe", "strict"])
@pytest.mark.parametrize("name", ELEMENTS)
def test_any_damage_is_cleaned_and_cleaned_once(name: str, policy: str) -> None:
    selector, made = ELEMENTS[name]
    engine = Engine(load_policy(policy), installed(), "self")
    claimed = engine.registry.by_selector[selector]
    random = Random(name + policy)  # noqa: S311 - data of tests
    for number in range(MUTATIONS // 3):
        value = made(mutated(TEXTS[name][1], random))
        private = PrivateElement(
            claimed.claim, claimed.claim.selector, "OB", value, "<", (), {0x39: b"ASCII"}.get
        )
        # A text that repeats itself packs better than its fill.
        with suppress(LimitExceeded, DoesNotFit):
            once = engine.clean_element(claimed, private)
            if once is not None:
                twice = engine.clean_element(claimed, private._replace(value=once.new))
                assert twice is not None, number
                assert twice.new == once.new, number


@pytest.mark.parametrize("name", TEXTS)
def test_any_damage_is_laid_out_and_no_fill_changes_the_cuts(name: str) -> None:
    grammar, text = TEXTS[name]
    random = Random(name)  # noqa: S311 - data of tests
    for number in range(MUTATIONS):
        value = mutated(text, random) if number else text
        if grammar is physio:
            value = log(value)
        layout = laid_out(grammar, value)
        if layout is not None:
            again = laid_out(grammar, filled(value, layout))
            assert again is not None
            assert cuts(again) == cuts(layout), number


def laid_out(grammar: Grammar, value: bytes) -> Layout | None:
    """Return a layout that covers the value; None of what is foreign, or too deep to be read."""
    try:
        layout = grammar(value)
    except LimitExceeded:
        return None
    if layout.is_foreign:
        return None
    assert_covers(layout, len(value))
    return resolve(layout, installed())
