"""The command ``csaclean``.

Parsing needs argparse and nothing else: what works on files is imported when a command has been understood, so help,
version and usage errors are quick and import neither pydicom, numpy nor nibabel.
"""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from csaclean import __version__
from csaclean.errors import CsacleanError, UsageError, raised_at

if TYPE_CHECKING:
    from csaclean.batch import Run, Settings
    from csaclean.console import Console
    from csaclean.inputs import Job
    from csaclean.policy.options import Options
    from csaclean.policy.policies import Policy
    from csaclean.proving import Proving

__all__ = ["main"]

DONE: Final = 0
USAGE: Final = 2
NOTHING_READ: Final = 3
SOME_FAILED: Final = 4
WOULD_CHANGE: Final = 5
INTERRUPTED: Final = 130
CRASHED: Final = 1

_EPILOG: Final = (
    "exit status: 0 done; 1 internal error; 2 usage or bad policy; 3 no DICOM file found (prove: or none that dcm2niix converts); "
    "4 at least one file failed and was not written, or prove found a difference; 5 check: something would change; "
    "130 interrupted"
)


def _path(text: str) -> Path:
    if not text:  # an unset variable: Path("") would be the current folder
        raise argparse.ArgumentTypeError("an empty path")
    return Path(text)


def _add_policy_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-p", "--policy", default="converter-safe", metavar="POLICY", help="name, or path of a TOML file"
    )
    parser.add_argument(
        "--retain",
        action="append",
        default=[],
        metavar="CLASS",
        help="class that stays whatever the policy says",
    )
    parser.add_argument(
        "--shift-days",
        metavar="N|FILE",
        help="shift dates by N days, or by those that a table of Patient IDs says, instead of redacting them; "
        "cleaning a file twice shifts its dates twice",
    )
    parser.add_argument(
        "--unclaimed",
        choices=("report", "blank", "fail"),
        help="what becomes of private elements that nobody claims, if not what the policy says",
    )
    parser.add_argument(
        "--malformed",
        choices=("fail", "keep", "blank"),
        default="fail",
        help="what becomes of an element that has its format's signature and breaks the format's grammar: the file fails, "
        "or the element counts as unclaimed and stays, or is filled unless a converter reads it",
    )
    parser.add_argument(
        "--identifiers",
        type=_path,
        metavar="FILE",
        help="more texts to search for, one a line, or a table of them with a column PatientID",
    )
    parser.add_argument(
        "--not-identifiers",
        type=_path,
        metavar="FILE",
        help="texts that are no identifiers, one a line: they are not searched for",
    )
    parser.add_argument(
        "--identifiers-from",
        type=lambda text: [group.strip() for group in text.split(",")],
        metavar="GROUPS",
        help="whose identifiers the header is asked for, if not all: some of patient,people,places",
    )
    parser.add_argument(
        "--identifiers-in-read-fields",
        choices=("redact", "keep"),
        default="redact",
        help="identifiers of persons in texts that readers read: redacted (the default), or kept and listed",
    )
    parser.add_argument(
        "--uid-key-file",
        type=_path,
        metavar="FILE",
        help="secret of 16 bytes or more: UIDs become pseudo-UIDs",
    )


def _add_working_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=_path, metavar="PATH", help="file or folder")
    _add_policy_options(parser)
    parser.add_argument(
        "--json", metavar="FILE", help="write the report as JSON Lines; - for standard output"
    )
    parser.add_argument("--no-paths", action="store_true", help="report files by number instead of by name")
    parser.add_argument(
        "--preamble",
        choices=("null", "keep"),
        default="null",
        help="what becomes of a 128-byte preamble that is neither null nor a TIFF header",
    )
    parser.add_argument(
        "--proof",
        choices=("self", "rows", "full"),
        default="rows",
        help="ask the second reader never, once per row of fields, or for every edited value",
    )
    parser.add_argument(
        "--mark",
        action="store_true",
        help="put (0008,0300), (0012,0063) and (0012,0064) into what is cleaned: what was done, and what still identifies",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="only failures, and what nobody vouches for"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="one line per file")
    parser.add_argument(
        "--log-file", type=_path, metavar="FILE", help="append every line of the run to a file"
    )
    parser.add_argument("--no-progress", action="store_true", help="no progress bar, even on a terminal")


