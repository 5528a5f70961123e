"""Strategies of valid batchers, and of warmup samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.differential.valid_tensors import SMALL_DIMS

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from tests.differential.draft import Draft

CORRELATION_TYPES = st.sampled_from([4, 5, 8, 9, 13])
_VALUES: dict[str, list[Any]] = {
    "int32_false_true": [0, 1],
    "fp32_false_true": [0.0, 1.0],
    "bool_false_true": [False, True],
}


def sizes(draw: DrawFn, draft: Draft) -> list[int]:
    """Return preferred batch sizes that the model takes."""
    most = draft.config.max_batch_size
    return draw(st.lists(st.integers(1, most), max_size=3)) if most else []


def add_dynamic_batching(draw: DrawFn, draft: Draft) -> Any:
    """Add a dynamic batcher with priorities and policies; return it."""
    batcher = draft.config.dynamic_batching
    batcher.SetInParent()
    batcher.preferred_batch_size.extend(sizes(draw, draft))
    batcher.max_queue_delay_microseconds = draw(st.sampled_from([0, 100, 2**40]))
    batcher.preserve_ordering = draw(st.booleans())
    levels = draw(st.sampled_from([0, 1] if batcher.preserve_ordering else [0, 1, 3, 2**40]))
    batcher.priority_levels = levels
    if levels:
        batcher.default_priority_level = draw(st.integers(1, levels))
        key = draw(st.integers(1, levels))
        add_policy(draw, draft, batcher.priority_queue_policy[key])
    elif draw(st.booleans()):
        add_policy(draw, draft, batcher.priority_queue_policy[draw(st.sampled_from([0, 5]))])
    if draw(st.booleans()):
        add_policy(draw, draft, batcher.default_queue_policy)
    return batcher


def add_policy(draw: DrawFn, draft: Draft, policy: Any) -> None:
    """Fill a queue policy that fits the batcher's order."""
    ordered = draft.config.dynamic_batching.preserve_ordering
    policy.timeout_action = draw(st.sampled_from([0, 1]))
    may_wait = not ordered or policy.timeout_action == 0
    policy.default_timeout_microseconds = draw(st.sampled_from([0, 50])) if may_wait else 0
    policy.allow_timeout_override = draw(st.booleans())
    policy.max_queue_size = draw(st.sampled_from([0, 9]))


def add_sequence_batching(draw: DrawFn, draft: Draft, strategy: str = "direct") -> Any:
    """Add a sequence batcher with controls and states; return it."""
    config = draft.config
    config.response_cache.enable = False
    # Triton reserves memory for every slot of a batch.
    config.max_batch_size = min(config.max_batch_size, 8)
    batcher = config.sequence_batching
    batcher.max_sequence_idle_microseconds = draw(st.sampled_from([0, 1_000_000]))
    if strategy == "direct":
        batcher.direct.minimum_slot_utilization = draw(
            st.sampled_from([0.0, 0.5, 1.0, float("nan")])
        )
    elif strategy == "oldest":
        batcher.oldest.max_candidate_sequences = draw(st.sampled_from([1, 4]))
        batcher.oldest.preferred_batch_size.extend(sizes(draw, draft))
    kinds = draw(st.lists(st.integers(0, 3), unique=True))
    for kind in kinds:
        add_control(draw, batcher, f"control{kind}", kind)
    for number in range(draw(st.integers(0, 1))):
        add_state(draw, batcher, number)
    return batcher


def add_control(draw: DrawFn, batcher: Any, name: str, kind: int) -> Any:
    """Add a control tensor of one kind; return its control."""
    control = batcher.control_input.add(name=name).control.add(kind=kind)
    if kind == 3:
        control.data_type = draw(CORRELATION_TYPES)
    else:
        field, values = draw(st.sampled_from(sorted(_VALUES.items())))
        getattr(control, field).extend(draw(st.permutations(values)))
    return control


def add_state(draw: DrawFn, batcher: Any, number: int, *, initial: bool | None = None) -> Any:
    """Add an implicit state, with what it starts from sometimes; return it."""
    dims = draw(SMALL_DIMS)
    state = batcher.state.add(
        input_name=f"state{number}",
        output_name=f"next{number}",
        data_type=draw(st.sampled_from([1, 8, 11])),
        dims=dims,
    )
    if draw(st.booleans()) if initial is None else initial:
        start = state.initial_state.add(
            name="start", data_type=state.data_type, dims=dims, zero_data=True
        )
        if draw(st.booleans()):
            state.dims[0] = -1
        start.zero_data = draw(st.booleans())
    return state


def add_warmup(draw: DrawFn, draft: Draft) -> None:
    """Add samples that fit the inputs, and one that is not run."""
    config = draft.config
    config.model_warmup.add(name="none").batch_size = 0
    tensors = [t for t in config.input if t.data_type == 77 or max(t.dims, default=1) > 1000]
    if tensors or not config.input:
        return
    sample = config.model_warmup.add(name="one", batch_size=1, count=draw(st.sampled_from([0, 2])))
    for tensor in config.input:
        add_sample_input(draw, draft, sample, tensor)


def add_sample_input(draw: DrawFn, draft: Draft, sample: Any, tensor: Any) -> Any:
    """Give a sample what one input takes; return it."""
    given = sample.inputs[tensor.name]
    given.data_type = tensor.data_type
    given.dims.extend(2 if size == -1 else size for size in tensor.dims)
    choice = draw(st.sampled_from(["zero_data", "random_data", "input_data_file"]))
    if choice == "input_data_file" and tensor.data_type != 13:
        given.input_data_file = f"data{len(draft.files)}"
        count = 8
        for size in given.dims:
            count *= size
        draft.files[f"warmup/{given.input_data_file}"] = bytes(count)
    else:
        setattr(given, "zero_data" if choice == "input_data_file" else choice, True)
    return given
