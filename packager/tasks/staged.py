"""A staged model on a server of ours, for what is asked before it is published."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from packager.client import Client
from packager.errors import ProofError
from packager.server.flags import COMPLETE_CONFIG
from packager.server.start import start
from packager.spec.server import ControlMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.proof.question import Question
    from packager.repository.layout import ModelPaths
    from packager.server.running import Server
    from packager.spec.server import StartedServerSpec

READY_S = 30.0
"""How long a model that is loaded may take until it answers."""


@contextlib.contextmanager
def served_alone(
    server: StartedServerSpec, model: ModelPaths, question: Question, *, host: str | None = None
) -> Iterator[tuple[Server, Client]]:
    """Give a server that serves the staged model only, ready, and a client; by a host's config.

    Raises:
        ProofError: it does not load the model; says why.
        UnavailableError: there is no server, or it went away.
    """
    with (
        start(
            server,
            model.directory.parent,
            control=ControlMode.none,
            host=host,
            more_flags=COMPLETE_CONFIG,
        ) as running,
        Client(running.endpoints) as client,
    ):
        name = question.recipe.name
        reason = running.failure_reason(name)
        if reason is not None:
            raise ProofError(
                f"Triton does not load the model: {reason}",
                where="live" if host is None else f"configs/{host}.pbtxt",
                remedy="correct what it names; nothing is published",
            )
        client.wait_for_model(name, question.version, timeout_s=READY_S)
        yield running, client
