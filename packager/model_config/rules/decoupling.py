"""Decoupled models in an ensemble: branches that start at different ones must not join.

Source: core, src/ensemble_utils.cc (the second half of ValidateEnsembleConfig).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packager.model_config.rules.members import Member
    from packager.model_config.rules.rule import Finding

BRANCHES = Rule(
    id="TRN442",
    wording="in ensemble {model}, step of model '{member}' receives inputs originated from"
    " different decoupled models",
    remedy="join only tensors that come from the same decoupled model, or from none",
)
RULES = (BRANCHES,)


@dataclass(slots=True)
class _Step:
    """A step, and which decoupled model its answers come from: 0 for none."""

    index: int
    member: str
    inputs: list[str]
    outputs: list[str]
    decoupled: bool
    origins: set[int] = field(default_factory=set)


def check_branches(name: str, config: Any, members: Mapping[str, Member]) -> Iterator[Finding]:
    """Yield steps whose inputs come from different decoupled models."""
    waiting = [
        _Step(
            index,
            step.model_name,
            list(step.input_map.values()),
            list(step.output_map.values()),
            members[step.model_name].config.model_transaction_policy.decoupled,
        )
        for index, step in enumerate(config.ensemble_scheduling.step)
    ]
    origins = {tensor.name: 0 for tensor in config.input}
    number = 0
    while ready := next((one for one in waiting if all(t in origins for t in one.inputs)), None):
        waiting.remove(ready)
        found = {origins[tensor] for tensor in ready.inputs}
        if len(found) > 1:
            place = ("ensemble_scheduling", "step", ready.index)
            yield BRANCHES.at(*place, model=name, member=ready.member)
        if ready.decoupled:
            number += 1
        origin = number if ready.decoupled else min(found)
        origins |= dict.fromkeys(ready.outputs, origin)
