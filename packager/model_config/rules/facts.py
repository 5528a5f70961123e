"""What rules know beside the config: the model's directory, and the host of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ModelFiles(Protocol):
    """A model directory, read when a rule asks.

    Paths are relative to the directory, with /.
    """

    @property
    def name(self) -> str:
        """The directory's own name."""
        ...

    def directories(self) -> list[str]:
        """The names of its sub-directories, sorted."""
        ...

    def entries(self, directory: str) -> list[str]:
        """The names in one of its sub-directories, sorted; none where it is missing."""
        ...

    def is_directory(self, path: str) -> bool:
        """Whether `path` is a directory."""
        ...

    def size(self, path: str) -> int | None:
        """The bytes of a file; None where there is none."""
        ...

    def lines(self, path: str) -> int | None:
        """The lines of a text file; None where there is none."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The server's host. None is "not known", and what depends on it is not judged.

    `auto_complete`: backends may fill in what the config leaves out (the default of Triton).
    `gpus`: ids that Triton supports; none on a host without one.
    `backends`: the names in its backend directory; `libraries`: the files there, with the name of
    their backend (custom/libtriton_custom.so). `agents`: its repository agents.
    """

    auto_complete: bool = True
    gpus: frozenset[int] | None = None
    backends: frozenset[str] | None = None
    libraries: frozenset[str] | None = None
    agents: frozenset[str] | None = None
