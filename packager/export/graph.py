"""Edits of a TorchScript graph, for which torch has no words of its own in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Graph = Any
Node = Any
Value = Any
"""torch's own, of which it tells no types: `torch._C.Graph`, `.Node` and `.Value`."""

_SCALAR_TYPES = {torch.float32: 6, torch.bfloat16: 15}
"""How a graph writes a dtype. Source: torch, `c10/core/ScalarType.h`."""

_CONTIGUOUS_FORMAT = 0
"""How a graph writes it. Source: torch, `c10/core/MemoryFormat.h`."""


def nodes(block: Any) -> list[Node]:
    """Return the nodes of a graph or block in their order, each before those of its own blocks."""
    return [
        found
        for node in block.nodes()
        for found in (node, *(inner for part in node.blocks() for inner in nodes(part)))
    ]


def constant(value: Value) -> torch.Tensor | None:
    """Return the tensor that a value always is; None where it follows from the inputs."""
    if value.node().kind() != "prim::Constant":
        return None
    tensor = value.toIValue()
    return tensor if isinstance(tensor, torch.Tensor) else None


def is_tensor(value: Value) -> bool:
    """Return whether a value is one tensor, not a list or perhaps None."""
    return bool(value.type().kind() == "TensorType")


def put(graph: Graph, node: Node, index: int, tensor: torch.Tensor) -> None:
    """Give a node another constant as one of its inputs."""
    graph.setInsertPoint(node)
    node.replaceInput(index, graph.insertConstant(tensor))


def renamed(graph: Graph, node: Node, kind: str) -> None:
    """Put another operator of the same inputs in a node's place."""
    made = graph.create(kind, list(node.inputs()), 1)
    made.insertBefore(node)
    made.output().setType(node.output().type())
    node.output().replaceAllUsesWith(made.output())
    node.destroy()


def convert(graph: Graph, node: Node, index: int, dtype: torch.dtype) -> None:
    """Give a node one of its inputs in another floating-point type."""
    value = list(node.inputs())[index]
    known = constant(value)
    if known is not None:
        if known.is_floating_point():
            put(graph, node, index, known.to(dtype))
        return
    settings = (_SCALAR_TYPES[dtype], False, False, None)
    node.replaceInput(index, _applied(graph, node, "aten::to", value, settings))


def make_contiguous(graph: Graph, node: Node, index: int) -> None:
    """Give a node one of its inputs in the order that clients know, copied where it has another."""
    value = list(node.inputs())[index]
    node.replaceInput(
        index, _applied(graph, node, "aten::contiguous", value, (_CONTIGUOUS_FORMAT,))
    )


def each_result(graph: Graph, edit: Callable[[Graph, Node, int], None]) -> None:
    """Edit every tensor that the graph returns, those of a tuple one by one."""
    ends = [graph.return_node()]
    ends += [
        value.node() for value in graph.outputs() if value.node().kind() == "prim::TupleConstruct"
    ]
    for node in ends:
        for index, value in enumerate(list(node.inputs())):
            if is_tensor(value):
                edit(graph, node, index)


def _applied(
    graph: Graph, before: Node, kind: str, value: Value, settings: tuple[object, ...]
) -> Value:
    graph.setInsertPoint(before)
    constants = [graph.insertConstant(setting) for setting in settings]
    made = graph.create(kind, [value, *constants], 1)
    made.insertBefore(before)
    return made.output()
