"""What a manifest says of a build: its data, its preprocessing, its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from packager.repository.manifest import sha256
from packager.spec.architecture import TorchScriptSpec
from packager.spec.plain import plain
from packager.spec.recipe import Pixels
from packager.spec.training import NoTrainerSpec
from packager.training import ranks
from packager.training.checkpoints import weights_digest

if TYPE_CHECKING:
    from torch import nn

    from packager.datasets.load import Dataset
    from packager.spec.recipe import Recipe
    from packager.training.fit import Trained


def dataset_record(recipe: Recipe, dataset: Dataset | None) -> dict[str, object] | None:
    """Return which images the model learnt from and was proven on."""
    if recipe.dataset is None or dataset is None:
        return None
    return {
        "name": recipe.dataset.name,
        "source": dataset.source,
        "digest": dataset.digest,
        "subset": dataset.subset,
        "skipped_images": dataset.skipped,
        "train_images": len(dataset.train.labels),
        "test_images": len(dataset.test.labels),
    }


def preprocessing_record(recipe: Recipe) -> dict[str, object] | None:
    """Return what happens to an image before the model, and which part of it clients must do."""
    if recipe.dataset is None:
        return None
    inside = recipe.export.pixels is Pixels.uint8
    return {
        "resize": plain(recipe.dataset.resize),
        "channels": recipe.dataset.channels,
        "layout": "channels, height, width",
        "scale": "uint8 / 255",
        "normalize": plain(recipe.dataset.normalize),
        "clients_send": "uint8 pixels" if inside else "float32, scaled and normalized",
        "inside_model": ["scale", "normalize"] if inside else [],
    }


def module_record(recipe: Recipe, module: nn.Module | None) -> dict[str, object]:
    """Return which weights the model has, and the digest of the file that they came from."""
    given = recipe.architecture
    if isinstance(given, TorchScriptSpec):
        return {"weights_sha256": None, "file_sha256": sha256(given.path)}
    return {
        "weights_sha256": None if module is None else weights_digest(module),
        "file_sha256": None if given.weights is None else sha256(given.weights.path),
    }


def training_record(recipe: Recipe, trained: Trained | None) -> dict[str, object] | None:
    """Return how the weights came about: nothing that differs from one run to the next."""
    if trained is None or isinstance(recipe.trainer, NoTrainerSpec):
        return None
    return {
        "best_epoch": trained.best_epoch,
        "selected_on": recipe.trainer.selection.value,
        "stopped_by": trained.stopped_by,
        "test_accuracy": trained.test.accuracy,
        "class_accuracies": list(trained.test.class_accuracies),
        "confusion_matrix": plain(trained.test.confusion),
        "precision": trained.precision,
        "seed": recipe.trainer.seed,
        "threads": torch.get_num_threads(),
        "processes": ranks.size(),
        "epochs": [
            {"epoch": epoch.epoch, "loss": epoch.loss, "accuracy": epoch.accuracy}
            for epoch in trained.epochs
        ],
    }
