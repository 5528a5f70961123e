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
    def rows(self) -> int:
        """All rows that it was given."""
        return sum(size * number for size, number in self.batches.items())

    @property
    def largest(self) -> int:
        """The most rows that it was given at once; 0 if it never ran."""
        return max(self.batches, default=0)

    def since(self, before: Executions) -> Executions:
        """Return those that came after `before`."""
        more = {size: number - before.batches.get(size, 0) for size, number in self.batches.items()}
        return Executions(batches={size: number for size, number in more.items() if number > 0})


@dataclass(frozen=True, kw_only=True, slots=True)
class Durations:
    """How many requests a version has answered since it was loaded, and how long they took.

    `queue_ns` is the time before an instance took them, `compute_ns` the time in the model.
    """

    requests: int = 0
    queue_ns: int = 0
    compute_ns: int = 0

    @property
    def queue_ms(self) -> float:
        """The mean of a request, in milliseconds."""
        return self.queue_ns / max(1, self.requests) / 1e6

    @property
    def compute_ms(self) -> float:
        """The mean of a request, in milliseconds."""
        return self.compute_ns / max(1, self.requests) / 1e6

    def since(self, before: Durations) -> Durations:
        """Return those that came after `before`."""
        return Durations(
            requests=self.requests - before.requests,
            queue_ns=self.queue_ns - before.queue_ns,
            compute_ns=self.compute_ns - before.compute_ns,
        )


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


def durations(answer: Mapping[str, Any]) -> Durations:
    """Return a server's statistics of one version, read."""
    (statistics,) = answer["model_stats"]
    told = statistics["inference_stats"]
    compute = ("compute_input", "compute_infer", "compute_output")
    return Durations(
        requests=int(told["success"]["count"]),
        queue_ns=int(told["queue"]["ns"]),
        compute_ns=sum(int(told[part]["ns"]) for part in compute),
    )


def _tensor(answer: Mapping[str, Any]) -> TensorMetadata:
    return TensorMetadata(
        name=answer["name"],
        data_type=DataType(answer["datatype"]),
        dims=tuple(int(size) for size in answer["shape"]),
    )
