"""The protocol texts of real files: all of them accounted for, no name unknown, other readers see the same."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from csaclean.model import Kind, Span
from csaclean_handlers.siemens.phoenixzip import layout_phoenix_zip, layout_sr_message
from csaclean_handlers.siemens.protocol import layout_protocol
from phantom_protocol import shell
from tests.siemens.protocol_samples import (
    FILLED_FORMS,
    PROTOCOL_FILES,
    RealText,
    filled,
    is_text_in_part,
    real_texts,
    shared_files,
    tag_values,
)
from tests.siemens.samples import nibabel_files

_SECTION: Final = re.compile(rb"### ASCCONV BEGIN[^\n]*\n(.*?)### ASCCONV END", re.DOTALL)
_LINE: Final = re.compile(rb'(?m)^([\w.\[\]]+)[ \t]*=[ \t]*("*)(.*?)\2[ \t]*$')


def _quoted_sample() -> RealText:
    """Return nibabel's sample of an ASCCONV section, which is quoted once, inside a made-up shell."""
    folder = nibabel_files()[0].parent
    before, after = shell("@").encode("ascii").split(b"@")
    return RealText(before + (folder / "ascconv_sample.txt").read_bytes() + after, in_shell=True)


def _redactable(span: Span) -> bool:
    return span.form in FILLED_FORMS


def _settings(text: RealText) -> dict[str, Any]:
    """Return what nibabel reads, keyed as the text is.

    The lines ``KEY.__attribute__.size`` of VD11 and later are left out: nibabel's parser refuses them.
    """
    from nibabel.nicom.ascconv import parse_ascconv

    decoded = text.value.split(b"\0", 1)[0].decode("latin-1")
    begin = decoded.index("### ASCCONV BEGIN")
    end = decoded.index("### ASCCONV END ###") + len("### ASCCONV END ###")
    lines = [line for line in decoded[begin:end].split("\n") if ".__attribute__." not in line]
    parsed, _ = parse_ascconv("\n".join(lines), '""' if text.in_shell else '"')
    flat: dict[str, Any] = {}
    open_nodes: list[tuple[str, Any]] = [("", parsed)]
    while open_nodes:
        path, node = open_nodes.pop()
        if isinstance(node, dict):
            open_nodes += [(f"{path}.{key}" if path else str(key), value) for key, value in node.items()]
        elif isinstance(node, list):
            open_nodes += [(f"{path}[{index}]", value) for index, value in enumerate(node)]
        else:
            flat[path] = node
    return flat


def _all_texts(path: Path) -> list[RealText]:
    found = [text for text in real_texts(path) if b"ASCCONV" in text.value]
    return [*found, _quoted_sample()]


def test_the_sample_of_nibabel_is_laid_out_in_a_shell() -> None:
    sample = _quoted_sample()
    layout = layout_protocol(sample.value)
    assert not [span for span in layout if span.form == "name"]
    assert layout.stops[-1] == len(sample.value)


@pytest.mark.parametrize("path", PROTOCOL_FILES)
class TestARealProtocol:
    @pytest.mark.parametrize("fine", [False, True])
    def test_is_accounted_for_to_the_last_byte(self, path: Path, fine: bool) -> None:
        for text in real_texts(path):
            layout = layout_protocol(text.value, fine=fine)
            assert layout.stops[-1] == len(text.value)
            assert {span.kind for span in layout} <= {Kind.STRUCTURE, Kind.VALUE, Kind.DEAD}
            assert not layout.notes

    def test_holds_no_unknown_name(self, path: Path) -> None:
        for text in real_texts(path):
            spans = list(layout_protocol(text.value, fine=True))
            assert sum(span.form == "name" for span in spans) == 0
            assert sum("/?" in span.path and span.form != "code" for span in spans) == 0

    def test_has_the_keys_that_a_plain_search_finds(self, path: Path) -> None:
        for text in real_texts(path):
            found = {
                f"ASCCONV/{line[1].decode('ascii')}"
                for section in _SECTION.finditer(text.value)
                for line in _LINE.finditer(section[1])
                if line[3]
            }
            paths = {
                span.path
                for span in layout_protocol(text.value, fine=True)
                if span.path.startswith("ASCCONV/")
                if not span.path.startswith("ASCCONV/BEGIN/") and not span.path.endswith("/remark")
            }
            assert paths == found

    def test_is_laid_out_as_before_once_its_texts_are_filled(self, path: Path) -> None:
        for text in real_texts(path):
            layout = layout_protocol(text.value)
            after = filled(text.value, layout, _redactable, "text")
            assert [span[:4] for span in layout_protocol(after)] == [span[:4] for span in layout]

    def test_loses_nothing_but_the_filled_keys_for_nibabel(self, path: Path) -> None:
        for text in _all_texts(path):
            layout = layout_protocol(text.value)
            after = text._replace(value=filled(text.value, layout, _redactable))
            before, now = _settings(text), _settings(after)
            assert list(before) == list(now)
            keys = {span.path.removeprefix("ASCCONV/") for span in layout if _redactable(span)}
            changed = {key for key, value in before.items() if now[key] != value}
            assert changed <= keys
            assert changed, "nothing was filled"

    def test_keeps_reference_images_as_uids(self, path: Path) -> None:
        for text in real_texts(path):
            forms = {
                span.form
                for span in layout_protocol(text.value)
                if span.path.startswith("ASCCONV/tReferenceImage")
            }
            assert forms <= {"uid", "number"}


def test_a_cut_real_protocol_is_text() -> None:
    text = _quoted_sample().value
    for size in range(20, len(text.rstrip()), 997):
        assert is_text_in_part(text[:size])


@pytest.mark.parametrize("path", shared_files("*siemens_ve11_phoenixzip-sr_1.dcm"))
class TestARealPhoenixReport:
    def test_shows_records(self, path: Path) -> None:
        (value,) = tag_values(path, b"SrMsgBuffer")
        spans = [span for span in layout_sr_message(value) if span.kind is Kind.VALUE]
        assert len(spans) == 29
        assert {(span.path, span.form) for span in spans} == {("record", "text")}

    def test_holds_its_protocols_in_one_field(self, path: Path) -> None:
        (value,) = tag_values(path, b"PhoenixZIP")
        assert [span.path for span in layout_phoenix_zip(value)] == ["Edf", ""]
