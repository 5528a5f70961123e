"""What would fail a build at its end, found out before the long work; imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packager import user_cache
from packager.errors import SpecError, UnavailableError
from packager.repository.publish import prepare
from packager.server import docker, embedded, ports
from packager.server.external import external
from packager.server.start import choose
from packager.server.stub_paths import require_safe
from packager.spec.server import (
    AutoServerSpec,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
)
from packager.spec.serving import InstanceKind
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe
    from packager.spec.server import ServerSpec

GPU_DEVICES = ("nvidia[0-9]*", "dxg")
"""The device files of NVIDIA's driver, on Linux and in WSL."""


def run(job: Job) -> None:
    """Check that the job can be built, proven and published as far as can be told in advance.

    Raises:
        SpecError: no recipe is chosen, or it contradicts itself.
        UnavailableError: no server to prove with, or a repository that cannot be written.
    """
    recipe = job.require_recipe()
    require_scores(recipe)
    _require_server(job.server, recipe)
    prepare(job.repository)


def require_scores(recipe: Recipe) -> None:
    """Check that the outputs, where the recipe gives them, are one FP32 score a class.

    Raises:
        SpecError: they are something else.
    """
    classes = len(recipe.dataset.classes)
    if len(recipe.outputs) > 1 or len(recipe.inputs) > 1:
        side = "outputs" if len(recipe.outputs) > 1 else "inputs"
        raise SpecError(
            f"a stack of layers has one; {len(getattr(recipe, side))} are given",
            where=side,
            remedy="give one, or none",
        )
    if recipe.outputs and recipe.outputs[0].data_type is not DataType.FP32:
        raise SpecError(
            f"is {recipe.outputs[0].data_type.value}; the layers give FP32",
            where="outputs[0].data_type",
            remedy="set FP32, or leave outputs out",
        )
    if recipe.outputs and recipe.outputs[0].dims not in ((classes,), (-1,)):
        raise SpecError(
            f"is {list(recipe.outputs[0].dims)}; dataset {recipe.dataset.name} has {classes}"
            " classes",
            where="outputs[0].dims",
            remedy=f"set [{classes}], or leave outputs out",
        )


def _require_server(server: ServerSpec, recipe: Recipe) -> None:
    """Check that the server that will prove the model can be had."""
    match choose(server) if isinstance(server, AutoServerSpec) else server:
        case EmbeddedServerSpec() as spec:
            _raise(embedded.unavailable_reason())
            _require_gpu(recipe)
            require_safe(user_cache.root(), setting="XDG_CACHE_HOME")
            ports.choose(spec.ports, spec.address)
        case DockerServerSpec() as spec:
            _raise(docker.unavailable_reason())
            ports.choose(spec.ports, spec.address)
        case ExternalServerSpec() as spec:
            with external(spec):
                pass
        case NoServerSpec():
            pass


def _require_gpu(recipe: Recipe) -> None:
    needs = recipe.serving.instance_group.kind is InstanceKind.KIND_GPU
    if needs and not any(any(Path("/dev").glob(pattern)) for pattern in GPU_DEVICES):
        raise UnavailableError(
            "KIND_GPU is asked for, and this host has no GPU to prove the model on",
            where="serving.instance_group.kind",
            remedy="choose serving/instance_group=cpu, prove it with server=external on a host"
            " that has one, or publish with server=none",
        )


def _raise(reason: UnavailableError | None) -> None:
    if reason is not None:
        raise reason
