r"""Deflate a short content into as few bytes as one block allows (RFC 1951).

zlib looks ahead by one match; here the cheapest way through all matches is searched, again and again with the code that the
last way would get, as zopfli does. That gains a few percent: what an edited text needs where it packs worse than the one
that it replaces, and where this Python's zlib packs worse than the one that wrote it.

Examples
--------
>>> from zlib import compress, decompress
>>> content = b"SLOC1 17.7\nSLOC2 29.9\nELOC1 11.6\n"
>>> {decompress(stream, -15) == content for stream in tight_streams(content)}
{True}
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from math import log2
from operator import itemgetter
from typing import Final, NamedTuple

__all__ = ["tight_streams"]

_ROUNDS: Final = 15
_CHAIN: Final = 512
"""How many earlier places with the same three bytes are looked at."""
_SHORTEST: Final = 3
_LONGEST: Final = 258
_WINDOW: Final = 1 << 15
_END: Final = 256
_DYNAMIC: Final = 0b101
"""The block's header, least significant bit first: the last one, with a code of its own."""
_LONGEST_CODE: Final = 15
_LONGEST_LENGTH_CODE: Final = 7
_LENGTH_ORDER: Final = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_REPEAT, _ZEROS, _MANY_ZEROS = 16, 17, 18


class _Symbol(NamedTuple):
    """A symbol of an alphabet, with the extra bits behind it."""

    number: int
    bits: int = 0
    extra: int = 0


