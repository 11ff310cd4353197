"""Regular expressions of the packages: none that old interpreters match wrongly, and none that takes more than linear time.

A process of its own imports every module and cleans all phantoms, and tells each expression that it compiled, with the
place. Strings in sources and tables are looked through beside it, for expressions that no phantom has made.
"""

import ast
import json
import random
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import pytest

import csaclean
import csaclean_handlers
from csaclean.policy.expressions import refused_construct

PHANTOMS: Final = Path(__file__).parents[2] / "fixtures" / "phantoms"
TESTS: Final = Path(__file__).parents[1]
PACKAGES: Final = (Path(csaclean.__file__).parent, Path(csaclean_handlers.__path__[0]))
SAMPLES_OF_THE_REFUSED: Final = {"test_expressions.py", "test_rules.py", "expressions.py"}
"""Sources that hold such constructs to say what is refused."""

RECORDER: Final = r"""
import importlib, json, pkgutil, re, sys
found, compiled = {}, re._compile

def record(pattern, flags):
    how, caller = sys._getframe(1).f_code.co_name, sys._getframe(2)
    if isinstance(pattern, str | bytes) and caller.f_globals.get("__name__", "").startswith("csaclean"):
        text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
        place = (caller.f_code.co_filename, caller.f_lineno, caller.f_code.co_name, how)
        found[text, isinstance(pattern, bytes), int(flags)] = place
    return compiled(pattern, flags)

re._compile = record
import csaclean, csaclean_handlers
for package in (csaclean, csaclean_handlers):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
from csaclean.cli import main
from csaclean_handlers.siemens import ascconv, xprotocol
for depth in range(4):
    ascconv._lines(depth), xprotocol._tokens(depth)
status = main(["check", "-q", sys.argv[1]])
assert status in (0, 5), status
sys.stderr.write(json.dumps([(*key, *place) for key, place in found.items()]))
"""


class Expression(NamedTuple):
    """An expression, and where it is compiled: file, line, function, and the function of `re`."""

    text: str
    is_bytes: bool
    flags: int
    file: str
    line: int
    function: str
    by: str

    @property
    def pattern(self) -> str | bytes:
        """The expression as it was given."""
        return self.text.encode("latin-1") if self.is_bytes else self.text

    def __str__(self) -> str:
        """Return the place."""
        return f"{Path(self.file).name}:{self.line}"


