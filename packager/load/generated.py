"""Generated requests: only their shapes and data types count, so they are drawn without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.errors import SpecError
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.load.sender import Array, Arrays
    from packager.spec.tensors import TensorSpec

NUMPY_TYPES: dict[DataType, type[np.generic]] = {
    DataType.BOOL: np.bool_,
    DataType.UINT8: np.uint8,
    DataType.UINT16: np.uint16,
    DataType.UINT32: np.uint32,
    DataType.UINT64: np.uint64,
    DataType.INT8: np.int8,
    DataType.INT16: np.int16,
    DataType.INT32: np.int32,
    DataType.INT64: np.int64,
    DataType.FP16: np.float16,
    DataType.FP32: np.float32,
    DataType.FP64: np.float64,
}
"""Those that can be drawn: texts have no typical value, and numpy has no bfloat16."""


def generated(inputs: Sequence[TensorSpec], *, count: int, variable: int, seed: int = 0) -> Arrays:
    """Return `count` rows of every input by name, [N, ...]; the same for the same seed.

    Floats are uniform in [0, 1), UINT8 in 0..255 as pixels are, BOOL false or true. Other
    integers are 0 or 1, so that they are indices into any table. Dims of -1 are `variable`.

    Raises:
        SpecError: an input is of texts, or of bfloat16.
    """
    if any(tensor.data_type not in NUMPY_TYPES for tensor in inputs):
        takes = ", ".join(f"{one.name} {one.data_type.value} {list(one.dims)}" for one in inputs)
        raise SpecError(
            f"takes {takes}, and values are generated of numbers and BOOL, not of BF16 or BYTES",
            where="task.model",
            remedy="choose a model with other inputs",
        )
    source = np.random.default_rng(seed)
    return {
        tensor.name: _drawn(
            (count, *(variable if size == -1 else size for size in tensor.dims)),
            NUMPY_TYPES[tensor.data_type],
            source,
        )
        for tensor in inputs
    }


def _drawn(shape: tuple[int, ...], kind: type[np.generic], source: np.random.Generator) -> Array:
    if issubclass(kind, np.floating):
        precision: Any = np.float64 if kind is np.float64 else np.float32
        floats = source.random(shape, dtype=precision)
        # Half precision would round the largest up to 1.
        return np.minimum(floats, 1 - np.finfo(kind).epsneg).astype(kind)
    return source.integers(256 if kind is np.uint8 else 2, size=shape, dtype=np.uint8).astype(kind)
