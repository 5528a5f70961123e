"""How Triton runs a model."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum

from packager.spec.validity import require

INT32_MAX = 2**31 - 1
"""The largest count that `ModelConfig` can hold."""

WARMUP_MOST = 1000
"""A model is not ready before all runs are done."""

HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")
"""What is safe as `configs/<host>.pbtxt` and as an argument of `--model-config-name`."""


class InstanceKind(Enum):
    """Where Triton places a model's instances."""

    KIND_CPU = "KIND_CPU"
    KIND_GPU = "KIND_GPU"
    KIND_AUTO = "KIND_AUTO"


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceGroupSpec:
    """How many instances of a model run, and on what; `gpus` empty means all that there are."""

    kind: InstanceKind
    count: int = 1
    gpus: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        key = "serving.instance_group"
        require(
            0 < self.count <= INT32_MAX,
            f"is {self.count}; expected 1 to {INT32_MAX}",
            where=f"{key}.count",
        )
        require(
            all(0 <= gpu <= INT32_MAX for gpu in self.gpus),
            f"is {list(self.gpus)}; expected ids from 0",
            where=f"{key}.gpus",
        )
        require(
            not self.gpus or self.kind is not InstanceKind.KIND_CPU,
            "GPUs are listed for instances of KIND_CPU",
            where=f"{key}.gpus",
            remedy="choose KIND_GPU, or leave gpus out",
        )


def require_host_name(name: str, *, where: str) -> None:
    """Check that a kind of host has a name that is safe in a path.

    Raises:
        SpecError: it has not.
    """
    require(
        HOST_NAME.fullmatch(name) is not None,
        f"'{name}' is not a safe name for a host",
        where=where,
        remedy="use at most 64 letters, digits, _ - and . with a letter or digit first",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class HostSpec:
    """A kind of host by its name: where it places the instances of the same model.

    Triton started with `--model-config-name=<name>` reads `configs/<name>.pbtxt`.
    """

    name: str
    instance_group: InstanceGroupSpec

    def __post_init__(self) -> None:
        require_host_name(self.name, where="serving.hosts")


@dataclass(frozen=True, kw_only=True, slots=True)
class DynamicBatchingSpec:
    """Triton's dynamic batcher: requests wait at most the delay to be put into one batch."""

    max_queue_delay_us: int = 0
    preferred_batch_size: tuple[int, ...] = ()


class VersionPolicyKind(Enum):
    """Which versions of a model Triton serves: the highest, every one, or those named."""

    latest = "latest"
    all = "all"
    specific = "specific"


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionPolicySpec:
    """Triton's version policy.

    `latest` serves the `num_versions` highest. `specific` serves the version that is built, and
    those of `versions` beside it.
    """

    kind: VersionPolicyKind = VersionPolicyKind.latest
    num_versions: int = 1
    versions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        key = "serving.version_policy"
        require(
            0 < self.num_versions < 2**32,
            f"is {self.num_versions}; expected at least 1",
            where=f"{key}.num_versions",
        )
        require(
            self.num_versions == 1 or self.kind is VersionPolicyKind.latest,
            f"is given, and the policy is {self.kind.value}",
            where=f"{key}.num_versions",
            remedy=f"leave it out, or set {key}.kind=latest",
        )
        require(
            all(0 < version < 2**63 for version in self.versions),
            f"are {list(self.versions)}; expected versions from 1",
            where=f"{key}.versions",
        )
        require(
            not self.versions or self.kind is VersionPolicyKind.specific,
            f"are given, and the policy is {self.kind.value}",
            where=f"{key}.versions",
            remedy=f"leave them out, or set {key}.kind=specific",
        )

    def specific(self, version: int) -> tuple[int, ...]:
        """Return the versions that a specific policy names once `version` is built."""
        return tuple(sorted({version, *self.versions}))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingSpec:
    """How Triton runs the model.

    With `max_batch_size` > 0 Triton adds the batch dimension. With 0 there is none, and
    `batch_dim` (-1, a size, or None for none) is put before every tensor's dims. `hosts` get a
    `config.pbtxt` each beside the main one, with other instances. `warmup` says how often a sample
    is run before a model is ready, 0 not at all.
    """

    instance_group: InstanceGroupSpec
    max_batch_size: int = 0
    batch_dim: int | None = -1
    dynamic_batching: DynamicBatchingSpec | None = None
    hosts: tuple[HostSpec, ...] = ()
    version_policy: VersionPolicySpec = VersionPolicySpec()
    warmup: int = 3

    @property
    def instance_kinds(self) -> frozenset[InstanceKind]:
        """Every kind of instance that some host runs."""
        return frozenset(group.kind for group in (self.instance_group, *self._groups))

    @property
    def _groups(self) -> tuple[InstanceGroupSpec, ...]:
        return tuple(host.instance_group for host in self.hosts)

    def on(self, host: HostSpec) -> ServingSpec:
        """Return how a host runs the model."""
        return replace(self, instance_group=host.instance_group, hosts=())

    def __post_init__(self) -> None:
        size = self.max_batch_size
        require(
            0 <= size <= INT32_MAX,
            f"is {size}; expected 0 (no batching) to {INT32_MAX}",
            where="serving.max_batch_size",
        )
        require(
            self.batch_dim is None or self.batch_dim == -1 or self.batch_dim > 0,
            f"is {self.batch_dim}; expected -1, a positive size, or null",
            where="serving.batch_dim",
        )
        require(
            0 <= self.warmup <= WARMUP_MOST,
            f"is {self.warmup}; expected 0 (none) to {WARMUP_MOST} runs",
            where="serving.warmup",
        )
        if self.dynamic_batching is None:
            return
        require(
            size > 0,
            "dynamic batching does nothing with max_batch_size 0",
            where="serving.dynamic_batching",
            remedy="choose serving=unbatched, or set serving.dynamic_batching=null",
        )
        require(
            0 <= self.dynamic_batching.max_queue_delay_us < 2**64,
            f"is {self.dynamic_batching.max_queue_delay_us}; expected microseconds, 0 to 2**64 - 1",
            where="serving.dynamic_batching.max_queue_delay_us",
        )
        for preferred in self.dynamic_batching.preferred_batch_size:
            require(
                0 < preferred <= size,
                f"{preferred} is not between 1 and max_batch_size {size}",
                where="serving.dynamic_batching.preferred_batch_size",
            )
