"""What a result depends on beside the recipe: libraries, the host, the server, our own source."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.cache import sources
from packager.resources import PACKAGE, folder
from packager.server import gpus, wheel
from packager.server.choice import choose
from packager.spec.architecture import ModuleClassSpec, TorchvisionSpec
from packager.spec.job import Stage
from packager.spec.server import (
    AutoServerSpec,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
)
from packager.spec.training import TrainerSpec
from packager.stages import users_module
from packager.training import ranks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.cache.fingerprints import Fingerprints
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe

ROOTS: Mapping[Stage, tuple[str, ...]] = {
    Stage.data: (
        "packager.datasets.load",
        "packager.datasets.fetch",
        "packager.datasets.transforms",
    ),
    Stage.train: (
        "packager.training.fit",
        "packager.training.checkpoints",
        "packager.architectures.rebuild",
        "packager.spec.dataset",
    ),
    Stage.optimize: (
        "packager.export.measuring",
        "packager.export.choice",
        "packager.export.fresh_process",
        "packager.proof.parity",
        "packager.datasets.samples",
    ),
    Stage.export: (
        "packager.export.fresh_process",
        "packager.export.existing",
        "packager.proof.contract",
        "packager.proof.samples",
    ),
    Stage.render: ("packager.tasks.rendering", "packager.spec.recipe"),
    Stage.rules: ("packager.proof.rules", "packager.spec.recipe"),
    Stage.contract: ("packager.proof.contract", "packager.export.torchscript"),
    Stage.batching: (
        "packager.proof.batching",
        "packager.proof.probing",
        "packager.export.torchscript",
        "packager.datasets.samples",
    ),
    Stage.parity: (
        "packager.proof.parity",
        "packager.export.fresh_process",
        "packager.datasets.samples",
    ),
    Stage.live: (
        "packager.proof.live",
        "packager.proof.probing",
        "packager.model_config.parse",
        "packager.server.start",
        "packager.server.gpus",
    ),
}
"""The modules that each stage is made of; what they import belongs to it too."""

_PROVING = ("proofs", "candidate", "ingredients")

TASKS: Mapping[Stage, tuple[str, ...]] = {
    Stage.data: ("loading", "ingredients"),
    Stage.train: ("training", "ingredients"),
    Stage.optimize: ("optimizing", "pinned", "ingredients"),
    Stage.export: ("exporting", "ingredients"),
    Stage.rules: _PROVING,
    Stage.contract: _PROVING,
    Stage.batching: _PROVING,
    Stage.parity: _PROVING,
    Stage.live: (*_PROVING, "proving", "staged"),
}
"""The modules of `packager.tasks` that run a stage.

They import the walk, and with it the code of every stage: of them only their own source counts.
"""

FILES: Mapping[Stage, Mapping[str, Path]] = {
    Stage.render: {"templates": folder("templates")},
    # Triton runs them, so nothing imports them.
    Stage.live: {"packager/server/backends": PACKAGE / "server" / "backends"},
}
"""Other source that a stage reads and does not import."""

LIBRARIES: Mapping[Stage, tuple[str, ...]] = {
    Stage.data: ("torch", "numpy", "pillow"),
    Stage.train: ("torch", "numpy"),
    Stage.optimize: ("torch",),
    Stage.export: ("torch",),
    Stage.render: ("jinja2", "protobuf"),
    Stage.rules: ("protobuf", "tritonclient"),
    Stage.contract: ("torch", "protobuf"),
    Stage.batching: ("torch",),
    Stage.parity: ("torch",),
    Stage.live: ("torch", "numpy", "protobuf", "tritonclient"),
}
"""The libraries whose versions decide a stage's result."""

MODULE_MADE = {Stage.train, Stage.optimize, Stage.export, Stage.parity}
"""Stages that run the user's own module."""

ON_THE_HOST = {
    Stage.train,
    Stage.optimize,
    Stage.contract,
    Stage.batching,
    Stage.parity,
    Stage.live,
}
"""Stages that compute, and so depend on the processor."""


def libraries(stage: Stage, recipe: Recipe, fingerprints: Fingerprints) -> dict[str, str | None]:
    """Return the versions of the libraries that a stage uses: ours, and a user's own module."""
    names, spec = {*LIBRARIES[stage]}, recipe.architecture
    if isinstance(spec, TorchvisionSpec) or stage is Stage.data:
        names.add("torchvision")
    if isinstance(spec, ModuleClassSpec) and stage in MODULE_MADE:
        names |= users_module.libraries(spec, fingerprints)
    return {name: version(name) for name in sorted(names)} | {"python": platform.python_version()}


def host(stage: Stage, recipe: Recipe) -> dict[str, Any]:
    """Return the facts of this host that decide a stage's result."""
    if stage not in ON_THE_HOST:
        return {}
    facts: dict[str, Any] = {"machine": platform.machine(), "processor": processor()}
    if stage is Stage.train and isinstance(recipe.trainer, TrainerSpec):
        facts["threads"] = recipe.trainer.threads or len(os.sched_getaffinity(0))
        facts["processes"] = ranks.size()
    if stage is Stage.optimize:
        facts["threads"] = instance_threads(recipe)
    if stage in {Stage.train, Stage.optimize, Stage.live}:
        facts["gpu"] = gpus.has_gpu()
    return facts


def instance_threads(recipe: Recipe) -> int:
    """Return the threads that an instance of the recipe's gets on a host like this."""
    return max(1, len(os.sched_getaffinity(0)) // recipe.serving.instance_group.count)


@functools.cache
def processor() -> str:
    """Return the processor's name, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def code(stage: Stage, recipe: Recipe, fingerprints: Fingerprints) -> dict[str, str]:
    """Return the digests of a stage's source files: ours, and of a user's own module."""
    tasks = [PACKAGE / "tasks" / f"{name}.py" for name in TASKS.get(stage, ())]
    extra = {**{f"packager/tasks/{path.name}": path for path in tasks}, **FILES.get(stage, {})}
    found = dict(sources.files_of(ROOTS[stage], fingerprints=fingerprints, extra=extra))
    if isinstance(recipe.architecture, ModuleClassSpec) and stage in MODULE_MADE:
        found |= users_module.digests(recipe.architecture, fingerprints)
    return found


def server(job: Job) -> dict[str, Any]:
    """Return the server that answers in the live proof.

    Raises:
        UnavailableError: none can be had.
    """
    spec = choose(job.server) if isinstance(job.server, AutoServerSpec) else job.server
    match spec:
        case EmbeddedServerSpec():
            return {"kind": "embedded", "wheel": version(wheel.DISTRIBUTION)}
        case DockerServerSpec():
            return {"kind": "docker", "image": spec.image}
        case ExternalServerSpec():
            asked = {"url": spec.url, "grpc": spec.grpc_url}
            return {"kind": "external", **asked, "repository": job.repository.name}
        case _:
            return {"kind": "none"}


@functools.cache
def version(name: str) -> str | None:
    """Return the version of an installed distribution."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
