"""The cache of results: whole or missing, whatever happens to it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from packager.cache.store import LostError, Store
from tests.repository.mounts import needs_mount, read_only, tmpfs

from . import hammer

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.cache.record import Result

KEY = "a1" * 32
OTHER = "b2" * 32


def _put(store: Store, key: str = KEY, content: bytes = b"weights") -> Result:
    return store.put(
        "train",
        key,
        inputs={"epochs": 3, "sizes": (1, 2)},
        value={"accuracy": 0.9},
        files={"model.pt": content},
    )


def _store(root: Path, max_bytes: int = 1 << 30) -> Store:
    """Return what another build sees: a store that has not used anything yet."""
    return Store(root, max_bytes=max_bytes)


def _blob(root: Path, result: Result) -> Path:
    sha256 = result.files["model.pt"]
    return root / "objects" / sha256[:2] / sha256


def _record(root: Path, key: str = KEY) -> Path:
    return root / "records" / "train" / f"{key}.json"


def _bytes(root: Path) -> int:
    files = [*(root / "records").glob("*/*"), *(root / "objects").glob("*/*")]
    return sum(path.stat().st_size for path in files)


def _tree(root: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in root.rglob("*")}


def _age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_result_is_found_as_it_was_put(tmp_path: Path) -> None:
    """Value, inputs and files come back; tuples are lists on both sides."""
    put = _put(_store(tmp_path))
    store = _store(tmp_path)
    found = store.find("train", KEY)
    assert found == put
    assert found is not None
    assert found.value == {"accuracy": 0.9}
    assert store.inputs_of("train", KEY) == {"epochs": 3, "sizes": [1, 2]}
    assert store.read(found, "model.pt") == b"weights"
    store.copy(found, "model.pt", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"weights"


def test_a_file_is_stored_from_its_path(tmp_path: Path) -> None:
    """The original is left where it is, and may change afterwards."""
    source = tmp_path / "source"
    source.write_bytes(b"trained")
    store = _store(tmp_path / "cache")
    result = store.put("train", KEY, inputs={}, value={}, files={"model.pt": source})
    source.write_bytes(b"another")
    assert store.read(result, "model.pt") == b"trained"


def test_what_was_never_put_is_missing(tmp_path: Path) -> None:
    """Neither another key, nor another stage, nor a cache that is not there; nothing is written."""
    assert _store(tmp_path / "none").find("train", KEY) is None
    assert not (tmp_path / "none").exists()
    _put(_store(tmp_path))
    assert _store(tmp_path).find("train", OTHER) is None
    assert _store(tmp_path).find("export", KEY) is None
    assert _store(tmp_path).inputs_of("export", KEY) is None


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ((b"}", b""), "cannot be read"),
        ((b"0.9", b"0.8"), "damaged"),
        ((b"0.9", b"\xff.9"), "cannot be read"),
        ((b'"result"', b'"resulT"'), "cannot be read"),
    ],
    ids=["truncated", "flipped", "binary", "other"],
)
def test_a_damaged_record_is_told_and_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: tuple[bytes, bytes], told: str
) -> None:
    """The result is missing then, and can be made again."""
    _put(_store(tmp_path))
    record = _record(tmp_path)
    record.write_bytes(record.read_bytes().replace(*damage))
    assert _store(tmp_path).find("train", KEY) is None
    assert "the cached result of train is removed" in caplog.text
    assert told in caplog.text
    assert not record.exists()
    _put(_store(tmp_path))
    assert _store(tmp_path).find("train", KEY) is not None


def test_an_empty_record_is_no_result(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As a machine that lost its power leaves it."""
    _put(_store(tmp_path))
    _record(tmp_path).write_bytes(b"")
    assert _store(tmp_path).find("train", KEY) is None
    assert "its record cannot be read" in caplog.text


def test_a_record_under_another_key_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever renames files in a cache gets no wrong results."""
    _put(_store(tmp_path))
    _record(tmp_path).rename(_record(tmp_path, OTHER))
    assert _store(tmp_path).find("train", OTHER) is None
    assert f"its record is of train {KEY}" in caplog.text


def test_a_file_cut_short_is_seen_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By its size; a missing one likewise."""
    result = _put(_store(tmp_path))
    _blob(tmp_path, result).write_bytes(b"weig")
    assert _store(tmp_path).find("train", KEY) is None
    assert "model.pt is missing or cut short" in caplog.text
    assert not _record(tmp_path).exists()


