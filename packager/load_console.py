"""What is printed of many requests: an evaluation, a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from packager.load.profile import LIMITS
from packager.load.timings import PERCENTILES

if TYPE_CHECKING:
    from collections.abc import Mapping


def evaluation_table(told: Mapping[str, Any]) -> Table:
    """Return an evaluation's figures, one a row; a partial one says so in its title."""
    whole = f"{told['model']} version {told['version']} as it is served"
    partial = f": PARTIAL, {told['asked']:,} of {told['images']:,} images"
    table = Table(title=escape(whole + (partial if told["partial"] else "")), title_justify="left")
    table.add_column("figure", style="bold")
    table.add_column("value", overflow="fold")
    table.add_row("test images", f"{told['asked']:,}")
    table.add_row("accuracy", _accuracy(told))
    table.add_row("wall time", f"{told['seconds']:.2f} s")
    table.add_row(
        "requests",
        f"{told['requests']:,} of {told['batch']} at most, {told['concurrency']} at once,"
        f" {told['protocol']}" + (f"; tried again: {told['retries']}" if told["retries"] else ""),
    )
    table.add_row("throughput", f"{told['samples_per_second']:,.0f} images/s")
    table.add_row("latency", latencies(told))
    return table


def profile_table(told: Mapping[str, Any]) -> Table:
    """Return a profile's points, one a row; a partial one says so in its title."""
    whole = f"{told['model']} version {told['version']} as it is served, over {told['protocol']}"
    partial = f": PARTIAL, {len(told['points'])} of {told['points_asked']} points"
    title = escape(whole + (partial if told["partial"] else ""))
    table = Table(title=title, title_justify="left", padding=(0, 1))
    has_instances = any(point["instances"] is not None for point in told["points"])
    for name in (*(["inst."] if has_instances else []), "batch", "at\nonce", "samples\n/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("p50 ms", "p95 ms", "p99 ms", "queue ms", "model ms"):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    table.add_column("limit", no_wrap=True)
    budget = told["p99_budget_ms"]
    for point in told["points"]:
        within = budget is None or point["p99_ms"] <= budget
        table.add_row(
            *([str(point["instances"])] if has_instances else []),
            *(str(point[key]) for key in ("batch", "concurrency")),
            f"{point['samples_per_second']:,.0f}",
            *(f"{point[f'p{one}_ms']:.1f}" for one in PERCENTILES),
            *(f"{point[key]:.1f}" for key in ("queue_ms", "compute_ms")),
            point["limit"],
            style=None if within else "dim",
        )
    return table


def best_line(told: Mapping[str, Any]) -> str:
    """Return the best point in words, and what limits it."""
    budget, best = told["p99_budget_ms"], told["best"]
    within = "" if budget is None else f" with a p99 of at most {budget:g} ms"
    instances = "" if best["instances"] is None else f", {best['instances']} instances"
    return (
        f"best{within}: {best['samples_per_second']:,.0f} samples/s in batches of {best['batch']},"
        f" {best['concurrency']} at once{instances} ({latencies(best)});"
        f" limit: {LIMITS[best['limit']]}"
    )


def latencies(told: Mapping[str, Any]) -> str:
    """Return the percentiles of a request's latency."""
    return f"p50 {told['p50_ms']:.1f}, p95 {told['p95_ms']:.1f}, p99 {told['p99_ms']:.1f} ms"


def _accuracy(told: Mapping[str, Any]) -> str:
    text = f"{told['accuracy']:.2%} ({told['correct']:,} right)"
    if told["published_accuracy"] is not None:
        return f"{text}; published: {told['published_accuracy']:.2%}"
    why = told["not_compared"] or ("not all images were answered" if told["partial"] else "")
    return f"{text}; not compared: {escape(why)}" if why else text
