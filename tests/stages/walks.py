"""Walks whose stages are all behind, by results that nobody made: what each reads can be looked at.

As a program it prints the keys of all stages: `walks.py FOLDER OVERRIDE...`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.cache.record import Result
from packager.datasets.at_hand import at_hand
from packager.resolve.job import to_spec
from packager.spec.job import Stage
from packager.stages.start import begun
from packager.stages.walk import ARTIFACT, QUESTION
from packager.tasks.rendering import rendered
from tests.model_config.composing import compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.spec.job import Job
    from packager.stages.walk import Walk

DIGEST = "0123456789abcdef" * 4


def job(folder: Path, *overrides: str) -> Job:
    """Return a job whose cache and repository lie in a folder."""
    places = (f"cache.path={folder / 'cache'}", f"repository.path={folder / 'models'}")
    return to_spec(compose("server=none", *places, *overrides))


def pretended(stage: Stage, walk: Walk, **value: Any) -> Result:
    """Return a result of a stage such as the next ones can go on with."""
    values: Mapping[Stage, dict[str, Any]] = {
        Stage.data: {"classes": ["a", "b"], "shape": [1, 4, 4], "digest": DIGEST},
        Stage.train: {"weights": DIGEST},
        Stage.optimize: {"form": "freeze"},
        Stage.export: {"outputs": [{"name": "output0", "data_type": "FP32", "dims": [2]}]},
    }
    made = dict(rendered(walk.recipe).value) if stage is Stage.render else values.get(stage, {})
    name = {Stage.export: ARTIFACT, Stage.parity: QUESTION}.get(stage)
    files = {name: DIGEST} if name else {}
    sizes = dict.fromkeys(files, 1)
    told = {**made, **value}
    return Result(stage=stage.value, key="", inputs={}, value=told, files=files, sizes=sizes)


def inputs(given: Job, **value: Any) -> dict[Stage, dict[str, Any]]:
    """Return what every stage of a job reads; `value` is added to what each of them gave."""
    with begun(given) as walk:
        if walk.recipe.dataset is not None:
            data = given.cache.path / "data"
            walk.fetched = at_hand(walk.recipe.dataset, cache=data, digest=walk.digest)
        found = {}
        for stage in walk.stages:
            found[stage] = walk.inputs(stage)
            walk.take(stage, pretended(stage, walk, **value))
    return found


def main(folder: str, *overrides: str) -> None:
    """Print what every stage reads."""
    found = inputs(job(Path(folder), *overrides))
    sys.stdout.write(
        json.dumps({stage.value: read for stage, read in found.items()}, sort_keys=True)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
