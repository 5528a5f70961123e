"""Publishing without a server that polls: nothing has to settle."""

from __future__ import annotations

import pytest

from packager.repository import transition


@pytest.fixture(autouse=True)
def _no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no poll; what is killed in processes of its own, or polled, says how long."""
    monkeypatch.setattr(transition, "SETTLE_S", 0.0)
