"""Names of Private Creators that may be printed: those that a shipped table or a handler knows.

Any other is a value of the file, and may be anybody's name.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from tomllib import loads

from csaclean.selector import Step, fold_creator

__all__ = ["known_creators", "printable_step"]


@cache
def known_creators() -> Mapping[str, str]:
    """Return the shipped names, folded to as they are spelled."""
    names = loads(files("csaclean.report").joinpath("creators.toml").read_text("utf-8"))["creators"]
    return {fold_creator(name): name for name in names}


def printable_step(step: Step, also: Mapping[str, str] = {}) -> str:  # never written to
    """Return a step as text, with ``?`` for a creator that neither a shipped table nor `also` knows."""
    if step.creator is None:
        return str(step)
    folded = fold_creator(step.creator)
    name = also.get(folded) or known_creators().get(folded) or "?"
    return str(step._replace(creator=name))
