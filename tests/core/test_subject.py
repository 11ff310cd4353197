"""What the standard elements of a data set tell about its patient."""

from collections.abc import Callable

import pytest

from csaclean.context import Context
from csaclean.dicom import syntax
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.policy.options import Options
from csaclean.proof.residue import Needles
from csaclean.subject import find_subject, subject_of
from phantom_writer import EXPLICIT_LITTLE, Element, encode_dataset

NAME = 0x00100010
ID = 0x00100020
CHARSET = 0x00080005
Find = Callable[[int, str, bytes], Needles]


def _found(tag: int, vr: str, value: bytes) -> Needles:
    elements = (Element(CHARSET, "CS", b"ISO_IR 192"), Element(tag, vr, value + b" " * (len(value) % 2)))
    source = BytesSource(encode_dataset(elements, EXPLICIT_LITTLE))
    found = walk(source, syntax.EXPLICIT_LITTLE, 0)
    needles = find_subject(Context(found.elements, found.datasets, source), Options()).needles
    assert needles
    return needles


def _given(tag: int, _vr: str, value: bytes) -> Needles:
    needles = subject_of({CHARSET: b"ISO_IR 192", tag: value}, Options()).needles
    assert needles
    return needles


@pytest.mark.parametrize("subject", [_found, _given])
class TestLongValues:
    """Of a value that is longer than any identifier its first 1,024 bytes are searched for."""

    def test_a_name_at_the_beginning_is_searched_for(self, subject: Find) -> None:
        needles = subject(NAME, "PN", b"Travisson^" + b"J" * 2000)
        assert needles.find(b"by Travisson") == [(3, 12)]

    def test_a_whole_value_is_found_by_its_beginning(self, subject: Find) -> None:
        value = b"MRN" + b"".join(b"%04d" % i for i in range(400))
        assert subject(ID, "LT", value).find(b"<" + value + b">") == [(1, 1025)]

    def test_what_comes_later_is_not(self, subject: Find) -> None:
        needles = subject(NAME, "PN", b"Travisson^" + b" " * 1014 + b"Jonathan")
        assert needles.find(b"Jonathan") == []

    @pytest.mark.parametrize("before", range(4))
    def test_no_character_is_cut(self, subject: Find, before: int) -> None:
        value = ("Trävisson^" + "x" * before + "山" * 400).encode()
        assert subject(NAME, "PN", value).find("by Trävisson".encode()) == [(3, 13)]
