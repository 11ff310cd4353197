"""Handlers of other distributions: found by their entry points, and refused when they can't be trusted."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from csaclean.clean import clean_file
from csaclean.errors import HandlerError
from csaclean.registry import installed
from phantom_file import Phantom, file_bytes
from phantom_writer import private_block
from phantoms import plain_image
from tests.plugin_files import make_distribution

PLUGIN = Path(__file__).with_name("plugin")
Install = Callable[..., None]


@pytest.fixture(autouse=True)
def _fresh_registry() -> Iterator[None]:
    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the checked-in distribution on the path."""
    monkeypatch.syspath_prepend(str(PLUGIN))


@pytest.fixture
def parameter_block(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """Return the builder of the plugin's own tests."""
    monkeypatch.syspath_prepend(str(PLUGIN / "tests"))
    build: Callable[..., bytes] = import_module("phantom").parameter_block
    return build


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what puts a distribution with one entry point and the source of its module on the path."""

    def made(distribution: str, entry: str, target: str, source: str = "") -> None:
        if source:  # another test may have imported another module of that name
            monkeypatch.delitem(sys.modules, target.partition(":")[0], raising=False)
        monkeypatch.syspath_prepend(str(make_distribution(tmp_path, distribution, entry, target, source)))

    return made


def test_our_own_handlers_come_through_the_same_door() -> None:
    (siemens,) = (entry for entry in installed().registered if entry.name == "siemens")
    assert siemens.distribution == "csaclean"


@pytest.mark.usefixtures("acme")
def test_a_third_partys_handler_is_found_with_its_distribution() -> None:
    (entry,) = (entry for entry in installed().registered if entry.name == "acme")
    assert (entry.distribution, entry.version) == ("csaclean-acme", "1.0.0")
    assert entry.handler.name == "acme"


@pytest.mark.usefixtures("acme")
def test_its_claims_are_listed_beside_ours() -> None:
    owners = {claimed.selector: claimed.registered.name for claimed in installed().claims}
    assert owners["(0019,ACME MR 01,10)"] == owners["(0019,ACME MR 01,11)"] == "acme"
    assert owners["(0029,SIEMENS CSA HEADER,10)"] == "siemens"


def _file(block: Callable[..., bytes], creator: bytes | None = b"ACME MR 01") -> bytes:
    """Return a file with the plugin's elements, of another block number than in its own tests."""
    values = {
        0x10: ("OB", block(b"TE", b"Weight")),
        0x11: ("DA", b"20010203"),
        0x12: ("LO", b"knee of Jane"),
        0x13: ("CS", b"HEAD"),
    }
    return file_bytes(Phantom(plain_image(private_block(0x0019, 0x42, creator, dict(values)))))


@pytest.mark.usefixtures("acme")
def test_it_is_used(tmp_path: Path, parameter_block: Callable[..., bytes]) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(_file(parameter_block))
    report = clean_file(source, target)
    assert report.vouched
    written = target.read_bytes()
    for name in (b"DOE^JANE", b"ENAJ^EOD", b"ROE^", b"jdoe", b"knee"):
        assert name in source.read_bytes()
        assert name not in written
    assert b"HEAD" in written
    assert {group.selector: dict(group.edits) for group in report.elements} == {
        "(0019,ACME MR 01,10)": {"identity": 2, "patient-characteristics": 1, "dates": 1},
        "(0019,ACME MR 01,11)": {"dates": 1},
        "(0019,ACME MR 01,12)": {"descriptors": 1},
        "(0019,ACME MR 01,13)": {},
    }


@pytest.mark.usefixtures("acme")
def test_its_block_is_known_by_its_first_bytes_where_the_creator_is_gone(
    tmp_path: Path, parameter_block: Callable[..., bytes]
) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(_file(parameter_block, None))
    (group,) = clean_file(source, target).elements
    assert (group.selector, group.orphans) == ("(0019,ACME MR 01,10)", 1)
    assert b"DOE^JANE" not in target.read_bytes()


def test_its_own_tests_pass(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, PLUGIN / "tests"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PLUGIN), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout


@pytest.mark.usefixtures("acme")
def test_a_name_taken_by_two_distributions_is_an_error_that_names_both(install: Install) -> None:
    install("rival-csaclean", "acme", "csaclean_acme:AcmeHandler")
    with pytest.raises(HandlerError) as caught:
        installed()
    assert "csaclean-acme" in str(caught.value)
    assert "rival-csaclean" in str(caught.value)


@pytest.mark.usefixtures("acme")
def test_nobody_can_take_the_name_of_our_handler(install: Install) -> None:
    install("rival-csaclean", "siemens", "csaclean_acme:AcmeHandler")
    with pytest.raises(
        HandlerError, match=r"siemens.* both (csaclean and rival-csaclean|rival-csaclean and csaclean)"
    ):
        installed()


@pytest.mark.usefixtures("acme")
def test_a_claim_made_by_two_handlers_is_an_error_that_names_both(install: Install) -> None:
    source = "from csaclean_acme import AcmeHandler\nclass Rival(AcmeHandler):\n    name = 'rival'\n"
    install("rival-csaclean", "rival", "phantom_rival:Rival", source)
    with pytest.raises(HandlerError) as caught:
        installed()
    assert caught.value.selector.startswith("(0019,ACME MR 01,")
    assert "acme of csaclean-acme" in caught.value.reason
    assert "rival of rival-csaclean" in caught.value.reason


@pytest.mark.parametrize(
    "source",
    [
        "raise RuntimeError('SYNTHETIC SECRET')",
        "import a_module_that_is_not_there",
        "def",
        "Other = 1",
        "import sys\nsys.exit(0)",
        "class Broken:\n    def __init__(self):\n        raise KeyError('SYNTHETIC SECRET')",
        "class Broken:\n    def __init__(self, needed):\n        pass",
        "Broken = 3",
    ],
    ids=[
        "raises",
        "imports",
        "syntax",
        "no-such-name",
        "exits",
        "init-raises",
        "init-wants-more",
        "not-a-class",
    ],
)
def test_a_handler_that_cannot_be_made_is_an_error_that_names_it(install: Install, source: str) -> None:
    install("broken-csaclean", "broken", "phantom_broken:Broken", source + "\n")
    with pytest.raises(HandlerError) as caught:
        installed()
    assert "broken" in str(caught.value)
    assert "broken-csaclean" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["name", "claims", "rules", "layout"])
