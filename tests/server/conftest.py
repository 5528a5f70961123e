"""One embedded server in explicit mode for all tests that only need to load and ask."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from packager.client import Client, RequestError, WireFormat
from packager.server.embedded import embedded
from packager.server.running import Server
from packager.spec.server import ControlMode, EmbeddedServerSpec

Arrays = Mapping[str, np.ndarray[Any, Any]]


def tensor(name: str, data_type: str, *dims: int) -> str:
    """One input or output as config.pbtxt text."""
    return f'{{ name: "{name}" data_type: TYPE_{data_type} dims: {list(dims)} }}'


def config(
    inputs: list[str], outputs: list[str], *, max_batch_size: int = 8, more: str = ""
) -> str:
    """A config.pbtxt but for its name."""
    return (
        f'platform: "pytorch_libtorch" max_batch_size: {max_batch_size} '
        f"input [{', '.join(inputs)}] output [{', '.join(outputs)}] {more}"
    )


def write_model(repository: Path, name: str, module: nn.Module | None, text: str | None) -> Path:
    """A model directory with version 1, and with a configuration where one is given."""
    directory = repository / name
    (directory / "1").mkdir(parents=True)
    if module is not None:
        script(module).save(directory / "1" / "model.pt")
    if text is not None:
        (directory / "config.pbtxt").write_text(f'name: "{name}" {text}')
    return directory


def script(module: nn.Module) -> Any:
    """The module as TorchScript."""
    return torch.jit.script(module.eval())


@dataclass
class Workbench:
    """A running server's repository: put a model in, load it, ask it."""

    server: Server
    client: Client
    repository: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _loaded: list[str] = field(default_factory=list)

    def write(self, module: nn.Module | None, text: str | None) -> str:
        """A model under a name of its own."""
        name = f"model{next(self._numbers)}"
        write_model(self.repository, name, module, text)
        return name

    def load(self, module: nn.Module | None, text: str | None) -> str:
        """A loaded model's name; it is unloaded after the test."""
        name = self.write(module, text)
        self.client.load(name)
        self._loaded.append(name)
        return name

    def refusal(self, module: nn.Module | None, text: str | None) -> str:
        """Why the model does not load; the server must survive it."""
        return self.refusal_of(self.write(module, text))

    def refusal_of(self, name: str) -> str:
        """Why a written model does not load."""
        with pytest.raises(RequestError):
            self.client.load(name)
        assert self.client.is_ready()
        return self.server.failure_reason(name) or ""

    def ask(self, model: str, wire: WireFormat = WireFormat.BINARY, **inputs: Any) -> Arrays:
        """Version 1's answer."""
        return self.client.infer(wire, model, 1, inputs)

    def error(
        self, model: str, wire: WireFormat = WireFormat.BINARY, **inputs: Any
    ) -> RequestError:
        """How the server refuses a request; it must survive it."""
        with pytest.raises(RequestError) as caught:
            self.client.infer(wire, model, 1, inputs)
        assert self.client.is_ready()
        return caught.value

    def ask_together(self, model: str, requests: list[Arrays]) -> list[Arrays | RequestError]:
        """Answers to requests that are sent at the same moment, each on its own connection."""

        def one(inputs: Arrays) -> Arrays | RequestError:
            with Client(self.server.endpoints) as client:
                try:
                    return client.infer(WireFormat.BINARY, model, 1, inputs)
                except RequestError as error:
                    return error

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(one, requests))

    def unload_all(self) -> None:
        """Free the processes of the models that a test loaded."""
        while self._loaded:
            self.client.unload(self._loaded.pop())


@pytest.fixture(scope="session")
def shared_workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The one server, with an empty repository."""
    repository = tmp_path_factory.mktemp("repository")
    with (
        embedded(EmbeddedServerSpec(), repository, control=ControlMode.explicit) as server,
        Client(server.endpoints) as client,
    ):
        yield Workbench(server, client, repository)


@pytest.fixture
def workbench(shared_workbench: Workbench) -> Iterator[Workbench]:
    """The one server; a test's models are unloaded after it."""
    yield shared_workbench
    shared_workbench.unload_all()
