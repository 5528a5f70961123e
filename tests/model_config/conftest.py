"""The check against golden texts, which --rewrite-golden writes anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"

Check = Callable[[str, str], None]


@pytest.fixture
def equals_golden(request: pytest.FixtureRequest) -> Check:
    """Give a comparison with `golden/<name>.pbtxt`, byte by byte; a missing file fails."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.pbtxt"
        if request.config.getoption("--rewrite-golden"):
            path.write_bytes(text.encode())
        assert path.exists(), f"{path} is missing: run pytest tests/model_config --rewrite-golden"
        assert text.encode() == path.read_bytes()

    return check
