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
from packager.model_config.render import PLATFORM, config_dims, is_number
from packager.proof.asking import like
from packager.proof.closeness import Closeness
from packager.proof.result import Proof, Verdict
from packager.proof.samples import Rows, repeated, requests, typical_size
from packager.spec.recipe import Recipe
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packager.spec.tensors import TensorSpec

REQUEST_BYTES = 2**23
"""Of one request's inputs: as JSON they are several times as many."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Question:
    """What a server is asked: a model's version, and rows whose answers are known.

    `rows` are one tensor [N, *dims] an input, as clients send them; `expected` one tensor
    [N, ...] an output, the reference's answers.
    """

    recipe: Recipe
    rows: Rows
    expected: Rows
    version: int


def prove(client: Client, question: Question, *, model: str, grpc: bool) -> Proof:
    """Ask a running server that has loaded `model`: metadata first, then answers.

    `model` may be another name than the recipe's; `grpc` says whether the server speaks it.

    Raises:
        ProofError: metadata or an answer differ.
        UnavailableError: the server went away.
    """
    recipe, version = question.recipe, question.version
    _prove_metadata(client.model_metadata(model, version), recipe)
    wires = [wire for wire in WireFormat if _speaks(wire, recipe, grpc=grpc)]
    worst, timings = Closeness(), []
    for wire in wires:
        close, milliseconds = _prove_answers(client, question, (wire, model, version))
        worst = max(worst, close, key=lambda one: (one.relative_error, -one.agreement))
        timings.append(f"{wire.value} {milliseconds:.1f} ms")
    size = _request_size(question)
    batch = f"a batch of {size}" if size else "one sample"
    return Proof(
        name="live",
        finding=f"Triton {client.server_metadata()['version']}: metadata equals the recipe,"
        f" {_spoken(wires)} as the module does (max error {worst.relative_error:.1e})",
        measured=worst.measured,
        timing=f"{batch}: {', '.join(timings)}",
    )


def skipped() -> Proof:
    """Return what `server=none` leaves behind."""
    return Proof(name="live", finding="server=none", verdict=Verdict.skipped)


def _speaks(wire: WireFormat, recipe: Recipe, *, grpc: bool) -> bool:
    """Return whether the model's tensors can travel that way: JSON has no half precision."""
    if wire is WireFormat.GRPC:
        return grpc
    types = {tensor.data_type for tensor in (*recipe.inputs, *recipe.outputs)}
    return wire is not WireFormat.JSON or DataType.FP16 not in types


def _spoken(wires: Sequence[WireFormat]) -> str:
    number = f"{len(wires)} protocols answer" if len(wires) > 1 else "1 protocol answers"
    return number if WireFormat.JSON in wires else f"{number} (JSON carries no FP16)"


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
    client: Client, question: Question, target: tuple[WireFormat, str, int]
) -> tuple[Closeness, float]:
    """Return how close the answers are, and the median milliseconds of a request."""
    wire, model, version = target
    close, seconds = Closeness(), []
    for rows, expected in _requests(question):
        started = time.perf_counter()
        answer = client.infer(wire, model, version, _named(question.recipe, rows))
        seconds.append(time.perf_counter() - started)
        close.add(like(_found(question.recipe.outputs, answer), expected), expected)
    if not close.same:
        raise ProofError(
            f"over {wire.value} the server answers otherwise than the module does here: {close}",
            where="live",
            remedy="see the server's log",
        )
    return close, statistics.median(seconds) * 1000


def _requests(question: Question) -> Iterator[tuple[Rows, Rows]]:
    """Yield rows with their answers; where there are fewer than a request's, they are repeated."""
    size = _request_size(question)
    rows, expected = question.rows, question.expected
    if size is not None and len(rows[0]) < size:
        rows, expected = repeated(rows, size), repeated(expected, size)
    yield from zip(requests(rows, size), requests(expected, size), strict=True)


def _request_size(question: Question) -> int | None:
    """Return a request's rows: fewer than is typical where they are large, if any number may be."""
    serving = question.recipe.serving
    size = typical_size(serving)
    if size is None or (serving.max_batch_size == 0 and serving.batch_dim != -1):
        return size
    row_bytes = sum(tensor[0].nbytes for tensor in question.rows)
    return max(1, min(size, REQUEST_BYTES // max(1, row_bytes)))


def _named(recipe: Recipe, rows: Rows) -> dict[str, np.ndarray[Any, Any]]:
    """Return one request's arrays by name; a single number for each row is sent as [N, 1]."""
    return {
        tensor.name: (values[:, None] if is_number(tensor, recipe.serving) else values)
        .contiguous()
        .numpy()
        for tensor, values in zip(recipe.inputs, rows, strict=True)
    }


def _found(tensors: Sequence[TensorSpec], answer: Mapping[str, np.ndarray[Any, Any]]) -> Rows:
    """Return the outputs in the recipe's order: the server's is another."""
    return tuple(torch.from_numpy(np.array(answer[tensor.name])) for tensor in tensors)
