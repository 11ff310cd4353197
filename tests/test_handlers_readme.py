"""The example of ``handlers/README.md`` is a plugin that works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
GUIDE = (PROJECT / "handlers" / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Make the package of the guide, with the metadata that an installation would write."""
    handler, _ = blocks("python")
    rules, entry_point = blocks("toml")
    package = tmp_path / "site" / "csaclean_acme"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(handler)
    (package / "rules.toml").write_text(rules)
    metadata = tmp_path / "site" / "csaclean_acme-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: csaclean-acme\nVersion: 1.0\n")
    (name,) = re.findall(r'^acme = "(.*)"$', entry_point, re.MULTILINE)
    (metadata / "entry_points.txt").write_text(f"[csaclean.handlers]\nacme = {name}\n")
    return package.parent


def run(plugin: Path, cwd: Path, *command: str) -> str:
    paths = os.pathsep.join((str(plugin), str(PROJECT / "fixtures")))
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_listed_with_its_distribution(plugin: Path, tmp_path: Path) -> None:
    listed = run(plugin, tmp_path, "-m", "csaclean", "handlers")
    assert "acme from csaclean-acme 1.0\n  (0019,ACME MR 01) by grammar: 10; by VR: 11\n" in listed


def test_it_cleans_the_phantom_of_the_guide(plugin: Path, tmp_path: Path) -> None:
    run(plugin, tmp_path, "-c", blocks("python")[1])
    before = (tmp_path / "acme.dcm").read_bytes()
    run(plugin, tmp_path, "-m", "csaclean", "acme.dcm")
    after = (tmp_path / "acme.clean.dcm").read_bytes()
    assert b"DOE^JANE" in before
    assert after == before.replace(b"DOE^JANE", b"XXXXXXXX")
