"""What identifies a patient, as words to look for, and every way in which a text may be spelled.

Sources: DICOM PS3.5 6.2 (PN, LO, DA), PS3.3 C.12.1.1.2 (Specific Character Set), XML 1.0 2.4 (entities).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain, pairwise, permutations
from types import MappingProxyType
from typing import Final, NamedTuple

from csaclean.dicom.identifying import GROUPS, Group
from csaclean.errors import LimitExceeded
from csaclean.proof.numbers import canonical
from csaclean.proof.vocabulary import is_of_places, is_of_protocols, without_accents

__all__ = [
    "MAX_WORDS",
    "PLACEHOLDERS",
    "Identifiers",
    "Word",
    "all_words",
    "escapes",
    "is_placeholder",
    "is_wide",
    "months_of",
    "numbers_of",
    "spellings",
    "words_of",
]

PLACEHOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "anon": "put there by de-identification",
        "anonym": "put there by de-identification",
        "anonymous": "put there by de-identification",
        "anonymised": "put there by de-identification",
        "anonymized": "put there by de-identification",
        "anonymouspatient": "put there by de-identification",
        "deidentified": "put there by de-identification",
        "redacted": "put there by de-identification",
        "removed": "put there by de-identification",
        "none": "says that there is none",
        "noname": "says that there is none",
        "null": "says that there is none",
        "notavailable": "says that there is none",
        "unknown": "says that there is none",
        "patient": "a role, and a word of every vocabulary",
        "phantom": "a thing, and a word of every vocabulary",
        "subject": "a role, and a word of every vocabulary",
        "volunteer": "a role, and a word of every vocabulary",
        "19000101": "the fill of a date",
        "00010101": "the first day that a date can hold: a default of software",
    }
)
"""Values that name nobody, folded and without punctuation, each with the reason. A header that was de-identified
before must not make files fail. One character repeated (X, 0, the ones of a filled UID) is a placeholder too."""

MAX_WORDS: Final = 1 << 12
"""Words that the names and numbers of one group give. Real headers give up to 300 in all."""
TOO_MANY_WORDS: Final = (
    f"names and numbers of the standard header give more than {MAX_WORDS} words to look for; --identifiers-from leaves out "
    "whose they are"
)

_NOT_APPLICABLE: Final = frozenset(("n.a.", "n/a", "n.a", "#n/a"))
_SHORTEST: Final = 4
_REPEATED: Final = re.compile(r"(.)\1*")
_SHORTEST_JOINED: Final = 5
"""Two syllables of two letters make a word of many vocabularies."""
_SHORTEST_NUMBER: Final = 6
"""Digits that an identifier with punctuation needs so that other punctuation makes no decimal number of it."""
_NAME_SEPARATORS: Final = re.compile(r"[\^\s,]+")
_OF_NAMES: Final = frozenset("LMN")
"""Categories of Unicode: letters, marks on them, and numbers. Digits part nothing: in research a name is often a code
(``05aug14test``), and what is between its digits would be found anywhere."""
_MOST_PERMUTED: Final = 4
"""Parts of a name that are put in every order."""
_BESIDE: Final = (" ", ", ", ",", "^", "_", "-", ".", ". ")
_APOSTROPHES: Final = "'`\u2019\u00b4"
_PLACE_SEPARATORS: Final = re.compile(rf"[^\w{_APOSTROPHES}.\ud800-\udfff]+|_|\.(?!\w)")
"""What parts the words of a place's or a device's name."""
_PLACE_PIECES: Final = re.compile(r"[,;\r\n\^]+")
_SHORTEST_PIECE: Final = 3
"""Letters of an abbreviation that is no usual one: ``NYU - CBI`` is a name, ``MR 1`` is none."""
_SHORTEST_PLACE: Final = 6
"""Characters of a word of a place or device that is looked for alone."""
_SHORTEST_PAIR: Final = 8
_MOST_JOINED: Final = 8
"""Words of a name of a place that are joined in other ways."""
_LONG_NUMBER: Final = re.compile(r"(?<!\d)\d{6,20}(?!\d)", re.ASCII)
_OF_WRITTEN_NAMES: Final = ("^", ", ")
_YEAR: Final = re.compile(r"(?:19|20)\d\d", re.ASCII)
_A_DAY: Final = re.compile(
    r"(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}|\d{6})?", re.ASCII
)
_PUNCTUATION: Final = re.compile(r"[^\w\ud800-\udfff]|_")
_OTHER_PUNCTUATION: Final = ("", "-", "_", ".", " ")
_BIRTH_DATE: Final = re.compile(r"(\d{4})([.-]?)(\d\d)\2(\d\d)", re.ASCII)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTH: Final = re.compile(rf"\d[ ._/-]?({'|'.join(month[:3] for month in _MONTHS)})")
_PADDING: Final = " \t\r\n\0"

_TRANSLITERATED: Final = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "ß": "ss",
        "å": "aa",
        "ø": "oe",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
    }
    | {
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ẞ": "SS",
        "Å": "Aa",
        "Ø": "Oe",
        "Æ": "Ae",
        "Œ": "Oe",
        "Ł": "L",
        "Đ": "D",
    }
)
"""Letters that passports and keyboards without them write otherwise (ICAO 9303-3, table A)."""
_UMLAUT: Final = re.compile("[aou]e", re.IGNORECASE | re.ASCII)
_UMLAUTS: Final = MappingProxyType({"ae": "ä", "oe": "ö", "ue": "ü"})
"""Letters that two may stand for: ``Mueller`` is written ``Müller`` elsewhere."""

_XML: Final = MappingProxyType({"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"})
_QUOTE_DEPTHS: Final = (2, 4, 8)


class Word(NamedTuple):
    """A text to look for.

    Attributes
    ----------
    text
        As it was given, without padding.
    deep
        Whether it is looked for inside encodings too (base64, character codes, swapped bytes); else as text only.
    group
        Whom or what it identifies.
    """

    text: str
    deep: bool
    group: Group = "patient"

    def __repr__(self) -> str:
        """Return a length."""
        return f"<Word of {len(self.text)}, deep={self.deep}, {self.group}>"


class Identifiers(NamedTuple):
    """The values of a header that identify one group.

    Attributes
    ----------
    names
        PatientName and its like: each group between ``=``, its parts between ``^``, commas and spaces, their runs of
        letters, and neighbours joined.
    numbers
        PatientID and its like: the whole, with other punctuation, and without leading zeros.
    birth_dates
        Days, as DA writes them; anything else is passed over.
    places
        Institution Name and its like: the whole, its parts between commas, neighbours, and its distinctive words.
    wanted
        What the caller wants to be looked for: of any length, placeholders too; shorter than four, as text only.
    devices
        Station Name, Device Serial Number and their like: the whole as a number, its distinctive parts, its numbers of
        six digits and more.
    """

    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    birth_dates: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return counts."""
        return f"<Identifiers: {', '.join(f'{len(held)} {kind}' for kind, held in self._asdict().items())}>"