def _add_jobs_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="worker processes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csaclean",
        description="Keep vendor private DICOM headers without keeping the patient.",
        epilog=f"'csaclean PATH' is short for 'csaclean clean PATH'. {_EPILOG}",
    )
    parser.add_argument("--version", action="version", version=f"csaclean {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    clean = commands.add_parser("clean", help="clean files", epilog=_EPILOG)
    _add_working_options(clean)
    _add_jobs_option(clean)
    where = clean.add_mutually_exclusive_group()
    where.add_argument(
        "-o", "--output", type=_path, metavar="DIR", help="folder to write to, made if missing"
    )
    where.add_argument("-i", "--in-place", action="store_true", help="replace the originals")
    clean.add_argument("--overwrite", action="store_true", help="replace files that are already there")
    clean.add_argument("--backup-dir", type=_path, metavar="DIR", help="with -i: copy originals there first")
    clean.set_defaults(run=_clean)

    check = commands.add_parser("check", help="say what would change; write nothing", epilog=_EPILOG)
    _add_working_options(check)
    _add_jobs_option(check)
    check.set_defaults(run=_check)

    show = commands.add_parser("show", help="show the private elements of a file, span by span")
    show.add_argument("file", type=_path, metavar="FILE")
    _add_policy_options(show)
    show.add_argument("--show-values", action="store_true", help="print the values of fields too")
    show.set_defaults(run=_show)

    prove = commands.add_parser(
        "prove", help="compare what dcm2niix makes of the originals and of cleaned copies", epilog=_EPILOG
    )
    _add_working_options(prove)
    prove.add_argument(
        "--dcm2niix",
        type=_path,
        metavar="PATH",
        help="the program, if not that of the extra dcm2niix or on PATH",
    )
    prove.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="how long dcm2niix may take for one folder",
    )
    prove.set_defaults(run=_prove, jobs=1)

    handlers = commands.add_parser("handlers", help="list the handlers, or what some of them claim")
    handlers.add_argument(
        "names", nargs="*", metavar="NAME", help="list the elements that this handler claims"
    )
    handlers.set_defaults(run=_handlers)

    policy = commands.add_parser("policy", help="list, show or check policies")
    actions = policy.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="list the policies that ship")
    actions.add_parser("show", help="print what a policy does").add_argument("name", metavar="NAME")
    actions.add_parser("check", help="check a policy file").add_argument("name", metavar="FILE.toml")
    policy.set_defaults(run=_policy)
    return parser


def _settings(arguments: argparse.Namespace) -> "Settings":
    from csaclean.batch import Settings
    from csaclean.policy.policies import load_policy

    if arguments.jobs < 1:
        raise UsageError("-j takes a number from 1 on")
    settings = Settings(
        load_policy(arguments.policy),
        arguments.preamble,
        arguments.proof,
        _options(arguments),
        arguments.mark,
    )
    settings.cleaner()  # a policy that can't be used is told before anything is read
    return settings


def _options(arguments: argparse.Namespace) -> "Options":
    from csaclean.policy.options import make_options, read_identifiers, read_not_identifiers

    shift: str | None = arguments.shift_days
    return make_options(
        {
            "retain": arguments.retain,
            "shift_days": int(shift) if shift and re.fullmatch(r"[+-]?\d{1,6}", shift) else shift,
            "unclaimed": arguments.unclaimed,
            "malformed": arguments.malformed,
            "identifiers": read_identifiers(arguments.identifiers) if arguments.identifiers else (),
            "not_identifiers": read_not_identifiers(arguments.not_identifiers)
            if arguments.not_identifiers
            else (),
            "identifiers_from": arguments.identifiers_from,
            "identifiers_in_read_fields": arguments.identifiers_in_read_fields,
            "uid_key": arguments.uid_key_file,
        }
    )


