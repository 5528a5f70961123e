"""Proof 5: a real Triton loads the model, describes it as the recipe does, and answers right."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.client import Client, WireFormat
from packager.errors import ProofError
from packager.model_config.render import PLATFORM, config_dims
from packager.model_metadata import ModelMetadata, TensorMetadata
from packager.proof.closeness import Closeness, of_itself
from packager.proof.concurrency import prove_together
from packager.proof.refusals import prove_refusals
from packager.proof.result import Proof, Verdict
from packager.proof.samples import Rows
from packager.spec.recipe import ExportForm
from packager.spec.serving import InstanceKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.proof.question import Question
    from packager.spec.recipe import Recipe
    from packager.spec.tensors import TensorSpec


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Answered:
    """One protocol's answers, request by request; how close they are, and the median time."""

    wire: WireFormat
    outputs: list[Rows]
    close: Closeness
    milliseconds: float


def prove(client: Client, question: Question, *, model: str, grpc: bool) -> Proof:
    """Ask a running server that has loaded `model`: metadata, answers, many at once, wrong ones.

    `model` may be another name than the recipe's; `grpc` says whether the server speaks it.

    Raises:
        ProofError: metadata or an answer differ, protocols differ from each other, a concurrent
            client gets another's answer, or a wrong request is not refused as one.
        UnavailableError: the server went away.
    """
    _prove_metadata(client.model_metadata(model, question.version), question.recipe)
    wires = question.wires(grpc=grpc)
    answered = [_prove_answers(client, question, wire, model) for wire in wires]
    between = _prove_agreement(answered, least=of_itself(question.recipe.export.optimize))
    together = prove_together(client, question, model=model, wires=wires)
    refused = prove_refusals(client, question, model=model, wires=wires)
    worst = max(
        (one.close for one in answered), key=lambda one: (one.relative_error, -one.agreement)
    )
    size = question.request_size
    batch = f"a batch of {size}" if size else "one sample"
    timings = ", ".join(f"{one.wire.value} {one.milliseconds:.1f} ms" for one in answered)
    return Proof(
        name="live",
        finding=f"Triton {client.server_metadata()['version']}: metadata equals the recipe,"
        f" {_spoken(wires)} as {_reference(question)} does (max error {worst.relative_error:.1e});"
        f" {together.finding}; {refused} wrong requests refused",
        measured=worst.measured | {"between_protocols": between, "wrong_requests": refused},
        timing=f"{batch}: {timings}; {together.timing}",
    )


def prove_instances(client: Client, question: Question, *, model: str) -> None:
    """Check that the server runs the instances that the recipe asks for: its config is in effect.

    Raises:
        ProofError: it runs others.
    """
    asked = question.recipe.serving.instance_group
    (group,) = client.model_config(model, question.version)["instance_group"]
    found = (group["kind"], group["count"])
    placed = found[0] if asked.kind is InstanceKind.KIND_AUTO else asked.kind.value
    _same("instance_group", found, (placed, asked.count))


def skipped() -> Proof:
    """Return what `server=none` leaves behind."""
    return Proof(name="live", finding="server=none", verdict=Verdict.skipped)


def _spoken(wires: Sequence[WireFormat]) -> str:
    number = f"{len(wires)} protocols answer" if len(wires) > 1 else "1 protocol answers"
    return number if WireFormat.JSON in wires else f"{number} (JSON carries no FP16)"


def _reference(question: Question) -> str:
    """Return whose answers a question holds; see `parity.prove`."""
    is_exact = question.recipe.export.optimize is not ExportForm.bfloat16
    return "the module" if is_exact else "the artifact"


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


def _prove_answers(client: Client, question: Question, wire: WireFormat, model: str) -> _Answered:
    close, seconds, outputs = Closeness(of_itself(question.recipe.export.optimize)), [], []
    for rows, expected in question.requests(question.request_size):
        started = time.perf_counter()
        answer = client.infer(wire, model, question.version, question.named(rows))
        seconds.append(time.perf_counter() - started)
        found, right = question.compared(answer, expected)
        close.add(found, right)
        outputs.append(found)
    if not close.same:
        raise ProofError(
            f"over {wire.value} the server answers otherwise than {_reference(question)} does here:"
            f" {close}",
            where="live",
            remedy="see the server's log",
        )
    return _Answered(
        wire=wire,
        outputs=outputs,
        close=close,
        milliseconds=statistics.median(seconds) * 1000,
    )


def _prove_agreement(answered: Sequence[_Answered], *, least: float) -> float:
    """Return the largest relative error between two protocols' answers to the same requests."""
    first, *others = answered
    worst = 0.0
    for other in others:
        close = Closeness(least)
        for found, expected in zip(other.outputs, first.outputs, strict=True):
            close.add(found, expected)
        if not close.same:
            raise ProofError(
                f"{other.wire.value} and {first.wire.value} get other answers: {close}",
                where="live",
                remedy="see the server's log",
            )
        worst = max(worst, close.relative_error)
    return worst
