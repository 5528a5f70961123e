"""Tensors by name, data type and dims."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from packager.spec.validity import require


class DataType(Enum):
    """Triton's tensor data types, by their KServe v2 names."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BF16 = "BF16"
    BYTES = "BYTES"

    @property
    def config_name(self) -> str:
        """The name in `config.pbtxt`."""
        return "TYPE_STRING" if self is DataType.BYTES else f"TYPE_{self.value}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorSpec:
    """A named input or output; `dims` are one sample's, never the batch, -1 where they vary."""

    name: str
    data_type: DataType
    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        require(bool(self.name), "a tensor has no name", where="inputs/outputs")
        require(
            not any("\ud800" <= letter <= "\udfff" for letter in self.name),
            f"{self.name!r} is no name that UTF-8 can write",
            where="inputs/outputs",
        )
        for axis, size in enumerate(self.dims):
            require(
                size == -1 or size > 0,
                f"dimension is {size}; expected a positive size or -1",
                where=f"{self.name}.dims[{axis}]",
                remedy="leave the batch dimension out; it comes from serving",
            )
