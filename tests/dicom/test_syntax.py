"""Transfer syntaxes: which are known, and how each is read."""

import pytest
from pydicom.uid import UID, AllTransferSyntaxes, PrivateTransferSyntaxes

from csaclean.dicom.syntax import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, syntax_of
from csaclean.errors import Unsupported

GE = b"1.2.840.113619.5.2"


@pytest.mark.parametrize(
    ("uid", "syntax"),
    [
        (b"1.2.840.10008.1.2", IMPLICIT_LITTLE),
        (b"1.2.840.10008.1.2.1", EXPLICIT_LITTLE),
        (b"1.2.840.10008.1.2.2", EXPLICIT_BIG),
        (GE, IMPLICIT_LITTLE),
    ],
)
def test_the_plain_syntaxes_are_known(uid: bytes, syntax: object) -> None:
    assert syntax_of(uid) == syntax


@pytest.mark.parametrize("padding", [b"\0", b" ", b"  ", b"\0\0"])
def test_padding_of_the_uid_does_not_matter(padding: bytes) -> None:
    assert syntax_of(b"1.2.840.10008.1.2" + padding) == IMPLICIT_LITTLE


@pytest.mark.parametrize(
    "uid", [b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.95", b"1.2.840.10008.1.2.4.205"]
)
def test_deflated_data_sets_are_explicit_little_endian_inside(uid: bytes) -> None:
    syntax = syntax_of(uid)
    assert (syntax.deflated, syntax.implicit, syntax.order, syntax.encapsulated) == (True, False, "<", False)


@pytest.mark.parametrize(
    "uid",
    [
        b"1.2.840.10008.1.2.1.98",
        b"1.2.840.10008.1.2.5",
        b"1.2.840.10008.1.2.4.50",
        b"1.2.840.10008.1.2.4.90",
        b"1.2.840.10008.1.2.4.100",
        b"1.2.840.10008.1.2.4.201",
        b"1.2.840.10008.1.2.8.1",
    ],
)
def test_encapsulated_syntaxes_are_explicit_little_endian(uid: bytes) -> None:
    syntax = syntax_of(uid)
    assert (syntax.encapsulated, syntax.implicit, syntax.order, syntax.deflated) == (True, False, "<", False)


@pytest.mark.parametrize("uid", [uid for uid in AllTransferSyntaxes if uid not in PrivateTransferSyntaxes])
def test_pydicom_reads_every_standard_syntax_likewise(uid: str) -> None:
    other, syntax = UID(uid), syntax_of(uid.encode())
    assert syntax.implicit == other.is_implicit_VR
    assert (syntax.order == "<") == other.is_little_endian
    # pydicom does not know that JPIP HTJ2K Referenced Deflate is deflated.
    assert syntax.deflated == (other.is_deflated or uid == "1.2.840.10008.1.2.4.205")


@pytest.mark.parametrize(
    "uid",
    [
        b"",
        b"\0",
        b"2.25.1",
        b"1.2.840.10008.1.2.3",  # Papyrus 3, retired, not like any other
        b"1.2.840.10008.1.2.4.",
        b"1.2.840.10008.1.2.4.x",
        b"1.2.840.10008.1.2.1.97",
        b"\xff\xfe",
    ],
)
def test_what_is_not_known_is_refused(uid: bytes) -> None:
    with pytest.raises(Unsupported):
        syntax_of(uid)
