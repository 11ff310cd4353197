"""The promise of ``converter-safe`` held against the converter table: on paths as laid out, and as dcm2niix looks things up.

The second look-up is written here once more from the table's rows: elements by absolute number and by creator, tags by
name, keys of a protocol by first substring. It knows nothing of layouts.
"""

import struct
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import csaclean
from csaclean.dicom.file import find_start
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.engine import Cleaned, Engine
from csaclean.policy.policies import load_policy
from csaclean.registry import Registry, installed
from csaclean_handlers.siemens.converters import SiemensConverters
from phantoms import GOLDEN, OTHER_VENDORS
from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.readers import body, elements, protocol_text

TABLE: dict[str, list[dict[str, Any]]] = tomllib.loads(
    files("csaclean_handlers.siemens").joinpath("converters.toml").read_text("utf-8")
)
PROTOCOL_TAGS = ("MrPhoenixProtocol", "MrProtocol")
TEXTS = {"(0029,SIEMENS CSA HEADER,10)", "(0029,SIEMENS CSA HEADER,20)", "(0021,SIEMENS MR SDS 01,19)"}
"""Elements that are read by tag and key, not whole."""
LOGS = "(7FE1,SIEMENS CSA NON-IMAGE,10)"
"""Of these the lines that link them change."""

siemens_file = pytest.mark.parametrize("file", real_files("*siemens*.dcm"))
phantom = pytest.mark.parametrize("name", sorted(GOLDEN.keys() - OTHER_VENDORS))


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Return the installed handlers."""
    return installed()


def cleaned_elements(data: bytes, registry: Registry) -> list[Cleaned]:
    """Return what the engine makes of each claimed element of a file that is not deflated."""
    source = BytesSource(data)
    start = find_start(source)
    found = walk(source, start.syntax, start.offset)
    return (
        Engine(load_policy("converter-safe"), registry)
        .examine(found.elements, found.datasets, source)
        .cleaned
    )


def edits_of(cleaned: list[Cleaned]) -> Iterator[tuple[str, str, str]]:
    """Yield selector, path and reason of every edit."""
    for one in cleaned:
        for edit in one.edits:
            yield edit.select or one.claimed.selector, edit.field, edit.reason


def assert_unread(cleaned: list[Cleaned]) -> None:
    """Assert that no edited field is one that a converter reads, as laid out, nor its element as a whole."""
    table = SiemensConverters()
    redacted = 0
    for selector, path, reason in edits_of(cleaned):
        if reason == "redact":
            assert not table.consumers(selector, path), f"{selector} {path}"
            if selector not in TEXTS | {LOGS}:
                assert not table.consumers(selector, ""), selector
            redacted += 1
        else:
            assert reason in ("dead", "view")
    assert redacted or not cleaned


@siemens_file
def test_no_edit_of_a_real_file_lies_in_a_field_that_a_converter_reads(
    file: RealFile, registry: Registry
) -> None:
    assert_unread(cleaned_elements(file.path.read_bytes(), registry))


@phantom
def test_no_edit_of_a_phantom_lies_in_a_field_that_a_converter_reads(name: str, registry: Registry) -> None:
    data = body(GOLDEN[name]())  # of a deflated file what is in it
    cleaned = cleaned_elements(data, registry)
    assert cleaned
    assert_unread(cleaned)


# Found as dcm2niix finds it, from the rows alone


def tags(blob: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Yield names and items of a CSA2 header, whole, by the second word of each item."""
    (count,) = struct.unpack_from("<I", blob, 8)
    position = 16
    for _ in range(count):
        name = blob[position : position + 64].split(b"\0")[0].decode("latin-1")
        (items,) = struct.unpack_from("<i", blob, position + 76)
        position += 84
        values = []
        for _ in range(items):
            (size,) = struct.unpack_from("<i", blob, position + 4)
            values.append(blob[position + 16 : position + 16 + size].split(b"\0")[0])
            position += 16 + (size + 3) // 4 * 4
        yield name, values