def is_wide(character: str) -> bool:
    """Tell whether a character is of a script that writes no spaces between words (Chinese, Japanese, Korean)."""
    return unicodedata.east_asian_width(character) in "WF"


def is_placeholder(text: str) -> bool:
    """Tell whether a value names nobody.

    Examples
    --------
    >>> is_placeholder("ANON^YMOUS"), is_placeholder("XXXX^X"), is_placeholder("Anonymou")
    (True, True, False)
    """
    folded = "".join(filter(str.isalnum, text.casefold()))
    if text.strip(_PADDING).casefold() in _NOT_APPLICABLE:
        return True
    return not folded or folded in PLACEHOLDERS or _REPEATED.fullmatch(folded) is not None


def _is_long_enough(text: str) -> bool:
    """Tell whether a word is four characters; one of a wide script counts two: a syllable, or a word."""
    return sum(1 + is_wide(character) for character in text) >= _SHORTEST


def _parts(text: str) -> list[str]:
    """Return what is between punctuation, bytes that nobody could decode being none."""
    categories = ((c, unicodedata.category(c)) for c in text)
    return "".join(c if of[0] in _OF_NAMES or of == "Cs" else " " for c, of in categories).split()


def _has_letter(text: str) -> bool:
    return any(map(str.isalpha, text))


