"""Findings as SARIF 2.1.0, which code scanning services take.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packager import __version__
from packager.lint.reports import wording
from packager.model_config.rules.catalogue import RULES

if TYPE_CHECKING:
    from typing import TextIO

    from packager.lint.located import Located
    from packager.lint.repository import Report
    from packager.model_config.rules.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def write(report: Report, out: TextIO) -> None:
    """Write the whole report as one run."""
    json.dump(content(report), out, indent=2)
    out.write("\n")


def content(report: Report) -> dict[str, Any]:
    """Return the log: all rules, so that a service can show what passed, and the results."""
    index = {rule_id: number for number, rule_id in enumerate(RULES)}
    driver = {
        "name": "packager-lint",
        "semanticVersion": __version__,
        "rules": [_rule(one) for one in RULES.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, one, index[one.rule_id]) for one in report.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.wording},
        "fullDescription": {"text": f"{rule.wording} (told by {rule.judge.value})"},
        "help": {"text": f"Remedy: {rule.remedy}"},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(report: Report, one: Located, index: int) -> dict[str, Any]:
    place = {
        "artifactLocation": {"uri": quote(wording.path(report, one))},
        "region": {"startLine": one.line or 1, "startColumn": one.column or 1},
    }
    return {
        "ruleId": one.rule_id,
        "ruleIndex": index,
        "level": one.severity.value,
        "message": {"text": f"{one.message}. Remedy: {one.remedy}"},
        "locations": [{"physicalLocation": place}],
    }
