"""`task=serve`: a real server on the repository, asked from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests

from .conftest import BROKEN
from .program import REPOSITORY, tree
from .served_answers import ask, scores

if TYPE_CHECKING:
    from .conftest import Built, Images, Served
    from .program import Workspace


def test_a_batch_of_128_real_images_is_answered_as_the_artifact_answers(
    built: Built, served: Served, images: Images
) -> None:
    """The same classes, which are not all one, and the same scores but for rounding."""
    found, expected = ask(served.url, 1, images), scores(built.workspace.repository, 1, images)
    assert found.argmax(1).tolist() == expected.argmax(1).tolist()
    assert len(set(found.argmax(1).tolist())) > 3
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_endpoints_printed_are_the_ones_that_answer(served: Served) -> None:
    """HTTP and metrics; gRPC is printed with its own port."""
    assert requests.get(f"{served.url}/v2/health/ready", timeout=5).status_code == 200
    lines = {line.split("│")[1].strip(): line for line in served.running.out.splitlines()[:9]
             if line.startswith("│")}  # fmt: skip
    assert set(lines) == {"HTTP", "gRPC", "metrics"}
    metrics = lines["metrics"].split("│")[2].strip()
    assert "nv_inference_request_success" in requests.get(metrics, timeout=5).text


@pytest.mark.parametrize(
    ("model", "reason"),
    [("cut_short", "failed reading zip archive"), ("misspelt", 'no field named "platfrm"')],
)
def test_a_broken_model_is_listed_with_the_reason_of_triton(
    served: Served, model: str, reason: str
) -> None:
    """While the good one beside it is ready."""
    assert model in BROKEN
    rows = [line for line in served.running.out.splitlines() if line.startswith("│")]
    assert any("fashion_cnn" in row and "ready" in row for row in rows)
    listed = [row for row in rows if row.split("│")[1].strip() == model]
    assert listed, served.running.out
    assert "ready" not in listed[0]
    assert reason in served.running.out.partition("Models")[2]


def test_a_missing_repository_is_told(workspace: Workspace) -> None:
    """With how to get one; it is not created."""
    result = workspace.run("task=serve")
    assert result.status == 4
    assert result.error.startswith("error: repository.path: there is no model repository at ")
    assert "model=fashion_cnn" in result.error
    assert tree(workspace.cwd) == {}


@pytest.mark.parametrize(
    "server", [("server=none",), ("server=external", "server.url=127.0.0.1:1")]
)
def test_what_is_not_ours_to_start_is_refused(
    workspace: Workspace, server: tuple[str, ...]
) -> None:
    """Serving needs a server of ours."""
    workspace.repository.mkdir()
    result = workspace.run("task=serve", *server)
    assert result.status == 2
    assert result.error.startswith("error: server: ")
    assert "server=embedded" in result.error
    assert tree(workspace.cwd) == {REPOSITORY: "folder"}
