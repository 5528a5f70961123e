"""A publisher that is killed, once at each of its steps: nothing is lost, the next one goes on."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from . import kills
from .consistency import left_in_staging, problems
from .publisher import Change

if TYPE_CHECKING:
    from pathlib import Path

QUICKLY = "0.01"
"""How long to settle where no server polls."""


def _killed_at(step: kills.Step, root: Path, change: Change) -> list[str]:
    """Publish a version or two, kill the next publisher, publish once more; return all problems."""
    arguments = [str(root), "m", change.value, QUICKLY]
    before = 0 if change is Change.new else 1
    published = [kills.publish(arguments) for _ in range(before)]
    where = kills.killed(arguments, step)
    if where is None or where.label != step.label:
        return [f"{step.label} was not reached: {where}"]
    found = problems(root, "m", change, expected=published)
    published.append(kills.publish(arguments))
    if published[-1] not in (before + 1, before + 2):
        found.append(f"the next version is {published[-1]}")
    found += problems(root, "m", change, expected=range(1, published[-1] + 1))
    found += [f"{name} is left in staging" for name in left_in_staging(root)]
    return [f"killed at {step.label}: {problem}" for problem in found]


@pytest.mark.parametrize("change", list(Change))
def test_a_publisher_may_be_killed_at_every_step(tmp_path: Path, change: Change) -> None:
    """At each of its calls that change something: no version is lost, none is served wrongly."""
    (tmp_path / "all").mkdir()
    arguments = [str(tmp_path / "all"), "m", change.value, QUICKLY]
    if change is not Change.new:
        kills.publish(arguments)
    each = {step.label: step for step in kills.steps(arguments)}
    assert len(each) > 10
    roots = [tmp_path / str(number) for number in range(len(each))]
    for root in roots:
        root.mkdir()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(_killed_at, each.values(), roots, [change] * len(roots))
        assert [problem for problems in found for problem in problems] == []
