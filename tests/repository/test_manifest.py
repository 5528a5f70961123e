"""The manifest: canonical JSON that answers for every byte of its version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packager.model_config.render import render
from packager.proof.result import Proof
from packager.repository.manifest import Manifest, sha256
from packager.repository.publish import publish
from packager.repository.staging import staged
from packager.spec.plain import plain
from tests.model_config.composing import recipe

from .staging import fill, repository_in

FASHION = recipe("model=fashion_cnn")


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Give the manifest of a small artifact."""
    (tmp_path / "model.pt").write_bytes(b"weights")
    return Manifest(
        recipe=FASHION,
        files={"model.pt": sha256(tmp_path / "model.pt")},
        config=render(FASHION),
        labels=FASHION.classes,
        dataset={"name": "fashion_mnist", "digest": "d" * 64, "subset": False},
        preprocessing={"scale": "uint8 / 255"},
        module={"weights_sha256": "e" * 64},
        training={"test_accuracy": 0.9, "epochs": [{"epoch": 1, "loss": 0.5}]},
        proofs=(
            Proof(name="rules", finding="parses"),
            Proof(name="live", finding="größer", measured={"relative_error": 1e-7}, timing="3 ms"),
        ),
    )


def _content(manifest: Manifest) -> Any:
    return json.loads(manifest.to_json())


def test_the_text_is_canonical(manifest: Manifest) -> None:
    """Sorted keys, two spaces, one newline at the end, letters as they are."""
    text = manifest.to_json()
    again = json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert text == again
    assert "größer" in text


def test_the_same_input_gives_the_same_bytes(manifest: Manifest, tmp_path: Path) -> None:
    """Wherever the artifact was staged, however long anything took."""
    other = tmp_path / "another"
    other.mkdir()
    (other / "model.pt").write_bytes(b"weights")
    proofs = tuple(replace(proof, timing="99 ms") for proof in manifest.proofs)
    twin = replace(manifest, files={"model.pt": sha256(other / "model.pt")}, proofs=proofs)
    assert twin.to_json() == manifest.to_json() == manifest.to_json()


def test_no_path_of_the_staging_folder_is_told(manifest: Manifest, tmp_path: Path) -> None:
    """Files by name; a version is the same wherever it was built."""
    assert str(tmp_path) not in manifest.to_json()
    assert list(_content(manifest)["files"]) == ["model.pt"]


def test_digests_are_the_files(tmp_path: Path) -> None:
    """Also after the version was renamed in."""
    repository = repository_in(tmp_path)
    with staged(repository, "m") as model:
        fill(model, "a")
        made = Manifest(
            recipe=FASHION,
            files={"model.pt": sha256(model.artifact(1))},
            config=model.config.read_text(),
            labels=("a",),
            dataset={},
            preprocessing={"scale": "uint8 / 255"},
            module={"weights_sha256": "e" * 64},
            training={},
            proofs=(),
        )
        model.manifest(1).write_text(made.to_json())
        published = publish(model, repository)
    content = json.loads(published.model.manifest(1).read_text())
    version = published.model.version(1)
    assert content["files"] == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in version.iterdir()
        if path.name != "manifest.json"
    }
    config = published.model.config.read_bytes()
    assert content["config"].encode() == config
    assert content["config_sha256"] == hashlib.sha256(config).hexdigest()
    labels = "".join(f"{label}\n" for label in content["labels"])
    assert labels == published.model.labels.read_text()


def test_one_byte_changes_the_digest(tmp_path: Path) -> None:
    """Of an empty file too."""
    path = tmp_path / "x"
    path.write_bytes(b"")
    assert sha256(path) == hashlib.sha256(b"").hexdigest()
    path.write_bytes(b"\0")
    assert sha256(path) == hashlib.sha256(b"\0").hexdigest()


def test_the_recipe_is_told_whole(manifest: Manifest) -> None:
    """Enough to build the same again: layers, trainer, serving, sources."""
    told = _content(manifest)["recipe"]
    assert told["name"] == "fashion_cnn"
    assert told["inputs"] == [{"name": "input0", "data_type": "FP32", "dims": [1, 28, 28]}]
    assert told["architecture"]["layers"][0] == {
        "name": "Conv2d",
        "arguments": {"out_channels": 25, "kernel_size": 3},
    }
    assert told["trainer"]["optimizer"] == "adamw"
    assert told["serving"]["instance_group"] == {"kind": "KIND_CPU", "count": 1, "gpus": []}
    assert told["export"] == {"optimize": "channels_last", "pixels": "float32"}
    assert {source["kind"] for source in told["dataset"]["sources"]} >= {"torchvision", "debian"}


def test_proofs_are_told_by_name_with_verdict_and_numbers(manifest: Manifest) -> None:
    """But for their timing."""
    proofs = _content(manifest)["proofs"]
    assert set(proofs) == {"rules", "live"}
    assert proofs["live"]["verdict"] == "passed"
    assert proofs["live"]["measured"] == {"relative_error": 1e-7}
    assert "3 ms" not in manifest.to_json()


def test_what_made_it_is_told(manifest: Manifest) -> None:
    """The versions that decide the bytes, and how pixels become input."""
    content = _content(manifest)
    assert {"packager", "python", "torch"} <= set(content["versions"])
    assert content["preprocessing"]["scale"] == "uint8 / 255"


def test_any_value_of_a_spec_becomes_plain() -> None:
    """Paths, tuples, enums and mappings with other keys than strings."""
    assert plain({1: (Path("/x"), FASHION.export.optimize, None, 1.5)}) == {
        "1": ["/x", "channels_last", None, 1.5]
    }


def test_files_that_follow_from_the_rest_are_no_part_of_the_identity(manifest: Manifest) -> None:
    """Golden answers differ in their last digits from processor to processor: no new version.

    They are files of the version all the same, and the manifest answers for them.
    """
    following = {"golden_response.json": "a" * 64, "warmup/input0-7692c3ad": "b" * 64}
    more = replace(manifest, files={**manifest.files, **following})
    assert more.identity == manifest.identity
    assert _content(more)["files"] == more.files
    other = replace(manifest, files={**manifest.files, "extra.json": "c" * 64})
    assert other.identity != manifest.identity
