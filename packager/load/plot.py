"""A profile as a picture: throughput over the 99th percentile of latency, a line a batch size."""

from __future__ import annotations

import io
from itertools import groupby
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from packager.load.profile import Point, Profile


def png(profile: Profile) -> bytes:
    """Return the picture; each mark names the requests under way at once."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, points in groupby(sorted(profile.points, key=_line), key=_name):
        line = list(points)
        x = [point.timings.latency_ms(99) for point in line]
        y = [point.timings.samples_per_second for point in line]
        axes.plot(x, y, marker="o", label=name)
        for point, across, up in zip(line, x, y, strict=True):
            axes.annotate(
                str(point.concurrency),
                (across, up),
                textcoords="offset points",
                xytext=(5, 5),
                fontsize=8,
            )
    if profile.p99_ms is not None:
        axes.axvline(profile.p99_ms, color="grey", linestyle="--", label="latency budget")
    if profile.best is not None:
        best = profile.best.timings
        axes.plot(
            best.latency_ms(99),
            best.samples_per_second,
            marker="o",
            markersize=16,
            markerfacecolor="none",
            color="black",
            linestyle="none",
            label="best within the budget" if profile.p99_ms else "best",
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("99th percentile of latency [ms]; numbers: requests at once")
    axes.set_ylabel("throughput [samples/s]")
    partial = f", PARTIAL: {len(profile.points)} of {profile.asked} points"
    axes.set_title(
        f"{profile.model} version {profile.version}, {profile.protocol}"
        + (partial if profile.is_partial else "")
    )
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()


def _line(point: Point) -> tuple[int, int, int]:
    return point.instances or 0, point.batch, point.concurrency


def _name(point: Point) -> str:
    instances = "" if point.instances is None else f", instances {point.instances}"
    return f"batch {point.batch}{instances}"
