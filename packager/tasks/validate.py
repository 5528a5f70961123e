"""`task=validate`: check every model of a repository, ours or not; `packager-lint` by Hydra."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from packager.errors import FindingsError
from packager.lint import pipe, reports, repository, workers
from packager.lint.reports import wording
from packager.lint.selection import Selection
from packager.model_config.rules.facts import Host
from packager.model_config.rules.rule import Severity

if TYPE_CHECKING:
    from packager.spec.job import Job, ValidateTask


def run(job: Job, task: ValidateTask) -> None:
    """Print what is found.

    Raises:
        SpecError: there is no such repository or rule.
        FindingsError: something was found.
    """
    selection = Selection(
        select=task.select,
        ignore=task.ignore,
        severity=Severity.error if task.errors_only else Severity.warning,
    )
    host = Host(auto_complete=task.auto_complete, gpus=task.host_gpus, backends=task.backends)
    root = str(task.path or job.require_local_repository().path)
    report = selection.applied(repository.check(root, host=host, jobs=workers.cores()))
    try:
        reports.write(report, reports.Format(task.format), sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise SystemExit(pipe.reader_is_gone()) from None
    if report.findings:
        raise FindingsError(
            wording.summary(report), where=root, remedy="each finding above says what to do"
        )