def _words_of_name(name: str) -> Iterator[str]:
    """Return a group of a name as it stands, in parts, and as file names and accounts spell it.

    ``O'NEILL^JONATHAN`` is ``NEILL``, ``ONEILL``, ``ONEILLJONATHAN``, ``JONATHANONEILL``, ``ONEILLJ`` and ``JONEILL``
    too. No such word holds a placeholder, or only digits. ``HEAD^AXIAL`` names a phantom: what is made of words of
    protocols alone is looked for as names are written, family and given name between ``^`` or behind a comma.
    """
    if is_placeholder(name):
        return
    tokens = _NAME_SEPARATORS.split(name)
    usual = [part for part in _parts(name) if is_of_protocols(part)]
    if usual and all(part in usual or is_placeholder(part) for part in _parts(name)):
        for one, other in permutations(_parts(name)[:_MOST_PERMUTED], 2):
            yield from (one + separator + other for separator in _OF_WRITTEN_NAMES)
        return
    yield from (text for text in (name, *tokens) if not is_of_protocols(text))
    parts = [part for part in _parts(name) if not is_placeholder(part)]
    yield from (part for part in parts if _has_letter(part) and not is_of_protocols(part))
    yield from (
        _with_umlauts(part) for part in parts if len(part) >= _SHORTEST_PLACE and _UMLAUT.search(part)
    )
    squeezed = ["".join(_parts(token)) for token in tokens]
    joined = list(squeezed)
    joinable = [text for text in squeezed if len(text) == 1 or not is_placeholder(text)]
    joined.append("".join(joinable))
    written = [text for text in tokens if len(text) == 1 or not is_placeholder(text)]
    for one, other in chain(pairwise(written), pairwise(joinable), pairwise(parts)):
        joined += (one + other, other + one)
        if _is_long_enough(one) and other[0].isalpha() and not is_wide(other[0]):
            joined += (one + other[0], other[0] + one)
    for count in (2, 3):
        joined += map("".join, permutations(joinable[:_MOST_PERMUTED], count))
    family, given = joinable[:1], [text[0] for text in joinable[1:_MOST_PERMUTED] if text[0].isalpha()]
    if len(given) > 1 and _is_long_enough(family[0]) and not is_wide(family[0][0]):
        joined += (family[0] + "".join(given), "".join(given) + family[0])
    yield from _beside(parts[:_MOST_PERMUTED])
    for text in joined:
        if (
            not is_of_protocols(text)
            and _has_letter(text)
            and (len(text) >= _SHORTEST_JOINED or is_wide(text[0]))
        ):
            yield text


def _with_umlauts(part: str) -> str:
    return _UMLAUT.sub(lambda found: _UMLAUTS[found[0].lower()], part)


def _stands_alone(part: str) -> bool:
    return _is_long_enough(part) and not is_of_protocols(part)


def _beside(parts: list[str]) -> Iterator[str]:
    """Return the parts that are not looked for alone (``Li``, ``Kim``, words of protocols), each beside another part or initial."""
    for one, other in permutations(parts, 2):
        if is_wide(one[0]) or is_wide(other[0]) or not (_has_letter(one) and _has_letter(other)):
            continue
        if not (_stands_alone(one) and _stands_alone(other)):
            for separator in _BESIDE:
                yield one + separator + other
        if not _stands_alone(one) and len(one) > 1 and len(other) > 1:
            for text in ("{1}. {0}", "{1}.{0}", "{0}, {1}.", "{0} {1}.", "{0}^{1}"):
                yield text.format(one, other[0])


