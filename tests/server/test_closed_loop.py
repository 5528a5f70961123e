"""Many requests at once: every one gets its own answer, over every protocol; ends are told."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from packager.client import Client, RequestError
from packager.errors import SpecError, UnavailableError
from packager.load.batches import batch_size, batches, rows_of
from packager.load.closed_loop import Request, Way, ask_all, ask_for
from packager.load.sender import Target
from packager.load.timings import Timings
from packager.model_metadata import metadata
from packager.server.embedded import embedded
from packager.server.running import Endpoints
from packager.spec.asking import Protocol
from packager.spec.server import ControlMode, EmbeddedServerSpec

from .conftest import config, tensor, write_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Workbench

SAMPLES = np.arange(50 * 3, dtype=np.float32).reshape(50, 3)
SCORES = config([tensor("x", "FP32", 3)], [tensor("y", "FP32", 3)])


class Doubled(torch.nn.Module):
    """Twice what it is given."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Double."""
        return x * 2


def target(endpoints: Endpoints, model: str, *, timeout_s: float = 30) -> Target:
    """Version 1 of a model, as its server describes it."""
    with Client(endpoints) as client:
        metadata = client.model_metadata(model)
    return Target(endpoints=endpoints, metadata=metadata, version=1, timeout_s=timeout_s)


def requests(asked: Target, *, size: int) -> list[Request]:
    """All samples, so many a request."""
    return list(batches({"x": SAMPLES}, asked.metadata.inputs, size=size))


def way(protocol: Protocol = Protocol.binary, *, concurrency: int = 4, retries: int = 0) -> Way:
    """A way for requests of at most eight samples."""
    return Way(protocol=protocol, concurrency=concurrency, rows=8, retries=retries)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_every_request_gets_its_own_answer(workbench: Workbench, protocol: Protocol) -> None:
    """All samples once, the last request with what is left."""
    asked = target(workbench.server.endpoints, workbench.load(Doubled(), SCORES))
    timings, found = Timings(), np.zeros_like(SAMPLES)

    def answered(request: Request, outputs: dict[str, Any]) -> None:
        found[request.place : request.place + request.samples] = rows_of(outputs["y"], request)

    sent = requests(asked, size=8)
    ask_all(asked, way(protocol), sent, answered=answered, timings=timings)
    assert (found == SAMPLES * 2).all()
    assert (timings.samples, timings.requests, timings.retries) == (50, 7, 0)
    assert sent[-1].samples == 2
    assert 0 < timings.latency_ms(50) <= timings.latency_ms(99) <= timings.seconds * 1000
    assert workbench.client.is_ready()


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_refused_request_ends_them_all(workbench: Workbench, protocol: Protocol) -> None:
    """With Triton's words and the model's name."""
    asked = target(workbench.server.endpoints, workbench.load(Doubled(), SCORES))
    wrong = Request(inputs={"x": SAMPLES[:8].astype(np.int32)}, samples=8)
    with pytest.raises(RequestError, match="inference input 'x' data-type is 'INT32'") as caught:
        ask_all(asked, way(protocol), [wrong], answered=print, timings=Timings())
    assert caught.value.where == f"{asked.metadata.name}/1"


@pytest.mark.parametrize("protocol", [Protocol.binary, Protocol.shm])
def test_the_same_requests_are_sent_until_time_is_over(
    workbench: Workbench, protocol: Protocol
) -> None:
    """Answers are handed over afterwards, each with its request; not from shared memory."""
    asked = target(workbench.server.endpoints, workbench.load(Doubled(), SCORES))
    right: list[bool] = []

    def answered(request: Request, outputs: dict[str, Any]) -> None:
        right.append(bool((outputs["y"] == request.inputs["x"] * 2).all()))

    timings = ask_for(asked, way(protocol), requests(asked, size=8), seconds=0.3, answered=answered)
    assert 0.3 <= timings.seconds < 10
    assert timings.requests > 8
    assert all(right)
    assert (len(right) > timings.requests) == (protocol is not Protocol.shm)
    assert 0 < timings.client_share < 2


