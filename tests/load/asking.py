"""Many clients of one server at once, a tenth of their requests malformed; counts what is answered.

    python -m tests.load.asking HTTP_PORT GRPC_PORT TARGET.npz REQUESTS CLIENTS SEED

prints a JSON object: outcomes by kind, right answers that are wrong, seconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.load import messages
from tests.load.messages import Array, Target

MALFORMED = 0.1
"""How many of all requests."""

RIGHT_KINDS = ("right, JSON", "right, binary", "right, in pieces", "right, then half closed")
CUT_KINDS = ("body cut short, then silent", "head cut short, then silent", "closed midway")
GRPC_KINDS = ("not gRPC on its port",)
OTHER_KINDS = (*CUT_KINDS, *GRPC_KINDS, "right, in pieces", "right, then half closed")

CLOSED = "closed"
JSON_READER = "500, JSON"
"""How Triton itself answers where it cannot read the JSON: an error of its own, it says."""
SILENT = "no answer"
TIMEOUT_S = 60.0
SLOW_S = 0.5
TOLERANCE = 1e-4
_JSON_ERROR = re.compile(rb'\{"error":"(failed to parse the request JSON buffer|Unable to parse)')


@dataclass
class Tally:
    """What came of all requests."""

    outcomes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)


class Connection:
    """One keep-alive connection, opened anew where the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return the streams."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        return self._streams

    async def ask(self, *pieces: bytes, pause_s: float = 0.0) -> tuple[str, dict[str, str], bytes]:
        """Send a request, and return status, headers and body; status is `CLOSED` without one."""
        reader, writer = await self.open()
        sending = asyncio.ensure_future(_send(writer, pieces, pause_s))
        try:
            return await asyncio.wait_for(_answer(reader), TIMEOUT_S)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            return CLOSED, {}, b""
        except TimeoutError:
            self.close()
            return SILENT, {}, b""
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await sending

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _send(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...], pause_s: float) -> None:
    for number, piece in enumerate(pieces):
        if number and pause_s:
            await asyncio.sleep(pause_s)
        writer.write(piece)
        await writer.drain()


