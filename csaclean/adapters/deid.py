"""deid recipes that keep private elements, clean.

``func:csaclean`` in a recipe of `deid <https://pydicom.github.io/deid/>`_ stands for the clean value of the element that
it is written for. `RECIPE` is a recipe with such a line for every element that an installed handler of csaclean claims,
by Private Creator and element byte, so it finds relocated blocks, several blocks of one creator, and blocks in items.

`replace` is deid's ``replace_identifiers`` with csaclean before and behind it. It doesn't rely on the recipe finding
everything, because deid can't: it compares creators exactly, and doesn't know an element without its creator. Nor does it
rely on pydicom, which can't read each file or write each value. So each file takes this way:

1. csaclean cleans the file, as `csaclean.clean_file` does, into a private temporary folder; what nobody claims is not judged
   yet. What identifies people is read from the standard elements.
2. csaclean makes a data set of that clean copy, and deid runs the whole recipe over it. It finds every claimed block under
   the name that its handler uses.
3. Claimed elements that are still there get their Private Creator back if the recipe took it. Each must still be claimed,
   or the file fails. What the recipe left as it was is copied from the clean copy, byte for byte.
4. csaclean cleans and proves what deid made, with what the standard elements told before, and writes it.

So whatever a recipe does, each claimed element of the original is either gone, or clean and proved; deid never meets the
old value. A file for which that can't be shown fails, and nothing is written for it. A recipe that changes nothing gives
what the command gives.

`clean` and `unclaimed` are the bare functions, for those who call deid themselves.
"""

import io
import os
import re
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from dataclasses import replace as replace_fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Unpack

from csaclean.adapters.deid_functions import (
    FUNCTION,
    RECIPE,
    UNCLAIMED,
    DeidField,
    clean,
    field_path,
    recipe,
    unclaimed,
)
from csaclean.adapters.pydicom import ElementPath, quiet
from csaclean.adapters.pydicom_elements import (
    ClaimedLeaf,
    claimed_leaves,
    holder,
    put_back,
    spell_creators,
)
from csaclean.adapters.pydicom_files import Loaded
from csaclean.clean import Cleaner, open_dicom
from csaclean.context import Context
from csaclean.dicom.elements import tag_text
from csaclean.dicom.walk import walk
from csaclean.errors import (
    CsacleanError,
    HandlerError,
    IoFailed,
    PolicyError,
    ProofFailed,
    UsageError,
    raised_at,
)
from csaclean.policy.options import Header, Options, OptionWords, make_options
from csaclean.policy.policies import Policy, load_policy
from csaclean.registry import installed
from csaclean.report.model import Report
from csaclean.selector import fold_creator
from csaclean.subject import find_header
from csaclean.write import Target

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["RECIPE", "Replaced", "clean", "recipe", "replace", "unclaimed"]

_LOOKUP: Final = re.compile(r"(func|deid_func|var):(.*)", re.DOTALL)
_RUNNING = threading.RLock()
"""Held while deid runs: its messages go through one object, and the standard streams are caught."""


class _Deid(NamedTuple):
    """What is used of deid."""

    bot: Any
    """Through which it writes all messages; it remembers them."""
    warning: int
    """Their level from which on something was not done."""
    recipe: Any
    functions: Mapping[str, object]
    dcmread: Any
    replace_identifiers: Any
    fields: Any


@cache
def _deid() -> _Deid:
    """Import deid, which imports what pydicom warns of.

    Raises
    ------
    UsageError
        If it isn't installed.
    """
    with quiet():
        try:
            from deid.config import DeidRecipe
            from deid.dicom import fields, replace_identifiers
            from deid.dicom.actions import deid_funcs
            from deid.dicom.utils import dcmread
            from deid.logger import bot
            from deid.logger.message import WARNING
        except ModuleNotFoundError:
            raise UsageError("deid is not installed: pip install 'csaclean[deid]'") from None
    return _Deid(bot, WARNING, DeidRecipe, deid_funcs, dcmread, replace_identifiers, fields)


class Replaced(NamedTuple):
    """A file that went through `replace`.

    Attributes
    ----------
    path
        What was written.
    before
        What csaclean found in the original and made of it.
    after
        What it found in deid's result: which private elements are left, and that nothing had to be cleaned again.
    """

    path: Path
    before: Report
    after: Report


# Running deid


class _Messages:
    """Counts deid's messages by level, in place of printing them: they hold values."""

    def __init__(self) -> None:
        self.levels: list[int] = []

    def __call__(self, level: int, message: object, prefix: object = None, color: object = None) -> None:
        self.levels.append(level)


