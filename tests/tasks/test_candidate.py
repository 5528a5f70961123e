"""A staged model: its bytes are those that were proven, from the first proof to publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from packager.errors import ProofError
from packager.model_config.render import STAGED_VERSION
from packager.repository.layout import ModelPaths
from packager.spec.job import Stage
from packager.stages.start import begun
from packager.tasks.candidate import Candidate, stage
from packager.tasks.exporting import export
from packager.tasks.ingredients import Ingredients
from packager.tasks.recording import manifest_of
from packager.tasks.rendering import rendered
from tests.model_config.composing import job
from tests.proof.artifacts import Doubled, artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from packager.stages.output import Output
    from packager.stages.walk import Walk


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """Give a build of a finished file, for two hosts, that has come to the proofs."""
    artifact(Doubled(), tmp_path)
    packaged = job(
        *("architecture=torchscript", f"architecture.torchscript={tmp_path / 'model.pt'}"),
        *("dataset=none", "trainer=none", "inputs=[{name: x, data_type: FP32, dims: [4]}]"),
        *("serving/hosts=cpu_and_gpu", "serving.version_policy.kind=specific", "name=m"),
        *("server=none", f"cache.path={tmp_path / 'cache'}"),
    )
    with begun(packaged) as walk:
        _keep(walk, Stage.export, export(walk, Ingredients(walk)))
        _keep(walk, Stage.render, rendered(walk.recipe, walk.samples()))
        yield walk


def _keep(walk: Walk, one: Stage, output: Output) -> None:
    walk.keep(one, output, inputs=walk.inputs(one), seconds=1.0)


@pytest.fixture
def candidate(walk: Walk, tmp_path: Path) -> Candidate:
    """Give the staged model."""
    model = ModelPaths(tmp_path / "staging" / "m")
    model.directory.mkdir(parents=True)
    return stage(walk, model)


def test_what_is_staged_is_digested_whole(walk: Walk, candidate: Candidate) -> None:
    """Each file and folder that will be published.

    The manifest has the artifact's digest, and the config as the version's number makes it.
    """
    configs = ["config.pbtxt", "configs", "configs/cpu.pbtxt", "configs/gpu.pbtxt"]
    (sample,) = (path.name for path in candidate.model.warmup.iterdir())
    samples = ["warmup", f"warmup/{sample}"]
    version = ["1", "1/model.pt", *(f"1/{path}" for path in samples)]
    assert sorted(candidate.sha256) == [*version, *configs, *samples]
    manifest = manifest_of(walk, candidate, proofs=[], version=7)
    names = ("model.pt", f"warmup/{sample}")
    assert manifest.files == {name: candidate.sha256[f"1/{name}"] for name in names}
    assert sample.removeprefix("input0-") == manifest.files[f"warmup/{sample}"][:8]
    staged = candidate.model.config.read_text()
    assert "versions: [1]" in staged
    assert manifest.config == staged.replace("versions: [1]", "versions: [7]")
    assert set(manifest.host_configs) == {"cpu", "gpu"}
    assert "KIND_GPU" in manifest.host_configs["gpu"]


def _append(model: ModelPaths) -> None:
    with model.artifact(STAGED_VERSION).open("ab") as file:
        file.write(b" ")


def _add(model: ModelPaths) -> None:
    model.host_config("other").write_text("")


def _remove(model: ModelPaths) -> None:
    model.host_config("cpu").unlink()


def _add_version(model: ModelPaths) -> None:
    model.version(7).mkdir()


def _link(model: ModelPaths) -> None:
    (model.directory / "link").symlink_to("/etc")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_append, "1/model.pt"),
        (_add, "configs/other.pbtxt"),
        (_remove, "configs/cpu.pbtxt"),
        (_add_version, "7"),
        (_link, "link"),
    ],
)
def test_a_file_that_changes_while_it_is_proven_is_refused(
    candidate: Candidate, change: Callable[[ModelPaths], None], path: str
) -> None:
    """One more byte, one more file, one less: it is named."""
    candidate.require_unchanged()
    change(candidate.model)
    with pytest.raises(ProofError, match="changed while the model was proven") as caught:
        candidate.require_unchanged()
    assert path in caught.value.problem


def test_the_artifact_is_read_again_from_disk(candidate: Candidate) -> None:
    """For every proof: not the object that others have asked."""
    first, again = candidate.loaded(), candidate.loaded()
    assert again is not first
    asked = torch.rand(2, 4)
    assert torch.equal(again(asked), first(asked))
