"""Warmup samples: Triton makes each one and runs it while an instance is loaded.

Source: core, src/backend_model_instance.cc (GenerateWarmupData), src/infer_request.cc (Normalize).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.byte_sizes import STRING, byte_size
from packager.model_config.rules.rule import Judge, Rule, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.model_config.rules.facts import ModelFiles
    from packager.model_config.rules.rule import Finding

FOLDER = "warmup"

VARIABLE = Rule(
    id="TRN601",
    wording="warmup setting expects all variable-size dimensions are specified for input '{name}'",
    remedy="give sizes instead of -1, without the batch",
    ordered=False,
)
NO_DATA = Rule(
    id="TRN602",
    wording="[request id: <id_unknown>] warmup setting expects input '{name}' to have"
    " input_data_type set",
    remedy="set zero_data: true, random_data: true or input_data_file",
    ordered=False,
)
FILE = Rule(
    id="TRN603",
    wording="failed to open text file for read {directory}/warmup/{file}: No such file or"
    " directory",
    remedy="put the file into the model's folder warmup",
    ordered=False,
)
FILE_SHORT = Rule(
    id="TRN604",
    wording="[request id: <id_unknown>] warmup setting expects {expected} bytes, but the data"
    " provided from {file}only has {given} bytes",
    remedy="write as many bytes as dims and data_type need",
    ordered=False,
)
MISSING = Rule(
    id="TRN605",
    wording="[request id: <id_unknown>] expected {expected} inputs but got {given} inputs for"
    " model '{model}'. Got input(s) [{got}], but missing required input(s) [{missing}]. Please"
    " provide all required input(s).",
    remedy="give every input of the model a sample; names must be the same",
)
DATA_TYPE = Rule(
    id="TRN606",
    wording="[request id: <id_unknown>] inference input '{name}' data-type is '{given}', but model"
    " '{model}' expects '{expected}'",
    remedy="use the input's data_type",
    ordered=False,
)
SHAPE = Rule(
    id="TRN607",
    wording="[request id: <id_unknown>] unexpected shape for input '{name}' for model '{model}'."
    " Expected {expected}, got {given}. {note}",
    remedy="use dims that fit the input's, without the batch",
    ordered=False,
)
BATCH = Rule(
    id="TRN608",
    wording="warmup batch_size {size} is above max_batch_size {limit}: the sample fails, or ends"
    " the server",
    remedy="lower batch_size; where max_batch_size is 0, leave it at 1",
    judge=Judge.packager,
)
BYTES = Rule(
    id="TRN609",
    wording="[request id: <id_unknown>] input byte size mismatch for input '{name}' for model"
    " '{model}'. Expected {expected}, got {given}",
    remedy="give positive sizes, and a data_type that Triton knows",
    ordered=False,
)
NO_FILE = Rule(
    id="TRN610",
    wording="warmup input_data_file '{file}' is a directory: Triton ends when it reads it",
    remedy="name a file in the model's folder warmup",
    judge=Judge.abort,
)
RULES = (
    VARIABLE,
    NO_DATA,
    FILE,
    FILE_SHORT,
    MISSING,
    DATA_TYPE,
    SHAPE,
    BATCH,
    BYTES,
    NO_FILE,
)

_PLACE = "model_warmup"
_NAMES = [
    "<invalid>",
    *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
    *("FP16", "FP32", "FP64", "BYTES", "BF16"),
]


def check(config: Any, model: str, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield what is wrong with the samples, in Triton's order."""
    for index, sample in enumerate(config.model_warmup):
        limit = max(config.max_batch_size, 1)
        if sample.batch_size > limit:
            yield BATCH.at(
                *(_PLACE, index, "batch_size"), size=sample.batch_size, limit=config.max_batch_size
            )
        if sample.batch_size:
            yield from _check_sizes(index, sample)
            yield from _check_data(index, sample, files)
            yield from _check_request(config, model, index, sample)


