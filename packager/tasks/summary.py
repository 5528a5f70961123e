"""What a task tells whoever ran it; imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rich.markup import escape

from packager import console
from packager.tasks import commands


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a task found of a model's version, which is None where a build publishes none.

    `metrics` are figures by name: `accuracy` on the test set in [0, 1], which a model lacks that
    was tried on no labelled images, and others. `stages` are the seconds of each stage that ran,
    `reused` those that the other stages took when they did. `identity` is as in the manifest.
    """

    name: str
    version: int | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    subset: bool = False
    stages: Mapping[str, float] = field(default_factory=dict)
    reused: Mapping[str, float] = field(default_factory=dict)
    identity: str = ""
    artifact_sha256: str = ""

    @property
    def test_accuracy(self) -> float | None:
        """On the test set, in [0, 1]."""
        return self.metrics.get("accuracy")

    def with_metrics(self, more: Mapping[str, float]) -> Summary:
        """Return the same with more figures."""
        return replace(self, metrics={**self.metrics, **more})


def print_published(summary: Summary) -> None:
    """Say that a build has published a version."""
    _print(summary, f"[bold]{summary.name}[/] version {summary.version} is published")


def print_proven(summary: Summary) -> None:
    """Say that a build is proven, and that it was not to be published."""
    _print(summary, f"[bold]{summary.name}[/] is proven, and not published")


def print_unchanged(summary: Summary, repository: str, *, served: bool) -> None:
    """Say that a build publishes nothing, because a version that is there is the same."""
    _print(
        summary,
        f"[bold]{summary.name}[/] is unchanged: version {summary.version} in"
        f" {escape(repository)} is the same",
    )
    if not served and summary.version is not None:
        console.out.print(
            f"another version is served; to serve version {summary.version}:\n"
            f"  {commands.promote(repository, summary.name, summary.version)}",
            markup=False,
        )


def _print(summary: Summary, told: str) -> None:
    """Print what became of a build, and how good its model is."""
    console.out.print(
        console.version_line(told, test_accuracy=summary.test_accuracy, subset=summary.subset)
    )
