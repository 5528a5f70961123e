"""Names of classes as names of files: safe on every filesystem, and still all different."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from packager.spec.job import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

KEPT = "-_."
"""What stays beside letters and digits; anything else becomes `_`."""

MOST_BYTES = 100
"""Of the 255 that a name may have: the rest is for index and suffix."""

DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789"))
)
"""Devices on Windows, whatever suffix follows.

Source: Microsoft, "Naming Files, Paths, and Namespaces".
"""

LABELS_FILE = "labels.txt"
INDEX_FILES = {part: f"{part.value}.txt" for part in (Part.train, Part.test)}


def path_safe(names: Sequence[str]) -> tuple[str, ...]:
    """Return one file name for each class, all different even where case does not count.

    Names that are safe keep theirs; of those alike after cleaning, later ones get their label's
    number appended.
    """
    cleaned = [clean(name) for name in names]
    taken = {_alike(name) for name in (LABELS_FILE, *INDEX_FILES.values())}
    safe = dict.fromkeys(range(len(names)), "")
    for label in sorted(safe, key=lambda label: cleaned[label] != names[label]):
        safe[label] = _free(cleaned[label], label, taken)
        taken.add(_alike(safe[label]))
    return tuple(safe.values())


def clean(name: str) -> str:
    """Return a name of letters, digits, `-`, `_` and inner dots that no system takes otherwise."""
    letters = unicodedata.normalize("NFC", name)
    text = "".join(one if one.isalnum() or one in KEPT else "_" for one in letters)
    # Leading dots hide a file, and Windows drops trailing ones.
    text = text.encode()[:MOST_BYTES].decode(errors="ignore").strip(".")
    if text.startswith("-"):  # it would be an option to most programs
        text = f"_{text[1:]}"
    if _alike(text).partition(".")[0] in DEVICES:
        text = f"_{text}"
    return text or "class"


def _free(name: str, label: int, taken: set[str]) -> str:
    """Return the name, or one made of it that nobody has."""
    free = name
    while _alike(free) in taken:
        free = f"{name}-{label}" if free == name else f"{free}-{label}"
    return free


def _alike(name: str) -> str:
    """Return what filesystems that ignore case or the form of accents compare."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
