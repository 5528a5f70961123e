"""What was measured of many requests: how many, how long each, and who was busy meanwhile."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np

PERCENTILES = (50, 95, 99)


@dataclass(kw_only=True, slots=True)
class Timings:
    """Answered requests so far.

    `latencies_s` is one number a request, without the tries that nobody answered; `retries` counts
    those. `samples` are rows. `seconds` is the whole time, and `client_seconds` how much of one
    core this process used in it.
    """

    latencies_s: array[float] = field(default_factory=lambda: array("d"))
    samples: int = 0
    retries: int = 0
    seconds: float = 0.0
    client_seconds: float = 0.0

    @property
    def requests(self) -> int:
        """How many were answered."""
        return len(self.latencies_s)

    @property
    def requests_per_second(self) -> float:
        """Answered requests a second, all together."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def samples_per_second(self) -> float:
        """Answered samples a second, all together."""
        return self.samples / self.seconds if self.seconds else 0.0

    @property
    def client_share(self) -> float:
        """How much of one core the client itself was busy, in [0, 1] for one thread."""
        return self.client_seconds / self.seconds if self.seconds else 0.0

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile of the latencies in milliseconds; 0 without requests."""
        if not self.latencies_s:
            return 0.0
        return float(np.percentile(np.frombuffer(self.latencies_s), percentile)) * 1000

    def as_json(self) -> dict[str, float]:
        """Return the figures by name."""
        latencies = {f"p{one}_ms": round(self.latency_ms(one), 3) for one in PERCENTILES}
        return {
            "requests": self.requests,
            "samples": self.samples,
            "seconds": round(self.seconds, 3),
            "requests_per_second": round(self.requests_per_second, 1),
            "samples_per_second": round(self.samples_per_second, 1),
            **latencies,
            "retries": self.retries,
            "client_share": round(self.client_share, 3),
        }
