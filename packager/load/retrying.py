"""Sending a request again that nobody answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tenacity import retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

if TYPE_CHECKING:
    from tenacity import BaseRetrying

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Before the second try of a request, and at most before another."""

Tries = TypeVar("Tries", bound="BaseRetrying")


def again(error: type[Exception], *, tries: int, of: type[Tries]) -> Tries:
    """Return so many tries of what may end with such an error; the last one's is raised."""
    return of(
        stop=stop_after_attempt(tries),
        wait=wait_exponential_jitter(
            multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S, jitter=FIRST_PAUSE_S
        ),
        retry=retry_if_exception_type(error),
        reraise=True,
    )
