"""Hydra's own sweeper, with every job checked before the first one starts; and Optuna's.

Hydra looks for plugins in the namespace package `hydra_plugins` only, so this folder is installed
beside `packager`. Every Hydra program imports what it finds there: little is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig

ON_THIS_MACHINE = {"BasicLauncher", "JoblibLauncher"}
"""Launchers whose jobs run where the sweep was started."""


class CheckedSweeper(BasicSweeper):
    """Every combination of the values given, all checked, then all launched."""

    def sweep(self, arguments: list[str]) -> Any:
        """Check all jobs before anything is written, then run them as Hydra does."""
        from packager.command_line import sweep_composition, sweep_preflight  # noqa: PLC0415  see above
        from packager.sweep import launchers  # noqa: PLC0415

        assert self.hydra_context is not None  # noqa: S101  `setup` gives both
        assert self.config is not None  # noqa: S101
        loader, config = self.hydra_context.config_loader, self.config
        parser = OverridesParser.create(config_loader=loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        batches = self.split_arguments(overrides, self.max_batch_size)

        sweep_preflight.run(
            [job for batch in batches for job in batch],
            sweep_composition.composer(loader, config),
            here=_is_here(config),
        )
        launchers.connect(config.hydra.launcher)
        return super().sweep(arguments)

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Do nothing: `sweep` has composed every job of every batch."""


class SearchingSweeper(Sweeper):
    """Optuna's sweeper: each job has values that those before it make promising."""

    def __init__(self, **settings: Any) -> None:
        """Take what `hydra.sweeper` says, the sampler made already."""
        self.settings = settings

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Optuna's sweeper is made with."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> Any:
        """Check the ends of every range before anything is written, then search."""
        from packager.command_line import sweep_search  # noqa: PLC0415  see above

        assert self.hydra_context is not None  # noqa: S101  `setup` gives all three
        assert self.task_function is not None  # noqa: S101
        assert self.config is not None  # noqa: S101
        sweep_search.run(
            arguments,
            self.settings,
            setup={
                "hydra_context": self.hydra_context,
                "task_function": self.task_function,
                "config": self.config,
            },
            here=_is_here(self.config),
        )


def _is_here(config: DictConfig) -> bool:
    return str(config.hydra.launcher._target_).rpartition(".")[2] in ON_THIS_MACHINE
