"""A command's sweep as Hydra makes it: its jobs, and what composes them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from packager import schema
from packager.resources import folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hydra.core.config_loader import ConfigLoader


@contextmanager
def sweep(*overrides: str) -> Iterator[tuple[list[list[str]], ConfigLoader, Any]]:
    """Give the jobs' overrides, Hydra's loader, and the configuration of the sweep as a whole."""
    (jobs,) = BasicSweeper.split_arguments(
        OverridesParser.create().parse_overrides(list(overrides)), None
    )
    schema.register()
    with initialize_config_dir(str(folder("conf")), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        loader = hydra.config_loader
        master = loader.load_configuration(
            "config", ["hydra.sweep.dir=swept", *overrides], run_mode=RunMode.MULTIRUN
        )
        yield jobs, loader, master
