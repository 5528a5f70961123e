"""Several processes training one module: gradients are averaged by DistributedDataParallel."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from packager.errors import SpecError, UnavailableError
from packager.training import ranks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Be one of the processes while training lasts; nothing where there is only one.

    Raises:
        UnavailableError: another process has ended, or cannot be reached.
        SpecError: a parameter is not used.
    """
    if ranks.size() == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    except RuntimeError as error:
        if "Expected to have finished reduction" in str(error):
            raise SpecError(
                "some of its parameters take no part in the loss, which several processes cannot"
                " average",
                where="architecture",
                remedy="remove them from the module, or train it in one process",
            ) from error
        if not isinstance(error, distributed.DistBackendError) and "gloo" not in str(error):
            raise
        raise UnavailableError(
            "another process of this training has ended",
            where="torchrun",
            remedy="see what it said; the same command goes on from the last checkpoint",
        ) from error
    finally:
        distributed.destroy_process_group()


def shared(module: nn.Module, device: torch.device) -> nn.Module:
    """Return the module with gradients averaged over the processes."""
    if ranks.size() == 1:
        return module
    return DistributedDataParallel(module, device_ids=[device] if device.type == "cuda" else None)


def from_main(value: Any) -> Any:
    """Return the main rank's value in every process; all of them must ask."""
    if ranks.size() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def highest(number: int, device: torch.device) -> int:
    """Return the highest of the processes' numbers; all of them must ask."""
    if ranks.size() == 1:
        return number
    found = torch.tensor([number], device=device)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return int(found.item())


def my_share(indices: torch.Tensor) -> torch.Tensor:
    """Return this process's part of a batch."""
    return indices[ranks.rank() :: ranks.size()]
