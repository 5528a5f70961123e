"""A small web server on loopback, for pictures by URL."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Page = Callable[[BaseHTTPRequestHandler], None]


def content(body: bytes, *, status: int = 200, **headers: str) -> Page:
    """A page of these bytes."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def served(pages: dict[str, Page]) -> Iterator[str]:
    """Serve pages by their paths; give the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages.get(self.path, content(b"gone", status=404))(self)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