async def _answer(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    if headers.get("transfer-encoding") == "chunked":
        raise ConnectionResetError("an answer in chunks is none of Triton's")
    return (
        head[0].split(" ")[1],
        headers,
        await reader.readexactly(int(headers.get("content-length", 0))),
    )


@dataclass
class Clients:
    """All clients of one process."""

    ports: tuple[int, int]
    target: Target
    tally: Tally = field(default_factory=Tally)
    left: int = 0

    async def client(self, random: Random) -> None:
        """Ask until all requests are made."""
        kept = Connection(self.ports[0])
        while self.left > 0:
            self.left -= 1
            if random.random() < MALFORMED:
                kind = random.choice((*messages.KINDS, *OTHER_KINDS))
                self.tally.outcomes[kind][await self._odd(kind, random)] += 1
            else:
                kind = "right, binary" if random.random() < 0.8 else "right, JSON"
                started = time.perf_counter()
                self.tally.outcomes[kind][await self._right(kept, kind, random)] += 1
                self.tally.seconds.append(time.perf_counter() - started)
        kept.close()

    async def _right(self, connection: Connection, kind: str, random: Random) -> str:
        """Ask rightly, and hold the answer to the module's."""
        rows, expected = self._rows(random)
        make = messages.as_json if kind == "right, JSON" else messages.as_binary
        message = make(self.target, rows)
        if kind == "right, in pieces":
            step = len(message) // 5 + 1
            pieces = [message[start : start + step] for start in range(0, len(message), step)]
            status, headers, body = await connection.ask(*pieces, pause_s=SLOW_S / 5)
        elif kind == "right, then half closed":
            _, writer = await connection.open()
            writer.write(message)
            writer.write_eof()
            status, headers, body = await connection.ask()
        else:
            status, headers, body = await connection.ask(message)
        if status == "200":
            self._compare(kind, expected, headers, body)
        elif body:
            self.tally.examples[f"{kind}: {status}"] = body[:300].decode("utf-8", "replace")
        return status

    def _rows(self, random: Random) -> tuple[Array, Array]:
        most = min(8, self.target.max_batch_size)
        count = 1 if random.random() < 0.8 else random.randrange(2, most + 1)
        start = random.randrange(len(self.target.rows) - count + 1)
        return (
            self.target.rows[start : start + count],
            self.target.answers[start : start + count],
        )

    def _compare(self, kind: str, expected: Array, headers: dict[str, str], body: bytes) -> None:
        found = _output(headers, body, self.target.output_name)
        largest = TOLERANCE * np.abs(self.target.answers).max()
        if found.size != expected.size or np.abs(found - expected.ravel()).max() > largest:
            self.tally.wrong.append(f"{kind}: {found[:20].tolist()}, not {expected.ravel()[:20]}")

    async def _odd(self, kind: str, random: Random) -> str:
        """Send something malformed, or send rightly what few do, over a connection of its own."""
        connection = Connection(self.ports[kind in GRPC_KINDS])
        try:
            if kind in RIGHT_KINDS:
                return await self._right(connection, kind, random)
            if kind in CUT_KINDS:
                return await self._cut(connection, kind, random)
            rows, _ = self._rows(random)
            sent = (
                random.choice([random.randbytes(500), messages.as_json(self.target, rows)])
                if kind in GRPC_KINDS
                else messages.malformed(kind, self.target, rows, random)
            )
            status, _, body = await connection.ask(sent)
            self.tally.examples[f"{kind}: {status}"] = body[:300].decode("utf-8", "replace")
            if status == "500" and _JSON_ERROR.match(body):
                status = JSON_READER
        except OSError:
            return CLOSED
        else:
            return status
        finally:
            connection.close()

    async def _cut(self, connection: Connection, kind: str, random: Random) -> str:
        """Send a part; where the client stays silent, look what the server does meanwhile."""
        message = messages.as_binary(self.target, self._rows(random)[0])
        head = message.index(b"\r\n\r\n")
        limits = (1, head) if kind.startswith("head") else (head + 4, len(message) - 1)
        reader, writer = await connection.open()
        writer.write(message[: random.randrange(*limits)])
        await writer.drain()
        if kind == "closed midway":
            # A reset: what was sent last may never be read.
            writer.get_extra_info("socket").setsockopt(1, 13, struct.pack("ii", 1, 0))
            return CLOSED
        try:
            status, _, _ = await asyncio.wait_for(_answer(reader), SLOW_S)
        except TimeoutError:
            return SILENT
        except (asyncio.IncompleteReadError, ConnectionError):
            return CLOSED
        return status


def _output(headers: dict[str, str], body: bytes, name: str) -> Array:
    length = int(headers.get("inference-header-content-length", len(body)))
    (output,) = json.loads(body[:length])["outputs"]
    if output["name"] != name:
        return np.empty(0, np.float32)
    if "data" in output:
        return np.array(output["data"], np.float32)
    return np.frombuffer(body[length:], np.float32)


async def _ask(clients: Clients, count: int, seed: int) -> None:
    randoms = [Random(f"{seed}/{number}") for number in range(count)]  # noqa: S311
    await asyncio.gather(*map(clients.client, randoms))


def read_target(path: Path) -> Target:
    """Return the model that `write_target` wrote down."""
    with np.load(path) as arrays:
        words: dict[str, Any] = json.loads(str(arrays["words"]))
        return Target(rows=arrays["rows"], answers=arrays["answers"], **words)


def write_target(path: Path, target: Target) -> None:
    """Write down which model is asked, and what it should answer."""
    words = {
        "model": target.model,
        "input_name": target.input_name,
        "output_name": target.output_name,
        "max_batch_size": target.max_batch_size,
    }
    np.savez(path, rows=target.rows, answers=target.answers, words=json.dumps(words))


def main(arguments: list[str]) -> None:
    """Ask, and print what came of it."""
    http_port, grpc_port, path, requests, count, seed = arguments
    clients = Clients(
        ports=(int(http_port), int(grpc_port)),
        target=read_target(Path(path)),
        left=int(requests),
    )
    asyncio.run(_ask(clients, int(count), int(seed)))
    tally = clients.tally
    print(  # noqa: T201 - how a process of ours answers
        json.dumps(
            {
                "outcomes": tally.outcomes,
                "wrong": tally.wrong,
                "examples": tally.examples,
                "seconds": tally.seconds,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
