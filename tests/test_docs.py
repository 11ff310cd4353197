"""The documents say what the program does."""

import runpy
import tomllib
from pathlib import Path

import pytest

from csaclean.policy.policies import load_policy

DOCS = Path(__file__).resolve().parents[1] / "docs"


def toml_blocks() -> list[str]:
    """Return the TOML examples of the documents."""
    pages = [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md"]
    return [
        part.partition("```")[0] for page in pages for part in page.read_text("utf-8").split("```toml\n")[1:]
    ]


def test_the_page_of_rules_is_what_policy_show_prints() -> None:
    """If it isn't: ``python docs/make_rules.py``."""
    page = runpy.run_path(str(DOCS / "make_rules.py"))["page"]()
    assert (DOCS / "rules.md").read_text("utf-8") == page


@pytest.mark.parametrize("text", [text for text in toml_blocks() if "extends" in text], ids=len)
def test_every_example_of_a_policy_is_one(text: str, tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(text, "utf-8")
    assert load_policy(file).name == tomllib.loads(text)["name"]
