"""TOML tables that people write: read with errors that name the file, the line and what is wrong."""

import re
import tomllib
from typing import Any, Final, TypeVar

import msgspec

from csaclean.errors import PolicyError

__all__ = ["convert", "line_of_entry", "parse"]

_T = TypeVar("_T")
_PLACE: Final = re.compile(r" - at `\$(?:\.(\w+)(?:\[(\d+)\])?(?:\.([\w-]+))?)?[^`]*`$")


def parse(text: str, where: str) -> dict[str, Any]:
    """Return the table of a TOML text.

    Raises
    ------
    PolicyError
        If it isn't TOML, or nested too deeply; with line and column.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise PolicyError(f"{where}: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{where}: not TOML: {error}") from None


def line_of_entry(text: str, table: str, number: int, key: str = "") -> int:
    r"""Return the line of the `number`-th ``[[table]]`` of a TOML text, or of a key in it; 0 if there is none.

    Examples
    --------
    >>> line_of_entry("[[rule]]\nwhy = 1\n[[rule]]\nclass = 2\n", "rule", 1, "class")
    4
    """
    heads = list(re.finditer(rf"^[ \t]*\[\[[ \t]*{re.escape(table)}[ \t]*\]\]", text, re.MULTILINE))
    if number >= len(heads):
        return 0
    start = heads[number].end()
    stop = heads[number + 1].start() if number + 1 < len(heads) else len(text)
    found = (
        re.compile(rf"^[ \t]*{re.escape(key)}[ \t]*=", re.MULTILINE).search(text, start, stop)
        if key
        else None
    )
    return text.count("\n", 0, found.start() if found else heads[number].start()) + 1


def convert(table: dict[str, Any], kind: type[_T], text: str, where: str) -> _T:
    """Return a table as a struct.

    Raises
    ------
    PolicyError
        If it breaks the struct's form; with the line where the place is an entry of an array of tables.
    """
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        place = _PLACE.search(message)
        line = line_of_entry(text, place[1], int(place[2]), place[3] or "") if place and place[2] else 0
        raise PolicyError(f"{where}, line {line}: {message}" if line else f"{where}: {message}") from None
