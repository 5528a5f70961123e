"""Torch with two threads, whatever a test sets."""

from __future__ import annotations

from tests.training.images import two_threads

__all__ = ["two_threads"]
