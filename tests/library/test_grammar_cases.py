"""Whole files whose texts break a grammar, or spell what a reader searches for: cleaned, twice the same, and nothing refused."""

from pathlib import Path

import pytest

import csaclean
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from phantom_csa import series_tags
from phantom_file import Phantom, file_bytes
from phantom_protocol import as_value, phoenix
from phantom_writer import private_block
from phantoms import base_image

NAME = "Quillfeather"
BEGIN, END = "### ASCCONV BEGIN ###\n", "### ASCCONV END ###\n"
TEXTS = {
    "comment-quote": BEGIN + f"ucMode = 0x22 # '\"' {NAME}\n" + END,
    "comment-line-end": BEGIN + f"ucMode = 0xa # '\n' {NAME}\n" + END,
    "comment-spells-a-key": BEGIN + f'tComment = "{NAME} sees tProtocolName"\ntProtocolName = "head"\n' + END,
    "key-in-a-longer-key": BEGIN + f'{NAME}tProtocolName = "neck"\ntProtocolName = "head"\n' + END,
    "string-over-two-lines": BEGIN + f'tFree = "a\n{NAME}"\ntProtocolName = "head"\n' + END,
    "no-end": BEGIN + f"# {NAME}\nlContrasts = 1\n",
    "text-before": f"{NAME}\n" + BEGIN + "lContrasts = 1\n" + END,
    "text-between": BEGIN + "lContrasts = 1\n" + END + NAME + BEGIN + "lContrasts = 2\n" + END,
    "begin-in-a-section": BEGIN + f"lContrasts = 1\n# {NAME} {BEGIN}" + END,
    "xprotocol-not-closed": f'<XProtocol> {{ <ParamString."ProtocolName"> {{ "{NAME}',
    "quote-in-a-quoted-section": phoenix().replace("ulVersion", f"# '\"' {NAME}\nulVersion"),
    "label": f'<XProtocol> {{ <Label> "{NAME}, Ward 7" }}',
}


def _file(text: str, place: str) -> bytes:
    if place == "csa":
        tags = [tag for tag in series_tags() if tag.name != b"MrPhoenixProtocol"]
        tags.append(CsaTag.build("MrPhoenixProtocol", "UN", [text.encode("latin-1")]))
        return file_bytes(Phantom(base_image(series=csa.encode(CsaHeader.build(tags)))))
    block = private_block(0x0021, 0x10, b"SIEMENS MR SDS 01", {0x19: ("OB", as_value(text))})
    return file_bytes(Phantom(base_image(block)))


@pytest.mark.parametrize("policy", ["dead-space", "converter-safe", "strict"])
@pytest.mark.parametrize("place", ["csa", "xa"])
@pytest.mark.parametrize("case", TEXTS)
def test_a_text_is_cleaned_whatever_it_says(tmp_path: Path, case: str, place: str, policy: str) -> None:
    source, once, twice = (tmp_path / name for name in ("in.dcm", "once.dcm", "twice.dcm"))
    source.write_bytes(_file(TEXTS[case], place))
    csaclean.clean_file(source, once, policy)
    csaclean.clean_file(once, twice, policy)
    assert once.read_bytes() == twice.read_bytes()
    if policy != "dead-space" and case != "key-in-a-longer-key":
        assert NAME.encode() not in once.read_bytes()
