"""Instance groups: where and how often a model runs; what depends on the host's GPUs.

Source: core, src/model_config_utils.cc (NormalizeInstanceGroup, ValidateInstanceGroup).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule, Severity, Unknown
from packager.model_config.rules.tensors import TENSORRT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.facts import Host
    from packager.model_config.rules.rule import Finding

_KEY = "serving.instance_group"

MODEL_GPUS = Rule(
    id="TRN501",
    wording="instance group {group} of model {model} has kind KIND_MODEL but specifies one or more"
    " GPUs",
    remedy="remove gpus: with KIND_MODEL the backend places the model",
)
CPU_GPUS = Rule(
    id="TRN502",
    wording="instance group {group} of model {model} has kind KIND_CPU but specifies one or more"
    " GPUs",
    remedy="remove gpus, or set kind: KIND_GPU; KIND_AUTO becomes KIND_CPU where a GPU is missing",
    key=f"{_KEY}.gpus",
)
NO_GPU = Rule(
    id="TRN503",
    wording="instance group {group} of model {model} has kind KIND_GPU but no GPUs are available",
    remedy="set kind: KIND_CPU or KIND_AUTO, or serve it on a host with a GPU (in Docker:"
    " --gpus=all)",
    key=f"{_KEY}.kind",
)
UNKNOWN_GPU = Rule(
    id="TRN504",
    wording="instance group {group} of model {model} specifies invalid or unsupported gpu id"
    " {gpu}. GPUs with at least the minimum required CUDA compute compatibility of {capability}"
    " are: {gpus}",
    remedy="name ids that nvidia-smi lists, from 0",
    key=f"{_KEY}.gpus",
)
UNKNOWN_KIND = Rule(
    id="TRN505",
    wording="instance group {group} of model {model} has unexpected kind KIND_AUTO",
    remedy="use KIND_CPU, KIND_GPU, KIND_AUTO or KIND_MODEL by name",
    key=f"{_KEY}.kind",
)
PROFILE = Rule(
    id="TRN506",
    wording="instance group {group} of model {model} and platform {platform}specifies profile"
    " field which is only supported for TensorRT models",
    remedy="remove profile",
)
PROFILE_EMPTY = Rule(
    id="TRN507",
    wording="profile name must not be empty",
    remedy="give the optimization profile's index",
)
PROFILE_TEXT = Rule(
    id="TRN508",
    wording="unable to parse '{profile}': stoi",
    remedy="give the optimization profile's index as a number",
)
PROFILE_NEGATIVE = Rule(
    id="TRN509",
    wording="instance group {group} of model {model} and platform {platform} specifies invalid"
    " profile {profile}. The field should contain the string representation of a non-negative"
    " integer.",
    remedy="give the optimization profile's index from 0",
)
COUNT = Rule(
    id="TRN510",
    wording="count {count} is taken as the default of the backend",
    remedy="set count from 1, or leave it out",
    judge=Judge.packager,
    severity=Severity.warning,
    key=f"{_KEY}.count",
)
NAME_TWICE = Rule(
    id="TRN511",
    wording="two instance groups are named '{group}'",
    remedy="give each its own name, or none: logs and metrics tell instances by it",
    judge=Judge.packager,
    severity=Severity.warning,
)
RESOURCE = Rule(
    id="TRN512",
    wording='Resource "{resource}" is present as both global and device-specific resource in the'
    " model configuration.",
    remedy="make it global in every group, or in none",
    judge=Judge.packager,
)
PROFILE_LARGE = Rule(
    id="TRN513",
    wording="profile '{profile}' is too large a number: Triton ends when it reads it",
    remedy="give the optimization profile's index from 0",
    judge=Judge.abort,
)
RULES = (
    MODEL_GPUS,
    CPU_GPUS,
    NO_GPU,
    UNKNOWN_GPU,
    UNKNOWN_KIND,
    PROFILE,
    PROFILE_EMPTY,
    PROFILE_TEXT,
    PROFILE_NEGATIVE,
    COUNT,
    NAME_TWICE,
    RESOURCE,
    PROFILE_LARGE,
)

_AUTO, _GPU, _CPU, _MODEL = range(4)
_PLACE = "instance_group"
_INT = 2**31
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")


def check(config: Any, identity: Identity, host: Host) -> Iterator[Finding]:
    """Yield what is wrong with the instance groups on `host`, in Triton's order."""
    for index, group in enumerate(config.instance_group):
        told = {"group": group.name or f"{identity.model}_{index}", "model": identity.model}
        yield from _check_kind(index, group, told, host)
        if group.profile and identity.platform != TENSORRT:
            yield PROFILE.at(_PLACE, index, "profile", **told, platform=identity.platform)
        elif group.profile:
            yield from _check_profiles(index, group, {**told, "platform": identity.platform})


