"""Digests of files: read once, and again whenever one may have changed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from packager.cache import fingerprints
from packager.cache.fingerprints import Fingerprints
from tests.repository.mounts import needs_mount, read_only

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as settled at once: nobody changes them behind the test's back."""
    monkeypatch.setattr(fingerprints, "RACY_NS", -1_000_000_000)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _file(folder: Path, content: bytes = b"one") -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def _forged(path: Path, index: Path) -> Fingerprints:
    """Return an index that tells another digest of a file, to see whether it is believed."""
    content = index.read_bytes().partition(b"\n")[2].replace(_digest(b"one").encode(), b"0" * 64)
    index.write_bytes(_digest(content).encode() + b"\n" + content)
    assert str(path) in content.decode()
    return Fingerprints(index)


@pytest.mark.usefixtures("settled")
def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    """What the index says is believed."""
    file, index = _file(tmp_path), tmp_path / "index"
    first = Fingerprints(index)
    assert first.sha256(file) == _digest(b"one")
    first.save()
    assert _forged(file, index).sha256(file) == "0" * 64


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", ["content", "size", "mtime", "mode", "inode"])
def test_a_file_that_changed_is_read_again(tmp_path: Path, change: str) -> None:
    """Even where size and time of change are the old ones again."""
    file, index = _file(tmp_path), tmp_path / "index"
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    first = Fingerprints(index)
    first.sha256(file)
    first.save()
    again = _forged(file, index)
    content = {"content": b"two", "size": b"longer"}.get(change, b"one")
    if change == "inode":
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").replace(file)
    elif change == "mode":
        file.chmod(0o600)
    else:
        file.write_bytes(content)
    if change != "mtime":
        os.utime(file, ns=times)
    assert again.sha256(file) == _digest(content)


def test_a_file_changed_just_now_is_not_trusted(tmp_path: Path) -> None:
    """It may change again within the clock's grain: it is read until it has settled."""
    file, index = _file(tmp_path), tmp_path / "index"
    first = Fingerprints(index)
    assert first.sha256(file) == _digest(b"one")
    first.save()
    assert not index.exists()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "other", "folder"])
def test_a_broken_index_is_begun_anew(tmp_path: Path, damage: str) -> None:
    """No digest is taken from it."""
    file, index = _file(tmp_path), tmp_path / "index"
    first = Fingerprints(index)
    first.sha256(file)
    first.save()
    content = index.read_bytes()
    index.unlink()
    other = json.dumps({"another": "format"}).encode()
    if damage == "folder":
        index.mkdir()
    elif damage != "missing":
        index.write_bytes(
            {
                "truncated": content[:-5],
                "flipped": content.replace(_digest(b"one").encode(), b"0" * 64),
                "other": _digest(other).encode() + b"\n" + other,
            }[damage]
        )
    again = Fingerprints(index)
    assert again.sha256(file) == _digest(b"one")
    again.save()


@pytest.mark.usefixtures("settled")
def test_a_tree_tells_names_and_contents(tmp_path: Path) -> None:
    """A changed, renamed, added or removed file changes its digest; times do not."""
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    file = _file(root / "a")
    index = Fingerprints(tmp_path / "index")
    seen = [index.tree(root)]
    os.utime(file, (1, 1))
    assert index.tree(root) == seen[0]
    for change in (
        lambda: file.write_bytes(b"two"),
        lambda: file.rename(root / "file"),
        (root / ".hidden").touch,
        (root / "file").unlink,
    ):
        change()
        seen.append(index.tree(root))
    assert len(set(seen)) == len(seen)


def test_a_tree_follows_links(tmp_path: Path) -> None:
    """To files and folders, but not in circles, nor where they lead nowhere."""
    data, root = tmp_path / "data", tmp_path / "root"
    data.mkdir()
    root.mkdir()
    _file(data)
    (root / "folder").symlink_to(data)
    (root / "link").symlink_to(data / "file")
    (root / "nowhere").symlink_to(tmp_path / "none")
    (data / "circle").symlink_to(root)
    os.mkfifo(root / "pipe")
    index = Fingerprints(tmp_path / "index")
    assert index.files(root) == {"folder/file": _digest(b"one"), "link": _digest(b"one")}


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Neither a missing file nor a missing folder has a digest."""
    index = Fingerprints(tmp_path / "index")
    with pytest.raises(FileNotFoundError):
        index.sha256(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        index.tree(tmp_path / "none")


@pytest.mark.usefixtures("settled")
def test_a_file_is_parsed_once_by_each_parser(tmp_path: Path) -> None:
    """And again when it, or the parser, changed."""
    file, index = _file(tmp_path), tmp_path / "index"
    calls = []

    def parse(content: bytes) -> list[str]:
        calls.append(content)
        return [content.decode()]

    def parsed(by: str) -> list[str]:
        opened = Fingerprints(index)
        found = opened.parsed(file, parse, by=by)
        opened.save()
        return found

    assert [parsed("a"), parsed("a")] == [["one"], ["one"]]
    assert len(calls) == 1
    assert parsed("b") == ["one"]
    assert len(calls) == 2
    file.write_bytes(b"two")
    assert parsed("b") == ["two"]


@pytest.mark.usefixtures("settled")
def test_a_frozen_index_is_never_written(tmp_path: Path) -> None:
    """It answers all the same."""
    index = Fingerprints(tmp_path / "index", frozen=True)
    assert index.sha256(_file(tmp_path)) == _digest(b"one")
    index.save()
    assert not (tmp_path / "index").exists()


@pytest.mark.usefixtures("settled")
def test_files_that_are_no_more_are_forgotten(tmp_path: Path) -> None:
    """An index does not grow for ever; what another run asked for and is still there stays."""
    kept, gone = tmp_path / "kept", tmp_path / "gone"
    first = Fingerprints(tmp_path / "index")
    for path in (kept, gone):
        path.touch()
        first.sha256(path)
    first.save()
    gone.unlink()
    second = Fingerprints(tmp_path / "index")
    second.sha256(_file(tmp_path))
    second.save()
    content = (tmp_path / "index").read_text()
    assert str(kept) in content
    assert str(gone) not in content


@needs_mount
@pytest.mark.usefixtures("settled")
def test_an_index_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    """No error, and no half file."""
    file = _file(tmp_path)
    with read_only(tmp_path):
        index = Fingerprints(tmp_path / "index")
        assert index.sha256(file) == _digest(b"one")
        index.save()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_170_files_take_milliseconds_when_they_are_known(tmp_path: Path) -> None:
    """A tenth of a second is far more than a loaded machine needs."""
    root = tmp_path / "root"
    root.mkdir()
    for number in range(170):
        (root / str(number)).write_bytes(b"x" * 10_000)
        os.utime(root / str(number), (1, 1))
    time.sleep(2.1)  # until the index takes them for settled
    first = Fingerprints(tmp_path / "index")
    expected = first.tree(root)
    first.save()
    began = time.perf_counter()
    assert Fingerprints(tmp_path / "index").tree(root) == expected
    assert time.perf_counter() - began < 0.1
