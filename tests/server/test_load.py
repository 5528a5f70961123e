"""The embedded server under many clients at once, a tenth of their requests malformed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests
import torch

from packager.client import WireFormat
from tests.load import asking, messages, verdict

from . import models
from .conftest import config, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Workbench

REQUESTS = 2_000
TEXT = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 3)], more="dynamic_batching {}")


@pytest.fixture(scope="module")
def asked(shared_workbench: Workbench) -> Iterator[messages.Target]:
    """A loaded model, with rows that all differ."""
    model = shared_workbench.load(models.Scores(), TEXT)
    rows = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    yield messages.Target(
        model=model,
        input_name="x",
        output_name="y",
        max_batch_size=8,
        rows=rows,
        answers=models.Scores()(torch.from_numpy(rows)).detach().numpy(),
    )
    shared_workbench.unload_all()


def post(workbench: Workbench, message: bytes) -> requests.Response:
    """The answer to a whole request, given as it travels."""
    head, _, body = message.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    return requests.post(
        f"http://{workbench.server.endpoints.http}{first.split()[1]}",
        data=body,
        headers=dict(line.split(": ", 1) for line in headers),
        timeout=30,
    )


def test_right_requests_are_answered_rightly_among_malformed_ones(
    shared_workbench: Workbench, asked: messages.Target, tmp_path: Path
) -> None:
    """Malformed ones are refused; the server is there afterwards, over gRPC too."""
    endpoints = shared_workbench.server.endpoints
    outcome = verdict.ask(endpoints, asked, tmp_path, requests=REQUESTS, clients=32)
    assert outcome.unexpected() == {}, outcome.examples
    assert outcome.wrong == []
    assert outcome.requests == REQUESTS
    assert set(outcome.by_kind) >= {*asking.RIGHT_KINDS, *asking.OTHER_KINDS, *messages.KINDS}
    answer = shared_workbench.ask(asked.model, WireFormat.GRPC, x=asked.rows[:8])["y"]
    np.testing.assert_allclose(answer, asked.answers[:8], rtol=1e-5)


def test_a_batch_of_no_rows_is_the_clients_mistake(
    shared_workbench: Workbench, asked: messages.Target
) -> None:
    """Triton lets it pass where the bytes are those of one row, and modules fail on it."""
    row = asked.rows[:1].tobytes()
    answer = post(shared_workbench, messages.binary(asked, asked.header([0, 4]), row))
    assert (answer.status_code, "batch of 0" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("body", [b'{"a":' * 300_000, b"[" * 300_000])
def test_deeply_nested_json_does_not_end_the_server(
    shared_workbench: Workbench, asked: messages.Target, body: bytes
) -> None:
    """Triton reads it by recursion: with a stack of the usual size it would be gone."""
    assert post(shared_workbench, messages.http(asked.path, body)).status_code == 500
    assert shared_workbench.server.is_running()
    assert shared_workbench.client.is_ready()


@pytest.mark.usefixtures("asked")
def test_a_models_threads_do_not_spin_while_they_wait(shared_workbench: Workbench) -> None:
    """Where processors are shared, that takes them from the thread that is waited for."""
    identity = shared_workbench.client.server_metadata()["name"]
    stubs = [
        path.parent
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if identity in (line := path.read_text()) and "python_backend_stub" in line
    ]
    assert stubs
    for stub in stubs:
        assert b"OMP_WAIT_POLICY=PASSIVE" in (stub / "environ").read_bytes().split(b"\0")