def _check_sizes(index: int, sample: Any) -> Iterator[Finding]:
    for name, given in sample.inputs.items():
        if -1 in given.dims:
            yield VARIABLE.at(_PLACE, index, "inputs", name, "dims", name=name)


def _check_data(index: int, sample: Any, files: ModelFiles | None) -> Iterator[Finding]:
    for name, given in sample.inputs.items():
        place = (_PLACE, index, "inputs", name)
        chosen = given.WhichOneof("input_data_type")
        if chosen is None:
            yield NO_DATA.at(*place, name=name)
        elif chosen == "input_data_file" and files is not None:
            yield from _check_file(given, (*place, "input_data_file"), files)


def _check_file(given: Any, place: tuple[str | int, ...], files: ModelFiles) -> Iterator[Finding]:
    file = given.input_data_file
    size, expected = files.size(f"{FOLDER}/{file}"), byte_size(given)
    if files.is_directory(f"{FOLDER}/{file}"):
        yield NO_FILE.at(*place, file=file)
    elif size is None:
        yield FILE.at(*place, directory=Unknown("<model directory>"), file=file)
    elif -1 not in given.dims and expected is not None and size < expected:
        yield FILE_SHORT.at(*place, expected=expected, file=file, given=size)


def _check_request(config: Any, model: str, index: int, sample: Any) -> Iterator[Finding]:
    """Yield where a sample is no request that the model takes.

    Inputs that the model does not declare are taken for control tensors.
    """
    declared = {tensor.name: tensor for tensor in config.input}
    missing = [
        name
        for name, tensor in declared.items()
        if name not in sample.inputs and not tensor.optional
    ]
    if missing:
        given = [name for name in sample.inputs if name in declared]
        yield MISSING.at(
            *(_PLACE, index),
            expected=len(declared),
            given=len(given),
            model=model,
            got=Unknown(_quoted(given)),
            missing=Unknown(_quoted(missing)),
        )
        return
    for name, one in sample.inputs.items():
        if name in declared and -1 not in one.dims:
            place = (_PLACE, index, "inputs", name)
            yield from _check_tensor(one, declared[name], place, config.max_batch_size, model)


def _check_tensor(
    given: Any, tensor: Any, place: tuple[str | int, ...], max_batch_size: int, model: str
) -> Iterator[Finding]:
    told = {"name": tensor.name, "model": model}
    if given.data_type != tensor.data_type:
        yield DATA_TYPE.at(
            *(*place, "data_type"),
            **told,
            given=_type_name(given.data_type),
            expected=_type_name(tensor.data_type),
        )
    if not _fits(given.dims, tensor.dims):
        batch = max_batch_size > 0
        yield SHAPE.at(
            *(*place, "dims"),
            **told,
            expected=_shape(([-1] if batch else []) + list(tensor.dims)),
            given=_shape(([1] if batch else []) + list(given.dims)),
            note=Unknown("The sample's dims do not fit the input's"),
        )
    elif given.data_type != STRING and (min(given.dims, default=0) < 0 or _has_no_size(given)):
        count = math.prod(given.dims)
        size = 4 * count if _has_no_size(given) else byte_size(given) or 0
        expected = -1 if _has_no_size(given) else size
        yield BYTES.at(*(*place, "dims"), **told, expected=expected, given=size % 2**64)


def _has_no_size(given: Any) -> bool:
    return _type_name(given.data_type) == _NAMES[0]


def _fits(given: Sequence[int], dims: Sequence[int]) -> bool:
    return len(given) == len(dims) and all(
        size in (-1, actual) for actual, size in zip(given, dims, strict=True)
    )


def _type_name(number: int) -> str:
    return _NAMES[number] if 0 <= number < len(_NAMES) else _NAMES[0]


def _shape(sizes: Sequence[int]) -> str:
    return f"[{','.join(map(str, sizes))}]"


def _quoted(names: Sequence[str]) -> str:
    return ",".join(f"'{name}'" for name in names)
