"""One build and one server, shared by all tests that only look at them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from .program import FASHION, Result, Running, Workspace, files_but_locks, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Images = npt.NDArray[np.float32]

BROKEN = {
    "cut_short": 'name: "cut_short" platform: "pytorch_libtorch" max_batch_size: 8\n'
    'input [{ name: "x" data_type: TYPE_FP32 dims: [4] }]\n'
    'output [{ name: "y" data_type: TYPE_FP32 dims: [2] }]\n',
    "misspelt": 'name: "misspelt" platfrm: "pytorch_libtorch"\n',
}
"""Models that cannot load: one whose `model.pt` is cut short, one whose config does not parse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """The first build of a recipe, and what was on disk right after it."""

    workspace: Workspace
    result: Result
    files: Mapping[str, str]
    left_behind: list[str]
    staged: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """`task=serve` on the build's repository, with two broken models beside the good one."""

    running: Running
    url: str


def wait_for_url(running: Running) -> str:
    """Return the HTTP address that `task=serve` prints, once it has printed its models too."""
    running.wait_until(lambda: "Models" in running.out and "fashion_cnn" in running.out)
    found = re.search(r"HTTP\W+(http://127\.0\.0\.1:\d+)", running.out)
    assert found, running.out
    return found[1]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty working directory."""
    return Workspace(tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, cache_home: Path) -> Built:
    """fashion_cnn, built once with the live proof."""
    assert cache_home.is_dir()
    workspace = Workspace(tmp_path_factory.mktemp("built"))
    result = workspace.run(*FASHION)
    assert result.status == 0, result.err
    return Built(
        workspace=workspace,
        result=result,
        files=tree(workspace.cwd),
        left_behind=workspace.left_behind(),
        staged=files_but_locks(workspace.staging),
    )


def copy_version_1(built: Built, workspace: Workspace) -> None:
    """Put fashion_cnn, version 1, into the repository of another working directory."""
    model = built.workspace.repository / "fashion_cnn"
    target = workspace.repository / "fashion_cnn"
    shutil.copytree(model / "1", target / "1")
    shutil.copytree(model / "warmup", target / "warmup")
    for name in ("config.pbtxt", "labels.txt"):
        shutil.copy(model / name, target / name)


@pytest.fixture
def with_version_1(built: Built, workspace: Workspace) -> Workspace:
    """A working directory of one's own whose repository has fashion_cnn, version 1."""
    copy_version_1(built, workspace)
    return workspace


@pytest.fixture(scope="session")
def images(built: Built, cache_home: Path) -> Images:
    """128 real Fashion-MNIST test images, float32 [128, 1, 28, 28] as the model takes them."""
    assert built.result.status == 0  # the data are in the cache
    path = cache_home / "packager" / "data" / "fashion_mnist" / "t10k-images-idx3-ubyte"
    pixels = np.frombuffer(path.read_bytes(), dtype=np.uint8, offset=16, count=128 * 28 * 28)
    return pixels.reshape(128, 1, 28, 28).astype(np.float32) / 255


@pytest.fixture(scope="session")
def served(built: Built) -> Iterator[Served]:
    """The one server for all requests, in poll mode."""
    repository = built.workspace.repository
    for name, config in BROKEN.items():
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "1" / "model.pt").write_bytes(b"PK\3\4 cut short")
        (repository / name / "config.pbtxt").write_text(config)
    with built.workspace.start("task=serve") as running:
        yield Served(running=running, url=wait_for_url(running))
