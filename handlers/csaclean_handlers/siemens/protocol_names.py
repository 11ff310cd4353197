"""Names in Siemens protocol texts: which are the vendor's vocabulary, and which speak of a patient.

All knowledge stands in ``protocol_vocabulary.toml``; this module only looks things up in it.
"""

import re
from functools import cache, lru_cache
from importlib.resources import files
from tomllib import loads
from typing import Any, Final, NamedTuple

from csaclean.policy.fills import fill

__all__ = ["REMEMBERED", "Name", "Vocabulary", "key_name", "parameter_name", "vocabulary"]

UNKNOWN: Final = "?"
"""What stands in a path for a name that is not in the vocabulary."""

REMEMBERED: Final = 1 << 13
"""Names whose analysis is kept: real texts hold at most 4,000 different keys."""

_KEY: Final = re.compile(
    rb"[A-Za-z_]\w*(?:\[\d{1,5}\])*(?:\.(?:[A-Za-z_]\w*|\d{1,5}(?!\d))(?:\[\d{1,5}\])*)*"
)
"""A key: names, each with indices, an index of its own between dots too (``sComment.7``). More than five digits are
no index: they may be somebody's number."""
_INDEX: Final = re.compile(rb"\[\d+\]")
_SEGMENT: Final = re.compile(rb"[A-Za-z_]\w*")


class Vocabulary(NamedTuple):
    """The tables of ``protocol_vocabulary.toml``."""

    segments: frozenset[bytes]
    parameters: frozenset[bytes]
    constants: frozenset[bytes]
    """What strings of constructs of kind ``code`` are known to be."""
    constructs: dict[bytes, str]
    """What the strings of a construct are: ``text``, ``code``, ``choice``, ``bool``, ``inherit``, ``array``."""
    begin: dict[bytes, frozenset[bytes]]
    short: frozenset[bytes]
    words: dict[bytes, str]
    """The spelling of each word that is listed first, by its lower-case form."""
    word: re.Pattern[bytes]
    technical: frozenset[bytes]
    fields: frozenset[bytes]
    """Keys without indices whose numbers are fields of their own."""
    records: tuple[bytes, ...]


class Name(NamedTuple):
    """What is to be known of a name.

    Attributes
    ----------
    label
        How paths call it: as it is, if every part of it is in the vocabulary; else ``?``, with the first listed word in
        it, if there is one.
    own
        Whether a number of that name is always a field of its own.
    unknown
        Ranges of the name that are not in the vocabulary, relative to its start.
    """

    label: str
    own: bool
    unknown: tuple[tuple[int, int], ...]


