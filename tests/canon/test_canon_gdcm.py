"""GDCM as an oracle: what its cleaner empties of the records is gone with ours too."""

from pathlib import Path

import pydicom
import pytest

from phantom_canon import CREATOR, KANJI, private_blocks, registration
from phantom_file import Phantom, file_bytes
from phantoms import plain_image
from tests.canon.samples import RECORDS, cleaned

gdcm = pytest.importorskip("gdcm", reason="python-gdcm is not installed")

VALUE = registration(rest=b"BEHIND^NUL")


@pytest.fixture(scope="module")
def scrubbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return what GDCM makes of (700D,xx08)."""
    source, target = (tmp_path_factory.mktemp("gdcm") / name for name in ("in.dcm", "out.dcm"))
    source.write_bytes(file_bytes(Phantom(plain_image(private_blocks(original=VALUE), mosaic=False))))
    reader = gdcm.Reader()
    reader.SetFileName(str(source))
    assert reader.Read()
    cleaner = gdcm.Cleaner()
    cleaner.SetFile(reader.GetFile())
    assert cleaner.Scrub(gdcm.PrivateTag(0x700D, 0x08, CREATOR.decode("ascii")))
    assert cleaner.Clean()
    writer = gdcm.Writer()
    writer.SetCheckFileMetaInformation(False)
    writer.SetFileName(str(target))
    writer.SetFile(cleaner.GetFile())
    assert writer.Write()
    value = pydicom.dcmread(Path(target)).private_block(0x700D, CREATOR.decode("ascii"))[0x08].value
    assert isinstance(value, bytes)
    return value


def test_gdcm_reads_the_phantom_to_its_end_and_empties_its_names(scrubbed: bytes) -> None:
    assert len(scrubbed) == len(VALUE)
    assert scrubbed.count(b"PHANTOM^SYNTHETIC") < VALUE.count(b"PHANTOM^SYNTHETIC")
    assert KANJI not in scrubbed[: VALUE.index(b"code")]


def test_what_gdcm_empties_holds_none_of_its_text_with_ours(scrubbed: bytes) -> None:
    new = cleaned(VALUE, RECORDS).new
    emptied = [at for at in range(len(VALUE)) if scrubbed[at] != VALUE[at]]
    assert len(emptied) > 100
    assert [at for at in emptied if new[at] not in b"X1\0"] == []


def test_gdcm_leaves_the_number_the_remarks_and_what_stands_behind_a_nul(scrubbed: bytes) -> None:
    new = cleaned(VALUE, RECORDS).new
    for secret in (b"PH-0001", b"remark on", b"BEHIND^NUL", b"Phantom Hospital", b"OPERATOR"):
        assert secret in scrubbed
        assert secret not in new
