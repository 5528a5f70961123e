"""One training step of the tutorial's network in several forms, taken in turns on the same cores.

    python bench/steps.py [--cores N] [--batch N] [--compile]

It says which form trainers should choose on a machine: trainer.precision, .memory_format, .compile.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from tutorial import network

from packager.training.fused_pooling import training_form

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 20


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a step is computed."""

    fused: bool = False
    channels_last: bool = False
    bfloat16: bool = False
    compiled: bool = False

    def step(self, batch: int) -> Callable[[], None]:
        """Return a function that takes one optimizer step on a random batch."""
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        module: nn.Module = network().to(memory_format=order).train()
        optimizer = torch.optim.SGD(module.parameters(), lr=1e-4, momentum=0.9, fused=True)
        form = training_form(module) if self.fused else module
        run: Callable[[torch.Tensor], torch.Tensor] = torch.compile(form) if self.compiled else form
        images = torch.rand(batch, 1, 28, 28).contiguous(memory_format=order)
        labels = torch.randint(0, 10, (batch,))

        def step() -> None:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
                scores = run(images)
            torch.autograd.backward(nn.functional.cross_entropy(scores.float(), labels))
            optimizer.step()

        return step


FORMS = {
    "plain": Form(),
    "channels last": Form(channels_last=True),
    "channels last, bfloat16": Form(channels_last=True, bfloat16=True),
    "fused pooling": Form(fused=True),
    "fused pooling, channels last": Form(fused=True, channels_last=True),
    "the same, bfloat16": Form(fused=True, channels_last=True, bfloat16=True),
}
COMPILED = {"compiled, channels last": Form(channels_last=True, compiled=True)}


def main() -> None:
    """Measure all forms in turns; print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--compile", action="store_true", help="torch.compile too (a minute)")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    torch.set_num_threads(arguments.cores)
    forms = FORMS | (COMPILED if arguments.compile else {})
    steps: dict[str, Callable[[], None]] = {}
    seconds: dict[str, list[float]] = {}
    for name, form in forms.items():
        started = time.perf_counter()
        steps[name] = form.step(arguments.batch)
        steps[name]()
        print(f"{name}: first step after {time.perf_counter() - started:.1f} s", flush=True)
        seconds[name] = []
    for _ in range(ROUNDS):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    plain = statistics.median(seconds["plain"])
    for name, found in seconds.items():
        median = statistics.median(found)
        print(f"{name:30} {1000 * median:7.1f} ms a step  {plain / median:5.2f} x plain")


if __name__ == "__main__":
    main()