def _words_of_number(text: str) -> Iterator[Word]:
    """Return an identifier as it stands, with other punctuation and without, a number without leading zeros.

    A number that letters are beside is looked for without them if it has six digits and is no day: ``QF-771203`` is
    ``771203`` too. ``0001`` and a year are numbers of everybody, and nothing.
    """
    pieces = [piece for piece in _PUNCTUATION.split(text) if piece]
    bare = "".join(pieces)
    is_number = bare.isdecimal()
    if is_number and (len(bare.lstrip("0")) < _SHORTEST or _YEAR.fullmatch(bare)):
        return
    yield Word(text, deep=True)
    if bare != text and not (is_number and len(bare) < _SHORTEST_NUMBER):
        for separator in _OTHER_PUNCTUATION:
            yield Word(separator.join(pieces), deep=False)
    if is_number and bare[0] == "0":
        yield Word(bare.lstrip("0"), deep=False)
    for number in _LONG_NUMBER.findall(text) if _has_letter(text) else ():
        if not (_A_DAY.fullmatch(number) or is_placeholder(number)):
            yield Word(number, deep=True)
            if number[0] == "0" and len(number.lstrip("0")) >= _SHORTEST_NUMBER:
                yield Word(number.lstrip("0"), deep=False)


def _forms_of_a_day(text: str) -> Iterator[Word]:
    """Return the ways to write a birth date, day or month first too, the month as a number or by its English name.

    A year of two digits stands only behind a name: ``3.2.67`` is a version of anything.

    Eight digits that end with the year can't be mistaken for another date: read as YYYYMMDD, their month is 19 or 20.
    """
    match = _BIRTH_DATE.fullmatch(text)
    if match is None or not _is_day(year := match[1], month := match[3], day := match[4]):
        return
    yield Word(year + month + day, deep=True)
    for separator in "-./":
        yield Word(separator.join((year, month, day)), deep=False)
        yield Word(separator.join((day, month, year)), deep=False)
    for separator in "_ ":
        yield Word(separator.join((year, month, day)), deep=False)
    for separator in "-/":
        yield Word(separator.join((month, day, year)), deep=False)
    yield Word(day + month + year, deep=False)
    yield Word(month + day + year, deep=False)
    short_month, short_day = month.lstrip("0"), day.lstrip("0")
    name = _MONTHS[int(month) - 1]
    for one in dict.fromkeys((day, short_day)):
        for called in dict.fromkeys((name, name[:3])):
            for separator in ("-", " ", "", ".", "/", "_"):
                yield Word(separator.join((one, called, year)), deep=False)
            for order in ("{0}. {1} {2}", "{0} {1}, {2}", "{1} {0}, {2}", "{1} {0} {2}", "{1}. {0}, {2}"):
                yield Word(order.format(one, called, year), deep=False)
            for separator in "- ":
                yield Word(separator.join((year, called, one)), deep=False)
    yield Word("-".join((day, name[:3], year[2:])), deep=False)
    for separator in "-/.":
        yield Word(separator.join((year, short_month, short_day)), deep=False)
    yield Word(f"{short_day}-{short_month}-{year}", deep=False)
    yield Word(f"{short_month}-{short_day}-{year}", deep=False)
    yield Word(f"{short_day}.{short_month}.{year}", deep=False)
    yield Word(f"{short_day}/{short_month}/{year}", deep=False)
    yield Word(f"{short_month}/{short_day}/{year}", deep=False)


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _is_usual(token: str) -> bool:
    """Tell whether a token of a place's or device's name tells none apart: a short one, a house number, a word of many."""
    ends_as_model = token[-2:-1].isdecimal() and token[-1:].isalpha()  # MR450w, Skyra3T
    letters = token[: -1 if ends_as_model else None].strip("0123456789")
    if sum(map(str.isdecimal, token)) >= _SHORTEST:
        return False
    few = not _is_long_enough(letters) and len(letters) < _SHORTEST_PIECE
    return few or is_of_places(letters) or is_placeholder(letters)


