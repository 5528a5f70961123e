"""The optimizer and the learning rate's schedule."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, OneCycleLR

from packager.spec.training import Optimizer, Schedule, TrainerSpec
from packager.training.matrix_blocks import MatrixBlocks, hidden_matrices

MUON_ITERATIONS = 4
"""Newton-Schulz iterations: one fewer than torch's own number, for speed."""


class Optimization:
    """What changes a module's weights at each step: optimizers, each with its schedule.

    `muon` needs two: Muon is for the matrices between the first and the last layer, AdamW for
    all the rest.
    """

    def __init__(self, module: nn.Module, spec: TrainerSpec, *, steps: int) -> None:
        self._blocks: MatrixBlocks | None = None
        parameters = [one for one in module.parameters() if one.requires_grad]
        if spec.optimizer is Optimizer.muon:
            matrices = hidden_matrices(module)
            self._blocks = MatrixBlocks(matrices)
            chosen = {id(one) for one in matrices}
            parameters = [one for one in parameters if id(one) not in chosen]
        self._parameters = [one for one in module.parameters() if one.requires_grad]
        self.optimizers = [_make(spec, parameters)]
        if self._blocks is not None and self._blocks.blocks:
            self.optimizers.append(_muon(spec, self._blocks.blocks))
        self._schedules = [_schedule(one, spec, steps) for one in self.optimizers]

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedules[0].get_last_lr()[0])

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for parameter in self._parameters:
            parameter.grad = None

    def step(self) -> None:
        """Change the weights by their gradients, and the rates by their schedules."""
        if self._blocks is not None:
            self._blocks.share_gradients()
        for optimizer, schedule in zip(self.optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """Return all that a later session needs."""
        return {
            "optimizers": [one.state_dict() for one in self.optimizers],
            "schedules": [one.state_dict() for one in self._schedules],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what an earlier session left."""
        for one, kept in zip(self.optimizers, state["optimizers"], strict=True):
            one.load_state_dict(kept)
        for schedule, kept in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(kept)


def _make(spec: TrainerSpec, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Return the optimizer: one kernel for all parameters."""
    lr, weight_decay = spec.lr, spec.weight_decay
    match spec.optimizer:
        case Optimizer.sgd:
            return torch.optim.SGD(
                parameters,
                lr=lr,
                momentum=spec.momentum,
                weight_decay=weight_decay,
                nesterov=spec.nesterov,
                fused=True,
            )
        case Optimizer.adam:
            return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay, fused=True)
        case Optimizer.adamw | Optimizer.muon:
            return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=True)


def _muon(spec: TrainerSpec, blocks: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Return Muon with steps as large as AdamW's, so that one learning rate suits both."""
    return torch.optim.Muon(
        blocks,
        lr=spec.lr,
        weight_decay=spec.weight_decay,
        ns_steps=MUON_ITERATIONS,
        adjust_lr_fn="match_rms_adamw",
    )


def _schedule(optimizer: torch.optim.Optimizer, spec: TrainerSpec, steps: int) -> LRScheduler:
    """Return the schedule over `steps` optimizer steps."""
    if spec.schedule is Schedule.constant:
        return ConstantLR(optimizer, factor=1.0)
    return OneCycleLR(
        optimizer,
        max_lr=spec.lr,
        total_steps=max(2, steps),
        pct_start=spec.warmup_fraction,
        cycle_momentum=False,
    )