@cache
def expressions() -> tuple[Expression, ...]:
    """Return all that a run over the phantoms compiles."""
    done = subprocess.run(
        [sys.executable, "-c", RECORDER, str(PHANTOMS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(Expression(*row) for row in json.loads(done.stderr[done.stderr.index("[[") :]))


def strings_of(source: Path) -> Iterator[str]:
    """Yield the constants of a source that are no docstrings, parts of an f-string each by itself."""
    tree = ast.parse(source.read_text("utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            if isinstance(node.value, bytes):
                yield node.value.decode("latin-1")
            elif isinstance(node.value, str):
                yield node.value


def refused_in_part(text: str) -> bool:
    """Tell whether a part of an expression, which need not be one, holds a refused construct."""
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "x", re.sub(r"\\.", "x", text, flags=re.DOTALL))
    return re.search(r"[*+?}]\+|\(\?>", bare) is not None


def strings_in(table: Any) -> Iterator[str]:
    if isinstance(table, dict | list):
        for entry in table.values() if isinstance(table, dict) else table:
            yield from strings_in(entry)
    elif isinstance(table, str):
        yield table


def compiles(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def test_no_expression_is_one_that_old_interpreters_match_wrongly() -> None:
    found = expressions()
    assert len(found) > 200
    assert [str(one) for one in found if refused_construct(one.pattern, one.flags)] == []


def test_no_source_holds_a_part_of_one() -> None:
    sources = [path for folder in (*PACKAGES, TESTS, PHANTOMS.parent) for path in folder.rglob("*.py")]
    assert len(sources) > 200
    assert [
        f"{path.name}: {text[:40]}"
        for path in sources
        if path.name not in SAMPLES_OF_THE_REFUSED
        for text in strings_of(path)
        if refused_in_part(text)
    ] == []


def test_no_table_holds_one() -> None:
    tables = [path for folder in PACKAGES for path in folder.rglob("*.toml")]
    assert len(tables) > 20
    assert [
        f"{path.name}: {text[:40]}"
        for path in tables
        for text in strings_in(tomllib.loads(path.read_text("utf-8")))
        if refused_in_part(text) and compiles(text) and refused_construct(text)
    ] == []


@pytest.mark.parametrize("text", ["[^,]++", "(?:a)*+", "a{2}+b", "x?+", "(?>a", r"\\++", "[]a]++"])
def test_the_look_through_sources_sees_parts(text: str) -> None:
    assert refused_in_part(text)


@pytest.mark.parametrize("text", [r"\++", "[*+?]+", "a+?", "(?:a+)+", r"\}\+"])
def test_the_look_through_sources_passes_over_what_is_none(text: str) -> None:
    assert not refused_in_part(text)


# Growth: inputs made for each expression, and others four times as long.

_METHODS: Final[dict[str, Callable[[Any, Any], object]]] = {
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "search": lambda pattern, text: pattern.search(text),
    "finditer": lambda pattern, text: sum(1 for _ in pattern.finditer(text)),
    "findall": lambda pattern, text: sum(1 for _ in pattern.finditer(text)),
    "sub": lambda pattern, text: sum(1 for _ in pattern.finditer(text)),
    "split": lambda pattern, text: sum(1 for _ in pattern.finditer(text)),
}
_SHORT: Final = 4096
_FOLD: Final = 4
_QUICK: Final = 0.008
"""Seconds of processor time that the longer input may take in any case; a linear match takes a tenth of it."""
_GROWTH: Final = 2.0 * _FOLD
"""How much longer the longer input may take; what is quadratic takes `_FOLD` squared."""
_PATIENCE: Final = 60
"""Seconds for an expression with all its inputs."""
_ENDS: Final = ("", "\0", "~", '"', "\n", "0")
_LONG_REPEAT: Final = 16


def _of_class(items: Any) -> list[str]:
    """Return characters of a class: one of each item, or some that a negated class holds."""
    category = {"DIGIT": "7", "SPACE": " ", "WORD": "w"}
    held, negated = [], False
    for name, argument in items:
        match str(name):
            case "NEGATE":
                negated = True
            case "LITERAL":
                held.append(chr(argument))
            case "RANGE":
                held.append(chr(argument[0]))
            case "CATEGORY":
                held.append(category.get(str(argument).rpartition("_")[2], "x"))
    return [one for one in "aZ7 \t.,-\"';" if one not in held] or ["x"] if negated else held


class Sampler:
    """Texts that an expression matches, or begins to."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        self.chance = random.Random(7)  # noqa: S311 - the same texts in each run
        self.bodies: list[tuple[str, Any]] = []
        self.characters: set[str] = set()
        self._walk(tree, "")

    def text(self, tree: Any, *, least: bool = False) -> str:
        """Return a text that a part matches, the shortest one or another."""
        found = ""
        for name, argument in tree:
            match str(name):
                case "LITERAL":
                    found += chr(argument)
                case "NOT_LITERAL":
                    found += "a" if argument != ord("a") else "b"
                case "ANY":
                    found += "a"
                case "IN":
                    held = _of_class(argument)
                    found += held[0] if least else self.chance.choice(held)
                case "BRANCH":
                    branch = argument[1][0] if least else self.chance.choice(argument[1])
                    found += self.text(branch, least=least)
                case "SUBPATTERN":
                    found += self.text(argument[3], least=least)
                case "MAX_REPEAT" | "MIN_REPEAT":
                    low, high, body = argument
                    times = low if least else min(high, low + self.chance.choice((0, 1, 2)))
                    found += "".join(self.text(body, least=least) for _ in range(min(times, 300)))
        return found

    def _walk(self, tree: Any, before: str) -> None:
        for step in tree:
            name, argument = step
            match str(name):
                case "LITERAL":
                    self.characters.add(chr(argument))
                case "IN":
                    self.characters.update(_of_class(argument)[:4])
                case "BRANCH":
                    for one in argument[1]:
                        self._walk(one, before)
                case "SUBPATTERN":
                    self._walk(argument[3], before)
                case "ASSERT" | "ASSERT_NOT":
                    self._walk(argument[1], before)
                case "MAX_REPEAT" | "MIN_REPEAT":
                    if argument[1] >= _LONG_REPEAT:
                        self.bodies.append((before, argument[2]))
                    self._walk(argument[2], before)
            before = (before + self.text([step], least=True))[-_SHORT:]

    def hostile(self) -> Iterator[tuple[str, str, str]]:
        """Yield a start, what is repeated behind it, and an end."""
        whole, other = self.text(self.tree, least=True), self.text(self.tree)
        for one in (*sorted(self.characters)[:24], *sorted({whole, whole[:-1], other, other[:-1]} - {""})):
            yield "", one, ""
        for before, body in self.bodies:
            bodies = {self.text(body, least=True), *(self.text(body) for _ in range(3))}
            for one in sorted(bodies - {""}):
                for end in _ENDS:
                    yield before, one, end


@cache
def _source(file: str) -> str:
    return Path(file).read_text("utf-8")


def _uses(one: Expression) -> set[str]:
    """Return the methods that an expression is used with: of its name, in its module or if it is public in all."""
    if one.by != "compile":
        return {one.by if one.by in _METHODS else "search"}
    if Path(one.file).name in {"rules.py", "patterns.py"}:
        return {"fullmatch"}
    names = [
        target.id
        for node in ast.parse(_source(one.file)).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.lineno <= one.line <= (node.end_lineno or node.lineno)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    if not names:
        return {"finditer"} if one.function in {"_lines", "_tokens"} else {"match", "fullmatch"}
    sources = [one.file]
    if not names[0].startswith("_"):
        sources = [str(path) for folder in PACKAGES for path in folder.rglob("*.py")]
    methods = {
        found[1]
        for file in sources
        for found in re.finditer(rf"\b{re.escape(names[0])}\.({'|'.join(_METHODS)})\b", _source(file))
    }
    return methods or {"match", "fullmatch"}


def _seconds(task: Callable[[Any, Any], object], pattern: Any, text: Any) -> float:
    begun = time.process_time()
    task(pattern, text)
    return time.process_time() - begun


def _grows(task: Callable[[Any, Any], object], pattern: Any, parts: tuple[Any, ...]) -> bool:
    before, body, end = parts
    short, long = (before + body * (size // len(body)) + end for size in (_SHORT, _SHORT * _FOLD))
    if _seconds(task, pattern, long) <= _QUICK:
        return False
    quickest = min(_seconds(task, pattern, long) for _ in range(2))
    return quickest > _QUICK and quickest > _GROWTH * min(_seconds(task, pattern, short) for _ in range(2))


def slow_inputs(one: Expression) -> Iterator[str]:
    """Yield the uses and inputs for which the time of an expression grows faster than its input."""
    pattern = re.compile(one.pattern, one.flags)
    tree = import_module("re._parser").parse(one.pattern, one.flags)
    for parts in Sampler(tree).hostile():
        given = tuple(part.encode("latin-1", "replace") if one.is_bytes else part for part in parts)
        for method in sorted(_uses(one)):
            if _grows(_METHODS[method], pattern, given):
                yield f"{one} {method} {parts!r:.80}"


class TakesTooLong(Exception):
    """A match did not end in time."""


@pytest.fixture
def patience() -> Iterator[Callable[[float], None]]:
    """Give the means to end a match that takes exponential time: a number of seconds for what follows."""

    def end(number: int, frame: FrameType | None) -> None:
        raise TakesTooLong

    def begin(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)

    old = signal.signal(signal.SIGALRM, end)
    yield begin
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


@pytest.mark.slow
def test_no_expression_takes_more_than_linear_time(patience: Callable[[float], None]) -> None:
    found: list[str] = []
    for one in expressions():
        patience(_PATIENCE)
        found += islice(slow_inputs(one), 1)
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "text"),
    [
        ("match", r"a*a*b"),
        ("match", r"[ \t]*[ \t]*="),
        ("match", r'("[^"]*)(?:x?[^"]*)z'),
        ("search", r"x*y"),
        ("search", r"\s+$"),
        ("split", r"<[^>]*>"),
    ],
)
def test_what_takes_more_than_linear_time_is_seen(
    by: str, text: str, patience: Callable[[float], None]
) -> None:
    patience(_PATIENCE)
    assert any(slow_inputs(Expression(text, False, 0, __file__, 0, "", by)))


@pytest.mark.slow
def test_what_takes_exponential_time_is_ended(patience: Callable[[float], None]) -> None:
    patience(2)
    with pytest.raises(TakesTooLong):
        any(slow_inputs(Expression(r"(?:[^,]+,?)+;", False, 0, __file__, 0, "", "match")))


@pytest.mark.parametrize("text", [r"a*b*c", r"[^,]+(?:,[^,]+)*", r'"[^"]*"', r"\d{1,9}x"])
def test_what_takes_linear_time_passes(text: str) -> None:
    assert list(slow_inputs(Expression(text, False, 0, __file__, 0, "", "match"))) == []
