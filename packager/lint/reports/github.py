"""Findings as GitHub's workflow commands, which it shows beside the lines of a pull request.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lint.reports import wording

if TYPE_CHECKING:
    from typing import TextIO

    from packager.lint.located import Located
    from packager.lint.repository import Report


def write(report: Report, out: TextIO) -> None:
    """Write an annotation a finding, then the summary."""
    out.writelines(f"{_command(report, one)}\n" for one in report.findings)
    out.write(f"{wording.summary(report)}\n")


def _command(report: Report, one: Located) -> str:
    properties = {"file": wording.path(report, one), "line": one.line, "col": one.column}
    told = [f"{key}={_property(str(value))}" for key, value in properties.items() if value]
    text = _data(f"{one.message}. Remedy: {one.remedy}")
    return f"::{one.severity.value} {','.join((*told, f'title={one.rule_id}'))}::{text}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
