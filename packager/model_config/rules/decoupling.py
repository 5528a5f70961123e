"""Decoupled models in an ensemble: branches that start at different ones must not join.

The ensemble's outputs count as joined: a request's answers leave together.
Source: core, src/ensemble_utils.cc (the second half of ValidateEnsembleConfig).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.rule import Finding, Path

BRANCHES = Rule(
    id="TRN442",
    wording="in ensemble {model}, step of model '{member}' receives inputs originated from"
    " different decoupled models",
    remedy="join only tensors that come from the same decoupled model, or from none; all outputs of"
    " the ensemble too",
)
RULES = (BRANCHES,)


@dataclass(slots=True, eq=False)
class _Node:
    """A tensor of the ensemble, or where its outputs meet.

    `model` is what the message names: whose config told of the tensor first. `step` writes it.
    `origin` is the decoupled model that its answers come from, 0 for none.
    """

    model: str
    step: int | None = None
    sources: list[_Node] = field(default_factory=list)
    readers: list[_Node] = field(default_factory=list)
    visited: bool = False
    origin: int = 0


def check_branches(name: str, config: Any, decoupled: frozenset[int]) -> Iterator[Finding]:
    """Yield the first place where answers of different decoupled models meet.

    `decoupled` are the numbers of the steps whose models are.
    """
    nodes = _graph(name, config)
    queue = [nodes[tensor.name] for tensor in config.input]
    for node in queue:
        node.visited = True
    origins: dict[int | None, int] = {}
    while queue:
        for node in queue.pop(0).readers:
            if node.visited or not all(source.visited for source in node.sources):
                continue
            found = {source.origin for source in node.sources}
            if len(found) > 1:
                yield BRANCHES.at(*_place(node), model=name, member=node.model)
                return
            if node.step not in origins:
                starts = node.step in decoupled
                origins[node.step] = len(origins) + 1 if starts else found.pop()
            node.origin, node.visited = origins[node.step], True
            queue.append(node)


def _graph(name: str, config: Any) -> dict[str, _Node]:
    nodes = {tensor.name: _Node(name) for tensor in (*config.input, *config.output)}
    end = _Node(name)
    for output in config.output:
        _link(nodes[output.name], end)
    for index, step in enumerate(config.ensemble_scheduling.step):
        for tensor in (*step.input_map.values(), *step.output_map.values()):
            nodes.setdefault(tensor, _Node(step.model_name))
        for tensor in step.output_map.values():
            nodes[tensor].step = index
            for source in step.input_map.values():
                _link(nodes[source], nodes[tensor])
    return nodes


def _link(source: _Node, reader: _Node) -> None:
    source.readers.append(reader)
    reader.sources.append(source)


def _place(node: _Node) -> Path:
    return ("output",) if node.step is None else ("ensemble_scheduling", "step", node.step)
