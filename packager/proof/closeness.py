"""When two answers are the same, by the tolerances of `tolerances.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from packager.proof.tolerances import (
    BFLOAT16_REPEATED,
    BFLOAT16_TOLERANCE,
    FLOAT32_TOLERANCE,
    TOP1_AGREEMENT,
)
from packager.spec.recipe import ExportForm

if TYPE_CHECKING:
    from packager.proof.samples import Rows


@dataclass(slots=True)
class _Columns:
    """Rows of integers of one shape so far, and in how many of them each column differed.

    One wrong column of a thousand is a thousandth of all integers, and wrong nevertheless.
    """

    rows: int = 0
    different: torch.Tensor = field(default_factory=lambda: torch.zeros(()))

    def add(self, found: torch.Tensor, expected: torch.Tensor) -> None:
        self.rows += len(expected)
        self.different = self.different + (found != expected).sum(0)

    @property
    def worst(self) -> int:
        """The rows in which the worst column differed."""
        return int(self.different.max()) if self.different.numel() else 0

    @property
    def same(self) -> bool:
        return self.worst <= max(1, int((1 - TOP1_AGREEMENT) * self.rows))


@dataclass(slots=True)
class _Output:
    """One output's differences so far: floats by error and scale, others by equal elements."""

    tolerance: float
    error: float = 0.0
    scale: float = 0.0
    equal: int = 0
    elements: int = 0
    columns: dict[torch.Size, _Columns] = field(default_factory=dict)

    @property
    def relative_error(self) -> float:
        return self.error / self.scale if self.scale else self.error

    @property
    def agreement(self) -> float:
        return self.equal / self.elements if self.elements else 1.0

    @property
    def worst_columns(self) -> _Columns | None:
        """Those with a column that differs in too many rows, where there are any."""
        wrong = [columns for columns in self.columns.values() if not columns.same]
        return max(wrong, key=lambda columns: columns.worst, default=None)


@dataclass(slots=True)
class Closeness:
    """How far found answers are from expected ones, over all batches that are added.

    `least` widens the tolerance: see `of_module` and `of_itself`.
    """

    least: float = 0.0
    _outputs: dict[int, _Output] = field(default_factory=dict)

    def add(self, found: Rows, expected: Rows) -> None:
        """Take one batch in: its outputs by position, rows by rows."""
        if len(found) != len(expected):
            found = tuple(torch.empty(0) for _ in expected)
        for index, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
            output = self._outputs.setdefault(
                index, _Output(tolerance=max(self.least, tolerance(theirs.dtype)))
            )
            if theirs.is_floating_point():
                error, scale = _difference(ours, theirs)
                output.error = max(output.error, error)
                output.scale = max(output.scale, scale)
            else:
                output.elements += max(1, theirs.numel())
                output.equal += _equal(ours, theirs)
                if ours.shape == theirs.shape and theirs.dim():
                    columns = output.columns.setdefault(theirs.shape[1:], _Columns())
                    columns.add(ours, theirs)

    @property
    def relative_error(self) -> float:
        """The largest of all outputs of floats; see `relative_error`."""
        return max((output.relative_error for output in self._outputs.values()), default=0.0)

    @property
    def agreement(self) -> float:
        """The least part of equal elements of all outputs of integers, in [0, 1]."""
        return min((output.agreement for output in self._outputs.values()), default=1.0)

    @property
    def same(self) -> bool:
        """Whether every output is within its tolerance."""
        return all(
            output.relative_error <= output.tolerance
            and output.agreement >= TOP1_AGREEMENT
            and output.worst_columns is None
            for output in self._outputs.values()
        )

    @property
    def measured(self) -> dict[str, float]:
        """The numbers by name; of integers only where there are any."""
        counted = any(output.elements for output in self._outputs.values())
        numbers = {"relative_error": self.relative_error}
        return numbers | ({"equal_integers": self.agreement} if counted else {})

    def __str__(self) -> str:
        outputs = sorted(self._outputs.values(), key=lambda output: output.relative_error)
        allowed = outputs[-1].tolerance if outputs else FLOAT32_TOLERANCE
        text = f"relative error {self.relative_error:.1e}, allowed {allowed:.0e}"
        if "equal_integers" in self.measured:
            text += f"; equal integers {self.agreement:.4f}, asked {TOP1_AGREEMENT}"
        for columns in filter(None, (output.worst_columns for output in outputs)):
            text += f"; one column of integers differs in {columns.worst} of {columns.rows} rows"
        return text


def closeness(found: Rows, expected: Rows, *, least: float = 0.0) -> Closeness:
    """Compare one batch of answers."""
    result = Closeness(least)
    result.add(found, expected)
    return result


def of_module(form: ExportForm) -> float:
    """Return what an artifact of a form may differ by at least from the module it is made from."""
    return BFLOAT16_TOLERANCE if form is ExportForm.bfloat16 else 0.0


def of_itself(form: ExportForm) -> float:
    """Return what an artifact of a form may differ by at least from its own answers elsewhere."""
    return BFLOAT16_REPEATED if form is ExportForm.bfloat16 else 0.0


def tolerance(dtype: torch.dtype) -> float:
    """Return the largest relative error: float32's, or two roundings of a coarser type."""
    if not dtype.is_floating_point:
        return FLOAT32_TOLERANCE
    return max(FLOAT32_TOLERANCE, 2 * torch.finfo(dtype).eps)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return max|found - expected| / max|expected| over the finite answers.

    It is infinite where shapes differ, or NaN and infinities are not in the same places.
    """
    error, scale = _difference(found, expected)
    return error / scale if scale else error


def _difference(found: torch.Tensor, expected: torch.Tensor) -> tuple[float, float]:
    """Return max|found - expected| and max|expected| over the finite answers."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf"), 0.0
    found, expected = found.double(), expected.double()
    finite = expected.isfinite()
    if not torch.equal(
        found.nan_to_num(nan=0.0, posinf=1.0, neginf=-1.0)[~finite],
        expected.nan_to_num(nan=0.0, posinf=1.0, neginf=-1.0)[~finite],
    ) or not torch.equal(found.isfinite(), finite):
        return float("inf"), 0.0
    if not finite.any():
        return 0.0, 0.0
    error = (found - expected)[finite].abs().max().item()
    return error, expected[finite].abs().max().item()


def _equal(found: torch.Tensor, expected: torch.Tensor) -> int:
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return 0
    return int((found == expected).sum().item()) if expected.numel() else 1
