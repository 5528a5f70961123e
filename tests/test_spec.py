"""Specs are valid by construction: every check, with the key that it names."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from packager.errors import ProofError, SpecError, UnavailableError
from packager.spec.architecture import LayersSpec
from packager.spec.dataset import DataFormat, FileSpec, SourceKind, SourceSpec
from packager.spec.server import Ports
from packager.spec.serving import DynamicBatchingSpec, InstanceKind, ServingSpec
from packager.spec.tensors import DataType, TensorSpec
from packager.spec.training import Selection

from .model_config.composing import dataset, recipe
from .model_config.specs import tensor

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe


@pytest.fixture(scope="module")
def made() -> Recipe:
    """Give a valid recipe to break."""
    return recipe("model=fashion_cnn")


def _unbatched(made: Recipe, batch_dim: int | None) -> ServingSpec:
    return replace(made.serving, max_batch_size=0, dynamic_batching=None, batch_dim=batch_dim)


def _refused(spec: Any, **values: Any) -> SpecError:
    with pytest.raises(SpecError) as caught:
        replace(spec, **values)
    return caught.value


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("batch_size", [0, -1]),
        ("epochs", [0, -1]),
        ("seed", [-1]),
        ("threads", [0, -2]),
        ("lr", [0.0, -1e-3, math.nan]),
        ("momentum", [-0.1, 1.0, math.nan]),
        ("weight_decay", [-1e-9, math.nan]),
        ("validation_fraction", [0.0, 1.0, -0.1, math.nan]),
    ],
)
def test_a_trainer_out_of_range_is_refused(made: Recipe, key: str, values: list[float]) -> None:
    """The key is the one of the command line, the value is quoted."""
    for value in values:
        error = _refused(made.trainer, **{key: value})
        assert error.where == f"trainer.{key}"
        assert str(value) in error.problem


@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 1, "epochs": 1, "seed": 0, "threads": 1},
        {"threads": None, "lr": 1e-300, "momentum": 0.0, "weight_decay": 0.0},
        {"selection": Selection.test, "validation_fraction": 0.0},
        {"validation_fraction": 0.999},
    ],
)
def test_a_trainer_at_the_edge_is_valid(made: Recipe, values: dict[str, Any]) -> None:
    """The smallest values that mean something."""
    trainer = replace(made.trainer, **values)
    assert {key: getattr(trainer, key) for key in values} == values


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("max_batch_size", [{"max_batch_size": -1}]),
        ("batch_dim", [{"batch_dim": 0}, {"batch_dim": -2}]),
        ("dynamic_batching", [{"max_batch_size": 0}]),
        (
            "dynamic_batching.max_queue_delay_us",
            [{"dynamic_batching": DynamicBatchingSpec(max_queue_delay_us=-1)}],
        ),
        (
            "dynamic_batching.preferred_batch_size",
            [
                {"dynamic_batching": DynamicBatchingSpec(preferred_batch_size=(4, 0))},
                {"dynamic_batching": DynamicBatchingSpec(preferred_batch_size=(129,))},
            ],
        ),
    ],
)
def test_serving_out_of_range_is_refused(
    made: Recipe, key: str, values: list[dict[str, Any]]
) -> None:
    """Across fields too: the batcher needs batches, and sizes that they may have."""
    for value in values:
        assert _refused(made.serving, **value).where == f"serving.{key}"


@pytest.mark.parametrize("batch_dim", [None, -1, 1, 64])
def test_serving_without_batches_takes_any_batch_dimension(
    made: Recipe, batch_dim: int | None
) -> None:
    """Any, a size, or none."""
    assert _unbatched(made, batch_dim).batch_dim == batch_dim


def test_an_instance_group_out_of_range_is_refused(made: Recipe) -> None:
    """At least one instance, and GPUs only where they are used."""
    group = made.serving.instance_group
    assert _refused(group, count=0).where == "serving.instance_group.count"
    assert _refused(group, gpus=(0,)).where == "serving.instance_group.gpus"
    assert replace(group, kind=InstanceKind.KIND_GPU, gpus=(0,)).gpus == (0,)


@pytest.mark.parametrize("size", [0, -2])
def test_a_dimension_is_positive_or_minus_one(size: int) -> None:
    """The tensor and the axis are named."""
    with pytest.raises(SpecError, match=f"dimension is {size}") as caught:
        TensorSpec(name="input0", data_type=DataType.FP32, dims=(1, size))
    assert caught.value.where == "input0.dims[1]"
    assert "batch dimension" in caught.value.remedy


def test_a_tensor_needs_a_name() -> None:
    """Empty is none."""
    with pytest.raises(SpecError, match="no name"):
        tensor("", 3)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "-x", "a/b", "../up", "a b", "ä", "a\n", "x" * 129, ".hidden", "a\x00"],
)
def test_an_unsafe_model_name_is_refused(made: Recipe, name: str) -> None:
    """It becomes a directory."""
    assert _refused(made, name=name).where == "name"


@pytest.mark.parametrize("name", ["a", "7", "_x", "a.b-c_d", "x" * 128])
def test_a_plain_model_name_is_taken(made: Recipe, name: str) -> None:
    """Letters, digits, _ - and . are."""
    assert replace(made, name=name).name == name


def test_two_tensors_of_one_name_are_refused(made: Recipe) -> None:
    """Also across inputs and outputs: a request could not tell them apart."""
    twins = (tensor("x", 1), tensor("x", 2))
    for values in ({"inputs": twins}, {"outputs": twins}, {"inputs": twins[:1], "outputs": twins}):
        assert "two tensors are named 'x'" in _refused(made, **values).problem


def test_an_architecture_has_layers() -> None:
    """At least one."""
    with pytest.raises(SpecError, match="no layers") as caught:
        LayersSpec(layers=())
    assert caught.value.where == "architecture.layers"


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("name", {"name": "a/b"}),
        ("name", {"name": "sources.json"}),
        ("sources", {"sources": ()}),
        ("classes", {"classes": ("a", "b", "a")}),
        ("max_train_samples", {"max_train_samples": 0}),
        ("max_test_samples", {"max_test_samples": -5}),
        ("max_train_samples", {"max_train_samples": 5, "allow_subset": False}),
        ("max_test_samples", {"max_test_samples": 5, "allow_subset": False}),
        ("resize", {"resize": (28, 0)}),
    ],
)
def test_a_wrong_dataset_is_refused(made: Recipe, key: str, values: dict[str, Any]) -> None:
    """By its key."""
    assert _refused(made.dataset, **values).where == f"dataset.{key}"


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "-x"])
def test_a_data_file_has_a_plain_name(name: str) -> None:
    """It becomes a path in the cache."""
    with pytest.raises(SpecError, match="not a plain file name"):
        FileSpec(name=name, sha256="0" * 64)


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64])
def test_a_data_file_has_a_whole_digest(digest: str) -> None:
    """64 lower-case hexadecimal digits; the file is named."""
    with pytest.raises(SpecError, match="no sha256") as caught:
        FileSpec(name="x.csv", sha256=digest)
    assert "x.csv" in caught.value.where


def test_a_source_lists_every_file_that_its_format_needs(made: Recipe) -> None:
    """One too few and one too many are refused when the recipe is made."""
    file = FileSpec(name="x", sha256="0" * 64)
    for files in ({}, {"samples": file, "test_images": file}, {"train_images": file}):
        source = SourceSpec(kind=SourceKind.folder, origin="/x", format=DataFormat.csv, files=files)
        with pytest.raises(SpecError, match="format csv needs samples"):
            replace(made, dataset=replace(dataset("model=fashion_cnn"), sources=(source,)))


@pytest.mark.parametrize("key", ["http", "grpc", "metrics"])
@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_a_port(key: str, port: int) -> None:
    """1 to 65535, or null."""
    fixed: dict[str, Any] = {key: port}
    with pytest.raises(SpecError, match=str(port)) as caught:
        Ports(**fixed)
    assert caught.value.where == f"server.{key}_port"
    assert (Ports(http=1).http, Ports(grpc=65535).grpc, Ports().metrics) == (1, 65535, None)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("serving", {"max_batch_size": 2**31}),
        ("serving.instance_group", {"count": 2**31}),
        ("serving.instance_group", {"kind": InstanceKind.KIND_GPU, "gpus": (-1,)}),
        ("trainer", {"seed": 2**64}),
        ("trainer", {"lr": math.inf}),
    ],
)
def test_a_value_that_no_later_stage_can_take_is_refused(
    made: Recipe, part: str, values: dict[str, Any]
) -> None:
    """At once, and not after the data were fetched or the model was trained."""
    spec: Any = made
    for name in part.split("."):
        spec = getattr(spec, name)
    assert _refused(spec, **values).where.startswith(part)


@pytest.mark.parametrize("kind", [SpecError, ProofError, UnavailableError])
def test_an_error_survives_the_trip_between_processes(
    kind: type[SpecError | ProofError | UnavailableError],
) -> None:
    """Sweep launchers pickle what a job raises."""
    error = kind("is wrong", where="a.b", remedy="write c")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes
    assert type(back) is kind
    assert str(back) == str(error) == "a.b: is wrong. Remedy: write c."
