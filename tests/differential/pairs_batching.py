"""Pairs about the dynamic batcher, the sequence batcher and its controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.differential import valid_models
from tests.differential.pairs import Pair, pair
from tests.differential.valid_schedulers import (
    CORRELATION_TYPES,
    add_control,
    add_dynamic_batching,
    add_sequence_batching,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

    from tests.differential.draft import Draft
    from tests.differential.pairs import Change

_ON = valid_models.custom(inputs=0, outputs=0)
_BATCHES = valid_models.custom(inputs=0, outputs=0, batches=True)


def _dynamic(change: Callable[[DrawFn, Draft, Any], None]) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        change(draw, draft, add_dynamic_batching(draw, draft))

    return changed


def _preferred_small(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    batcher.preferred_batch_size.append(draw(st.integers(-(2**31), 0)))


def _preferred_least(_draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    batcher.preferred_batch_size.append(1)


def _preferred_large(draw: DrawFn, draft: Draft, batcher: Any) -> None:
    draft.config.max_batch_size = min(draft.config.max_batch_size, 8)
    batcher.preferred_batch_size[:] = [draft.config.max_batch_size + draw(st.integers(1, 9))]


def _preferred_most(_draw: DrawFn, draft: Draft, batcher: Any) -> None:
    batcher.preferred_batch_size[:] = [draft.config.max_batch_size]


def _levels(batcher: Any, levels: int, default: int) -> None:
    batcher.preserve_ordering = False
    batcher.priority_queue_policy.clear()
    batcher.priority_levels, batcher.default_priority_level = levels, default


def _default_outside(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    levels = draw(st.integers(1, 2**40))
    _levels(batcher, levels, draw(st.sampled_from([0, levels + 1, 2**64 - 1])))


def _default_inside(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    levels = draw(st.sampled_from([1, 2, 2**40, 2**64 - 1]))
    _levels(batcher, levels, draw(st.sampled_from([1, levels])))


def _policy_outside(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    _levels(batcher, 3, 1)
    for key in draw(st.lists(st.sampled_from([0, 1, 3, 4, 2**40]), min_size=1, unique=True)):
        batcher.priority_queue_policy[key].max_queue_size = 1
    batcher.priority_queue_policy[draw(st.sampled_from([0, 4]))].max_queue_size = 2


def _policy_inside(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    _levels(batcher, 3 * draw(st.integers(0, 1)), 3)
    keys = [1, 2, 3] if batcher.priority_levels else [0, 9]
    for key in draw(st.lists(st.sampled_from(keys), unique=True)):
        batcher.priority_queue_policy[key].max_queue_size = 1


def _ordered_levels(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    batcher.default_queue_policy.Clear()
    _levels(batcher, draw(st.integers(2, 9)), 1)
    batcher.preserve_ordering = True


def _ordered_level(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
    batcher.default_queue_policy.Clear()
    _levels(batcher, draw(st.integers(0, 1)), 1)
    batcher.preserve_ordering = True


def _delay(draw: DrawFn, draft: Draft, batcher: Any) -> None:
    _ordered_level(draw, draft, batcher)
    policies = [batcher.default_queue_policy, batcher.priority_queue_policy[1]]
    policy = draw(st.sampled_from(policies))
    policy.timeout_action, policy.default_timeout_microseconds = 1, draw(st.integers(1, 2**63))


def _delay_without_time(draw: DrawFn, draft: Draft, batcher: Any) -> None:
    _ordered_level(draw, draft, batcher)
    policy = draw(st.sampled_from([batcher.default_queue_policy, batcher.priority_queue_policy[1]]))
    policy.timeout_action = draw(st.integers(0, 1))
    policy.default_timeout_microseconds = 0 if policy.timeout_action else 7


def _sequence(change: Callable[[DrawFn, Draft, Any], None], strategy: str = "direct") -> Change:
    """Return a change of a sequence batcher without controls."""

    def changed(draw: DrawFn, draft: Draft) -> None:
        batcher = add_sequence_batching(draw, draft, strategy)
        del batcher.control_input[:]
        change(draw, draft, batcher)

    return changed


def _control(change: Callable[[DrawFn, Any, Any], None], kinds: tuple[int, ...]) -> Change:
    """Return a change of one valid control of a sequence batcher."""

    def changed(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
        kind = draw(st.sampled_from(kinds))
        if draw(st.booleans()):
            add_control(draw, batcher, "first", (kind + 1) % 4)
        change(draw, batcher, add_control(draw, batcher, "control", kind))

    return _sequence(changed)


def _cache(enable: bool) -> Callable[[DrawFn, Draft, Any], None]:
    def change(_draw: DrawFn, draft: Draft, _batcher: Any) -> None:
        draft.config.model_transaction_policy.decoupled = False
        draft.config.response_cache.enable = enable

    return change


def _nameless(_draw: DrawFn, batcher: Any, _control: Any) -> None:
    batcher.control_input[-1].name = ""


def _blank(_draw: DrawFn, batcher: Any, _control: Any) -> None:
    batcher.control_input[-1].name = " "


def _same_name(draw: DrawFn, batcher: Any, _control: Any) -> None:
    other = batcher.control_input.add(name="control")
    if draw(st.booleans()):
        other.control.add(kind=9)


def _nearly_same_name(_draw: DrawFn, batcher: Any, _control: Any) -> None:
    batcher.control_input.add(name="Control")


def _same_kind(draw: DrawFn, batcher: Any, control: Any) -> None:
    place = batcher.control_input[-1]
    if draw(st.booleans()):
        place = batcher.control_input.add(name="other")
    place.control.append(control)


def _unknown_kind_twice(_draw: DrawFn, batcher: Any, _control: Any) -> None:
    batcher.control_input.add(name="other").control.add(kind=9)
    batcher.control_input[-1].control.add(kind=9)


_FIELDS = ("int32_false_true", "fp32_false_true", "bool_false_true")


def _fill(control: Any, *sizes: int) -> None:
    for field, size in zip(_FIELDS, sizes, strict=True):
        getattr(control, field)[:] = [0] * size if field != "bool_false_true" else [False] * size


def _no_values(_draw: DrawFn, _batcher: Any, control: Any) -> None:
    _fill(control, 0, 0, 0)


def _several_values(draw: DrawFn, _batcher: Any, control: Any) -> None:
    _fill(control, *draw(st.sampled_from([(2, 2, 0), (2, 0, 1), (0, 3, 2), (1, 1, 1)])))


def _wrong_count(draw: DrawFn, _batcher: Any, control: Any) -> None:
    size = draw(st.sampled_from([1, 3, 5]))
    _fill(control, *draw(st.permutations([size, 0, 0])))


def _right_count(draw: DrawFn, _batcher: Any, control: Any) -> None:
    _fill(control, *draw(st.permutations([2, 0, 0])))


def _values_for_correlation(draw: DrawFn, _batcher: Any, control: Any) -> None:
    _fill(control, *draw(st.sampled_from([(2, 0, 0), (0, 1, 0), (0, 0, 2), (1, 1, 1)])))


def _correlation_type(draw: DrawFn, _batcher: Any, control: Any) -> None:
    control.data_type = draw(st.integers(0, 15).filter(lambda n: n not in (4, 5, 8, 9, 13)))


def _right_correlation_type(draw: DrawFn, _batcher: Any, control: Any) -> None:
    control.data_type = draw(CORRELATION_TYPES)


def _oldest(size: Callable[[DrawFn, int], int]) -> Change:
    def change(draw: DrawFn, draft: Draft, batcher: Any) -> None:
        wanted = size(draw, draft.config.max_batch_size)
        batcher.oldest.preferred_batch_size.append(wanted)

    return _sequence(change, "oldest")


def _utilization(*values: float) -> Change:
    def change(draw: DrawFn, _draft: Draft, batcher: Any) -> None:
        batcher.direct.minimum_slot_utilization = draw(st.sampled_from(values))

    return _sequence(change)


_BOOLEANS, _CORRELATION = (0, 1, 2), (3,)
_ANY = (*_BOOLEANS, *_CORRELATION)

PAIRS: dict[str, Pair] = {
    "TRN301": pair(_BATCHES, _dynamic(_preferred_small), _dynamic(_preferred_least)),
    "TRN302": pair(_BATCHES, _dynamic(_preferred_large), _dynamic(_preferred_most)),
    "TRN303": pair(_ON, _dynamic(_default_outside), _dynamic(_default_inside)),
    "TRN304": pair(_ON, _dynamic(_policy_outside), _dynamic(_policy_inside)),
    "TRN305": pair(_ON, _dynamic(_ordered_levels), _dynamic(_ordered_level)),
    "TRN306": pair(_ON, _dynamic(_delay), _dynamic(_delay_without_time)),
    "TRN321": pair(_ON, _sequence(_cache(True)), _sequence(_cache(False))),
    "TRN322": pair(_ON, _control(_nameless, _ANY), _control(_blank, _ANY)),
    "TRN323": pair(_ON, _control(_same_name, _ANY), _control(_nearly_same_name, _ANY)),
    "TRN324": pair(_ON, _control(_same_kind, _ANY), _control(_unknown_kind_twice, _ANY)),
    "TRN325": pair(_ON, _control(_no_values, _BOOLEANS), _control(_right_count, _BOOLEANS)),
    "TRN326": pair(_ON, _control(_several_values, _BOOLEANS), _control(_right_count, _BOOLEANS)),
    "TRN327": pair(_ON, _control(_wrong_count, _BOOLEANS), _control(_right_count, _BOOLEANS)),
    "TRN328": pair(
        _ON,
        _control(_values_for_correlation, _CORRELATION),
        _control(_right_correlation_type, _CORRELATION),
    ),
    "TRN329": pair(
        _ON,
        _control(_correlation_type, _CORRELATION),
        _control(_right_correlation_type, _CORRELATION),
    ),
    "TRN330": pair(
        _BATCHES,
        _oldest(lambda draw, _most: draw(st.integers(-(2**31), 0))),
        _oldest(lambda _draw, _most: 1),
    ),
    "TRN331": pair(
        _BATCHES,
        _oldest(lambda draw, most: most + draw(st.integers(1, 9))),
        _oldest(lambda _draw, most: most),
    ),
    "TRN332": pair(
        _ON,
        _utilization(-0.1, 1.1, 1.0000001192092896, float("inf"), -1e-30),
        _utilization(0.0, 1.0, 1e-30, -0.0, float("nan")),
    ),
}
