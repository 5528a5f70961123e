"""A sweep's problems told together: each once, with a job as an example."""

from __future__ import annotations

from packager.errors import PackagerError, ProofError, SpecError, UnavailableError
from packager.sweep.problems import SHOWN, Problem, Target, collisions, labels, together


def _problem(job: str | None, error: PackagerError) -> Problem:
    return Problem(job=job, error=error)


def test_a_job_is_told_by_its_number_and_what_is_its_own() -> None:
    """What all jobs have says nothing; what packager adds is nobody's."""
    jobs = [
        ["model=x", "a=1", "b=2", "sweep.swept=['a']"],
        ["model=x", "a=2", "b=2", "sweep.swept=['a']"],
    ]
    assert labels(jobs) == ["job 0 (a=1)", "job 1 (a=2)"]


def test_a_job_alone_is_told_by_all_its_overrides() -> None:
    """So are jobs that do not differ."""
    assert labels([["model=x", "a=1"]] * 2) == ["job 0 (model=x a=1)", "job 1 (model=x a=1)"]


def test_one_problem_of_many_jobs_is_told_once() -> None:
    """With how many they are, and one of them."""
    same = SpecError("is wrong", where="a.b", remedy="correct it")
    found = [_problem(f"job {number}", same) for number in range(3)]
    told = str(together([*found, _problem("job 1", SpecError("is null", where="c"))], jobs=4))
    assert told.splitlines() == [
        "sweep: none of 4 jobs was started:",
        "  - in 3 jobs, as job 0: a.b: is wrong. Remedy: correct it.",
        "  - job 1: c: is null.",
    ]


def test_a_problem_of_every_job_says_so() -> None:
    """Then it is no single job's value that is wrong."""
    found = [_problem(f"job {number}", SpecError("is wrong", where="a")) for number in range(2)]
    assert "all 2 jobs, as job 0: a: is wrong." in str(together(found, jobs=2))


def test_beyond_a_number_of_problems_the_rest_is_counted() -> None:
    """Exactly so many are told."""
    found = [_problem(f"job {n}", SpecError(f"is {n}", where="a")) for n in range(SHOWN + 5)]
    lines = str(together(found, jobs=99)).splitlines()
    assert len(lines) == 1 + SHOWN + 1
    assert lines[-1] == "  - and 5 other problems."
    assert "other problems" not in str(together(found[:SHOWN], jobs=99))


def test_the_error_is_of_the_kind_of_all_its_problems() -> None:
    """Mixed, it is the configuration that is wrong."""
    proof, lacking = ProofError("breaks a rule"), UnavailableError("is not there")
    assert together([_problem("0", proof)] * 2, jobs=2).exit_code == 3
    assert together([_problem("0", lacking)], jobs=2).exit_code == 4
    assert together([_problem("0", proof), _problem("1", lacking)], jobs=2).exit_code == 2


def test_names_collide_in_one_repository_only() -> None:
    """Elsewhere it is another model."""
    found = [
        Target(job=f"job {number}", name=name, repository=repository)
        for number, (name, repository) in enumerate(
            [("a", "r"), ("b", "r"), ("a", "s"), ("a", "r"), ("a", "r")]
        )
    ]
    (problem,) = collisions(found)
    assert problem.job is None
    assert problem.error.problem == ("'a' would be published to r by job 0, job 3 and 1 more")
    assert list(collisions(found[:3])) == []