@contextmanager
def _silenced() -> Iterator[_Messages]:
    """Keep what deid, pydicom and functions of the recipe print or log from everybody.

    deid writes through one object, which also remembers everything; pydicom warns; deid prints.
    """
    bot = _deid().bot
    messages = _Messages()
    with _RUNNING, quiet(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        before = bot.emit
        bot.emit = messages
        try:
            yield messages
        finally:
            bot.emit = before


def _refuse(name: str) -> PolicyError:
    return PolicyError(f"the recipe names {name}, which nobody gives: deid would go on and keep the values")


def _paths(given: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    return [Path(given)] if isinstance(given, str | os.PathLike) else [Path(one) for one in given]


def _load_recipe(given: Any) -> Any:
    """Return a ``DeidRecipe``.

    Raises
    ------
    PolicyError
        If it can't be read, or deid would skip a line of it.
    """
    DeidRecipe = _deid().recipe
    if isinstance(given, DeidRecipe):
        loaded = given
    else:
        paths = _paths(given)
        if not paths or not all(map(Path.is_file, paths)):
            raise PolicyError("a recipe is not there, or is no file")
        with _silenced() as messages:
            try:
                loaded = DeidRecipe([str(path) for path in paths])
            except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever it is
                raise PolicyError(f"deid can't read the recipe: {raised_at(error)}") from None
        skipped = sum(level <= _deid().warning for level in messages.levels)
        if skipped:
            raise PolicyError(f"deid would skip {skipped} lines of the recipe")
    if loaded.deid is None or not loaded.get_actions():
        raise PolicyError("the recipe asks for nothing")
    return loaded


def _check_lookups(loaded: Any, names: Iterable[str]) -> None:
    """Check that everything that a recipe looks up will be found.

    deid only warns where a function is missing, and says nothing where a variable is: the element is kept as it is.

    Raises
    ------
    PolicyError
        If something won't.
    """
    known = set(names) | set(loaded.listof("values")) | set(loaded.listof("fields"))
    for action in loaded.get_actions():
        match = _LOOKUP.match(action.get("value") or "")
        if match is None:
            continue
        kind, name = match.groups()
        if kind == "deid_func":
            name = name.split(" ", 1)[0]
        if name not in (_deid().functions if kind == "deid_func" else known):
            raise _refuse(f"{kind}:{name}")


def _header(source: Path) -> Header:
    """Return what the standard elements of a file tell about people and places."""
    with open_dicom(source) as opened:
        found = walk(opened.source, opened.start.syntax, opened.start.offset)
        return find_header(Context(found.elements, found.datasets, opened.source))


def _step(element: "DataElement") -> tuple[int, str, int]:
    """Return group, folded creator and element byte of an element under the name that deid knows it by."""
    return element.tag >> 16, fold_creator(str(element.private_creator or "")), element.tag & 0xFF


@cache
def _claimed_steps() -> frozenset[tuple[int, str, int]]:
    """Return where handlers may claim something: group, folded creator, element byte."""
    steps = (step for claimed in installed().claims for step in claimed.claim.selector)
    return frozenset((step.group, fold_creator(step.creator), step.element) for step in steps if step.creator)


@dataclass(frozen=True)
class _Run:
    """Everything that stays the same from file to file."""

    recipe: Any
    policy: Policy
    first: Options
    again: Options
    """For values that are clean already: dates that were shifted stay where they are."""
    keywords: Mapping[str, object]

    @cached_property
    def cleaner(self) -> Cleaner:
        """What cleans originals."""
        return Cleaner(self.policy, installed(), options=replace_fields(self.first, provisional=True))

    def one(self, source: Path, target: Target, lookup: Mapping[str, object]) -> Replaced:
        """Take one file all the way.

        Raises
        ------
        CsacleanError
            If it can't be done: nothing was written.
        """
        with tempfile.TemporaryDirectory(prefix=".csaclean-") as private:
            copy, made = Path(private, "clean"), Path(private, "made")
            before = self.cleaner.clean(source, source.name, Target(copy))
            header = _header(source)
            with open_dicom(copy) as opened:
                loaded = Loaded(opened, _absolute(source))
                leaves = claimed_leaves(loaded.dataset)
                with _silenced():
                    spell_creators(loaded.dataset, leaves)
                self._run(loaded.dataset, source, lookup, leaves)
                put_back(loaded.dataset, leaves)
                _check_claimed(loaded.dataset, leaves)
                if loaded.is_changed():
                    loaded.write(made)
                    made.chmod(stat.S_IMODE(source.stat().st_mode) & 0o777 | stat.S_IRUSR)
                else:
                    made = copy
            options = replace_fields(self.again, header=header)
            again = Cleaner(self.policy, installed(), options=options)
            return Replaced(target.path, before, again.clean(made, source.name, target))

    def _run(
        self,
        ds: "Dataset",
        source: Path,
        lookup: Mapping[str, object],
        leaves: Mapping[ElementPath, ClaimedLeaf],
    ) -> None:
        def function(dicom: "Dataset", value: str, field: DeidField, item: Mapping[str, object]) -> object:
            path = field_path(field)
            dataset, tag = holder(dicom, path), path[-1]
            element = None if dataset is None else dataset[tag]
            if element is None or (path not in leaves and _step(element) not in _claimed_steps()):
                raise HandlerError("no handler claims this element", tag_text(tag))
            return element.value

        ids = {_absolute(source): {**lookup, FUNCTION: function, UNCLAIMED: unclaimed}}
        with _silenced():
            try:
                _deid().replace_identifiers([ds], ids=ids, deid=self.recipe, save=False, **self.keywords)
            except CsacleanError:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001  # its text may hold a value
                raise HandlerError(f"deid can't run the recipe: {raised_at(error)}") from None
            finally:
                with suppress(AttributeError):  # deid's cache would keep every data set in memory
                    _deid().fields._get_fields_inner.cache_clear()


def _check_claimed(ds: "Dataset", leaves: Mapping[ElementPath, ClaimedLeaf]) -> None:
    """Check that what was claimed and is still there is still claimed.

    Raises
    ------
    ProofFailed
        If it isn't: somebody changed the Private Creator, and nobody would answer for the element.
    """
    now = claimed_leaves(ds)
    for path, leaf in leaves.items():
        dataset = holder(ds, path)
        if dataset is not None and path not in now and dataset.get_item(path[-1]).value:
            raise ProofFailed(
                "visited", "deid left a claimed element without its Private Creator", leaf.selector
            )


def replace(
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    recipe: Any,
    *,
    policy: str | os.PathLike[str] = "converter-safe",
    output_folder: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    ids: Mapping[str, Mapping[str, object]] | None = None,
    config: str | os.PathLike[str] | None = None,
    strip_sequences: bool = False,
    remove_private: bool = False,
    disable_skip: bool = False,
    **options: Unpack[OptionWords],
) -> list[Replaced]:
    """Run a deid recipe over files so that every claimed private element ends up clean and proved, or gone.

    The recipe may use ``func:csaclean`` and ``func:csaclean_unclaimed``. Claimed elements that it doesn't name are cleaned
    too, and kept where nothing else removes them.

    Parameters
    ----------
    files
        One file or several.
    recipe
        Path of a recipe, paths of several, or a ``DeidRecipe``.
    policy
        Name of a policy that ships, or path of a TOML file.
    output_folder
        Where to write, under the names that the files have; made if it is missing. None makes a new temporary folder.
    overwrite
        Whether files that are there may be replaced; never the originals.
    ids
        Variables and functions of the recipe by file, as of deid's ``get_identifiers``.
    config, strip_sequences, remove_private, disable_skip
        As of deid's ``replace_identifiers``.
    **options
        Those of `csaclean.policy.options.OptionWords`. What identifies the patient, and whose dates are shifted, is read from each
        file before the recipe runs; `unclaimed` is about what the recipe leaves.

    Returns
    -------
    list of Replaced
        In the order of `files`.

    Raises
    ------
    UsageError
        If two files have one name, or an original would be replaced.
    PolicyError
        If policy or recipe can't be used, deid would skip a line of it, or it names a function or variable that is not
        given: deid itself only warns then, and keeps the values.
    CsacleanError
        If a file can't be done: nothing is written for it, the files before it are written. Give one file a call to go on
        after a failure.
    """
    sources = _paths(files)
    loaded = _load_recipe(recipe)
    rules = load_policy(policy)
    lookups = [_lookup(ids or {}, source) for source in sources]
    for lookup in lookups:
        _check_lookups(loaded, (*lookup, FUNCTION, UNCLAIMED))
    folder = Path(tempfile.mkdtemp() if output_folder is None else output_folder)
    targets = [folder / source.name for source in sources]
    if len(set(targets)) != len(targets):
        raise UsageError("two of the files have one name: they can't go to one folder")
    originals = {os.path.realpath(source) for source in sources}
    if any(os.path.realpath(target) in originals for target in targets):
        raise UsageError("an original would be replaced: choose another output_folder")
    asked = make_options(options)
    shifted = asked.retain | ({"dates"} if asked.shift else set())
    run = _Run(
        loaded,
        rules,
        asked,
        replace_fields(asked, shift=None, retain=shifted),
        {
            "config": None if config is None else os.fspath(config),
            "strip_sequences": strip_sequences,
            "remove_private": remove_private,
            "disable_skip": disable_skip,
        },
    )
    done: list[Replaced] = []
    for number, (source, target, lookup) in enumerate(zip(sources, targets, lookups, strict=True), 1):
        try:
            done.append(run.one(source, Target(target, overwrite, make_folder=True), lookup))
        except CsacleanError as error:
            error.add_note(f"file {number} of {len(sources)}")
            raise
        except OSError as error:
            raise IoFailed(f"can't read or write: {os.strerror(error.errno or 0)}") from None
    return done


def _absolute(source: Path) -> str:
    """Return what deid calls a file in its ids; links are not resolved."""
    return os.path.abspath(source)  # noqa: PTH100


def _lookup(ids: Mapping[str, Mapping[str, object]], source: Path) -> Mapping[str, object]:
    for name in (os.fspath(source), _absolute(source)):
        if name in ids:
            return ids[name]
    return {}
