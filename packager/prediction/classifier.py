"""What a served model takes and gives, if it classifies pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.errors import SpecError
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from packager.model_metadata import ModelMetadata, TensorMetadata
    from packager.prediction.preparing import Preprocessing

REQUEST_BYTES = 2**26
"""A request holds so many bytes of pictures at most, or one."""

FLOATS = {DataType.FP16: np.float16, DataType.FP32: np.float32, DataType.FP64: np.float64}
ANY_NUMBER_OF_CLASSES = 2**31 - 1
"""Triton gives as many as there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Classifier:
    """How a model is asked: `shape` is a picture's (channels, height, width), -1 where it varies.

    A request has up to `rows` pictures; exactly that many if `is_fixed`, and one, without an axis
    for it, if not `has_batch_axis`. `is_batched` says that Triton knows of the axis. `classes` is
    how many scores a picture gets, None where that varies.
    """

    input: str
    data_type: DataType
    shape: tuple[int, int, int]
    has_batch_axis: bool
    is_batched: bool
    is_fixed: bool
    rows: int
    output: str
    classes: int | None

    @property
    def class_count(self) -> int:
        """The number of classes to ask for: all, of all pictures if Triton tells none apart."""
        if self.classes is None:
            return ANY_NUMBER_OF_CLASSES
        return self.classes if self.is_batched else self.classes * self.rows

    def tensor(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return prepared pictures [N, C, H, W] as the input; the last one fills a fixed batch."""
        if self.data_type in FLOATS:
            rows = rows.astype(FLOATS[self.data_type], copy=False)
        if not self.has_batch_axis:
            only: NDArray[Any] = rows[0]
            return only
        missing = self.rows - len(rows) if self.is_fixed else 0
        return np.pad(rows, ((0, missing), (0, 0), (0, 0), (0, 0)), mode="edge")


def classifier(
    metadata: ModelMetadata, config: Mapping[str, Any], how: Preprocessing
) -> Classifier:
    """Return how a model is asked about pictures that are prepared so.

    Raises:
        SpecError: it takes something else than pictures, or gives no score for each class.
    """
    tensor, shape = _input(metadata, config)
    _require_fit(metadata, tensor, shape, how)
    max_batch_size = int(config.get("max_batch_size", 0))
    has_batch_axis = len(tensor.dims) == 4
    rows = max_batch_size or (max(1, tensor.dims[0]) if has_batch_axis else 1)
    output, classes = _output(metadata, config, has_batch_axis=has_batch_axis)
    return Classifier(
        input=tensor.name,
        data_type=tensor.data_type,
        shape=shape,
        has_batch_axis=has_batch_axis,
        is_batched=max_batch_size > 0,
        is_fixed=max_batch_size == 0 and rows > 1,
        rows=rows if max_batch_size == 0 else min(rows, _most_rows(shape)),
        output=output,
        classes=classes,
    )


def described(tensors: tuple[TensorMetadata, ...]) -> str:
    """Return tensors in words: `input0 FP32 [-1, 1, 28, 28]`."""
    return ", ".join(f"{one.name} {one.data_type.value} {list(one.dims)}" for one in tensors)


def _most_rows(shape: tuple[int, int, int]) -> int:
    """Return how many pictures a request may have; of any size one, as nobody knows how large."""
    if -1 in shape[1:]:
        return 1
    return max(1, REQUEST_BYTES // (4 * math.prod(map(abs, shape))))


def _input(
    metadata: ModelMetadata, config: Mapping[str, Any]
) -> tuple[TensorMetadata, tuple[int, int, int]]:
    optional = {one["name"] for one in config.get("input", ()) if one.get("optional")}
    required = [one for one in metadata.inputs if one.name not in optional]
    rank = 4 if int(config.get("max_batch_size", 0)) > 0 else None
    if len(required) == 1 and len(required[0].dims) in ((rank,) if rank else (3, 4)):
        channels, height, width = required[0].dims[-3:]
        if channels in {-1, 1, 3}:
            return required[0], (channels, height, width)
    raise SpecError(
        f"takes {described(metadata.inputs)}: not one picture [channels, height, width] of 1 or 3"
        " channels",
        where=metadata.name,
        remedy="ask it with a client of your own, or name another model with task.model",
    )


def _require_fit(
    metadata: ModelMetadata,
    tensor: TensorMetadata,
    shape: tuple[int, int, int],
    how: Preprocessing,
) -> None:
    """Check that the model takes what preparing gives."""
    wanted = (how.channels or -1, *(how.resize or (-1, -1)))
    misfit = any(-1 not in pair and len(set(pair)) == 2 for pair in zip(wanted, shape, strict=True))
    given = "float32" if how.scale else "uint8"
    takes_given = tensor.data_type in FLOATS if how.scale else tensor.data_type is DataType.UINT8
    if misfit or not takes_given:
        size = "" if not misfit else f" {list(wanted)}"
        raise SpecError(
            f"takes {described((tensor,))}, and its preprocessing gives {given}{size}",
            where=metadata.name,
            remedy="name the recipe that it was built from: model=NAME",
        )


def _output(
    metadata: ModelMetadata, config: Mapping[str, Any], *, has_batch_axis: bool
) -> tuple[str, int | None]:
    """Return the output with labels, else the only one, and how many classes it has."""
    labelled = {one["name"] for one in config.get("output", ()) if one.get("label_filename")}
    outputs = [one for one in metadata.outputs if one.name in labelled] or list(metadata.outputs)
    if len(outputs) == 1 and outputs[0].data_type not in {DataType.BYTES, DataType.BOOL}:
        dims = outputs[0].dims[1:] if has_batch_axis else outputs[0].dims
        sizes = [size for size in dims if size != 1]
        if len(sizes) == 1:
            return outputs[0].name, None if sizes[0] == -1 else sizes[0]
    raise SpecError(
        f"gives {described(metadata.outputs)}: not one output of a score for each class",
        where=metadata.name,
        remedy="ask it with a client of your own, or give one output a label_filename",
    )
