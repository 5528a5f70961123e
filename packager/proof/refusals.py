"""Requests that the model does not take: each must get a 400, and leave the server as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.client import Client, RequestError, WireFormat
from packager.errors import ProofError
from packager.model_config.render import config_dims
from packager.proof.closeness import closeness, of_itself
from packager.proof.question import REQUEST_BYTES, Arrays, Question
from packager.proof.samples import repeated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.proof.samples import Rows

Array = np.ndarray[Any, Any]

INVALID = {"400", "INVALID_ARGUMENT"}
"""How HTTP and gRPC say that a request is at fault."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wrong:
    """A request with one thing wrong, in words."""

    fault: str
    inputs: Arrays


def prove_refusals(
    client: Client, question: Question, *, model: str, wires: Sequence[WireFormat]
) -> int:
    """Send every wrong request by every protocol, a right one after each; return their number.

    Raises:
        ProofError: one is answered or refused otherwise than as a bad request, or the right one
            after it is not answered as before.
    """
    rows, expected = next(question.requests(_small(question)))
    right = question.named(rows)
    least = of_itself(question.recipe.export.optimize)
    sent = 0
    for wire in wires:
        for wrong in _wrong_requests(question, right, rows):
            _prove_refused(client, question, wrong, (wire, model))
            answer = client.infer(wire, model, question.version, right)
            answered = question.compared(answer, expected)
            _prove_still_right(answered, wrong, wire, least=least)
            sent += 1
    return sent


def _small(question: Question) -> int | None:
    """Return the rows of the least request that there is."""
    size = question.request_size
    fixed = question.recipe.serving.max_batch_size == 0 and question.recipe.serving.batch_dim != -1
    return size if fixed else 1


def _wrong_requests(question: Question, right: Arrays, rows: Rows) -> Iterator[_Wrong]:
    """Yield a request for each thing that can be wrong with this model's tensors."""
    recipe = question.recipe
    name = recipe.inputs[0].name
    others = {key: array for key, array in right.items() if key != name}
    array = right[name]
    yield _Wrong(fault="an input of another name", inputs={**others, f"{name}_": array})
    yield _Wrong(fault="a missing input", inputs=others)
    yield _Wrong(fault="an input too many", inputs={**right, f"{name}_": array})
    yield _Wrong(fault="another data type", inputs={**others, name: _other_type(array)})
    yield _Wrong(fault="a dimension too many", inputs={**others, name: array[..., None]})
    longer = _longer(question, right)
    if longer:
        yield _Wrong(fault="a dimension of another size", inputs={**right, **longer})
    largest = recipe.serving.max_batch_size
    if 0 < (largest + 1) * question.row_bytes <= REQUEST_BYTES and largest > 0:
        many = question.named(repeated(rows, largest + 1))
        yield _Wrong(fault="more rows than max_batch_size", inputs=many)


def _other_type(array: Array) -> Array:
    return array.astype(np.int32 if array.dtype == np.float32 else np.float32)


def _longer(question: Question, right: Arrays) -> dict[str, Array]:
    """Return the first input that has a fixed dimension, with one more there; nothing if none has.

    A single number a sample is sent in a dimension of its own.
    """
    for tensor in question.recipe.inputs:
        dims = config_dims(tensor, question.recipe.serving)
        fixed = [axis - len(dims) for axis, size in enumerate(dims) if size != -1]
        if fixed:
            array: Array = right[tensor.name]
            more: Array = np.take(array, [0], axis=fixed[-1])
            return {tensor.name: np.concatenate([array, more], axis=fixed[-1])}
    return {}


def _prove_refused(
    client: Client, question: Question, wrong: _Wrong, target: tuple[WireFormat, str]
) -> None:
    wire, model = target
    try:
        client.infer(wire, model, question.version, wrong.inputs)
    except RequestError as error:
        if error.status in INVALID:
            return
        raise ProofError(
            f"over {wire.value} {wrong.fault} gets {error.status} ({error.problem}); expected 400",
            where="live",
            remedy="see the server's log",
        ) from error
    raise ProofError(
        f"over {wire.value} {wrong.fault} is answered as if nothing were wrong",
        where="live",
        remedy="name every dimension in dims: Triton checks only what config.pbtxt says",
    )


def _prove_still_right(
    answered: tuple[Rows, Rows], wrong: _Wrong, wire: WireFormat, *, least: float
) -> None:
    close = closeness(*answered, least=least)
    if not close.same:
        raise ProofError(
            f"over {wire.value} the server answers otherwise after {wrong.fault}: {close}",
            where="live",
            remedy="see the server's log",
        )
