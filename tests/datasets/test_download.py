"""Downloads from mirrors that lie, break off, hang or die, and processes that are killed."""

from __future__ import annotations

import gzip
import logging
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packager.datasets.fetch import fetch
from packager.errors import UnavailableError

from .mirror import Reply, serving
from .specs import FILES, LABELS, TORCHVISION, dataset, folder_source, labels_only

if TYPE_CHECKING:
    from packager.datasets.at_hand import Fetched

mnist = pytest.importorskip("torchvision.datasets.mnist")

SPEC = dataset(labels_only(TORCHVISION))

CHILD = """
import sys
from pathlib import Path
from packager.datasets.fetch import fetch
from tests.datasets.test_download import SPEC, mnist
mnist.FashionMNIST.mirrors = [sys.argv[1]]
fetch(SPEC, cache=Path(sys.argv[2]))
"""

FOLDER_CHILD = """
import sys
from pathlib import Path
from packager.datasets.fetch import fetch
from tests.datasets.specs import dataset, folder_source
fetch(dataset(folder_source(Path(sys.argv[1]))), cache=Path(sys.argv[2]))
"""

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def bodies(fashion: Fetched) -> dict[str, bytes]:
    """What an honest mirror serves: file name -> gzipped bytes, unlike torchvision's own."""
    return {
        f"{LABELS[role].name}.gz": gzip.compress(fashion.files[role].read_bytes(), mtime=0)
        for role in LABELS
    }


def _use(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(mnist.FashionMNIST, "mirrors", list(urls))


def _start(url: str, cache: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(cache)],
        cwd=ROOT,
        env={**os.environ, "no_proxy": "127.0.0.1", "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )


def test_an_honest_mirror_serves_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bodies: dict[str, bytes]
) -> None:
    """Each file is asked for once; torchvision's md5 of its own .gz plays no part."""
    with serving(lambda name, _nth: Reply(body=bodies[name])) as mirror:
        _use(monkeypatch, mirror.url)
        fetched = fetch(SPEC, cache=tmp_path)
    assert fetched.source == SPEC.sources[0]
    assert mirror.requests == dict.fromkeys(bodies, 1)


@pytest.mark.parametrize("fault", ["cut body", "cut connection", "other bytes"])
def test_wrong_bytes_are_fetched_once_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    bodies: dict[str, bytes],
    fault: str,
) -> None:
    """The second, right answer is used; files that were right are not asked for again."""

    def answer(name: str, nth: int) -> Reply:
        body = bodies[name]
        if nth > 1 or not name.startswith("t10k"):
            return Reply(body=body)
        if fault == "other bytes":
            return Reply(body=gzip.compress(b"other"))
        return Reply(body=body[:999], length=len(body) if fault == "cut connection" else None)

    with serving(answer) as mirror, caplog.at_level(logging.WARNING):
        _use(monkeypatch, mirror.url)
        fetched = fetch(SPEC, cache=tmp_path)
    assert fetched.refused == ()
    assert mirror.requests == {"train-labels-idx1-ubyte.gz": 1, "t10k-labels-idx1-ubyte.gz": 2}
    assert "fetching it again" in caplog.text


