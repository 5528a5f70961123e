"""A fixed number of clients, each of which sends its next request when it has its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying

from packager.errors import UnavailableError
from packager.load import interruptible
from packager.load.retrying import FIRST_PAUSE_S, again
from packager.load.sender import Arrays, NoAnswerError, Sender, Target
from packager.load.taking import Taking
from packager.load.timings import Timings
from packager.spec.asking import Protocol

if TYPE_CHECKING:
    from packager.load.sender import Array

WARM_UP_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request's tensors by name, and how many samples they are; `place` is the caller's own."""

    inputs: Arrays
    samples: int
    place: int = 0


Answered = Callable[[Request, "dict[str, Array]"], None]
"""Called with every request and its outputs, in the order of the answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSettings:
    """The protocol, how many requests are under way at once, how often one is tried again.

    No request has more than `rows` samples: shared memory is laid out for them.
    """

    protocol: Protocol
    concurrency: int
    rows: int
    retries: int = 0

    @property
    def tries_more(self) -> int:
        """How often a request that nobody answered is sent again.

        Never from shared memory: the server may still read and write there for the first try.
        """
        return 0 if self.protocol is Protocol.shm else self.retries


def ask_all(
    target: Target,
    settings: LoadSettings,
    requests: Iterable[Request],
    *,
    answered: Answered,
    timings: Timings,
) -> None:
    """Send every request once and hand each answer over; `timings` grow meanwhile.

    Requests are taken and encoded in a thread. What was answered before an error stays told.

    Raises:
        RequestError: Triton refused one, or the model failed on it.
        UnavailableError: nobody answered one, however often it was tried.
    """
    interruptible.run(_ask_all(target, settings, iter(requests), answered, timings))


def ask_for(
    target: Target, settings: LoadSettings, requests: Iterable[Request], *, seconds: float
) -> Timings:
    """Send the same requests over and over for so long; return what was measured.

    They are encoded once, and answers are not decoded: the client is to be no limit. What comes in
    the first `WARM_UP_S` does not count.

    Raises:
        RequestError, UnavailableError: as in `ask_all`.
    """
    return interruptible.run(_ask_for(target, settings, list(requests), seconds))


async def _ask_all(
    target: Target,
    settings: LoadSettings,
    requests: Iterator[Request],
    answered: Answered,
    timings: Timings,
) -> None:
    async with _open(target, settings) as sender:
        taking = Taking(requests, lambda request: sender.encode(request.inputs))

        async def client(slot: int) -> None:
            while (taken := await taking.next()) is not None:
                request, encoded = taken
                answer, latency = await _sent(sender, encoded, slot, settings.tries_more, timings)
                timings.latencies_s.append(latency)
                timings.samples += request.samples
                answered(request, sender.decode(answer, slot=slot))

        with _Clock(timings):
            await _all(client(slot) for slot in range(settings.concurrency))


async def _ask_for(
    target: Target, settings: LoadSettings, requests: list[Request], seconds: float
) -> Timings:
    timings, warming = Timings(), Timings()
    async with _open(target, settings) as sender:
        encoded = [(sender.encode(request.inputs), request.samples) for request in requests]

        async def client(slot: int, counted: Timings, until: float) -> None:
            turn = slot
            while time.perf_counter() < until:
                request, samples = encoded[turn % len(encoded)]
                turn += settings.concurrency
                _, latency = await _sent(sender, request, slot, settings.tries_more, counted)
                counted.latencies_s.append(latency)
                counted.samples += samples

        for counted, lasting in ((warming, WARM_UP_S), (timings, seconds)):
            until = time.perf_counter() + lasting
            with _Clock(counted):
                await _all(client(slot, counted, until) for slot in range(settings.concurrency))
    return timings


async def _sent(
    sender: Sender, request: Any, slot: int, retries: int, timings: Timings
) -> tuple[Any, float]:
    """Return the answer and its latency; a request that nobody answered is sent again."""
    started = time.perf_counter()
    try:
        return await sender.send(request, slot=slot), time.perf_counter() - started
    except NoAnswerError:
        if not retries:
            raise
    await asyncio.sleep(FIRST_PAUSE_S)
    async for attempt in again(NoAnswerError, tries=retries, of=AsyncRetrying):
        with attempt:
            timings.retries += 1
            started = time.perf_counter()
            return await sender.send(request, slot=slot), time.perf_counter() - started
    raise AssertionError("the last attempt returns or raises")


@asynccontextmanager
async def _open(target: Target, settings: LoadSettings) -> AsyncIterator[Sender]:
    """Give a sender, and close it; that nobody answers is told as the user should read it."""
    sender = _sender(target, settings)
    try:
        yield sender
    except NoAnswerError as error:
        raise UnavailableError(
            f"the Triton server at {target.endpoints.http} does not answer any more: {error}",
            where="server",
            remedy="check that it runs; task.timeout_s and task.retries say how long it is waited"
            " for",
        ) from error
    finally:
        await sender.close()


async def _all(clients: Iterable[Any]) -> None:
    """Run clients until all are done or one fails; then the others end too."""
    tasks = [asyncio.ensure_future(client) for client in clients]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Clock:
    """Adds the time of a block to timings: the whole, and what this process was busy."""

    def __init__(self, timings: Timings) -> None:
        self._timings = timings

    def __enter__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        wall, busy = self._started
        self._timings.seconds += time.perf_counter() - wall
        self._timings.client_seconds += time.process_time() - busy


def _sender(target: Target, settings: LoadSettings) -> Sender:
    """Return the way to Triton; each protocol's libraries are imported when it is chosen."""
    match settings.protocol:
        case Protocol.json | Protocol.binary:
            from packager.load.http_sender import HttpSender  # noqa: PLC0415

            return HttpSender(target, binary=settings.protocol is Protocol.binary)
        case Protocol.grpc:
            from packager.load.grpc_sender import GrpcSender  # noqa: PLC0415

            return GrpcSender(target)
        case Protocol.shm:
            from packager.load.shared_memory_sender import SharedMemorySender  # noqa: PLC0415

            return SharedMemorySender(target, slots=settings.concurrency, rows=settings.rows)
