"""The flag that rewrites the golden texts, and the check against them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"

Check = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `pytest tests/model_config --rewrite-golden`."""
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the golden texts anew, then look at git diff",
    )


@pytest.fixture
def equals_golden(request: pytest.FixtureRequest) -> Check:
    """Give a comparison with `golden/<name>.pbtxt`, byte by byte; a missing file fails."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.pbtxt"
        if request.config.getoption("--rewrite-golden", default=False):
            path.write_bytes(text.encode())
        assert path.exists(), f"{path} is missing: run pytest tests/model_config --rewrite-golden"
        assert text.encode() == path.read_bytes()

    return check
