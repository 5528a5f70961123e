"""Every error that a user can cause, with its exit code. Imports nothing of ours."""

from __future__ import annotations

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_FAULT = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
EXIT_TERMINATED = 143


class PackagerError(Exception):
    """A problem, where it is, and what to do about it.

    `where` is a configuration key (`inputs[0].dims[1]`) or a place in a file (`path:line`).
    """

    exit_code = EXIT_FAULT

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(problem, where, remedy)
        self.problem = problem
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" Remedy: {self.remedy}." if self.remedy else ""
        return f"{place}{self.problem}.{remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the trip between processes: sweep launchers pickle what a job raises."""
        return _rebuild, (type(self), self.problem, self.where, self.remedy)


def _rebuild(kind: type[PackagerError], problem: str, where: str, remedy: str) -> PackagerError:
    return kind(problem, where=where, remedy=remedy)


class FindingsError(PackagerError):
    """What was to be checked breaks rules; each was printed."""

    exit_code = EXIT_FINDINGS


class SpecError(PackagerError):
    """The configuration is wrong."""

    exit_code = 2


class ProofError(PackagerError):
    """The model does not do what its recipe promises; nothing is published."""

    exit_code = 3


class UnavailableError(PackagerError):
    """The environment lacks something: a server, data, disk space, rights."""

    exit_code = 4