def _lengths() -> Mapping[int, _Symbol]:
    """Return the symbol of each length of a match (RFC 1951 section 3.2.5)."""
    found = {}
    at = _SHORTEST
    for number in range(257, 285):
        bits = max(0, (number - 261) // 4)
        for extra in range(1 << bits):
            found[at] = _Symbol(number, bits, extra)
            at += 1
    found[_LONGEST] = _Symbol(285)
    return found


_LENGTHS: Final = _lengths()
_DISTANCE_BITS: Final = tuple(max(0, number // 2 - 1) for number in range(30))
_DISTANCE_STARTS: Final = tuple(accumulate((1 << bits for bits in _DISTANCE_BITS), initial=1))


def _distance(distance: int) -> _Symbol:
    """Return the symbol of a distance (RFC 1951 section 3.2.5)."""
    top = (distance - 1).bit_length()
    number = distance - 1 if top < 2 else 2 * (top - 1) + ((distance - 1) >> (top - 2) & 1)
    return _Symbol(number, _DISTANCE_BITS[number], distance - _DISTANCE_STARTS[number])


Match = tuple[int, int]
"""Length and distance; length 1 is a literal."""


def _matches(content: bytes) -> list[list[Match]]:
    """Return the matches at each place: of each that is longer than all nearer ones, length and distance."""
    places: dict[bytes, list[int]] = {}
    found: list[list[Match]] = []
    size = len(content)
    for at in range(size):
        key = content[at : at + _SHORTEST]
        earlier = places.setdefault(key, [])
        own: list[Match] = []
        best = _SHORTEST - 1
        limit = min(_LONGEST, size - at)
        for place in reversed(earlier[-_CHAIN:]):
            if at - place > _WINDOW or best == limit:
                break
            if content[place : place + best + 1] != content[at : at + best + 1]:
                continue
            length = best + 1
            while length < limit and content[place + length] == content[at + length]:
                length += 1
            own.append((length, at - place))
            best = length
        found.append(own)
        if len(key) == _SHORTEST:
            earlier.append(at)
    return found


def _cheapest(
    content: bytes, matches: Sequence[Sequence[Match]], literal: Sequence[float], distance: Sequence[float]
) -> list[Match]:
    """Return the way through the content that costs the fewest bits, given those of each symbol."""
    size = len(content)
    cost = [0.0] + [float("inf")] * size
    step: list[Match] = [(0, 0)] * (size + 1)
    length_cost = {length: literal[symbol.number] + symbol.bits for length, symbol in _LENGTHS.items()}
    for at in range(size):
        so_far = cost[at]
        if (new := so_far + literal[content[at]]) < cost[at + 1]:
            cost[at + 1], step[at + 1] = new, (1, 0)
        shorter = _SHORTEST - 1
        for longest, back in matches[at]:
            symbol = _distance(back)
            base = so_far + distance[symbol.number] + symbol.bits
            for length in range(shorter + 1, longest + 1):
                if (new := base + length_cost[length]) < cost[at + length]:
                    cost[at + length], step[at + length] = new, (length, back)
            shorter = longest
    way = []
    at = size
    while at:
        way.append(step[at])
        at -= step[at][0]
    return way[::-1]


def _code_lengths(counts: Mapping[int, int], size: int, limit: int) -> list[int]:
    """Return the code length of each symbol of an alphabet, none above `limit`; at least two codes, as inflaters want."""
    used = dict(counts)
    for number in range(size):
        if len(used) >= 2:
            break
        used.setdefault(number, 1)
    while True:
        heap: list[tuple[int, int, tuple[int, ...]]] = [
            (count, number, (number,)) for number, count in sorted(used.items())
        ]
        heapq.heapify(heap)
        lengths = [0] * size
        while len(heap) > 1:
            one, other = heapq.heappop(heap), heapq.heappop(heap)
            for number in one[2] + other[2]:
                lengths[number] += 1
            heapq.heappush(heap, (one[0] + other[0], min(one[1], other[1]), one[2] + other[2]))
        if max(lengths) <= limit:
            return lengths
        used = {number: count // 2 + 1 for number, count in used.items()}


def _codes(lengths: Sequence[int]) -> list[int]:
    """Return the code of each symbol, its first bit least significant (RFC 1951 section 3.2.2)."""
    codes = [0] * len(lengths)
    code = 0
    for length in range(1, _LONGEST_CODE + 1):
        code <<= 1
        for number, own in enumerate(lengths):
            if own == length:
                codes[number] = int(format(code, f"0{length}b")[::-1], 2)
                code += 1
    return codes


def _runs(lengths: Sequence[int]) -> Iterator[_Symbol]:
    """Yield code lengths as symbols of their own alphabet, repetitions as such (RFC 1951 section 3.2.7)."""
    for length, group in groupby(lengths):
        left = len(list(group))
        if length:
            yield _Symbol(length)
            left -= 1
        while left >= 3:
            if length:
                run = min(left, 6)
                yield _Symbol(_REPEAT, 2, run - 3)
            elif left <= 10:
                run = left
                yield _Symbol(_ZEROS, 3, run - 3)
            else:
                run = min(left, 138)
                yield _Symbol(_MANY_ZEROS, 7, run - 11)
            left -= run
        yield from (_Symbol(length) for _ in range(left))


class _Bits:
    """Bits in the order of RFC 1951 section 3.1.1."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def put(self, value: int, size: int) -> None:
        """Append a number, its least significant bit first."""
        if size:
            self._parts.append(format(value, f"0{size}b")[::-1])

    def symbol(self, symbol: _Symbol, codes: Sequence[int], lengths: Sequence[int]) -> None:
        """Append a symbol's code and its extra bits."""
        self.put(codes[symbol.number], lengths[symbol.number])
        self.put(symbol.extra, symbol.bits)

    def done(self) -> bytes:
        """Return the bytes, the last one filled with zeros."""
        text = "".join(self._parts)
        return int(text[::-1] or "0", 2).to_bytes((len(text) + 7) // 8, "little")


def _counts(content: bytes, way: Sequence[Match]) -> tuple[Counter[int], Counter[int]]:
    """Return how often each literal or length, and each distance, is used."""
    literals: Counter[int] = Counter((_END,))
    distances: Counter[int] = Counter()
    at = 0
    for length, back in way:
        literals[content[at] if length == 1 else _LENGTHS[length].number] += 1
        if length > 1:
            distances[_distance(back).number] += 1
        at += length
    return literals, distances


def _block(content: bytes, way: Sequence[Match], spare: int = 0) -> bytes | None:
    """Return a way through the content as the one block of a stream.

    Parameters
    ----------
    content, way
        What is written, and how.
    spare
        How many more lengths than needed the block's header gives, of symbols that it doesn't use: 3 bits a piece. None is
        returned if there are no more.
    """
    literals, distances = _counts(content, way)
    literal = _code_lengths(literals, 286, _LONGEST_CODE)
    distance = _code_lengths(distances, 30, _LONGEST_CODE)
    literal = literal[: max(257, 1 + max(literals))]
    distance = distance[: 1 + max(number for number, length in enumerate(distance) if length)]
    runs = list(_runs(literal + distance))
    run_lengths = _code_lengths(Counter(run.number for run in runs), 19, _LONGEST_LENGTH_CODE)
    used = max(4, 1 + max(place for place, number in enumerate(_LENGTH_ORDER) if run_lengths[number])) + spare
    if used > len(_LENGTH_ORDER):
        return None

    bits = _Bits()
    bits.put(_DYNAMIC, 3)
    bits.put(len(literal) - 257, 5)
    bits.put(len(distance) - 1, 5)
    bits.put(used - 4, 4)
    for number in _LENGTH_ORDER[:used]:
        bits.put(run_lengths[number], 3)
    run_codes, literal_codes, distance_codes = map(_codes, (run_lengths, literal, distance))
    for run in runs:
        bits.symbol(run, run_codes, run_lengths)
    at = 0
    for length, back in way:
        bits.symbol(_Symbol(content[at]) if length == 1 else _LENGTHS[length], literal_codes, literal)
        if length > 1:
            bits.symbol(_distance(back), distance_codes, distance)
        at += length
    bits.symbol(_Symbol(_END), literal_codes, literal)
    return bits.done()


def _costs(counts: Mapping[int, int], size: int) -> list[float]:
    """Return the bits of each symbol if its code were as long as its share asks for; of an unused one, a little more."""
    total = sum(counts.values()) + 1
    return [log2(total / counts[number]) if number in counts else log2(total) + 1 for number in range(size)]


def tight_streams(content: bytes, /) -> Iterator[bytes]:
    """Yield raw deflate streams of one block: the shortest of several rounds, and then the same a few bits longer.

    The time grows with the length and with the matches: some 0.1 s for 2 kB of text.
    """
    matches = _matches(content)
    literal, distance = [8.0] * 286, [5.0] * 30
    ways = []
    for _ in range(_ROUNDS):
        way = _cheapest(content, matches, literal, distance)
        ways.append((len(_block(content, way) or b""), way))
        literals, distances = _counts(content, way)
        literal, distance = _costs(literals, 286), _costs(distances, 30)
    _, best = min(ways, key=itemgetter(0))
    for spare in range(len(_LENGTH_ORDER)):
        block = _block(content, best, spare)
        if block is None:
            return
        yield block
