"""Triton's data types and torch's."""

from __future__ import annotations

import torch

from packager.spec.tensors import DataType

TORCH_DTYPES = {
    DataType.BOOL: torch.bool,
    DataType.UINT8: torch.uint8,
    DataType.INT8: torch.int8,
    DataType.INT16: torch.int16,
    DataType.INT32: torch.int32,
    DataType.INT64: torch.int64,
    DataType.FP16: torch.float16,
    DataType.FP32: torch.float32,
    DataType.FP64: torch.float64,
}
"""What Triton's libtorch backend maps; it refuses BF16 and UINT16, UINT32, UINT64.

Source: pytorch_backend, `libtorch_utils.cc`.
"""

DATA_TYPES = {dtype: data_type for data_type, dtype in TORCH_DTYPES.items()}
