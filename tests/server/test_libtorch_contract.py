"""The backend's judgement of names and types, without a server."""

from __future__ import annotations

import pytest

from packager.model_config.parse import schema
from packager.model_config.rules import libtorch
from packager.server.backends.pytorch.libtorch_contract import (
    MAPPED_TYPES,
    STRING,
    Argument,
    LoadError,
    _index_text,
    make_contract,
)

TWO = (Argument("left", "TensorType", "Tensor"), Argument("right", "TensorType", "Tensor"))
DICT = Argument("tensors", "DictType", "Dict[str, Tensor]")


def tensors(*names: str, data_type: str = "TYPE_FP32") -> list[dict[str, object]]:
    """Configured tensors of one dimension."""
    return [{"name": name, "data_type": data_type, "dims": [4]} for name in names]


def config(*inputs: str, outputs: tuple[str, ...] = ("y",)) -> dict[str, object]:
    """A configuration as Triton hands it to a Python backend."""
    given = {"input": tensors(*inputs), "output": tensors(*outputs)}
    return {"name": "m", "max_batch_size": 0, **given}


@pytest.mark.parametrize(
    ("names", "positions"),
    [
        (("right", "left"), (1, 0)),  # arguments
        (("a__1", "b__0"), (1, 0)),  # indices
        (("a__", "b__1"), (0, 1)),  # no digits count as 0
        (("right", "b__0"), (0, 1)),  # mixed: order
        (("a__1", "b__x"), (0, 1)),  # not an index: order
        (("a__b__1", "b__0"), (0, 1)),  # only the first __ counts: order
        (("a_1", "b_0"), (0, 1)),  # one underscore is none
        (("a__-1", "b__0"), (0, 1)),  # no signs
    ],
)
def test_inputs_go_where_libtorch_puts_them(
    names: tuple[str, str], positions: tuple[int, int]
) -> None:
    """One name of another kind switches the whole list to the configuration's order."""
    contract = make_contract(config(*names), TWO)
    assert contract.inputs == dict(zip(names, positions, strict=True))


@pytest.mark.parametrize(
    ("names", "positions"),
    [(("b__1", "a__0"), (1, 0)), (("b__1", "a"), (0, 1)), (("left", "right"), (0, 1))],
)
def test_outputs_go_by_index_or_order_never_by_argument(
    names: tuple[str, str], positions: tuple[int, int]
) -> None:
    """Output names that are argument names mean nothing."""
    contract = make_contract(config("left", "right", outputs=names), TWO)
    assert tuple(output.index for output in contract.outputs) == positions


@pytest.mark.parametrize("index", ["2", "9", "99999999999"])
def test_an_index_past_the_inputs_is_refused(index: str) -> None:
    """It would end a libtorch server."""
    with pytest.raises(LoadError, match="would end the server"):
        make_contract(config("a__0", f"b__{index}"), TWO)


def test_sequence_controls_are_inputs_too() -> None:
    """Counted, and placed by their index, which they must have."""
    control = {"name": "start__1", "control": [{"kind": "CONTROL_SEQUENCE_START"}]}
    sequence = {"sequence_batching": {"control_input": [control]}}
    contract = make_contract(config("x__0") | sequence, TWO)
    assert contract.inputs == {"x__0": 0, "start__1": 1}
    control["name"] = "start"
    with pytest.raises(LoadError, match="does not follow <name>__<index>"):
        make_contract(config("x__0") | sequence, TWO)


def test_only_one_dictionary_is_taken() -> None:
    """Alone it is filled by name; as a second argument it is refused."""
    assert make_contract(config("a", "b", "c"), [DICT]).takes_dict
    with pytest.raises(LoadError, match="Multiple inputs of kind DictType"):
        make_contract(config("a", "b"), [TWO[0], DICT])


def test_strings_have_one_dimension_with_the_batch() -> None:
    """So they do not go with a batch and another dimension."""
    arguments = [Argument("texts", "ListType", "List[str]")]
    given = {"input": tensors("texts", data_type="TYPE_STRING")}
    assert make_contract(config("x") | given, arguments).string_inputs == {"texts"}
    with pytest.raises(LoadError, match="1 dimensional List of String"):
        make_contract(config("x") | given | {"max_batch_size": 4}, arguments)


def test_no_inputs_at_all_are_refused() -> None:
    """Also for a forward that takes none."""
    with pytest.raises(LoadError, match="at least one input"):
        make_contract(config(), [])


@pytest.mark.parametrize("name", ["a", "a__", "a__1", "a__x", "a__1__2", "a__-1", "a__٣", "__0"])
def test_the_linter_reads_indices_as_the_backend_does(name: str) -> None:
    """The backend's file is copied to a server alone, so the rule is written twice."""
    text = _index_text(name)
    assert libtorch.index_of(name) == (None if text is None else int(text or "0"))


def test_the_linter_refuses_the_types_that_the_backend_refuses() -> None:
    """Of all that a config can name."""
    named = set(schema().DataType.keys()) - {STRING, "TYPE_INVALID"}
    assert set(libtorch._UNMAPPED.values()) == named - set(MAPPED_TYPES)
