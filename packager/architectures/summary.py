"""What each layer of a module gives, weighs and costs, for one sample."""

from __future__ import annotations

import logging
import warnings
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torchinfo
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor
    from torchinfo.layer_info import LayerInfo

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerSummary:
    """A layer, or a container with all that is in it; `depth` 0 is the whole module.

    `name` is its attribute's path, "" for the whole. A leaf has no row for anything inside it:
    leaves together cost what the whole does, but for weights that containers use themselves.
    `output_shape` is without the batch, the first tensor's where there are several, () where
    nothing told it. `multiply_adds` are those of convolutions, matrix products, attention and LSTM;
    FLOPs are twice as many.
    """

    name: str
    kind: str
    depth: int
    is_leaf: bool
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int

    @property
    def flops(self) -> int:
        """Floating-point operations: a multiplication and an addition each."""
        return 2 * self.multiply_adds


def summarize(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[LayerSummary, ...]:
    """Return the whole module and then every layer, in the order they run in.

    `inputs` are forward()'s, a batch of one sample each. The module is run once, in evaluation
    mode, and left as it was. One that cannot be followed gives its parameters only.

    Source: shapes and parameters from torchinfo; operations from torch's own counter, because
    torchinfo counts a Linear on a sequence once, and biases and norms as multiplications.
    """
    counter = FlopCounterMode(display=False)
    try:
        with _left_as_it_was(module), counter:
            found = torchinfo.summary(
                module, input_data=list(inputs), verbose=0, mode="eval"
            ).summary_list
    except Exception:
        logger.debug("the module cannot be followed", exc_info=True)
        return _parameters_only(module)
    finally:
        # Else torchinfo keeps the module for ever.
        torchinfo.torchinfo.clear_cached_forward_pass()
    counts = _multiply_adds(counter, module)
    names = {id(part): name for name, part in module.named_modules()}
    # A layer that runs again costs what its one row says.
    rows: dict[str, LayerInfo] = {}
    for info in found:
        if info.layer_id in names:
            rows.setdefault(names[info.layer_id], info)
    inner = {name[:end] for name in rows for end in _ends_of_parents(name)}
    return tuple(
        _row(name, info, is_leaf=name not in inner, multiply_adds=counts.get(name, 0))
        for name, info in rows.items()
    )


@contextmanager
def _left_as_it_was(module: nn.Module) -> Iterator[None]:
    """Give every part's mode, torch's generator and its settings back; keep warnings in."""
    modes = {part: part.training for part in module.modules()}
    try:
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(torch.no_grad())
            stack.enter_context(torch.random.fork_rng(devices=[]))
            stack.enter_context(_no_fast_paths(module))
            yield
    finally:
        for part, training in modes.items():
            part.training = training


@contextmanager
def _no_fast_paths(module: nn.Module) -> Iterator[None]:
    """Have attention and LSTM run by operators that torch's counter knows."""
    fast = torch.backends.mha.get_fastpath_enabled()
    recurrent = any(isinstance(part, nn.RNNBase) for part in module.modules())
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            sdpa_kernel(SDPBackend.MATH),
            torch.backends.mkldnn.flags(enabled=False) if recurrent else nullcontext(),
        ):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _multiply_adds(counter: FlopCounterMode, module: nn.Module) -> dict[str, int]:
    """Return the count of each part that runs, by its path; "" is the whole module."""
    root = type(module).__name__
    found = {
        name: sum(by_operator.values()) // 2
        for name, by_operator in counter.get_flop_counts().items()
    }
    parts = {
        name.removeprefix(f"{root}."): count
        for name, count in found.items()
        if name.startswith(f"{root}.")
    }
    return parts | {"": found.get("Global", 0)}


def _ends_of_parents(name: str) -> list[int]:
    """Return where the paths of all that a part is in end, "" for the whole among them."""
    return [0, *(index for index, sign in enumerate(name) if sign == ".")] if name else []


def _row(name: str, info: LayerInfo, *, is_leaf: bool, multiply_adds: int) -> LayerSummary:
    return LayerSummary(
        name=name,
        kind=info.class_name,
        depth=info.depth,
        is_leaf=is_leaf,
        output_shape=tuple(info.output_size[1:]),
        parameters=sum(parameter.numel() for parameter in info.module.parameters()),
        multiply_adds=multiply_adds,
    )


def _parameters_only(module: nn.Module) -> tuple[LayerSummary, ...]:
    return tuple(
        LayerSummary(
            name=name,
            kind=type(part).__name__,
            depth=len(name.split(".")) if name else 0,
            is_leaf=not list(part.children()),
            output_shape=(),
            parameters=sum(
                parameter.numel() for parameter in part.parameters() if not is_lazy(parameter)
            ),
            multiply_adds=0,
        )
        for name, part in module.named_modules()
    )
