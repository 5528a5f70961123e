"""Sweeps on Ray: its own cluster, one that runs, two nodes; jobs killed, sweeps broken off."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.repository.kills import require_strace
from tests.repository.remote import s3

from .program import UNTRAINED, Result, Workspace, orphaned_shared_memory

if TYPE_CHECKING:
    from collections.abc import Iterator


pytest.importorskip("ray", reason="the extra `ray` is not installed")
if " " in sys.executable:
    pytest.skip("nodes start no Python at a path with a space", allow_module_level=True)

DRAWN = (
    *UNTRAINED,
    "architecture.layers=[{Linear: {out_features: 3}}]",
    "serving.max_batch_size=4",
)
TWO_JOBS = (*DRAWN, "serving.instance_group.count=1,2")
CLUSTER = "hydra/launcher=ray_cluster"
RUNTIME_ENV = "+hydra.launcher.ray.init.runtime_env.env_vars"
Swept = tuple[Workspace, Result]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """What Ray needs for itself: a folder with a short path, for its sockets, and a token."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
        token = secrets.token_hex(16)
        yield {"RAY_TMPDIR": folder, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}


@pytest.fixture(scope="module")
def store() -> Iterator[s3.S3]:
    """An S3 server, which nothing but what asks for it hears of."""
    with s3.running() as found:
        yield found


@contextlib.contextmanager
def _bucket(store: s3.S3) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        yield s3.new_bucket()


class Nodes:
    """Two nodes with a processor each, and the processes of their jobs."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.workspace = Workspace(folder)
        command = (sys.executable, str(Path(__file__).with_name("ray_nodes.py")), "1", "1")
        self.process = subprocess.Popen(
            command,
            env=self.workspace.environment(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.environment = environment | {"RAY_ADDRESS": self.process.stdout.readline().strip()}

    def jobs(self) -> dict[int, int]:
        """Return the process of each job that runs, by its number: it holds the job's lock."""
        found = {}
        for pid in self.workspace.process_ids():
            with contextlib.suppress(OSError):
                for opened in Path(f"/proc/{pid}/fd").iterdir():
                    target = opened.readlink()
                    if target.name == "job.lock":
                        found[int(target.parent.name)] = pid
        return found

    def servers(self) -> list[str]:
        """Return the command lines of servers and of what they have started."""
        found = self.workspace.processes()
        return [one for one in found if "tritonserver" in one or "python_backend" in one]

    def end(self) -> None:
        """End all of it."""
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        self.workspace.wait_until_nothing_is_left(within_s=10)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Nodes]:
    """A cluster that has nothing of the environment in which sweeps are started."""
    started = Nodes(tmp_path_factory.mktemp("nodes"), environment)
    yield started
    started.end()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _serves(nodes: Nodes, job: int) -> bool:
    """Say whether a job has a server, whose guard is its child."""
    return any(
        "guard.py" in Path(f"/proc/{pid}/cmdline").read_text() and _parent(pid) == job
        for pid in nodes.workspace.process_ids()
    )


def _result(workspace: Workspace, job: int) -> dict[str, object]:
    (file,) = workspace.cwd.glob(f"multirun/*/*/{job}/result.json")
    found: dict[str, object] = json.loads(file.read_text())
    return found


