"""Proof, fourth stage: nothing that identifies the patient is left, in whatever encoding.

A row is read in several ways: as it is, as lists of decimal character codes, as base64 at each of its four phases, as
16-bit words of the other byte order. In each reading the same words are looked for. What costs time is kept low by
leaving out, before the search, every byte that no word holds: a word that is not in what remains is not in the row.

Sources: the encodings were found in private elements of real files; RFC 4648 (base64).
"""

import binascii
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html.entities import html5
from itertools import accumulate, chain, islice, pairwise
from typing import Final, NamedTuple

from csaclean.budget import COMPARED, HITS
from csaclean.dicom.charset import codecs_of
from csaclean.dicom.identifying import GROUPS, Group
from csaclean.errors import LimitExceeded
from csaclean.proof.patterns import Patterns, Spend, free
from csaclean.proof.words import (
    Identifiers,
    Word,
    all_words,
    escapes,
    is_wide,
    months_of,
    numbers_of,
    spellings,
)

__all__ = ["Needles"]

Hit = tuple[int, int]
_Found = tuple[int, int, Group]
_RANKS: Final = {group: rank for rank, group in enumerate(GROUPS)}

_LOWER: Final = bytes(range(256)).lower()
_MARGIN: Final = 64
"""Bytes beside a hit that the check of borders may read, in any encoding: a time of day in character codes at most."""

_LONGEST_IDENTIFIER: Final = 64
"""Characters of an LO, or of each group of a PN (PS3.5 6.2)."""
_SHORTEST_DEEP: Final = 4
_SHORTEST_SWAPPED: Final = 6
"""Text with its bytes swapped looks like text: words of four letters would be found in it by chance."""

_SHORTEST_BEFORE_CAPITAL: Final = 5
"""Four letters before a capital one are the beginning of many words that programmers made (``TestScan``)."""
_SHORTEST_NUMBER: Final = 6
"""Digits of a number that zeros may stand before."""
_LONG_NAME: Final = 8
"""Letters that do not stand in another word by chance. Of a hundred surnames none so long stood in a word of the real files,
and one of seven did (``Fourier``)."""
_MOST_CORES: Final = 64
"""Parts that other words are compared with, so that many words take no longer than their number."""

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_AS_BASE64: Final = bytes(
    ord("+") if i == ord("-") else ord("/") if i == ord("_") else i if i in _BASE64 else ord("A")
    for i in range(256)
)
"""Makes anything base64: what is none becomes zero bits, and nothing moves."""

MAX_HITS: Final = 1 << 16
"""Hits in one row, or in one piece of a longer one. Real rows have up to 21."""
TOO_MANY_HITS: Final = (
    f"identifiers stand in it more than {MAX_HITS} times; --not-identifiers takes out a word that is none"
)
_FOLDS: Final = (
    re.compile(rb"[\r\n](?<=[A-Za-z0-9+/_-]{16}[\r\n])[\r\n]{0,3}[ \t]{0,32}(?=[A-Za-z0-9+/_-]{2})"),
    re.compile(rb"\\[rn](?<=[A-Za-z0-9+/_-]{16}\\[rn])(?:\\[rn]){0,3}(?=[A-Za-z0-9+/_-]{2})"),
)
"""Line ends between symbols of base64, with the blanks behind them: as they are, and as strings escape them."""
_CODES: Final = re.compile(rb",(?:\s{0,2}\d{1,3},){2,}")
"""The inside of a list of codes. Starts at a comma, so that the search is for one byte."""
_CODE: Final = re.compile(rb"\d+")
_LAST_CODE: Final = re.compile(rb"\s{0,2}(\d{1,3})")
_SHORT_ROW: Final = 1 << 10
_MOST_KNOWN: Final = 1 << 12
_MOST_LONG: Final = 2
"""Bytes of a short row, and how many short and long rows are remembered with their hits."""
_BYTES_PER_CODE: Final = 12
"""The longest spelling of a byte that there is: an escape whose own first character is escaped."""
_ESCAPED: Final = (
    re.compile(
        rb"&(?:#(?P<decimal>\d{1,7});|#[xX](?P<hex>[0-9A-Fa-f]{1,6});|(?P<name>[A-Za-z][A-Za-z0-9]{1,31};))"
    ),
    re.compile(
        rb"\\\\{0,3}(?:(?P<pair>u[Dd][89ABab][0-9A-Fa-f]{2}\\{1,4}u[Dd][C-Fc-f][0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4})"
        rb"|x(?P<code>[0-9A-Fa-f]{2}))"
    ),
    re.compile(rb"%(?P<byte>[0-9A-Fa-f]{2})"),
)
"""Characters as XML, HTML, JSON, C and URLs escape them; a pattern for each first byte, so that the search is for one.

A backslash may be escaped in turn, as strings in strings are.
"""
_BYTE_CODE: Final = re.compile(rb"\\x[89A-Fa-f]")
"""An escape that stands for a character in some languages, for a byte in others."""
_ESCAPE_DEPTH: Final = 2
_PIECE: Final = 1 << 18
"""Bytes that are searched for escapes at once."""
_ESCAPES: Final = re.compile(rb"\A(?:\x1b[$()]+[@-Z])+|(?:\x1b[$()]+[@-Z])+\Z")
"""ISO 2022 designations around a text (``ESC $ B``, ``ESC ( B``): another text may stand between them and the word."""


