"""A model as it is published: its versions, and which of them Triton serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.model_config.parse import TextError
from packager.model_config.parse import read as read_config
from packager.model_config.rules.versions import served
from packager.repository.layout import CONFIG_FILE
from packager.repository.record import Record
from packager.repository.record import read as read_record

if TYPE_CHECKING:
    from packager.repository.files import Files


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelState:
    """A model's versions, ascending, what their manifests say, and those that are served.

    `config` is the text of `config.pbtxt`, None where there is none. `records` lacks versions whose
    manifest is missing or cannot be read: somebody else's.
    """

    name: str
    config: str | None
    versions: tuple[int, ...]
    served: tuple[int, ...]
    records: Mapping[int, Record]

    @property
    def newest(self) -> Record | None:
        """The highest version's record."""
        return self.records.get(self.versions[-1]) if self.versions else None


def read(files: Files, model: str) -> ModelState:
    """Return a model's state; one that is not there has no versions."""
    numbers = files.versions(model)
    content = files.read(f"{model}/{CONFIG_FILE}")
    config = None if content is None else content.decode(errors="replace")
    records = {number: read_record(files, model, number) for number in numbers}
    return ModelState(
        name=model,
        config=config,
        versions=numbers,
        served=served_versions(config, numbers),
        records={number: record for number, record in records.items() if record is not None},
    )


def served_versions(config: str | None, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Return the versions that a config serves of those that are there; none if it is broken."""
    if config is None:
        return ()
    try:
        return tuple(sorted(served(read_config(config), numbers)))
    except TextError:
        return ()
