"""What a build tells whoever ran it; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A published version: the model's name, its number, and accuracy on the test set in [0, 1].

    `test_accuracy` is None for a model that was tried on no labelled images.
    """

    name: str
    version: int
    test_accuracy: float | None
    subset: bool
