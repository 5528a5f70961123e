"""Real images, and torch with two threads whatever a test sets."""

from __future__ import annotations

from tests.training.images import images, two_threads

__all__ = ["images", "two_threads"]
