"""``csaclean.adapters.pydicom_files``: any file as a pydicom data set, written byte for byte but for what was changed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from csaclean.adapters.pydicom_files import Loaded
from csaclean.clean import open_dicom
from csaclean.errors import HandlerError, MalformedFile
from phantom_creators import creator_cases, small_headers
from phantom_file import Phantom, file_bytes
from phantom_writer import (
    DEFLATED,
    ENCODINGS,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Element,
    Encoding,
    Fragments,
    ordered,
    private_block,
    sequence,
    text,
    with_group_lengths,
)
from phantoms import GOLDEN, base_image, plain_image
from tests.private_values import private_values

CREATOR = b"OTHER VENDOR 01"
NAME = 0x00100010
SERIES = 0x00081115
UID = 0x00081155
IMAGE, SERIES_HEADER = small_headers()

Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what writes a file and gives its path."""

    def write(data: bytes) -> Path:
        path = tmp_path / "in.dcm"
        path.write_bytes(data)
        return path

    return write


@contextmanager
def loaded(path: Path) -> Iterator[Loaded]:
    with open_dicom(path) as opened:
        yield Loaded(opened, str(path))


def changed(path: Path, change: Callable[[Dataset], object]) -> Path:
    """Return the file that is written after a change."""
    out = path.with_name("out.dcm")
    with loaded(path) as file:
        change(file.dataset)
        assert file.is_changed()
        file.write(out)
    return out


def inflated(path: Path) -> bytes:
    with open_dicom(path) as opened:
        return opened.source.read(0, opened.source.size)


def rename(ds: Dataset) -> None:
    ds.PatientName = "ANON"


