"""Pairs about inputs, outputs and what the batcher tells about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.differential import valid_models, valid_tensors
from tests.differential.pairs import Pair, pair, some_tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DrawFn

    from tests.differential.draft import Draft
    from tests.differential.pairs import Change

_ON = valid_models.with_tensors()
_BATCHES = valid_models.with_tensors(batches=True)
_SINGLE = valid_models.with_tensors(batches=False)
_BAD_SIZES = st.one_of(st.just(0), st.integers(-(2**63), -2))


def _to_tensor(change: Callable[[DrawFn, Any], None], kinds: str = "input output") -> Change:
    """Return the change of one tensor, whose shape is given plainly before."""

    def changed(draw: DrawFn, draft: Draft) -> None:
        tensor = some_tensor(draw, draft, kinds)
        tensor.ClearField("reshape")
        if kinds == "input":
            tensor.ClearField("format")
        elif tensor.DESCRIPTOR.name == "ModelInput":
            tensor.format = 0
        change(draw, tensor)

    return changed


def _set(**values: Any) -> Callable[[DrawFn, Any], None]:
    def change(_draw: DrawFn, tensor: Any) -> None:
        for field, value in values.items():
            if field == "dims":
                tensor.dims[:] = value
            else:
                setattr(tensor, field, value)

    return change


def _data_type(draw: DrawFn, tensor: Any) -> None:
    tensor.data_type = draw(st.sampled_from([1, 14, 15, -1, valid_tensors.UNKNOWN]))


def _bad_size(draw: DrawFn, tensor: Any) -> None:
    tensor.dims.insert(draw(st.integers(0, len(tensor.dims))), draw(_BAD_SIZES))


def _good_size(draw: DrawFn, tensor: Any) -> None:
    tensor.dims[:] = [draw(st.sampled_from([1, -1, 2**63 - 1]))]


def _shapes(pairs: Sequence[tuple[list[int], list[int]]]) -> Callable[[DrawFn, Any], None]:
    def change(draw: DrawFn, tensor: Any) -> None:
        dims, shape = draw(st.sampled_from(pairs))
        factor = draw(st.integers(1, 3))
        tensor.dims[:] = [*dims, factor]
        tensor.reshape.SetInParent()
        tensor.reshape.shape[:] = [*shape, factor] if shape else shape
        if not shape:
            tensor.dims[:] = dims

    return change


_BIG = 2**32
_DIFFERENT_COUNTS = _shapes(
    [
        ([2], [3]),
        ([2, 3], [5]),
        ([2], []),
        ([-1], [2]),
        ([2], [-1]),
        ([2, -1], [-1, 2]),
        ([-1, 4, -1], [-1, 2, -1]),
        ([_BIG, _BIG], [1]),
    ]
)
_SAME_COUNTS = _shapes(
    [
        ([2, 3], [6]),
        ([6], [3, 1, 2]),
        ([2, -1, 3], [1, 2, -1, 3]),
        ([-1, -1], [-1, 1, -1]),
        # These products are the same in 64 bits only.
        ([_BIG, _BIG], [_BIG, 2 * _BIG]),
    ]
)
_BAD_SHAPES = _shapes([([2], [0]), ([2], [-2]), ([4], [2, 2, 0]), ([-1], [-1, -3]), ([1], [0])])
_DIFFERENT_VARIABLES = _shapes([([-1, -1], [-1]), ([-1], [-1, -1]), ([2, -1], [2, -1, -1])])
_EMPTY = _shapes([([1], []), ([1, 1], []), ([1, 1, 1], [])])


def _format(draw: DrawFn, tensor: Any) -> None:
    tensor.format = draw(st.sampled_from([1, 2]))
    tensor.dims[:] = draw(st.lists(st.integers(1, 4), min_size=1).filter(lambda d: len(d) != 3))


def _fitting_format(draw: DrawFn, tensor: Any) -> None:
    tensor.format = draw(st.sampled_from([1, 2]))
    tensor.dims[:] = draw(st.lists(valid_tensors.SIZES, min_size=3, max_size=3))


def _on_tensorrt(change: Change) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        given = draw(st.sampled_from([("tensorrt_plan", ""), ("", "tensorrt")]))
        draft.config.platform, draft.config.backend = given
        change(draw, draft)

    return changed


def _elsewhere(change: Change) -> Change:
    def changed(draw: DrawFn, draft: Draft) -> None:
        given = draw(st.sampled_from([("pytorch_libtorch", ""), ("", "custom"), ("x", "custom")]))
        draft.config.platform, draft.config.backend = given
        change(draw, draft)

    return changed


def _batch_io(
    kind: str, change: Callable[[DrawFn, Draft, Any], None] = lambda _draw, _draft, _one: None
) -> Change:
    """Return the change that adds a valid batch input or output, and then changes it."""

    def changed(draw: DrawFn, draft: Draft) -> None:
        config = draft.config
        one = getattr(config, kind).add(
            source_input=[draw(st.sampled_from([t.name for t in config.input]))],
        )
        if kind == "batch_input":
            one.kind, one.data_type = draw(st.integers(0, 5)), draw(st.sampled_from([8, 11]))
        else:
            for output in config.output:
                output.data_type = min(output.data_type, 13)
            one.target_name.append(draw(st.sampled_from([t.name for t in config.output])))
        change(draw, draft, one)

    return changed


def _sources(draw: DrawFn, draft: Draft, one: Any) -> None:
    name = draft.config.input[0].name
    one.source_input[:] = draw(st.sampled_from([[], [name, name]]))


def _kind(draw: DrawFn, _draft: Draft, one: Any) -> None:
    one.kind = draw(st.sampled_from([6, 99, -1]))


def _type(draw: DrawFn, _draft: Draft, one: Any) -> None:
    one.data_type = draw(st.integers(0, 15).filter(lambda n: n not in (8, 11)))


def _source(draw: DrawFn, draft: Draft, one: Any) -> None:
    outputs = [t.name for t in draft.config.output]
    known = {t.name for t in draft.config.input}
    one.source_input[:] = [draw(st.sampled_from(["", "nobody", *(set(outputs) - known)]))]


def _target(draw: DrawFn, _draft: Draft, one: Any) -> None:
    one.target_name.insert(draw(st.integers(0, 1)), draw(st.sampled_from(["", "nobody"])))


def _twice(_draw: DrawFn, _draft: Draft, one: Any) -> None:
    one.target_name.append(one.target_name[0])


def _no_target(_draw: DrawFn, _draft: Draft, one: Any) -> None:
    del one.target_name[:]


def _again(_draw: DrawFn, draft: Draft, one: Any) -> None:
    draft.config.batch_output.append(one)


_SHAPE_TENSOR = _to_tensor(_set(is_shape_tensor=True))
_NON_LINEAR = _to_tensor(_set(is_non_linear_format_io=True, dims=[1, 2, 3]))
_NON_LINEAR_FLAT = _to_tensor(_set(is_non_linear_format_io=True, dims=[1, 2]))

PAIRS: dict[str, Pair] = {
    "TRN201": pair(_ON, _to_tensor(_set(name="")), _to_tensor(_set(name=" new"))),
    "TRN202": pair(_ON, _to_tensor(_set(data_type=0)), _to_tensor(_data_type)),
    "TRN203": pair(_ON, _to_tensor(_set(dims=[])), _to_tensor(_set(dims=[1]))),
    "TRN204": pair(_SINGLE, _to_tensor(_EMPTY), _to_tensor(_shapes([([1], [1]), ([1, 1], [1])]))),
    "TRN205": pair(_ON, _to_tensor(_bad_size), _to_tensor(_good_size)),
    "TRN206": pair(_ON, _to_tensor(_BAD_SHAPES), _to_tensor(_SAME_COUNTS)),
    "TRN207": pair(_BATCHES, _to_tensor(_DIFFERENT_COUNTS), _to_tensor(_SAME_COUNTS)),
    "TRN208": pair(_ON, _to_tensor(_DIFFERENT_VARIABLES), _to_tensor(_SAME_COUNTS)),
    "TRN209": pair(_ON, _to_tensor(_format, "input"), _to_tensor(_fitting_format, "input")),
    "TRN210": pair(_ON, _elsewhere(_SHAPE_TENSOR), _on_tensorrt(_SHAPE_TENSOR)),
    "TRN211": pair(_ON, _elsewhere(_NON_LINEAR), _on_tensorrt(_NON_LINEAR)),
    "TRN212": pair(_ON, _on_tensorrt(_NON_LINEAR_FLAT), _on_tensorrt(_NON_LINEAR)),
    "TRN221": pair(_ON, _batch_io("batch_input", _sources), _batch_io("batch_input")),
    "TRN222": pair(_ON, _batch_io("batch_input", _kind), _batch_io("batch_input")),
    "TRN223": pair(_ON, _batch_io("batch_input", _type), _batch_io("batch_input")),
    "TRN224": pair(_ON, _batch_io("batch_input", _source), _batch_io("batch_output")),
    "TRN225": pair(_ON, _batch_io("batch_output", _sources), _batch_io("batch_output")),
    "TRN226": pair(_ON, _batch_io("batch_output", _kind), _batch_io("batch_output")),
    "TRN227": pair(_ON, _batch_io("batch_output", _target), _batch_io("batch_output")),
    "TRN228": pair(_ON, _batch_io("batch_output", _twice), _batch_io("batch_output", _again)),
    "TRN229": pair(_ON, _batch_io("batch_output", _no_target), _batch_io("batch_output")),
}