@pytest.mark.parametrize("taken", ["copied", "read"])
def test_a_flipped_byte_in_a_file_is_seen_when_it_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, taken: str
) -> None:
    """Nothing appears at the target, and the result is made again."""
    result = _put(_store(tmp_path))
    _blob(tmp_path, result).write_bytes(b"wEights")
    store, target = _store(tmp_path), tmp_path / "target"
    take: Callable[[], object] = (
        partial(store.copy, result, "model.pt", target)
        if taken == "copied"
        else partial(store.read, result, "model.pt")
    )
    with pytest.raises(LostError, match=r"model\.pt is damaged"):
        take()
    assert not target.exists()
    assert "model.pt is damaged" in caplog.text
    assert store.find("train", KEY) is None
    assert store.read(_put(store), "model.pt") == b"weights"


def test_putting_again_heals_a_damaged_file(tmp_path: Path) -> None:
    """Content is written anew, whatever lies under its digest."""
    result = _put(_store(tmp_path))
    _blob(tmp_path, result).write_bytes(b"wEights")
    _put(_store(tmp_path), OTHER)
    assert _store(tmp_path).read(result, "model.pt") == b"weights"


def test_a_file_that_is_gone_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As when another process makes room; that is no damage to be told."""
    result = _put(_store(tmp_path))
    _record(tmp_path).unlink()
    _blob(tmp_path, result).unlink()
    with pytest.raises(LostError):
        _store(tmp_path).read(result, "model.pt")
    assert not caplog.records


def test_the_least_recently_used_result_goes(tmp_path: Path) -> None:
    """Being found counts as being used; a file goes with the last record that names it."""
    keys = [letter * 64 for letter in "abc"]
    for age, key in enumerate(keys):
        _put(_store(tmp_path), key, b"12" * 1000 if key != keys[2] else b"34" * 1000)
        _age(_record(tmp_path, key), 100 - age)
    assert _store(tmp_path).find("train", keys[0]) is not None
    _put(_store(tmp_path), "d" * 64, b"56" * 500)
    _put(_store(tmp_path, _bytes(tmp_path) - 1), "d" * 64, b"56" * 500)
    found = {key[0] for key in [*keys, "d" * 64] if _store(tmp_path).find("train", key)}
    assert found == {"a", "c", "d"}
    _put(_store(tmp_path, 3500), "e" * 64, b"78" * 500)
    assert _store(tmp_path).find("train", keys[0]) is None
    assert len(list((tmp_path / "objects").glob("*/*"))) == 2


def test_a_cache_of_no_size_keeps_what_is_in_use(tmp_path: Path) -> None:
    """All of one build, however large; the next build's first result replaces it."""
    store = _store(tmp_path, 0)
    first, second = _put(store, content=b"1" * 5000), _put(store, OTHER)
    assert store.read(first, "model.pt") == b"1" * 5000
    assert store.read(second, "model.pt") == b"weights"
    _put(_store(tmp_path, 0), "c" * 64, b"")
    assert [path.stem for path in (tmp_path / "records").rglob("*.json")] == ["c" * 64]
    assert len(list((tmp_path / "objects").glob("*/*"))) == 1


def test_leftovers_of_dead_processes_go(tmp_path: Path) -> None:
    """Files without a record when room is needed, half copies at once, old locks after a month."""
    _put(_store(tmp_path))
    _record(tmp_path).unlink()
    dead, living, begun = (tmp_path / "temporary" / name for name in ("dead", "living", "begun"))
    for folder in (dead, living, begun):
        folder.mkdir()
        (folder / "half").write_bytes(b"wei")
    with _store(tmp_path).producing("train", KEY):
        pass
    (lock,) = (tmp_path / "producers").iterdir()
    _age(lock, 60 * 24 * 3600)
    with FileLock(living / "owner"):
        for folder in (dead, living):
            _age(folder, 60)
        _put(_store(tmp_path, 10), OTHER, b"new")
    assert {path.name for path in (tmp_path / "temporary").iterdir()} == {"living", "begun"}
    assert not lock.exists()
    assert len(list((tmp_path / "objects").glob("*/*"))) == 1


