"""Sixteen builds of one model at once, by sixteen processes of the real program."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from packager.repository.manifest import sha256

from .program import Result, Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COUNT = 16
SCORER = (
    "name=scorer",
    "dataset=none",
    "trainer=none",
    "trainer.threads=1",
    "inputs=[{name: x, data_type: FP32, dims: [4]}]",
    "architecture.layers=[{Linear: {out_features: 3}}]",
    "serving.max_batch_size=4",
    "server=none",
)
"""A model that needs no data and no time: its weights are drawn from the seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sixteen:
    """What sixteen builds answered, and the workspace that they had in common."""

    workspace: Workspace
    results: list[Result]
    seconds: float

    @property
    def model(self) -> Path:
        """The model's directory."""
        return self.workspace.repository / "scorer"

    @property
    def versions(self) -> list[int]:
        """The versions that are there."""
        return sorted(int(path.name) for path in self.model.iterdir() if path.name.isdecimal())


def _built(folder: Path, arguments: Sequence[tuple[str, ...]]) -> Sixteen:
    workspace = Workspace(folder)
    started = time.monotonic()
    with ThreadPoolExecutor(len(arguments)) as pool:
        results = list(pool.map(lambda more: workspace.run(*SCORER, *more), arguments))
    return Sixteen(workspace=workspace, results=results, seconds=time.monotonic() - started)


@pytest.fixture(scope="module")
def different(tmp_path_factory: pytest.TempPathFactory) -> Sixteen:
    """Sixteen seeds."""
    seeds = [(f"trainer.seed={seed}",) for seed in range(COUNT)]
    return _built(tmp_path_factory.mktemp("different"), seeds)


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Sixteen:
    """Sixteen times the same, with a cache that knows nothing of it."""
    folder = tmp_path_factory.mktemp("same")
    return _built(folder, [(f"cache.path={folder}/cache",)] * COUNT)


def test_sixteen_different_builds_give_sixteen_whole_versions(different: Sixteen) -> None:
    """Each with the files of its own manifest; every process names the version that is its own."""
    print(f"16 different builds: {different.seconds:.1f} s")  # noqa: T201  for docs/benchmarks.md
    assert [result.status for result in different.results] == [0] * COUNT, different.results
    assert different.versions == list(range(1, COUNT + 1))
    seeds = {}
    for version in different.versions:
        folder = different.model / str(version)
        manifest = json.loads((folder / "manifest.json").read_text())
        seeds[manifest["seed"]] = version
        assert manifest["files"] == {
            path.relative_to(folder).as_posix(): sha256(path)
            for path in folder.rglob("*")
            if path.is_file() and path.name != "manifest.json"
        }
    assert sorted(seeds) == list(range(COUNT))
    for seed, result in enumerate(different.results):
        assert f"scorer version {seeds[seed]} is published" in result.out


def test_the_config_is_that_of_the_last_one(different: Sixteen) -> None:
    """And Triton's default policy serves that."""
    manifest = json.loads((different.model / str(COUNT) / "manifest.json").read_text())
    assert (different.model / "config.pbtxt").read_text() == manifest["config"]


def test_sixteen_equal_builds_give_one_version(same: Sixteen) -> None:
    """One of them publishes it, and the others say that it is there."""
    print(f"16 equal builds: {same.seconds:.1f} s")  # noqa: T201  for docs/benchmarks.md
    assert [result.status for result in same.results] == [0] * COUNT, same.results
    assert same.versions == [1]
    told = [result.out for result in same.results]
    assert sum("scorer version 1 is published" in out for out in told) == 1
    assert sum("scorer is unchanged: version 1" in out for out in told) == COUNT - 1


@pytest.mark.parametrize("which", ["different", "same"])
def test_nothing_is_left_of_them(which: str, request: pytest.FixtureRequest) -> None:
    """No process, no temporary file, nothing in staging but the highest number given."""
    built: Sixteen = request.getfixturevalue(which)
    assert built.workspace.left_behind() == []
    left = [path.name for path in built.workspace.staging.iterdir()]
    assert [name for name in left if name.startswith("scorer-")] == []
    shutil.rmtree(built.workspace.repository)
