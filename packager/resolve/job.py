"""The whole job: its task, its recipe, its server and its places on disk."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from packager import schema, user_cache
from packager.errors import SpecError
from packager.resolve.architecture import architecture_spec
from packager.resolve.checks import (
    RECIPE_KEYS,
    is_unchosen,
    refuse_empty_paths,
    refuse_missing_values,
    refuse_unknown_keys,
)
from packager.resolve.dataset import dataset_spec
from packager.resolve.paths import absolute
from packager.resolve.server import server_spec
from packager.resolve.serving import serving_spec
from packager.resolve.task import task_spec
from packager.resolve.training import trainer_spec
from packager.server import releases
from packager.spec.job import CacheSpec, Job
from packager.spec.recipe import (
    AnyRepositorySpec,
    ExportSpec,
    Recipe,
    RemoteRepositorySpec,
    RepositorySpec,
)
from packager.spec.tensors import TensorSpec
from packager.sweep import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from packager.spec.dataset import DatasetSpec

MOST_GB = 1_000_000


def to_spec(config: DictConfig, *, name_suffix: str = "") -> Job:
    """Turn a composed configuration into a valid `Job`.

    `name_suffix` is appended to the model's name: what tells a sweep's jobs apart.

    Raises:
        SpecError: an unknown key, a missing value, or a value out of range, with its key.
    """
    # Unlike `resolve`, this names the key of an interpolation that fails.
    OmegaConf.to_container(config, resolve=True)
    OmegaConf.resolve(config)
    refuse_unknown_keys(config)
    has_recipe = _has_recipe(config)
    refuse_missing_values(config, recipe=has_recipe)
    refuse_empty_paths(config)
    dataset = None if is_unchosen(config, "dataset") else _dataset(config)
    if not has_recipe:
        config = OmegaConf.masked_copy(
            config, [key for key in map(str, config) if key not in RECIPE_KEYS]
        )
    server = cast("schema.ServerConfig", OmegaConf.to_object(config.server))
    cache = _cache(cast("schema.CacheConfig", OmegaConf.to_object(config.cache)))
    return Job(
        task=task_spec(cast("schema.TaskConfig", OmegaConf.to_object(config.task))),
        recipe=(
            _recipe(cast("schema.Config", OmegaConf.to_object(config)), name_suffix, dataset)
            if has_recipe
            else None
        ),
        dataset=dataset,
        server=server_spec(server),
        repository=_repository(
            cast("schema.RepositoryConfig", OmegaConf.to_object(config.repository)), cache
        ),
        cache=cache,
        release=releases.as_tagged(server.release),
        allow_breaking=config.allow_breaking,
    )


def _has_recipe(config: DictConfig) -> bool:
    """Say whether a recipe is chosen, whole or not; images are written of a dataset alone."""
    named, built = (
        not OmegaConf.is_missing(config, "name"),
        not is_unchosen(config, "architecture"),
    )
    if OmegaConf.get_type(config.task) is schema.ImagesTaskConfig:
        return named and built
    return named or built or not is_unchosen(config, "dataset")


def _dataset(config: DictConfig) -> DatasetSpec | None:
    return dataset_spec(cast("schema.DatasetConfig", OmegaConf.to_object(config.dataset)))


def _recipe(config: schema.Config, name_suffix: str, dataset: DatasetSpec | None) -> Recipe:
    return Recipe(
        name=names.joined(config.name, name_suffix),
        inputs=_tensors(config.inputs),
        outputs=_tensors(config.outputs),
        dataset=dataset,
        architecture=architecture_spec(config.architecture, config.trusted_packages),
        trainer=trainer_spec(config.trainer),
        serving=serving_spec(config.serving),
        export=ExportSpec(**vars(config.export)),
    )


def _tensors(configs: Sequence[schema.TensorConfig]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name=tensor.name, data_type=tensor.data_type, dims=tuple(tensor.dims))
        for tensor in configs
    )


def _repository(config: schema.RepositoryConfig, cache: CacheSpec) -> AnyRepositorySpec:
    """Return a directory, or a prefix of an object store: then staging is in the user's cache."""
    if "://" in config.path:
        return RemoteRepositorySpec(
            url=config.path,
            staging=absolute(config.staging) or cache.path / "staging",
            signing_key=absolute(config.signing_key),
        )
    root = Path(config.path).expanduser().absolute()
    return RepositorySpec(
        path=root,
        staging=absolute(config.staging) or root.parent / f".{root.name}.staging",
        signing_key=absolute(config.signing_key),
    )


def _cache(config: schema.CacheConfig) -> CacheSpec:
    if not 0 <= config.max_size_gb <= MOST_GB:
        raise SpecError(
            f"is {config.max_size_gb}; expected gigabytes from 0 to a million",
            where="cache.max_size_gb",
            remedy="correct it on the command line",
        )
    return CacheSpec(
        path=absolute(config.path) or user_cache.root(), max_bytes=int(config.max_size_gb * 10**9)
    )


PARTS: Mapping[str, Callable[[Any], object]] = MappingProxyType(
    {
        "task": task_spec,
        "dataset": dataset_spec,
        "trainer": trainer_spec,
        "serving": serving_spec,
        "server": server_spec,
        "cache": _cache,
    }
)
"""What becomes of a configuration's parts, whatever the others are."""


def refused_parts(config: DictConfig) -> Iterator[SpecError]:
    """Yield what is wrong with each part of a configuration that `to_spec` refuses as a whole."""
    for part, spec in PARTS.items():
        # `to_spec` has told of missing and unresolvable values, and of keys too many.
        with contextlib.suppress(OmegaConfBaseException, TypeError):
            try:
                spec(OmegaConf.to_object(config[part]))
            except SpecError as error:
                yield error
