"""Clients that ask a polling Triton without pause, and hold each answer to its version."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.repository.publisher import Change, asked, label, mark

PAUSE_S = 0.02
INPUT_UNKNOWN = "unexpected inference input"
"""What Triton answers to a client that asks a version as the one before it was asked."""


@dataclass
class Asker:
    """One client of one model: asks until it is stopped."""

    address: str
    name: str
    change: Change
    answers: int = 0
    wrong: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    _done: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Ask in a thread of its own."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._done.set()
        self._thread.join()

    def wait_for(self, number: int, *, timeout_s: float) -> bool:
        """Wait until a version has answered; return whether it has."""
        end = time.monotonic() + timeout_s
        while number not in self.seen and time.monotonic() < end:
            time.sleep(PAUSE_S)
        return number in self.seen

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=30.0)
        parity = 1
        while not self._done.wait(PAUSE_S):
            status, answer = self._ask(connection, asked(self.change, parity))
            if status == 200:
                self._judge(answer, asked(self.change, parity))
            elif INPUT_UNKNOWN in str(answer):
                parity += 1
            elif self.seen:
                self.refused.append(f"{self.name}: {answer}")
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, name: str) -> tuple[int, Any]:
        request = {
            "inputs": [{"name": name, "shape": [1], "datatype": "FP32", "data": [0.0]}],
            "outputs": [
                {"name": "number", "parameters": {"classification": 1}},
                {"name": "mark"},
            ],
        }
        connection.request("POST", f"/v2/models/{self.name}/infer", json.dumps(request))
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def _judge(self, answer: Any, name: str) -> None:
        """Hold an answer to the version that Triton says it is of: number, config, labels."""
        version = int(answer["model_version"])
        outputs = {output["name"]: output["data"][0] for output in answer["outputs"]}
        number, _, labelled = outputs["number"].split(":")
        found = (float(number), outputs["mark"], labelled, name)
        right = (
            float(version),
            float(mark(self.change, version)),
            label(self.change, version),
            asked(self.change, version),
        )
        self.answers += 1
        if found != right:
            self.wrong.append(f"{self.name} version {version} answers {found}, not {right}")
        self.seen.add(version)
