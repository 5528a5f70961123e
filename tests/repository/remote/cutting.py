"""A proxy before the S3 server that kills its client in the middle of what it sends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK_BYTES = 2**16


class Cut(Enum):
    """When the client is killed, as to the piece of a request that is its turn."""

    before = "before it is passed on"
    half = "when half of it is passed on"
    after = "when the server has answered, and the client has not heard"


class Cutting:
    """Passes everything on, and counts the pieces that clients send; kills at one of them."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._kill: Callable[[], None] = lambda: None
        self.arm(0, Cut.before, lambda: None)

    def arm(self, at: int, cut: Cut, kill: Callable[[], None]) -> None:
        """Count anew, and kill at the piece of this number, from 1; 0 is never."""
        self.pieces, self._at, self._cut, self._kill = 0, at, cut, kill
        self._answered = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[Cutting]:
        """Serve in threads until the end."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._upstream))
                except ConnectionError:
                    _close(client)
                    continue
                for task in (self._upload, self._download):
                    threading.Thread(target=task, args=(client, server), daemon=True).start()

    def _upload(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(CHUNK_BYTES):
                with self._lock:
                    self.pieces += 1
                    turn = self.pieces == self._at
                if turn and self._cut is not Cut.after:
                    server.sendall(piece[: len(piece) // 2] if self._cut is Cut.half else b"")
                    self._kill()
                    break
                if turn:
                    self._answered.set()
                server.sendall(piece)
        _close(server)

    def _download(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(CHUNK_BYTES):
                if self._answered.is_set():
                    self._kill()
                    break
                client.sendall(piece)
        _close(client)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def killer(pid: int) -> Callable[[], None]:
    """Return what kills a process as nothing can catch."""
    return lambda: os.kill(pid, signal.SIGKILL)
