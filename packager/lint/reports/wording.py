"""What formats have in common: paths as the reader sees them, and the summary."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packager.lint.located import shown
from packager.model_config.rules.rule import Severity

if TYPE_CHECKING:
    from packager.lint.located import Located
    from packager.lint.repository import Report


def path(report: Report, finding: Located) -> str:
    """Return a finding's path from the working directory; absolute where that would climb."""
    joined = os.path.normpath(os.path.join(shown(_root(report.root)), finding.file))  # noqa: PTH118
    return joined.replace(os.sep, "/")


def _root(root: str) -> str:
    try:
        relative = os.path.relpath(root)
    except OSError:  # the working directory is gone
        return root
    climbs = relative.startswith(os.pardir)
    return root if climbs and os.path.isabs(root) else relative  # noqa: PTH117


def count(report: Report, severity: Severity) -> int:
    """Return how many findings have this severity."""
    return sum(one.severity is severity for one in report.findings)


def summary(report: Report) -> str:
    """Return one line: 2 errors and 1 warning in 2 of 12 models."""
    models = _plural(len(report.models), "model")
    if not report.findings:
        return f"nothing found in {models}"
    told = [_plural(count(report, one), one.value) for one in Severity if count(report, one)]
    broken = len({one.model for one in report.findings if one.model})
    where = f"{broken:,} of {models}" if broken else "the repository itself"
    return f"{' and '.join(told)} in {where}"


def _plural(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
