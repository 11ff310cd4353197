"""The grammar of each Siemens element that has one: from selector to function.

Padding of text to even length (PS3.5 section 6.2: spaces, or NULs as some writers put them) is structure.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from csaclean.handler import PrivateElement
from csaclean.model import Builder, Layout
from csaclean_handlers.siemens.autoalign import layout_autoalign
from csaclean_handlers.siemens.csa_layout import layout_csa
from csaclean_handlers.siemens.encapsulated import layout_data_set
from csaclean_handlers.siemens.medcom import HISTORY_SIGNATURE, OOG_SIGNATURE, layout_history, layout_oog
from csaclean_handlers.siemens.physio import layout_signal
from csaclean_handlers.siemens.protocol import layout_protocol
from csaclean_handlers.siemens.texts import (
    layout_channels,
    layout_data_role,
    layout_data_set_info,
    layout_external_info,
    layout_patient_record,
)

__all__ = ["GRAMMARS", "Grammar"]

Grammar = Callable[[PrivateElement], Layout]
"""Says what each byte of an element is."""

_PADDING = b"\0 "


def _text(grammar: Callable[[bytes], Layout]) -> Grammar:
    """Return the grammar of an element that holds a text and its padding."""

    def layout(element: PrivateElement) -> Layout:
        builder = Builder()
        text = element.value.rstrip(_PADDING)
        builder.inline(grammar(text), "")
        builder.structure(len(element.value))
        return builder.done(len(element.value))

    return layout


def _csa(element: PrivateElement) -> Layout:
    return layout_csa(element.value, fine=element.fine)


def _protocol(element: PrivateElement) -> Layout:
    return layout_protocol(element.value, fine=element.fine)


def _history(element: PrivateElement) -> Layout:
    return layout_history(element.value)


def _oog(element: PrivateElement) -> Layout:
    return layout_oog(element.value, element.fine)


def _by_signature(element: PrivateElement) -> Layout:
    """Lay out an element that was never seen, or not understood: by its first bytes, a data set too, else it is one opaque field."""
    value = element.value
    if value.startswith((b"SV10", b"VS01")):
        return _csa(element)
    if value.startswith(OOG_SIGNATURE):
        return _oog(element)
    if value.startswith(HISTORY_SIGNATURE):
        return _history(element)
    nested = layout_data_set(value)
    if nested is not None:
        return nested
    builder = Builder()
    builder.value(len(value), "", "opaque")  # nulls too: its fill is laid out as it is
    return builder.done(len(value))


GRAMMARS: Final[Mapping[str, Grammar]] = MappingProxyType(
    {
        "(0029,SIEMENS CSA HEADER,10)": _csa,
        "(0029,SIEMENS CSA HEADER,20)": _csa,
        "(0021,SIEMENS MR SDS 01,19)": _protocol,
        "(0021,SIEMENS MR SDI PHOENIXZIP,01)": _protocol,
        "(0021,SIEMENS MR SDS 01,2B)": _text(layout_patient_record),
        "(0021,SIEMENS MR SDS 01,3F)": _text(layout_autoalign),
        "(0021,SIEMENS MR SDS 01,43)": _text(layout_external_info),
        "(0021,SIEMENS MR SDI 02,67)": _text(layout_data_role),
        "(0021,SIEMENS MR SDI 02,68)": _by_signature,
        "(0021,SIEMENS MR SDI 02,69)": _by_signature,
        "(0021,SIEMENS MR SDI 02,70)": _text(layout_data_set_info),
        "(0021,SIEMENS MR SDI 02,71)": _text(layout_channels),
        "(0029,SIEMENS CSA NON-IMAGE,10)": _by_signature,
        "(0029,SIEMENS MEDCOM HEADER,10)": _by_signature,
        "(0029,SIEMENS MEDCOM HEADER,20)": _history,
        "(0029,SIEMENS MEDCOM OOG,10)": _oog,
        "(7FE1,SIEMENS CSA NON-IMAGE,10)": layout_signal,
        "(7FE1,SIEMENS MR IMA,10)": _by_signature,
    }
)
"""By canonical selector."""
