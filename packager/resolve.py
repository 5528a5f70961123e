"""From the composed configuration to specs: the last place that sees a DictConfig."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from packager import schema, user_cache
from packager.errors import SpecError
from packager.spec.dataset import DatasetSpec, FileSpec, SourceKind, SourceSpec
from packager.spec.job import BuildTask, Job, PlanTask, ServeTask, TaskSpec
from packager.spec.recipe import Recipe, RepositorySpec
from packager.spec.server import (
    AutoServerSpec,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
    Ports,
    ServerSpec,
)
from packager.spec.serving import DynamicBatchingSpec, InstanceGroupSpec, ServingSpec
from packager.spec.tensors import TensorSpec
from packager.spec.training import ArchitectureSpec, LayerSpec, TrainerSpec

RECIPE_KEYS = ("name", "dataset", "architecture")


def to_spec(config: DictConfig, *, name_suffix: str = "") -> Job:
    """Turn a composed configuration into a valid `Job`.

    `name_suffix` is appended to the model's name: what tells a sweep's jobs apart.

    Raises:
        SpecError: an unknown key, a missing value, or a value out of range, with its key.
    """
    # Unlike `resolve`, this names the key of an interpolation that fails.
    OmegaConf.to_container(config, resolve=True)
    OmegaConf.resolve(config)
    _refuse_unknown_keys(config)
    has_recipe = not (
        OmegaConf.is_missing(config, "name")
        and _is_unchosen(config, "dataset")
        and _is_unchosen(config, "architecture")
    )
    _refuse_missing_values(config, recipe=has_recipe)
    _refuse_empty_paths(config)
    if not has_recipe:
        config = OmegaConf.masked_copy(
            config, [key for key in map(str, config) if key not in RECIPE_KEYS]
        )
    server = cast("schema.ServerConfig", OmegaConf.to_object(config.server))
    return Job(
        task=_task(cast("schema.TaskConfig", OmegaConf.to_object(config.task))),
        recipe=(
            _recipe(cast("schema.Config", OmegaConf.to_object(config)), name_suffix)
            if has_recipe
            else None
        ),
        server=_server(server),
        repository=_repository(config.repository.path, config.repository.staging),
        cache=_cache(config.cache.path),
    )


def _refuse_unknown_keys(config: DictConfig) -> None:
    unknown = sorted(_unknown_keys(config, prefix=""))
    if unknown:
        raise SpecError(
            "no such key" if len(unknown) == 1 else f"no such keys: {', '.join(unknown)}",
            where=unknown[0],
            remedy="leave the '+' out and correct the key; `--cfg job` prints all there are",
        )


def _unknown_keys(node: Any, *, prefix: str) -> Iterator[str]:
    """Yield keys that `+key=value` added beside the schema's."""
    if OmegaConf.is_list(node):
        for index, item in enumerate(node):
            yield from _unknown_keys(item, prefix=f"{prefix[:-1]}[{index}].")
    if not OmegaConf.is_dict(node):
        return
    kind = OmegaConf.get_type(node)
    known = (
        {field.name for field in dataclasses.fields(kind)}
        if kind is not None and dataclasses.is_dataclass(kind)
        else None
    )
    for key in map(str, node):
        if known is not None and key not in known:
            yield f"{prefix}{key}"
        elif not OmegaConf.is_missing(node, key):
            yield from _unknown_keys(node[key], prefix=f"{prefix}{key}.")


def _refuse_missing_values(config: DictConfig, *, recipe: bool) -> None:
    missing = sorted({_choice_or_key(config, key) for key in OmegaConf.missing_keys(config)})
    if not recipe:
        missing = [key for key in missing if key not in RECIPE_KEYS]
    if not missing:
        return
    first = missing[0]
    remedies = {
        "dataset": "choose one, for example dataset=fashion_mnist",
        "architecture": "choose one, for example architecture=fashion_cnn",
        "server.url": "give the server's HTTP address, for example server.url=127.0.0.1:8000",
    }
    raise SpecError(
        "a value is missing" if len(missing) == 1 else f"values are missing: {', '.join(missing)}",
        where=first,
        remedy=remedies.get(first, f"set it in the recipe or on the command line: {first}=..."),
    )


def _choice_or_key(config: DictConfig, key: str) -> str:
    """Return the group of a missing value where the group itself was not chosen."""
    group = key.partition(".")[0]
    return group if _is_unchosen(config, group) else key


def _is_unchosen(config: DictConfig, group: str) -> bool:
    mark = {"dataset": "name", "architecture": "layers"}.get(group)
    return mark is not None and OmegaConf.is_missing(config[group], mark)


def _recipe(config: schema.Config, name_suffix: str) -> Recipe:
    return Recipe(
        name=config.name + name_suffix,
        inputs=_tensors(config.inputs),
        outputs=_tensors(config.outputs),
        dataset=_dataset(config.dataset),
        architecture=ArchitectureSpec(
            layers=tuple(
                _layer(layer, f"architecture.layers[{index}]")
                for index, layer in enumerate(config.architecture.layers)
            )
        ),
        trainer=TrainerSpec(**vars(config.trainer)),
        serving=_serving(config.serving),
        export_method=config.export.method,
    )


