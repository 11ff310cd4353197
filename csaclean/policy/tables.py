"""Tables that people write: read with errors that name the file, the line and what is wrong."""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from csaclean.errors import PolicyError

__all__ = ["convert", "lines_of_entries", "parse", "read_text"]

_T = TypeVar("_T")
_PLACE: Final = re.compile(r" - at `\$(?:\.(\w+)(?!\w)(?:\[(\d+)\])?(?:\.([\w-]+)(?![\w-]))?)?[^`]*`$")


def read_text(path: Path, kind: str, encoding: str = "utf-8") -> str:
    r"""Return the text of a user's file, with line ends as ``\n``.

    Parameters
    ----------
    path
        The file; messages name it without its folder.
    kind
        What the file is, for the message where the path is none that a file can have.
    encoding
        ``utf-8``, or ``utf-8-sig`` where a byte order mark may stand in front.

    Raises
    ------
    PolicyError
        If it can't be read, or isn't UTF-8.
    """
    try:
        return path.read_text(encoding)
    except OSError as error:
        raise PolicyError(f"{path.name}: {os.strerror(error.errno or 0)}") from None
    except UnicodeError:
        raise PolicyError(f"{path.name}: not UTF-8") from None
    except ValueError:
        raise PolicyError(f"a name that no {kind} can have") from None


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


def lines_of_entries(text: str, table: str) -> list[int]:
    r"""Return the line of each ``[[table]]`` of a TOML text.

    Examples
    --------
    >>> lines_of_entries("[[rule]]\nwhy = 1\n[[rule]]\nclass = 2\n", "rule")
    [1, 3]
    """
    head = re.compile(rf"[ \t]*\[\[[ \t]*{re.escape(table)}[ \t]*\]\]")
    return [number for number, line in enumerate(text.split("\n"), 1) if head.match(line)]


def _line_of(text: str, table: str, number: int, key: str) -> int:
    """Return the line of a key in the `number`-th entry, or of the entry; 0 if there is none."""
    heads = lines_of_entries(text, table)
    if number >= len(heads):
        return 0
    stop = heads[number + 1] - 1 if number + 1 < len(heads) else None
    wanted = re.compile(rf"[ \t]*{re.escape(key)}[ \t]*=")
    inside = enumerate(text.split("\n")[heads[number] : stop], heads[number] + 1)
    return next((line for line, content in inside if key and wanted.match(content)), heads[number])


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
        line = _line_of(text, place[1], int(place[2]), place[3] or "") if place and place[2] else 0
        raise PolicyError(f"{where}, line {line}: {message}" if line else f"{where}: {message}") from None
