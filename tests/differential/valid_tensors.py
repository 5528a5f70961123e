"""Strategies of valid inputs, outputs and what refers to them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

    from tests.differential.draft import Draft

NAMES = st.sampled_from(
    ["a", "b", "INPUT__0", "in 1", "x.y", "ü", 'say "hi"', "back\\slash", "tab\there", "{{x}}", "0"]
)
DATA_TYPES = st.integers(1, 14)
UNKNOWN = 77
"""A data type that is none: protobuf takes any number, and Triton refuses only 0."""
SIZES = st.one_of(st.integers(1, 5), st.just(-1), st.sampled_from([1000, 2**31, 2**62]))
DIMS = st.lists(SIZES, min_size=1, max_size=4)
SMALL_DIMS = st.lists(st.integers(1, 4), min_size=1, max_size=3)


def add_tensors(
    draw: DrawFn, draft: Draft, kind: str, *, least: int = 0, most: int = 3
) -> list[Any]:
    """Add valid tensors with names of their own; return them."""
    names = draw(st.lists(NAMES, min_size=least, max_size=most, unique=True))
    return [add_tensor(draw, draft, kind, name) for name in names]


def add_tensor(draw: DrawFn, draft: Draft, kind: str, name: str) -> Any:
    """Add a valid input or output, reshaped or formatted sometimes."""
    dims = draw(DIMS)
    tensor = getattr(draft.config, kind).add(
        name=name, data_type=draw(st.one_of(DATA_TYPES, st.just(UNKNOWN))), dims=dims
    )
    extra = draw(st.sampled_from(["none", "none", "reshape", "more"]))
    if extra == "reshape":
        reshape(draw, tensor, draft.config.max_batch_size > 0)
    elif extra == "more" and kind == "input":
        tensor.format = draw(st.sampled_from([0, 1, 2, 7] if len(dims) == 3 else [0, 7]))
        tensor.optional = draw(st.booleans())
        tensor.allow_ragged_batch = draw(st.booleans())
    return tensor


def reshape(draw: DrawFn, tensor: Any, batches: bool) -> None:
    """Give a tensor another valid shape: between any two -1 the same product."""
    shape: list[int] = []
    for run in runs(tensor.dims):
        product = math.prod(run)
        if product >= 2**63:
            shape += [*run, -1]
            continue
        forms = [run, run[::-1], [product], [1, product], [] if product == 1 else [product, 1]]
        shape += draw(st.sampled_from(forms))
        shape.append(-1)
    shape.pop()
    if not shape and not batches:
        shape = [1]
    tensor.reshape.SetInParent()
    tensor.reshape.shape.extend(shape)


def runs(dims: Sequence[int]) -> list[list[int]]:
    """Return the sizes before, between and after the -1s."""
    found: list[list[int]] = [[]]
    for size in dims:
        if size == -1:
            found.append([])
        else:
            found[-1].append(size)
    return found


def add_batch_io(draw: DrawFn, draft: Draft) -> None:
    """Add batch inputs and outputs about tensors that are there."""
    config = draft.config
    inputs = [tensor.name for tensor in config.input]
    for number in range(draw(st.integers(0, 2)) if inputs else 0):
        config.batch_input.add(
            kind=draw(st.integers(0, 5)),
            data_type=draw(st.sampled_from([8, 11])),
            source_input=[draw(st.sampled_from(inputs))],
            target_name=[f"batch{number}"],
        )
    # Triton's library for backends reads these outputs' types by their names.
    outputs = [t.name for t in config.output if t.data_type != UNKNOWN]
    wanted = draw(st.booleans())
    if inputs and outputs and wanted:
        config.batch_output.add(
            target_name=draw(
                st.lists(st.sampled_from(outputs), unique=True, min_size=1, max_size=2)
            ),
            source_input=[draw(st.sampled_from(inputs))],
        )


def add_labels(draw: DrawFn, draft: Draft) -> None:
    """Give an output a label file inside the model's directory."""
    path, written = draw(
        st.sampled_from(
            [
                ("labels.txt", "labels.txt"),
                ("1/labels.txt", "1/labels.txt"),
                ("1/../labels.txt", "labels.txt"),
                ("/labels.txt", "labels.txt"),
                ("./labels.txt", "labels.txt"),
                ("empty", "empty"),
            ]
        )
    )
    if draft.config.output:
        draft.config.output[0].label_filename = path
        draft.files[written] = b"" if path == "empty" else b"one\ntwo\n"