class _Form(NamedTuple):
    """A spelling of a word in an 8-bit encoding, or in UTF-16."""

    needle: bytes
    """With ASCII letters in lower case."""
    written: bytes
    """With letters as they were given."""
    first: str
    """First and last character: they say what would make the word longer. Empty: nothing would."""
    last: str
    codec: str
    """For UTF-16 ``le``, ``be`` or, if each second byte is null and the outer one is left out, ``both``."""
    group: Group

    def __repr__(self) -> str:
        """Return a length and the encoding."""
        return f"<_Form of {len(self.needle)} bytes, {self.codec}>"


class _Group(NamedTuple):
    """Forms of which all hold one thing when the bytes that no word holds are left out."""

    key: bytes
    narrow: tuple[_Form, ...]
    wide: tuple[_Form, ...]

    def __repr__(self) -> str:
        """Return counts."""
        return f"<_Group of {len(self.narrow)}+{len(self.wide)} forms>"


class _Groups:
    """Groups of forms, and the way to those whose key stands in a row."""

    __slots__ = ("_groups", "_keys")

    def __init__(self, groups: Iterable[_Group] = ()) -> None:
        self._groups = tuple(groups)
        self._keys = Patterns(group.key for group in self._groups)

    def __eq__(self, other: object) -> bool:
        """Tell whether the groups are the same."""
        return isinstance(other, _Groups) and self._groups == other._groups

    def __hash__(self) -> int:
        """Return what equal groups share."""
        return hash(self._groups)

    def __repr__(self) -> str:
        """Return a count."""
        return f"<_Groups: {len(self._groups)}>"

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._groups)

    def __iter__(self) -> Iterator[_Group]:
        """Iterate over the groups."""
        return iter(self._groups)

    def standing(self, used: bytes, spend: Spend) -> Iterator[_Group]:
        """Yield the groups of which a form may stand in a row, of which `used` holds only the bytes that words hold."""
        return map(self._groups.__getitem__, self._keys.standing(used, spend))


_NO_LETTERS: Final = frozenset((b"\xfe\xff", b"\xff\xfe", b"\xfc\xff", b"\xff\xfc"))
"""Groups FFFE and FFFC in both byte orders; a byte order mark of UTF-16 is the same."""
_DAY: Final = re.compile(rb"(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_TIME: Final = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?!\d)", re.ASCII)
_TIME_DIGITS: Final = 7
"""Those of a time, and one that would make it none."""


def _extends(edge: str, beside: str) -> bool:
    """Tell whether a neighbour belongs to the word: a digit to digits, a letter to letters.

    A letter beside digits doesn't, nor the reverse: ``MRN1234567`` gives an identifier away. Nor does a character of
    a script without spaces.
    """
    if edge.isdecimal():
        return beside.isdecimal()
    return edge.isalpha() and beside.isalpha() and not is_wide(beside)


def _narrow_neighbour(row: bytes, at: int, step: int, codec: str) -> str:
    """Return the character at a byte beside a hit, empty if there is none.

    A byte above 127 is a letter only if it is one in UTF-8, or if the next one is a letter too: in binary data it is
    none, and a hit must not get lost. The tag of an item, of a delimiter or of padding holds no letters.
    """
    if not 0 <= at < len(row):
        return ""
    first = at if step > 0 else max(at - 1, 0)
    if row[first : first + 2] in _NO_LETTERS:
        return ""
    if row[at] < 128:
        return chr(row[at])
    if codec in ("ascii", "utf-8"):
        for size in (2, 3, 4):
            character = row[at : at + size] if step > 0 else row[max(0, at + 1 - size) : at + 1]
            try:
                text = character.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if len(text) == 1:
                return text
        codec = "latin-1"
    beyond = row[at + step : at + step + 1] if at + step >= 0 else b""
    letter = row[at : at + 1].decode(codec, "ignore")
    return letter if beyond.decode(codec, "ignore").isalpha() else ""


def _ends(hit: str, beside: str, form: _Form, following: str) -> bool:
    """Tell whether a word ends where a hit does, although a character that could belong to it stands behind.

    A small letter before a capital one ends a word (``SmithersHead``), and a day is one before a time (DT). Words begin
    at no such place: ``tSmithers`` may be a name that a programmer gave.
    """
    if beside.isupper() and hit.islower() and _letters(form) >= _SHORTEST_BEFORE_CAPITAL:
        return True
    return (
        beside.isdecimal()
        and _TIME.match(following) is not None
        and _DAY.fullmatch(_digits(form)) is not None
    )


def _letters(form: _Form) -> int:
    """Return how many characters a form has, if each is one unit of its encoding."""
    return (len(form.written) + 1) // 2 if form.codec in ("le", "be", "both") else len(form.written)


