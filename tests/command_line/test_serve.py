"""`task=serve`: a real server on the repository, asked from outside."""

from __future__ import annotations

import shlex
import shutil
import signal
import socket
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests

from .conftest import BROKEN, wait_for_url
from .program import REPOSITORY, tree
from .served_answers import ask, scores

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Built, Images, Served
    from .program import Workspace


def test_a_batch_of_128_real_images_is_answered_as_the_artifact_answers(
    built: Built, served: Served, images: Images
) -> None:
    """The same classes, which are not all one, and the same scores but for rounding."""
    found, expected = ask(served.url, 1, images), scores(built.workspace.repository, 1, images)
    assert found.argmax(1).tolist() == expected.argmax(1).tolist()
    assert len(set(found.argmax(1).tolist())) > 3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_endpoints_printed_are_the_ones_that_answer(served: Served) -> None:
    """HTTP and metrics; gRPC is printed with its own port."""
    assert requests.get(f"{served.url}/v2/health/ready", timeout=5).status_code == 200
    lines = {line.split("│")[1].strip(): line for line in served.running.out.splitlines()[:9]
             if line.startswith("│")}  # fmt: skip
    assert set(lines) == {"HTTP", "gRPC", "metrics"}
    metrics = lines["metrics"].split("│")[2].strip()
    assert "nv_inference_request_success" in requests.get(metrics, timeout=5).text


@pytest.mark.parametrize(
    ("model", "reason"),
    [("cut_short", "failed reading zip archive"), ("misspelt", 'no field named "platfrm"')],
)
def test_a_broken_model_is_listed_with_the_reason_of_triton(
    served: Served, model: str, reason: str
) -> None:
    """While the good one beside it is ready."""
    assert model in BROKEN
    rows = [line for line in served.running.out.splitlines() if line.startswith("│")]
    assert any("fashion_cnn" in row and "ready" in row for row in rows)
    listed = [row for row in rows if row.split("│")[1].strip() == model]
    assert listed, served.running.out
    assert "ready" not in listed[0]
    assert reason in served.running.out.partition("Models")[2]


def test_a_missing_repository_is_told(workspace: Workspace) -> None:
    """With how to get one; it is not created."""
    result = workspace.run("task=serve")
    assert result.status == 4
    assert result.error.startswith("error: repository.path: there is no model repository at ")
    assert "model=fashion_cnn" in result.error
    assert tree(workspace.cwd) == {}


@pytest.mark.parametrize(
    "server", [("server=none",), ("server=external", "server.url=127.0.0.1:1")]
)
def test_what_is_not_ours_to_start_is_refused(
    workspace: Workspace, server: tuple[str, ...]
) -> None:
    """Serving needs a server of ours."""
    workspace.repository.mkdir()
    result = workspace.run("task=serve", *server)
    assert result.status == 2
    assert result.error.startswith("error: server: ")
    assert "server=embedded" in result.error
    assert tree(workspace.cwd) == {REPOSITORY: "folder"}


def test_what_becomes_of_models_while_serving_is_told_once(built: Built, served: Served) -> None:
    """A new one is ready, a damaged version is not and says why, and one that goes is unloaded."""
    repository, running = built.workspace.repository, served.running
    second = built.workspace.root / "second"
    shutil.copytree(repository / "fashion_cnn", second)
    config = (second / "config.pbtxt").read_text().replace('"fashion_cnn"', '"second"')
    (second / "config.pbtxt").write_text(config)
    second.rename(repository / "second")
    running.wait_until(lambda: "second 1 is ready" in running.err)
    damaged = built.workspace.root / "damaged"
    damaged.mkdir()
    (damaged / "model.pt").write_bytes(b"PK\3\4 cut short")
    damaged.rename(repository / "second" / "2")
    running.wait_until(lambda: "second 2 is not ready" in running.err)
    time.sleep(2.5)  # Triton tries again at every poll
    shutil.rmtree(repository / "second")
    running.wait_until(lambda: "second 1 is unloaded" in running.err)
    told = [line for line in running.err.splitlines() if "second 2 is not ready" in line]
    (line,) = [line for line in told if "failed reading zip archive" in line]
    assert "copy it anew" in line


