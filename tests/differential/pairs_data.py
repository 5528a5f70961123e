"""Pairs about what Triton makes tensors of: implicit states, warmup samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.differential import valid_models
from tests.differential.pairs import Pair, pair
from tests.differential.valid_schedulers import (
    add_sample_input,
    add_sequence_batching,
    add_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

    from tests.differential.draft import Draft
    from tests.differential.pairs import Change

_ON = valid_models.custom(inputs=0, outputs=0)


def _state(change: Callable[[DrawFn, Draft, Any], None]) -> Change:
    """Return a change of a state with valid zeros to start from."""

    def changed(draw: DrawFn, draft: Draft) -> None:
        batcher = add_sequence_batching(draw, draft)
        del batcher.state[:]
        if draw(st.booleans()):
            add_state(draw, batcher, 7, initial=True)
        state = add_state(draw, batcher, 0, initial=True)
        state.dims[:] = state.initial_state[0].dims
        change(draw, draft, state)

    return changed


def _as_it_is(_draw: DrawFn, _draft: Draft, _state: Any) -> None:
    pass


def _several(draw: DrawFn, _draft: Draft, state: Any) -> None:
    for _ in range(draw(st.integers(1, 3))):
        state.initial_state.append(state.initial_state[0])


def _none(_draw: DrawFn, _draft: Draft, state: Any) -> None:
    del state.initial_state[:]


def _other_type(draw: DrawFn, _draft: Draft, state: Any) -> None:
    wrong = st.integers(0, 14).filter(lambda number: number != state.data_type)
    state.initial_state[0].data_type = draw(wrong)


def _no_name(_draw: DrawFn, _draft: Draft, state: Any) -> None:
    state.initial_state[0].name = ""


def _same_name(_draw: DrawFn, draft: Draft, state: Any) -> None:
    draft.config.sequence_batching.state.append(state)


def _same_name_without_initial(_draw: DrawFn, draft: Draft, state: Any) -> None:
    draft.config.sequence_batching.state.append(state)
    del draft.config.sequence_batching.state[-1].initial_state[:]


def _rank(draw: DrawFn, _draft: Draft, state: Any) -> None:
    initial = state.initial_state[0]
    initial.dims[:] = draw(st.sampled_from([[], [*initial.dims, 1]]))


def _variable(draw: DrawFn, _draft: Draft, state: Any) -> None:
    axis = draw(st.integers(0, len(state.dims) - 1))
    state.initial_state[0].dims[axis] = -1
    state.dims[axis] = draw(st.sampled_from([-1, state.dims[axis]]))


def _variable_state(draw: DrawFn, _draft: Draft, state: Any) -> None:
    state.dims[draw(st.integers(0, len(state.dims) - 1))] = -1


def _other_size(draw: DrawFn, _draft: Draft, state: Any) -> None:
    axis = draw(st.integers(0, len(state.dims) - 1))
    state.dims[axis] += draw(st.integers(1, 3))


def _negative(draw: DrawFn, _draft: Draft, state: Any) -> None:
    state.data_type = state.initial_state[0].data_type = 11
    state.dims[:] = [-1]
    state.initial_state[0].dims[:] = [draw(st.integers(-9, -2))]


def _empty_size(_draw: DrawFn, _draft: Draft, state: Any) -> None:
    state.dims[:] = [-1]
    state.initial_state[0].dims[:] = [0]


def _no_data(_draw: DrawFn, _draft: Draft, state: Any) -> None:
    state.initial_state[0].ClearField("zero_data")


def _false(_draw: DrawFn, _draft: Draft, state: Any) -> None:
    state.initial_state[0].zero_data = False


def _no_file(draw: DrawFn, _draft: Draft, state: Any) -> None:
    state.initial_state[0].data_file = draw(st.sampled_from(["none", "a/b", "../config"]))


def _folder(_draw: DrawFn, draft: Draft, state: Any) -> None:
    state.initial_state[0].data_file = "folder"
    draft.files["initial_state/folder/file"] = b""


def _file(missing: int) -> Callable[[DrawFn, Draft, Any], None]:
    def change(draw: DrawFn, draft: Draft, state: Any) -> None:
        state.data_type = state.initial_state[0].data_type = 8
        size = 4
        for one in state.initial_state[0].dims:
            size *= one
        state.initial_state[0].data_file = "data"
        more = 0 if missing else draw(st.integers(0, 1))
        draft.files["initial_state/data"] = bytes(size - missing + more)

    return change


@st.composite
def _sampled(draw: DrawFn) -> Draft:
    """A model with small inputs and a sample that fits them."""
    draft = draw(valid_models.custom(inputs=0, outputs=0))
    del draft.config.input[:]
    sample = draft.config.model_warmup.add(name="sample", batch_size=1)
    # Two at least: the Python backend does not take a request without inputs.
    for name in draw(st.lists(st.sampled_from("abc"), min_size=2, max_size=3, unique=True)):
        tensor = draft.config.input.add(
            name=name,
            data_type=draw(st.sampled_from([1, 8, 11])),
            dims=draw(st.lists(st.sampled_from([1, 3, -1]), min_size=1, max_size=2)),
        )
        add_sample_input(draw, draft, sample, tensor)
    return draft


_SAMPLED = _sampled()


def _sample(change: Callable[[DrawFn, Draft, Any, Any], None]) -> Change:
    """Return the change of what a sample gives to an input, and of the input."""

    def changed(draw: DrawFn, draft: Draft) -> None:
        tensor = draw(st.sampled_from(list(draft.config.input)))
        change(draw, draft, draft.config.model_warmup[0].inputs[tensor.name], tensor)

    return changed


def _fits(_draw: DrawFn, _draft: Draft, _given: Any, _tensor: Any) -> None:
    pass


def _not_run(change: Callable[[DrawFn, Draft, Any, Any], None]) -> Change:
    """Return the change, in a sample of no requests."""

    def changed(draw: DrawFn, draft: Draft, given: Any, tensor: Any) -> None:
        change(draw, draft, given, tensor)
        draft.config.model_warmup[0].batch_size = 0

    return _sample(changed)


def _variable_sample(draw: DrawFn, _draft: Draft, given: Any, _tensor: Any) -> None:
    given.dims[draw(st.integers(0, len(given.dims) - 1))] = -1


def _sample_without_data(_draw: DrawFn, _draft: Draft, given: Any, _tensor: Any) -> None:
    for field in ("zero_data", "random_data", "input_data_file"):
        given.ClearField(field)


def _sample_without_file(draw: DrawFn, _draft: Draft, given: Any, _tensor: Any) -> None:
    given.input_data_file = draw(st.sampled_from(["none", "a/b", "../config"]))


def _sample_folder(_draw: DrawFn, draft: Draft, given: Any, _tensor: Any) -> None:
    given.input_data_file = "folder"
    draft.files["warmup/folder/file"] = b""


def _sample_file(missing: int) -> Callable[[DrawFn, Draft, Any, Any], None]:
    def change(draw: DrawFn, draft: Draft, given: Any, tensor: Any) -> None:
        given.data_type = tensor.data_type = 8
        size = 4
        for one in given.dims:
            size *= one
        given.input_data_file = "short"
        more = 0 if missing else draw(st.integers(0, 1))
        draft.files["warmup/short"] = bytes(size - missing + more)

    return change


def _missing_input(_draw: DrawFn, draft: Draft, _given: Any, tensor: Any) -> None:
    del draft.config.model_warmup[0].inputs[tensor.name]


def _missing_optional(_draw: DrawFn, draft: Draft, _given: Any, tensor: Any) -> None:
    tensor.optional = True
    del draft.config.model_warmup[0].inputs[tensor.name]


def _sample_type(draw: DrawFn, _draft: Draft, given: Any, _tensor: Any) -> None:
    given.data_type = 9 if given.data_type != 9 else 8
    given.zero_data = draw(st.booleans())


def _sample_shape(draw: DrawFn, _draft: Draft, given: Any, tensor: Any) -> None:
    given.zero_data = True
    if draw(st.booleans()):
        given.dims.append(1)
    else:
        tensor.dims[0] = given.dims[0] + 1


def _sample_size(_draw: DrawFn, _draft: Draft, given: Any, tensor: Any) -> None:
    tensor.dims[0] = -1
    given.dims[0] += 1
    given.zero_data = True


def _sample_negative(draw: DrawFn, _draft: Draft, given: Any, tensor: Any) -> None:
    tensor.dims[:] = [-1]
    given.dims[:] = [draw(st.integers(-5, -2))]
    given.zero_data = True


PAIRS: dict[str, Pair] = {
    "TRN341": pair(_ON, _state(_several), _state(_none)),
    "TRN342": pair(_ON, _state(_other_type), _state(_as_it_is)),
    "TRN343": pair(_ON, _state(_no_name), _state(_as_it_is)),
    "TRN344": pair(_ON, _state(_same_name), _state(_same_name_without_initial)),
    "TRN345": pair(_ON, _state(_rank), _state(_variable_state)),
    "TRN346": pair(_ON, _state(_variable), _state(_variable_state)),
    "TRN347": pair(_ON, _state(_other_size), _state(_variable_state)),
    "TRN348": pair(_ON, _state(_no_data), _state(_false)),
    "TRN349": pair(_ON, _state(_no_file), _state(_file(0))),
    "TRN350": pair(_ON, _state(_file(1)), _state(_file(0))),
    "TRN351": pair(_ON, _state(_folder), _state(_file(0))),
    "TRN352": pair(_ON, _state(_negative), _state(_empty_size)),
    "TRN601": pair(_SAMPLED, _sample(_variable_sample), _not_run(_variable_sample)),
    "TRN602": pair(_SAMPLED, _sample(_sample_without_data), _not_run(_sample_without_data)),
    "TRN603": pair(_SAMPLED, _sample(_sample_without_file), _sample(_sample_file(0))),
    "TRN604": pair(_SAMPLED, _sample(_sample_file(1)), _sample(_sample_file(0))),
    "TRN605": pair(_SAMPLED, _sample(_missing_input), _sample(_missing_optional)),
    "TRN606": pair(_SAMPLED, _sample(_sample_type), _sample(_fits)),
    "TRN607": pair(_SAMPLED, _sample(_sample_shape), _sample(_sample_size)),
    "TRN609": pair(_SAMPLED, _sample(_sample_negative), _sample(_sample_size)),
    "TRN610": pair(_SAMPLED, _sample(_sample_folder), _sample(_sample_file(0))),
}