def _digits(form: _Form) -> bytes:
    return form.needle.replace(b"\0", b"")


def _number_start(row: bytes, start: int) -> int:
    """Return where a number begins, zeros before it included; what has no digits where it needs them begins at its start."""
    digits = row[start : start + _SHORTEST_NUMBER]
    if len(digits) < _SHORTEST_NUMBER or not digits.isdigit():
        return start
    while start and row[start - 1] == ord("0"):
        start -= 1
    return start


def _narrow_borders(row: bytes, start: int, stop: int, form: _Form) -> bool:
    if form.first and _extends(
        form.first, _narrow_neighbour(row, _number_start(row, start) - 1, -1, form.codec)
    ):
        return False
    if not form.last or not _extends(form.last, beside := _narrow_neighbour(row, stop, 1, form.codec)):
        return True
    last = row[start:stop].decode(form.codec, "ignore")[-1:]
    following = row[stop : stop + _TIME_DIGITS].decode("latin-1")
    return _ends(last, beside, form, following)


def _beside(row: bytes, start: int, order: str, end: int, edge: str) -> str:
    """Return the UTF-16 unit beside a word that begins or ends with `edge`; empty if it is of another script."""
    unit = _unit(row, start, order, end)
    return unit if unit < "\u0100" or (unit and ord(unit) >> 8 == ord(edge) >> 8) else ""


def _unit(row: bytes, start: int, order: str, end: int) -> str:
    """Return the UTF-16 unit at an offset, empty outside the row, and from the code `end` on."""
    if start < 0 or start + 2 > len(row):
        return ""
    first, second = row[start], row[start + 1]
    code = first | second << 8 if order == "le" else first << 8 | second
    return chr(code) if code < end else ""


def _wide_borders(row: bytes, start: int, stop: int, form: _Form) -> bool:
    """Tell whether a word of UTF-16 ends where the hit does, in one of the byte orders that it may have.

    Beside a word only letters of latin-1 and of its own script count: what else could be one is likelier a number in binary data.
    """
    if not form.first:
        return True
    if (
        form.codec == "both"
    ):  # the null after the last character (le), before the first (be), is no part of the hit
        end = 0x100
        spans = [("le", start, stop + 1), ("be", start - 1, stop)]
    else:
        end = 0x10000
        spans = [(form.codec, start, stop)]
    return any(
        not _extends(form.first, _beside(row, first - 2, order, end, form.first))
        and _wide_end(row, last, order, end, form)
        for order, first, last in spans
    )


def _wide_end(row: bytes, stop: int, order: str, end: int, form: _Form) -> bool:
    beside = _beside(row, stop, order, end, form.last)
    if not _extends(form.last, beside):
        return True
    following = "".join(_unit(row, at, order, end) for at in range(stop, stop + 2 * _TIME_DIGITS, 2))
    return _ends(_unit(row, stop - 2, order, end), beside, form, following)


def _places(row: bytes, needle: bytes) -> Iterator[int]:
    at = row.find(needle)
    while at >= 0:
        yield at
        at = row.find(needle, at + 1)


def _hits_as_text(row: bytes, used: bytes, groups: _Groups, spend: Spend) -> Iterator[_Found]:
    """Find words in one reading of a row, of which `used` holds only the bytes that words hold."""
    lowered = b""
    for _, narrow, wide in groups.standing(used, spend):
        lowered = lowered or row.lower()
        spend(COMPARED, len(row) * (len(narrow) + len(wide)))
        for forms, borders in ((narrow, _narrow_borders), (wide, _wide_borders)):
            for form in forms:
                for start in _places(lowered, form.needle):
                    spend(HITS, 1)
                    stop = start + len(form.needle)
                    if borders(row, start, stop, form):
                        yield start, stop, form.group


def _outside(hits: Iterable[Hit], around: Sequence[Hit]) -> Iterator[Hit]:
    """Yield the hits that lie in none of `around`; both are in ascending order."""
    at, reach = 0, -1
    for start, stop in hits:
        while at < len(around) and around[at][0] <= start:
            reach = max(reach, around[at][1])
            at += 1
        if stop > reach:
            yield start, stop


def _in_pieces(row: bytes, reach: int, search: Callable[[bytes], Iterator[_Found]]) -> Iterator[_Found]:
    """Search a row a piece at a time, with what a hit may reach beyond it: what is noted of codes is longer than they are."""
    near = reach + _MARGIN
    for low in range(0, len(row), _PIECE):
        first = max(0, low - near)
        for start, stop, group in search(row[first : low + _PIECE + near]):
            if low <= first + start < low + _PIECE:
                yield first + start, first + stop, group


