"""Distributions of handlers that nobody installed: a folder with a module and the metadata that an installer would write."""

from pathlib import Path

__all__ = ["make_distribution"]


def make_distribution(folder: Path, distribution: str, entry: str, target: str, source: str = "") -> Path:
    """Make a distribution with one handler.

    Parameters
    ----------
    folder
        Where to make it.
    distribution, entry, target
        Its name; the entry point's name, and what that names (``module:Class``).
    source
        Of the module; empty if there is one of that name already.

    Returns
    -------
    Path
        The folder to put on the path.
    """
    root = folder / distribution
    info = root / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[csaclean.handlers]\n{entry} = {target}\n")
    if source:
        (root / f"{target.partition(':')[0]}.py").write_text(source)
    return root
