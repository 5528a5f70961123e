"""One pass over listed images: into memory, or only to know that every one can be read."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from packager.datasets.decoding import UnreadableImageError, decode, scale
from packager.datasets.image_files import IMAGES_A_TASK, ImageFiles
from packager.datasets.memory import available_bytes
from packager.datasets.prefetch import in_threads
from packager.datasets.samples import Split
from packager.errors import SpecError
from packager.spec.dataset import DatasetSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.datasets.pictures import Listed

TASKS_A_GROUP = 8

Progress = Callable[[int, int], None]
"""Called with the images done and those there are."""

Found = TypeVar("Found")

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Pass:
    """One pass over the images of both splits, and what it learns about all of them.

    `size` is the first image's (height, width); `colour` says that one was RGB.
    """

    spec: DatasetSpec
    total: int
    progress: Progress | None = None
    done: int = 0
    skipped: int = 0
    size: tuple[int, int] | None = None
    colour: bool = False
    first: str = ""

    @property
    def channels(self) -> int:
        """What the spec asks for, else RGB if any image so far was."""
        return self.spec.channels or (3 if self.colour else 1)

    @property
    def workers(self) -> int:
        """Threads that decode."""
        return self.spec.workers or os.cpu_count() or 1

    def over(
        self, listed: Listed, examine: Callable[[int], tuple[tuple[int, ...], Found]]
    ) -> Iterator[tuple[int, Found]]:
        """Yield the index of each readable image and what `examine` found, in their order.

        `examine` runs in threads and also gives the shape, [C, H, W], that the image has.

        Raises:
            SpecError: an image cannot be read, unless those are skipped; two sizes differ.
        """

        def examined(
            indices: range,
        ) -> list[tuple[tuple[int, ...], Found] | UnreadableImageError]:
            return [_or_error(examine, index) for index in indices]

        count = len(listed.pictures)
        a_group = IMAGES_A_TASK * TASKS_A_GROUP
        groups = (
            [
                range(start, min(start + IMAGES_A_TASK, count))
                for start in range(group, min(group + a_group, count), IMAGES_A_TASK)
            ]
            for group in range(0, count, a_group)
        )
        index = 0
        with closing(in_threads(examined, groups, workers=self.workers)) as results:
            for tasks in results:
                for one in chain.from_iterable(tasks):
                    place = listed.pictures.place(index)
                    if isinstance(one, UnreadableImageError):
                        self._skip(place, one)
                    else:
                        self._add(place, one[0])
                        yield index, one[1]
                    index += 1
                self._report(sum(map(len, tasks)))

    def _report(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)

    def _skip(self, place: str, error: UnreadableImageError) -> None:
        if not self.spec.skip_unreadable:
            raise SpecError(
                f"cannot be read as an image: {error}",
                where=place,
                remedy="repair or remove it, or leave such images out with"
                " dataset.skip_unreadable=true",
            ) from error
        self.skipped += 1
        logger.warning("leaving out %s: %s", place, error)

    def _add(self, place: str, shape: tuple[int, ...]) -> None:
        channels, height, width = shape
        self.colour = self.colour or channels == 3
        if self.size is None:
            self.size, self.first = (height, width), place
        if self.spec.resize is None and self.size != (height, width):
            raise SpecError(
                f"is {height} x {width} pixels (height x width) and {self.first} is"
                f" {self.size[0]} x {self.size[1]}; images must have one size",
                where=place,
                remedy=f"bring all to one size with dataset.resize=[{self.size[0]},{self.size[1]}]",
            )


@dataclass(kw_only=True, slots=True)
class Pixels:
    """Room for images [N, C, H, W], which turns RGB when the first RGB image comes."""

    count: int
    filled: int = 0
    images: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 1, 0, 0), np.uint8))

    def put(self, image: NDArray[np.uint8], channels: int) -> None:
        """Add one image [1 or C, H, W]; grey spreads over all channels."""
        if not self.filled:
            self.images = np.empty((self.count, channels, *image.shape[1:]), np.uint8)
        self.spread(channels)
        self.images[self.filled] = image
        self.filled += 1

    def spread(self, channels: int) -> None:
        """Make room for that many channels."""
        if self.images.shape[1] < channels:
            self.images = np.repeat(self.images, channels, axis=1)

    def tensor(self, channels: int) -> torch.Tensor:
        """Give the images that were put."""
        self.spread(channels)
        return torch.from_numpy(self.images[: self.filled])


def fits(spec: DatasetSpec, listed: Listed, count: int) -> bool:
    """Say whether `count` images like the first readable one need at most half of what is free.

    Images of which it is not known whether they are grey count as RGB.
    """
    if spec.in_memory is not None:
        return spec.in_memory
    size = spec.resize or _first_size(listed)
    needed = count * (spec.channels or 3) * size[0] * size[1]
    available = available_bytes()
    if needed * 2 > available:
        logger.info(
            "%d images need %d MiB and %d MiB are free: they are read from disk as needed",
            count,
            needed >> 20,
            available >> 20,
        )
    return needed * 2 <= available


def into_memory(
    spec: DatasetSpec, train: Listed, test: Listed, progress: Progress | None
) -> tuple[Split, Split, int]:
    """Decode all images; also return how many were left out as unreadable.

    Raises:
        SpecError: an image cannot be read, unless those are skipped; two sizes differ.
    """
    reading = Pass(spec=spec, total=len(train.labels) + len(test.labels), progress=progress)
    rooms = [(listed, *_decoded(reading, listed)) for listed in (train, test)]
    first, second = (
        Split(images=room.tensor(reading.channels), labels=listed.labels[kept])
        for listed, room, kept in rooms
    )
    return first, second, reading.skipped


def left_on_disk(
    spec: DatasetSpec, train: Listed, test: Listed, progress: Progress | None
) -> tuple[ImageFiles, ImageFiles, str, int]:
    """Check that all images can be decoded; also return their digest and how many were left out.

    The digest is the sha256 of every image's name, content and label, the size, channels and
    inversion.

    Raises:
        SpecError: an image cannot be read, unless those are skipped; two sizes differ.
    """
    checking = Pass(spec=spec, total=len(train.labels) + len(test.labels), progress=progress)
    digest = hashlib.sha256()
    kept = [_checked(checking, listed, digest) for listed in (train, test)]
    inverted = " inverted" if spec.invert else ""
    digest.update(f"{spec.resize} {checking.channels}{inverted}\n".encode())
    height, width = spec.resize or checking.size or (0, 0)
    first, second = (
        ImageFiles(
            pictures=listed.pictures,
            labels=listed.labels,
            shape=(checking.channels, height, width),
            workers=checking.workers,
            scaled=spec.resize is not None,
            inverted=spec.invert,
        )
        for listed in kept
    )
    return first, second, digest.hexdigest(), checking.skipped


def _decoded(reading: Pass, listed: Listed) -> tuple[Pixels, torch.Tensor]:
    spec = reading.spec

    def examine(index: int) -> tuple[tuple[int, ...], NDArray[np.uint8]]:
        pixels = decode(listed.pictures.open(index), spec.channels, invert=spec.invert)
        return pixels.shape, pixels if spec.resize is None else scale(pixels, spec.resize)

    room = Pixels(count=len(listed.labels))
    kept: list[int] = []
    for index, image in reading.over(listed, examine):
        room.put(image, reading.channels)
        kept.append(index)
    return room, torch.tensor(kept, dtype=torch.int64)


def _checked(checking: Pass, listed: Listed, digest: hashlib._Hash) -> Listed:
    def examine(index: int) -> tuple[tuple[int, ...], str]:
        shape = decode(listed.pictures.open(index), checking.spec.channels).shape
        return shape, listed.pictures.digest(index)

    kept: list[int] = []
    for index, content in checking.over(listed, examine):
        digest.update(f"{listed.pictures.name(index)}\0{content} {listed.labels[index]}\n".encode())
        kept.append(index)
    digest.update(b"\n")
    return listed if len(kept) == len(listed.labels) else listed.part(torch.tensor(kept))


def _or_error(examine: Callable[[int], Found], index: int) -> Found | UnreadableImageError:
    try:
        return examine(index)
    except UnreadableImageError as error:
        return error


def _first_size(listed: Listed) -> tuple[int, int]:
    """Return the (height, width) of the first image that can be opened, from its header."""
    for index in range(len(listed.pictures)):
        try:
            with listed.pictures.open(index) as image:
                return image.height, image.width
        except UnreadableImageError:
            continue
    return 0, 0
