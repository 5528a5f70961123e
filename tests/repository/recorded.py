"""Versions with real manifests and configs, of a few bytes: to be published by the dozen."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from packager.model_config.render import render as render_config
from packager.model_config.warmup import Sample, WarmupInput, warmup
from packager.repository.files import LocalFiles
from packager.repository.layout import ModelPaths
from packager.repository.manifest import Manifest, sha256
from packager.repository.publish import publish
from packager.repository.staging import staged
from packager.repository.state import ModelState, read
from packager.spec.serving import HostSpec, InstanceGroupSpec, InstanceKind, ServingSpec
from tests.model_config.composing import recipe as composed

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe, RepositorySpec

NAME = "shirts"


def recipe(serving: ServingSpec | None = None, *, hosts: bool = False) -> Recipe:
    """Return a recipe of the model, with one more kind of host where that is asked for."""
    made = replace(composed("model=fashion_cnn"), name=NAME)
    serving = serving or made.serving
    if hosts:
        host = HostSpec(
            name="gpu", instance_group=InstanceGroupSpec(kind=InstanceKind.KIND_GPU, count=2)
        )
        serving = replace(serving, hosts=(host,))
    return replace(made, serving=serving)


def publish_recorded(
    repository: RepositorySpec,
    weights: str,
    made: Recipe | None = None,
    *,
    labels: tuple[str, ...] | None = None,
    sample: bytes | None = None,
) -> int:
    """Publish a version as a build does, perhaps with a sample to warm up; return its number."""
    made = made or recipe()
    labels = made.classes if labels is None else labels
    with staged(repository, made.name) as model:
        model.version(1).mkdir()
        model.artifact(1).write_text(weights)
        model.metrics(1).write_text('{"epoch": 1}\n')
        model.labels.write_text("".join(f"{label}\n" for label in labels))
        sent = () if sample is None else warmup(made, [Sample(dims=(1, 28, 28), content=sample)])
        for folder, one in product((model.warmup, model.version_warmup(1)), sent):
            folder.mkdir(exist_ok=True)
            (folder / one.file).write_bytes(one.content)
        found = (path for path in model.version(1).rglob("*") if path.is_file())
        files = {path.relative_to(model.version(1)).as_posix(): sha256(path) for path in found}
        manifest = partial(_manifest, made, labels, files, sent)
        return publish(
            model,
            repository,
            identity=manifest(1).identity,
            finish=lambda number: _finish(model, manifest(number)),
        ).version


def state(repository: RepositorySpec) -> ModelState:
    """Return what is published of the model."""
    return read(LocalFiles(repository.path), NAME)


def model_in(repository: RepositorySpec) -> ModelPaths:
    """Return the model's files."""
    return ModelPaths(repository.path / NAME)


def _manifest(
    made: Recipe,
    labels: tuple[str, ...],
    files: dict[str, str],
    sent: tuple[WarmupInput, ...],
    number: int,
) -> Manifest:
    render = partial(render_config, version=number, warmup=sent)
    return Manifest(
        recipe=made,
        files=files,
        version=number,
        config=render(made),
        host_configs={host.name: render(made.on(host)) for host in made.serving.hosts},
        labels=labels,
        dataset={"name": "fashion_mnist"},
        preprocessing={"scale": "uint8 / 255"},
        module={"weights_sha256": "e" * 64},
        training={"test_accuracy": 0.25},
        metrics={"accuracy": 0.75},
        times={"built": "2026-11-22T19:53:20+00:00"},
        proofs=(),
    )


def _finish(model: ModelPaths, manifest: Manifest) -> None:
    model.manifest(1).write_text(manifest.to_json())
    model.config.write_text(manifest.config)
    for host, text in manifest.host_configs.items():
        model.configs.mkdir(exist_ok=True)
        model.host_config(host).write_text(text)
