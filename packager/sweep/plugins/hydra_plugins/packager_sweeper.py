"""Hydra's own sweeper, with every job checked before the first one starts.

Hydra looks for plugins in the namespace package `hydra_plugins` only, so this folder is installed
beside `packager`. Every Hydra program imports what it finds there: little is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

if TYPE_CHECKING:
    from collections.abc import Sequence

ON_THIS_MACHINE = {"BasicLauncher", "JoblibLauncher"}
"""Launchers whose jobs run where the sweep was started."""


class CheckedSweeper(BasicSweeper):
    """Every combination of the values given, all checked, then all launched."""

    def sweep(self, arguments: list[str]) -> Any:
        """Check all jobs before anything is written, then run them as Hydra does."""
        from packager import sweep_composition, sweep_preflight  # noqa: PLC0415  see above
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
            here=type(self.launcher).__name__ in ON_THIS_MACHINE,
        )
        launchers.connect(config.hydra.launcher)
        return super().sweep(arguments)

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Do nothing: `sweep` has composed every job of every batch."""
