"""Exactly what each stage reads of the recipe and of the stages before it, as JSON's types.

A value that is left out here does not make a stage run again; one that is put in does. Paths are
left out, the digests of what lies there are put in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.spec.architecture import TorchScriptSpec
from packager.spec.plain import plain
from packager.spec.recipe import ExportForm, Pixels

if TYPE_CHECKING:
    from packager.datasets.at_hand import Fetched
    from packager.spec.recipe import Recipe

Read = dict[str, Any]
Digest = Callable[[Path], str]
"""The sha256 of a file, or of all files beneath a folder."""

NOT_OF_THE_WEIGHTS = ("max_minutes", "checkpoint_seconds", "tensorboard", "threads")
"""Settings of the trainer that change no weight, or whose outcome is told otherwise: a limit that
ended training is a stage's own, and the threads that trained are among the host's facts."""

HOW_DATA_ARE_READ = ("workers", "sources", "name", "allow_subset")
"""Settings of a dataset that change nothing of it, or whose outcome is told by its files."""


def data(recipe: Recipe, fetched: Fetched, digest: Digest) -> Read:
    """The dataset's settings and the digests of its files."""
    source = fetched.source
    files = {
        role: (source.files[role].sha256 if role in source.files else None) or digest(path)
        for role, path in sorted(fetched.files.items())
    }
    return {
        "dataset": _without(plain(recipe.dataset), HOW_DATA_ARE_READ),
        "source": {
            "format": source.format.value,
            "class": source.origin if source.format.value == "torchvision" else None,
            "arguments": plain(source.arguments),
            "subset": source.subset,
            "files": files,
        },
    }


def train(recipe: Recipe, *, data: Mapping[str, Any] | None, digest: Digest) -> Read:
    """The module's description and first weights, the trainer's settings, the data's digest."""
    return {
        "architecture": architecture(recipe, digest),
        "trainer": {
            "kind": type(recipe.trainer).__name__,
            **_without(plain(recipe.trainer), NOT_OF_THE_WEIGHTS),
        },
        "normalize": plain(recipe.dataset.normalize) if recipe.dataset else None,
        "classes": len(recipe.classes),
        "inputs": _unnamed(recipe.inputs),
        # Without data the last output tells how many scores there are.
        "outputs": [] if recipe.dataset else _unnamed(recipe.outputs),
        "data": data["digest"] if data else None,
    }


def optimize(
    recipe: Recipe, *, data: Mapping[str, Any] | None, weights: str | None, digest: Digest
) -> Read:
    """The module with its weights, and the requests that its forms are judged by and timed with."""
    return {
        **_module(recipe, weights, digest),
        **_kinds(recipe),
        "inputs": _unnamed(recipe.inputs),
        "classes": len(recipe.classes),
        "pixels": recipe.export.pixels.value,
        "normalize": plain(recipe.dataset.normalize) if recipe.dataset else None,
        "serving": _batches(recipe),
        "data": data["digest"] if data else None,
    }


def export(recipe: Recipe, *, weights: str | None, digest: Digest) -> Read:
    """The module with its weights, and how it is exported."""
    read: Read = {
        **_module(recipe, weights, digest),
        "export": plain(recipe.export),
        "inputs": _unnamed(recipe.inputs),
        "classes": len(recipe.classes),
    }
    if recipe.export.pixels is Pixels.uint8 and recipe.dataset is not None:
        read["normalize"] = plain(recipe.dataset.normalize)
    if not recipe.outputs:
        # They follow from what the artifact gives as it is served.
        read["serving"] = {**_batches(recipe), **_kinds(recipe)}
    return read


def render(recipe: Recipe, *, samples: Sequence[str] = ()) -> Read:
    """All that `config.pbtxt` and labels.txt say: digests of the warmup's samples too."""
    return {
        "samples": list(samples),
        "name": recipe.name,
        "inputs": plain(recipe.inputs),
        "outputs": plain(recipe.outputs),
        "serving": plain(recipe.serving),
        "labels": list(recipe.classes),
    }


