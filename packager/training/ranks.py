"""The processes that train together, as torchrun starts them; imports no torch.

Each runs the whole command; one of them, the main rank, also prints, proves and publishes.
"""

from __future__ import annotations

import os


def rank() -> int:
    """Return this process's number, 0 where there is only one."""
    return int(os.environ.get("RANK", "0")) if size() > 1 else 0


def size() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "MASTER_ADDR" in os.environ else 1


def is_main() -> bool:
    """Return whether this process prints, proves and publishes."""
    return rank() == 0
