"""Nothing that is said holds a byte of a value: a marker is planted everywhere, and must be nowhere in what comes out.

It stands in live text and dead bytes of CSA headers, in names of CSA tags and creators that nobody knows, in elements
that nobody claims, before, between and behind all elements, and in files that fail. Where it is the patient's own name
too, files in which nobody can say what to write in its place fail: ``named``. Those in which it stands in claimed
elements only are cleaned of it: ``own``.
"""

import dataclasses
import json
import pickle
import subprocess
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pydicom
import pytest

import csaclean
from csaclean.clean import Cleaner, open_dicom
from csaclean.engine import Cleaned
from csaclean.errors import CsacleanError
from csaclean.handler import ConverterElement, PrivateElement
from csaclean.model import View
from csaclean.policy.judge import Filler, IdentifierSearch, Judge, Verdict
from csaclean.policy.plan import Decision
from csaclean.policy.policies import load_policy
from csaclean.policy.pseudonym import UidKey
from csaclean.proof.residue import Needles
from csaclean.proof.words import Identifiers, words_of
from csaclean.registry import installed
from csaclean_handlers.siemens import csa
from csaclean_handlers.siemens.csa import CsaHeader, CsaTag
from phantom_csa import image_tags, series_tags, with_canaries
from phantom_file import Phantom, file_bytes
from phantom_protocol import SETTINGS, as_value, phoenix
from phantom_writer import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    DataSet,
    Element,
    Encoding,
    ordered,
    padding,
    private_block,
    sequence,
)
from phantoms import CREATOR, base_image, csa_elements

Command = Callable[..., subprocess.CompletedProcess[str]]

MARK: Final = "ZEBRAX"
"""Stands in no name, word or number of csaclean; as long as ``CANARY``, which it replaces in the dead bytes."""
NAME: Final = f"{MARK}^JOHN SECRET".encode()


NEEDLES: Final = Needles.from_identifiers([NAME.decode()], [], [], [], ())
REDACTED: Final = Decision(True, MARK, "text", (), vouched=True)
PARTS: Final = (
    Filler(UidKey(MARK.encode() * 3), 4711),
    Verdict(REDACTED, NAME, "redact"),
    Judge(lambda _: REDACTED, Filler(days=4711), IdentifierSearch(NEEDLES)),
    *words_of(Identifiers((NAME.decode(),))),
    *NEEDLES.groups,
    *(form for group in NEEDLES.groups for form in (*group.narrow, *group.wide)),
    CsaTag.build(MARK, "LO", [NAME]),
    *CsaTag.build("Known", "LO", [NAME], n_items=2, fill=b"Z").items,
    CsaHeader.build([CsaTag.build(MARK, "LO", [NAME])], fill=b"Z"),
)
"""What holds parts of a file, or of what is known about a patient, while it is cleaned."""


def protocol() -> bytes:
    """Return a protocol text with the marker in values and names of its settings and parameters."""
    settings = {**SETTINGS, "tProtocolName": NAME.decode(), f"t{MARK}": NAME.decode()}
    return as_value(phoenix(settings, {"ProtocolName": NAME.decode(), MARK: NAME.decode()}))


def headers() -> tuple[bytes, bytes]:
    """Return an image and a series header with the marker in live text, dead bytes and names of tags."""
    image = (
        *image_tags(),
        CsaTag.build("ImaCoilString", "LO", [NAME]),
        CsaTag.build(f"{MARK}Name", "LO", [NAME]),
        CsaTag.build("PixelFile", "UN", [NAME + b"\0\1\2" + NAME]),
        CsaTag.build("EchoTime", "DS", [NAME]),
        CsaTag.build("ReferencedImageSequence", "UI", [NAME]),
    )
    series = (
        *series_tags(protocol=protocol()),
        CsaTag.build("PatReinPattern", "ST", [b"1;HFS;72.50;34.00;2;0;2;" + NAME]),
    )
    blobs = [
        with_canaries(CsaHeader.build(tags), value_tail=20, after_trailer=32)[0].replace(
            b"CANARY", MARK.encode()
        )
        for tags in (image, series)
    ]
    return blobs[0], blobs[1]


