"""Every real file, under every policy: what changes is what should, and other projects' readers agree."""

import re
import struct
import warnings
from collections import Counter
from typing import Any

import pytest

from csaclean import Report
from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean, Cleaned
from tests.real.readers import (
    BLANKED,
    HEADERS,
    NAMED,
    PROTOCOLS,
    Element,
    claimed_elements,
    elements,
    flat,
    identifying,
    private_matter,
    read,
    siemens_elements,
    walk_csa2,
)

POLICIES = ("dead-space", "converter-safe")
NOT_CSA = ("*medcom-oog*",)
SIEMENS = "*siemens*"
CSA = ("*siemens_v*", "*orphan-csa*")

every_policy = pytest.mark.parametrize("policy", POLICIES)
every_file = pytest.mark.parametrize("file", real_files("*.dcm"))
every_csa_file = pytest.mark.parametrize("file", real_files(*CSA, but=NOT_CSA))
siemens_file = pytest.mark.parametrize("file", real_files("*siemens*.dcm"))
WITHOUT = ("*hitachi*", "*bruker*")
other_vendors_file = pytest.mark.parametrize("file", real_files("*.dcm", but=("*siemens*", *WITHOUT)))
file_without_private_elements = pytest.mark.parametrize("file", real_files(*WITHOUT))


def unclaimed(report: Report) -> dict[str, int]:
    """Return how many elements of each selector nobody claims."""
    return {f"{one.selector} {one.reason}": one.count for one in report.unclaimed}


# Bytes


@every_policy
@every_csa_file
def test_a_csa_file_is_cleaned(file: RealFile, policy: str, clean: Clean) -> None:
    if policy == "dead-space" and "creators-anon" in file.name:  # somebody nulled its dead bytes before
        assert clean(file, policy).report.status == "unchanged"
    else:
        assert clean(file, policy).report.status == "cleaned"