def _hits_in_codes(row: bytes, groups: _Groups, unused: bytes, spend: Spend) -> Iterator[_Found]:
    """Find words in lists of decimal character codes between commas, with or without spaces.

    All lists are searched at once, with a null between them.
    """
    lists = [_list_of_codes(row, *inside.span()) for inside in _CODES.finditer(row)]
    if not lists:
        return
    texts = [_shown(row, *one) for one in lists]
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    text = b"\0".join(texts)
    spans: list[Hit] = []
    at = -1
    for start, stop, group in sorted(_hits_as_text(text, text.translate(_LOWER, unused), groups, spend)):
        number = bisect_right(starts, start) - 1
        if stop >= starts[number + 1]:  # an identifier with a null in it
            continue
        if number != at:
            at, spans = number, [found.span() for found in _CODE.finditer(row, *lists[number])]
        yield spans[start - starts[number]][0], spans[stop - starts[number] - 1][1], group


def _list_of_codes(row: bytes, start: int, stop: int) -> Hit:
    """Return where a list begins and ends, of which the inside was found: the first and the last code belong to it."""
    first, last = start + 1, stop - 1
    head = row[max(0, start - 4) : start]
    digits = len(head) - len(head.rstrip(b"0123456789"))
    if 1 <= digits <= 3:
        first = start - digits
    tail = _LAST_CODE.match(row, stop)
    if tail is not None and not row[tail.end() : tail.end() + 1].isdigit():
        last = tail.end()
    return first, last


def _shown(row: bytes, first: int, last: int) -> bytes:
    """Return what a list of codes stands for."""
    values = map(int, _CODE.findall(row, first, last))
    return bytes([value if value < 256 else 0 for value in values])


def _hits_in_escapes(
    row: bytes, groups: _Groups, unused: bytes, longest: int, spend: Spend, depth: int = _ESCAPE_DEPTH
) -> Iterator[_Found]:
    r"""Find words in text whose characters are escaped, any of them: ``&#233;``, ``&eacute;``, ``\u00e9``, ``%C3%A9``.

    ``\xe9`` is a character in some languages, a byte in others.
    """
    yield from _hits_unescaped(row, groups, unused, longest, spend, depth, as_bytes=False)
    if _BYTE_CODE.search(row):
        yield from _hits_unescaped(row, groups, unused, longest, spend, depth, as_bytes=True)


def _hits_unescaped(
    row: bytes, groups: _Groups, unused: bytes, longest: int, spend: Spend, depth: int, *, as_bytes: bool
) -> Iterator[_Found]:
    """Find words in one reading of a text with escapes.

    Escapes may be escaped in turn. Only what is near enough to an escape to be a word with it is read, and only a word that
    an escape is a part or a neighbour of is told: another stands in the text as it is, and where the text is cut here
    nothing says what stands beside it.
    """
    escapes = [
        (found.start(), found.end(), shown)
        for pattern in _ESCAPED
        for found in pattern.finditer(row)
        if (shown := _unescaped(found, as_bytes=as_bytes)) is not None
    ]
    if not escapes:
        return
    escapes.sort()
    near = longest + _MARGIN
    begin, end = max(0, escapes[0][0] - near), min(len(row), escapes[-1][1] + near)
    gaps = [
        (one[1] + near, other[0] - near, b"\n")
        for one, other in pairwise(escapes)
        if other[0] - one[1] > 2 * near
    ]
    pieces: list[bytes] = []
    inner, outer = [0], [begin]
    firsts, lasts = array("q"), array("q")
    at, size, cuts = begin, 0, set(gaps)
    for start, stop, shown in sorted((*escapes, *gaps)) if gaps else escapes:
        pieces += (row[at:start], shown)
        size += start - at
        if (start, stop, shown) not in cuts:
            firsts.append(size)
            lasts.append(size + len(shown))
        inner += (size, size + len(shown))
        outer += (start, stop)
        at, size = stop, size + len(shown)
    text = b"".join((*pieces, row[at:end]))
    hits = chain(
        _hits_as_text(text, text.translate(_LOWER, unused), groups, spend),
        _hits_in_escapes(text, groups, unused, longest, spend, depth - 1) if depth > 1 else (),
    )
    for start, stop, group in hits:
        nearest = bisect_right(firsts, stop) - 1
        if nearest < 0 or lasts[nearest] < start:
            continue
        first, last = bisect_right(inner, start) - 1, bisect_left(inner, stop)
        # an escape begins at odd places of the lists and ends at even ones
        low = outer[first] if first % 2 else outer[first] + start - inner[first]
        high = (
            outer[last] if last < len(outer) and last % 2 == 0 else outer[last - 1] + stop - inner[last - 1]
        )
        yield low, high, group


def _unescaped(found: re.Match[bytes], *, as_bytes: bool) -> bytes | None:
    """Return what an escape stands for, in UTF-8 unless it is a byte; None if it is none."""
    kind, digits = found.lastgroup, found[found.lastgroup or 0]
    if kind == "name":
        text = html5.get(digits.decode("ascii"))
        return None if text is None else text.encode("utf-8")
    if kind == "byte" or (as_bytes and kind == "code"):
        return bytes.fromhex(digits.decode("ascii"))
    if kind == "pair":
        return bytes.fromhex((digits[1:5] + digits[-4:]).decode("ascii")).decode("utf-16-be").encode("utf-8")
    number = int(digits, 10 if kind == "decimal" else 16)
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else None


