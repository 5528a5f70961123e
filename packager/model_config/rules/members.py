"""What an ensemble asks of the models in its steps: that they are there, and fit.

Source: core, src/ensemble_utils.cc (ValidateEnsembleConfig), src/model_repository_manager/
(ConnectDependencyGraph, CircularDependencyCheck, CheckNode).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.decoupling import check_branches
from packager.model_config.rules.rule import Finding, Rule, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

UNAVAILABLE = Rule(
    id="TRN431",
    wording="ensemble {model} contains models that are not available or ambiguous: {members}",
    remedy="add the models to the repository, or correct model_name; a model whose own config is"
    " refused counts as missing",
)
CYCLE = Rule(
    id="TRN432",
    wording="circular dependency between ensembles: {model} -> ... -> {member} -> {model}",
    remedy="let no ensemble be a step of itself, directly or through others",
)
UNLOADED = Rule(
    id="TRN433",
    wording="ensemble '{model}' depends on '{member}' which has no loaded version. Model"
    " '{member}' loading failed with error: {reason}",
    remedy="correct the model that it depends on",
)
VERSION = Rule(
    id="TRN434",
    wording="ensemble '{model}' depends on '{member}' whose required version {version} is not"
    " loaded.",
    remedy="set model_version: -1 for the latest, or a version that the model's policy serves",
)
BATCH = Rule(
    id="TRN435",
    wording="ensemble {model} allows maximum batch size {ours}, but it contains model {member}"
    " which only allows maximum batch size to be {theirs}",
    remedy="lower the ensemble's max_batch_size, or raise the model's",
)
INPUT = Rule(
    id="TRN436",
    wording="in ensemble {model}, ensemble tensor {tensor} is mapping to non-existing input"
    " {input} in model {member}",
    remedy="correct the key in input_map: it is the model's input, the value the ensemble's tensor",
    ordered=False,
)
UNMAPPED = Rule(
    id="TRN437",
    wording="in ensemble {model}, input {input} in model {member} is not mapped to any ensemble"
    " tensors",
    remedy="map it in input_map, or make it optional in the model",
)
OUTPUT = Rule(
    id="TRN438",
    wording="in ensemble {model}, ensemble tensor {tensor} is mapped from non-existing output"
    " {output} in model {member}",
    remedy="correct the key in output_map: it is the model's output, the value the ensemble's"
    " tensor",
    ordered=False,
)
SAME_TENSOR = Rule(
    id="TRN439",
    wording="in ensemble {model}, multiple outputs in model {member} are mapped to the same"
    " ensemble tensor {tensor}",
    remedy="give the model's outputs names of their own",
    ordered=False,
)
DATA_TYPE = Rule(
    id="TRN440",
    wording="in ensemble {model}, ensemble tensor {tensor}: inconsistent data type: {ours} is"
    " inferred from model {first} while {theirs} is inferred from model {second}",
    remedy="give both ends of the tensor the same data_type",
    ordered=False,
)
SHAPE = Rule(
    id="TRN441",
    wording="in ensemble {model}, ensemble tensor {tensor}: inconsistent shape: {ours} is inferred"
    " from model {first} while {theirs} is inferred from model {second}",
    remedy="give both ends of the tensor dims that fit; -1 fits every size",
    ordered=False,
)
RULES = (
    UNAVAILABLE,
    CYCLE,
    UNLOADED,
    VERSION,
    BATCH,
    INPUT,
    UNMAPPED,
    OUTPUT,
    SAME_TENSOR,
    DATA_TYPE,
    SHAPE,
)

_PLACE = "ensemble_scheduling"
_LATEST = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A model as an ensemble finds it.

    `refusal` is why it does not load, empty where it does; `is_readable` says whether its config
    got past Triton's poll; `is_complete` whether its tensors are known without its backend.
    """

    name: str
    config: Any
    versions: frozenset[int]
    refusal: str = ""
    is_readable: bool = True
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class _Node:
    """A tensor's type and dims, and the model that they were taken from."""

    model: str
    data_type: int
    dims: tuple[int, ...]
    full_dims: tuple[int, ...]


def check(name: str, members: Mapping[str, Member]) -> Iterator[Finding]:
    """Yield what is wrong between the ensemble `name` and the models in its steps.

    `members` are all models of the repository by name, the ensemble among them.
    """
    config = members[name].config
    steps = config.ensemble_scheduling.step
    missing = False
    for index, step in enumerate(steps):
        if step.model_name not in members or not members[step.model_name].is_readable:
            missing = True
            yield UNAVAILABLE.at(
                *(_PLACE, "step", index, "model_name"), model=name, members=step.model_name
            )
    if missing:
        return
    last = _last_before(name, members)
    if last is not None:
        yield CYCLE.at(_PLACE, model=name, member=last)
        return
    broken = list(_check_loaded(name, steps, members))
    yield from broken
    if not broken:
        yield from _check_tensors(name, config, members)
        yield from check_branches(name, config, _decoupled(steps, members))


