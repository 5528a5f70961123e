"""The copies that Triton loads its backends from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from packager import user_cache
from packager.errors import UnavailableError
from packager.server import wheel
from packager.server.backend_directory import backend_directory

if TYPE_CHECKING:
    from pathlib import Path


def test_it_holds_real_copies(tmp_path: Path) -> None:
    """Triton refuses links out of it; the stub must stay executable."""
    directory = backend_directory(wheel.find(), root=tmp_path)
    assert not [path for path in directory.rglob("*") if path.is_symlink()]
    assert (directory / "python" / "triton_python_backend_stub").stat().st_mode & 0o100
    assert (directory / "python" / "libtriton_python.so").is_file()
    assert (directory / "pytorch" / "model.py").is_file()


def test_without_ours_it_is_another_directory(tmp_path: Path) -> None:
    """The chosen backends are part of its name."""
    ours = backend_directory(wheel.find(), root=tmp_path)
    plain = backend_directory(wheel.find(), backends={}, root=tmp_path)
    assert plain != ours
    assert not (plain / "pytorch").exists()


def test_makers_at_the_same_time_agree(tmp_path: Path) -> None:
    """And leave no unfinished copies."""
    triton = wheel.find()
    with ThreadPoolExecutor(8) as pool:
        started = [pool.submit(backend_directory, triton, root=tmp_path) for _ in range(8)]
    assert {made.result() for made in started} == set(tmp_path.iterdir())


def test_a_damaged_copy_is_replaced(tmp_path: Path) -> None:
    """As after a cleaner of old files."""
    model = backend_directory(wheel.find(), root=tmp_path) / "pytorch" / "model.py"
    content = model.read_bytes()
    model.unlink()
    backend_directory(wheel.find(), root=tmp_path)
    assert model.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the variable that moves it."""
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot write") as caught:
        backend_directory(wheel.find(), root=tmp_path / "file")
    assert "XDG_CACHE_HOME" in caught.value.remedy


def test_the_users_cache_directory_is_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_CACHE_HOME, else ~/.cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache.root() == tmp_path / "packager"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_cache.root().parts[-2:] == (".cache", "packager")
