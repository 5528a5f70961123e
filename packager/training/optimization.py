"""The optimizer and the learning rate's schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from packager.spec.training import Optimizer, Schedule, TrainerSpec

if TYPE_CHECKING:
    from torch import nn


def make_optimizer(module: nn.Module, spec: TrainerSpec) -> torch.optim.Optimizer:
    """Return the optimizer of the module's trainable parameters; one kernel for all of them."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    match spec.optimizer:
        case Optimizer.sgd:
            return torch.optim.SGD(
                parameters,
                lr=spec.lr,
                momentum=spec.momentum,
                weight_decay=spec.weight_decay,
                fused=True,
            )
        case Optimizer.adam:
            return torch.optim.Adam(
                parameters, lr=spec.lr, weight_decay=spec.weight_decay, fused=True
            )
        case Optimizer.adamw:
            return torch.optim.AdamW(
                parameters, lr=spec.lr, weight_decay=spec.weight_decay, fused=True
            )


def make_schedule(
    optimizer: torch.optim.Optimizer, spec: TrainerSpec, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the schedule over `steps` optimizer steps."""
    if spec.schedule is Schedule.constant:
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=spec.lr,
        total_steps=max(2, steps),
        pct_start=spec.warmup_fraction,
        cycle_momentum=False,
    )
