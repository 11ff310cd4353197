"""The gzip codec, its laws, and the layout of a member."""

import gzip
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given, settings
from zopfli.gzip import compress

from csaclean.codecs.gzip import CODEC, MAGIC, layout_member
from csaclean.errors import DoesNotFit, LimitExceeded, MalformedValue
from csaclean.model import Builder, Kind, Layout, View

CAP = 1 << 16
MUTATIONS = 100_000
KEYS = [
    "PLANE",
    "COIL",
    "SEDESC",
    "NOTES",
    "PSEQ",
    "IOPT",
    "SLICEORDER",
    "NOSLC",
    "TE",
    "TR",
    "FOV",
    "SLOC1",
    "ELOC1",
]
WORDS = [
    "Axial",
    "EPI",
    "Head",
    "32Ch",
    "None",
    "Off",
    "Gradient Echo",
    "24.0",
    "0",
    "1",
    "52.3",
    "Research",
    "Supine",
]


def text_of_keys(seed: int, lines: int = 110) -> bytes:
    """Return a text like those that stand in members: lines of a key and a quoted value."""
    rng = random.Random(seed)  # noqa: S311
    return b"".join(
        f'{rng.choice(KEYS)}{rng.randrange(40)} "{" ".join(rng.choices(WORDS, k=rng.randint(1, 3)))}"\n'.encode()
        for _ in range(lines)
    )


def body(content: bytes, level: int = 6) -> bytes:
    """Return what stands behind the header of a member."""
    return gzip.compress(content, level, mtime=0)[10:]


def redacted(content: bytes, numbers: set[int]) -> bytes:
    """Return the text with the values of some lines filled."""
    lines = content.splitlines(keepends=True)
    for number in numbers:
        key, quote, rest = lines[number].partition(b'"')
        lines[number] = key + quote + b"X" * (len(rest) - 2) + rest[-2:]
    return b"".join(lines)


def test_the_content_of_a_member_is_decoded() -> None:
    assert CODEC.decode(body(b"content"), CAP) == b"content"


@given(st.binary(max_size=300), st.integers(0, 9))
def test_encoding_what_was_decoded_gives_the_same_bytes(content: bytes, level: int) -> None:
    outer = body(content, level)
    assert CODEC.encode(CODEC.decode(outer, CAP), outer) is outer


@given(st.binary(max_size=120), st.integers(0, 120))
def test_an_edited_row_comes_back_edited_and_as_long_or_does_not_fit(inner: bytes, slack: int) -> None:
    outer = body(inner)[:-8] + bytes(slack + 8)
    try:
        encoded = CODEC.encode(inner, outer)
    except DoesNotFit:
        assert slack < 9  # from here on there are empty blocks of every length
        return
    assert len(encoded) == len(outer)
    assert CODEC.decode(encoded, CAP) == inner


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 30), st.data())
def test_whichever_texts_are_filled_a_protocol_takes_the_bytes_it_took(
    seed: int, data: st.DataObject
) -> None:
    content = text_of_keys(seed)
    outer = body(content)
    chosen = data.draw(st.sets(st.integers(0, 109), min_size=1))
    encoded = CODEC.encode(redacted(content, chosen), outer)
    assert len(encoded) == len(outer)
    assert CODEC.decode(encoded, CAP) == redacted(content, chosen)


def test_every_length_from_the_shortest_on_is_reached() -> None:
    content = text_of_keys(7)
    shortest = len(compress(content, numiterations=15)) - 10  # the header of a member
    for size in range(shortest, shortest + 90):
        encoded = CODEC.encode(content, bytes(size))
        assert len(encoded) == size
        assert CODEC.decode(encoded, CAP) == content


def test_python_and_zlib_read_the_empty_blocks() -> None:
    content = text_of_keys(3)
    outer = body(content)
    for number in range(20):
        new = redacted(content, set(range(number + 1)))
        member = gzip.compress(b"", mtime=0)[:10] + CODEC.encode(new, outer)
        assert gzip.decompress(member) == new
        assert zlib.decompress(member, 31) == new


def test_encoding_gives_the_same_bytes_every_time() -> None:
    content = text_of_keys(5)
    outer = body(content)
    new = redacted(content, {3, 4, 80})
    assert CODEC.encode(new, outer) == CODEC.encode(new, outer)


def test_content_that_packs_worse_than_the_room_does_not_fit() -> None:
    noise = random.Random(1).randbytes(2000)  # noqa: S311
    with pytest.raises(DoesNotFit):
        CODEC.encode(noise, body(bytes(2000)))


# --- What is refused


@pytest.mark.parametrize(
    "broken",
    [
        lambda outer: b"",
        lambda outer: outer[:7],
        lambda outer: outer[:-1],
        lambda outer: outer[:-9] + outer[-8:],
        lambda outer: outer[:-8] + b"\0" + outer[-8:],
        lambda outer: outer + b"\0",
        lambda outer: outer[:-8] + bytes(4) + outer[-4:],
        lambda outer: outer[:-4] + bytes(4),
        lambda outer: b"\xff" + outer[1:],
    ],
    ids=["empty", "trailer", "cut", "stream-cut", "gap", "trailing", "crc", "size", "block"],
)
def test_a_member_that_is_not_whole_is_malformed(broken: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedValue):
        CODEC.decode(broken(body(b"some content " * 9)), CAP)


