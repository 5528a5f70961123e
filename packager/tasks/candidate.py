"""A model as it is staged: every file but the manifest, and what that says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager import console
from packager.datasets.load import Dataset
from packager.errors import ProofError
from packager.export import existing, torchscript
from packager.export.preprocessing import with_preprocessing
from packager.model_config.render import STAGED_VERSION, label_filename, render
from packager.proof import contract
from packager.repository.layout import ModelPaths
from packager.repository.manifest import Manifest, sha256
from packager.spec.architecture import TorchScriptSpec
from packager.spec.recipe import Pixels, Recipe
from packager.tasks.recording import (
    dataset_record,
    module_record,
    preprocessing_record,
    training_record,
)
from packager.tasks.training import Made

if TYPE_CHECKING:
    from pathlib import Path

    from packager.proof.result import Proof


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A staged model, to be proven and published, with all that it came from.

    `reference` is what the artifact must answer as: the module before it was exported. `sha256`
    is that of every staged file before the first proof, by its path in the model's directory; what
    is no file is listed by a word.
    """

    recipe: Recipe
    dataset: Dataset | None
    made: Made
    model: ModelPaths
    reference: nn.Module
    artifact: torch.jit.ScriptModule
    sha256: Mapping[str, str]

    def key(self, path: Path) -> str:
        """Return the name by which `sha256` knows a staged file."""
        return str(path.relative_to(self.model.directory))

    def reloaded(self) -> torch.jit.ScriptModule:
        """Return the artifact as it is on disk: what other proofs did to theirs is not in it."""
        return torchscript.load(self.model.artifact(STAGED_VERSION))

    def require_unchanged(self) -> None:
        """Check that the files to be published are those that were proven, byte for byte.

        Raises:
            ProofError: one was written to, added or taken away since they were staged.
        """
        now = _digests_of(self.model)
        changed = sorted(
            path for path in {*now, *self.sha256} if now.get(path) != self.sha256.get(path)
        )
        if changed:
            raise ProofError(
                f"changed while the model was proven: {', '.join(changed)}",
                where="repository.staging",
                remedy="let nothing else write there, and build again",
            )


def stage(recipe: Recipe, dataset: Dataset | None, module: Made, model: ModelPaths) -> Candidate:
    """Write everything but the manifest, and read the artifact back."""
    path = model.artifact(STAGED_VERSION)
    path.parent.mkdir()
    with console.stage("export") as findings:
        reference = _export(recipe, module, path)
        artifact = torchscript.load(path)
        size = path.stat().st_size
        findings.append(f"TorchScript ({_method(recipe)}), {size:,} bytes")
    recipe = contract.derive_outputs(recipe, artifact)
    model.config.write_text(render(recipe))
    if recipe.serving.hosts:
        model.configs.mkdir()
    for host in recipe.serving.hosts:
        model.host_config(host.name).write_text(render(recipe.on(host)))
    if any(label_filename(tensor, recipe) for tensor in recipe.outputs):
        model.labels.write_text("".join(f"{name}\n" for name in recipe.classes))
    if module.trained is not None:
        lines = [epoch.to_json() for epoch in module.trained.epochs]
        model.metrics(STAGED_VERSION).write_text("".join(lines))
    return Candidate(
        recipe=recipe,
        dataset=dataset,
        made=module,
        model=model,
        reference=reference,
        artifact=artifact,
        sha256=_digests_of(model),
    )


def _digests_of(model: ModelPaths) -> dict[str, str]:
    """Return the sha256 of every file of a model, by its path in the model's directory.

    Directories are listed too, and by a word what is neither: links, pipes, devices.
    """
    paths = sorted(model.directory.rglob("*"))
    return {str(path.relative_to(model.directory)): _digest_of(path) for path in paths}


def _digest_of(path: Path) -> str:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        return "no plain file"
    return "directory" if path.is_dir() else sha256(path)


def _export(recipe: Recipe, module: Made, path: Path) -> nn.Module:
    """Write the artifact; return the module that it must answer as."""
    if isinstance(recipe.architecture, TorchScriptSpec):
        existing.copy_in(recipe.architecture, path)
        return torchscript.load(recipe.architecture.path)
    served = module.require_module()
    if recipe.export.pixels is Pixels.uint8 and recipe.dataset is not None:
        served = with_preprocessing(served, recipe.dataset.normalize).eval()
    torchscript.export(served, method=recipe.export.method, path=path)
    return served


def _method(recipe: Recipe) -> str:
    if isinstance(recipe.architecture, TorchScriptSpec):
        return "the file as it is"
    return recipe.export.method.value


def host_configs(candidate: Candidate) -> dict[str, str]:
    """Return the staged configs of hosts."""
    return {host: path.read_text() for host, path in candidate.model.host_configs().items()}


def manifest_of(candidate: Candidate, proofs: list[Proof]) -> Manifest:
    """Return what the manifest says: of files that are unchanged since their proofs.

    Raises:
        ProofError: they are not.
    """
    candidate.require_unchanged()
    model, recipe, trained = candidate.model, candidate.recipe, candidate.made.trained
    files = [model.artifact(STAGED_VERSION)]
    if trained is not None:
        files.append(model.metrics(STAGED_VERSION))
    return Manifest(
        recipe=recipe,
        files={path.name: candidate.sha256[candidate.key(path)] for path in files},
        config=model.config.read_text(),
        host_configs=host_configs(candidate),
        labels=recipe.classes if model.labels.exists() else (),
        dataset=dataset_record(recipe, candidate.dataset),
        preprocessing=preprocessing_record(recipe),
        training=training_record(recipe, trained),
        module=module_record(recipe, candidate.made.module),
        proofs=tuple(proofs),
    )
