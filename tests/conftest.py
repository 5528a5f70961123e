"""What all tests share: a cache of their own, so that nothing of the user's is read or written."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that rewrites golden texts, and the tables of rules in docs/lint.md."""
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write golden texts and documented rules anew, then look at git diff",
    )


def pytest_configure() -> None:
    """Set what child processes inherit: SIGINT is taken even where the shell ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tests run several processes with threads of torch's on few cores: those must not spin.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user cache directory for this session, for child processes too."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before