def _tokens(text: str) -> list[str]:
    """Return what stands between blanks and other punctuation than that inside a word (``Mary's``), which is left out."""
    return [token for piece in _PLACE_SEPARATORS.split(text) if (token := "".join(_parts(piece)))]


def _is_distinctive(token: str) -> bool:
    """Tell whether a token is looked for by itself."""
    return len(token) >= _SHORTEST_PLACE and _has_letter(token) and not _is_usual(token)


def _words_of_place(text: str) -> Iterator[Word]:
    """Return the name of a place or an address: whole, between commas, neighbours, and its distinctive words.

    ``St. Mary's Hospital Springfield`` is ``St_Marys_Hospital_Springfield``, ``Marys Hospital`` and ``Springfield`` too;
    ``MRI Department`` is nothing.
    """
    if all(map(_is_usual, _tokens(text))):
        return
    yield Word(text, deep=True)
    pieces = [piece for piece in map(str.strip, _PLACE_PIECES.split(text)) if piece]
    for piece in dict.fromkeys((text, *pieces)):
        tokens = _tokens(piece)
        if len(tokens) < 2 or len("".join(tokens)) < _SHORTEST_PLACE or all(map(_is_usual, tokens)):
            continue
        yield Word(piece, deep=True)
        if len(tokens) <= _MOST_JOINED:
            for separator in _OTHER_PUNCTUATION:
                yield Word(separator.join(tokens), deep=not separator)
    for piece in pieces:
        words = [word.strip("." + _APOSTROPHES) for word in _PLACE_SEPARATORS.split(piece)]
        for neighbours in dict.fromkeys((*pairwise(_tokens(piece)), *pairwise(words))):
            yield from _pairs(*neighbours)
    yield from (
        Word(token, deep=True) for token in _tokens(text) if token.isalpha() and _is_distinctive(token)
    )


def _pairs(one: str, other: str) -> Iterator[Word]:
    """Return two neighbours that name a place together (``Mayo Clinic``); where one does so alone, only as one word."""
    letters = "".join(_parts(one)), "".join(_parts(other))
    if not all(map(str.isalpha, letters)) or len("".join(letters)) < _SHORTEST_PAIR:
        return
    if any(map(_is_distinctive, letters)):
        yield Word(one + other, deep=True)
    elif any(len(word) >= _SHORTEST and not _is_usual(word) for word in letters):
        for separator in (*_OTHER_PUNCTUATION, ". "):
            yield Word(one + separator + other, deep=not separator)


def _words_of_device(text: str) -> Iterator[Word]:
    """Return the name, title or serial number of a device: as a number, its distinctive words, and its longer numbers.

    ``PHILIPS-9CF9237`` is ``9CF9237`` too, ``AWP166018`` is ``166018``; the name of a product is nothing.
    """
    tokens = _tokens(text)
    if all(map(_is_usual, tokens)):
        return
    yield from _words_of_number(text)
    for token in tokens if len(tokens) > 1 else ():
        if _is_distinctive(token):
            yield Word(token, deep=True)


class _Bounded(dict[str, bool]):
    """Words that a header gives, up to `MAX_WORDS`."""

    def __setitem__(self, text: str, deep: bool, /) -> None:
        super().__setitem__(text, deep)
        if len(self) > MAX_WORDS:
            raise LimitExceeded(TOO_MANY_WORDS)


