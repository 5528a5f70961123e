"""What the schema lets through and no job may have: unknown keys, missing values, empty paths."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from packager.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPE_KEYS = ("name", "dataset", "architecture")
ARCHITECTURES = ("layers", "torchvision", "module_class", "torchscript")
"""The ways of saying which module; a chosen architecture sets one of them."""

PATHS = (
    "repository.path",
    "repository.staging",
    "repository.signing_key",
    "cache.path",
    "task.to",
    "task.public_key",
    "task.output",
    "task.sweep",
    "sweep.resume",
    "task.log",
    "dataset.path",
    "architecture.weights.path",
    "trainer.tensorboard",
)


def refuse_unknown_keys(config: DictConfig) -> None:
    """Refuse keys that are not in the schema."""
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


def refuse_missing_values(config: DictConfig, *, recipe: bool) -> None:
    """Refuse values left out; without a recipe, its own may be."""
    missing = sorted({_choice_or_key(config, key) for key in OmegaConf.missing_keys(config)})
    if is_unchosen(config, "architecture"):
        missing = sorted({*missing, "architecture"})
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
    return group if is_unchosen(config, group) else key


def is_unchosen(config: DictConfig, group: str) -> bool:
    """Return whether no file of the group was chosen, nor its values given one by one."""
    if group == "dataset":
        return OmegaConf.is_missing(config.dataset, "name")
    if group == "architecture":
        return all(
            not OmegaConf.is_missing(config.architecture, key) and config.architecture[key] is None
            for key in ARCHITECTURES
        )
    return False


def refuse_empty_paths(config: DictConfig) -> None:
    """Refuse '' for a path: it would mean the working directory."""
    for key in PATHS:
        if OmegaConf.select(config, key, throw_on_missing=False) == "":
            raise SpecError("is empty", where=key, remedy=f"give a path: {key}=DIR")
