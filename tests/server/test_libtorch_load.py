"""What the libtorch backend accepts and refuses at load, on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from . import models
from .conftest import config, script, tensor

if TYPE_CHECKING:
    from .conftest import Workbench

X4 = tensor("x", "FP32", 4)
Y3 = tensor("y", "FP32", 3)


def parameter(key: str, value: str) -> str:
    """One entry of `parameters`."""
    return f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}'


def test_a_model_without_a_configuration_is_refused(workbench: Workbench) -> None:
    """The backend completes nothing, so Triton's empty configuration has no inputs."""
    reason = workbench.refusal(models.Scores(), None)
    assert reason.endswith("configuration expects 0 inputs, model provides 1")


def test_a_wrong_number_of_inputs_is_refused(workbench: Workbench) -> None:
    """The count is compared with what forward takes."""
    reason = workbench.refusal(models.Scores(), config([X4, tensor("z", "FP32", 4)], [Y3]))
    assert reason.endswith("configuration expects 2 inputs, model provides 1")


def test_a_configuration_without_outputs_is_refused(workbench: Workbench) -> None:
    """Inputs alone are not enough."""
    reason = workbench.refusal(models.Scores(), config([X4], []))
    assert "at least one output" in reason


@pytest.mark.parametrize("data_type", ["BF16", "UINT16", "UINT32", "UINT64"])
def test_a_data_type_without_a_torch_equivalent_is_refused(
    workbench: Workbench, data_type: str
) -> None:
    """Whatever torch has learnt since, the backend's table lacks them."""
    text = config([tensor("x", data_type, 4)], [Y3])
    assert f"unsupported datatype TYPE_{data_type} for input 'x'" in workbench.refusal(
        models.Scores(), text
    )


def test_fp16_works(workbench: Workbench) -> None:
    """Half precision arrives and leaves to the bit."""
    text = config([tensor("x", "FP16", 4)], [tensor("y", "FP16", 4)])
    model = workbench.load(models.Half(), text)
    x = np.linspace(-2, 2, 8, dtype=np.float16).reshape(2, 4)
    expected = models.Half()(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(workbench.ask(model, x=x)["y"], expected)


def test_an_input_index_past_the_inputs_is_refused(workbench: Workbench) -> None:
    """Libtorch loads it and ends the whole server at the first request."""
    text = config([tensor("INPUT__3", "FP32", 4)], [Y3])
    assert "index 3, but the model takes 1 inputs" in workbench.refusal(models.Scores(), text)


def test_inter_op_thread_count_is_refused(workbench: Workbench) -> None:
    """Set by two models it ends a libtorch server at load."""
    text = config([X4], [Y3], more=parameter("INTER_OP_THREAD_COUNT", "1"))
    assert "INTER_OP_THREAD_COUNT is refused" in workbench.refusal(models.Scores(), text)


def test_a_malformed_parameter_is_refused(workbench: Workbench) -> None:
    """A misspelt boolean is not silently false."""
    text = config([X4], [Y3], more=parameter("INFERENCE_MODE", "yes please"))
    assert "failed to convert 'yes please' to boolean" in workbench.refusal(models.Scores(), text)


def test_every_parameter_that_libtorch_reads_is_honoured(workbench: Workbench) -> None:
    """Switches of the executor change no answer."""
    values = {
        "DISABLE_OPTIMIZED_EXECUTION": "true",
        "INFERENCE_MODE": "false",
        "ENABLE_WEIGHT_SHARING": "on",
        "INTRA_OP_THREAD_COUNT": "1",
        "ENABLE_CACHE_CLEANING": "1",
        "DISABLE_CUDNN": "0",
        "ENABLE_TENSOR_FUSER": "false",
        "ENABLE_JIT_PROFILING": "off",
        "ENABLE_JIT_EXECUTOR": "True",
    }
    more = " ".join(parameter(key, value) for key, value in values.items())
    model = workbench.load(models.Scores(), config([X4], [Y3], more=more))
    x = np.ones((1, 4), dtype=np.float32)
    expected = models.Scores()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(workbench.ask(model, x=x)["y"], expected, rtol=1e-6)


def test_a_state_dict_is_refused_with_torchs_words(workbench: Workbench) -> None:
    """`torch.save` of weights is the commonest model.pt that is none."""
    name = workbench.write(None, config([X4], [Y3]))
    torch.save(models.Scores().state_dict(), workbench.repository / name / "1" / "model.pt")
    reason = workbench.refusal_of(name)
    assert "failed to load model" in reason
    assert "failed locating file constants.pkl" in reason


def test_a_missing_model_file_is_refused(workbench: Workbench) -> None:
    """The reason names the path."""
    assert "1/model.pt' for model instance" in workbench.refusal(None, config([X4], [Y3]))


@pytest.mark.parametrize(
    ("module", "kind"), [(models.Scaled(), "int"), (models.WithOptional(), "Optional")]
)
def test_a_forward_that_takes_more_than_tensors_is_refused(
    workbench: Workbench, module: nn.Module, kind: str
) -> None:
    """A default value does not help: the backend passes every argument."""
    reason = workbench.refusal(module, config([X4], [Y3]))
    assert "An input of type" in reason
    assert kind in reason


def test_a_model_under_another_file_name_is_found(workbench: Workbench) -> None:
    """By `default_model_filename`."""
    text = config([X4], [Y3], more='default_model_filename: "net.pt"')
    name = workbench.write(None, text)
    script(models.Scores()).save(workbench.repository / name / "1" / "net.pt")
    workbench.client.load(name)
    assert workbench.client.is_model_ready(name, 1)


def test_the_reason_of_an_unreadable_configuration_is_the_parsers(workbench: Workbench) -> None:
    """Triton answers only that it failed to poll; the log has line, column and field."""
    reason = workbench.refusal(models.Scores(), "platfrm: 3")
    assert 'no field named "platfrm"' in reason


def test_the_reason_of_a_missing_version_is_known(workbench: Workbench) -> None:
    """A model directory without a version directory."""
    name = workbench.write(None, config([X4], [Y3]))
    (workbench.repository / name / "1").rmdir()
    assert "at least one version must be available" in workbench.refusal_of(name)