def named(whole: DataSet) -> DataSet:
    """Return a data set whose patient has the marker for a name and a number."""
    return tuple(
        dataclasses.replace(element, value=NAME) if element.tag in (0x00100010, 0x00100020) else element
        for element in whole
    )


def own() -> DataSet:
    """Return an image with the marker in claimed elements only."""
    image, series = headers()
    return base_image(image=image, series=series)


def dataset() -> DataSet:
    """Return an image with the marker wherever a data set can hold text but for what names the patient."""
    image, series = headers()
    elements = csa_elements(image, series)
    known = {**elements, 0x77: ("LO", NAME), 0x09: ("LO", NAME), 0x08: ("CS", NAME)}
    foreign = {0x10: ("OB", b"!INTERFILE :=\n" + NAME)}
    unknown = {0x01: ("LO", NAME), 0x02: ("UN", NAME), 0x10: ("OB", image), 0x20: ("OB", b"\0" + image)}
    inner = ordered((*private_block(0x0029, 0x10, CREATOR, elements), Element(0x00104000, "LT", NAME)))
    extra = (
        *private_block(0x0029, 0x11, CREATOR, known),
        *private_block(0x0029, 0x12, CREATOR, foreign),
        *private_block(0x0019, 0x10, NAME, unknown),
        *private_block(0x0021, 0x10, None, unknown),
        *private_block(0x0023, 0x10, NAME, {0x01: ("LO", NAME)}, creator_vr="UN"),
        Element(0x00250010, "LO", NAME),
        sequence(0x00251040, inner),
        Element(0x00270010, "LO", NAME * 8),
        Element(0x00270001, "LO", NAME),
        padding(NAME * 4),
    )
    whole = base_image(extra, image=image, series=series)
    return tuple(
        dataclasses.replace(element, value=NAME) if element.tag == 0x00081090 else element
        for element in whole
    )


