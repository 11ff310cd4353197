"""One file: open, walk, examine, write, compare.

This is where bytes of a file become an `csaclean.report.model.Report`; everything before the last step happens in memory
and by position, so a file of any size takes the memory of its private elements and no more.
"""

import os
import stat
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple, Unpack, get_args

from csaclean.budget import REGIONS, Budget
from csaclean.dicom.deflate import BARE, Wrapper, deflated, inflate, wrapper_of
from csaclean.dicom.elements import Element, Shape, Walk
from csaclean.dicom.file import Start, as_written, find_start
from csaclean.dicom.source import FileSource, Source
from csaclean.dicom.walk import walk
from csaclean.engine import Engine, Examined
from csaclean.errors import (
    DicomDirectory,
    IoFailed,
    NotDicom,
    ProofFailed,
    Unsupported,
    UsageError,
)
from csaclean.mark import Subject, make_mark, mark_outputs, mark_regions, method_text
from csaclean.model import Fill, Patch
from csaclean.policy.options import Options, OptionWords, make_options
from csaclean.policy.policies import Policy, load_policy
from csaclean.proof.witness import ProofLevel
from csaclean.regions import TIFF, PreambleAction, find_regions, find_slack
from csaclean.registry import Registry, installed
from csaclean.report.model import (
    Region,
    Report,
    element_groups,
    identifiers_found,
    kept_fields,
    unclaimed_elements,
)
from csaclean.selector import fold_creator
from csaclean.splice import Restored, Splice
from csaclean.write import (
    CHUNK,
    Target,
    compare,
    compare_source,
    patched,
    spliced,
    write_all,
    write_file,
    write_patched,
)

__all__ = ["Cleaner", "PreambleAction", "clean_file"]


_READ: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Opened(NamedTuple):
    """A file whose data set can be walked."""

    raw: FileSource
    source: Source
    """The file itself, or its inflated copy."""
    start: Start
    status: os.stat_result
    slack: Region | None = None
    """What stands behind a deflated stream, as offsets of the file itself."""
    wrapper: Wrapper = BARE
    """What a deflated stream stands in."""


class Found(NamedTuple):
    """What is in a file and what has to be written."""

    walk: Walk
    examined: Examined
    patches: tuple[Patch, ...]
    regions: tuple[Region, ...]
    splice: Splice = Splice()
    """What marks the file; nothing if that wasn't asked for."""
    facts: tuple[str, ...] = ()
    """How the file's start was read where it isn't as it should be."""
    slack: Region | None = None
    """What stands behind a deflated stream."""
    wrapper: Wrapper = BARE
    """What a deflated stream stands in."""

    @property
    def edits(self) -> bool:
        """Whether there is anything to write in the data set, or around its stream."""
        return bool(self.patches or self.splice.insertions or self.wrapper.names)

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.edits or (self.slack is not None and self.slack.nonzero > 0)


