"""The stage that makes the module: built, given weights, and trained if the recipe says so."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager import console, training_console
from packager.architectures.build import build, require_scores
from packager.architectures.summary import summarize
from packager.errors import SpecError, UnavailableError
from packager.export import torchscript
from packager.export.artifact import ARTIFACT_NAME
from packager.export.dtypes import TORCH_DTYPES
from packager.export.preprocessing import with_preprocessing
from packager.proof import contract
from packager.proof.inputs import sizes
from packager.spec.architecture import TorchScriptSpec
from packager.spec.recipe import Pixels
from packager.spec.training import NoTrainerSpec, TrainerSpec
from packager.training import checkpoints, ranks
from packager.training.device import prepare, torch_device
from packager.training.fit import Trained, fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.datasets.load import Dataset
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe
    from packager.spec.tensors import TensorSpec
    from packager.training.metrics import EpochMetrics, Observer, StepMetrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A module in evaluation mode, None where the recipe packages a TorchScript file as it is.

    `trained` tells how it was trained, if it was; `kept` is what interrupted training left behind.
    """

    module: nn.Module | None
    trained: Trained | None
    kept: checkpoints.Checkpoints

    def discard_checkpoints(self) -> None:
        """Remove what is not needed once the model is published.

        Training that a limit ended keeps its checkpoint: a higher limit goes on from there.
        """
        if self.trained is not None and self.trained.stopped_by is None:
            self.kept.discard()

    def require_module(self) -> nn.Module:
        """Return the module, where the recipe packages no file."""
        if self.module is None:
            raise TypeError("a TorchScript file is packaged as it is")
        return self.module


@contextlib.contextmanager
def made(job: Job, recipe: Recipe, dataset: Dataset | None) -> Iterator[Made | None]:
    """Give the recipe's module; None in the processes that only help to train it.

    What training leaves for a next session is locked meanwhile.

    Raises:
        SpecError, ProofError, UnavailableError: as building and training do.
    """
    nothing = checkpoints.Checkpoints(folder=None)
    prepare(seed=recipe.trainer.seed, threads=recipe.trainer.threads)
    if isinstance(recipe.architecture, TorchScriptSpec):
        yield Made(module=None, trained=None, kept=nothing)
        return
    trains = isinstance(recipe.trainer, TrainerSpec)
    module = build(
        recipe.architecture, sample_shape=_sample_shape(recipe), classes=_classes(recipe)
    )
    if dataset is not None:
        require_scores(
            module,
            sample_shape=dataset.train.shape,
            classes=len(dataset.classes),
            training=trains,
        )
    _print_layers(module, recipe)
    if isinstance(recipe.trainer, NoTrainerSpec) or dataset is None:
        with console.stage("train") as findings:
            findings.append(_untrained(recipe))
        yield Made(module=module.eval(), trained=None, kept=nothing)
        return
    _require_trainable(module)
    _require_exportable(module, recipe)
    device = torch_device(recipe.trainer.device)
    key = checkpoints.training_key(module, dataset, recipe.trainer, device)
    with checkpoints.opened(job.cache.path / "training", key) as kept:
        trained = _fit(module, recipe.trainer, dataset, kept)
        if trained is not None:
            yield Made(module=trained.module, trained=trained, kept=kept)
        else:
            yield None


def _require_trainable(module: nn.Module) -> None:
    """Refuse a module of which nothing can be trained."""
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise SpecError(
            "nothing in the module can be trained",
            where="architecture",
            remedy="choose trainer=none, or let its parameters require gradients",
        )


def _require_exportable(module: nn.Module, recipe: Recipe) -> None:
    """Export the untrained module and try it: what is refused here would be after training."""
    untrained = copy.deepcopy(module)
    if recipe.export.pixels is Pixels.uint8 and recipe.dataset is not None:
        untrained = with_preprocessing(untrained, recipe.dataset.normalize)
    with TemporaryDirectory(prefix="packager-export-") as work:
        path = Path(work) / ARTIFACT_NAME
        torchscript.export(untrained, method=recipe.export.method, path=path)
        loaded = torchscript.load(path)
        contract.compare(contract.derive_outputs(recipe, loaded), loaded)


def _untrained(recipe: Recipe) -> str:
    """Say where weights come from that are not trained here."""
    weights = getattr(recipe.architecture, "weights", None)
    if weights is not None:
        return f"none: weights of {weights.path}"
    return f"none: weights drawn from seed {recipe.trainer.seed}"


def _sample_shape(recipe: Recipe) -> tuple[int, ...] | None:
    """Return one sample's shape, None where there are several inputs."""
    return recipe.inputs[0].dims if len(recipe.inputs) == 1 else None


def _classes(recipe: Recipe) -> int | None:
    """Return how many scores to give: one a class, or without data what the recipe's output has."""
    if recipe.dataset is not None:
        return len(recipe.classes)
    (*_, last) = recipe.outputs[0].dims if recipe.outputs and recipe.outputs[0].dims else (-1,)
    return last if len(recipe.outputs) == 1 and last != -1 else None


def _dtype(recipe: Recipe, tensor: TensorSpec) -> torch.dtype:
    """Return the type that the module itself takes: images are floats by then."""
    return torch.float32 if recipe.dataset is not None else TORCH_DTYPES[tensor.data_type]


def _print_layers(module: nn.Module, recipe: Recipe) -> None:
    if ranks.is_main():
        example = tuple(
            torch.zeros(
                1,
                *sizes(tensor),
                dtype=_dtype(recipe, tensor),
            )
            for tensor in recipe.inputs
        )
        console.err.print(training_console.layer_table(summarize(module, example)))


def _fit(
    module: nn.Module,
    trainer: TrainerSpec,
    dataset: Dataset,
    kept: checkpoints.Checkpoints,
) -> Trained | None:
    with (
        console.stage("train") as findings,
        training_console.TrainingProgress(trainer.epochs) as progress,
    ):
        trained = fit(
            module,
            dataset,
            trainer,
            observer=_Observers(progress, *_tensorboard(trainer)),
            checkpoints=kept,
        )
        if trained is not None:
            findings.append(
                f"test accuracy {trained.test.accuracy:.2%} with epoch {trained.best_epoch} of"
                f" {trainer.epochs}, chosen on {trainer.selection.value} images"
            )
            if trained.stopped_by is not None:
                findings.append(f"stopped by {trained.stopped_by}")
    if trained is not None:
        console.err.print(training_console.class_table(trained.test, dataset.classes))
    return trained


def _tensorboard(trainer: TrainerSpec) -> list[Observer]:
    if trainer.tensorboard is None or not ranks.is_main():
        return []
    try:
        from packager.training.tensorboard import TensorBoard  # noqa: PLC0415  an extra
    except ImportError as error:
        raise UnavailableError(
            "TensorBoard is not installed",
            where="trainer.tensorboard",
            remedy="pip install 'packager[tensorboard]', or leave it out",
        ) from error
    return [TensorBoard(trainer.tensorboard)]


class _Observers:
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def step(self, metrics: StepMetrics) -> None:
        for observer in self._observers:
            observer.step(metrics)

    def epoch(self, metrics: EpochMetrics) -> None:
        for observer in self._observers:
            observer.epoch(metrics)
