"""What a running Triton reports of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from packager.spec.tensors import DataType


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorMetadata:
    """A tensor as the server reports it: `dims` include the batch, -1 where they vary."""

    name: str
    data_type: DataType
    dims: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelMetadata:
    """What the server reports about a loaded model."""

    name: str
    versions: tuple[int, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Executions:
    """How often a version ran since it was loaded, by the rows it was given each time."""

    batches: Mapping[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How often it ran."""
        return sum(self.batches.values())

    @property
    def largest(self) -> int:
        """The most rows that it was given at once; 0 if it never ran."""
        return max(self.batches, default=0)

    def since(self, before: Executions) -> Executions:
        """Return those that came after `before`."""
        more = {size: number - before.batches.get(size, 0) for size, number in self.batches.items()}
        return Executions(batches={size: number for size, number in more.items() if number > 0})


def metadata(answer: Mapping[str, Any]) -> ModelMetadata:
    """Return a server's answer about a model's tensors, read."""
    return ModelMetadata(
        name=answer["name"],
        versions=tuple(int(text) for text in answer["versions"]),
        platform=answer["platform"],
        inputs=tuple(map(_tensor, answer["inputs"])),
        outputs=tuple(map(_tensor, answer["outputs"])),
    )


def executions(answer: Mapping[str, Any]) -> Executions:
    """Return a server's statistics of one version, read."""
    (statistics,) = answer["model_stats"]
    batches = {
        int(batch["batch_size"]): int(batch["compute_infer"]["count"])
        for batch in statistics.get("batch_stats", ())
    }
    return Executions(batches=batches)


def _tensor(answer: Mapping[str, Any]) -> TensorMetadata:
    return TensorMetadata(
        name=answer["name"],
        data_type=DataType(answer["datatype"]),
        dims=tuple(int(size) for size in answer["shape"]),
    )
