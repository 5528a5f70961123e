"""Configs for kinds of hosts on a real Triton, started with `--model-config-name`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from packager.client import Client
from packager.errors import ProofError
from packager.export.torchscript import export
from packager.model_config.render import render
from packager.proof import live
from packager.proof.asking import answers
from packager.proof.question import Question
from packager.proof.samples import generated
from packager.repository.layout import ModelPaths
from packager.server import gpus
from packager.server.start import start
from packager.spec.recipe import ExportForm
from packager.spec.server import (
    ControlMode,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
)
from packager.spec.serving import HostSpec, InstanceGroupSpec, InstanceKind
from packager.tasks.proving import before_publishing
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data
from tests.proof.artifacts import Doubled

if TYPE_CHECKING:
    from pathlib import Path

SERVER = EmbeddedServerSpec()
CPU, GPU = InstanceKind.KIND_CPU, InstanceKind.KIND_GPU


def _host(name: str, kind: InstanceKind, count: int = 1) -> HostSpec:
    return HostSpec(name=name, instance_group=InstanceGroupSpec(kind=kind, count=count))


def _staged(folder: Path, *hosts: HostSpec) -> tuple[ModelPaths, Question]:
    """Write a model as a build stages it."""
    made = without_data([tensor("x", 4)], [tensor("y", 4)])
    made = dataclasses.replace(
        made, name="m", serving=dataclasses.replace(made.serving, hosts=hosts)
    )
    model = ModelPaths(folder / "m")
    model.version(1).mkdir(parents=True)
    model.configs.mkdir()
    export(Doubled(), form=ExportForm.freeze, path=model.artifact(1))
    model.config.write_text(render(made))
    for host in hosts:
        model.host_config(host.name).write_text(render(made.on(host)))
    rows = generated(made.inputs, count=64)
    return model, Question(recipe=made, rows=rows, expected=answers(Doubled(), rows), version=1)


def test_each_host_is_proven_as_far_as_this_one_can(tmp_path: Path) -> None:
    """The same text needs no other server, other instances one; a GPU is not here."""
    if gpus.has_gpu():
        pytest.skip("here the GPU's config would run")
    hosts = (_host("big", CPU, 2), _host("gpu", GPU), _host("same", CPU))
    model, question = _staged(tmp_path, *hosts)
    finding = before_publishing(SERVER, model, question).finding
    assert "configs/big.pbtxt is served and answers as well" in finding
    assert "configs/gpu.pbtxt is not run: this host has no GPU" in finding
    assert "configs/same.pbtxt is the same text as config.pbtxt" in finding


def test_a_hosts_config_that_does_not_serve_is_refused(tmp_path: Path) -> None:
    """By its name, with Triton's reason, though config.pbtxt is right."""
    model, question = _staged(tmp_path, _host("big", CPU, 2))
    path = model.host_config("big")
    path.write_text(path.read_text().replace("TYPE_FP32", "TYPE_BF16"))
    with pytest.raises(ProofError, match="unsupported datatype TYPE_BF16") as caught:
        before_publishing(SERVER, model, question)
    assert caught.value.where == "configs/big.pbtxt"


def test_a_server_takes_the_config_of_its_host(tmp_path: Path) -> None:
    """And with another host's instances the proof would not pass."""
    model, question = _staged(tmp_path, _host("big", CPU, 2))
    (big,) = question.recipe.serving.hosts
    on_big = dataclasses.replace(question, recipe=question.recipe.on(big))
    with (
        start(SERVER, model.directory.parent, host="big") as server,
        Client(server.endpoints) as client,
    ):
        client.wait_for_model("m", 1)
        live.prove_instances(client, on_big, model="m")
        with pytest.raises(ProofError, match="the server says") as caught:
            live.prove_instances(client, question, model="m")
        assert caught.value.where == "live.instance_group"
        assert live.prove(client, on_big, model="m", grpc=True).finding.startswith("Triton")


def test_an_external_server_proves_its_own_config_only(tmp_path: Path) -> None:
    """The finding says which were not run."""
    model, question = _staged(tmp_path, _host("big", CPU, 2))
    repository = tmp_path / "theirs"
    repository.mkdir()
    with start(SERVER, repository, control=ControlMode.explicit) as server:
        theirs = ExternalServerSpec(url=server.endpoints.http, grpc_url=server.endpoints.grpc)
        finding = before_publishing(theirs, model, question).finding
    assert "not run: configs/big.pbtxt" in finding


def test_without_a_server_no_host_is_proven(tmp_path: Path) -> None:
    """It was asked for."""
    model, question = _staged(tmp_path, _host("big", CPU, 2))
    assert before_publishing(NoServerSpec(), model, question) == live.skipped()


def test_hosts_do_not_change_the_main_config() -> None:
    """Their part of a recipe is theirs alone."""
    with_hosts = recipe("model=fashion_cnn", "serving/hosts=cpu_and_gpu")
    assert render(with_hosts) == render(recipe("model=fashion_cnn"))
