"""A plugin that can't be used, as the person sees it who has installed it: which one, why, and nothing is cleaned."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from phantom_file import Phantom, file_bytes
from phantom_writer import private_block
from phantoms import plain_image
from tests.plugin_files import make_distribution

Command = Callable[..., subprocess.CompletedProcess[str]]

USAGE, SOME_FAILED = 2, 4
CANARY: Final = "SYNTHETIC^CANARY"
SELECTOR: Final = "(0099,PHANTOM VENDOR,01)"

HANDLER: Final = """
from csaclean.handler import Claim, RuleSet, parse_selector
from csaclean.model import Builder, Kind, Layout

class Handler:
    name = "phantom"
    claims = (Claim(parse_selector("(0099,PHANTOM VENDOR,01)")),)
    rules = RuleSet()

    def layout(self, element):
        builder = Builder()
        builder.opaque(len(element.value))
        return builder.done(len(element.value))
"""


class Broken(NamedTuple):
    """A plugin that can't be used, and what is said of it."""

    source: str
    says: tuple[str, ...]
    entry: str = "phantom"


UNUSABLE: Final = {
    "import-fails": Broken(
        "import a_module_that_is_not_there\n", ("can't be loaded", "a_module_that_is_not_there")
    ),
    "import-raises": Broken(f"raise RuntimeError('{CANARY}')\n", ("can't be loaded", "RuntimeError")),
    "import-exits": Broken("raise SystemExit(0)\n", ("can't be loaded", "SystemExit")),
    "syntax": Broken("def\n", ("can't be loaded", "SyntaxError")),
    "no-such-class": Broken("Other = 1\n", ("can't be loaded", "phantom_plugin:Handler")),
    "another-protocol": Broken(
        HANDLER.replace('name = "phantom"', 'name = "phantom"; api_version = 2'),
        ("speaks api_version 2, not 1",),
    ),
    "claims-ours": Broken(
        HANDLER.replace(SELECTOR, "(0029,Siemens CSA Header,10)"),
        (
            "(0029,SIEMENS CSA HEADER,10): claimed by both",
            "phantom of phantom-csaclean",
            "siemens of csaclean",
        ),
    ),
    "name-is-taken": Broken(
        HANDLER.replace('"phantom"', '"siemens"'),
        ("handler name siemens is taken by both", "csaclean and"),
        "siemens",
    ),
    "another-name": Broken(HANDLER.replace('"phantom"', '"other"'), ("calls itself by another name",)),
    "claim-is-text": Broken(
        HANDLER.replace(f'parse_selector("{SELECTOR}")', f'"{SELECTOR}"'), ("a claim whose selector is none",)
    ),
    "rules-contradict": Broken(
        HANDLER.replace("RuleSet()", "RuleSet.load('csaclean', 'no-such-file.toml')"), ("can't be loaded",)
    ),
}

unusable = pytest.mark.parametrize("plugin", UNUSABLE.values(), ids=UNUSABLE)


@pytest.fixture
def install(tmp_path: Path) -> Callable[[Broken], dict[str, str]]:
    """Return what makes a plugin, and gives the environment in which it is found."""

    def made(plugin: Broken) -> dict[str, str]:
        folder = make_distribution(
            tmp_path, "phantom-csaclean", plugin.entry, "phantom_plugin:Handler", plugin.source
        )
        return {"PYTHONPATH": str(folder)}

    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "phantom.dcm"
    block = private_block(0x0099, 0x10, b"PHANTOM VENDOR", {0x01: ("OB", CANARY.encode("ascii"))})
    path.write_bytes(file_bytes(Phantom(plain_image(block))))
    return path


Install = Callable[[Broken], dict[str, str]]


def is_named(plugin: Broken, stderr: str) -> bool:
    return (
        "phantom-csaclean" in stderr
        and all(text in stderr for text in plugin.says)
        and "Traceback" not in stderr
        and CANARY not in stderr
    )


@unusable
def test_the_listing_names_it_and_its_distribution_and_lists_the_others(
    csaclean: Command, install: Install, plugin: Broken
) -> None:
    done = csaclean("handlers", env=install(plugin))
    assert done.returncode == USAGE
    assert is_named(plugin, done.stderr), done.stderr
    assert done.stderr.endswith("is updated or uninstalled\n")
    assert done.stderr.count("\n") == 2
    assert "siemens from csaclean " in done.stdout


@unusable
def test_nothing_is_read_and_it_is_named(
    csaclean: Command, install: Install, plugin: Broken, file: Path
) -> None:
    done = csaclean("check", file, env=install(plugin))
    assert done.returncode == USAGE
    assert is_named(plugin, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


MISBEHAVING: Final = {
    "hole": Broken(
        HANDLER.replace(
            "        return builder.done(len(element.value))",
            "        return Layout([3], bytearray([3]), [None])",
        ),
        ("handler phantom gave a layout with a hole",),
    ),
    "builder-ends-early": Broken(
        HANDLER.replace("builder.opaque(len(element.value))", "builder.opaque(3)"),
        ("handler phantom raised ValueError at model.py:",),
    ),
    "no-layout": Broken(
        HANDLER.replace("return builder.done(len(element.value))", "return None"),
        ("handler phantom gave no layout",),
    ),
    "raises": Broken(
        HANDLER.replace("builder = Builder()", "raise KeyError(element.value)"),
        ("handler phantom raised KeyError at phantom_plugin.py:",),
    ),
    "recurses": Broken(
        HANDLER.replace("builder = Builder()", "return self.layout(element)"),
        ("handler phantom raised RecursionError",),
    ),
    "exits": Broken(
        HANDLER.replace("builder = Builder()", "raise SystemExit(0)"), ("handler phantom raised SystemExit",)
    ),
}


@pytest.mark.parametrize("plugin", MISBEHAVING.values(), ids=MISBEHAVING)
def test_a_handler_that_breaks_the_protocol_fails_the_file(
    csaclean: Command, install: Install, plugin: Broken, file: Path
) -> None:
    done = csaclean(file, env=install(plugin))
    assert done.returncode == SOME_FAILED
    line, *_ = done.stderr.splitlines()
    assert "failed: phantom.dcm: (0099,PHANTOM VENDOR,01): " in line
    assert line.endswith("[handler]")
    assert all(text in line for text in plugin.says), line
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stderr
    assert not file.with_suffix(".clean.dcm").exists()
