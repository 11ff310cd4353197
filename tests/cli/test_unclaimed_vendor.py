"""A file of a vendor that no handler claims: what the command says of it, and what its options make of it."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from csaclean.creator_names import known_creators
from csaclean.registry import installed
from csaclean.selector import fold_creator
from phantom_file import Phantom, file_bytes
from phantom_writer import Fragments, private_block
from phantoms import plain_image

Command = Callable[..., subprocess.CompletedProcess[str]]

DONE, SOME_FAILED = 0, 4
CREATOR = b"Viewing Protocol"
"""A name that ships and that no handler claims: it may be printed."""
NAME = b"QUINCEY^HARKER"
READ = b"1000"
"""At (0019,100C), where converters look for a b-value whoever owns the block."""
PIXELS, PACKED = b"pixels that lie here", b"pixels in fragments "
UNVOUCHED = re.compile(r"csaclean: 1 of 1 files hold private elements nobody vouches for")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of that vendor: texts, an element that a converter reads, pixels as they are and in fragments."""
    path = tmp_path / "in.dcm"
    blocks = (
        *private_block(0x0019, 0x10, CREATOR, {0x0C: ("IS", READ), 0x42: ("LO", NAME)}),
        *private_block(0x0065, 0x10, CREATOR, {0x10: ("LT", NAME), 0x11: ("OB", Fragments((PACKED,)))}),
        *private_block(0x7FE1, 0x10, CREATOR, {0x20: ("OB", PIXELS)}),
    )
    path.write_bytes(file_bytes(Phantom(plain_image(blocks, side=4))))
    return path


def run(
    csaclean: Command, file: Path, *options: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Clean a file; return the process and the record of the file."""
    done = csaclean(file, "-o", file.parent / "out", "--json", "-", *options)
    return done, json.loads(done.stdout.splitlines()[0])


def test_no_handler_claims_it() -> None:
    assert fold_creator(CREATOR) in known_creators()
    assert not installed().knows(fold_creator(CREATOR))


def test_it_is_reported_by_selector_and_left_alone(csaclean: Command, file: Path) -> None:
    done, record = run(csaclean, file)
    assert done.returncode == DONE
    assert (file.parent / "out" / "in.dcm").read_bytes() == file.read_bytes()
    assert {one["selector"]: (one["reason"], one["count"]) for one in record["unclaimed"]} == {
        "(0019,Viewing Protocol,0C)": ("unclaimed", 1),
        "(0019,Viewing Protocol,42)": ("unclaimed", 1),
        "(0065,Viewing Protocol,10)": ("unclaimed", 1),
        "(0065,Viewing Protocol,11)": ("unclaimed", 1),
        "(7FE1,Viewing Protocol,20)": ("unclaimed", 1),
    }
    assert not record["vouched"]
    assert UNVOUCHED.search(done.stderr)


@pytest.mark.parametrize("options", [("--unclaimed", "blank"), ("-p", "strict")])
def test_blanking_leaves_what_a_converter_reads_and_private_pixels(
    csaclean: Command, file: Path, options: tuple[str, ...]
) -> None:
    done, record = run(csaclean, file, *options)
    assert done.returncode == DONE
    before, after = file.read_bytes(), (file.parent / "out" / "in.dcm").read_bytes()
    assert after == before.replace(NAME, b"X" * len(NAME))
    assert before.count(NAME) == 2
    assert {one["selector"]: one["reason"] for one in record["unclaimed"]} == {
        "(0019,Viewing Protocol,0C)": "read-by-a-converter",
        "(0065,Viewing Protocol,11)": "payload",
        "(7FE1,Viewing Protocol,20)": "payload",
    }
    assert not record["vouched"]
    assert UNVOUCHED.search(done.stderr)


@pytest.mark.parametrize("options", [("--unclaimed", "fail"), ("-p", "strict", "--unclaimed", "fail")])
def test_it_is_refused_if_that_is_asked_for(csaclean: Command, file: Path, options: tuple[str, ...]) -> None:
    done, record = run(csaclean, file, *options)
    assert done.returncode == SOME_FAILED
    assert (record["status"], record["error"], record["vouched"]) == ("failed", "unsupported", False)
    assert not (file.parent / "out" / "in.dcm").exists()
    assert not any(NAME.decode("ascii") in text for text in (done.stdout, done.stderr))


def test_every_handler_that_ships_is_listed_with_where_it_comes_from(csaclean: Command) -> None:
    listed = re.findall(
        r"^(\S+) from csaclean (\S+): \d+ elements?", csaclean("handlers").stdout, re.MULTILINE
    )
    shipped = {
        "agfa",
        "archives",
        "bruker",
        "elscint",
        "geiis",
        "hitachi",
        "mitra",
        "sectra",
        "siemens",
        "standard",
    }
    assert {name for name, _ in listed} >= shipped
    assert len({version for _, version in listed}) == 1