def test_explicit_control_loads_what_is_named_and_ctrl_c_twice_leaves_nothing(
    built: Built, workspace: Workspace
) -> None:
    """From another directory, with the whole log in a file."""
    with workspace.start(
        "task=serve",
        f"repository.path={built.workspace.repository}",
        "task.control=explicit",
        "task.load=[fashion_cnn]",
        "task.log=triton.log",
    ) as running:
        wait_for_url(running)
        running.wait_until(lambda: "Ctrl-C" in running.err)
        running.signal_group(signal.SIGINT)
        running.wait_until(lambda: "stopping" in running.err)
        running.signal_group(signal.SIGINT)
        result = running.result()
    assert (result.status, "Traceback" in result.err) == (130, False)
    (row,) = [line for line in result.out.splitlines() if line.startswith("│ fashion_cnn")]
    assert "ready" in row
    log = (workspace.cwd / "triton.log").read_text()
    assert "successfully loaded 'fashion_cnn'" in log
    assert not any(name in log for name in BROKEN)
    workspace.wait_until_nothing_is_left(within_s=20)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("task.control=explicit", "task.load=[nope]"), "task.load: there is no model 'nope'"),
        (("task.load=[nope]",), "task.load: is for explicit control"),
        (("task.log=missing/triton.log",), "task.log: the server's log cannot be written"),
    ],
)
def test_what_cannot_be_served_so_is_told_before_anything_starts(
    workspace: Workspace, arguments: tuple[str, ...], problem: str
) -> None:
    """Triton would start without the model."""
    workspace.repository.mkdir()
    assert workspace.run("task=serve", *arguments).error.startswith(f"error: {problem}")


def test_a_port_in_use_is_named(workspace: Workspace) -> None:
    """With the key that sets it."""
    workspace.repository.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = workspace.run("task=serve", f"server.http_port={port}")
    assert result.status == 4
    assert result.error.startswith(f"error: server.http_port: port {port} on 127.0.0.1 cannot be")


def test_an_address_that_others_reach_is_warned_of(workspace: Workspace) -> None:
    """Here one that no host has, so that nobody reaches it."""
    workspace.repository.mkdir()
    result = workspace.run("task=serve", "server.address=203.0.113.1")
    assert result.status == 4
    assert "the server listens on 203.0.113.1: whoever reaches" in " ".join(result.err.split())


@pytest.mark.parametrize("server", ["auto", "embedded"])
def test_the_docker_command_is_printed_where_there_is_neither_docker_nor_a_wheel(
    workspace: Workspace, tmp_path: Path, server: str
) -> None:
    """One line for a shell, with the ports, the control and the models that were chosen."""
    repository = workspace.cwd / "my models"
    (repository / "m").mkdir(parents=True)
    (tmp_path / "pytriton").mkdir()
    (tmp_path / "pytriton" / "__init__.py").touch()
    result = workspace.run(
        *("task=serve", "task.print=true", f"server={server}", "server.http_port=100"),
        *("repository.path='my models'", "task.control=explicit"),
        PYTHONPATH=str(tmp_path),
        PATH="/nonexistent",
    )
    assert (result.status, result.err) == (0, "")
    assert result.out.count("\n") == 1
    assert shlex.split(result.out) == [
        *("docker", "run", "--rm"),
        "--publish=127.0.0.1:100:8000",
        "--publish=127.0.0.1:8001:8001",
        "--publish=127.0.0.1:8002:8002",
        f"--mount=type=bind,source={repository},target=/models,readonly",
        "--shm-size=1g",
        "nvcr.io/nvidia/tritonserver:24.12-py3",
        *("tritonserver", "--model-repository=/models", "--model-control-mode=explicit"),
        *("--exit-on-error=false", "--strict-readiness=false", "--exit-timeout-secs=5"),
        "--load-model=*",
    ]
