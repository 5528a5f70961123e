"""A local mirror whose answers a test decides, request by request."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What to answer; `length` is declared instead of the body's own, then `pause` is waited."""

    body: bytes = b""
    status: int = 200
    length: int | None = None
    pause: threading.Event | None = None


@dataclass(kw_only=True)
class Mirror:
    """A running server: `answer` gets a file's name and the number of the request for it."""

    url: str
    answer: Callable[[str, int], Reply]
    requests: Counter[str] = field(default_factory=Counter)
    started: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(answer: Callable[[str, int], Reply]) -> Iterator[Mirror]:
    """Serve on a free port of this machine until the block ends."""
    mirror = Mirror(url="", answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/")
            mirror.requests[name] += 1
            reply = mirror.answer(name, mirror.requests[name])
            self.send_response(reply.status)
            length = len(reply.body) if reply.length is None else reply.length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()
            mirror.started.set()
            if reply.pause is not None:
                reply.pause.wait(60)

        def log_message(self, *_parts: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    mirror.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