def _word_pattern(words: list[str]) -> re.Pattern[bytes]:
    """Return a pattern for whole words of camel-case names: ``Patient``, ``patient`` and ``PATIENT``.

    A neighbouring X is no letter: names are blanked with it, and what is left of a blanked name has to be read as
    before.
    """

    def any_of(spellings: list[str]) -> str:
        return "|".join(sorted(spellings, key=len, reverse=True))

    capitals = [word for word in words if word.isupper()]
    capitalised = [word for word in words if not word.isupper()] + [word.capitalize() for word in capitals]
    lower = [word.lower() for word in words]
    upper = [word.upper() for word in words]
    return re.compile(
        f"(?:{any_of(capitalised)})(?![a-z])"
        f"|(?<![A-WYZa-z])(?:{any_of(lower)})(?![a-z])"
        f"|(?<![A-WYZ])(?:{any_of(upper)})(?![A-WYZa-z])".encode("ascii")
    )


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary that ships with the handler."""
    table: dict[str, Any] = loads(
        files("csaclean_handlers.siemens").joinpath("protocol_vocabulary.toml").read_text("utf-8")
    )

    def names(values: list[str]) -> frozenset[bytes]:
        return frozenset(value.encode("latin-1") for value in values)

    words = table["words"]["identifying"]
    return Vocabulary(
        segments=names(table["ascconv_segments"]),
        parameters=names(table["parameter_names"]),
        constants=names(table["constants"]),
        constructs={
            name.encode("ascii"): kind for kind, group in table["constructs"].items() for name in group
        },
        begin={name.encode("ascii"): names(values) for name, values in table["begin"].items()},
        short=names(table["short"]["keys"]),
        words={word.lower().encode("ascii"): word for word in reversed(words)},
        word=_word_pattern(words),
        technical=names(table["words"]["technical"]),
        fields=frozenset(key.encode("ascii") for group in table["fields"] for key in group["keys"]),
        records=tuple(key.encode("ascii") for key in table["records"]["keys"]),
    )


def _name(raw: bytes, parts: list[tuple[int, int]], known: frozenset[bytes], own: bool) -> Name:
    """Analyse a name that consists of `parts`, and of separators between them.

    The first listed word in it stays structure even where its part is unknown: the name of the word is shipped, and
    that of the path is made of it.
    """
    table = vocabulary()
    excepted = [(start, stop) for start, stop in parts if raw[start:stop] in table.technical]
    hit = next(
        (
            found
            for found in table.word.finditer(raw)
            if not any(start <= found.start() and found.end() <= stop for start, stop in excepted)
        ),
        None,
    )
    unknown: list[tuple[int, int]] = []
    for start, stop in parts:
        if raw[start:stop] in known:
            continue
        if hit is not None and start <= hit.start() and hit.end() <= stop:
            unknown += [(start, hit.start()), (hit.end(), stop)]
        else:
            unknown.append((start, stop))
    word = "" if hit is None else table.words[hit[0].lower()]
    complete = all(raw[start:stop] in known for start, stop in parts)
    return Name(
        raw.decode("latin-1") if complete else UNKNOWN + word,
        own or bool(word),
        tuple((start, stop) for start, stop in unknown if start < stop),
    )


_PIECES: Final = re.compile(rb"(\[\d+\])")


@lru_cache(REMEMBERED)
def key_name(key: bytes, /) -> Name:
    """Analyse the key of an ASCCONV line.

    Parameters
    ----------
    key
        As it stands in the text, with its indices. One that isn't formed as keys are is unknown, but for what it would have in common with a key.

    Examples
    --------
    >>> key_name(b"sTXSPEC.asNucleusInfo[0].lFrequency")
    Name(label='sTXSPEC.asNucleusInfo[0].lFrequency', own=True, unknown=())
    >>> key_name(b"lAverages").own, key_name(b"alSomethingNew[3]")
    (False, Name(label='?', own=False, unknown=((0, 14),)))
    >>> key_name(b"flNewPatientAge")
    Name(label='?Patient', own=True, unknown=((0, 5), (12, 15)))
    """
    table = vocabulary()
    if not _KEY.fullmatch(key):
        # Blanked it may be formed as a key, and then has the same parts; what is known of them stands before and after.
        # Indices are no parts, and stay; so do keys that a reader finds in it, indices and all.
        blank = b"".join(
            piece if _INDEX.fullmatch(piece) else fill("name", piece) for piece in _PIECES.split(key)
        )
        regular = _KEY.fullmatch(blank) is not None
        parts = [found.span() for found in _SEGMENT.finditer(blank)] if regular else [(0, len(key))]
        return _name(key, parts, table.segments if regular else frozenset(), own=False)
    parts = [found.span() for found in _SEGMENT.finditer(key)]
    return _name(key, parts, table.segments, own=_INDEX.sub(b"", key) in table.fields)


@lru_cache(REMEMBERED)
def parameter_name(name: bytes, /) -> Name:
    """Analyse a name in quotes, as of ``<ParamLong."NAME">``; the empty name is known.

    Examples
    --------
    >>> parameter_name(b"ProtocolName"), parameter_name(b"lNewSex").label
    (Name(label='ProtocolName', own=False, unknown=()), '?Sex')
    """
    if not name:
        return Name("", False, ())
    return _name(name, [(0, len(name))], vocabulary().parameters, own=False)
