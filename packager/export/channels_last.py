"""Convolutions with their channels last: the same numbers, in the order that oneDNN is fastest in.

An edit of the graph that `torch.jit.freeze` gives, whose weights are constants by then and have
batch norm in them; so it fits any module, whatever its inputs and outputs are.
"""

from __future__ import annotations

import torch

from packager.export.graph import (
    Graph,
    Node,
    constant,
    each_result,
    make_contiguous,
    nodes,
    put,
    renamed,
)

CONVOLUTIONS = {"aten::conv2d", "aten::_convolution"}
"""Of images; an `aten::_convolution` may be of another rank, as its weights tell."""


def apply(graph: Graph) -> None:
    """Have convolutions of images compute with their channels last; without any change nothing.

    Weights of that layout are enough: a convolution then takes its input in it, and what follows
    keeps it. What the graph returns is contiguous. A view that such a tensor refuses becomes a
    reshape, which copies.
    """
    found = [(node, weight) for node in nodes(graph) if (weight := _weight(node)) is not None]
    for node, weight in found:
        put(graph, node, 1, _channels_last(weight))
    if not found:
        return
    for node in nodes(graph):
        if node.kind() == "aten::view" and node.inputsAt(1).type().kind() == "ListType":
            renamed(graph, node, "aten::reshape")
    each_result(graph, make_contiguous)


def _weight(node: Node) -> torch.Tensor | None:
    """Return a convolution's weights [out, in, height, width], where they are known."""
    if node.kind() not in CONVOLUTIONS:
        return None
    weight = constant(node.inputsAt(1))
    return weight if weight is not None and weight.dim() == 4 else None


def _channels_last(weight: torch.Tensor) -> torch.Tensor:
    """Return a copy with the strides of that layout; of one channel both are contiguous."""
    made = torch.empty(weight.shape, dtype=weight.dtype, memory_format=torch.channels_last)
    return made.copy_(weight)