def test_a_server_that_goes_away_midway_leaves_what_was_answered(tmp_path: Path) -> None:
    """The real process is killed between two requests."""
    write_model(tmp_path, "doubled", Doubled(), SCORES)
    answered: list[int] = []
    with embedded(EmbeddedServerSpec(), tmp_path, control=ControlMode.none) as server:
        asked = target(server.endpoints, "doubled", timeout_s=5)

        def until_killed() -> Iterator[Request]:
            for number, request in enumerate(requests(asked, size=1)):
                if number == 20:
                    os.kill(_child(server._process.pid), signal.SIGKILL)
                yield request

        timings = Timings()
        with pytest.raises(UnavailableError, match="does not answer any more") as caught:
            ask_all(
                asked,
                way(concurrency=1, retries=2),
                until_killed(),
                answered=lambda request, _: answered.append(request.place),
                timings=timings,
            )
    assert caught.value.exit_code == 4
    assert answered == list(range(20))
    assert timings.samples == 20
    assert timings.retries == 2


def _child(pid: int) -> int:
    """Return the one child of a process: the server of its guard."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_nobody_at_the_address_is_told_after_all_tries() -> None:
    """For each protocol that needs no server to begin with."""
    nobody = Endpoints(http="127.0.0.1:9", grpc="127.0.0.1:9")
    metadata = _metadata([-1, 3])
    asked = Target(endpoints=nobody, metadata=metadata, version=1, timeout_s=2)
    for protocol in (Protocol.json, Protocol.binary, Protocol.grpc):
        timings = Timings()
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9 does not answer"):
            ask_all(
                asked,
                way(protocol, concurrency=1, retries=1),
                requests(asked, size=8),
                answered=print,
                timings=timings,
            )
        assert timings.retries == 1


@pytest.mark.parametrize(
    ("dims", "most", "asked", "expected"),
    [
        ([-1, 3], 8, None, 8),
        ([-1, 3], 500, None, 128),
        ([-1, 3], 500, 300, 300),
        ([-1, 3], 0, None, 128),
        ([4, 3], 0, None, 4),
        ([3], 0, None, 1),
    ],
)
def test_a_batch_is_as_large_as_may_be(
    dims: list[int], most: int, asked: int | None, expected: int
) -> None:
    """Up to 128 unless more is asked for."""
    (one,) = _metadata(dims).inputs
    assert batch_size(one, max_batch_size=most, asked=asked, rank=1) == expected


@pytest.mark.parametrize(("dims", "most"), [([-1, 3], 8), ([4, 3], 0), ([3], 0)])
def test_a_batch_that_is_too_large_is_refused(dims: list[int], most: int) -> None:
    """With the most that the model takes."""
    (one,) = _metadata(dims).inputs
    with pytest.raises(SpecError, match="the model takes at most") as caught:
        batch_size(one, max_batch_size=most, asked=9, rank=1)
    assert caught.value.where == "task.batch"


@pytest.mark.parametrize("dims", [[-1, 3], [4, 3], [3]])
def test_requests_have_the_axes_that_the_model_has(dims: list[int]) -> None:
    """A fixed batch is filled up, and the filling is no sample of the request's own."""
    inputs = _metadata(dims).inputs
    size = {2: 4, 1: 1}[len(dims)]
    sent = list(batches({"x": SAMPLES[:6]}, inputs, size=size))
    assert sum(request.samples for request in sent) == 6
    for request in sent:
        array = request.inputs["x"]
        assert array.shape[0] == (dims[0] if dims[0] > 0 else request.samples)
        rows = rows_of(array * 2, request)
        expected = SAMPLES[request.place : request.place + request.samples] * 2
        assert (rows == expected).all()


def _metadata(dims: list[int]) -> Any:

    one = {"datatype": "FP32", "shape": dims}
    return metadata(
        {
            "name": "m",
            "versions": ["1"],
            "platform": "pytorch_libtorch",
            "inputs": [{"name": "x", **one}],
            "outputs": [{"name": "y", **one}],
        }
    )