def lines(text: bytes) -> dict[str, bytes]:
    """Return for each key of the table the rest of the line behind its first occurrence between BEGIN and END."""
    begin = text.find(b"### ASCCONV BEGIN")
    section = text[begin : text.find(b"### ASCCONV END", begin)] if begin >= 0 else b""
    found = {}
    for row in TABLE["ascconv"]:
        for number in range(64) if "[*]" in row["key"] else (0,):
            key = row["key"].replace("[*]", f"[{number}]")
            at = section.find(key.encode("ascii"))
            if at >= 0:
                found[key] = section[at:].split(b"\n", 1)[0]
    return found


def read_fields(data: bytes) -> dict[tuple[object, ...], object]:
    """Return all that the rows of the table find in a file."""
    found: dict[tuple[object, ...], object] = {}
    whole = {(int(r["group"], 16), int(r["block"], 16), int(r["offset"], 16)) for r in TABLE["element"]}
    named = {(int(r["group"], 16), r["creator"].casefold(), int(r["offset"], 16)) for r in TABLE["element"]}
    for place, one in enumerate(elements(data)):
        group, block = one.tag >> 16, one.tag >> 8 & 0xFF
        if one.value.startswith(b"SV10") and group == 0x0029:
            for name, values in tags(one.value):
                if name in PROTOCOL_TAGS:
                    found |= {
                        (place, key): value for key, value in lines(values[0] if values else b"").items()
                    }
                elif any(row["tag"] == name for row in TABLE["csa"]):
                    found[place, name] = values
        elif (group, one.offset) == (0x0021, 0x19) and b"ASCCONV" in one.value:
            found |= {(place, key): value for key, value in lines(protocol_text(one.value)).items()}
        elif group == 0x7FE1 or (group, one.offset) in ((0x0029, 0x10), (0x0029, 0x20)):
            continue
        elif (group, one.creator, one.offset) in named or (
            (group, block, one.offset) in whole and (one.creator or "") not in OTHERS
        ):
            found[place, one.tag] = one.value
    return found


OTHERS = {
    "siemens medcom oog",
    "siemens medcom header",
    "siemens medcom header2",
    "siemens mr sdi 02",
    "siemens mr sdi phoenixzip",
}
"""Creators that stand at numbers of the table and that dcm2niix tells apart, by name or because there is no text of its."""


@siemens_file
def test_every_row_of_the_table_finds_the_same_bytes(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    before, after = read_fields(done.before), read_fields(done.after)
    assert before.keys() == after.keys()
    assert not [key for key in before if before[key] != after[key]]
    assert before or any(name in file.name for name in ("medcom-oog", "phoenixzip-sr"))


@phantom
def test_every_row_of_the_table_finds_the_same_bytes_in_a_phantom(name: str, tmp_path: Path) -> None:
    (tmp_path / "in.dcm").write_bytes(GOLDEN[name]())
    csaclean.clean_file(tmp_path / "in.dcm", tmp_path / "out.dcm")
    before, after = (read_fields(body((tmp_path / part).read_bytes())) for part in ("in.dcm", "out.dcm"))
    assert before or name.startswith("csa1")  # which dcm2niix doesn't read
    assert before == after


def test_strict_is_noticed_by_the_same_search(clean: Clean) -> None:
    parameters = real_files("*fmri-mosaic-ap*", "*xa30i_asl-classic_001*")
    for file in (parameter.values[0] for parameter in parameters):  # type: ignore[attr-defined]
        if file is None:
            pytest.skip(str(parameters[0].marks[0].kwargs["reason"]))  # type: ignore[attr-defined]
        done = clean(file, "strict")
        before, after = read_fields(done.before), read_fields(done.after)
        differing = {key[1] for key in before if before[key] != after[key]}
        assert differing >= {"tSequenceFileName", "sCoilElementID.tCoilID", "sGRADSPEC.alShimCurrent[0]"}
