"""Images that stay on disk and are decoded as they are needed, however many there are."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from packager.datasets.decoding import UnreadableImageError, decode, scale
from packager.datasets.pictures import Pictures
from packager.datasets.prefetch import in_threads
from packager.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from numpy.typing import NDArray

    from packager.datasets.samples import Batch

IMAGES_A_TASK = 16
"""Few enough to share a batch among threads, many enough to make handing over cheap."""

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ImageFiles:
    """Images decoded by threads, two batches ahead; `shape` is one's (channels, height, width).

    `scaled` says that they are brought to that size, `inverted` that dark becomes light. Every
    image has been decoded once before, so one that fails has changed since.
    """

    pictures: Pictures
    labels: torch.Tensor
    shape: tuple[int, int, int]
    workers: int
    scaled: bool = False
    inverted: bool = False
    device: torch.device = CPU

    def part(self, indices: torch.Tensor) -> ImageFiles:
        """Return those images alone, in that order."""
        which = indices.to(self.labels.device)
        return replace(self, pictures=self.pictures.part(indices), labels=self.labels[which])

    def to(self, device: torch.device) -> ImageFiles:
        """Return the same images; each batch is brought to `device`."""
        return replace(self, labels=self.labels.to(device), device=device)

    def batches(self, orders: Iterable[torch.Tensor]) -> Generator[Batch, None, None]:
        """Yield one batch for each tensor of indices; `orders` is read two batches ahead.

        Raises:
            UnavailableError: a file is gone or no longer what it was.
        """
        rooms: deque[tuple[NDArray[np.uint8], torch.Tensor]] = deque()

        def groups() -> Iterator[list[tuple[NDArray[np.uint8], torch.Tensor]]]:
            for indices in orders:
                room = np.empty((len(indices), *self.shape), np.uint8)
                rooms.append((room, indices))
                cuts = range(IMAGES_A_TASK, len(indices), IMAGES_A_TASK)
                parts = torch.split(indices.cpu(), IMAGES_A_TASK)
                yield list(zip(np.split(room, cuts), parts, strict=True))

        with closing(in_threads(self._decode, groups(), workers=self.workers)) as batches:
            for _done in batches:
                room, indices = rooms.popleft()
                images = torch.from_numpy(room).to(self.device)
                yield images, self.labels[indices.to(self.labels.device)]

    def _decode(self, task: tuple[NDArray[np.uint8], torch.Tensor]) -> None:
        """Decode images to where they belong in their batch."""
        room, indices = task
        for row, index in enumerate(indices.tolist()):
            room[row] = self._image(index)

    def _image(self, index: int) -> NDArray[np.uint8]:
        channels, height, width = self.shape
        try:
            pixels = decode(self.pictures.open(index), channels, invert=self.inverted)
        except UnreadableImageError as error:
            raise self._changed(index, str(error)) from error
        if self.scaled:
            return scale(pixels, (height, width))
        if pixels.shape != self.shape:
            raise self._changed(index, f"it is {pixels.shape[1]} x {pixels.shape[2]} pixels")
        return pixels

    def _changed(self, index: int, reason: str) -> UnavailableError:
        return UnavailableError(
            f"is not what it was when the data were checked: {reason}",
            where=self.pictures.place(index),
            remedy="leave the images as they are while they are used, and build again",
        )
