"""What `task=profile` sends, and what is said when a served model refuses it; no server runs."""

from __future__ import annotations

from typing import Any, cast

import pytest

from packager.client import RequestError
from packager.errors import SpecError
from packager.spec.asking import Asked, ProfileTask
from packager.tasks import profile
from packager.tasks.served import ServedModel
from tests.load.tensors import model_of


def _served(dims: list[int], *, max_batch_size: int = 0) -> ServedModel:
    """A model that takes and gives such a tensor, of which no manifest tells more."""
    nobody = cast("Any", None)
    return ServedModel(
        server=nobody,
        client=nobody,
        control=nobody,
        metadata=model_of(dims),
        version=1,
        config={"max_batch_size": max_batch_size},
        record=None,
    )


def _task(*batch: int) -> ProfileTask:
    return ProfileTask(asked=Asked(), batch=batch)


@pytest.mark.parametrize(
    ("dims", "max_batch_size", "expected"),
    [
        ([-1, 1, 8, 8], 128, (1, 8, 32)),
        ([-1, 1, 8, 8], 16, (1, 8)),
        ([-1, 1, 8, 8], 0, (1, 8, 32)),
        ([4, 8], 0, (1,)),
    ],
)
def test_usual_batches_are_those_that_the_model_takes(
    dims: list[int], max_batch_size: int, expected: tuple[int, ...]
) -> None:
    """And every request has as many samples, its leading axis being the batch if it varies."""
    served = _served(dims, max_batch_size=max_batch_size)
    assert profile._batches(served, _task()) == expected
    for batch in expected:
        sent = profile._requests(served, batch)
        shape = (batch, *dims[1:]) if dims[0] == -1 else tuple(dims)
        assert {request.inputs["x"].shape for request in sent} == {shape}
        assert {request.samples for request in sent} == {batch}
        assert len(sent) == profile.DISTINCT


def test_a_batch_that_is_too_large_is_refused() -> None:
    """If somebody asks for it."""
    with pytest.raises(SpecError, match="the model takes at most 16 at once"):
        profile._batches(_served([-1, 8], max_batch_size=16), _task(8, 17))


def test_one_large_request_is_sent_whole() -> None:
    """128 images of 224 x 224 are more than is kept of different requests."""
    served = _served([-1, 3, 224, 224], max_batch_size=128)
    (request,) = profile._requests(served, 128)
    assert request.inputs["x"].nbytes > profile.DISTINCT_BYTES
    assert request.samples == 128


def test_a_refused_request_is_told_with_what_the_model_takes() -> None:
    """As a mistake of the configuration."""
    with pytest.raises(SpecError, match="Triton refuses the request: unexpected shape") as caught:
        _refuse(_served([-1, 8]))
    assert caught.value.where == "m"
    assert caught.value.remedy == "it takes x FP32 [-1, 8]"


def _refuse(served: ServedModel) -> None:
    with served.refusals_told():
        raise RequestError("unexpected shape", where="m/1", status="400")
