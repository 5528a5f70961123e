"""What stages work on, each loaded when it is first needed: a reused stage needs none."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from packager import console
from packager.architectures.rebuild import ModuleSource
from packager.datasets.load import Dataset, load
from packager.export import torchscript
from packager.export.fresh_process import ExportSource, exported_module
from packager.spec.architecture import TorchScriptSpec
from packager.spec.job import Stage
from packager.spec.recipe import Pixels
from packager.spec.training import TrainerSpec
from packager.stages.walk import STATE, Walk

if TYPE_CHECKING:
    from torch import nn

    from packager.spec.recipe import Recipe


class Ingredients:
    """The dataset and the module of a walk, in memory."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk

    @cached_property
    def dataset(self) -> Dataset | None:
        """The dataset; None where the recipe knows of none."""
        # The recipe as it was given: on the way it has got the data's own classes.
        spec = self._walk.job.require_recipe().dataset
        if spec is None or self._walk.fetched is None:
            return None
        with console.counting("images") as progress:
            return load(spec, self._walk.fetched, progress=progress)

    def require_dataset(self) -> Dataset:
        """Return the dataset, where the recipe knows of one."""
        if self.dataset is None:
            raise TypeError("the recipe knows of no data")
        return self.dataset

    def reference(self) -> nn.Module:
        """Return the module that the artifact must answer as, in evaluation mode."""
        architecture = self._walk.recipe.architecture
        if isinstance(architecture, TorchScriptSpec):
            return torchscript.load(architecture.path)
        return exported_module(self.exported())

    def exported(self) -> ExportSource:
        """Return all that the exported module follows from."""
        recipe = self._walk.recipe
        return ExportSource(
            module=self.module_source(),
            form=recipe.export.form,
            takes_pixels=recipe.export.pixels is Pixels.uint8,
            normalize=recipe.dataset.normalize if recipe.dataset else None,
        )

    def module_source(self) -> ModuleSource:
        """Return all that the module with its weights follows from.

        Raises:
            TypeError: a finished file is packaged as it is.
        """
        recipe = self._walk.recipe
        if isinstance(recipe.architecture, TorchScriptSpec):
            raise TypeError("a TorchScript file is packaged as it is")
        trained = isinstance(recipe.trainer, TrainerSpec) and Stage.train in self._walk.results
        return ModuleSource(
            architecture=recipe.architecture,
            sample_shape=sample_shape(recipe),
            classes=classes(recipe),
            seed=recipe.trainer.seed,
            state=self._walk.file(Stage.train, STATE) if trained else None,
        )


def sample_shape(recipe: Recipe) -> tuple[int, ...] | None:
    """Return one sample's shape, None where there are several inputs."""
    return recipe.inputs[0].dims if len(recipe.inputs) == 1 else None


def classes(recipe: Recipe) -> int | None:
    """Return how many scores to give: one a class, or without data what the recipe's output has."""
    if recipe.dataset is not None:
        return len(recipe.classes)
    (*_, last) = recipe.outputs[0].dims if recipe.outputs and recipe.outputs[0].dims else (-1,)
    return last if len(recipe.outputs) == 1 and last != -1 else None
