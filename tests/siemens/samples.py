"""Where the tests of the Siemens handler get their bytes: real headers, and headers that hypothesis makes up."""

import gzip
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

import pydicom
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from csaclean.engine import Cleaned, Engine
from csaclean.handler import PrivateElement, parse_selector
from csaclean.model import Kind, Layout, Span
from csaclean.policy.policies import load_policy
from csaclean.proof.witness import ProofLevel
from csaclean.registry import Claimed, Registered, Registry
from csaclean_handlers.siemens import SiemensHandler
from tests.conftest import real_files
from tests.siemens.independent_csa import PlainTag

__all__ = [
    "IMAGE",
    "REAL_FILES",
    "SERIES",
    "cleaned",
    "csa_values",
    "element",
    "headers",
    "kind_of_bytes",
    "names_in",
    "nibabel_files",
    "plain_tags",
    "real_blobs",
    "registry",
    "untimed",
]

IMAGE: Final = "(0029,SIEMENS CSA HEADER,10)"
SERIES: Final = "(0029,SIEMENS CSA HEADER,20)"

untimed: Final = settings(deadline=None)
"""For laws of hypothesis: the first example may import nibabel, and no test is about time."""

_TYPE_NUMBERS: Final = {
    b"UN": 0, b"DS": 3, b"FD": 4, b"FL": 5, b"IS": 6, b"SL": 7, b"SS": 8, b"UL": 9, b"US": 10,
    b"CS": 16, b"LO": 19, b"LT": 20, b"SH": 22, b"ST": 23, b"UI": 25, b"UT": 27,
}  # fmt: skip


def nibabel_files() -> list[Path]:
    """Return the files of nibabel's own tests, which its wheel holds; nibabel is not imported for that."""
    spec = find_spec("nibabel")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(next(iter(spec.submodule_search_locations))) / "nicom" / "tests" / "data"
    files = sorted(
        path for path in folder.iterdir() if path.name.removesuffix(".gz").endswith((".bin", ".dcm"))
    )
    assert files, "nibabel's wheel holds no test data"
    return files


def _shared_files() -> list[Any]:
    """Return the paths of the shared files as parameters, or the one that skips."""
    found: list[Any] = real_files("*")
    return [
        parameter if parameter.values[0] is None else pytest.param(parameter.values[0].path, id=parameter.id)
        for parameter in found
    ]


REAL_FILES: Final = [
    *(pytest.param(path, id=f"nibabel-{path.name}") for path in nibabel_files()),
    *_shared_files(),
]
"""Parameters for every real file there is; one that skips where the shared files are absent."""


def csa_values(dataset: pydicom.Dataset) -> Iterator[bytes]:
    """Yield the values of all CSA elements of a data set, at any depth, by creator or by signature."""
    for item in dataset:
        if item.VR == "SQ":
            for nested in item.value:
                yield from csa_values(nested)
        elif isinstance(item.value, bytes) and item.tag.is_private and not item.tag.is_private_creator:
            creator = str(item.private_creator or "").strip(" \0").casefold()
            own = (
                item.tag.group == 0x0029
                and creator == "siemens csa header"
                and item.tag.elem & 0xFF in (0x10, 0x20)
            )
            if own or item.value[:4] in (b"SV10", b"VS01"):
                yield item.value


@cache
def real_blobs(path: Path) -> tuple[bytes, ...]:
    """Return the CSA headers of a file: the file itself if it is a bare one, else all of its data set."""
    data = path.read_bytes()
    if path.name.endswith(".gz"):
        data = gzip.decompress(data)
    if path.name.removesuffix(".gz").endswith(".bin"):
        return (data,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # real files are not always valid DICOM; pydicom says so
        return tuple(csa_values(pydicom.dcmread(BytesIO(data), force=True, stop_before_pixels=True)))


def plain_tags(max_value: int = 24) -> st.SearchStrategy[PlainTag]:
    """Return a strategy for tags with any VR, any number of items, and anything in every dead byte."""
    characters = st.sampled_from(b"ABCXYZabcxyz_0123456789-")
    names = st.one_of(
        st.sampled_from(
            [
                b"B_value",
                b"PixelFile",
                b"MrPhoenixProtocol",
                b"PatReinPattern",
                b"ICE_Dims",
                b"UsedPatientWeight",
            ]
        ),
        st.lists(characters, min_size=1, max_size=64).map(bytes),
    )
    # What claims to be an ASCCONV section has to be one: tests of protocols are about that.
    text = st.binary(min_size=1, max_size=max_value).filter(lambda value: b"ASCCONV" not in value)
    values = st.lists(st.one_of(st.just(b""), text, text.map(lambda value: value + b"\0")), max_size=7).map(
        tuple
    )

    @st.composite
    def tag(draw: st.DrawFn) -> PlainTag:
        name = draw(names)
        spare = max(63 - len(name), 0)
        vr = draw(st.sampled_from(sorted(_TYPE_NUMBERS)))
        return PlainTag(
            name,
            draw(st.binary(min_size=spare, max_size=spare)),
            draw(st.integers(0, 100)),
            vr,
            draw(st.binary(min_size=1, max_size=1)),
            _TYPE_NUMBERS[vr],
            draw(values),
            draw(st.binary(min_size=4, max_size=4)),
        )

    return tag()


def headers(max_tags: int = 5) -> st.SearchStrategy[list[PlainTag]]:
    """Return a strategy for the tags of a header."""
    return st.lists(plain_tags(), min_size=1, max_size=max_tags)


@cache
def registry() -> Registry:
    """Return a registry of the Siemens handler alone, whatever is installed."""
    return Registry([Registered("siemens", SiemensHandler(), "csaclean", "test")])


def _claimed(selector: str) -> Claimed:
    return next(claimed for claimed in registry().claims if claimed.selector == selector)


def element(
    value: bytes, selector: str = SERIES, *, vr: str | None = "OB", order: Literal["<", ">"] = "<"
) -> PrivateElement:
    """Return a claimed element as its handler sees it."""
    return PrivateElement(
        _claimed(selector).claim, parse_selector(selector), vr, value, order, (), lambda _: None
    )


def cleaned(
    value: bytes,
    policy: str = "converter-safe",
    selector: str = SERIES,
    *,
    vr: str = "OB",
    proof: ProofLevel = "full",
) -> Cleaned:
    """Return what the engine makes of an element; it is an error if the content is foreign."""
    engine = Engine(load_policy(policy), registry(), proof)
    result = engine.clean_element(_claimed(selector), element(value, selector, vr=vr))
    assert result is not None, "foreign content"
    return result


def kind_of_bytes(layout: Layout) -> list[Kind]:
    """Return what each byte of a row is."""
    return [span.kind for span in layout for _ in range(span.start, span.stop)]


def inner_layout(layout: Layout) -> Layout:
    """Return the layout of the row that the one view of a layout shows."""
    (span,) = layout
    assert span.view is not None
    assert isinstance(span.view.layout, Layout)
    return span.view.layout


def names_in(layout: Layout) -> set[str]:
    """Return the first segments of all paths, those inside views included."""
    found: set[str] = set()

    def visit(span: Span) -> None:
        if span.view is not None:
            assert isinstance(span.view.layout, Layout)
            for inner in span.view.layout:
                visit(inner)
        elif span.path:
            found.add(span.path.partition("/")[0])

    for span in layout:
        visit(span)
    return found
