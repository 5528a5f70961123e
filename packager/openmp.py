"""How OpenMP's threads wait for each other: torch's threads, in whichever process.

By default they spin for milliseconds, and where anything else wants a processor the thread that is
waited for does not get it. Both are settings of libgomp, read when torch is imported; what the user
has set stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"

BRIEFLY = "1000"
"""As quick as the default's 300,000 on processors of its own, and much quicker on shared ones."""


def spin_briefly(environment: MutableMapping[str, str]) -> None:
    """Have threads that compute one after the other, as in training, give way after a moment."""
    if POLICY not in environment:
        environment.setdefault(SPINS, BRIEFLY)


def give_way(environment: MutableMapping[str, str]) -> None:
    """Have threads of a process beside others, as a server's beside its clients', never spin."""
    if environment.get(SPINS) == BRIEFLY:
        del environment[SPINS]
    if SPINS not in environment:
        environment.setdefault(POLICY, "PASSIVE")
