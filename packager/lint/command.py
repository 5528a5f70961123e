"""The command line of `packager-lint`: argparse, no Hydra, no torch."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from packager import __version__
from packager.errors import EXIT_FINDINGS, EXIT_OK, SpecError
from packager.lint.reports import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.model_config.rules.facts import Host

_DESCRIPTION = "Check every model of a Triton model repository, whoever wrote it."
_EPILOG = """\
exit status: 0 clean (with --explain: something was recognised), 1 findings (nothing was
recognised), 2 it could not run.

  packager-lint model_repository                     everything, by file and line
  packager-lint model_repository --format github     annotations in GitHub's workflows
  packager-lint model_repository --host-gpus none    as a server without a GPU would see it
  packager-lint --explain < triton.log               what a server's log complains about
"""


def run(arguments: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Raises:
        PackagerError: it could not run.
    """
    parser = _parser()
    given = parser.parse_intermixed_args(arguments)
    form = Format(given.format)
    if given.rules:
        if form not in (Format.text, Format.json):
            parser.error(f"--rules is written as text or json, not as {form.value}")
        from packager.lint import listing_of_rules  # noqa: PLC0415

        listing_of_rules.write(form, sys.stdout)
        return EXIT_OK
    if given.explain is not None:
        return _explain(given.explain)
    if given.repository is None:
        raise SpecError(
            "no repository is given",
            where="command line",
            remedy="name its directory, for example `packager-lint model_repository`",
        )
    return _check(given, form)


def _check(given: argparse.Namespace, form: Format) -> int:
    # Imported here: --help and --version need none of it.
    from packager.lint import reports, repository, workers  # noqa: PLC0415
    from packager.lint.selection import Selection  # noqa: PLC0415
    from packager.model_config.rules.rule import Severity  # noqa: PLC0415

    selection = Selection(
        select=given.select,
        ignore=given.ignore,
        severity=Severity(given.severity),
        models=tuple(given.models),
    )
    jobs = given.jobs or workers.cores()
    report = repository.check(given.repository, host=_host(given), jobs=jobs)
    report = selection.applied(report)
    reports.write(report, form, sys.stdout)
    return EXIT_FINDINGS if report.findings else EXIT_OK


def _explain(text: str) -> int:
    from packager.lint import explain  # noqa: PLC0415

    if not text:
        if sys.stdin is None:
            raise SpecError(
                "standard input is closed",
                where="--explain",
                remedy="give the log on standard input, or an error as TEXT",
            )
        text = sys.stdin.buffer.read().decode(errors="replace")
    return explain.run(text, sys.stdout)


def _host(given: argparse.Namespace) -> Host:
    from packager.model_config.rules.facts import Host  # noqa: PLC0415

    return Host(
        auto_complete=not given.no_auto_complete,
        gpus=given.host_gpus,
        backends=frozenset(given.backends) if given.backends else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="packager-lint",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("repository", metavar="DIR", nargs="?", help="the model repository")
    parser.add_argument("models", metavar="MODEL", nargs="*", help="only these models' findings")
    parser.add_argument(
        "--format", choices=[one.value for one in Format], default="text", help="default: text"
    )
    _add_selection(parser)
    _add_host(parser)
    parser.add_argument(
        "-j", "--jobs", type=_positive, metavar="N", help="processes (default: one a core)"
    )
    parser.add_argument("--rules", action="store_true", help="list all rules and stop")
    parser.add_argument(
        "--explain",
        metavar="TEXT",
        nargs="?",
        const="",
        help="explain an error of Triton's, or a whole log; without TEXT from standard input",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def _add_selection(parser: argparse.ArgumentParser) -> None:
    rules = "TRNxxx[,...]"
    parser.add_argument(
        "--select", type=_rules, default=(), metavar=rules, help="only these rules; TRN7: TRN7xx"
    )
    parser.add_argument("--ignore", type=_rules, default=(), metavar=rules, help="not these rules")
    parser.add_argument(
        "--severity",
        choices=["error", "warning"],
        default="warning",
        help="the lowest to tell; default: warning",
    )


def _add_host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host-gpus",
        type=_gpus,
        metavar="IDS",
        help="the server's GPUs, for example 0,1 or none (default: not known, not judged)",
    )
    parser.add_argument(
        "--backends",
        type=_backends,
        metavar="NAMES",
        help="the server's backends, for example pytorch,python (default: not known)",
    )
    parser.add_argument(
        "--no-auto-complete",
        action="store_true",
        help="the server runs with --disable-auto-complete-config",
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _backends(text: str) -> tuple[str, ...]:
    names = _names(text)
    if not names:
        raise argparse.ArgumentTypeError(
            "names no backend; leave the option out where none is known"
        )
    return names


def _rules(text: str) -> tuple[str, ...]:
    return tuple(name.upper() for name in _names(text))


def _gpus(text: str) -> frozenset[int]:
    if text.strip().lower() == "none":
        return frozenset()
    try:
        ids = frozenset(int(part) for part in text.split(","))
    except ValueError:
        ids = frozenset({-1})
    if min(ids) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is neither ids like 0,1 nor none")
    return ids


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return int(text)
