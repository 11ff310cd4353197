"""What other projects read from real files: the same before and after, but for what identifies.

nibabel, csa_header and GDCM (``test_gdcm.py``) are run. SPM, MRtrix3, dicom2nifti and spec2nii are not: what they do with a
CSA header is written here again, in few lines, from their sources. Which tags they use stands in the converter table.
"""

import re
import struct
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

import pytest

from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.readers import NAMED, Element, protocol_text, siemens_elements

TABLE: Final[dict[str, list[dict[str, Any]]]] = tomllib.loads(
    files("csaclean_handlers.siemens").joinpath("converters.toml").read_text("utf-8")
)
PROTOCOLS: Final = ("MrPhoenixProtocol", "MrProtocol")
TOLD: Final = re.compile(
    r"t(?:ReferenceImage\d|(?:default|current)EVAProt)|.*\.(?:sCoilElementID\.t(?:Element|CoilClass)|tCoilManufacturer"
    r"|\w*UUID|UIConfigurator|sWiPMemBlock\.tFree)|sSpecPara\.lFinalMatrixSize(?:Phase|Read|Slice)"
)
"""Keys of a protocol that identify."""
NO_HEADER: Final = ("*medcom-oog*", "*siemens_xa*")
csa_file = pytest.mark.parametrize("file", real_files("*siemens*.dcm", but=NO_HEADER))
protocol_file = pytest.mark.parametrize(
    "file",
    real_files("*siemens*.dcm", but=("*medcom-oog*", "*creators-anon*", "*phoenixzip-sr*")),
)


def read_by(consumer: str) -> set[str]:
    """Return the CSA tags that a consumer reads and that are no protocol."""
    return {row["tag"] for row in TABLE["csa"] if consumer in row["consumers"]} - set(PROTOCOLS)


def headers(data: bytes) -> list[Element]:
    """Return the CSA2 headers of a file."""
    return [one for one in siemens_elements(data) if one.value.startswith(b"SV10")]


def texts(data: bytes) -> list[bytes]:
    """Return all protocols of a file that have an ASCCONV part."""
    found = []
    for one in siemens_elements(data):
        if one.value.startswith(b"SV10"):
            found += [
                values[0]
                for name, _, values in items_by_second_word(one.value)
                if name in PROTOCOLS and values
            ]
        elif one.place == (0x0021, "siemens mr sds 01", 0x19):
            found.append(one.value)
    return [protocol_text(text) for text in found if b"### ASCCONV BEGIN" in text]


