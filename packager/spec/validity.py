"""The one check that every spec is made of."""

from __future__ import annotations

from packager.errors import SpecError

DEFAULT_REMEDY = "correct it in the recipe or on the command line"


def require(condition: bool, problem: str, *, where: str, remedy: str = DEFAULT_REMEDY) -> None:
    """Raise a `SpecError` about the key `where` unless the condition holds."""
    if not condition:
        raise SpecError(problem, where=where, remedy=remedy)
