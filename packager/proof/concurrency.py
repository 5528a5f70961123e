"""Many clients at once: each gets its own answer, though the server joins their requests."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING

import torch

from packager.client import Client, RequestError, WireFormat
from packager.errors import ProofError
from packager.model_metadata import Executions
from packager.proof.closeness import Closeness, of_itself
from packager.proof.samples import stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.proof.question import Question
    from packager.proof.samples import Rows

CLIENTS = 16
"""Connections that send at the same moment."""

REQUESTS = 3
"""What each of them sends, one after the other."""

LARGEST = 3
"""The most rows of a request."""

ROUNDS = 5
"""How often they all do, at most: until requests were joined, where they may be."""

JSON_BYTES = 2**18
"""Of one request's inputs, to be sent as JSON too."""

COUNTED_WITHIN_S, POLL_S = 1.0, 0.01
"""How long a server may take to count requests that it has answered, and how often it is asked."""

CONNECT_S = 60.0
"""How long a client waits for the others to connect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """What came of it: requests sent, and how the model ran for them; None where nobody knows."""

    requests: int
    executions: Executions | None

    @property
    def joined(self) -> bool:
        """Whether the server put several requests into one batch."""
        return self.executions is not None and self.executions.count < self.requests

    @property
    def finding(self) -> str:
        """What was seen, in words that are the same for every run."""
        text = f"{CLIENTS} clients at once get each their own answers"
        return (
            text if self.executions is not None else f"{text} (the server does not count batches)"
        )

    @property
    def timing(self) -> str:
        """What is never twice the same: how many requests became how many batches."""
        if self.executions is None:
            return f"{self.requests} concurrent requests"
        if not self.joined:
            return f"{self.requests} concurrent requests, none joined"
        return (
            f"{self.requests} concurrent requests in {self.executions.count} batches of up to"
            f" {self.executions.largest} rows"
        )


def prove_together(
    client: Client, question: Question, *, model: str, wires: Sequence[WireFormat]
) -> Together:
    """Send different small requests from many clients at once, and compare each one's answer.

    They go by all protocols at the same time. Where the recipe has dynamic batching they are sent
    again until the server's own statistics show that it joined some.

    Raises:
        ProofError: a client got something else than its own answer.
        UnavailableError: the server went away.
    """
    batches = question.recipe.serving.dynamic_batching is not None
    before = _executions(client, model, question.version)
    together = Together(requests=0, executions=None)
    rows = 0
    for turn in range(ROUNDS):
        rows += _send(client, question, model=model, wires=wires, seed=turn)
        together = Together(
            requests=together.requests + CLIENTS * REQUESTS,
            executions=before and _counted(client, question, model, before=before, rows=rows),
        )
        if not batches or together.executions is None or together.joined:
            break
    return together


def _executions(client: Client, model: str, version: int) -> Executions | None:
    try:
        return client.executions(model, version)
    except RequestError:  # an external server may not count
        return None


def _counted(
    client: Client, question: Question, model: str, *, before: Executions, rows: int
) -> Executions | None:
    """Return the runs since `before`: a server counts a request after its answer.

    It may never count all: answers that it has kept it gives without a run.
    """
    deadline = time.monotonic() + COUNTED_WITHIN_S
    while True:
        now = _executions(client, model, question.version)
        found = now and now.since(before)
        if found is None or found.rows >= rows or time.monotonic() > deadline:
            return found
        time.sleep(POLL_S)


def _send(
    client: Client, question: Question, *, model: str, wires: Sequence[WireFormat], seed: int
) -> int:
    """Send one round of requests; return the rows, as the server counts them."""
    barrier = Barrier(CLIENTS)
    wires = _small_enough(wires, question)
    is_batched = question.recipe.serving.max_batch_size > 0

    def one(number: int) -> tuple[Closeness, int]:
        source = random.Random(CLIENTS * seed + number)  # noqa: S311  which rows, no secret
        wire = wires[number % len(wires)]
        close, sent_rows = Closeness(of_itself(question.recipe.export.optimize)), 0
        with Client(client.endpoints) as own:
            try:
                barrier.wait(CONNECT_S)
                for _ in range(REQUESTS):
                    rows, expected = _request(question, source)
                    answer = own.infer(wire, model, question.version, question.named(rows))
                    close.add(*question.compared(answer, expected))
                    sent_rows += len(rows[0]) if is_batched else 1
            except BaseException:
                barrier.abort()
                raise
        return close, sent_rows

    with ThreadPoolExecutor(CLIENTS) as pool:
        sent = [pool.submit(one, number) for number in range(CLIENTS)]
    failed = [error for future in sent if (error := future.exception()) is not None]
    # What broke a barrier is told by the client that did.
    for error in sorted(failed, key=lambda error: isinstance(error, BrokenBarrierError)):
        raise _told(error)
    found = [future.result() for future in sent]
    for close, _ in found:
        _require_own(close)
    return sum(rows for _, rows in found)


def _small_enough(wires: Sequence[WireFormat], question: Question) -> list[WireFormat]:
    """Return the protocols without JSON where rows are large: its clients would wait for theirs."""
    if question.row_bytes * LARGEST <= JSON_BYTES:
        return list(wires)
    return [wire for wire in wires if wire is not WireFormat.JSON] or list(wires)


def _request(question: Question, source: random.Random) -> tuple[Rows, Rows]:
    """Return some rows that follow each other, with their answers."""
    serving = question.recipe.serving
    start, number = source.randrange(len(question.rows[0])), len(question.rows[0])
    if serving.max_batch_size == 0 and serving.batch_dim is None:
        return _picked(question.rows, start), tuple(one[start] for one in question.expected)
    size = source.randint(1, min(LARGEST, serving.max_batch_size or LARGEST))
    if serving.max_batch_size == 0 and serving.batch_dim != -1:
        size = serving.batch_dim or 1
    indices = (torch.arange(size) + start) % number
    return _picked(question.rows, indices), _picked(stacked(question.expected), indices)


def _picked(rows: Rows, indices: int | torch.Tensor) -> Rows:
    return tuple(tensor[indices] for tensor in rows)


def _told(error: BaseException) -> BaseException:
    if isinstance(error, RequestError):
        return ProofError(
            f"one of {CLIENTS} concurrent clients is refused: {error.problem}",
            where="live",
            remedy="see the server's log",
        )
    return error


def _require_own(close: Closeness) -> None:
    if not close.same:
        raise ProofError(
            f"one of {CLIENTS} concurrent clients gets another answer than its own: {close}",
            where="live",
            remedy="remove what mixes rows from the module, or choose serving=unbatched",
        )
