"""How fast a server of ours answers with a staged model: what sweeps compare builds by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.load.batches import batch_size, batches
from packager.load.closed_loop import LoadSettings, ask_for
from packager.load.sender import Target
from packager.spec.asking import Asked, Protocol
from packager.spec.server import ExternalServerSpec, NoServerSpec
from packager.spec.sweeping import By
from packager.tasks.staged import served_alone

if TYPE_CHECKING:
    from packager.load.closed_loop import Request
    from packager.load.timings import Timings
    from packager.model_metadata import ModelMetadata
    from packager.proof.question import Question
    from packager.repository.layout import ModelPaths
    from packager.spec.server import ServerSpec

ROUNDS, SECONDS = 3, 1.0
"""How often a model is asked, and how long: what else runs on the host only makes it slower."""


def measured(server: ServerSpec, model: ModelPaths, question: Question) -> Timings:
    """Have one client send samples, one a request and one after the other.

    Return the timings of the round with the lowest p99.

    Raises:
        SpecError: there is no server, or it is another's.
        ProofError: it does not load the model.
        UnavailableError: it went away.
    """
    if isinstance(server, NoServerSpec | ExternalServerSpec):
        raise SpecError("is not ours, and builds are measured on one of ours", where="server")
    name = question.recipe.name
    with served_alone(server, model, question) as (running, client):
        metadata = client.model_metadata(name, question.version)
        target = Target(
            endpoints=running.endpoints,
            metadata=metadata,
            version=question.version,
            timeout_s=Asked().timeout_s,
        )
        settings = LoadSettings(protocol=Protocol.binary, concurrency=1, rows=1)
        requests = _requests(question, metadata)
        rounds = [ask_for(target, settings, requests, seconds=SECONDS) for _ in range(ROUNDS)]
    return min(rounds, key=lambda timings: timings.latency_ms(99))


def metrics(timings: Timings) -> dict[str, float]:
    """Return what jobs may be compared by, and the other latencies."""
    return {
        key: value
        for key, value in timings.as_json().items()
        if key.endswith("_ms") or key == By.samples_per_second.value
    }


def told(timings: Timings) -> str:
    """Return what was measured in one line."""
    p50, p99 = (timings.latency_ms(percentile) for percentile in (50, 99))
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms of {timings.requests:,} single requests"


def _requests(question: Question, metadata: ModelMetadata) -> list[Request]:
    """Return what the live proof asks, one sample a request, or as many as the model insists on."""
    samples = question.named(question.rows)
    inputs = [next(one for one in metadata.inputs if one.name == name) for name in samples]
    first = inputs[0]
    size = batch_size(
        first,
        max_batch_size=question.recipe.serving.max_batch_size,
        asked=1,
        rank=samples[first.name].ndim - 1,
    )
    return list(batches(samples, inputs, size=size))