@pytest.mark.parametrize("size", [0, 1, 50, CAP])
def test_content_as_long_as_the_cap_is_decoded_and_a_longer_one_is_not(size: int) -> None:
    assert len(CODEC.decode(body(bytes(size)), size)) == size
    with pytest.raises(LimitExceeded):
        CODEC.decode(body(bytes(size + 1)), size)


def test_a_bomb_takes_no_memory() -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(256)) + deflater.flush() + bytes(8)
    tracemalloc.start()
    with pytest.raises(LimitExceeded):
        CODEC.decode(bomb, CAP)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * (CAP + len(bomb))  # of 256 MiB


def mutated(rng: random.Random, member: bytes) -> bytes:
    """Return a member with some bytes changed, cut out or put in."""
    new = bytearray(member)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(new) + 1)
        match rng.randrange(5):
            case 0:
                del new[at:]
            case 1:
                new[at:at] = rng.randbytes(rng.randint(1, 9))
            case 2:
                del new[at : at + rng.randint(1, 9)]
            case 3 if at < len(new):
                new[at] ^= 1 << rng.randrange(8)
            case _:
                new[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 0xFFFFFFFF, rng.getrandbits(32))))[
                    : len(new) - at
                ]
    return bytes(new)


def _opaque(inner: bytes) -> Layout:
    builder = Builder()
    builder.value(len(inner), "", "opaque")
    return builder.done(len(inner))


def test_mutated_members_are_laid_out_or_refused() -> None:
    rng = random.Random(11)  # noqa: S311
    contents = [text_of_keys(1, 9), bytes(3000), b"", rng.randbytes(200)]
    members = [
        MAGIC + bytes((flags,)) + bytes(6) + extra + name + body(content, level)
        for content in contents
        for level in (1, 9)
        for flags, extra, name in (
            (0, b"", b""),
            (8, b"", b"Ex1Ser2\0"),
            (28, b"\3\0abc", b"name\0comment\0"),
        )
    ]
    for _ in range(MUTATIONS):
        row = mutated(rng, rng.choice(members))
        builder = Builder()
        try:
            layout_member(builder, row, len(row), _opaque, cap=4096)
        except (MalformedValue, LimitExceeded):
            continue
        assert builder.position <= len(row)


# --- The header


def laid_out(row: bytes, stop: int | None = None) -> Layout:
    """Return the layout of a row that begins with a member; what follows is dead."""
    builder = Builder()
    layout_member(builder, row, len(row) if stop is None else stop, _opaque, cap=CAP)
    builder.dead(len(row))
    return builder.done(len(row))


def member(content: bytes = b"content", flags: int = 0, fields: bytes = b"") -> bytes:
    """Return a member with a time, and with fields in its header."""
    return MAGIC + bytes((flags,)) + b"\x01\x02\x03\x04\0\3" + fields + body(content)


def test_the_fields_of_the_header_are_spans_of_the_row_around_it() -> None:
    row = member(flags=0x1C, fields=b"\2\0ab" + b"name\0" + b"remark\0")
    found = {
        span.path: (row[span.start : span.stop], span.form)
        for span in laid_out(row)
        if span.kind is Kind.VALUE
    }
    assert found == {
        "gzip/mtime": (b"\1\2\3\4", "binary-number"),
        "gzip/system": (b"\0\3", "binary-number"),
        "gzip/extra": (b"ab", "opaque"),
        "gzip/name": (b"name", "text"),
        "gzip/comment": (b"remark", "text"),
    }


def test_the_content_is_a_view() -> None:
    *_, last = laid_out(member(b"inside"))
    assert isinstance(last.view, View)
    assert last.view.inner == b"inside"


def test_an_empty_name_has_no_field() -> None:
    assert [span.path for span in laid_out(member(flags=8, fields=b"\0")) if span.path] == [
        "gzip/mtime",
        "gzip/system",
        "gzip",
    ]


def test_bytes_behind_the_member_are_the_callers() -> None:
    row = member() + b"rest"
    assert [(span.kind, row[span.start : span.stop]) for span in laid_out(row)][-1] == (Kind.DEAD, b"rest")


@pytest.mark.parametrize("flags", [1, 2, 0x20, 0x80])
def test_a_header_with_a_checksum_or_unknown_flags_is_refused(flags: int) -> None:
    with pytest.raises(MalformedValue):
        laid_out(member(flags=flags, fields=b"\0\0"))


@given(st.integers(0, 80))
def test_a_cut_member_is_malformed(size: int) -> None:
    row = member(b"content of a member " * 9, flags=0x1C, fields=b"\2\0ab" + b"name\0" + b"remark\0")
    assume(size < len(row))
    with pytest.raises(MalformedValue):
        laid_out(row[:size])
