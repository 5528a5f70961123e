"""What would fail a build at its end, found out before the long work; imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager import user_cache
from packager.architectures.torch_file import require_file
from packager.errors import SpecError, UnavailableError
from packager.model_config.parse import parse
from packager.model_config.render import render
from packager.proof import triton_rules
from packager.proof.inputs import require_image_input, require_mapped
from packager.repository import signing
from packager.repository.destination import destination_of
from packager.server import docker, gpus, ports, releases, wheel
from packager.server.choice import choose
from packager.server.external import external
from packager.server.stub_paths import require_safe
from packager.spec.architecture import TorchScriptSpec
from packager.spec.server import (
    AutoServerSpec,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
)
from packager.spec.serving import InstanceKind
from packager.spec.tensors import DataType
from packager.spec.training import NoTrainerSpec
from packager.tasks.compatibility import require_compatible

if TYPE_CHECKING:
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe
    from packager.spec.server import ServerSpec
    from packager.spec.tensors import TensorSpec


def run(job: Job) -> None:
    """Check that the job can be built, proven and published as far as can be told in advance.

    Raises:
        SpecError: no recipe is chosen, or it contradicts itself.
        ProofError: its `config.pbtxt` would break a rule of Triton's.
        UnavailableError: no server to prove with, or a repository that cannot be written.
    """
    recipe = job.require_recipe()
    require_sound(recipe)
    require_environment(job)
    if recipe.inputs and recipe.outputs and _are_classes_known(recipe):
        require_compatible(job, recipe)


def require_sound(recipe: Recipe) -> None:
    """Check what follows from the recipe and the files that it names.

    Raises:
        SpecError: it contradicts itself, or a file is not there.
        ProofError: its `config.pbtxt` would break a rule of Triton's.
    """
    require_scores(recipe)
    _require_rules(recipe)
    _require_files(recipe)


def require_environment(job: Job) -> None:
    """Check that this host can prove the job's model and publish it; makes the repository.

    Raises:
        SpecError: there is no such release of Triton's, or a setting cannot work.
        UnavailableError: no server to prove with, or a repository that cannot be written.
    """
    _require_server(job.server, job.require_recipe())
    if job.release is not None:
        releases.require_known(job.release)
    if job.repository.signing_key is not None:
        signing.require(job.repository.signing_key)
    destination_of(job.repository).prepare()


def _are_classes_known(recipe: Recipe) -> bool:
    return recipe.dataset is None or bool(recipe.classes)


def require_scores(recipe: Recipe) -> None:
    """Check inputs and outputs, where the recipe gives them, as far as no module is needed.

    Triton's libtorch has their types; with a dataset the one input is an image, as its pixels
    are sent; with training the one output is an FP32 score a class.

    Raises:
        SpecError: they are something else.
    """
    require_mapped(recipe)
    if recipe.dataset is not None:
        require_image_input(recipe)
    if isinstance(recipe.trainer, NoTrainerSpec) or not recipe.outputs:
        return
    scores = recipe.outputs[0]
    if scores.data_type is not DataType.FP32:
        raise SpecError(
            f"is {scores.data_type.value}; training gives FP32 scores",
            where="outputs[0].data_type",
            remedy="set FP32, or leave outputs out",
        )
    _require_score_dims(recipe, scores)


def _require_score_dims(recipe: Recipe, scores: TensorSpec) -> None:
    classes = len(recipe.classes)
    known = classes > 0
    right = scores.dims == (classes,) if known else len(scores.dims) == 1
    if right and scores.dims != (-1,):
        return
    expected = f"{classes} classes" if known else "one score a class, a fixed number of them"
    raise SpecError(
        f"is {list(scores.dims)}; dataset {recipe.dataset.name if recipe.dataset else ''} has"
        f" {expected}",
        where="outputs[0].dims",
        remedy=f"set [{classes}], or leave outputs out" if known else "leave outputs out",
    )


def _require_rules(recipe: Recipe) -> None:
    """Check Triton's rules where the whole config follows from the recipe."""
    if recipe.inputs and recipe.outputs:
        text = render(recipe)
        triton_rules.require(text, parse(text), "config.pbtxt")


def _require_files(recipe: Recipe) -> None:
    """Check that the weights or the TorchScript file that the recipe names are there."""
    architecture = recipe.architecture
    if isinstance(architecture, TorchScriptSpec):
        require_file(architecture.path, where="architecture.torchscript")
    elif architecture.weights is not None:
        require_file(architecture.weights.path, where="architecture.weights.path")


def _require_server(server: ServerSpec, recipe: Recipe) -> None:
    """Check that the server that will prove the model can be had."""
    match choose(server) if isinstance(server, AutoServerSpec) else server:
        case EmbeddedServerSpec() as spec:
            _raise(wheel.unavailable_reason())
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
    if needs and not gpus.has_gpu():
        raise UnavailableError(
            "KIND_GPU is asked for, and this host has no GPU to prove the model on",
            where="serving.instance_group.kind",
            remedy="choose serving/instance_group=cpu, and serving/hosts=cpu_and_gpu for hosts with"
            " one; or prove it there with server=external, or publish with server=none",
        )


def _raise(reason: UnavailableError | None) -> None:
    if reason is not None:
        raise reason
