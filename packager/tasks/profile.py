"""`task=profile`: what a served model does over concurrency, batch and instance count."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from packager import console, load_console, output_file
from packager.errors import FindingsError, SpecError
from packager.load.batches import batch_size, batches, most_samples
from packager.load.closed_loop import LoadSettings, ask_for
from packager.load.generated import generated
from packager.load.processors import Processors
from packager.load.profile import Point, Profile
from packager.proof.inputs import VARIABLE_SIZES
from packager.spec.asking import ReportFormat
from packager.spec.server import ExternalServerSpec
from packager.spec.tensors import TensorSpec
from packager.tasks.served import ServedModel, load_model, served_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packager.load.closed_loop import Request
    from packager.model_metadata import TensorMetadata
    from packager.spec.asking import ProfileTask
    from packager.spec.job import Job
    from packager.tasks.summary import Summary

DATA, PICTURE = "profile.json", "profile.png"

DISTINCT, DISTINCT_BYTES = 8, 2**26
"""Different requests that are sent in turn at each point: one at least, and no more bytes."""

USUAL_BATCHES = (1, 8, 32)
"""Those that the model takes are measured where none are asked for."""


def run(job: Job, task: ProfileTask) -> Summary:
    """Measure every point; print a table, and write JSON and a plot where a folder is given.

    What is returned is of the best point.

    Raises:
        SpecError: instances of a server that is not ours, or a batch that the model does not take.
        UnavailableError: no server, or it went away; the points before that are told as partial.
        FindingsError: no point keeps the latency budget.
    """
    if task.instances and isinstance(job.server, ExternalServerSpec):
        raise SpecError(
            "are given, and only a server of our own is asked to load a model with others",
            where="task.instances",
            remedy="leave them out, or choose server=embedded",
        )
    if task.output is not None:
        output_file.require_writable(task.output / DATA, where="task.output")
    with served_model(job, task.asked) as served:
        profile = _measured(served, task)
    if profile.best is None:
        raise FindingsError(
            f"no point has a p99 of at most {task.p99_ms:g} ms",
            where="task.p99_ms",
            remedy="try smaller batches, fewer requests at once, or more time",
        )
    return served.summary(profile.best.as_json())


def _measured(served: ServedModel, task: ProfileTask) -> Profile:
    """Measure every point; what there is when that ends is told, whole or not."""
    requests = {batch: _requests(served, batch) for batch in _batches(served, task)}
    profile = Profile(
        model=served.name,
        version=served.version,
        protocol=task.asked.protocol.value,
        points=(),
        asked=len(requests) * len(task.concurrency) * max(1, len(task.instances)),
        p99_ms=task.p99_ms,
    )
    try:
        with console.counting("points") as progress:
            for point in _points(served, task, requests):
                profile = replace(profile, points=(*profile.points, point))
                progress(len(profile.points), profile.asked)
    finally:
        if profile.points:
            _tell(profile, task)
    return profile


def _points(
    served: ServedModel, task: ProfileTask, requests: Mapping[int, list[Request]]
) -> Iterator[Point]:
    for instances in task.instances or (None,):
        if instances is not None:
            _reload(served, instances)
        for batch, asked in requests.items():
            for concurrency in task.concurrency:
                yield _point(served, task, (batch, concurrency, instances), asked)


def _point(
    served: ServedModel,
    task: ProfileTask,
    place: tuple[int, int, int | None],
    requests: list[Request],
) -> Point:
    batch, concurrency, instances = place
    settings = LoadSettings(
        protocol=task.asked.protocol,
        concurrency=concurrency,
        rows=batch,
        retries=task.asked.retries,
    )
    target = served.target(timeout_s=task.asked.timeout_s)
    before, processors = served.control.durations(served.name, served.version), Processors()
    with served.refusals_told():
        timings = ask_for(target, settings, requests, seconds=task.seconds)
    busy = processors.busy()
    spent = served.control.durations(served.name, served.version).since(before)
    return Point(
        batch=batch,
        concurrency=concurrency,
        instances=instances,
        timings=timings,
        queue_ms=spent.queue_ms,
        compute_ms=spent.compute_ms,
        processors_busy=busy,
    )


def _batches(served: ServedModel, task: ProfileTask) -> tuple[int, ...]:
    """Return the batches to measure.

    Raises:
        SpecError: the model does not take so many samples.
    """
    first = served.metadata.inputs[0]
    rank = len(_sample(first, served).dims)
    for batch in task.batch:
        batch_size(first, max_batch_size=served.max_batch_size, asked=batch, rank=rank)
    most = most_samples(first, max_batch_size=served.max_batch_size, rank=rank)
    return task.batch or tuple(one for one in USUAL_BATCHES if most is None or one <= most)


def _requests(served: ServedModel, batch: int) -> list[Request]:
    """Return generated requests of so many samples."""
    inputs = served.metadata.inputs
    samples = [_sample(one, served) for one in inputs]
    one = generated(samples, count=batch, variable=VARIABLE_SIZES[0])
    request_bytes = sum(array.nbytes for array in one.values())
    distinct = max(1, min(DISTINCT, DISTINCT_BYTES // request_bytes))
    arrays = generated(samples, count=batch * distinct, variable=VARIABLE_SIZES[0])
    return list(batches(arrays, inputs, size=batch))


def _sample(tensor: TensorMetadata, served: ServedModel) -> TensorSpec:
    """Return what one sample is of a served tensor: it has no batch axis.

    Without Triton's batching the first axis is the batch where the recipe put it there; where no
    recipe is known, if its size varies.
    """
    recipe = served.record.content.get("recipe", {}) if served.record else {}
    given = {one["name"]: tuple(one["dims"]) for one in recipe.get("inputs", ())}
    has_axis = served.max_batch_size > 0 or tensor.dims[:1] == (-1,)
    dims = tensor.dims[1:] if has_axis else tensor.dims
    if served.max_batch_size == 0:
        dims = given.get(tensor.name, dims)
    return TensorSpec(name=tensor.name, data_type=tensor.data_type, dims=dims)


def _reload(served: ServedModel, instances: int) -> None:
    """Load the model with another number of instances, in memory only."""
    config = copy.deepcopy(dict(served.config))
    for group in config["instance_group"]:
        group["count"] = instances
    load_model(served.control, served.server, served.name, config_json=json.dumps(config))
    served.control.wait_for_model(served.name, served.version)


def _tell(profile: Profile, task: ProfileTask) -> None:
    told = profile.as_json()
    text = json.dumps(told, indent=2)
    if task.format is ReportFormat.json:
        console.out.print(text, markup=False)
    else:
        console.out.print(load_console.profile_table(told))
        if profile.best is not None:
            console.out.print(load_console.best_line(told), markup=False)
    if task.output is not None:
        # Imported here: it takes a second, and only a picture needs it.
        from packager.load import plot  # noqa: PLC0415

        for name, content in ((DATA, f"{text}\n".encode()), (PICTURE, plot.png(profile))):
            output_file.write(task.output / name, content, where="task.output")
        console.err.print(f"written: {task.output}/{DATA}, {PICTURE}", markup=False)
