"""Implicit states of the sequence batcher, and what they start from.

Triton reads them when it makes the scheduler, after everything else about a model.
Source: core, src/sequence_batch_scheduler/ (Create, GenerateInitialStateData).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules.byte_sizes import byte_size
from packager.model_config.rules.rule import Judge, Rule, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.facts import ModelFiles
    from packager.model_config.rules.rule import Finding

FOLDER = "initial_state"

SEVERAL = Rule(
    id="TRN341",
    wording="initial_state field for state input '{name}' must contain exactly one or zero"
    " element. Found '{count}' elements.",
    remedy="keep one initial_state",
)
DATA_TYPE = Rule(
    id="TRN342",
    wording="The data type used for 'initial_state' field of state '{name}' does not match the"
    " state data type.",
    remedy="give both the same data_type",
)
NAME = Rule(
    id="TRN343",
    wording="Field 'name' must be set when using initial_state for state input '{name}'.",
    remedy="set initial_state.name",
)
TWICE = Rule(
    id="TRN344",
    wording="State input name '{name}' specified more than once.",
    remedy="give each state an input of its own",
)
RANK = Rule(
    id="TRN345",
    wording="Number of dimensions in 'initial_state' doesn't match the size of 'state' dimensions"
    " for state input '{name}'. {given} != {expected}",
    remedy="give initial_state as many dims as the state",
)
VARIABLE = Rule(
    id="TRN346",
    wording="'initial_state' field for state input name '{name}' contains variable dimensions.",
    remedy="give sizes instead of -1",
)
SIZE = Rule(
    id="TRN347",
    wording="'initial_state' dim for input name '{name}' doesn't match 'state' dim description."
    " {given} != {expected}",
    remedy="give the state's size",
)
NO_DATA = Rule(
    id="TRN348",
    wording="initial_state setting expects state'{name}' to have state_data set",
    remedy="set zero_data: true, or data_file",
)
FILE = Rule(
    id="TRN349",
    wording="failed to open text file for read {directory}/initial_state/{file}: No such file or"
    " directory",
    remedy="put the file into the model's folder initial_state",
)
FILE_SHORT = Rule(
    id="TRN350",
    wording="initial_state setting expects {expected} bytes, but the data provided from {file}only"
    " has {given} bytes.",
    remedy="write as many bytes as dims and data_type need",
)
NO_FILE = Rule(
    id="TRN351",
    wording="initial_state data_file '{file}' is a directory: Triton ends when it reads it",
    remedy="name a file in the model's folder initial_state",
    judge=Judge.abort,
)
NEGATIVE = Rule(
    id="TRN352",
    wording="'initial_state' of state input '{name}' has a negative size: Triton ends when it"
    " reserves memory for it",
    remedy="give positive sizes",
    judge=Judge.abort,
)
RULES = (
    SEVERAL,
    DATA_TYPE,
    NAME,
    TWICE,
    RANK,
    VARIABLE,
    SIZE,
    NO_DATA,
    FILE,
    FILE_SHORT,
    NO_FILE,
    NEGATIVE,
)


def check(config: Any, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield what is wrong with the states' initial values, in Triton's order."""
    seen: set[str] = set()
    for index, state in enumerate(config.sequence_batching.state):
        place = ("sequence_batching", "state", index, "initial_state")
        if len(state.initial_state) > 1:
            count = len(state.initial_state)
            yield SEVERAL.at(*place, 1, name=state.input_name, count=count)
        elif state.initial_state:
            yield from _check(state, (*place, 0), seen, files)
            seen.add(state.input_name)


def _check(
    state: Any, place: tuple[str | int, ...], seen: set[str], files: ModelFiles | None
) -> Iterator[Finding]:
    name, initial = state.input_name, state.initial_state[0]
    if initial.data_type != state.data_type:
        yield DATA_TYPE.at(*place, "data_type", name=name)
    if not initial.name:
        yield NAME.at(*place, name=name)
    if name in seen:
        yield TWICE.at(*place[:-2], "input_name", name=name)
    if len(initial.dims) != len(state.dims):
        given, expected = len(initial.dims), len(state.dims)
        yield RANK.at(*place, "dims", name=name, given=given, expected=expected)
    else:
        yield from _check_sizes(state, place)
    if all(size >= 0 for size in initial.dims):
        yield from _check_data(state, place, files)
    elif -1 not in initial.dims:
        yield NEGATIVE.at(*place, "dims", name=name)


def _check_sizes(state: Any, place: tuple[str | int, ...]) -> Iterator[Finding]:
    name = state.input_name
    for axis, (given, expected) in enumerate(
        zip(state.initial_state[0].dims, state.dims, strict=True)
    ):
        if given == -1:
            yield VARIABLE.at(*place, "dims", axis, name=name)
        elif expected not in (-1, given):
            yield SIZE.at(*place, "dims", axis, name=name, given=given, expected=expected)


def _check_data(
    state: Any, place: tuple[str | int, ...], files: ModelFiles | None
) -> Iterator[Finding]:
    initial = state.initial_state[0]
    chosen = initial.WhichOneof("state_data")
    if chosen is None:
        yield NO_DATA.at(*place, name=state.input_name)
    elif chosen == "data_file" and files is not None:
        file, where = initial.data_file, (*place, "data_file")
        given = files.size(f"{FOLDER}/{file}")
        expected = byte_size(initial)
        if files.is_directory(f"{FOLDER}/{file}"):
            yield NO_FILE.at(*where, file=file)
        elif given is None:
            yield FILE.at(*where, directory=Unknown("<model directory>"), file=file)
        elif expected is not None and given < expected:
            yield FILE_SHORT.at(*where, expected=expected, file=file, given=given)
