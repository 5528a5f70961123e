"""A real S3 server on loopback, and the environment by which clients find it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packager.repository.remote.store import Store
from packager.spec.recipe import RemoteRepositorySpec

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "wJalrXUtnFEMI-never-to-be-seen"  # noqa: S105  what must occur nowhere
SERVER = Path(__file__).with_name("s3_server.py")


@dataclass(frozen=True, slots=True)
class S3:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What clients need."""
        return environment(self.port)


def environment(port: int) -> dict[str, str]:
    """Return what clients need for a server on a port of loopback."""
    return {
        "AWS_ACCESS_KEY_ID": "AKIAPACKAGERTEST",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


@contextlib.contextmanager
def running() -> Iterator[S3]:
    """Run a server, killed at the end."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(SERVER), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port)
        yield S3(process, port)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Block until somebody listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


def new_bucket() -> str:
    """Create a bucket on the server that the environment tells of."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    Store("s3")._filesystem.mkdir(name)
    return name


def repository_in(bucket: str, staging: Path) -> RemoteRepositorySpec:
    """Return a repository in a bucket."""
    return RemoteRepositorySpec(url=f"s3://{bucket}/team/models", staging=staging)


def objects(bucket: str) -> dict[str, bytes]:
    """Return every object of a bucket by its key."""
    store = Store("s3")
    return {
        path.removeprefix(f"{bucket}/"): store.read(path) or b"" for path in store.sizes(bucket)
    }
