"""Findings as one JSON object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from packager.lint.located import shown
from packager.lint.reports import wording
from packager.model_config.rules.rule import Severity

if TYPE_CHECKING:
    from typing import TextIO

    from packager.lint.located import Located
    from packager.lint.repository import Report


def write(report: Report, out: TextIO) -> None:
    """Write the whole report."""
    json.dump(content(report), out, indent=2)
    out.write("\n")


def content(report: Report) -> dict[str, Any]:
    """Return the report as plain values; lines and columns are from 1, null where there is none."""
    return {
        "version": 1,
        "repository": shown(report.root),
        "models": len(report.models),
        "errors": wording.count(report, Severity.error),
        "warnings": wording.count(report, Severity.warning),
        "findings": [_finding(report, one) for one in report.findings],
    }


def _finding(report: Report, one: Located) -> dict[str, Any]:
    return {
        "rule": one.rule_id,
        "severity": one.severity.value,
        "model": one.model,
        "file": wording.path(report, one),
        "line": one.line,
        "column": one.column,
        "field": one.field,
        "message": one.message,
        "remedy": one.remedy,
        "judge": one.rule.judge.value,
        "recipe_key": one.rule.key,
    }
