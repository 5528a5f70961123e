"""Many requests at once: every one gets its own answer, over every protocol; ends are told."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from packager.client import Client, RequestError
from packager.errors import UnavailableError
from packager.load.batches import batches, rows_of
from packager.load.closed_loop import LoadSettings, Request, ask_all, ask_for
from packager.load.sender import Target
from packager.load.timings import Timings
from packager.server.embedded import embedded
from packager.server.running import Endpoints
from packager.spec.asking import Protocol
from packager.spec.server import ControlMode, EmbeddedServerSpec
from tests.load.tensors import model_of

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


def settings(
    protocol: Protocol = Protocol.binary, *, concurrency: int = 4, retries: int = 0
) -> LoadSettings:
    """For requests of at most eight samples."""
    return LoadSettings(protocol=protocol, concurrency=concurrency, rows=8, retries=retries)


@pytest.fixture(scope="module")
def doubled(shared_workbench: Workbench) -> str:
    """A model that stays loaded."""
    name = shared_workbench.write(Doubled(), SCORES)
    shared_workbench.client.load(name)
    return name


@pytest.mark.parametrize("protocol", list(Protocol))
def test_every_request_gets_its_own_answer(
    shared_workbench: Workbench, doubled: str, protocol: Protocol
) -> None:
    """All samples once, the last request with what is left."""
    asked = target(shared_workbench.server.endpoints, doubled)
    timings, found = Timings(), np.zeros_like(SAMPLES)

    def answered(request: Request, outputs: dict[str, Any]) -> None:
        found[request.place : request.place + request.samples] = rows_of(outputs["y"], request)

    sent = requests(asked, size=8)
    ask_all(asked, settings(protocol), sent, answered=answered, timings=timings)
    assert (found == SAMPLES * 2).all()
    assert (timings.samples, timings.requests, timings.retries) == (50, 7, 0)
    assert sent[-1].samples == 2
    assert 0 < timings.latency_ms(50) <= timings.latency_ms(99) <= timings.seconds * 1000
    assert shared_workbench.client.is_ready()


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_refused_request_ends_them_all(
    shared_workbench: Workbench, doubled: str, protocol: Protocol
) -> None:
    """With Triton's words and the model's name."""
    asked = target(shared_workbench.server.endpoints, doubled)
    wrong = Request(inputs={"x": SAMPLES[:8].astype(np.int32)}, samples=8)
    with pytest.raises(RequestError, match="inference input 'x' data-type is 'INT32'") as caught:
        ask_all(asked, settings(protocol), [wrong], answered=print, timings=Timings())
    assert caught.value.where == f"{asked.metadata.name}/1"


@pytest.mark.parametrize("protocol", [Protocol.binary, Protocol.shm])
def test_the_same_requests_are_sent_until_time_is_over(
    shared_workbench: Workbench, doubled: str, protocol: Protocol
) -> None:
    """What comes in while warming up does not count."""
    asked = target(shared_workbench.server.endpoints, doubled)
    before = shared_workbench.client.durations(asked.metadata.name, 1)
    timings = ask_for(asked, settings(protocol), requests(asked, size=8), seconds=0.3)
    answered = shared_workbench.client.durations(asked.metadata.name, 1).since(before).requests
    assert 0.3 <= timings.seconds < 10
    assert 8 < timings.requests < answered
    assert 0 < timings.client_share < 2


def test_making_a_request_is_no_part_of_anothers_latency(
    shared_workbench: Workbench, doubled: str
) -> None:
    """Nor does the time limit of a request under way run out meanwhile."""
    asked = target(shared_workbench.server.endpoints, doubled, timeout_s=0.25)

    def slowly() -> Iterator[Request]:
        for request in requests(asked, size=8):
            time.sleep(0.3)
            yield request

    timings = Timings()
    ask_all(asked, settings(), slowly(), answered=lambda *_: None, timings=timings)
    assert timings.requests == 7
    assert timings.latency_ms(100) < 250
    assert timings.seconds > 7 * 0.3


def test_sigterm_ends_the_clients_and_is_handled_after_them(
    shared_workbench: Workbench, doubled: str
) -> None:
    """A handler that raises would be forgotten in a callback of a connection."""
    asked = target(shared_workbench.server.endpoints, doubled)
    timings, sent = Timings(), requests(asked, size=8) * 50

    def handler(*_: object) -> None:
        raise EndedError

    def answered(*_: object) -> None:
        if timings.requests == 5:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with pytest.raises(EndedError):
            ask_all(asked, settings(), sent, answered=answered, timings=timings)
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)
    assert 5 <= timings.requests < len(sent)


class EndedError(BaseException):
    """What the handler of a signal raises."""


def test_shared_memory_that_does_not_fit_is_refused_before_it_is_taken() -> None:
    """Writing beyond what there is would end the process."""
    asked = _nowhere()
    large = LoadSettings(protocol=Protocol.shm, concurrency=4, rows=2**40)
    with pytest.raises(UnavailableError, match="shared memory would take") as caught:
        ask_all(asked, large, requests(asked, size=8), answered=print, timings=Timings())
    assert caught.value.where == "/dev/shm"  # noqa: S108


def test_nothing_leaks_when_a_server_has_no_shared_memory() -> None:
    """The regions are taken back; a session left open would be a warning, which is an error."""
    asked = _nowhere()
    with pytest.raises(UnavailableError, match="does not take this host's shared memory"):
        ask_all(
            asked,
            settings(Protocol.shm),
            requests(asked, size=8),
            answered=print,
            timings=Timings(),
        )
    gc.collect()
    assert not list(Path("/dev/shm").glob("packager-load-*"))  # noqa: S108


def test_a_server_that_goes_away_midway_leaves_what_was_answered(tmp_path: Path) -> None:
    """The real process is killed between two requests."""
    write_model(tmp_path, "doubled", Doubled(), SCORES)
    answered: list[int] = []
    with embedded(EmbeddedServerSpec(), tmp_path, control=ControlMode.none) as server:
        asked = target(server.endpoints, "doubled", timeout_s=5)

        def until_killed(request: Request, _: object) -> None:
            answered.append(request.place)
            if len(answered) == 20:
                os.kill(_child(server._process.pid), signal.SIGKILL)

        timings = Timings()
        with pytest.raises(UnavailableError, match="does not answer any more") as caught:
            ask_all(
                asked,
                settings(concurrency=1, retries=2),
                requests(asked, size=1),
                answered=until_killed,
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
    asked = _nowhere()
    for protocol in (Protocol.json, Protocol.binary, Protocol.grpc):
        timings = Timings()
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9 does not answer"):
            ask_all(
                asked,
                settings(protocol, concurrency=1, retries=1),
                requests(asked, size=8),
                answered=print,
                timings=timings,
            )
        assert timings.retries == 1


def _nowhere() -> Target:
    """Where no server is."""
    nobody = Endpoints(http="127.0.0.1:9", grpc="127.0.0.1:9")
    return Target(endpoints=nobody, metadata=model_of([-1, 3]), version=1, timeout_s=2)