@every_policy
@every_csa_file
def test_no_dead_byte_of_a_csa_header_survives(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    headers = [one for one in claimed_elements(done.after) if one.offset in HEADERS]
    assert headers
    assert [walk_csa2(one.value).dead_bytes(one.value)[1] for one in headers] == [0] * len(headers)


def differing(old: bytes, new: bytes) -> list[int]:
    """Return the offsets at which two values differ."""
    return [offset for offset, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]


def pairs(file: RealFile, policy: str, clean: Clean) -> list[tuple[Element, Element]]:
    """Return Siemens' elements before and after; they stand where they stood."""
    done = clean(file, policy)
    old, new = siemens_elements(done.before), siemens_elements(done.after)
    assert [one._replace(value=b"") for one in old] == [one._replace(value=b"") for one in new]
    return list(zip(old, new, strict=True))


@every_policy
@siemens_file
def test_only_dead_bytes_and_fields_that_identify_change(file: RealFile, policy: str, clean: Clean) -> None:
    for old, new in pairs(file, policy, clean):
        may = set[int]()
        for one in identifying(old, policy):
            may.update(range(one.start, one.stop))
        beyond = [offset for offset in differing(old.value, new.value) if offset not in may]
        assert not beyond, f"{old.tag:08X}: {len(beyond)} bytes from {beyond[0]}"


@every_policy
@siemens_file
def test_fields_that_identify_hold_what_an_independent_policy_says(
    file: RealFile, policy: str, clean: Clean
) -> None:
    compared = 0
    for old, new in pairs(file, policy, clean):
        for one in identifying(old, policy):
            if one.new is not None:
                assert new.value[one.start : one.stop] == one.new, f"{old.tag:08X} at {one.start}"
                compared += 1
    assert compared or policy == "dead-space" or "medcom-oog" in file.name


@every_policy
@every_csa_file
def test_tags_keep_their_names_and_places(file: RealFile, policy: str, clean: Clean) -> None:
    for old, new in pairs(file, policy, clean):
        if old.value.startswith(b"SV10"):
            assert walk_csa2(old.value).tags == walk_csa2(new.value).tags


@every_csa_file
def test_tags_that_identify_are_redacted_under_converter_safe_only(file: RealFile, clean: Clean) -> None:
    changed = {"dead-space": set[str](), "converter-safe": set[str]()}
    for policy, names in changed.items():
        for old, new in pairs(file, policy, clean):
            if old.value.startswith(b"SV10"):
                names |= {
                    tag.name
                    for tag in walk_csa2(old.value).tags
                    for start, stop in tag.values
                    if old.value[start:stop] != new.value[start:stop]
                }
    assert not changed["dead-space"]
    assert changed["converter-safe"] <= NAMED
    if "phoenixzip-sr" in file.name:  # an empty series header
        assert changed["converter-safe"] == BLANKED
    elif "creators-anon" not in file.name:  # no series header
        assert changed["converter-safe"] >= {"UsedPatientWeight", "PatReinPattern"}
        assert changed["converter-safe"] & PROTOCOLS


@every_policy
@every_file
def test_nothing_changes_outside_private_matter_but_the_preamble(
    file: RealFile, policy: str, clean: Clean
) -> None:
    done = clean(file, policy)
    may_change = siemens_elements if "siemens" in file.name else private_matter
    rests = []
    for data in (done.before, done.after):
        rest = bytearray(data)
        for one in may_change(data):
            rest[one.start : one.start + len(one.value)] = bytes(len(one.value))
        rests.append(bytes(rest))
    assert rests[0][128:] == rests[1][128:]
    plain = done.before[128:132] != b"DICM" or done.before[:4] in (b"II*\0", b"MM\0*")
    assert done.after[:128] == (done.before[:128] if plain else bytes(128))


@every_policy
@every_file
def test_cleaning_a_cleaned_file_changes_nothing(
    file: RealFile, policy: str, clean: Clean, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import csaclean

    target = tmp_path_factory.mktemp("again") / "again.dcm"
    report = csaclean.clean_file(clean(file, policy).path, target, policy)
    assert report.status == "unchanged"
    assert target.read_bytes() == clean(file, policy).after


@every_policy
@file_without_private_elements
def test_a_file_without_private_elements_comes_through_as_it_is(
    file: RealFile, policy: str, clean: Clean
) -> None:
    done = clean(file, policy)
    assert done.report.status == "unchanged"
    assert done.after == done.before


# Other readers


@pytest.mark.parametrize("file", real_files("*.dcm", but=(*WITHOUT, "*canon*")))
def test_pydicom_reads_the_same_but_for_private_elements(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    before, after = flat(read(done.before)), flat(read(done.after))
    assert [one[:2] for one in before] == [one[:2] for one in after]
    differing = [place for (place, _, old), (_, _, new) in zip(before, after, strict=True) if old != new]
    assert differing
    assert all(is_private(place) for place in differing)


def nibabel_tags(value: bytes) -> dict[str, Any] | str:
    """Return the tags of a header as nibabel reads them, or the name of what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader

    try:
        tags: dict[str, Any] = csareader.read(value)["tags"]
    except Exception as error:  # noqa: BLE001  # of five kinds
        return type(error).__name__
    return tags


@every_policy
@every_csa_file
def test_nibabel_reads_the_same_headers_but_for_the_fields_of_rules(
    file: RealFile, policy: str, clean: Clean
) -> None:
    done = clean(file, policy)
    read_by_nibabel = 0
    for old, new in zip(claimed_elements(done.before), claimed_elements(done.after), strict=True):
        if old.offset not in HEADERS:
            continue
        before, after = nibabel_tags(old.value), nibabel_tags(new.value)
        if isinstance(before, str) or isinstance(after, str):
            assert before == after
            continue
        assert before.keys() == after.keys()
        differing = {name for name in before if repr(before[name]) != repr(after[name])}
        assert differing <= (NAMED if policy == "converter-safe" else set())
        read_by_nibabel += 1
    assert read_by_nibabel


WRAPPED = (
    "affine",
    "b_matrix",
    "b_value",
    "image_position",
    "image_shape",
    "is_csa",
    "is_mosaic",
    "is_multiframe",
    "q_vector",
    "series_signature",
    "slice_indicator",
    "slice_normal",
    "voxel_sizes",
)


def nibabel_wrapper(path: str) -> dict[str, str]:
    """Return what nibabel's wrapper says of a file, or the name of what it raises."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import dicomwrappers

        try:
            wrapper = dicomwrappers.wrapper_from_file(path)
        except Exception as error:  # noqa: BLE001
            return {"wrapper": type(error).__name__}
        found["wrapper"] = type(wrapper).__name__
        for name in WRAPPED:
            try:
                found[name] = repr(getattr(wrapper, name))
            except Exception as error:  # noqa: BLE001
                found[name] = type(error).__name__
    return found


@every_csa_file
def test_nibabel_wraps_the_cleaned_file_as_it_did_the_original(file: RealFile, clean: Clean) -> None:
    before = nibabel_wrapper(str(file.path))
    known = ("Wrapper",) if "orphan" in file.name else ("MosaicWrapper", "SiemensWrapper")
    assert before["wrapper"] in known
    assert nibabel_wrapper(str(clean(file, "converter-safe").path)) == before


# Single files


def only(pattern: str) -> RealFile:
    """Return the one file of that name."""
    (parameter,) = real_files(f"*{pattern}*")
    file: RealFile | None = parameter.values[0]  # type: ignore[attr-defined]
    if file is None:
        pytest.skip(str(parameter.marks[0].kwargs["reason"]))  # type: ignore[attr-defined]
    return file


def values(data: bytes) -> list[tuple[object, bytes]]:
    """Return place and value of Siemens' elements that hold numbers of their own or text, not of the transfer syntax."""
    return [(one.place, one.value) for one in siemens_elements(data) if one.tag >> 16 == 0x0029]


@every_policy
def test_one_image_in_nine_encodings_gets_the_same_edits(policy: str, clean: Clean) -> None:
    files = [only(f"mosaic_ts-{number}") for number in range(1, 10)]
    done = [clean(file, policy) for file in files]
    assert len({read(item.before).file_meta.TransferSyntaxUID for item in done}) == 7
    assert all(values(item.before) == values(done[0].before) for item in done)
    assert all(values(item.after) == values(done[0].after) for item in done)
    assert values(done[0].before) != values(done[0].after)
    assert all(item.report.elements == done[0].report.elements for item in done)
    assert all(item.report.kept == done[0].report.kept for item in done)


def edits(cleaned: Cleaned) -> Counter[tuple[object, ...]]:
    """Return place, old and new value of every element of Siemens that changed."""
    return Counter(
        (old.place, old.value, new.value)
        for old, new in zip(siemens_elements(cleaned.before), siemens_elements(cleaned.after), strict=True)
        if old.value != new.value
    )


@every_policy
def test_an_archive_that_moved_the_private_blocks_changes_no_edit(policy: str, clean: Clean) -> None:
    before, moved = (clean(only(name), policy) for name in ("xa20_original", "xa20_agfa-relocated"))
    tags = [{one.tag for one in siemens_elements(item.before)} for item in (before, moved)]
    assert tags[0] != tags[1]
    assert edits(before) == edits(moved)
    assert bool(edits(before)) == (policy == "converter-safe")
    assert unclaimed(before.report) == unclaimed(moved.report)
    assert before.report.elements == moved.report.elements


@pytest.mark.parametrize("name", ["svs-nonimage", "physio-nonimage"])
def test_headers_in_block_11_are_cleaned(name: str, clean: Clean) -> None:
    done = clean(only(name), "converter-safe")
    assert [hex(item.tag) for item in claimed_elements(done.before) if item.offset in HEADERS] == [
        "0x291110",
        "0x291120",
    ]
    assert sum(group.dead_nonzero for group in done.report.elements) > 4000
    assert sum(group.orphans for group in done.report.elements) == 0


def value_at(data: bytes, tag: int) -> bytes:
    """Return the value of the one element of that number."""
    (value,) = (one.value for one in elements(data) if one.tag == tag)
    return value


def signal(data: bytes) -> bytes:
    """Return the signal of a file without an image."""
    return value_at(data, 0x7FE11010)


def test_the_signal_of_a_spectrum_stays(clean: Clean) -> None:
    done = clean(only("svs-nonimage"), "converter-safe")
    assert signal(done.before) == signal(done.after)


def test_logs_of_physiology_lose_what_links_them_and_keep_their_traces(clean: Clean) -> None:
    done = clean(only("physio-nonimage"), "converter-safe")
    old, new = (signal(data) for data in (done.before, done.after))
    logs = [at.start() - 8 for at in re.finditer(rb"Physio_\d{8}_", old)][:4]
    assert len(logs) == 4
    for log in logs:
        assert old[log : log + 8] == new[log : log + 8]  # the lengths
        (size,) = struct.unpack_from("<i", old, log)
        texts = [value[log + 1024 : log + 1024 + size].split(b"\n") for value in (old, new)]
        lines = list(zip(*texts, strict=True))
        told = {one.partition(b"=")[0].strip() for one, other in lines if one != other}
        assert told == {b"UUID", b"ScanDate"}
        assert sum(one == other for one, other in lines) == len(lines) - 2
    assert not re.search(rb"\d{8}_\d{6}_(?!0{8}-)", new.replace(b"00000000_000000", b""))


def test_what_stands_at_a_csa_number_but_is_no_csa_header_is_cleaned_as_what_it_is(clean: Clean) -> None:
    done = clean(only("medcom-oog"), "converter-safe")
    old, new = (value_at(data, 0x00291110) for data in (done.before, done.after))
    assert old.startswith(b"STEP;")
    assert new.startswith(b"STEP;")
    assert old != new
    selectors = {group.selector for group in done.report.elements}
    assert "(0029,SIEMENS MEDCOM OOG,10)" in selectors
    assert not any("CSA HEADER" in selector for selector in selectors)


def test_a_csa_block_among_overwritten_creators_is_cleaned_and_they_are_reported(clean: Clean) -> None:
    done = clean(only("creators-anon"), "converter-safe")
    assert {group.selector for group in done.report.elements} == {
        f"(0029,SIEMENS CSA HEADER,{offset})" for offset in ("08", "09", "10", "18", "19")
    }
    assert any(selector.split(",")[1] == "?" for selector in unclaimed(done.report))
    assert not done.report.vouched


@pytest.mark.parametrize("number", [1, 2])
def test_a_header_without_creator_is_claimed_as_an_orphan(number: int, clean: Clean) -> None:
    done = clean(only(f"orphan-csa_{number}"), "converter-safe")
    (group,) = done.report.elements
    assert (group.selector, group.count, group.orphans) == ("(0029,SIEMENS CSA HEADER,20)", 1, 1)
    assert group.dead_nonzero > 2000


@file_without_private_elements
def test_a_file_without_private_elements_is_vouched_for(file: RealFile, clean: Clean) -> None:
    report = clean(file, "converter-safe").report
    assert report.vouched
    assert not report.elements
    assert not report.unclaimed


@other_vendors_file
def test_every_private_element_is_claimed_or_reported(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    private = [value for place, vr, value in flat(read(done.before)) if vr != "SQ" and is_private(place)]
    filled = [value for value in private if value not in ("", b"", None)]
    claimed = sum(group.count for group in done.report.elements)
    nobodys = sum(item.count for item in done.report.unclaimed if item.reason != "unknown-creator")
    assert len(filled) <= claimed + nobodys <= len(private)


def is_private(place: str) -> bool:
    """Tell whether a place as of `flat` is a private element or lies below a private sequence, creators left out."""
    tags = [part.partition("[")[0].strip("()") for part in place.split("/")[1:]]
    groups = [int(tag.split(",")[0], 16) for tag in tags]
    return any(group % 2 for group in groups) and not (
        groups[-1] % 2 and int(tags[-1].split(",")[1], 16) < 0x100
    )
