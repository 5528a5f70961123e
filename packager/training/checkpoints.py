"""Where training stands, on disk: written whole or not at all, and only for the same training."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from filelock import FileLock, Timeout

from packager.training import ranks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


CHECKPOINT = "checkpoint.pt"
METRICS = "metrics.jsonl"
DIGEST_SIZE = hashlib.sha256().digest_size
"""A checkpoint begins with the sha256 of the rest."""

KEPT_SECONDS = 30 * 24 * 3600
"""How long an abandoned training is kept."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoints:
    """The place of one training; `folder` None keeps nothing."""

    folder: Path | None

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None; that a file is broken is told."""
        if self.folder is None or not (self.folder / CHECKPOINT).exists():
            return None
        path = self.folder / CHECKPOINT
        try:
            content = path.read_bytes()
        except OSError as error:
            logger.warning("training starts anew: %s: %s", path, error.strerror or error)
            return None
        digest, content = content[:DIGEST_SIZE], content[DIGEST_SIZE:]
        if hashlib.sha256(content).digest() != digest:
            logger.warning("training starts anew: the checkpoint %s is broken", path)
            return None
        state: dict[str, Any] = torch.load(
            io.BytesIO(content), map_location="cpu", weights_only=True
        )
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint in one piece."""
        if self.folder is not None:
            # By way of memory: torch tells a full disk as a fault of its own.
            buffer = io.BytesIO()
            torch.save(state, buffer)
            content = buffer.getvalue()
            _write(self.folder / CHECKPOINT, hashlib.sha256(content).digest() + content)

    def write_metrics(self, lines: list[str]) -> None:
        """Write `metrics.jsonl`, one epoch a line."""
        if self.folder is not None:
            _write(self.folder / METRICS, "".join(lines).encode())

    def discard(self) -> None:
        """Remove what is kept: the model is published."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def opened(root: Path, key: str) -> Iterator[Checkpoints]:
    """Give the place of the training `key` below `root`, to one process at a time.

    Others that train the same at the same time keep no checkpoints, nor does anyone where `root`
    cannot be written: training itself needs none.
    """
    if not ranks.is_main():
        yield Checkpoints(folder=None)
        return
    lock = FileLock(root / f"{key}.lock")
    folder: Path | None = root / key
    try:
        root.mkdir(parents=True, exist_ok=True)
        _prune(root)
        lock.acquire(timeout=0)
        (root / key).mkdir(exist_ok=True)
    except Timeout:
        logger.warning("another process trains the same: no checkpoints are kept here")
        folder = None
    except OSError as error:
        logger.warning("no checkpoints can be kept in %s: %s", root, error.strerror or error)
        folder = None
    try:
        yield Checkpoints(folder=folder)
    finally:
        lock.release()


def weights_digest(module: nn.Module) -> str:
    """Return the sha256 of a module's parameters and buffers: names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(content.numpy().data)
    return digest.hexdigest()


def _prune(root: Path) -> None:
    """Remove trainings that nobody came back to."""
    for lock_path in root.glob("*.lock"):
        folder = lock_path.with_suffix("")
        newest = max(path.stat().st_mtime for path in (folder, lock_path) if path.exists())
        if time.time() - newest < KEPT_SECONDS:
            continue
        try:
            with FileLock(lock_path, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
                lock_path.unlink(missing_ok=True)
        except Timeout:
            continue


def _write(path: Path, content: bytes) -> None:
    """Write a file in one piece; where that fails, say so and leave the one of before."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        logger.warning(
            "training goes on, but %s cannot be written: %s", path, error.strerror or error
        )
