"""Sums of products in bfloat16, float32 in and out: an edit of a frozen graph.

As torch's autocast has it, but decided once: weights are kept in bfloat16, and whoever loads the
artifact need not turn anything on. Batch norms are folded into the weights in float32 before. The
last product stays float32: rounded scores would tie, and the classes of near ones change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from packager.errors import ProofError
from packager.export.graph import Graph, Node, Value, convert, each_result, is_tensor, nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

PRODUCTS = {
    f"aten::{name}"
    for name in (
        *("conv1d", "conv2d", "conv3d", "_convolution"),
        *("linear", "addmm", "matmul", "mm", "bmm"),
    )
}
"""Where the time goes: arguments rounded to bfloat16, summed in float32, and the sum rounded."""

CARRIED = {
    f"aten::{name}"
    for name in (
        *("relu", "relu_", "relu6", "relu6_", "leaky_relu", "leaky_relu_", "hardtanh", "hardtanh_"),
        *("hardswish", "hardswish_", "hardsigmoid", "hardsigmoid_", "silu", "silu_", "gelu"),
        *("clamp", "clamp_", "neg", "add", "add_", "mul", "mul_", "cat", "dropout"),
        *("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool2d", "adaptive_avg_pool2d"),
        *("flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze"),
        *("contiguous", "slice", "select", "constant_pad_nd"),
    )
}
"""What bfloat16 goes through as it is; everything else gets float32."""

LAST = {
    *("prim::Return", "prim::TupleConstruct", "aten::contiguous"),
    *("aten::softmax", "aten::log_softmax"),
}
"""What scores go to when they are made."""

SHAPES = {"aten::size", "aten::dim", "aten::numel", "prim::device"}
"""What does not look at numbers."""


def apply(graph: Graph) -> None:
    """Have sums of products compute in bfloat16; a graph without any stays as it is.

    Raises:
        ProofError: what is bfloat16 then is written to by an operator that needs float32.
    """
    reduced: set[str] = set()
    for node in nodes(graph):
        reduced |= _rewritten(graph, node, reduced)
    for node in nodes(graph):
        for block in node.blocks():
            _take(graph, block.returnNode(), reduced, torch.float32)
    each_result(
        graph,
        lambda graph, node, index: (
            convert(graph, node, index, torch.float32)
            if node.inputsAt(index).debugName() in reduced
            else None
        ),
    )


def _rewritten(graph: Graph, node: Node, reduced: set[str]) -> set[str]:
    """Give a node its inputs in the type it needs; return which of its outputs are bfloat16."""
    kind, outputs = node.kind(), {value.debugName() for value in node.outputs()}
    if kind in PRODUCTS and not _are(node.output().uses(), LAST):
        _take(graph, node, reduced, torch.bfloat16)
        return outputs
    tensors = [value for value in node.inputs() if _may_be_reduced(value)]
    are_reduced = [value.debugName() in reduced for value in tensors]
    if kind in SHAPES or not any(are_reduced):
        return set()
    in_place = kind.endswith("_") and are_reduced[0]
    carried = kind in CARRIED or _is_to_be_joined(node)
    if carried and (in_place or all(are_reduced)):
        return outputs
    if in_place:
        raise ProofError(
            f"{kind} writes to what is bfloat16 then, and needs float32",
            where="export.optimize",
            remedy="set export.optimize=freeze",
        )
    _take(graph, node, reduced, torch.float32)
    return set()


def _take(graph: Graph, node: Node, reduced: set[str], dtype: torch.dtype) -> None:
    """Have a node take its tensors in one type."""
    for index, value in enumerate(list(node.inputs())):
        is_reduced = value.debugName() in reduced
        if is_tensor(value) and is_reduced != (dtype is torch.bfloat16):
            convert(graph, node, index, dtype)


def _may_be_reduced(value: Value) -> bool:
    return is_tensor(value) or str(value.type()) == "List[Tensor]"


def _is_to_be_joined(node: Node) -> bool:
    """Return whether a node makes a list that is only put together to one tensor."""
    return node.kind() == "prim::ListConstruct" and _are(node.output().uses(), {"aten::cat"})


def _are(uses: Iterable[object], kinds: set[str]) -> bool:
    return all(use.user.kind() in kinds for use in uses)  # type: ignore[attr-defined]
