"""A model as it is staged: every file but the manifest, and what that says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from packager.errors import ProofError
from packager.export import torchscript
from packager.model_config.render import STAGED_VERSION
from packager.model_config.warmup import warmup
from packager.repository.layout import ModelPaths
from packager.repository.manifest import sha256
from packager.spec.job import Stage
from packager.stages.walk import ARTIFACT
from packager.tasks.metrics import metrics_lines

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from packager.model_config.warmup import WarmupInput
    from packager.proof.golden import Golden
    from packager.stages.walk import Walk

DIRECTORY = "directory"
"""What stands for the digest of what is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A staged model, to be proven and published.

    `sha256` is that of every staged file before the first proof, by its path in the model's
    directory; what is no file is listed by a word. `golden` says what its golden request holds.
    """

    model: ModelPaths
    sha256: Mapping[str, str]
    golden: str = ""

    def key(self, path: Path) -> str:
        """Return the name by which `sha256` knows a staged file."""
        return str(path.relative_to(self.model.directory))

    def files(self) -> dict[str, str]:
        """Return the sha256 of the version's own files by name."""
        version = f"{STAGED_VERSION}/"
        return {
            path.removeprefix(version): digest
            for path, digest in self.sha256.items()
            if path.startswith(version) and digest != DIRECTORY
        }

    def with_golden(self, golden: Golden) -> Candidate:
        """Return the candidate with a golden request and response, which are written."""
        paths = {self.model.version(STAGED_VERSION) / name: name for name in golden.files}
        for path, name in paths.items():
            path.write_bytes(golden.files[name])
        added = {self.key(path): sha256(path) for path in paths}
        return replace(self, sha256={**self.sha256, **added}, golden=golden.finding)

    def loaded(self) -> torch.jit.ScriptModule:
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


def stage(walk: Walk, model: ModelPaths) -> Candidate:
    """Write everything but the manifest, from what the stages gave."""
    rendered = walk.value(Stage.render)
    model.version(STAGED_VERSION).mkdir()
    model.artifact(STAGED_VERSION).write_bytes(walk.file(Stage.export, ARTIFACT))
    write_texts(model, rendered)
    _write_warmup(model, warmup(walk.recipe, walk.samples()))
    lines = metrics_lines(walk)
    if lines:
        model.metrics(STAGED_VERSION).write_text("".join(lines))
    return Candidate(model=model, sha256=_digests_of(model))


def write_texts(model: ModelPaths, rendered: Mapping[str, Any]) -> None:
    """Write what the render stage gave: configs and labels."""
    model.config.write_text(rendered["config"])
    if rendered["host_configs"]:
        model.configs.mkdir(exist_ok=True)
    for host, text in rendered["host_configs"].items():
        model.host_config(host).write_text(text)
    if rendered["labels"]:
        model.labels.write_text("".join(f"{name}\n" for name in rendered["labels"]))


def _write_warmup(model: ModelPaths, inputs: Sequence[WarmupInput]) -> None:
    """Write the samples where Triton reads them, and beside the version that they belong to."""
    for folder in (model.warmup, model.version_warmup(STAGED_VERSION)):
        for one in inputs:
            folder.mkdir(exist_ok=True)
            (folder / one.file).write_bytes(one.content)


def _digests_of(model: ModelPaths) -> dict[str, str]:
    """Return the sha256 of every file of a model, by its path in the model's directory.

    Directories are listed too, and by a word what is neither: links, pipes, devices.
    """
    paths = sorted(model.directory.rglob("*"))
    return {str(path.relative_to(model.directory)): _digest_of(path) for path in paths}


def _digest_of(path: Path) -> str:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        return "no plain file"
    return DIRECTORY if path.is_dir() else sha256(path)
