"""A model for two kinds of hosts: built, replaced, and served as one of them."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
import requests

from .program import Workspace, tree

DRAWN = (
    *("architecture=fashion_cnn", "dataset=none", "trainer=none", "name=fashion_cnn"),
    "inputs=[{name: x, data_type: FP32, dims: [1, 28, 28]}]",
)
HOSTS = ("serving/hosts=cpu_and_gpu", "serving.hosts.cpu.count=2")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A directory where the model was built, with the live proof."""
    workspace = Workspace(tmp_path_factory.mktemp("hosts"))
    result = workspace.run(*DRAWN, *HOSTS)
    assert result.status == 0, result.err
    return workspace


def _manifest(workspace: Workspace, version: int) -> Any:
    path = workspace.repository / "fashion_cnn" / str(version) / "manifest.json"
    return json.loads(path.read_text())


def test_the_configs_of_hosts_are_published_and_recorded(workspace: Workspace) -> None:
    """Their texts are in the manifest; the finding says what was served and what could not be."""
    model = workspace.repository / "fashion_cnn"
    manifest = _manifest(workspace, 1)
    texts = {path.stem: path.read_text() for path in (model / "configs").iterdir()}
    assert texts == manifest["host_configs"]
    assert "count: 2\n  kind: KIND_CPU" in texts["cpu"]
    assert "count: 1\n  kind: KIND_GPU" in texts["gpu"]
    finding = manifest["proofs"]["live"]["finding"]
    assert "configs/cpu.pbtxt is served and answers as well" in finding
    assert "configs/gpu.pbtxt" in finding


def test_a_server_takes_the_config_of_its_host(workspace: Workspace) -> None:
    """`task.host` is Triton's --model-config-name."""
    with workspace.start("task=serve", "task.host=cpu") as running:
        running.wait_until(lambda: "Models" in running.out and "fashion_cnn" in running.out)
        address = next(line for line in running.out.splitlines() if " HTTP " in line)
        url = address.split("│")[2].strip()
        config = requests.get(f"{url}/v2/models/fashion_cnn/config", timeout=10).json()
    assert [group["count"] for group in config["instance_group"]] == [2]


def test_a_build_without_hosts_takes_their_configs_out(workspace: Workspace) -> None:
    """Those hosts take config.pbtxt then; what they had was proven with another version."""
    planned = workspace.run(*DRAWN, "task=plan", "outputs=[{name: output0, dims: [10]}]").out
    assert "+++ no configs/gpu.pbtxt" in planned
    result = workspace.run(*DRAWN, "server=none")
    assert result.status == 0, result.err
    model = tree(workspace.repository / "fashion_cnn")
    assert not [path for path in model if path.startswith("configs")]
    assert _manifest(workspace, 2)["host_configs"] == {}


def test_a_traced_device_is_refused_for_hosts_with_a_gpu(workspace: Workspace) -> None:
    """Before anything is published, with the line that it comes from."""
    (workspace.cwd / "trace.py").write_text(
        "import torch\n"
        "class Offset(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x + torch.arange(4, device=x.device)\n"
        "torch.jit.trace(Offset().eval(), torch.rand(2, 4)).save('traced.pt')\n"
    )
    traced = workspace.run("trace.py", command=(sys.executable,))
    assert traced.status == 0, traced.err
    file = (
        *("architecture=torchscript", "architecture.torchscript=traced.pt", "name=traced"),
        *("dataset=none", "trainer=none", "server=none"),
        "inputs=[{name: x, data_type: FP32, dims: [4]}]",
    )
    refused = workspace.run(*file, *HOSTS)
    assert refused.status == 3
    assert "trace.py:4: device 'cpu' is written into the artifact" in refused.error
    assert "KIND_GPU" in refused.error
    assert workspace.run(*file).status == 0
