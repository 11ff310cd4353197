"""What can go wrong, one class for each thing that a caller can do about it.

Every message is made of selectors, offsets, lengths and counts, never of a value read from a file, so that it can be
logged and sent anywhere. Every class carries a stable ``code`` (the ``error`` of a JSON report) and can be pickled:
all that it holds is in ``args``.
"""

from pathlib import Path
from typing import Self

__all__ = [
    "CannotRead",
    "ConverterFailed",
    "CsacleanError",
    "DicomDirectory",
    "DoesNotFit",
    "FileError",
    "HandlerError",
    "IoFailed",
    "LimitExceeded",
    "MalformedFile",
    "MalformedValue",
    "NotDicom",
    "PolicyError",
    "ProofFailed",
    "TargetExists",
    "UncertainReading",
    "Unsupported",
    "UsageError",
]


class CsacleanError(Exception):
    """The root of everything that csaclean raises on purpose.

    Parameters
    ----------
    reason
        What is wrong, without any value of a file.
    selector
        The element concerned, as a selector; empty where none is.
    offset
        Where it was noticed, in bytes: from the start of the value if there is a selector, else of the file.
    """

    code: str = "error"
    """What a JSON report calls this error: stable, one per class."""

    def __init__(self, reason: str, selector: str = "", offset: int | None = None, /) -> None:
        super().__init__(reason, selector, offset)
        self.reason = reason
        self.selector = selector
        self.offset = offset

    def __str__(self) -> str:
        """Return selector, reason and offset on one line."""
        where = f" (at byte {self.offset})" if self.offset is not None else ""
        return f"{self.selector}: {self.reason}{where}" if self.selector else f"{self.reason}{where}"

    def at(self, selector: str, /) -> Self:
        """Return the same error with the selector of the element that it is about."""
        return type(self)(self.reason, selector, self.offset)


class UsageError(CsacleanError):
    """The call makes no sense: nothing was read."""

    code = "usage"


class PolicyError(CsacleanError):
    """A policy or a table of rules can't be used."""

    code = "policy"


class HandlerError(CsacleanError):
    """A handler can't be loaded, or two handlers claim the same."""

    code = "handler"


class FileError(CsacleanError):
    """One file can't be cleaned; nothing was written for it."""

    code = "file"


class NotDicom(FileError):
    """The file doesn't start as DICOM does."""

    code = "not-dicom"


class Unsupported(FileError):
    """DICOM, but of a kind that csaclean doesn't write: a DICOMDIR, an unknown transfer syntax, a link in place."""

    code = "unsupported"


class DicomDirectory(Unsupported):
    """A DICOMDIR: it names files and holds no private elements of interest. Skipped where a folder is cleaned."""


class MalformedFile(FileError):
    """The structure of the data set contradicts itself or the file's length."""

    code = "malformed-file"


class UncertainReading(FileError):
    """The data set doesn't walk as it declares, and walks to its end in more than one other reading."""

    code = "uncertain"


class MalformedValue(FileError, ValueError):
    """A claimed element has its format's signature, and its content breaks the format's grammar."""

    code = "malformed-value"


class LimitExceeded(FileError):
    """A documented limit (depth, inflated size, length of a value) was reached."""

    code = "limit"


class IoFailed(FileError):
    """The system refused to read or to write."""

    code = "io"


class TargetExists(FileError):
    """The file to write is already there, and overwriting wasn't asked for."""

    code = "target-exists"


class ConverterFailed(CsacleanError):
    """A converter can't be run, or doesn't come to an end."""

    code = "converter"


class ProofFailed(FileError):
    """A stage of the proof does not hold: the result was thrown away.

    Parameters
    ----------
    stage
        ``rows``, ``witness``, ``converter``, ``identifiers``, ``written`` or ``mark``; ``visited`` of a deid run.
    reason, selector, offset
        As for `CsacleanError`.
    """

    code = "proof"

    def __init__(self, stage: str, reason: str, selector: str = "", offset: int | None = None, /) -> None:
        super().__init__(reason, selector, offset)
        self.args = (stage, reason, selector, offset)
        self.stage = stage
        self.code = f"proof-{stage}"

    def at(self, selector: str, /) -> Self:
        """Return the same error with the selector of the element that it is about."""
        return type(self)(self.stage, self.reason, selector, self.offset)


def raised_at(error: BaseException, /) -> str:
    """Say of what type an exception is and where it was raised, without its text, which may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (
        f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else ""
    )
    return f"{type(error).__name__}{where}"


class DoesNotFit(CsacleanError):
    """A codec can't bring the edited content back to the length that the original took."""

    code = "does-not-fit"


class CannotRead(CsacleanError):
    """A witness can't decode a value: no opinion, as opposed to a contrary one."""

    code = "cannot-read"
