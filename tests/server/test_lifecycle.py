"""Nothing of an embedded server outlives its use, however its owner ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packager.client import Client
from packager.errors import UnavailableError
from packager.server import guard
from packager.server import ports as server_ports
from packager.server.embedded import embedded
from packager.server.flags import STOP_GRACE_S
from packager.server.readiness import server_name
from packager.spec.server import ControlMode, EmbeddedServerSpec, Ports

from . import models, traces
from .conftest import config, tensor, write_model

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCORES = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 3)])


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one model, so that the server has a Python stub."""
    write_model(tmp_path / "repository", "scores", models.Scores(), SCORES)
    return tmp_path / "repository"


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_survives_the_owner(repository: Path, tmp_path: Path, how: signal.Signals) -> None:
    """Neither process nor shared memory nor temporary file, even when the owner is killed."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    owner = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "hold_server.py"), str(repository)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
    )
    with owner:
        assert owner.stdout
        identity = owner.stdout.readline().strip()
        assert any("stub" in line for line in traces.processes(identity))
        owner.send_signal(how)
        owner.wait()
    traces.assert_gone(identity, within_s=15)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("grace_s", "status"), [(0.0, 128 + signal.SIGKILL), (STOP_GRACE_S, 0)])
def test_stopping_leaves_nothing(repository: Path, grace_s: float, status: int) -> None:
    """The ordinary end; the server is up until then, and ends by itself if it may."""
    with embedded(EmbeddedServerSpec(grace_s=grace_s), repository) as server:
        identity = server_name(server.endpoints.http) or ""
        assert server.is_running()
        assert len(traces.processes(identity)) == 3
        assert "Started Metrics Service" in server.log_tail(3)
        assert server.failure_reason("scores") is None
    assert not server.is_running()
    assert server.wait() == status
    traces.assert_gone(identity, within_s=0)


@pytest.mark.parametrize(("runs", "left"), [("tritonserver", 2), ("sh", 1)])
def test_folders_of_killed_servers_go_with_the_last_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: str, left: int
) -> None:
    """While another runs nobody knows whose they are; one with something in it is somebody's."""
    (tmp_path / "python_env_empty0").mkdir()
    (tmp_path / "python_env_inuse0" / "0").mkdir(parents=True)
    monkeypatch.setattr(guard, "_STUB_FOLDERS", (tmp_path, "python_env_??????"))
    monkeypatch.setattr(guard, "_comm", lambda _: runs)
    guard._remove_stub_folders()
    assert len(list(tmp_path.iterdir())) == left


def test_a_server_that_is_killed_leaves_nothing(repository: Path) -> None:
    """Its stubs and their memory go with it, and the owner sees the end."""
    with embedded(EmbeddedServerSpec(), repository) as server:
        identity = server_name(server.endpoints.http) or ""
        (triton,) = [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if f"--id={identity}" in path.read_text().split("\0")[1:2]
        ]
        os.kill(triton, signal.SIGKILL)
        assert server.wait() == 128 + signal.SIGKILL
        assert not server.is_running()
    traces.assert_gone(identity, within_s=0)


def test_a_guard_that_is_killed_leaves_nothing(repository: Path) -> None:
    """The server goes with it, and its owner removes what it would have removed."""
    with embedded(EmbeddedServerSpec(), repository) as server:
        identity = server_name(server.endpoints.http) or ""
        assert traces.shared_memory(identity)
        server._process.kill()
        assert server.wait() == -signal.SIGKILL
    traces.assert_gone(identity, within_s=15)


@pytest.mark.parametrize("key", ["http", "grpc", "metrics"])
def test_a_fixed_port_in_use_is_named_before_anything_starts(
    tmp_path: Path, taken_port: int, key: str
) -> None:
    """The error names the port and the key that sets it."""
    fixed: dict[str, Any] = {key: taken_port}
    spec = EmbeddedServerSpec(ports=Ports(**fixed))
    with pytest.raises(UnavailableError, match=str(taken_port)) as caught, embedded(spec, tmp_path):
        pass
    assert caught.value.where == f"server.{key}_port"
    assert caught.value.exit_code == 4


def test_a_free_port_that_is_taken_meanwhile_is_replaced(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our choice and the server's bind another program may come."""
    choose = server_ports.choose
    stolen = [taken_port]

    def unlucky(ports: Ports, address: str) -> Ports:
        chosen = choose(ports, address)
        if not stolen:
            return chosen
        return Ports(http=stolen.pop(), grpc=chosen.grpc, metrics=chosen.metrics)

    monkeypatch.setattr(server_ports, "choose", unlucky)
    with embedded(EmbeddedServerSpec(), tmp_path, control=ControlMode.explicit) as server:
        assert not server.endpoints.http.endswith(f":{taken_port}")
    assert not stolen


def test_a_server_that_is_not_ready_in_time_is_stopped(repository: Path) -> None:
    """The error shows the log's end."""
    spec = EmbeddedServerSpec(ready_timeout_s=0.3)
    unready = pytest.raises(UnavailableError, match=r"not ready after 0\.3 s")
    with unready as caught, embedded(spec, repository):
        pass
    assert caught.value.where == "server.ready_timeout_s"


def test_a_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    """Its own message, not a time-out."""
    flags = ["--model-control-mode=sometimes"]
    ended = pytest.raises(UnavailableError, match="ended while starting: invalid argument for")
    with ended, embedded(EmbeddedServerSpec(), tmp_path, extra_flags=flags):
        pass


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    """Before anything starts."""
    missing = pytest.raises(UnavailableError, match="is not a directory")
    with missing, embedded(EmbeddedServerSpec(), tmp_path / "missing"):
        pass


def test_the_owners_directory_is_not_on_the_stubs_path(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `torch.py` beside the user must not become the server's torch."""
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')")
    monkeypatch.chdir(tmp_path)
    with embedded(EmbeddedServerSpec(), repository.relative_to(tmp_path)) as server:
        assert server.failure_reason("scores") is None


def test_polling_picks_up_a_new_model(tmp_path: Path) -> None:
    """Within seconds, and a broken one's reason is known."""
    repository = tmp_path / "repository"
    repository.mkdir()
    with embedded(EmbeddedServerSpec(), repository, control=ControlMode.poll) as server:
        staged = write_model(tmp_path, "broken", models.Scores(), "platfrm: 3")
        staged.rename(repository / "broken")
        for _ in range(100):
            if reason := server.failure_reason("broken"):
                break
            time.sleep(0.1)
        assert 'no field named "platfrm"' in (reason or "")


@pytest.mark.parametrize("folder", ["with space", "quo'te", "$(touch x)"])
def test_a_path_that_a_shell_would_split_is_served(tmp_path: Path, folder: str) -> None:
    """Triton starts its stub through a shell, unquoted: with such a path it aborts."""
    repository = tmp_path / folder
    repository.mkdir()
    with embedded(EmbeddedServerSpec(), repository, control=ControlMode.poll) as server:
        staged = write_model(tmp_path, "scores", models.Scores(), SCORES)
        staged.rename(repository / "scores")
        with Client(server.endpoints) as client:
            client.wait_for_model("scores", 1, timeout_s=20)
    assert not list(Path(tempfile.gettempdir()).glob("packager-link-*"))


def test_a_cache_that_a_shell_would_split_is_refused(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backends cannot be given by a link: Triton wants real files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    refused = pytest.raises(UnavailableError, match="holds a character")
    with refused as caught, embedded(EmbeddedServerSpec(), repository):
        pass
    assert "XDG_CACHE_HOME" in caught.value.remedy
