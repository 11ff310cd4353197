"""AutoAlignData: every number of the head's position, every UID and every unknown word is a field."""

from collections import Counter

import pytest

from csaclean.model import Kind
from csaclean_handlers.siemens.autoalign import layout_autoalign
from phantom_texts import FRAME_OF_REFERENCE, autoalign
from tests.siemens.layout_laws import fields, texts_left


def _forms(text: bytes) -> Counter[tuple[str, str]]:
    return Counter((path, form) for path, form, _ in fields(text, layout_autoalign(text)))


def test_each_element_has_the_fields_of_its_keys() -> None:
    assert _forms(autoalign(elements=3)) == {
        ("count", "number"): 1,
        ("AAMTag", "text"): 3,
        ("FOR", "uid"): 3,
        ("MI", "number"): 3,
        ("MIClass", "text"): 3,
        ("TP", "number"): 3,
        ("Matrix", "number"): 3 * 16,
        ("OrganBoxData", "number"): 3 * 13,
    }


def test_a_frame_of_reference_is_one_field_without_its_key() -> None:
    text = autoalign(elements=1)
    uids = [content for path, _, content in fields(text, layout_autoalign(text)) if path == "FOR"]
    assert uids == [FRAME_OF_REFERENCE.encode("ascii")]


def test_what_stands_for_a_uid_and_is_none_is_text() -> None:
    assert _forms(autoalign(elements=1, uid="Doe"))["FOR", "text"] == 1


def test_what_stands_for_a_number_and_is_none_is_text() -> None:
    assert _forms(b"1/AAMElement0:OrganBoxData:HeightDim=Doe|CenterVector=1,Doe|") == {
        ("count", "number"): 1,
        ("OrganBoxData", "number"): 1,
        ("OrganBoxData", "text"): 2,
    }


@pytest.mark.parametrize(
    "text",
    [
        autoalign(more="Comment=Doe|"),
        autoalign(more="Comment=Doe;"),
        autoalign().replace(b"/AAMElement1", b"/AAMElement7"),
        b"Doe",
        b"Doe/1.2.3",
        b"1;Doe",
    ],
)
def test_what_is_not_expected_is_text(text: bytes) -> None:
    assert _forms(text)["other", "text"] >= 1


def test_structure_holds_keys_and_separators_only() -> None:
    text = autoalign(tag="Doe", uid="1.2.3.4")
    layout = layout_autoalign(text)
    structure = b"".join(text[span.start : span.stop] for span in layout if span.kind is Kind.STRUCTURE)
    assert not structure.count(b"Doe")
    assert not any(
        byte in structure.replace(b"AAMElement0", b"").replace(b"AAMElement1", b"") for byte in b"0123456789"
    )


@pytest.mark.parametrize("identity", ["Doe^Jane", "Müller", 'a"b', "back\\slash", "a/b", "a=b", "a b"])
@pytest.mark.parametrize("where", ["uid", "tag", "more"])
def test_no_identity_is_left_where_it_may_stand(identity: str, where: str) -> None:
    made = {"uid": autoalign(uid=identity), "tag": autoalign(tag=identity), "more": autoalign(more=identity)}
    text = made[where]
    assert identity.encode("latin-1") not in texts_left(text, layout_autoalign(text))


def test_an_empty_text_has_no_spans() -> None:
    assert len(layout_autoalign(b"")) == 0