def test_a_handler_without_its_parts_is_an_error_that_names_the_part(install: Install, missing: str) -> None:
    parts = {
        "name": "    name = 'partial'",
        "claims": "    claims = ()",
        "rules": "    rules = RuleSet()",
        "layout": "    def layout(self, element): ...",
    }
    del parts[missing]
    source = "from csaclean.handler import RuleSet\nclass Partial:\n" + "\n".join(parts.values()) + "\n"
    install("partial-csaclean", "partial", f"phantom_partial_{missing}:Partial", source)
    with pytest.raises(HandlerError, match=f"partial of partial-csaclean has no {missing}"):
        installed()


@pytest.mark.parametrize(
    ("part", "match"),
    [
        ("name = 3", "has a name that is no text"),
        ("name = ''", "has a name that is no text"),
        ("name = 'another'", "calls itself by another name"),
        ("claims = ['(0019,ACME,10)']", "has claims that are no tuple of Claim"),
        ("claims = (Claim('(0019,ACME,10)'),)", "has a claim whose selector is none: parse_selector"),
        ("claims = (Claim(()),)", "has a claim whose selector is none"),
        ("rules = []", "has rules that are no RuleSet"),
        ("layout = None", "has a layout that is no method"),
    ],
)
def test_a_handler_whose_parts_are_something_else_is_an_error(
    install: Install, part: str, match: str
) -> None:
    source = (
        "from csaclean.handler import Claim, RuleSet\nclass Odd:\n    name = 'odd'\n    claims = ()\n"
        f"    rules = RuleSet()\n    def layout(self, element): ...\n    {part}\n"
    )
    install("odd-csaclean", "odd", "phantom_odd:Odd", source)
    with pytest.raises(HandlerError, match=f"odd of odd-csaclean {match}"):
        installed()


def test_all_that_is_wrong_is_told_at_once(install: Install) -> None:
    install("first-csaclean", "first", "phantom_first_of_two:Missing", "import a_module_that_is_not_there\n")
    install("second-csaclean", "second", "phantom_second_of_two:Missing", "raise OSError\n")
    with pytest.raises(HandlerError) as caught:
        installed()
    assert "first-csaclean" in str(caught.value)
    assert "second-csaclean" in str(caught.value)


def test_a_handler_of_another_protocol_is_an_error(install: Install) -> None:
    source = (
        "from csaclean.handler import RuleSet\nclass Future:\n    api_version = 99\n    name = 'future'\n"
        "    claims = ()\n    rules = RuleSet()\n    def layout(self, element): ...\n"
    )
    install("future-csaclean", "future", "phantom_future:Future", source)
    with pytest.raises(HandlerError, match="api_version 99"):
        installed()
