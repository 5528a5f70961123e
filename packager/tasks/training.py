"""The stage that makes the module: built, given weights, and trained if the recipe says so."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from packager import console, training_console
from packager.architectures.build import build, require_scores
from packager.architectures.rebuild import state_of
from packager.architectures.summary import summarize
from packager.errors import SpecError, UnavailableError
from packager.export import torchscript
from packager.export.artifact import ARTIFACT_NAME
from packager.export.dtypes import TORCH_DTYPES
from packager.export.preprocessing import with_preprocessing
from packager.proof import contract
from packager.proof.inputs import sizes
from packager.spec.job import Stage
from packager.spec.plain import plain
from packager.spec.recipe import Pixels
from packager.spec.training import NoTrainerSpec, TrainerSpec
from packager.stages.output import Output
from packager.stages.walk import STATE, key_of
from packager.training import checkpoints, ranks
from packager.training.checkpoints import weights_digest
from packager.training.fit import Trained, fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from packager.cache.record import Result
    from packager.spec.recipe import Recipe
    from packager.spec.tensors import TensorSpec
    from packager.stages.walk import Walk
    from packager.tasks.ingredients import Ingredients
    from packager.training.metrics import EpochMetrics, Observer, StepMetrics


def train(walk: Walk, ingredients: Ingredients, keep: Callable[[Output], Result]) -> Result | None:
    """Make the recipe's module and keep its weights; None in processes that only help to train.

    What training leaves for a next session goes once its result is kept. Training that a limit
    ended keeps it: a higher limit goes on from there.

    Raises:
        SpecError, ProofError, UnavailableError: as building and training do.
    """
    recipe, dataset = walk.recipe, ingredients.dataset
    source = ingredients.module_source()
    module = build(source.architecture, sample_shape=source.sample_shape, classes=source.classes)
    trains = isinstance(recipe.trainer, TrainerSpec)
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
        return keep(_output(module, findings))
    _require_trainable(module)
    _require_exportable(module, recipe)
    key = key_of(walk.inputs(Stage.train))
    with checkpoints.opened(walk.job.cache.path / "training", key[:32]) as kept:
        with (
            console.stage("train") as findings,
            training_console.TrainingProgress(recipe.trainer.epochs) as progress,
        ):
            trained = fit(
                module,
                dataset,
                recipe.trainer,
                observer=_Observers(progress, *_tensorboard(recipe.trainer)),
                checkpoints=kept,
            )
            findings.extend(_trained(trained, recipe.trainer) if trained else ())
        if trained is None:
            return None
        console.err.print(training_console.class_table(trained.test, dataset.classes))
        result = keep(_output(trained.module, findings, recipe.trainer, trained))
        if trained.stopped_by is None:
            kept.discard()
    return result


def _output(
    module: nn.Module,
    findings: list[str],
    trainer: TrainerSpec | None = None,
    trained: Trained | None = None,
) -> Output:
    """Return the stage's output; weights that anybody can draw or read again are not kept."""
    value: dict[str, object] = {
        "weights": weights_digest(module),
        "finding": "; ".join(findings),
        "training": None,
        "epochs": [],
        "stopped_by": None,
    }
    if trainer is None or trained is None:
        return Output(value=value)
    value |= {
        "training": _record(trainer, trained),
        "epochs": [epoch.as_json() for epoch in trained.epochs],
        "stopped_by": trained.stopped_by,
    }
    return Output(value=value, files={STATE: state_of(trained.module)})


def _record(trainer: TrainerSpec, trained: Trained) -> dict[str, object]:
    """Return how the weights came about: nothing that differs from one run to the next."""
    return {
        "best_epoch": trained.best_epoch,
        "selected_on": trainer.selection.value,
        "stopped_by": trained.stopped_by,
        "test_accuracy": trained.test.accuracy,
        "class_accuracies": list(trained.test.class_accuracies),
        "confusion_matrix": plain(trained.test.confusion),
        "precision": trained.precision,
        "seed": trainer.seed,
        "threads": torch.get_num_threads(),
        "processes": ranks.size(),
        "epochs": [
            {"epoch": epoch.epoch, "loss": epoch.loss, "accuracy": epoch.accuracy}
            for epoch in trained.epochs
        ],
    }


def _trained(trained: Trained, trainer: TrainerSpec) -> list[str]:
    finding = (
        f"test accuracy {trained.test.accuracy:.2%} with epoch {trained.best_epoch} of"
        f" {trainer.epochs}, chosen on {trainer.selection.value} images"
    )
    return [finding, *([f"stopped by {trained.stopped_by}"] if trained.stopped_by else [])]


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
        torchscript.export(untrained, form=recipe.export.form, path=path)
        loaded = torchscript.load(path)
        contract.compare(contract.derive_outputs(recipe, loaded), loaded)


def _untrained(recipe: Recipe) -> str:
    """Say where weights come from that are not trained here."""
    weights = getattr(recipe.architecture, "weights", None)
    if weights is not None:
        return f"none: weights of {weights.path}"
    return f"none: weights drawn from seed {recipe.trainer.seed}"


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
