"""Kinds of hosts in a recipe: chosen as groups are, each with instances of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import hydra
import pytest
from hydra import initialize_config_dir

from packager import schema
from packager.errors import SpecError
from packager.resolve.job import to_spec
from packager.resources import folder
from packager.spec.asking import ServeTask
from packager.spec.serving import HostSpec, InstanceGroupSpec, InstanceKind

from .model_config.composing import job, recipe

if TYPE_CHECKING:
    from pathlib import Path

FASHION = "model=fashion_cnn"
BOTH = "serving/hosts=cpu_and_gpu"
CPU, GPU = InstanceKind.KIND_CPU, InstanceKind.KIND_GPU


def _hosts(*overrides: str) -> dict[str, InstanceGroupSpec]:
    hosts = recipe(FASHION, *overrides).serving.hosts
    return {host.name: host.instance_group for host in hosts}


@pytest.mark.parametrize("serving", ["batched", "unbatched"])
def test_a_host_of_each_kind_goes_with_any_serving(serving: str) -> None:
    """None unless they are chosen; values of each can be set."""
    assert _hosts(f"serving={serving}") == {}
    hosts = _hosts(f"serving={serving}", BOTH, "serving.hosts.gpu.count=2")
    assert hosts == {
        "cpu": InstanceGroupSpec(kind=CPU),
        "gpu": InstanceGroupSpec(kind=GPU, count=2),
    }


def test_hosts_are_added_by_their_instance_group() -> None:
    """On the command line, in the order of their names whatever the order given."""
    added = "+serving/instance_group@serving.hosts.big=gpu"
    hosts = _hosts(BOTH, added, "serving.hosts.big.gpus=[0,1]")
    assert list(hosts) == ["big", "cpu", "gpu"]
    assert hosts["big"] == InstanceGroupSpec(kind=GPU, gpus=(0, 1))


def test_hosts_are_added_in_a_recipe(tmp_path: Path) -> None:
    """As a choice of a group: a recipe sets no values."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(
        "# @package _global_\n"
        "defaults:\n"
        "  - /serving/instance_group@serving.hosts.large: gpu\n"
        "  - override /dataset: none\n"
        "  - override /architecture: fashion_cnn\n"
        "  - override /trainer: none\n"
        "  - override /serving/hosts: cpu_and_gpu\n"
        "name: mine\n"
        "inputs: [{name: x, data_type: FP32, dims: [1, 28, 28]}]\n"
    )
    schema.register()
    with initialize_config_dir(str(folder("conf")), version_base="1.3"):
        path = f"hydra.searchpath=[file://{tmp_path}]"
        config = hydra.compose("config", overrides=[path, "model=mine"])
    hosts = to_spec(config).require_recipe().serving.hosts
    assert [host.name for host in hosts] == ["cpu", "gpu", "large"]


@pytest.mark.parametrize(
    ("override", "where"),
    [
        ("serving.hosts.cpu.gpus=[0]", "serving.hosts.cpu.gpus"),
        ("serving.hosts.gpu.count=0", "serving.hosts.gpu.count"),
        ("+serving.hosts.gpu.q=1", "serving.hosts.gpu.q"),
    ],
)
def test_a_wrong_host_is_refused_by_its_key(override: str, where: str) -> None:
    """Its values are checked as those of the main instance group are."""
    with pytest.raises(SpecError) as caught:
        recipe(FASHION, BOTH, override)
    assert caught.value.where == where


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a b", "-x", "x" * 65, "ü", "a\n"])
def test_a_hosts_name_is_a_safe_part_of_a_path(name: str) -> None:
    """It becomes a file's name and an argument of a server; so does that of `task.host`."""
    group = InstanceGroupSpec(kind=CPU)
    assert HostSpec(name="node-7.gpu_a", instance_group=group).name == "node-7.gpu_a"
    with pytest.raises(SpecError, match="not a safe name"):
        HostSpec(name=name, instance_group=group)
    with pytest.raises(SpecError) as caught:
        ServeTask(host=name)
    assert caught.value.where == "task.host"


def test_a_recipe_on_a_host_has_its_instances_only() -> None:
    """All else is the recipe's; every kind counts for what the artifact must bear."""
    made = recipe(FASHION, BOTH)
    gpu = made.serving.hosts[1]
    on_gpu = made.on(gpu)
    assert on_gpu.serving.instance_group == gpu.instance_group
    assert on_gpu.serving.instance_kinds == {GPU}
    assert made.serving.instance_kinds == {CPU, GPU}
    same = replace(on_gpu.serving, instance_group=made.serving.instance_group)
    assert same == replace(made.serving, hosts=())


def test_a_server_is_asked_for_as_a_host() -> None:
    """Or as none in particular."""
    assert job("task=serve", "task.host=gpu").task == ServeTask(host="gpu")
    assert job("task=serve").task == ServeTask()
