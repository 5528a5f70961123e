"""The dynamic batcher: preferred sizes, priority levels, queue policies.

Source: core, src/model_config_utils.cc (ValidateModelConfig).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.rule import Finding

_KEY = "serving.dynamic_batching"

PREFERRED_POSITIVE = Rule(
    id="TRN301",
    wording="dynamic batching preferred size must be positive for {model}",
    remedy="give sizes from 1 to max_batch_size, or leave them out",
    key=f"{_KEY}.preferred_batch_size",
)
PREFERRED_LARGE = Rule(
    id="TRN302",
    wording="dynamic batching preferred size must be <= max batch size for {model}",
    remedy="lower it, or raise max_batch_size",
    key=f"{_KEY}.preferred_batch_size",
)
DEFAULT_PRIORITY = Rule(
    id="TRN303",
    wording="default priority level must be in range [1, {levels}] for {model}",
    remedy="set default_priority_level from 1 to priority_levels",
)
PRIORITY_POLICY = Rule(
    id="TRN304",
    wording="priority queue policy must have priority level in range [1, {levels}] for {model}",
    remedy="use keys from 1 to priority_levels",
    ordered=False,
)
ORDER_PRIORITIES = Rule(
    id="TRN305",
    wording="Only one priority level is allowed when 'preserve_ordering' is true for {model}",
    remedy="remove preserve_ordering, or priority_levels",
)
ORDER_DELAY = Rule(
    id="TRN306",
    wording="Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true"
    " for {model}",
    remedy="use timeout_action: REJECT, or remove preserve_ordering",
    ordered=False,
)
WITHOUT_BATCHES = Rule(
    id="TRN307",
    wording="dynamic_batching does nothing where max_batch_size is 0",
    remedy="set max_batch_size, or remove dynamic_batching",
    judge=Judge.packager,
    severity=Severity.warning,
    key=_KEY,
)
WITHOUT_LEVELS = Rule(
    id="TRN308",
    wording="{field} is ignored where priority_levels is 0",
    remedy="set priority_levels, or remove it",
    judge=Judge.packager,
    severity=Severity.warning,
)
RULES = (
    PREFERRED_POSITIVE,
    PREFERRED_LARGE,
    DEFAULT_PRIORITY,
    PRIORITY_POLICY,
    ORDER_PRIORITIES,
    ORDER_DELAY,
    WITHOUT_BATCHES,
    WITHOUT_LEVELS,
)

_PLACE = "dynamic_batching"
_DELAY = 1


def check(config: Any, model: str) -> Iterator[Finding]:
    """Yield what is wrong with the dynamic batcher, in Triton's order."""
    if not config.HasField(_PLACE):
        return
    batcher = config.dynamic_batching
    for index, size in enumerate(batcher.preferred_batch_size):
        if size <= 0:
            yield PREFERRED_POSITIVE.at(_PLACE, "preferred_batch_size", index, model=model)
        elif size > config.max_batch_size:
            yield PREFERRED_LARGE.at(_PLACE, "preferred_batch_size", index, model=model)
    yield from _check_priorities(batcher, model)
    if batcher.preserve_ordering:
        yield from _check_order(batcher, model)


def check_use(config: Any) -> Iterator[Finding]:
    """Yield settings of the dynamic batcher that do nothing."""
    if not config.HasField(_PLACE):
        return
    batcher = config.dynamic_batching
    if config.max_batch_size == 0:
        yield WITHOUT_BATCHES.at(_PLACE)
    if batcher.priority_levels:
        return
    if batcher.default_priority_level:
        yield WITHOUT_LEVELS.at(_PLACE, "default_priority_level", field="default_priority_level")
    if batcher.priority_queue_policy:
        yield WITHOUT_LEVELS.at(_PLACE, "priority_queue_policy", field="priority_queue_policy")


def _check_priorities(batcher: Any, model: str) -> Iterator[Finding]:
    levels = batcher.priority_levels
    if not levels:
        return
    if not 1 <= batcher.default_priority_level <= levels:
        yield DEFAULT_PRIORITY.at(_PLACE, "default_priority_level", levels=levels, model=model)
    for level in batcher.priority_queue_policy:
        if not 1 <= level <= levels:
            yield PRIORITY_POLICY.at(
                *(_PLACE, "priority_queue_policy", level), levels=levels, model=model
            )


def _check_order(batcher: Any, model: str) -> Iterator[Finding]:
    if batcher.priority_levels > 1:
        yield ORDER_PRIORITIES.at(_PLACE, "preserve_ordering", model=model)
    if _delays(batcher.default_queue_policy):
        yield ORDER_DELAY.at(_PLACE, "default_queue_policy", "timeout_action", model=model)
    for level, policy in batcher.priority_queue_policy.items():
        if _delays(policy):
            yield ORDER_DELAY.at(
                *(_PLACE, "priority_queue_policy", level, "timeout_action"), model=model
            )


def _delays(policy: Any) -> bool:
    return bool(policy.default_timeout_microseconds) and policy.timeout_action == _DELAY
