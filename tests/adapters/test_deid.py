"""``csaclean.adapters.deid`` with the real deid: claimed elements are gone or clean, whatever a recipe says or misses."""

import functools
import io
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydicom
import pytest
from pydicom import datadict
from pydicom.dataset import Dataset

import csaclean
from csaclean.adapters import deid as adapter
from csaclean.adapters.deid import RECIPE, clean, recipe, replace, unclaimed
from csaclean.adapters.pydicom_elements import claimed_leaves
from csaclean.errors import (
    CsacleanError,
    HandlerError,
    MalformedValue,
    PolicyError,
    TargetExists,
    UsageError,
)
from csaclean.registry import installed
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from phantom_creators import creator_cases, creator_matrix, small_headers
from phantom_csa import with_canaries
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    ENCODINGS,
    Element,
    Encoding,
    ordered,
    private_block,
    sequence,
    text,
)
from phantoms import (
    CREATOR,
    GOLDEN,
    OTHER_SERIES_UID,
    PATIENT_ID,
    PATIENT_NAME,
    base_image,
    csa_elements,
    plain_image,
)
from tests.private_values import private_values

deid_config = pytest.importorskip("deid.config", reason="deid is not installed")
deid_parser = pytest.importorskip("deid.dicom.parser", reason="deid is not installed")
deid_logger = pytest.importorskip("deid.logger", reason="deid is not installed")

IMAGE, SERIES = small_headers()
CANARY = b"CANARY"
REMOVE_REST = "REMOVE ALL func:csaclean_unclaimed"
REMOVE_PRIVATE = r"REMOVE contains:^\([0-9a-f]{3}[13579bdf],"
"""Removes every private element at any depth but those that the recipe replaces: their creators too."""
NAMED = 'REPLACE (0029,"SIEMENS CSA HEADER",10) func:csaclean'
MATRIX = [
    sample for sample in creator_matrix() if "explicit" in sample.name or sample.name.endswith("_implicit")
]
CASES = list(creator_cases())

WriteRecipe = Callable[..., str]
WriteFile = Callable[..., Path]


@pytest.fixture
def write_recipe(tmp_path: Path) -> WriteRecipe:
    """Return what writes a recipe of these lines and gives its path."""

    def write(*lines: str, name: str = "own.recipe") -> str:
        path = tmp_path / name
        path.write_text("\n".join(("FORMAT dicom", "%header", *lines)) + "\n", "utf-8")
        return str(path)

    return write


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """Return what writes a file and gives its path."""

    def write(data: bytes, name: str = "in.dcm") -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    return write


def run_deid(data: bytes, recipe_path: object, **lookup: object) -> Dataset:
    """Run deid itself, without `replace`."""
    ds = pydicom.dcmread(io.BytesIO(data))
    ds.filename = "phantom.dcm"
    parser = deid_parser.DicomParser(ds, recipe=deid_config.DeidRecipe(recipe_path))
    for name, value in lookup.items():
        parser.define(name, value)
    parser.parse()
    result: Dataset = parser.dicom
    return result


