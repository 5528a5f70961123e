"""What a running server is asked, and the answers that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from packager.client import WireFormat
from packager.model_config.render import config_dims, is_number
from packager.proof.asking import as_rows, like
from packager.proof.promise import require_promised
from packager.proof.samples import Answers, Rows, each, repeated, requests, stacked, typical_size
from packager.spec.recipe import Recipe
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from collections.abc import Iterator

Arrays = Mapping[str, np.ndarray[Any, Any]]

REQUEST_BYTES = 2**23
"""Of one request's inputs: as JSON they are several times as many."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Question:
    """What a server is asked: a model's version, and rows whose answers are known.

    `rows` are one tensor [N, *dims] an input, as clients send them; `expected` one tensor
    [N, ...] an output, the reference's answers, or without a batch axis perhaps one a row.
    """

    recipe: Recipe
    rows: Rows
    expected: Answers
    version: int

    @property
    def row_bytes(self) -> int:
        """One row of every input."""
        return sum(tensor[0].nbytes for tensor in self.rows)

    @property
    def request_size(self) -> int | None:
        """A request's rows: fewer than is typical where they are large, if any number may be."""
        serving = self.recipe.serving
        size = typical_size(serving)
        if size is None or (serving.max_batch_size == 0 and serving.batch_dim != -1):
            return size
        return max(1, min(size, REQUEST_BYTES // max(1, self.row_bytes)))

    def requests(self, size: int | None) -> Iterator[tuple[Rows, Rows]]:
        """Yield requests of `size` rows with their answers; too few rows are sent repeatedly."""
        if size is None:
            yield from zip(each(self.rows), each(self.expected), strict=True)
            return
        rows, expected = self.rows, stacked(self.expected)
        if len(rows[0]) < size:
            rows, expected = repeated(rows, size), repeated(expected, size)
        yield from zip(requests(rows, size), requests(expected, size), strict=True)

    def named(self, rows: Rows) -> dict[str, np.ndarray[Any, Any]]:
        """Return one request's arrays by name; a single number for each row is sent as [N, 1]."""
        return {
            tensor.name: (values[:, None] if is_number(tensor, self.recipe.serving) else values)
            .contiguous()
            .numpy()
            for tensor, values in zip(self.recipe.inputs, rows, strict=True)
        }

    def outputs(self, answer: Arrays) -> Rows:
        """Return an answer's outputs in the recipe's order: the server's is another."""
        return tuple(
            torch.from_numpy(np.array(answer[tensor.name])) for tensor in self.recipe.outputs
        )

    def compared(self, answer: Arrays, expected: Rows) -> tuple[Rows, Rows]:
        """Return an answer's outputs and those expected, [N, ...] each, to be compared.

        Raises:
            ProofError: an output is not as the recipe, and so `config.pbtxt`, has it.
        """
        found = self.outputs(answer)
        serving = self.recipe.serving
        batched = serving.max_batch_size > 0
        served = tuple(
            replace(tensor, dims=config_dims(tensor, serving)) for tensor in self.recipe.outputs
        )
        asked = "a request to the server"
        require_promised(served, found if batched else as_rows(found), asked=asked)
        found = like(found, expected)
        if batched or serving.batch_dim is not None:
            return found, expected
        return as_rows(found), as_rows(expected)

    def wires(self, *, grpc: bool) -> list[WireFormat]:
        """Return the protocols that carry the model's tensors: JSON has no half precision."""
        types = {tensor.data_type for tensor in (*self.recipe.inputs, *self.recipe.outputs)}
        lacking = {
            WireFormat.GRPC: not grpc,
            WireFormat.JSON: DataType.FP16 in types,
        }
        return [wire for wire in WireFormat if not lacking.get(wire)]
