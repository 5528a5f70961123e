"""Answers held to golden ones: what is told of each way in which they can differ."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from packager.errors import UnavailableError
from packager.proof.replay import Asked, Replay, compared
from packager.proof.tolerances import FLOAT32_TOLERANCE

Tensor = dict[str, Any]


def _output(data: list[Any], datatype: str = "FP32", **more: Any) -> Tensor:
    return {"name": "y", "datatype": datatype, "shape": [len(data)], "data": data, **more}


def _replay(found: Tensor, expected: Tensor) -> Replay:
    return compared({"outputs": [found]}, {"outputs": [expected]}, tolerance=FLOAT32_TOLERANCE)


def test_the_same_answers_are_praised_with_their_error() -> None:
    """As a part of the largest answer; whole numbers have none."""
    found = _replay(_output([1.0, 4.0001]), _output([1.0, 4.0]))
    assert found.problems == ()
    assert found.finding == "answers as when it was proven, max error 2.5e-05 of max|y|"
    integers = _output([1, 2], "INT64")
    assert _replay(integers, integers).finding == "answers as when it was proven"


@pytest.mark.parametrize(
    ("found", "expected", "told"),
    [
        (_output([1.0, 5.0]), _output([1.0, 4.0]), "is off by 2.5e-01 of max|y|, allowed 1e-04"),
        (_output([1.0, None]), _output([1.0, 4.0]), "is off by inf"),
        (_output([0.5]), _output([0.0]), "is off by 5.0e-01"),
        (_output([1.0]), _output([1.0], "FP64"), "is datatype FP32, and was FP64"),
        (_output([1.0]), _output([1.0, 2.0]), "is shape [1], and was [2]"),
        (_output([1, 2], "INT8"), _output([1, 3], "INT8"), "differs in 1 of 2 elements"),
        (_output(["a"], "INT8"), _output([1], "INT8"), "holds what is no INT8"),
        (_output([True], "BOOL"), _output([False], "BOOL"), "differs in 1 of 1 elements"),
    ],
)
def test_other_answers_are_told_with_the_output(found: Tensor, expected: Tensor, told: str) -> None:
    """Numbers, types, shapes."""
    (problem,) = _replay(found, expected).problems
    assert problem.startswith(f"answers otherwise than when it was proven: output 'y' {told}")


def test_an_output_that_is_not_there_is_told() -> None:
    """By its name; those that nobody asked for say nothing."""
    other = _output([1.0], name="z")
    assert _replay(other, _output([1.0])).problems == ("gives no output 'y'",)


def test_axes_of_one_are_no_difference() -> None:
    """A module may give [classes] where the server gives [1, classes]."""
    assert _replay(_output([1.0, 2.0], shape=[1, 2]), _output([1.0, 2.0])).problems == ()


def test_a_server_that_is_gone_is_unavailable() -> None:
    """With the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{port} does not answer"):
        Asked(f"127.0.0.1:{port}", "m", 1).is_served()
