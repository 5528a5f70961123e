"""The two models of the original tutorials, by their names and shapes, proven by a real Triton."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from .program import SMALL, Result, Workspace

if TYPE_CHECKING:
    from .conftest import Built


RECIPES = {
    "model_pt": ("model=fashion_cnn", "serving=unbatched"),
    "model_mnist": ("model=mnist_cnn", "serving=unbatched", "serving.batch_dim=1"),
}


@pytest.fixture(scope="module")
def repository(
    tmp_path_factory: pytest.TempPathFactory, built: Built
) -> tuple[Workspace, dict[str, Result]]:
    """Both models, built at the same time into one repository."""
    assert built.result.status == 0  # the data are in the cache
    workspace = Workspace(tmp_path_factory.mktemp("tutorials"))

    def build(name: str) -> Result:
        return workspace.run(*RECIPES[name], f"name={name}", *SMALL)

    with ThreadPoolExecutor(2) as pool:
        return workspace, dict(zip(RECIPES, pool.map(build, RECIPES), strict=True))


@pytest.mark.parametrize(
    ("name", "dims"), [("model_pt", "-1, 1, 28, 28"), ("model_mnist", "1, 1, 28, 28")]
)
def test_it_passes_the_live_proof(
    repository: tuple[Workspace, dict[str, Result]], name: str, dims: str
) -> None:
    """Without batching by Triton: the batch dimension is the first of the config's dims."""
    workspace, results = repository
    result = results[name]
    assert result.status == 0, result.err
    assert re.search(r"^│ live +│ passed +│ Triton 2\.51\.0: ", result.out, re.MULTILINE)
    model = workspace.repository / name
    config = " ".join((model / "config.pbtxt").read_text().split())
    assert f"dims: [{dims}]" in config.replace("[ ", "[").replace(" ]", "]")
    assert "max_batch_size: 0" in config
    proofs = json.loads((model / "1" / "manifest.json").read_text())["proofs"]
    assert {proof["verdict"] for proof in proofs.values()} == {"passed"}
    assert workspace.left_behind() == []
