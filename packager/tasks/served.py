"""The served model that a task asks: on a server of ours that loads it alone, or on another's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tritonclient.utils import np_to_triton_dtype

from packager.client import Client, RequestError
from packager.errors import SpecError, UnavailableError
from packager.export.artifact import ARTIFACT_NAME
from packager.lint import explain
from packager.load.sender import Target
from packager.model_metadata import ModelMetadata, TensorMetadata
from packager.prediction.classifier import described
from packager.repository.destination import destination_of
from packager.repository.record import Record
from packager.repository.record import read as read_record
from packager.server.external import external, host_and_port
from packager.server.flags import COMPLETE_CONFIG
from packager.server.running import Endpoints, Server
from packager.server.start import start
from packager.spec.server import (
    AutoServerSpec,
    ControlMode,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
)
from packager.tasks.selection import MANY, choices, chosen_files
from packager.tasks.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.load.sender import Array
    from packager.spec.asking import Asked
    from packager.spec.job import Job
    from packager.spec.server import ServerSpec

CONTROL_TIMEOUT_S = 120.0
"""For loading a model, and what else is asked about one, unless the server may take longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedModel:
    """A model that is ready on a running server.

    `client` is for requests to the model, each within the task's time; `control` is for what else
    is asked of the server. `version` is the one that answers. `config` is the configuration in
    effect, as JSON values. `record` is what the repository's manifest says of that version; None
    where it has none.
    """

    server: Server
    client: Client
    control: Client
    metadata: ModelMetadata
    version: int
    config: Mapping[str, Any]
    record: Record | None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.metadata.name

    @property
    def max_batch_size(self) -> int:
        """The most samples of one request; 0 where Triton adds no batch dimension."""
        return int(self.config.get("max_batch_size", 0))

    def target(self, *, timeout_s: float) -> Target:
        """Return what many requests at once are sent to."""
        return Target(
            endpoints=self.server.endpoints,
            metadata=self.metadata,
            version=self.version,
            timeout_s=timeout_s,
        )

    def require_input(self, sample: Array) -> TensorMetadata:
        """Return the one input, which takes such a sample.

        Raises:
            SpecError: it takes another shape or data type, or there are several inputs.
        """
        first, *others = self.metadata.inputs
        dims = first.dims[1:] if len(first.dims) > sample.ndim else first.dims
        same = len(dims) == sample.ndim and all(
            size in (-1, given) for size, given in zip(dims, sample.shape, strict=True)
        )
        kind = np_to_triton_dtype(sample.dtype)
        if others or not same or first.data_type.value != kind:
            raise SpecError(
                f"takes {described(self.metadata.inputs)}, and the images are {kind}"
                f" {list(sample.shape)}",
                where=self.name,
                remedy="give the recipe that it was built from",
            )
        return first

    def summary(self, figures: Mapping[str, object], *, subset: bool = False) -> Summary:
        """Return what a task found of the model; of its figures those that are numbers."""
        record = self.record
        return Summary(
            name=self.name,
            version=self.version,
            metrics={key: one for key, one in figures.items() if isinstance(one, int | float)},
            subset=subset,
            identity=record.identity if record else "",
            artifact_sha256=record.files.get(ARTIFACT_NAME, "") if record else "",
        )

    @contextmanager
    def refusals_told(self) -> Iterator[None]:
        """Tell a request that Triton refuses as the user should read it.

        Raises:
            SpecError: one was refused, or the model failed on it.
        """
        try:
            yield
        except RequestError as error:
            raise SpecError(
                f"Triton refuses the request: {why(error.problem)}",
                where=self.name,
                remedy=f"it takes {described(self.metadata.inputs)}",
            ) from error

    def scores_output(self, *, classes: int) -> TensorMetadata:
        """Return the output with one score a class: the one with labels, or the only such one.

        Raises:
            SpecError: there is none.
        """
        labelled = {one["name"] for one in self.config["output"] if one.get("label_filename")}
        scores = [one for one in self.metadata.outputs if one.dims[-1:] == (classes,)]
        chosen = [one for one in scores if one.name in labelled] or scores
        if not chosen:
            gives = ", ".join(f"{one.name} {list(one.dims)}" for one in self.metadata.outputs)
            raise SpecError(
                f"gives {gives}, and there are {classes} classes",
                where=self.name,
                remedy="give the recipe that it was built from",
            )
        return chosen[0]


@contextmanager
def served_model(job: Job, asked: Asked) -> Iterator[ServedModel]:
    """Give the model that a task asks, ready; a server of our own loads it alone.

    Raises:
        SpecError: no such model or version; lists those that there are.
        UnavailableError: no repository, no server, or the model does not load; says why.
    """
    with (
        _running(job.server, job, asked) as server,
        Client(server.endpoints, timeout_s=_control_timeout_s(job.server)) as control,
        Client(server.endpoints, timeout_s=asked.timeout_s) as client,
    ):
        if isinstance(job.server, ExternalServerSpec):
            there = tuple(entry["name"] for entry in control.repository_index())
            name = _chosen(job, asked, there)
        else:
            name = _chosen(job, asked, chosen_files(job).models())
            load_model(control, server, name)
        metadata = _ready(control, server, name)
        published = destination_of(job.repository).files().versions(name)
        version = _version(metadata, asked.version, published)
        yield ServedModel(
            server=server,
            client=client,
            control=control,
            metadata=metadata,
            version=version,
            config=control.model_config(name, version),
            record=read_record(destination_of(job.repository).files(), name, version),
        )