def _kill_at_its_end(workspace: Workspace, job: int, pid: int) -> subprocess.Popen[bytes]:
    """Kill a job's process when it looks at its result, before it writes there that it is done."""
    require_strace()
    (file,) = workspace.cwd.glob(f"multirun/*/*/{job}/result.json")
    return subprocess.Popen(
        [
            *("strace", "-p", str(pid), "-P", str(file), "-o", "/dev/null"),
            *("--trace=%%stat", "--inject=%%stat:signal=KILL"),
        ],
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def killed(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """A job a node; one is killed while its server runs, the other when it has published."""
    workspace = Workspace(tmp_path_factory.mktemp("killed"))
    with workspace.start("-m", *TWO_JOBS, CLUSTER, **nodes.environment) as running:
        running.wait_until(lambda: len(nodes.jobs()) == 2)
        first, second = (pid for _, pid in sorted(nodes.jobs().items()))
        assert _parent(first) != _parent(second)  # a node's processes are its raylet's
        waiting = {
            first: lambda: os.kill(first, signal.SIGKILL),
            second: lambda: strace.append(_kill_at_its_end(workspace, 1, second)),
        }
        strace: list[subprocess.Popen[bytes]] = []

        def all_have_servers() -> bool:
            for pid in [one for one in waiting if _serves(nodes, one)]:
                waiting.pop(pid)()
            return not waiting

        running.wait_until(all_have_servers)
        strace[0].wait(90)
        assert (workspace.repository / "scorer-count_2/1/manifest.json").is_file()
        assert _result(workspace, 1)["status"] == "running"
        return workspace, running.result()


def test_jobs_that_are_killed_run_again_and_publish_once(killed: Swept) -> None:
    """Also one that had published: what it published is there already."""
    workspace, result = killed
    assert result.status == 0, result.err
    assert [_result(workspace, job)["status"] for job in (0, 1)] == ["done", "done"]
    assert result.out.count("│ done") == 2
    assert "scorer-count_2 is unchanged: version 1" in result.out
    versions = workspace.repository.glob("*/[0-9]*")
    assert sorted(f"{one.parent.name}/{one.name}" for one in versions) == [
        "scorer-count_1/1",
        "scorer-count_2/1",
    ]


def test_of_a_job_that_was_killed_nothing_is_left(killed: Swept, nodes: Nodes) -> None:
    """Its server ends with it, with its shared memory."""
    assert killed[1].status == 0
    assert nodes.servers() == []
    assert orphaned_shared_memory() == []


def test_nodes_publish_to_a_store_that_they_are_told_of(
    nodes: Nodes, store: s3.S3, tmp_path: Path
) -> None:
    """Variables of the command reach jobs by `runtime_env`; a job that fails makes the status 1."""
    workspace = Workspace(tmp_path)
    handed = [f"{RUNTIME_ENV}.{name}=${{oc.env:{name}}}" for name in store.environment]
    with _bucket(store) as bucket:
        to = f"repository.path=s3://{bucket}/models,s3://none/models"
        swept = ("-m", *DRAWN, to, "server=none", CLUSTER, *handed)
        result = workspace.run(*swept, cwd=workspace.cwd, **nodes.environment)
        published = [key for key in s3.objects(bucket) if key.endswith("/1/manifest.json")]
    assert result.status == 1, result.err
    assert [_result(workspace, job)["status"] for job in (0, 1)] == ["done", "failed"]
    assert "no bucket 'none'" in str(_result(workspace, 1)["error"])
    assert len(published) == 1
    assert s3.SECRET not in result.out + result.err


@contextlib.contextmanager
def _head(workspace: Workspace, environment: dict[str, str]) -> Iterator[str]:
    """Run `ray start --head`, as somebody would before sweeps; give its address."""
    port = s3.free_port()
    ray = Path(sys.executable).with_name("ray")
    process = subprocess.Popen(
        [ray, "start", "--head", "--block", f"--port={port}", "--include-dashboard=false"],
        env=workspace.environment(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        s3.wait_for(port)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def test_a_cluster_that_runs_hands_its_own_environment_to_jobs(
    environment: dict[str, str], store: s3.S3, tmp_path: Path
) -> None:
    """By `ray start`, where the store's variables are; nothing of it is left when it has ended."""
    workspace = Workspace(tmp_path)
    with (
        _head(workspace, environment | store.environment) as address,
        _bucket(store) as bucket,
    ):
        to = f"repository.path=s3://{bucket}/models"
        swept = ("-m", *DRAWN, to, "task=plan", CLUSTER)
        found = environment | {"RAY_ADDRESS": address}
        result = workspace.run(*swept, cwd=workspace.cwd, **found)
    assert result.status == 0, result.err
    assert f"scorer version 1 would be published to s3://{bucket}/models" in result.out
    workspace.wait_until_nothing_is_left(within_s=10)


def test_a_cluster_that_does_not_answer_is_told_at_once(workspace: Workspace) -> None:
    """Ray itself would try for many minutes."""
    address = f"127.0.0.1:{s3.free_port()}"
    result = workspace.run("-m", *TWO_JOBS, CLUSTER, RAY_ADDRESS=address)
    assert result.status == 4
    assert f"RAY_ADDRESS: no Ray cluster answers at {address}" in result.err
    assert list(workspace.cwd.iterdir()) == []


LOCAL = "hydra/launcher=ray_local"
ENDS = {
    "ctrl-c": (LOCAL, signal.SIGINT, 130),
    "terminated": (LOCAL, signal.SIGTERM, 143),
    "ctrl-c, on nodes": (CLUSTER, signal.SIGINT, 130),
}
"""The launcher, the signal, and the command's status."""


def _broken_off(folder: Path, nodes: Nodes, how: str) -> Swept:
    launcher, number, _ = ENDS[how]
    workspace = Workspace(folder)
    jobs = nodes.workspace if launcher == CLUSTER else workspace
    environment = dict(nodes.environment)
    if launcher == LOCAL:
        del environment["RAY_ADDRESS"]
    first = 100 * (1 + list(ENDS).index(how))  # of each its own, which no other has proven
    swept = (*DRAWN, f"serving.dynamic_batching.max_queue_delay_us={first},{first + 1}")
    with workspace.start("-m", *swept, launcher, **environment) as running:
        running.wait_until(lambda: any("tritonserver" in one for one in jobs.processes()))
        if number is signal.SIGINT:
            running.signal_group(number)  # as a terminal does
        else:
            running.signal_alone(number)
        return workspace, running.result()


@pytest.fixture(scope="module")
def broken_off(
    killed: Swept, nodes: Nodes, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Swept]:
    """Sweeps that a signal ends while servers run."""
    assert killed[1].status == 0  # the nodes have nothing to do
    folders = [tmp_path_factory.mktemp("broken_off") for _ in ENDS]
    with ThreadPoolExecutor(len(ENDS)) as pool:
        swept = pool.map(_broken_off, folders, [nodes] * len(ENDS), ENDS)
        return dict(zip(ENDS, swept, strict=True))


@pytest.mark.parametrize("how", ENDS)
def test_a_sweep_that_is_broken_off_leaves_nothing_of_ray(
    how: str, broken_off: dict[str, Swept]
) -> None:
    """No process of a cluster of its own, no shared memory; the table says what had no end."""
    workspace, result = broken_off[how]
    assert result.status == ENDS[how][2], result.err
    assert "Traceback" not in result.err
    assert "SIGTERM" not in result.err
    assert "killed" in result.out or "interrupted" in result.out
    workspace.wait_until_nothing_is_left(within_s=10)


def test_jobs_that_a_signal_ended_leave_nothing_on_nodes(
    nodes: Nodes, broken_off: dict[str, Swept]
) -> None:
    """Neither servers nor their Python stubs."""
    assert broken_off["ctrl-c, on nodes"][1].status == 130
    deadline = time.monotonic() + 10
    while nodes.servers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert nodes.servers() == []
