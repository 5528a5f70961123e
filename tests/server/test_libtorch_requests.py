"""What the libtorch backend does with requests, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from packager.client import RequestError, WireFormat

from . import models
from .conftest import config, tensor

if TYPE_CHECKING:
    from .conftest import Workbench

QUEUE = "dynamic_batching { max_queue_delay_microseconds: 300000 }"
LEFT = np.array([[7.0]], dtype=np.float32)
RIGHT = np.array([[2.0]], dtype=np.float32)


def pair(*names: str) -> list[str]:
    """Tensors of one number each."""
    return [tensor(name, "FP32", 1) for name in names]


def test_dims_with_the_batch_in_them_load_and_answer_400(workbench: Workbench) -> None:
    """The commonest mistake: max_batch_size already adds the batch."""
    text = config([tensor("x", "FP32", -1, 1, 28, 28)], [tensor("y", "FP32", 1)])
    model = workbench.load(models.Image(), text)
    error = workbench.error(model, x=np.zeros((1, 1, 28, 28), dtype=np.float32))
    assert error.status == "400"
    assert "Expected [-1,-1,1,28,28]" in str(error)


def test_output_dims_are_never_checked(workbench: Workbench) -> None:
    """The answer has the model's own shape, not the configuration's."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 7, 9)])
    model = workbench.load(models.Scores(), text)
    assert workbench.ask(model, x=np.ones((2, 4), dtype=np.float32))["y"].shape == (2, 3)


def test_a_wrong_output_data_type_shows_at_the_first_request(workbench: Workbench) -> None:
    """It loads, and every request is answered 400."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "INT64", 3)])
    model = workbench.load(models.Scores(), text)
    error = workbench.error(model, x=np.ones((1, 4), dtype=np.float32))
    assert error.status == "400"
    assert "expects datatype TYPE_INT64 for output 'y', model provides TYPE_FP32" in str(error)


def test_a_scalar_output_shows_at_the_first_request(workbench: Workbench) -> None:
    """It loads, and every request is answered 400."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 1)])
    model = workbench.load(models.Total(), text)
    error = workbench.error(model, x=np.ones((1, 4), dtype=np.float32))
    assert error.status == "400"
    assert "output 'y' is a scalar which is not supported" in str(error)


def test_an_output_index_past_the_outputs_shows_at_the_first_request(workbench: Workbench) -> None:
    """It loads, and every request is answered 400."""
    text = config([tensor("x", "FP32", 4)], [tensor("y__5", "FP32", 3)])
    model = workbench.load(models.Scores(), text)
    error = workbench.error(model, x=np.ones((1, 4), dtype=np.float32))
    assert error.status == "400"
    assert "refers to an output index which doesn't exist" in str(error)


def test_names_of_arguments_count_whatever_the_order(workbench: Workbench) -> None:
    """Both are forward's argument names, so the configuration's order means nothing."""
    model = workbench.load(models.Minus(), config(pair("right", "left"), pair("d", "s")))
    assert workbench.ask(model, left=LEFT, right=RIGHT)["d"].item() == 5


def test_indices_count_whatever_the_order(workbench: Workbench) -> None:
    """Inputs and outputs by `__<index>`; the answer's order is by name, so match by name."""
    text = config(pair("in__1", "in__0"), pair("b__1", "a__0"))
    model = workbench.load(models.Minus(), text)
    answer = workbench.ask(model, in__0=LEFT, in__1=RIGHT)
    assert {name: array.item() for name, array in answer.items()} == {"a__0": 5, "b__1": 9}


def test_one_name_of_another_kind_switches_all_to_the_configurations_order(
    workbench: Workbench,
) -> None:
    """`left` is an argument, yet goes to `right`: silently, as libtorch does it."""
    model = workbench.load(models.Minus(), config(pair("other", "left"), pair("s__1", "d")))
    answer = workbench.ask(model, other=RIGHT, left=LEFT)
    assert {name: array.item() for name, array in answer.items()} == {"s__1": -5, "d": 9}


def test_a_dictionary_of_tensors_is_filled_by_name(workbench: Workbench) -> None:
    """The one forward without tensor arguments that the backend serves."""
    model = workbench.load(models.Named(), config(pair("b", "a"), pair("y")))
    assert workbench.ask(model, a=LEFT, b=RIGHT)["y"].item() == 72


def test_strings_are_lists_to_the_model(workbench: Workbench) -> None:
    """One dimension, without batching: all that the backend has for them."""
    strings = [tensor("texts", "STRING", -1)], [tensor("loud", "STRING", -1)]
    model = workbench.load(models.Shout(), config(*strings, max_batch_size=0))
    texts = np.array([b"a", "über".encode()], dtype=np.object_)
    for wire in WireFormat:
        answer = workbench.ask(model, wire, texts=texts)["loud"]
        said = [text.decode() if isinstance(text, bytes) else text for text in answer]
        assert said == ["A", "üBER"]  # TorchScript's upper() knows ASCII only


