"""Which form of an artifact `export.optimize=auto` takes; known without importing torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from packager.spec.recipe import DEFAULT_FORM, ExportForm

if TYPE_CHECKING:
    from typing import Self

CANDIDATES = tuple(form for form in ExportForm if form is not ExportForm.auto)

MARGIN = 1.05
"""How much faster a form has to be, and how much slower it may seem: less is noise."""

LOST_ROUNDS = 1
"""In how many rounds a form that is taken may have been slower: machines are never quiet."""

Rates = Mapping[int, tuple[float, ...]]
"""Rows per second by batch size, round by round; all forms take turns in each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A form and why it was taken; the rates of all that were measured; why others were not.

    `why` names no rates: it is the same in every build that takes this choice.
    """

    form: ExportForm
    why: str
    measured: Mapping[ExportForm, Rates] = field(default_factory=dict)
    refused: Mapping[ExportForm, str] = field(default_factory=dict)

    def told(self, unit: str) -> str:
        """Return the choice in one line, with the rates at the largest batch in `unit` a second."""
        if not self.measured:
            return f"{self.form.value}: {self.why}"
        largest = max(self.measured[self.form])
        others = ", ".join(
            f"{form.value} {median(rates[largest]):,.0f}"
            for form, rates in self.measured.items()
            if form is not self.form
        )
        text = f"{self.form.value} of {len(CANDIDATES)} forms:"
        text += f" {median(self.measured[self.form][largest]):,.0f} {unit}/s at batch {largest}"
        text += f" ({others})" if others else ""
        return "; ".join([text, *(f"{form.value} {why}" for form, why in self.refused.items())])

    def as_json(self) -> dict[str, Any]:
        """Return the choice as a JSON object."""
        return {
            "form": self.form.value,
            "why": self.why,
            "measured": {
                form.value: {str(rows): list(rounds) for rows, rounds in rates.items()}
                for form, rates in self.measured.items()
            },
            "refused": {form.value: why for form, why in self.refused.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the choice that `as_json` told of.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it did not.
        """
        return cls(
            form=ExportForm(content["form"]),
            why=str(content["why"]),
            measured={
                ExportForm(form): {
                    int(rows): tuple(map(float, rounds)) for rows, rounds in rates.items()
                }
                for form, rates in content["measured"].items()
            },
            refused={ExportForm(form): str(why) for form, why in content["refused"].items()},
        )


def choose(
    measured: Mapping[ExportForm, Rates], refused: Mapping[ExportForm, str] | None = None
) -> Choice:
    """Take the default, unless another form is steadily faster at the largest batch, by a margin.

    And not slower at the smallest. Where the default is not among those that were measured, the
    nearest form that does less takes its place.
    """
    refused = refused or {}
    base = next((form for form in _NEAREST if form in measured), None)
    if base is None:
        # The proofs tell what is wrong with it.
        return Choice(form=DEFAULT_FORM, why="no form could be measured", refused=refused)
    smallest, largest = min(measured[base]), max(measured[base])
    faster = [
        form
        for form, rates in measured.items()
        if _is_faster(rates[largest], measured[base][largest])
        and median(_ratios(rates[smallest], measured[base][smallest])) * MARGIN >= 1
    ]
    if not faster:
        why = f"no other form is faster at batch {largest} without being slower at {smallest}"
        return Choice(form=base, why=why, measured=measured, refused=refused)
    best = max(faster, key=lambda form: median(measured[form][largest]))
    why = f"the fastest at batch {largest}, and not slower than {base.value} at {smallest}"
    return Choice(form=best, why=why, measured=measured, refused=refused)


def _is_faster(rates: Sequence[float], base: Sequence[float]) -> bool:
    """Return whether rates are higher by the margin, and not by the noise of some rounds."""
    ratios = _ratios(rates, base)
    return median(ratios) > MARGIN and sum(ratio <= 1 for ratio in ratios) <= LOST_ROUNDS


def _ratios(rates: Sequence[float], base: Sequence[float]) -> list[float]:
    return [ours / theirs for ours, theirs in zip(rates, base, strict=True)]


_NEAREST = (DEFAULT_FORM, ExportForm.freeze, ExportForm.none)