def test_a_frozen_store_writes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the time of use, nor locks, nor results, nor the removal of what is damaged."""
    _put(_store(tmp_path))
    result = _put(_store(tmp_path), OTHER, b"others")
    _blob(tmp_path, result).write_bytes(b"x")
    before = _tree(tmp_path)
    frozen = Store(tmp_path, max_bytes=0, frozen=True)
    with frozen.producing("train", KEY):
        assert frozen.find("train", KEY) is not None
        assert frozen.find("train", OTHER) is None
    _put(frozen, "c" * 64)
    with pytest.raises(LostError):
        frozen.read(result, "model.pt")
    assert _tree(tmp_path) == before
    assert "the cached result of train is not used" in caplog.text


@needs_mount
def test_a_read_only_cache_is_used_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The build goes on: what is there is found, what is new is not kept."""
    _put(_store(tmp_path))
    with read_only(tmp_path):
        store = _store(tmp_path)
        assert store.find("train", KEY) is not None
        with store.producing("train", OTHER):
            result = _put(store, OTHER)
        assert result.value == {"accuracy": 0.9}
        with pytest.raises(LostError):
            store.read(_put(store, OTHER, b"others"), "model.pt")
    assert len(caplog.records) == 1
    assert "cannot be written: Read-only file system" in caplog.text


@needs_mount
def test_a_full_disk_loses_nothing_but_the_new_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No half entry, no half copy."""
    with tmpfs(tmp_path, "size=1m"):
        _put(_store(tmp_path))
        _put(_store(tmp_path), OTHER, b"x" * (2 << 20))
        assert "cannot be written: No space left on device" in caplog.text
        assert _store(tmp_path).find("train", KEY) is not None
        assert _store(tmp_path).find("train", OTHER) is None
        assert not list((tmp_path / "temporary").iterdir())


def test_a_cache_that_is_a_file_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever cannot be used as a folder costs a warning, never the build."""
    (tmp_path / "cache").write_text("a file")
    store = _store(tmp_path / "cache")
    assert store.find("train", KEY) is None
    with store.producing("train", KEY):
        _put(store)
    assert len(caplog.records) == 1


def _python(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_others_wait_for_whoever_makes_a_result_until_it_dies(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Killed with SIGKILL, a producer frees its key."""
    caplog.set_level(logging.INFO)
    script = (
        "import sys, time; from pathlib import Path; from packager.cache.store import Store\n"
        f"with Store(Path(sys.argv[1]), max_bytes=0).producing('train', {KEY!r}):\n"
        "    print('holds', flush=True); time.sleep(60)"
    )
    holder = _python("-c", script, tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holds\n"
    with _store(tmp_path).producing("train", OTHER):
        assert not caplog.records  # another key is free
    killer = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {holder.pid}"])
    began = time.monotonic()
    with _store(tmp_path).producing("train", KEY):
        waited = time.monotonic() - began
    killer.wait()
    holder.communicate()
    assert 0.2 < waited < 10
    assert "waiting for another process: train of the same inputs" in caplog.text


def test_what_many_want_is_made_once(tmp_path: Path) -> None:
    """The first makes it, and all others find it."""
    script = (
        "import sys, time; from pathlib import Path; from packager.cache.store import Store\n"
        f"store, key = Store(Path(sys.argv[1]), max_bytes=1 << 30), {KEY!r}\n"
        "with store.producing('train', key):\n"
        "    if store.find('train', key) is None:\n"
        "        time.sleep(0.3); print('made')\n"
        "        store.put('train', key, inputs={}, value={}, files={})"
    )
    processes = [_python("-c", script, tmp_path) for _ in range(6)]
    told = [process.communicate() for process in processes]
    assert sorted(told) == [("", "")] * 5 + [("made\n", "")]


def test_sixteen_processes_share_a_cache_and_some_are_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Putting, finding and making room at once: no error, no warning, nothing broken afterwards."""
    processes = [_python(hammer.__file__, tmp_path, seed, 3) for seed in range(16)]
    for process in processes[:6]:
        time.sleep(0.3)
        process.kill()
    told = [process.communicate() for process in processes]
    assert {process.returncode for process in processes[6:]} == {0}, told
    assert set(told) == {("", "")}
    store = _store(tmp_path)
    found = [number for number in range(hammer.KEYS) if store.find("train", hammer.key(number))]
    for number in found:
        hammer.use(store, number)
    assert found
    assert not caplog.records
    assert _bytes(tmp_path) <= hammer.MOST_BYTES * 1.5
