"""Configurations composed as the command line does it, from the shipped `conf/`."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import hydra
from hydra import initialize_config_dir

from packager import schema
from packager.resolve.job import to_spec
from packager.resources import folder
from packager.spec.architecture import LayersSpec
from packager.spec.training import TrainerSpec

if TYPE_CHECKING:
    from packager.spec.dataset import DatasetSpec
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe


def compose(*overrides: str) -> Any:
    """Compose the configuration with a command's overrides."""
    return copy.deepcopy(_composed(overrides))


@cache
def _composed(overrides: tuple[str, ...]) -> Any:
    schema.register()
    with initialize_config_dir(str(folder("conf")), version_base="1.3"):
        return hydra.compose("config", overrides=list(overrides))


@cache
def job(*overrides: str) -> Job:
    """Return the job that a command asks for."""
    return to_spec(compose(*overrides))


def recipe(*overrides: str) -> Recipe:
    """Return the recipe that a command asks for."""
    return job(*overrides).require_recipe()


def dataset(*overrides: str) -> DatasetSpec:
    """Return the dataset of a command's recipe."""
    found = recipe(*overrides).dataset
    assert found is not None
    return found


def layers(*overrides: str) -> LayersSpec:
    """Return the layer list of a command's recipe."""
    found = recipe(*overrides).architecture
    assert isinstance(found, LayersSpec)
    return found


def trainer(*overrides: str) -> TrainerSpec:
    """Return the trainer of a command's recipe."""
    found = recipe(*overrides).trainer
    assert isinstance(found, TrainerSpec)
    return found
