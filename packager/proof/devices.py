"""Devices written into an artifact: they break it where Triton places it on another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from packager.architectures.telling import LIBRARIES
from packager.errors import ProofError
from packager.spec.serving import InstanceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLLOW = (
    "take the device from a tensor, as in torch.zeros(n, device=x.device), or register what the"
    " module needs as a buffer"
)
SCRIPT_IT = "a trace writes the device in: save torch.jit.script(module) in its place"

CONVERSIONS = {"aten::cuda": "cuda", "aten::cpu": "cpu"}
"""Operators that name a device by themselves."""

NUMBERS = frozenset({"IntType", "FloatType", "BoolType", "ComplexType", "NumberType"})
"""What `torch.tensor` makes a tensor of rank 0 of: one that goes with tensors on any device."""

FRAME = re.compile(r'File "([^"]+)", line (\d+)|^(/[^\n(]+)\((\d+)\): ', re.MULTILINE)
"""A line of source as the compiler keeps it, or as a trace does."""

ARCHIVE = "code/__torch__"
"""Where an artifact keeps its own, generated source."""


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """A device by its name in an artifact, and the line of source that it comes from."""

    device: str
    place: str

    @property
    def kind(self) -> str:
        """The device without its number."""
        return self.device.partition(":")[0]


def require_portable(artifact: torch.jit.ScriptModule, kinds: Iterable[InstanceKind]) -> None:
    """Check that the artifact runs wherever instances of these kinds are placed.

    A device other than the CPU is refused always: the artifact is proven, and its file must load,
    on hosts that have none. The CPU is refused where an instance may lie on a GPU.

    Raises:
        ProofError: a device is written into it; names the first line of source that does so.
    """
    on_gpu = sorted(kind.value for kind in set(kinds) - {InstanceKind.KIND_CPU})
    for use in device_uses(artifact):
        if use.kind != "cpu":
            raise _refused(use, "it breaks on every other device")
        if on_gpu:
            raise _refused(use, f"it breaks instances of {' and '.join(on_gpu)} on a GPU")


def device_uses(artifact: torch.jit.ScriptModule) -> list[DeviceUse]:
    """Return every device that the artifact names: in the graphs of all its parts' methods.

    With what those call, and with the attributes that they read.
    """
    parts: Any = [artifact, *(part for _, part in artifact.named_modules())]
    found = [
        use
        for part in parts
        for name in part._c._method_names()  # noqa: SLF001  torch has no public way
        for use in _method_uses(part._c, part._c._get_method(name))  # noqa: SLF001
    ]
    return list(dict.fromkeys(found))


def _method_uses(part: Any, method: Any) -> Iterator[DeviceUse]:
    # Held in a variable: nodes do not outlive their graph.
    inlined, own = method.inlined_graph, method.graph
    for graph in (inlined, own):
        for node in graph.findAllNodes("prim::Constant"):
            yield from _value_uses(node, node.output().toIValue())
        for kind, device in CONVERSIONS.items():
            yield from (DeviceUse(device, place_of(node)) for node in graph.findAllNodes(kind))
        for node in _nodes(graph):
            if _makes_on_cpu(node):
                yield DeviceUse("cpu", place_of(node))
    for node in own.findAllNodes("prim::GetAttr"):
        if node.input().debugName() == _self_name(own):
            yield from _value_uses(node, _attribute(part, node))


def _nodes(block: Any) -> Iterator[Any]:
    """Yield the nodes of a graph or block, those of the blocks in them too."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _makes_on_cpu(node: Any) -> bool:
    """Return whether a node makes a tensor where none tells the device, and leaves it there.

    Operators on a tensor (`zeros_like`, `new_zeros`) follow it.
    """
    schema = node.schema() if node.kind().startswith("aten::") else ""
    arguments = [text for text in schema.partition("(")[2].split(", ") if text != "*"]
    places = [place for place, text in enumerate(arguments) if text.startswith("Device? ")]
    if not places or arguments[0].startswith("Tensor "):
        return False
    inputs = [given.type().kind() for given in node.inputs()]
    if node.kind() == "aten::tensor" and inputs[0] in NUMBERS:
        return False
    return inputs[places[0]] == "NoneType" and not _is_moved(node)


def _is_moved(node: Any) -> bool:
    """Return whether all that becomes of a node's tensor is to be sent to a device."""
    users = [use.user for use in node.output().uses()]
    return bool(users) and all(
        user.kind() == "aten::to"
        and {given.type().kind() for given in list(user.inputs())[1:]}
        & {"DeviceObjType", "TensorType"}
        for user in users
    )


def _value_uses(node: Any, value: object) -> Iterator[DeviceUse]:
    """Yield where a value, if it says a device, is used."""
    users = [use.user for use in node.output().uses()]
    if isinstance(value, torch.device):
        yield from (DeviceUse(str(value), place_of(user)) for user in users)
    elif isinstance(value, str):
        makers = (user for user in users if user.kind() in ("aten::device", "prim::device"))
        yield from (DeviceUse(value, place_of(user)) for user in makers)


def _attribute(part: Any, node: Any) -> object:
    if node.output().type().kind() not in ("DeviceObjType", "StringType"):
        return None
    value: object = part.getattr(node.s("name"))
    return value


def _self_name(graph: Any) -> str:
    return str(next(graph.inputs()).debugName())


def place_of(node: Any) -> str:
    """Return `file:line` of the source that a node comes from, the user's own where it is known."""
    frames = [
        (match[1] or match[3], match[2] or match[4])
        for match in FRAME.finditer(str(node.sourceRange()))
    ]
    theirs = [frame for frame in frames if _is_theirs(frame[0])]
    named = theirs or [frame for frame in frames if not frame[0].startswith(ARCHIVE)] or frames
    return ":".join(named[0]) if named else "architecture"


def _is_theirs(path: str) -> bool:
    in_libraries = any(Path(path).is_relative_to(folder) for folder in LIBRARIES)
    return not in_libraries and not path.startswith(ARCHIVE)


def _refused(use: DeviceUse, consequence: str) -> ProofError:
    return ProofError(
        f"device '{use.device}' is written into the artifact: {consequence}",
        where=use.place,
        remedy=f"{FOLLOW}; {SCRIPT_IT}",
    )
