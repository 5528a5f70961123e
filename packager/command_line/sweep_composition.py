"""A sweep's jobs composed from one another: Hydra starts over for each, and takes its time.

Jobs that make the same choices differ in values only, and Hydra too sets those last. So the choices
are composed once, by Hydra, and its own function sets each job's values in a copy.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import TYPE_CHECKING

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser

if TYPE_CHECKING:
    from collections.abc import Callable

    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

KEPT = 64
"""How many compositions of choices are kept."""


def composer(loader: ConfigLoader, master: DictConfig) -> Callable[[list[str]], DictConfig]:
    """Return what gives a job's configuration, as `load_sweep_config` does."""
    parser = OverridesParser.create(config_loader=loader)

    @lru_cache(maxsize=KEPT)
    def chosen(choices: tuple[str, ...]) -> DictConfig:
        return loader.load_sweep_config(master, list(choices))

    def compose(overrides: list[str]) -> DictConfig:
        parsed = parser.parse_overrides(overrides)
        if not all(map(_is_independent, parsed)):
            return loader.load_sweep_config(master, overrides)
        values = [one for one in parsed if "." in one.key_or_group]
        choices = (str(one.input_line) for one in parsed if "." not in one.key_or_group)
        config = copy.deepcopy(chosen(tuple(choices)))
        ConfigLoaderImpl._apply_overrides_to_config(values, config)  # noqa: SLF001  see above
        config.hydra.overrides.task = overrides
        config.hydra.job.override_dirname = get_overrides_dirname(
            parsed, **config.hydra.job.config.override_dirname
        )
        return config

    return compose


def _is_independent(override: Override) -> bool:
    """Say whether its place among the others is the same to the result.

    A key with a dot is a value of a group; one without is a group, or a value at the top.
    """
    if override.is_add() or override.is_force_add() or override.is_delete() or override.package:
        return False
    is_value = "." in override.key_or_group
    return is_value or not isinstance(override.value(), dict | list)
