"""Names of the formats of this vendor: known ones are structure, others are values of the file."""

from functools import cache
from importlib.resources import files
from tomllib import loads
from typing import NamedTuple

__all__ = ["vocabulary"]


class _Vocabulary(NamedTuple):
    """What ``vocabulary.toml`` lists.

    Attributes
    ----------
    elements, attributes
        Of the XML protocol.
    parameters, parameter_texts
        Names in parameter tables, ``#`` for a number; those that hold a text are apart.
    """

    elements: frozenset[bytes]
    attributes: frozenset[bytes]
    parameters: frozenset[str]
    parameter_texts: frozenset[str]


@cache
def vocabulary() -> _Vocabulary:
    """Return the names."""
    table = loads(files("csaclean_handlers.canon").joinpath("vocabulary.toml").read_text("utf-8"))
    protocol, parameters = table["protocol"], table["parameters"]
    return _Vocabulary(
        frozenset(name.encode("ascii") for name in protocol["elements"]),
        frozenset(name.encode("ascii") for name in protocol["attributes"]),
        frozenset(parameters["names"]),
        frozenset(parameters["texts"]),
    )
