"""``import csaclean``: what it offers, what it costs, and errors that travel."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import csaclean
from csaclean import errors
from csaclean.errors import CsacleanError, ProofFailed
from csaclean.report.model import ElementGroup, Report, Unclaimed

NAMES = {
    "CsacleanError",
    "ProveReport",
    "Report",
    "Summary",
    "clean_dataset",
    "clean_file",
    "clean_tree",
    "clean_value",
    "prove",
}


def all_errors() -> list[type[CsacleanError]]:
    def below(cls: type[CsacleanError]) -> Iterator[type[CsacleanError]]:
        yield cls
        for one in cls.__subclasses__():
            yield from below(one)

    return sorted(set(below(CsacleanError)), key=lambda cls: cls.__name__)


def made(cls: type[CsacleanError]) -> CsacleanError:
    if issubclass(cls, ProofFailed):
        return cls("rows", "a reason", "(0029,SIEMENS CSA HEADER,10)", 812)
    return cls("a reason", "(0029,SIEMENS CSA HEADER,10)", 812)


class TestImport:
    def test_it_loads_nothing_heavy(self, tmp_path: Path) -> None:
        code = "import sys, csaclean; dir(csaclean); csaclean.__version__; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True, text=True
        )
        modules = done.stdout.split()
        heavy = ("pydicom", "numpy", "nibabel", "msgspec", "tqdm", "csaclean_handlers")
        assert [name for name in heavy if name in modules] == []
        assert [name for name in modules if name.startswith("csaclean")] == ["csaclean"]

    @pytest.mark.parametrize(
        "name", ["clean_file", "clean_tree", "clean_value", "prove", "Report", "CsacleanError"]
    )
    def test_only_clean_dataset_needs_pydicom(self, tmp_path: Path, name: str) -> None:
        code = f"import sys, csaclean; csaclean.{name}; print(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True, text=True
        )
        assert [name for name in ("pydicom", "numpy", "nibabel") if name in done.stdout.split()] == []

    def test_dir_names_the_library(self) -> None:
        assert set(dir(csaclean)) >= NAMES
        assert sorted(dir(csaclean)) == sorted(csaclean.__all__)

    def test_every_name_of_dir_is_there(self) -> None:
        for name in dir(csaclean):
            assert getattr(csaclean, name) is not None

    def test_a_name_that_is_not_there_is_an_attribute_error(self) -> None:
        with pytest.raises(AttributeError, match="clean_everything"):
            csaclean.clean_everything  # noqa: B018

    def test_policies_are_named(self) -> None:
        assert csaclean.policies() == ("converter-safe", "dead-space", "strict")


class TestErrors:
    @pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
    def test_each_can_be_pickled_and_copied(self, cls: type[CsacleanError]) -> None:
        error = made(cls)
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(again) is cls
            assert again.args == error.args
            assert str(again) == str(error)
            assert vars(again) == vars(error)
            assert again.code == error.code

    @pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
    def test_each_can_be_pickled_with_a_reason_alone(self, cls: type[CsacleanError]) -> None:
        arguments = ("rows", "a reason") if issubclass(cls, ProofFailed) else ("a reason",)
        again = pickle.loads(pickle.dumps(cls(*arguments)))
        assert (again.reason, again.selector, again.offset) == ("a reason", "", None)

    @pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
    def test_the_message_says_where_and_what(self, cls: type[CsacleanError]) -> None:
        assert str(made(cls)) == "(0029,SIEMENS CSA HEADER,10): a reason (at byte 812)"

    @pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)
    def test_a_selector_can_be_added_later(self, cls: type[CsacleanError]) -> None:
        again = made(cls).at("(0029,1010)")
        assert type(again) is cls
        assert (again.reason, again.selector, again.offset) == ("a reason", "(0029,1010)", 812)
        assert again.code == made(cls).code

    def test_every_one_is_listed(self) -> None:
        listed = {getattr(errors, name) for name in errors.__all__}
        assert listed == {cls for cls in all_errors() if cls.__module__ == "csaclean.errors"}

    def test_a_malformed_value_is_a_value_error(self) -> None:
        assert issubclass(errors.MalformedValue, ValueError)


class TestVouched:
    """A report is vouched for if somebody answers for every private byte of a file that was read."""

    GROUP = ElementGroup("(0029,A,10)", "h", 0, 1, 8, 0, 0, 0, 0, {}, (), vouched=True)

    def test_without_private_elements(self) -> None:
        assert Report("a", "unchanged").vouched

    def test_with_claimed_elements_that_are_vouched_for(self) -> None:
        assert Report("a", "cleaned", elements=(self.GROUP,)).vouched

    def test_not_with_a_claimed_element_that_is_not(self) -> None:
        from dataclasses import replace

        assert not Report("a", "cleaned", elements=(self.GROUP, replace(self.GROUP, vouched=False))).vouched

    def test_not_with_an_unclaimed_element(self) -> None:
        assert not Report("a", "cleaned", unclaimed=(Unclaimed("(0019,?,01)", "unclaimed", 1, 2),)).vouched

    @pytest.mark.parametrize("status", ["failed", "skipped"])
    def test_not_a_file_that_was_not_read(self, status: str) -> None:
        assert not Report("a", status).vouched  # type: ignore[arg-type]  # a parameter is any text
