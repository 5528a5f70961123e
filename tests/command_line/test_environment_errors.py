"""What the recipe and the host cannot do is found before training, and nothing is published."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from .program import FASHION, PACKAGER, REPOSITORY, Workspace, files_but_locks, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Built
    from .program import Result

UNCHECKED = (*FASHION, "server=none")

CANNOT_WORK = {
    "dims of another size": (
        (*UNCHECKED, "inputs.0.dims=[1,32,32]"),
        2,
        ("inputs[0].dims: is [1, 32, 32]", "[1, 28, 28]", "Remedy: "),
    ),
    "kernel larger than the image": (
        (
            *UNCHECKED,
            "architecture.layers=[{Conv2d: {out_channels: 4, kernel_size: 40}}, Flatten]",
        ),
        2,
        ("architecture.layers[0]: Conv2d does not fit", "[1, 28, 28]", "Remedy: "),
    ),
    "head of another size": (
        (*UNCHECKED, "architecture.layers=[Flatten, {Linear: {out_features: 9}}]"),
        2,
        ("architecture.layers[1]: ", "[9]", "10 classes", "out_features: 10"),
    ),
    "outputs of another size": (
        (*UNCHECKED, "outputs.0.dims=[9]"),
        2,
        ("outputs[0].dims: is [9]", "[10]", "Remedy: "),
    ),
    "data from nowhere": (
        (*UNCHECKED, "dataset.path=/nonexistent", "cache.path=cache"),
        4,
        ("dataset fashion_mnist: ", "/nonexistent", "dataset.path=DIR", "t10k-images-idx3-ubyte"),
    ),
    "repository under a file": (
        (*UNCHECKED, "repository.path=a_file/repository"),
        4,
        ("repository.path: ", "a_file: File exists", "Remedy: "),
    ),
    "no server at the address": (
        (*FASHION, "server=external", "server.url=127.0.0.1:1", "server.ready_timeout_s=1"),
        4,
        ("server.url: no ready Triton answered at 127.0.0.1:1", "server=embedded"),
    ),
}


def _assert_found_before_training(result: Result) -> None:
    assert not re.search(r"^ +(train|export) ", result.err, re.MULTILINE)  # kept results neither
    assert result.out == ""


@pytest.fixture(scope="module")
def answers(
    tmp_path_factory: pytest.TempPathFactory, built: Built
) -> dict[str, tuple[Workspace, Result]]:
    """Every case by its name, with where it ran; two at a time, because each imports torch."""
    assert built.result.status == 0  # the data are in the cache

    def run(arguments: tuple[str, ...]) -> tuple[Workspace, Result]:
        workspace = Workspace(tmp_path_factory.mktemp("case"))
        (workspace.cwd / "a_file").write_text("not a folder")
        return workspace, workspace.run(*arguments)

    with ThreadPoolExecutor(2) as pool:
        found = pool.map(run, (arguments for arguments, _, _ in CANNOT_WORK.values()))
        return dict(zip(CANNOT_WORK, found, strict=True))


@pytest.mark.parametrize("case", CANNOT_WORK)
def test_it_is_found_before_training(
    answers: dict[str, tuple[Workspace, Result]], case: str
) -> None:
    """One paragraph; no model comes into the repository, and nothing stays in staging."""
    workspace, result = answers[case]
    _, status, told = CANNOT_WORK[case]
    assert result.status == status, result.err
    assert [words for words in told if words not in result.error] == []
    _assert_found_before_training(result)
    assert files_but_locks(workspace.repository) == []
    assert files_but_locks(workspace.staging) == []
    assert workspace.left_behind() == []


def test_no_docker_daemon_is_found_before_training(workspace: Workspace) -> None:
    """The daemon is asked; a program on PATH is no daemon."""
    docker = ("docker", "version", "--format", "{{.Server.Version}}")
    if (
        shutil.which("docker")
        and subprocess.run(docker, capture_output=True, check=False).returncode == 0
    ):
        pytest.skip("a Docker daemon runs here")
    result = workspace.run(*FASHION, "server=docker", DOCKER_HOST="unix:///nonexistent.sock")
    assert result.status == 4
    assert result.error.startswith("error: server: ")
    assert "server=embedded" in result.error
    _assert_found_before_training(result)
    assert files_but_locks(workspace.repository) == []


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_fixed_port_in_use_is_found_before_training(
    workspace: Workspace, taken_port: int
) -> None:
    """The error names the port and its key."""
    result = workspace.run(*FASHION, "server=embedded", f"server.http_port={taken_port}")
    assert result.status == 4
    assert result.error.startswith(f"error: server.http_port: port {taken_port} ")
    assert "Remedy: " in result.error
    assert files_but_locks(workspace.repository) == []
    assert workspace.left_behind() == []
    _assert_found_before_training(result)


def test_a_read_only_repository_is_found_before_training(with_version_1: Workspace) -> None:
    """A read-only mount, which stops root too; the mount is seen by the child only."""
    repository = with_version_1.repository
    before = tree(repository)
    read_only = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    in_namespace = ("unshare", "--mount", "sh", "-c", read_only, str(repository))
    if subprocess.run([*in_namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    result = with_version_1.run(*UNCHECKED, "trainer.seed=1", command=[*in_namespace, *PACKAGER])
    assert result.status == 4
    assert result.error.startswith("error: repository.path: ")
    assert "Read-only file system" in result.error
    assert "mount it writable" in result.error
    _assert_found_before_training(result)
    assert tree(repository) == before
    assert {path.name for path in with_version_1.cwd.iterdir()} == {REPOSITORY}
