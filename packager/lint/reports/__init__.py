"""A report as text for people, JSON, GitHub annotations or SARIF: one module a format."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

    from packager.lint.repository import Report


class Format(Enum):
    """How findings are written."""

    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"


def write(report: Report, form: Format, out: TextIO) -> None:
    """Write a report; only the module of its format is imported."""
    match form:
        case Format.text:
            from packager.lint.reports import people as module  # noqa: PLC0415
        case Format.json:
            from packager.lint.reports import as_json as module  # type: ignore[no-redef]  # noqa: PLC0415
        case Format.github:
            from packager.lint.reports import github as module  # type: ignore[no-redef]  # noqa: PLC0415
        case Format.sarif:
            from packager.lint.reports import sarif as module  # type: ignore[no-redef]  # noqa: PLC0415
    module.write(report, out)