def words_of(identifiers: Identifiers, group: Group = "patient") -> tuple[Word, ...]:
    """Return the words to look for, each once.

    Raises
    ------
    LimitExceeded
        If the header gives more than `MAX_WORDS`; the caller may want any number.
    """
    found: dict[str, bool] = _Bounded()

    def add(text: str, *, deep: bool) -> None:
        if _is_long_enough(text) and not is_placeholder(text):
            found[text] = found.get(text, False) or deep

    for name in identifiers.names:
        for one in name.split("="):
            for text in _words_of_name(one.strip(_PADDING + "^")):
                add(text, deep=True)
    for number in identifiers.numbers:
        text = number.strip(_PADDING)
        if not is_placeholder(text):
            for word in _words_of_number(text):
                add(word.text, deep=word.deep)
    for birth_date in identifiers.birth_dates:
        text = birth_date.strip(_PADDING)
        if not is_placeholder(text):
            for word in _forms_of_a_day(text):
                found[word.text] = found.get(word.text, False) or word.deep
    for place in identifiers.places:
        for word in _words_of_place(place.strip(_PADDING)):
            add(word.text, deep=word.deep)
    for device in identifiers.devices:
        for word in _words_of_device(device.strip(_PADDING)):
            add(word.text, deep=word.deep)
    found = dict(found)
    for wanted in identifiers.wanted:
        text = wanted.strip(_PADDING)
        if text:
            found[text] = found.get(text, False) or _is_long_enough(text)
    return tuple(Word(text, deep, group) for text, deep in found.items())


def all_words(groups: Mapping[Group, Identifiers]) -> tuple[Word, ...]:
    """Return the words of all groups, each once: a word of several groups is of the first, as `GROUPS` orders them."""
    found: dict[str, Word] = {}
    for group in GROUPS:
        for word in words_of(groups.get(group, Identifiers()), group):
            known = found.setdefault(word.text, word)
            if word.deep and not known.deep:
                found[word.text] = known._replace(deep=True)
    return tuple(found.values())


def months_of(words: Iterable[Word]) -> tuple[str, ...]:
    """Return the beginnings of months that days are written with: each stands in all of those spellings, in lower case."""
    found = (_MONTH.search(word.text) for word in words if not word.deep)
    return tuple(dict.fromkeys(month[1].lower() for month in found if month))


def numbers_of(words: Iterable[Word]) -> dict[str, Group]:
    """Return the words that are numbers of at least six significant digits, canonical, with their groups.

    A number with a fraction or an exponent is one only as it was given: other punctuation makes no number of a text.
    """
    found: dict[str, Group] = {}
    for word in words:
        if word.deep or word.text.isdecimal():
            number = canonical(word.text) if word.text.isascii() else ""
            written = word.text.lower().partition("e")[0].replace(".", "").lstrip("+-0")
            if number and len(written) >= _SHORTEST_NUMBER:
                found.setdefault(number, word.group)
    return found


def _cased(text: str) -> Iterator[str]:
    yield text
    yield text.upper()
    yield text.lower()
    yield text.title()


def escapes(text: str) -> Iterator[str]:
    """Return a text as quoting writes it, doubled at several depths or behind backslashes, and XML, where they differ."""
    if '"' in text:
        for depth in _QUOTE_DEPTHS:
            yield text.replace('"', '"' * depth)
    if any(character in text for character in "\\\"'"):
        yield re.sub(r"([\\\"'])", r"\\\1", text)
        yield re.sub(r"([\\\"])", r"\\\1", text)
    specials = [character for character in text if character in _XML or ord(character) > 127]
    if specials:
        yield "".join(f"&{_XML[c]};" if c in _XML else c for c in text)
        yield "".join(f"&{_XML[c]};" if c in _XML and c not in "\"'" else c for c in text)
        for number in ("&#{};", "&#x{:x};"):
            yield "".join(
                f"&{_XML[c]};" if c in _XML else number.format(ord(c)) if ord(c) > 127 else c for c in text
            )
            yield "".join(number.format(ord(c)) if c in _XML or ord(c) > 127 else c for c in text)


def spellings(text: str) -> tuple[str, ...]:
    """Return the ways to spell a text, as it was given first.

    Cases of letters, composed and decomposed accents, accents left out or transliterated.
    """
    composed = unicodedata.normalize("NFC", text)
    bases = (
        text,
        composed,
        unicodedata.normalize("NFD", text),
        without_accents(text),
        without_accents(composed.translate(_TRANSLITERATED)),
    )
    found: dict[str, None] = {}
    for base in bases:
        for cased in _cased(base):
            found[cased] = None
    return tuple(found)
