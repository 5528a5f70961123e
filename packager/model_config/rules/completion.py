"""What backends fill in by themselves, where the server lets them (its default).

Libtorch completes nothing, and nobody completes an ensemble. Other backends, also those that we do
not know, may complete tensors from the model's file, so what such a config leaves out is at most a
warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules import tensors
from packager.model_config.rules.backend_fields import ENSEMBLE
from packager.model_config.rules.rule import Severity

if TYPE_CHECKING:
    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.facts import Host
    from packager.model_config.rules.rule import Rule

_COMPLETED = frozenset({tensors.DATA_TYPE.id, tensors.DIMS.id})


def may_complete(identity: Identity, host: Host) -> bool:
    """Return whether the model's backend may fill in what its config leaves out."""
    return host.auto_complete and identity.platform != ENSEMBLE and identity.backend != "pytorch"


def severity(rule: Rule, identity: Identity, host: Host) -> Severity:
    """Return how bad it is on `host` to break a rule."""
    if rule.id in _COMPLETED and may_complete(identity, host):
        return Severity.warning
    return rule.severity


def is_complete(config: Any, identity: Identity, host: Host) -> bool:
    """Return whether a model's tensors are known without asking its backend."""
    if not may_complete(identity, host):
        return True
    groups = (config.input, config.output)
    return all(groups) and all(one.data_type and one.dims for group in groups for one in group)