def test_a_mirror_that_stays_wrong_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tries, then the reason; the cache holds no data file."""
    with serving(lambda _name, _nth: Reply(body=gzip.compress(b"other"))) as mirror:
        _use(monkeypatch, mirror.url)
        with pytest.raises(UnavailableError, match="train-labels-idx1-ubyte has sha256"):
            fetch(SPEC, cache=tmp_path)
    assert mirror.requests == {"train-labels-idx1-ubyte.gz": 2}
    assert [path.name for path in (tmp_path / SPEC.name).iterdir()] == [".lock"]


def test_the_next_mirror_serves_what_the_first_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bodies: dict[str, bytes]
) -> None:
    """An error page and a wrong file on one mirror do not spoil the other."""
    with (
        serving(lambda _name, _nth: Reply(status=404)) as gone,
        serving(lambda _name, _nth: Reply(body=b"<html>")) as wrong,
        serving(lambda name, _nth: Reply(body=bodies[name])) as right,
    ):
        _use(monkeypatch, gone.url, wrong.url, right.url)
        assert fetch(SPEC, cache=tmp_path).refused == ()
    assert gone.requests.total() == 1
    assert wrong.requests.total() == 2


def test_a_dead_port_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on a port that was just closed."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    _use(monkeypatch, f"http://127.0.0.1:{port}/")
    with pytest.raises(UnavailableError, match="Connection refused"):
        fetch(SPEC, cache=tmp_path)


def test_a_server_that_never_answers_fails_within_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts the connection and stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        start_s = time.monotonic()
        with pytest.raises(UnavailableError, match="timed out"):
            fetch(SPEC, cache=tmp_path)
    assert time.monotonic() - start_s < 10


@pytest.mark.parametrize("origin", ["NoSuch", "CIFAR10"])
def test_a_torchvision_class_without_mirrors_is_a_reason(tmp_path: Path, origin: str) -> None:
    """CIFAR10 exists, but names no mirrors."""
    spec = dataset(replace(SPEC.sources[0], origin=origin))
    with pytest.raises(UnavailableError, match="no such dataset"):
        fetch(spec, cache=tmp_path)


def test_a_file_torchvision_does_not_list_is_a_reason(tmp_path: Path) -> None:
    """The reason lists the files there are."""
    files = {"train_labels": replace(LABELS["train_labels"], name="labels")}
    spec = dataset(replace(TORCHVISION, files=files))
    with pytest.raises(UnavailableError, match="lists no labels; it lists train-images"):
        fetch(spec, cache=tmp_path)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_stopped_in_a_download_leaves_nothing_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bodies: dict[str, bytes], how: signal.Signals
) -> None:
    """Neither a half file nor a lock stays in the way of the next fetch."""
    release = threading.Event()

    def half(name: str, _nth: int) -> Reply:
        body = bodies[name]
        return Reply(body=body[: len(body) // 2], length=len(body), pause=release)

    with serving(half) as mirror:
        with _start(mirror.url, tmp_path) as child:
            assert mirror.started.wait(30)
            child.send_signal(how)
            assert child.wait(10) != 0
        release.set()
        assert [path.name for path in (tmp_path / SPEC.name).iterdir()] == [".lock"]
        mirror.answer = lambda name, _nth: Reply(body=bodies[name])
        _use(monkeypatch, mirror.url)
        assert fetch(SPEC, cache=tmp_path).refused == ()


def _is_writing(place: Path) -> bool:
    """Say whether more than a megabyte of a file lies there without its name yet."""
    try:
        return any(path.stat().st_size > 1 << 20 for path in place.glob(".tmp-*"))
    except FileNotFoundError:
        return False


def _fetch_elsewhere(folder: Path, cache: Path, *, before: str = "") -> subprocess.Popen[str]:
    code = before + FOLDER_CHILD
    command = [sys.executable, "-c", code, str(folder), str(cache)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_a_process_killed_while_writing_leaves_no_wrong_file(
    tmp_path: Path, fashion_folder: Path
) -> None:
    """Whatever file has its name is whole, and the next fetch clears the rest."""
    place = tmp_path / "fashion-mnist"
    spec = dataset(folder_source(fashion_folder))
    for _attempt in range(5):
        shutil.rmtree(place, ignore_errors=True)
        with _fetch_elsewhere(fashion_folder, tmp_path) as child:
            while child.poll() is None and not _is_writing(place):
                pass
            child.kill()
        if any(place.glob(".tmp-*")):
            break
    else:
        pytest.fail("five processes were all too fast to be killed while writing")
    assert not any(place.glob("*idx3-ubyte"))
    assert fetch(spec, cache=tmp_path).source == spec.sources[0]
    names = {path.name for path in place.iterdir()}
    assert names == {".lock", "sources.json", *(file.name for file in FILES.values())}


def test_a_file_that_cannot_be_written_whole_leaves_nothing(
    tmp_path: Path, fashion_folder: Path
) -> None:
    """The system refuses files over a megabyte, as a full disk would."""
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1 << 20, 1 << 20))"
    with _fetch_elsewhere(fashion_folder, tmp_path, before=limit) as child:
        _, said = child.communicate()
    assert "UnavailableError" in said
    assert "the cache cannot be written: File too large" in said
    left = {path.name for path in (tmp_path / "fashion-mnist").iterdir()}
    assert not left & {file.name for file in FILES.values()}
    assert not any(name.startswith(".tmp-") for name in left)


def test_two_processes_fetch_each_file_once(tmp_path: Path, bodies: dict[str, bytes]) -> None:
    """The second one waits for the first and finds its files."""

    def slow(name: str, _nth: int) -> Reply:
        time.sleep(0.5)
        return Reply(body=bodies[name])

    with serving(slow) as mirror:
        children = [_start(mirror.url, tmp_path) for _ in range(2)]
        assert [child.wait(60) for child in children] == [0, 0]
    assert mirror.requests == dict.fromkeys(bodies, 1)


def test_progress_is_shown_on_a_terminal(bodies: dict[str, bytes]) -> None:
    """With a real terminal as stderr, the file's name and a bar appear."""
    code = (
        "import sys; from packager.datasets.sources.download import download as d; d(sys.argv[1])"
    )
    name = "train-labels-idx1-ubyte.gz"
    terminal, stderr = pty.openpty()
    with serving(lambda name, _nth: Reply(body=bodies[name])) as mirror:
        done = subprocess.run(
            [sys.executable, "-c", code, mirror.url + name],
            cwd=ROOT,
            env={**os.environ, "no_proxy": "127.0.0.1", "TERM": "xterm", "COLUMNS": "120"},
            stderr=stderr,
            check=True,
        )
    shown = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    os.close(stderr)
    assert done.returncode == 0
    assert "train-labels-idx1-ubyte" in shown
