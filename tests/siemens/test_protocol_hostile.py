"""Texts made to take long or to take much: a megabyte of anything is done with in time that grows as the text does."""

from contextlib import suppress
from time import process_time
from typing import Final

import pytest

from csaclean.errors import LimitExceeded
from csaclean_handlers.siemens.phoenixzip import layout_sr_message
from csaclean_handlers.siemens.protocol import layout_protocol
from csaclean_handlers.siemens.protocol_names import key_name, parameter_name
from phantom_protocol import ascconv, shell
from tests.siemens.protocol_samples import is_text_in_part

SIZE: Final = 1 << 19
BEGIN: Final = b"### ASCCONV BEGIN ###\n"
END: Final = b"### ASCCONV END ###\n"
OPEN: Final = b"<XProtocol>{"


def many(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


def numbered(template: bytes, size: int) -> bytes:
    return b"".join(template % number for number in range(size // len(template)))


TEXTS: Final = {
    "quotes": lambda n: OPEN + many(b'"', n),
    "quotes-in-a-body": lambda n: OPEN + b'<ParamString."a"> {"<XProtocol>{' + many(b'"', n),
    "empty-strings": lambda n: OPEN + many(b'"" ', n) + b"}",
    "strings": lambda n: OPEN + many(b'"a" ', n) + b"}",
    "literal-quotes": lambda n: BEGIN + b'tFree = "' + many(b'""', n) + b'"\n' + END,
    "half-strings": lambda n: OPEN + many(b'"a', n),
    "braces": lambda n: OPEN + many(b"{", n),
    "brace-pairs": lambda n: OPEN + many(b"{}", n) + b"}",
    "arrays": lambda n: OPEN + many(b'<ParamArray."x">{', n),
    "angles": lambda n: OPEN + many(b"<", n),
    "attributes": lambda n: OPEN + many(b"<Label>", n) + b"}",
    "half-tags": lambda n: OPEN + many(b"<Label", n),
    "protocols": lambda n: many(b"<XProtocol>", n),
    "closed-protocols": lambda n: many(b"<XProtocol>{}", n),
    "space": lambda n: OPEN + many(b" ", n),
    "space-first": lambda n: many(b" ", n) + b"<XProtocol>",
    "numbers": lambda n: OPEN + many(b"1 ", n) + b"}",
    "digits": lambda n: OPEN + many(b"1", n),
    "names": lambda n: OPEN + numbered(b'<ParamLong."a%d">{1}', n) + b"}",
    "one-name": lambda n: OPEN + b'<ParamLong."' + many(b"a", n) + b'">{}}',
    "keys": lambda n: BEGIN + many(b"key = ", n),
    "key-lines": lambda n: BEGIN + many(b"key = \n", n) + END,
    "different-keys": lambda n: BEGIN + numbered(b"a%d=1\n", n) + END,
    "one-key": lambda n: BEGIN + many(b"a", n),
    "dots": lambda n: BEGIN + many(b"a.", n) + b"=1\n" + END,
    "indices": lambda n: BEGIN + b"a" + many(b"[1]", n) + b"=1\n" + END,
    "words": lambda n: BEGIN + many(b"Patient", n) + b"=1\n" + END,
    "values": lambda n: BEGIN + b"a = " + many(b"b ", n) + b"\n" + END,
    "spaces": lambda n: BEGIN + b"a = 1" + many(b" ", n) + b"x",
    "comments": lambda n: BEGIN + many(b"#\n", n) + END,
    "hashes": lambda n: BEGIN + many(b"#", n),
    "sections": lambda n: many(BEGIN + END, n),
    "begins": lambda n: many(BEGIN, n),
    "attributes-of-begin": lambda n: b"### ASCCONV BEGIN" + many(b" a=b", n),
    "steps": lambda n: many(b'a "";', n),
    "half-steps": lambda n: many(b'a "', n),
    "letters": lambda n: many(b"a", n),
}


def seconds(text: bytes) -> float:
    """Return the processor time that the grammar takes, whatever it makes of the text: more steps than are allowed, too."""
    started = process_time()
    with suppress(LimitExceeded):
        layout_protocol(text)
    return process_time() - started


@pytest.mark.parametrize("name", TEXTS)
def test_takes_time_in_proportion(name: str) -> None:
    # A quadratic grammar takes minutes for half a megabyte; the bound leaves a slow machine ten times what a fast one needs.
    assert seconds(TEXTS[name](SIZE)) < 10


def test_of_many_records_takes_time_in_proportion() -> None:
    value = many(b"00990005LO0000", SIZE)
    started = process_time()
    assert layout_sr_message(value).stops[-1] == len(value)
    assert process_time() - started < 10


def test_of_quotes_that_no_depth_explains_is_text() -> None:
    text = shell(ascconv({"tProtocolName": "a"}), depth=3).encode("ascii")
    for run in (b'"' * 8, b'"' * 4, b'""'):
        place = text.index(run)
        assert is_text_in_part(text[:place] + b'"' + text[place:])


def test_of_many_names_is_remembered_within_bounds() -> None:
    layout_protocol(TEXTS["different-keys"](SIZE))
    layout_protocol(TEXTS["names"](SIZE))
    for remembered in (key_name.cache_info(), parameter_name.cache_info()):
        assert remembered.maxsize is not None
        assert remembered.currsize <= remembered.maxsize


@pytest.mark.parametrize("size", [256, 257])
def test_of_a_long_name_is_text_beyond_256_bytes(size: int) -> None:
    texts = [BEGIN + b"a" * size + b" = 1\n" + END, OPEN + b'<ParamLong."' + b"a" * (size - 1) + b'">{}}']
    for text in texts:
        if size == 256:
            assert layout_protocol(text).stops[-1] == len(text)
        else:
            assert is_text_in_part(text)
