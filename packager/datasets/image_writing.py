"""Images to files, by threads; files that are there and whole are left as they are.

A file is written under its own name: a temporary name and a rename would add half to the work of
the filesystem (bench/images.py). So a killed run may leave files cut short, and none is taken for
whole by its name: the next run compares its checksums with the pixels and writes anew what differs.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from packager.datasets.image_encoding import COLOUR_TYPES, encoding_of
from packager.datasets.prefetch import in_threads
from packager.errors import UnavailableError
from packager.spec.validity import require

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from packager.datasets.image_encoding import Encoding
    from packager.datasets.image_layout import Chosen
    from packager.datasets.image_reading import Progress
    from packager.spec.job import ImageFormat

GROUP_BYTES = 32 << 20
MOST_A_GROUP = 4096
TASKS_A_GROUP = 32
"""Groups are worked on two ahead; a task of one is what Ctrl-C waits for."""

CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

Task = tuple["NDArray[np.uint8]", "Sequence[str]"]
"""Images [N, C, H, W], and the path of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """How many files were written, `replaced` of them for others of that name, or were there."""

    written: int
    replaced: int
    there: int
    seconds: float


def make_folder(folder: Path) -> None:
    """Make the folder and see that files can be made in it, before the long work.

    Raises:
        UnavailableError: they cannot.
    """
    with reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".packager-{os.getpid()}"
        os.close(os.open(trial, CREATE, 0o666))
        trial.unlink()


def write_images(
    chosen: Collection[Chosen],
    folder: Path,
    *,
    form: ImageFormat,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write every image that is not there yet; `workers` None is one thread a core.

    Raises:
        SpecError: the images are neither grey nor RGB.
        UnavailableError: a file cannot be written.
    """
    shape = next(iter(chosen)).samples.shape
    require(
        shape[0] in COLOUR_TYPES,
        f"the images have {shape[0]} channels; image files are grey (1) or RGB (3)",
        where="dataset.channels",
        remedy="give the data 1 or 3 channels",
    )
    started = time.perf_counter()
    total = sum(len(one.paths) for one in chosen)
    with reported(folder):
        writing = _Writing(encoding_of(form, shape), _present(chosen, folder))
        counts = [0, 0, 0]
        groups = _groups(chosen, folder, shape)
        threads = workers or os.cpu_count() or 1
        with closing(groups), closing(in_threads(writing.write, groups, workers=threads)) as done:
            for group in done:
                counts = [sum(column) for column in zip(counts, *group, strict=True)]
                if progress is not None:
                    progress(sum(counts), total)
    new, replaced, there = counts
    seconds = time.perf_counter() - started
    return Written(written=new + replaced, replaced=replaced, there=there, seconds=seconds)


class _Writing:
    """Writes images of one shape; `present` are the paths that exist."""

    def __init__(self, encoding: Encoding, present: frozenset[str]) -> None:
        self.encoding, self.present = encoding, present

    def write(self, task: Task) -> tuple[int, int, int]:
        """Write some images; return how many files are new, were replaced, and were there."""
        images, paths = task
        new = replaced = 0
        for pixels, path in zip(self.encoding.prepared(images), paths, strict=True):
            if path not in self.present:
                new += 1
            elif self.encoding.shows(_content(path), pixels):
                continue
            else:
                replaced += 1
            _put(path, self.encoding.encode(pixels))
        return new, replaced, len(paths) - new - replaced


def _groups(
    chosen: Collection[Chosen], folder: Path, shape: tuple[int, int, int]
) -> Generator[list[Task]]:
    """Yield images in groups of tasks, as they are read."""
    channels, height, width = shape
    a_group = max(1, min(MOST_A_GROUP, GROUP_BYTES // (channels * height * width)))
    a_task = max(1, a_group // TASKS_A_GROUP)
    for one in chosen:
        paths = iter(one.paths)
        with closing(one.samples.batches(torch.split(one.indices, a_group))) as batches:
            for images, _labels in batches:
                parts = torch.split(images, a_task)
                yield [(part.numpy(), [f"{folder}/{next(paths)}" for _ in part]) for part in parts]


def _present(chosen: Collection[Chosen], folder: Path) -> frozenset[str]:
    """Make the folders that files go to; return the paths of what is in them."""
    names = {path.rpartition("/")[0] for path in chain.from_iterable(one.paths for one in chosen)}
    found: list[str] = []
    for place in (str(folder / name) if name else str(folder) for name in names):
        Path(place).mkdir(parents=True, exist_ok=True)
        with os.scandir(place) as entries:
            found += [f"{place}/{entry.name}" for entry in entries]
    return frozenset(found)


def _content(path: str) -> bytes:
    """Read a file that may be anything; a link to nothing, and a pipe, have no content."""
    try:
        descriptor = os.open(path, READ)
    except OSError:
        return b""
    try:
        with suppress(OSError), open(descriptor, "rb", buffering=0, closefd=False) as file:
            return file.read() or b""
        return b""
    finally:
        os.close(descriptor)


def _put(path: str, content: bytes) -> None:
    """Write a file in place of what is there; what cannot be finished goes again."""
    try:
        descriptor = os.open(path, CREATE, 0o666)
    except FileExistsError:
        # Removed and not written over: it may be a link, or have other names.
        os.unlink(path)  # noqa: PTH108  a Path for each file would cost as much as the file
        descriptor = os.open(path, CREATE, 0o666)
    try:
        # One call does it, but for a disk that is nearly full: the next one then fails.
        while content := content[os.write(descriptor, content) :]:
            continue
    except OSError:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108
        raise
    finally:
        os.close(descriptor)


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Turn a failure to write into an error that says where and what to do."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"cannot be written: {error.strerror or error}",
            where=str(error.filename or folder),
            remedy="give another folder with task.to=DIR, or see to rights and free space there;"
            " what is written is kept",
        ) from error
