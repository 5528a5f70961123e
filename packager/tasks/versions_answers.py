"""What a running server answers to the golden requests of the versions that it serves."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from packager.proof.replay import Asked
from packager.proof.tolerances import BFLOAT16_TOLERANCE, FLOAT32_TOLERANCE
from packager.repository.integrity import Finding
from packager.repository.layout import GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE
from packager.server.external import external
from packager.spec.recipe import ExportForm
from packager.spec.server import ExternalServerSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.repository.files import Files
    from packager.repository.record import Record
    from packager.repository.state import ModelState
    from packager.spec.server import ServerSpec


@contextlib.contextmanager
def asking(server: ServerSpec) -> Iterator[str | None]:
    """Give the address of an external server, once it is ready; None where none is chosen.

    Raises:
        UnavailableError: it is not ready within its time.
    """
    if not isinstance(server, ExternalServerSpec):
        yield None
        return
    with external(server) as running:
        yield running.endpoints.http


def replayed(
    endpoint: str, files: Files, state: ModelState, version: int, *, required: bool
) -> tuple[str, list[Finding]]:
    """Return how a server answers a version's golden request, in words, and what is wrong of it.

    Where the version is `required`, it is wrong too that the server does not serve it.

    Raises:
        UnavailableError: the server went away.
    """
    asked = Asked(endpoint, state.name, version)
    folder = f"{state.name}/{version}"
    if not asked.is_served():
        told = f"not served at {endpoint}"
        return told, [Finding(path=folder, problem=f"is {told}")] if required else []
    request, response = (
        files.read(f"{folder}/{name}") for name in (GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE)
    )
    if request is None or response is None:
        return _without(state.records.get(version)), []
    found = asked.replay(request, response, tolerance=_tolerance(state.records.get(version)))
    return found.finding, [Finding(path=folder, problem=problem) for problem in found.problems]


def _tolerance(record: Record | None) -> float:
    """Return how far floats may be off: on another processor bfloat16 rounds otherwise."""
    export = record.content.get("export") if record is not None else None
    form = export.get("form") if isinstance(export, dict) else None
    return BFLOAT16_TOLERANCE if form == ExportForm.bfloat16.value else FLOAT32_TOLERANCE


def _without(record: Record | None) -> str:
    golden = record.golden if record is not None else ""
    reason = golden.removeprefix("none: ") or "it was published without"
    return f"no golden request ({reason})"
