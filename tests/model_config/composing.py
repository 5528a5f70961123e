"""Configurations composed as the command line does it, from the shipped `conf/`."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, Any

import hydra
from hydra import initialize_config_dir

from packager import schema
from packager.resolve import to_spec
from packager.resources import folder

if TYPE_CHECKING:
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