def _clean(arguments: argparse.Namespace) -> int:
    from csaclean.inputs import Destination, Job, beside, find_inputs, plan_jobs
    from csaclean.write import Target

    paths: list[Path] = arguments.paths
    if arguments.backup_dir is not None and not arguments.in_place:
        raise UsageError("--backup-dir goes with -i")
    if arguments.output is None and not arguments.in_place:
        if len(paths) > 1 or paths[0].is_dir():
            raise UsageError("say where the results go: -o DIR, or -i to replace the originals")
        single = find_inputs(paths)
        settings = _settings(arguments)
        target = beside(paths[0])
        return _work(
            arguments,
            settings,
            [Job(single[0], Target(target, arguments.overwrite))],
            note="the original is still beside the cleaned copy: a converter run on the folder takes both",
        )
    settings = _settings(arguments)
    inputs = find_inputs(paths)
    to = Destination(arguments.output, arguments.in_place, arguments.overwrite, arguments.backup_dir)
    return _work(arguments, settings, plan_jobs(paths, inputs, to))


def _check(arguments: argparse.Namespace) -> int:
    from csaclean.inputs import Destination, find_inputs, plan_jobs

    settings = _settings(arguments)
    paths: list[Path] = arguments.paths
    jobs = plan_jobs(paths, find_inputs(paths), Destination())
    return _work(arguments, settings, jobs, checked=True)


def _refuse_reports_onto_files(arguments: argparse.Namespace, jobs: "Sequence[Job]") -> None:
    """Refuse a report or log that would be written onto a file of the run.

    Raises
    ------
    UsageError
        If it would.
    """
    from csaclean.inputs import real_path

    taken = {real_path(job.source.path) for job in jobs}
    taken.update(
        real_path(place.path) for job in jobs for place in (job.target, job.backup) if place is not None
    )
    for report in (arguments.json, arguments.log_file):
        if report not in (None, "-") and real_path(report) in taken:
            raise UsageError("the report or the log would be written onto a file of this run")


def _end_as_interrupted() -> None:
    """Take a request to end as an interrupt, so that what is temporary is removed."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores hang-ups
            signal.signal(number, signal.default_int_handler)


def _work(
    arguments: argparse.Namespace,
    settings: "Settings",
    jobs: "Sequence[Job]",
    *,
    checked: bool = False,
    note: str = "",
) -> int:
    """Run the jobs, print what comes of them, and return the exit status."""
    from csaclean.batch import Run, prepare_worker
    from csaclean.console import Console
    from csaclean.report.json import summary_record
    from csaclean.report.text import deidentified_line, summary_lines, unvouched_line

    _refuse_reports_onto_files(arguments, jobs)
    _end_as_interrupted()
    with ExitStack() as stack:
        console = Console(arguments, stack)
        executor = None
        if arguments.jobs > 1 and len(jobs) > 1:
            from concurrent.futures import ProcessPoolExecutor

            executor = stack.enter_context(ProcessPoolExecutor(arguments.jobs, initializer=prepare_worker))
        run = Run(jobs, settings, executor)
        provenance = {
            "mode": "check" if checked else "clean",
            "policy": settings.policy.name,
            "version": __version__,
        }
        summary = run.summary
        try:
            not_dicom_only = _report_files(run, console, arguments, checked=checked)
        except KeyboardInterrupt:
            console.warn(unvouched_line(summary))
            raise
        console.record(summary_record(summary) | provenance)
        if not console.quiet:
            for line in summary_lines(summary, checked=checked, paths=not arguments.no_paths):
                console.result(line)
        if note and summary.read:
            console.warn(note)
        if settings.options.shift is not None and summary.edits["dates"] and not checked:
            console.warn("dates were shifted: cleaning these files again would shift them again")
        if summary.deidentified:
            console.warn(deidentified_line(summary))
        console.warn(unvouched_line(summary))
        if not summary.read and not_dicom_only:
            console.warn("nothing was read: no DICOM file")
            return NOTHING_READ
        if summary.files["failed"]:
            return SOME_FAILED
        if checked and summary.files["cleaned"]:
            return WOULD_CHANGE
        return DONE


def _report_files(run: "Run", console: "Console", arguments: argparse.Namespace, *, checked: bool) -> bool:
    """Print and record one report after the other; tell whether each failure was a file that isn't DICOM."""
    from csaclean.report.json import report_record
    from csaclean.report.text import file_line, identifier_lines

    not_dicom_only = True
    console.start_progress(len(run))
    try:
        for number, report in enumerate(run, 1):
            name = f"file {number}" if arguments.no_paths else report.file
            line = file_line(report, name, checked=checked)
            console.record(report_record(report) | {"file": name, "mode": "check" if checked else "clean"})
            if report.status == "failed":
                not_dicom_only = not_dicom_only and report.error == "not-dicom"
                console.warn(line)
            elif console.verbose or (checked and report.status == "cleaned" and not console.quiet):
                console.result(line)
            else:
                console.log(line)
            for line in identifier_lines(report, name, checked=checked):
                console.warn(line)
            console.advance()
    finally:
        console.end_progress()
    return not_dicom_only


