"""Which versions of a model may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import SpecError

if TYPE_CHECKING:
    from packager.repository.state import ModelState


def removable(state: ModelState, *, keep: int | None, force: bool) -> tuple[int, ...]:
    """Return the versions that a prune removes: all but the highest `keep`, and those served.

    With `force` served ones go too. What is served then is the highest of those that stay.

    Raises:
        SpecError: `keep` is not given, or none would be kept.
    """
    if keep is None:
        raise SpecError(
            "is not given: how many of the newest versions stay",
            where="task.keep",
            remedy="set it, for example task.keep=3; served versions stay besides",
        )
    if keep < 1:
        raise SpecError(
            f"is {keep}; at least one version stays",
            where="task.keep",
            remedy="set 1 or more; a whole model is removed with its directory",
        )
    old = state.versions[:-keep]
    return tuple(one for one in old if force or one not in state.served)
