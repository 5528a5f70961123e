"""`task=profile`: what a served model does over concurrency, batch and instance count."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

from packager import console, load_console, output_file
from packager.errors import FindingsError, SpecError
from packager.load.batches import batch_size, batches
from packager.load.closed_loop import Way, ask_for
from packager.load.processors import Processors
from packager.load.profile import Point, Profile
from packager.proof.samples import generated
from packager.spec.asking import ReportFormat
from packager.spec.server import ExternalServerSpec
from packager.spec.tensors import TensorSpec
from packager.tasks.served import ServedModel, served_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.load.closed_loop import Request
    from packager.model_metadata import TensorMetadata
    from packager.spec.asking import ProfileTask
    from packager.spec.job import Job

DATA, PICTURE = "profile.json", "profile.png"

DISTINCT = 8
"""Different requests that are sent in turn at each point."""


def run(job: Job, task: ProfileTask) -> None:
    """Measure every point; print a table, and write JSON and a plot where a folder is given.

    Raises:
        SpecError: instances of a server that is not ours, or a batch that the model does not take.
        UnavailableError: no server, or it went away; nothing is written then.
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
        points = tuple(_points(served, task))
        profile = Profile(
            model=served.name,
            version=served.version,
            protocol=task.asked.protocol.value,
            points=points,
            p99_ms=task.p99_ms,
        )
    _tell(profile, task)


def _points(served: ServedModel, task: ProfileTask) -> Iterator[Point]:
    requests = {batch: _requests(served, batch) for batch in task.batch}
    total = len(task.batch) * len(task.concurrency) * max(1, len(task.instances))
    done = 0
    with console.counting("points") as progress:
        for instances in task.instances or (None,):
            if instances is not None:
                _reload(served, instances)
            for batch, asked in requests.items():
                for concurrency in task.concurrency:
                    yield _point(served, task, (batch, concurrency, instances), asked)
                    done += 1
                    progress(done, total)


def _point(
    served: ServedModel,
    task: ProfileTask,
    place: tuple[int, int, int | None],
    requests: list[Request],
) -> Point:
    batch, concurrency, instances = place
    way = Way(protocol=task.asked.protocol, concurrency=concurrency, rows=batch)
    before, processors = served.client.durations(served.name, served.version), Processors()
    timings = ask_for(
        served.target(timeout_s=task.asked.timeout_s), way, requests, seconds=task.seconds
    )
    busy = processors.busy()
    spent = served.client.durations(served.name, served.version).since(before)
    return Point(
        batch=batch,
        concurrency=concurrency,
        instances=instances,
        timings=timings,
        queue_ms=spent.queue_ms,
        compute_ms=spent.compute_ms,
        processors_busy=busy,
    )


def _requests(served: ServedModel, batch: int) -> list[Request]:
    """Return generated requests of so many samples.

    Raises:
        SpecError: the model does not take so many.
    """
    inputs = served.metadata.inputs
    samples = {one.name: _sample(one, served) for one in inputs}
    rank = len(samples[inputs[0].name].dims)
    batch_size(inputs[0], max_batch_size=served.max_batch_size, asked=batch, rank=rank)
    rows = generated(tuple(samples.values()), count=batch * DISTINCT)
    arrays = {name: row.numpy() for name, row in zip(samples, rows, strict=True)}
    return [one for one in batches(arrays, inputs, size=batch) if one.samples == batch]


def _sample(tensor: TensorMetadata, served: ServedModel) -> TensorSpec:
    """Return what one sample is of a served tensor: it has no batch axis.

    Without Triton's batching the first axis is the batch where the recipe put it there.
    """
    recipe = served.record.content.get("recipe", {}) if served.record else {}
    given = {one["name"]: tuple(one["dims"]) for one in recipe.get("inputs", ())}
    dims = tensor.dims[1:] if served.max_batch_size > 0 else given.get(tensor.name, tensor.dims)
    return TensorSpec(name=tensor.name, data_type=tensor.data_type, dims=dims)


def _reload(served: ServedModel, instances: int) -> None:
    """Load the model with another number of instances, in memory only."""
    config = copy.deepcopy(dict(served.config))
    for group in config["instance_group"]:
        group["count"] = instances
    served.client.load(served.name, config_json=json.dumps(config))
    served.client.wait_for_model(served.name, served.version)


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
    if profile.best is None:
        raise FindingsError(
            f"no point has a p99 of at most {task.p99_ms:g} ms",
            where="task.p99_ms",
            remedy="try smaller batches, fewer requests at once, or more time",
        )
