"""What Optuna chooses from: the ends of its ranges, and numbers of few digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIGITS = 6
"""Significant ones of a number that is chosen: it is part of a model's name."""


class Rounded:
    """One of Optuna's samplers, whose numbers have few digits.

    They are rounded before Optuna notes them, so that it learns of what was really tried.
    """

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler

    def __getattr__(self, name: str) -> Any:
        """Return everything else as it is."""
        return getattr(self._sampler, name)

    def sample_relative(self, study: Any, trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
        """Choose values together."""
        chosen = self._sampler.sample_relative(study, trial, space)
        return {key: rounded(value, space[key]) for key, value in chosen.items()}

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        """Choose one value."""
        value = self._sampler.sample_independent(study, trial, name, distribution)
        return rounded(value, distribution)


def rounded(value: Any, distribution: Any) -> Any:
    """Return a number with few digits, unless that is outside its range."""
    low, high = getattr(distribution, "low", None), getattr(distribution, "high", None)
    if not isinstance(value, float) or low is None or high is None:
        return value
    near = float(f"{value:.{DIGITS}g}")
    return near if low <= near < high or near == value else value


def ends(space: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the values of some jobs: each choice and the ends of each range at least once.

    All others have their first value meanwhile.
    """
    first = {key: _ends(distribution)[0] for key, distribution in space.items()}
    yield first
    for key, distribution in space.items():
        for value in _ends(distribution)[1:]:
            yield {**first, key: value}


def _ends(distribution: Any) -> tuple[Any, ...]:
    choices: tuple[Any, ...] | None = getattr(distribution, "choices", None)
    if choices is not None:
        return choices
    low, high = distribution.low, distribution.high
    return (low,) if low == high else (low, high)
