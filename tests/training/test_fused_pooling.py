"""Batch norm, ReLU and max-pool in one step give what they give one by one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from packager.training.fused_pooling import BatchNormReluMaxPool, training_form

POOLS = (
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.MaxPool2d((2, 3), stride=1, ceil_mode=True),
    nn.MaxPool2d(2, dilation=2),
)


def _stack(pool: nn.MaxPool2d) -> nn.Sequential:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(7)
    with torch.no_grad():
        norm.weight.uniform_(0.2, 2)
        norm.bias.uniform_(-1, 1)
    return nn.Sequential(nn.Conv2d(3, 7, 3), norm, nn.ReLU(), pool, nn.Conv2d(7, 2, 1)).train()


def _run(module: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    images = images.clone().requires_grad_()
    answer: torch.Tensor = module(images)
    torch.autograd.backward(answer.square().sum())
    return answer, images.grad


@pytest.mark.parametrize("pool", POOLS, ids=repr)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_answers_gradients_and_statistics_are_the_same(
    pool: nn.MaxPool2d, memory_format: torch.memory_format
) -> None:
    """In double precision there is nothing to round: equal to thirteen digits."""
    plain = _stack(pool).double().to(memory_format=memory_format)
    other = copy.deepcopy(plain)
    fused = training_form(other)
    assert any(isinstance(layer, BatchNormReluMaxPool) for layer in fused.children())
    images = torch.randn(5, 3, 13, 11, dtype=torch.float64).to(memory_format=memory_format)
    for found, expected in zip(_run(fused, images), _run(plain, images), strict=True):
        assert found is not None
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    for name, expected in plain.named_parameters():
        torch.testing.assert_close(
            other.get_parameter(name).grad, expected.grad, rtol=1e-5, atol=1e-6
        )
    for name, expected in plain.named_buffers():
        torch.testing.assert_close(other.get_buffer(name), expected, rtol=1e-6, atol=1e-7)


def test_bfloat16_is_near() -> None:
    """As near to float32 as the layers one by one are in bfloat16."""
    plain = _stack(nn.MaxPool2d(2))
    images = torch.randn(8, 3, 16, 16)
    exact = plain(images)
    errors = []
    for module in (copy.deepcopy(plain), training_form(copy.deepcopy(plain))):
        with torch.autocast("cpu", torch.bfloat16):
            answer = module(images)
        torch.autograd.backward(answer.float().sum())
        assert all(one.grad is not None for one in module.parameters())
        errors.append((answer.float() - exact).abs().max())
    assert errors[1] < 2 * errors[0] + 1e-3


def test_a_negative_scale_goes_the_long_way() -> None:
    """Where the order turns round, the layers run one by one, and answer exactly as they do."""
    plain = _stack(nn.MaxPool2d(2))
    with torch.no_grad():
        plain.get_parameter("1.weight")[3] = -0.5
    other = copy.deepcopy(plain)
    images = torch.randn(4, 3, 12, 12)
    for found, expected in zip(
        _run(training_form(other), images), _run(plain, images), strict=True
    ):
        assert found is not None
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.ReLU()],
        [nn.BatchNorm2d(3, affine=False), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.BatchNorm2d(3, momentum=None), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.BatchNorm2d(3, track_running_stats=False), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.BatchNorm2d(3), nn.ReLU6(), nn.MaxPool2d(2)],
    ],
    ids=repr,
)
def test_other_layers_are_left_alone(layers: list[nn.Module]) -> None:
    """Only what is known to be equal is exchanged."""
    formed = training_form(nn.Sequential(*layers))
    assert list(formed.children()) == layers


def test_a_module_of_another_kind_is_returned_as_it_is() -> None:
    """What the user's own forward() does is not known."""
    module = nn.ModuleList([nn.Linear(2, 2)])
    assert training_form(module) is module