def leaves(ds: Dataset, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the elements of a data set, those in items too, with their paths."""
    for element in ds:
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from leaves(item, (*path, int(element.tag), number))
        yield (*path, int(element.tag)), element


def private(ds: Dataset) -> set[tuple[int, ...]]:
    """Return the paths of the private elements."""
    return {path for path, element in leaves(ds) if element.tag.is_private}


def nameless(ds: Dataset) -> set[tuple[int, ...]]:
    """Return the paths of the private elements of items without a creator."""
    found = private(ds)
    return {
        path
        for path in found
        if len(path) > 1 and (*path[:-1], path[-1] & 0xFFFF0000 | path[-1] >> 8 & 0xFF) not in found
    }


def field_at(*path: int) -> SimpleNamespace:
    """Return what deid passes for an element."""
    steps = [
        f"({step >> 16:04X},{step & 0xFFFF:04X})" if number % 2 == 0 else str(step)
        for number, step in enumerate(path)
    ]
    return SimpleNamespace(uid="__".join(steps))


def cleaned_alone(data: bytes, tmp_path: Path, policy: str = "converter-safe") -> Dataset:
    """Return what csaclean alone makes of a file."""
    (tmp_path / "alone-in").write_bytes(data)
    csaclean.clean_file(tmp_path / "alone-in", tmp_path / "alone-out", policy, overwrite=True)
    return pydicom.dcmread(tmp_path / "alone-out")


class TestFunction:
    """`clean` as deid itself calls it."""

    @pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
    def test_the_shipped_recipe_cleans_every_claimed_element_as_clean_file_does(
        self, tmp_path: Path, encoding: Encoding
    ) -> None:
        data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES), encoding))
        expected = cleaned_alone(data, tmp_path)
        made = run_deid(data, RECIPE, csaclean=clean)
        tags = [tag for tag in private(made) if tag[-1] & 0xFF00]
        assert len(tags) == 6
        for (tag,) in tags:
            assert made[tag].value == expected[tag].value
            assert type(made[tag].value) is type(expected[tag].value)

    def test_other_elements_are_as_deid_leaves_them_without_it(self) -> None:
        data = GOLDEN["csa2_mosaic_explicit"]()
        made, untouched = run_deid(data, RECIPE, csaclean=clean), run_deid(data, RECIPE)
        assert [e for e in made if not e.tag.is_private] == [e for e in untouched if not e.tag.is_private]

    def test_a_block_is_found_after_relocation_and_if_a_group_has_its_creator_twice(self) -> None:
        made = run_deid(GOLDEN["csa2_relocated_twice"](), RECIPE, csaclean=clean)
        for tag in (0x00291110, 0x00291120, 0x0029FF10, 0x0029FF20):
            assert CANARY not in made[tag].value
        assert made[0x00291109].value == made[0x0029FF09].value == "19000101"

    def test_blocks_in_items_are_found(self) -> None:
        data = GOLDEN["csa2_nested_items"]()
        old = dict(leaves(pydicom.dcmread(io.BytesIO(data))))
        made = dict(leaves(run_deid(data, RECIPE, csaclean=clean)))
        headers = [
            path for path in old if len(path) > 1 and path[-1] & 0xFF in (0x10, 0x20) and path[-1] & 0xF000
        ]
        headers = [path for path in headers if path[-1] >> 16 == 0x29]
        assert {len(path) for path in headers} == {3, 5}
        for path in headers:
            assert CANARY in old[path].value
            assert CANARY not in made[path].value
            assert len(made[path].value) == len(old[path].value)

    def test_a_policy_is_chosen_by_registering_a_partial(self, write_recipe: WriteRecipe) -> None:
        data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES)))
        own = write_recipe('REPLACE (0029,"SIEMENS CSA HEADER",09) func:csaclean')
        assert run_deid(data, own, csaclean=clean)[0x00291009].value == "19000101"
        only_dead = functools.partial(clean, policy="dead-space")
        assert run_deid(data, own, csaclean=only_dead)[0x00291009].value == "20010203"

    def test_a_policy_may_be_a_file(self, write_recipe: WriteRecipe, tmp_path: Path) -> None:
        policy = Path(csaclean.__file__).parent / "policy" / "policies" / "dead-space.toml"
        own = write_recipe('REPLACE (0029,"SIEMENS CSA HEADER",09) func:csaclean')
        data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES)))
        made = run_deid(data, own, csaclean=functools.partial(clean, policy=policy))
        assert made[0x00291009].value == "20010203"

    def test_the_data_set_is_as_it_was(self) -> None:
        ds = pydicom.dcmread(io.BytesIO(GOLDEN["csa2_mosaic_explicit"]()))
        before = ds[0x00291010].value
        assert clean(ds, "func:csaclean", field_at(0x00291010), {}) != before
        assert ds[0x00291010].value == before

    def test_numbers_and_several_values_come_back_as_pydicom_has_them(self) -> None:
        ds = Dataset()
        ds.private_block(0x29, CREATOR.decode(), create=True).add_new(0x08, "CS", ["IMAGE NUM 4", "MR"])
        assert list(clean(ds, "", field_at(0x00291008), {})) == ["IMAGE NUM 4", "MR"]

    @pytest.mark.parametrize("value", [None, b""])
    def test_an_empty_element_stays_empty(self, value: bytes | None) -> None:
        ds = Dataset()
        ds.private_block(0x29, CREATOR.decode(), create=True).add_new(0x10, "OB", value)
        assert not clean(ds, "", field_at(0x00291010), {})

    def test_a_sequence_in_un_is_cleaned_inside(self) -> None:
        block = private_block(0x0029, 0x10, CREATOR, csa_elements(IMAGE, SERIES))
        item = sequence(0, (text(0x0020000E, "UI", OTHER_SERIES_UID), *block)).value
        outer = private_block(0x0021, 0x10, b"OTHER VENDOR 01", {0xFE: ("UN", item)})
        ds = pydicom.dcmread(io.BytesIO(file_bytes(Phantom(plain_image(outer)))))
        old = ds[0x002110FE].value
        new = clean(ds, "", field_at(0x002110FE), {})
        assert isinstance(new, bytes)
        assert len(new) == len(old)
        assert (CANARY in old, CANARY in new) == (True, False)

    def test_a_sequence_is_cleaned_in_its_items(self) -> None:
        ds = pydicom.dcmread(io.BytesIO(GOLDEN["csa2_nested_items"]()))
        items = clean(ds, "", field_at(0x00081115), {})
        assert items is ds[0x00081115].value
        assert CANARY not in items[0][0x00291010].value + items[0][0x0008114A].value[0][0x00294220].value


class TestRefusal:
    """`clean` raises, and never hands back an old value."""

    @pytest.mark.parametrize(
        "path",
        [
            (0x00100010,),
            (0x00290010,),
            (0x00291077,),
            (0x00191001,),
            (0x00020010,),
            (0x00081115, 0, 0x0020000E),
            (0x00081115, 7, 0x00291010),
            (0x00091010,),
        ],
    )
    def test_what_nobody_claims(self, path: tuple[int, ...]) -> None:
        ds = pydicom.dcmread(io.BytesIO(GOLDEN["csa2_nested_items"]()))
        ds.private_block(0x19, "DOE^JOHN", create=True).add_new(0x01, "LO", "DOE^JOHN")
        ds.private_block(0x29, CREATOR.decode(), create=True).add_new(0x77, "LO", "DOE^JOHN")
        with pytest.raises(HandlerError) as caught:
            clean(ds, "func:csaclean", field_at(*path), {})
        assert "DOE" not in str(caught.value) + repr(caught.value)

    def test_foreign_content(self) -> None:
        ds = Dataset()
        ds.private_block(0x29, CREATOR.decode(), create=True).add_new(0x10, "OB", b"!DOE^JOHN")
        with pytest.raises(MalformedValue) as caught:
            clean(ds, "func:csaclean", field_at(0x00291010), {})
        assert "DOE" not in str(caught.value)

    def test_a_text_that_pydicom_does_not_take_back(self) -> None:
        block = private_block(0x0043, 0x10, b"GEMS_PARM_01", {0x80: ("DS", b"1\\DOE\\2 ")})
        ds = pydicom.dcmread(io.BytesIO(file_bytes(Phantom(plain_image(block)))))
        with pytest.raises(MalformedValue) as caught:
            clean(ds, "func:csaclean", field_at(0x00431080), {}, policy="dead-space")
        assert "DOE" not in str(caught.value)

    def test_a_malformed_header_stops_the_run_of_deid(self) -> None:
        data = file_bytes(Phantom(base_image(image=IMAGE, series=SERIES[:-40])))
        with pytest.raises(MalformedValue):
            run_deid(data, RECIPE, csaclean=clean)

    def test_an_action_that_makes_an_element(self, write_recipe: WriteRecipe) -> None:
        own = write_recipe("ADD PatientComments func:csaclean")
        with pytest.raises(HandlerError):
            run_deid(GOLDEN["csa2_implicit"](), own, csaclean=clean)

    def test_a_field_that_is_none(self) -> None:
        with pytest.raises(HandlerError):
            clean(Dataset(), "func:csaclean", SimpleNamespace(uid="(0029,1010)__x"), {})

    def test_an_unknown_policy(self) -> None:
        ds = pydicom.dcmread(io.BytesIO(GOLDEN["csa2_implicit"]()))
        with pytest.raises(PolicyError):
            clean(ds, "func:csaclean", field_at(0x00291010), {}, policy="no-such-policy")


class TestRecipe:
    """The recipe that ships."""

    def test_it_is_what_the_installed_handlers_claim(self) -> None:
        shipped = Path(RECIPE).read_text("utf-8")
        assert shipped == recipe(), "claims have changed: run python -m csaclean.adapters.deid_functions"

    def test_it_names_every_claimed_element_once(self) -> None:
        found = re.findall(
            r'^REPLACE \(([0-9A-F]{4}),"([^"]+)",([0-9A-F]{2})\) func:csaclean$', recipe(), re.MULTILINE
        )
        steps = {step for claimed in installed().claims for step in claimed.claim.selector if step.creator}
        assert sorted(found) == sorted((f"{s.group:04X}", s.creator, f"{s.element:02X}") for s in steps)

    def test_deid_reads_every_line_of_it(self) -> None:
        loaded = deid_config.DeidRecipe(RECIPE)
        assert len(loaded.get_actions()) == recipe().count("func:csaclean")
        assert {action["value"] for action in loaded.get_actions()} == {"func:csaclean"}

    def test_it_can_stand_beside_an_own_recipe(self, write_recipe: WriteRecipe) -> None:
        loaded = deid_config.DeidRecipe([write_recipe("REPLACE PatientName ANON"), RECIPE])
        assert len(loaded.get_actions()) == recipe().count("func:csaclean") + 1


class TestRemoval:
    """What stays where all other private elements go."""

    def block(self) -> tuple[Element, ...]:
        other = private_block(0x0019, 0x10, b"OTHER VENDOR 01", {0x10: ("LO", b"DOE^JOHN")})
        neighbour = private_block(0x0029, 0x11, b"OTHER VENDOR 01", {0x10: ("OB", b"DOE^JOHN")})
        csa = private_block(0x0029, 0x10, CREATOR, {**csa_elements(IMAGE, SERIES), 0x77: ("LO", b"DOE^JOHN")})
        return (*other, *ordered((*csa, *neighbour)))

    def test_deid_itself_takes_the_creators_of_what_it_keeps(self, write_recipe: WriteRecipe) -> None:
        made = run_deid(
            GOLDEN["csa2_mosaic_explicit"](), [RECIPE, write_recipe(REMOVE_PRIVATE)], csaclean=clean
        )
        assert 0x00291010 in made
        assert 0x00290010 not in made

    def test_unclaimed_leaves_claimed_elements_and_their_creators(self, write_recipe: WriteRecipe) -> None:
        data = file_bytes(Phantom(plain_image((*self.block(), sequence(0x00081115, ordered(self.block()))))))
        made = run_deid(
            data, [write_recipe(REMOVE_REST), RECIPE], csaclean=clean, csaclean_unclaimed=unclaimed
        )
        kept = {0x00290010, *(0x00291000 | byte for byte in (0x08, 0x09, 0x10, 0x18, 0x19, 0x20))}
        assert private(made) == {(tag,) for tag in kept} | {(0x00081115, 0, tag) for tag in kept}

    def test_private_sequences_stay_if_something_in_them_is_claimed(self, write_recipe: WriteRecipe) -> None:
        full = private_block(
            0x0021, 0x10, b"OTHER VENDOR 01", {0xFE: ("SQ", sequence(0, ordered(self.block())).value)}
        )
        empty = private_block(
            0x0023,
            0x10,
            b"OTHER VENDOR 01",
            {0xFE: ("SQ", sequence(0, (text(0x00100010, "PN", "DOE^JOHN"),)).value)},
        )
        data = file_bytes(Phantom(plain_image((*full, *empty))))
        made = run_deid(
            data, [write_recipe(REMOVE_REST), RECIPE], csaclean=clean, csaclean_unclaimed=unclaimed
        )
        assert (0x00210010,) in private(made)
        assert (0x002110FE, 0, 0x00291020) in private(made)
        assert 0x002310FE not in made
        assert 0x00230010 not in made

    def test_standard_elements_stay(self) -> None:
        ds = pydicom.dcmread(io.BytesIO(GOLDEN["csa2_nested_items"]()))
        assert not unclaimed(ds, "", field_at(0x00100010), {})
        assert not unclaimed(ds, "", field_at(0x00081115), {})
        assert not unclaimed(ds, "", field_at(0x00081115, 0, 0x0020000E), {})

    def test_orphans_stay(self) -> None:
        ds = pydicom.dcmread(io.BytesIO(GOLDEN["csa2_orphan"]()))
        assert not unclaimed(ds, "", field_at(0x00291010), {})


class TestReplace:
    """`replace`: the file before, deid, the file behind."""

    @pytest.mark.parametrize(
        ("name", "rest"),
        [(name, rest) for rest in (REMOVE_REST, REMOVE_PRIVATE) for name in GOLDEN],
        ids=lambda value: "all-private" if value == REMOVE_PRIVATE else value.split(":")[-1],
    )
    def test_phantoms_come_out_clean_with_their_creators(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, name: str, rest: str
    ) -> None:
        data = GOLDEN[name]()
        own = write_recipe("REPLACE PatientName ANON", "REMOVE PatientBirthDate", rest)
        (done,) = replace(write_file(data), [own, RECIPE], output_folder=tmp_path / "out")
        written = done.path.read_bytes()
        assert CANARY not in written
        made, alone = pydicom.dcmread(done.path), cleaned_alone(data, tmp_path)
        claimed = set(claimed_leaves(alone))
        if rest == REMOVE_PRIVATE:  # which removes what no line of a recipe can name
            claimed -= nameless(alone)
        around = {path[:end] for path in claimed for end in range(1, len(path) + 1, 2)}
        around |= {(*path[:-1], path[-1] & 0xFFFF0000 | path[-1] >> 8 & 0xFF) for path in around}
        kept = around & private(alone)
        assert private(made) == kept
        expected = dict(leaves(alone))
        assert {p: e.value for p, e in leaves(made) if p in claimed} == {
            p: expected[p].value for p in claimed
        }
        assert not done.after.unclaimed
        assert sum(group.dead_nonzero for group in done.after.elements) == 0
        assert made.PatientName == "ANON"
        assert "PatientBirthDate" not in made

    def test_lines_of_the_shipped_recipe_leave_what_nobody_claims(
        self, tmp_path: Path, write_file: WriteFile
    ) -> None:
        block = private_block(0x0029, 0x10, CREATOR, {0x10: ("OB", b"!FOREIGN")})
        path = write_file(file_bytes(Phantom(plain_image(block))))
        (done,) = replace(path, RECIPE, output_folder=tmp_path / "out")
        assert [one.reason for one in done.after.unclaimed] == ["foreign"]
        assert pydicom.dcmread(done.path)[0x00291010].value == b"!FOREIGN"

    @pytest.mark.parametrize("sample", MATRIX[::3], ids=lambda sample: sample.name)
    def test_every_way_to_reserve_a_block(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, sample: Any
    ) -> None:
        own = write_recipe(REMOVE_PRIVATE)
        (done,) = replace(write_file(sample.data), [own, RECIPE], output_folder=tmp_path / "out")
        assert CANARY not in done.path.read_bytes()
        headers = [g for g in done.after.elements if g.selector[-3:-1] in ("10", "20")]
        assert sum(group.count for group in headers) == sample.csa_elements
        assert sum(group.orphans for group in headers) == 0
        assert not done.after.unclaimed

    @pytest.mark.parametrize("sample", CASES, ids=lambda sample: sample.name)
    @pytest.mark.parametrize("shipped", [True, False])
    def test_what_deid_cannot_find_is_cleaned_too(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, sample: Any, shipped: bool
    ) -> None:
        own = write_recipe("REPLACE PatientName ANON", REMOVE_REST)
        recipes = [own, RECIPE] if shipped else [own]
        (done,) = replace(write_file(sample.data), recipes, output_folder=tmp_path / "out")
        assert CANARY not in done.path.read_bytes()
        headers = [g for g in done.after.elements if g.selector[-3:-1] in ("10", "20")]
        assert sum(group.count for group in headers) == sample.csa_elements

    @pytest.mark.parametrize(
        "line",
        [
            'KEEP (0029,"SIEMENS CSA HEADER",20)',
            'REPLACE (0029,"SIEMENS CSA HEADER",20) var:old',
            'REPLACE (0029,"SIEMENS CSA HEADER",20) func:old',
        ],
    )
    def test_no_recipe_can_keep_an_old_value(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, line: str
    ) -> None:
        path = write_file(file_bytes(Phantom(base_image(image=IMAGE, series=SERIES))))

        def old(**_: object) -> bytes:
            return SERIES

        for value in (SERIES, old):
            ids = {str(path): {"old": value}}
            if callable(value) == ("var:" in line):
                continue
            (done,) = replace(
                path, write_recipe(line), output_folder=tmp_path / "out", overwrite=True, ids=ids
            )
            assert CANARY not in done.path.read_bytes()

    def test_a_value_that_an_earlier_line_brought_in_is_cleaned(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        path = write_file(file_bytes(Phantom(base_image(image=IMAGE, series=SERIES))))
        asked: list[object] = []

        def old(field: Any, **_: object) -> object:
            asked.append(field.element.value)
            return "20230405"

        dated = write_recipe(
            'REPLACE (0029,"SIEMENS CSA HEADER",09) func:old',
            'REPLACE (0029,"SIEMENS CSA HEADER",09) func:csaclean',
            'REPLACE (0029,"SIEMENS CSA HEADER",19) func:old',
            name="dated",
        )
        ids = {str(path): {"old": old}}
        (done,) = replace(path, dated, output_folder=tmp_path / "out", ids=ids)
        made = pydicom.dcmread(done.path)
        assert asked == ["19000101", "19000101"]
        assert made[0x00291009].value == made[0x00291019].value == "19000101"

    def test_strict_blanks_what_nobody_claims_and_the_recipe_keeps(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        other = private_block(0x0029, 0x11, b"OTHER VENDOR 01", {0x77: ("LO", b"WORDS ")})
        csa = private_block(0x0029, 0x10, CREATOR, csa_elements(IMAGE, SERIES))
        path = write_file(file_bytes(Phantom(plain_image(ordered((*csa, *other))))))
        (done,) = replace(path, RECIPE, policy="strict", output_folder=tmp_path / "out")
        assert b"WORDS" not in done.path.read_bytes()
        assert CANARY not in done.path.read_bytes()

    def test_elements_are_as_long_as_they_were(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        block = private_block(
            0x0029, 0x10, CREATOR, {0x08: ("CS", b"IMAGE NUM 4     "), 0x09: ("LO", b"  20010203      ")}
        )
        path = write_file(file_bytes(Phantom(plain_image(block))))
        (done,) = replace(path, [write_recipe(REMOVE_REST), RECIPE], output_folder=tmp_path / "out")
        made = pydicom.dcmread(done.path)
        assert [len(made.get_item(tag).value) for tag in (0x00291008, 0x00291009)] == [16, 16]
        assert b"20010203" not in made.get_item(0x00291009).value

    def test_elements_have_the_vr_that_they_had(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        block = private_block(0x0029, 0x10, CREATOR, csa_elements(IMAGE, SERIES, vr="UN"))
        path = write_file(file_bytes(Phantom(plain_image(block))))
        assert pydicom.dcmread(path)[0x00291010].VR == "OB"  # pydicom knows better, and would write that
        (done,) = replace(path, [write_recipe(REMOVE_REST), RECIPE], output_folder=tmp_path / "out")
        made = pydicom.dcmread(done.path)
        assert [made.get_item(tag).VR for tag in (0x00291010, 0x00291020)] == ["UN", "UN"]

    def test_a_recipe_may_remove_what_is_claimed(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        path = write_file(GOLDEN["csa2_relocated_twice"]())
        for line, remove_private in ((REMOVE_PRIVATE, False), (REMOVE_REST, True)):
            (done,) = replace(
                path,
                write_recipe(line),
                output_folder=tmp_path / "out",
                overwrite=True,
                remove_private=remove_private,
            )
            assert not private(pydicom.dcmread(done.path))
            assert done.before.elements
            assert not done.after.elements

    def test_a_recipe_may_blank_what_is_claimed(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        own = write_recipe('BLANK (0029,"SIEMENS CSA HEADER",20)')
        (done,) = replace(write_file(GOLDEN["csa2_implicit"]()), own, output_folder=tmp_path / "out")
        assert not pydicom.dcmread(done.path)[0x00291020].value

    def test_a_block_that_loses_its_creator_to_another_fails(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        own = write_recipe("REPLACE (0029,0010) ANON")
        with pytest.raises(CsacleanError) as caught:
            replace(write_file(GOLDEN["csa2_implicit"]()), own, output_folder=tmp_path / "out")
        assert caught.value.code == "proof-visited"
        assert not list(tmp_path.glob("out/*"))

    def test_several_files_and_their_own_variables(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        paths = [write_file(GOLDEN["csa2_implicit"](), f"{number}.dcm") for number in range(3)]
        ids = {str(path): {"id": f"SUBJECT-{path.stem}"} for path in paths}
        own = write_recipe("REPLACE PatientID var:id")
        done = replace(paths, [own, RECIPE], output_folder=tmp_path / "out", ids=ids)
        assert [one.path for one in done] == [tmp_path / "out" / path.name for path in paths]
        assert [pydicom.dcmread(one.path).PatientID for one in done] == [
            "SUBJECT-0",
            "SUBJECT-1",
            "SUBJECT-2",
        ]

    def test_the_original_is_as_it_was(self, write_file: WriteFile) -> None:
        data = GOLDEN["csa2_implicit"]()
        path = write_file(data)
        (done,) = replace(path, RECIPE)
        assert path.read_bytes() == data
        assert done.path.parent != path.parent

    def test_the_file_gets_no_wider_mode(self, tmp_path: Path, write_file: WriteFile) -> None:
        path = write_file(GOLDEN["csa2_implicit"]())
        path.chmod(0o600)
        (done,) = replace(path, RECIPE, output_folder=tmp_path / "out")
        assert done.path.stat().st_mode & 0o777 == 0o600

    def test_the_policy_is_that_of_the_call(self, tmp_path: Path, write_file: WriteFile) -> None:
        path = write_file(file_bytes(Phantom(base_image(image=IMAGE, series=SERIES))))
        (done,) = replace(path, RECIPE, policy="dead-space", output_folder=tmp_path / "out")
        made = pydicom.dcmread(done.path)
        assert CANARY not in done.path.read_bytes()
        assert made[0x00291009].value == "20010203"

    def test_deid_does_not_keep_the_data_sets(self, tmp_path: Path, write_file: WriteFile) -> None:
        fields = pytest.importorskip("deid.dicom.fields")
        replace(write_file(GOLDEN["csa2_implicit"]()), RECIPE, output_folder=tmp_path / "out")
        assert fields._get_fields_inner.cache_info().currsize == 0


class TestReplaceRefuses:
    """What deid would only warn about."""

    @pytest.mark.parametrize(
        "line",
        [
            f"{NAMED}_typo",
            f"{NAMED} # with a comment, of which deid leaves a blank",
            "REMOVE ALL func:is_private",
            "REPLACE PatientID var:id",
            "REPLACE PatientID deid_func:nothing",
            "JITTER StudyDate var:days",
        ],
    )
    def test_a_name_that_nobody_gives(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, line: str
    ) -> None:
        with pytest.raises(PolicyError):
            replace(write_file(GOLDEN["csa2_implicit"]()), write_recipe(line), output_folder=tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("line", ["REPALCE PatientName ANON", "REPLACE PatientName", "KEEP"])
    def test_a_line_that_deid_would_skip(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, line: str
    ) -> None:
        own = write_recipe("REPLACE PatientID ANON", line)
        with pytest.raises(PolicyError):
            replace(write_file(GOLDEN["csa2_implicit"]()), own, output_folder=tmp_path / "out")

    def test_a_recipe_that_is_not_there_or_asks_for_nothing(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        path = write_file(GOLDEN["csa2_implicit"]())
        choices: tuple[Any, ...] = (tmp_path / "missing", [], tmp_path, write_recipe())
        for given in choices:
            with pytest.raises(PolicyError):
                replace(path, given, output_folder=tmp_path / "out")

    def test_two_files_of_one_name(self, tmp_path: Path, write_file: WriteFile) -> None:
        path = write_file(GOLDEN["csa2_implicit"]())
        with pytest.raises(UsageError):
            replace([path, path], RECIPE, output_folder=tmp_path / "out")

    def test_to_replace_an_original(self, write_file: WriteFile) -> None:
        path = write_file(GOLDEN["csa2_implicit"]())
        with pytest.raises(UsageError):
            replace(path, RECIPE, output_folder=path.parent, overwrite=True)

    def test_a_target_that_is_there(self, tmp_path: Path, write_file: WriteFile) -> None:
        path = write_file(GOLDEN["csa2_implicit"]())
        replace(path, RECIPE, output_folder=tmp_path / "out")
        with pytest.raises(TargetExists):
            replace(path, RECIPE, output_folder=tmp_path / "out")

    def test_a_file_that_csaclean_cannot_clean_leaves_nothing(
        self, tmp_path: Path, write_file: WriteFile
    ) -> None:
        good = write_file(GOLDEN["csa2_implicit"](), "a.dcm")
        bad = write_file(file_bytes(Phantom(base_image(image=IMAGE, series=SERIES[:-40]))), "b.dcm")
        with pytest.raises(MalformedValue) as caught:
            replace([good, bad], RECIPE, output_folder=tmp_path / "out")
        assert caught.value.__notes__ == ["file 2 of 2"]
        assert [path.name for path in tmp_path.glob("out/*")] == ["a.dcm"]

    def test_a_function_of_the_recipe_that_raises(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        path = write_file(GOLDEN["csa2_implicit"]())

        def fails(field: Any, **_: object) -> str:
            raise ValueError(str(field.element.value))

        own = write_recipe("REPLACE PatientName func:fails")
        with pytest.raises(HandlerError) as caught:
            replace(path, own, output_folder=tmp_path / "out", ids={str(path): {"fails": fails}})
        assert PATIENT_NAME.split("^")[0] not in str(caught.value)
        assert not list(tmp_path.glob("out/*"))

    def test_func_csaclean_on_what_nobody_claims(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        own = write_recipe("REPLACE PatientName func:csaclean")
        with pytest.raises(HandlerError):
            replace(write_file(GOLDEN["csa2_implicit"]()), own, output_folder=tmp_path / "out")

    def test_a_value_that_pydicom_cannot_write(
        self, tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
    ) -> None:
        path = write_file(GOLDEN["csa2_implicit"]())
        own = write_recipe("REPLACE Rows var:text")
        with pytest.raises(CsacleanError) as caught:
            replace(path, own, output_folder=tmp_path / "out", ids={str(path): {"text": "DOE^JOHN"}})
        assert "DOE" not in str(caught.value)


@pytest.fixture(scope="module")
def shipped() -> Any:
    return deid_config.DeidRecipe(RECIPE)


@pytest.mark.parametrize("name", GOLDEN)
def test_the_shipped_recipe_gives_what_the_command_gives(
    tmp_path: Path, write_file: WriteFile, shipped: Any, name: str
) -> None:
    path = write_file(GOLDEN[name]())
    report = csaclean.clean_file(path, tmp_path / "alone")
    (done,) = replace(path, shipped, output_folder=tmp_path / "out")
    assert done.path.read_bytes() == (tmp_path / "alone").read_bytes()
    assert done.after.unclaimed == report.unclaimed
    assert done.after.proof["identifiers"] == report.proof["identifiers"]


@pytest.mark.parametrize("data", [b"", b"no DICOM", b"\0" * 128 + b"DICM\2\0"])
def test_what_the_command_refuses_is_refused(
    tmp_path: Path, write_file: WriteFile, shipped: Any, data: bytes
) -> None:
    path = write_file(data)
    with pytest.raises(CsacleanError) as alone:
        csaclean.clean_file(path, tmp_path / "alone")
    with pytest.raises(CsacleanError) as caught:
        replace(path, shipped, output_folder=tmp_path / "out")
    assert type(caught.value) is type(alone.value)


def test_words_of_the_new_header_are_no_identifiers(
    tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
) -> None:
    """They are the recipe's, and may be any: private texts stay as the command leaves them."""
    other = private_block(0x0019, 0x10, b"OTHER VENDOR 01", {0x10: ("LO", b"anonymized by TRAVISSON ")})
    path = write_file(file_bytes(Phantom(base_image(other, image=IMAGE, series=SERIES))))
    own = write_recipe("REPLACE PatientName TRAVISSON^ANN", "REPLACE PatientID TRAVISSON")
    (done,) = replace(path, [own, RECIPE], output_folder=tmp_path / "out")
    assert pydicom.dcmread(done.path)[0x00191010].value == "anonymized by TRAVISSON"


def test_words_of_a_private_sequence_are_taken_before_it_is_cleaned(
    tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
) -> None:
    item = sequence(0, (text(0x00100010, "PN", "Quillfeather^Ann"),)).value
    inside = private_block(0x2005, 0x10, b"Philips MR Imaging DD 005", {0x02: ("SQ", item)})
    other = private_block(0x0019, 0x10, b"OTHER VENDOR 01", {0x10: ("LO", b"by Quillfeather ")})
    path = write_file(file_bytes(Phantom(plain_image((*other, *inside)))))
    csaclean.clean_file(path, tmp_path / "alone")
    own = write_recipe("ADD PatientIdentityRemoved YES")
    (done,) = replace(path, [own, RECIPE], output_folder=tmp_path / "out")
    assert private_values(done.path) == private_values(tmp_path / "alone")
    assert b"uillfeather" not in done.path.read_bytes()


def test_nothing_of_a_value_is_printed_logged_or_remembered(
    tmp_path: Path,
    write_recipe: WriteRecipe,
    write_file: WriteFile,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Deid prints a field whose JITTER fails, and converts values with warnings that quote them."""
    path = write_file(GOLDEN["csa2_mosaic_explicit"]())
    caplog.set_level("DEBUG")

    def prints(field: Any, **_: object) -> str:
        sys.stderr.write(str(field))
        sys.stdout.write(str(field.element.value))
        warnings.warn(str(field.element.value), stacklevel=1)
        return "1.2.DOE"

    own = write_recipe(
        "JITTER PatientName 1",
        "REPLACE Rows DOE^JOHN",
        "REPLACE PatientID deid_func:basic_uuid DOE=JOHN",
        "REPLACE StudyInstanceUID func:prints",
        'JITTER (0029,"SIEMENS CSA HEADER",08) 1',
    )
    remembered = len(deid_logger.bot.history)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(CsacleanError) as failure:  # Rows was blanked, and that can't be written
            replace(path, [own, RECIPE], output_folder=tmp_path / "out", ids={str(path): {"prints": prints}})
    assert "DOE" not in str(failure.value)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert not caught
    assert not caplog.records
    assert len(deid_logger.bot.history) == remembered


def test_deid_speaks_again_afterwards(write_file: WriteFile, tmp_path: Path) -> None:
    replace(write_file(GOLDEN["csa2_implicit"]()), RECIPE, output_folder=tmp_path / "out")
    before = len(deid_logger.bot.history)
    deid_logger.bot.debug("still here")
    assert len(deid_logger.bot.history) == before + 1


def test_what_identifies_the_patient_is_taken_before_the_recipe_runs(
    tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claimed text that the policy keeps is redacted where it holds what the recipe removed from the header."""
    header = CsaHeader.build((CsaTag.build("SequenceFileOwner", "SH", [b"OTHER-77"]),))
    dataset = base_image(
        (sequence(0x00101002, (text(0x00100020, "LO", "OTHER-77"),)),), image=with_canaries(header)[0]
    )
    path = write_file(file_bytes(Phantom(dataset)))
    own = write_recipe("REMOVE OtherPatientIDsSequence", REMOVE_REST)
    (kept,) = replace(path, RECIPE, policy="dead-space", output_folder=tmp_path / "kept")
    (done,) = replace(path, [own, RECIPE], output_folder=tmp_path / "out")
    assert b"OTHER-77" in pydicom.dcmread(kept.path)[0x00291010].value
    assert b"OTHER-77" not in done.path.read_bytes()


@pytest.mark.parametrize("tag", [0x00100010, 0x00100020, 0x00080050, 0x00100030])
def test_what_identified_the_patient_is_crossed_out_in_unclaimed_texts(
    tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile, tag: int
) -> None:
    found = pydicom.dcmread(io.BytesIO(GOLDEN["csa2_implicit"]()))[tag].value
    other = private_block(0x0019, 0x10, b"OTHER VENDOR 01", {0x10: ("LO", str(found).encode())})
    path = write_file(file_bytes(Phantom(base_image(other, image=IMAGE, series=SERIES))))
    gone = write_recipe(f"REMOVE {datadict.keyword_for_tag(tag)}")
    (done,) = replace(path, [gone, RECIPE], output_folder=tmp_path / "out")
    assert str(found) not in str(pydicom.dcmread(done.path)[0x00191010].value)


def test_dates_are_shifted_once_and_by_the_patient_that_the_recipe_renames(
    tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
) -> None:
    path = write_file(file_bytes(Phantom(base_image(image=IMAGE, series=SERIES))))
    own = write_recipe("REPLACE PatientID ANON", REMOVE_REST)
    (done,) = replace(
        path, [own, RECIPE], output_folder=tmp_path / "out", shift_days={PATIENT_ID: 1, "ANON": 100}
    )
    assert pydicom.dcmread(done.path)[0x00291009].value == "20010204"


def test_what_nobody_claims_is_judged_after_the_recipe(
    tmp_path: Path, write_recipe: WriteRecipe, write_file: WriteFile
) -> None:
    other = private_block(0x0019, 0x10, b"OTHER VENDOR 01", {0x10: ("LO", b"WORDS")})
    path = write_file(file_bytes(Phantom(base_image(other, image=IMAGE, series=SERIES))))
    with pytest.raises(CsacleanError):
        replace(path, RECIPE, output_folder=tmp_path / "out", unclaimed="fail")
    own = write_recipe(REMOVE_REST)
    (done,) = replace(path, [own, RECIPE], output_folder=tmp_path / "out", unclaimed="fail")
    assert 0x00191010 not in pydicom.dcmread(done.path)


def test_csaclean_and_the_functions_import_no_deid() -> None:
    code = (
        "import sys, csaclean.adapters.deid_functions, csaclean.adapters.deid;"
        "print(any(name == 'deid' or name.startswith('deid.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_deid_it_says_what_to_install(
    tmp_path: Path, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "deid"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "deid", None)
    adapter._deid.cache_clear()
    with pytest.raises(UsageError, match=r"csaclean\[deid\]"):
        replace(write_file(GOLDEN["csa2_implicit"]()), RECIPE, output_folder=tmp_path / "out")