def why(reason: str) -> str:
    """Return Triton's own reason in one line, and after it what to do, where a rule knows it."""
    remedy, told = explain.remedy(reason), " ".join(reason.split()).rstrip(".")
    return f"{told} ({remedy})" if remedy else told


@contextmanager
def _running(spec: ServerSpec, job: Job, asked: Asked) -> Iterator[Server]:
    match spec:
        case NoServerSpec():
            raise SpecError(
                "is none, and the model is asked through a server",
                where="server",
                remedy="choose server=auto, or server=external with server.url=HOST:PORT",
            )
        case ExternalServerSpec():
            with ExitStack() as running:
                try:
                    server = running.enter_context(external(spec))
                except UnavailableError as error:
                    raise _not_ready(spec) or error from error
                yield server
        case _:
            # Before a server is started for nothing.
            repository = job.require_local_repository().path
            files = chosen_files(job)
            name = _chosen(job, asked, files.models())
            versions = files.versions(name)
            _require_version(name, asked.version, versions)
            is_ours = any(read_record(files, name, version) for version in versions)
            flags = COMPLETE_CONFIG if is_ours else ()
            with start(spec, repository, control=ControlMode.explicit, more_flags=flags) as server:
                yield server


def _control_timeout_s(spec: ServerSpec) -> float:
    """Return how long a load may take: at least as long as starting the server."""
    match spec:
        case AutoServerSpec():
            starting = max(spec.embedded.ready_timeout_s, spec.docker.ready_timeout_s)
        case EmbeddedServerSpec() | DockerServerSpec() | ExternalServerSpec():
            starting = spec.ready_timeout_s
        case NoServerSpec():
            starting = 0.0
    return max(CONTROL_TIMEOUT_S, starting)


def _not_ready(spec: ExternalServerSpec) -> UnavailableError | None:
    """Return why a server that answers is not ready, in its words; None where it does not."""
    address = host_and_port(spec.url, where="server.url")
    try:
        with Client(Endpoints(http=address)) as client:
            states = client.repository_index()
    except (RequestError, UnavailableError):
        return None
    failed = [
        f"{one['name']}: {why(one.get('reason') or 'not loaded')}"
        for one in states
        if one.get("state") != "READY"
    ]
    return UnavailableError(
        f"Triton answers at {address} and is not ready: {'; '.join(failed[:MANY])}",
        where="server.url",
        remedy="repair or unload these models, or start it with --strict-readiness=false",
    )


def _chosen(job: Job, asked: Asked, there: Sequence[str]) -> str:
    """Return the model that is asked for, else the recipe's, else the only one.

    Raises:
        SpecError: it is not there, or there are several.
    """
    recipe = job.recipe.name if job.recipe else None
    name, names = asked.model or recipe, sorted(set(there))
    if name is None and len(names) == 1:
        return names[0]
    if name is None or name not in names:
        raise SpecError(
            "is not given" if name is None else f"there is no model '{name}'",
            where="task.model" if asked.model or not recipe else "model",
            remedy=choices(names),
        )
    return name


def _require_version(name: str, asked: int | None, published: Sequence[int]) -> None:
    if asked is not None and asked not in published:
        raise SpecError(
            f"there is no version {asked} of {name}",
            where="task.version",
            remedy=f"choose of {', '.join(map(str, sorted(published)))}",
        )


def load_model(
    client: Client, server: Server, name: str, *, config_json: str | None = None
) -> None:
    """Load a model, or load it anew with another configuration.

    Raises:
        UnavailableError: it does not load; says why.
    """
    try:
        client.load(name, config_json=config_json)
    except RequestError as error:
        reason = server.failure_reason(name) or error.problem
        raise UnavailableError(
            f"Triton does not load it: {why(reason)}",
            where=name,
            remedy="packager-lint names what is wrong in its files",
        ) from error


def _ready(client: Client, server: Server, name: str) -> ModelMetadata:
    try:
        return client.model_metadata(name)
    except RequestError as error:
        reasons = [
            entry.get("reason", "") for entry in client.repository_index() if entry["name"] == name
        ]
        told = server.failure_reason(name) or next(filter(None, reasons), error.problem)
        raise UnavailableError(
            f"the server has not got it ready: {why(told)}",
            where=name,
            remedy="load it, or look into the server's log",
        ) from error


def _version(metadata: ModelMetadata, asked: int | None, published: Sequence[int]) -> int:
    if asked is None:
        return max(metadata.versions)
    if asked not in metadata.versions:
        promote = f"task=versions task.action=promote task.model={metadata.name}"
        raise SpecError(
            f"version {asked} of {metadata.name} is not served",
            where="task.version",
            remedy=f"choose of {', '.join(map(str, sorted(metadata.versions)))}"
            + (f", or promote it: {promote} task.version={asked}" if asked in published else ""),
        )
    return asked
