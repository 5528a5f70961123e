"""Proof 3: the artifact runs at every batch size allowed, each row on its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from packager.datasets.transforms import to_float
from packager.errors import ProofError, UnavailableError
from packager.proof.closeness import FLOAT32_TOLERANCE, relative_error
from packager.proof.result import Proof
from packager.proof.samples import request_sizes

if TYPE_CHECKING:
    from packager.spec.serving import ServingSpec


def require_memory(serving: ServingSpec, *, bytes_per_row: int) -> None:
    """Check that the largest batch can be tried on this machine at all.

    Raises:
        UnavailableError: it needs more than the memory that is free.
    """
    needed = serving.max_batch_size * bytes_per_row
    free = _free_bytes()
    if needed > free:
        raise UnavailableError(
            f"a batch of {serving.max_batch_size:,} needs about {needed / 1e9:,.1f} GB, and"
            f" {free / 1e9:,.1f} GB are free: it cannot be proven here",
            where="serving.max_batch_size",
            remedy="lower it, or build where there is more memory",
        )


def _free_bytes() -> int:
    """Return the memory that the kernel can give without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return sys.maxsize


def prove(artifact: torch.jit.ScriptModule, images: torch.Tensor, serving: ServingSpec) -> Proof:
    """Run uint8 images [N, C, H, W] alone, in batches and in another order; compare the rows.

    Raises:
        ProofError: a batch size fails, or a row depends on its neighbours.
    """
    sizes = [size for size in request_sizes(serving) if size is not None]
    if not sizes:
        return Proof(name="batching", finding="no batch dimension, by the recipe")
    worst = 0.0
    for size in sizes:
        batch = to_float(images[torch.arange(size) % len(images)])
        try:
            worst = max(worst, _row_error(artifact, batch))
        except RuntimeError as error:
            raise ProofError(
                f"the artifact fails on a batch of {size}: {str(error).splitlines()[-1]}",
                where="serving",
                remedy="choose serving=unbatched with the batch_dim that it takes",
            ) from error
    if worst > FLOAT32_TOLERANCE:
        raise ProofError(
            f"an answer depends on its neighbours in the batch (relative error {worst:.1e})",
            where="serving.max_batch_size",
            remedy="choose serving=unbatched, or remove what mixes rows from the architecture",
        )
    return Proof(
        name="batching",
        finding=f"batches of {', '.join(map(str, sizes))}: rows independent",
        measured={"relative_error": worst},
    )


def _row_error(artifact: torch.jit.ScriptModule, batch: torch.Tensor) -> float:
    """Return how far rows are from the same rows in reverse order and alone."""
    with torch.inference_mode():
        together = artifact(batch)
        reverse = artifact(batch.flip(0)).flip(0)
        alone = (
            torch.cat([artifact(row) for row in torch.split(batch[:8], 1)])
            if len(batch) > 1
            else None
        )
    error = relative_error(reverse, together)
    if alone is None:
        return error
    return max(error, relative_error(together[: len(alone)], alone))
