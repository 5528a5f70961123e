"""Whether this host has a GPU that Triton could place instances on."""

from __future__ import annotations

from pathlib import Path

GPU_DEVICES = ("nvidia[0-9]*", "dxg")
"""The device files of NVIDIA's driver, on Linux and in WSL."""


def has_gpu() -> bool:
    """Return whether NVIDIA's driver offers a device."""
    return any(any(Path("/dev").glob(pattern)) for pattern in GPU_DEVICES)