def _prove(arguments: argparse.Namespace) -> int:
    from csaclean.adapters.dcm2niix import find_converter
    from csaclean.console import Console
    from csaclean.inputs import Job
    from csaclean.proving import Proving
    from csaclean.report.prove import proofs_lines, proofs_record
    from csaclean.report.text import unvouched_line

    settings = _settings(arguments)
    proving = Proving(arguments.paths, settings, find_converter(arguments.dcm2niix), arguments.timeout)
    _refuse_reports_onto_files(arguments, [Job(source, None) for source in proving.inputs])
    _end_as_interrupted()
    with ExitStack() as stack:
        console = Console(arguments, stack)
        not_dicom_only = _report_sets(proving, console, paths=not arguments.no_paths)
        report = proving.wait()
        console.record(proofs_record(report) | {"policy": settings.policy.name, "version": __version__})
        if not console.quiet:
            for line in proofs_lines(report):
                console.result(line)
        console.warn(unvouched_line(report.summary))
        if not report.summary.read and not_dicom_only:
            console.warn("nothing was read: no DICOM file")
            return NOTHING_READ
        if report.verdict == "nothing-to-compare":
            console.warn("nothing was compared: dcm2niix makes nothing of these files")
            return NOTHING_READ
        return SOME_FAILED if report.verdict != "identical" else DONE


def _report_sets(proving: "Proving", console: "Console", *, paths: bool) -> bool:
    """Print and record one set of files after the other; tell whether each failure was a file that isn't DICOM."""
    from csaclean.report.prove import failure_lines, proof_line, proof_record

    not_dicom_only = True
    console.start_progress(len(proving.inputs))
    try:
        for number, proved in enumerate(proving, 1):
            name = proved.name if paths else f"set {number}"
            console.record(proof_record(proved, name, paths=paths))
            for line in failure_lines(proved, paths=paths):
                console.warn(line)
            not_dicom_only = not_dicom_only and all(
                failure.report.error == "not-dicom" for failure in proved.failures
            )
            line = proof_line(proved, name)
            if proved.verdict != "identical":
                console.warn(line)
            elif not console.quiet:
                console.result(line)
            else:
                console.log(line)
            console.advance(sum(proved.files.values()))
    finally:
        console.end_progress()
    return not_dicom_only


class _Unreadable(Exception):  # not an error of the library: a line on its way to standard error
    """A file that can't be shown: the line that says so, and the code."""


def _show(arguments: argparse.Namespace) -> int:
    from csaclean.clean import Cleaner, open_dicom
    from csaclean.console import say
    from csaclean.policy.policies import load_policy
    from csaclean.registry import installed
    from csaclean.report.show import show_lines

    path: Path = arguments.file
    cleaner = Cleaner(load_policy(arguments.policy), installed(), proof="self", options=_options(arguments))
    try:
        with open_dicom(path) as opened:
            found = cleaner.examine(opened)
            report = cleaner.report(path.name, opened.start.syntax.name, found, written=False)
            for line in show_lines(report, found, cleaner.engine, values=arguments.show_values):
                say(line)
    except CsacleanError as error:
        raise _Unreadable(f"failed: {path.name}: {error} [{error.code}]", error.code) from None
    return DONE


