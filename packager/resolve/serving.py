"""How Triton runs the model, on every kind of host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.spec.serving import (
    DynamicBatchingSpec,
    HostSpec,
    InstanceGroupSpec,
    ServingSpec,
    VersionPolicySpec,
)

if TYPE_CHECKING:
    from packager import schema


def serving_spec(config: schema.ServingConfig) -> ServingSpec:
    """Return the serving that the configuration asks for; hosts come in the order of their names.

    Raises:
        SpecError: a value is out of range, or a host's name is not safe.
    """
    batching = config.dynamic_batching
    return ServingSpec(
        max_batch_size=config.max_batch_size,
        batch_dim=config.batch_dim,
        dynamic_batching=None
        if batching is None
        else DynamicBatchingSpec(
            max_queue_delay_us=batching.max_queue_delay_us,
            preferred_batch_size=tuple(batching.preferred_batch_size),
        ),
        instance_group=_group(config.instance_group),
        hosts=tuple(_host(name, group) for name, group in sorted(config.hosts.items())),
        version_policy=VersionPolicySpec(
            kind=config.version_policy.kind,
            num_versions=config.version_policy.num_versions,
            versions=tuple(config.version_policy.versions),
        ),
        warmup=config.warmup,
    )


def _host(name: str, group: schema.InstanceGroupConfig) -> HostSpec:
    try:
        return HostSpec(name=name, instance_group=_group(group))
    except SpecError as error:
        key = error.where.replace("serving.instance_group", f"serving.hosts.{name}")
        raise SpecError(error.problem, where=key, remedy=error.remedy) from error


def _group(config: schema.InstanceGroupConfig) -> InstanceGroupSpec:
    return InstanceGroupSpec(kind=config.kind, count=config.count, gpus=tuple(config.gpus))