def file_of(*elements: Element, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
    return file_bytes(Phantom(ordered(plain_image(elements)), encoding))


def nested(undefined: bool, vr: str = "SQ") -> Element:
    """Return a sequence of two items, in each a private block with a sequence."""
    inner = sequence(0, (text(UID, "UI", "1.2.3"),), undefined=undefined).value
    block = private_block(0x0021, 0x10, CREATOR, {0x10: ("LO", b"words "), 0xFE: ("SQ", inner)})
    item = (text(UID, "UI", "1.2.34"), *block)
    return sequence(SERIES, item, item, vr=vr, undefined=undefined, undefined_items=undefined)


class TestUnchanged:
    """What nobody touches is written as it stood."""

    @pytest.mark.parametrize("name", GOLDEN)
    def test_phantoms(self, write: Write, name: str) -> None:
        path = write(GOLDEN[name]())
        with loaded(path) as file:
            assert not file.is_changed()
            file.write(path.with_name("out.dcm"))
        assert inflated(path.with_name("out.dcm")) == inflated(path)

    @pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
    @pytest.mark.parametrize("undefined", [True, False])
    def test_the_private_matter_of_a_file_whose_patient_is_renamed(
        self, write: Write, encoding: Encoding, undefined: bool
    ) -> None:
        dataset = base_image((nested(undefined),), image=IMAGE, series=SERIES_HEADER, side=4)
        path = write(file_bytes(Phantom(dataset, encoding)))
        out = changed(path, rename)
        assert private_values(out) == private_values(path)
        assert pydicom.dcmread(out).PatientName == "ANON"
        assert len(pydicom.dcmread(out).PixelData) == len(pydicom.dcmread(path).PixelData)

    @pytest.mark.parametrize("sample", list(creator_cases()), ids=lambda sample: sample.name)
    def test_the_private_matter_of_strange_blocks(self, write: Write, sample: object) -> None:
        path = write(sample.data)  # type: ignore[attr-defined]
        assert private_values(changed(path, rename)) == private_values(path)

    @pytest.mark.parametrize("vr", ["SQ", "UN"])
    @pytest.mark.parametrize("undefined", [True, False])
    @pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
    def test_what_stands_beside_a_change_in_an_item(
        self, write: Write, vr: str, undefined: bool, encoding: Encoding
    ) -> None:
        path = write(file_of(nested(undefined, vr), encoding=encoding))

        def change(ds: Dataset) -> None:
            ds[SERIES].value[1][UID].value = "1.2.840.99.1"

        out = changed(path, change)
        assert private_values(out) == private_values(path)
        with loaded(out) as file:
            values = [item[UID].value for item in file.dataset[SERIES].value]
        assert values == ["1.2.34", "1.2.840.99.1"]

    def test_what_pydicom_cannot_have(self, write: Write) -> None:
        """A text in a DS, numbers of a wrong length, a creator of numbers."""
        block = private_block(
            0x0043, 0x10, b"GEMS_PARM_01", {0x80: ("DS", b"1\\X\\2 "), 0x81: ("UL", b"123")}
        )
        path = write(file_of(*block, text(0x00180050, "DS", "thick")))
        out = changed(path, rename)
        assert private_values(out) == private_values(path)
        assert b"thick" in out.read_bytes()

    @pytest.mark.parametrize(
        "charset", ["ISO_IR 19\0", "ISO_IR\0 192", "nobody's", "\\", "utf\0\\ISO_IR 100"]
    )
    def test_a_character_set_that_nobody_knows(self, write: Write, charset: str) -> None:
        block = private_block(0x0021, 0x10, CREATOR, {0x10: ("LO", "Wörter".encode())})
        path = write(file_of(*block, text(0x00080005, "CS", charset), nested(True)))
        out = changed(path, rename)
        assert private_values(out) == private_values(path)
        assert b"ANON" in out.read_bytes()

    def test_elements_that_stand_several_times(self, write: Write) -> None:
        other = private_block(0x0021, 0x10, CREATOR, {0x10: ("LO", b"first "), 0x11: ("LO", b"other ")})
        twice = (*other, Element(0x00211010, "LO", b"second"), text(0x00104000, "LT", "hidden"))
        path = write(file_of(*twice, text(0x00104000, "LT", "seen"), nested(True), nested(False)))

        def change(ds: Dataset) -> None:
            assert ds.PatientComments == "seen"
            assert len(ds[SERIES].value) == 4
            rename(ds)

        out = changed(path, change)
        assert private_values(out) == private_values(path)
        assert b"hidden" not in out.read_bytes()

    def test_group_lengths_but_of_groups_that_change(self, write: Write) -> None:
        block = private_block(0x0021, 0x10, CREATOR, {0x10: ("LO", b"words ")})
        path = write(file_bytes(Phantom(with_group_lengths(plain_image(block), 0x0010, 0x0020, 0x0021))))
        out = changed(path, rename)
        with loaded(out) as file:
            lengths = {int(tag) for tag in file.dataset.keys() if not tag & 0xFFFF}  # noqa: SIM118  # no dict
        assert lengths == {0x00200000, 0x00210000}
        assert private_values(out) == private_values(path)


class TestChanged:
    """What others do to the data set stands in the file."""

    @pytest.mark.parametrize("encoding", ENCODINGS, ids=lambda encoding: encoding.name)
    def test_elements_that_are_added_emptied_and_removed(self, write: Write, encoding: Encoding) -> None:
        path = write(file_of(nested(False), encoding=encoding))

        def change(ds: Dataset) -> None:
            ds.PatientIdentityRemoved = "YES"
            ds[NAME].value = None
            del ds.StudyInstanceUID
            ds[SERIES].value[0].PatientComments = "more"
            del ds[SERIES].value[1][0x00211010]

        made = pydicom.dcmread(changed(path, change))
        assert (made.PatientIdentityRemoved, made.PatientName) == ("YES", "")
        assert "StudyInstanceUID" not in made
        assert made[SERIES].value[0].PatientComments == "more"
        assert [0x00211010 in item for item in made[SERIES].value] == [True, False]

    @pytest.mark.parametrize("undefined", [True, False])
    def test_items_that_are_removed_and_added(self, write: Write, undefined: bool) -> None:
        path = write(file_of(nested(undefined)))
        item = Dataset()
        item.PatientComments = "new"

        def change(ds: Dataset) -> None:
            ds[SERIES].value = Sequence([item, ds[SERIES].value[1]])

        made = pydicom.dcmread(changed(path, change))
        assert [0x00211010 in one for one in made[SERIES].value] == [False, True]
        assert made[SERIES].value[0].PatientComments == "new"

    @pytest.mark.parametrize("value", [None, "2.5"])
    def test_a_value_that_pydicom_could_not_have(self, write: Write, value: str | None) -> None:
        path = write(file_of(text(0x00180050, "DS", "thick")))

        def change(ds: Dataset) -> None:
            assert ds[0x00180050].value == b"thick "
            ds[0x00180050].value = value

        made = pydicom.dcmread(changed(path, change))
        assert made[0x00180050].VR == "DS"
        assert made[0x00180050].value == (None if value is None else 2.5)

    def test_a_text_in_the_character_set_of_the_file(self, write: Write) -> None:
        path = write(file_of(text(0x00080005, "CS", "ISO_IR 192")))

        def change(ds: Dataset) -> None:
            ds.PatientName = "홍^길동"

        assert pydicom.dcmread(changed(path, change)).PatientName == "홍^길동"

    def test_an_element_that_stands_several_times(self, write: Write) -> None:
        twice = text(0x00104000, "LT", "first"), text(0x00104000, "LT", "second")
        out = changed(write(file_of(*twice)), lambda ds: setattr(ds, "PatientComments", "third"))
        data = out.read_bytes()
        assert [data.count(word) for word in (b"first", b"second", b"third")] == [0, 0, 1]

    def test_fragments(self, write: Write) -> None:
        inside = Element(0x7FE00010, "OB", Fragments((b"abcd", b"efgh")))
        path = write(file_of(sequence(0x00880200, (inside, text(UID, "UI", "1.2")))))

        def change(ds: Dataset) -> None:
            ds[0x00880200].value[0][UID].value = "1.2.3"

        item = pydicom.dcmread(changed(path, change))[0x00880200].value[0]
        assert b"abcd" in item.PixelData
        assert item[UID].value == "1.2.3"

    def test_file_meta_information(self, write: Write) -> None:
        path = write(file_of(nested(True), encoding=DEFLATED))
        out = changed(path, lambda ds: setattr(ds.file_meta, "SourceApplicationEntityTitle", "ANON"))
        assert pydicom.dcmread(out).file_meta.SourceApplicationEntityTitle == "ANON"
        assert private_values(out) == private_values(path)

    def test_file_meta_information_that_stands_several_times(self, write: Write) -> None:
        """It is copied where it isn't changed; what is written anew has one true length."""
        length = b"\2\0\0\0UL\4\0"
        data = file_of(nested(True))
        again = data.replace(length, b"\2\0\0\0UI\4\x001.2\0" + length, 1)
        path = write(again)
        with loaded(path) as file:
            assert not file.is_changed()
        out = changed(path, rename)
        assert out.read_bytes()[:160] == again[:160]
        out.unlink()
        out = changed(path, lambda ds: setattr(ds.file_meta, "SourceApplicationEntityTitle", "ANON"))
        with open_dicom(out) as opened:
            assert opened.start.facts == ()
        assert private_values(out) == private_values(path)

    @pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
    def test_a_transfer_syntax_that_was_missing(self, write: Write, encoding: Encoding) -> None:
        """Without the first element, nobody would see how the data set is encoded."""
        data = file_of(nested(True), encoding=encoding)
        start = data.index(b"\2\0\x10\0UI")
        stop = start + 8 + int.from_bytes(data[start + 6 : start + 8], "little")
        path = write(data[:start] + data[stop:])
        out = changed(path, lambda ds: ds.pop(min(ds.keys())))
        assert pydicom.dcmread(out).file_meta.TransferSyntaxUID == encoding.uid
        assert private_values(out) == private_values(path)

    @pytest.mark.parametrize("encoding", [IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG])
    def test_file_meta_information_of_a_bare_data_set(self, write: Write, encoding: Encoding) -> None:
        whole = write(file_of(nested(True), encoding=encoding))
        with open_dicom(whole) as opened:
            offset = opened.start.offset
        path = write(whole.read_bytes()[offset:])
        assert private_values(changed(path, rename)) == private_values(path)
        for change in (
            lambda ds: setattr(ds.file_meta, "SourceApplicationEntityTitle", "ANON"),
            lambda ds: ds.pop(min(ds.keys())),
        ):
            path.with_name("out.dcm").unlink()
            out = changed(path, change)
            assert pydicom.dcmread(out).file_meta.TransferSyntaxUID == encoding.uid
            assert private_values(out) == private_values(path)


class TestRefused:
    def test_another_transfer_syntax(self, write: Write) -> None:
        path = write(file_of())
        with loaded(path) as file:
            file.dataset.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
            with pytest.raises(HandlerError):
                file.write(path.with_name("out.dcm"))
        assert not path.with_name("out.dcm").exists()

    def test_a_value_that_cannot_be_written(self, write: Write) -> None:
        path = write(file_of())
        with loaded(path) as file:
            file.dataset._dict[file.dataset["Rows"].tag] = DataElement(
                0x00280010, "US", "DOE^JOHN", already_converted=True
            )
            assert file.is_changed()
            with pytest.raises(MalformedFile) as caught:
                file.write(path.with_name("out.dcm"))
        assert "DOE" not in str(caught.value)
        assert not path.with_name("out.dcm").exists()


def test_settings_of_pydicom_stay(write: Write) -> None:
    settings = vars(pydicom.config.settings).copy()
    switches = {name: value for name, value in vars(pydicom.config).items() if isinstance(value, bool)}
    changed(write(file_of(nested(True))), rename)
    assert vars(pydicom.config.settings) == settings
    assert {name: getattr(pydicom.config, name) for name in switches} == switches
