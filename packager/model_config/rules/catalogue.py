"""Every rule by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.model_config.rules import (
    batch_io,
    decoupling,
    dynamic_batching,
    ensembles,
    identity,
    implicit_states,
    instance_groups,
    labels,
    layout,
    libtorch,
    members,
    metrics,
    naming,
    python_backend,
    sequence_batching,
    tensors,
    versions,
    warmup,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.model_config.rules.rule import Rule

_SUBJECTS = (
    layout,
    identity,
    tensors,
    batch_io,
    naming,
    dynamic_batching,
    sequence_batching,
    implicit_states,
    ensembles,
    members,
    decoupling,
    instance_groups,
    warmup,
    metrics,
    versions,
    labels,
    libtorch,
    python_backend,
)

RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in sorted(
        (rule for subject in _SUBJECTS for rule in subject.RULES), key=lambda r: r.id
    )
}