def flattened(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield dotted paths and leaves of nested dictionaries and lists."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flattened(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from flattened(inner, f"{path}[{number}]")
    else:
        yield path, value


def assert_keys(before: object, after: object) -> int:
    """Assert that two parsed protocols have the same keys, and the same values but for what identifies; count them."""
    old, new = dict(flattened(before)), dict(flattened(after))
    assert list(old) == list(new)
    differing = [key for key in old if repr(old[key]) != repr(new[key])]
    assert not [key for key in differing if not TOLD.fullmatch(key)]
    return len(old)


# nibabel


def nibabel_protocol(text: bytes) -> object:
    """Return a protocol as nibabel parses it (``nicom/ascconv.py``); it wants BEGIN at the head of the string."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import ascconv
    start = text.index(b"### ASCCONV BEGIN")
    delimiter = '""' if b'\t = \t""' in text or re.search(rb'= +""', text) else '"'
    parsed, attributes = ascconv.parse_ascconv(text[start:].decode("latin-1"), str_delim=delimiter)
    return {"attributes": dict(attributes), **parsed}


def outcome(reader: Callable[[bytes], object], value: bytes) -> object:
    """Return what a reader makes of a value; the name of what it raises, if it doesn't read it."""
    try:
        return reader(value)
    except Exception as error:  # noqa: BLE001  # of many kinds
        return type(error).__name__


@protocol_file
def test_nibabel_parses_the_same_protocol(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    old, new = texts(done.before), texts(done.after)
    assert old
    for before, after in zip(old, new, strict=True):
        parsed = outcome(nibabel_protocol, before)
        again = outcome(nibabel_protocol, after)
        if isinstance(parsed, str):
            assert parsed == again
        else:
            assert assert_keys(parsed, again) > 100


# csa_header


def csa_header_tags(blob: bytes) -> object:
    """Return the tags of a header as csa_header parses them, its protocol parsed too."""
    import csa_header

    return {name: tag["value"] for name, tag in csa_header.CsaHeader(blob).read().items()}


@csa_file
def test_csa_header_parses_the_same_tags(file: RealFile, clean: Clean) -> None:
    pytest.importorskip("csa_header", reason="csa_header is not installed")
    done = clean(file, "converter-safe")
    for old, new in zip(headers(done.before), headers(done.after), strict=True):
        before, after = outcome(csa_header_tags, old.value), outcome(csa_header_tags, new.value)
        if isinstance(before, str):
            assert before == after
            continue
        assert isinstance(before, dict)
        assert isinstance(after, dict)
        assert before.keys() == after.keys()
        for name in before:
            if isinstance(before[name], dict):
                assert_keys(before[name], after[name])
            elif name == "MrProtocol" and before[name]:
                assert_keys(*(dicom2nifti_lines(side[name].encode("latin-1")) for side in (before, after)))
            elif repr(before[name]) != repr(after[name]):
                assert name in NAMED - set(PROTOCOLS), name


# By the rules of others

Tag = tuple[str, str, list[Any]]


def _walk(blob: bytes, word: int) -> Iterator[tuple[str, str, list[tuple[tuple[int, ...], int, int]]]]:
    """Yield name, VR and (words, start, stop) of the items of each tag, their length taken from one of four words."""
    (count,) = struct.unpack_from("<I", blob, 8)
    position = 16
    for _ in range(count):
        name = blob[position : position + 64].split(b"\0")[0].decode("latin-1")
        vr = blob[position + 68 : position + 72].split(b"\0")[0].decode("latin-1")
        (number,) = struct.unpack_from("<i", blob, position + 76)
        position += 84
        found = []
        for _ in range(number):
            words = struct.unpack_from("<4i", blob, position)
            start = position + 16
            found.append((words, start, start + words[word]))
            position = start + (words[word] + 3) // 4 * 4
        yield name, vr, found


def items_by_second_word(blob: bytes) -> Iterator[Tag]:
    """Yield the filled items of each tag up to their NUL, as nibabel and so spec2nii read them (x1)."""
    for name, vr, found in _walk(blob, 1):
        yield name, vr, [blob[start:stop].split(b"\0")[0] for _, start, stop in found if stop > start]


def items_of_spm(blob: bytes) -> Iterator[Tag]:
    """Yield the items as SPM reads them (``spm_dicom_headers.m`` read_csa2: length x1; ``spm_dicom_convert.m`` line 1267
    and get_numaris4_val: an item is shown if x0 isn't 0, what stands behind its NUL is cut, the rest is trimmed).
    """  # noqa: D205
    for name, vr, found in _walk(blob, 1):
        yield name, vr, [blob[start:stop].split(b"\0")[0].strip() for words, start, stop in found if words[0]]


def items_of_mrtrix(blob: bytes) -> Iterator[Tag]:
    """Yield the items as MRtrix3 reads them (``core/file/dicom/csa_entry.h``): length x0, numbers out of the padded bytes, of
    which it wants all: whatever stands behind the number makes it fail.
    """  # noqa: D205
    for name, vr, found in _walk(blob, 0):
        values: list[object] = []
        for _, start, stop in found:
            padded = blob[start : start + (stop - start + 3) // 4 * 4]
            text = padded.rstrip(b"\0 ").decode("latin-1")
            try:
                values.append(float(text) if vr in ("FD", "FL", "DS", "IS", "US", "SS", "UL", "SL") else text)
            except ValueError:
                values.append("incomplete use of string" if text else None)
        yield name, vr, values


RULES: Final[dict[str, Callable[[bytes], Iterator[Tag]]]] = {
    "nb": items_by_second_word,
    "s2": items_by_second_word,
    "sp": items_of_spm,
    "mr": items_of_mrtrix,
}


@pytest.mark.parametrize("consumer", RULES)
@csa_file
def test_tags_are_the_same_by_the_rules_of(file: RealFile, consumer: str, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    wanted = read_by(consumer)
    assert len(wanted) > 5
    compared = 0
    for old, new in zip(headers(done.before), headers(done.after), strict=True):
        before, after = list(RULES[consumer](old.value)), list(RULES[consumer](new.value))
        assert [one[:2] for one in before] == [one[:2] for one in after]
        for (name, _, values), (_, _, again) in zip(before, after, strict=True):
            if name in wanted:
                assert values == again, name
                compared += bool(values)
            elif name not in NAMED:
                assert values == again, name
    assert compared or "orphan" in file.name or "phoenixzip-sr" in file.name


def dicom2nifti_lines(blob: bytes) -> dict[str, str]:
    """Return the lines of the protocol as dicom2nifti reads them (``convert_siemens.py`` lines 403-411): out of the raw bytes
    of (0029,1020), from the first BEGIN to the last END.
    """  # noqa: D205
    text = blob.decode("ascii", "replace")
    section = text[text.find("### ASCCONV BEGIN") : text.rfind("### ASCCONV END ###")]
    pairs = (line.partition("=") for line in section.splitlines()[1:])
    return {key.strip(): value.strip() for key, sign, value in pairs if sign}


@csa_file
def test_lines_are_the_same_by_the_rules_of_dicom2nifti(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    wanted = [
        re.compile(re.escape(row["key"]).replace(r"\[\*\]", r"\[\d+\]"))
        for row in TABLE["ascconv"]
        if "d2" in row["consumers"]
    ]
    compared = 0
    for old, new in zip(headers(done.before), headers(done.after), strict=True):
        if old.offset == 0x20 and b"### ASCCONV BEGIN" in old.value:
            before, after = dicom2nifti_lines(old.value), dicom2nifti_lines(new.value)
            assert before.keys() == after.keys()
            for key in before:
                if any(pattern.fullmatch(key) for pattern in wanted):
                    assert before[key] == after[key], key
                    compared += 1
    assert compared or "creators-anon" in file.name or "phoenixzip-sr" in file.name


def test_rules_of_others_notice_a_changed_item(clean: Clean) -> None:
    (parameter,) = real_files("*vb12_dwi*")
    file: RealFile | None = parameter.values[0]  # type: ignore[attr-defined]
    if file is None:
        pytest.skip(str(parameter.marks[0].kwargs["reason"]))  # type: ignore[attr-defined]
    blob = headers(clean(file, "converter-safe").after)[0].value
    place = next(found[0][1] for name, _, found in _walk(blob, 1) if name == "B_value")
    changed = blob[:place] + b"7" + blob[place + 1 :]
    assert all(list(rule(blob)) != list(rule(changed)) for rule in RULES.values())
