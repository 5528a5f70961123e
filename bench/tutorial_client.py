"""The tutorial's client: JSON lists of floats by `requests`, one request after the other."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import requests

Answers = list[tuple[int, list[float], float]]
"""Places, scores and latencies."""


def ask(
    url: str, images: Any, *, batch: int, clients: int, seconds: float
) -> list[tuple[Answers, float]]:
    """Post float32 images [N, 1, 28, 28] from so many clients, in a process for each core at most.

    Returns what each client got, in which time.
    """
    processes = min(clients, len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(processes) as pool:
        rounds = [
            pool.submit(_in_threads, url, images, batch, clients // processes, seconds)
            for _ in range(processes)
        ]
        return [one for found in rounds for one in found.result()]


def _in_threads(
    url: str, images: Any, batch: int, clients: int, seconds: float
) -> list[tuple[Answers, float]]:
    """Do the same in one process."""
    ready = threading.Barrier(clients)

    def client(number: int) -> tuple[Answers, float]:
        found: Answers = []
        place = number * batch
        ready.wait()
        started = time.perf_counter()
        until = started + seconds
        while time.perf_counter() < until:
            before = time.perf_counter()
            rows = images[place : place + batch]
            tensor = {
                "name": "input0",
                "shape": list(rows.shape),
                "datatype": "FP32",
                "data": rows.flatten().tolist(),
            }
            answer = requests.post(url, json={"inputs": [tensor]}, timeout=60)
            scores = answer.json()["outputs"][0]["data"]
            found.append((place, scores, time.perf_counter() - before))
            place = (place + batch) % len(images)
        return found, time.perf_counter() - started

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(client, range(clients)))
