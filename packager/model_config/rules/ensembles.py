"""An ensemble by itself: its steps, and whether its tensors connect.

What it asks of the models in its steps is in `members.py`.
Source: core, src/model_config_utils.cc (ValidateEnsembleSchedulingConfig, BuildEnsembleGraph).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.backend_fields import ENSEMBLE
from packager.model_config.rules.rule import Rule, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.rule import Finding

NOT_ENSEMBLE = Rule(
    id="TRN401",
    wording="ensemble scheduling cannot be set for model '{model}' whose platform is not ensemble",
    remedy='set platform: "ensemble", or remove ensemble_scheduling',
)
INSTANCES = Rule(
    id="TRN402",
    wording="instance group should not be specified for ensemble '{model}'",
    remedy="remove instance_group: the models in its steps have theirs",
)
OPTIMIZATION = Rule(
    id="TRN403",
    wording="optimization should not be specified for ensemble '{model}'",
    remedy="remove optimization: the models in its steps have theirs",
)
WARMUP = Rule(
    id="TRN404",
    wording="model_warmup can not be specified for ensemble '{model}'",
    remedy="remove model_warmup: the models in its steps have theirs",
)
NO_STEP = Rule(
    id="TRN405",
    wording="must specify 'step' for ensemble '{model}'",
    remedy="give at least one step",
)
STEP_MODEL = Rule(
    id="TRN406",
    wording="must specify 'model_name' in step {step} of ensemble '{model}'",
    remedy="name a model of the repository",
)
STEP_INPUTS = Rule(
    id="TRN407",
    wording="must specify 'input_map' in step {step} of ensemble '{model}'",
    remedy="map each input of the step's model to a tensor of the ensemble",
)
STEP_OUTPUTS = Rule(
    id="TRN408",
    wording="must specify 'output_map' in step {step} of ensemble '{model}'",
    remedy="map an output of the step's model to a tensor of the ensemble",
)
WRITTEN_TWICE = Rule(
    id="TRN409",
    wording="ensemble tensor '{tensor}' can appear in an output map only once for ensemble"
    " '{model}' step {step}",
    remedy="give each output a tensor of its own",
    ordered=False,
)
INPUT_UNUSED = Rule(
    id="TRN410",
    wording="ensemble input '{tensor}' for ensemble {model}' is not used",
    remedy="map it to a step's input, or remove it",
)
OUTPUT_UNUSED = Rule(
    id="TRN411",
    wording="ensemble output '{tensor}' for ensemble {model}' is not used",
    remedy="map a step's output to it, or remove it",
)
NOT_WRITTEN = Rule(
    id="TRN412",
    wording="output '{tensor}' for ensemble '{model}' is not written{because}",
    remedy="connect every tensor that it needs to an input of the ensemble; steps must not wait"
    " for each other",
)
TENSOR_UNUSED = Rule(
    id="TRN413",
    wording="ensemble tensor '{tensor}' is unused in ensemble '{model}'",
    remedy="map it to a step's input or make it an output, or leave it out of output_map",
    ordered=False,
)
NO_SCHEDULING = Rule(
    id="TRN414",
    wording="ensemble scheduling must be set for ensemble {model} whose platform is ensemble",
    remedy="add ensemble_scheduling with its steps",
)
RULES = (
    NOT_ENSEMBLE,
    INSTANCES,
    OPTIMIZATION,
    WARMUP,
    NO_STEP,
    STEP_MODEL,
    STEP_INPUTS,
    STEP_OUTPUTS,
    WRITTEN_TWICE,
    INPUT_UNUSED,
    OUTPUT_UNUSED,
    NOT_WRITTEN,
    TENSOR_UNUSED,
    NO_SCHEDULING,
)

_PLACE = "ensemble_scheduling"


@dataclass(slots=True)
class _Tensor:
    """A tensor of the ensemble, and the tensors of the steps that read or write it."""

    place: tuple[str | int, ...]
    written: bool = False
    ready: bool = False
    sources: list[str] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)


def check(config: Any, identity: Identity) -> Iterator[Finding]:
    """Yield what is wrong with an ensemble's own configuration, in Triton's order."""
    model = identity.model
    if not config.HasField(_PLACE):
        if identity.platform == ENSEMBLE and not identity.backend:
            yield NO_SCHEDULING.at("platform", model=model)
        return
    if identity.platform != ENSEMBLE:
        yield NOT_ENSEMBLE.at(_PLACE, model=model)
    if config.instance_group:
        yield INSTANCES.at("instance_group", 0, model=model)
    if config.HasField("optimization"):
        yield OPTIMIZATION.at("optimization", model=model)
    if config.model_warmup:
        yield WARMUP.at("model_warmup", 0, model=model)
    if not config.ensemble_scheduling.step:
        yield NO_STEP.at(_PLACE, model=model)
        return
    broken = False
    for finding in _check_steps(config, model):
        broken = True
        yield finding
    if not broken:
        yield from _check_flow(config, model)


def _check_steps(config: Any, model: str) -> Iterator[Finding]:
    written: set[str] = set()
    for index, step in enumerate(config.ensemble_scheduling.step):
        place = (_PLACE, "step", index)
        if not step.model_name:
            yield STEP_MODEL.at(*place, step=index, model=model)
        if not step.input_map:
            yield STEP_INPUTS.at(*place, step=index, model=model)
        if not step.output_map:
            yield STEP_OUTPUTS.at(*place, step=index, model=model)
        for output, tensor in step.output_map.items():
            if tensor in written:
                yield WRITTEN_TWICE.at(
                    *(*place, "output_map", output), tensor=tensor, model=model, step=index
                )
            written.add(tensor)


def _graph(config: Any) -> dict[str, _Tensor]:
    tensors: dict[str, _Tensor] = {}
    for index, step in enumerate(config.ensemble_scheduling.step):
        place = (_PLACE, "step", index)
        for key, name in step.output_map.items():
            tensors.setdefault(name, _Tensor((*place, "output_map", key))).written = True
        for key, name in step.input_map.items():
            tensor = tensors.setdefault(name, _Tensor((*place, "input_map", key)))
            for output in step.output_map.values():
                tensors[output].sources.append(name)
                tensor.readers.append(output)
    return tensors


def _check_flow(config: Any, model: str) -> Iterator[Finding]:
    tensors = _graph(config)
    for index, tensor in enumerate(config.input):
        if tensor.name not in tensors:
            yield INPUT_UNUSED.at("input", index, "name", tensor=tensor.name, model=model)
    _mark_ready(tensors, [one.name for one in config.input if one.name in tensors])
    outputs = set()
    for index, output in enumerate(config.output):
        place = ("output", index, "name")
        if output.name not in tensors:
            yield OUTPUT_UNUSED.at(*place, tensor=output.name, model=model)
        elif not tensors[output.name].ready:
            because = Unknown(_because(tensors, output.name))
            yield NOT_WRITTEN.at(*place, tensor=output.name, model=model, because=because)
        outputs.add(output.name)
    for name, one in tensors.items():
        if name not in outputs and not (one.ready and one.readers):
            yield TENSOR_UNUSED.at(*one.place, tensor=name, model=model)


def _mark_ready(tensors: dict[str, _Tensor], inputs: list[str]) -> None:
    queue = list(dict.fromkeys(inputs))
    for name in queue:
        tensors[name].ready = True
    while queue:
        for reader in tensors[queue.pop(0)].readers:
            one = tensors[reader]
            if not one.ready and all(tensors[source].ready for source in one.sources):
                one.ready = True
                queue.append(reader)


def _because(tensors: dict[str, _Tensor], name: str) -> str:
    """Return the end of the message: a tensor that keeps this one from being written."""
    last, seen = name, set[str]()
    while True:
        waiting = [one for one in tensors[last].sources if not tensors[one].ready]
        unseen = [one for one in waiting if one not in seen]
        if not unseen:
            break
        last = unseen[0]
        seen.add(last)
    if last == name:
        return ""
    return f": at least one of its depending tensors, '{last}', is not connected"
