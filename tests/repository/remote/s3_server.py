"""moto's S3 server as a process: `python s3_server.py PORT`.

One request at a time, so that its conditional writes are atomic, as those of S3 are. A body that
was cut off is refused, as S3 does.
"""

from __future__ import annotations

import sys
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Environment = dict[str, Any]


class OneAtATime:
    """An application that answers one request after the other, once it has the whole of it."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application, self._lock = application, Lock()

    def __call__(self, environment: Environment, start: Callable[..., Any]) -> list[bytes]:
        """Answer a request."""
        length = int(environment.get("CONTENT_LENGTH") or 0)
        body = environment["wsgi.input"].read(length)
        if len(body) < length:
            start("400 Bad Request", [("Content-Length", "0")])
            return []
        with self._lock:
            return list(self._application(environment | {"wsgi.input": BytesIO(body)}, start))


if __name__ == "__main__":
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        OneAtATime(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
