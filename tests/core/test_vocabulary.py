"""The vocabulary of words that identify nobody and no place."""

from importlib.resources import files
from tomllib import loads

from csaclean.proof.vocabulary import fold, is_of_places, is_of_protocols

TABLE = loads(files("csaclean.proof").joinpath("vocabulary.toml").read_text("utf-8"))


def test_each_word_is_folded_and_stands_once_in_order() -> None:
    seen: set[str] = set()
    for words in map(str.split, TABLE.values()):
        assert words == sorted(set(words))
        assert all(word == fold(word) and word.isascii() and word.isalpha() for word in words)
        assert not seen & set(words)
        seen |= set(words)


def test_words_are_known_in_any_case_and_with_accents() -> None:
    for word in ("HOSPITAL", "Universität", "Straße", "hôpital", "Skyra", "Siemens", "Brain", "Dixon"):
        assert is_of_places(word), word
    for word in ("Springfield", "Amsterdam", "Hospitable", ""):
        assert not is_of_places(word), word


def test_names_of_people_are_no_words_of_protocols() -> None:
    for word in ("Dixon", "Field", "Short", "Hill", "Ward", "Green"):
        assert not is_of_protocols(word), word
    for word in ("Brain", "HEAD", "axial", "Siemens", "Test"):
        assert is_of_protocols(word), word
