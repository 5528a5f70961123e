"""What is wrong with a sweep's jobs, told together; two jobs of one name among it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import PackagerError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SHOWN = 20
"""How many problems are told one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """An error that a job would end with; `job` None where it is one between jobs."""

    job: str | None
    error: PackagerError


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What a job publishes, and where."""

    job: str
    name: str
    repository: str


def labels(jobs: Sequence[Sequence[str]], job: str = "job") -> list[str]:
    """Return how each job is told: its number, and the overrides that not all jobs have.

    `job` is what one is called.
    """
    common = set.intersection(*map(set, jobs))
    return [f"{job} {number} ({_own(one, common)})" for number, one in enumerate(jobs)]


def _own(job: Sequence[str], common: set[str]) -> str:
    given = [text for text in job if not text.startswith("sweep.")]
    return " ".join([text for text in given if text not in common] or given)


def collisions(targets: Iterable[Target]) -> Iterator[Problem]:
    """Yield a problem for each name that several jobs would publish to one repository."""
    by_place: dict[tuple[str, str], list[Target]] = defaultdict(list)
    for target in targets:
        by_place[target.repository, target.name].append(target)
    for (repository, name), found in by_place.items():
        if len(found) > 1:
            first, second, *others = found
            more = f" and {len(others):,} more" if others else ""
            error = SpecError(
                f"'{name}' would be published to {repository} by {first.job}, {second.job}{more}",
                where="name",
                remedy="leave out what is there twice; give each job a name (name=a,b), or leave"
                " name out: swept values are appended to the recipe's",
            )
            yield Problem(job=None, error=error)


def together(problems: Sequence[Problem], *, jobs: int, job: str = "job") -> PackagerError:
    """Return all problems as one error, each once; of their kind where that is the same."""
    by_text: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_text[str(problem.error)].append(problem)
    lines = [_line(text, found, jobs, job) for text, found in by_text.items()]
    left = len(lines) - SHOWN
    if left > 0:
        lines[SHOWN:] = [f"and {left:,} other problems."]
    listed = "".join(f"\n  - {line}" for line in lines).removesuffix(".")
    kinds = {type(problem.error) for problem in problems}
    kind = kinds.pop() if len(kinds) == 1 else SpecError
    told = f"none of {jobs:,} {job}s was started" if jobs > 1 else f"its one {job} was not started"
    return kind(f"{told}:{listed}", where="sweep")


def _line(text: str, found: Sequence[Problem], jobs: int, job: str) -> str:
    told = [problem.job for problem in found if problem.job is not None]
    if len(told) < 2:
        return f"{told[0]}: {text}" if told else text
    return f"{'all' if len(told) == jobs else 'in'} {len(told):,} {job}s, as {told[0]}: {text}"
