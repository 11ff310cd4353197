"""Where the lines of the command go: results to standard output, all else to standard error, everything to the log."""

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from csaclean.errors import UsageError

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["Console", "printable", "say"]


def printable(line: str, stream: TextIO) -> str:
    """Return a line that can be printed as one line of a stream: names of files may be no text at all."""
    encoding = stream.encoding or "utf-8"
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in line
    )
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line to standard output, or to another stream."""
    stream = stream or sys.stdout
    print(printable(line, stream), file=stream)


class Console:
    """The streams of one run.

    Parameters
    ----------
    arguments
        The options ``json``, ``log_file``, ``quiet``, ``verbose`` and ``no_progress``.
    stack
        Closes the files that are opened.

    Raises
    ------
    UsageError
        If a report or log can't be opened.
    """

    def __init__(self, arguments: argparse.Namespace, stack: ExitStack) -> None:
        self.quiet: bool = arguments.quiet
        self.verbose: bool = arguments.verbose
        self._bar: tqdm[NoReturn] | None = None
        self._bar_wanted = sys.stderr.isatty() and not (arguments.no_progress or arguments.quiet)
        self._json: TextIO | None = None
        self._text: TextIO = sys.stdout
        self._log: TextIO | None = None
        self._reader_gone = False
        try:
            if arguments.json == "-":
                self._json, self._text = sys.stdout, sys.stderr
            elif arguments.json is not None:
                self._json = stack.enter_context(Path(arguments.json).open("w", encoding="utf-8"))  # noqa: SIM115  # the stack closes it
            if arguments.log_file is not None:
                self._log = stack.enter_context(arguments.log_file.open("a", encoding="utf-8"))
        except OSError as error:
            name = Path(error.filename or "").name
            raise UsageError(f"can't open {name}: {os.strerror(error.errno or 0)}") from None

    def result(self, line: str) -> None:
        """Print a result."""
        self._print(line, self._text)
        self.log(line)

    def warn(self, line: str) -> None:
        """Print to standard error, however quiet."""
        line = f"csaclean: {line}"
        self._print(line, sys.stderr)
        self.log(line)

    def log(self, line: str) -> None:
        """Write to the log only."""
        if self._log is not None:
            self._log.write(f"{printable(line, self._log)}\n")

    def record(self, record: Mapping[str, object]) -> None:
        """Write a JSON object."""
        from csaclean.report.json import dumps

        if self._json is not None:
            self._write(f"{dumps(dict(record))}\n", self._json)

    def start_progress(self, total: int) -> None:
        """Show a progress bar on standard error, if that is a terminal and one is wanted."""
        if self._bar_wanted:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="file", file=sys.stderr, leave=False)

    def advance(self, files: int = 1) -> None:
        """Count files that are done with."""
        if self._bar is not None:
            self._bar.update(files)

    def end_progress(self) -> None:
        """Take the progress bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print(self, line: str, stream: TextIO) -> None:
        text = f"{printable(line, stream)}\n"
        if self._bar is None:
            self._write(text, stream)
        else:
            with self._bar.external_write_mode(file=stream):
                self._write(text, stream)

    def _write(self, text: str, stream: TextIO) -> None:
        """Write at once; if the reader of standard output has gone, go on without: the files are still to be cleaned."""
        if stream is sys.stdout and self._reader_gone:
            return
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            if stream is not sys.stdout:
                raise
            self._reader_gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
