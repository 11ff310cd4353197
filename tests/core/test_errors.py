"""Errors: each survives a process border whole, and says on one line what is wrong and where."""

import pickle
from collections.abc import Callable, Iterator

import pytest

from csaclean import errors
from csaclean.errors import CsacleanError, MalformedValue, ProofFailed


def classes(root: type[CsacleanError] = CsacleanError) -> Iterator[type[CsacleanError]]:
    yield root
    for cls in root.__subclasses__():
        yield from classes(cls)


def made(cls: type[CsacleanError], *rest: object) -> CsacleanError:
    make: Callable[..., CsacleanError] = cls
    return make("rows", "a reason", *rest) if issubclass(cls, ProofFailed) else make("a reason", *rest)


CLASSES = {cls.__name__: cls for cls in classes()}
EVERY = pytest.mark.parametrize("cls", [CLASSES[name] for name in sorted(CLASSES)])


@EVERY
@pytest.mark.parametrize("rest", [(), ("(0029,V,10)",), ("(0029,V,10)", 12), ("", 0)], ids=str)
def test_a_pickled_error_keeps_all_of_it(cls: type[CsacleanError], rest: tuple[object, ...]) -> None:
    error = made(cls, *rest)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert vars(again) == vars(error)
    assert (again.args, str(again), again.code) == (error.args, str(error), error.code)


@EVERY
def test_the_text_is_one_line_with_selector_reason_and_offset(cls: type[CsacleanError]) -> None:
    assert str(made(cls, "(0029,V,10)", 12)) == "(0029,V,10): a reason (at byte 12)"
    assert str(made(cls, "", 0)) == "a reason (at byte 0)"
    assert str(made(cls)) == "a reason"


@EVERY
def test_an_error_can_be_moved_to_an_element(cls: type[CsacleanError]) -> None:
    error = made(cls, "", 7)
    moved = error.at("(0029,V,10)")
    assert type(moved) is cls
    assert (moved.reason, moved.selector, moved.offset) == ("a reason", "(0029,V,10)", 7)
    assert moved.code == error.code


@EVERY
def test_every_class_is_public_and_has_one_root(cls: type[CsacleanError]) -> None:
    assert cls.__name__ in errors.__all__
    assert getattr(errors, cls.__name__) is cls
    assert issubclass(cls, CsacleanError)


def test_codes_are_stable() -> None:
    codes = {cls.__name__: made(cls).code for cls in classes()}
    expected = {
        "UsageError": "usage",
        "PolicyError": "policy",
        "HandlerError": "handler",
        "NotDicom": "not-dicom",
        "Unsupported": "unsupported",
        "DicomDirectory": "unsupported",
        "MalformedFile": "malformed-file",
        "MalformedValue": "malformed-value",
        "LimitExceeded": "limit",
        "IoFailed": "io",
        "TargetExists": "target-exists",
        "ProofFailed": "proof-rows",
        "DoesNotFit": "does-not-fit",
        "CannotRead": "cannot-read",
    }
    assert {name: codes[name] for name in expected} == expected


@pytest.mark.parametrize("stage", ["rows", "witness", "converter", "written", "residue"])
def test_the_code_of_a_failed_proof_names_its_stage(stage: str) -> None:
    error = pickle.loads(pickle.dumps(ProofFailed(stage, "a reason").at("(0029,V,10)")))
    assert (error.code, error.stage) == (f"proof-{stage}", stage)


def test_a_malformed_value_is_a_value_error() -> None:
    assert issubclass(MalformedValue, ValueError)


def test_the_fields_take_no_keywords() -> None:
    with pytest.raises(TypeError):
        CsacleanError(reason="x")  # type: ignore[call-arg]
