"""Where the tests of the protocol grammars get their texts, and what they compare."""

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import pydicom
import pytest
from hypothesis import strategies as st

from csaclean.model import Kind, Layout, Span
from csaclean.policy.fills import fill
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.protocol import layout_protocol
from phantom_protocol import (
    SETTINGS,
    Bare,
    Setting,
    as_value,
    ascconv,
    eva,
    phoenix,
    shell,
    short_form,
    xprotocol,
)
from tests.conftest import real_files
from tests.siemens.samples import nibabel_files, real_blobs

__all__ = [
    "FILLED_FORMS",
    "PROTOCOL_FILES",
    "RealText",
    "fields",
    "filled",
    "protocols",
    "real_texts",
    "shared_files",
    "tag_values",
    "values",
]

FILLED_FORMS: Final = frozenset(("text", "uid", "date", "datetime", "time"))
"""Forms that are redacted where no rule speaks of the field."""

_TAGS: Final = (b"MrPhoenixProtocol", b"MrProtocol", b"MrEvaProtocol")
_SHELL: Final = b'<XProtocol> \n{\n  <Name> "PhoenixMetaProtocol"'
_SIGNATURES: Final = (b"<XProtocol>", b"<EVAProtocol>", b"### ASCCONV BEGIN", b"StepName ")


class RealText(NamedTuple):
    """A protocol text of a real file, and whether it stands in an XProtocol."""

    value: bytes
    in_shell: bool


def _xa_texts(dataset: pydicom.Dataset) -> Iterator[bytes]:
    for item in dataset:
        if item.VR == "SQ":
            for nested in item.value:
                yield from _xa_texts(nested)
        elif (
            item.tag.group == 0x0021 and isinstance(item.value, bytes) and item.value.startswith(_SIGNATURES)
        ):
            yield item.value


def tag_values(path: Path, *names: bytes) -> list[bytes]:
    """Return the values of all tags of these names in the CSA headers of a file."""
    return [
        item.value
        for blob in real_blobs(path)
        if blob.startswith(b"SV10\4\3\2\1")
        for tag in csa.decode(blob).tags
        if tag.name in names
        for item in tag.items
        if item.value
    ]


@cache
def real_texts(path: Path) -> tuple[RealText, ...]:
    """Return the protocol texts of a file, of its series headers and of XA's elements: at least one."""
    found = tag_values(path, *_TAGS)
    if path.suffix == ".dcm":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # real files are not always valid DICOM; pydicom says so
            dataset = pydicom.dcmread(BytesIO(path.read_bytes()), force=True, stop_before_pixels=True)
            found += _xa_texts(dataset)
    assert found, "no protocol text"
    return tuple(RealText(value, value.startswith(_SHELL)) for value in dict.fromkeys(found))


def shared_files(*patterns: str, but: tuple[str, ...] = ()) -> list[Any]:
    """Return the paths of shared files as parameters, or the one that skips."""
    found: list[Any] = real_files(*patterns, but=but)
    return [
        parameter if parameter.values[0] is None else pytest.param(parameter.values[0].path, id=parameter.id)
        for parameter in found
    ]


_NIBABEL_FILES: Final = frozenset(
    ("0.dcm", "1.dcm", "csa2_zero_len.bin.gz", "siemens_dwi_0.dcm.gz", "siemens_dwi_1000.dcm.gz")
)

PROTOCOL_FILES: Final = [
    *(
        pytest.param(path, id=f"nibabel-{path.name}")
        for path in nibabel_files()
        if path.name in _NIBABEL_FILES
    ),
    *shared_files(
        "*siemens_*_001.dcm",
        "*siemens_*_[12].dcm",
        "*siemens_*_ts-1.dcm",
        but=("*siemens_ve11_phoenixzip-sr*", "*medcom-oog*", "*creators-anon*"),
    ),
]
"""Parameters for one file of each real series with a protocol text; one that skips where the shared files are absent."""


def fields(layout: Layout) -> list[tuple[str, str]]:
    """Return path and form of all fields but constants and unnamed numbers."""
    return [
        (span.path, span.form)
        for span in layout
        if span.kind is Kind.VALUE and span.form not in ("code", "assignments")
    ]


def values(text: bytes, path: str, **options: bool) -> list[bytes]:
    """Return what the fields of that path hold."""
    return [text[span.start : span.stop] for span in layout_protocol(text, **options) if span.path == path]


def filled(text: bytes, layout: Layout, wanted: Callable[[Span], bool], form: str | None = None) -> bytes:
    """Return the text with the wanted fields filled, each by its own form unless `form` is given."""
    parts = [
        fill(form or span.form, text[span.start : span.stop])
        if span.kind is Kind.VALUE and wanted(span)
        else text[span.start : span.stop]
        for span in layout
    ]
    return b"".join(parts)


_TEXTS: Final = st.text(
    st.one_of(st.characters(max_codepoint=0xFF, min_codepoint=1), st.sampled_from('""<>{}#=;X\\')),
    max_size=12,
)
_LINES: Final = _TEXTS.map(lambda text: text.replace("\n", " ").replace("\r", " "))
_KEYS: Final = st.one_of(
    st.sampled_from([*SETTINGS, "flUsedPatientWeight", "tPatientName", "sMdsEndPosSBCS_mm"]),
    st.from_regex(
        r"[a-z]{1,3}[A-Z][a-z]{1,5}(?:\[[0-9]\])?(?:\.[a-z]{1,4}(?:Patient|UID|Date)?)?", fullmatch=True
    ),
)
_VALUES: Final[st.SearchStrategy[Setting]] = st.one_of(
    _LINES,
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([Bare("0x1f"), Bare("1.2e-019"), Bare("0x20 # ' '"), Bare("yes"), Bare("")]),
)
_NAMES: Final = st.one_of(
    st.sampled_from(["ProtocolName", "Description", "PatientID", "image_type"]),
    st.text(st.characters(max_codepoint=0xFF, exclude_characters='"<>\r\n\0'), max_size=8),
)


@st.composite
def protocols(draw: st.DrawFn) -> bytes:
    """Draw a value with a protocol text of any kind, at any depth, with anything in its strings."""
    settings = draw(st.dictionaries(_KEYS, _VALUES, max_size=6))
    strings = draw(st.dictionaries(_NAMES, _TEXTS, max_size=4))
    depth = draw(st.integers(0, 3))
    vb = draw(st.booleans())
    section = ascconv(settings, separator=" = ", begin="") if vb else ascconv(settings)
    text = draw(
        st.sampled_from(
            [
                phoenix(settings, strings, depth=depth),
                shell(section * 2, depth=depth),
                xprotocol(strings) * 2 + section,
                eva(strings),
                short_form({"StepName": draw(_TEXTS), "Other": draw(_TEXTS)}),
            ]
        )
    )
    return as_value(text, draw(st.sampled_from([b"", b"\0", b"\0\0", b"\0left behind"])))


def is_text_in_part(value: bytes) -> bool:
    """Tell whether the grammar found a part of a text that it takes for text, and finds the same once all texts are filled."""
    layout = layout_protocol(value)
    new = bytearray(value)
    for span in layout:
        if span.kind is Kind.VALUE and span.form in ("text", "uid", "name"):
            new[span.start : span.stop] = fill(span.form, value[span.start : span.stop])
    again = layout_protocol(bytes(new))
    cuts = [(span.start, span.stop, span.kind, span.path) for span in layout]
    assert cuts == [(span.start, span.stop, span.kind, span.path) for span in again]
    assert layout.notes == again.notes
    return any(span.path in ("other", "ASCCONV/other") for span in layout)
