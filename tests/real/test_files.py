"""Every real file, under every policy: what changes is what should, and other projects' readers agree."""

import warnings
from typing import Any

import pytest

from csaclean import Report
from tests.conftest import RealFile, real_files
from tests.real.conftest import Clean
from tests.real.readers import (
    DATES,
    HEADERS,
    RULED,
    claimed_elements,
    expected_field,
    expected_file,
    expected_value,
    flat,
    read,
    walk_csa2,
)

POLICIES = ("dead-space", "converter-safe")
NOT_CSA = ("*medcom-oog*",)
CSA = ("*siemens_v*", "*orphan-csa*")

every_policy = pytest.mark.parametrize("policy", POLICIES)
every_file = pytest.mark.parametrize("file", real_files("*.dcm"))
every_csa_file = pytest.mark.parametrize("file", real_files(*CSA, but=NOT_CSA))
no_csa_file = pytest.mark.parametrize("file", real_files("*.dcm", but=(*CSA, "*blobs*")))


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


@every_policy
@every_csa_file
def test_live_values_stay_but_for_the_fields_of_rules(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    old = [one for one in claimed_elements(done.before) if one.offset in HEADERS]
    new = [one for one in claimed_elements(done.after) if one.offset in HEADERS]
    assert [(one.tag, one.start, len(one.value)) for one in old] == [
        (one.tag, one.start, len(one.value)) for one in new
    ]
    compared = 0
    for before, after in zip(old, new, strict=True):
        tags, again = walk_csa2(before.value).tags, walk_csa2(after.value).tags
        assert tags == again  # names, VRs, and where values begin and end
        for tag in tags:
            for start, stop in tag.values:
                value = before.value[start:stop]
                same = after.value[start:stop] == expected_field(tag.name, value, policy)
                assert same, f"{tag.name} at {start}"
                compared += 1
    assert compared


@every_csa_file
def test_the_patient_record_is_redacted_under_converter_safe_only(file: RealFile, clean: Clean) -> None:
    changed = {"dead-space": set[str](), "converter-safe": set[str]()}
    for policy, names in changed.items():
        done = clean(file, policy)
        for old, new in zip(claimed_elements(done.before), claimed_elements(done.after), strict=True):
            if old.offset in DATES and old.value != new.value:
                names.add("date")
            if old.offset in HEADERS:
                names |= {
                    tag.name
                    for tag in walk_csa2(old.value).tags
                    for start, stop in tag.values
                    if old.value[start:stop] != new.value[start:stop]
                }
    assert not changed["dead-space"]
    if "orphan" in file.name:
        assert changed["converter-safe"] == set(RULED)
    elif "phoenixzip-sr" in file.name or "creators-anon" in file.name:  # an empty series header, or none
        assert changed["converter-safe"] == {"date"}
    else:
        assert changed["converter-safe"] == {"date", *RULED}


@every_policy
@every_file
def test_no_other_byte_of_a_file_differs(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    expected = expected_file(done.before, policy)
    assert len(done.after) == len(done.before)
    differing = [
        offset for offset, (new, old) in enumerate(zip(done.after, expected, strict=True)) if new != old
    ]
    assert not differing, f"{len(differing)} bytes from {differing[0]}"


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
@no_csa_file
def test_a_file_without_csa_headers_comes_through_as_it_is(file: RealFile, policy: str, clean: Clean) -> None:
    done = clean(file, policy)
    assert done.report.status == "unchanged"
    assert done.after == done.before


# Other readers


@every_csa_file
def test_pydicom_reads_the_same_but_for_the_cleaned_elements(file: RealFile, clean: Clean) -> None:
    done = clean(file, "converter-safe")
    expected = {
        str(one.tag): expected_value(one.offset, one.value, "converter-safe")
        for one in claimed_elements(done.before)
    }
    before, after = flat(read(done.before)), flat(read(done.after))
    assert [one[:2] for one in before] == [one[:2] for one in after]
    differing = [
        (place, new) for (place, _, old), (_, _, new) in zip(before, after, strict=True) if old != new
    ]
    assert 0 < len(differing) <= len(expected)
    for place, new in differing:
        tag = str(int(place.rpartition("(")[2].rstrip(")").replace(",", ""), 16))
        wanted = expected[tag]
        same = new == (wanted if isinstance(new, bytes) else wanted.decode("ascii").rstrip(" \0"))
        assert same, place


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
        assert differing <= (set(RULED) if policy == "converter-safe" else set())
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


@every_policy
def test_one_image_in_nine_encodinges_gets_the_same_headers(policy: str, clean: Clean) -> None:
    files = [only(f"mosaic_ts-{number}") for number in range(1, 10)]
    done = [clean(file, policy) for file in files]
    assert len({read(item.before).file_meta.TransferSyntaxUID for item in done}) == 7
    assert len({tuple((one.tag, one.value) for one in claimed_elements(item.before)) for item in done}) == 1
    assert len({tuple((one.tag, one.value) for one in claimed_elements(item.after)) for item in done}) == 1
    assert all(item.report.elements == done[0].report.elements for item in done)


def test_an_archive_that_moved_the_private_blocks_changes_no_finding(clean: Clean) -> None:
    before = clean(only("xa20_original"), "converter-safe")
    moved = clean(only("xa20_agfa-relocated"), "converter-safe")
    assert unclaimed(before.report) == unclaimed(moved.report)
    assert before.report.elements == moved.report.elements
    assert unclaimed(before.report)


@pytest.mark.parametrize("name", ["svs-nonimage", "physio-nonimage"])
def test_headers_in_block_11_are_cleaned_and_signals_stay(name: str, clean: Clean) -> None:
    done = clean(only(name), "converter-safe")
    assert [hex(item.tag) for item in claimed_elements(done.before) if item.offset in HEADERS] == [
        "0x291110",
        "0x291120",
    ]
    assert sum(group.dead_nonzero for group in done.report.elements) > 4000
    assert sum(group.orphans for group in done.report.elements) == 0
    old, new = read(done.before), read(done.after)
    assert old[0x7FE11010].value == new[0x7FE11010].value
    assert "(7FE1,SIEMENS CSA NON-IMAGE,10) unclaimed" in unclaimed(done.report)


def test_what_stands_at_a_csa_number_but_is_no_csa_header_is_reported_and_left_alone(clean: Clean) -> None:
    done = clean(only("medcom-oog"), "converter-safe")
    assert read(done.before)[0x00291110].value.startswith(b"STEP;")
    assert done.after == done.before
    assert done.report.elements == ()
    assert "(0029,SIEMENS MEDCOM OOG,10) unclaimed" in unclaimed(done.report)
    assert not done.report.vouched


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


@pytest.mark.parametrize("file", real_files("*hitachi*", "*bruker*"))
def test_a_file_without_private_elements_is_vouched_for(file: RealFile, clean: Clean) -> None:
    report = clean(file, "converter-safe").report
    assert report.vouched
    assert not report.elements
    assert not report.unclaimed


@pytest.mark.parametrize(
    "file", real_files("*ge_mr*", "*philips*", "*canon*", "*toshiba*", "*uih*", "*siemens_xa*")
)
def test_private_elements_that_no_handler_knows_are_reported_and_not_vouched_for(
    file: RealFile, clean: Clean
) -> None:
    done = clean(file, "converter-safe")
    assert not done.report.vouched
    private = [
        place
        for place, vr, value in flat(read(done.before))
        if vr != "SQ" and value not in ("", b"", None) and is_private(place)
    ]
    counted = [item.count for item in done.report.unclaimed if item.reason in ("unclaimed", "no-creator")]
    assert sum(counted) == len(private)


def is_private(place: str) -> bool:
    """Tell whether a place as of `flat` is a private element or lies below a private sequence, creators left out."""
    tags = [part.partition("[")[0].strip("()") for part in place.split("/")[1:]]
    groups = [int(tag.split(",")[0], 16) for tag in tags]
    return any(group % 2 for group in groups) and not (
        groups[-1] % 2 and int(tags[-1].split(",")[1], 16) < 0x100
    )
