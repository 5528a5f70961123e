"""The machine's limits for training: matrix products, a copy of memory; and an image's FLOP.

Prints one JSON object.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import torch
from torch.utils.flop_counter import FlopCounterMode
from tutorial import network

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 2048
MEGABYTES = 256


def seconds(work: Callable[[], object], times: int = 10) -> float:
    """Return the quickest of several runs."""
    work()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def matmul_gflops(dtype: torch.dtype) -> float:
    """Return the speed of a large square matrix product."""
    matrix = torch.randn(SIDE, SIDE).to(dtype)
    return 2 * SIDE**3 / seconds(lambda: matrix @ matrix) / 1e9


def training_flop() -> float:
    """Return the FLOP of one image forward and backward: convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        scores = network()(torch.randn(2, 1, 28, 28))
        torch.autograd.backward(scores.sum())
    flop: int = counter.get_total_flops()
    return flop / 2


def main() -> None:
    """Measure and print."""
    source = torch.empty(MEGABYTES * 2**18)
    target = torch.empty_like(source)
    copied = 2 * MEGABYTES / 1024
    print(
        json.dumps(
            {
                "float32_gflops": matmul_gflops(torch.float32),
                "bfloat16_gflops": matmul_gflops(torch.bfloat16),
                "copy_gb_per_second": copied / seconds(lambda: target.copy_(source)),
                "training_flop_per_image": training_flop(),
            }
        )
    )


if __name__ == "__main__":
    main()
