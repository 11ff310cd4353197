"""JSON as it stands in private elements (RFC 8259): marks are structure, keys, strings and numbers are fields.

A reader of spans, not of documents: one pass over the bytes, open brackets on a stack. The fill of each field is JSON again.
"""

import re
from typing import Final

from csaclean.model import Builder, Layout

__all__ = ["read_json"]

_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_PLAIN: Final = re.compile(rb"[^\"\\\x00-\x1f]*")
_ESCAPE: Final = re.compile(rb"\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4})")
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)? *")
"""A number with the spaces behind it: its fill ends in spaces, so they belong to what stands in its place."""
_CONSTANT: Final = re.compile(rb"true|false|null")
_LONG: Final = 8
"""Characters of a number that can be a date, a time stamp or somebody's number in a register."""
_CLOSING: Final = {ord("{"): ord("}"), ord("["): ord("]")}


class _Reader:
    """One pass over a text: spans into a builder."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.builder = Builder()
        self.at = 0

    def _space(self) -> int:
        """Skip white space, and return the byte that follows; -1 at the end."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found is not None else self.at
        return self.text[self.at] if self.at < len(self.text) else -1

    def _string(self, path: str, form: str) -> bool:
        """Account for a string from its opening quote on."""
        builder, text, at = self.builder, self.text, self.at + 1
        while True:
            builder.structure(at)
            found = _PLAIN.match(text, at)
            at = found.end() if found is not None else at
            builder.value(at, path, form)
            escape = _ESCAPE.match(text, at)
            if escape is None:
                break
            if text[at + 1] == ord("u"):
                builder.structure(at + 2)
                builder.value(escape.end(), f"{path}/escape", "hex")
            at = escape.end()
        if at >= len(text) or text[at] != ord('"'):
            return False
        self.at = at + 1
        builder.structure(self.at)
        return True

    def _scalar(self) -> bool:
        """Account for a string, a number or a constant."""
        if self.text[self.at] == ord('"'):
            return self._string("string", "text")
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            self.builder.structure(self.at)
            self.at = number.end()
            path = "long-number" if len(number[0]) >= _LONG else "number"
            self.builder.value(
                self.at, path, "integer"
            )  # whose fill has no leading zeros, which JSON forbids
            return True
        constant = _CONSTANT.match(self.text, self.at)
        if constant is not None:
            self.at = constant.end()
        return constant is not None

    def read(self) -> bool:
        """Account for the text; False if it isn't one whole object or array."""
        open_brackets: list[int] = []
        while True:
            # A value stands here, or the end of an empty bracket.
            mark = self._space()
            if mark in _CLOSING:
                open_brackets.append(_CLOSING[mark])
                self.at += 1
                if self._space() != open_brackets[-1]:
                    if open_brackets[-1] == ord("}") and not self._key():
                        return False
                    continue
            elif not open_brackets or mark < 0 or not self._scalar():
                return False
            while open_brackets and self._space() == open_brackets[-1]:
                open_brackets.pop()
                self.at += 1
            if not open_brackets:
                break
            if self._space() != ord(","):
                return False
            self.at += 1
            if open_brackets[-1] == ord("}") and not self._key():
                return False
        rest = self._space()
        self.builder.structure(self.at)
        return rest < 0

    def _key(self) -> bool:
        """Account for a key and its colon."""
        if self._space() != ord('"') or not self._string("key", "name") or self._space() != ord(":"):
            return False
        self.at += 1
        return True


def read_json(text: bytes) -> Layout | None:
    r"""Return the layout of a JSON text, an object or an array; None if it isn't a whole one.

    Returns
    -------
    Layout or None
        Paths are ``key`` (of form ``name``: no list tells which keys a vendor has), ``string``, ``key/escape`` and
        ``string/escape`` (the digits of ``\u``), ``number``, and ``long-number`` for one of eight characters or more, the
        spaces behind it among them.

    Examples
    --------
    >>> layout = read_json(b'{"Name": ["Doe", 1.5, 20240131], "b": null}')
    >>> [(span.path, span.form) for span in layout if span.path]
    [('key', 'name'), ('string', 'text'), ('number', 'integer'), ('long-number', 'integer'), ('key', 'name')]
    >>> read_json(b'{"Name": "Doe"') is None
    True
    """
    reader = _Reader(text)
    return reader.builder.done(len(text)) if reader.read() else None
