"""What a model is run with while it loads, so that no client waits for its first runs.

Triton makes a request of one sample and runs it `count` times on every instance before the model is
ready; to have run larger batches too gains nothing (docs/benchmarks.md). A sample is a file in the
model's folder `warmup`, named by its content: it is never overwritten, so that a config and the
files that it names fit each other whatever else is published.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from packager.spec.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec

FILE = re.compile(r"input[0-9]+-[0-9a-f]{8}")
"""Files that packager puts in."""

MOST_BYTES = 2**24
"""Of all inputs together: the samples lie in every version and are read at every load."""

UNKNOWN = "????????"
"""What stands for the digest of a sample that is not known yet."""

_NAMED = re.compile(rf'input_data_file: "({FILE.pattern})"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One input's tensor of one sample: its sizes, and raw little-endian bytes, where known."""

    dims: tuple[int, ...]
    content: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmupInput:
    """One input of a warmup: its dims in `config.pbtxt`, and the file with its bytes."""

    tensor: TensorSpec
    dims: tuple[int, ...]
    file: str
    content: bytes


def warmup(recipe: Recipe, samples: Sequence[Sample]) -> tuple[WarmupInput, ...]:
    """Return what each input is sent; nothing where there are no samples, or too large ones."""
    serving = recipe.serving
    lead = _lead(serving)
    if not samples or sum(len(one.content or b"") for one in samples) * prod(lead) > MOST_BYTES:
        return ()
    return tuple(
        _input(index, tensor, (*lead, *sample.dims) or (1,), _repeated(sample.content, lead))
        for index, (tensor, sample) in enumerate(zip(recipe.inputs, samples, strict=True))
    )


def named(config: str) -> frozenset[str]:
    """Return the files of ours that a config names."""
    return frozenset(_NAMED.findall(config))


def with_samples_of(other: str, config: str) -> str:
    """Return a config whose unknown samples are those that another one names."""
    for file in named(other):
        config = config.replace(f"{file.rpartition('-')[0]}-{UNKNOWN}", file)
    return config


def is_intact(file: str, content: bytes) -> bool:
    """Return whether a file of ours has the content that its name tells."""
    return file.rpartition("-")[2] == _digest(content)


def _lead(serving: ServingSpec) -> tuple[int, ...]:
    """Return the axes before a sample's: Triton adds a batch's where there is one."""
    if serving.max_batch_size > 0 or serving.batch_dim is None:
        return ()
    return (max(1, serving.batch_dim),)


def _repeated(content: bytes | None, lead: tuple[int, ...]) -> bytes | None:
    return content if content is None or not lead else content * lead[0]


def _input(
    index: int, tensor: TensorSpec, dims: tuple[int, ...], content: bytes | None
) -> WarmupInput:
    digest = UNKNOWN if content is None else _digest(content)
    return WarmupInput(
        tensor=tensor, dims=dims, file=f"input{index}-{digest}", content=content or b""
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]
