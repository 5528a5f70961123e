"""Requests to a running Triton, and to none."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

from packager.client import Client, RequestError, WireFormat
from packager.errors import UnavailableError
from packager.model_metadata import TensorMetadata
from packager.server.running import Endpoints
from packager.spec.tensors import DataType

from . import models
from .conftest import config, tensor

if TYPE_CHECKING:
    from .conftest import Workbench

NOBODY = Endpoints(http="127.0.0.1:9", grpc="127.0.0.1:9")
SCORES = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 3)])
X = np.ones((1, 4), dtype=np.float32)


def test_metadata_has_the_batch_as_the_server_reports_it(workbench: Workbench) -> None:
    """Names, versions, platform, and -1 for the batch."""
    name = workbench.load(models.Scores(), SCORES)
    metadata = workbench.client.model_metadata(name, 1)
    assert (metadata.name, metadata.versions, metadata.platform) == (
        name,
        (1,),
        "pytorch_libtorch",
    )
    assert metadata.inputs == (TensorMetadata(name="x", data_type=DataType.FP32, dims=(-1, 4)),)
    assert metadata.outputs == (TensorMetadata(name="y", data_type=DataType.FP32, dims=(-1, 3)),)
    assert workbench.client.model_config(name)["max_batch_size"] == 8


def test_bytes_load_under_a_temporary_name(workbench: Workbench) -> None:
    """Configuration and files in the request: nothing is in the repository."""
    written = workbench.write(models.Scores(), None)
    content = (workbench.repository / written / "1" / "model.pt").read_bytes()
    text = {
        "platform": "pytorch_libtorch",
        "max_batch_size": 4,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [3]}],
    }
    client = workbench.client
    client.load("temporary", json.dumps(text), {"1/model.pt": content})
    client.wait_for_model("temporary", 1)
    assert workbench.ask("temporary", x=X)["y"].shape == (1, 3)
    client.unload("temporary")
    assert not client.is_model_ready("temporary", 1)


def test_the_index_lists_what_is_loaded(workbench: Workbench) -> None:
    """With its state."""
    name = workbench.load(models.Scores(), SCORES)
    states = {entry["name"]: entry.get("state") for entry in workbench.client.repository_index()}
    assert states[name] == "READY"


def test_the_server_says_what_it_is(workbench: Workbench) -> None:
    """A real Triton."""
    assert workbench.client.server_metadata()["version"] == "2.51.0"


@pytest.mark.parametrize("wire", list(WireFormat))
def test_an_unknown_model_is_a_request_error(workbench: Workbench, wire: WireFormat) -> None:
    """Triton's answer, not a missing server."""
    error = workbench.error("nobody", wire, x=X)
    assert "nobody" in str(error)
    assert error.exit_code == 3
    assert error.status


@pytest.mark.parametrize("wire", list(WireFormat))
def test_a_server_that_is_not_there_is_unavailable(wire: WireFormat) -> None:
    """Exit 4, naming the address."""
    with Client(NOBODY, timeout_s=5) as client:
        assert not client.is_ready()
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9 does not answer") as caught:
            client.infer(wire, "m", 1, {"x": X})
    assert caught.value.exit_code == 4


def test_grpc_without_its_address_is_refused(workbench: Workbench) -> None:
    """An external server may be known by HTTP only."""
    http_only = Endpoints(http=workbench.server.endpoints.http)
    with (
        Client(http_only) as client,
        pytest.raises(UnavailableError, match="gRPC address is not known"),
    ):
        client.infer(WireFormat.GRPC, "m", 1, {"x": X})


def test_waiting_for_a_model_ends(workbench: Workbench) -> None:
    """With the model's name, after the time given."""
    with pytest.raises(UnavailableError, match=r"nobody/1: .* within 0\.1 s"):
        workbench.client.wait_for_model("nobody", 1, timeout_s=0.1)


def test_a_request_error_survives_the_trip_between_processes() -> None:
    """Sweep launchers pickle what a job raises."""
    error = RequestError("no", where="m/1", remedy="try", status="400")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy), copy.status) == (RequestError, str(error), "400")
