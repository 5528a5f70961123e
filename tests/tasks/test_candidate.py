"""A staged model: its bytes are those that were proven, from the first proof to publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from packager.errors import ProofError
from packager.repository.layout import ModelPaths
from packager.spec.architecture import TorchScriptSpec
from packager.tasks.candidate import STAGED_VERSION, Candidate, manifest_of, stage
from packager.tasks.training import Made
from packager.training.checkpoints import Checkpoints
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data
from tests.proof.artifacts import Doubled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SERVING = recipe("model=fashion_cnn", "serving/hosts=cpu_and_gpu").serving


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    """Give a staged model with configs for two hosts."""
    model = ModelPaths(tmp_path / "m")
    model.directory.mkdir()
    made = Made(module=Doubled().eval(), trained=None, kept=Checkpoints(folder=None))
    return stage(without_data([tensor("x", 4)], [], SERVING), None, made, model)


def test_what_is_staged_is_digested_whole(candidate: Candidate) -> None:
    """Each file and folder that will be published; the manifest has the artifact's digest."""
    configs = ["config.pbtxt", "configs", "configs/cpu.pbtxt", "configs/gpu.pbtxt"]
    assert sorted(candidate.sha256) == ["1", "1/model.pt", *configs]
    manifest = manifest_of(candidate, [])
    assert manifest.files["model.pt"] == candidate.sha256["1/model.pt"]
    assert set(manifest.host_configs) == {"cpu", "gpu"}
    assert "KIND_GPU" in manifest.host_configs["gpu"]
    assert not isinstance(candidate.recipe.architecture, TorchScriptSpec)


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
    """One more byte, one more file, one less: it is named, and there is no manifest."""
    change(candidate.model)
    with pytest.raises(ProofError, match="changed while the model was proven") as caught:
        manifest_of(candidate, [])
    assert path in caught.value.problem


def test_the_artifact_is_read_again_from_disk(candidate: Candidate) -> None:
    """Not the object that other proofs have asked."""
    again = candidate.reloaded()
    assert again is not candidate.artifact
    asked = torch.rand(2, 4)
    assert torch.equal(again(asked), candidate.artifact(asked))