def _hits_in_base64(row: bytes, groups: _Groups, unused: bytes, spend: Spend) -> Iterator[_Found]:
    """Find words in base64, whatever stands before and after them.

    No borders: beside the word may be what is no base64. In turn, letters must be all upper or lower case, or as they
    were given: what is no base64 decodes to random bytes.
    """
    symbols = row.translate(_AS_BASE64) + b"AAA"
    for phase in range(4):
        decoded = binascii.a2b_base64(symbols[phase : phase + (len(symbols) - phase) // 4 * 4])
        used = decoded.translate(_LOWER, unused)
        lowered = b""
        for _, narrow, _ in groups.standing(used, spend):
            lowered = lowered or decoded.lower()
            spend(COMPARED, len(lowered) * len(narrow))
            for form in narrow:
                for at in _places(lowered, form.needle):
                    spend(HITS, 1)
                    found = decoded[at : at + len(form.needle)]
                    start = phase + at * 4 // 3
                    stop = phase - (at + len(found)) * 4 // -3
                    if found in (form.written, found.upper(), found.lower(), found.title()) and not row[
                        start:stop
                    ].translate(None, _BASE64):
                        yield start, min(stop, len(row)), form.group


def _hits_in_folded_base64(
    row: bytes, groups: _Groups, unused: bytes, reach: int, spend: Spend
) -> Iterator[_Found]:
    """Find words in base64 that is broken into lines of at least sixteen symbols, between real or escaped line ends.

    Only what is near enough to a line end to be a word across it is read.
    """
    breaks = sorted(found.span() for fold in _FOLDS for found in fold.finditer(row))
    if not breaks:
        return
    inner, outer = [0], [0]
    pieces: list[bytes] = []
    at = size = 0
    for start, stop in breaks:
        pieces.append(row[at:start])
        size += start - at
        inner.append(size)
        outer.append(stop)
        at = stop
    text = b"".join((*pieces, row[at:]))
    for low, high in _around(inner[1:], reach + _MARGIN):
        for start, stop, group in _hits_in_base64(text[low:high], groups, unused, spend):
            first, last = bisect_right(inner, low + start) - 1, bisect_left(inner, low + stop) - 1
            yield outer[first] + low + start - inner[first], outer[last] + low + stop - inner[last], group


def _around(places: Iterable[int], near: int) -> Iterator[Hit]:
    """Yield spans that hold all that is near to places, which are in ascending order; none touches another."""
    low = high = -1
    for place in places:
        first = max(0, place - near)
        if high < first:
            if high >= 0:
                yield low, high
            low = first
        high = place + near
    if high >= 0:
        yield low, high


def _swapped(row: bytes) -> bytes:
    """Return 16-bit words with their bytes swapped; an odd byte at the end is left out."""
    words = array("H", row[: len(row) & ~1])
    words.byteswap()
    return words.tobytes()


def _hits_in_swapped(row: bytes, groups: _Groups, unused: bytes, spend: Spend) -> Iterator[_Found]:
    """Find words in 16-bit words of the other byte order; hits are whole 16-bit words."""
    for phase in range(2):
        words = _swapped(row[phase:])
        for start, stop, group in _hits_as_text(words, words.translate(_LOWER, unused), groups, spend):
            yield phase + (start & ~1), phase + (stop + 1 & ~1), group


def _swapped_keys(needle: bytes) -> tuple[bytes, bytes]:
    """Return what certainly stands in a row that holds a word swapped: the pairs that are whole in either phase."""
    if len(needle) % 2:
        return _swapped(needle[:-1]), _swapped(needle[1:])
    return _swapped(needle), _swapped(needle[1:-1])


_NATIVE: Final = (
    (re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"), ("euc_kr",)),
    (re.compile("[\u3040-\u30ff\uff66-\uff9f]"), ("shift_jis", "euc_jp", "iso2022_jp")),
    (re.compile("[\u4e00-\u9fff]"), ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "iso2022_jp")),
    (re.compile("[\u0400-\u04ff]"), ("cp1251", "iso8859_5", "koi8_r")),
    (re.compile("[\u0370-\u03ff]"), ("iso8859_7",)),
    (re.compile("[\u0590-\u05ff]"), ("iso8859_8",)),
    (re.compile("[\u0600-\u06ff]"), ("iso8859_6", "cp1256")),
    (re.compile("[\u0e00-\u0e7f]"), ("iso8859_11",)),
    (re.compile("[\u0100-\u017f]"), ("iso8859_2", "cp1250", "iso8859_9")),
)
"""Codecs in which programs write letters of a script, whatever Specific Character Set says."""


def _native(text: str) -> Iterator[str]:
    """Yield the codecs that text of its script is written in beside UTF-8."""
    if not text.isascii():
        for letters, codecs in _NATIVE:
            if letters.search(text):
                yield from codecs


def _narrow_forms(text: str, codecs: Iterable[str], group: Group) -> Iterator[_Form]:
    for codec in dict.fromkeys((*codecs, *_native(text))):
        try:
            written = text.encode(codec, "surrogateescape")
        except UnicodeEncodeError:
            continue
        written = _ESCAPES.sub(b"", written)
        first, last = _edges(text, group)
        yield _Form(written.lower(), written, first, last, "ascii" if text.isascii() else codec, group)


def _wide_forms(text: str, group: Group) -> Iterator[_Form]:
    first, last = _edges(text, group)
    little = text.encode("utf-16-le", "surrogatepass")
    if all(ord(character) < 256 for character in text):
        core = little[:-1]
        yield _Form(core.lower(), core, first, last, "both", group)
        return
    big = text.encode("utf-16-be", "surrogatepass")
    yield _Form(little.lower(), little, first, last, "le", group)
    yield _Form(big.lower(), big, first, last, "be", group)


def _edges(text: str, group: Group) -> tuple[str, str]:
    """Return the characters that say what would make a word longer.

    Nothing makes a text longer that no element of identifiers may hold: where it ends, its value may have been cut. Nor
    a long name of a person, between letters: ``DrSmithersen`` names Smithers.
    """
    is_long_name = group != "places" and len(text) >= _LONG_NAME and text[0].isalpha() and text[-1].isalpha()
    if is_long_name or len(text) > _LONGEST_IDENTIFIER or any(map(is_wide, text)):
        return "", ""
    return text[0], text[-1]


class _Known:
    """Rows that were searched lately, with their hits: each is searched when it is edited and when that is proved."""

    __slots__ = ("_long", "_short")

    def __init__(self) -> None:
        self._short: dict[bytes, list[_Found]] = {}
        self._long: dict[bytes, list[_Found]] = {}

    def __repr__(self) -> str:
        """Return counts."""
        return f"<_Known: {len(self._short)} short rows, {len(self._long)} long ones>"

    def get(self, row: bytes) -> list[_Found] | None:
        """Return the hits of a row; None if it isn't remembered."""
        return self._short.get(row) if len(row) <= _SHORT_ROW else self._long.get(row)

    def add(self, row: bytes, hits: list[_Found]) -> None:
        """Remember the hits of a row."""
        rows, most = (self._short, _MOST_KNOWN) if len(row) <= _SHORT_ROW else (self._long, _MOST_LONG)
        if len(rows) >= most:
            rows.clear()
        rows[row] = hits


@dataclass(frozen=True, slots=True, repr=False)
class Needles:
    """Words that identify a patient, other people, places and devices, ready to be looked for in rows of bytes.

    Made by `of` or `from_identifiers`; false if there is nothing to look for. No repr shows a word.

    Attributes
    ----------
    words
        How many there are.
    groups
        Their spellings in the encodings of text.
    deep, swapped
        Those that are looked for in codes and base64, and with their bytes swapped.
    swapped_keys
        One of them stands in every row that holds a word with its bytes swapped.
    unused
        The bytes, as found in rows, that no spelling holds.
    reach
        The longest hit that there can be, in bytes.
    numbers
        The identifiers that are numbers of at least six significant digits: decimal text without sign and leading
        zeros. Each with its group.
    spared
        Texts that are no identifiers; what stands in them is not found.
    spend
        Told what a search costs.
    loose
        The same needles, found whatever is beside them.
    known
        What rows of the file hold that were searched lately; None if that is not remembered.
    """

    words: int = 0
    groups: _Groups = field(default_factory=_Groups)
    deep: _Groups = field(default_factory=_Groups)
    swapped: _Groups = field(default_factory=_Groups)
    swapped_keys: Patterns = Patterns(())  # noqa: RUF009  # immutable
    unused: bytes = b""
    reach: int = 0
    numbers: tuple[tuple[str, Group], ...] = ()
    spared: "Needles | None" = None
    spend: Spend = free
    loose: "Needles | None" = None
    known: _Known | None = None

    @staticmethod
    def of(
        groups: Mapping[Group, Identifiers], charsets: tuple[str, ...], spared: tuple[str, ...] = ()
    ) -> "Needles":
        """Return the needles of one data set.

        Parameters
        ----------
        groups
            The values of its header by group.
        charsets
            Defined terms of Specific Character Set; UTF-8, latin-1 and UTF-16 are always looked for.
        spared
            Texts that are no identifiers: a word that is one is not looked for, nor one that stands in such a text.
        """
        return _of(tuple(groups.items()), codecs_of(charsets), spared)

    @staticmethod
    def from_identifiers(
        names: Iterable[str],
        others: Iterable[str],
        birth_dates: Iterable[str],
        extra: Iterable[str],
        charsets: tuple[str, ...],
    ) -> "Needles":
        """Return the needles of one patient.

        Parameters
        ----------
        names
            PatientName and other names: looked for whole, in parts of four characters or more, and in parts joined.
        others
            PatientID, OtherPatientIDs, AccessionNumber: looked for whole, from four characters on, whatever their punctuation.
        birth_dates
            ``YYYYMMDD``; looked for in the ways to write a day, and before a time.
        extra
            What the user wants to be looked for, of any length.
        charsets
            Defined terms of Specific Character Set; UTF-8, latin-1 and UTF-16 are always looked for.
        """
        patient = Identifiers(tuple(names), tuple(others), tuple(birth_dates), (), tuple(extra))
        return Needles.of({"patient": patient}, charsets)

    def __repr__(self) -> str:
        """Return counts."""
        forms = sum(len(group.narrow) + len(group.wide) for group in self.groups)
        return f"Needles({self.words} words, {forms} forms)"

    def __bool__(self) -> bool:
        """Tell whether there is anything to look for."""
        return bool(self.groups)

    @property
    def plain(self) -> "Needles":
        """The needles without the encodings of text: base64, character codes, swapped bytes."""
        return replace(self, deep=_Groups(), swapped=_Groups(), swapped_keys=Patterns(()), known=None)

    def spending(self, spend: Spend) -> "Needles":
        """Return needles whose searches are counted as work of one file; a row is not searched again."""
        spared = None if self.spared is None else self.spared.spending(spend)
        return replace(self, spared=spared, spend=spend, known=_Known())

    def find_loosely(self, row: bytes) -> tuple[Hit, ...]:
        """Return where words may stand, whatever is beside them, as spans in ascending order that don't touch.

        What `find` finds in a row, or in a part of it that cuts no number, lies in one of them; more hits than `MAX_HITS`
        make one span of the whole row.
        """
        if self.loose is None:
            return ()
        found = replace(self.loose, spend=self.spend)._hits(row)
        hits = sorted({hit[:2] for hit in islice(found, MAX_HITS + 1)})
        if len(hits) > MAX_HITS:
            return ((0, len(row)),)
        spans: list[Hit] = []
        for start, stop in hits:
            if spans and start <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(stop, spans[-1][1])
            else:
                spans.append((start, stop))
        return tuple(spans)

    def find(self, row: bytes, within: tuple[int, int] | None = None) -> list[tuple[int, int]]:
        r"""Return where words stand, in any encoding, as (start, stop) in ascending order; hits may overlap.

        Parameters
        ----------
        row
            Any bytes.
        within
            Where to look; the default is everywhere. Hits lie wholly in it; borders are judged by what is beside it.

        Returns
        -------
        list[tuple[int, int]]
            A word is one only between borders: a letter beside its letters, or a digit beside its digits, makes
            another word of it (``TEST`` is not in ``LATEST``). Of UTF-16 text the outer null byte is left out; in
            base64 a hit holds every character that carries a bit of the word, in swapped text every pair.

        Examples
        --------
        >>> needles = Needles.from_identifiers(["Doe^Joanna"], ["4711-A"], [], [], ())
        >>> needles.find(b"for JOANNA, not Joannas: 74,111,97,110,110,97")
        [(4, 10), (25, 45)]
        >>> needles
        Needles(29 words, 58 forms)
        """
        return [(start, stop) for start, stop, _ in self.find_groups(row, within)]

    def find_groups(self, row: bytes, within: tuple[int, int] | None = None) -> list[tuple[int, int, Group]]:
        """Return what `find` does, with the group of each hit: the first one, as `GROUPS` orders them.

        Raises
        ------
        LimitExceeded
            If there are more than `MAX_HITS`.
        """
        if not self.groups:
            return []
        if self.known is None or within not in (None, (0, len(row))):
            return self._search(row, within)
        hits = self.known.get(row)
        if hits is None:
            hits = self._search(row, None)
            self.known.add(row, hits)
        return hits

    def _search(self, row: bytes, within: tuple[int, int] | None) -> list[_Found]:
        """Search a row.

        Raises
        ------
        LimitExceeded
            If there are more than `MAX_HITS`.
        """
        low, high = within if within is not None else (0, len(row))
        offset = max(0, low - _MARGIN)
        piece = row if within is None else row[offset : high + _MARGIN]
        found: dict[Hit, Group] = {}
        for start, stop, group in self._hits(piece):
            hit = offset + start, offset + stop
            if low <= hit[0] and hit[1] <= high and _RANKS[group] <= _RANKS[found.get(hit, group)]:
                found[hit] = group
                if len(found) > MAX_HITS:
                    raise LimitExceeded(TOO_MANY_HITS)
        hits = sorted(found)
        if hits and self.spared:
            around = sorted((offset + start, offset + stop) for start, stop, _ in self.spared._hits(piece))
            hits = list(_outside(hits, around))
        return [(*hit, found[hit]) for hit in hits]

    def _hits(self, row: bytes) -> Iterator[_Found]:
        unused, spend = self.unused, self.spend
        used = row.translate(_LOWER, unused)
        yield from _hits_as_text(row, used, self.groups, spend)
        longest, deep = self.reach // _BYTES_PER_CODE, self.deep
        yield from _in_pieces(
            row, self.reach, lambda piece: _hits_in_escapes(piece, self.groups, unused, longest, spend)
        )
        if not deep:
            return
        yield from _in_pieces(row, self.reach, lambda piece: _hits_in_codes(piece, deep, unused, spend))
        yield from _hits_in_base64(row, deep, unused, spend)
        yield from _in_pieces(
            row, self.reach, lambda piece: _hits_in_folded_base64(piece, deep, unused, self.reach, spend)
        )
        if any(True for _ in self.swapped_keys.standing(used, spend)):
            yield from _hits_in_swapped(row, self.swapped, unused, spend)

    def find_in_chunks(
        self, read: Callable[[int, int], bytes], start: int, stop: int, chunk: int = 1 << 20
    ) -> frozenset[Group]:
        """Return the groups of the words that a long row holds, without having all of the row in memory.

        Parameters
        ----------
        read
            Gives the bytes from one offset to another.
        start, stop
            Where the row lies.
        chunk
            How many bytes to take at once; those that a hit may reach beyond are read twice.
        """
        found: set[Group] = set()
        if not self.groups:
            return frozenset()
        for low in range(start, stop, chunk):
            high = min(stop, low + chunk + self.reach)
            first = max(start, low - _MARGIN)
            piece = read(first, min(stop, high + _MARGIN))
            found.update(group for _, _, group in self.find_groups(piece, (low - first, high - first)))
        return frozenset(found)


def _grouped(
    narrow: Iterable[_Form], wide: Iterable[_Form], unused: bytes, shared: Iterable[bytes] = ()
) -> _Groups:
    """Return forms in groups: those whose remains hold the remains of another one are not in a row without it.

    So are those that hold one of `shared`.
    """
    remains: dict[bytes, tuple[list[_Form], list[_Form]]] = {}
    for column, forms in enumerate((narrow, wide)):
        for form in forms:
            remains.setdefault(form.needle.translate(None, unused), ([], []))[column].append(form)
    members: dict[bytes, tuple[list[_Form], list[_Form]]] = {}
    cores = [core for core in shared if core.translate(None, unused) == core]
    for own in sorted(remains, key=len):
        key = next((core for core in cores if core in own), own)
        if key == own and len(key) >= _SHORTEST_DEEP and len(cores) < _MOST_CORES:
            cores.append(key)
        for collected, forms in zip(members.setdefault(key, ([], [])), remains[own], strict=True):
            collected.extend(forms)
    return _Groups(_Group(key, tuple(forms), tuple(wides)) for key, (forms, wides) in members.items())


@lru_cache(maxsize=8)  # the files of a series share a patient
def _of(
    groups: tuple[tuple[Group, Identifiers], ...], codecs: tuple[str, ...], spared: tuple[str, ...]
) -> Needles:
    words = all_words(dict(groups))
    if not spared:
        return _needles(words, codecs)
    folded = {text.strip().casefold() for text in spared}
    words = tuple(word for word in words if word.text.casefold() not in folded)
    around = all_words({"patient": Identifiers(wanted=spared)})
    return replace(_needles(words, codecs), spared=_needles(around, codecs))


def _loosened(groups: _Groups) -> _Groups:
    """Return groups whose forms are found whatever is beside them."""

    def loose(forms: tuple[_Form, ...]) -> tuple[_Form, ...]:
        return tuple(form._replace(first="", last="") for form in forms)

    return _Groups(_Group(key, loose(narrow), loose(wide)) for key, narrow, wide in groups)


@lru_cache(maxsize=8)
def _needles(words: tuple[Word, ...], codecs: tuple[str, ...]) -> Needles:
    narrow: dict[bytes, _Form] = {}
    wide: dict[bytes, _Form] = {}
    deep: set[bytes] = set()
    for word in words:
        spelled = spellings(word.text)
        for text in (*spelled, *chain.from_iterable(map(escapes, spelled))):
            for form in _narrow_forms(text, codecs, word.group):
                narrow.setdefault(form.needle, form)
                if word.deep and text in spelled and len(form.needle) >= _SHORTEST_DEEP:
                    deep.add(form.needle)
            for form in _wide_forms(text, word.group):
                wide.setdefault(form.needle, form)
    letters = frozenset(b"".join(narrow))
    unused = bytes(i for i in range(256) if _LOWER[i] not in letters)
    groups = _grouped(narrow.values(), wide.values(), unused, (month.encode() for month in months_of(words)))
    deep_forms = [form for needle, form in narrow.items() if needle in deep]
    deep_groups = _grouped(deep_forms, (), unused)
    swapped = _grouped([form for form in deep_forms if len(form.needle) >= _SHORTEST_SWAPPED], (), unused)
    numbers = numbers_of(words)
    longest = max(map(len, (*narrow, *wide)), default=0)
    needles = Needles(
        len(words),
        groups,
        deep_groups,
        swapped,
        Patterns(dict.fromkeys(key for group in swapped for key in _swapped_keys(group.key))),
        unused,
        longest * _BYTES_PER_CODE,
        tuple(numbers.items()),
    )
    loose = replace(
        needles, groups=_loosened(groups), deep=_loosened(deep_groups), swapped=_loosened(swapped)
    )
    return replace(needles, loose=loose) if groups else needles
