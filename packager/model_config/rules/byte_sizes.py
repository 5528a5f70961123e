"""How many bytes a tensor's data take."""

from __future__ import annotations

from typing import Any

from packager.model_config.rules.tensors import element_count

STRING = 13
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 2, 8: 4, 9: 8, 10: 2, 11: 4, 12: 8, 14: 2}
"""`DataType` -> bytes of one element."""


def byte_size(tensor: Any) -> int | None:
    """Return the bytes of a message with `data_type` and fixed `dims`; None for strings.

    Of a data type without a size Triton takes four bytes an element.
    """
    if tensor.data_type == STRING:
        return None
    return element_count(tensor.dims) * _BYTES.get(tensor.data_type, 4)
