"""What the standard elements of a data set tell about its patient."""

from collections.abc import Callable

import pytest

from csaclean.context import Context
from csaclean.dicom import syntax
from csaclean.dicom.identifying import Group
from csaclean.dicom.source import BytesSource
from csaclean.dicom.walk import walk
from csaclean.policy.options import Header, Options
from csaclean.proof.residue import Needles
from csaclean.subject import Subject, find_subject, subject_of
from phantom_writer import EXPLICIT_LITTLE, Element, Items, encode_dataset

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


@pytest.mark.parametrize("subject", [_found, _given])
@pytest.mark.parametrize("text", [b"QF\\77\\1203", b"QF771203", b"QF-77-1203"])
def test_an_id_with_backslashes_is_searched_for_as_a_whole_too(subject: Find, text: bytes) -> None:
    assert (1, 1 + len(text)) in subject(ID, "LO", b"QF\\77\\1203").find(b"<" + text + b">")


def _subject(*elements: Element, options: Options = Options()) -> Subject:  # noqa: B008  # immutable
    source = BytesSource(encode_dataset(elements, EXPLICIT_LITTLE))
    found = walk(source, syntax.EXPLICIT_LITTLE, 0)
    return find_subject(Context(found.elements, found.datasets, source), options)


def _element(tag: int, value: str, vr: str = "LO") -> Element:
    return Element(tag, vr, value.encode() + b" " * (len(value) % 2))


def _within(*sequences: int, element: Element) -> Element:
    for sequence in reversed(sequences):
        element = Element(sequence, "SQ", Items(((element,),)))
    return element


@pytest.mark.parametrize(
    ("element", "group"),
    [
        (_element(NAME, "Travisson^Ann", "PN"), "patient"),
        (_element(0x00101060, "Travisson^Ruth", "PN"), "patient"),
        (_within(0x00101002, element=_element(ID, "Travisson")), "patient"),
        (_within(0x00400275, element=_element(0x00080050, "Travisson", "SH")), "patient"),
        (_element(0x00081070, "Travisson", "PN"), "people"),
        (_within(0x00400275, element=_element(0x00321032, "Travisson^Ann", "PN")), "people"),
        (_within(0x00081072, 0x00401101, element=_element(0x00080104, "Ann Travisson")), "people"),
        (_within(0x00081072, 0x00401101, element=_element(0x00080100, "Travisson", "SH")), "people"),
        (_element(0x00080080, "Travisson"), "places"),
        (_within(0x0018A001, element=_element(0x00081010, "Travisson", "SH")), "places"),
        (_within(0x00080082, element=_element(0x00080104, "Travisson")), "places"),
        (_element(0x00181000, "Travisson"), "places"),
    ],
)
def test_the_header_tells_whom_an_identifier_is_of_wherever_it_stands(element: Element, group: str) -> None:
    needles = _subject(element).needles
    assert needles
    assert needles.find_groups(b"TRAVISSON") == [(0, 9, group)]


def test_other_codes_identify_nobody() -> None:
    assert _subject(_within(0x00082218, element=_element(0x00080104, "Travisson"))).needles is None


_NAME, _ID = _element(NAME, "Travisson^Ann", "PN"), _element(ID, "MRN-4711")
_OWN = "csaclean 1 strict: private elements"


@pytest.mark.parametrize(
    ("elements", "deidentified"),
    [
        ((_NAME, _ID), False),
        ((_NAME, _ID, _element(0x00120062, "NO", "CS")), False),
        ((_NAME, _ID, _element(0x00120062, "YES", "CS")), True),
        ((_NAME, _ID, _element(0x00120063, "by hand")), True),
        ((_NAME, _ID, _element(0x00120063, _OWN)), False),
        ((_NAME, _ID, _element(0x00120063, f"by hand\\{_OWN}")), True),
        ((_element(NAME, "", "PN"), _ID), True),
        ((_element(NAME, "Anonymous", "PN"), _ID), True),
        ((_element(NAME, "XXXX^XX", "PN"), _element(ID, "0000")), True),
        ((_element(NAME, "De-Identified^Patient", "PN"), _ID), True),
        ((_element(NAME, "anon0001", "PN"), _ID), True),
        ((_element(NAME, "Subject_012^Anonymous", "PN"), _ID), True),
        ((_element(NAME, "Anonymou^Ann", "PN"), _ID), False),
        ((_element(NAME, "0012", "PN"), _ID), False),
        ((_ID,), True),
    ],
)
def test_a_header_tells_that_it_was_deidentified(elements: tuple[Element, ...], deidentified: bool) -> None:
    assert _subject(*elements).deidentified == deidentified


def test_words_of_the_caller_stand_in_for_a_header() -> None:
    assert not _subject(_ID, options=Options(identifiers=("Travisson",))).deidentified
    assert not _subject(_ID, options=Options(header=Header({NAME: ("Travisson^Ann",)}, (), ()))).deidentified


@pytest.mark.parametrize(("asked", "count"), [({"patient"}, 1), ({"people", "places"}, 3), (set(), 0)])
def test_groups_can_be_left_out(asked: set[Group], count: int) -> None:
    elements = (
        _element(0x00080080, "Nowhere Infirmary"),
        _element(0x00081070, "Reader", "PN"),
        _element(NAME, "Travisson", "PN"),
    )
    needles = _subject(*elements, options=Options(identifiers_from=frozenset(asked))).needles or Needles()
    assert len(needles.find(b"Travisson, Reader, Nowhere Infirmary")) == count


@pytest.mark.parametrize("row", ["Quillfeather", "O. Quillfeather", "OTTOLINE", "3 Feb 1967", "1967/02/03"])
def test_names_and_days_of_the_caller_are_found_as_those_of_a_header(row: str) -> None:
    given = ("Quillfeather^Ottoline", "1967-02-03")
    for options in (Options(identifiers=given), Options(identifiers_by_id={"MRN-4711": given})):
        needles = _subject(_ID, options=options).needles
        assert needles
        assert needles.find(row.encode())


def test_a_table_tells_what_to_search_for_by_patient_id() -> None:
    options = Options(identifiers_by_id={"MRN-4711": ("Quillfeather",), "MRN-4712": ("Othername",)})
    found = _subject(_ID, options=options)
    assert found.needles
    assert found.needles.find(b"Quillfeather Othername") == [(0, 12)]
    assert not found.deidentified
    assert _subject(_element(ID, "MRN-1"), options=options).deidentified


def test_texts_that_are_no_identifiers_are_not_found_nor_what_stands_in_them() -> None:
    needles = _subject(_NAME, options=Options(not_identifiers=("travisson", "ANN ARBOR"))).needles
    assert needles
    assert needles.find(b"Travisson or Ann Arbor, t1_ANN_ARBOR") == []
    assert (0, 12) in needles.find(b"TravissonAnn")
