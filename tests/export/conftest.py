"""Real images, and torch with two threads whatever a test sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tests.training.images import images

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["images"]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Keep to two cores, and give the number of before back."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