def _tensors(configs: Sequence[schema.TensorConfig]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name=tensor.name, data_type=tensor.data_type, dims=tuple(tensor.dims))
        for tensor in configs
    )


def _layer(layer: object, where: str) -> LayerSpec:
    if isinstance(layer, str):
        return LayerSpec(name=layer, arguments={})
    if isinstance(layer, Mapping) and len(layer) == 1:
        ((name, arguments),) = layer.items()
        if isinstance(name, str) and isinstance(arguments, Mapping | None):
            return LayerSpec(name=name, arguments=dict(arguments or {}))
    raise SpecError(
        f"is {layer!r}; expected a layer's name, or its name with its arguments",
        where=where,
        remedy="write ReLU, or Conv2d: {out_channels: 25, kernel_size: 3}",
    )


def _dataset(config: schema.DatasetConfig) -> DatasetSpec:
    sources = tuple(_source(source, config) for source in config.sources)
    if config.path is not None:
        folder = SourceSpec(
            kind=SourceKind.folder,
            origin=config.path,
            files=_files(config.files),
            format=config.format,
        )
        sources = (folder,)
    resize = tuple(config.resize) if config.resize is not None else None
    if resize is not None and len(resize) != 2:
        raise SpecError(
            f"is {list(resize)}; expected [height, width] in pixels", where="dataset.resize"
        )
    return DatasetSpec(
        name=config.name,
        classes=tuple(config.classes),
        sources=sources,
        resize=resize,
        max_train_samples=config.max_train_samples,
        max_test_samples=config.max_test_samples,
        allow_subset=config.allow_subset,
    )


def _source(source: schema.SourceConfig, dataset: schema.DatasetConfig) -> SourceSpec:
    return SourceSpec(
        kind=source.kind,
        origin=source.origin,
        folder=source.folder,
        subset=source.subset,
        format=source.format or dataset.format,
        files=_files(source.files or dataset.files),
    )


def _files(files: Mapping[str, schema.FileConfig]) -> dict[str, FileSpec]:
    return {
        role: FileSpec(name=file.name, sha256=file.sha256) for role, file in sorted(files.items())
    }


def _serving(config: schema.ServingConfig) -> ServingSpec:
    batching = config.dynamic_batching
    group = config.instance_group
    return ServingSpec(
        max_batch_size=config.max_batch_size,
        batch_dim=config.batch_dim,
        dynamic_batching=None
        if batching is None
        else DynamicBatchingSpec(
            max_queue_delay_us=batching.max_queue_delay_us,
            preferred_batch_size=tuple(batching.preferred_batch_size),
        ),
        instance_group=InstanceGroupSpec(
            kind=group.kind, count=group.count, gpus=tuple(group.gpus)
        ),
    )


def _server(config: schema.ServerConfig) -> ServerSpec:
    match config:
        case schema.ExternalServerConfig():
            return ExternalServerSpec(
                url=config.url, grpc_url=config.grpc_url, ready_timeout_s=config.ready_timeout_s
            )
        case schema.DockerServerConfig():
            docker = DockerServerSpec(image=config.image, **_listening(config))
            if config.kind is schema.ServerKind.docker:
                return docker
            return AutoServerSpec(embedded=EmbeddedServerSpec(**_listening(config)), docker=docker)
        case schema.EmbeddedServerConfig():
            return EmbeddedServerSpec(**_listening(config))
        case _:
            return NoServerSpec()


def _listening(config: schema.EmbeddedServerConfig) -> dict[str, Any]:
    ports = Ports(http=config.http_port, grpc=config.grpc_port, metrics=config.metrics_port)
    return {
        "address": config.address,
        "ports": ports,
        "ready_timeout_s": config.ready_timeout_s,
    }


def _task(config: schema.TaskConfig) -> TaskSpec:
    match config:
        case schema.PlanTaskConfig():
            return PlanTask(format=config.format)
        case schema.ServeTaskConfig():
            return ServeTask(control=config.control)
        case _:
            return BuildTask()


def _refuse_empty_paths(config: DictConfig) -> None:
    """Refuse '' for a path: it would mean the working directory."""
    for key in ("repository.path", "repository.staging", "cache.path", "dataset.path"):
        if OmegaConf.select(config, key, throw_on_missing=False) == "":
            raise SpecError("is empty", where=key, remedy=f"give a path: {key}=DIR")


def _repository(path: str, staging: str | None) -> RepositorySpec:
    root = Path(path).expanduser().absolute()
    beside = root.parent / f".{root.name}.staging"
    return RepositorySpec(
        path=root, staging=Path(staging).expanduser().absolute() if staging else beside
    )


def _cache(path: str | None) -> Path:
    if path is not None:
        return Path(path).expanduser().absolute()
    return user_cache.root()
