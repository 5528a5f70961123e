"""What must hold of a model on disk at every moment: whole versions, and configs that fit them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packager.model_config.parse import read
from packager.model_config.rules.versions import served
from packager.repository import shared
from packager.repository.layout import ModelPaths
from packager.repository.versions import versions
from tests.repository.publisher import asked, label, mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.repository.publisher import Change


def problems(root: Path, name: str, change: Change, *, expected: Iterable[int]) -> list[str]:
    """Return what is wrong with a model that has, or had, the `expected` versions."""
    model = ModelPaths(root / "models" / name)
    there = versions(model.directory)
    lost = [f"version {number} is lost" for number in expected if number not in there]
    if not model.directory.exists():
        return lost
    broken = [f"version {number} is not whole" for number in there if not _whole(model, number)]
    configs = (model.config, *model.host_configs().values())
    misfits = [problem for path in configs for problem in _misfits(model, path, change, there)]
    return [*lost, *broken, *misfits]


def lacking_samples(model: ModelPaths, config: Path) -> list[str]:
    """Return the samples that a config names and that are not there as their names tell."""
    warmups = read(config.read_text()).model_warmup
    names = [given.input_data_file for one in warmups for given in one.inputs.values()]
    return [name for name in names if not shared.is_in_place(model, f"warmup/{name}")]


def left_in_staging(root: Path) -> list[str]:
    """Return what lies in staging, which is nothing after publishers that ended normally."""
    return sorted(path.name for path in (root / ".models.staging").iterdir())


def _whole(model: ModelPaths, number: int) -> bool:
    paths = (model.artifact(number), model.manifest(number))
    return all(
        path.exists() and json.loads(path.read_bytes())["number"] == number for path in paths
    )


def _misfits(
    model: ModelPaths, path: Path, change: Change, there: tuple[int, ...]
) -> Iterator[str]:
    """Yield what a version that a config serves would answer wrong with it, or not at all."""
    config = read(path.read_text())
    numbers = served(config, there)
    if not numbers:
        yield f"{path.name} serves nothing"
    for sample in lacking_samples(model, path):
        yield f"{path.name} names {sample}, which is not there"
    labels = (model.directory / config.output[0].label_filename).read_text()
    for number in numbers:
        fits = (asked(change, number), str(mark(change, number)), f"{label(change, number)}\n")
        found = (config.input[0].name, config.parameters["mark"].string_value, labels)
        if found != fits:
            yield f"{path.name} serves version {number} with {found}, not {fits}"