def rules(recipe: Recipe, *, config: str) -> Read:
    """The recipe's own words, and the digest of the rendered texts."""
    return {**render(recipe), "rendered_texts": config}


def contract(recipe: Recipe, *, artifact: str, config: str) -> Read:
    """The artifact, the rendered texts, and what the recipe says of tensors."""
    return {
        **_asked(recipe),
        **_kinds(recipe),
        "artifact": artifact,
        "rendered_texts": config,
    }


def batching(recipe: Recipe, *, artifact: str, data: Mapping[str, Any] | None) -> Read:
    """The artifact, and what it is asked."""
    return {
        **_asked(recipe),
        **_precision(recipe),
        "artifact": artifact,
        "data": data["digest"] if data else None,
    }


def parity(
    recipe: Recipe,
    *,
    artifact: str,
    data: Mapping[str, Any] | None,
    weights: str | None,
    digest: Digest,
) -> Read:
    """The artifact, the module that it was made of, and what both are asked."""
    return {
        **batching(recipe, artifact=artifact, data=data),
        **_module(recipe, weights, digest),
    }


def live(
    recipe: Recipe, *, artifact: str, config: str, question: str, server: Mapping[str, Any]
) -> Read:
    """The staged files, the question with its answers, and the server."""
    return {
        **_asked(recipe),
        **_precision(recipe),
        "serving": plain(recipe.serving),
        "artifact": artifact,
        "rendered_texts": config,
        "question": question,
        "server": dict(server),
    }


def architecture(recipe: Recipe, digest: Digest) -> Read:
    """Return a module's description, with digests where it names files."""
    spec = recipe.architecture
    described: Read = {"kind": type(spec).__name__, **plain(spec)}
    if isinstance(spec, TorchScriptSpec):
        described["path"] = digest(spec.path)
    elif spec.weights is not None:
        described["weights"] = {
            "sha256": digest(spec.weights.path),
            "skip": list(spec.weights.skip),
        }
    described.pop("trusted_packages", None)
    return described


def _module(recipe: Recipe, weights: str | None, digest: Digest) -> Read:
    """Return what a module with its weights is made from again."""
    read: Read = {"architecture": architecture(recipe, digest), "weights": weights}
    if not isinstance(recipe.architecture, TorchScriptSpec):
        # What a module draws and does not put into its state is drawn from it.
        read["seed"] = recipe.trainer.seed
    return read


def _asked(recipe: Recipe) -> Read:
    """Return what decides the questions that an artifact is asked, and the answers it may give."""
    return {
        "inputs": plain(recipe.inputs),
        "outputs": plain(recipe.outputs),
        "classes": len(recipe.classes),
        "pixels": recipe.export.pixels.value,
        "normalize": plain(recipe.dataset.normalize) if recipe.dataset else None,
        "serving": _batches(recipe),
    }


def _precision(recipe: Recipe) -> Read:
    """Return whether answers may be as coarse as bfloat16 makes them."""
    return {"bfloat16": recipe.export.optimize is ExportForm.bfloat16}


def _batches(recipe: Recipe) -> Read:
    serving = recipe.serving
    return {
        "max_batch_size": serving.max_batch_size,
        "batch_dim": serving.batch_dim,
    }


def _kinds(recipe: Recipe) -> Read:
    """Return the kinds of instances, to which no device in the artifact may be tied."""
    return {"instance_kinds": sorted(kind.value for kind in recipe.serving.instance_kinds)}


def _unnamed(tensors: tuple[Any, ...]) -> list[Any]:
    """Return tensors without their names: the module knows none."""
    return [_without(plain(tensor), ("name",)) for tensor in tensors]


def _without(read: Read, keys: tuple[str, ...]) -> Read:
    return {key: value for key, value in read.items() if key not in keys}