@contextmanager
def _open(path: Path) -> Iterator[FileSource]:
    """Open a regular file for reading.

    Raises
    ------
    IoFailed
        If it can't be read.
    NotDicom
        If it is a folder, FIFO, socket or device: those are not even opened.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NotDicom("not a regular file")
        descriptor = os.open(path, _READ)
    except ValueError:
        raise IoFailed("can't read: the name is none that a file can have") from None
    except OSError as error:
        raise IoFailed(f"can't read: {os.strerror(error.errno or 0)}") from None
    try:
        yield FileSource(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_dicom(path: Path) -> Iterator[Opened]:
    """Open a DICOM file and find its data set; a deflated one is inflated under a cap.

    Raises
    ------
    FileError
        If it can't be read, isn't DICOM, or is a DICOMDIR.
    """
    with _open(path) as raw:
        start = find_start(raw)
        if start.is_dicomdir:
            raise DicomDirectory("a DICOMDIR")
        status = os.fstat(raw.descriptor)
        if not start.syntax.deflated:
            yield Opened(raw, raw, start, status)
            return
        spool, end = inflate(raw, start.offset)
        with spool:
            inflated = FileSource(spool.fileno(), raw.size)
            plain = start.syntax._replace(deflated=False)
            written = as_written(inflated, start.offset, plain)
            facts = start.facts if written is plain else (*start.facts, "wrong-transfer-syntax")
            slack = find_slack(raw, end)
            if slack is not None:
                facts = (*facts, "bytes-behind-stream")
            wrapper = wrapper_of(raw, start.offset)
            if wrapper != BARE:
                facts = (*facts, "wrapped-stream")
            if wrapper.names:
                facts = (*facts, "stream-header")
            syntax = written._replace(name=start.syntax.name, deflated=True)
            yield Opened(raw, inflated, start._replace(syntax=syntax, facts=facts), status, slack, wrapper)


@dataclass
class Cleaner:
    """Everything that stays the same from file to file.

    Attributes
    ----------
    policy
        What happens to fields.
    registry
        Who claims what.
    preamble
        Whether a preamble that is neither null nor TIFF is nulled.
    proof
        How often witnesses are asked. One cleaner serves one batch: its witnesses remember what they read.
    options
        What the caller asked for beside the policy.
    mark
        Whether files are marked as cleaned: see `csaclean.mark`.
    """

    policy: Policy
    registry: Registry
    preamble: PreambleAction = "null"
    proof: ProofLevel = "rows"
    options: Options = field(default_factory=Options)
    mark: bool = False

    def __post_init__(self) -> None:
        """Start with witnesses that have read nothing.

        Raises
        ------
        UsageError
            If `preamble` or `proof` is not one of its words.
        PolicyError
            If files are to be marked, and the policy's name can't stand in the mark.
        """
        if self.mark:
            method_text(self.policy.name)
        for word, words in ((self.preamble, get_args(PreambleAction)), (self.proof, get_args(ProofLevel))):
            if word not in words:
                raise UsageError(f"{word!r} is none of {', '.join(words)}")
        self.engine = Engine(self.policy, self.registry, self.proof, self.options)

    @cached_property
    def _spelled(self) -> dict[str, str]:
        creators = (claimed.claim.selector[-1].creator for claimed in self.engine.registry.claims)
        return {fold_creator(creator): creator for creator in creators if creator}

    def examine(self, opened: Opened) -> Found:
        """Walk, lay out, edit and prove in memory; write nothing.

        Raises
        ------
        CsacleanError
            If the file can't be cleaned.
        """
        source = opened.source
        found = walk(source, opened.start.syntax, opened.start.offset)
        elements = (*opened.start.private, *found.elements)
        budget = Budget(opened.raw.size)
        budget.spend(REGIONS, len(found.padding) + len(found.slack))
        examined = self.engine.examine(elements, found.datasets, source, budget)
        regions, patches = find_regions(opened.source, opened.start, found, self.preamble)
        patches += examined.patches()
        patches.sort(key=lambda patch: patch.start)
        check_patches(patches, examined, regions)
        self.sweep(source, found, examined, regions, opened.start.private)
        splice = self._splice(opened, found, examined, regions) if self.mark else Splice()
        regions = [*regions, *mark_regions(splice), *([opened.slack] if opened.slack is not None else [])]
        return Found(
            found,
            examined,
            tuple(patches),
            tuple(regions),
            splice,
            opened.start.facts,
            opened.slack,
            opened.wrapper,
        )

    def _splice(self, opened: Opened, found: Walk, examined: Examined, regions: Sequence[Region]) -> Splice:
        """Return what marks the file.

        Raises
        ------
        FileError
            If it can't be marked soundly.
        """
        subject = Subject(opened.source, opened.start.offset, opened.start.syntax, found, examined)
        splice = make_mark(
            subject,
            self.engine.registry,
            self.policy.name,
            modified_dates=self.engine.options.shift is not None,
        )
        if splice.insertions and opened.start.preamble and opened.raw.read(0, 4) in TIFF:
            raise Unsupported("a TIFF header in the preamble, whose offsets a mark would shift", "", 0)
        return splice

    def sweep(
        self,
        source: Source,
        found: Walk,
        examined: Examined,
        regions: Sequence[Region],
        private: Sequence[Element] = (),
    ) -> None:
        """Look for payloads with a claimed signature outside everything that was claimed or is reported as unclaimed.

        The walk can only find what the data set's structure tells. This is the check that doesn't believe it.

        Raises
        ------
        ProofFailed
            If there is one.
        """
        accounted = [(element.start, element.stop) for element in (*private, *examined.elements)]
        accounted += [
            (element.start, element.stop)
            for element in found.elements
            if element.shape is not Shape.SEQUENCE
            and element.start not in found.broken
            and (element.tag & 0x10000 or found.datasets[element.owner].private)
        ]
        accounted += [(r.offset, r.offset + r.bytes) for r in regions if r.action != "keep"]
        position = 0
        signatures = self.registry.signatures
        for start, stop in sorted((*accounted, *found.pixels, (source.size, source.size))):
            _refuse_signatures(source, signatures, position, start)
            position = max(position, stop)

    def report(self, name: str, syntax: str, found: Found, *, written: bool) -> Report:
        """Return the report of what was examined, and written if there was anything to write."""
        edited = any(one.edits for one in found.examined.cleaned)
        proof: dict[str, str] = {"rows": "held" if found.examined.cleaned else "off"}
        proof["witness"] = found.examined.witness
        fields = found.examined.converter_fields
        proof["converter"] = "off" if fields is None else "held" if fields else "nothing-to-compare"
        proof["identifiers"] = found.examined.identifiers
        proof["written"] = "held" if written else "off"
        if self.mark:
            proof["mark"] = "held" if found.examined.cleaned else "off"
        facts = dict(sorted((found.walk.facts + Counter(found.facts)).items()))
        if (edited or found.splice.insertions) and "digital-signature" in facts:
            facts["digital-signature-invalidated"] = facts["digital-signature"]
        return Report(
            name,
            "cleaned" if found.changes else "unchanged",
            encoding=syntax,
            elements=element_groups(found.examined.cleaned),
            kept=kept_fields(found.examined.cleaned),
            identifiers=identifiers_found(found.examined, self._spelled),
            unclaimed=unclaimed_elements(found.examined, self._spelled),
            regions=found.regions,
            facts=facts,
            proof=proof,
            declared=tuple(sorted((*found.examined.outputs, *mark_outputs(found.splice)))),
        )

    def check(self, path: Path, name: str) -> Report:
        """Return what cleaning a file would do, by doing all of it but the writing.

        Raises
        ------
        CsacleanError
            If it could not be cleaned.
        """
        with open_dicom(path) as opened:
            return self.report(name, opened.start.syntax.name, self.examine(opened), written=False)

    def clean(self, path: Path, name: str, target: Target, backup: Target | None = None) -> Report:
        """Clean a file into `target`, which may be the file itself.

        Parameters
        ----------
        path, name
            The file, and what the report calls it.
        target
            Where to.
        backup
            Where the original is copied before it is replaced, if it will be.

        Raises
        ------
        CsacleanError
            If it can't be cleaned: nothing was written then.
        """
        with open_dicom(path) as opened:
            found = self.examine(opened)
            write = found.changes or not target.in_place
            if write:
                if backup is not None:
                    backup = backup._replace(in_place=True)  # as durable as what it stands for
                    write_file(backup, opened.status.st_mode, _writer(opened, None), opened.status)
                like = opened.status if target.in_place else None
                write_file(target, opened.status.st_mode, _writer(opened, found), like)
            return self.report(name, opened.start.syntax.name, found, written=write)


def check_patches(patches: Sequence[Patch], examined: Examined, regions: Sequence[Region]) -> None:
    """Check that patches are what was proved: whole new values of claimed elements, or inside named regions.

    Raises
    ------
    ProofFailed
        If one is not, overlaps another, or an edited element has none.
    """
    edited = {
        (element.start, element.stop): one.new
        for one, element in zip(examined.cleaned, examined.elements, strict=True)
        if one.edits
    }
    position = 0
    ordered = sorted(regions, key=lambda region: region.offset)
    offsets = [region.offset for region in ordered]
    for patch in patches:
        before = bisect_right(offsets, patch.start)
        named = before > 0 and patch.stop <= offsets[before - 1] + ordered[before - 1].bytes
        whole = isinstance(patch.new, Fill) or len(patch.new) == patch.stop - patch.start
        if patch.start < position or not whole:
            raise ProofFailed("written", "patches overlap or change a length", "", patch.start)
        if not named and edited.pop((patch.start, patch.stop), None) != patch.new:
            raise ProofFailed("written", "a patch is neither a proved value nor in a region", "", patch.start)
        position = patch.stop
    if edited:
        raise ProofFailed("written", f"{len(edited)} edited elements would not be written")


def _refuse_signatures(source: Source, signatures: tuple[bytes, ...], start: int, stop: int) -> None:
    longest = max(map(len, signatures), default=0)
    for position in range(start, stop, CHUNK):
        chunk = source.read(position, min(position + CHUNK + longest, stop))
        for signature in signatures:
            at = chunk.find(signature)
            if at >= 0:
                raise ProofFailed(
                    "rows",
                    "a payload with a claimed signature stands outside every private element",
                    "",
                    position + at,
                )


def _prove_written(source: Source, start: Start, found: Found, original: Source) -> None:
    """Walk what was written, and find the same elements there, with the values that were proved.

    A marked file is looked at as if there were no mark: byte for byte it must be what it would have been without.

    Raises
    ------
    ProofFailed
        If elements or values differ.
    """
    if found.splice.insertions:
        source = Restored(source, found.splice)
        compare_source(source, patched(original, found.patches, 0, original.size))
    again = walk(source, start.syntax, start.offset)
    if again.elements != found.walk.elements or again.datasets != found.walk.datasets:
        raise ProofFailed("written", "the written file has other elements")
    untrue = [*again.slack, *(one for one in start.slack if source.read(one.start, one.stop) != one.true)]
    if untrue:
        raise ProofFailed(
            "rows", f"{len(untrue)} headers of private elements hold more than they may", "", untrue[0].start
        )
    for one, element in zip(found.examined.cleaned, found.examined.elements, strict=True):
        if source.read(element.start, element.stop) != one.new:
            raise ProofFailed("written", "an element was not written as proved", one.selector)


def _writer(opened: Opened, found: Found | None) -> Callable[[int], Callable[[], Iterable[bytes]]]:
    """Return what writes the file to a descriptor and then yields what must be readable there; verbatim without `found`."""
    raw, source, start = opened.raw, opened.source, opened.start
    patches = found.patches if found is not None else ()
    splice = found.splice if found is not None else Splice()
    insertions = splice.insertions
    patches = tuple(sorted((*patches, *splice.patches()), key=lambda patch: patch.start))

    def unchanged_source() -> None:
        now = os.fstat(raw.descriptor)
        if (now.st_mtime_ns, now.st_size) != (opened.status.st_mtime_ns, opened.status.st_size):
            raise IoFailed("the file was changed while it was read")

    def write_plain(descriptor: int) -> Callable[[], Iterable[bytes]]:
        expected = write_patched(descriptor, raw, patches, insertions if source is raw else ())
        unchanged_source()
        if found is not None and source is raw:
            written = FileSource(descriptor)
            if insertions and find_start(written) != start:
                raise ProofFailed("mark", "the marked file starts in another way")
            _prove_written(written, start, found, raw)
        return expected

    slack = found.slack if found is not None else None
    if found is not None and slack is not None and not found.edits:
        patches = (Patch(slack.offset, slack.offset + slack.bytes, Fill(0)),)
    if source is raw or found is None or not found.edits:
        return write_plain
    edited = found

    def write_deflated(descriptor: int) -> Callable[[], Iterable[bytes]]:
        def stream() -> Iterator[bytes]:
            yield from patched(source, patches, 0, start.offset)
            content = spliced(source, patches, insertions, start.offset, source.size)
            yield from deflated(content, opened.wrapper)
            if slack is not None:
                for position in range(0, slack.bytes, CHUNK):
                    yield bytes(min(CHUNK, slack.bytes - position))

        write_all(descriptor, stream())
        with inflate(FileSource(descriptor), start.offset)[0] as spool:
            compare(spool.fileno(), spliced(source, patches, insertions, 0, source.size))
            _prove_written(FileSource(spool.fileno()), start, edited, source)
        unchanged_source()
        return stream

    return write_deflated


def clean_file(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    policy: str | os.PathLike[str] = "converter-safe",
    *,
    overwrite: bool = False,
    preamble: PreambleAction = "null",
    proof: ProofLevel = "rows",
    mark: bool = False,
    **options: Unpack[OptionWords],
) -> Report:
    """Clean one file into another.

    Parameters
    ----------
    src
        A DICOM file.
    dst
        The file to write; `src` itself replaces the original, durably.
    policy
        Name of a policy that ships, or path of a TOML file.
    overwrite
        Whether `dst` may be there already; not needed where it is `src`.
    preamble
        ``null`` clears the 128-byte preamble unless it is null or a TIFF header.
    proof
        ``rows`` asks a witness once per row of fields, ``full`` always, ``self`` never.
    mark
        Whether (0008,0300), (0012,0063) and (0012,0064) say what was cleaned and what still identifies.
    **options
        Those of `csaclean.policy.options.OptionWords`.

    Returns
    -------
    Report
        What was found and done.

    Raises
    ------
    CsacleanError
        If the file can't be cleaned. Nothing was written then, and a target that was there is as it was.
    """
    source, target = Path(src), Path(dst)
    cleaner = Cleaner(load_policy(policy), installed(), preamble, proof, make_options(options), mark)
    try:
        same = source.resolve() == target.resolve()
    except (OSError, ValueError, RuntimeError):
        raise IoFailed("source or target are names that no file can have, or links in a circle") from None
    if same and (source.is_symlink() or target.is_symlink()):
        raise Unsupported("a symbolic link is not cleaned in place")
    try:
        return cleaner.clean(source, source.name, Target(target, overwrite or same, in_place=same))
    except OSError as error:
        raise IoFailed(f"can't write: {os.strerror(error.errno or 0)}") from None
