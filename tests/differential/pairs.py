"""For each rule a pair of strategies: what only it refuses, and what just passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.differential.draft import Draft

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn

    Change = Callable[[DrawFn, Draft], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Drafts that break one rule and no other, and drafts that nearly do."""

    breaks: SearchStrategy[Draft]
    nearly: SearchStrategy[Draft]


def pair(on: SearchStrategy[Draft], breaks: Change, nearly: Change) -> Pair:
    """Return the pair of two changes to the same valid drafts."""
    return Pair(breaks=_changed(on, breaks), nearly=_changed(on, nearly))


@st.composite
def _changed(draw: DrawFn, on: SearchStrategy[Draft], change: Change) -> Draft:
    draft = draw(on)
    change(draw, draft)
    return draft


def some_tensor(draw: DrawFn, draft: Draft, kinds: str = "input output") -> Any:
    """Return one of the inputs or outputs that are there."""
    return draw(st.sampled_from([t for kind in kinds.split() for t in getattr(draft.config, kind)]))