def _decoupled(steps: Sequence[Any], members: Mapping[str, Member]) -> frozenset[int]:
    """Return the numbers of the steps whose models are decoupled."""
    return frozenset(
        index
        for index, step in enumerate(steps)
        if members[step.model_name].config.model_transaction_policy.decoupled
    )


def _last_before(name: str, members: Mapping[str, Member]) -> str | None:
    """Return the model through which the ensemble depends on itself, if it does."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for step in members[current].config.ensemble_scheduling.step:
            if step.model_name == name:
                return current
            if step.model_name in members and step.model_name not in seen:
                seen.add(step.model_name)
                waiting.append(step.model_name)
    return None


def _check_loaded(
    name: str, steps: Sequence[Any], members: Mapping[str, Member]
) -> Iterator[Finding]:
    for index, step in enumerate(steps):
        member, place = members[step.model_name], (_PLACE, "step", index)
        if member.refusal:
            reason = Unknown(member.refusal)
            yield UNLOADED.at(
                *(*place, "model_name"), model=name, member=member.name, reason=reason
            )
        elif step.model_version not in (_LATEST, *member.versions):
            version = step.model_version
            yield VERSION.at(
                *(*place, "model_version"), model=name, member=member.name, version=version
            )


def _check_tensors(name: str, config: Any, members: Mapping[str, Member]) -> Iterator[Finding]:
    tensors = _Tensors(name, config)
    for index, step in enumerate(config.ensemble_scheduling.step):
        member = members[step.model_name]
        theirs = member.config.max_batch_size
        if theirs != 0 and theirs < config.max_batch_size:
            told = {"ours": config.max_batch_size, "theirs": theirs}
            yield BATCH.at("max_batch_size", model=name, member=member.name, **told)
        if member.is_complete:
            yield from tensors.check_inputs(index, step, member)
            yield from tensors.check_outputs(index, step, member)


class _Tensors:
    """What is known of an ensemble's tensors, step by step."""

    def __init__(self, ensemble: str, config: Any) -> None:
        self._ensemble = ensemble
        self._known: dict[str, _Node] = {}
        for tensor in (*config.input, *config.output):
            dims = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
            node = _node(ensemble, tensor, dims, config.max_batch_size)
            self._known.setdefault(tensor.name, node)

    def check_inputs(self, index: int, step: Any, member: Member) -> Iterator[Finding]:
        place = (_PLACE, "step", index, "input_map")
        told = {"model": self._ensemble, "member": member.name}
        inputs = {tensor.name for tensor in member.config.input}
        for key, tensor in step.input_map.items():
            if key not in inputs:
                yield INPUT.at(*place, key, **told, tensor=tensor, input=key)
        for one in member.config.input:
            if one.name in step.input_map:
                yield from self._same(step.input_map[one.name], one, member, (*place, one.name))
            elif not one.optional:
                yield UNMAPPED.at(*place, **told, input=one.name)

    def check_outputs(self, index: int, step: Any, member: Member) -> Iterator[Finding]:
        place = (_PLACE, "step", index, "output_map")
        told = {"model": self._ensemble, "member": member.name}
        outputs = {one.name for one in member.config.output}
        for key, tensor in step.output_map.items():
            if key not in outputs:
                yield OUTPUT.at(*place, key, **told, tensor=tensor, output=key)
        for key, tensor in step.output_map.items():
            named = [one for one in member.config.output if one.name == key]
            for one in named:
                yield from self._same(tensor, one, member, (*place, key))
            if len(named) > 1:
                yield SAME_TENSOR.at(*place, key, **told, tensor=tensor)

    def _same(
        self, tensor: str, one: Any, member: Member, place: tuple[str | int, ...]
    ) -> Iterator[Finding]:
        """Yield where a model's tensor differs from what is known of the ensemble's tensor."""
        theirs = _node(member.name, one, one.dims, member.config.max_batch_size)
        ours = self._known.setdefault(tensor, theirs)
        told = {
            "model": self._ensemble,
            "tensor": tensor,
            "first": ours.model,
            "second": theirs.model,
        }
        if ours.data_type != theirs.data_type:
            names = one.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number
            types = {"ours": names[ours.data_type].name, "theirs": names[theirs.data_type].name}
            yield DATA_TYPE.at(*place, **told, **types)
        elif not _fit(ours.dims, theirs.dims) and not _fit(ours.full_dims, theirs.full_dims):
            shapes = {"ours": _text(ours.full_dims), "theirs": _text(theirs.full_dims)}
            yield SHAPE.at(*place, **told, **shapes)


def _node(model: str, tensor: Any, dims: Sequence[int], max_batch_size: int) -> _Node:
    batch = (-1,) if max_batch_size > 0 else ()
    return _Node(model, tensor.data_type, tuple(dims), (*batch, *dims))


def _fit(ours: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
    return len(ours) == len(theirs) and all(
        one == other or -1 in (one, other) for one, other in zip(ours, theirs, strict=True)
    )


def _text(dims: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, dims))}]"
