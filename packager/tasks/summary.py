"""What a build tells whoever ran it; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from rich.markup import escape

from packager import console
from packager.tasks import commands


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A published version: the model's name, its number, and accuracy on the test set in [0, 1].

    `test_accuracy` is None for a model that was tried on no labelled images.
    """

    name: str
    version: int
    test_accuracy: float | None
    subset: bool


def print_unchanged(summary: Summary, repository: str, *, served: bool) -> None:
    """Say that a build publishes nothing, because a version that is there is the same."""
    console.out.print(
        console.version_line(
            f"[bold]{summary.name}[/] is unchanged: version {summary.version} in"
            f" {escape(repository)} is the same",
            test_accuracy=summary.test_accuracy,
            subset=summary.subset,
        )
    )
    if not served:
        console.out.print(
            f"another version is served; to serve version {summary.version}:\n"
            f"  {commands.promote(repository, summary.name, summary.version)}",
            markup=False,
        )
