"""Our side of the docker command line; `docker` itself is `fake_docker.py` here."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from packager.client import Client, WireFormat
from packager.errors import UnavailableError
from packager.server.docker import command, docker
from packager.spec.server import ControlMode, DockerServerSpec, Ports

from . import models, traces
from .conftest import config, tensor, write_model

ROOT = Path(__file__).parents[2]
SPEC = DockerServerSpec(image="nvcr.io/nvidia/tritonserver:24.12-py3")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fake docker on PATH; what it was called for, a line each."""
    programs = tmp_path / "bin"
    programs.mkdir()
    fake = Path(__file__).parent / "fake_docker.py"
    program = programs / "docker"
    root, python, script = map(shlex.quote, (str(ROOT), sys.executable, str(fake)))
    program.write_text(f'#!/bin/sh\nPYTHONPATH={root} exec {python} {script} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_DOCKER_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAKE_DOCKER_IMAGE", str(tmp_path / "image"))
    (tmp_path / "image").touch()
    return tmp_path / "calls"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one model."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 4)])
    write_model(tmp_path / "repository", "half", models.Half(), text)
    return tmp_path / "repository"


def test_the_command_is_the_documented_one(tmp_path: Path) -> None:
    """Loopback ports, a read-only mount, a name of its own, and the server's flags."""
    chosen = Ports(http=1000, grpc=1001, metrics=1002)
    words = command(SPEC, tmp_path, control=ControlMode.poll, chosen=chosen, identity="packager-1")
    assert words == [
        *("docker", "run", "--rm", "--name=packager-1"),
        "--publish=127.0.0.1:1000:8000",
        "--publish=127.0.0.1:1001:8001",
        "--publish=127.0.0.1:1002:8002",
        f"--mount=type=bind,source={tmp_path},target=/models,readonly",
        "--shm-size=1g",
        "nvcr.io/nvidia/tritonserver:24.12-py3",
        *("tritonserver", "--model-repository=/models", "--id=packager-1"),
        *("--model-control-mode=poll", "--exit-on-error=false", "--strict-readiness=false"),
        *("--exit-timeout-secs=5", "--repository-poll-secs=1"),
    ]


def test_a_container_serves_and_goes(calls: Path, repository: Path) -> None:
    """Ready, answering on every published port, its log readable, and gone afterwards."""
    x = np.ones((2, 4), dtype=np.float32)
    with docker(SPEC, repository) as server:
        with Client(server.endpoints) as client:
            identity = client.server_metadata()["name"]
            for wire in WireFormat:
                assert (client.infer(wire, "half", 1, {"x": x})["y"] == 4).all()
        assert "Started" in server.log_tail(5)
    traces.assert_gone(identity, within_s=0)
    assert calls.read_text().split() == ["version", "image", "run", "rm"]


def test_a_missing_image_is_pulled_first(
    calls: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And it says so: the image is large."""
    (tmp_path / "image").unlink()
    with docker(SPEC, tmp_path, control=ControlMode.explicit):
        pass
    assert calls.read_text().split() == ["version", "image", "pull", "run", "rm"]
    assert "pulling nvcr.io" in caplog.text


def test_a_container_is_removed_when_its_use_fails(calls: Path, tmp_path: Path) -> None:
    """As after Ctrl-C."""
    with pytest.raises(KeyboardInterrupt), docker(SPEC, tmp_path, control=ControlMode.explicit):
        raise KeyboardInterrupt
    assert calls.read_text().split()[-1] == "rm"


@pytest.mark.usefixtures("calls")
def test_a_fixed_port_in_use_is_named(tmp_path: Path) -> None:
    """Before a container starts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        spec = DockerServerSpec(image="triton", ports=Ports(http=port))
        with pytest.raises(UnavailableError, match=str(port)), docker(spec, tmp_path):
            pass
