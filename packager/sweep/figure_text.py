"""How a figure is written in a picture: at an axis, and as a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import PercentFormatter

from packager.spec.sweeping import By

if TYPE_CHECKING:
    from matplotlib.axis import Axis


def label(by: By) -> str:
    """Return a figure's name."""
    return by.value.replace("_", " ")


def told(by: By, value: float) -> str:
    """Return a figure's value."""
    return f"{value:.2%}" if by is By.accuracy else f"{value:,.4g}"


def as_percent(axis: Axis, by: By) -> None:
    """Let an axis count in percent, where its figure is told so."""
    if by is By.accuracy:
        axis.set_major_formatter(PercentFormatter(1))
