"""Laws that every grammar of Siemens elements obeys, with fills that owe nothing to the program's own.

What every handler's elements obey is in `tests.siemens.test_conformance`.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csaclean.handler import Claim, PrivateElement, parse_selector
from csaclean.model import Kind, Layout
from csaclean_handlers.siemens.autoalign import layout_autoalign
from csaclean_handlers.siemens.encapsulated import layout_encapsulated
from csaclean_handlers.siemens.medcom import layout_history, layout_oog
from csaclean_handlers.siemens.physio import layout_signal
from csaclean_handlers.siemens.texts import (
    layout_channels,
    layout_data_role,
    layout_data_set_info,
    layout_external_info,
    layout_patient_record,
)
from phantom_csa import PATIENT_RECORD
from phantom_medcom import history, oog
from phantom_physio import log, signal
from phantom_texts import (
    autoalign,
    data_role,
    diffusion_xml,
    external_info,
)
from tests.siemens.layout_laws import (
    assert_laid_out_alike,
    fields,
    filled,
    laid_out_or_refused,
)
from tests.siemens.samples import untimed

Grammar = Callable[[bytes], Layout]

SIGNAL: Final = parse_selector("(7FE1,SIEMENS CSA NON-IMAGE,10)")


def _signal(value: bytes) -> Layout:
    return layout_signal(PrivateElement(Claim(SIGNAL), SIGNAL, "OB", value, "<", (), {0x00200012: b"3 "}.get))


def _fine_oog(value: bytes) -> Layout:
    return layout_oog(value, fine=True)


PHANTOMS: Final[Mapping[str, tuple[Grammar, bytes]]] = {
    "autoalign": (layout_autoalign, autoalign()),
    "autoalign-unexpected": (layout_autoalign, autoalign(more="Comment=Doe, J|free text;|")),
    "oog": (layout_oog, oog(tail=b"\0e")),
    "oog-fine": (_fine_oog, oog()),
    "history": (layout_history, history(tail=b"9")),
    "log": (_signal, log(blocks=2, cut=7)),
    "log-named-otherwise": (_signal, log(blocks=1).replace(b"Physio_", b"Recall_", 1)),
    "signal": (_signal, signal()),
    "patient-record": (layout_patient_record, PATIENT_RECORD),
    "patient-record-other": (layout_patient_record, PATIENT_RECORD + b";Doe"),
    "external-info": (layout_external_info, external_info()),
    "channels": (layout_channels, b"XX-X" * 8),
    "data-role": (layout_data_role, data_role("Doe")),
    "data-set-info": (layout_data_set_info, diffusion_xml()),
    "no-xml": (layout_data_role, data_role().replace(b"</Categories>", b"")),
    "encapsulated-other": (layout_encapsulated, b"no base64"),
}

grammars = pytest.mark.parametrize(("grammar", "phantom"), PHANTOMS.values(), ids=PHANTOMS)


@grammars
def test_nothing_of_a_phantom_is_opaque(grammar: Grammar, phantom: bytes) -> None:
    assert Kind.OPAQUE not in [span.kind for span in grammar(phantom)]


@grammars
def test_a_value_with_every_field_filled_is_laid_out_alike(grammar: Grammar, phantom: bytes) -> None:
    layout = grammar(phantom)
    new = filled(phantom, layout)
    assert len(new) == len(phantom)
    assert_laid_out_alike(layout, grammar(new))


@grammars
def test_filling_twice_is_filling_once(grammar: Grammar, phantom: bytes) -> None:
    once = filled(phantom, grammar(phantom))
    assert filled(once, grammar(once)) == once


@untimed
@given(st.sampled_from(sorted(PHANTOMS)), st.data())
def test_a_value_with_some_fields_filled_is_laid_out_alike(name: str, data: st.DataObject) -> None:
    grammar, phantom = PHANTOMS[name]
    layout = grammar(phantom)
    chosen = data.draw(st.sets(st.sampled_from(sorted({path for path, _, _ in fields(phantom, layout)}))))
    assert_laid_out_alike(layout, grammar(filled(phantom, layout, chosen)))


@untimed
@given(st.sampled_from(sorted(PHANTOMS)), st.data())
def test_a_cut_value_is_laid_out_foreign_or_refused(name: str, data: st.DataObject) -> None:
    grammar, phantom = PHANTOMS[name]
    cut = phantom[: data.draw(st.integers(0, len(phantom)))]
    layout = laid_out_or_refused(grammar, cut)
    if layout is not None and not layout.is_foreign:
        assert_laid_out_alike(layout, grammar(filled(cut, layout)))


@untimed
@given(st.sampled_from(sorted(PHANTOMS)), st.data())
def test_a_value_with_changed_bytes_is_laid_out_foreign_or_refused(name: str, data: st.DataObject) -> None:
    grammar, phantom = PHANTOMS[name]
    changed = bytearray(phantom)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(phantom) - 1))
        changed[at] = data.draw(st.integers(0, 255) | st.sampled_from(b"'\",;|/\\()<>=_\0 \n0A"))
    layout = laid_out_or_refused(grammar, bytes(changed))
    if layout is not None and not layout.is_foreign:
        assert_laid_out_alike(layout, grammar(filled(bytes(changed), layout)))


@untimed
@given(st.sampled_from(sorted(PHANTOMS)), st.binary(max_size=60), st.data())
def test_a_value_with_bytes_put_in_is_laid_out_foreign_or_refused(
    name: str, more: bytes, data: st.DataObject
) -> None:
    grammar, phantom = PHANTOMS[name]
    at = data.draw(st.integers(0, len(phantom)))
    changed = phantom[:at] + more + phantom[at:]
    layout = laid_out_or_refused(grammar, changed)
    if layout is not None and not layout.is_foreign:
        assert_laid_out_alike(layout, grammar(filled(changed, layout)))


@untimed
@given(
    st.sampled_from(sorted({grammar for grammar, _ in PHANTOMS.values()}, key=str)), st.binary(max_size=200)
)
def test_any_bytes_are_laid_out_foreign_or_refused(grammar: Grammar, value: bytes) -> None:
    laid_out_or_refused(grammar, value)


HOSTILE: Final = [
    (layout_autoalign, b"/AAMElement0:"),
    (layout_autoalign, b"Matrix="),
    (layout_autoalign, b"Matrix=1|"),
    (layout_autoalign, b"CenterVector=,"),
    (layout_oog, b"STEP;'"),
    (layout_oog, b"STEP;''"),
    (layout_oog, b"STEP;("),
    (layout_oog, b"STEP;1 , "),
    (layout_oog, b"' "),
    (layout_history, "MEDCOM HISTORY V1.1\0".encode("utf-16-le")),
    (layout_history, "\\\\".encode("utf-16-le")),
    (_signal, b" PULS"),
    (_signal, b"UUID = "),
    (layout_external_info, b"|"),
    (layout_data_role, b"<a"),
    (layout_data_role, b"<a "),
    (layout_data_role, b"<a b='"),
    (layout_data_role, b"<!--"),
    (layout_data_role, b"<![CDATA["),
    (layout_data_role, b"<a>1 2 "),
    (layout_patient_record, b"1;"),
    (layout_encapsulated, b"QUJD\n"),
]
_STARTS: Final[dict[Grammar, bytes]] = {
    layout_oog: b"STEP;@1=A(",
    layout_history: "MEDCOM HISTORY V1.1\0".encode("utf-16-le"),
}


@pytest.mark.parametrize(("grammar", "part"), HOSTILE)
def test_time_is_in_proportion_to_the_length(grammar: Grammar, part: bytes) -> None:
    def seconds(size: int) -> float:
        value = (_STARTS.get(grammar, b"") + part * (size // len(part)))[:size]
        start = time.process_time()
        laid_out_or_refused(grammar, value)
        return time.process_time() - start

    assert seconds(400_000) < 5  # a quadratic walk over so much takes minutes
