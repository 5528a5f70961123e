"""One S3 server for all tests here, and a bucket of its own for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packager.spec.recipe import RemoteRepositorySpec


@pytest.fixture(scope="session")
def server() -> Iterator[s3.S3]:
    """The server, as a process of its own."""
    with s3.running() as found:
        yield found


@pytest.fixture
def bucket(server: s3.S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, and the environment to reach it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return s3.new_bucket()


@pytest.fixture
def repository(bucket: str, tmp_path: Path) -> RemoteRepositorySpec:
    """An empty repository in the bucket."""
    return s3.repository_in(bucket, tmp_path / "staging")


FIGURES: dict[str, float] = {}


@pytest.fixture
def figures() -> dict[str, float]:
    """Numbers to be printed when all tests are done; docs/benchmarks.md has them."""
    return FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures."""
    for name, value in FIGURES.items():
        terminalreporter.write_line(f"object store: {name}: {value:.4g}")
