"""Shapes, parameters and operations against counts by hand, and nothing disturbed."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn

from packager.architectures.build import build
from packager.architectures.layers import peak_bytes
from packager.architectures.summary import LayerSummary, summarize
from packager.spec.architecture import TorchvisionSpec


def by_name(module: nn.Module, *inputs: Tensor) -> dict[str, LayerSummary]:
    """Summarise a module; its rows by their path."""
    return {row.name: row for row in summarize(module, inputs)}


class Mixed(nn.Module):
    """A grouped convolution, a Linear on a sequence, one that runs twice, and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, 5)
        self.unused = nn.Linear(3, 3)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        positions = self.body(x).flatten(2).transpose(1, 2)
        return self.head(positions), self.head(y)


def test_convolutions_and_linears_cost_what_they_do_by_hand() -> None:
    """[8, 6, 6] from 4/2 channels and 3 x 3; a Linear at each of 36 positions and once more."""
    rows = by_name(Mixed(), torch.rand(1, 4, 8, 8), torch.rand(1, 8))
    convolution = 6 * 6 * 8 * (4 // 2) * 3 * 3
    assert rows["body.0"].multiply_adds == rows["body"].multiply_adds == convolution
    assert rows["body.0"].flops == 2 * convolution
    assert rows["head"].multiply_adds == (36 + 1) * 8 * 5
    assert rows["body.1"].multiply_adds == 0
    assert rows[""].multiply_adds == convolution + (36 + 1) * 8 * 5


def test_a_row_tells_shape_parameters_and_place() -> None:
    """One sample's shape; parameters by hand, those of a part that never ran in the whole."""
    rows = by_name(Mixed(), torch.rand(1, 4, 8, 8), torch.rand(1, 8))
    assert list(rows) == ["", "body", "body.0", "body.1", "body.2", "head"]
    assert rows["body.0"].output_shape == (8, 6, 6)
    assert rows["head"].output_shape == (36, 5)
    assert rows["body.0"].parameters == 8 * 2 * 3 * 3 + 8
    assert rows["head"].parameters == 8 * 5 + 5
    assert rows[""].parameters == 152 + 16 + 45 + 12
    assert [row.depth for row in rows.values()] == [0, 1, 2, 2, 2, 1]
    assert [row.is_leaf for row in rows.values()] == [False, False, True, True, True, True]
    assert rows["body.1"].kind == "BatchNorm2d"


@pytest.mark.parametrize(
    ("name", "side", "giga", "parameters"),
    [("resnet18", 224, 1.814, 11_689_512), ("vit_b_16", 224, 17.564, 86_567_656)],
)
def test_totals_are_the_published_ones(name: str, side: int, giga: float, parameters: int) -> None:
    """Torchvision publishes both with its weights: `meta["_ops"]` and `meta["num_params"]`."""
    module = build(TorchvisionSpec(name=name), sample_shape=None, classes=None)
    rows = summarize(module, (torch.rand(1, 3, side, side),))
    assert rows[0].multiply_adds / 1e9 == pytest.approx(giga, abs=1e-3)
    assert rows[0].parameters == parameters
    assert sum(row.multiply_adds for row in rows if row.is_leaf) == rows[0].multiply_adds


def test_a_summary_leaves_the_module_as_it_was() -> None:
    """Weights, batch statistics, every part's own mode, hooks, and torch's generator."""
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    module[1].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    generator = torch.get_rng_state()
    summarize(module, (torch.rand(1, 1, 8, 8),))
    generator_after = torch.get_rng_state()
    torch.set_rng_state(generator)
    torch.rand(1, 1, 8, 8)
    assert torch.equal(torch.get_rng_state(), generator_after)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert [part.training for part in module] == [True, False, True]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_summary_keeps_no_module() -> None:
    """Torchinfo remembers the last one of each name unless told not to."""
    module = nn.Sequential(nn.Linear(3, 3))
    gone = weakref.ref(module)
    summarize(module, (torch.rand(1, 3),))
    del module
    gc.collect()
    assert gone() is None


def test_attention_and_lstm_cost_what_they_do_by_hand() -> None:
    """Whatever single operator torch has for them: projections, scores and sums; four gates."""
    x = torch.rand(1, 7, 8)
    attention = summarize(nn.MultiheadAttention(8, 2, batch_first=True), (x, x, x))[0]
    assert attention.multiply_adds == 7 * 8 * (3 * 8) + 2 * 7 * 7 * 8 + 7 * 8 * 8
    lstm = summarize(nn.LSTM(8, 5, batch_first=True), (x,))[0]
    assert lstm.multiply_adds == 7 * 4 * 5 * (8 + 5)
    assert torch.backends.mkldnn.enabled


@pytest.mark.parametrize("wrong", [torch.rand(1, 4), torch.zeros(1, 3, dtype=torch.int64)])
def test_a_module_that_cannot_be_followed_has_parameters_only(wrong: Tensor) -> None:
    """A summary never fails a build."""
    module = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    rows = summarize(module, (wrong,))
    assert [(row.name, row.parameters) for row in rows] == [("", 8), ("0", 8), ("1", 0)]
    assert all(row.output_shape == () and row.multiply_adds == 0 for row in rows)


def test_a_torchscript_module_has_a_total() -> None:
    """Of an existing file."""
    scripted = torch.jit.script(nn.Sequential(nn.Linear(4, 3), nn.ReLU()).eval())
    rows = summarize(scripted, (torch.rand(1, 4),))
    assert rows[0].parameters == 15
    assert rows[0].multiply_adds == 12


def test_memory_follows_from_the_rows() -> None:
    """As it does for a list of layers: input and output of the widest, float32."""
    module = nn.Sequential(nn.Conv2d(1, 25, 3), nn.ReLU(), nn.Flatten())
    leaves = [row for row in summarize(module, (torch.rand(1, 1, 28, 28),)) if row.is_leaf]
    assert peak_bytes(leaves, sample_shape=(1, 28, 28)) == 4 * 2 * 25 * 26 * 26