def written(whole: DataSet, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
    """Return a file with the marker before and behind its data set."""
    tail = b"" if encoding.deflated else NAME * 2
    preamble = (NAME * 10)[:128]
    return file_bytes(Phantom(whole, encoding, preamble, tail=tail))


def failing() -> Iterator[bytes]:
    """Yield files that fail, each in another way, with the marker around the place."""
    whole = file_bytes(Phantom(dataset()))
    image, _ = headers()
    start = whole.index(image)
    for length in (start - 3, start + 200, whole.index(NAME, start + len(image)) + 4):
        yield whole[:length]
    for offset in (8, 12, 80, 84, 88, 92, 96, 104, 108):
        broken = bytearray(whole)
        broken[start + offset : start + offset + 4] = MARK.encode()[:4]
        yield bytes(broken)
    yield whole.replace(b"LO", MARK.encode()[:2])
    yield whole.replace(CREATOR, b"SIEMENS CSA HEADER").replace(b"\xfe\xff\x00\xe0", MARK.encode()[:4])
    deflated = file_bytes(Phantom(dataset(), DEFLATED))
    yield deflated[: len(deflated) // 2]


def tolerated() -> Iterator[bytes]:
    """Yield files that are read although they break a standard, with the marker where they break it."""
    whole = file_bytes(Phantom(dataset()))
    line = b"### ASCCONV BEGIN ###\n" + NAME + b"\n### ASCCONV END ###\n"
    malformed = CsaHeader.build(series_tags(protocol=line))
    yield file_bytes(Phantom(base_image(series=csa.encode(malformed))))
    yield whole.replace(b"1.2.840.10008.1.2.1\0", MARK.encode().ljust(20, b"\0"), 1)
    yield file_bytes(Phantom(dataset(), DEFLATED)) + NAME
    yield whole[:-3]  # in the padding


def leaks(*texts: str) -> list[str]:
    """Return the places around the marker, in any case or spelt backwards."""
    found = []
    for text in texts:
        folded = text.casefold()
        for word in (MARK.casefold(), MARK.casefold()[::-1], MARK.encode().hex()):
            position = folded.find(word)
            if position >= 0:
                found.append(text[max(position - 60, 0) : position + 20])
    return found


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    for number, encoding in enumerate((EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED)):
        (folder / f"good{number}.dcm").write_bytes(written(dataset(), encoding))
        (folder / f"named{number}.dcm").write_bytes(written(named(dataset()), encoding))
        (folder / f"own{number}.dcm").write_bytes(written(named(own()), encoding))
    for number, data in enumerate(failing()):
        assert MARK.encode() in data
        (folder / f"bad{number:02}.dcm").write_bytes(data)
    for number, data in enumerate(tolerated()):
        (folder / f"odd{number}.dcm").write_bytes(data)
    (folder / "text").write_bytes(NAME)
    return folder


def test_the_marker_is_planted_and_the_files_are_what_they_are_for(csaclean: Command, planted: Path) -> None:
    done = csaclean("check", planted, "--json", "-")
    lines = {line["file"]: line for line in map(json.loads, done.stdout.splitlines()[:-1])}
    statuses = {
        "good": "cleaned",
        "named": "cleaned",
        "odd": "cleaned",
        "own": "cleaned",
        "bad": "failed",
        "text": "skipped",
    }
    for path in sorted(planted.iterdir()):
        assert MARK.encode() in path.read_bytes()
        kind = path.stem.rstrip("0123456789")
        assert (path.name, lines[path.name]["status"]) == (path.name, statuses[kind])
        if kind in ("own", "named"):
            assert lines[path.name]["proof"]["identifiers"] == "searched"
            assert lines[path.name]["identifiers"]


class TestCommands:
    def run(self, csaclean: Command, planted: Path, out: Path, *more: str | Path) -> None:
        log = out / "log"
        done = csaclean(planted, "-o", out / "files", "--log-file", log, "--proof", "full", *more)
        assert done.returncode == 4
        assert leaks(done.stdout, done.stderr, log.read_text()) == []
        assert not leaks(*(path.name for path in (out / "files").iterdir()))

    @pytest.mark.parametrize("policy", ["converter-safe", "dead-space"])
    @pytest.mark.parametrize("jobs", ["1", "2"])
    @pytest.mark.parametrize("more", [["-v"], ["--json", "-"], ["-q"]], ids=" ".join)
    def test_a_run_says_nothing(
        self, csaclean: Command, planted: Path, tmp_path: Path, policy: str, jobs: str, more: list[str]
    ) -> None:
        self.run(csaclean, planted, tmp_path, "-p", policy, "-j", jobs, *more)

    @pytest.mark.parametrize("more", [["-v"], ["-j", "2", "--json", "-"]], ids=" ".join)
    @pytest.mark.parametrize(
        "options",
        [["-p", "strict"], ["--unclaimed", "blank"], ["--unclaimed", "fail"], ["--mark"]],
        ids=" ".join,
    )
    def test_nor_with_options(
        self, csaclean: Command, planted: Path, tmp_path: Path, options: list[str], more: list[str]
    ) -> None:
        self.run(csaclean, planted, tmp_path, *options, *more)

    @pytest.mark.parametrize("more", [["-v"], ["-j", "2", "--json", "-"]], ids=" ".join)
    def test_nor_where_it_is_one_of_the_users_identifiers(
        self, csaclean: Command, planted: Path, tmp_path: Path, more: list[str]
    ) -> None:
        listed = tmp_path / "identifiers"
        listed.write_text(f"{MARK}\n")
        self.run(csaclean, planted, tmp_path, "--identifiers", listed, *more)
        written = {path.stem.rstrip("0123456789") for path in (tmp_path / "files").iterdir()}
        assert written == {"good", "odd", "own", "named"}

    def test_strict_leaves_it_in_standard_elements_only(
        self, csaclean: Command, planted: Path, tmp_path: Path
    ) -> None:
        for number in range(3):  # the fourth is deflated
            path = planted / f"own{number}.dcm"
            csaclean(path, "-o", tmp_path, "-p", "strict")
            assert path.read_bytes().count(MARK.encode()) > 20
            assert (tmp_path / path.name).read_bytes().count(MARK.encode()) == 2

    def test_a_file_with_it_in_unclaimed_content_is_not_vouched_for(
        self, csaclean: Command, planted: Path, tmp_path: Path
    ) -> None:
        for path in sorted(planted.glob("named*")):
            done = csaclean(path, "-o", tmp_path / "out", "-v", "--json", tmp_path / "report")
            assert done.returncode == 0
            assert not json.loads((tmp_path / "report").read_text().splitlines()[0])["vouched"]
            assert leaks(done.stdout, done.stderr) == []

    def test_a_check_says_nothing(self, csaclean: Command, planted: Path, tmp_path: Path) -> None:
        report = tmp_path / "report.json"
        done = csaclean("check", planted, "-v", "--json", report)
        assert done.returncode == 4
        assert leaks(done.stdout, done.stderr, report.read_text()) == []

    def test_show_says_nothing_without_show_values(self, csaclean: Command, planted: Path) -> None:
        for path in sorted(planted.iterdir()):
            for policy in ("converter-safe", "dead-space", "strict"):
                done = csaclean("show", path, "-p", policy)
                assert leaks(done.stdout, done.stderr) == []

    def test_show_values_says_it_so_the_search_can_find_it(self, csaclean: Command, planted: Path) -> None:
        assert leaks(csaclean("show", planted / "good0.dcm", "--show-values").stdout)

    def test_no_dead_byte_keeps_it(self, csaclean: Command, tmp_path: Path) -> None:
        image, series = headers()
        tags = csa.decode(image).tags
        binary = next(
            tag for tag in tags if tag.name == b"PixelFile" and tag.items
        )  # opaque to its last byte
        image = csa.encode(
            dataclasses.replace(csa.decode(image), tags=tuple(tag for tag in tags if tag is not binary))
        )
        source = tmp_path / "in.dcm"
        source.write_bytes(file_bytes(Phantom(base_image(image=image, series=series))))
        csaclean(source, "-o", tmp_path / "out")
        before, after = source.read_bytes(), (tmp_path / "out" / "in.dcm").read_bytes()
        for tail in (b"NAME-TAIL-", b"VALUE-TAIL-", b"TRAILER-"):
            assert tail + MARK.encode() in before
            assert tail + MARK.encode() not in after


class TestLibrary:
    def test_a_report_says_nothing(self, planted: Path, tmp_path: Path) -> None:
        report = csaclean.clean_file(planted / "good0.dcm", tmp_path / "out.dcm")
        assert leaks(repr(report), str(report), repr(dataclasses.asdict(report))) == []

    def test_a_run_and_its_summary_say_nothing(self, planted: Path, tmp_path: Path) -> None:
        run = csaclean.clean_tree(planted, tmp_path / "out")
        assert leaks(*map(repr, run), repr(run), repr(run.wait())) == []

    def test_the_exception_of_a_failing_file_says_nothing(self, planted: Path, tmp_path: Path) -> None:
        for path in sorted(planted.glob("bad*")):
            with pytest.raises(CsacleanError) as caught:
                csaclean.clean_file(path, tmp_path / "out.dcm")
            error = caught.value
            assert leaks(*everything_about(error)) == []

    def test_the_exception_of_a_failing_value_says_nothing(self) -> None:
        image, _ = headers()
        for value in (NAME, image[:200], image[:8] + NAME, b"!INTERFILE" + NAME):
            for creator in ("SIEMENS CSA HEADER", NAME.decode()):
                with pytest.raises(CsacleanError) as caught:
                    csaclean.clean_value(value, creator=creator, group=0x29, element=0x10)
                assert leaks(*everything_about(caught.value)) == []

    def test_a_data_set_says_nothing(self, planted: Path) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for path in sorted(planted.glob("good*")):
                ds = pydicom.dcmread(path)
                caught.clear()
                assert leaks(repr(csaclean.clean_dataset(ds))) == []
        assert leaks(*(str(warning.message) for warning in caught)) == []

    def test_the_report_of_a_data_set_with_the_patients_own_name_says_nothing(self, planted: Path) -> None:
        for path in sorted(planted.glob("named*")):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                report = csaclean.clean_dataset(pydicom.dcmread(path))
            assert report.identifiers
            assert leaks(repr(report)) == []

    def test_the_exception_of_a_failing_data_set_says_nothing(self) -> None:
        image, _ = headers()
        ds = pydicom.Dataset()
        ds.add_new(0x00290010, "LO", CREATOR.decode())
        ds.add_new(0x00291010, "OB", image[:-40])
        ds.add_new(0x00190010, "LO", NAME.decode())
        with pytest.raises(CsacleanError) as caught:
            csaclean.clean_dataset(ds)
        assert leaks(*everything_about(caught.value)) == []

    def test_a_value_that_cannot_be_encoded_says_nothing(self) -> None:
        ds = pydicom.Dataset()
        ds.add_new(0x00290010, "LO", CREATOR.decode())
        ds.add_new(0x00291020, "US", 1)
        ds[0x00291020]._value = NAME.decode()
        with pytest.raises(CsacleanError) as caught:
            csaclean.clean_dataset(ds)
        assert leaks(*everything_about(caught.value)) == []


def everything_about(error: BaseException) -> Iterator[str]:
    """Yield everything that a log could print of an exception."""
    yield str(error)
    yield repr(error)
    yield repr(error.args)
    yield repr(pickle.loads(pickle.dumps(error)))
    yield repr(vars(error))
    yield "".join(line for line in traceback.format_exception(error) if "tests/" not in line)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


@pytest.fixture(scope="module")
def cleaned(planted: Path) -> list[Cleaned]:
    """Return every claimed element of a planted file, before and after."""
    cleaner = Cleaner(load_policy("converter-safe"), installed())
    with open_dicom(planted / "good0.dcm") as opened:
        return cleaner.examine(opened).examined.cleaned


class TestRepr:
    """What a debugger, a log or a failed assertion prints shows lengths and counts."""

    def test_cleaned(self, cleaned: list[Cleaned]) -> None:
        assert len(cleaned) > 6
        assert leaks(*map(repr, cleaned)) == []

    def test_layout(self, cleaned: list[Cleaned]) -> None:
        assert leaks(*(repr(one.layout) for one in cleaned)) == []

    def test_private_element(self, cleaned: list[Cleaned]) -> None:
        for one in cleaned:
            claim = one.claimed.claim
            element = PrivateElement(claim, claim.selector, "OB", one.old, "<", (), lambda _: None)
            assert leaks(repr(element), str(element)) == []

    def test_view(self, cleaned: list[Cleaned]) -> None:
        one = max(cleaned, key=lambda one: len(one.old))
        from csaclean.codecs.swap16 import Swap16

        view = View("swap16", Swap16(), one.old, one.layout)
        assert leaks(repr(view), repr(next(iter(one.layout))._replace(view=view))) == []

    def test_converter_element(self, cleaned: list[Cleaned]) -> None:
        assert leaks(*(repr(ConverterElement(0x00291010, None, one.old)) for one in cleaned)) == []

    @pytest.mark.parametrize("one", PARTS, ids=[f"{type(one).__name__}{i}" for i, one in enumerate(PARTS)])
    def test_parts_of_the_work(self, one: object) -> None:
        text = repr(one).upper()
        assert not any(part in text for part in (MARK, "SECRET", "JOHN", "4711", "ZZ", r"\X00"))

    def test_what_was_examined(self, planted: Path) -> None:
        cleaner = Cleaner(load_policy("converter-safe"), installed())
        with open_dicom(planted / "good0.dcm") as opened:
            found = cleaner.examine(opened)
            assert leaks(repr(opened), repr(found)) == []