def _handlers(arguments: argparse.Namespace) -> int:
    from csaclean.console import say
    from csaclean.registry import survey
    from csaclean.report.show import claim_lines, handler_lines

    registered, faults = survey()
    names: list[str] = arguments.names
    known = {entry.name for entry in registered}
    if not known.issuperset(names) and not faults:
        raise UsageError(f"no handler of that name; there are {', '.join(sorted(known))}")
    for entry in registered:
        if not names or entry.name in names:
            for line in handler_lines([entry]):
                say(line)
        if entry.name in names:
            for line in claim_lines(entry):
                say(line)
    for fault in faults:
        _complain(str(fault))
    if faults:
        _complain("nothing is cleaned until a distribution that is named here is updated or uninstalled")
        return USAGE
    return DONE


def _idle_rules(policy: "Policy") -> Iterator[str]:
    """Yield a warning for each selector of a policy's rules under which they can't do what they seem to."""
    from csaclean.registry import installed
    from csaclean.selector import folded, format_selector, parse_selector

    claims = {tuple(map(folded, claimed.claim.selector)): claimed.selector for claimed in installed().claims}
    for number, rule in enumerate(policy.rules.rules, 1):
        for text in rule.select:
            if text == "*":
                continue
            selector = parse_selector(text)
            name = format_selector(selector)
            claim = claims.get(tuple(map(folded, selector)))
            if len(selector) == 1 and selector[0].creator is None:
                yield (
                    f"warning: rule {number}: {name} names no creator: it is for data sets inside private values, "
                    "and leaves the element of a file alone"
                )
            elif rule.field and claim is None and name not in policy.rules.whole:
                yield f"warning: rule {number}: no handler claims {name}, and a rule without a vr doesn't"
            elif rule.field and claim is not None and claim != name:
                yield f"warning: rule {number}: {name} is not how its handler writes it: {claim}"


def _policy(arguments: argparse.Namespace) -> int:
    from csaclean.console import say
    from csaclean.policy.policies import load_policy, policy_names
    from csaclean.registry import installed
    from csaclean.report.show import policy_lines

    if arguments.action in (None, "list"):
        for name in policy_names():
            say(f"{name}: {load_policy(name).summary}")
        return DONE
    policy = load_policy(arguments.name)
    if arguments.action == "check":
        say(f"{policy.name}: a valid policy")
        for line in _idle_rules(policy):
            _complain(line)
        return DONE
    for line in policy_lines(policy, installed()):
        say(line)
    return DONE


def _is_short_form(arguments: Sequence[str]) -> bool:
    """Tell whether the command is left out: ``csaclean file.dcm``."""
    return bool(arguments) and arguments[0] not in (
        "clean",
        "check",
        "show",
        "prove",
        "handlers",
        "policy",
        "-h",
        "--help",
        "--version",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Parameters
    ----------
    argv
        The arguments; those of the process by default.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if _is_short_form(arguments):
            if re.fullmatch(r"[a-z]+", arguments[0]) and not os.path.lexists(arguments[0]):
                raise UsageError(
                    f"no such command or file: {arguments[0]}; csaclean --help lists the commands"
                )
            arguments.insert(0, "clean")
        parsed = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = parsed.run
        return run(parsed)
    except _Unreadable as error:
        line, code = error.args
        _complain(line)
        return NOTHING_READ if code == "not-dicom" else SOME_FAILED
    except CsacleanError as error:
        _complain(str(error))
        return USAGE
    except KeyboardInterrupt:
        _complain("interrupted; files that were not finished are as they were")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a listing has gone. No file was being worked on: a run goes on without its reader.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001  # a traceback could print values
        _complain(f"internal error: {raised_at(error)}")
        return CRASHED


def _complain(line: str) -> None:
    from csaclean.console import say

    say(f"csaclean: {line}", sys.stderr)
