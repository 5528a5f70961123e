"""Proof 5: a real Triton loads the model, describes it as the recipe does, and answers right."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from packager.client import Client, ModelMetadata, TensorMetadata, WireFormat
from packager.errors import ProofError
from packager.model_config.render import PLATFORM, config_dims
from packager.proof.closeness import FLOAT32_TOLERANCE, relative_error, top1_agreement
from packager.proof.result import Proof, Verdict
from packager.proof.samples import requests, typical_size
from packager.spec.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.spec.tensors import TensorSpec

IMAGES = 256
"""Held-out images sent by each protocol."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a server is asked: a model's version, and images whose answers are known.

    `images` are uint8 [N, C, H, W]; `expected` the trained module's answers [N, classes].
    """

    recipe: Recipe
    images: torch.Tensor
    expected: torch.Tensor
    version: int


def prove(client: Client, question: Question, *, model: str, grpc: bool) -> Proof:
    """Ask a running server that has loaded `model`: metadata first, then answers.

    `model` may be another name than the recipe's; `grpc` says whether the server speaks it.

    Raises:
        ProofError: metadata or an answer differ.
        UnavailableError: the server went away.
    """
    recipe, version = question.recipe, question.version
    images, expected = question.images[:IMAGES], question.expected[:IMAGES]
    _prove_metadata(client.model_metadata(model, version), recipe)
    size = typical_size(recipe.serving)
    wires = [wire for wire in WireFormat if wire is not WireFormat.GRPC or grpc]
    worst, timings = 0.0, []
    for wire in wires:
        error, milliseconds = _prove_answers(
            client, recipe, (wire, model, version), _batches(images, size), expected
        )
        worst = max(worst, error)
        timings.append(f"{wire.value} {milliseconds:.1f} ms")
    batch = f"a batch of {size}" if size else "one image"
    return Proof(
        name="live",
        finding=f"Triton {client.server_metadata()['version']}: metadata equals the recipe,"
        f" {len(wires)} protocols answer as trained (max error {worst:.1e})",
        measured={"relative_error": worst},
        timing=f"{batch}: {', '.join(timings)}",
    )


def skipped() -> Proof:
    """Return what `server=none` leaves behind."""
    return Proof(name="live", finding="server=none", verdict=Verdict.skipped)


def _batches(images: torch.Tensor, size: int | None) -> list[np.ndarray[Any, Any]]:
    """Return the requests; where images are fewer than a batch, they are repeated."""
    if size is not None and len(images) < size:
        images = images[torch.arange(size) % len(images)]
    return [batch.contiguous().numpy() for batch in requests(images, size)]


def _prove_metadata(metadata: ModelMetadata, recipe: Recipe) -> None:
    _same("platform", metadata.platform, PLATFORM)
    _same("inputs", metadata.inputs, _served(recipe.inputs, recipe))
    _same(
        "outputs",
        tuple(sorted(metadata.outputs, key=lambda tensor: tensor.name)),
        tuple(sorted(_served(recipe.outputs, recipe), key=lambda tensor: tensor.name)),
    )


def _served(tensors: Sequence[TensorSpec], recipe: Recipe) -> tuple[TensorMetadata, ...]:
    """Return the tensors as the server describes them: the batch dimension is there, as -1."""
    batch = (-1,) if recipe.serving.max_batch_size > 0 else ()
    return tuple(
        TensorMetadata(
            name=tensor.name,
            data_type=tensor.data_type,
            dims=(*batch, *config_dims(tensor, recipe.serving)),
        )
        for tensor in tensors
    )


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ProofError(
            f"the server says {found}; the recipe says {expected}",
            where=f"live.{what}",
            remedy="see the server's log",
        )


def _prove_answers(
    client: Client,
    recipe: Recipe,
    target: tuple[WireFormat, str, int],
    batches: Sequence[np.ndarray[Any, Any]],
    expected: torch.Tensor,
) -> tuple[float, float]:
    """Return the largest relative error and the median milliseconds of a request."""
    wire, model, version = target
    answers, seconds = [], []
    for batch in batches:
        started = time.perf_counter()
        answer = client.infer(wire, model, version, {recipe.inputs[0].name: batch})
        seconds.append(time.perf_counter() - started)
        answers.append(torch.from_numpy(np.array(answer[recipe.outputs[0].name])))
    found = torch.cat([answer.reshape(-1, expected.shape[-1]) for answer in answers])
    expected = expected[torch.arange(len(found)) % len(expected)]
    error = relative_error(found, expected)
    if error > FLOAT32_TOLERANCE:
        raise ProofError(
            f"over {wire.value} the server answers otherwise than the trained module: relative"
            f" error {error:.1e}, top-1 agreement {top1_agreement(found, expected):.4f}",
            where="live",
            remedy="see the server's log",
        )
    return error, statistics.median(seconds) * 1000