def check_use(config: Any) -> Iterator[Finding]:
    """Yield settings that Triton takes, but hardly as they were meant."""
    names: set[str] = set()
    for index, group in enumerate(config.instance_group):
        if group.count < 0:
            yield COUNT.at(_PLACE, index, "count", count=group.count)
        if group.name and group.name in names:
            yield NAME_TWICE.at(_PLACE, index, "name", group=group.name)
        names.add(group.name)
    yield from _check_resources(config)


def _check_kind(index: int, group: Any, told: dict[str, str], host: Host) -> Iterator[Finding]:
    kind = _resolved(group, host)
    if kind == _MODEL and group.gpus:
        yield MODEL_GPUS.at(_PLACE, index, "gpus", **told)
    elif kind == _CPU and group.gpus:
        yield CPU_GPUS.at(_PLACE, index, "gpus", **told)
    elif kind == _GPU and host.gpus is not None:
        if not group.gpus and not host.gpus:
            yield NO_GPU.at(_PLACE, index, "kind", **told)
        for number, gpu in enumerate(group.gpus):
            if gpu not in host.gpus:
                present = ", ".join(map(str, sorted(host.gpus)))
                capability = Unknown("<the server's minimum>")
                yield UNKNOWN_GPU.at(
                    *(_PLACE, index, "gpus", number),
                    **told,
                    gpu=gpu,
                    capability=capability,
                    gpus=present,
                )
    elif kind not in (_AUTO, _GPU, _CPU, _MODEL):
        yield UNKNOWN_KIND.at(_PLACE, index, "kind", **told)


def _resolved(group: Any, host: Host) -> int:
    """Return the kind; KIND_AUTO is KIND_CPU where the host lacks a GPU that is asked for."""
    if group.kind != _AUTO or host.gpus is None:
        return int(group.kind)
    return _GPU if host.gpus and set(group.gpus) <= host.gpus else _CPU


def _check_profiles(index: int, group: Any, told: dict[str, str]) -> Iterator[Finding]:
    for number, profile in enumerate(group.profile):
        place = (_PLACE, index, "profile", number)
        found = _INTEGER.match(profile)
        if not profile:
            yield PROFILE_EMPTY.at(*place)
        elif found is None:
            yield PROFILE_TEXT.at(*place, profile=profile)
        elif not -_INT <= int(found[1]) < _INT:
            yield PROFILE_LARGE.at(*place, profile=profile)
        elif int(found[1]) < 0:
            yield PROFILE_NEGATIVE.at(*place, **told, profile=profile)


def _check_resources(config: Any) -> Iterator[Finding]:
    """Yield resources that are global here and a device's there; only --rate-limit reads them."""
    kinds: dict[str, bool] = {}
    for index, group in enumerate(config.instance_group):
        for number, resource in enumerate(group.rate_limiter.resources):
            is_global = getattr(resource, "global")
            if kinds.setdefault(resource.name, is_global) != is_global:
                yield RESOURCE.at(
                    *(_PLACE, index, "rate_limiter", "resources", number), resource=resource.name
                )
