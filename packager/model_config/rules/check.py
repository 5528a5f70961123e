"""All rules on one model, in the order in which Triton goes through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules import (
    backend_fields,
    batch_io,
    dynamic_batching,
    ensembles,
    identity,
    implicit_states,
    instance_groups,
    labels,
    libtorch,
    metrics,
    naming,
    python_backend,
    sequence_batching,
    tensors,
    versions,
    warmup,
)
from packager.model_config.rules.facts import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.facts import ModelFiles
    from packager.model_config.rules.rule import Finding

ANY_HOST = Host()


def check(config: Any, *, files: ModelFiles | None = None, host: Host = ANY_HOST) -> list[Finding]:
    """Return every rule that a `ModelConfig` message breaks.

    Triton's own come in its order: its first message is the first error that
    `Judge.core` has here. What depends on files or the host is left out where they are not
    given. Ensembles are not held against their steps' models: `members.check` does.
    """
    known = backend_fields.infer(config, files)
    return [
        *refused_at_poll(config, known, files, host),
        *refused_at_load(config, known, files, host),
        *taken(config, known, files, host),
    ]


def refused_at_poll(
    config: Any, known: backend_fields.Identity, files: ModelFiles | None, host: Host
) -> Iterator[Finding]:
    """Yield what Triton refuses as soon as it reads the repository."""
    model = known.model
    yield from identity.check_agents(config, host)
    yield from identity.check(config, known)
    yield from dynamic_batching.check(config, model)
    yield from sequence_batching.check(config, model)
    yield from ensembles.check(config, known)
    yield from identity.check_cache(config, model)
    yield from metrics.check(config)
    yield from tensors.check(config, known)
    yield from batch_io.check(config, model)
    yield from identity.check_directory(known, files)


def refused_at_load(
    config: Any, known: backend_fields.Identity, files: ModelFiles | None, host: Host
) -> Iterator[Finding]:
    """Yield what Triton, or the backend, refuses when the model is loaded."""
    yield from versions.check(config, known.model, files)
    runs = known.platform != backend_fields.ENSEMBLE
    if runs:
        yield from identity.check_backend(config, known, files, host)
        yield from instance_groups.check(config, known, host)
        yield from libtorch.check(config, known)
        yield from python_backend.check(config, known, files)
    yield from labels.check(config, known.model, files)
    yield from metrics.check_tags(config)
    if runs:
        yield from identity.check_batch_strategy(config)
        yield from warmup.check(config, known.model, files)
        yield from implicit_states.check(config, files)
        yield from batch_io.check_targets_given(config)


def taken(
    config: Any, known: backend_fields.Identity, files: ModelFiles | None, host: Host
) -> Iterator[Finding]:
    """Yield what Triton takes, and what then fails or does nothing."""
    yield from identity.check_backend_name(config, known, files, host)
    yield from tensors.check_types(config)
    yield from naming.check(config)
    yield from dynamic_batching.check_use(config)
    yield from instance_groups.check_use(config)
    yield from naming.check_templates(config)
    yield from labels.check_count(config, files)
    yield from versions.check_files(config, known, files)