def test_a_model_without_batching_gets_tensors_as_they_are(workbench: Workbench) -> None:
    """With max_batch_size 0 the dims are everything."""
    text = config([tensor("x", "FP32", -1, 4)], [tensor("y", "FP32", -1, 3)], max_batch_size=0)
    model = workbench.load(models.Scores(), text)
    assert workbench.ask(model, x=np.ones((3, 4), dtype=np.float32))["y"].shape == (3, 3)


def test_concurrent_requests_share_a_batch_and_get_their_own_answers(workbench: Workbench) -> None:
    """Requests of 1, 2 and 3 rows: each gets its rows of one forward."""
    text = config(
        [tensor("x", "FP32", 2)], [tensor("y", "FP32", 2), tensor("rows", "FP32", 1)], more=QUEUE
    )
    model = workbench.load(models.Rows(), text)
    sent = [
        np.full((rows, 2), number, dtype=np.float32) for number, rows in enumerate([1, 2, 3, 2])
    ]
    answers = workbench.ask_together(model, [{"x": x} for x in sent])
    for x, answer in zip(sent, answers, strict=True):
        assert not isinstance(answer, RequestError)
        np.testing.assert_array_equal(answer["y"], x * 2)
        assert (answer["rows"] == 8).all()


def test_a_request_that_fails_does_not_fail_its_neighbours(workbench: Workbench) -> None:
    """One index past the table; the other requests of its batch are answered."""
    text = config(
        [tensor("x", "INT64", 1)], [tensor("y", "FP32", 1), tensor("rows", "FP32", 1)], more=QUEUE
    )
    model = workbench.load(models.Lookup(), text)
    sent = [{"x": np.array([[index]])} for index in (0, 99, 3)]
    first, second, third = workbench.ask_together(model, list(sent))
    assert isinstance(second, RequestError)
    assert second.status == "500"
    assert "PyTorch execute failure" in str(second)
    for answer, expected in ((first, 0), (third, 3)):
        assert not isinstance(answer, RequestError)
        assert answer["y"].item() == expected


def test_an_answer_is_not_written_over_by_the_next_forward(workbench: Workbench) -> None:
    """A failed batch is asked again one by one, and all are answered together."""
    text = config(pair("x"), pair("y"), more=QUEUE)
    model = workbench.load(models.Kept(), text)
    numbers = [1.0, -1.0, 2.0, 3.0]
    answers = workbench.ask_together(
        model, [{"x": np.array([[number]], dtype=np.float32)} for number in numbers]
    )
    found = [None if isinstance(one, RequestError) else float(one["y"][0, 0]) for one in answers]
    assert found == [1.0, None, 2.0, 3.0]


def test_a_model_that_cannot_batch_fails_every_request_of_a_batch(workbench: Workbench) -> None:
    """Answering them one by one instead would hide what libtorch does with such a model."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 4)], more=QUEUE)
    model = workbench.load(models.OnlyOne(), text)
    x = np.ones((1, 4), dtype=np.float32)
    assert workbench.ask(model, x=x)["y"].shape == (1, 4)
    answers = workbench.ask_together(model, [{"x": x}] * 2)
    assert all(isinstance(answer, RequestError) for answer in answers)


def test_an_output_that_lost_the_batch_is_refused(workbench: Workbench) -> None:
    """Libtorch would answer with memory that is not the output's."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 4)])
    model = workbench.load(models.Averaged(), text)
    error = workbench.error(model, x=np.ones((3, 4), dtype=np.float32))
    assert error.status == "400"
    assert "output 'y' has 1 rows for a batch of 3" in str(error)


def test_the_wire_formats_agree_with_torch_to_the_bit(workbench: Workbench) -> None:
    """JSON, binary and gRPC; and none of the malformed requests harms the server."""
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 3)])
    model = workbench.load(models.Scores(), text)
    x = np.random.default_rng(5).standard_normal((8, 4)).astype(np.float32)
    expected = models.Scores()(torch.from_numpy(x)).detach().numpy()
    for wire in WireFormat:
        np.testing.assert_array_equal(workbench.ask(model, wire, x=x)["y"], expected)
        refused = "INVALID_ARGUMENT" if wire is WireFormat.GRPC else "400"
        for bad in ({"x": x[:, :3]}, {"x": x.astype(np.float64)}, {"z": x}, {"x": x.repeat(2, 0)}):
            assert workbench.error(model, wire, **bad).status == refused
    assert workbench.ask(model, x=x)["y"].flags.writeable


@pytest.mark.parametrize("count", [2])
def test_every_instance_answers_alike(workbench: Workbench, count: int) -> None:
    """Two processes with half the threads each."""
    more = f"instance_group [{{ kind: KIND_CPU count: {count} }}]"
    text = config([tensor("x", "FP32", 4)], [tensor("y", "FP32", 3)], more=more)
    model = workbench.load(models.Scores(), text)
    x = np.ones((1, 4), dtype=np.float32)
    answers = workbench.ask_together(model, [{"x": x}] * 6)
    expected = models.Scores()(torch.from_numpy(x)).detach().numpy()
    for answer in answers:
        assert not isinstance(answer, RequestError)
        np.testing.assert_array_equal(answer["y"], expected)
