"""What a reader finds in a dataset's files, before anything is cut, converted or decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from packager.datasets.splits import Kind


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Contents(Generic[Kind]):
    """Two splits, both in memory or both only listed, and the class names the data give.

    `classes` is empty where the data only number them.
    """

    train: Kind
    test: Kind
    classes: tuple[str, ...] = ()
